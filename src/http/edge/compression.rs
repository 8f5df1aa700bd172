//! Which answers are sent compressed, if their client can read that. The work itself is `tower-http`'s.
//!
//! An ETag stays as it is: routes compare without regard to how an answer was sent.

use tower_http::compression::Predicate;
use warp::{
    http::{Response, StatusCode, header},
    hyper::body::Body,
};

/// Below this, compressing costs more than it saves.
const WORTH_IT: u64 = 1024;

/// What is text by its nature. Streams of events are not here: they would wait for more of them.
const TEXTS: [&str; 9] = [
    "application/json",
    "application/javascript",
    "application/openmetrics-text",
    "application/xml",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/javascript",
    "text/plain",
];
/// Feeds, problem details and whatever else is made of these.
const TEXT_SUFFIXES: [&str; 2] = ["+json", "+xml"];

/// Whether it is worth it.
#[derive(Clone, Copy)]
pub(super) struct WorthIt;

impl Predicate for WorthIt {
    fn should_compress<B: Body>(&self, response: &Response<B>) -> bool {
        let content = !response.status().is_informational() && response.status() != StatusCode::NO_CONTENT;
        let headers = response.headers();
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        content && is_text(kind) && response.body().size_hint().exact().is_none_or(|size| size >= WORTH_IT)
    }
}

fn is_text(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let ends = |suffix: &&str| {
        kind.len() > suffix.len() && kind.as_bytes()[kind.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
    };
    TEXTS.iter().any(|text| kind.eq_ignore_ascii_case(text)) || TEXT_SUFFIXES.iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_compressed() {
        for kind in ["application/json", "Text/HTML; charset=utf-8", "application/atom+xml", "application/problem+JSON"] {
            assert!(is_text(kind), "{kind}");
        }
        for kind in ["", "text/event-stream", "image/png", "application/octet-stream", "font/woff2", "+json"] {
            assert!(!is_text(kind), "{kind}");
        }
    }
}
