//! Somebody who founds organizations over HTTP, as people do.

use serde_json::{Value, json};
use std::net::SocketAddr;

/// Somebody with organizations.
pub(crate) struct People {
    pub(crate) client: reqwest::Client,
    pub(crate) api: String,
    pub(crate) token: String,
}

impl People {
    pub(crate) async fn new(server: SocketAddr) -> Self {
        let (client, api) = (reqwest::Client::builder().no_proxy().build().unwrap(), format!("http://{server}/api/v1"));
        let somebody = json!({ "email": "bench@example.org", "password": "correct horse battery", "name": "Bench" });
        let answer = client.post(format!("{api}/auth/register")).json(&somebody).send().await.unwrap();
        let token = answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
        Self { client, api, token }
    }

    pub(crate) async fn ask(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let asked = self.client.request(method, format!("{}{path}", self.api)).bearer_auth(&self.token).json(&body);
        asked.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// The path of one of its services.
    pub(crate) async fn found(&self, slug: &str, services: usize) -> String {
        self.ask(reqwest::Method::POST, "/orgs", json!({ "name": slug, "slug": slug })).await;
        let mut last = String::new();
        for n in 1..=services {
            let service = json!({ "name": format!("Service {n}"), "description": format!("What service {n} does") });
            let made = self.ask(reqwest::Method::POST, &format!("/orgs/{slug}/services"), service).await;
            last = format!("/orgs/{slug}/services/{}", made["id"].as_str().unwrap());
        }
        for n in 1..=3 {
            let incident = json!({ "title": format!("Incident {n}"), "message": "We are looking into it", "affected": [] });
            self.ask(reqwest::Method::POST, &format!("/orgs/{slug}/incidents"), incident).await;
        }
        last
    }
}
