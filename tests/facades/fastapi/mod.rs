//! The contract of `fastapi`.

mod answers;
mod effects;
mod rows;
mod stream;

use crate::support::Server;
use serde_json::{Value, json};

const DANA: &str = "dana@fastapi.example";
const EVAN: &str = "evan@fastapi.example";
const MALLORY: &str = "mallory@other.example";
const SLUG: &str = "fastapi-demo";

/// Somebody with a token, at a server.
struct Client<'a> {
    server: &'a Server,
    token: String,
}

impl<'a> Client<'a> {
    async fn of(server: &'a Server, email: &str) -> Self {
        Self { server, token: server.id_token(email, SLUG).await }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.server.ask_as(&self.token, method, path, body).await
    }

    /// What there is of a kind, by name or title.
    async fn number(&self, path: &str, key: &str, id: &str, named: &str) -> i64 {
        let (_, all) = self.ask("GET", path, None).await;
        let found = all.as_array().unwrap().iter().find(|one| one[key] == named);
        found.unwrap_or_else(|| panic!("{named} is not in {all}"))[id].as_i64().unwrap()
    }

    async fn service(&self, name: &str) -> i64 {
        self.number("/api/services", "name", "service_id", name).await
    }

    async fn incident(&self, title: &str) -> i64 {
        self.number("/api/incidents", "title", "incident_id", title).await
    }

    /// Makes a service, and answers its number.
    async fn make(&self, name: &str, status: &str) -> i64 {
        let (_, made) = self.ask("POST", "/api/services", Some(&json!({ "name": name, "current_status": status }))).await;
        made["service_id"].as_i64().unwrap()
    }

    /// Opens an incident, and answers its number.
    async fn open(&self, impact: &str, services: &[i64]) -> i64 {
        let body = json!({ "title": "Broken", "impact": impact, "affected_service_ids": services });
        let (status, made) = self.ask("POST", "/api/incidents", Some(&body)).await;
        assert_eq!(status, 200, "{made}");
        made["incident_id"].as_i64().unwrap()
    }

    async fn change(&self, path: &str, body: Value) {
        let (status, said) = self.ask("PUT", path, Some(&body)).await;
        assert_eq!(status, 200, "{path} {body}: {said}");
    }

    async fn status_of(&self, service: i64) -> String {
        let (_, service) = self.ask("GET", &format!("/api/services/{service}"), None).await;
        service["current_status"].as_str().unwrap().to_owned()
    }
}

fn detail(text: &str) -> Value {
    json!({ "detail": text })
}
