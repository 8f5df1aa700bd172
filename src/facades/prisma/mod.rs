//! `prisma`: a backend of Express and Prisma that asks nobody who they are. Its facade is open to one organization, or to the
//! whole of an installation that is a demonstration: see [`scope`].
//!
//! An incident has exactly one service there, and touches it without giving it a status. Its third status of an incident, a
//! maintenance, is one of ours. People who have an account and belong to nobody are known to one organization here, as its
//! guests: see [`people`]. A role of which we know nothing is kept as it is and allows the least: see [`words`].

mod incidents;
mod lists;
mod members;
mod organizations;
mod people;
mod scope;
mod sent;
mod services;
mod shapes;
mod sockets;
mod updates;
mod users;
mod words;

use super::{OpenTo, hearing, telling::Following};
use crate::http::facade::{Answer, Asked, Engine, Facade, Line, Refused};
use serde_json::json;
use socketioxide::SocketIo;
use std::{collections::HashMap, sync::Arc};
use tocsin_actors::domain::{Command, Org, OrgId, entities::Author};
use tokio::sync::Mutex;

/// Whose pages may use it from a browser: everybody's, without credentials, which it does not know anyway.
pub(super) const ORIGINS: &[&str] = &["*"];

/// How it is said that there is no such path, which is the one thing that is not said in JSON.
const NO_PATH: &str = "no_path";

/// The facade.
pub(super) struct Prisma {
    to: OpenTo,
    io: SocketIo,
    followed: Mutex<HashMap<OrgId, Following>>,
}

impl Prisma {
    pub(super) async fn start(to: OpenTo, io: SocketIo, engine: &Engine) -> Result<Self, Refused> {
        hearing::listen(&io, []);
        let this = Self { to, io, followed: Mutex::default() };
        this.orgs(engine).await?;
        Ok(this)
    }

    /// Does something; nobody in particular asked for it.
    async fn execute(&self, asked: &Asked, org: &Org, commands: Vec<Command>) -> Result<Arc<Org>, Refused> {
        asked.engine.execute_all(org.id(), Author::System, asked.now, commands).await
    }
}

impl Facade for Prisma {
    fn lines() -> Vec<Line<Self>> {
        vec![
            Line::new("GET", "/health", health),
            Line::new("GET", "/api/services", services::list),
            Line::new("POST", "/api/services", services::create),
            Line::new("GET", "/api/services/organization/{org}", services::list_of),
            Line::new("PUT", "/api/services/{id}", services::change),
            Line::new("DELETE", "/api/services/{id}", services::delete),
            Line::new("PATCH", "/api/services/{id}/status", services::change_status),
            Line::new("GET", "/api/incidents", incidents::list),
            Line::new("POST", "/api/incidents", incidents::create),
            Line::new("GET", "/api/incidents/organization/{org}", incidents::list_of),
            Line::new("PUT", "/api/incidents/{id}", incidents::change),
            Line::new("DELETE", "/api/incidents/{id}", incidents::delete),
            Line::new("PATCH", "/api/incidents/{id}/status", incidents::change_status),
            Line::new("GET", "/api/organizations", organizations::list),
            Line::new("POST", "/api/organizations", organizations::create),
            Line::new("GET", "/api/organizations/{id}", organizations::get),
            Line::new("PUT", "/api/organizations/{id}", organizations::change),
            Line::new("DELETE", "/api/organizations/{id}", organizations::delete),
            Line::new("GET", "/api/users", users::list),
            Line::new("POST", "/api/users", users::create),
            Line::new("GET", "/api/users/{id}", users::get),
            Line::new("PUT", "/api/users/{id}", users::change),
            Line::new("DELETE", "/api/users/{id}", users::delete),
            Line::new("POST", "/api/members", members::create),
            Line::new("GET", "/api/members/organization/{org}", members::list_of),
            Line::new("GET", "/api/members/user/{user}", members::list_of_user),
            Line::new("PUT", "/api/members/{id}", members::change),
            Line::new("DELETE", "/api/members/{id}", members::delete),
            Line::new("POST", "/api/incident-updates", updates::create),
            Line::new("GET", "/api/incident-updates/incident/{incident}", updates::list_of),
            Line::new("PUT", "/api/incident-updates/{id}", updates::change),
            Line::new("DELETE", "/api/incident-updates/{id}", updates::delete),
        ]
    }

    fn refusal(refused: Refused) -> Answer {
        if refused.code == NO_PATH { Answer::html(refused.status, page(&refused.text)) } else { error(&refused) }
    }

    fn nothing_here(method: &str, path: &str) -> Refused {
        let mut refused = Refused::new(404, format!("Cannot {method} {path}"));
        refused.code = NO_PATH;
        refused
    }
}

async fn health(_: Arc<Prisma>, _: Asked) -> Result<Answer, Refused> {
    Ok(Answer::json(200, &json!({ "status": "ok" })))
}

fn error(refused: &Refused) -> Answer {
    Answer::json(refused.status, &json!({ "error": refused.text }))
}

/// The page that its framework shows.
fn page(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>{text}</pre>\n</body>\n</html>\n"
    )
}

fn unknown(what: &str) -> Refused {
    Refused::new(404, format!("{what} not found"))
}
