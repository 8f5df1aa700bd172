//! What a request gets that is not done: one shape for everything, `{"error":{"code","message","field"?},"request_id"}`.
//! The only place that knows which reason has which status.

use super::edge::RetryAfter;
use crate::identity::{AuthError, Busy, InviteError, LoginRefused, PasswordRefused, Refused};
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tocsin_actors::{
    accounts::founding::FoundingError,
    domain::Rejection,
    org::OrgError,
    store::{AccountError, StoreError},
};
use utoipa::ToSchema;
use warp::{Rejection as Rejected, http::StatusCode};

/// Why a request is not done.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    /// The stable word for programs.
    pub(super) code: &'static str,
    /// The sentence for people.
    pub(super) message: String,
    /// What of the request is meant, if it is one thing.
    pub(super) field: Option<String>,
    /// When another try makes sense.
    pub(super) retry_after: Option<Duration>,
    /// The methods that would do, when this one does not.
    pub(super) allow: Option<String>,
}

/// Every answer that is not what was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorResponse {
    /// What is wrong
    pub(super) error: ErrorBody,
    /// Names this request in the server's log
    pub(super) request_id: String,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    /// A stable word for programs
    #[schema(example = "already_resolved")]
    pub(super) code: &'static str,
    /// A sentence for people
    pub(super) message: String,
    /// The field that is meant, if it is one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, retry_after: None, allow: None }
    }
    /// The request cannot be understood.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }
    /// It can be understood, but a rule refuses it.
    pub(super) fn refused(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message) }
    }
    /// Names another field, where a request calls something by a name of its own.
    pub(super) fn about(self, told: &str, field: &str) -> Self {
        if self.field.as_deref() == Some(told) { Self { field: Some(field.to_owned()), ..self } } else { self }
    }
    /// Who asks is not known.
    pub(super) fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }
    /// Who asks is known, and may not.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }
    /// It is not there, or it is somebody else's: nobody is told which.
    pub(super) fn unknown(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }
    /// Nothing is at this path.
    pub(super) fn no_path() -> Self {
        Self::unknown("not_found", "there is nothing at this path")
    }
    /// There is no such organization, or it is not the caller's: the two answer alike.
    pub(super) fn unknown_organization() -> Self {
        Self::from(Rejection::UnknownOrganization)
    }
    /// It collides with what is there.
    pub(super) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }
    /// It was changed since the caller read it.
    pub(super) fn changed() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", "it was changed since you read it")
    }
    /// Too often.
    pub(super) fn too_often(code: &'static str, retry_after: Duration) -> Self {
        let message = "too many requests, try again later";
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message) }
    }
    /// It cannot be done now.
    pub(super) fn unavailable(code: &'static str, message: &str, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message) }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        use Rejection::*;
        let status = match &rejection {
            UnknownOrganization | UnknownService(_) | UnknownGroup(_) | UnknownTeam(_) | UnknownIncident(_) | UnknownMonitor(_)
            | UnknownUpdate(_) | UnknownMember(_) | UnknownTeamMember(_) | NoPostmortem => StatusCode::NOT_FOUND,
            IdTaken | NameTaken | AlreadyMember(_) | LastAdmin | AlreadyResolved(_) | WrongMove { .. } | NotOver => {
                StatusCode::CONFLICT
            }
            MovedOn => return Self::changed(),
            Invalid { .. } | TooMany { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let field = match &rejection {
            Invalid { field, .. } => Some((*field).to_owned()),
            _ => None,
        };
        Self { field, ..Self::new(status, rejection.code(), rejection.to_string()) }
    }
}

impl From<OrgError> for ApiError {
    fn from(error: OrgError) -> Self {
        match error {
            OrgError::Rejected { rejection, .. } => rejection.into(),
            OrgError::Busy { retry_after } => Self::unavailable("busy", "too many requests are waiting", retry_after),
            OrgError::Unavailable { reason, retry_after } => {
                tracing::warn!(reason, "an organization is not available");
                Self::unavailable("unavailable", "the organization cannot be read or written now", retry_after)
            }
            OrgError::OutcomeUnknown => Self::unavailable(
                "outcome_unknown",
                "it is not known whether this was stored; ask again with the same Idempotency-Key",
                Duration::from_secs(1),
            ),
            OrgError::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "this is more than can be stored at once"),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::conflict("conflict", "somebody else was faster, try again"),
            StoreError::Unknown(reason) => {
                tracing::warn!(reason, "a write was not confirmed");
                Self::unavailable("outcome_unknown", "it is not known whether this was stored", Duration::from_secs(1))
            }
            StoreError::Unavailable(reason) => {
                tracing::warn!(reason, "the store is not available");
                Self::unavailable("unavailable", "the store cannot be reached now", Duration::from_secs(1))
            }
            StoreError::Corrupt(reason) => {
                tracing::error!(reason, "stored data cannot be read");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side")
            }
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let (code, field) = match &error {
            AccountError::EmailTaken => ("email_taken", Some("email")),
            AccountError::UsernameTaken => ("username_taken", Some("username")),
            AccountError::IdentityTaken => ("identity_taken", None),
            AccountError::NameTaken(name) if name.is_domain() => ("domain_taken", Some("domain")),
            AccountError::NameTaken(_) => ("slug_taken", Some("slug")),
            AccountError::IdTaken => ("id_taken", None),
            AccountError::Changed => ("conflict", None),
            AccountError::Store(error) => return error.clone().into(),
        };
        Self { field: field.map(str::to_owned), ..Self::conflict(code, error.to_string()) }
    }
}

impl From<FoundingError> for ApiError {
    fn from(error: FoundingError) -> Self {
        match error {
            FoundingError::Account(error) => error.into(),
            FoundingError::Org(error) => error.into(),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::Invalid => "unauthorized",
            AuthError::Expired => "token_expired",
            AuthError::Ended => "session_ended",
            AuthError::Inactive => "account_inactive",
            AuthError::ProviderUnavailable => {
                return Self::unavailable("provider_unavailable", &error.to_string(), Duration::from_secs(5));
            }
            AuthError::Store(error) => return error.clone().into(),
        };
        Self::unauthorized(code, error.to_string())
    }
}

impl From<Busy> for ApiError {
    fn from(busy: Busy) -> Self {
        Self::unavailable("busy", "too many passwords are being checked", busy.retry_after)
    }
}

impl From<RetryAfter> for ApiError {
    fn from(RetryAfter(wait): RetryAfter) -> Self {
        Self::too_often("rate_limited", wait)
    }
}

impl From<LoginRefused> for ApiError {
    fn from(refused: LoginRefused) -> Self {
        match refused {
            LoginRefused::Wrong => Self::unauthorized("wrong_credentials", refused.to_string()),
            LoginRefused::Inactive => Self::forbidden(refused.to_string()),
            LoginRefused::Throttled { retry_after } => Self::too_often("too_many_failures", retry_after),
            LoginRefused::Busy(busy) => busy.into(),
            LoginRefused::Store(error) => error.into(),
        }
    }
}

impl From<PasswordRefused> for ApiError {
    fn from(refused: PasswordRefused) -> Self {
        match refused {
            PasswordRefused::Wrong => Self::refused("wrong_password", "old_password", refused.to_string()),
            PasswordRefused::NoPassword => Self::conflict("no_password", refused.to_string()),
            PasswordRefused::Rule(rejection) => rejection.into(),
            PasswordRefused::Throttled { retry_after } => Self::too_often("too_many_failures", retry_after),
            PasswordRefused::Busy(busy) => busy.into(),
            PasswordRefused::Account(error) => error.into(),
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Rule(rejection) => rejection.into(),
            Refused::Store(error) => error.into(),
        }
    }
}

impl From<InviteError> for ApiError {
    fn from(error: InviteError) -> Self {
        match error {
            InviteError::Unknown | InviteError::Expired => Self::unknown("unknown_invite", error.to_string()),
            InviteError::Taken => Self::conflict("invite_used", error.to_string()),
            InviteError::Store(error) => error.into(),
        }
    }
}

/// A filter that gave a request up, although the last one takes all: its body could not be read to the end.
pub(super) async fn no_route(_: Rejected) -> Result<warp::reply::Response, Infallible> {
    Ok(super::dispatch::failed(ApiError::malformed("the request could not be read"), ""))
}
