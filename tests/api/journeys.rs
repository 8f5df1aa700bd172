//! What an organization goes through, from beginning to end: what happens to its services, and who sees what of it.

use crate::support::{Client, PASSWORD, Server, in_hours, nobody, text};
use serde_json::{Value, json};

/// Everything that a visitor without an account can read of a page, as one text.
async fn everything_public(visitor: &Client, slug: &str) -> String {
    let mut all = String::new();
    let lists = ["", "/incidents", "/maintenances", "/uptime?days=3", "/incidents?active=true", "/incidents?active=false"];
    for path in lists {
        all += &visitor.get(&format!("/public/{slug}{path}")).await.text;
    }
    for list in ["/incidents", "/maintenances"] {
        for incident in visitor.all(&format!("/public/{slug}{list}"), 200, async |_| ()).await {
            all += &visitor.get(&format!("/public/{slug}/incidents/{}", text(&incident["id"]))).await.text;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_registering_to_a_post_mortem() {
    let server = Server::start().await;
    let visitor = server.stranger();
    let organization = json!({"name": "Acme", "slug": "acme", "time_zone": "Europe/Berlin", "branding": {"accent": "#1a73e8"}});
    let body = json!({"email": "Ann@Example.org", "password": PASSWORD, "name": "Ann", "organization": organization});
    let made = visitor.post("/auth/register", body).await.is(201);
    assert_eq!((made["user"]["name"].as_str(), made["organization"]["role"].as_str()), (Some("Ann"), Some("admin")));
    let ann = visitor.with(&text(&made["access_token"]));
    let org = format!("/orgs/{}", text(&made["organization"]["id"]));
    let make = async |path: &str, body: Value| text(&ann.post(&format!("{org}{path}"), body).await.is(201)["id"]);

    let group = make("/groups", json!({"name": "Shop"})).await;
    let hidden_group = make("/groups", json!({"name": "secret group"})).await;
    let checkout = make("/services", json!({"name": "Checkout", "group_id": group, "metadata": {"note": "secret note"}})).await;
    let search = make("/services", json!({"name": "Search"})).await;
    let private =
        json!({"name": "secret service", "description": "secret words", "visibility": "private", "group_id": hidden_group});
    let private = make("/services", private).await;
    let affected = json!([
        {"service_id": checkout, "status": "partial_outage"},
        {"service_id": private, "status": "major_outage"},
        {"name": "A partner's system"},
    ]);
    let incident = json!({"title": "Payments are slow", "impact": "major", "affected": affected, "message": "We look", "metadata": {"ticket": "secret ticket"}});
    let incident = make("/incidents", incident).await;
    let hush = json!({"title": "secret incident", "visibility": "private", "message": "secret message", "affected": [{"service_id": search}]});
    let hush = make("/incidents", hush).await;
    let quiet = json!({"title": "secret maintenance", "visibility": "private", "scheduled_start": in_hours(1), "scheduled_end": in_hours(2)});
    let quiet = make("/maintenances", quiet).await;

    let page = visitor.get("/public/acme").await.is(200);
    let names = |list: &Value, field: &str| list.as_array().unwrap().iter().map(|item| text(&item[field])).collect::<Vec<_>>();
    assert_eq!(names(&page["services"], "name"), ["Checkout", "Search"]);
    assert_eq!(names(&page["groups"], "name"), ["Shop"]);
    assert_eq!(names(&page["active"], "title"), ["Payments are slow"]);
    assert_eq!(names(&page["active"][0]["affected"], "name"), ["Checkout", "A partner's system"]);
    // The worst of the public ones, not of all.
    assert_eq!((page["status"].as_str(), page["services"][0]["status"].as_str()), (Some("partial_outage"), Some("partial_outage")));
    assert_eq!(ann.get(&org).await.is(200)["status"], "major_outage");

    let one = format!("{org}/incidents/{incident}");
    let found = json!({"message": "It is the database", "status": "identified", "affected": [{"service_id": checkout, "status": "degraded_performance"}]});
    let told = ann.post(&format!("{one}/updates"), found).await.is(201);
    assert_eq!(
        (told["status"].as_str(), told["updates"][1]["affected"][0]["from"].as_str()),
        (Some("identified"), Some("partial_outage"))
    );
    let update = text(&told["updates"][1]["id"]);
    ann.patch(&format!("{one}/updates/{update}"), json!({"message": "It was the database"})).await.is(200);
    let wrong = ann.post(&format!("{one}/updates"), json!({"message": "a slip"})).await.is(201);
    ann.delete(&format!("{one}/updates/{}", text(&wrong["updates"][2]["id"]))).await.is(204);
    ann.put(&format!("{one}/postmortem"), json!({"body": "early"})).await.refuses(409, "not_over");
    ann.post(&format!("{one}/resolve"), json!({"message": "It works again"})).await.is(200);
    ann.post(&format!("{one}/resolve"), json!({})).await.refuses(409, "already_resolved");
    ann.put(&format!("{one}/postmortem"), json!({"body": "# What we learned"})).await.is(200);

    let page = visitor.get("/public/acme").await.is(200);
    assert_eq!((page["status"].as_str(), &page["active"]), (Some("operational"), &json!([])));
    let shown = visitor.get(&format!("/public/acme/incidents/{incident}")).await.is(200);
    assert_eq!(names(&shown["updates"], "message"), ["We look", "It was the database", "It works again"]);
    assert_eq!((shown["status"].as_str(), shown["postmortem"].as_str()), (Some("resolved"), Some("# What we learned")));
    ann.delete(&format!("{one}/postmortem")).await.is(204);
    ann.delete(&format!("{one}/postmortem")).await.refuses(404, "no_postmortem");

    // Nothing private anywhere: no name, no id, and nothing about who works there.
    let all = everything_public(&visitor, "acme").await;
    assert!(all.contains("Payments are slow") && all.contains(&incident) && all.contains(&checkout));
    let user = text(&made["user"]["id"]);
    for secret in ["secret", &private, &hidden_group, &hush, &quiet, &user, "user:", "Ann", "example.org", "metadata", "created_by"]
    {
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
    for id in [&hush, &quiet] {
        let unknown = nobody();
        let answer = visitor.get(&format!("/public/acme/incidents/{id}")).await;
        assert_eq!(answer.without(id), visitor.get(&format!("/public/acme/incidents/{unknown}")).await.without(&unknown));
    }
    // Asking by the id of a private service tells nothing, not even that something happened to it.
    let found = visitor.get(&format!("/public/acme/incidents?service_id={private}")).await.is(200);
    assert_eq!(found["items"], json!([]), "who knows the id of a private service learns of its incidents");
    let found = visitor.get(&format!("/public/acme/incidents?service_id={checkout}")).await.is(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    // A member sees the same page at this address as everybody.
    assert_eq!(ann.get("/public/acme").await.text, visitor.get("/public/acme").await.text);
    // What becomes private is gone from the page, also for those who have its address.
    ann.patch(&one, json!({"visibility": "private"})).await.is(200);
    ann.patch(&format!("{org}/services/{checkout}"), json!({"visibility": "private"})).await.is(200);
    let all = everything_public(&visitor, "acme").await;
    assert!(!all.contains("Payments") && !all.contains("Checkout") && !all.contains("Shop"), "{all}");
    visitor.get(&format!("/public/acme/incidents/{incident}")).await.refuses(404, "unknown_incident");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_private_service_stays_private() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let private = founder.make(&org, "/services", json!({"name": "secret", "visibility": "private"})).await;
    let incident = json!({"title": "i", "affected": [{"service_id": private, "status": "major_outage"}]});
    founder.make(&org, "/incidents", incident).await;
    founder.client.delete(&org.at(&format!("/services/{private}"))).await.is(204);
    let all = everything_public(&server.stranger(), "acme").await;
    assert!(!all.contains("secret") && !all.contains(&private), "{all}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maintenances_begin_end_and_are_called_off() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let visitor = server.stranger();
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let plan = async |title: &str, hours: i64| {
        let affected = json!([{"service_id": service, "status": "under_maintenance"}]);
        let body =
            json!({"title": title, "affected": affected, "scheduled_start": in_hours(hours), "scheduled_end": in_hours(hours + 1)});
        let id = founder.make(&org, "/maintenances", body).await;
        org.at(&format!("/maintenances/{id}"))
    };
    let status = async || text(&founder.client.get(&org.at(&format!("/services/{service}"))).await.is(200)["status"]);
    let (second, first) = (plan("second", 5).await, plan("first", 2).await);
    let page = visitor.get(&org.public("")).await.is(200);
    assert_eq!((&page["upcoming"][0]["title"], &page["upcoming"][1]["title"]), (&json!("first"), &json!("second")));
    assert_eq!((status().await.as_str(), &page["active"]), ("operational", &json!([])));

    founder.client.post(&format!("{first}/complete"), json!({})).await.refuses(409, "wrong_move");
    let begun = founder.client.post(&format!("{first}/start"), json!({"message": "We begin early"})).await.is(200);
    assert_eq!((begun["status"].as_str(), status().await.as_str()), (Some("in_progress"), "under_maintenance"));
    founder.client.post(&format!("{first}/start"), json!({})).await.refuses(409, "wrong_move");
    assert_eq!(visitor.get(&org.public("")).await.is(200)["active"][0]["title"], "first");
    let told =
        founder.client.post(&format!("{first}/updates"), json!({"message": "Nearly done", "status": "verifying"})).await.is(201);
    assert_eq!(told["status"], "verifying");
    let done = founder.client.post(&format!("{first}/complete"), json!({})).await.is(200);
    assert_eq!((done["status"].as_str(), status().await.as_str()), (Some("completed"), "operational"));
    assert!(done["actual_start"].is_string() && done["actual_end"].is_string(), "{done}");

    let off = founder.client.post(&format!("{second}/cancel"), json!({"message": "Not today"})).await.is(200);
    assert_eq!(off["status"], "cancelled");
    founder.client.post(&format!("{second}/start"), json!({})).await.refuses(409, "wrong_move");
    let page = visitor.get(&org.public("")).await.is(200);
    assert_eq!((&page["upcoming"], &page["active"]), (&json!([]), &json!([])));
    // Each kind is found at its own address only.
    let id = first.rsplit('/').next().unwrap();
    founder.client.get(&org.at(&format!("/incidents/{id}"))).await.refuses(404, "unknown_incident");
    founder.client.post(&org.at(&format!("/incidents/{id}/resolve")), json!({})).await.refuses(404, "unknown_incident");
    let incident = founder.make(&org, "/incidents", json!({"title": "i"})).await;
    founder.client.post(&org.at(&format!("/maintenances/{incident}/start")), json!({})).await.refuses(404, "unknown_incident");
    // One that goes wrong becomes an incident, with its timeline, and moves to the other address.
    let third = plan("third", 3).await;
    founder.client.post(&format!("{third}/start"), json!({})).await.is(200);
    let turned = founder.client.patch(&third, json!({"status": "investigating"})).await.is(200);
    assert_eq!((turned["kind"].as_str(), turned["status"].as_str()), (Some("incident"), Some("investigating")));
    founder.client.get(&third).await.refuses(404, "unknown_incident");
    founder.client.get(&third.replace("maintenances", "incidents")).await.is(200);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_uptime_tell_what_happened_to_a_service() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let one = org.at(&format!("/services/{service}"));
    founder.client.patch(&one, json!({"status": "major_outage", "reason": "it fell"})).await.is(200);
    founder.client.patch(&one, json!({"status": "operational"})).await.is(200);
    let affected = json!([{"service_id": service, "status": "degraded_performance"}]);
    let incident = founder.make(&org, "/incidents", json!({"title": "i", "affected": affected})).await;
    let shown = founder.client.get(&one).await.is(200);
    assert_eq!(shown["cause"], format!("incident:{incident}"));
    founder.client.post(&org.at(&format!("/incidents/{incident}/resolve")), json!({})).await.is(200);
    let history = founder.client.get(&format!("{one}/history")).await.is(200);
    let history = history["items"].as_array().unwrap();
    let statuses: Vec<_> = history.iter().map(|change| text(&change["to"])).collect();
    assert_eq!(statuses, ["operational", "degraded_performance", "operational", "major_outage", "operational"]);
    assert_eq!((history[1]["cause"].as_str(), history[2]["cause"].as_str()), (shown["cause"].as_str(), Some("manual")));
    let fell = history.iter().find(|change| change["reason"] == "it fell").unwrap();
    assert_eq!((fell["from"].as_str(), fell["to"].as_str()), (Some("operational"), Some("major_outage")));
    assert_eq!(fell["by"], format!("user:{}", founder.id));
    assert_eq!(history.last().unwrap()["from"], Value::Null, "the first one is from nothing");
    for pair in history.windows(2) {
        assert_eq!(pair[0]["from"], pair[1]["to"], "each begins where the one before ended");
    }
    let uptime = founder.client.get(&format!("{one}/uptime?days=7")).await.is(200);
    let days = uptime["days"].as_array().unwrap();
    assert_eq!(days.len(), 7);
    assert_eq!(days.last().unwrap()["worst"], "major_outage");
    assert_eq!(days[0], json!({"date": days[0]["date"], "uptime": null, "worst": null}), "before it existed, nothing was observed");
    let public = server.stranger().get(&org.public("/uptime?days=7")).await.is(200);
    assert_eq!(public["items"][0]["days"].as_array().unwrap().len(), 7);
    assert_eq!(public["items"][0]["days"][6]["worst"], "major_outage");
    // An incident that is filled in afterwards is in the list where it belongs.
    let past = json!({"title": "past", "status": "resolved", "started_at": in_hours(-50), "resolved_at": in_hours(-49), "affected": affected});
    let past = founder.make(&org, "/incidents", past).await;
    let list = founder.client.get(&org.at(&format!("/incidents?to={}&from={}", in_hours(-48), in_hours(-60)))).await.is(200);
    assert_eq!((list["items"].as_array().unwrap().len(), list["items"][0]["id"].as_str()), (1, Some(past.as_str())));
    assert_eq!(founder.client.get(&one).await.is(200)["status"], "operational");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_says_who_did_what() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let member = server.person("member").await;
    founder.let_in(&org, &member, "member").await;
    let key = founder.client.post(&org.at("/keys"), json!({"name": "k", "scopes": ["write"]})).await.is(201);
    let program = server.stranger().with(&text(&key["secret"]));
    let superadmin = server.superadmin("superadmin").await;
    let service = member.make(&org, "/services", json!({"name": "s"})).await;
    program.patch(&org.at(&format!("/services/{service}")), json!({"status": "major_outage", "reason": "r"})).await.is(200);
    superadmin.client.delete(&org.at(&format!("/services/{service}"))).await.is(204);
    // What was refused, or changed nothing, was not done.
    member.client.delete(&org.at("")).await.refuses(403, "forbidden");
    member.client.patch(&org.at("/services/reorder"), json!({})).await.is(405);
    founder.client.patch(&org.at(""), json!({})).await.is(200);
    let audit = founder.client.get(&org.at("/audit")).await.is(200);
    let done: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|entry| (text(&entry["by"]), text(&entry["events"][0]["event"]))).collect();
    let expected = [
        (format!("user:{}", superadmin.id), "service.deleted"),
        (format!("key:{}", text(&key["id"])), "service.status_changed"),
        (format!("user:{}", member.id), "service.created"),
        (format!("user:{}", founder.id), "member.added"),
        (format!("user:{}", founder.id), "organization.created"),
    ];
    assert_eq!(done, expected.map(|(by, event)| (by, event.to_owned())));
    let fell = &audit["items"][1]["events"][0]["data"];
    assert_eq!((fell["id"].as_str(), fell["reason"].as_str()), (Some(service.as_str()), Some("r")));
    // No secret is in it.
    let secret = text(&key["secret"]);
    assert!(!founder.client.get(&org.at("/audit")).await.text.contains(&secret));
    assert!(!founder.client.get(&org.at("/keys")).await.text.contains(&secret));
    server.end().await;
}
