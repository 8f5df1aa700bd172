//! What the engine costs over its stores, measured side by side in one run.
//!
//! `cargo bench --bench engine -- [durable] [activation] [memory] [isolation] [--seconds N] [--rounds N]
//! [--orgs N --callers N]`; MongoDB takes
//! part when `TOCSIN_TEST_MONGOD` names a `mongod` (`tests/run` fetches one into `.cache/`). Quote ratios and medians.

#![allow(missing_docs, clippy::unwrap_used)]

mod activation;
mod durable;
mod groups;
mod isolation;
mod memory;
mod raw_mongodb;
mod raw_redb;
mod work;

#[path = "../../tests/support/mongod.rs"]
mod mongod;

use std::time::Duration;

pub(crate) struct Options {
    pub(crate) seconds: Duration,
    pub(crate) rounds: usize,
    /// Instead of all cases: organizations and callers of each.
    pub(crate) case: Option<(u64, u64)>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |flag: &str, default: u64| {
        args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).and_then(|n| n.parse().ok()).unwrap_or(default)
    };
    let case = Some((number("--orgs", 0), number("--callers", 1))).filter(|(orgs, _)| *orgs > 0);
    let options = Options { case, seconds: Duration::from_secs(number("--seconds", 4)), rounds: number("--rounds", 5) as usize };
    let named = |name: &str| args.iter().any(|arg| arg == name);
    let all = !["durable", "activation", "memory", "memory-child", "isolation"].iter().any(|name| named(name));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if named("memory-child") {
        let what = args.last().unwrap();
        return runtime.block_on(memory::child(what));
    }
    let mongod = std::env::var_os("TOCSIN_TEST_MONGOD").is_some().then(|| runtime.block_on(mongod::Mongod::start()));
    if mongod.is_none() {
        println!("MongoDB does not take part: TOCSIN_TEST_MONGOD is not set\n");
    }
    let stores: Vec<work::Kind> = std::iter::once(work::Kind::Embedded)
        .chain(mongod.as_ref().map(|mongod| work::Kind::Mongodb(mongod.uri("bench"))))
        .collect();
    for store in &stores {
        if all || named("durable") {
            runtime.block_on(durable::run(store, &options));
        }
        if all || named("activation") {
            runtime.block_on(activation::run(store));
        }
        if all || named("isolation") {
            runtime.block_on(isolation::run(store, &options));
        }
    }
    if all || named("memory") {
        memory::run();
    }
}
