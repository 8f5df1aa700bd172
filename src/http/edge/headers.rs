//! What every answer carries, so that no route can forget it: what browsers must not do with it, and who may keep it.

use std::time::Duration;
use warp::http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

/// An answer that is no page may do nothing in a browser, and be in no frame.
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const API: &str = "/api/";

/// What is put on answers.
pub(super) struct Dress {
    hsts: Option<HeaderValue>,
}

impl Dress {
    pub(super) fn new(hsts: Option<Duration>) -> Self {
        Self { hsts: hsts.and_then(|age| HeaderValue::from_str(&format!("max-age={}", age.as_secs())).ok()) }
    }

    /// Puts it on. What a route has set itself stays.
    pub(super) fn put_on(&self, path: &str, status: StatusCode, headers: &mut HeaderMap) {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return; // what comes now is nothing that a browser shows or keeps
        }
        if headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")).is_some() {
            return; // it has everything on already: see `Edge::dress`
        }
        set(headers, REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Some(hsts) = &self.hsts {
            headers.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let is = |expected: &[u8]| {
            kind.and_then(|kind| kind.get(..expected.len())).is_some_and(|kind| kind.eq_ignore_ascii_case(expected))
        };
        let (is_page, is_json) = (is(b"text/html"), is(b"application/json"));
        if !headers.contains_key(CONTENT_SECURITY_POLICY) {
            if !is_page {
                headers.insert(CONTENT_SECURITY_POLICY, NO_PAGE);
            }
            set(headers, X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        }
        if (is_json || path.starts_with(API)) && !headers.contains_key(CACHE_CONTROL) {
            // What has an ETag wants to be asked for again, and must be kept for that.
            let kept = if headers.contains_key(ETAG) { "private, no-cache" } else { "no-store" };
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        }
        // The whole answer would have said it: see `compression`.
        if status == StatusCode::NOT_MODIFIED {
            headers.append(VARY, HeaderValue::from_static("accept-encoding"));
        }
    }
}

/// Sets what is not set.
fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dressed(path: &str, own: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = own.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        Dress::new(None).put_on(path, StatusCode::OK, &mut headers);
        headers
    }

    #[test]
    fn what_a_route_says_itself_stays() {
        let own = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, "default-src 'self'")];
        let headers = dressed("/docs/", &own);
        assert_eq!(headers[CONTENT_SECURITY_POLICY], "default-src 'self'");
        assert!(!headers.contains_key(X_FRAME_OPTIONS) && !headers.contains_key(CACHE_CONTROL));
        assert_eq!(dressed("/api/v1/orgs", &[(CACHE_CONTROL, "public, max-age=5")])[CACHE_CONTROL], "public, max-age=5");
    }

    #[test]
    fn what_says_nothing_is_kept_by_nobody_and_is_no_page() {
        let headers = dressed("/api/v1/orgs", &[]);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        assert_eq!(headers[CONTENT_SECURITY_POLICY], NO_PAGE);
        assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
        assert_eq!(dressed("/health", &[(CONTENT_TYPE, "Application/JSON")])[CACHE_CONTROL], "no-store");
        assert_eq!(dressed("/api/v1/orgs", &[(ETAG, "\"1\"")])[CACHE_CONTROL], "private, no-cache");
        let page = dressed("/", &[(CONTENT_TYPE, "text/html")]);
        assert!(!page.contains_key(CONTENT_SECURITY_POLICY) && page[X_FRAME_OPTIONS] == "DENY");
    }
}
