//! Pages on the domains of those whose they are.

use crate::support::{Client, Server};
use serde_json::json;

/// As a browser asks that has been led to us by a name of theirs.
async fn at(server: &Server, host: &str, path: &str) -> (u16, String) {
    let asked = server.stranger().raw_get(path).header("host", host).header("accept", "text/html,*/*");
    let answer = asked.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn name(client: &Client, path: &str, domain: Option<&str>) -> u16 {
    client.patch(path, json!({ "domain": domain })).await.status
}

#[tokio::test]
async fn a_page_is_on_its_own_domain_with_all_that_belongs_to_it() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("domain").await;
    founder.make(&org, "/services", json!({ "name": "The API" })).await;
    let incident = founder.make(&org, "/incidents", json!({ "title": "It is slow", "affected": [] })).await;
    assert_eq!(at(&server, "status.acme.example", "/").await.0, 404);
    assert_eq!(name(&founder.client, &org.at(""), Some("status.acme.example")).await, 200);
    let (status, page) = at(&server, "Status.Acme.Example:8080", "/").await;
    assert!(status == 200 && page.contains("The API"), "{status} {page}");
    let canonical = "<link rel=\"canonical\" href=\"http://status.acme.example\">";
    assert!(page.contains(canonical) && page.contains("data-org=\"domain\""), "{page}");
    assert!(page.contains("href=\"/history\"") && !page.contains("href=\"/status/"), "its links stay on it: {page}");
    for (path, said) in [
        ("/history", "It is slow"),
        (&*format!("/incidents/{incident}"), "It is slow"),
        ("/api/v2/summary.json", "\"url\":\"http://status.acme.example\""),
        ("/history.atom", "It is slow"),
        ("/badge.svg", "<svg"),
        ("/summary.json", "\"status\":"),
    ] {
        let (status, shown) = at(&server, "status.acme.example", path).await;
        assert!(status == 200 && shown.contains(said), "{path}: {status} {shown}");
    }
    // The same page under our own name leads on under our own name, and says where it belongs.
    let (_, ours) = at(&server, "127.0.0.1", "/status/domain").await;
    assert!(ours.contains(canonical) && ours.contains("href=\"/status/domain/history\""), "{ours}");
    // What is not a page is served as everywhere: the live stream and the programs are there.
    assert_eq!(at(&server, "status.acme.example", "/assets/page.js").await.0, 200);
    assert_eq!(at(&server, "status.acme.example", "/health").await.0, 200);
    assert_eq!(name(&founder.client, &org.at(""), None).await, 200);
    assert_eq!(at(&server, "status.acme.example", "/").await.0, 404);
}

#[tokio::test]
async fn a_domain_shows_its_own_organization_only() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("mine").await;
    let (other, theirs) = server.founder("theirs").await;
    let foreign = other.make(&theirs, "/incidents", json!({ "title": "Theirs", "affected": [] })).await;
    assert_eq!(name(&founder.client, &org.at(""), Some("mine.example")).await, 200);
    assert_eq!(name(&other.client, &theirs.at(""), Some("mine.example")).await, 409);
    assert_eq!(at(&server, "mine.example", &format!("/incidents/{foreign}")).await.0, 404);
    assert_eq!(at(&server, "other.example", "/").await.0, 404);
    // Neither by its path: whoever reads something under a name believes that it is theirs.
    assert_eq!(at(&server, "mine.example", "/status/theirs").await.0, 404);
    assert_eq!(at(&server, "mine.example", &format!("/status/{}", theirs.id)).await.0, 404);
    assert_eq!(at(&server, "mine.example", "/status/mine").await.0, 200);
}

#[tokio::test]
async fn who_does_not_want_to_be_found_tells_search_engines() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("shy").await;
    let robots = "<meta name=\"robots\" content=\"noindex\">";
    assert!(!at(&server, "127.0.0.1", "/status/shy").await.1.contains(robots));
    founder.client.patch(&org.at(""), json!({ "indexed": false })).await.is(200);
    for path in ["/status/shy", "/status/shy/history"] {
        assert!(at(&server, "127.0.0.1", path).await.1.contains(robots), "{path}");
    }
}
