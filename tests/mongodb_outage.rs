//! MongoDB dies, hangs, and has two masters, in the middle of writes. What was acknowledged is there, once; what could
//! not be said was said to be unknown; and readers never notice.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/mongod.rs"]
mod mongod;

use mongod::Mongod;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tocsin::{check::check, store};
use tocsin_actors::{
    accounts::founding::found_organization,
    clock::SystemClock,
    directory::{Directory, Settings},
    domain::Author,
    org::OrgError,
    store::Store,
    testkit::builders::*,
};

const ORGS: u64 = 5;
const WRITERS: u64 = 20;
/// Longer than every timeout of store and directory together.
const PATIENCE: Duration = Duration::from_secs(90);

async fn engine(url: &str) -> (Arc<dyn Store>, Directory) {
    let store = store::open(url).await.unwrap_or_else(|error| panic!("{error}"));
    let directory = Directory::start(store.clone(), Arc::new(SystemClock), Settings::default()).await.unwrap();
    (store, directory)
}

/// Writers that retry with their keys until each order is acknowledged, as a careful client does.
struct Writers {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<Vec<u64>>>,
}

impl Writers {
    fn start(directories: &[Directory]) -> Self {
        let (stop, acknowledged, refused) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..WRITERS).map(|writer| {
            let directory = directories[writer as usize % directories.len()].clone();
            let (stop, acknowledged, refused) = (stop.clone(), acknowledged.clone(), refused.clone());
            tokio::spawn(async move {
                let mut done = Vec::new();
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let number = writer * 1_000_000 + n;
                    let order = rename(format!("{number}")).keyed(request_key(number));
                    let deadline = Instant::now() + PATIENCE;
                    loop {
                        match directory.execute(org(writer % ORGS + 1), vec![order.clone()]).await {
                            Ok(_) => break,
                            Err(OrgError::Unavailable { .. } | OrgError::OutcomeUnknown) => {
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(error) => panic!("{number}: {error}"),
                        }
                        assert!(Instant::now() < deadline, "{number} was never acknowledged");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                    done.push(number);
                }
                done
            })
        });
        let tasks = tasks.collect();
        Self { stop, acknowledged, refused, tasks }
    }

    /// Waits until so many more orders are acknowledged than now.
    async fn more(&self, orders: u64) {
        let goal = self.acknowledged.load(Ordering::Relaxed) + orders;
        let deadline = Instant::now() + PATIENCE;
        while self.acknowledged.load(Ordering::Relaxed) < goal {
            assert!(Instant::now() < deadline, "writers stand still");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until callers have been told that it does not work now.
    async fn told(&self) {
        let deadline = Instant::now() + PATIENCE;
        let before = self.refused.load(Ordering::Relaxed);
        while self.refused.load(Ordering::Relaxed) == before {
            assert!(Instant::now() < deadline, "nobody was told that the store is gone");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) -> Vec<u64> {
        self.stop.store(true, Ordering::Relaxed);
        futures::future::join_all(self.tasks).await.into_iter().flat_map(Result::unwrap).collect()
    }
}

async fn found(store: &Arc<dyn Store>, directory: &Directory) {
    for n in 1..=ORGS {
        found_organization(&**store, directory, new_organization(n), Author::System, start(), None).await.unwrap();
    }
}

async fn reads_go_on(directory: &Directory) {
    for n in 1..=ORGS {
        let began = Instant::now();
        let view = directory.view(org(n)).await.unwrap();
        assert!(view.organization().is_some());
        assert!(began.elapsed() < Duration::from_secs(1), "a reader waited {:?} for the store", began.elapsed());
    }
}

/// Each acknowledged order is in the log once, views equal the log, and documents equal both.
async fn verify(store: &Arc<dyn Store>, directories: &[&Directory], acknowledged: &[u64]) {
    let mut times: BTreeMap<_, u32> = BTreeMap::new();
    for n in 1..=ORGS {
        let commits = store.commits_after(org(n), 0, usize::MAX).await.unwrap();
        let mut next = 1;
        for commit in &commits {
            assert_eq!(commit.first, next, "a hole in organization {n}");
            next = commit.last + 1;
            commit.entries.iter().filter_map(|entry| entry.key).for_each(|key| *times.entry(key).or_default() += 1);
        }
        for directory in directories {
            assert_eq!(directory.view(org(n)).await.unwrap().seq() + 1, next, "a view of organization {n} is not the log");
        }
    }
    for number in acknowledged {
        assert_eq!(times.get(&request_key(*number)), Some(&1), "order {number}");
    }
    assert!(times.values().all(|times| *times == 1), "an order was done twice");
    store.settle().await.unwrap();
    let report = check(store, false, start(), |_| {}).await.unwrap();
    assert!(report.differences.is_empty(), "{:#?}", report.differences);
    assert_eq!(report.behind, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mongodb_is_killed_in_the_middle_of_writes_and_comes_back() {
    let mut mongod = Mongod::start().await;
    let (store, directory) = engine(&mongod.uri("killed")).await;
    found(&store, &directory).await;
    let writers = Writers::start(std::slice::from_ref(&directory));
    for _ in 0..3 {
        writers.more(300).await;
        mongod.kill();
        reads_go_on(&directory).await;
        writers.told().await;
        reads_go_on(&directory).await;
        mongod.restart().await;
    }
    writers.more(300).await;
    let acknowledged = writers.stop().await;
    verify(&store, &[&directory], &acknowledged).await;
    directory.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mongodb_hangs_in_the_middle_of_writes_and_goes_on() {
    let mongod = Mongod::start().await;
    let (store, directory) = engine(&mongod.uri("paused")).await;
    found(&store, &directory).await;
    let writers = Writers::start(std::slice::from_ref(&directory));
    for _ in 0..2 {
        writers.more(300).await;
        mongod.pause();
        reads_go_on(&directory).await;
        writers.told().await;
        reads_go_on(&directory).await;
        mongod.resume(); // what was sent before is written now, long after its author was told "unknown"
    }
    writers.more(300).await;
    let acknowledged = writers.stop().await;
    verify(&store, &[&directory], &acknowledged).await;
    directory.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_database_loses_cleanly() {
    let mongod = Mongod::start().await;
    let url = mongod.uri("two_masters");
    let (store, first) = engine(&url).await;
    let (other_store, second) = engine(&url).await;
    found(&store, &first).await;
    let writers = Writers::start(&[first.clone(), second.clone()]);
    writers.more(600).await;
    let acknowledged = writers.stop().await;
    // Each sees the other's writes when it next has to load; until then its view is an older truth. Each has its own
    // documents to write, so `verify`, which knows one store, must not be the first to wait for them.
    other_store.settle().await.unwrap();
    verify(&store, &[], &acknowledged).await;
    first.shutdown().await;
    second.shutdown().await;
}
