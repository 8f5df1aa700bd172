//! The feeds and the calendar, as readers and calendars take them.

use crate::{
    snapshot::{assert_well_formed, compare},
    support::{Client, Org, Person, Server, in_hours},
};
use serde_json::json;

/// What feed readers ask for, and what they are given.
const FEEDS: [(&str, &str); 2] =
    [("history.atom", "application/atom+xml; charset=utf-8"), ("history.rss", "application/rss+xml; charset=utf-8")];

async fn read(client: &Client, slug: &str, sheet: &str) -> String {
    let answer = client.get(&format!("/status/{slug}/{sheet}")).await;
    assert_eq!(answer.status, 200, "{sheet}: {}", answer.text);
    answer.text.replace(&client.base, "")
}

/// What stands in these elements, in order.
fn all<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(begin.as_str()).skip(1).map(|rest| rest.split_once(end.as_str()).unwrap().0).collect()
}

/// Lines of a calendar with this name.
fn lines<'a>(calendar: &'a str, name: &str) -> Vec<&'a str> {
    calendar.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')).collect()
}

/// An outage from its beginning to what was learned of it, and maintenances long after it.
async fn furnished(founder: &Person, org: &Org) -> (String, String) {
    founder.client.patch(&org.at(""), json!({ "name": "Acme & Sons", "time_zone": "Europe/Berlin" })).await.is(200);
    let api = founder.make(org, "/services", json!({ "name": "API" })).await;
    let affected = json!([{ "service_id": api, "status": "partial_outage" }]);
    let outage = json!({ "title": "Errors & <delays>", "impact": "major", "affected": affected, "message": "We look" });
    let outage = founder.make(org, "/incidents", outage).await;
    let at = org.at(&format!("/incidents/{outage}"));
    founder.client.post(&format!("{at}/updates"), json!({ "message": "Still\n<looking>" })).await.is(201);
    founder.client.post(&format!("{at}/updates"), json!({ "message": "Found", "status": "identified" })).await.is(201);
    founder.client.post(&format!("{at}/resolve"), json!({ "message": "Done" })).await.is(200);
    founder.client.put(&format!("{at}/postmortem"), json!({ "body": "It was *DNS*" })).await.is(200);
    let plan = |title: &str, from: &str, until: &str| {
        let description = "One after the other, two at a time; nothing is lost, and nobody should see any of it.";
        json!({ "title": title, "description": description, "scheduled_start": from, "scheduled_end": until })
    };
    let disks = plan("New disks, twice", "2126-01-31T09:30:00Z", "2126-01-31T11:30:00Z");
    let disks = founder.make(org, "/maintenances", disks).await;
    let off = founder.make(org, "/maintenances", plan("Called off", "2126-02-01T22:00:00Z", "2126-02-02T03:00:00Z")).await;
    founder.client.post(&org.at(&format!("/maintenances/{off}/cancel")), json!({ "message": "Not needed" })).await.is(200);
    (outage, disks)
}

#[tokio::test]
async fn feeds_and_calendar_look_as_they_were_read() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("feeds").await;
    furnished(&founder, &org).await;
    for (sheet, kind) in FEEDS.into_iter().chain([("maintenance.ics", "text/calendar; charset=utf-8")]) {
        let answer = server.stranger().get(&format!("/status/feeds/{sheet}")).await;
        assert_eq!(answer.header("content-type"), Some(kind));
        compare(sheet, &read(&server.stranger(), "feeds", sheet).await);
    }
}

#[tokio::test]
async fn an_entry_is_the_same_one_however_it_is_edited() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("edited").await;
    let (outage, disks) = furnished(&founder, &org).await;
    let visitor = server.stranger();
    let (atom, rss) = (read(&visitor, "edited", "history.atom").await, read(&visitor, "edited", "history.rss").await);
    let calendar = read(&visitor, "edited", "maintenance.ics").await;
    let update = founder.client.get(&org.at(&format!("/incidents/{outage}"))).await.json()["updates"][0]["id"].clone();
    let edit = org.at(&format!("/incidents/{outage}/updates/{}", update.as_str().unwrap()));
    founder.client.patch(&edit, json!({ "message": "In other words" })).await.is(200);
    founder.client.patch(&org.at(&format!("/maintenances/{disks}")), json!({ "title": "Newer disks" })).await.is(200);
    let (atom_after, rss_after) = (read(&visitor, "edited", "history.atom").await, read(&visitor, "edited", "history.rss").await);
    assert!(atom_after.contains("In other words") && atom_after.contains("Newer disks"), "{atom_after}");
    let ids = all(&atom, "id");
    assert_eq!(ids.len(), 4, "the feed's, and those of three entries: {ids:?}");
    assert_eq!((&ids, all(&rss, "guid")), (&all(&atom_after, "id"), all(&rss_after, "guid")));
    assert_eq!(all(&atom, "published"), all(&atom_after, "published"));
    let (before, after) = (all(&atom, "updated"), all(&atom_after, "updated"));
    // The feed itself, what was called off, what was renamed, what was reworded.
    let moved: Vec<_> = before.iter().zip(&after).map(|(before, after)| after > before).collect();
    assert_eq!(moved, [true, false, true, true], "{before:?} {after:?}");
    let calendar_after = read(&visitor, "edited", "maintenance.ics").await;
    assert_eq!(lines(&calendar, "UID"), lines(&calendar_after, "UID"));
    let number = |calendar: &str| lines(calendar, "SEQUENCE")[0].parse::<u64>().unwrap();
    assert!(number(&calendar) == 0 && number(&calendar_after) > 0, "{calendar_after}");
}

#[tokio::test]
async fn a_maintenance_that_goes_wrong_stays_the_same_entry() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("wrong").await;
    let plan = json!({ "title": "New disks", "scheduled_start": in_hours(1), "scheduled_end": in_hours(2) });
    let disks = founder.make(&org, "/maintenances", plan).await;
    let visitor = server.stranger();
    let (atom, rss) = (read(&visitor, "wrong", "history.atom").await, read(&visitor, "wrong", "history.rss").await);
    assert!(atom.contains("SCHEDULED EVENT") && rss.contains(&format!("<link>/status/wrong/maintenances/{disks}</link>")), "{rss}");
    let update = json!({ "status": "investigating", "message": "It went wrong" });
    founder.client.post(&org.at(&format!("/maintenances/{disks}/updates")), update).await.is(201);
    let (atom_after, rss_after) = (read(&visitor, "wrong", "history.atom").await, read(&visitor, "wrong", "history.rss").await);
    assert!(!atom_after.contains("SCHEDULED EVENT") && atom_after.contains("Investigating"), "{atom_after}");
    assert_eq!((all(&atom, "id"), all(&rss, "guid").len()), (all(&atom_after, "id"), 0));
    let guid = format!(">/status/wrong/incidents/{disks}</guid>");
    assert!(rss.contains(&guid) && rss_after.contains(&guid), "{rss_after}");
    assert!(!read(&visitor, "wrong", "maintenance.ics").await.contains("VEVENT"));
}

#[tokio::test]
async fn plans_do_not_push_out_what_goes_on() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("plans").await;
    founder.make(&org, "/incidents", json!({ "title": "It burns", "affected": [] })).await;
    for n in 0..26 {
        let plan = json!({ "title": format!("Plan {n}"), "scheduled_start": in_hours(n + 1), "scheduled_end": in_hours(n + 2) });
        founder.make(&org, "/maintenances", plan).await;
    }
    for (feed, _) in FEEDS {
        let titles = read(&server.stranger(), "plans", feed).await;
        let titles = all(&titles, "title")[1..].to_vec();
        assert_eq!((titles.len(), titles[0], titles[24]), (25, "Plan 25", "It burns"), "{titles:?}");
    }
}

#[tokio::test]
async fn whatever_is_written_feeds_stay_feeds() {
    const HOSTILE: &str =
        "]]> <script>alert(1)</script> <!-- & &amp; \" ' \u{fffe}\u{ffff} 🏴\u{200d}☠\u{fe0f} {{7*7}}; BEGIN:VEVENT, \\";
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("hostile").await;
    founder.client.patch(&org.at(""), json!({ "name": HOSTILE })).await.is(200);
    let long = format!("{HOSTILE}\n\tEND:VEVENT\r\n").repeat(30);
    let incident = json!({ "title": HOSTILE, "description": long, "affected": [], "message": long });
    let incident = founder.make(&org, "/incidents", incident).await;
    founder.client.post(&org.at(&format!("/incidents/{incident}/resolve")), json!({ "message": long })).await.is(200);
    founder.client.put(&org.at(&format!("/incidents/{incident}/postmortem")), json!({ "body": long })).await.is(200);
    let plan = json!({ "title": HOSTILE, "description": long, "scheduled_start": in_hours(1), "scheduled_end": in_hours(2) });
    founder.make(&org, "/maintenances", plan).await;
    for (feed, _) in FEEDS {
        let xml = read(&server.stranger(), "hostile", feed).await;
        assert_well_formed(&xml);
        assert!(!xml.contains("]]>") && !xml.contains("<script") && xml.contains("🏴\u{200d}☠\u{fe0f}"), "{xml}");
        // What is read out of it is HTML that shows what was written.
        let content =
            all(&xml.replace(" type=\"html\"", ""), if feed.ends_with("atom") { "content" } else { "description" }).join("");
        assert!(content.contains("&#38;lt;script&#38;gt;") && !content.contains("&#60;script"), "{content}");
    }
    let calendar = read(&server.stranger(), "hostile", "maintenance.ics").await;
    assert_eq!(calendar.matches('\n').count(), calendar.matches("\r\n").count());
    assert!(
        calendar.split("\r\n").all(|line| line.len() <= 75 && line.chars().all(|letter| letter == '\t' || !letter.is_control())),
        "{calendar}"
    );
    assert_eq!((lines(&calendar, "BEGIN").len(), lines(&calendar, "END").len()), (2, 2), "{calendar}");
}

#[tokio::test]
async fn nothing_private_is_in_a_feed_or_calendar() {
    let server = Server::start_unlimited().await;
    let (founder, org) = server.founder("discreet").await;
    let secret = founder.make(&org, "/services", json!({ "name": "Secret service", "visibility": "private" })).await;
    founder.make(&org, "/incidents", json!({ "title": "Seen", "affected": [{ "service_id": secret }] })).await;
    let hidden = json!({ "title": "Hidden incident", "visibility": "private", "affected": [], "message": "Hidden words" });
    founder.make(&org, "/incidents", hidden).await;
    let hidden = json!({
        "title": "Hidden plan", "visibility": "private", "scheduled_start": in_hours(1), "scheduled_end": in_hours(2),
    });
    founder.make(&org, "/maintenances", hidden).await;
    for sheet in ["history.atom", "history.rss", "maintenance.ics"] {
        let shown = read(&founder.client, "discreet", sheet).await;
        assert!(!shown.contains("Secret") && !shown.contains("Hidden"), "{sheet}: {shown}");
        assert_eq!(shown.contains("Seen"), sheet.starts_with("history"), "{sheet}: {shown}");
    }
}
