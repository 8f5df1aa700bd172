//! `fastapi`: a backend of Python with an identity provider beside it, which Tocsin can be itself: see [`provider`].

mod provider;

use super::opening::NotOpened;
use crate::http::facade::{Answer, Engine, Facade, Line, Refused};
use provider::Provider;
use serde_json::json;
use tokio::net::TcpListener;

/// Whose pages may use it from a browser: everybody's, as in the original. It knows people by their tokens only.
pub(super) const ORIGINS: &[&str] = &["*"];

/// The facade.
pub(super) struct Fastapi {
    provider: Provider,
}

impl Fastapi {
    pub(super) fn new(engine: &Engine, listener: &TcpListener) -> Result<Self, NotOpened> {
        Ok(Self { provider: Provider::new(engine, listener)? })
    }
}

impl Facade for Fastapi {
    fn lines() -> Vec<Line<Self>> {
        provider::lines()
    }

    fn refusal(refused: Refused) -> Answer {
        Answer::json(refused.status, &json!({ "detail": refused.text }))
    }

    fn nothing_here(_: &str, _: &str) -> Refused {
        Refused::new(404, "Not Found")
    }
}
