//! Under which names an organization is found: its slug, and a host name of its own.

use crate::support::Server;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_says_where_its_page_is_and_whether_it_may_be_listed() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let (path, client) = (org.at(""), &founder.client);
    let is = async |domain: serde_json::Value, indexed: bool| {
        let now = client.get(&path).await.is(200);
        assert_eq!((&now["domain"], &now["indexed"]), (&domain, &json!(indexed)), "{now}");
    };
    is(json!(null), true).await;
    client.patch(&path, json!({"domain": "status.acme.com", "indexed": false})).await.is(200);
    is(json!("status.acme.com"), false).await;
    client.patch(&path, json!({"name": "Acme 2"})).await.is(200);
    is(json!("status.acme.com"), false).await; // what is left out stays
    client.patch(&path, json!({"domain": null, "indexed": true})).await.is(200);
    is(json!(null), true).await;
    client.patch(&path, json!({"indexed": null})).await.refuses(400, "bad_request");
    client.patch(&path, json!({"domain": "Status.acme.com"})).await.refuses_field(422, "domain");
    let member = server.person("ben").await;
    founder.let_in(&org, &member, "member").await;
    member.client.patch(&path, json!({"domain": "status.acme.com"})).await.refuses(403, "forbidden");
    let new = json!({"name": "Other", "slug": "other", "domain": "status.other.com", "indexed": false});
    let made = client.post("/orgs", new).await.is(201);
    assert_eq!((&made["domain"], &made["indexed"]), (&json!("status.other.com"), &json!(false)));
    server.end().await;
}
