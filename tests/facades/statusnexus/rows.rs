//! Every row: what is asked, and what is answered.

use super::{NOTHING, World, id, with_world};
use crate::support::has;
use serde_json::{Value, json};

type Row<'a> = (&'a str, &'a str, Option<Value>, u16, Value);

async fn answers(world: &World, rows: Vec<Row<'_>>) {
    for (method, path, body, status, wanted) in rows {
        let (answered, answer) = world.ask(method, path, body.clone()).await;
        assert_eq!(answered, status, "{method} {path} {body:?}: {answer}");
        assert!(has(&answer, &wanted), "{method} {path} {body:?}: {answer}, wanted {wanted}");
    }
}

fn message(text: &str) -> Value {
    json!({ "message": text })
}

fn cast(value: &str, model: &str) -> Value {
    message(&format!(r#"Cast to ObjectId failed for value "{value}" (type string) at path "_id" for model "{model}""#))
}

#[tokio::test]
async fn services_are_answered_as_the_contract_says() {
    with_world(|world| async move {
        let services = world.all("/api/services", "services").await;
        let one = format!("/api/services/{}", id(&services[0]));
        let none = format!("/api/services/{NOTHING}");
        let failed = |what: &str| message(&format!("Service validation failed: {what}"));
        let not_changed = |what: &str| message(&format!("Validation failed: {what}"));
        let enumerated = |path: &str, word: &str| format!("{path}: `{word}` is not a valid enum value for path `{path}`.");
        let required = "name: Service name is required";
        let taken = "E11000 duplicate key error collection: statusnexus.services index: organizationId_1_name_1 dup key: \
                     { organizationId: \"org_sample\", name: \"Search\" }";
        let undefined = "Cannot destructure property 'name' of 'req.body' as it is undefined.";
        answers(&world, vec![
            ("GET", "/api/public", None, 200, message("This is a public endpoint")),
            ("GET", "/api/protected", None, 200, json!({ "message": "This is a protected endpoint", "userId": "user_ann", "orgId": "org_sample" })),
            ("GET", "/api/services?group=Billing+Services", None, 200, json!({ "services": [{ "name": "Payment Processing" }] })),
            ("GET", "/api/services?group=billing", None, 200, json!({ "services": [] })),
            ("GET", &one, None, 200, json!({ "service": { "name": "User Authentication API", "status": "operational", "group": "Backend Services" } })),
            ("GET", &none, None, 404, message("Service not found")),
            ("GET", "/api/services/zz", None, 400, cast("zz", "Service")),
            // New ones.
            ("POST", "/api/services", None, 400, message(undefined)),
            ("POST", "/api/services", Some(json!({})), 400, failed(required)),
            ("POST", "/api/services", Some(json!([])), 400, failed(required)),
            ("POST", "/api/services", Some(json!({ "name": "   " })), 400, failed(required)),
            ("POST", "/api/services", Some(json!({ "name": null })), 400, failed(required)),
            ("POST", "/api/services", Some(json!({ "name": "x", "group": "X" })), 400, failed(&enumerated("group", "X"))),
            ("POST", "/api/services", Some(json!({ "group": 7 })), 400, failed(&format!("{required}, {}", enumerated("group", "7")))),
            ("POST", "/api/services", Some(json!({ "name": { "a": 1 } })), 400, failed(r#"name: Cast to string failed for value "{ a: 1 }" (type Object) at path "name""#)),
            (
                "POST", "/api/services", Some(json!({ "name": "  ", "group": {}, "description": [] })), 400,
                failed(&format!(r#"description: Cast to string failed for value "[]" (type Array) at path "description", group: Cast to string failed for value "{{}}" (type Object) at path "group", {required}"#)),
            ),
            (
                "POST", "/api/services", Some(json!({ "name": " Search ", "description": " Finds ", "status": "major_outage", "organizationId": "org_other" })), 201,
                json!({ "service": { "name": "Search", "description": "Finds", "status": "operational", "group": "Other", "organizationId": "org_sample", "createdBy": "user_ann", "__v": 0 } }),
            ),
            ("POST", "/api/services", Some(json!({ "name": "Search" })), 400, message(taken)),
            ("POST", "/api/services", Some(json!({ "name": 7, "group": "Frontend Services" })), 201, json!({ "service": { "name": "7", "group": "Frontend Services" } })),
            ("POST", "/api/services", Some(json!({ "name": "x".repeat(201) })), 400, json!({})),
            // Changes.
            ("PATCH", &one, Some(json!({ "name": "Login", "description": "New", "status": "major_outage", "group": "Other" })), 200, json!({ "service": { "name": "Login", "description": "New", "status": "major_outage", "group": "Other" } })),
            ("PATCH", &one, Some(json!({ "status": "partial_outage" })), 200, json!({ "service": { "name": "Login", "status": "partial_outage", "group": "Other" } })),
            ("PATCH", &one, Some(json!({})), 200, json!({ "service": { "name": "Login" } })),
            // The superset: the front end offers it.
            ("PATCH", &one, Some(json!({ "status": "maintenance" })), 200, json!({ "service": { "status": "maintenance" } })),
            ("PATCH", &one, Some(json!({ "status": "under_maintenance" })), 400, not_changed(&enumerated("status", "under_maintenance"))),
            ("PATCH", &one, Some(json!({ "name": "x", "group": "X", "status": "Y" })), 400, not_changed(&format!("{}, {}", enumerated("group", "X"), enumerated("status", "Y")))),
            ("PATCH", &one, Some(json!({ "name": "" })), 400, not_changed(required)),
            ("PATCH", &one, Some(json!({ "description": {} })), 400, message(r#"Cast to string failed for value "{}" (type Object) at path "description""#)),
            ("PATCH", &one, Some(json!({ "name": "Search" })), 400, message(taken)),
            ("PATCH", &one, None, 400, message(undefined)),
            ("PATCH", &none, Some(json!({ "name": "x" })), 404, message("Service not found")),
            ("PATCH", "/api/services/zz", Some(json!({})), 400, cast("zz", "Service")),
            ("DELETE", "/api/services/zz", None, 400, cast("zz", "Service")),
            ("DELETE", &none, None, 404, message("Service not found")),
            ("DELETE", &one, None, 200, message("Service deleted successfully")),
            ("DELETE", &one, None, 404, message("Service not found")),
            ("GET", &one, None, 404, message("Service not found")),
        ])
        .await;
        world.server
    })
    .await;
}

#[tokio::test]
async fn incidents_are_answered_as_the_contract_says() {
    with_world(|world| async move {
        let service = world.new_service("Search").await;
        let known = world.all("/api/incidents", "incidents").await;
        let one = known.iter().find(|one| one["title"] == "Intermittent Login Issues").map(id).unwrap();
        let one = format!("/api/incidents/{one}");
        let maintenance = world.all("/api/maintenance", "maintenanceEvents").await;
        let other_kind = format!("/api/incidents/{}", id(&maintenance[0]));
        let none = format!("/api/incidents/{NOTHING}");
        let (updates, no_updates) = (format!("{one}/updates"), format!("{none}/updates"));
        let missing = message("Missing required fields: title, type, and at least one serviceId");
        let invalid = message("Invalid service IDs provided");
        let failed = |what: &str| message(&format!("Validation failed: {what}"));
        let new = |ids: Value| json!({ "title": "Slow", "type": "incident", "serviceIds": ids });
        let with = |key: &str, value: Value| {
            let mut body = new(json!([service]));
            body[key] = value;
            body
        };
        let open = json!({ "incident": {
            "title": "Slow", "type": "incident", "status": "investigating", "impact": "minor",
            "services": [{ "_id": service, "name": "Search", "status": "operational" }],
            "updates": [{ "message": "Incident created", "status": "investigating", "createdBy": "user_ann" }],
            "organizationId": "org_sample", "createdBy": "user_ann", "__v": 0,
        } });
        answers(&world, vec![
            ("GET", &one, None, 200, json!({ "incident": { "title": "Intermittent Login Issues", "type": "incident", "services": [] } })),
            ("GET", &none, None, 404, message("Incident not found")),
            ("GET", &other_kind, None, 404, message("Incident not found")),
            ("GET", "/api/incidents/zz", None, 400, cast("zz", "Incident")),
            ("POST", "/api/incidents", None, 400, message("Cannot destructure property 'title' of 'req.body' as it is undefined.")),
            ("POST", "/api/incidents", Some(json!({})), 400, missing.clone()),
            ("POST", "/api/incidents", Some(new(json!([]))), 400, missing.clone()),
            ("POST", "/api/incidents", Some(new(json!(service))), 400, missing.clone()),
            ("POST", "/api/incidents", Some(with("type", json!(null))), 400, missing.clone()),
            ("POST", "/api/incidents", Some(with("title", json!(""))), 400, missing),
            ("POST", "/api/incidents", Some(new(json!([NOTHING]))), 400, invalid.clone()),
            ("POST", "/api/incidents", Some(new(json!([service, service]))), 400, invalid),
            ("POST", "/api/incidents", Some(new(json!(["zz"]))), 400, cast("zz", "Service")),
            ("POST", "/api/incidents", Some(new(json!([7]))), 400, message(r#"Cast to ObjectId failed for value "7" (type number) at path "_id" for model "Service""#)),
            (
                "POST", "/api/incidents", Some(json!({ "title": "x", "type": "T", "impact": "I", "serviceIds": [service] })), 400,
                message("Incident validation failed: type: `T` is not a valid enum value for path `type`., impact: `I` is not a valid enum value for path `impact`."),
            ),
            ("POST", "/api/incidents", Some(with("title", json!({}))), 400, message(r#"Incident validation failed: title: Cast to string failed for value "{}" (type Object) at path "title""#)),
            ("POST", "/api/incidents", Some(new(json!([service]))), 201, open),
            ("POST", "/api/incidents", Some(with("status", json!("resolved"))), 201, json!({ "incident": { "status": "investigating" } })),
            ("POST", "/api/incidents", Some(with("type", json!("maintenance"))), 201, json!({ "incident": { "type": "maintenance", "status": "investigating" } })),
            ("POST", "/api/incidents", Some(with("impact", json!("none"))), 201, json!({ "incident": { "impact": "none" } })),
            // Changes.
            ("PATCH", &one, Some(json!({ "impact": "major" })), 400, failed("updates.status: Status is required")),
            ("PATCH", &one, Some(json!({ "status": "X", "impact": "Y" })), 400, failed("impact: `Y` is not a valid enum value for path `impact`., status: `X` is not a valid enum value for path `status`., updates.status: `X` is not a valid enum value for path `status`.")),
            ("PATCH", &one, Some(json!({ "status": "scheduled" })), 400, json!({})),
            ("PATCH", &one, None, 400, message("Cannot destructure property 'status' of 'req.body' as it is undefined.")),
            ("PATCH", &none, Some(json!({ "status": "resolved" })), 404, message("Incident not found")),
            ("PATCH", &other_kind, Some(json!({ "status": "resolved" })), 404, message("Incident not found")),
            ("PATCH", "/api/incidents/zz", Some(json!({ "status": "resolved" })), 400, cast("zz", "Incident")),
            (
                "PATCH", &one, Some(json!({ "status": "identified", "impact": "critical" })), 200,
                json!({ "incident": { "status": "identified", "impact": "critical", "updates": [{}, {}, {}, { "message": "Incident updated to identified", "status": "identified", "createdBy": "user_ann" }] } }),
            ),
            ("PATCH", &one, Some(json!({ "status": "identified" })), 200, json!({ "incident": { "updates": [{}, {}, {}, {}, { "message": "Incident updated to identified" }] } })),
            ("PATCH", &one, Some(json!({ "status": "resolved" })), 200, json!({ "incident": { "status": "resolved", "updates": [{}, {}, {}, {}, {}, { "message": "Incident updated to resolved" }] } })),
            // The timeline.
            ("POST", &updates, Some(json!({})), 400, failed("updates.message: Update message is required, updates.status: Status is required")),
            ("POST", &updates, Some(json!({ "message": "x" })), 400, failed("updates.status: Status is required")),
            ("POST", &updates, Some(json!({ "status": "monitoring" })), 400, failed("updates.message: Update message is required")),
            ("POST", &updates, Some(json!({ "message": "x", "status": "gone" })), 400, failed("status: `gone` is not a valid enum value for path `status`., updates.status: `gone` is not a valid enum value for path `status`.")),
            ("POST", &updates, None, 400, message("Cannot destructure property 'message' of 'req.body' as it is undefined.")),
            ("POST", &no_updates, Some(json!({ "message": "x", "status": "resolved" })), 404, message("Incident not found")),
            ("POST", "/api/incidents/zz/updates", Some(json!({ "message": "x", "status": "resolved" })), 400, cast("zz", "Incident")),
            (
                "POST", &updates, Some(json!({ "message": "Back again", "status": "investigating" })), 200,
                json!({ "incident": { "status": "investigating", "updates": [{}, {}, {}, {}, {}, {}, { "message": "Back again", "status": "investigating", "createdBy": "user_ann" }] } }),
            ),
        ])
        .await;
        assert_eq!(world.ask("DELETE", &one, None).await.0, 404, "there is no such route");
        world.server
    })
    .await;
}

#[tokio::test]
async fn maintenance_is_answered_as_the_contract_says() {
    with_world(|world| async move {
        let service = world.new_service("Search").await;
        let known = world.all("/api/maintenance", "maintenanceEvents").await;
        let titled = |title: &str| known.iter().find(|one| one["title"] == title).map(id).unwrap();
        let one = format!("/api/maintenance/{}", titled("Database Upgrade Maintenance"));
        let none = format!("/api/maintenance/{NOTHING}");
        let (updates, no_updates) = (format!("{one}/updates"), format!("{none}/updates"));
        let missing = message("Missing required fields");
        let order = message("End date must be after start date");
        let lacking = message("Message and status are required");
        let new = |key: &str, value: Value| {
            let mut body = json!({
                "title": "Disks", "description": "New ones", "serviceIds": [service],
                "scheduledStartDate": "2031-01-31T09:30", "scheduledEndDate": "2031-01-31T11:30",
            });
            body[key] = value;
            body
        };
        let path = "/api/maintenance";
        let scheduled = json!({ "maintenance": {
            "title": "Disks", "description": "New ones", "status": "scheduled", "impact": "minor",
            "services": [{ "_id": service, "name": "Search", "status": "operational" }],
            "updates": [{ "message": "Maintenance scheduled", "status": "scheduled", "createdBy": "user_ann" }],
            "scheduledStartDate": "2031-01-31T09:30:00.000Z", "scheduledEndDate": "2031-01-31T11:30:00.000Z",
            "isPublic": true, "notificationSent": false, "organizationId": "org_sample", "createdBy": "user_ann", "__v": 0,
        } });
        let failed = |what: &str| message(&format!("Maintenance validation failed: {what}"));
        answers(&world, vec![
            ("GET", "/api/maintenance?status=cancelled", None, 200, json!({ "maintenanceEvents": [{ "title": "API Gateway Migration", "isPublic": false }] })),
            ("GET", "/api/maintenance?status=whatever", None, 200, json!({ "maintenanceEvents": [] })),
            ("GET", &one, None, 200, json!({ "maintenance": { "status": "scheduled", "impact": "minor" } })),
            ("GET", &none, None, 404, message("Maintenance event not found")),
            ("GET", "/api/maintenance/zz", None, 400, cast("zz", "Maintenance")),
            ("POST", path, None, 400, message("Cannot destructure property 'title' of 'req.body' as it is undefined.")),
            ("POST", path, Some(json!({})), 400, missing.clone()),
            ("POST", path, Some(new("description", json!(""))), 400, missing.clone()),
            ("POST", path, Some(new("serviceIds", json!(null))), 400, missing.clone()),
            ("POST", path, Some(new("serviceIds", json!("x"))), 400, missing.clone()),
            ("POST", path, Some(new("scheduledEndDate", json!(null))), 400, missing),
            ("POST", path, Some(new("scheduledEndDate", json!("2031-01-31T09:30"))), 400, order.clone()),
            ("POST", path, Some(new("scheduledEndDate", json!("soon"))), 400, failed(r#"scheduledEndDate: Cast to date failed for value "soon" (type string) at path "scheduledEndDate""#)),
            ("POST", path, Some(new("isPublic", json!("maybe"))), 400, failed(r#"isPublic: Cast to Boolean failed for value "maybe" (type string) at path "isPublic" because of "CastError""#)),
            ("POST", path, Some(new("impact", json!("huge"))), 400, failed("impact: `huge` is not a valid enum value for path `impact`.")),
            ("POST", path, Some(new("serviceIds", json!([NOTHING]))), 400, message("Invalid service IDs provided")),
            ("POST", path, Some(new("serviceIds", json!([service, service]))), 400, message("Invalid service IDs provided")),
            ("POST", path, Some(new("serviceIds", json!(["zz"]))), 400, cast("zz", "Service")),
            ("POST", path, Some(new("title", json!("Disks"))), 201, scheduled),
            ("POST", path, Some(new("serviceIds", json!([]))), 201, json!({ "maintenance": { "services": [] } })),
            ("POST", path, Some(new("isPublic", json!(false))), 201, json!({ "maintenance": { "isPublic": false } })),
            // Changes.
            ("PATCH", &one, Some(json!({ "title": "Upgrade", "serviceIds": [service], "impact": "major", "isPublic": false })), 200, json!({ "maintenance": { "title": "Upgrade", "impact": "major", "isPublic": false, "services": [{ "_id": service }], "updates": [{}] } })),
            ("PATCH", &one, Some(json!({ "scheduledStartDate": "2031-01-31T09:30", "scheduledEndDate": "2031-01-31T10:00:00Z" })), 200, json!({ "maintenance": { "scheduledStartDate": "2031-01-31T09:30:00.000Z", "scheduledEndDate": "2031-01-31T10:00:00.000Z" } })),
            ("PATCH", &one, Some(json!({ "scheduledEndDate": "2031-01-31T09:00" })), 400, order),
            ("PATCH", &one, Some(json!({ "scheduledEndDate": "soon" })), 400, message(r#"Cast to date failed for value "soon" (type string) at path "scheduledEndDate""#)),
            ("PATCH", &one, Some(json!({ "scheduledEndDate": null })), 400, message("Validation failed: scheduledEndDate: Scheduled end date is required")),
            ("PATCH", &one, Some(json!({ "title": " " })), 400, message("Validation failed: title: Maintenance title is required")),
            ("PATCH", &one, Some(json!({ "status": "verifying" })), 400, message("Validation failed: status: `verifying` is not a valid enum value for path `status`., updates.status: `verifying` is not a valid enum value for path `status`.")),
            ("PATCH", &one, Some(json!({ "serviceIds": [NOTHING] })), 400, message("Invalid service IDs provided")),
            ("PATCH", &one, Some(json!({ "status": "in_progress" })), 200, json!({ "maintenance": { "status": "in_progress", "updates": [{}, { "message": "Maintenance status updated to in_progress", "status": "in_progress", "createdBy": "user_ann" }] } })),
            ("PATCH", &one, Some(json!({ "serviceIds": [] })), 200, json!({ "maintenance": { "services": [] } })),
            ("PATCH", &none, Some(json!({ "title": "x" })), 404, message("Maintenance event not found")),
            ("PATCH", "/api/maintenance/zz", Some(json!({ "title": "x" })), 400, cast("zz", "Maintenance")),
            // The timeline.
            ("POST", &updates, Some(json!({})), 400, lacking.clone()),
            ("POST", &updates, Some(json!({ "message": "x" })), 400, lacking.clone()),
            ("POST", &updates, Some(json!({ "status": "completed" })), 400, lacking),
            ("POST", &updates, Some(json!({ "message": "x", "status": "resolved" })), 400, message("Validation failed: status: `resolved` is not a valid enum value for path `status`., updates.status: `resolved` is not a valid enum value for path `status`.")),
            ("POST", &no_updates, Some(json!({ "message": "x", "status": "completed" })), 404, message("Maintenance event not found")),
            ("POST", "/api/maintenance/zz/updates", Some(json!({ "message": "x", "status": "completed" })), 400, cast("zz", "Maintenance")),
            ("POST", &updates, Some(json!({ "message": "All done", "status": "completed" })), 200, json!({ "maintenance": { "status": "completed", "updates": [{}, {}, { "message": "All done", "status": "completed" }] } })),
            ("DELETE", "/api/maintenance/zz", None, 400, cast("zz", "Maintenance")),
            ("DELETE", &none, None, 404, message("Maintenance event not found")),
            ("DELETE", &one, None, 200, message("Maintenance event deleted successfully")),
            ("GET", &one, None, 404, message("Maintenance event not found")),
        ])
        .await;
        world.server
    })
    .await;
}

#[tokio::test]
async fn what_is_no_request_of_its_is_told_in_its_shape() {
    with_world(|world| async move {
        let bearer = format!("Bearer {}", world.token);
        let send = |kind: &'static str, method: &'static str, path: &'static str, body: String| {
            let headers = [("content-type", kind), ("authorization", bearer.as_str())];
            let server = &world.server;
            async move {
                let answer = server.send_with(&headers, method, path, Some(body)).await;
                (answer.status().as_u16(), answer.text().await.unwrap())
            }
        };
        let json = "application/json";
        for method in ["POST", "PATCH"] {
            let (status, text) = send(json, method, "/api/services", "{\"name\":".into()).await;
            if method == "POST" {
                assert_eq!(status, 400, "{text}");
                assert!(text.starts_with("{\"error\":"), "{text}");
            } else {
                assert_eq!(status, 404, "{text}");
                assert!(text.contains("<pre>Cannot PATCH /api/services</pre>"), "{text}");
            }
        }
        for deep in ["7", "\"x\"", "null", &"[".repeat(10_000)] {
            let (status, text) = send(json, "POST", "/api/incidents", deep.to_owned()).await;
            assert_eq!(status, 400, "{text}");
            assert!(text.starts_with("{\"error\":"), "{text}");
        }
        let large = json!({ "name": "x".repeat(101 * 1_024) }).to_string();
        let (status, text) = send(json, "POST", "/api/services", large).await;
        assert_eq!((status, text.as_str()), (413, "{\"error\":\"request entity too large\"}"));
        let (status, text) = send("text/plain", "POST", "/api/services", "{\"name\":\"x\"}".into()).await;
        assert_eq!(status, 400);
        assert!(text.contains("Cannot destructure property 'name'"), "{text}");
        let (status, text) = send(json, "GET", "/api/%3Cscript%3E<b>", String::new()).await;
        assert_eq!(status, 404);
        assert!(!text.contains("<b>"), "{text}");
        let asked = crate::support::client().request(reqwest::Method::OPTIONS, format!("{}/api/services/x", world.server.base));
        let asked = asked.header("origin", "https://anywhere.example").header("access-control-request-method", "PATCH");
        let answer = asked.header("access-control-request-headers", "authorization,content-type").send().await.unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert_eq!(answer.headers()["access-control-allow-headers"], "authorization,content-type");
        assert!(answer.headers()["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
        world.server
    })
    .await;
}
