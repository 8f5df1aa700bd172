//! `/orgs/{org}/members`: who belongs to an organization, and in which role.

use crate::http::{
    Api,
    answer::{Done, Made, Shown},
    call::{Call, Json, Query},
    cursor::{List, PageQuery, Place},
    error::ApiError,
};
use crate::words;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{
        Command, MemberId, Org, Rejection, Role, Timestamp, UserId,
        edit::Edit,
        entities::{Member, Metadata},
    },
    store::UserKey,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// How many users are looked up at once for a page of members.
const AT_ONCE: usize = 16;

/// Somebody's place in the organization.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(in crate::http) struct MemberResponse {
    /// The membership's own id
    id: Uuid,
    number: u32,
    user_id: Uuid,
    /// Null when the account is gone
    email: Option<String>,
    name: Option<String>,
    #[schema(schema_with = words::role)]
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

impl MemberResponse {
    fn of(member: &Member, user: Option<&User>) -> Self {
        Self {
            id: member.id.uuid(),
            number: member.number,
            user_id: member.user.uuid(),
            email: user.map(|user| user.email.clone()),
            name: user.map(User::shown_name),
            role: member.role,
            created_at: member.created_at,
            updated_at: member.updated_at,
            created_by: words::author(member.created_by),
            metadata: member.metadata.clone(),
        }
    }

    async fn find(api: &Api, org: &Org, user: UserId) -> Result<Self, ApiError> {
        let member = org.members().get(&user).ok_or(Rejection::UnknownMember(user))?;
        Ok(Self::of(member, api.store.user(user).await?.as_ref()))
    }
}

/// A page of the members, oldest first.
pub(in crate::http) async fn list(call: Call, Query(page): Query<PageQuery>) -> Result<List<MemberResponse>, ApiError> {
    let place = |member: &&Arc<Member>| Place(i64::from(member.number), 0);
    let List { items, next } = page.of(call.org().members().values(), place, Arc::clone)?;
    let store = &call.api.store;
    let one = |member: Arc<Member>| async move {
        let user = store.user(member.user).await?;
        Ok::<_, ApiError>(MemberResponse::of(&member, user.as_ref()))
    };
    let items = futures::stream::iter(items).map(one).buffered(AT_ONCE).try_collect().await?;
    Ok(List { items, next })
}

/// One member.
pub(in crate::http) async fn get(call: Call, (): ()) -> Result<Shown<MemberResponse>, ApiError> {
    let user = call.id("user", "unknown_member")?;
    Ok(Shown(MemberResponse::find(&call.api, call.org(), user).await?))
}

/// A member to be, named by one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMember)]
pub(in crate::http) struct NewMemberRequest {
    #[serde(default)]
    #[schema(max_length = 254)]
    email: Option<String>,
    #[serde(default)]
    user_id: Option<Uuid>,
    #[schema(schema_with = words::role)]
    role: Role,
    #[serde(default)]
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

/// Lets somebody in who has an account. Others are invited.
pub(in crate::http) async fn add(call: Call, Json(new): Json<NewMemberRequest>) -> Result<Made<MemberResponse>, ApiError> {
    let (user, field) = match (new.user_id, new.email) {
        (Some(id), None) => (call.api.store.user(UserId::new(id)).await?, "user_id"),
        (None, Some(email)) => (call.api.store.find_user(UserKey::Email(email)).await?, "email"),
        _ => return Err(ApiError::refused("invalid", "email", "name the user by `email` or by `user_id`, by one of them")),
    };
    let message = "nobody has an account like this: invite them at `/invites`";
    let user = user.ok_or_else(|| ApiError::refused("unknown_user", field, message))?;
    let id = MemberId::new(call.new_id());
    let command = Command::AddMember { id, user: user.id, role: new.role, metadata: new.metadata };
    let (_, org) = call.execute(command).await?;
    call.api.store.settle().await?; // so that the organization is in the new member's list at once
    Ok(Made { at: user.id.to_string(), what: MemberResponse::find(&call.api, &org, user.id).await? })
}

/// A change of a membership: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberChange)]
pub(in crate::http) struct MemberChangeRequest {
    #[serde(default)]
    #[schema(schema_with = words::role, required = false)]
    role: Edit<Role>,
    #[serde(default)]
    #[schema(schema_with = words::metadata, required = false)]
    metadata: Edit<Metadata>,
}

/// Changes a member's role.
pub(in crate::http) async fn change(
    call: Call,
    Json(change): Json<MemberChangeRequest>,
) -> Result<Shown<MemberResponse>, ApiError> {
    let user = call.id("user", "unknown_member")?;
    let (_, org) = call.execute(Command::ChangeMember { user, role: change.role, metadata: change.metadata }).await?;
    Ok(Shown(MemberResponse::find(&call.api, &org, user).await?))
}

/// Ends a membership: somebody else's, or one's own.
pub(in crate::http) async fn remove(call: Call, (): ()) -> Result<Done, ApiError> {
    let user = call.id("user", "unknown_member")?;
    call.execute(Command::RemoveMember { user }).await?;
    call.api.store.settle().await?; // so that it is gone from the list of who left
    Ok(Done)
}
