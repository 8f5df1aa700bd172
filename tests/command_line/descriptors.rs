//! A server that may open no more files: who is there stays, who comes is told so.

use crate::program::{PATIENCE, Place, Server, fixture};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

/// Enough for the store and the runtime, and some connections.
const DESCRIPTORS: u32 = 80;

/// One answer on a connection that stays open.
fn ask(stream: &mut TcpStream, request: &str, body: &str) -> (u16, String) {
    let head = format!("{request}Host: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let head = read_head(stream);
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), String::from_utf8(body).unwrap())
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// The text of one message on a live socket.
fn hear(stream: &mut TcpStream) -> String {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let mut length = [0; 2];
    let length = match head[1] {
        126 => {
            stream.read_exact(&mut length).unwrap();
            u16::from_be_bytes(length).into()
        }
        small => usize::from(small),
    };
    let mut text = vec![0; length];
    stream.read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn when_there_are_no_descriptors_newcomers_are_refused_and_the_others_stay() {
    let place = Place::new();
    place.run(&["seed", "--quiet", "--store", "file:data", &fixture("demo.yaml")]).ok();
    let server =
        Server::start_with_descriptors(&place, DESCRIPTORS, &["--store", "file:data", "--connections-per-address", "1000"]);
    let mut asks = server.connect();
    let login = r#"{"email":"ada@kestrel.example","password":"kestrel-admin"}"#;
    let (status, tokens) = ask(&mut asks, "POST /api/v1/auth/login HTTP/1.1\r\n", login);
    assert_eq!(status, 200, "{tokens}");
    let tokens: serde_json::Value = serde_json::from_str(&tokens).unwrap();
    let mut listens = server.connect();
    let upgrade =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    write!(listens, "GET /ws/kestrel HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n").unwrap();
    assert!(read_head(&mut listens).starts_with("HTTP/1.1 101 "));
    let snapshot: serde_json::Value = serde_json::from_str(&hear(&mut listens)).unwrap();
    let service = snapshot["page"]["services"][0]["id"].as_str().unwrap().to_owned();

    // Who says nothing is not let in for a while: these begin to ask.
    let begins = || {
        let mut stream = server.connect();
        stream.write_all(b"GET /health HTTP/1.1\r\n").map(|()| stream).unwrap()
    };
    let mut crowd: Vec<TcpStream> = (0..DESCRIPTORS).map(|_| begins()).collect();
    let last = crowd.last_mut().unwrap();
    let refusal = read_head(last);
    assert!(refusal.starts_with("HTTP/1.1 503 ") && refusal.contains("Retry-After: 5"), "{refusal}");
    let health = |stream: &mut TcpStream| ask(stream, "GET /health HTTP/1.1\r\n", "").1;
    assert!(health(&mut asks).starts_with(r#"{"status":"full","reason":""#));
    let change = format!(
        "PATCH /api/v1/orgs/kestrel/services/{service} HTTP/1.1\r\nAuthorization: Bearer {}\r\n",
        tokens["access_token"].as_str().unwrap()
    );
    let (status, body) = ask(&mut asks, &change, r#"{"status":"major_outage"}"#);
    assert_eq!(status, 200, "{body}");
    assert!(hear(&mut listens).contains(r#""event":"service.status_changed""#), "who is there is told as before");

    drop(crowd);
    let began = Instant::now();
    loop {
        let mut comes = server.connect();
        write!(comes, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        if comes.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200 ") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "there is no room again: {answer}");
    }
    assert_eq!(server.terminate().0, Some(0));
}
