//! Under which names an organization is found: its slug, and a host name of its own.

use crate::support::{Org, Person, Server};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_belongs_to_one_organization() {
    let server = Server::start().await;
    let (ann, acme) = server.founder("acme").await;
    let (ben, other) = server.founder("other").await;
    let wanted = json!({"domain": "status.acme.com"});
    let claim = async |who: &Person, org: &Org| who.client.patch(&org.at(""), wanted.clone()).await;
    let (first, second) = tokio::join!(claim(&ann, &acme), claim(&ben, &other));
    let (winner, won, loser, lost, refused) = match first.status {
        200 => (&ann, &acme, &ben, &other, second),
        _ => (&ben, &other, &ann, &acme, first),
    };
    refused.refuses(409, "domain_taken");
    refused.refuses_field(409, "domain");
    assert_eq!(winner.client.get(&won.at("")).await.is(200)["domain"], "status.acme.com");
    assert_eq!(loser.client.get(&lost.at("")).await.is(200)["domain"], json!(null));
    let new = json!({"name": "Third", "slug": "third", "domain": "status.acme.com"});
    loser.client.post("/orgs", new.clone()).await.refuses(409, "domain_taken");
    winner.client.patch(&won.at(""), json!({"domain": null})).await.is(200);
    loser.client.patch(&lost.at(""), wanted).await.is(200);
    loser.client.delete(&lost.at("")).await.is(204);
    winner.client.post("/orgs", new).await.is(201);
    server.end().await;
}
