//! The page as a browser without programs, or a machine, reads it.

use crate::support::{Person, Server, in_hours};
use serde_json::json;

async fn page(server: &Server, slug: &str) -> (String, String) {
    let answer = server.stranger().get(&format!("/status/{slug}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy").unwrap().to_owned();
    (answer.text, policy)
}

/// Something that ends a text and begins a program, wherever it is put.
const BREAKS_OUT: &str = "x\"'></title></script><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}";

#[tokio::test]
async fn a_page_is_complete_without_a_program() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("complete").await;
    let empty = page(&server, "complete").await.0;
    assert!(empty.contains("Nothing to show yet") && empty.contains("has not listed any services"), "{empty}");
    let group = founder.make(&org, "/groups", json!({ "name": "Platform" })).await;
    let api = founder.make(&org, "/services", json!({ "name": "The API", "group_id": group })).await;
    founder.make(&org, "/services", json!({ "name": "The site" })).await;
    let affected = json!([{ "service_id": api, "status": "major_outage" }]);
    let outage = json!({ "title": "It is down", "impact": "critical", "affected": affected, "message": "We look" });
    let outage = founder.make(&org, "/incidents", outage).await;
    let soon = json!({
        "title": "New disks", "affected": [{ "service_id": api }], "scheduled_start": in_hours(2), "scheduled_end": in_hours(3),
    });
    founder.make(&org, "/maintenances", soon).await;
    let (now, _) = page(&server, "complete").await;
    for said in ["Major outage", "Platform", "The API", "Other services", "The site", "It is down", "We look", "New disks"] {
        assert!(now.contains(said), "{said} is not on {now}");
    }
    assert!(!now.contains("data-format=\"\""), "a time that is not known yet has no form: {now}");
    founder.client.post(&org.at(&format!("/incidents/{outage}/resolve")), json!({ "message": "Back" })).await.is(200);
    let (after, _) = page(&server, "complete").await;
    assert!(after.contains("All systems operational") && after.contains("Back"), "{after}");
}

#[tokio::test]
async fn nothing_that_an_organization_writes_becomes_markup() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("hostile").await;
    let change = json!({
        "name": BREAKS_OUT, "description": BREAKS_OUT,
        "branding": { "accent": "#ff00ff", "logo_url": "https://cdn.example/a.svg?\"><script>", "support_url": "https://help.example/\"onclick=x" },
    });
    founder.client.patch(&org.at(""), change).await.is(200);
    let group = founder.make(&org, "/groups", json!({ "name": BREAKS_OUT, "description": BREAKS_OUT })).await;
    let service = json!({ "name": BREAKS_OUT, "description": BREAKS_OUT, "group_id": group });
    let service = founder.make(&org, "/services", service).await;
    let affected = json!([{ "service_id": service, "status": "partial_outage" }]);
    for _ in 0..2 {
        let body = json!({ "title": BREAKS_OUT, "description": BREAKS_OUT, "affected": affected, "message": BREAKS_OUT });
        founder.make(&org, "/incidents", body).await;
    }
    let (html, policy) = page(&server, "hostile").await;
    assert_eq!(html.matches("<script").count(), 2, "the program and its state, nothing else: {html}");
    assert!(!html.contains("<img src=x") && !html.contains("</title></script>"), "{html}");
    let markup = html.split("id=\"state\">").next().unwrap();
    assert!(markup.contains("onclick=x") && !markup.contains("\"onclick=x") && !policy.contains("onclick"), "{html} {policy}");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let state = html.split("id=\"state\">").nth(1).unwrap().split("</script>").next().unwrap();
    let state: serde_json::Value = serde_json::from_str(state).unwrap();
    assert_eq!(state["page"]["services"][0]["name"], BREAKS_OUT);
}

#[tokio::test]
async fn whoever_asks_by_id_does_not_change_what_others_are_told_of_its_address() {
    let server = Server::start_unlimited().await;
    let (_, org) = server.founder("by-name").await;
    let (by_id, _) = page(&server, &org.id).await;
    let (by_name, _) = page(&server, "by-name").await;
    assert_eq!(by_id, by_name);
    let canonical = format!("<link rel=\"canonical\" href=\"{}/status/by-name\">", server.base());
    assert!(by_name.contains(&canonical), "{by_name}");
}

#[tokio::test]
async fn caches_are_told_once_what_an_answer_depends_on() {
    let server = Server::start_unlimited().await;
    server.founder("cached").await;
    for coding in ["br", "gzip", "identity"] {
        for path in ["/status/cached", "/status/cached/api/v2/summary.json"] {
            let answer = server.stranger().raw_get(path).header("accept-encoding", coding).send().await.unwrap();
            let said: Vec<_> = answer.headers().get_all("vary").iter().map(|value| value.to_str().unwrap().to_owned()).collect();
            assert_eq!(said, ["accept-encoding"], "{path}, {coding}");
        }
    }
}

#[tokio::test]
async fn nothing_private_is_on_a_page() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("discreet").await;
    let secret = json!({ "name": "Secret service", "visibility": "private", "status": "major_outage" });
    let secret = founder.make(&org, "/services", secret).await;
    let open = founder.make(&org, "/services", json!({ "name": "Open service" })).await;
    let affected = json!([{ "service_id": secret }, { "service_id": open }]);
    founder.make(&org, "/incidents", json!({ "title": "Seen", "affected": affected })).await;
    founder.make(&org, "/incidents", json!({ "title": "Hidden incident", "visibility": "private", "affected": [] })).await;
    let (html, _) = page(&server, "discreet").await;
    assert!(html.contains("Open service") && html.contains("Seen"));
    assert!(!html.contains("Secret") && !html.contains("Hidden") && html.contains("All systems operational"), "{html}");
}

#[tokio::test]
async fn what_the_page_begins_with_goes_on_in_the_live_stream() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("goes-on").await;
    let service = founder.make(&org, "/services", json!({ "name": "Seen" })).await;
    // What visitors are not told moves the organization's numbers on.
    founder.make(&org, "/services", json!({ "name": "Unseen", "visibility": "private" })).await;
    let (html, _) = page(&server, "goes-on").await;
    let state = html.split("id=\"state\">").nth(1).unwrap().split("</script>").next().unwrap();
    let state: serde_json::Value = serde_json::from_str(state).unwrap();
    let last = format!("{}:{}", state["epoch"].as_str().unwrap(), state["seq"]);
    rename(&founder, &org.at(&format!("/services/{service}"))).await;
    let mut answer =
        server.stranger().raw_get(&format!("/api/v1{}", org.at("/events"))).header("last-event-id", &last).send().await.unwrap();
    let mut told = String::new();
    while !told.contains("data:") || !told.ends_with("\n\n") {
        told.push_str(std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert!(told.contains("\"type\":\"event\"") && told.contains("Renamed"), "the page is sent again: {told}");
}

async fn rename(founder: &Person, path: &str) {
    founder.client.patch(path, json!({ "name": "Renamed" })).await.is(200);
}
