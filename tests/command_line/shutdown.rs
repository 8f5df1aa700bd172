//! No accepted command is lost by a shutdown: whatever was acknowledged is in the log, and what was refused is not.

use crate::mongod::Mongod;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tocsin::{app::App, check::check, store};
use tocsin_actors::{
    accounts::founding::found_organization, directory::Settings, domain::Author, org::OrgError, testkit::builders::*,
};
use tokio::net::TcpListener;

const ORGS: u64 = 6;
const WRITERS: u64 = 60;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Done,
    Refused,
    Unknown,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_by_a_shutdown_of_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    loses_nothing(&format!("file:{}", folder.path().join("data").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_by_a_shutdown_on_mongodb() {
    loses_nothing(&Mongod::shared().await.uri("shutdown")).await;
}

async fn loses_nothing(url: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let accounts = store::open(url).await.unwrap();
    let app = App::start(accounts.clone(), Settings::default(), listener).await.unwrap();
    let directory = app.directory().clone();
    for n in 1..=ORGS {
        found_organization(&*accounts, &directory, new_organization(n), Author::System, start(), None).await.unwrap();
    }
    let done = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (directory, done) = (directory.clone(), done.clone());
            tokio::spawn(async move {
                let mut fates = Vec::new();
                for n in 0.. {
                    let number = writer * 1_000_000 + n;
                    let order = rename(format!("{number}")).keyed(request_key(number));
                    let fate = match directory.execute(org(writer % ORGS + 1), vec![order]).await {
                        Ok(_) => Fate::Done,
                        Err(OrgError::OutcomeUnknown) => Fate::Unknown,
                        Err(OrgError::Unavailable { .. } | OrgError::Busy { .. }) => Fate::Refused,
                        Err(error) => panic!("{number}: {error}"),
                    };
                    fates.push((number, fate));
                    if fate != Fate::Done {
                        break; // it is closing
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
                fates
            })
        })
        .collect();
    let deadline = Instant::now() + PATIENCE;
    while done.load(Ordering::Relaxed) < 2_000 {
        assert!(Instant::now() < deadline, "writers stand still");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(accounts);
    let asked = Instant::now();
    tokio::time::timeout(PATIENCE, app.shutdown()).await.expect("the server stops");
    assert!(asked.elapsed() < Duration::from_secs(10), "stopping took {:?}", asked.elapsed());
    let fates = tokio::time::timeout(PATIENCE, futures::future::join_all(writers)).await.expect("every writer was answered");
    let fates: Vec<_> = fates.into_iter().flat_map(Result::unwrap).collect();
    drop(directory);

    let store = store::open(url).await.unwrap_or_else(|error| panic!("it cannot be opened right away: {error}"));
    let mut times: BTreeMap<_, u32> = BTreeMap::new();
    for n in 1..=ORGS {
        for commit in store.commits_after(org(n), 0, usize::MAX).await.unwrap() {
            commit.entries.iter().filter_map(|entry| entry.key).for_each(|key| *times.entry(key).or_default() += 1);
        }
    }
    for (number, fate) in &fates {
        let times = times.get(&request_key(*number)).copied().unwrap_or(0);
        let allowed = match fate {
            Fate::Done => times == 1,
            Fate::Refused => times == 0,
            Fate::Unknown => times <= 1,
        };
        assert!(allowed, "order {number} was {fate:?} and is in the log {times} times");
    }
    assert_eq!(fates.iter().filter(|(_, fate)| *fate != Fate::Done).count() as u64, WRITERS, "every writer met the end");
    let report = check(&store, false, start(), |_| {}).await.unwrap();
    assert!(report.differences.is_empty() && report.behind == 0, "{report:#?}");
}
