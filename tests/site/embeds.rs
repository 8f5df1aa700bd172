//! What of us stands in other people's pages: badges, the widget, the summary; and how a page says where its feeds are.

use crate::{
    snapshot::{assert_well_formed, compare},
    support::{Answer, Client, Org, Person, Server},
};
use reqwest::Method;
use serde_json::json;

async fn read(client: &Client, slug: &str, sheet: &str) -> Answer {
    let answer = client.get(&format!("/status/{slug}/{sheet}")).await;
    assert_eq!(answer.status, 200, "{sheet}: {answer:?}");
    answer
}

/// One service that is down, and a plan; answers the service.
async fn furnished(founder: &Person, org: &Org) -> String {
    let api = founder.make(org, "/services", json!({ "name": "Public API" })).await;
    founder.make(org, "/services", json!({ "name": "Website" })).await;
    let affected = json!([{ "service_id": api, "status": "partial_outage" }]);
    founder.make(org, "/incidents", json!({ "title": "Errors & delays", "impact": "major", "affected": affected })).await;
    let plan =
        json!({ "title": "New disks", "scheduled_start": "2126-01-31T09:30:00.000Z", "scheduled_end": "2126-01-31T11:30:00.000Z" });
    founder.make(org, "/maintenances", plan).await;
    api
}

#[tokio::test]
async fn embeds_look_as_they_were_read() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("embeds").await;
    let visitor = server.stranger();
    compare("badge-empty.svg", &read(&visitor, "embeds", "badge.svg").await.text);
    let api = furnished(&founder, &org).await;
    for badge in ["badge.svg", "badge-dark.svg"] {
        compare(badge, &read(&visitor, "embeds", badge).await.text);
        compare(&format!("service-{badge}"), &read(&visitor, "embeds", &format!("services/{api}/{badge}")).await.text);
    }
    compare("widget.html", &read(&visitor, "embeds", "widget").await.text.replace(&visitor.base, ""));
    let summary = read(&visitor, "embeds", "summary.json").await;
    assert_eq!(summary.header("access-control-allow-origin"), Some("*"));
    compare("summary.json", &(serde_json::to_string_pretty(&summary.json()).unwrap().replace(&visitor.base, "") + "\n"));
}

#[tokio::test]
async fn a_badge_says_what_the_page_says() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("badges").await;
    let api = furnished(&founder, &org).await;
    let visitor = server.stranger();
    let badge = read(&visitor, "badges", "badge.svg").await;
    assert_eq!(badge.header("content-type"), Some("image/svg+xml"));
    assert!(badge.text.contains("<title>The badges: Partial outage</title>"), "{badge:?}");
    assert_well_formed(&badge.text);
    founder.client.patch(&org.at(&format!("/services/{api}")), json!({ "status": "degraded_performance" })).await.is(200);
    assert!(read(&visitor, "badges", "badge.svg").await.text.contains("Some systems are degraded"));
    let service = format!("services/{api}/badge.svg");
    assert!(read(&visitor, "badges", &service).await.text.contains("<title>Public API: Degraded</title>"));
    assert!(read(&visitor, "badges", "widget").await.text.contains("Some systems are degraded"));
    let summary = read(&visitor, "badges", "summary.json").await.json();
    assert_eq!((&summary["status"], &summary["sentence"]), (&json!("degraded_performance"), &json!("Some systems are degraded")));
}

#[tokio::test]
async fn only_services_that_visitors_see_have_a_badge() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("seen").await;
    let (other, elsewhere) = server.founder("elsewhere").await;
    let api = founder.make(&org, "/services", json!({ "name": "API" })).await;
    let secret = founder.make(&org, "/services", json!({ "name": "Secret", "visibility": "private" })).await;
    let theirs = other.make(&elsewhere, "/services", json!({ "name": "Theirs" })).await;
    let badge = |id: &str| format!("/status/seen/services/{id}/badge.svg");
    let visitor = server.stranger();
    assert_eq!(visitor.get(&badge(&api)).await.status, 200);
    for unknown in [&secret, &theirs, &crate::support::nobody(), "x"] {
        assert_eq!(founder.client.get(&badge(unknown)).await.status, 404, "{unknown}");
    }
    founder.client.patch(&org.at(&format!("/services/{api}")), json!({ "visibility": "private" })).await.is(200);
    assert_eq!(visitor.get(&badge(&api)).await.status, 404);
}

#[tokio::test]
async fn the_widget_may_stand_in_any_frame_and_nothing_else_may() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("framed").await;
    furnished(&founder, &org).await;
    let visitor = server.stranger();
    for (sheet, may) in [("widget", true), ("", false), ("badge.svg", false), ("history.atom", false), ("summary.json", false)] {
        let path = format!("/status/framed/{sheet}");
        let first = visitor.get(&path).await;
        let again = visitor.ask(Method::GET, &path).header("if-none-match", &first.tag()).send().await;
        assert_eq!((first.status, again.status), (200, 304), "{sheet}");
        for answer in [&first, &again] {
            let policy = answer.header("content-security-policy").unwrap();
            let ancestors = if may { "frame-ancestors *" } else { "frame-ancestors 'none'" };
            assert!(policy.ends_with(ancestors) && !policy.contains("unsafe"), "{sheet}: {policy}");
            assert!(!may || answer.header("x-frame-options").is_none(), "{sheet}: {:?}", answer.headers);
        }
        // A browser takes the headers of the second answer for those of the first.
        assert_eq!(first.header("content-security-policy"), again.header("content-security-policy"), "{sheet}");
    }
    let widget = read(&visitor, "framed", "widget").await.text;
    assert!(!widget.contains("<script") && widget.contains("1 active incident") && widget.contains("rel=\"noopener\""), "{widget}");
}

#[tokio::test]
async fn whatever_is_written_embeds_stay_what_they_are() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("hostile").await;
    let hostile = "]]></text></svg><script>alert(1)</script> \u{ffff} 🏴\u{200d}☠\u{fe0f} \"onload=x' & ".repeat(2);
    founder.client.patch(&org.at(""), json!({ "name": hostile })).await.is(200);
    let service = founder.make(&org, "/services", json!({ "name": hostile })).await;
    for badge in ["badge.svg", &format!("services/{service}/badge-dark.svg")] {
        let svg = read(&server.stranger(), "hostile", badge).await.text;
        assert_well_formed(&svg);
        assert!(!svg.contains("<script") && svg.contains('…'), "{svg}");
    }
    let widget = read(&server.stranger(), "hostile", "widget").await.text;
    assert!(!widget.contains("<script") && widget.matches("</a>").count() == 1, "{widget}");
    let summary = read(&server.stranger(), "hostile", "summary.json").await;
    assert_eq!(summary.json()["name"], hostile.as_str());
}

#[tokio::test]
async fn a_page_says_where_its_feeds_are() {
    let server = Server::start_unlimited().await;
    let (_, org) = server.founder("linked").await;
    let page = read(&server.stranger(), &org.slug, "").await.text.replace(&server.stranger().base, "");
    for (kind, feed) in [("atom+xml", "history.atom"), ("rss+xml", "history.rss")] {
        let link = format!("<link rel=\"alternate\" type=\"application/{kind}\" title=\"The linked status");
        assert!(page.contains(&link), "{link} is not in {page}");
        assert_eq!(page.matches(&format!("href=\"/status/linked/{feed}\"")).count(), 2, "{page}");
    }
    assert!(page.contains("<summary>Subscribe</summary>") && page.contains("/status/linked/maintenance.ics"), "{page}");
}
