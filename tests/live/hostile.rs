//! What somebody does who means no good, or whose machine does not work: it is their own trouble alone.

use crate::{
    follower::{Follower, SOON, hear, open, say},
    joining::furnished,
    support::Server,
};
use futures::SinkExt;
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

const GREETING: &str = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A socket that is one as far as the first words go, and then says whatever it likes.
async fn raw(base: &str, slug: &str, after: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let mut said = format!("GET /ws/{slug} HTTP/1.1\r\n{GREETING}\r\n").into_bytes();
    said.extend_from_slice(after);
    stream.write_all(&said).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    stream
}

/// Everything until it ends.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await.expect("waited for its end");
    rest
}

fn ends_with_code(bytes: &[u8], code: u16) -> bool {
    bytes.windows(4).any(|frame| frame[0] == 0x88 && frame[2..4] == code.to_be_bytes())
}

#[tokio::test]
async fn what_is_no_frame_ends_that_socket_alone() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("garbage").await;
    let services = furnished(&founder, &org).await;
    let base = server.stranger().base;
    let mut good = Follower::following(&server.stranger(), &org.slug).await;
    let cases: [(&str, &[u8], u16); 8] = [
        ("no mask", b"\x81\x02hi", 1002),
        ("a reserved bit", b"\xc1\x82aaaa\x09\x08", 1002),
        ("an unknown kind", b"\x83\x80aaaa", 1002),
        ("a control frame in pieces", b"\x09\x80aaaa", 1002),
        ("a large control frame", b"\x89\xfe\x00\x7eaaaa", 1002),
        ("nothing to continue", b"\x80\x80aaaa", 1002),
        ("not UTF-8", b"\x81\x81\0\0\0\0\xff", 1007),
        ("too large", b"\x81\xff\x00\x00\x00\x10\x00\x00\x00\x00aaaa", 1009),
    ];
    for (what, bytes, code) in cases {
        let said = rest(raw(&base, &org.slug, bytes).await).await;
        assert!(ends_with_code(&said, code), "{what}: {:x?}", &said[said.len().saturating_sub(60)..]);
    }
    // Whole noise, again and again.
    for n in 0..50_u64 {
        let noise: Vec<u8> = (0..4_000_u64).map(|byte| ((byte + n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
        drop(raw(&base, &org.slug, &noise).await);
    }
    founder.client.patch(&org.at(&format!("/services/{}", services[0])), json!({"status": "major_outage"})).await.is(200);
    good.hear().await;
    assert_eq!(good.names.len(), 1);
    server.end().await;
}

#[tokio::test]
async fn who_says_too_much_has_to_go() {
    let server = Server::start_unlimited().await;
    let (_, org) = server.founder("talkative").await;
    let mut socket = open(&server.stranger().base, &format!("/ws/{}", org.slug), None).await.unwrap();
    for _ in 0..500 {
        if socket.send(Message::text(r#"{"type":"ping"}"#)).await.is_err() {
            break;
        }
    }
    let code = loop {
        if let Err(close) = hear(&mut socket).await {
            break close.map(|close| u16::from(close.code));
        }
    };
    assert_eq!(code, Some(1008));
    server.end().await;
}

#[tokio::test]
async fn what_came_with_the_first_words_is_heard() {
    let server = Server::start_unlimited().await;
    let (_, org) = server.founder("hasty").await;
    // A ping that comes in the same packet as the request.
    let mut stream = raw(&server.stranger().base, &org.slug, b"\x89\x82\0\0\0\0hi").await;
    let mut said = Vec::new();
    while !said.windows(4).any(|bytes| bytes == b"\x8a\x02hi") {
        said.push(tokio::time::timeout(SOON, stream.read_u8()).await.expect("waited for a pong").unwrap());
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_read_delays_nobody_and_is_brought_up_to_date_when_it_does() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("sleepy").await;
    let services = furnished(&founder, &org).await;
    let mut good = Follower::following(&server.stranger(), &org.slug).await;
    let mut sleepy = Follower::following(&server.stranger(), &org.slug).await;
    // More than the kernels of both ends keep, and the log.
    let text = "x".repeat(4_000);
    for turn in 0..400 {
        let body = json!({"description": format!("{turn} {text}")});
        founder.client.patch(&org.at(&format!("/services/{}", services[0])), body).await.is(200);
        good.hear().await;
    }
    assert_eq!((good.snapshots, good.names.len()), (1, 400));
    let last = good.page["services"][0]["description"].clone();
    let mut heard = 0;
    while sleepy.page["services"][0]["description"] != last {
        sleepy.hear().await;
        heard += 1;
    }
    assert!(sleepy.snapshots >= 2 && heard < 399, "{} snapshots, {heard} messages", sleepy.snapshots);
    sleepy.assert_as_told_by(&server.stranger(), &org.slug).await;
    server.end().await;
}

#[tokio::test]
async fn a_socket_that_is_asked_to_go_goes_at_once() {
    let server = Server::start_unlimited().await;
    let (_, org) = server.founder("polite").await;
    let mut socket = open(&server.stranger().base, &format!("/ws/{}", org.slug), None).await.unwrap();
    hear(&mut socket).await.unwrap();
    socket.close(None).await.unwrap();
    assert!(hear(&mut socket).await.is_err());
    say_nothing_is_left(&server).await;
    server.end().await;
}

async fn say_nothing_is_left(server: &Server) {
    tokio::time::timeout(SOON, async {
        while server.sockets() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("waited for the socket to be gone");
}

#[tokio::test]
async fn who_vanishes_is_forgotten() {
    let server = Server::start_unlimited().await;
    let (_, org) = server.founder("vanishing").await;
    for _ in 0..20 {
        let mut socket = open(&server.stranger().base, &format!("/ws/{}", org.slug), None).await.unwrap();
        hear(&mut socket).await.unwrap();
        say(&mut socket, json!({"type": "ping"})).await;
    }
    say_nothing_is_left(&server).await;
    server.end().await;
}

#[tokio::test]
async fn who_asks_for_the_same_twice_in_one_breath_is_told_once() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("breath-one").await;
    let other = founder.found("breath-two").await;
    let services = furnished(&founder, &other).await;
    let mut socket = open(&server.stranger().base, &format!("/ws/{}", org.slug), None).await.unwrap();
    hear(&mut socket).await.unwrap();
    for _ in 0..5 {
        socket.feed(Message::text(json!({"type": "subscribe", "org": other.slug}).to_string())).await.unwrap();
    }
    socket.flush().await.unwrap();
    let mut snapshots = 0;
    for _ in 0..6 {
        snapshots += usize::from(hear(&mut socket).await.unwrap()["type"] == "snapshot");
    }
    assert_eq!(snapshots, 1);
    for service in &services[..2] {
        founder.client.patch(&other.at(&format!("/services/{service}")), json!({"status": "partial_outage"})).await.is(200);
        assert_eq!(hear(&mut socket).await.unwrap()["type"], "event");
    }
    say(&mut socket, json!({"type": "ping"})).await;
    assert_eq!(hear(&mut socket).await.unwrap(), json!({"type": "pong"}), "nothing was told twice");
    // What is said in one breath is done in order.
    let said = [json!({"type": "unsubscribe", "org": other.slug}), json!({"type": "subscribe", "org": other.slug})];
    for said in said.iter().cycle().take(6) {
        socket.feed(Message::text(said.to_string())).await.unwrap();
    }
    socket.flush().await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..9 {
        heard.push(hear(&mut socket).await.unwrap()["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(heard.join(" "), ["unsubscribed subscribed snapshot"; 3].join(" "));
    server.end().await;
}

#[tokio::test]
async fn a_message_in_endless_pieces_ends_its_socket_alone() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("endless").await;
    let services = furnished(&founder, &org).await;
    let base = server.stranger().base;
    let mut good = Follower::following(&server.stranger(), &org.slug).await;
    let mut pieces = b"\x01\x80\0\0\0\0".to_vec();
    pieces.extend(b"\x00\x80\0\0\0\0".repeat(40_000));
    let ends = tokio::spawn(async move {
        let said = rest(raw(&base, "endless", &pieces).await).await;
        assert!(ends_with_code(&said, 1008));
    });
    founder.client.patch(&org.at(&format!("/services/{}", services[0])), json!({"status": "major_outage"})).await.is(200);
    good.hear().await;
    ends.await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn a_connection_that_is_no_socket_of_its_own_is_served_the_same() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("carried").await;
    let services = furnished(&founder, &org).await;
    let (ours, mut theirs) = tokio::io::duplex(1024);
    server.welcome(ours, &org).await;
    let mut said = Vec::new();
    let mut until = async |end: &str| {
        while !String::from_utf8_lossy(&said).contains(end) {
            said.push(tokio::time::timeout(SOON, theirs.read_u8()).await.expect(end).unwrap());
        }
    };
    until(r#""type":"snapshot""#).await;
    founder.client.patch(&org.at(&format!("/services/{}", services[0])), json!({"status": "major_outage"})).await.is(200);
    until(r#""event":"service.status_changed""#).await;
    drop(theirs);
    say_nothing_is_left(&server).await;
    server.end().await;
}
