//! How answers travel: compressed where that helps, and otherwise as their routes made them.

use crate::{routes::big, server::Server};
use tocsin::http::edge::EdgeSettings;

const JSON: &str = "GET /big/application-json";

#[tokio::test]
async fn text_is_compressed_for_those_who_can_read_it() {
    let server = Server::start(EdgeSettings::default()).await;
    for (accept, encoding) in [("gzip", "gzip"), ("br", "br"), ("gzip, deflate, br, zstd", "br"), ("br;q=0.1, gzip;q=0.9", "gzip")]
    {
        let answer = server.ask(JSON, &[&format!("Accept-Encoding: {accept}")]).await;
        assert_eq!(answer.header("content-encoding"), Some(encoding), "{accept}");
        assert_eq!((answer.header("etag"), answer.all("vary").as_str()), (Some("\"1\""), "accept-encoding"));
        assert!((1..big().len() / 10).contains(&answer.body.len()), "{} bytes", answer.body.len());
        assert!(encoding != "gzip" || answer.body.starts_with(&[0x1f, 0x8b]));
    }
    for accept in ["identity", "gzip;q=0", "deflate", ""] {
        let answer = server.ask(JSON, &[&format!("Accept-Encoding: {accept}")]).await;
        assert_eq!((answer.header("content-encoding"), answer.text()), (None, big().as_str()), "{accept}");
        assert_eq!(answer.all("vary"), "accept-encoding", "caches keep it for those who can");
    }
}

#[tokio::test]
async fn nothing_else_is_compressed() {
    let server = Server::start(EdgeSettings::default()).await;
    let accept = ["Accept-Encoding: gzip, br"];
    for line in ["GET /plain", "GET /big/image-png", "GET /big/text-event-stream"] {
        let answer = server.ask(line, &accept).await;
        assert_eq!((answer.header("content-encoding"), answer.all("vary").as_str()), (None, ""), "{line}");
        assert!(answer.header("content-length").is_some(), "{line}");
    }
    let same = server.ask("GET /same", &accept).await;
    assert_eq!((same.status, same.header("etag"), same.all("vary").as_str()), (304, Some("\"1\""), "accept-encoding"));
}

#[tokio::test]
async fn head_says_how_long_the_answer_would_be() {
    let server = Server::start(EdgeSettings::default()).await;
    let mut client = server.connect().await;
    client.ask("HEAD /big/application-json", &["Accept-Encoding: gzip, br"]).await;
    let head = client.head().await;
    assert!(head.contains(&format!("content-length: {}\r\n", big().len())) && !head.contains("content-encoding"), "{head}");
    client.ask("GET /plain", &[]).await;
    assert_eq!(client.answer().await.text(), "plain");
}

#[tokio::test]
async fn a_connection_may_become_something_else() {
    let server = Server::start(EdgeSettings::default()).await;
    let mut client = server.connect().await;
    client.ask("GET /upgrade", &["Connection: Upgrade", "Upgrade: twice"]).await;
    let head = client.head().await;
    assert!(head.starts_with("http/1.1 101 ") && head.contains("upgrade: twice"), "{head}");
    client.send(b"abcdefgh").await;
    assert_eq!(client.exactly(16).await, b"abcdabcdefghefgh");
    assert_eq!(server.count("tocsin_http_connections"), 1.0, "it still has its place");
    drop(client);
    server.wait_for_count("tocsin_http_connections", 0.0).await;
}
