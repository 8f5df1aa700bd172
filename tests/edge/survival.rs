//! What a handler or a client does wrong stays with it.

use crate::server::Server;
use std::time::Duration;
use tocsin::http::edge::EdgeSettings;

#[tokio::test]
async fn a_panic_is_an_answer_and_the_next_request_works() {
    let server = Server::start(EdgeSettings::default()).await;
    let mut client = server.connect().await;
    for (n, path) in [(1, "/panics"), (2, "/panics/later")] {
        client.ask(&format!("GET {path}"), &[]).await;
        let answer = client.answer().await;
        answer.assert_error(500, "internal");
        assert!(!answer.text().contains("on purpose"), "{answer:?}");
        assert_eq!(server.edge.telemetry().panics(), n);
        client.ask("GET /plain", &[]).await;
        assert_eq!(client.answer().await.text(), "plain");
    }
    assert_eq!(server.count("tocsin_http_panics_total"), 2.0);
    assert_eq!(server.count("tocsin_http_requests_in_flight"), 0.0);
}

#[tokio::test]
async fn a_handler_that_never_answers_is_given_up() {
    let server = Server::start(EdgeSettings { answer_within: Duration::from_millis(50), ..EdgeSettings::default() }).await;
    let answer = server.ask("GET /never", &[]).await;
    answer.assert_error(503, "timeout");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn an_answer_that_began_in_time_may_go_on() {
    let server = Server::start(EdgeSettings { answer_within: Duration::from_millis(20), ..EdgeSettings::default() }).await;
    let mut client = server.connect().await;
    client.ask("GET /endless", &["Accept-Encoding: gzip"]).await;
    let head = client.head().await;
    assert!(head.starts_with("http/1.1 200 ") && !head.contains("content-encoding"), "{head}");
    // Others were given up meanwhile, which takes longer than it was allowed.
    server.ask("GET /never", &[]).await.assert_error(503, "timeout");
    client.exactly(4_000_000).await;
}

#[tokio::test]
async fn who_takes_nothing_is_cut() {
    let server = Server::start(EdgeSettings { taken_within: Duration::from_millis(100), ..EdgeSettings::default() }).await;
    let mut deaf = server.connect().await;
    deaf.ask("GET /endless", &[]).await;
    server.wait_for_count("tocsin_http_requests_total{route=\"unknown\",method=\"GET\",status=\"200\"}", 1.0).await;
    server.wait_for_count("tocsin_http_connections", 0.0).await;
}

#[tokio::test]
async fn who_leaves_before_the_answer_is_counted_as_gone() {
    let server = Server::start(EdgeSettings::default()).await;
    let mut client = server.connect().await;
    client.ask("GET /never", &[]).await;
    server.wait_for_count("tocsin_http_requests_in_flight", 1.0).await;
    drop(client);
    server.wait_for_count("tocsin_http_requests_total{route=\"unknown\",method=\"GET\",status=\"499\"}", 1.0).await;
    assert_eq!(server.count("tocsin_http_requests_in_flight"), 0.0);
    server.stop().await;
}

#[tokio::test]
async fn labels_of_counters_are_few_whatever_is_asked() {
    let server = Server::start(EdgeSettings::default()).await;
    for n in 0..20 {
        server.ask(&format!("GET /api/v1/things/{n}"), &[]).await;
        server.ask(&format!("GET /nothing/{n}"), &[]).await;
        server.ask(&format!("WORD{n} /plain"), &[]).await;
    }
    let requests = |labels: &str| server.count(&format!("tocsin_http_requests_total{{{labels}}}"));
    assert_eq!(requests(r#"route="/api/v1/things/{id}",method="GET",status="200""#), 20.0);
    assert_eq!(requests(r#"route="unknown",method="GET",status="404""#), 20.0);
    assert_eq!(requests(r#"route="/plain",method="other",status="200""#), 20.0);
    assert_eq!(server.count(r#"tocsin_http_request_seconds_count{route="unknown"}"#), 20.0);
}
