use super::{Cast, NOBODY, check, error, text};
use crate::support::{keys, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::Name;

#[tokio::test]
async fn flask_keeps_incidents_as_its_contract_says() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let list = |more: &str| format!("/api/incidents?org_id={}{more}", cast.org);
        let (_, services) = server.ask_as(&cast.viewer, "GET", &format!("/api/services?org_id={}", cast.org), None).await;
        let (web, api) = (text(&services["services"][0]["id"]), text(&services["services"][1]["id"]));
        let (_, all) = server.ask_as(&cast.viewer, "GET", &list(""), None).await;
        let fields = [
            "affected_services", "created_at", "created_by", "description", "id", "impact", "resolved_at", "scheduled_end",
            "scheduled_start", "status", "title", "type", "updated_at", "updates_count",
        ];
        assert_eq!(keys(&all["incidents"][0]), fields);
        let new = |title: &str| json!({ "title": title, "organization_id": cast.org });
        let with = |mut body: Value, more: Value| {
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Some(body)
        };
        let path = || "/api/incidents".to_owned();
        let (denied, read) = (error("Insufficient permissions"), error("Access denied"));
        check(&server, vec![
            (&cast.viewer, "GET", path(), None, 400, error("Organization ID is required")),
            (&cast.stranger, "GET", list(""), None, 403, read.clone()),
            (&cast.viewer, "GET", list("&type=maintenance"), None, 200, json!({ "incidents": [{ "type": "maintenance" }, { "type": "maintenance" }] })),
            (&cast.viewer, "GET", list("&status=resolved"), None, 200, json!({ "incidents": [{ "title": "Database out of space", "created_by": "bob" }] })),
            (&cast.viewer, "GET", list("&status=strange"), None, 200, json!({ "incidents": [] })),
            (&cast.member, "POST", path(), Some(json!({})), 400, error("title is required")),
            (&cast.member, "POST", path(), Some(json!({ "title": "x" })), 400, error("organization_id is required")),
            (&cast.viewer, "POST", path(), Some(new("x")), 403, denied.clone()),
            (&cast.stranger, "POST", path(), Some(new("x")), 403, denied.clone()),
            (&cast.member, "POST", path(), with(new("x"), json!({ "type": "x", "status": "x", "impact": "x" })), 400, error("Invalid incident type")),
            (&cast.member, "POST", path(), with(new("x"), json!({ "status": "x", "impact": "x" })), 400, error("Invalid status")),
            (&cast.member, "POST", path(), with(new("x"), json!({ "impact": "x" })), 400, error("Invalid impact level")),
            (&cast.member, "POST", path(), with(new("x"), json!({ "type": "maintenance", "scheduled_start": "soon" })), 400, error("scheduled_start is not a valid date")),
            (&cast.member, "POST", path(), with(new("x"), json!({ "service_ids": "x" })), 400, error("service_ids must be a list of ids")),
            (&cast.member, "POST", path(), Some(new(" ")), 400, error("title must not be empty")),
        ]).await;
        let body = with(new("Slow"), json!({ "service_ids": [web, NOBODY, "7"], "scheduled_start": "2030-01-01T00:00:00Z" }));
        let (status, made) = server.ask_as(&cast.member, "POST", &path(), body.as_ref()).await;
        assert_eq!(status, 201, "{made}");
        let fields = ["affected_services", "created_at", "description", "id", "impact", "organization_id", "status", "title", "type"];
        assert_eq!(keys(&made), fields);
        assert_eq!(made["affected_services"], json!([{ "id": web, "name": "Web" }]));
        let (one, nothing) = (format!("/api/incidents/{}", text(&made["id"])), format!("/api/incidents/{NOBODY}"));
        let updates = format!("{one}/updates");
        let (_, shown) = server.ask_as(&cast.viewer, "GET", &one, None).await;
        let fields = [
            "affected_services", "created_at", "created_by", "description", "id", "impact", "organization_id", "resolved_at",
            "scheduled_end", "scheduled_start", "status", "title", "type", "updated_at", "updates",
        ];
        assert_eq!(keys(&shown), fields);
        assert_eq!(keys(&shown["updates"][0]), ["created_at", "id", "message", "status", "user"]);
        let maintenance = json!({ "type": "maintenance", "status": "scheduled", "initial_message": "", "scheduled_start": "2030-01-01T10:00", "scheduled_end": "2030-01-01T11:00:00Z" });
        check(&server, vec![
            (&cast.viewer, "GET", one.clone(), None, 200, json!({
                "type": "incident", "status": "investigating", "impact": "none", "created_by": "bob", "scheduled_start": null,
                "affected_services": [{ "name": "Web", "status": "operational" }],
                "updates": [{ "message": "Incident created", "status": "investigating", "user": "bob" }],
            })),
            (&cast.member, "POST", path(), with(new("Later"), maintenance), 201, json!({ "type": "maintenance", "status": "scheduled" })),
            (&cast.viewer, "GET", list("&type=maintenance"), None, 200, json!({ "incidents": [
                { "title": "Later", "scheduled_start": "2030-01-01T10:00:00", "scheduled_end": "2030-01-01T11:00:00", "updates_count": 1 }, {}, {},
            ] })),
            (&cast.member, "POST", path(), with(new("Works"), json!({ "type": "maintenance" })), 201, json!({ "type": "maintenance", "status": "investigating" })),
            (&cast.stranger, "GET", one.clone(), None, 403, read),
            (&cast.viewer, "GET", nothing.clone(), None, 404, error("Incident not found")),
            (&cast.viewer, "GET", "/api/incidents/7".into(), None, 404, error("Incident not found")),
            (&cast.viewer, "PUT", one.clone(), Some(json!({})), 403, denied.clone()),
            (&cast.stranger, "PUT", one.clone(), Some(json!({})), 403, denied.clone()),
            (&cast.member, "PUT", nothing.clone(), Some(json!({})), 404, error("Incident not found")),
            (&cast.member, "PUT", one.clone(), Some(json!({ "status": "x" })), 400, error("Invalid status")),
            (&cast.member, "PUT", one.clone(), Some(json!({ "impact": "x" })), 400, error("Invalid impact level")),
            (&cast.member, "PUT", one.clone(), Some(json!({})), 200, json!({ "title": "Slow", "resolved_at": null })),
            (&cast.member, "PUT", one.clone(), Some(json!({ "title": "Slower", "status": "identified", "impact": "major", "service_ids": [api] })), 200, json!({ "title": "Slower", "status": "identified", "impact": "major" })),
            (&cast.member, "PUT", one.clone(), Some(json!({ "description": "A disk", "update_message": "It is a disk" })), 200, json!({ "description": "A disk" })),
            (&cast.viewer, "GET", one.clone(), None, 200, json!({
                "affected_services": [{ "name": "API" }],
                "updates": [
                    { "message": "Incident created" },
                    { "message": "Updated: title, status from investigating to identified, impact from none to major, affected services", "status": "identified" },
                    { "message": "It is a disk", "status": "identified" },
                ],
            })),
            (&cast.viewer, "POST", updates.clone(), Some(json!({ "message": "x" })), 403, denied.clone()),
            (&cast.stranger, "POST", updates.clone(), Some(json!({ "message": "x" })), 403, denied),
            (&cast.member, "POST", updates.clone(), Some(json!({ "message": "" })), 400, error("Update message is required")),
            (&cast.member, "POST", updates.clone(), Some(json!({ "message": "x", "status": "x" })), 400, error("Invalid status")),
            (&cast.member, "POST", format!("{nothing}/updates"), Some(json!({ "message": "x" })), 404, error("Incident not found")),
            (&cast.member, "POST", updates.clone(), Some(json!({ "message": "We look" })), 201, json!({ "status": "identified", "message": "We look", "incident_id": made["id"] })),
            (&cast.member, "POST", updates.clone(), Some(json!({ "message": "Done", "status": "resolved" })), 201, json!({ "status": "resolved" })),
            // Services are left alone.
            (&cast.viewer, "GET", format!("/api/services/{api}"), None, 200, json!({ "status": "operational" })),
        ]).await;
        let (_, update) = server.ask_as(&cast.member, "POST", &updates, Some(&json!({ "message": "Really" }))).await;
        assert_eq!(keys(&update), ["created_at", "id", "incident_id", "message", "status"]);
        let (_, resolved) = server.ask_as(&cast.viewer, "GET", &one, None).await;
        assert!(resolved["resolved_at"].is_string(), "{resolved}");
        let (_, reopened) = server.ask_as(&cast.member, "PUT", &one, Some(&json!({ "status": "monitoring" }))).await;
        assert_eq!(keys(&reopened), ["description", "id", "impact", "resolved_at", "status", "title", "updated_at"]);
        assert_eq!(reopened["resolved_at"], Value::Null, "reopened");
        let server = server.restarted().await;
        let (_, before) = server.ask_as(&cast.viewer, "GET", &one, None).await;
        assert_eq!(before["updates"].as_array().unwrap().len(), 7);
        check(&server, vec![
            (&cast.member, "DELETE", one.clone(), None, 403, error("Only admins can delete incidents")),
            (&cast.stranger, "DELETE", one.clone(), None, 403, error("Only admins can delete incidents")),
            (&cast.admin, "DELETE", nothing, None, 404, error("Incident not found")),
            (&cast.admin, "DELETE", one.clone(), None, 200, json!({ "message": "Incident deleted successfully" })),
            (&cast.viewer, "GET", one, None, 404, error("Incident not found")),
        ]).await;
        server.stop().await;
    })
    .await;
}
