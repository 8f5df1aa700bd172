//! What is remembered of one request: a line in the access log and its share of the counters.
//!
//! Never a token: not the query, not a header, not a body. Of the path only what is known to be harmless, because it may
//! hold the token of an invitation.

use super::{Head, HttpTelemetry};
use std::{borrow::Cow, sync::Arc, time::Instant};
use tracing::info;
use warp::http::StatusCode;

/// The client went away before there was an answer; nobody is sent this.
const CLIENT_GONE: u16 = 499;
/// A longer path is shown by its pattern.
const LONGEST_PATH: usize = 256;
/// How much is shown of a path that is no route of ours.
const LONGEST_SEGMENT: usize = 32;
/// What stands in a pattern where a path holds what nobody else may know.
const SECRETS: [&str; 4] = ["{token}", "{secret}", "{key}", "{code}"];
/// Under this, a path may name a private page.
const PAGES: &str = "/status";

/// One request. Counted when its answer begins, logged when it is over: both happen whatever becomes of it, because a
/// record cannot be lost without being dropped.
pub(super) struct Record {
    telemetry: Arc<HttpTelemetry>,
    began: Instant,
    head: Arc<Head>,
    answered: Option<StatusCode>,
    pub(super) bytes: u64,
}

impl Record {
    pub(super) fn begin(head: Arc<Head>, telemetry: Arc<HttpTelemetry>) -> Box<Self> {
        telemetry.asked();
        Box::new(Self { telemetry, began: Instant::now(), head, answered: None, bytes: 0 })
    }

    /// The answer begins.
    pub(super) fn answer(&mut self, status: StatusCode) {
        self.answered = Some(status);
        self.telemetry.answered(self.route(), &self.head.method, status, self.began.elapsed());
    }

    fn route(&self) -> Option<&'static str> {
        self.head.route.get().copied()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.answered.is_none() {
            self.answer(StatusCode::from_u16(CLIENT_GONE).expect("it has three digits"));
        }
        info!(
            target: "tocsin::access",
            method = self.head.method.as_str(),
            path = &*shown(self.head.uri.path(), self.route()),
            route = self.route(),
            status = self.answered.map(|status| status.as_u16()),
            ms = self.began.elapsed().as_micros() as f64 / 1000.0,
            bytes = self.bytes,
            request_id = self.head.id.as_str(),
            client = %self.head.client,
            "request"
        );
    }
}

/// As much of a path as everybody may know.
fn shown<'a>(path: &'a str, route: Option<&'static str>) -> Cow<'a, str> {
    let Some(pattern) = route else {
        let segment = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let whole = segment.len() + 1 >= path.len();
        let end = segment.char_indices().nth(LONGEST_SEGMENT).map_or(segment.len(), |(end, _)| end);
        let rest = if whole && end == segment.len() { "" } else { "…" };
        return Cow::Owned(format!("/{}{rest}", &segment[..end]));
    };
    let secret = SECRETS.iter().any(|secret| pattern.contains(secret)) || pattern.starts_with(PAGES);
    if secret || pattern.contains("{*") || path.len() > LONGEST_PATH { Cow::Borrowed(pattern) } else { Cow::Borrowed(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_without_its_secrets() {
        let long = format!("/api/v1/orgs/{}", "x".repeat(LONGEST_PATH));
        for (path, route, expected) in [
            ("/api/v1/orgs/acme", Some("/api/v1/orgs/{org}"), "/api/v1/orgs/acme"),
            ("/api/v1/invites/s3cret/accept", Some("/api/v1/invites/{token}/accept"), "/api/v1/invites/{token}/accept"),
            ("/status/hidden", Some("/status/{slug}"), "/status/{slug}"),
            (long.as_str(), Some("/api/v1/orgs/{org}"), "/api/v1/orgs/{org}"),
            ("/api/v1/invites/s3cret", None, "/api…"),
            ("/health", None, "/health"),
            ("/", None, "/"),
            ("*", None, "/*"),
            ("//evil/s3cret", None, "/evil…"),
        ] {
            assert_eq!(shown(path, route), expected, "{path}");
        }
        assert_eq!(shown(&format!("/{}", "ü".repeat(40)), None), format!("/{}…", "ü".repeat(LONGEST_SEGMENT)));
    }
}
