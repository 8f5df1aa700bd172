//! What its answers look like, and who gets one.

use super::{Client, DANA, MALLORY, SLUG, detail, stream::Socket};
use crate::support::{has, keys, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::Name;

#[tokio::test]
async fn answers_have_the_fields_of_the_contract_and_no_others() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        let service = ["created_at", "current_status", "description", "name", "service_id", "updated_at"];
        let incident = ["created_at", "description", "impact", "incident_id", "resolved_at", "status", "title", "updated_at"];
        let with = |fields: &[&'static str], more: &[&'static str]| {
            let mut all = [fields, more].concat();
            all.sort_unstable();
            all
        };
        let (_, services) = dana.ask("GET", "/api/services", None).await;
        assert_eq!(keys(&services[0]), with(&service, &["status_history", "uptime_percentage"]));
        let (_, made) = dana.ask("POST", "/api/services", Some(&json!({ "name": "New" }))).await;
        assert_eq!(keys(&made), service);
        let (_, alone) = dana.ask("GET", &format!("/api/services/{}", made["service_id"]), None).await;
        let history = &alone["status_history"][0];
        assert_eq!(keys(history), ["created_at", "created_by_name", "status", "status_history_id"]);
        assert_eq!(alone["uptime_percentage"], 100.0);
        for time in [&made["created_at"], &history["created_at"]] {
            // 2026-11-20T19:46:09.821648Z
            let time = time.as_str().unwrap();
            assert!(time.len() == 27 && time.ends_with('Z') && time.as_bytes()[19] == b'.', "{time}");
        }
        let (_, incidents) = dana.ask("GET", "/api/incidents", None).await;
        assert_eq!(keys(&incidents[0]), incident);
        let path = format!("/api/incidents/{}", incidents[0]["incident_id"]);
        let (_, alone) = dana.ask("GET", &path, None).await;
        assert_eq!(keys(&alone), with(&incident, &["affected_services"]));
        assert_eq!(keys(&alone["affected_services"][0]), service);
        let (_, updates) = dana.ask("GET", &format!("{path}/updates"), None).await;
        let update = ["created_at", "created_by_id", "incident_id", "incident_update_id", "message", "status"];
        assert_eq!(keys(&updates[0]), update);
        let (_, page) = server.ask("GET", "/api/public/fastapi-demo", None).await;
        assert_eq!(keys(&page), ["incidents", "organization", "public_services"]);
        assert_eq!(keys(&page["organization"]), ["auth0_org_id", "name"]);
        assert_eq!(keys(&page["incidents"][0]), incident);
        let public =
            ["current_status", "description", "id", "latest_incident_message", "latest_incident_status", "name", "uptime_history"];
        assert_eq!(keys(&page["public_services"][0]), public);
        let days = page["public_services"][0]["uptime_history"].as_array().unwrap();
        assert_eq!((days.len(), keys(&days[90])), (91, vec!["date", "downtime_seconds", "status"]));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_newest_come_first_and_the_public_page_says_what_is_wrong() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        let names = |list: &Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
        };
        dana.make("Newest", "operational").await;
        let (_, services) = dana.ask("GET", "/api/services", None).await;
        assert_eq!(names(&services), ["Newest", "Worker", "API", "Website"]);
        assert!(services.as_array().unwrap().iter().all(|service| service["status_history"] == json!([])));
        let uptime = |at: usize| services[at]["uptime_percentage"].as_f64().unwrap();
        assert_eq!(uptime(0), 100.0);
        assert!((98.8..98.95).contains(&uptime(1)), "a day of maintenance counts in a list: {}", uptime(1));
        let (_, worker) = dana.ask("GET", &format!("/api/services/{}", services[1]["service_id"]), None).await;
        assert_eq!(worker["uptime_percentage"], 100.0, "and does not where it stands alone");
        let (_, page) = server.ask("GET", "/api/public/fastapi-demo", None).await;
        let public = &page["public_services"];
        assert_eq!(names(public), ["Newest", "Worker", "API", "Website"]);
        let said = |at: usize| (&public[at]["latest_incident_status"], &public[at]["latest_incident_message"]);
        assert_eq!(said(2), (&json!("identified"), &json!("An index is missing since the last migration.")));
        assert_eq!(said(3), (&Value::Null, &Value::Null), "it is well again");
        let titles: Vec<_> = page["incidents"].as_array().unwrap().iter().map(|one| one["title"].clone()).collect();
        assert_eq!(titles, ["API responses are slow", "Website down"]);
        let down: Vec<_> = public[3]["uptime_history"].as_array().unwrap().iter().collect();
        let seconds: f64 = down.iter().map(|day| day["downtime_seconds"].as_f64().unwrap()).sum();
        assert_eq!(seconds, 57.0 * 60.0, "{down:?}");
        assert!(down.iter().any(|day| day["status"] == "major_outage"));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn only_who_has_a_token_for_their_organization_gets_in_and_nobody_is_told_401_twice() {
    on_both_stores(Name::Fastapi, |server| async move {
        let other = server.founded("other", MALLORY).await;
        let foreign = server.id_token(MALLORY, SLUG).await;
        let own = server.id_token(MALLORY, "other").await;
        let good = server.id_token(DANA, SLUG).await;
        let access = server.access_token(DANA).await;
        let torn = format!("{}x", &good[..good.len() - 2]);
        let bearer = |token: &str| format!("Bearer {token}");
        let rows = [
            (None, 401, "Missing Authorization header"),
            (Some(String::new()), 403, "Invalid token"),
            (Some("Basic eDp5".to_owned()), 403, "Invalid token"),
            (Some(bearer("not-a-token")), 403, "Invalid token"),
            (Some(bearer(&torn)), 403, "Invalid token"),
            (Some(bearer(&access)), 403, "Invalid token"),
            (Some(bearer(&foreign)), 403, "User does not belong to this organization"),
        ];
        for path in ["/api/services", "/api/incidents/", "/api/services/1", "/api/incidents/1/updates"] {
            for (authorization, status, text) in &rows {
                // What is said beside a token is worth nothing.
                let mut headers =
                    vec![("x-tenant-id", other.as_str()), ("x-user-id", "auth0|dana"), ("origin", "http://a.example")];
                headers.extend(authorization.iter().map(|value| ("authorization", value.as_str())));
                let response = server.send_with(&headers, "GET", path, None).await;
                assert_eq!(response.status().as_u16(), *status, "{path} {authorization:?}");
                assert_eq!(response.headers()["access-control-allow-origin"], "*");
                assert_eq!(response.json::<Value>().await.unwrap(), detail(text), "{path} {authorization:?}");
            }
        }
        let (status, services) = server.ask_as(&own, "GET", "/api/services", None).await;
        assert_eq!((status, services), (200, json!([])), "their own is empty");
        let wanted = "authorization,x-tenant-id,x-user-id,content-type";
        let asked = [("access-control-request-method", "PUT"), ("access-control-request-headers", wanted)];
        let headers = [&asked[..], &[("origin", "http://a.example")]].concat();
        let preflight = server.send_with(&headers, "OPTIONS", "/api/services/1", None).await;
        assert_eq!(
            (preflight.status().as_u16(), &preflight.headers()["access-control-allow-headers"]),
            (200, &wanted.parse().unwrap())
        );
        assert_eq!(preflight.text().await.unwrap(), "OK");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn tenants_have_numbers_of_their_own_and_no_way_to_each_other() {
    on_both_stores(Name::Fastapi, |server| async move {
        server.founded("other", MALLORY).await;
        let dana = Client::of(&server, DANA).await;
        let mallory = Client { server: &server, token: server.id_token(MALLORY, "other").await };
        let (api, slow) = (dana.service("API").await, dana.incident("API responses are slow").await);
        for (method, path, body, status) in [
            ("GET", format!("/api/services/{api}"), None, 404),
            ("PUT", format!("/api/services/{api}"), Some(json!({ "name": "Mine" })), 404),
            ("PUT", format!("/api/services/{api}/status"), Some(json!({ "status": "operational" })), 404),
            ("DELETE", format!("/api/services/{api}"), None, 404),
            ("GET", format!("/api/incidents/{slow}"), None, 404),
            ("PUT", format!("/api/incidents/{slow}"), Some(json!({ "status": "resolved" })), 404),
            ("POST", "/api/incidents/updates".to_owned(), Some(json!({ "incident_id": slow, "message": "x" })), 404),
            ("DELETE", format!("/api/incidents/{slow}"), None, 404),
        ] {
            assert_eq!(mallory.ask(method, &path, body.as_ref()).await.0, status, "{method} {path}");
        }
        // The number of somebody else's service is nobody's here.
        let incident = mallory.open("critical", &[api]).await;
        let (_, opened) = mallory.ask("GET", &format!("/api/incidents/{incident}"), None).await;
        assert_eq!(opened["affected_services"], json!([]));
        assert_eq!(dana.status_of(api).await, "degraded");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn pages_of_any_origin_may_ask_for_anything() {
    on_both_stores(Name::Fastapi, |server| async move {
        let headers = [
            ("origin", "http://localhost:5173"),
            ("access-control-request-method", "DELETE"),
            ("access-control-request-headers", "authorization,x-tenant-id,x-user-id,content-type"),
        ];
        for path in ["/api/services/1", "/api/incidents", "/api/nothing"] {
            let response = server.send_with(&headers, "OPTIONS", path, None).await;
            assert!(response.status().is_success());
            let said = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(said("access-control-allow-origin"), "*");
            assert!(said("access-control-allow-methods").contains("DELETE"));
            assert_eq!(said("access-control-allow-headers"), headers[2].1);
        }
        let token = format!("Bearer {}", server.id_token(DANA, SLUG).await);
        let large = "x".repeat(9_000_000);
        for (body, status) in [("{\"name\":", 422), (large.as_str(), 413), ("\"\\ud800\"", 422), ("nul", 422)] {
            let headers = [("authorization", token.as_str()), ("content-type", "application/json"), headers[0]];
            let response = server.send_with(&headers, "POST", "/api/services", Some(body.to_owned())).await;
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()["access-control-allow-origin"], "*");
            if status == 422 {
                let answer: Value = response.json().await.unwrap();
                assert_eq!(answer["detail"][0]["type"], "json_invalid", "{answer}");
            }
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_private_and_what_is_a_maintenance_is_not_shown_to_everybody() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        let mut socket = Socket::open(&server, SLUG).await;
        let secret = json!({ "name": "Secret project", "visibility": "private" });
        server.ask_api_as(DANA, "POST", "/orgs/fastapi-demo/services", &secret).await;
        let planned = json!({
            "title": "New disks",
            "affected": [],
            "scheduled_start": "2099-01-01T00:00:00Z",
            "scheduled_end": "2099-01-01T01:00:00Z",
        });
        server.ask_api_as(DANA, "POST", "/orgs/fastapi-demo/maintenances", &planned).await;
        dana.service("Secret project").await;
        let (_, incidents) = dana.ask("GET", "/api/incidents", None).await;
        assert!(!incidents.to_string().contains("New disks"), "it has no word for it: {incidents}");
        let (_, page) = server.ask("GET", "/api/public/fastapi-demo", None).await;
        assert!(!page.to_string().contains("Secret") && !page.to_string().contains("New disks"), "{page}");
        let told = socket.hear().await;
        let nothing =
            json!({ "object": "service", "event": "bulk_updated", "payload": { "service_ids": "", "updated_by": "Dana Diaz" } });
        assert!(has(&told, &nothing), "{told}");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        let service = dana.make("Kept", "degraded").await;
        let incident = dana.open("major", &[service]).await;
        let body = json!({ "incident_id": incident, "message": "Still here" });
        assert_eq!(dana.ask("POST", "/api/incidents/updates", Some(&body)).await.0, 200);
        let paths = [
            format!("/api/services/{service}"),
            format!("/api/services/{service}/status-history"),
            format!("/api/incidents/{incident}"),
            format!("/api/incidents/{incident}/updates"),
        ];
        let mut before = Vec::new();
        for path in &paths {
            let mut answer = dana.ask("GET", path, None).await;
            let _ = answer.1.as_object_mut().map(|answer| answer.remove("uptime_percentage")); // time goes on
            before.push(answer);
        }
        let mut socket = Socket::open(&server, SLUG).await;
        // Whoever is left would hold on to the store, and the next one could not open it.
        let server = server.restarted().await;
        socket.ends().await;
        let dana = Client::of(&server, DANA).await;
        for (path, before) in paths.iter().zip(before) {
            let mut answer = dana.ask("GET", path, None).await;
            let _ = answer.1.as_object_mut().map(|answer| answer.remove("uptime_percentage"));
            assert_eq!(answer, before, "{path}");
        }
        server.stop().await;
    })
    .await;
}
