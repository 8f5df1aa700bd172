//! What a facade answers, and why it does not.

use crate::{
    http::{edge::RetryAfter, error::ApiError},
    identity::{AuthError, LoginRefused, PasswordRefused},
};
use serde::{Serialize, Serializer};
use tocsin_actors::{
    org::OrgError,
    store::{AccountError, StoreError},
};
use warp::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    hyper::body::Bytes,
    reply::Response,
};

/// Why something is not done: the facade says it in its own shape.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The status of HTTP.
    pub status: u16,
    /// For people.
    pub text: String,
    /// The word for it in our own API, where it comes from the engine; empty for a text of the facade's own.
    pub code: &'static str,
    /// When another try makes sense.
    pub(super) retry_after: Option<RetryAfter>,
}

impl Refused {
    /// With a text of the facade's own.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), code: "", retry_after: None }
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        // What an existing client understands as what it sent being wrong is 400, not 422.
        let status = match error.status {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            other => other,
        };
        Self { status: status.as_u16(), text: error.message, code: error.code, retry_after: error.retry_after.map(RetryAfter) }
    }
}

macro_rules! refused_as_the_api_does {
    ($($reason:ty),+ $(,)?) => {$(
        impl From<$reason> for Refused {
            fn from(reason: $reason) -> Self {
                ApiError::from(reason).into()
            }
        }
    )+};
}

refused_as_the_api_does!(AccountError, AuthError, LoginRefused, OrgError, PasswordRefused, StoreError);

/// Something under its name.
pub struct Under<T>(pub &'static str, pub T);

impl<T: Serialize> Serialize for Under<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}

/// What a facade answers.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    body: Bytes,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// JSON.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("answers are plain structures with text keys");
        Self::of(status, "application/json; charset=utf-8", body)
    }

    /// A page.
    pub fn html(status: u16, page: String) -> Self {
        Self::of(status, "text/html; charset=utf-8", page.into_bytes())
    }

    /// Nothing to see.
    pub fn empty(status: u16) -> Self {
        Self { status, body: Bytes::new(), headers: Vec::new() }
    }

    fn of(status: u16, kind: &'static str, body: Vec<u8>) -> Self {
        Self { status, body: body.into(), headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static(kind))] }
    }

    /// The same with a header more. What no header can say is left out.
    pub fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        self.headers.extend(value.try_into().ok().map(|value| (name, value)));
        self
    }

    /// The same by the name of the header, in small letters.
    pub fn saying(self, name: &'static str, value: &str) -> Self {
        self.with(HeaderName::from_static(name), value)
    }

    pub(super) fn again_after(mut self, retry_after: Option<RetryAfter>) -> Self {
        self.headers.extend(retry_after.map(|after| (header::RETRY_AFTER, after.seconds().into())));
        self
    }

    pub(super) fn body(self) -> Vec<u8> {
        self.body.into()
    }

    pub(super) fn response(self) -> Response {
        let mut response = Response::new(self.body.into());
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            response.headers_mut().append(name, value); // cookies are several of one name
        }
        response
    }
}
