//! `/orgs/{org}/maintenances`: planned work. The same entity as an incident, with a life of its own.

use super::incident_view::IncidentResponse;
use super::incidents::{
    AffectedRequest, IncidentChangeRequest, IncidentsQuery, MessageRequest, NewUpdateRequest, affected, change_of, delete_of, open,
    post_update_of, shown,
};
use crate::http::{
    answer::{Done, Made, Shown},
    call::{Call, Json, Query},
    cursor::List,
    error::ApiError,
};
use crate::words;
use serde::Deserialize;
use tocsin_actors::domain::{
    Command, IncidentId, Timestamp, UpdateId,
    command::NewIncident,
    entities::Metadata,
    status::{Impact, IncidentStatus, Kind, Visibility},
};
use utoipa::ToSchema;

/// A page of the maintenances, newest first.
pub(in crate::http) async fn list(call: Call, Query(query): Query<IncidentsQuery>) -> Result<List<IncidentResponse>, ApiError> {
    query.page(call.org(), Kind::Maintenance, |incident| incident.into())
}

/// One maintenance.
pub(in crate::http) async fn get(call: Call, (): ()) -> Result<Shown<IncidentResponse>, ApiError> {
    Ok(Shown(call.incident(Kind::Maintenance)?.1.as_ref().into()))
}

/// A maintenance to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMaintenance)]
pub(in crate::http) struct NewMaintenanceRequest {
    #[schema(min_length = 1, max_length = 200, example = "Database upgrade")]
    title: String,
    #[serde(default)]
    #[schema(max_length = 5000)]
    description: String,
    /// `none` when left out
    #[serde(default)]
    #[schema(schema_with = words::maybe_impact)]
    impact: Option<Impact>,
    #[serde(default)]
    #[schema(schema_with = words::maybe_visibility)]
    visibility: Option<Visibility>,
    #[serde(default)]
    #[schema(max_items = 500)]
    affected: Vec<AffectedRequest>,
    #[schema(value_type = String, format = DateTime)]
    scheduled_start: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    scheduled_end: Timestamp,
    /// Whether it begins and ends by itself; true when left out
    #[serde(default)]
    automatic: Option<bool>,
    /// The first entry of the timeline
    #[serde(default)]
    #[schema(max_length = 20000)]
    message: Option<String>,
    #[serde(default)]
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

/// Plans a maintenance.
pub(in crate::http) async fn create(
    call: Call,
    Json(new): Json<NewMaintenanceRequest>,
) -> Result<Made<IncidentResponse>, ApiError> {
    let new = NewIncident {
        id: IncidentId::new(call.new_id()),
        title: new.title,
        description: new.description,
        status: IncidentStatus::Scheduled,
        impact: new.impact.unwrap_or(Impact::None),
        visibility: new.visibility.unwrap_or(Visibility::Public),
        affected: affected(call.org(), new.affected)?,
        started_at: None,
        resolved_at: None,
        scheduled_start: Some(new.scheduled_start),
        scheduled_end: Some(new.scheduled_end),
        automatic: new.automatic.unwrap_or(true),
        update: new.message.map(|message| (UpdateId::new(call.new_id()), message)),
        metadata: new.metadata,
    };
    open(&call, new).await
}

/// Changes a maintenance.
pub(in crate::http) async fn change(call: Call, input: Json<IncidentChangeRequest>) -> Result<Shown<IncidentResponse>, ApiError> {
    change_of(call, Kind::Maintenance, input).await
}

/// Deletes a maintenance with its timeline.
pub(in crate::http) async fn delete(call: Call, (): ()) -> Result<Done, ApiError> {
    delete_of(call, Kind::Maintenance).await
}

/// Adds an entry to the timeline.
pub(in crate::http) async fn post_update(call: Call, input: Json<NewUpdateRequest>) -> Result<Made<IncidentResponse>, ApiError> {
    post_update_of(call, Kind::Maintenance, input).await
}

/// Begins it now.
pub(in crate::http) async fn start(call: Call, input: Json<MessageRequest>) -> Result<Shown<IncidentResponse>, ApiError> {
    go(call, IncidentStatus::InProgress, input.0).await
}

/// Ends it now.
pub(in crate::http) async fn complete(call: Call, input: Json<MessageRequest>) -> Result<Shown<IncidentResponse>, ApiError> {
    go(call, IncidentStatus::Completed, input.0).await
}

/// Calls it off, or breaks it off.
pub(in crate::http) async fn cancel(call: Call, input: Json<MessageRequest>) -> Result<Shown<IncidentResponse>, ApiError> {
    go(call, IncidentStatus::Cancelled, input.0).await
}

async fn go(call: Call, to: IncidentStatus, last: MessageRequest) -> Result<Shown<IncidentResponse>, ApiError> {
    let (id, _) = call.incident(Kind::Maintenance)?;
    let command = Command::MoveMaintenance { id, to, update: UpdateId::new(call.new_id()), message: last.message };
    let (_, org) = call.execute(command).await?;
    shown(&org, id)
}
