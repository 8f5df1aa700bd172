//! Durable commands per second through OrgActors, against the store driven directly with the same documents.

use crate::{Options, raw_mongodb, raw_redb, work::*};
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};
use tocsin::store::documents::{self, Write};
use tocsin_actors::{directory::Directory, testkit::builders::*};

/// Organizations, and callers of each that wait for their answer before they ask again.
const CASES: &[(u64, u64)] = &[(1, 1), (1, 1_000), (100, 1), (1_000, 1)];

pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

pub(crate) async fn run(kind: &Kind, options: &Options) {
    println!(
        "durable commands, {}: medians of {} interleaved rounds of {} s",
        kind.name(),
        options.rounds,
        options.seconds.as_secs()
    );
    println!("| organizations × callers | engine /s | p50 ms | p99 ms | raw store /s | raw p50 ms | engine : raw |");
    println!("|---|---|---|---|---|---|---|");
    for &(orgs, callers) in CASES {
        let (mut engine, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            engine.push(through_actors(kind, orgs, callers, options.seconds).await);
            let place = kind.place();
            raw.push(match kind {
                Kind::Embedded => raw_redb::run(&place.folder, &groups(orgs, callers), options.seconds),
                Kind::Mongodb(_) => raw_mongodb::run(&place.url, &groups(orgs, callers), options.seconds).await,
            });
        }
        let of = |all: &[Measured], what: fn(&Measured) -> f64| median(all.iter().map(what).collect());
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let ratios = engine.iter().zip(&raw).map(|(engine, raw)| engine.per_second / raw.per_second).collect();
        println!(
            "| {orgs} × {callers} | {:.0} | {:.2} | {:.2} | {:.0} | {:.2} | {:.2} |",
            of(&engine, |m| m.per_second),
            of(&engine, |m| m.p50.as_secs_f64() * 1e3),
            of(&engine, |m| m.p99.as_secs_f64() * 1e3),
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
    let (store, directory) = place.engine().await;
    found(&directory, orgs, 10).await;
    store.settle().await.unwrap();
    let began = Instant::now();
    let tasks = (0..orgs * callers).map(|n| tokio::spawn(caller(directory.clone(), n % orgs + 1, n / orgs % 10 + 1, began + time)));
    let mut latencies = Histogram::<u64>::new(3).unwrap();
    for task in tasks.collect::<Vec<_>>() {
        latencies.add(task.await.unwrap()).unwrap();
    }
    store.settle().await.unwrap();
    let took = began.elapsed();
    directory.shutdown().await;
    Measured {
        per_second: latencies.len() as f64 / took.as_secs_f64(),
        p50: Duration::from_micros(latencies.value_at_quantile(0.5)),
        p99: Duration::from_micros(latencies.value_at_quantile(0.99)),
    }
}

async fn caller(directory: Directory, n: u64, service: u64, until: Instant) -> Histogram<u64> {
    let mut latencies = Histogram::new(3).unwrap();
    for round in 0.. {
        let began = Instant::now();
        if began >= until {
            break;
        }
        directory.execute(org(n), vec![change(service, round)]).await.unwrap();
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

/// Groups of the largest size that the engine can come to: every organization in each, every caller in its commit.
fn groups(orgs: u64, callers: u64) -> Vec<Group> {
    const MANY: u64 = 4;
    let mut writers: Vec<Writer> = (1..=orgs).map(Writer::of).collect();
    for (writer, n) in writers.iter_mut().zip(1..) {
        writer.commit(std::iter::once(create_organization(n)).chain((1..=10).map(create_service)));
    }
    (0..MANY)
        .map(|round| {
            let mut group = Group { commands: orgs * callers, commits: Vec::new(), documents: Vec::new() };
            for writer in &mut writers {
                let orders: Vec<_> = (0..callers).map(|caller| change(caller % 10 + 1, round + caller / 10)).collect();
                let (commit, after) = writer.commit(orders);
                group.documents.extend(documents::writes(&[&commit], &after).unwrap());
                group.commits.push((commit.org, commit.first, documents::encode(&*commit).unwrap()));
            }
            group
        })
        .collect()
}
