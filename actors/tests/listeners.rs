//! What somebody who listens to an organization may rely on.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{TestClock, eventually};
use tocsin_actors::{
    directory::{Directory, Listener, Settings},
    domain::{Commit, Org},
    org::OrgError,
    store::Store,
    testkit::{Call, FailingStore, Fault, MemoryStore, Rule, builders::*},
};

/// Keeps an organization of its own by what it is told, and objects to every gap.
struct Follower(Mutex<(Org, u32)>);

impl Follower {
    async fn of(directory: &Directory, n: u64) -> (Arc<Self>, Arc<dyn Listener>) {
        let follower = Arc::new(Self(Mutex::new((Org::new(org(n)), 0))));
        let listener: Arc<dyn Listener> = follower.clone();
        let view = directory.listen(org(n), &listener).await.unwrap();
        follower.loaded(&view);
        (follower, listener)
    }

    fn seq(&self) -> u64 {
        self.0.lock().unwrap().0.seq()
    }

    /// How often it had to look instead of being told.
    fn looked(&self) -> u32 {
        self.0.lock().unwrap().1
    }

    async fn assert_right(&self, directory: &Directory, n: u64) {
        let view = directory.view(org(n)).await.unwrap();
        eventually("it has heard everything", || self.seq() == view.seq()).await;
        assert_eq!(self.0.lock().unwrap().0, *view);
    }
}

impl Listener for Follower {
    fn committed(&self, before: &Org, commit: &Commit, after: &Arc<Org>) {
        let (known, _) = &mut *self.0.lock().unwrap();
        if commit.last <= known.seq() {
            return;
        }
        assert_eq!(known, before, "it was told of a commit, but not of the one before");
        commit.entries.iter().for_each(|entry| known.apply(entry));
        assert_eq!(known, &**after);
    }

    fn loaded(&self, view: &Arc<Org>) {
        let (known, looked) = &mut *self.0.lock().unwrap();
        if view.seq() > known.seq() {
            (*known, *looked) = ((**view).clone(), *looked + 1);
        }
    }
}

async fn directory(store: Arc<dyn Store>, sleep_after: Duration) -> Directory {
    let settings = Settings { sleep_after, sweep_every: Duration::from_secs(3_600), ..Settings::default() };
    Directory::start(store, TestClock::new(), settings).await.unwrap()
}

#[tokio::test]
async fn a_listener_is_told_every_commit_in_order_and_of_nobody_else() {
    let directory = directory(Arc::new(MemoryStore::new()), Duration::from_secs(600)).await;
    for n in 1..=2 {
        directory.execute(org(n), vec![create_organization(n), create_service(1)]).await.unwrap();
    }
    let writes = |(writer, n): (usize, u64)| {
        let directory = directory.clone();
        tokio::spawn(async move {
            for turn in 0..300 {
                directory.execute(org(n), vec![rename(format!("Name {writer} {turn}"))]).await.unwrap();
            }
        })
    };
    let writers: Vec<_> = [1, 1, 1, 2].into_iter().enumerate().map(writes).collect();
    tokio::task::yield_now().await;
    let (first, _first) = Follower::of(&directory, 1).await;
    let (second, _second) = Follower::of(&directory, 2).await;
    for writer in writers {
        writer.await.unwrap();
    }
    first.assert_right(&directory, 1).await;
    second.assert_right(&directory, 2).await;
    assert_eq!((first.looked(), first.seq(), second.seq()), (1, 902, 302));
}

#[tokio::test]
async fn who_is_told_sees_it_already_and_its_author_is_answered_later() {
    struct Order(Directory, Mutex<Vec<u64>>);
    impl Listener for Order {
        fn committed(&self, _: &Org, commit: &Commit, after: &Arc<Org>) {
            let view = futures::executor::block_on(self.0.view(after.id())).unwrap();
            assert_eq!((view.seq(), after.seq()), (commit.last, commit.last));
            self.1.lock().unwrap().push(commit.last);
        }
        fn loaded(&self, _: &Arc<Org>) {}
    }
    let directory = directory(Arc::new(MemoryStore::new()), Duration::from_secs(600)).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    let order = Arc::new(Order(directory.clone(), Mutex::default()));
    let listener: Arc<dyn Listener> = order.clone();
    directory.listen(org(1), &listener).await.unwrap();
    for n in 1..=3 {
        let receipts = directory.execute(org(1), vec![create_service(n)]).await.unwrap();
        assert_eq!(order.1.lock().unwrap().last(), Some(&receipts[0].seq));
    }
}

#[tokio::test]
async fn an_organization_that_is_listened_to_stays_awake() {
    let directory = directory(Arc::new(MemoryStore::new()), Duration::ZERO).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    let (follower, listener) = Follower::of(&directory, 1).await;
    directory.sweep().await;
    assert_eq!(directory.awake_count(), 1);
    directory.execute(org(1), vec![rename("New".to_owned())]).await.unwrap();
    follower.assert_right(&directory, 1).await;
    drop((follower, listener));
    directory.sweep().await;
    eventually("nobody listens any more", || directory.awake_count() == 0).await;
}

#[tokio::test]
async fn whatever_the_store_does_a_listener_ends_with_the_truth() {
    let faults = [Fault::Conflict, Fault::UnknownLost, Fault::UnknownWritten, Fault::Unavailable];
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let directory = directory(store.clone(), Duration::ZERO).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    let (follower, _listener) = Follower::of(&directory, 1).await;
    for turn in 0..60_u64 {
        // Once it dies of it: a second time it would rest.
        let fault = if turn == 30 { Fault::Panic } else { faults[turn as usize % faults.len()] };
        store.fail(Rule::new(Call::Append, fault));
        for n in 0..3 {
            let order = rename(format!("{turn} {n}")).keyed(request_key(turn * 10 + n));
            loop {
                match directory.execute(org(1), vec![order.clone()]).await {
                    Ok(_) => break,
                    Err(OrgError::Rejected { .. }) => panic!("nothing is wrong with it"),
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        }
        directory.sweep().await;
        follower.assert_right(&directory, 1).await;
    }
    assert!((2..60).contains(&follower.looked()), "{}", follower.looked());
}

#[tokio::test]
async fn what_happened_last_is_at_hand_after_a_restart_and_leads_to_what_everybody_sees() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let before = directory(store.clone(), Duration::from_secs(600)).await;
    before.execute(org(1), vec![create_organization(1), create_service(1)]).await.unwrap();
    for turn in 0..100 {
        before.execute(org(1), vec![rename(format!("Name {turn}"))]).await.unwrap();
    }
    before.shutdown().await;
    let after = directory(store, Duration::from_secs(600)).await;
    assert!(after.recent(org(1)).is_none(), "nothing is read for it");
    let led = |view: &Org| {
        let recent = after.recent(org(1))?;
        let mut led = (*recent.before).clone();
        recent.commits.iter().flat_map(|commit| &commit.entries).for_each(|entry| led.apply(entry));
        assert_eq!(led, *view);
        Some(recent.commits.len())
    };
    let view = after.view(org(1)).await.unwrap();
    let loaded = led(&view);
    assert!(loaded.is_none_or(|commits| (1..=64).contains(&commits)), "{loaded:?}");
    for turn in 0..80 {
        after.execute(org(1), vec![rename(format!("Again {turn}"))]).await.unwrap();
        led(&after.view(org(1)).await.unwrap());
    }
    assert!(after.recent(org(1)).is_none(), "too much to be told again is not kept");
}
