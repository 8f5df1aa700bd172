//! What was asked of a facade.

use super::{Engine, Refused};
use crate::{
    http::{edge::Head, error::ApiError},
    identity::{Caller, ClientHint},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tocsin_actors::domain::Timestamp;
use warp::hyper::{body::Bytes, upgrade::OnUpgrade};

/// A request to a facade.
pub struct Asked {
    /// The way to the organizations.
    pub engine: Engine,
    /// When it came; what is made by it carries this time.
    pub now: Timestamp,
    pub(super) head: Arc<Head>,
    pub(super) words: Vec<String>,
    pub(super) body: Bytes,
    pub(super) upgrade: Upgrade,
}

/// The socket behind a request, for who takes it over.
#[derive(Default)]
pub(super) struct Upgrade(Mutex<Option<OnUpgrade>>);

impl From<Option<OnUpgrade>> for Upgrade {
    fn from(upgrade: Option<OnUpgrade>) -> Self {
        Self(Mutex::new(upgrade))
    }
}

impl Asked {
    /// The n-th word in braces of the path.
    pub fn word(&self, n: usize) -> &str {
        self.words.get(n).map_or("", String::as_str)
    }

    /// What the query says under this name.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.head.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The path as it was written.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The query as it was written.
    pub fn query_text(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// A header, if it can be read.
    pub fn header(&self, name: &'static str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// A cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.head.headers.get_all("cookie").iter().filter_map(|all| all.to_str().ok()).flat_map(|all| all.split(';'));
        pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// What follows `Bearer` in the `Authorization` header: none where there is no such header or another scheme.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Counts this for who asks, who may ask too often from anywhere.
    pub fn is_by(&self, caller: &Caller) -> Result<(), Refused> {
        let is_write = !matches!(self.head.method.as_str(), "GET" | "HEAD");
        Ok(self.engine.api.edge.limits().check_caller(caller.id(), is_write).map_err(ApiError::from)?)
    }

    /// Counts this for where it comes from, as something that can be guessed or costs a hash. Logins are counted by
    /// themselves.
    pub fn is_costly(&self) -> Result<(), Refused> {
        Ok(self.engine.api.edge.limits().check_auth(self.head.client).map_err(ApiError::from)?)
    }

    /// From where, for sessions and for counting failures.
    pub fn hint(&self) -> ClientHint {
        ClientHint { address: self.head.client, user_agent: self.header("user-agent").map(str::to_owned) }
    }

    /// The body, if it is JSON and says so; none when there is nothing of the kind, and why where it is broken.
    pub fn json(&self) -> Result<Option<Value>, Refused> {
        if self.body.is_empty() || !self.is_of_kind("application/json") {
            return Ok(None);
        }
        serde_json::from_slice(&self.body).map(Some).map_err(|error| Refused::new(400, error.to_string()))
    }

    /// The fields of a form that was sent as browsers do; none when it is no form. Of two of a name the last counts.
    pub fn form(&self) -> Option<BTreeMap<String, String>> {
        let fields = || form_urlencoded::parse(&self.body).into_owned().collect();
        self.is_of_kind("application/x-www-form-urlencoded").then(fields)
    }

    /// What it says of its body's kind.
    pub fn is_of_kind(&self, kind: &str) -> bool {
        let said = self.header("content-type").unwrap_or_default();
        said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind)
    }

    /// Whether there is nothing in the body.
    pub fn is_bodyless(&self) -> bool {
        self.body.is_empty()
    }

    /// How much there is in the body.
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// The socket behind it, once, for who answers that it changes its protocol.
    pub(crate) fn upgrade(&self) -> Option<OnUpgrade> {
        self.upgrade.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Everything else that was said.
    pub(crate) fn head(&self) -> &Arc<Head> {
        &self.head
    }
}
