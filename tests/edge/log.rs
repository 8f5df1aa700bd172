//! The access log: one line a request, and nothing in it that nobody may know.

use crate::server::{Server, wait_until};
use std::{
    io::{self, Write},
    sync::{Mutex, Once},
};
use tocsin::http::edge::EdgeSettings;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that all tests of this process log at any level from now on.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(|| Sink).init();
    });
}

fn lines_with(word: &str) -> Vec<String> {
    let log = String::from_utf8(LINES.lock().unwrap().clone()).unwrap();
    log.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}

async fn access(id: &str) -> String {
    let of = |line: &String| line.contains("tocsin::access");
    wait_until(id, || lines_with(id).iter().any(of)).await;
    let lines: Vec<_> = lines_with(id).into_iter().filter(of).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines[0].clone()
}

#[tokio::test]
async fn one_line_tells_what_was_asked_and_answered() {
    listen();
    let server = Server::start(EdgeSettings::default()).await;
    let answer = server.ask("GET /api/v1/things/42?page=2", &[]).await;
    let id = answer.header("x-request-id").unwrap();
    let line = access(id).await;
    for part in [
        "INFO",
        "tocsin::access: request ",
        "method=\"GET\"",
        "path=\"/api/v1/things/42\"",
        "route=\"/api/v1/things/{id}\"",
        "status=200",
        "bytes=2",
        "client=127.0.0.1",
        " ms=",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[tokio::test]
async fn what_a_handler_says_names_its_request() {
    listen();
    let server = Server::start(EdgeSettings::default()).await;
    let answer = server.ask("GET /panics", &[]).await;
    let id = answer.header("x-request-id").unwrap();
    let lines = lines_with(id);
    assert!(lines.iter().any(|line| line.contains("ERROR") && line.contains("a handler panicked")), "{lines:#?}");
}

#[tokio::test]
async fn no_secret_is_logged() {
    listen();
    let server = Server::start(EdgeSettings::default()).await;
    let secrets = ["s3cret-token", "s3cret-query", "s3cret-bearer", "s3cret-cookie", "s3cret-body", "s3cret-path", "s3cret-user"];
    let headers =
        ["Authorization: Bearer s3cret-bearer", "Cookie: session=s3cret-cookie", "Content-Length: 11", "Connection: close"];
    for path in ["/api/v1/invites/s3cret-token?x=s3cret-query", "/echo?token=s3cret-query", "/nothing/s3cret-path"] {
        let mut client = server.connect().await;
        client.ask(&format!("POST {path}"), &headers).await;
        client.send(b"s3cret-body").await;
        let answer = client.answer().await;
        access(answer.header("x-request-id").unwrap()).await;
        assert!(client.is_ended().await);
    }
    let log = lines_with("tocsin::access").join("\n");
    assert!(log.contains("path=\"/api/v1/invites/{token}\"") && log.contains("path=\"/nothing…\""), "{log}");
    let ours: Vec<_> =
        lines_with("s3cret").into_iter().filter(|line| line.contains(" tocsin") || line.contains(" INFO ")).collect();
    assert!(secrets.iter().all(|secret| !ours.iter().any(|line| line.contains(secret))), "{ours:#?}");
}
