//! `/auth`: registering, logging in and out, sessions and passwords. Everything that decides is in `identity`.

use super::organizations::{NewOrganizationRequest, OrganizationResponse, found};
use crate::{
    http::{
        answer::{Done, Made, Shown},
        call::{Call, Json, Query},
        cursor::{List, PageQuery, Place},
        error::ApiError,
    },
    identity::{SessionInfo, Tokens},
    words,
};
use serde::{Deserialize, Serialize};
use tocsin_actors::{
    accounts::User,
    domain::{Role, Timestamp, UserId},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A person.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(in crate::http) struct UserResponse {
    id: Uuid,
    /// A short number, unique in the installation
    number: u64,
    email: String,
    username: Option<String>,
    /// The name to show
    name: String,
    first_name: String,
    last_name: String,
    active: bool,
    superadmin: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    #[schema(schema_with = words::metadata)]
    metadata: tocsin_actors::domain::entities::Metadata,
}

impl From<&User> for UserResponse {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.uuid(),
            number: user.number,
            email: user.email.clone(),
            username: user.username.clone(),
            name: user.shown_name(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            active: user.active,
            superadmin: user.superadmin,
            created_at: user.created_at,
            updated_at: user.updated_at,
            created_by: words::author(user.created_by),
            metadata: user.metadata.clone(),
        }
    }
}

/// Somebody who is logged in.
#[derive(Serialize, ToSchema)]
#[schema(as = LoggedIn)]
pub(in crate::http) struct LoggedInResponse {
    user: UserResponse,
    /// The organization that was founded with the registration
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<OrganizationResponse>,
    /// Send it as `Authorization: Bearer …`
    access_token: String,
    /// Changes with every use
    refresh_token: String,
    /// Seconds until the access token expires
    expires_in: u64,
}

impl LoggedInResponse {
    pub(in crate::http) fn of(user: &User, tokens: Tokens, organization: Option<OrganizationResponse>) -> Self {
        Self {
            user: user.into(),
            organization,
            access_token: tokens.access_token.expose().to_owned(),
            refresh_token: tokens.refresh_token.expose().to_owned(),
            expires_in: tokens.expires_in,
        }
    }
}

/// A person to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Register)]
pub(in crate::http) struct RegisterRequest {
    #[schema(max_length = 254, example = "ann@example.org")]
    pub(in crate::http) email: String,
    #[schema(min_length = 8, max_length = 256)]
    pub(in crate::http) password: String,
    /// The name to show
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(in crate::http) name: Option<String>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub(in crate::http) username: Option<String>,
    /// An organization to found along with it
    #[serde(default)]
    pub(in crate::http) organization: Option<NewOrganizationRequest>,
}

/// Makes a user who can log in.
pub(in crate::http) async fn new_user(call: &Call, new: &RegisterRequest) -> Result<User, ApiError> {
    let user = User {
        username: new.username.clone(),
        display_name: new.name.clone(),
        ..User::new(UserId::new(call.new_id()), new.email.trim(), call.now)
    };
    call.api.new_user(user, Some(new.password.clone())).await
}

/// Makes an account, with an organization if wished, and logs in.
pub(in crate::http) async fn register(
    call: Call,
    Json(mut new): Json<RegisterRequest>,
) -> Result<Made<LoggedInResponse>, ApiError> {
    if !call.api.settings.registration {
        return Err(ApiError::forbidden("registration is closed here: ask for an invitation"));
    }
    let organization = new.organization.take();
    let user = new_user(&call, &new).await?;
    // Nobody is logged in yet, so the name of the request is not this caller's alone: two strangers who chose the same one
    // would get the same organization. A retry is told that the e-mail address is taken.
    let organization = match organization {
        None => None,
        Some(organization) => match found(&call.api, organization, (user.id, None), None, call.now).await {
            Ok(org) => Some(OrganizationResponse::for_role(&org, Some(Role::Admin))?),
            Err(error) => {
                // Both or none, as far as it is known: an account without what was asked for would be in the way of
                // the second try.
                if error.status.is_client_error() {
                    call.api.store.delete_user(user.id).await?;
                }
                return Err(error);
            }
        },
    };
    let tokens = call.api.identity.open_session(&user, call.hint()).await?;
    Ok(Made { at: "/api/v1/auth/me".to_owned(), what: LoggedInResponse::of(&user, tokens, organization) })
}

/// What somebody knows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Login)]
pub(in crate::http) struct LoginRequest {
    #[schema(max_length = 254, example = "ann@example.org")]
    email: String,
    #[schema(max_length = 256)]
    password: String,
}

/// Logs in.
pub(in crate::http) async fn login(call: Call, Json(who): Json<LoginRequest>) -> Result<Shown<LoggedInResponse>, ApiError> {
    let session = call.api.identity.login(&who.email, &who.password, call.hint()).await;
    let logins = &call.api.logins;
    if session.is_ok() {
        logins.succeeded.inc()
    } else {
        logins.refused.inc()
    };
    let session = session?;
    Ok(Shown(LoggedInResponse::of(&session.user, session.tokens, None)))
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Refresh)]
pub(in crate::http) struct RefreshRequest {
    refresh_token: String,
}

/// A new pair of tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(in crate::http) struct TokensResponse {
    access_token: String,
    refresh_token: String,
    /// Seconds until the access token expires
    expires_in: u64,
}

/// Gives a new pair of tokens for a refresh token, which is used up by that. One that is used twice was stolen: its whole
/// session ends.
pub(in crate::http) async fn refresh(call: Call, Json(old): Json<RefreshRequest>) -> Result<Shown<TokensResponse>, ApiError> {
    let tokens = call.api.identity.refresh(&old.refresh_token).await?;
    Ok(Shown(TokensResponse {
        access_token: tokens.access_token.expose().to_owned(),
        refresh_token: tokens.refresh_token.expose().to_owned(),
        expires_in: tokens.expires_in,
    }))
}

/// Ends the session of the access token.
pub(in crate::http) async fn logout(call: Call, (): ()) -> Result<Done, ApiError> {
    if let Some(session) = call.session() {
        call.api.identity.revoke(call.person().id, session).await?;
    }
    Ok(Done)
}

/// Who you are.
pub(in crate::http) async fn me(call: Call, (): ()) -> Result<Shown<UserResponse>, ApiError> {
    Ok(Shown(call.person().as_ref().into()))
}

/// A change of a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub(in crate::http) struct PasswordRequest {
    #[schema(max_length = 256)]
    old_password: String,
    #[schema(min_length = 8, max_length = 256)]
    new_password: String,
}

/// Changes the password and ends every other session.
pub(in crate::http) async fn password(call: Call, Json(change): Json<PasswordRequest>) -> Result<Done, ApiError> {
    let identity = &call.api.identity;
    let PasswordRequest { old_password, new_password } = change;
    identity.change_password(call.person().id, old_password, new_password, call.session(), call.hint()).await?;
    Ok(Done)
}

/// Somewhere you are logged in.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(in crate::http) struct SessionResponse {
    id: Uuid,
    /// Whether it is the one that asks
    current: bool,
    user_agent: Option<String>,
    address: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Where you are logged in, last used first.
pub(in crate::http) async fn sessions(call: Call, Query(page): Query<PageQuery>) -> Result<List<SessionResponse>, ApiError> {
    let sessions = call.api.identity.sessions(call.person().id).await?;
    let current = call.session();
    let place = |session: &SessionInfo| Place(-session.last_used_at.millis(), (session.id.as_u128() & 0xffff_ffff) as i64);
    page.of(sessions, place, |session| SessionResponse {
        id: session.id,
        current: Some(session.id) == current,
        user_agent: session.user_agent,
        address: session.address,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
    })
}

/// Logs out somewhere else.
pub(in crate::http) async fn end_session(call: Call, (): ()) -> Result<Done, ApiError> {
    let session = call.id("id", "unknown_session")?;
    if !call.api.identity.revoke(call.person().id, session).await? {
        return Err(ApiError::unknown("unknown_session", "there is no such session"));
    }
    Ok(Done)
}
