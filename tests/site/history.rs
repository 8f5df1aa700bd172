//! What was: by month, and each incident and maintenance for itself.

use crate::support::{Server, in_hours};
use serde_json::json;

/// What a browser gets.
async fn read(server: &Server, path: &str) -> (u16, String) {
    let answer = server.stranger().raw_get(path).header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn an_incident_has_a_page_of_its_own_with_all_that_was_said() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("told").await;
    let api = founder.make(&org, "/services", json!({ "name": "The API" })).await;
    let hidden = founder.make(&org, "/services", json!({ "name": "The vault", "visibility": "private" })).await;
    let affected = json!([{ "service_id": api, "status": "major_outage" }, { "service_id": hidden }]);
    let incident = json!({ "title": "It is down", "impact": "critical", "affected": affected, "message": "We look\nclosely" });
    let id = founder.make(&org, "/incidents", incident).await;
    let path = format!("/status/told/incidents/{id}");
    let (status, page) = read(&server, &path).await;
    assert_eq!(status, 200);
    for said in ["<h1>It is down</h1>", "Critical impact", "Investigating", "We look\nclosely", "The API"] {
        assert!(page.contains(said), "{said} is not on {page}");
    }
    assert!(!page.contains("vault") && !page.contains("Resolved") && !page.contains("Post-mortem"), "{page}");
    let canonical = format!("<link rel=\"canonical\" href=\"{}{path}\">", server.base());
    assert!(page.contains(&canonical), "{page}");
    founder.client.post(&org.at(&format!("/incidents/{id}/resolve")), json!({ "message": "Back" })).await.is(200);
    let postmortem =
        json!({ "body": "## Why\n\n- a `disk`\n- see [the graph](https://graphs.example/)\n\n<script>alert(1)</script>" });
    founder.client.put(&org.at(&format!("/incidents/{id}/postmortem")), postmortem).await.is(200);
    let (_, page) = read(&server, &path).await;
    for said in
        ["Resolved", "Back", "Post-mortem", "<h3>Why</h3>", "<li>a <code>disk</code></li>", "href=\"https://graphs.example/\""]
    {
        assert!(page.contains(said), "{said} is not on {page}");
    }
    assert_eq!(page.matches("<script").count(), 1, "our own program, nothing else: {page}");
}

#[tokio::test]
async fn a_maintenance_has_a_page_that_says_when_it_shall_be() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("planned").await;
    let soon = json!({ "title": "New disks", "affected": [], "scheduled_start": in_hours(2), "scheduled_end": in_hours(3) });
    let id = founder.make(&org, "/maintenances", soon).await;
    let (status, page) = read(&server, &format!("/status/planned/maintenances/{id}")).await;
    assert_eq!(status, 200);
    assert!(page.contains("Planned for") && page.contains("Scheduled") && !page.contains("Started"), "{page}");
}

#[tokio::test]
async fn a_maintenance_that_was_called_off_took_no_time() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("called-off").await;
    let soon = json!({ "title": "New disks", "affected": [], "scheduled_start": in_hours(2), "scheduled_end": in_hours(3) });
    let id = founder.make(&org, "/maintenances", soon).await;
    founder.client.post(&org.at(&format!("/maintenances/{id}/cancel")), json!({})).await.is(200);
    let (_, page) = read(&server, &format!("/status/called-off/maintenances/{id}")).await;
    assert!(page.contains("Cancelled") && !page.contains("Duration") && !page.contains("Started"), "{page}");
}

#[tokio::test]
async fn the_history_shows_what_happened_month_by_month() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("long-ago").await;
    let past = json!({ "title": "Long over", "affected": [], "started_at": "2024-02-29T10:00:00.000Z", "status": "resolved", "resolved_at": "2024-02-29T12:30:00.000Z" });
    founder.make(&org, "/incidents", past).await;
    founder.make(&org, "/incidents", json!({ "title": "Going on", "affected": [] })).await;
    let (status, now) = read(&server, "/status/long-ago/history").await;
    assert!(status == 200 && now.contains("Going on") && !now.contains("Long over"), "{now}");
    assert!(now.contains("rel=\"prev\"") && !now.contains("rel=\"next\""), "{now}");
    let (status, then) = read(&server, "/status/long-ago/history/2024-02").await;
    assert!(status == 200 && then.contains("Long over") && then.contains("February 2024") && !then.contains("Going on"), "{then}");
    assert!(then.contains("2\u{a0}h 30\u{a0}min"), "{then}");
    assert!(!then.contains("rel=\"prev\"") && then.contains("href=\"/status/long-ago/history/2024-03\" rel=\"next\""), "{then}");
    for month in ["2024-01", "2099-01", "2024-2", "2024-13", "yesterday", "2024-02/29"] {
        assert_eq!(read(&server, &format!("/status/long-ago/history/{month}")).await.0, 404, "{month}");
    }
}

#[tokio::test]
async fn where_there_is_nothing_people_are_told_so_and_programs_too() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("some").await;
    let private = json!({ "title": "Hidden", "visibility": "private", "affected": [] });
    let private = founder.make(&org, "/incidents", private).await;
    let (_, elsewhere) = server.founder("other").await;
    let foreign = founder.make(&org, "/incidents", json!({ "title": "Ours", "affected": [] })).await;
    let nowhere = [
        "/status/nobody".to_owned(),
        "/status/some/nothing".to_owned(),
        format!("/status/some/incidents/{private}"),
        format!("/status/{}/incidents/{foreign}", elsewhere.id),
        format!("/status/some/incidents/{}", crate::support::nobody()),
    ];
    for path in &nowhere {
        let (status, page) = read(&server, path).await;
        assert!(status == 404 && page.contains("<h1>There is no such page</h1>"), "{path}: {page}");
        let answer = server.stranger().get(path).await;
        assert!(answer.status == 404 && answer.text.contains("\"code\":\"unknown_page\""), "{path}: {}", answer.text);
    }
    let post = server.stranger().post("/status/some", json!({})).await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")), "{}", post.text);
}
