//! Under which names an organization is found: its slug, and a host name of its own.

use crate::{
    mongod::Mongod,
    support::{Org, Person, Server, nobody},
};
use futures::future::join_all;
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tocsin::seed::{Fixture, load::Loader};
use tocsin_actors::{
    clock::{Clock, SystemClock},
    directory::{Directory, Settings},
    testkit::{Call, FailingStore, MemoryStore},
};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slug_leads_at_once_to_who_has_it_now() {
    let server = Server::start().await;
    let (ann, acme) = server.founder("acme").await;
    let visitor = server.stranger();
    for n in 0..5 {
        ann.client.patch(&acme.at(""), json!({"slug": format!("acme-{n}")})).await.is(200);
        visitor.get("/public/acme").await.refuses(404, "unknown_page");
        assert_eq!(visitor.get(&format!("/public/acme-{n}")).await.is(200)["name"], "The acme");
        let new = json!({"name": format!("Reused {n}"), "slug": "acme"});
        let reused = ann.client.post("/orgs", new).await.is(201);
        assert_eq!(visitor.get("/public/acme").await.is(200)["name"], format!("Reused {n}"));
        ann.client.delete(&format!("/orgs/{}", reused["id"].as_str().unwrap())).await.is(204);
    }
    visitor.get("/public/acme").await.refuses(404, "unknown_page");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_names_asks_the_database_once() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let server = Server::start_over(store.clone()).await;
    let (_, org) = server.founder("acme").await;
    let visitor = server.stranger();
    visitor.get(&org.public("")).await.is(200);
    let elsewhere = || [Call::Holder, Call::Load, Call::CommitsAfter].map(|call| store.calls(call));
    let (began, names, others) = (Instant::now(), store.calls(Call::Names), elsewhere());
    join_all((0..8).map(|guesser| {
        let visitor = visitor.clone();
        async move {
            for n in 0..250 {
                visitor.get(&format!("/public/guess-{guesser}-{n}")).await.refuses(404, "unknown_page");
                visitor.get(&format!("/public/{}", nobody())).await.refuses(404, "unknown_page");
            }
        }
    }))
    .await;
    let most = 1 + began.elapsed().as_secs() / 5;
    let asked = store.calls(Call::Names) - names;
    assert!(asked <= most, "{asked} times in {:?}", began.elapsed());
    assert_eq!(elsewhere(), others);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_known_is_found_while_mongodb_is_dead_and_nobody_else_is_there() {
    let mut mongod = Mongod::start().await;
    let server = Server::start_over(tocsin::store::open(&mongod.uri("names")).await.unwrap()).await;
    let (ann, org) = server.founder("acme").await;
    ann.client.patch(&org.at(""), json!({"slug": "renamed", "domain": "status.acme.com"})).await.is(200);
    let visitor = server.stranger();
    mongod.kill();
    let began = Instant::now();
    for n in 0..20 {
        visitor.get("/public/renamed").await.is(200);
        visitor.get(&format!("/public/{}", org.id)).await.is(200);
        for unknown in ["acme".to_owned(), format!("guess-{n}"), nobody()] {
            visitor.get(&format!("/public/{unknown}")).await.refuses(404, "unknown_page");
            assert_eq!(visitor.get(&format!("/status/{unknown}")).await.status, 404);
        }
    }
    assert!(began.elapsed() < Duration::from_secs(10), "somebody waited for the database: {:?}", began.elapsed());
    mongod.restart().await;
    // What somebody else writes is found again, not long after the database is back.
    let other = tocsin::store::open(&mongod.uri("names")).await.unwrap();
    let directory = Directory::start(other.clone(), Arc::new(SystemClock), Settings::default()).await.unwrap();
    let fixture = Fixture::read("f.yaml", "organizations:\n  - { slug: seeded, name: Seeded }\n").unwrap();
    let loader = Loader::new(other, directory.clone(), SystemClock.now());
    let survey = loader.survey(&fixture).await.unwrap();
    loader.carry_out(&fixture, survey, |_| {}).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while visitor.get("/public/seeded").await.status != 200 {
        assert!(Instant::now() < deadline, "what was seeded is not found");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    directory.shutdown().await;
    server.end().await;
}
