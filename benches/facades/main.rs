//! Each facade beside the canonical route that does the same, and how long after a change a Socket.IO client hears of it.
//!
//! `cargo bench --bench facades [-- --seconds 3 --rounds 5 --only NAME]`; the load comes from `wrk`, another process.

#![allow(missing_docs, clippy::unwrap_used, dead_code)]

mod heard;
#[path = "../../tests/facades/issuer.rs"]
mod issuer;
#[path = "../http/people.rs"]
mod people;
mod spoken;
#[path = "../engine/work.rs"]
mod work;
#[path = "../http/wrk.rs"]
mod wrk;

use spoken::{Pair, Spoken};
use std::time::Duration;
use tocsin::facades::Name;
use work::median;
use wrk::wrk;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default(); // the client asks for one, also for plain HTTP
    let args: Vec<String> = std::env::args().skip(1).collect();
    let said = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1));
    let number = |flag: &str, default: u64| said(flag).and_then(|n| n.parse().ok()).unwrap_or(default);
    let (time, rounds) = (Duration::from_secs(number("--seconds", 3)), number("--rounds", 5));
    println!("| medians of {rounds} rounds | canonical, per second | facade | ratio |\n|---|---|---|---|");
    let only = said("--only");
    let mut told = Vec::new();
    for name in Name::ALL.into_iter().filter(|name| only.is_none_or(|only| only == name.as_str())) {
        let spoken = Spoken::open(name).await;
        for pair in spoken.pairs().await {
            compare(&spoken, &pair, time, rounds).await;
        }
        if let Some(event) = spoken.event() {
            told.push((name, heard::after_changes(&spoken, event).await));
        }
        spoken.close().await;
    }
    println!(
        "\n| {} Socket.IO clients over WebSocket, {} changes | p50, ms after asking | p99 | max |\n|---|---|---|---|",
        heard::LISTENERS,
        heard::CHANGES
    );
    for (name, late) in told {
        let at = |part: f64| late[((late.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
        println!("| `{name}` | {:.1} | {:.1} | {:.1} |", at(0.5), at(0.99), at(1.0));
    }
}

async fn compare(spoken: &Spoken, pair: &Pair, time: Duration, rounds: u64) {
    let (mut canonical, mut facade) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let one = wrk(spoken.api, &pair.canonical.targets, pair.connections, time, pair.canonical.method).await;
        let other = wrk(spoken.facade, &pair.facade.targets, pair.connections, time, pair.facade.method).await;
        assert_eq!((one.failed, other.failed), (0, 0), "something was refused");
        canonical.push(one.per_second);
        facade.push(other.per_second);
    }
    let ratio = median(facade.iter().zip(&canonical).map(|(facade, canonical)| facade / canonical).collect());
    println!("| `{}`: {} | {:.0} | {:.0} | {ratio:.2} |", spoken.name, pair.what, median(canonical), median(facade));
}
