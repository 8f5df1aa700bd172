//! What the edge answers itself, without asking a route: in the shape of every other error there.

use super::{RequestId, RetryAfter};
use serde::Serialize;
use std::time::Duration;
use warp::{
    http::{HeaderValue, Response, StatusCode, Version, header},
    hyper::body::Bytes,
};

/// When to come again after something took too long.
const AFTER_A_TIMEOUT: RetryAfter = RetryAfter(Duration::from_secs(1));

/// Why the edge did not leave it to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Somebody else's name leads here.
    NotOurName,
    /// The address is longer than any of ours.
    AddressTooLong,
    /// The body is more than anybody reads.
    BodyTooLarge,
    /// The body did not come in time.
    BodyTooSlow,
    /// This client asks too often.
    TooOften(RetryAfter),
    /// The handler did not begin to answer in time.
    Timeout,
    /// The handler panicked.
    Panic,
}

/// How a refusal is told: its status, its word, what it says, and the request's id.
pub type Told = fn(StatusCode, &'static str, &'static str, &str) -> Vec<u8>;

/// As the API tells it.
pub(super) fn as_the_api_does(_: StatusCode, code: &'static str, message: &'static str, request_id: &str) -> Vec<u8> {
    let body = ErrorResponse { error: ErrorBody { code, message }, request_id };
    serde_json::to_vec(&body).expect("three texts can be written")
}

#[derive(Serialize)]
struct ErrorResponse<'a> {
    error: ErrorBody,
    request_id: &'a str,
}

#[derive(Serialize)]
struct ErrorBody {
    code: &'static str,
    message: &'static str,
}

impl Refusal {
    /// As an answer in the error shape of whoever is asked.
    pub(super) fn answer(self, request_id: &RequestId, version: Version, told: Told) -> Response<Bytes> {
        let (status, code, message) = match self {
            Self::NotOurName => {
                (StatusCode::MISDIRECTED_REQUEST, "not_our_name", "ask for this machine by its address, or as localhost")
            }
            Self::AddressTooLong => (StatusCode::URI_TOO_LONG, "uri_too_long", "the address is too long"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too large"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not come in time"),
            Self::TooOften(_) => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many requests, try again later"),
            Self::Timeout => (
                StatusCode::SERVICE_UNAVAILABLE,
                "timeout",
                "it took too long; whether it was done is not known, ask again with the same Idempotency-Key",
            ),
            Self::Panic => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side"),
        };
        let mut response = Response::new(Bytes::from(told(status, code, message, request_id.as_str())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let retry_after = match self {
            Self::TooOften(after) => Some(after),
            Self::Timeout => Some(AFTER_A_TIMEOUT),
            Self::NotOurName | Self::AddressTooLong | Self::BodyTooLarge | Self::BodyTooSlow | Self::Panic => None,
        };
        if let Some(after) = retry_after {
            headers.insert(header::RETRY_AFTER, after.header());
        }
        // There may be more of the body: the connection is of no use to another request. HTTP/2 has one stream each.
        if matches!(self, Self::BodyTooLarge | Self::BodyTooSlow) && version < Version::HTTP_2 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
