//! The Statuspage v2 API: programs that are written for it read ours. What is expected here is the vendor's, not ours.

use crate::{
    ordered::Ordered,
    support::{Client, Org, Person, Server, in_hours},
};
use serde_json::json;

const DOCUMENTS: [(&str, &[&str]); 8] = [
    ("summary.json", &["page", "components", "incidents", "scheduled_maintenances", "status"]),
    ("status.json", &["page", "status"]),
    ("components.json", &["page", "components"]),
    ("incidents.json", &["page", "incidents"]),
    ("incidents/unresolved.json", &["page", "incidents"]),
    ("scheduled-maintenances.json", &["page", "scheduled_maintenances"]),
    ("scheduled-maintenances/upcoming.json", &["page", "scheduled_maintenances"]),
    ("scheduled-maintenances/active.json", &["page", "scheduled_maintenances"]),
];
const PAGE: [&str; 5] = ["id", "name", "url", "time_zone", "updated_at"];
const COMPONENT: [&str; 13] = [
    "id",
    "name",
    "status",
    "created_at",
    "updated_at",
    "position",
    "description",
    "showcase",
    "start_date",
    "group_id",
    "page_id",
    "group",
    "only_show_if_degraded",
];
const INCIDENT: [&str; 14] = [
    "id",
    "name",
    "status",
    "created_at",
    "updated_at",
    "monitoring_at",
    "resolved_at",
    "impact",
    "shortlink",
    "started_at",
    "page_id",
    "incident_updates",
    "components",
    "reminder_intervals",
];
const UPDATE: [&str; 11] = [
    "id",
    "status",
    "body",
    "incident_id",
    "created_at",
    "updated_at",
    "display_at",
    "affected_components",
    "deliver_notifications",
    "custom_tweet",
    "tweet_id",
];

async fn read(client: &Client, org: &Org, document: &str) -> Ordered {
    let answer = client.get(&format!("/status/{}/api/v2/{document}", org.slug)).await;
    assert_eq!(answer.status, 200, "{document}: {}", answer.text);
    Ordered::read(&answer.text)
}

/// Groups, services, incidents and maintenances in every state, public and private.
async fn furnished(founder: &Person, org: &Org) {
    let platform = founder.make(org, "/groups", json!({ "name": "Platform", "description": "What others stand on" })).await;
    founder.make(org, "/groups", json!({ "name": "Hidden group" })).await;
    let alone = founder.make(org, "/services", json!({ "name": "Website" })).await;
    let api = founder.make(org, "/services", json!({ "name": "API", "group_id": platform, "description": "for programs" })).await;
    let queue = founder.make(org, "/services", json!({ "name": "Queue", "group_id": platform })).await;
    let secret = founder.make(org, "/services", json!({ "name": "Secret service", "visibility": "private" })).await;
    let affected = json!([{ "service_id": api, "status": "partial_outage" }, { "service_id": secret, "status": "major_outage" }]);
    let outage = json!({ "title": "Outage", "impact": "major", "affected": affected, "message": "We <look>\ninto it" });
    let outage = founder.make(org, "/incidents", outage).await;
    let update = json!({ "status": "identified", "message": "Found", "affected": [{ "service_id": api, "status": "degraded_performance" }] });
    founder.client.post(&org.at(&format!("/incidents/{outage}/updates")), update).await.is(201);
    let over = founder.make(org, "/incidents", json!({ "title": "Over", "affected": [] })).await;
    founder.client.post(&org.at(&format!("/incidents/{over}/resolve")), json!({ "message": "Done" })).await.is(200);
    let postmortem = json!({ "body": "# What happened" });
    founder.client.put(&org.at(&format!("/incidents/{over}/postmortem")), postmortem).await.is(200);
    founder.make(org, "/incidents", json!({ "title": "Hidden incident", "visibility": "private", "affected": [] })).await;
    for (title, from) in [("Coming", 2), ("Called off", 3), ("Going on", 4)] {
        let affected = json!([{ "service_id": queue, "status": "under_maintenance" }, { "service_id": alone }]);
        let body = json!({
            "title": title, "affected": affected, "scheduled_start": in_hours(from), "scheduled_end": in_hours(from + 1),
        });
        let made = founder.make(org, "/maintenances", body).await;
        let end = match title {
            "Called off" => "cancel",
            "Going on" => "start",
            _ => continue,
        };
        founder.client.post(&org.at(&format!("/maintenances/{made}/{end}")), json!({})).await.is(200);
    }
}

#[tokio::test]
async fn every_document_has_the_vendors_keys_in_the_vendors_order() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("vendor").await;
    let visitor = server.stranger();
    for (document, keys) in DOCUMENTS {
        let empty = read(&visitor, &org, document).await;
        assert_eq!(empty.keys(), keys, "{document} of an empty page");
        assert_eq!(empty.at("page").keys(), PAGE);
    }
    furnished(&founder, &org).await;
    let (mut components, mut incidents, mut updates) = (0, 0, 0);
    for (document, keys) in DOCUMENTS {
        let read = read(&visitor, &org, document).await;
        assert_eq!(read.keys(), keys, "{document}");
        assert_eq!(read.at("page").keys(), PAGE);
        let lists = keys.iter().filter(|key| !["page", "status"].contains(*key));
        for (list, item) in lists.flat_map(|list| read.at(list).items().iter().map(move |item| (*list, item))) {
            if list == "components" {
                let is_group = *item.at("group") == Ordered::Flag(true);
                let expected = COMPONENT.into_iter().chain(is_group.then_some("components"));
                assert_eq!(item.keys(), expected.collect::<Vec<_>>());
                components += 1;
                continue;
            }
            let scheduled = (list == "scheduled_maintenances").then_some(["scheduled_for", "scheduled_until"]);
            assert_eq!(item.keys(), INCIDENT.into_iter().chain(scheduled.into_iter().flatten()).collect::<Vec<_>>());
            incidents += 1;
            assert!(!item.at("incident_updates").items().is_empty(), "programs read the first one without looking");
            for update in item.at("incident_updates").items() {
                assert_eq!(update.keys(), UPDATE);
                updates += 1;
            }
        }
    }
    assert!(components >= 8 && incidents >= 10 && updates >= 12, "{components} {incidents} {updates}");
}

#[tokio::test]
async fn times_and_ids_have_the_vendors_form() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("forms").await;
    furnished(&founder, &org).await;
    for (zone, name, offset) in [("UTC", "Etc/UTC", "Z"), ("America/Phoenix", "America/Phoenix", "-07:00")] {
        founder.client.patch(&org.at(""), json!({ "time_zone": zone })).await.is(200);
        for (document, _) in DOCUMENTS {
            let read = read(&server.stranger(), &org, document).await;
            assert_eq!(read.at("page").at("time_zone").text(), name);
            for time in read.all(&|key| key.ends_with("_at") || key.starts_with("scheduled_")) {
                let (instant, of_zone) = time.split_at(23);
                assert_eq!(of_zone, offset, "{time}");
                assert!(chrono::NaiveDateTime::parse_from_str(instant, "%Y-%m-%dT%H:%M:%S%.3f").is_ok(), "{time}");
                assert_eq!(instant.as_bytes()[19], b'.', "{time}");
            }
            for id in read.all(&|key| key == "id" || key.ends_with("_id") && key != "tweet_id" || key == "code") {
                assert!(id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{id}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_is_told_as_the_vendor_tells_it() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("told").await;
    furnished(&founder, &org).await;
    let summary = read(&server.stranger(), &org, "summary.json").await;
    assert_eq!(summary.at("status").at("indicator").text(), "minor");
    assert_eq!(summary.at("status").at("description").text(), "Partially Degraded Service");
    let components: Vec<_> = summary.at("components").items().iter().collect();
    let names: Vec<_> = components.iter().map(|one| (one.at("name").text(), one.at("position").clone())).collect();
    let at = |position: f64| Ordered::Number(position);
    assert_eq!(names, [("Website", at(1.0)), ("API", at(1.0)), ("Platform", at(2.0)), ("Queue", at(2.0))]);
    let platform = components[2];
    assert_eq!(platform.at("status").text(), "degraded_performance");
    assert_eq!(platform.at("components").items(), [components[1].at("id").clone(), components[3].at("id").clone()]);
    assert_eq!(components[1].at("group_id"), platform.at("id"));
    assert_eq!(components[0].at("description"), &Ordered::Null);

    let titles = |list: &Ordered| list.items().iter().map(|one| one.at("name").text().to_owned()).collect::<Vec<_>>();
    assert_eq!(titles(summary.at("incidents")), ["Outage"]);
    assert_eq!(titles(summary.at("scheduled_maintenances")), ["Going on", "Coming"]);
    let outage = &summary.at("incidents").items()[0];
    assert_eq!(outage.at("impact").text(), "major");
    assert_eq!(outage.at("components").items().len(), 1);
    let updates = outage.at("incident_updates").items();
    assert_eq!(updates[1].at("body").text(), "We &lt;look&gt;<br />\ninto it");
    let touched = &updates[0].at("affected_components").items()[0];
    assert_eq!(touched.keys(), ["code", "name", "old_status", "new_status"]);
    assert_eq!(touched.at("name").text(), "Platform - API");
    assert_eq!((touched.at("old_status").text(), touched.at("new_status").text()), ("partial_outage", "degraded_performance"));

    let all = read(&server.stranger(), &org, "incidents.json").await;
    assert_eq!(titles(all.at("incidents")), ["Over", "Outage"]);
    let over = &all.at("incidents").items()[0];
    assert_eq!(over.at("status").text(), "postmortem");
    assert_eq!(over.at("incident_updates").items()[0].at("status").text(), "postmortem");
    assert_eq!(over.at("incident_updates").items()[1].at("affected_components"), &Ordered::Null);
    let maintenances = read(&server.stranger(), &org, "scheduled-maintenances.json").await;
    let of = |list: &Ordered| {
        let one = |item: &Ordered| (item.at("name").text().to_owned(), item.at("status").text().to_owned());
        list.items().iter().map(one).collect::<Vec<_>>()
    };
    let expected = [("Going on", "in_progress"), ("Called off", "completed"), ("Coming", "scheduled")];
    assert_eq!(of(maintenances.at("scheduled_maintenances")), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(maintenances.at("scheduled_maintenances").items()[0].at("impact").text(), "maintenance");
    for (document, title) in [("upcoming", "Coming"), ("active", "Going on")] {
        let some = read(&server.stranger(), &org, &format!("scheduled-maintenances/{document}.json")).await;
        assert_eq!(titles(some.at("scheduled_maintenances")), [title]);
    }
}

#[tokio::test]
async fn nothing_private_is_in_any_document() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("private").await;
    furnished(&founder, &org).await;
    for (document, _) in DOCUMENTS {
        let answer = founder.client.get(&format!("/status/{}/api/v2/{document}", org.slug)).await;
        for hidden in ["Secret", "Hidden", "major_outage"] {
            assert!(!answer.text.contains(hidden), "{document} tells of {hidden}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_list_stops_at_fifty_and_shows_the_newest_first() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("fifty").await;
    for n in 0..51 {
        founder.make(&org, "/incidents", json!({ "title": format!("Number {n}"), "affected": [] })).await;
    }
    let all = read(&server.stranger(), &org, "incidents.json").await;
    let titles: Vec<_> = all.at("incidents").items().iter().map(|one| one.at("name").text().to_owned()).collect();
    assert_eq!(titles, (1..51).rev().map(|n| format!("Number {n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn programs_of_other_sites_read_it_and_are_told_when_nothing_is_new() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("origins").await;
    furnished(&founder, &org).await;
    let visitor = server.stranger();
    let path = format!("/status/{}/api/v2/summary.json", org.slug);
    let first = visitor.ask(reqwest::Method::GET, &path).header("origin", "https://elsewhere.example").send().await;
    assert_eq!(first.header("access-control-allow-origin"), Some("*"));
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert!(first.header("cache-control").unwrap().contains("s-maxage"));
    let again = visitor.ask(reqwest::Method::GET, &path).header("if-none-match", &first.tag()).send().await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    let packed = visitor.ask(reqwest::Method::GET, &path).header("accept-encoding", "br").send().await;
    assert_eq!(packed.header("content-encoding"), Some("br"));
    assert_eq!(packed.header("vary").map(str::to_lowercase).as_deref(), Some("accept-encoding"));
    let head = visitor.ask(reqwest::Method::HEAD, &path).send().await;
    assert_eq!((head.status, head.header("content-length")), (200, Some(first.text.len().to_string().as_str())));
    // A query changes nothing, and a slash at the end is tolerated.
    assert_eq!(visitor.get(&format!("{path}?page=2")).await.text, first.text);
    assert_eq!(visitor.get(&format!("{path}/")).await.text, first.text);
    // What happens is in the next answer.
    let update = json!({ "name": "Renamed by its owner" });
    founder.client.patch(&org.at(""), update).await.is(200);
    let changed = visitor.ask(reqwest::Method::GET, &path).header("if-none-match", &first.tag()).send().await;
    assert_eq!(changed.status, 200);
    assert!(changed.text.contains("Renamed by its owner"));
    for unknown in ["/status/nobody/api/v2/summary.json", "/status/origins/api/v2/nothing.json", "/status/origins/api/v2/"] {
        assert_eq!(visitor.get(unknown).await.status, 404, "{unknown}");
    }
    founder.client.delete(&org.at("")).await.is(204);
    assert_eq!(visitor.get(&path).await.status, 404);
}
