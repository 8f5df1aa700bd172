//! Which pages of other origins may use the API from a browser: those that were named, none by default.

use super::{EdgeSettings, Head, Methods};
use warp::{
    http::{
        HeaderMap, HeaderValue, Method, Response, StatusCode, Uri,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CONTENT_TYPE, ORIGIN, VARY,
        },
    },
    hyper::body::Bytes,
};

/// Every page.
const ANY: &str = "*";
/// Every page too, and each is told that it is meant, credentials and all: for servers that know no cookies. Nobody can choose it.
pub const WHOEVER_ASKS: &str = "whoever asks";
/// What scripts may read beyond what they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static("ETag, X-Request-Id, Retry-After, Location");
/// The longest that browsers remember a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
/// On what the answer to a preflight depends, beside the origin.
const ASKED_FOR: HeaderValue = HeaderValue::from_static("access-control-request-method, access-control-request-headers");

/// Who may.
pub(super) struct Cors {
    origins: Vec<HeaderValue>,
    any: bool,
    whoever_asks: bool,
    methods: Methods,
    answer: (u16, &'static str),
}

impl Cors {
    pub(super) fn new(settings: &EdgeSettings) -> Self {
        let origins = &settings.cors_origins;
        let whoever_asks = origins.iter().any(|origin| origin == WHOEVER_ASKS);
        let any = !whoever_asks && origins.iter().any(|origin| origin == ANY);
        let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
        Self { origins, any, whoever_asks, methods: settings.methods, answer: settings.preflight }
    }

    /// The answer to a browser that asks whether a page may; None when it does not ask, or the page may not.
    pub(super) fn preflight(&self, Head { method, uri, headers, .. }: &Head) -> Option<Response<Bytes>> {
        if method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        self.allowed(headers.get(ORIGIN))?;
        let methods = (self.methods)(uri.path());
        let methods: Vec<_> = methods.iter().map(Method::as_str).collect();
        let methods = HeaderValue::from_str(&methods.join(", ")).ok().filter(|methods| !methods.is_empty())?;
        let (status, text) = self.answer;
        let mut response = Response::new(Bytes::from_static(text.as_bytes()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::NO_CONTENT);
        let answer = response.headers_mut();
        if !text.is_empty() {
            answer.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        }
        answer.insert(ALLOW, methods.clone());
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        answer.append(VARY, ASKED_FOR);
        Some(response)
    }

    /// Tells a browser whether it may show an answer to the page that asked.
    pub(super) fn put_on(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        if !self.any {
            headers.append(VARY, HeaderValue::from_static("origin")); // also when nobody asks: caches keep it for others
        }
        let Some(origin) = self.allowed(origin) else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if !self.any {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let origin = origin?;
        if self.any {
            return Some(HeaderValue::from_static(ANY));
        }
        if self.whoever_asks {
            return Some(origin.clone());
        }
        self.origins.iter().find(|allowed| *allowed == origin).cloned()
    }
}

/// An origin as browsers write it, or why it is none: for whoever reads settings.
pub fn parse_origin(text: &str) -> Result<String, String> {
    if text == ANY {
        return Ok(text.to_owned());
    }
    let wrong = || format!("{text:?} is no origin: write one like https://status.example.com, with nothing after it, or *");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let scheme = uri.scheme_str().ok_or_else(wrong)?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
    let origin = format!("{scheme}://{authority}").to_ascii_lowercase();
    if text.trim_end_matches('/').eq_ignore_ascii_case(&origin) { Ok(origin) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for (text, origin) in [
            ("https://status.example.com", "https://status.example.com"),
            ("HTTPS://Status.Example.com/", "https://status.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("*", "*"),
        ] {
            assert_eq!(parse_origin(text).as_deref(), Ok(origin));
        }
        for text in
            [WHOEVER_ASKS, "", "example.com", "https://", "https://a/b", "https://u:p@a", "https://a?b", "https://*.a/ b", "null"]
        {
            assert!(parse_origin(text).is_err(), "{text}");
        }
    }
}
