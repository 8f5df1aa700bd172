//! A POST that names itself is done once, however often it is sent: one after the other, at the same time, and across a
//! `kill -9` of the server, on both stores.

use crate::{
    mongod::Mongod,
    support::{Ask, Client, Org, PASSWORD, Person, Server, in_hours, nobody, text},
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

fn post(client: &Client, path: &str, key: &str, body: &Value) -> Ask {
    client.ask(Method::POST, path).header("idempotency-key", key).json(body)
}

/// Every route that makes something that has an id, with a body, in an organization.
fn creations(org: &Org, newcomer: &Person) -> Vec<(String, Value)> {
    vec![
        (org.at("/groups"), json!({"name": "g"})),
        (org.at("/teams"), json!({"name": "t"})),
        (org.at("/services"), json!({"name": "s"})),
        (org.at("/incidents"), json!({"title": "i", "message": "m"})),
        (org.at("/maintenances"), json!({"title": "m", "scheduled_start": in_hours(1), "scheduled_end": in_hours(2)})),
        (org.at("/members"), json!({"user_id": newcomer.id, "role": "viewer"})),
    ]
}

async fn count(client: &Client, list: &str) -> usize {
    client.all(list, 200, async |_| ()).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_is_shown_what_the_first_try_made() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let newcomer = server.person("newcomer").await;
    for (path, body) in creations(&org, &newcomer) {
        let before = count(&founder.client, &path).await;
        let first = post(&founder.client, &path, "one", &body).send().await;
        let id = text(&first.is(201)["id"]);
        for _ in 0..2 {
            let again = post(&founder.client, &path, "one", &body).send().await;
            assert_eq!((again.is(201)["id"].as_str(), again.header("location")), (Some(id.as_str()), first.header("location")));
        }
        // A slash at the end is the same place.
        assert_eq!(post(&founder.client, &format!("{path}/"), "one", &body).send().await.is(201)["id"], id.as_str());
        assert_eq!(count(&founder.client, &path).await, before + 1, "{path}");
    }
    let body = json!({"name": "Second", "slug": "second"});
    let first = post(&founder.client, "/orgs", "one", &body).send().await.is(201);
    assert_eq!(post(&founder.client, "/orgs", "one", &body).send().await.is(201), first);
    assert_eq!(count(&founder.client, "/orgs").await, 2);
    // What has no id of its own is done once as well.
    let incident = founder.make(&org, "/incidents", json!({"title": "i"})).await;
    for (path, body) in [("/updates", json!({"message": "found"})), ("/resolve", json!({"message": "over"}))] {
        let path = org.at(&format!("/incidents/{incident}{path}"));
        let first = post(&founder.client, &path, "one", &body).send().await;
        let again = post(&founder.client, &path, "one", &body).send().await;
        assert_eq!((first.status, first.json()), (again.status, again.json()), "{path}");
        assert!(first.status < 300, "{first:?}");
    }
    let shown = founder.client.get(&org.at(&format!("/incidents/{incident}"))).await.is(200);
    assert_eq!(shown["updates"].as_array().unwrap().len(), 2);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_the_same_time_one_is_done() {
    const TRIES: usize = 16;
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let newcomer = server.person("newcomer").await;
    let mut all = creations(&org, &newcomer);
    all.push(("/orgs".to_owned(), json!({"name": "Second", "slug": "second"})));
    for (path, body) in all {
        let before = count(&founder.client, &path).await;
        let answers = join_all((0..TRIES).map(|_| post(&founder.client, &path, "at once", &body).send())).await;
        let ids: Vec<_> = answers.iter().map(|answer| text(&answer.is(201)["id"])).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{path}: {ids:?}");
        assert_eq!(count(&founder.client, &path).await, before + 1, "{path}");
    }
    for (path, body) in
        [("/keys", json!({"name": "k", "scopes": ["read"]})), ("/invites", json!({"email": "a@b.c", "role": "viewer"}))]
    {
        let path = org.at(path);
        let answers = join_all((0..TRIES).map(|_| post(&founder.client, &path, "at once", &body).send())).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(made, 1, "{path}: {answers:#?}");
        answers.iter().filter(|answer| answer.status != 201).for_each(|answer| answer.refuses(409, "already_done"));
        assert_eq!(count(&founder.client, &path).await, 1, "{path}");
    }
    server.end().await;
}

/// The secret was shown, or lost: it is not shown again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_carries_a_secret_is_not_told_twice() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let good = [("/keys", json!({"name": "k", "scopes": ["read"]})), ("/invites", json!({"email": "a@b.c", "role": "viewer"}))];
    for (path, body) in good {
        let path = org.at(path);
        post(&founder.client, &path, "one", &body).send().await.is(201);
        post(&founder.client, &path, "one", &body).send().await.refuses(409, "already_done");
        post(&founder.client, &path, "two", &body).send().await.is(201);
        assert_eq!(count(&founder.client, &path).await, 2);
    }
    // What was refused was not done: the same request, put right, is.
    let refused = [
        (json!({"name": "", "scopes": ["read"]}), "name"),
        (json!({"name": "k", "scopes": []}), "scopes"),
        (json!({"name": "k", "scopes": ["admin"], "service_ids": [service]}), "scopes"),
        (json!({"name": "k", "scopes": ["write"], "service_ids": []}), "service_ids"),
        (json!({"name": "k", "scopes": ["write"], "service_ids": [nobody()]}), "service_ids"),
        (json!({"name": "k", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
    ];
    for (n, (body, field)) in refused.into_iter().enumerate() {
        let key = format!("refused {n}");
        for _ in 0..2 {
            post(&founder.client, &org.at("/keys"), &key, &body).send().await.refuses_field(422, field);
        }
        post(&founder.client, &org.at("/keys"), &key, &json!({"name": "k", "scopes": ["read"]})).send().await.is(201);
    }
    let invite = |email: &str| post(&founder.client, &org.at("/invites"), "put right", &json!({"email": email, "role": "viewer"}));
    invite("no address").send().await.refuses_field(422, "email");
    invite("an@address.example").send().await.is(201);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_name_by_somebody_else_or_for_something_else_is_another_request() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let (other, second) = server.founder("other").await;
    founder.let_in(&org, &other, "member").await;
    let key = founder.key(&org, "write", None).await;
    let body = json!({"name": "s"});
    let mut ids = Vec::new();
    for client in [&founder.client, &other.client, &key] {
        ids.push(text(&post(client, &org.at("/services"), "same", &body).send().await.is(201)["id"]));
    }
    ids.push(text(&post(&other.client, &second.at("/services"), "same", &body).send().await.is(201)["id"]));
    ids.push(text(&post(&founder.client, &org.at("/groups"), "same", &body).send().await.is(201)["id"]));
    ids.push(text(&post(&founder.client, &org.at("/services"), "Same", &body).send().await.is(201)["id"]));
    for (client, slug) in [(&founder.client, "third"), (&other.client, "fourth")] {
        ids.push(text(&post(client, "/orgs", "same", &json!({"name": slug, "slug": slug})).send().await.is(201)["id"]));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    // Two strangers who know nothing of each other.
    let register = |name: &str| {
        let organization = json!({"name": name, "slug": name});
        let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD, "organization": organization});
        post(&server.stranger(), "/auth/register", "same", &body)
    };
    let ann = register("ann").send().await.is(201);
    let ben = register("ben").send().await.is(201);
    assert_ne!(ann["user"]["id"], ben["user"]["id"]);
    assert_ne!(ann["organization"]["id"], ben["organization"]["id"]);
    assert_eq!(ben["organization"]["slug"], "ben");
    register("ann").send().await.refuses(409, "email_taken");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_of_a_request_is_short_and_visible() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let long = "x".repeat(256);
    for name in ["", &long] {
        let answer = post(&founder.client, &org.at("/services"), name, &json!({"name": "s"})).send().await;
        answer.refuses_field(400, "Idempotency-Key");
    }
    post(&founder.client, &org.at("/services"), &long[1..], &json!({"name": "s"})).send().await.is(201);
    // Elsewhere it means nothing.
    let ask = founder.client.ask(Method::GET, &org.at("/services")).header("idempotency-key", &long);
    ask.send().await.is(200);
    server.end().await;
}

/// The program itself, in a process that can be killed.
struct Program {
    child: Child,
    base: String,
}

impl Program {
    fn start(store: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tocsin"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--store", store]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().strip_prefix("Tocsin listens on ").unwrap_or_else(|| panic!("it said {line:?}")).to_owned();
        Self { child, base }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn a_retry_after_a_kill_is_the_same_request(store: &str) {
    let mut server = Program::start(store);
    let founder = Person::register(Client::of(&server.base), "founder").await;
    let newcomer = Person::register(Client::of(&server.base), "newcomer").await;
    let body = json!({"name": "Acme", "slug": "acme"});
    let org = text(&post(&founder.client, "/orgs", "one", &body).send().await.is(201)["id"]);
    let org = Org { id: org, slug: "acme".to_owned() };
    let creations = creations(&org, &newcomer);
    let mut ids = Vec::new();
    for (path, body) in &creations {
        ids.push(text(&post(&founder.client, path, "one", body).send().await.is(201)["id"]));
    }
    let key = (org.at("/keys"), json!({"name": "k", "scopes": ["read"]}));
    post(&founder.client, &key.0, "one", &key.1).send().await.is(201);
    // Some are on their way when it ends: whatever became of each of them, a retry makes it one.
    let half: Vec<_> = (0..8).map(|n| (org.at("/services"), format!("half {n}"), json!({"name": format!("half {n}")}))).collect();
    let sender = founder.client.clone();
    let sent = half.clone();
    let on_their_way = tokio::spawn(async move {
        let requests = sent.iter().map(|(path, name, body)| post(&sender, path, name, body).try_send());
        join_all(requests).await
    });
    tokio::task::yield_now().await;
    server.kill();
    let answered = on_their_way.await.unwrap();

    let server = Program::start(store);
    let founder = founder.at(&server.base);
    assert_eq!(post(&founder.client, "/orgs", "one", &body).send().await.is(201)["id"], org.id.as_str());
    for ((path, body), id) in creations.iter().zip(&ids) {
        assert_eq!(post(&founder.client, path, "one", body).send().await.is(201)["id"], id.as_str(), "{path}");
    }
    post(&founder.client, &key.0, "one", &key.1).send().await.refuses(409, "already_done");
    for ((path, name, body), before) in half.iter().zip(answered) {
        let id = text(&post(&founder.client, path, name, body).send().await.is(201)["id"]);
        if let Some(before) = before.filter(|answer| answer.status == 201) {
            assert_eq!(before.json()["id"], id.as_str());
        }
    }
    for (path, expected) in
        [("/services", 9), ("/groups", 1), ("/teams", 1), ("/incidents", 1), ("/maintenances", 1), ("/members", 2), ("/keys", 1)]
    {
        assert_eq!(count(&founder.client, &org.at(path)).await, expected, "{path}");
    }
    assert_eq!(count(&founder.client, "/orgs").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_after_a_kill_is_the_same_request_on_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    a_retry_after_a_kill_is_the_same_request(&format!("file:{}", folder.path().join("data").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_after_a_kill_is_the_same_request_on_mongodb() {
    let mongod = Mongod::shared().await;
    a_retry_after_a_kill_is_the_same_request(&mongod.uri("api_idempotency")).await;
}
