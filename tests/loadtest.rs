//! `tocsin loadtest` against `tocsin serve`: the promises of the live protocol, kept under load on real sockets.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "command_line/program.rs"]
#[allow(dead_code)]
mod program;

use program::{Place, Server};
use serde_json::Value;

#[test]
fn readers_who_come_and_go_see_everything_once_and_in_order() {
    let place = Place::new();
    let server = Server::start(&place, &["--requests-per-second", "0"]);
    let url = format!("http://{}", server.address);
    let said = place.run(&[
        "loadtest",
        "--url",
        &url,
        "--orgs",
        "5",
        "--readers",
        "200",
        "--writes",
        "100",
        "--seconds",
        "3",
        "--slow",
        "5",
        "--churn",
        "20",
        "--json",
    ]);
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:#?}"));
    assert_eq!((said.code, &report["whole"]), (Some(0), &true.into()), "{report:#}");
    assert!(report["writes"].as_u64() > Some(100) && report["deliveries"].as_u64() > Some(4_000), "{report:#}");
    assert!(report["resumed"].as_u64() > Some(20), "{report:#}");
    assert_eq!(report["latency_ms"]["count"].as_u64().map(|count| count > 1_000), Some(true), "{report:#}");
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_load_test_is_refused_before_anything_is_sent() {
    let place = Place::new();
    for (args, sentence) in [
        (
            &["--url", "http://192.0.2.1:80"][..],
            "192.0.2.1 is not on this machine: a load test goes elsewhere only with --anywhere",
        ),
        (&["--url", "127.0.0.1:80"], "127.0.0.1:80 is no address of a server: write it like http://127.0.0.1:8080"),
        (&["--orgs", "10", "--readers", "9"], "10 organizations need at least as many readers"),
        (&["--writes", "50000", "--seconds", "3600"], "that is more than 5,000,000 writes in all"),
        (&["--readers", "0"], "invalid value '0' for '--readers <N>'"),
    ] {
        let done = place.run(&[&["loadtest"], args].concat());
        assert!(done.code == Some(2) && done.err.starts_with(&format!("tocsin: {sentence}")), "{args:?}: {done:#?}");
    }
}
