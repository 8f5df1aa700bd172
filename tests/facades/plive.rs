//! The contract of `plive`, row by row.

use crate::support::{Server, Socket, client, has, keys, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::Name;

const NOBODY: &str = "7f1b5b0c-95c5-4b58-9a55-0e0f3c7a1111";

/// Where all rows of the contract are: what is asked, and the answer.
#[tokio::test]
async fn plive_is_answered_as_its_contract_says() {
    on_both_stores(Name::Plive, |server| async move {
        let (_, services) = server.ask("GET", "/api/services", None).await;
        let (_, incidents) = server.ask("GET", "/api/incidents", None).await;
        let (service, incident) = (services[3]["id"].as_str().unwrap(), incidents[0]["id"].as_str().unwrap());
        let (one, other) = (format!("/api/services/{service}"), format!("/api/incidents/{incident}"));
        let (nothing, none) = (format!("/api/services/{NOBODY}"), format!("/api/incidents/{NOBODY}"));
        let (updates, no_updates) = (format!("{other}/updates"), format!("{none}/updates"));
        let error = |text: &str| json!({ "error": text });
        let named = |name: &str| json!({ "name": name, "description": "What it does" });
        let titled = |title: &str| json!({ "title": title, "description": "What happened" });
        let with = |mut body: Value, key: &str, value: Value| {
            body[key] = value;
            body
        };
        let name = "Name is required and must be a non-empty string";
        let description = "Description is required and must be a non-empty string";
        let title = "Title is required and must be a non-empty string";
        let status = "Status must be one of: operational, degraded, partial, major";
        let words = "Status must be one of: investigating, identified, monitoring, resolved";
        let uptime = "Uptime must be a number between 0 and 100";
        let impact = "Impact must be one of: minor, major, critical";
        let rows: Vec<(&str, &str, Option<Value>, u16, Value)> = vec![
            ("GET", "/health", None, 200, json!({ "status": "ok" })),
            ("GET", "/api/health", None, 200, json!({ "status": "ok" })),
            ("GET", "/api/status/health", None, 200, json!({ "status": "ok" })),
            ("GET", &one, None, 200, json!({ "name": "File Storage", "status": "degraded", "uptime": 98.5 })),
            ("GET", &nothing, None, 404, error("Service not found")),
            ("GET", "/api/services/7", None, 400, error("Invalid ID format")),
            ("GET", &other, None, 200, json!({ "status": "investigating", "affectedServices": ["File Storage"] })),
            ("GET", &none, None, 404, error("Incident not found")),
            ("GET", "/api/incidents/zz", None, 400, error("Invalid ID format")),
            // Services.
            ("POST", "/api/services", Some(json!({})), 400, error(name)),
            ("POST", "/api/services", None, 400, error(name)),
            ("POST", "/api/services", Some(json!({ "name": "  ", "description": "x" })), 400, error(name)),
            ("POST", "/api/services", Some(json!({ "name": 7, "description": "x" })), 400, error(name)),
            ("POST", "/api/services", Some(json!({ "name": "x" })), 400, error(description)),
            ("POST", "/api/services", Some(with(named("x"), "status", json!("down"))), 400, error(status)),
            ("POST", "/api/services", Some(with(named("x"), "uptime", json!(101))), 400, error(uptime)),
            (
                "POST",
                "/api/services",
                Some(json!({ "name": "Search", "description": "Finds", "uptime": 12, "organizationId": "acme", "tenantId": "t1" })),
                201,
                json!({ "name": "Search", "status": "operational", "uptime": 100.0, "organizationId": "acme", "tenantId": "t1" }),
            ),
            ("POST", "/api/services", Some(with(named("Queue"), "status", json!("major"))), 201, json!({ "status": "major" })),
            (
                "PUT",
                &one,
                Some(with(named("Files"), "status", json!("partial"))),
                200,
                json!({ "name": "Files", "status": "partial" }),
            ),
            ("PUT", &one, Some(with(named("Files"), "uptime", json!(0))), 200, json!({ "status": "partial", "uptime": 0.0 })),
            ("PUT", &one, Some(with(named("Files"), "uptime", json!("much"))), 400, error(uptime)),
            ("PUT", &one, Some(json!({ "name": "", "description": "x" })), 400, error(name)),
            // The superset: its README sends a part.
            (
                "PUT",
                &one,
                Some(json!({ "status": "operational", "uptime": 99.5 })),
                200,
                json!({ "name": "Files", "uptime": 99.5 }),
            ),
            ("PUT", &nothing, Some(named("x")), 404, error("Service not found")),
            ("PUT", &nothing, Some(with(named("x"), "status", json!("down"))), 400, error(status)),
            ("PUT", "/api/services/7", Some(json!({})), 400, error("Invalid ID format")),
            ("DELETE", &nothing, None, 404, error("Service not found")),
            ("DELETE", "/api/services/7", None, 400, error("Invalid ID format")),
            // Incidents.
            ("POST", "/api/incidents", Some(json!({})), 400, error(title)),
            ("POST", "/api/incidents", Some(json!({ "title": "x", "description": " " })), 400, error(description)),
            ("POST", "/api/incidents", Some(with(titled("x"), "impact", json!("huge"))), 400, error(impact)),
            ("POST", "/api/incidents", Some(with(titled("x"), "status", json!("open"))), 400, error(words)),
            (
                "POST",
                "/api/incidents",
                Some(with(titled("x"), "affectedServices", json!("API"))),
                400,
                error("Affected services must be an array"),
            ),
            (
                "POST",
                "/api/incidents",
                Some(json!({ "title": "Slow", "description": "It is", "status": "resolved", "affectedServices": ["API Gateway"] })),
                201,
                json!({ "status": "investigating", "impact": "minor", "affectedServices": ["API Gateway"], "updates": [] }),
            ),
            (
                "PUT",
                &other,
                Some(with(titled("Slower"), "impact", json!("major"))),
                200,
                json!({ "title": "Slower", "impact": "major", "status": "investigating" }),
            ),
            ("PUT", &other, Some(json!({ "status": "monitoring" })), 200, json!({ "status": "monitoring", "title": "Slower" })),
            ("PUT", &other, Some(json!({ "title": "", "description": "x" })), 400, error(title)),
            ("PUT", &none, Some(titled("x")), 404, error("Incident not found")),
            ("POST", &updates, Some(json!({})), 400, error("Status is required and must be a non-empty string")),
            (
                "POST",
                &updates,
                Some(json!({ "status": "identified" })),
                400,
                error("Message is required and must be a non-empty string"),
            ),
            ("POST", &updates, Some(json!({ "status": "open", "message": "x" })), 400, error(words)),
            ("POST", &no_updates, Some(json!({ "status": "resolved", "message": "x" })), 404, error("Incident not found")),
            (
                "POST",
                &updates,
                Some(json!({ "status": "resolved", "message": "Done" })),
                201,
                json!({ "status": "resolved", "message": "Done" }),
            ),
            ("GET", &other, None, 200, json!({ "status": "resolved" })),
            ("DELETE", &none, None, 404, error("Incident not found")),
            // What nobody may do, and what is not there.
            ("POST", "/api/websocket/broadcast", Some(json!({})), 400, error("Type and data are required")),
            ("POST", "/api/websocket/broadcast", Some(json!({ "type": "x", "data": {} })), 400, error("Invalid broadcast type")),
            ("GET", "/api/nothing", None, 404, error("Route not found")),
            ("PATCH", &one, Some(json!({})), 404, error("Route not found")),
            ("GET", "/", None, 404, error("Route not found")),
        ];
        for (method, path, body, status, wanted) in &rows {
            let (answered, answer) = server.ask(method, path, body.as_ref()).await;
            assert_eq!(answered, *status, "{method} {path} {body:?}: {answer}");
            assert!(has(&answer, wanted), "{method} {path} {body:?}: {answer}, wanted {wanted}");
        }
        for path in [&one, &other] {
            assert_eq!(server.ask("DELETE", path, None).await, (204, json!("")), "{path}");
            assert_eq!(server.ask("GET", path, None).await.0, 404, "{path}");
        }
        let broken = server.send("POST", "/api/services", Some("{\"name\":".into())).await;
        assert_eq!(broken.status(), 400);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn plive_has_its_fields_and_its_order() {
    on_both_stores(Name::Plive, |server| async move {
        let (_, services) = server.ask("GET", "/api/services", None).await;
        let names: Vec<_> = services.as_array().unwrap().iter().map(|service| service["name"].as_str().unwrap()).collect();
        let order = ["API Gateway", "Database Cluster", "Authentication Service", "File Storage", "Email Service", "CDN"];
        assert_eq!(names, order);
        // What was never said is left out, not null.
        assert_eq!(keys(&services[0]), ["description", "id", "lastUpdated", "name", "status", "uptime"]);
        let (_, incidents) = server.ask("GET", "/api/incidents", None).await;
        let fields = ["affectedServices", "createdAt", "description", "id", "impact", "status", "title", "updatedAt", "updates"];
        assert_eq!(keys(&incidents[0]), fields);
        let updates = incidents[0]["updates"].as_array().unwrap();
        assert_eq!(keys(&updates[0]), ["createdAt", "id", "message", "status"]);
        assert!(updates[0]["createdAt"].as_str() < updates[1]["createdAt"].as_str(), "oldest first");
        let (_, health) = server.ask("GET", "/health", None).await;
        assert_eq!(keys(&health), ["status", "timestamp", "uptime"]);
        let (status, preflight) = {
            let asked = client().request(reqwest::Method::OPTIONS, format!("{}/api/services", server.base));
            let asked = asked.header("origin", "http://localhost:5173").header("access-control-request-method", "PUT");
            let answer = asked.send().await.unwrap();
            (answer.status(), answer.headers().clone())
        };
        assert_eq!(status, 204);
        assert_eq!(preflight["access-control-allow-origin"], "http://localhost:5173");
        assert_eq!(preflight["access-control-allow-credentials"], "true");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn plive_says_how_everything_is() {
    on_both_stores(Name::Plive, |server| async move {
        let (_, status) = server.ask("GET", "/api/status", None).await;
        let wanted = json!({
            "overallStatus": "degraded", "totalServices": 6, "operationalServices": 5, "degradedServices": 1,
            "downServices": 0, "activeIncidents": 1, "averageUptime": 99.72,
        });
        assert!(has(&status, &wanted), "{status}");
        for (tenant, kind) in [("acme", "major"), ("other", "operational")] {
            let body = json!({ "name": tenant, "description": "x", "status": kind, "organizationId": tenant });
            assert_eq!(server.ask("POST", "/api/services", Some(&body)).await.0, 201);
        }
        let (_, acme) = server.ask("GET", "/api/status?organizationId=acme&tenantId=x", None).await;
        let wanted =
            json!({ "overallStatus": "major", "totalServices": 1, "downServices": 1, "organizationId": "acme", "tenantId": "x" });
        assert!(has(&acme, &wanted), "{acme}");
        let (_, other) = server.ask("GET", "/api/status?organizationId=other", None).await;
        assert!(has(&other, &json!({ "overallStatus": "operational", "averageUptime": 100.0 })), "{other}");
        let (_, nobody) = server.ask("GET", "/api/status?tenantId=nobody", None).await;
        assert!(has(&nobody, &json!({ "totalServices": 0, "averageUptime": 100.0 })), "{nobody}");
        let (_, filtered) = server.ask("GET", "/api/services?organizationId=acme", None).await;
        assert_eq!(filtered.as_array().unwrap().len(), 1);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_plive_was_told_is_there_after_a_restart() {
    on_both_stores(Name::Plive, |server| async move {
        let body = json!({ "name": "Search", "description": "Finds", "status": "partial", "tenantId": "t" });
        let (_, made) = server.ask("POST", "/api/services", Some(&body)).await;
        let incident = json!({ "title": "Slow", "description": "It is", "impact": "critical" });
        let (_, opened) = server.ask("POST", "/api/incidents", Some(&incident)).await;
        let server = server.restarted().await;
        let path = |kind: &str, id: &Value| format!("/api/{kind}/{}", id.as_str().unwrap());
        assert_eq!(server.ask("GET", &path("services", &made["id"]), None).await, (200, made));
        assert_eq!(server.ask("GET", &path("incidents", &opened["id"]), None).await, (200, opened));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_page_elsewhere_whose_name_leads_here_is_not_answered() {
    on_both_stores(Name::Plive, |server| async move {
        let port = server.base.rsplit(':').next().unwrap();
        for path in ["/api/services", "/socket.io/?EIO=4&transport=polling"] {
            for (host, status) in [("localhost", 200), ("127.0.0.1", 200), ("evil.example", 421), ("localhost.evil.example", 421)] {
                let host = format!("{host}:{port}");
                let answer = server.send_with(&[("host", &host)], "GET", path, None).await;
                assert_eq!(answer.status().as_u16(), status, "{host}{path}");
            }
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_another_server_wrote_is_told_when_it_is_found() {
    let (here, there) = {
        let here = Server::on_mongodb(Name::Plive).await;
        let there = here.beside().await;
        (here, there)
    };
    let mut socket = Socket::open(&here).await;
    let make = |name: &str| json!({ "name": name, "description": "What it does" });
    assert_eq!(there.ask("POST", "/api/services", Some(&make("Theirs"))).await.0, 201);
    let incident = json!({ "title": "Slow", "description": "It is" });
    assert_eq!(there.ask("POST", "/api/incidents", Some(&incident)).await.0, 201);
    // Only now this one finds that somebody else wrote.
    assert_eq!(here.ask("POST", "/api/services", Some(&make("Ours"))).await.0, 201);
    for (event, key, name) in
        [("service-update", "name", "Theirs"), ("incident-update", "title", "Slow"), ("service-update", "name", "Ours")]
    {
        let (heard, told) = socket.hear().await;
        assert_eq!((heard.as_str(), &told["data"][key]), (event, &json!(name)), "{told}");
    }
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn a_socket_that_reads_nothing_keeps_nobody_from_stopping() {
    on_both_stores(Name::Plive, |server| async move {
        let deaf = Socket::open_deaf(&server).await;
        let mut other = Socket::open(&server).await;
        let (_, services) = server.ask("GET", "/api/services", None).await;
        let path = format!("/api/services/{}", services[0]["id"].as_str().unwrap());
        let long = "x".repeat(4_000);
        for n in 0..500 {
            let description = format!("{long}{n}");
            assert_eq!(server.ask("PUT", &path, Some(&json!({ "description": description }))).await.0, 200);
            assert_eq!(other.hear().await.1["data"]["description"], json!(description));
        }
        let stopped = tokio::time::timeout(std::time::Duration::from_secs(30), server.stop()).await;
        assert!(stopped.is_ok(), "it waits for a socket that hears nothing");
        drop(deaf);
    })
    .await;
}

#[tokio::test]
async fn open_sockets_keep_nobody_from_stopping() {
    on_both_stores(Name::Plive, |server| async move {
        let mut sockets = Vec::new();
        for _ in 0..3 {
            sockets.push(Socket::open(&server).await);
        }
        // Whoever is left would hold on to the store, and the next one could not open it.
        let server = server.restarted().await;
        for mut socket in sockets {
            socket.ends().await;
        }
        assert_eq!(server.ask("GET", "/health", None).await.0, 200);
        server.stop().await;
    })
    .await;
}
