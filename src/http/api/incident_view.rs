//! What an incident or a maintenance looks like to its organization. Visitors see less: see `public`.

use crate::words;
use serde::Serialize;
use tocsin_actors::domain::{
    Incident, ServiceId, Timestamp,
    entities::Metadata,
    incident::{Affected, AffectedChange, Postmortem, Update},
    status::{Impact, IncidentStatus, Kind, ServiceStatus, Visibility},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// An incident or a maintenance with its timeline.
#[derive(Serialize, ToSchema)]
#[schema(as = Incident)]
pub(in crate::http) struct IncidentResponse {
    id: Uuid,
    /// A short number, unique in the organization
    number: u32,
    #[schema(schema_with = words::kind)]
    kind: Kind,
    title: String,
    description: String,
    #[schema(schema_with = words::incident_status)]
    status: IncidentStatus,
    #[schema(schema_with = words::impact)]
    impact: Impact,
    #[schema(schema_with = words::visibility)]
    visibility: Visibility,
    affected: Vec<AffectedResponse>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    identified_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    monitoring_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_start: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_end: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    actual_start: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    actual_end: Option<Timestamp>,
    /// Whether a maintenance begins and ends by itself
    automatic: bool,
    /// The timeline, oldest first
    updates: Vec<UpdateResponse>,
    postmortem: Option<PostmortemResponse>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

/// A service that an incident touches.
#[derive(Serialize, ToSchema)]
#[schema(as = Affected)]
pub(in crate::http) struct AffectedResponse {
    /// Null for a service that is known by its name only
    service_id: Option<Uuid>,
    name: String,
    /// The status that the incident gives it while it lasts; null leaves the service alone
    #[schema(schema_with = words::maybe_service_status)]
    status: Option<ServiceStatus>,
}

/// An entry of the timeline.
#[derive(Serialize, ToSchema)]
#[schema(as = Update)]
pub(in crate::http) struct UpdateResponse {
    id: Uuid,
    number: u32,
    #[schema(schema_with = words::incident_status)]
    status: IncidentStatus,
    message: String,
    /// `system`, `user:<id>` or `key:<id>`
    author: String,
    /// The time people see
    #[schema(value_type = String, format = DateTime)]
    shown_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// What it changed of affected services
    affected: Vec<AffectedChangeResponse>,
}

/// What an entry of the timeline changed of an affected service.
#[derive(Serialize, ToSchema)]
#[schema(as = AffectedChange)]
pub(in crate::http) struct AffectedChangeResponse {
    service_id: Option<Uuid>,
    name: String,
    #[schema(schema_with = words::maybe_service_status)]
    from: Option<ServiceStatus>,
    #[schema(schema_with = words::maybe_service_status)]
    to: Option<ServiceStatus>,
}

/// What was learned afterwards.
#[derive(Serialize, ToSchema)]
#[schema(as = Postmortem)]
pub(in crate::http) struct PostmortemResponse {
    /// Markdown
    body: String,
    author: String,
    #[schema(value_type = String, format = DateTime)]
    published_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<&Affected> for AffectedResponse {
    fn from(affected: &Affected) -> Self {
        Self { service_id: affected.service.map(ServiceId::uuid), name: affected.name.clone(), status: affected.status }
    }
}

impl From<&AffectedChange> for AffectedChangeResponse {
    fn from(change: &AffectedChange) -> Self {
        Self { service_id: change.service.map(ServiceId::uuid), name: change.name.clone(), from: change.from, to: change.to }
    }
}

impl From<&Update> for UpdateResponse {
    fn from(update: &Update) -> Self {
        Self {
            id: update.id.uuid(),
            number: update.number,
            status: update.status,
            message: update.message.clone(),
            author: words::author(update.author),
            shown_at: update.shown_at,
            created_at: update.created_at,
            updated_at: update.updated_at,
            affected: update.affected.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Postmortem> for PostmortemResponse {
    fn from(postmortem: &Postmortem) -> Self {
        Self {
            body: postmortem.body.clone(),
            author: words::author(postmortem.author),
            published_at: postmortem.published_at,
            updated_at: postmortem.updated_at,
        }
    }
}

impl From<&Incident> for IncidentResponse {
    fn from(incident: &Incident) -> Self {
        Self {
            id: incident.id.uuid(),
            number: incident.number,
            kind: incident.kind(),
            title: incident.title.clone(),
            description: incident.description.clone(),
            status: incident.status,
            impact: incident.impact,
            visibility: incident.visibility,
            affected: incident.affected.iter().map(Into::into).collect(),
            started_at: incident.started_at,
            identified_at: incident.identified_at,
            monitoring_at: incident.monitoring_at,
            resolved_at: incident.resolved_at,
            scheduled_start: incident.scheduled_start,
            scheduled_end: incident.scheduled_end,
            actual_start: incident.actual_start,
            actual_end: incident.actual_end,
            automatic: incident.automatic,
            updates: incident.updates.iter().map(Into::into).collect(),
            postmortem: incident.postmortem.as_ref().map(Into::into),
            created_at: incident.created_at,
            updated_at: incident.updated_at,
            created_by: words::author(incident.created_by),
            metadata: incident.metadata.clone(),
        }
    }
}
