use super::{Cast, NOBODY, check, error, text};
use crate::support::{keys, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::Name;

#[tokio::test]
async fn flask_keeps_services_as_its_contract_says() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let list = format!("/api/services?org_id={}", cast.org);
        let (_, services) = server.ask_as(&cast.viewer, "GET", &list, None).await;
        let services = services["services"].as_array().unwrap().clone();
        let order = ["Web", "API", "Database", "Back office"];
        assert_eq!(services.iter().map(|service| text(&service["name"])).collect::<Vec<_>>(), order, "private ones too");
        let fields = ["created_at", "description", "display_order", "id", "is_public", "name", "status", "team_id", "team_name", "updated_at"];
        assert_eq!(keys(&services[0]), fields);
        assert_eq!((&services[0]["team_name"], &services[1]["team_name"]), (&Value::Null, &json!("Backend")));
        let (web, database) = (text(&services[0]["id"]), text(&services[2]["id"]));
        let team = text(&services[1]["team_id"]);
        let (one, nothing) = (format!("/api/services/{web}"), format!("/api/services/{NOBODY}"));
        let all = || "/api/services".to_owned();
        let new = |name: &str| json!({ "name": name, "organization_id": cast.org });
        let with = |mut body: Value, key: &str, value: Value| {
            body[key] = value;
            Some(body)
        };
        let denied = error("Insufficient permissions");
        let (_, theirs) = server.ask_as(&cast.stranger, "POST", "/api/teams", Some(&json!({ "name": "T", "organization_id": cast.strangers_org }))).await;
        check(&server, vec![
            (&cast.viewer, "GET", all(), None, 400, error("Organization ID is required")),
            (&cast.stranger, "GET", list.clone(), None, 403, error("Access denied")),
            (&cast.stranger, "GET", format!("/api/services?org_id={NOBODY}"), None, 403, error("Access denied")),
            (&cast.stranger, "GET", "/api/services?org_id=7".into(), None, 403, error("Access denied")),
            (&cast.root, "GET", list.clone(), None, 200, json!({})),
            (&cast.member, "POST", all(), Some(json!({})), 400, error("name is required")),
            (&cast.member, "POST", all(), Some(json!({ "name": "x" })), 400, error("organization_id is required")),
            (&cast.viewer, "POST", all(), Some(new("x")), 403, denied.clone()),
            (&cast.stranger, "POST", all(), Some(new("x")), 403, denied.clone()),
            (&cast.member, "POST", all(), Some(json!({ "name": "x", "organization_id": NOBODY })), 403, denied.clone()),
            (&cast.member, "POST", all(), Some(json!({ "name": "x", "organization_id": "7" })), 403, denied.clone()),
            (&cast.member, "POST", all(), with(new("x"), "status", json!("down")), 400, error("Invalid status")),
            (&cast.member, "POST", all(), with(new("x"), "status", json!(7)), 400, error("status must be a string")),
            (&cast.member, "POST", all(), with(new("x"), "is_public", json!("yes")), 400, error("is_public must be true or false")),
            (&cast.member, "POST", all(), with(new("x"), "team_id", theirs["id"].clone()), 400, error("Invalid team")),
            (&cast.member, "POST", all(), with(new("x"), "team_id", json!("7")), 400, error("Invalid team")),
            (&cast.member, "POST", all(), Some(new("")), 400, error("name must not be empty")),
            (&cast.member, "POST", all(), Some(new(&"x".repeat(5_000))), 400, json!({})),
            (
                &cast.member, "POST", all(), with(new("Search"), "team_id", json!("")), 201,
                json!({ "name": "Search", "description": "", "status": "operational", "team_id": null, "display_order": 5, "is_public": true }),
            ),
            (&cast.member, "POST", all(), with(new("Queue"), "status", json!("maintenance")), 201, json!({ "status": "maintenance", "display_order": 6 })),
            (&cast.viewer, "GET", one.clone(), None, 200, json!({ "organization_id": cast.org, "name": "Web", "status_history": [{ "status": "operational", "reason": "Service created" }] })),
            (&cast.stranger, "GET", one.clone(), None, 403, error("Access denied")),
            (&cast.viewer, "GET", nothing.clone(), None, 404, error("Service not found")),
            (&cast.viewer, "GET", "/api/services/7".into(), None, 404, error("Service not found")),
            (&cast.viewer, "PUT", one.clone(), Some(json!({ "name": "x" })), 403, denied.clone()),
            (&cast.stranger, "PUT", one.clone(), Some(json!({ "name": "x" })), 403, denied.clone()),
            (&cast.member, "PUT", nothing.clone(), Some(json!({})), 404, error("Service not found")),
            (&cast.member, "PUT", one.clone(), Some(json!({ "status": "down" })), 400, error("Invalid status")),
            (&cast.member, "PUT", one.clone(), Some(json!({ "display_order": -1 })), 400, json!({})),
            (&cast.member, "PUT", one.clone(), Some(json!({ "team_id": theirs["id"] })), 400, error("Invalid team")),
            (
                &cast.member, "PUT", one.clone(), Some(json!({ "name": "Site", "description": "Ours", "team_id": team, "status": "operational", "is_public": false })), 200,
                json!({ "name": "Site", "description": "Ours", "team_id": team, "is_public": false, "status": "operational" }),
            ),
            (&cast.member, "PUT", one.clone(), Some(json!({ "team_id": "", "is_public": true })), 200, json!({ "team_id": null, "is_public": true })),
            (&cast.member, "PUT", one.clone(), Some(json!({ "status": "partial_outage", "status_reason": "A disk" })), 200, json!({ "status": "partial_outage" })),
            (&cast.member, "PUT", one.clone(), Some(json!({ "status": "degraded" })), 200, json!({ "status": "degraded" })),
            (&cast.viewer, "GET", one.clone(), None, 200, json!({ "status_history": [
                { "status": "degraded", "reason": "Status updated", "changed_by": "bob" },
                { "status": "partial_outage", "reason": "A disk" },
                { "status": "operational", "changed_by": "System" },
            ] })),
            (&cast.member, "DELETE", one.clone(), None, 403, error("Only administrators can delete services")),
            (&cast.stranger, "DELETE", one.clone(), None, 403, error("Only administrators can delete services")),
            (&cast.admin, "DELETE", nothing, None, 404, error("Service not found")),
        ]).await;
        let (_, shown) = server.ask_as(&cast.viewer, "GET", &one, None).await;
        assert_eq!(keys(&shown["status_history"][0]), ["changed_by", "created_at", "id", "reason", "status"]);
        let (_, changed) = server.ask_as(&cast.member, "PUT", &one, Some(&json!({}))).await;
        assert_eq!(keys(&changed), ["description", "display_order", "id", "is_public", "name", "status", "team_id", "updated_at"]);
        let (_, made) = server.ask_as(&cast.member, "POST", &all(), Some(&new("Last"))).await;
        assert_eq!(keys(&made), ["created_at", "description", "display_order", "id", "is_public", "name", "organization_id", "status", "team_id"]);
        for n in 0..12 {
            let status = if n % 2 == 0 { "major_outage" } else { "operational" };
            server.ask_as(&cast.member, "PUT", &one, Some(&json!({ "status": status }))).await;
        }
        let (_, shown) = server.ask_as(&cast.viewer, "GET", &one, None).await;
        assert_eq!(shown["status_history"].as_array().unwrap().len(), 10);
        let reorder = || "/api/services/reorder".to_owned();
        let order = |ids: Value| Some(json!({ "organization_id": cast.org, "service_ids": ids }));
        check(&server, vec![
            (&cast.member, "POST", reorder(), Some(json!({})), 400, error("Organization ID is required")),
            (&cast.member, "POST", reorder(), order(json!([])), 400, error("Service IDs are required")),
            (&cast.member, "POST", reorder(), order(json!("x")), 400, json!({})),
            (&cast.viewer, "POST", reorder(), order(json!([web])), 403, error("Insufficient permissions")),
            (&cast.stranger, "POST", reorder(), order(json!([web])), 403, error("Insufficient permissions")),
            (&cast.member, "POST", reorder(), order(json!([NOBODY, "7", 7])), 200, json!({})),
            (&cast.member, "POST", reorder(), order(json!([database, web, database, NOBODY])), 200, json!({ "message": "Services reordered successfully" })),
            (&cast.viewer, "GET", format!("/api/services/{database}"), None, 200, json!({ "display_order": 0 })),
            (&cast.viewer, "GET", one.clone(), None, 200, json!({ "display_order": 1 })),
        ]).await;
        let server = server.restarted().await;
        let (_, again) = server.ask_as(&cast.viewer, "GET", &list, None).await;
        let names: Vec<_> = again["services"].as_array().unwrap().iter().map(|service| text(&service["name"])).collect();
        assert_eq!(names[0], "Database");
        check(&server, vec![
            (&cast.admin, "DELETE", one.clone(), None, 200, json!({ "message": "Service deleted successfully" })),
            (&cast.viewer, "GET", one, None, 404, error("Service not found")),
            (&cast.stranger, "GET", format!("/api/services?org_id={}", cast.strangers_org), None, 200, json!({ "services": [] })),
        ]).await;
        server.stop().await;
    })
    .await;
}
