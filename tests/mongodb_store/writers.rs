//! What several processes on one database do to each other, the dead ones included.

use crate::bench::{Bench, assert_documents_show};
use futures::future::join_all;
use mongodb::bson::{self, Document};
use std::sync::Arc;
use tocsin_actors::domain::{Command, Timestamp};
use tocsin_actors::store::{CommitLog, StoreError};
use tocsin_actors::testkit::builders::*;

/// The other process has moved on while we were not looking, so that only the unique index can tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_that_was_faster_fails_only_what_it_took() {
    let bench = Bench::new().await;
    let (ours, theirs) = (bench.store().await, bench.store().await);
    let mut writers: Vec<_> = (1..=30).map(Writer::of).collect();
    let created = writers.iter_mut().zip(1..).map(|(writer, n)| writer.append(&*ours, [create_organization(n)]));
    assert!(join_all(created).await.iter().all(Result::is_ok));
    let mut others: Vec<_> = (0..).zip(&writers).step_by(3).map(|(n, writer)| writer.twin(100 + n)).collect();
    let taken = others.iter_mut().map(|writer| writer.append(&*theirs, [rename("theirs")]));
    assert!(join_all(taken).await.iter().all(Result::is_ok));

    let renamed = writers.iter_mut().map(|writer| writer.append(&*ours, [rename("ours")]));
    for (n, result) in join_all(renamed).await.into_iter().enumerate() {
        assert_eq!(result, if n % 3 == 0 { Err(StoreError::Conflict) } else { Ok(()) }, "organization {}", n + 1);
    }
    for other in &mut others {
        assert_eq!(ours.load(other.org().id()).await.unwrap().commits, other.commits());
        other.append(&*ours, [rename("goes on")]).await.unwrap();
        assert_documents_show(&ours, other).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_an_older_writer_never_replace_newer_ones() {
    let bench = Bench::new().await;
    let (late, store) = (bench.store().await, bench.store().await);
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1), create_service(1), create_service(2)]).await.unwrap();
    let old = (writer.commits().to_vec(), Arc::new(writer.org().clone()));
    writer.append(&*store, [rename("newer"), order(Command::DeleteService { id: service(2) })]).await.unwrap();
    assert_documents_show(&store, &writer).await;

    late.project(old.0, old.1.clone());
    late.save_snapshot(old.1);
    late.settle().await.unwrap();
    // Neither the old name, nor the service that is gone, nor its history, nor the old mark.
    assert_documents_show(&store, &writer).await;
    let loaded = store.load(org(1)).await.unwrap();
    assert_eq!(loaded.documents_at, writer.seq());
    assert_eq!(replay(org(1), &loaded), *writer.org());
}

/// As it is when the process dies between the two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_follow_commits_that_somebody_could_not_finish() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1), schedule(1, vec![], 600, 900)]).await.unwrap();
    store.settle().await.unwrap();
    assert_eq!(store.agenda().await.unwrap(), [(org(1), at(600))]);
    let (commit, _) = writer.commit([create_service(1), rename("unfinished")]);
    let stored: Document = bson::deserialize_from_slice(&bson::serialize_to_vec(commit.as_ref()).unwrap()).unwrap();
    bench.shell.collection::<Document>("commits").insert_one(stored).await.unwrap();
    assert_eq!(store.agenda().await.unwrap(), [(org(1), Timestamp::from_millis(0))]);

    let loaded = store.load(org(1)).await.unwrap();
    assert!(loaded.documents_at < writer.seq());
    let behind = loaded.commits.iter().filter(|commit| commit.last > loaded.documents_at).cloned().collect();
    store.project(behind, Arc::new(replay(org(1), &loaded)));
    assert_documents_show(&store, &writer).await;
    assert_eq!(store.agenda().await.unwrap(), [(org(1), at(600))]);
}
