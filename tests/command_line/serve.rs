//! `tocsin serve` over real sockets, and its end.

use crate::{
    mongod::Mongod,
    program::{PATIENCE, Place, Server, fixture},
};
use std::{
    io::{Read, Write},
    net::Shutdown,
    time::{Duration, Instant},
};

#[test]
fn operators_are_answered() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let (status, head, body) = server.ask("GET", "/health");
    assert_eq!((status, body.as_str()), (200, r#"{"status":"ok"}"#));
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!((server.ask("GET", "/ready").0, server.ask("GET", "/ready").2.as_str()), (200, r#"{"status":"ready"}"#));
    let (status, head, text) = server.ask("GET", "/metrics");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert_openmetrics(&text);
    for name in [
        "tocsin_organizations_awake 0",
        "tocsin_orders_in_flight 0",
        "tocsin_commit_seconds_count 0",
        "tocsin_actor_crashes_total 0",
        "tocsin_turned_away_total 0",
    ] {
        assert!(text.lines().any(|line| line == name), "{name} is not in\n{text}");
    }
    for path in ["/", "/nothing", "/health/", "/health/x", "/api/v1/orgs", "/metrics?x=1x", "/%ff", "/../etc/passwd"] {
        let (status, head, body) = server.ask("GET", path);
        if path.starts_with("/metrics") || path == "/health/" {
            assert_eq!(status, 200, "{path}");
            continue;
        }
        let (expected, begins) = match path {
            "/api/v1/orgs" => (401, r#"{"error":{"code":"unauthorized","message":"log in"#),
            _ => (404, r#"{"error":{"code":"not_found","message":"there is nothing at this path"},"request_id":""#),
        };
        assert!(status == expected && body.starts_with(begins), "{path}: {status} {body}");
        assert!(head.contains("content-type: application/json"), "{head}");
    }
    for method in ["POST", "DELETE", "PUT"] {
        let expected = r#"{"error":{"code":"method_not_allowed","message":"this path does not answer this method"},"request_id":""#;
        let (status, head, body) = server.ask(method, "/health");
        assert!(status == 405 && body.starts_with(expected), "{method}: {status} {body}");
        assert!(head.contains("allow: get, head"), "{head}");
    }
    assert_eq!(server.terminate().0, Some(0));
}

/// Every line is a description, or a sample of something that was described; the last one is the end.
fn assert_openmetrics(text: &str) {
    let mut families = Vec::new();
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.pop(), Some("# EOF"), "{text}");
    for line in lines {
        if let Some(described) = line.strip_prefix("# ") {
            let words: Vec<_> = described.splitn(3, ' ').collect();
            assert!(words.len() == 3 && ["HELP", "TYPE", "UNIT"].contains(&words[0]), "{line}");
            families.push(words[1]);
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = name.split('{').next().unwrap();
        assert!(families.iter().any(|family| name.starts_with(family)), "{line} was not described");
    }
}

#[test]
fn garbage_disturbs_nobody_and_the_slow_are_cut() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\0\0\0\0",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense",
    ] {
        let mut stream = server.connect();
        let _ = stream.write_all(garbage);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer); // it may be cut: what counts is that it ends
        assert_eq!(server.ask("GET", "/health").0, 200);
    }
    // Nothing, a beginning that could become either version, and heads that never end.
    let began = Instant::now();
    let slow: Vec<_> = [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"G", b"GET /health HTTP/1.1\r\nHost: a\r\nX: "]
        .into_iter()
        .map(|head| {
            let mut stream = server.connect();
            stream.write_all(head).unwrap();
            (head, stream)
        })
        .collect();
    assert_eq!(server.ask("GET", "/health").0, 200);
    for (head, mut stream) in slow {
        let ended = stream.read_to_end(&mut Vec::new());
        let timed_out =
            ended.is_err_and(|error| matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
        assert!(!timed_out, "{:?} was never cut", String::from_utf8_lossy(head));
    }
    assert!(began.elapsed() < PATIENCE / 2, "cutting took {:?}", began.elapsed());
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_it_lives_but_is_not_ready() {
    let mongod = Mongod::start().await;
    let place = Place::new();
    let server = Server::start(&place, &["--store", &mongod.uri("paused")]);
    let becomes_ready = || {
        let deadline = Instant::now() + PATIENCE;
        while server.ask("GET", "/ready").0 != 200 {
            assert!(Instant::now() < deadline, "it is never ready");
        }
    };
    becomes_ready();
    mongod.pause();
    let (status, head, body) = server.ask("GET", "/ready");
    // Who asks while the driver finds out is told that instead.
    let reasons = ["the store does not answer", "the store cannot be reached"];
    let bodies = reasons.map(|reason| format!(r#"{{"status":"not_ready","reason":"{reason}"}}"#));
    assert!(status == 503 && bodies.contains(&body), "{status} {body}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(server.ask("GET", "/health").0, 200);
    mongod.resume();
    becomes_ready();
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn told_to_terminate_it_ends_soon_and_whole() {
    let place = Place::new();
    place.run(&["seed", &fixture("demo.yaml")]).ok();
    let server = Server::start(&place, &[]);
    // One who has asked and stays, one in the middle of asking, and one who asks for much and reads none of it: the last
    // must be cut, and must not keep the store open.
    let mut deaf = server.connect();
    deaf.write_all(&b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100)).unwrap();
    let mut idle = server.connect();
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 512]).unwrap() > 0);
    let mut half = server.connect();
    half.write_all(b"GET /health HTTP/1.1\r\nHo").unwrap();
    let (code, took, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(took < Duration::from_secs(12), "it took {took:?}\n{log}");
    assert!(log.contains("stopped") && !log.contains("ERROR"), "{log}");
    assert!(!log.contains('\u{1b}'), "colours without a terminal: {log:?}");
    let mut builder = redb::Database::builder();
    assert!(log.contains("connections that would not end were cut"), "{log}");
    let file = builder.set_repair_callback(|_| panic!("the store was not closed")).open(place.path().join("data/tocsin.redb"));
    drop(file.unwrap());
    assert!(place.run(&["check"]).ok().contains(": no differences"));
}
