//! `flask`: a multi-tenant backend of Python with logins of its own: people, organizations with roles, teams, services,
//! incidents and maintenances, a public page, and rooms over Socket.IO.
//!
//! Everything is where it is for everybody: its people are our accounts, its tokens belong to our sessions. What of an incident
//! only its front end asks for, the word that was chosen for its type, stands in the metadata: see [`words`].

mod asking;
mod auth;
mod guards;
mod incidents;
mod incidents_changed;
mod members;
mod organizations;
mod page;
mod page_shapes;
mod people;
mod people_shapes;
mod said;
mod services;
mod shapes;
mod sockets;
mod team_members;
mod teams;
mod words;

use crate::http::{
    edge::WHOEVER_ASKS,
    facade::{Answer, Engine, Facade, Line, Refused},
};
use serde_json::json;
use socketioxide::SocketIo;
use sockets::Sockets;

/// Whose pages may use it from a browser. It knows no cookies, so nobody's page can use what somebody else is.
pub(super) const ORIGINS: &[&str] = &[WHOEVER_ASKS];

/// The facade.
pub(super) struct Flask {
    _sockets: Sockets,
}

impl Flask {
    pub(super) fn start(io: SocketIo, engine: Engine) -> Self {
        Self { _sockets: Sockets::open(io, engine) }
    }
}

impl Facade for Flask {
    const PREFLIGHT: (u16, &'static str) = (200, "");

    fn lines() -> Vec<Line<Self>> {
        vec![
            Line::new("POST", "/api/auth/register", auth::register),
            Line::new("POST", "/api/auth/login", auth::login),
            Line::new("POST", "/api/auth/refresh", auth::refresh),
            Line::new("GET", "/api/auth/me", auth::me),
            Line::new("GET", "/api/organizations", organizations::list),
            Line::new("POST", "/api/organizations", organizations::create),
            Line::new("GET", "/api/organizations/{id}", organizations::get),
            Line::new("PUT", "/api/organizations/{id}", organizations::change),
            Line::new("DELETE", "/api/organizations/{id}", organizations::delete),
            Line::new("GET", "/api/organizations/{id}/users", members::users),
            Line::new("GET", "/api/organizations/{id}/members", members::list),
            Line::new("POST", "/api/organizations/{id}/members", members::add),
            Line::new("PUT", "/api/organizations/{id}/members/{user}", members::change),
            Line::new("DELETE", "/api/organizations/{id}/members/{user}", members::remove),
            Line::new("GET", "/api/services", services::list),
            Line::new("POST", "/api/services", services::create),
            Line::new("POST", "/api/services/reorder", services::reorder),
            Line::new("GET", "/api/services/{id}", services::get),
            Line::new("PUT", "/api/services/{id}", services::change),
            Line::new("DELETE", "/api/services/{id}", services::delete),
            Line::new("GET", "/api/incidents", incidents::list),
            Line::new("POST", "/api/incidents", incidents::create),
            Line::new("GET", "/api/incidents/{id}", incidents::get),
            Line::new("PUT", "/api/incidents/{id}", incidents_changed::change),
            Line::new("DELETE", "/api/incidents/{id}", incidents::delete),
            Line::new("POST", "/api/incidents/{id}/updates", incidents_changed::post_update),
            Line::new("GET", "/api/teams", teams::list),
            Line::new("POST", "/api/teams", teams::create),
            Line::new("GET", "/api/teams/{id}", teams::get),
            Line::new("PUT", "/api/teams/{id}", teams::change),
            Line::new("DELETE", "/api/teams/{id}", teams::delete),
            Line::new("GET", "/api/teams/{id}/members", team_members::list),
            Line::new("POST", "/api/teams/{id}/members", team_members::add),
            Line::new("PUT", "/api/teams/{id}/members/{user}", team_members::change),
            Line::new("DELETE", "/api/teams/{id}/members/{user}", team_members::remove),
            Line::new("GET", "/api/users/profile", people::profile),
            Line::new("PUT", "/api/users/profile", people::change),
            Line::new("POST", "/api/users/change-password", people::change_password),
            Line::new("GET", "/api/users/search", people::search),
            Line::new("GET", "/api/public/status/{slug}", page::status),
            Line::new("GET", "/api/public/status/{slug}/incidents/{id}", page::incident),
            Line::new("POST", "/api/public/status/{slug}/subscribe", page::subscribe),
        ]
    }

    fn refusal(refused: Refused) -> Answer {
        Answer::json(refused.status, &json!({ "error": refused.text }))
    }

    fn nothing_here(_: &str, _: &str) -> Refused {
        Refused::new(404, "Not found")
    }

    fn wrong_method(_: &str, _: &str) -> Refused {
        Refused::new(405, "Method not allowed")
    }
}
