//! What visitors are told of website checks.

use crate::{
    support::{Org, Person, Server},
    website::Site,
};
use serde_json::{Value, json};

const NONE: &str = "<section id=\"checks\" hidden></section>";

/// A check that nobody makes by itself soon, and that turns at once.
async fn monitor(founder: &Person, org: &Org, site: &Site, name: &str, visibility: &str) -> String {
    let url = format!("{}?key=s3cret", site.url);
    let body = json!({ "name": name, "url": url, "interval_s": 86_400, "failure_threshold": 1, "visibility": visibility });
    let id = founder.make(org, "/monitors", body).await;
    org.at(&format!("/monitors/{id}/check"))
}

async fn read(server: &Server, path: &str) -> String {
    let answer = server.stranger().get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_tells_what_public_checks_found_and_nothing_of_the_others() {
    let server = Server::start_watching().await;
    let (founder, org) = server.founder("watched").await;
    let site = Site::open().await;
    let shop = monitor(&founder, &org, &site, "Shop <b>", "public").await;
    let hidden = monitor(&founder, &org, &site, "Backstage", "private").await;
    for check in [&shop, &hidden] {
        founder.client.post(check, Value::Null).await.is(200);
    }
    site.is(false);
    founder.client.post(&shop, Value::Null).await.is(200);

    let page = read(&server, "/status/watched").await;
    let part = read(&server, "/status/watched/checks").await;
    assert!(part.starts_with("<section id=\"checks\"") && page.contains(&part), "{part} is not on {page}");
    assert!(!page.contains("has not listed any services"), "{page}");
    for said in
        ["role=\"img\" aria-label=\"Shop &#60;b&#62;: answers took ", ">Down<", "d-operational", "d-major", "up over 90 days"]
    {
        assert!(part.contains(said), "{said} is not in {part}");
    }
    for secret in ["Backstage", "s3cret", "127.0.0.1:"] {
        assert!(!part.contains(secret), "{secret} is in {part}");
    }

    let told = server.stranger().get("/api/v1/public/watched/monitors").await.is(200);
    let monitors = told["items"].as_array().unwrap();
    assert_eq!((monitors.len(), &monitors[0]["name"], &monitors[0]["state"]), (1, &json!("Shop <b>"), &json!("down")));
    let point = &monitors[0]["points"][0];
    assert!(point["checks"].as_u64() > point["up"].as_u64() && point["average_ms"].is_u64(), "{told}");
    assert!(monitors[0]["uptime"].as_f64().is_some_and(|uptime| uptime > 0.0 && uptime < 1.0), "{told}");
    assert!(!told.to_string().contains("127.0.0.1"), "{told}");
    server.stop().await;
}

#[tokio::test]
async fn a_page_without_public_checks_says_nothing_of_checks() {
    let server = Server::start_watching().await;
    let (founder, org) = server.founder("unwatched").await;
    monitor(&founder, &org, &Site::open().await, "Backstage", "private").await;
    let page = read(&server, "/status/unwatched").await;
    assert!(page.contains(NONE) && page.contains("has not listed any services"), "{page}");
    let told = server.stranger().get("/api/v1/public/unwatched/monitors").await.is(200);
    assert_eq!(told["items"], json!([]));
    server.stop().await;
}
