//! Its services, incidents and timelines.

use super::{NOBODY, Row, answers, error, get, id, names};
use crate::support::on_both_stores;
use serde_json::{Value, json};
use tocsin::facades::Name;

#[tokio::test]
async fn prisma_services_are_answered_as_its_contract_says() {
    on_both_stores(Name::Prisma, |server| async move {
        let services = get(&server, "/api/services").await;
        let (email, website, org) = (id(&services[3]), id(&services[0]), services[0]["organizationId"].as_str().unwrap());
        let at = |id: &str| format!("/api/services/{id}");
        let status = |id: &str| format!("/api/services/{id}/status");
        let of = |id: &str| format!("/api/services/organization/{id}");
        let with = |fields: Value| {
            let mut body = json!({ "name": "Search", "organizationId": org });
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            Some(body)
        };
        let all = || "/api/services".to_owned();
        let words = error("status must be one of: OPERATIONAL, DEGRADED, PARTIAL_OUTAGE, MAJOR_OUTAGE");
        let gone = error("Service not found");
        let delays = json!([{ "title": "Email delivery delays" }]);
        let rows: Vec<Row> = vec![
            ("GET", "/health".into(), None, 200, json!({ "status": "ok" })),
            ("GET", of(org), None, 200, json!([{ "incidents": [] }, {}, {}, { "incidents": delays }])),
            ("GET", of(NOBODY), None, 200, json!([])),
            ("GET", of("default"), None, 200, json!([])),
            ("POST", all(), None, 400, error("name is required")),
            ("POST", all(), Some(json!([])), 400, error("name is required")),
            ("POST", all(), Some(json!({ "name": "x" })), 400, error("organizationId is required")),
            ("POST", all(), with(json!({ "name": 7 })), 400, error("name must be a string")),
            ("POST", all(), with(json!({ "name": null })), 400, error("name must be a string")),
            ("POST", all(), with(json!({ "organizationId": 7 })), 400, error("organizationId must be a string")),
            ("POST", all(), with(json!({ "organizationId": NOBODY })), 404, error("Organization not found")),
            ("POST", all(), with(json!({ "organizationId": "default" })), 404, error("Organization not found")),
            ("POST", all(), with(json!({ "status": "operational" })), 400, words.clone()),
            ("POST", all(), with(json!({ "status": 1 })), 400, error("status must be a string")),
            ("POST", all(), with(json!({ "name": "" })), 400, error("name must not be empty")),
            ("POST", all(), with(json!({ "name": "x".repeat(201) })), 400, error("name must have at most 200 characters")),
            (
                "POST",
                all(),
                with(json!({ "nobody": "knows" })),
                201,
                json!({ "name": "Search", "status": "OPERATIONAL", "organizationId": org, "organization": { "id": org }, "incidents": [] }),
            ),
            ("POST", all(), with(json!({ "status": "MAJOR_OUTAGE" })), 201, json!({ "name": "Search", "status": "MAJOR_OUTAGE" })),
            (
                "PATCH",
                status(email),
                Some(json!({ "status": "PARTIAL_OUTAGE" })),
                200,
                json!({ "status": "PARTIAL_OUTAGE", "organization": { "name": "TechCorp Inc." }, "incidents": delays }),
            ),
            ("PATCH", status(email), Some(json!({})), 200, json!({ "status": "PARTIAL_OUTAGE", "incidents": delays })),
            ("PATCH", status(email), None, 200, json!({ "status": "PARTIAL_OUTAGE" })),
            ("PATCH", status(email), Some(json!({ "status": "DOWN" })), 400, words.clone()),
            ("PATCH", status(email), Some(json!({ "status": null })), 400, error("status must be a string")),
            ("PATCH", status(NOBODY), Some(json!({ "status": "DEGRADED" })), 404, gone.clone()),
            ("PATCH", status("7"), Some(json!({})), 404, gone.clone()),
            (
                "PUT",
                at(website),
                Some(json!({ "name": "Site", "status": "DEGRADED" })),
                200,
                json!({ "name": "Site", "status": "DEGRADED", "organization": { "id": org }, "incidents": [] }),
            ),
            ("PUT", at(website), Some(json!({ "status": "OPERATIONAL" })), 200, json!({ "name": "Site", "status": "OPERATIONAL" })),
            ("PUT", at(website), Some(json!({ "name": "Website" })), 200, json!({ "name": "Website" })),
            ("PUT", at(website), Some(json!({})), 200, json!({ "name": "Website", "status": "OPERATIONAL" })),
            ("PUT", at(website), Some(json!({ "name": [] })), 400, error("name must be a string")),
            ("PUT", at(website), Some(json!({ "status": "up" })), 400, words),
            ("PUT", at(NOBODY), Some(json!({})), 404, gone.clone()),
            ("PUT", at("%00"), Some(json!({})), 404, gone.clone()),
            ("DELETE", at(email), None, 409, error("this service has incidents: delete them first")),
            ("DELETE", at(NOBODY), None, 404, gone.clone()),
            ("DELETE", at(website), None, 204, json!("")),
            ("DELETE", at(website), None, 404, gone),
        ];
        answers(&server, &rows).await;
        let services = get(&server, "/api/services").await;
        // What was changed stays where it was.
        assert_eq!(names(&services, "name"), ["API", "Database", "Email Service", "Search", "Search"]);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn prisma_incidents_are_answered_as_its_contract_says() {
    on_both_stores(Name::Prisma, |server| async move {
        let services = get(&server, "/api/services").await;
        let (website, org) = (id(&services[0]), services[0]["organizationId"].as_str().unwrap());
        let incidents = get(&server, "/api/incidents").await;
        assert_eq!(names(&incidents, "title"), ["API rate limiting issues", "Email delivery delays"]);
        let (limits, delays) = (id(&incidents[0]), id(&incidents[1]));
        let all = || "/api/incidents".to_owned();
        let at = |id: &str| format!("/api/incidents/{id}");
        let status = |id: &str| format!("/api/incidents/{id}/status");
        let of = |id: &str| format!("/api/incidents/organization/{id}");
        let with = |fields: Value| {
            let mut body = json!({ "title": "Slow", "description": "It is", "serviceId": website, "organizationId": org });
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            Some(body)
        };
        let words = error("status must be one of: OPEN, RESOLVED, MAINTENANCE");
        let gone = error("Incident not found");
        let rows: Vec<Row> = vec![
            ("GET", of(NOBODY), None, 200, json!([])),
            ("GET", of("x"), None, 200, json!([])),
            ("POST", all(), None, 400, error("title is required")),
            ("POST", all(), Some(json!({ "title": "x" })), 400, error("description is required")),
            ("POST", all(), with(json!({ "title": {} })), 400, error("title must be a string")),
            ("POST", all(), with(json!({ "title": "" })), 400, error("title must not be empty")),
            ("POST", all(), with(json!({ "title": "a\nb" })), 400, error("title must be a single line of text")),
            ("POST", all(), with(json!({ "serviceId": null })), 400, error("serviceId must be a string")),
            ("POST", all(), with(json!({ "serviceId": NOBODY })), 404, error("Service not found")),
            ("POST", all(), with(json!({ "serviceId": org })), 404, error("Service not found")),
            ("POST", all(), with(json!({ "organizationId": NOBODY })), 404, error("Organization not found")),
            ("POST", all(), with(json!({ "status": "open" })), 400, words.clone()),
            (
                "POST",
                all(),
                with(json!({ "description": "" })),
                201,
                json!({
                    "title": "Slow", "description": "", "status": "OPEN", "serviceId": website, "organizationId": org,
                    "service": { "id": website, "status": "OPERATIONAL" }, "organization": { "id": org }, "updates": [],
                }),
            ),
            ("POST", all(), with(json!({ "status": "MAINTENANCE" })), 201, json!({ "status": "MAINTENANCE" })),
            ("POST", all(), with(json!({ "status": "RESOLVED" })), 201, json!({ "status": "RESOLVED" })),
            ("GET", all(), None, 200, json!([{ "title": "Slow", "status": "OPEN" }, { "updates": [{}] }, { "updates": [{}, {}] }])),
            (
                "PUT",
                at(limits),
                Some(json!({ "title": "Limits", "description": "Too low" })),
                200,
                json!({
                    "title": "Limits", "description": "Too low", "status": "OPEN", "service": { "name": "API" },
                    "organization": { "name": "TechCorp Inc." }, "updates": [{ "status": "OPEN" }],
                }),
            ),
            ("PUT", at(limits), Some(json!({ "status": "RESOLVED" })), 200, json!({ "title": "Limits", "status": "RESOLVED" })),
            ("PUT", at(limits), Some(json!({})), 200, json!({ "status": "RESOLVED" })),
            ("PUT", at(limits), Some(json!({ "title": 7 })), 400, error("title must be a string")),
            ("PUT", at(limits), Some(json!({ "status": "DONE" })), 400, words.clone()),
            ("PUT", at(NOBODY), Some(json!({})), 404, gone.clone()),
            ("PATCH", status(limits), Some(json!({ "status": "OPEN" })), 200, json!({ "status": "OPEN", "updates": [{}] })),
            ("PATCH", status(limits), Some(json!({ "status": "MAINTENANCE" })), 200, json!({ "status": "MAINTENANCE" })),
            ("PATCH", status(limits), Some(json!({ "status": "RESOLVED" })), 200, json!({ "status": "RESOLVED" })),
            ("PATCH", status(limits), Some(json!({})), 200, json!({ "status": "RESOLVED" })),
            ("PATCH", status(limits), Some(json!({ "status": "" })), 400, words),
            ("PATCH", status(NOBODY), Some(json!({})), 404, gone.clone()),
            // Every status, newest first; and only what goes on.
            (
                "GET",
                of(org),
                None,
                200,
                json!([
                    { "status": "RESOLVED" }, { "status": "MAINTENANCE" }, { "title": "Slow", "status": "OPEN" },
                    { "title": "Limits", "status": "RESOLVED" }, { "title": "Email delivery delays" },
                ]),
            ),
            ("GET", all(), None, 200, json!([{ "title": "Slow" }, { "title": "Email delivery delays" }])),
            ("DELETE", at(NOBODY), None, 404, gone.clone()),
            ("DELETE", at(delays), None, 204, json!("")),
            ("DELETE", at(delays), None, 404, gone),
            ("GET", format!("/api/incident-updates/incident/{delays}"), None, 200, json!([])),
        ];
        answers(&server, &rows).await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn prisma_timelines_are_answered_as_its_contract_says() {
    on_both_stores(Name::Prisma, |server| async move {
        let incidents = get(&server, "/api/incidents").await;
        let (limits, delays) = (id(&incidents[0]), id(&incidents[1]));
        let first = id(&incidents[0]["updates"][0]).to_owned();
        let all = || "/api/incident-updates".to_owned();
        let at = |id: &str| format!("/api/incident-updates/{id}");
        let of = |id: &str| format!("/api/incident-updates/incident/{id}");
        let update = |message: &str, status: &str| Some(json!({ "incidentId": limits, "message": message, "status": status }));
        let gone = error("Incident update not found");
        let words = error("status must be one of: OPEN, RESOLVED, MAINTENANCE");
        let rows: Vec<Row> = vec![
            ("GET", of(limits), None, 200, json!([{ "id": first, "incidentId": limits, "status": "OPEN" }])),
            ("GET", of(NOBODY), None, 200, json!([])),
            ("GET", of("x"), None, 200, json!([])),
            ("POST", all(), None, 400, error("incidentId is required")),
            ("POST", all(), Some(json!({ "incidentId": limits })), 400, error("message is required")),
            ("POST", all(), Some(json!({ "incidentId": limits, "message": "x" })), 400, error("status is required")),
            (
                "POST",
                all(),
                Some(json!({ "incidentId": NOBODY, "message": "x", "status": "OPEN" })),
                404,
                error("Incident not found"),
            ),
            (
                "POST",
                all(),
                Some(json!({ "incidentId": limits, "message": 1, "status": "OPEN" })),
                400,
                error("message must be a string"),
            ),
            ("POST", all(), update("x", "Open"), 400, words.clone()),
            ("POST", all(), update(&"x".repeat(20_001), "OPEN"), 400, error("message must have at most 20000 characters")),
            ("POST", all(), update("", "OPEN"), 201, json!({ "incidentId": limits, "message": "", "status": "OPEN" })),
            (
                "POST",
                all(),
                update("It works again", "RESOLVED"),
                201,
                json!({ "message": "It works again", "status": "RESOLVED" }),
            ),
            ("GET", of(limits), None, 200, json!([{ "status": "RESOLVED" }, { "message": "" }, { "id": first }])),
            ("GET", "/api/incidents".into(), None, 200, json!([{ "id": delays }])),
            ("POST", all(), update("It does not", "OPEN"), 201, json!({ "status": "OPEN" })),
            ("GET", "/api/incidents".into(), None, 200, json!([{ "id": limits, "status": "OPEN" }, { "id": delays }])),
            (
                "PUT",
                at(&first),
                Some(json!({ "message": "Corrected" })),
                200,
                json!({ "id": first, "message": "Corrected", "status": "OPEN" }),
            ),
            (
                "PUT",
                at(&first),
                Some(json!({ "status": "RESOLVED" })),
                200,
                json!({ "message": "Corrected", "status": "RESOLVED" }),
            ),
            ("PUT", at(&first), Some(json!({})), 200, json!({ "message": "Corrected" })),
            ("PUT", at(&first), Some(json!({ "status": "x" })), 400, words),
            ("PUT", at(&first), Some(json!({ "message": null })), 400, error("message must be a string")),
            ("PUT", at(NOBODY), Some(json!({})), 404, gone.clone()),
            // The incident is not touched by a correction.
            ("GET", "/api/incidents".into(), None, 200, json!([{ "id": limits, "status": "OPEN" }, { "id": delays }])),
            ("DELETE", at(limits), None, 404, gone.clone()),
            ("DELETE", at("x"), None, 404, gone.clone()),
            ("DELETE", at(&first), None, 204, json!("")),
            ("DELETE", at(&first), None, 404, gone),
            ("GET", of(limits), None, 200, json!([{ "status": "OPEN" }, { "status": "RESOLVED" }, { "message": "" }])),
        ];
        answers(&server, &rows).await;
        server.stop().await;
    })
    .await;
}
