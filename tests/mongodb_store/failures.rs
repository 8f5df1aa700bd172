//! A server that is not well: it breaks connections, does not confirm, does not answer, dies.

use crate::bench::{Bench, PATIENCE, assert_documents_show, eventually};
use crate::mongod::Mongod;
use mongodb::bson::doc;
use std::time::Instant;
use tocsin::store::mongodb::MongoStore;
use tocsin_actors::domain::{Command, status::ServiceStatus};
use tocsin_actors::store::{CommitLog, StoreError};
use tocsin_actors::testkit::builders::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_once_is_not_noticed() {
    let bench = Bench::new().await;
    let once = doc! { "times": 1 };
    let (store, fault) = bench.failing_store(once, doc! { "failCommands": ["insert"], "closeConnection": true }).await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    assert_eq!(store.load(org(1)).await.unwrap().commits, writer.commits());
    fault.mend().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_no_majority_confirmed_is_of_unknown_fate() {
    let bench = Bench::new().await;
    let error = doc! { "code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out" };
    let once = doc! { "times": 1 };
    let (store, fault) = bench.failing_store(once, doc! { "failCommands": ["insert"], "writeConcernError": error }).await;
    let mut writer = Writer::of(1);
    let fate = writer.append(&*store, [create_organization(1)]).await;
    assert!(matches!(fate, Err(StoreError::Unknown(_))), "{fate:?}");
    fault.mend().await;
    // Here it was written after all, which shows when the majority has it.
    eventually("the commit", || async { (store.load(org(1)).await.unwrap().commits == writer.commits()).then_some(()) }).await;
    writer.append(&*store, [rename("goes on")]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_could_not_be_written_follow_later() {
    for fault in [
        doc! { "failCommands": ["update"], "errorCode": 11602 },
        doc! { "failCommands": ["update"], "closeConnection": true },
        doc! { "failCommands": ["update"], "writeConcernError": { "code": 64, "errmsg": "timed out" } },
    ] {
        let bench = Bench::new().await;
        let (store, switch) = bench.failing_store("alwaysOn", fault.clone()).await;
        let mut writer = Writer::of(1);
        // One commit: a second could be on its way when the first one's documents break the connection for both.
        let orders = [create_organization(1), create_service(1), set_status(1, ServiceStatus::PartialOutage)];
        writer.append(&*store, orders).await.unwrap();
        assert!(store.settle().await.is_err(), "who waits is told that it failed: {fault}");
        switch.mend().await;
        eventually("the documents", || async { store.settle().await.ok() }).await;
        assert_documents_show(&store, &writer).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_answering_leaves_the_fate_open() {
    let server = Mongod::start().await;
    let store = MongoStore::open(&server.uri("paused")).await.unwrap();
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    let before = writer.clone();
    server.pause();
    let started = Instant::now();
    let fate = writer.append(&*store, [rename("lost?")]).await;
    assert!(matches!(fate, Err(StoreError::Unknown(_))), "{fate:?}");
    let (load, ping) = tokio::join!(store.load(org(1)), store.ping());
    assert!(matches!(load, Err(StoreError::Unavailable(_))), "{load:?}");
    assert!(ping.is_err());
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    server.resume();

    eventually("the server", || async { store.ping().await.ok() }).await;
    // The store may still take what it was sent: a load, and whoever goes on from it, settle the matter.
    let mut writer = eventually("a writer whose commit is taken", || async {
        let commits = store.load(org(1)).await.ok()?.commits;
        let mut next = if commits == writer.commits() { writer.clone() } else { before.twin(7) };
        next.append(&*store, [rename("goes on")]).await.ok().map(|()| next)
    })
    .await;
    writer.append(&*store, [rename("and on")]).await.unwrap();
    assert_eq!(store.load(org(1)).await.unwrap().commits, writer.commits());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_death_of_the_server() {
    let mut server = Mongod::start().await;
    let store = MongoStore::open(&server.uri("killed")).await.unwrap();
    let mut lives = tokio::task::JoinSet::new();
    for n in 1..=10 {
        let store = store.clone();
        lives.spawn(async move {
            let mut writer = Writer::of(n);
            writer.append(&*store, [create_organization(n)]).await.unwrap();
            let mut step = 0;
            loop {
                let acknowledged = writer.clone();
                step += 1;
                if let Err(error) = writer.append(&*store, [rename(format!("step {step}"))]).await {
                    return (n, acknowledged, writer, error);
                }
            }
        });
    }
    eventually("some commits", || async { (store.load(org(10)).await.ok()?.commits.len() > 5).then_some(()) }).await;
    server.kill();
    let ends = lives.join_all().await;
    let gone = Writer::of(99).append(&*store, [create_organization(99)]).await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "{gone:?}");
    server.restart().await;
    eventually("the server", || async { store.ping().await.ok() }).await;
    for (n, acknowledged, tried, error) in ends {
        assert!(matches!(error, StoreError::Unknown(_) | StoreError::Unavailable(_)), "{error:?}");
        let commits = store.load(org(n)).await.unwrap().commits;
        assert!(commits == acknowledged.commits() || commits == tried.commits(), "organization {n}");
        if matches!(error, StoreError::Unavailable(_)) {
            assert_eq!(commits, acknowledged.commits(), "nothing was sent");
        }
        let mut next = if commits == tried.commits() { tried } else { acknowledged };
        next.append(&*store, [rename("goes on")]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_no_document_can_hold_fails_alone() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let (mut small, mut large) = (Writer::of(1), Writer::of(2));
    large.append(&*store, [create_organization(2)]).await.unwrap();
    let orders = (0..420).map(|n| {
        let mut order = open_incident(n, Vec::new());
        if let Command::OpenIncident(new) = &mut order.command {
            new.update = Some((update(n), "ü".repeat(20_000)));
        }
        order
    });
    let (large, small) = tokio::join!(large.append(&*store, orders), small.append(&*store, [create_organization(1)]));
    assert!(matches!(&large, Err(StoreError::Unavailable(why)) if why.contains("bytes")), "{large:?}");
    assert_eq!(small, Ok(()));
}
