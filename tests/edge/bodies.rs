//! How big and how slow a request may be.

use crate::server::{PATIENCE, Server};
use hyper::body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{future::poll_fn, pin::pin, time::Duration};
use tocsin::http::edge::{BodyLimits, EdgeSettings};
use tokio::time::timeout;
use warp::http::Request;

const SMALL: u64 = 1_000;

fn limited(body: BodyLimits) -> EdgeSettings {
    EdgeSettings { body, ..EdgeSettings::default() }
}

async fn small() -> Server {
    Server::start(limited(BodyLimits { bytes: SMALL, ..BodyLimits::default() })).await
}

#[tokio::test]
async fn a_body_as_big_as_allowed_is_read() {
    let server = small().await;
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.ask("POST /echo", &["Content-Length: 1000"]).await;
        client.send(&[b'x'; SMALL as usize]).await;
        assert_eq!(client.answer().await.text(), "1000 bytes");
    }
    client.ask("POST /echo", &["Transfer-Encoding: chunked"]).await;
    client.send(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "7 bytes");
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_and_its_sender_told() {
    let server = small().await;
    let mut client = server.connect().await;
    client.ask("POST /echo", &["Content-Length: 1001"]).await;
    let answer = client.answer().await;
    answer.assert_error(413, "too_large");
    assert_eq!(answer.header("connection"), Some("close"));
    // One who has sent megabytes before he listens must not find the connection reset.
    let mut client = server.connect().await;
    client.ask("POST /echo", &["Content-Length: 20000000"]).await;
    client.send(&vec![b'x'; 20_000_000]).await;
    client.answer().await.assert_error(413, "too_large");
    assert!(client.is_ended().await);
    // One who asks before he sends is not asked to send.
    let mut client = server.connect().await;
    client.ask("POST /echo", &["Content-Length: 1001", "Expect: 100-continue"]).await;
    client.answer().await.assert_error(413, "too_large");
}

#[tokio::test]
async fn a_body_that_turns_out_too_large_is_cut() {
    let server = small().await;
    let mut client = server.connect().await;
    client.ask("POST /echo", &["Transfer-Encoding: chunked"]).await;
    for _ in 0..2_000 {
        client.send(format!("200\r\n{}\r\n", "x".repeat(512)).as_bytes()).await;
    }
    client.answer().await.assert_error(413, "too_large");
}

#[tokio::test]
async fn a_body_that_nobody_reads_disturbs_neither_its_answer_nor_the_next_request() {
    let server = Server::start(EdgeSettings::default()).await;
    let mut client = server.connect().await;
    client.ask("POST /unread", &["Content-Length: 3000000"]).await;
    client.send(&vec![b'x'; 3_000_000]).await;
    assert_eq!(client.answer().await.text(), "not read");
    client.ask("GET /plain", &[]).await;
    assert_eq!(client.answer().await.text(), "plain");
}

#[tokio::test]
async fn over_http_2_as_well_a_refused_sender_is_told() {
    let server = Server::start(EdgeSettings::default()).await;
    let stream = TokioIo::new(server.connect().await.stream);
    let (mut requests, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    for (path, size, status) in
        [("/echo", 9_000_000, 413), ("/unread", 3_000_000, 200), ("/echo", 8_000_000, 200), ("/panics", 3_000_000, 500)]
    {
        let request = Request::post(format!("http://tocsin{path}")).body("x".repeat(size)).unwrap();
        let response = timeout(PATIENCE, requests.send_request(request)).await.expect("an answer").unwrap();
        assert_eq!(response.status(), status, "{path}");
        let mut body = pin!(response.into_body());
        while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            frame.unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let server = Server::start(limited(BodyLimits { grace: Duration::from_millis(100), ..BodyLimits::default() })).await;
    let mut slow = server.connect().await;
    slow.ask("POST /echo", &["Content-Length: 10"]).await;
    slow.send(b"abc").await;
    assert_eq!(server.ask("GET /plain", &[]).await.status, 200);
    slow.answer().await.assert_error(408, "body_timeout");
    assert!(slow.is_ended().await);
}

#[tokio::test]
async fn who_speaks_of_a_socket_and_sends_a_body_is_heard_to_the_end() {
    let server = Server::start(limited(BodyLimits::default())).await;
    for method in ["POST", "GET"] {
        let mut client = server.connect().await;
        client.ask(&format!("{method} /echo"), &["Upgrade: websocket", "Content-Length: 3"]).await;
        tokio::time::sleep(Duration::from_millis(50)).await; // so that the head is heard alone
        client.send(b"abc").await;
        assert_eq!(client.answer().await.body, b"3 bytes");
    }
}

#[tokio::test]
async fn a_body_that_comes_at_a_pace_still_has_an_end() {
    let (grace, within) = (Duration::from_millis(1), Duration::from_millis(200));
    let server = Server::start(limited(BodyLimits { grace, within, bytes_per_second: 1, ..BodyLimits::default() })).await;
    let mut slow = server.connect().await;
    slow.ask("POST /echo", &["Content-Length: 2000"]).await;
    slow.send(&[b'x'; 1_000]).await; // a thousand seconds at this pace
    slow.answer().await.assert_error(408, "body_timeout");
}

#[tokio::test]
async fn addresses_and_heads_have_a_length() {
    let server = Server::start(EdgeSettings::default()).await;
    let fits = format!("GET /plain?{}", "x".repeat(8 * 1024 - "/plain?".len()));
    assert_eq!(server.ask(&fits, &[]).await.status, 200);
    server.ask(&format!("{fits}x"), &[]).await.assert_error(414, "uri_too_long");
    let headers: Vec<_> = (0..90).map(|n| format!("X-{n}: x")).collect();
    let headers: Vec<_> = headers.iter().map(String::as_str).collect();
    assert_eq!(server.ask("GET /plain", &headers).await.status, 200);
    assert_eq!(server.ask("GET /plain", &[&headers[..], &headers].concat()).await.status, 431);
    let long = format!("X: {}", "x".repeat(60_000));
    assert_eq!(server.ask("GET /plain", &[&long]).await.status, 200);
    let mut client = server.connect().await;
    client.ask("GET /plain", &[&long, "Y: yyyy"]).await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(server.ask("GET /plain", &[&long, &long]).await.status, 431);
}
