//! Promise 1: an acknowledged write survives `kill -9` of the server at any moment, on both stores. And it is done
//! once, even when its author asks again after the crash.
//!
//! `TOCSIN_LONG=1` runs 50 rounds per store, as is done before an issue is closed.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/mongod.rs"]
mod mongod;
#[path = "support/victim.rs"]
mod victim;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use tocsin::{check::check, store};
use tocsin_actors::testkit::builders::{org, request_key, start};
use victim::{Said, Victim};

const ORGS: u64 = 12;
const WRITERS: u64 = 48;

fn rounds() -> u64 {
    if std::env::var_os("TOCSIN_LONG").is_some() { 50 } else { 6 }
}

fn number(round: u64, writer: u64, n: u64) -> u64 {
    (1 << 40) | (round << 28) | (writer << 18) | n
}

#[test]
fn acknowledged_writes_survive_kill_9_on_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    survive(&format!("file:{}", folder.path().join("data").display()));
}

#[test]
fn acknowledged_writes_survive_kill_9_on_mongodb() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mongod = runtime.block_on(mongod::Mongod::start());
    survive(&mongod.uri("crash"));
}

fn survive(url: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut acknowledged: BTreeSet<u64> = BTreeSet::new();
    let mut in_doubt: Vec<String> = Vec::new();
    for round in 1..=rounds() {
        let mut victim = Victim::start(url, round, ORGS, WRITERS, &in_doubt);
        victim.until_ready();
        // Sometimes in the first milliseconds, sometimes in full flight.
        let life = Duration::from_millis(10 + (round * 137) % 390);
        let born = Instant::now();
        let mut acks: BTreeMap<u64, u64> = BTreeMap::new();
        while born.elapsed() < life {
            if let Some(Said::Ack { writer, n }) = victim.hear(Duration::from_millis(5)) {
                acks.insert(writer, n);
            }
        }
        victim.kill();
        for said in victim.rest() {
            if let Said::Ack { writer, n } = said {
                acks.insert(writer, n);
            }
        }
        for (writer, last) in &acks {
            acknowledged.extend((0..=*last).map(|n| number(round, *writer, n)));
        }
        // One order of each writer was under way: it may be done or not, and is asked for again in the next life.
        in_doubt =
            (0..WRITERS).map(|writer| format!("{round}:{writer}:{}", acks.get(&writer).map_or(0, |last| last + 1))).collect();

        let report = runtime.block_on(verify(url, &acknowledged));
        assert!(report.differences.is_empty(), "round {round}: {:#?}", report.differences);
        eprintln!("round {round}: {} acknowledged so far, none lost, none twice", acknowledged.len());
    }
    // The last life: every order that was in doubt is asked for again and is done once.
    let mut victim = Victim::start(url, rounds() + 1, ORGS, 1, &in_doubt);
    victim.until_ready();
    victim.kill();
    victim.rest();
    acknowledged.extend(in_doubt.iter().map(|doubt| {
        let parts: Vec<u64> = doubt.split(':').map(|part| part.parse().unwrap()).collect();
        number(parts[0], parts[1], parts[2])
    }));
    let report = runtime.block_on(verify(url, &acknowledged));
    assert!(report.differences.is_empty(), "{:#?}", report.differences);
    assert!(
        acknowledged.len() > usize::try_from(rounds() * WRITERS).unwrap(),
        "too few writes to mean anything: {}",
        acknowledged.len()
    );
}

/// Every acknowledged order is in the log, once, and the store is whole.
async fn verify(url: &str, acknowledged: &BTreeSet<u64>) -> tocsin::check::Report {
    let store = store::open(url).await.unwrap_or_else(|error| panic!("{error}"));
    let mut times: BTreeMap<_, u32> = BTreeMap::new();
    for n in 1..=ORGS {
        let mut after = 0;
        loop {
            let commits = store.commits_after(org(n), after, 1_000).await.unwrap();
            let Some(last) = commits.last() else { break };
            after = last.last;
            for key in commits.iter().flat_map(|commit| &commit.entries).filter_map(|entry| entry.key) {
                *times.entry(key).or_default() += 1;
            }
        }
    }
    let lost: Vec<_> = acknowledged.iter().filter(|n| !times.contains_key(&request_key(**n))).collect();
    assert!(lost.is_empty(), "{} acknowledged orders are lost: {lost:?}", lost.len());
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "done twice: {twice:?}");
    let report = check(&store, false, start(), |_| {}).await.unwrap();
    store.settle().await.unwrap();
    report
}
