//! What browsers are told: who may use an answer, and what must not be done with it.

use crate::server::Server;
use std::time::Duration;
use tocsin::http::edge::EdgeSettings;
use warp::http::Method;

const ORIGIN: &str = "Origin: https://status.example.com";
const PREFLIGHT: [&str; 3] = [ORIGIN, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,x-new"];

fn open_to(origins: &[&str]) -> EdgeSettings {
    EdgeSettings { cors_origins: origins.iter().map(|&origin| origin.to_owned()).collect(), ..EdgeSettings::default() }
}

#[tokio::test]
async fn nothing_is_shared_unless_configured() {
    let server = Server::start(EdgeSettings::default()).await;
    for answer in [server.ask("GET /plain", &[ORIGIN]).await, server.ask("OPTIONS /plain", &PREFLIGHT).await] {
        assert_eq!(answer.status, 200, "the route answers as always: {answer:?}");
        assert!(!format!("{answer:?}").contains("access-control") && answer.all("vary").is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_named_origin_may_and_others_may_not() {
    let server = Server::start(open_to(&["https://other.example.com", "https://status.example.com"])).await;
    let answer = server.ask("GET /plain", &[ORIGIN]).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://status.example.com"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.all("access-control-expose-headers"), "etag, x-request-id, retry-after, location");
    assert_eq!(answer.all("vary"), "origin");
    for headers in [&[][..], &["Origin: https://evil.example.com"], &["Origin: null"], &["Origin: https://status.example.com.evil"]]
    {
        let answer = server.ask("GET /plain", headers).await;
        assert_eq!((answer.status, answer.all("vary").as_str()), (200, "origin"));
        assert!(!format!("{answer:?}").contains("access-control"), "{answer:?}");
    }
    // Errors can be read by the page too.
    assert!(server.ask("GET /panics", &[ORIGIN]).await.header("access-control-allow-origin").is_some());
    let preflight = server.ask("OPTIONS /plain", &PREFLIGHT).await;
    assert_eq!((preflight.status, preflight.body.len()), (204, 0));
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://status.example.com"));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD, POST, PUT, PATCH, DELETE"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization,x-new"));
    assert_eq!(preflight.header("access-control-max-age"), Some("7200"));
    assert_eq!(preflight.all("vary"), "access-control-request-method, access-control-request-headers, origin");
    let evil = ["Origin: https://evil.example.com", PREFLIGHT[1]];
    assert!(!format!("{:?}", server.ask("OPTIONS /plain", &evil).await).contains("access-control"));
}

#[tokio::test]
async fn every_origin_may_when_said_so_but_as_nobody() {
    let methods = |path: &str| if path == "/plain" { vec![Method::GET] } else { vec![] };
    let server = Server::start(EdgeSettings { methods, ..open_to(&["*"]) }).await;
    let answer = server.ask("GET /plain", &["Origin: https://anybody.example.com"]).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert_eq!(answer.all("vary"), "");
    assert_eq!(server.ask("OPTIONS /plain", &PREFLIGHT).await.header("access-control-allow-methods"), Some("GET"));
    assert_eq!(server.ask("OPTIONS /nothing", &PREFLIGHT).await.status, 404);
}

#[tokio::test]
async fn every_answer_says_what_browsers_must_not_do_with_it() {
    let server = Server::start(EdgeSettings { hsts: Some(Duration::from_secs(86_400)), ..EdgeSettings::default() }).await;
    let long = format!("GET /{}", "x".repeat(10_000));
    for line in
        ["GET /plain", "GET /api/v1/things/1", "GET /nothing", "GET /panics", "GET /big/application-json", "GET /page", &long]
    {
        let answer = server.ask(line, &[]).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{answer:?}");
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=86400"), "{answer:?}");
        assert!(answer.header("x-request-id").is_some(), "{answer:?}");
        let policy = if line == "GET /page" { "default-src 'self'" } else { "default-src 'none'; frame-ancestors 'none'" };
        assert_eq!(answer.header("content-security-policy"), Some(policy), "{answer:?}");
        let kept = match line {
            "GET /plain" | "GET /nothing" | "GET /page" => None,
            "GET /big/application-json" => Some("private, no-cache"),
            _ => Some("no-store"),
        };
        assert_eq!(answer.header("cache-control"), kept, "{answer:?}");
    }
    let plain = Server::start(EdgeSettings::default()).await;
    assert_eq!(plain.ask("GET /plain", &[]).await.header("strict-transport-security"), None);
}
