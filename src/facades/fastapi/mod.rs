//! `fastapi`: a backend of Python with an identity provider beside it, which Tocsin can be itself: see [`provider`]. A token
//! says who asks and for which organization; things are known by their number there.

mod effects;
mod fields;
mod incidents;
mod provider;
mod public;
mod services;
mod shapes;
mod stream;
mod uptime;
mod who;
mod words;

use super::{
    opening::NotOpened,
    telling::{Following, Follows},
};
use crate::http::facade::{Answer, Engine, Facade, Line, Refused};
use fields::No;
use provider::Provider;
use serde_json::json;
use std::sync::Arc;
use stream::Speaker;
use tocsin_actors::domain::OrgId;
use tokio::net::TcpListener;

/// Whose pages may use it from a browser: everybody's, as in the original. It knows people by their tokens only.
pub(super) const ORIGINS: &[&str] = &["*"];

/// The facade.
pub(super) struct Fastapi {
    provider: Provider,
    follows: Follows<Speaker>,
}

impl Fastapi {
    pub(super) fn new(engine: &Engine, listener: &TcpListener) -> Result<Self, NotOpened> {
        let provider = Provider::new(engine, listener)?;
        let (directory, engine) = (engine.directory().clone(), engine.clone());
        let follows = Follows::speaking(stream::said_of, move |org| Speaker::new(&engine, org), directory);
        Ok(Self { provider, follows })
    }

    async fn follow(&self, org: OrgId) -> Result<Arc<Following<Speaker>>, Refused> {
        Ok(self.follows.follow(org).await?)
    }
}

/// A line of the table, with and without a slash at its end.
macro_rules! line {
    ($method:literal, $path:literal, $run:path) => {{
        let run = |fastapi, asked| async { $run(fastapi, asked).await.or_else(No::answer) };
        [Line::new($method, $path, run), Line::new($method, concat!($path, "/"), run)]
    }};
}

impl Facade for Fastapi {
    const PREFLIGHT: (u16, &'static str) = (200, "OK");

    fn lines() -> Vec<Line<Self>> {
        let lines = [
            line!("GET", "/api/healthcheck", public::healthcheck),
            line!("GET", "/api/public/{org}", public::page),
            line!("GET", "/api/services", services::list),
            line!("POST", "/api/services", services::create),
            line!("POST", "/api/services/status-history", services::add_history),
            line!("GET", "/api/services/{id}", services::get),
            line!("PUT", "/api/services/{id}", services::change),
            line!("DELETE", "/api/services/{id}", services::delete),
            line!("PUT", "/api/services/{id}/status", services::set_status),
            line!("GET", "/api/services/{id}/uptime", services::uptime),
            line!("GET", "/api/services/{id}/status-history", services::history),
            line!("GET", "/api/incidents", incidents::list),
            line!("POST", "/api/incidents", incidents::create),
            line!("POST", "/api/incidents/updates", incidents::post_update),
            line!("GET", "/api/incidents/{id}", incidents::get),
            line!("PUT", "/api/incidents/{id}", incidents::change),
            line!("DELETE", "/api/incidents/{id}", incidents::delete),
            line!("GET", "/api/incidents/{id}/updates", incidents::updates),
            line!("GET", "/ws/{org}", stream::listen),
        ];
        lines.into_iter().flatten().chain(provider::lines()).collect()
    }

    fn refusal(refused: Refused) -> Answer {
        Answer::json(refused.status, &json!({ "detail": refused.text }))
    }

    fn nothing_here(_: &str, _: &str) -> Refused {
        Refused::new(404, "Not Found")
    }

    fn wrong_method(_: &str, _: &str) -> Refused {
        Refused::new(405, "Method Not Allowed")
    }
}
