//! The organizations of a load test, made and changed through the API like anybody's.

use super::settings::Target;
use reqwest::{Client, Method, Response, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a request is repeated that was asked to come later, and how long it waits at most each time.
const TRIES: usize = 10;
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How many services each organization has: writes change them in turn.
pub const SERVICES: usize = 3;

/// Why the API did not do what a load test needs.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer.
    #[error("no answer: {}", cause(.0))]
    Http(#[from] reqwest::Error),
    /// An answer that says no.
    #[error("{status} {code}")]
    Refused {
        /// As HTTP says it.
        status: u16,
        /// As the API says it.
        code: String,
    },
    /// An answer without what it should hold.
    #[error("an answer has no {0}")]
    Odd(&'static str),
}

/// The last words of an error: the ones before it say little.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// The way to the API.
#[derive(Clone)]
pub struct Api {
    client: Client,
    url: String,
}

/// An organization of ours.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// Its name in addresses.
    pub slug: String,
    /// The ids of its services.
    pub services: Vec<String>,
    key: String,
}

impl Organization {
    /// What lets a program in that changes it.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Api {
    /// To this server.
    pub fn new(target: &Target) -> Result<Self, ApiError> {
        // The client wants to know who encrypts before it asks whether anybody does. Already there is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(PATIENCE).resolve(&target.name, target.address);
        let client = client.redirect(Policy::none()).build()?; // the server that was named, and nobody else
        Ok(Self { client, url: target.url.clone() })
    }

    /// Makes an account and answers its token. It stays behind: the API has no way to delete one.
    pub async fn register(&self) -> Result<String, ApiError> {
        let name = Uuid::now_v7().simple().to_string();
        let account = json!({ "email": format!("loadtest-{name}@example.invalid"), "password": name });
        let answer = self.patient(Method::POST, "/auth/register", "", Some(&account)).await?;
        Ok(text(&answer, "access_token")?.to_owned())
    }

    /// Makes an organization with services and a key.
    pub async fn found(&self, token: &str, number: usize) -> Result<Organization, ApiError> {
        let slug = format!("load-{}", &Uuid::now_v7().simple().to_string()[16..]);
        let founded = json!({ "name": format!("Load test {number}"), "slug": slug });
        let id = text(&self.patient(Method::POST, "/orgs", token, Some(&founded)).await?, "id")?.to_owned();
        let key = json!({ "name": "Load test", "scopes": ["admin"] });
        let key = self.patient(Method::POST, &format!("/orgs/{id}/keys"), token, Some(&key)).await?;
        let mut org = Organization { id, slug, services: Vec::new(), key: text(&key, "secret")?.to_owned() };
        for n in 1..=SERVICES {
            let made = json!({ "name": format!("Service {n}") });
            let made = self.patient(Method::POST, &format!("/orgs/{}/services", org.id), &org.key, Some(&made)).await?;
            org.services.push(text(&made, "id")?.to_owned());
        }
        Ok(org)
    }

    /// Deletes it.
    pub async fn delete(&self, org: &Organization) -> Result<(), ApiError> {
        self.patient(Method::DELETE, &format!("/orgs/{}", org.id), &org.key, None).await.map(drop)
    }

    /// Its page, as REST shows it to visitors, after one last change that all of them see. Before that the page may count
    /// changes of which visitors are told nothing, and no reader could have its number.
    pub async fn last_page(&self, org: &Organization) -> Result<Value, ApiError> {
        let end = json!({ "description": "Nothing changes any more." });
        self.patient(Method::PATCH, &format!("/orgs/{}", org.id), &org.key, Some(&end)).await?;
        self.patient(Method::GET, &format!("/public/{}", org.slug), "", None).await
    }

    /// A change in an organization, asked for once.
    pub async fn write(&self, org: &Organization, method: Method, path: &str, body: &Value) -> Result<Value, ApiError> {
        let answer = self.send(method, &format!("/orgs/{}{path}", org.id), &org.key, Some(body)).await?;
        Self::read(answer).await
    }

    /// The same for what has to be done: who is asked to come later comes later.
    async fn patient(&self, method: Method, path: &str, token: &str, body: Option<&Value>) -> Result<Value, ApiError> {
        for _ in 1..TRIES {
            let answer = self.send(method.clone(), path, token, body).await?;
            if !matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
                return Self::read(answer).await;
            }
            let after = answer.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
            tokio::time::sleep(after.map_or(Duration::from_millis(200), Duration::from_secs).min(LONGEST_WAIT)).await;
        }
        Self::read(self.send(method, path, token, body).await?).await
    }

    async fn send(&self, method: Method, path: &str, token: &str, body: Option<&Value>) -> Result<Response, ApiError> {
        let mut ask = self.client.request(method, format!("{}/api/v1{path}", self.url));
        if !token.is_empty() {
            ask = ask.bearer_auth(token);
        }
        if let Some(body) = body {
            ask = ask.json(body);
        }
        Ok(ask.send().await?)
    }

    async fn read(answer: Response) -> Result<Value, ApiError> {
        let status = answer.status();
        let body = answer.bytes().await?;
        if status.is_success() {
            return if body.is_empty() {
                Ok(Value::Null)
            } else {
                serde_json::from_slice(&body).map_err(|_| ApiError::Odd("JSON"))
            };
        }
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        Err(ApiError::Refused { status: status.as_u16(), code: body["error"]["code"].as_str().unwrap_or_default().to_owned() })
    }
}

/// A text in an answer.
pub(super) fn text<'a>(answer: &'a Value, name: &'static str) -> Result<&'a str, ApiError> {
    answer[name].as_str().ok_or(ApiError::Odd(name))
}
