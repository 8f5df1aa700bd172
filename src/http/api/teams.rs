//! `/orgs/{org}/teams`: people who look after services together. A lead manages the team without being an admin.

use crate::http::{
    answer::{Done, Made, Shown},
    call::{Call, Json, Query},
    cursor::{List, PageQuery, Place},
    error::ApiError,
};
use crate::words;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, Org, Rejection, TeamId, Timestamp, UserId,
    command::NamedChange,
    edit::Edit,
    entities::{Metadata, Team},
    status::TeamRole,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// People who look after services together.
#[derive(Serialize, ToSchema)]
#[schema(as = Team)]
pub(in crate::http) struct TeamResponse {
    id: Uuid,
    number: u32,
    name: String,
    description: String,
    /// In the order of joining
    members: Vec<TeamMemberResponse>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

/// Somebody's place in a team.
#[derive(Serialize, ToSchema)]
#[schema(as = TeamMember)]
pub(in crate::http) struct TeamMemberResponse {
    user_id: Uuid,
    #[schema(schema_with = words::team_role)]
    role: TeamRole,
    #[schema(value_type = String, format = DateTime)]
    joined_at: Timestamp,
}

impl From<&Team> for TeamResponse {
    fn from(team: &Team) -> Self {
        let member = |member: &tocsin_actors::domain::entities::TeamMember| TeamMemberResponse {
            user_id: member.user.uuid(),
            role: member.role,
            joined_at: member.joined_at,
        };
        Self {
            id: team.id.uuid(),
            number: team.number,
            name: team.name.clone(),
            description: team.description.clone(),
            members: team.members.iter().map(member).collect(),
            created_at: team.created_at,
            updated_at: team.updated_at,
            created_by: words::author(team.created_by),
            metadata: team.metadata.clone(),
        }
    }
}

/// A page of the teams, oldest first.
pub(in crate::http) async fn list(call: Call, Query(page): Query<PageQuery>) -> Result<List<TeamResponse>, ApiError> {
    let place = |team: &&Arc<Team>| Place(i64::from(team.number), 0);
    page.of(call.org().teams().values(), place, |team| team.as_ref().into())
}

fn team(call: &Call) -> Result<(TeamId, &Arc<Team>), ApiError> {
    let id = call.id("id", "unknown_team")?;
    Ok((id, call.org().teams().get(&id).ok_or(Rejection::UnknownTeam(id))?))
}

fn shown(org: &Org, id: TeamId) -> Result<TeamResponse, ApiError> {
    Ok(org.teams().get(&id).ok_or(Rejection::UnknownTeam(id))?.as_ref().into())
}

/// One team.
pub(in crate::http) async fn get(call: Call, (): ()) -> Result<Shown<TeamResponse>, ApiError> {
    Ok(Shown(team(&call)?.1.as_ref().into()))
}

/// A team to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTeam)]
pub(in crate::http) struct NewTeamRequest {
    #[schema(min_length = 1, max_length = 200, example = "On call")]
    name: String,
    #[serde(default)]
    #[schema(max_length = 5000)]
    description: String,
    /// A member of the organization who leads it from the start
    #[serde(default)]
    lead: Option<Uuid>,
    #[serde(default)]
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

/// Makes a team.
pub(in crate::http) async fn create(call: Call, Json(new): Json<NewTeamRequest>) -> Result<Made<TeamResponse>, ApiError> {
    let NewTeamRequest { name, description, lead, metadata } = new;
    let id = TeamId::new(call.new_id());
    let command = Command::CreateTeam { id, name, description, lead: lead.map(UserId::new), metadata };
    let (receipt, org) = call.execute(command).await.map_err(|error| error.about("user_id", "lead"))?;
    let id = receipt.created.map_or(id, TeamId::new);
    Ok(Made { at: id.to_string(), what: shown(&org, id)? })
}

/// A change of a team: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TeamChange)]
pub(in crate::http) struct TeamChangeRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    name: Edit<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 5000)]
    description: Edit<String>,
    #[serde(default)]
    #[schema(schema_with = words::metadata, required = false)]
    metadata: Edit<Metadata>,
}

/// Changes a team.
pub(in crate::http) async fn change(call: Call, Json(change): Json<TeamChangeRequest>) -> Result<Shown<TeamResponse>, ApiError> {
    let (id, _) = team(&call)?;
    let change = NamedChange { name: change.name, description: change.description, metadata: change.metadata };
    let (_, org) = call.execute(Command::ChangeTeam { id, change: Box::new(change) }).await?;
    Ok(Shown(shown(&org, id)?))
}

/// Deletes a team. Its services stay.
pub(in crate::http) async fn delete(call: Call, (): ()) -> Result<Done, ApiError> {
    let (id, _) = team(&call)?;
    call.execute(Command::DeleteTeam { id }).await?;
    Ok(Done)
}

/// A role in a team.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TeamRoleChange)]
pub(in crate::http) struct TeamRoleRequest {
    #[schema(schema_with = words::team_role)]
    role: TeamRole,
}

/// Puts a member of the organization into a team, or changes the role there.
pub(in crate::http) async fn set_member(call: Call, Json(new): Json<TeamRoleRequest>) -> Result<Shown<TeamResponse>, ApiError> {
    let (id, _) = team(&call)?;
    let user = call.id("user", "unknown_member")?;
    let (_, org) = call.execute(Command::SetTeamMember { team: id, user, role: new.role }).await?;
    Ok(Shown(shown(&org, id)?))
}

/// Takes somebody out of a team.
pub(in crate::http) async fn remove_member(call: Call, (): ()) -> Result<Done, ApiError> {
    let (id, _) = team(&call)?;
    let user = call.id("user", "unknown_member")?;
    call.execute(Command::RemoveTeamMember { team: id, user }).await?;
    Ok(Done)
}
