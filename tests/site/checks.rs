//! What visitors are told of website checks.

use crate::{
    support::{Org, Person, Server},
    website::Site,
};
use serde_json::{Value, json};
use std::time::Duration;

const NONE: &str = "<section id=\"checks\" hidden></section>";

/// A monitor that turns at once, and how it is checked.
async fn monitor(founder: &Person, org: &Org, site: &Site, name: &str, visibility: &str) -> String {
    let url = format!("{}?key=s3cret", site.url);
    let body = json!({ "name": name, "url": url, "failure_threshold": 1, "visibility": visibility });
    let id = founder.make(org, "/monitors", body).await;
    org.at(&format!("/monitors/{id}/check"))
}

async fn read(server: &Server, path: &str) -> String {
    let answer = server.stranger().get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text
}

/// With what was found: nobody waits for a slow store, a page that was made without is made again soon.
async fn read_whole(server: &Server, path: &str) -> String {
    let whole = async {
        loop {
            let shown = read(server, path).await;
            if shown.contains("answers took") {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), whole).await.expect("what was found is shown")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_tells_what_public_checks_found_and_nothing_of_the_others() {
    let server = Server::start_watching_when_asked().await;
    let (founder, org) = server.founder("watched").await;
    let site = Site::open().await;
    let shop = monitor(&founder, &org, &site, "Shop <b>", "public").await;
    let hidden = monitor(&founder, &org, &site, "Backstage", "private").await;
    for check in [&shop, &hidden] {
        founder.client.post(check, Value::Null).await.is(200);
    }
    site.is(false);
    founder.client.post(&shop, Value::Null).await.is(200);

    let page = read_whole(&server, "/status/watched").await;
    let part = read_whole(&server, "/status/watched/checks").await;
    assert!(part.starts_with("<section id=\"checks\"") && page.contains(&part), "{part} is not on {page}");
    assert!(page.contains("id=\"empty\" hidden>"), "{page}");
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
    let points = monitors[0]["points"].as_array().unwrap();
    let all = |field: &str| points.iter().map(|point| point[field].as_u64().unwrap()).sum::<u64>();
    assert!(all("checks") == all("up") + 1 && points.iter().all(|point| point["average_ms"].is_u64()), "{told}");
    assert!(monitors[0]["uptime"].as_f64().is_some_and(|uptime| uptime > 0.0 && uptime < 1.0), "{told}");
    assert!(!told.to_string().contains("127.0.0.1"), "{told}");
    server.stop().await;
}

#[tokio::test]
async fn a_page_without_public_checks_says_nothing_of_checks() {
    let server = Server::start_watching_when_asked().await;
    let (founder, org) = server.founder("unwatched").await;
    monitor(&founder, &org, &Site::open().await, "Backstage", "private").await;
    let page = read(&server, "/status/unwatched").await;
    assert!(page.contains(NONE) && page.contains("id=\"empty\">"), "{page}");
    let told = server.stranger().get("/api/v1/public/unwatched/monitors").await.is(200);
    assert_eq!(told["items"], json!([]));
    server.stop().await;
}
