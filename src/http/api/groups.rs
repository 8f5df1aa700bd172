//! `/orgs/{org}/groups`: the headings under which services stand.

use super::services::ReorderRequest;
use crate::http::{
    answer::{Done, Made, Shown},
    call::{Call, Json, Query},
    cursor::{List, PageQuery, Place},
    error::ApiError,
};
use crate::words::{self, Whole};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, GroupId, Rejection, Timestamp,
    command::NamedChange,
    edit::Edit,
    entities::{Metadata, ServiceGroup},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A heading under which services stand.
#[derive(Serialize, ToSchema)]
#[schema(as = Group)]
pub(in crate::http) struct GroupResponse {
    id: Uuid,
    number: u32,
    name: String,
    description: String,
    #[schema(schema_with = words::position)]
    position: Whole,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

impl From<&ServiceGroup> for GroupResponse {
    fn from(group: &ServiceGroup) -> Self {
        Self {
            id: group.id.uuid(),
            number: group.number,
            name: group.name.clone(),
            description: group.description.clone(),
            position: Whole(group.position),
            created_at: group.created_at,
            updated_at: group.updated_at,
            created_by: words::author(group.created_by),
            metadata: group.metadata.clone(),
        }
    }
}

/// A page of the groups, in the order in which they stand on the page.
pub(in crate::http) async fn list(call: Call, Query(page): Query<PageQuery>) -> Result<List<GroupResponse>, ApiError> {
    let place = |group: &&Arc<ServiceGroup>| Place(i64::from(group.position), i64::from(group.number));
    page.of(call.org().groups().values(), place, |group| group.as_ref().into())
}

fn group(call: &Call) -> Result<(GroupId, &Arc<ServiceGroup>), ApiError> {
    let id = call.id("id", "unknown_group")?;
    Ok((id, call.org().groups().get(&id).ok_or(Rejection::UnknownGroup(id))?))
}

/// One group.
pub(in crate::http) async fn get(call: Call, (): ()) -> Result<Shown<GroupResponse>, ApiError> {
    Ok(Shown(group(&call)?.1.as_ref().into()))
}

/// A group to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGroup)]
pub(in crate::http) struct NewGroupRequest {
    #[schema(min_length = 1, max_length = 200, example = "Platform")]
    name: String,
    #[serde(default)]
    #[schema(max_length = 5000)]
    description: String,
    /// Its place among the groups; behind all others when left out
    #[serde(default)]
    #[schema(schema_with = words::maybe_position)]
    position: Option<Whole>,
    #[serde(default)]
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

/// Makes a group.
pub(in crate::http) async fn create(call: Call, Json(new): Json<NewGroupRequest>) -> Result<Made<GroupResponse>, ApiError> {
    let NewGroupRequest { name, description, position, metadata } = new;
    let id = GroupId::new(call.new_id());
    let position = position.map(|position| position.0);
    let (receipt, org) = call.execute(Command::CreateGroup { id, name, description, position, metadata }).await?;
    let id = receipt.created.map_or(id, GroupId::new);
    let group = org.groups().get(&id).ok_or(Rejection::UnknownGroup(id))?;
    Ok(Made { at: id.to_string(), what: group.as_ref().into() })
}

/// A change of a group: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupChange)]
pub(in crate::http) struct GroupChangeRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    name: Edit<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 5000)]
    description: Edit<String>,
    #[serde(default)]
    #[schema(schema_with = words::position, required = false)]
    position: Edit<Whole>,
    #[serde(default)]
    #[schema(schema_with = words::metadata, required = false)]
    metadata: Edit<Metadata>,
}

/// Changes a group.
pub(in crate::http) async fn change(call: Call, Json(change): Json<GroupChangeRequest>) -> Result<Shown<GroupResponse>, ApiError> {
    let (id, _) = group(&call)?;
    let named = NamedChange { name: change.name, description: change.description, metadata: change.metadata };
    let position = change.position.map(|position| position.0);
    let (_, org) = call.execute(Command::ChangeGroup { id, change: Box::new(named), position }).await?;
    Ok(Shown(org.groups().get(&id).ok_or(Rejection::UnknownGroup(id))?.as_ref().into()))
}

/// Deletes a group. Its services stay.
pub(in crate::http) async fn delete(call: Call, (): ()) -> Result<Done, ApiError> {
    let (id, _) = group(&call)?;
    call.execute(Command::DeleteGroup { id }).await?;
    Ok(Done)
}

/// Puts groups in order.
pub(in crate::http) async fn reorder(call: Call, Json(order): Json<ReorderRequest>) -> Result<Done, ApiError> {
    let command = Command::ReorderGroups { ids: order.ids.into_iter().map(GroupId::new).collect() };
    call.execute(command).await.map_err(|error| error.about("group_id", "ids"))?;
    Ok(Done)
}
