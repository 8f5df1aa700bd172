//! Website checks from outside: what they find of a site that is well, and of one that is not.

use crate::{
    support::{Org, Person, Server, nobody, text},
    website::Site,
};
use serde_json::{Value, json};
use std::time::Duration;

/// A monitor that turns at the first check and opens incidents, and the service that it drives.
async fn watched(founder: &Person, org: &Org, site: &Site) -> (String, String) {
    let service = founder.make(org, "/services", json!({"name": "Shop"})).await;
    let body = json!({
        "name": "Shop", "url": site.url, "interval_s": 3_600, "failure_threshold": 1, "service_id": service,
        "down_status": "partial_outage", "opens_incident": true, "visibility": "public", "expected_text": "well"
    });
    (founder.make(org, "/monitors", body).await, service)
}

/// Waits until it was checked by itself: from then on every check counts.
async fn first_check(founder: &Person, path: &str) -> Value {
    let checked = async {
        loop {
            let monitor = founder.client.get(path).await.is(200);
            if monitor["state"] != "unknown" {
                return monitor;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), checked).await.expect("a new monitor is checked soon")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_goes_down_and_comes_back_and_the_page_says_so() {
    let server = Server::start_watching().await;
    let (founder, org) = server.founder("acme").await;
    let site = Site::open().await;
    let (id, service) = watched(&founder, &org, &site).await;
    let at = |rest: &str| org.at(&format!("/monitors/{id}{rest}"));
    let service_at = org.at(&format!("/services/{service}"));
    assert_eq!(first_check(&founder, &at("")).await["state"], "up");

    site.is(false);
    let found = founder.client.post(&at("/check"), Value::Null).await.is(200);
    assert_eq!((&found["up"], &found["reason"], &found["state"]), (&json!(false), &json!("answered 500"), &json!("down")));
    let shown = founder.client.get(&service_at).await.is(200);
    assert_eq!((text(&shown["status"]), text(&shown["cause"])), ("partial_outage".into(), format!("monitor:{id}")));
    let monitor = founder.client.get(&at("")).await.is(200);
    assert_eq!(monitor["reason"], "answered 500");
    let incident = org.at(&format!("/incidents/{}", text(&monitor["incident_id"])));
    let opened = founder.client.get(&incident).await.is(200);
    assert_eq!((&opened["title"], &opened["status"]), (&json!("Shop is down"), &json!("investigating")));

    site.is(true);
    let found = founder.client.post(&at("/check"), Value::Null).await.is(200);
    assert_eq!((&found["up"], &found["reason"], &found["state"]), (&json!(true), &Value::Null, &json!("up")));
    assert_eq!(founder.client.get(&service_at).await.is(200)["status"], "operational");
    assert_eq!(founder.client.get(&incident).await.is(200)["status"], "resolved");

    let turns = founder.client.get(&at("/history")).await.is(200);
    let turns: Vec<_> = turns["items"].as_array().unwrap().iter().map(|turn| (text(&turn["from"]), text(&turn["to"]))).collect();
    let word = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(turns, [word("down", "up"), word("up", "down"), word("unknown", "up")]);
    let times = founder.client.get(&at("/response-times?resolution=hour")).await.is(200);
    assert_eq!((&times["resolution"], &times["checks"]), (&json!("hour"), &json!(3)));
    assert!(times["uptime"].as_f64().is_some_and(|uptime| (0.6..0.7).contains(&uptime)), "{times}");
    assert!(times["average_ms"].is_u64() && times["points"][0]["max_ms"].is_u64(), "{times}");
    let checks = founder.client.get(&at("/response-times")).await.is(200);
    assert_eq!(checks["resolution"], "5m");
    let counted = server.stranger().raw_get("/metrics").send().await.unwrap().text().await.unwrap();
    let counts = ["s 1", "_checks_total 3", "_checks_failed_total 1", "_checks_skipped_total 0", "_check_seconds_count 3"];
    for count in counts {
        assert!(counted.contains(&format!("\ntocsin_monitor{count}\n")), "{count} is not in {counted}");
    }

    founder.client.delete(&at("")).await.is(204);
    founder.client.get(&at("/response-times")).await.refuses(404, "unknown_monitor");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_looks_into_our_own_network() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    for url in [
        "http://127.0.0.1:8080/",
        "http://2130706433/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[fd00:ec2::254]/",
        "http://me:secret@example.org/",
        "file:///etc/passwd",
        "example.org",
    ] {
        let answer = founder.client.post(&org.at("/monitors"), json!({"name": "x", "url": url})).await;
        answer.refuses_field(422, "url");
    }
    let site = Site::open().await;
    let by_name = site.url.replace("127.0.0.1", "localhost");
    let id = founder.make(&org, "/monitors", json!({"name": "x", "url": by_name})).await;
    let found = founder.client.post(&org.at(&format!("/monitors/{id}/check")), Value::Null).await.is(200);
    assert_eq!(found["reason"], "the address leads into a network that is not allowed");
    let change = json!({"url": "http://10.0.0.1/"});
    founder.client.patch(&org.at(&format!("/monitors/{id}")), change).await.refuses_field(422, "url");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_monitor_is_changed_in_parts_and_what_makes_no_sense_is_refused() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let make = json!({"name": "x", "url": "https://example.invalid/", "enabled": false, "expected_text": "well"});
    let id = founder.make(&org, "/monitors", make.clone()).await;
    let at = org.at(&format!("/monitors/{id}"));
    let made = founder.client.get(&at).await.is(200);
    assert_eq!((&made["interval_s"], &made["timeout_ms"], &made["visibility"]), (&json!(60), &json!(10_000), &json!("private")));
    let changed = founder.client.patch(&at, json!({"interval_s": 300, "expected_text": null})).await.is(200);
    assert_eq!((&changed["interval_s"], &changed["timeout_ms"]), (&json!(300), &json!(10_000)), "the rest stays");
    assert_eq!(changed["expected_text"], Value::Null);
    let whole = r#"{"timeout_ms":5000.0,"failure_threshold":3.0,"success_threshold":2.0,"expected_statuses":[200.0,204]}"#;
    let changed = founder.client.patch(&at, serde_json::from_str(whole).unwrap()).await.is(200);
    assert_eq!((&changed["timeout_ms"], &changed["failure_threshold"]), (&json!(5_000), &json!(3)), "3.0 is a whole number");
    assert_eq!((&changed["success_threshold"], &changed["expected_statuses"]), (&json!(2), &json!([200, 204])));
    for (change, field) in [
        (json!({"interval_s": 9}), "interval_s"),
        (json!({"timeout_ms": 100}), "timeout_ms"),
        (json!({"failure_threshold": 0}), "failure_threshold"),
        (json!({"failure_threshold": 65_537}), "failure_threshold"),
        (json!({"down_status": "operational"}), "down_status"),
        (json!({"expected_statuses": [700]}), "expected_statuses"),
        (json!({"service_id": nobody()}), "service_id"),
    ] {
        founder.client.patch(&at, change).await.refuses_field(422, field);
    }
    for (query, field) in [("from=yesterday", "from"), ("resolution=week", "resolution")] {
        founder.client.get(&format!("{at}/response-times?{query}")).await.refuses_field(400, field);
    }
    let list = founder.client.get(&org.at("/monitors")).await.is(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    server.stop().await;
}
