//! Its contract, row by row.

use super::{Client, DANA, detail};
use crate::support::{has, keys, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::Name;

/// One thing that is wrong, as Pydantic says it.
fn wrong(kind: &str, loc: Value, msg: &str) -> Value {
    json!({ "detail": [{ "type": kind, "loc": loc, "msg": msg }] })
}

type Row = (&'static str, String, Option<Value>, u16, Value);

fn row(method: &'static str, path: impl Into<String>, body: impl Into<Option<Value>>, status: u16, wanted: Value) -> Row {
    (method, path.into(), body.into(), status, wanted)
}

/// Where all rows of the contract are: what is asked, and the answer.
#[tokio::test]
async fn fastapi_is_answered_as_its_contract_says() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        let (website, api) = (dana.service("Website").await, dana.service("API").await);
        let (slow, outage) = (dana.incident("API responses are slow").await, dana.incident("Website down").await);
        let (one, other) = (format!("/api/services/{website}"), format!("/api/services/{api}"));
        let (status, history) = (format!("{one}/status"), format!("{one}/status-history"));
        let (going_on, over) = (format!("/api/incidents/{slow}"), format!("/api/incidents/{outage}"));
        let updates = format!("{going_on}/updates");
        let statuses = "Input should be 'operational', 'degraded', 'partial_outage', 'major_outage' or 'maintenance'";
        let words = "Input should be 'investigating', 'identified', 'monitoring' or 'resolved'";
        let impacts = "Input should be 'minor', 'major' or 'critical'";
        let unknown = || detail("Service not found");
        let no_incident = || detail("Incident not found");
        let integer = "Input should be a valid integer, unable to parse string as an integer";
        let too_long = "x".repeat(501);
        let rows = vec![
            row("GET", "/api/healthcheck", None, 200, json!({ "message": "Healthcheck success!" })),
            row("GET", "/api/nothing", None, 404, detail("Not Found")),
            row("PATCH", &one, None, 405, detail("Method Not Allowed")),
            // Services.
            row("GET", &one, None, 200, json!({ "service_id": website, "name": "Website", "description": "What visitors see" })),
            row("GET", &other, None, 200, json!({ "current_status": "degraded" })),
            row("GET", "/api/services/999999", None, 404, unknown()),
            row("GET", "/api/services/-1", None, 404, unknown()),
            row(
                "GET",
                "/api/services/99999999999999999999",
                None,
                422,
                wrong("int_parsing", json!(["path", "service_id"]), integer),
            ),
            row("GET", "/api/services/zz", None, 422, wrong("int_parsing", json!(["path", "service_id"]), integer)),
            row("POST", "/api/services", None, 422, wrong("missing", json!(["body"]), "Field required")),
            row("POST", "/api/services", json!({}), 422, wrong("missing", json!(["body", "name"]), "Field required")),
            row(
                "POST",
                "/api/services",
                json!([]),
                422,
                wrong(
                    "model_attributes_type",
                    json!(["body"]),
                    "Input should be a valid dictionary or object to extract fields from",
                ),
            ),
            row(
                "POST",
                "/api/services",
                json!({ "name": 7 }),
                422,
                json!({ "detail": [{
                    "type": "string_type",
                    "loc": ["body", "name"],
                    "msg": "Input should be a valid string",
                    "input": 7,
                }] }),
            ),
            row(
                "POST",
                "/api/services",
                json!({ "name": "" }),
                422,
                json!({ "detail": [{
                    "type": "string_too_short",
                    "msg": "String should have at least 1 character",
                    "ctx": { "min_length": 1 },
                }] }),
            ),
            row(
                "POST",
                "/api/services",
                json!({ "name": "x".repeat(101) }),
                422,
                json!({ "detail": [{
                    "type": "string_too_long",
                    "msg": "String should have at most 100 characters",
                    "ctx": { "max_length": 100 },
                }] }),
            ),
            row(
                "POST",
                "/api/services",
                json!({ "name": "a\nb" }),
                422,
                json!({ "detail": [{ "type": "value_error", "msg": "Value error, name must be a single line of text" }] }),
            ),
            row(
                "POST",
                "/api/services",
                json!({ "description": too_long, "current_status": "down" }),
                422,
                json!({ "detail": [
                    { "type": "missing", "loc": ["body", "name"] },
                    { "type": "string_too_long", "loc": ["body", "description"], "ctx": { "max_length": 500 } },
                    { "type": "enum", "loc": ["body", "current_status"], "msg": statuses, "input": "down" },
                ] }),
            ),
            row(
                "POST",
                "/api/services",
                json!({ "name": "Search" }),
                201,
                json!({ "name": "Search", "description": null, "current_status": "operational", "updated_at": null }),
            ),
            row(
                "POST",
                "/api/services/",
                json!({ "name": "Queue", "description": "Waits", "current_status": "maintenance" }),
                201,
                json!({ "name": "Queue", "description": "Waits", "current_status": "maintenance" }),
            ),
            row("PUT", &one, json!({ "name": "Site", "service_id": 1 }), 200, json!({ "service_id": website, "name": "Site" })),
            row("PUT", &one, json!({ "description": null }), 200, json!({ "name": "Site", "description": null })),
            row("PUT", &one, json!({ "description": "Seen" }), 200, json!({ "description": "Seen" })),
            row("PUT", &one, json!({ "current_status": "degraded" }), 200, json!({ "current_status": "degraded" })),
            row("PUT", &one, json!({}), 200, json!({ "name": "Site", "current_status": "degraded" })),
            row(
                "PUT",
                &one,
                json!({ "name": null }),
                422,
                wrong("string_type", json!(["body", "name"]), "Input should be a valid string"),
            ),
            row("PUT", "/api/services/999999", json!({ "name": "x" }), 404, unknown()),
            row("PUT", "/api/services/zz", json!({}), 422, wrong("int_parsing", json!(["path", "service_id"]), integer)),
            row(
                "PUT",
                &status,
                json!({ "status": "major_outage", "message": "Fire" }),
                200,
                json!({ "current_status": "major_outage" }),
            ),
            row("PUT", &status, json!({ "status": "major_outage" }), 200, json!({ "current_status": "major_outage" })),
            row("PUT", &status, json!({ "status": "MAJOR" }), 422, wrong("enum", json!(["body", "status"]), statuses)),
            row("PUT", &status, json!({}), 422, wrong("missing", json!(["body", "status"]), "Field required")),
            row(
                "PUT",
                &status,
                json!({ "status": "degraded", "message": too_long }),
                422,
                wrong("string_too_long", json!(["body", "message"]), "String should have at most 500 characters"),
            ),
            row("PUT", "/api/services/999999/status", json!({ "status": "degraded" }), 404, unknown()),
            row(
                "GET",
                &one,
                None,
                200,
                json!({ "status_history": [
                    { "status": "major_outage", "created_by_name": "Dana Diaz" },
                    { "status": "degraded", "created_by_name": "Dana Diaz" },
                    { "status": "operational" },
                    { "status": "major_outage" },
                    { "status": "operational" },
                ] }),
            ),
            row("GET", "/api/services/999999/status-history", None, 200, json!([])),
            row(
                "POST",
                "/api/services/status-history/",
                json!({ "service_id": website, "status": "operational" }),
                200,
                json!({ "service_id": website, "status": "operational" }),
            ),
            row(
                "POST",
                "/api/services/status-history",
                json!({ "service_id": website.to_string(), "status": "degraded" }),
                200,
                json!({ "status": "degraded" }),
            ),
            row("POST", "/api/services/status-history/", json!({ "service_id": 999_999, "status": "degraded" }), 404, unknown()),
            row(
                "POST",
                "/api/services/status-history/",
                json!({ "service_id": 1.5, "status": 7 }),
                422,
                json!({ "detail": [{ "type": "int_from_float" }, { "type": "enum" }] }),
            ),
            row("GET", "/api/services/999999/uptime", None, 404, unknown()),
            row("GET", format!("{other}/uptime"), None, 200, json!({ "service_id": api, "period_days": 30 })),
            row("GET", format!("{other}/uptime/?days=365"), None, 200, json!({ "period_days": 365 })),
            row(
                "GET",
                format!("{other}/uptime?days=0"),
                None,
                422,
                wrong("greater_than_equal", json!(["query", "days"]), "Input should be greater than or equal to 1"),
            ),
            row(
                "GET",
                format!("{other}/uptime?days=366"),
                None,
                422,
                wrong("less_than_equal", json!(["query", "days"]), "Input should be less than or equal to 365"),
            ),
            row("GET", format!("{other}/uptime?days=x"), None, 422, wrong("int_parsing", json!(["query", "days"]), integer)),
            row("DELETE", "/api/services/999999", None, 404, unknown()),
            // Incidents.
            row("GET", "/api/incidents?resolved=true", None, 200, json!([{ "incident_id": outage, "status": "resolved" }])),
            row("GET", "/api/incidents/?resolved=false", None, 200, json!([{ "incident_id": slow, "status": "identified" }])),
            row("GET", "/api/incidents?resolved=none", None, 200, json!([{ "incident_id": slow }, { "incident_id": outage }])),
            row(
                "GET",
                &going_on,
                None,
                200,
                json!({
                    "title": "API responses are slow",
                    "impact": "minor",
                    "resolved_at": null,
                    "affected_services": [{ "service_id": api, "name": "API" }],
                }),
            ),
            row("GET", "/api/incidents/999999", None, 404, no_incident()),
            row("GET", format!("/api/incidents/{website}"), None, 404, no_incident()),
            row("GET", "/api/incidents/x", None, 422, wrong("int_parsing", json!(["path", "incident_id"]), integer)),
            row("POST", "/api/incidents", json!({}), 422, wrong("missing", json!(["body", "title"]), "Field required")),
            row(
                "POST",
                "/api/incidents",
                json!({ "title": "x", "status": "scheduled", "impact": "none", "affected_service_ids": [1, "y", null] }),
                422,
                json!({ "detail": [
                    { "type": "enum", "loc": ["body", "status"], "msg": words },
                    { "type": "enum", "loc": ["body", "impact"], "msg": impacts },
                    { "type": "int_parsing", "loc": ["body", "affected_service_ids", 1] },
                    { "type": "int_type", "loc": ["body", "affected_service_ids", 2] },
                ] }),
            ),
            row(
                "POST",
                "/api/incidents",
                json!({ "title": "x", "affected_service_ids": "1" }),
                422,
                wrong("list_type", json!(["body", "affected_service_ids"]), "Input should be a valid list"),
            ),
            row(
                "POST",
                "/api/incidents",
                json!({ "title": "Odd", "affected_service_ids": [999_999] }),
                200,
                json!({
                    "title": "Odd",
                    "description": null,
                    "status": "investigating",
                    "impact": "minor",
                    "resolved_at": null,
                    "updated_at": null,
                }),
            ),
            row(
                "POST",
                "/api/incidents/",
                json!({ "title": "Worse", "description": "It is", "status": "monitoring", "impact": "critical" }),
                200,
                json!({ "description": "It is", "status": "monitoring", "impact": "critical" }),
            ),
            row(
                "PUT",
                &going_on,
                json!({ "incident_id": 7, "status": "monitoring" }),
                200,
                json!({ "incident_id": slow, "status": "monitoring" }),
            ),
            row("PUT", &going_on, json!({ "impact": null }), 422, wrong("enum", json!(["body", "impact"]), impacts)),
            row("PUT", &going_on, json!({ "status": null }), 422, wrong("enum", json!(["body", "status"]), words)),
            row(
                "PUT",
                &going_on,
                json!({ "title": "Slower", "description": "Index" }),
                200,
                json!({ "title": "Slower", "description": "Index" }),
            ),
            row("PUT", &going_on, json!({}), 200, json!({ "title": "Slower" })),
            row(
                "PUT",
                &over,
                json!({ "resolved_at": "yesterday" }),
                422,
                json!({ "detail": [{ "type": "datetime_from_date_parsing", "loc": ["body", "resolved_at"] }] }),
            ),
            row(
                "PUT",
                &going_on,
                json!({ "resolved_at": "2020-01-01T00:00:00" }),
                422,
                json!({ "detail": [{ "type": "value_error" }] }),
            ),
            row("PUT", "/api/incidents/999999", json!({}), 404, no_incident()),
            row(
                "POST",
                "/api/incidents/updates",
                json!({ "incident_id": slow, "message": "" }),
                200,
                json!({ "incident_id": slow, "message": "", "status": "monitoring" }),
            ),
            row("POST", "/api/incidents/updates", json!({ "incident_id": 999_999, "message": "x" }), 404, no_incident()),
            row(
                "POST",
                "/api/incidents/updates",
                json!({ "incident_id": outage, "message": "x" }),
                400,
                detail("Cannot create incident update for resolved incidents"),
            ),
            row(
                "POST",
                "/api/incidents/updates",
                json!({ "incident_id": slow }),
                422,
                wrong("missing", json!(["body", "message"]), "Field required"),
            ),
            row(
                "GET",
                &updates,
                None,
                200,
                json!([
                    { "message": "", "status": "monitoring" },
                    { "message": "An index is missing since the last migration.", "status": "identified" },
                    { "message": "We are looking at the slow requests.", "status": "investigating" },
                ]),
            ),
            row("GET", "/api/incidents/999999/updates", None, 200, json!([])),
            row("POST", &updates, json!({ "message": "x" }), 405, detail("Method Not Allowed")),
            row("PUT", format!("{going_on}/resolve"), json!({}), 404, detail("Not Found")),
            row("DELETE", &going_on, None, 200, detail("Incident deleted")),
            row("DELETE", &going_on, None, 404, no_incident()),
            row("GET", &going_on, None, 404, no_incident()),
            row("DELETE", &other, None, 204, Value::String(String::new())),
            row("DELETE", &other, None, 404, unknown()),
            // Everybody.
            row("GET", "/api/public/nobody", None, 404, detail("Organization not found")),
            row("GET", "/api/public/fastapi-demo/", None, 200, json!({ "organization": { "name": "FastAPI Demo" } })),
            row("GET", "/api/public/fastapi-demo/status", None, 404, detail("Not Found")),
            row("GET", "/ws/nobody", None, 404, detail("Organization not found")),
            row("GET", "/ws/fastapi-demo", None, 426, detail("This path is a WebSocket of version 13: ask for an upgrade")),
        ];
        let mut otherwise = Vec::new();
        for (method, path, body, status, wanted) in rows {
            let (answered, answer) = dana.ask(method, &path, body.as_ref()).await;
            if answered != status || !has(&answer, &wanted) {
                let body = body.unwrap_or_default();
                otherwise.push(format!("{method} {path} {body}: {answered} {answer} is not {status} {wanted}"));
            }
        }
        assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
        let (_, rows) = dana.ask("GET", &history, None).await;
        assert!(has(&rows[0], &json!({ "service_id": website, "status": "degraded" })), "{rows}");
        assert_eq!(keys(&rows[0]), ["created_at", "created_by_id", "service_id", "status", "status_history_id"]);
        server.stop().await;
    })
    .await;
}
