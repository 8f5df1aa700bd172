//! What comes in which order, what follows from what, and what is still so afterwards.

use super::{World, id, with_world};
use serde_json::{Value, json};

/// Whether these fields are in a body, in this order, and nothing else is in the same thing.
async fn in_order(world: &World, path: &str, fields: &[&str]) {
    let bearer = format!("Bearer {}", world.token);
    let text = world.server.send_with(&[("authorization", &bearer)], "GET", path, None).await.text().await.unwrap();
    let places: Vec<_> = fields.iter().map(|field| text.find(&format!("\"{field}\":"))).collect();
    assert!(places.iter().all(Option::is_some), "{path}: {fields:?} in {text}");
    assert!(places.is_sorted(), "{path}: {fields:?} in {text}");
}

#[tokio::test]
async fn fields_and_lists_have_their_order() {
    with_world(|world| async move {
        let names =
            |all: &[Value], key: &str| -> Vec<String> { all.iter().map(|one| one[key].as_str().unwrap().to_owned()).collect() };
        let services = world.all("/api/services", "services").await;
        let order = [
            "User Authentication API",
            "Payment Processing",
            "Main Website",
            "Customer Dashboard",
            "Database Cluster",
            "Analytics Service",
            "Email Notifications",
        ];
        assert_eq!(names(&services, "name"), order);
        assert!(services.iter().all(|service| service["_id"] == service["id"] && id(service).len() == 24), "{services:?}");
        let incidents = world.all("/api/incidents", "incidents").await;
        let order = ["Storage Service Degradation", "API Outage", "Intermittent Login Issues", "Scheduled Database Maintenance"];
        assert_eq!(names(&incidents, "title"), order);
        assert_eq!(names(&incidents, "type"), ["incident", "incident", "incident", "maintenance"]);
        let maintenance = world.all("/api/maintenance", "maintenanceEvents").await;
        let order = [
            "API Gateway Migration",
            "Database Upgrade Maintenance",
            "Network Infrastructure Updates",
            "Security Patch Deployment",
        ];
        assert_eq!(names(&maintenance, "title"), order);
        let fields =
            ["_id", "id", "name", "description", "status", "group", "organizationId", "createdBy", "createdAt", "updatedAt", "__v"];
        in_order(&world, &format!("/api/services/{}", id(&services[0])), &fields).await;
        let fields =
            ["title", "type", "impact", "services", "updates", "message", "organizationId", "startDate", "updatedAt", "__v"];
        in_order(&world, &format!("/api/incidents/{}", id(&incidents[0])), &fields).await;
        let fields = [
            "title",
            "description",
            "impact",
            "services",
            "updates",
            "organizationId",
            "scheduledStartDate",
            "scheduledEndDate",
            "actualStartDate",
            "actualEndDate",
            "isPublic",
            "notificationSent",
            "updatedAt",
            "__v",
        ];
        in_order(&world, &format!("/api/maintenance/{}", id(&maintenance[3])), &fields).await;
        // What was never said is left out, not null; resolving never says when it ended.
        let new = world.done("POST", "/api/services", json!({ "name": "Search" }), "service").await;
        assert!(new.get("description").is_none(), "{new}");
        assert!(incidents.iter().all(|incident| incident.get("endDate").is_none() && incident.get("description").is_none()));
        let (_, groups) = world.ask("GET", "/api/services/by-group", None).await;
        let groups = groups["groupedServices"].as_object().unwrap();
        let count: usize = groups.values().map(|services| services.as_array().unwrap().len()).sum();
        assert_eq!((groups.len(), count), (4, 8), "{groups:?}");
        world.server
    })
    .await;
}

#[tokio::test]
async fn an_incident_leaves_services_alone() {
    with_world(|world| async move {
        let (one, two) = (world.new_service("Search").await, world.new_service("Queue").await);
        let body = json!({ "title": "Down", "type": "incident", "impact": "critical", "serviceIds": [two, one] });
        let incident = world.done("POST", "/api/incidents", body, "incident").await;
        let body = json!({
            "title": "Disks", "description": "x", "impact": "critical", "serviceIds": [one],
            "scheduledStartDate": "2020-01-01T00:00", "scheduledEndDate": "2031-01-01T00:00",
        });
        let maintenance = world.done("POST", "/api/maintenance", body, "maintenance").await;
        let path = format!("/api/maintenance/{}", id(&maintenance));
        let begun = world.done("PATCH", &path, json!({ "status": "in_progress" }), "maintenance").await;
        let shown: Vec<_> = incident["services"].as_array().unwrap().iter().map(id).collect();
        assert_eq!(shown, [two.clone(), one.clone()], "as they were named");
        for service in world.all("/api/services", "services").await {
            if [&one, &two].contains(&&id(&service)) {
                assert_eq!(service["status"], "operational", "{service}");
            }
        }
        // The status of a service is shown as it is now, and one that is gone is shown no more.
        world.done("PATCH", &format!("/api/services/{one}"), json!({ "status": "partial_outage" }), "service").await;
        world.ask("DELETE", &format!("/api/services/{two}"), None).await;
        let path = format!("/api/incidents/{}", id(&incident));
        let (_, now) = world.ask("GET", &path, None).await;
        assert_eq!(now["incident"]["services"], json!([{ "_id": one, "name": "Search", "status": "partial_outage" }]));
        let resolved = world.done("PATCH", &path, json!({ "status": "resolved" }), "incident").await;
        assert_eq!(resolved["services"][0]["status"], "partial_outage");
        assert!(begun["actualStartDate"].is_string() && begun.get("actualEndDate").is_none(), "{begun}");
        world.server
    })
    .await;
}

#[tokio::test]
async fn a_maintenance_begins_and_ends_when_somebody_says_so() {
    with_world(|world| async move {
        let body = json!({
            "title": "Disks", "description": "x", "serviceIds": [],
            "scheduledStartDate": "2020-01-01T00:00", "scheduledEndDate": "2020-01-02T00:00",
        });
        let made = world.done("POST", "/api/maintenance", body.clone(), "maintenance").await;
        assert!(made.get("actualStartDate").is_none(), "{made}");
        let path = format!("/api/maintenance/{}", id(&made));
        let say = |status: &'static str| world.done("PATCH", &path, json!({ "status": status }), "maintenance");
        let time = |shown: &Value, name: &str| shown[name].as_str().map(str::to_owned);
        let begun = say("in_progress").await;
        let again = say("in_progress").await;
        assert!(time(&begun, "actualStartDate") <= time(&again, "actualStartDate"), "each time: {begun} {again}");
        assert_eq!(again["updates"].as_array().unwrap().len(), 3);
        let done = say("completed").await;
        assert_eq!(done["actualStartDate"], again["actualStartDate"]);
        assert!(time(&done, "actualEndDate") >= time(&done, "actualStartDate"), "{done}");
        // Its plan is long over, and nothing happened by itself.
        let untouched = world.done("POST", "/api/maintenance", body, "maintenance").await;
        let (_, now) = world.ask("GET", &format!("/api/maintenance/{}", id(&untouched)), None).await;
        assert_eq!(now["maintenance"], untouched);
        // One that never began has no beginning.
        let updates = format!("/api/maintenance/{}/updates", id(&untouched));
        let called_off = json!({ "message": "Not today", "status": "cancelled" });
        let off = world.done("POST", &updates, called_off, "maintenance").await;
        assert!(off["actualEndDate"].is_string() && off.get("actualStartDate").is_none(), "{off}");
        let completed = world.done("POST", &updates, json!({ "message": "x", "status": "scheduled" }), "maintenance").await;
        assert_eq!(completed["status"], "scheduled");
        let completed = world.done("POST", &updates, json!({ "message": "x", "status": "completed" }), "maintenance").await;
        assert!(completed["actualEndDate"].is_string() && completed.get("actualStartDate").is_none(), "{completed}");
        world.server
    })
    .await;
}

#[tokio::test]
async fn headings_are_made_once_and_a_foreign_one_may_be_sent_back() {
    with_world(|world| async move {
        let admin = world.issuer.sign("user_adm", json!({ "org_id": "org_sample", "org_role": "org:admin" }));
        let (_, groups) = world.server.ask_api(&admin, "GET", "/orgs/statusnexus/groups", &json!({})).await;
        let all: Vec<_> = groups["items"].as_array().unwrap().clone();
        assert_eq!(all.len(), 4, "{groups}");
        // Without any, several at once make one.
        for group in &all {
            let path = format!("/orgs/statusnexus/groups/{}", group["id"].as_str().unwrap());
            assert_eq!(world.server.ask_api(&admin, "DELETE", &path, &json!({})).await.0, 204);
        }
        let names: Vec<_> = (0..8).map(|n| format!("Billing {n}")).collect();
        let made = futures::future::join_all(
            names
                .iter()
                .map(|name| world.done("POST", "/api/services", json!({ "name": name, "group": "Billing Services" }), "service")),
        );
        assert!(made.await.iter().all(|service| service["group"] == "Billing Services"));
        let (_, groups) = world.server.ask_api(&admin, "GET", "/orgs/statusnexus/groups", &json!({})).await;
        let names: Vec<_> = groups["items"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
        assert_eq!(names, ["Billing Services"]);
        // Whoever stands under a heading of which this client knows nothing, is sent back as it is shown.
        let group = json!({ "name": "Kitchen" });
        let (_, group) = world.server.ask_api(&admin, "POST", "/orgs/statusnexus/groups", &group).await;
        let body = json!({ "name": "Oven", "group_id": group["id"] });
        let (status, oven) = world.server.ask_api(&admin, "POST", "/orgs/statusnexus/services", &body).await;
        assert_eq!(status, 201, "{oven}");
        let oven = world.all("/api/services?group=Kitchen", "services").await.remove(0);
        let mut sent = oven.clone();
        sent["status"] = json!("degraded_performance");
        let changed = world.done("PATCH", &format!("/api/services/{}", id(&oven)), sent, "service").await;
        assert_eq!((&changed["group"], &changed["status"]), (&json!("Kitchen"), &json!("degraded_performance")));
        world.server
    })
    .await;
}

#[tokio::test]
async fn what_an_incident_says_elsewhere_is_still_there_after_an_edit() {
    with_world(|world| async move {
        let admin = world.issuer.sign("user_adm", json!({ "org_id": "org_sample", "org_role": "org:admin" }));
        let (_, services) = world.server.ask_api(&admin, "GET", "/orgs/statusnexus/services", &json!({})).await;
        let service = &services["items"][0]["id"];
        let body = json!({
            "title": "Disks", "scheduled_start": "2031-01-01T00:00:00Z", "scheduled_end": "2031-01-02T00:00:00Z",
            "affected": [{ "service_id": service, "status": "major_outage" }],
        });
        let (status, made) = world.server.ask_api(&admin, "POST", "/orgs/statusnexus/maintenances", &body).await;
        assert_eq!(status, 201, "{made}");
        let shown = world.all("/api/maintenance", "maintenanceEvents").await;
        let shown = shown.iter().find(|one| one["title"] == "Disks").unwrap();
        let services = shown["services"].as_array().unwrap().iter().map(|service| service["_id"].clone()).collect();
        let edit = json!({ "title": "New disks", "serviceIds": Value::Array(services) });
        world.done("PATCH", &format!("/api/maintenance/{}", id(shown)), edit, "maintenance").await;
        let path = format!("/orgs/statusnexus/maintenances/{}", made["id"].as_str().unwrap());
        let (_, after) = world.server.ask_api(&admin, "GET", &path, &json!({})).await;
        assert_eq!((&after["title"], &after["affected"]), (&json!("New disks"), &made["affected"]), "{after}");
        world.server
    })
    .await;
}

#[tokio::test]
async fn what_was_told_is_there_after_a_restart() {
    with_world(|world| async move {
        let service = world.new_service("Search").await;
        let body = json!({ "title": "Slow", "type": "maintenance", "serviceIds": [service] });
        world.done("POST", "/api/incidents", body, "incident").await;
        let body = json!({
            "title": "Disks", "description": "x", "serviceIds": [service], "isPublic": false,
            "scheduledStartDate": "2031-01-01T00:00", "scheduledEndDate": "2031-01-02T00:00",
        });
        let made = world.done("POST", "/api/maintenance", body, "maintenance").await;
        world.done("PATCH", &format!("/api/maintenance/{}", id(&made)), json!({ "status": "in_progress" }), "maintenance").await;
        let lists = [("/api/services", "services"), ("/api/incidents", "incidents"), ("/api/maintenance", "maintenanceEvents")];
        let mut before = Vec::new();
        for (path, name) in lists {
            before.push(world.all(path, name).await);
        }
        let world = World { server: world.server.restarted().await, ..world };
        for ((path, name), before) in lists.into_iter().zip(before) {
            assert_eq!(world.all(path, name).await, before, "{path}");
        }
        world.server
    })
    .await;
}
