//! Live fan-out beside others and beside the limit: the same frames of about 600 bytes to the same readers, on the same
//! machine, in turns. The readers verify every frame while they measure.
//!
//! `cargo bench --bench live [-- --readers 1000,10000,19500 --rounds 3 --seconds 3 --only ours,limit]`. Peers that are not
//! there are said to be not measured: nchan wants nginx with libnginx-mod-nchan, `ws` wants `npm install ws` in
//! benches/live/peers. Server and load have a core each.

#![allow(missing_docs, clippy::unwrap_used)]

mod measure;
mod servers;
mod trigger;

use measure::{Measured, measure};
use servers::{Kind, LOAD_CORE};
use std::time::Duration;

/// How many readers never read, beside how many who do.
const DEAF: usize = 100;
const BESIDE: usize = 10_000;

/// What is told of a server: name, digits, how it is found.
type Row = (&'static str, usize, fn(&Measured) -> f64);
const ROWS: [Row; 7] = [
    ("server CPU, s per million deliveries", 2, |one| one.cpu_seconds_per_million),
    ("to the last reader, ms", 1, |one| one.last_reader_ms),
    ("p99 of all readers, ms", 1, |one| one.p99_ms),
    ("bursts of 10, deliveries/s", 0, |one| one.burst_deliveries_per_second),
    ("connects/s", 0, |one| one.connects_per_second),
    ("server CPU per connect, µs", 1, |one| one.connect_cpu),
    ("bytes resident per connection", 0, |one| one.bytes_per_connection),
];

struct Options {
    readers: Vec<usize>,
    rounds: usize,
    time: Duration,
    kinds: Vec<Kind>,
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default(); // the client asks for one, also for plain HTTP
    let options = options();
    let limit = tocsin::descriptors::raise();
    let pinned = std::process::Command::new("taskset").args(["-pc", LOAD_CORE, &std::process::id().to_string()]).output();
    if !pinned.is_ok_and(|done| done.status.success()) {
        println!("`taskset` does not work here: server and load share their cores, the figures are not comparable");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for number in &options.readers {
        if (number + DEAF) as u64 + tocsin::descriptors::OWN > limit + 100 {
            println!("{number} readers: not measured, this process may have {limit} descriptors only");
            continue;
        }
        compare(&options, *number, 0, &runtime);
        if *number == BESIDE {
            compare(&options, *number, DEAF, &runtime);
        }
    }
}

fn options() -> Options {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).cloned();
    let readers = value("--readers").unwrap_or("1000,10000,19500".to_owned());
    let only = value("--only");
    Options {
        readers: readers.split(',').map(|number| number.parse().expect("--readers 1000,10000")).collect(),
        rounds: value("--rounds").map_or(3, |rounds| rounds.parse().expect("--rounds 3")),
        time: Duration::from_secs(value("--seconds").map_or(3, |seconds| seconds.parse().expect("--seconds 3"))),
        kinds: Kind::ALL
            .into_iter()
            .filter(|kind| only.as_ref().is_none_or(|only| only.split(',').any(|word| word == kind.word())))
            .collect(),
    }
}

/// Measures all servers in turns, and tells medians and ratios to the first of the limits.
fn compare(options: &Options, number: usize, deaf: usize, runtime: &tokio::runtime::Runtime) {
    let mut all: Vec<(Kind, Vec<Option<Measured>>)> = options.kinds.iter().map(|kind| (*kind, Vec::new())).collect();
    let mut absent = Vec::new();
    for _ in 0..options.rounds {
        for (kind, measured) in &mut all {
            if absent.contains(kind) {
                continue;
            }
            let one = measure(*kind, number, deaf, options.time, runtime);
            if let Err(why) = &one {
                println!("{} with {number} readers: not measured, {why}", kind.name());
                absent.push(*kind);
            }
            measured.push(one.ok());
        }
    }
    all.retain(|(kind, _)| !absent.contains(kind));
    let beside = if deaf > 0 { format!(" beside {deaf} who never read") } else { String::new() };
    println!("\n{number} readers{beside}: medians of {} interleaved rounds (ratio to the limit)", options.rounds);
    let names: Vec<_> = all.iter().map(|(kind, _)| kind.name()).collect();
    println!("| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    let limit = all.iter().find(|(kind, _)| *kind == Kind::Limit).map(|(_, measured)| measured.clone());
    for (name, digits, find) in ROWS {
        let cells = all.iter().map(|(_, measured)| {
            let values: Vec<f64> = measured.iter().flatten().map(find).collect();
            let value = format!("{:.digits$}", median(values.clone()));
            let Some(limit) = &limit else { return value };
            let limits = limit.iter().flatten().map(find);
            let ratio = median(values.iter().zip(limits).map(|(value, limit)| value / limit).collect());
            if ratio.is_finite() { format!("{value} ({ratio:.2} ×)") } else { value }
        });
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    let faults: u64 = all.iter().flat_map(|(_, measured)| measured.iter().flatten()).map(|one| one.faults).sum();
    println!("\nframes that were lost, repeated or out of order: {faults}\n");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
