//! Durable commands per second through OrgActors, against the store driven directly with the same documents.

use crate::{Options, groups::Watched, raw_mongodb, raw_redb, work::*};
use hdrhistogram::Histogram;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tocsin::store::documents::{self, Write};
use tocsin_actors::{
    clock::SystemClock,
    directory::{Directory, Settings},
    domain::{Commit, Org},
    testkit::builders::*,
};

/// Organizations, and callers of each that wait for their answer before they ask again.
const CASES: &[(u64, u64)] = &[(1, 1), (1, 1_000), (100, 1), (1_000, 1)];

pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Commits that shared a durable write.
    pub(crate) group: f64,
}

pub(crate) async fn run(kind: &Kind, options: &Options) {
    println!(
        "durable commands, {}: medians of {} interleaved rounds of {} s",
        kind.name(),
        options.rounds,
        options.seconds.as_secs()
    );
    println!(
        "| organizations × callers | engine /s | p50 ms | p99 ms | commits a group | raw store /s | raw write p50 ms | engine : raw |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let cases = options.case.as_ref().map_or(CASES, std::slice::from_ref);
    for &(orgs, callers) in cases {
        let (mut engine, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            engine.push(through_actors(kind, orgs, callers, options.seconds).await);
            let place = kind.place();
            let groups = groups(orgs, callers, engine.last().map_or(1.0, |m: &Measured| m.group));
            raw.push(match kind {
                Kind::Embedded => raw_redb::run(&place.folder, &groups, options.seconds),
                Kind::Mongodb(_) => raw_mongodb::run(&place.url, &groups, options.seconds).await,
            });
        }
        let of = |all: &[Measured], what: fn(&Measured) -> f64| median(all.iter().map(what).collect());
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let ratios = engine.iter().zip(&raw).map(|(engine, raw)| engine.per_second / raw.per_second).collect();
        println!(
            "| {orgs} × {callers} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} |",
            of(&engine, |m| m.per_second),
            of(&engine, |m| m.p50.as_secs_f64() * 1e3),
            of(&engine, |m| m.p99.as_secs_f64() * 1e3),
            of(&engine, |m| m.group),
            of(&raw, |m| m.per_second),
            median(raw.iter().map(|m| ms(m.p50)).collect()),
            median(ratios),
        );
    }
    println!();
}

/// Callers in a closed loop; the time until the last document is written counts.
async fn through_actors(kind: &Kind, orgs: u64, callers: u64, time: Duration) -> Measured {
    let place = kind.place();
    let store = tocsin::store::open(&place.url).await.unwrap_or_else(|error| panic!("{error}"));
    let watched = Watched::new(store.clone());
    let directory = Directory::start(watched.clone(), Arc::new(SystemClock), Settings::default()).await.unwrap();
    found(&directory, orgs, services(callers)).await;
    store.settle().await.unwrap();
    watched.begin();
    let began = Instant::now();
    let tasks = (0..orgs * callers).map(|n| tokio::spawn(caller(directory.clone(), n % orgs + 1, n / orgs + 1, began + time)));
    let mut latencies = Histogram::<u64>::new(3).unwrap();
    for task in tasks.collect::<Vec<_>>() {
        latencies.add(task.await.unwrap()).unwrap();
    }
    store.settle().await.unwrap();
    let took = began.elapsed();
    let group = watched.mean();
    directory.shutdown().await;
    Measured {
        group,
        per_second: latencies.len() as f64 / took.as_secs_f64(),
        p50: Duration::from_micros(latencies.value_at_quantile(0.5)),
        p99: Duration::from_micros(latencies.value_at_quantile(0.99)),
    }
}

/// Each caller has a service of its own, so that every command changes something.
fn services(callers: u64) -> u64 {
    callers.max(10)
}

async fn caller(directory: Directory, n: u64, service: u64, until: Instant) -> Histogram<u64> {
    let mut latencies = Histogram::new(3).unwrap();
    for round in 0.. {
        let began = Instant::now();
        if began >= until {
            break;
        }
        let receipts = directory.execute(org(n), vec![change(service, round)]).await.unwrap();
        assert!(receipts[0].changed);
        latencies.record(began.elapsed().as_micros() as u64).unwrap();
    }
    latencies
}

/// What one group commit of the raw store holds: the commits, and the documents that follow from them, encoded before.
pub(crate) struct Group {
    pub(crate) commands: u64,
    pub(crate) commits: Vec<(tocsin_actors::domain::OrgId, u64, bson::RawDocumentBuf)>,
    pub(crate) documents: Vec<Write>,
}

/// Groups as large as the engine's were, going round all organizations; every caller in its organization's commit.
/// The first group is what is there before: the founding of every organization.
fn groups(orgs: u64, callers: u64, size: f64) -> Vec<Group> {
    const ROUNDS: u64 = 4;
    let mut writers: Vec<Writer> = (1..=orgs).map(Writer::of).collect();
    let mut founding = Group { commands: 0, commits: Vec::new(), documents: Vec::new() };
    for (writer, n) in writers.iter_mut().zip(1..) {
        let orders = std::iter::once(create_organization(n)).chain((1..=services(callers)).map(create_service));
        let (commit, after) = writer.commit(orders);
        founding.add(&commit, &after);
    }
    let size = (size.round() as usize).clamp(1, writers.len());
    let mut groups = vec![founding];
    for round in 0..ROUNDS {
        for some in writers.chunks_mut(size) {
            let mut group = Group { commands: some.len() as u64 * callers, commits: Vec::new(), documents: Vec::new() };
            for writer in some {
                let orders: Vec<_> = (0..callers).map(|caller| change(caller + 1, round)).collect();
                let (commit, after) = writer.commit(orders);
                group.add(&commit, &after);
            }
            groups.push(group);
        }
    }
    groups
}

impl Group {
    fn add(&mut self, commit: &Commit, after: &Org) {
        self.documents.extend(documents::writes(&[commit], after).unwrap());
        self.commits.push((commit.org, commit.first, documents::encode(commit).unwrap()));
    }
}
