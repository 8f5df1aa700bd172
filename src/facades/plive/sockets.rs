//! Its sockets: rooms that anybody may join, because there is nobody whom it knows, and what is said there.

use super::{
    Plive, body, given,
    shapes::{IncidentShape, ServiceShape},
    words::{ORGANIZATION, TENANT, beside},
};
use crate::{
    facades::{
        hearing::{self, Then, enter, say},
        telling::{Changed, Message},
    },
    http::facade::{Answer, Asked, Refused},
};
use serde::Serialize;
use serde_json::{Value, json};
use socketioxide::{SocketIo, extract::SocketRef};
use std::sync::Arc;
use tocsin_actors::{
    clock::{Clock, SystemClock},
    domain::{Timestamp, entities::Metadata, status::Kind},
};

const EVENTS: [&str; 7] =
    ["authenticate", "join-organization", "leave-organization", "ping", "service-update", "incident-update", "status-update"];

/// What clients may say.
pub(super) fn listen(io: &SocketIo) {
    let heard: [(&str, Then); 4] =
        [("authenticate", authenticate), ("join-organization", join), ("leave-organization", leave), ("ping", ping)];
    hearing::listen(io, heard);
}

fn authenticate(socket: &SocketRef, said: Option<Value>) {
    let Some(said) = said.filter(Value::is_object) else {
        return say(socket, "authentication-error", &json!({ "error": "Authentication failed", "timestamp": now() }));
    };
    for (name, kind) in [(ORGANIZATION, "org"), (TENANT, "tenant")] {
        if let Some(id) = given(&said, name).and_then(Value::as_str) {
            enter(socket, format!("{kind}:{id}"));
        }
    }
    say(socket, "authenticated", &json!({ "success": true, "clientId": socket.id, "timestamp": now() }));
}

fn join(socket: &SocketRef, said: Option<Value>) {
    let Some(id) = organization(socket, said, "join") else { return };
    if !enter(socket, format!("org:{id}")) {
        return say(socket, "error", &json!({ "message": "Failed to join organization" }));
    }
    say(socket, "joined-organization", &json!({ ORGANIZATION: id, "timestamp": now() }));
}

fn leave(socket: &SocketRef, said: Option<Value>) {
    let Some(id) = organization(socket, said, "leave") else { return };
    socket.leave(format!("org:{id}"));
    say(socket, "left-organization", &json!({ ORGANIZATION: id, "timestamp": now() }));
}

fn ping(socket: &SocketRef, _: Option<Value>) {
    say(socket, "pong", &json!({ "timestamp": now() }));
}

/// Which organization is meant, or none and the client is told.
fn organization(socket: &SocketRef, said: Option<Value>, to: &str) -> Option<String> {
    let Some(said) = said.filter(|said| !said.is_null()) else {
        say(socket, "error", &json!({ "message": format!("Failed to {to} organization") }));
        return None;
    };
    let id = given(&said, ORGANIZATION).and_then(Value::as_str).map(str::to_owned);
    if id.is_none() {
        say(socket, "error", &json!({ "message": "Organization ID is required" }));
    }
    id
}

fn now() -> Timestamp {
    SystemClock.now()
}

/// What it says of a change; nothing where it looks the same from there.
pub(super) fn said_of(changed: &Changed<'_>) -> Vec<Message> {
    match changed {
        Changed::Service(before, after) => {
            let shape = |service| ServiceShape::from(AsRef::as_ref(service));
            let (was, is) = (before.map(shape), after.map(shape));
            let metadata = after.or(*before).map(|service| &service.metadata);
            announced("service-update", was, is, metadata)
        }
        Changed::Incident(before, after) => {
            let known = |incident: &&_| AsRef::<tocsin_actors::domain::Incident>::as_ref(*incident).kind() == Kind::Incident;
            let (before, after) = (before.filter(known), after.filter(known));
            let shape = |incident| IncidentShape::from(AsRef::as_ref(incident));
            let metadata = after.or(before).map(|incident| &incident.metadata);
            announced("incident-update", before.map(shape), after.map(shape), metadata)
        }
    }
}

fn announced<T: Serialize + PartialEq>(
    event: &'static str,
    was: Option<T>,
    is: Option<T>,
    beside: Option<&Metadata>,
) -> Vec<Message> {
    let (Some(metadata), true) = (beside, was != is) else { return Vec::new() };
    let is_gone = is.is_none();
    let Some(Ok(mut data)) = is.or(was).map(serde_json::to_value) else { return Vec::new() };
    if is_gone {
        data["deleted"] = true.into();
    }
    vec![Message { room: room(metadata), event, data: enveloped(event, data) }]
}

/// Its organization hears of it, else its tenant, else everybody.
fn room(metadata: &Metadata) -> Option<String> {
    let organization = beside(metadata, ORGANIZATION).map(|id| format!("org:{id}"));
    organization.or_else(|| beside(metadata, TENANT).map(|id| format!("tenant:{id}")))
}

fn enveloped(event: &str, data: Value) -> Value {
    json!({ "type": event, "data": data, "timestamp": now() })
}

/// How many are there. Who they are is nobody's business.
pub(super) async fn info(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let organization = asked.query(ORGANIZATION).map(|id| format!("org:{id}"));
    let room = organization.or_else(|| asked.query(TENANT).map(|id| format!("tenant:{id}")));
    let total = plive.io.sockets().len();
    let here = room.map_or(total, |room| plive.io.to(room).sockets().len());
    Ok(Answer::json(
        200,
        &json!({
            "connectedClients": here,
            "totalConnectedClients": total,
            "clientsInfo": [],
            "websocketEndpoint": "/socket.io",
            "supportedEvents": EVENTS,
            "timestamp": asked.now,
        }),
    ))
}

/// Anybody could say anything to everybody with it: looked at as the original does, and refused.
pub(super) async fn broadcast(_: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let body = body(&asked)?;
    let (Some(kind), Some(_)) = (given(&body, "type"), given(&body, "data")) else {
        return Err(Refused::new(400, "Type and data are required"));
    };
    if !kind.as_str().is_some_and(|kind| ["service-update", "incident-update", "status-update"].contains(&kind)) {
        return Err(Refused::new(400, "Invalid broadcast type"));
    }
    Err(Refused::new(403, "Broadcasts are made by changes only"))
}
