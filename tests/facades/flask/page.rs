use super::{Cast, NOBODY, check, error, text};
use crate::support::{keys, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::Name;

#[tokio::test]
async fn flask_shows_its_page_as_its_contract_says() {
    on_both_stores(Name::Flask, |server| async move {
        let path = || "/api/public/status/flask-demo".to_owned();
        let (status, page) = server.ask("GET", &path(), None).await;
        assert_eq!(status, 200, "{page}");
        let fields = [
            "active_incidents", "incident_history", "last_updated", "organization", "overall_status", "scheduled_maintenance", "services",
        ];
        assert_eq!(keys(&page), fields);
        assert_eq!(keys(&page["organization"]), ["description", "name"]);
        assert_eq!(keys(&page["services"][0]), ["description", "display_order", "id", "name", "status"]);
        let names = |page: &Value, list: &str, key: &str| page[list].as_array().unwrap().iter().map(|one| text(&one[key])).collect::<Vec<_>>();
        assert_eq!(names(&page, "services", "name"), ["Web", "API", "Database"]);
        assert_eq!(page["overall_status"], "degraded");
        assert_eq!(names(&page, "active_incidents", "title"), ["Network checks", "Database replica is behind"]);
        let fields = ["affected_services", "created_at", "id", "impact", "latest_update", "resolved_at", "status", "title", "type"];
        assert_eq!(keys(&page["active_incidents"][0]), fields);
        assert_eq!(page["active_incidents"][1]["affected_services"], json!(["Database"]));
        assert_eq!(keys(&page["active_incidents"][0]["latest_update"]), ["created_at", "message"]);
        assert_eq!(names(&page, "scheduled_maintenance", "title"), ["Database upgrade"]);
        let fields = ["affected_services", "description", "id", "scheduled_end", "scheduled_start", "status", "title"];
        assert_eq!(keys(&page["scheduled_maintenance"][0]), fields);
        let fields = ["created_at", "duration", "id", "impact", "resolved_at", "status", "title", "type"];
        assert_eq!(keys(&page["incident_history"][0]), fields);
        assert!(!names(&page, "incident_history", "title").contains(&"Database out of space".to_owned()), "it is older than a week");
        let incident = text(&page["active_incidents"][1]["id"]);
        let (_, shown) = server.ask("GET", &format!("{}/incidents/{incident}", path()), None).await;
        let fields = [
            "affected_services", "created_at", "description", "id", "impact", "resolved_at", "scheduled_end", "scheduled_start",
            "status", "title", "type", "updated_at", "updates",
        ];
        assert_eq!(keys(&shown), fields);
        assert_eq!(shown["affected_services"], json!([{ "name": "Database", "status": "degraded" }]));
        assert_eq!(keys(&shown["updates"][0]), ["created_at", "id", "message", "status"]);
        let subscribe = || format!("{}/subscribe", path());
        let unknown = error("Organization not found");
        let cast = Cast::of(&server).await;
        check(&server, vec![
            ("", "GET", "/api/public/status/nobody".into(), None, 404, unknown.clone()),
            ("", "GET", format!("/api/public/status/nobody/incidents/{incident}"), None, 404, unknown.clone()),
            ("", "GET", format!("{}/incidents/{NOBODY}", path()), None, 404, error("Incident not found")),
            ("", "GET", format!("{}/incidents/7", path()), None, 404, error("Incident not found")),
            ("", "GET", format!("/api/public/status/mallory-inc/incidents/{incident}"), None, 404, error("Incident not found")),
            ("", "POST", "/api/public/status/nobody/subscribe".into(), Some(json!({ "email": "a@b.c" })), 404, unknown),
            ("", "POST", subscribe(), Some(json!({})), 400, error("Email is required")),
            ("", "POST", subscribe(), Some(json!({ "email": "a@b.c" })), 200, json!({ "message": "Successfully subscribed to status updates", "email": "a@b.c" })),
            ("", "GET", "/api/public/status/mallory-inc".into(), None, 200, json!({ "overall_status": "operational", "services": [], "active_incidents": [], "scheduled_maintenance": [], "incident_history": [] })),
            (&cast.member, "PUT", format!("/api/incidents/{incident}"), Some(json!({ "status": "resolved" })), 200, json!({})),
        ]).await;
        let server = server.restarted().await;
        let (_, page) = server.ask("GET", &path(), None).await;
        assert_eq!(page["active_incidents"][1]["status"], "resolved", "it lingers for a day");
        assert!(text(&page["incident_history"][1]["duration"]).starts_with("2:00:"), "{page}");
        server.stop().await;
    })
    .await;
}
