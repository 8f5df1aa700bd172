//! Who asks, how often, and how many at a time.

use crate::server::Server;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tocsin::http::edge::{ConnectionLimits, EdgeSettings, Rate, RateSettings};
use uuid::Uuid;

fn behind(proxies: &[&str]) -> EdgeSettings {
    let trusted_proxies = proxies.iter().map(|network| network.parse().unwrap()).collect();
    EdgeSettings { trusted_proxies, ..EdgeSettings::default() }
}

/// Two requests, and no third for a quarter of an hour.
fn two_requests(settings: EdgeSettings) -> EdgeSettings {
    let rates = RateSettings { address: Rate::new(0.001, 2), ..RateSettings::default() };
    EdgeSettings { rates, ..settings }
}

#[tokio::test]
async fn who_is_asked_too_often_says_when_to_come_again_and_only_to_that_client() {
    let server = Server::start(two_requests(EdgeSettings::default())).await;
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.ask("GET /plain", &[]).await;
        assert_eq!(client.answer().await.status, 200);
    }
    client.ask("GET /plain", &["X-Forwarded-For: 192.0.2.1"]).await;
    let refused = client.answer().await;
    refused.assert_error(429, "rate_limited");
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((900..=1_000).contains(&after), "{after}");
    assert_eq!(server.ask_from("127.0.0.2", "GET /plain", &[]).await.status, 200);
}

#[tokio::test]
async fn whoever_asks_too_often_waits_to_hear_so_and_nobody_else_does() {
    let waits = Duration::from_millis(300);
    let server = Server::start(EdgeSettings { refused_after: waits, ..two_requests(EdgeSettings::default()) }).await;
    for _ in 0..2 {
        assert_eq!(server.ask("GET /plain", &[]).await.status, 200);
    }
    let (refused, others) = (Instant::now(), AtomicUsize::new(0));
    let flood = async {
        server.ask("GET /plain", &[]).await.assert_error(429, "rate_limited");
        assert!(refused.elapsed() >= waits, "{:?}", refused.elapsed());
        others.load(Ordering::Relaxed)
    };
    let beside = async {
        for _ in 0..2 {
            assert_eq!(server.ask_from("127.0.0.2", "GET /plain", &[]).await.status, 200);
            others.fetch_add(1, Ordering::Relaxed);
        }
    };
    assert_eq!(tokio::join!(flood, beside).0, 2, "somebody else waited too");
}

#[tokio::test]
async fn behind_a_proxy_each_client_has_a_limit_of_its_own() {
    let server = Server::start(two_requests(behind(&["127.0.0.1/32"]))).await;
    for _ in 0..2 {
        for client in ["192.0.2.1", "192.0.2.2"] {
            let forwarded = format!("X-Forwarded-For: {client}");
            assert_eq!(server.ask("GET /plain", &[&forwarded]).await.status, 200, "{client}");
        }
    }
    // A client can put anything in front, and an IPv6 customer has many addresses.
    server.ask("GET /plain", &["X-Forwarded-For: 198.51.100.1, 192.0.2.1"]).await.assert_error(429, "rate_limited");
    for (address, status) in [("2001:db8::1", 200), ("2001:db8::2", 200), ("2001:db8::3", 429), ("2001:db8:0:1::3", 200)] {
        let forwarded = format!("X-Forwarded-For: {address}");
        assert_eq!(server.ask("GET /plain", &[&forwarded]).await.status, status, "{address}");
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_says_who_asks_and_names_the_request() {
    let server = Server::start(behind(&["127.0.0.2/32"])).await;
    let says = ["X-Forwarded-For: 198.51.100.1, 192.0.2.1", "X-Request-Id: from-a-proxy"];
    let trusted = server.ask_from("127.0.0.2", "GET /who", &says).await;
    assert_eq!(trusted.text(), "192.0.2.1 by 127.0.0.2 as from-a-proxy");
    assert_eq!(trusted.header("x-request-id"), Some("from-a-proxy"));
    let stranger = server.ask("GET /who", &says).await;
    let id = stranger.header("x-request-id").unwrap();
    assert_eq!(stranger.text(), format!("127.0.0.1 by 127.0.0.1 as {id}"));
    assert_eq!(id.parse::<Uuid>().unwrap().get_version_num(), 7);
    let odd = server.ask_from("127.0.0.2", "GET /who", &["X-Request-Id: not plain"]).await;
    assert!(odd.header("x-request-id").unwrap().parse::<Uuid>().is_ok(), "{odd:?}");
    assert_ne!(server.ask("GET /who", &[]).await.header("x-request-id"), server.ask("GET /who", &[]).await.header("x-request-id"));
}

#[tokio::test]
async fn connections_above_a_limit_are_closed_and_others_never_notice() {
    let connections = ConnectionLimits { total: 4, per_address: 2 };
    let server = Server::start(EdgeSettings { connections, ..EdgeSettings::default() }).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect().await;
        client.ask("GET /plain", &[]).await;
        assert_eq!(client.answer().await.status, 200);
        held.push(client);
    }
    assert!(server.connect().await.is_ended().await);
    let other = server.ask_from("127.0.0.2", "GET /plain", &["Connection: close"]).await;
    assert_eq!(other.status, 200);
    for client in &mut held {
        client.ask("GET /plain", &[]).await;
        assert_eq!(client.answer().await.status, 200);
    }
    held.pop();
    server.wait_for_count("tocsin_http_connections", 1.0).await;
    assert_eq!(server.ask("GET /plain", &[]).await.status, 200);
    assert_eq!(server.count("tocsin_http_connections_turned_away_total"), 1.0);
}
