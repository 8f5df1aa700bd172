//! Resident memory of 10,000 organizations with 10 services each: awake, asleep, and as bare data without actors. Each
//! in a process of its own, because an allocator gives nothing back.

use crate::work::*;
use std::{process::Command, sync::Arc, time::Duration};
use tocsin_actors::{
    clock::SystemClock,
    directory::{Directory, Settings},
    domain::Org,
    testkit::builders::*,
};

const ORGS: u64 = 10_000;
const SERVICES: u64 = 10;

pub(crate) fn run() {
    let of = |what: &str| -> f64 { ask(what).trim().parse().unwrap() };
    let kib = |bytes: f64| bytes / 1024.0 / ORGS as f64;
    let (data, awake, asleep) = (of("data"), of("awake"), of("asleep"));
    println!("memory of {ORGS} organizations with {SERVICES} services each, KiB resident per organization");
    println!("| the data alone | awake | awake beyond the data | asleep |\n|---|---|---|---|");
    println!("| {:.1} | {:.1} | {:.1} | {:.2} |\n", kib(data), kib(awake), kib(awake - data), kib(asleep));
}

/// Prints how many bytes the state that it is asked for costs.
pub(crate) async fn child(what: &str) {
    let bytes = match what.split_once('@') {
        None if what == "data" => {
            let before = resident();
            let orgs: Vec<Org> = (1..=ORGS).map(organization).collect();
            let bytes = resident() - before;
            assert_eq!(orgs.len() as u64, ORGS);
            bytes
        }
        None => {
            // What founding them left behind in the allocator would hide part of the cost: another process looks.
            let place = Kind::Embedded.place();
            let (store, directory) = place.engine().await;
            found(&directory, ORGS, SERVICES).await;
            directory.shutdown().await;
            store.settle().await.unwrap();
            drop((store, directory));
            return print!("{}", ask(&format!("{what}@{}", place.url)));
        }
        Some((what, url)) => {
            let before = resident();
            let store = tocsin::store::open(url).await.unwrap_or_else(|error| panic!("{error}"));
            let settings = Settings { sleep_after: Duration::from_secs(3_600), ..Settings::default() };
            let directory = Directory::start(store, Arc::new(SystemClock), settings).await.unwrap();
            if what == "awake" {
                for n in 1..=ORGS {
                    directory.view(org(n)).await.unwrap();
                }
                assert_eq!(directory.awake_count() as u64, ORGS);
            }
            resident() - before
        }
    };
    println!("{bytes}");
}

fn organization(n: u64) -> Org {
    let mut writer = Writer::of(n);
    writer.commit(std::iter::once(create_organization(n)).chain((1..=SERVICES).map(create_service)));
    writer.org().clone()
}

fn ask(what: &str) -> String {
    let child = Command::new(std::env::current_exe().unwrap()).args(["memory-child", what]).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    String::from_utf8(child.stdout).unwrap()
}

fn resident() -> f64 {
    let pages: f64 = std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096.0
}
