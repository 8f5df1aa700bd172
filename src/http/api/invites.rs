//! Invitations: a link by which somebody joins an organization, with or without an account.

use super::{
    auth::{LoggedInResponse, RegisterRequest, new_user},
    organizations::OrganizationResponse,
};
use crate::{
    http::{
        answer::{Done, Made, Shown},
        call::{Call, Json, Query},
        cursor::{List, PageQuery, Place},
        error::ApiError,
    },
    identity::{AcceptError, InviteInfo, Refused, Who},
    words,
};
use serde::{Deserialize, Serialize};
use tocsin_actors::{
    accounts::{check_email, folded},
    domain::{Command, MemberId, Order, Rejection, Role, Timestamp},
    org::OrgError,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// An invitation.
#[derive(Serialize, ToSchema)]
#[schema(as = Invite)]
pub(in crate::http) struct InviteResponse {
    id: Uuid,
    email: String,
    #[schema(schema_with = words::role)]
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whoever has it can join. Shown this once
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// The address at which it is accepted, to be given to the invited
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl From<InviteInfo> for InviteResponse {
    fn from(invite: InviteInfo) -> Self {
        Self {
            id: invite.id,
            email: invite.email,
            role: invite.role,
            created_at: invite.created_at,
            created_by: words::author(invite.created_by),
            expires_at: invite.expires_at,
            token: None,
            link: None,
        }
    }
}

/// A page of the open invitations, oldest first.
pub(in crate::http) async fn list(call: Call, Query(page): Query<PageQuery>) -> Result<List<InviteResponse>, ApiError> {
    let invites = call.api.identity.invites(call.org().id()).await?;
    let place = |invite: &InviteInfo| Place(invite.created_at.millis(), (invite.id.as_u128() & 0xffff_ffff) as i64);
    page.of(invites, place, Into::into)
}

/// An invitation to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInvite)]
pub(in crate::http) struct NewInviteRequest {
    #[schema(max_length = 254, example = "ben@example.org")]
    email: String,
    #[schema(schema_with = words::role)]
    role: Role,
}

/// Invites somebody. Nothing is sent: give them the link.
pub(in crate::http) async fn create(call: Call, Json(new): Json<NewInviteRequest>) -> Result<Made<InviteResponse>, ApiError> {
    check_email(&new.email)?;
    call.once().await?;
    let made = call.api.identity.invite(call.org().id(), call.author(), new.email, new.role).await;
    if let Err(Refused::Rule(_)) = &made {
        call.not_done().await?;
    }
    let (invite, token) = made?;
    let token = token.expose().to_owned();
    let link = format!("{}/api/v1/invites/{token}", call.api.settings.public_url.as_deref().unwrap_or_default());
    let response = InviteResponse { token: Some(token), link: Some(link), ..invite.into() };
    Ok(Made { at: response.id.to_string(), what: response })
}

/// Takes an invitation back.
pub(in crate::http) async fn delete(call: Call, (): ()) -> Result<Done, ApiError> {
    let id = call.id("id", "unknown_invite")?;
    if !call.api.identity.delete_invite(call.org().id(), id).await? {
        return Err(ApiError::unknown("unknown_invite", "there is no such invitation"));
    }
    Ok(Done)
}

/// What the invited sees.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(in crate::http) struct InvitationResponse {
    organization: String,
    email: String,
    #[schema(schema_with = words::role)]
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether there is an account with this e-mail address: log in to accept
    has_account: bool,
}

/// The invitation behind a link.
pub(in crate::http) async fn get(call: Call, (): ()) -> Result<Shown<InvitationResponse>, ApiError> {
    let invite = call.api.identity.find_invite(call.word("token")).await?;
    let org = call.view(invite.org).await?;
    let name = org.organization().map(|organization| organization.name.clone()).unwrap_or_default();
    let key = tocsin_actors::store::UserKey::Email(invite.email.clone());
    let has_account = call.api.store.find_user(key).await?.is_some();
    Ok(Shown(InvitationResponse {
        organization: name,
        email: invite.email,
        role: invite.role,
        expires_at: invite.expires_at,
        has_account,
    }))
}

/// How somebody without an account accepts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AcceptInvite)]
pub(in crate::http) struct AcceptRequest {
    /// For a new account; leave it out when you are logged in
    #[serde(default)]
    #[schema(min_length = 8, max_length = 256)]
    password: Option<String>,
    #[serde(default)]
    #[schema(max_length = 200)]
    name: Option<String>,
}

/// Joins: as who is logged in, else with a new account.
pub(in crate::http) async fn accept(call: Call, Json(how): Json<AcceptRequest>) -> Result<Shown<LoggedInResponse>, ApiError> {
    let invite = call.api.identity.find_invite(call.word("token")).await?;
    let org = call.view(invite.org).await?;
    let user = match (call.caller.as_ref().map(|caller| &caller.who), how.password) {
        (Some(Who::User(user)), None) => {
            if folded(&user.email) != folded(&invite.email) {
                return Err(ApiError::forbidden("this invitation is for another e-mail address"));
            }
            user.as_ref().clone()
        }
        (None, Some(password)) => {
            let email = invite.email.clone();
            new_user(&call, &RegisterRequest { email, password, name: how.name, username: None, organization: None }).await?
        }
        (None, None) => return Err(ApiError::unauthorized("unauthorized", "log in, or choose a password for a new account")),
        (Some(Who::Key { .. }), _) => return Err(ApiError::forbidden("an API key cannot join: log in")),
        (Some(Who::User(_)), Some(_)) => return Err(ApiError::refused("invalid", "password", "leave it out: you are logged in")),
    };
    let (api, now, id) = (&call.api, call.now, user.id);
    let join = |invite: InviteInfo| async move {
        let member = MemberId::new(Uuid::new_v5(&invite.id, id.uuid().as_bytes()));
        let command = Command::AddMember { id: member, user: id, role: invite.role, metadata: Default::default() };
        let order = Order { by: invite.created_by, at: now, key: None, only_at: None, command };
        match api.directory.execute(invite.org, vec![order]).await {
            Ok(_) | Err(OrgError::Rejected { rejection: Rejection::AlreadyMember(_), .. }) => Ok(()),
            Err(error) => Err(error),
        }
    };
    call.api.identity.accept_invite(call.word("token"), user.id, join).await.map_err(|error| match error {
        AcceptError::Invite(error) => ApiError::from(error),
        AcceptError::Join(error) => error.into(),
    })?;
    call.api.store.settle().await?;
    let tokens = call.api.identity.open_session(&user, call.hint()).await?;
    let org = call.view(org.id()).await?;
    Ok(Shown(LoggedInResponse::of(&user, tokens, Some(OrganizationResponse::for_role(&org, org.role(user.id))?))))
}
