//! What belongs to another organization is not there: not in a path, not in a body, not in a list. Not the status alone
//! is the same as for an id that nobody has, but every byte.

use crate::support::{Client, Org, Person, Server, in_hours, nobody, text};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One of everything, in an organization of its own.
struct Tenant {
    founder: Person,
    org: Org,
    ids: BTreeMap<&'static str, String>,
}

impl Tenant {
    async fn build(server: &Server, slug: &str) -> Self {
        let (founder, org) = server.founder(slug).await;
        let mut ids = BTreeMap::new();
        ids.insert("user", founder.id.clone());
        ids.insert("group", founder.make(&org, "/groups", json!({"name": "group"})).await);
        ids.insert("team", founder.make(&org, "/teams", json!({"name": "team", "lead": founder.id})).await);
        ids.insert("service", founder.make(&org, "/services", json!({"name": "service"})).await);
        let told = json!({"title": "incident", "affected": [{"service_id": ids["service"]}], "message": "we look"});
        let incident = founder.client.post(&org.at("/incidents"), told).await.is(201);
        ids.insert("incident", text(&incident["id"]));
        ids.insert("update", text(&incident["updates"][0]["id"]));
        let planned = json!({"title": "maintenance", "scheduled_start": in_hours(1), "scheduled_end": in_hours(2)});
        ids.insert("maintenance", founder.make(&org, "/maintenances", planned).await);
        let checked = json!({"name": "monitor", "url": "http://nowhere.invalid/", "enabled": false});
        ids.insert("monitor", founder.make(&org, "/monitors", checked).await);
        ids.insert("key", founder.make(&org, "/keys", json!({"name": "key", "scopes": ["admin"]})).await);
        let invite = json!({"email": "new@example.org", "role": "admin"});
        ids.insert("invite", founder.make(&org, "/invites", invite).await);
        let sessions = founder.client.get("/auth/sessions").await.is(200);
        ids.insert("session", text(&sessions["items"][0]["id"]));
        Self { founder, org, ids }
    }
}

/// Every path with an id in it: method, path with the kind of id in its place, and a body.
fn paths() -> Vec<(Method, &'static str, Value)> {
    use Method as M;
    let renamed = || json!({"name": "taken over"});
    vec![
        (M::GET, "/members/{user}", Value::Null),
        (M::PATCH, "/members/{user}", json!({"role": "viewer"})),
        (M::DELETE, "/members/{user}", Value::Null),
        (M::DELETE, "/invites/{invite}", Value::Null),
        (M::GET, "/teams/{team}", Value::Null),
        (M::PATCH, "/teams/{team}", renamed()),
        (M::DELETE, "/teams/{team}", Value::Null),
        (M::PUT, "/teams/{team}/members/{own-user}", json!({"role": "lead"})),
        (M::PUT, "/teams/{own-team}/members/{user}", json!({"role": "lead"})),
        (M::DELETE, "/teams/{team}/members/{own-user}", Value::Null),
        (M::DELETE, "/teams/{own-team}/members/{user}", Value::Null),
        (M::GET, "/groups/{group}", Value::Null),
        (M::PATCH, "/groups/{group}", renamed()),
        (M::DELETE, "/groups/{group}", Value::Null),
        (M::GET, "/services/{service}", Value::Null),
        (M::PATCH, "/services/{service}", json!({"status": "major_outage"})),
        (M::DELETE, "/services/{service}", Value::Null),
        (M::GET, "/services/{service}/history", Value::Null),
        (M::GET, "/services/{service}/uptime", Value::Null),
        (M::GET, "/incidents/{incident}", Value::Null),
        (M::PATCH, "/incidents/{incident}", json!({"title": "taken over"})),
        (M::DELETE, "/incidents/{incident}", Value::Null),
        (M::POST, "/incidents/{incident}/updates", json!({"message": "taken over"})),
        (M::PATCH, "/incidents/{incident}/updates/{own-update}", json!({"message": "taken over"})),
        (M::PATCH, "/incidents/{own-incident}/updates/{update}", json!({"message": "taken over"})),
        (M::DELETE, "/incidents/{own-incident}/updates/{update}", Value::Null),
        (M::POST, "/incidents/{incident}/resolve", json!({})),
        (M::PUT, "/incidents/{incident}/postmortem", json!({"body": "taken over"})),
        (M::DELETE, "/incidents/{incident}/postmortem", Value::Null),
        (M::GET, "/maintenances/{maintenance}", Value::Null),
        (M::PATCH, "/maintenances/{maintenance}", json!({"title": "taken over"})),
        (M::DELETE, "/maintenances/{maintenance}", Value::Null),
        (M::POST, "/maintenances/{maintenance}/updates", json!({"message": "taken over"})),
        (M::POST, "/maintenances/{maintenance}/start", json!({})),
        (M::POST, "/maintenances/{maintenance}/complete", json!({})),
        (M::POST, "/maintenances/{maintenance}/cancel", json!({})),
        (M::GET, "/monitors/{monitor}", Value::Null),
        (M::PATCH, "/monitors/{monitor}", renamed()),
        (M::DELETE, "/monitors/{monitor}", Value::Null),
        (M::POST, "/monitors/{monitor}/check", Value::Null),
        (M::GET, "/monitors/{monitor}/history", Value::Null),
        (M::GET, "/monitors/{monitor}/response-times", Value::Null),
        (M::DELETE, "/keys/{key}", Value::Null),
    ]
}

/// Bodies that name something: method, path, the body for an id, and the field that is told to be wrong.
#[allow(clippy::type_complexity)] // a table
fn references() -> Vec<(Method, &'static str, &'static str, fn(&str) -> Value, &'static str)> {
    use Method as M;
    vec![
        (M::POST, "/services", "group", |id| json!({"name": "s", "group_id": id}), "group_id"),
        (M::POST, "/services", "team", |id| json!({"name": "s", "team_id": id}), "team_id"),
        (M::PATCH, "/services/{own-service}", "group", |id| json!({"group_id": id}), "group_id"),
        (M::PATCH, "/services/{own-service}", "team", |id| json!({"team_id": id}), "team_id"),
        (M::POST, "/services/reorder", "service", |id| json!({"ids": [id]}), "ids"),
        (M::POST, "/groups/reorder", "group", |id| json!({"ids": [id]}), "ids"),
        (M::POST, "/teams", "user", |id| json!({"name": "t", "lead": id}), "lead"),
        (M::POST, "/keys", "service", |id| json!({"name": "k", "scopes": ["write"], "service_ids": [id]}), "service_ids"),
        (M::PATCH, "/monitors/{own-monitor}", "service", |id| json!({"service_id": id}), "service_id"),
        (M::POST, "/incidents", "service", |id| json!({"title": "i", "affected": [{"service_id": id}]}), "affected[0].service_id"),
        (
            M::PATCH,
            "/incidents/{own-incident}",
            "service",
            |id| json!({"affected": [{"service_id": id}]}),
            "affected[0].service_id",
        ),
        (
            M::POST,
            "/incidents/{own-incident}/updates",
            "service",
            |id| json!({"message": "m", "affected": [{"service_id": id}]}),
            "affected[0].service_id",
        ),
        (
            M::POST,
            "/maintenances",
            "service",
            |id| json!({"title": "m", "scheduled_start": in_hours(1), "scheduled_end": in_hours(2), "affected": [{"service_id": id}]}),
            "affected[0].service_id",
        ),
    ]
}

/// The path with this tenant's own ids for `{own-…}` and the given one for the rest.
fn filled(path: &str, own: &Tenant, id: &str) -> String {
    let path = own.ids.iter().fold(own.org.at(path), |path, (kind, id)| path.replace(&format!("{{own-{kind}}}"), id));
    match (path.find('{'), path.find('}')) {
        (Some(begin), Some(end)) => format!("{}{id}{}", &path[..begin], &path[end + 1..]),
        _ => path,
    }
}

fn kind_of(path: &'static str) -> &'static str {
    let mut words = path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    words.find(|kind| !kind.starts_with("own-")).unwrap()
}

async fn ask(client: &Client, method: Method, path: &str, body: &Value) -> crate::support::Answer {
    let ask = client.ask(method, path);
    if body.is_null() { ask.send().await } else { ask.json(body).send().await }
}

/// Everything that the organization knows of itself, to see that nothing of it was changed.
async fn everything(tenant: &Tenant) -> Vec<Value> {
    let mut all = Vec::new();
    let lists = [
        "",
        "/members",
        "/invites",
        "/teams",
        "/groups",
        "/services",
        "/incidents",
        "/maintenances",
        "/monitors",
        "/keys",
        "/audit",
    ];
    for list in lists {
        all.push(tenant.founder.client.get(&tenant.org.at(list)).await.is(200));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_another_tenant_answer_like_ids_that_nobody_has() {
    let server = Server::start().await;
    let (own, other) = (Tenant::build(&server, "own").await, Tenant::build(&server, "other").await);
    let key = own.founder.key(&own.org, "admin", None).await;
    let before = everything(&other).await;
    for client in [&own.founder.client, &key] {
        for (method, path, body) in paths() {
            let (theirs, nobodys) = (&other.ids[kind_of(path)], nobody());
            let answer = ask(client, method.clone(), &filled(path, &own, theirs), &body).await;
            let expected = ask(client, method.clone(), &filled(path, &own, &nobodys), &body).await;
            assert_eq!(expected.status, 404, "{expected:?}");
            assert_eq!(answer.without(theirs), expected.without(&nobodys), "{method} {path}");
        }
        for (method, path, kind, body, field) in references() {
            let (theirs, nobodys) = (&other.ids[kind], nobody());
            let answer = ask(client, method.clone(), &filled(path, &own, ""), &body(theirs)).await;
            let expected = ask(client, method.clone(), &filled(path, &own, ""), &body(&nobodys)).await;
            expected.refuses_field(422, field);
            assert_eq!(answer.without(theirs), expected.without(&nobodys), "{method} {path}");
        }
        // A list that is asked for something of another tenant's is empty.
        for list in ["/incidents", "/maintenances"] {
            let found = client.get(&own.org.at(&format!("{list}?service_id={}", other.ids["service"]))).await.is(200);
            assert_eq!(found["items"], json!([]));
        }
    }
    let session = own.founder.client.delete(&format!("/auth/sessions/{}", other.ids["session"])).await;
    let unknown = nobody();
    let expected = own.founder.client.delete(&format!("/auth/sessions/{unknown}")).await;
    expected.refuses(404, "unknown_session");
    assert_eq!(session.without(&other.ids["session"]), expected.without(&unknown));
    // Of all that, nothing was done.
    assert_eq!(everything(&other).await, before);
    other.founder.client.get("/auth/me").await.is(200);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_pages_show_their_own_only() {
    let server = Server::start().await;
    let (own, other) = (Tenant::build(&server, "own").await, Tenant::build(&server, "other").await);
    let visitor = server.stranger();
    for id in [&other.ids["incident"], &other.ids["maintenance"]] {
        let unknown = nobody();
        let answer = visitor.get(&own.org.public(&format!("/incidents/{id}"))).await;
        let expected = visitor.get(&own.org.public(&format!("/incidents/{unknown}"))).await;
        assert_eq!((expected.status, answer.without(id)), (404, expected.without(&unknown)));
    }
    let found = visitor.get(&own.org.public(&format!("/incidents?service_id={}", other.ids["service"]))).await.is(200);
    assert_eq!(found["items"], json!([]));
    for path in ["", "/incidents", "/maintenances", "/uptime"] {
        let shown = visitor.get(&own.org.public(path)).await.text;
        assert!(other.ids.values().all(|id| !shown.contains(id)), "{shown}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_good_in_its_own_organization_only() {
    let server = Server::start().await;
    let (own, other) = (Tenant::build(&server, "own").await, Tenant::build(&server, "other").await);
    let key = own.founder.key(&own.org, "admin", None).await;
    let unknown = nobody();
    for path in ["", "/services", "/members", "/keys", "/audit"] {
        let theirs = key.get(&other.org.at(path)).await;
        let nobodys = key.get(&format!("/orgs/{unknown}{path}")).await;
        nobodys.refuses(404, "unknown_organization");
        assert_eq!(theirs.without(&other.org.id), nobodys.without(&unknown));
    }
    let orgs = key.get("/orgs").await.is(200);
    assert_eq!(orgs["items"].as_array().unwrap().len(), 1);
    assert_eq!(orgs["items"][0]["id"], own.org.id.as_str());
    // A person who belongs to both has one list, and the roles do not mix.
    other.founder.let_in(&other.org, &own.founder, "viewer").await;
    let orgs = own.founder.client.get("/orgs").await.is(200);
    let roles: BTreeMap<_, _> =
        orgs["items"].as_array().unwrap().iter().map(|org| (text(&org["slug"]), text(&org["role"]))).collect();
    assert_eq!(roles, BTreeMap::from([("own".to_owned(), "admin".to_owned()), ("other".to_owned(), "viewer".to_owned())]));
    own.founder.client.post(&other.org.at("/services"), json!({"name": "s"})).await.refuses(403, "forbidden");
    // Once the organization is gone, so is everything that its key could do.
    own.founder.client.delete(&own.org.at("")).await.is(204);
    key.get(&own.org.at("")).await.refuses(404, "unknown_organization");
    assert_eq!(key.get("/orgs").await.is(200)["items"], json!([]));
    server.stranger().get(&own.org.public("")).await.refuses(404, "unknown_page");
    server.end().await;
}
