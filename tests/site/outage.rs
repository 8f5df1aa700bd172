//! The database is gone, and people look at pages all the more.

use crate::{mongod::Mongod, support::Server};
use serde_json::json;
use std::time::{Duration, Instant};

/// Longer than every timeout of store and directory together.
const PATIENCE: Duration = Duration::from_secs(60);

async fn read(server: &Server, path: &str) -> (u16, String) {
    let answer = server.stranger().raw_get(path).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn until(server: &Server, path: &str, good: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, page) = read(server, path).await;
        if status == 200 && good(&page) {
            return page;
        }
        assert!(Instant::now() < deadline, "{path}: {status} {page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_stale(page: &str) -> bool {
    page.contains("<p class=\"stale\" id=\"stale\">")
}

#[tokio::test]
async fn pages_stay_up_when_the_database_is_gone_and_say_since_when() {
    let mut mongod = Mongod::start().await;
    let server = Server::start_sleepy(&mongod.uri("gone")).await;
    let (founder, org) = server.founder("asleep").await;
    let service = founder.make(&org, "/services", json!({ "name": "The API" })).await;
    // Only by a program; nobody has its page open, which would keep it awake.
    assert!(read(&server, "/status/asleep/api/v2/status.json").await.1.contains("All Systems Operational"));
    // Changed after it was last looked at: what is kept must not be what was looked at.
    let affected = json!([{ "service_id": service, "status": "major_outage" }]);
    let incident = json!({ "title": "It is down", "affected": affected });
    let incident = founder.make(&org, "/incidents", incident).await;
    server.falls_asleep(&org).await;
    let (awake_founder, awake) = server.founder("awake").await;
    awake_founder.make(&awake, "/services", json!({ "name": "The site" })).await;
    assert!(!is_stale(&read(&server, "/status/awake").await.1));
    mongod.kill();
    let asleep = until(&server, "/status/asleep", is_stale).await;
    assert!(asleep.contains("Major outage") && asleep.contains("It is down"), "{asleep}");
    let awake = until(&server, "/status/awake", is_stale).await;
    assert!(awake.contains("The site"), "{awake}");
    let (status, summary) = read(&server, "/status/asleep/api/v2/summary.json").await;
    assert!(status == 200 && summary.contains("It is down"), "{status} {summary}");
    let summary = server.stranger().raw_get("/status/asleep/api/v2/summary.json").send().await.unwrap();
    assert!(summary.headers().contains_key("stale-since"), "{summary:?}");
    // Never looked at, and so not kept.
    assert_eq!(read(&server, &format!("/status/asleep/incidents/{incident}")).await.0, 503);
    mongod.restart().await;
    for page in ["/status/asleep", "/status/awake"] {
        until(&server, page, |page| !is_stale(page)).await;
    }
}

#[tokio::test]
async fn nothing_is_kept_of_an_organization_that_was_deleted() {
    let mut mongod = Mongod::start().await;
    let server = Server::start_sleepy(&mongod.uri("deleted")).await;
    let (founder, org) = server.founder("deleted").await;
    assert_eq!(read(&server, "/status/deleted").await.0, 200);
    founder.client.delete(&org.at("")).await.is(204);
    server.sweep().await;
    mongod.kill();
    let (status, page) = read(&server, "/status/deleted").await;
    assert!([404, 503].contains(&status), "{status} {page}");
}

#[tokio::test]
async fn what_was_taken_back_is_not_shown_when_the_database_is_gone() {
    let mut mongod = Mongod::start().await;
    let server = Server::start_sleepy(&mongod.uri("taken_back")).await;
    let (founder, org) = server.founder("careful").await;
    let incident = founder.make(&org, "/incidents", json!({ "title": "Told too much", "affected": [] })).await;
    let (page, summary) = (format!("/status/careful/incidents/{incident}"), "/status/careful/api/v2/summary.json");
    assert_eq!(read(&server, &page).await.0, 200);
    server.falls_asleep(&org).await;
    founder.client.patch(&org.at(&format!("/incidents/{incident}")), json!({ "visibility": "private" })).await.is(200);
    assert!(!read(&server, summary).await.1.contains("Told too much"));
    server.falls_asleep(&org).await;
    mongod.kill();
    until(&server, summary, |_| true).await;
    let (status, page) = read(&server, &page).await;
    assert!([404, 503].contains(&status) && !page.contains("Told too much"), "{status} {page}");
}
