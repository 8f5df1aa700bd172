//! The stores that tests lean on do what they are told: a test with a fault that never happens proves nothing.

#![cfg(feature = "testkit")]

use futures::{FutureExt, poll};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};
use tocsin_actors::{
    store::{Append, Archive, CommitLog, StoreError},
    testkit::{Call, FailingStore, Fault, MemoryStore, Mode, Rule, builders::*},
};

#[tokio::test]
async fn each_fault_is_answered_and_then_all_is_well() {
    let memory = MemoryStore::new();
    let store = FailingStore::new(Arc::new(memory.clone()));
    let faults = [
        (Fault::Conflict, StoreError::Conflict, 0),
        (Fault::UnknownLost, StoreError::Unknown("told to fail".into()), 0),
        (Fault::Unavailable, StoreError::Unavailable("told to fail".into()), 0),
        (Fault::Corrupt, StoreError::Corrupt("told to fail".into()), 0),
        (Fault::UnknownWritten, StoreError::Unknown("told to fail".into()), 1),
    ];
    for (fault, error, written) in faults {
        store.fail(Rule::new(Call::Append, fault));
        let answer = Writer::of(1).append(&*store, [create_organization(1)]).await;
        assert_eq!((answer, memory.appended()), (Err(error), written), "{fault:?}");
    }
    // A writer that is late learns so, even when answers are lost.
    store.fail(Rule::new(Call::Append, Fault::UnknownWritten));
    assert_eq!(Writer::of(1).append(&*store, [create_organization(1)]).await, Err(StoreError::Conflict));
    Writer::of(2).append(&*store, [create_organization(2)]).await.unwrap();
    assert_eq!(store.calls(Call::Append), 7);
}

#[tokio::test]
async fn the_nth_call_of_one_organization_fails() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    store.fail(Rule::new(Call::Load, Fault::Unavailable).of(org(1)).after(1).times(2));
    let mut failed = Vec::new();
    for _ in 0..5 {
        store.load(org(2)).await.unwrap();
        failed.push(store.load(org(1)).await.is_err());
    }
    assert_eq!(failed, [false, true, true, false, false]);
    for call in [Call::Ping, Call::Settle, Call::Agenda, Call::CommitsAfter] {
        store.fail(Rule::new(call, Fault::Unavailable).always());
    }
    for _ in 0..2 {
        assert!(store.ping().await.is_err() && store.settle().await.is_err() && store.agenda().await.is_err());
        assert!(store.commits_after(org(1), 0, 1).await.is_err());
    }
    store.heal();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn what_hangs_goes_on_when_released() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    store.fail(Rule::new(Call::Append, Fault::Hang));
    store.fail(Rule::new(Call::Ping, Fault::Hang));
    let mut writer = Writer::of(1);
    let mut append = Box::pin(writer.append(&*store, [create_organization(1)]));
    let mut ping = store.ping();
    assert!(matches!((poll!(&mut append), poll!(&mut ping)), (Poll::Pending, Poll::Pending)));
    assert_eq!(store.hanging(), 1);
    // Others do not wait for it.
    Writer::of(2).append(&*store, [create_organization(2)]).await.unwrap();
    assert_eq!(store.organizations(None, 10).await.unwrap(), [org(2)]);
    store.release();
    append.await.unwrap();
    ping.await.unwrap();
    assert_eq!(store.organizations(None, 10).await.unwrap(), [org(1), org(2)]);
}

#[tokio::test]
async fn a_panic_reaches_only_the_one_it_is_meant_for() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    store.fail(Rule::new(Call::Append, Fault::Panic).of(org(1)).always());
    let (commit, after) = Writer::of(1).commit([create_organization(1)]);
    let append = Append { commit, after, done: Box::new(|_| panic!("never told")) };
    assert!(catch_unwind(AssertUnwindSafe(|| store.append(append))).is_err());
    Writer::of(2).append(&*store, [create_organization(2)]).await.unwrap();
}

#[test]
fn a_held_commit_is_stored_when_released_and_not_before() {
    let store = MemoryStore::new();
    store.set_mode(Mode::Held);
    let told = Arc::new(AtomicUsize::new(0));
    for n in 1..=3 {
        let (commit, after) = Writer::of(n).commit([create_organization(n)]);
        let told = told.clone();
        let done = Box::new(move |result: Result<(), StoreError>| {
            result.unwrap();
            told.fetch_add(1, Ordering::SeqCst);
        });
        store.append(Append { commit, after, done });
    }
    assert_eq!((store.held(), store.appended(), told.load(Ordering::SeqCst)), (3, 0, 0));
    store.release(2);
    assert_eq!((store.held(), store.appended(), told.load(Ordering::SeqCst)), (1, 2, 2));
    store.set_mode(Mode::Inline);
    store.release(usize::MAX);
    let mut writer = Writer::of(4);
    writer.append(&store, [create_organization(4)]).now_or_never().expect("inline").unwrap();
    assert_eq!((store.held(), store.appended(), told.load(Ordering::SeqCst)), (0, 4, 3));
}
