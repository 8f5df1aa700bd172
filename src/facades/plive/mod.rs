//! `plive`: a backend of Node that keeps everything in memory and asks nobody who they are. Its facade is open to one
//! organization, and keeps everything.
//!
//! Its own organizations and tenants are words that stand beside a service or an incident and choose who is told of it; here
//! they are metadata. A status of ours that it has no word for is shown as the nearest one: see [`words`].

mod incidents;
mod services;
mod shapes;
mod sockets;
mod status;
mod words;

use super::telling::Following;
use crate::http::facade::{Answer, Asked, Engine, Facade, Line, Refused};
use serde_json::{Value, json};
use socketioxide::SocketIo;
use std::{sync::Arc, time::Instant};
use tocsin_actors::{
    directory::Directory,
    domain::{Command, Org, OrgId, entities::Author},
    org::OrgError,
};
use uuid::Uuid;

/// Whose pages may use it from a browser: where its front end runs while it is worked on.
pub(super) const ORIGINS: &[&str] = &["http://localhost:5173", "http://127.0.0.1:5173"];

/// The facade.
pub(super) struct Plive {
    org: OrgId,
    io: SocketIo,
    began: Instant,
    _following: Following,
}

impl Plive {
    pub(super) async fn start(org: OrgId, io: SocketIo, directory: &Directory) -> Result<Self, OrgError> {
        sockets::listen(&io);
        let following = Following::start(org, sockets::said_of, io.clone(), directory).await?;
        Ok(Self { org, io, began: Instant::now(), _following: following })
    }

    async fn org(&self, engine: &Engine) -> Result<Arc<Org>, Refused> {
        engine.org(self.org).await
    }

    /// Does something; nobody in particular asked for it.
    async fn execute(&self, asked: &Asked, command: Command) -> Result<Arc<Org>, Refused> {
        asked.engine.execute(self.org, Author::System, asked.now, command).await
    }
}

impl Facade for Plive {
    fn lines() -> Vec<Line<Self>> {
        vec![
            Line::new("GET", "/health", status::health),
            Line::new("GET", "/api/health", status::health),
            Line::new("GET", "/api/status/health", status::health),
            Line::new("GET", "/api/services", services::list),
            Line::new("POST", "/api/services", services::create),
            Line::new("GET", "/api/services/{id}", services::get),
            Line::new("PUT", "/api/services/{id}", services::change),
            Line::new("DELETE", "/api/services/{id}", services::delete),
            Line::new("GET", "/api/incidents", incidents::list),
            Line::new("POST", "/api/incidents", incidents::create),
            Line::new("GET", "/api/incidents/{id}", incidents::get),
            Line::new("PUT", "/api/incidents/{id}", incidents::change),
            Line::new("DELETE", "/api/incidents/{id}", incidents::delete),
            Line::new("POST", "/api/incidents/{id}/updates", incidents::post_update),
            Line::new("GET", "/api/status", status::status),
            Line::new("GET", "/api/websocket/info", sockets::info),
            Line::new("POST", "/api/websocket/broadcast", sockets::broadcast),
        ]
    }

    fn refusal(refused: Refused) -> Answer {
        Answer::json(refused.status, &json!({ "error": refused.text }))
    }

    fn nothing_here(_: &str, _: &str) -> Refused {
        Refused::new(404, "Route not found")
    }
}

/// The id in the path. What does not look like one is wrong before anything else is looked at.
fn id(asked: &Asked) -> Result<Uuid, Refused> {
    let text = asked.word(0);
    let shape = text.len() == 36 && matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b' | b'A' | b'B');
    text.parse().ok().filter(|_| shape).ok_or_else(|| Refused::new(400, "Invalid ID format"))
}

/// The body; nothing counts as an empty one.
fn body(asked: &Asked) -> Result<Value, Refused> {
    Ok(asked.json()?.filter(Value::is_object).unwrap_or_else(|| json!({})))
}

/// What a client sent under this name, if it is more than nothing: null, "", false and 0 are nothing to it.
fn given<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        _ => true,
    })
}

/// A text that must say something.
fn words_of(body: &Value, name: &str, called: &str) -> Result<String, Refused> {
    let text = body.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    text.map(str::to_owned).ok_or_else(|| Refused::new(400, format!("{called} is required and must be a non-empty string")))
}

/// The same where it may be left out: the original insists, and its own documentation does not.
fn words_if_given(body: &Value, name: &str, called: &str) -> Result<Option<String>, Refused> {
    body.get(name).map(|_| words_of(body, name, called)).transpose()
}
