//! A facade beside the canonical route that does the same, and how long after a change a Socket.IO client hears of it.
//!
//! `cargo bench --bench facades [-- --seconds 3 --rounds 5]`; the load comes from `wrk`, another process.

#![allow(missing_docs, clippy::unwrap_used, dead_code)]

#[path = "../engine/work.rs"]
mod work;
#[path = "../http/wrk.rs"]
mod wrk;

use futures::{SinkExt, StreamExt};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tocsin::{
    app::{App, AppSettings},
    facades::{Name, OpenTo},
    http::edge::{EdgeSettings, RateSettings},
    identity::{Access, Scopes},
};
use tocsin_actors::{domain::Author, testkit::builders::*};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_tungstenite::tungstenite::Message;
use work::{Kind, found, median};
use wrk::{STATUSES, Target, wrk};

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: u32 = 100;
const LISTENERS: usize = 100;
const CHANGES: usize = 300;
const SERVICES: u64 = 20;

/// The same done to the same organization over both.
struct Pair {
    what: &'static str,
    method: (&'static str, &'static str),
    canonical: Vec<Target>,
    facade: Vec<Target>,
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default(); // the client asks for one, also for plain HTTP
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |flag: &str, default: u64| {
        args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).and_then(|n| n.parse().ok()).unwrap_or(default)
    };
    let (time, rounds) = (Duration::from_secs(number("--seconds", 3)), number("--rounds", 5));
    let place = Kind::Embedded.place();
    let store = tocsin::store::open(&place.url).await.unwrap();
    let edge = EdgeSettings { rates: RateSettings::of_requests_per_second(0), ..EdgeSettings::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let canonical = listener.local_addr().unwrap();
    let mut app = App::start(store, AppSettings { edge, ..AppSettings::default() }, listener).await.unwrap();
    found(app.directory(), 1, SERVICES).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let facade = listener.local_addr().unwrap();
    app.open_facade(Name::Plive, listener, Some(OpenTo::One(org(1)))).await.unwrap();
    let scopes = Scopes::all(Access::Write);
    let (_, secret) = app.identity().create_key(org(1), Author::System, "bench".into(), scopes, None).await.unwrap();
    let token = secret.expose().to_owned();
    let view = app.directory().view(org(1)).await.unwrap();
    let (own, others): (Vec<_>, Vec<_>) = view
        .services()
        .keys()
        .map(|id| {
            let path = format!("/api/v1/orgs/{}/services/{id}", org(1));
            let own = Target { path, token: token.clone(), words: STATUSES };
            (own, Target { path: format!("/api/services/{id}"), token: String::new(), words: ["operational", "major"] })
        })
        .unzip();
    let pairs = [
        Pair { what: "reads of one service", method: ("GET", "GET"), canonical: own[..1].to_vec(), facade: others[..1].to_vec() },
        Pair { what: "changes of a status", method: ("PATCH", "PUT"), canonical: own, facade: others },
    ];
    println!(
        "| {CONNECTIONS} connections, medians of {rounds} rounds | canonical, per second | plive | ratio |\n|---|---|---|---|"
    );
    for Pair { what, method, canonical: own, facade: others } in &pairs {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let one = wrk(canonical, own, CONNECTIONS, time, method.0).await;
            let other = wrk(facade, others, CONNECTIONS, time, method.1).await;
            assert_eq!((one.failed, other.failed), (0, 0), "something was refused");
            ours.push(one.per_second);
            theirs.push(other.per_second);
        }
        let ratio = median(theirs.iter().zip(&ours).map(|(theirs, ours)| theirs / ours).collect());
        println!("| {what} | {:.0} | {:.0} | {ratio:.2} |", median(ours), median(theirs));
    }
    let late = told(facade, &pairs[1].facade[0].path).await;
    let at = |part: f64| late[((late.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "\n{LISTENERS} Socket.IO clients over WebSocket, {CHANGES} changes, from asking for one to hearing of it, ms: \
         p50 {:.1}, p99 {:.1}, max {:.1}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    app.shutdown().await;
}

/// How long each client waited for each change, sorted.
async fn told(facade: SocketAddr, path: &str) -> Vec<Duration> {
    let (hear, mut heard) = mpsc::unbounded_channel();
    for _ in 0..LISTENERS {
        let url = format!("ws://{facade}/socket.io/?EIO=4&transport=websocket");
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        socket.next().await.unwrap().unwrap(); // the transport is open
        socket.send(Message::text("40")).await.unwrap();
        // And so is the namespace, perhaps after a question whether we are there.
        while !socket.next().await.unwrap().unwrap().to_text().unwrap().starts_with("40") {
            socket.send(Message::text("3")).await.unwrap();
        }
        let hear = hear.clone();
        tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                match message.to_text() {
                    Ok("2") => socket.send(Message::text("3")).await.unwrap(),
                    Ok(text) if text.starts_with("42") => hear.send(Instant::now()).unwrap(),
                    _ => {}
                }
            }
        });
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut late = Vec::new();
    for n in 0..CHANGES {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let body = if n % 2 == 0 { r#"{"status":"partial"}"# } else { r#"{"status":"degraded"}"# };
        let asked = client.put(format!("http://{facade}{path}")).header("content-type", "application/json").body(body);
        let began = Instant::now();
        asked.send().await.unwrap().error_for_status().unwrap();
        for _ in 0..LISTENERS {
            late.push(heard.recv().await.unwrap() - began);
        }
    }
    late.sort();
    late
}
