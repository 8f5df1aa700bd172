//! What a request gets that cannot be answered: one shape for everything, `{"error":{"code","message"}}`. The only place
//! that knows status codes of errors.

use serde::Serialize;
use std::convert::Infallible;
use warp::{
    Rejection, Reply,
    http::StatusCode,
    reject::MethodNotAllowed,
    reply::{self, Response},
};

/// Why there is no better answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiError {
    /// Nothing is at this path.
    NotFound,
    /// Something is, but not for this method.
    MethodNotAllowed,
    /// No route wanted it, for a reason that routes should not have.
    BadRequest,
}

#[derive(Serialize)]
struct ErrorResponse {
    error: ErrorBody,
}

#[derive(Serialize)]
struct ErrorBody {
    code: &'static str,
    message: &'static str,
}

impl Reply for ApiError {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "there is nothing at this path"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not answer this method")
            }
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad_request", "the request cannot be understood"),
        };
        let body = ErrorResponse { error: ErrorBody { code, message } };
        reply::with_status(reply::json(&body), status).into_response()
    }
}

/// A rejection means that no route took the request; this says which way.
pub(super) async fn no_route(rejection: Rejection) -> Result<ApiError, Infallible> {
    Ok(if rejection.is_not_found() {
        ApiError::NotFound
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        ApiError::MethodNotAllowed
    } else {
        ApiError::BadRequest
    })
}
