//! What it shows, in the order of its fields.

use super::{
    ids::shown,
    people::People,
    tenant::Tenant,
    words::{self, Group, TYPE},
};
use serde::{Serialize, Serializer};
use std::{borrow::Cow, sync::Arc};
use tocsin_actors::domain::{
    Incident, Org, Timestamp,
    entities::{Scalar, Service},
    incident::Update,
    status::{IncidentStatus, Visibility},
};
use uuid::Uuid;

/// Several things, each under its name, in this order.
pub(super) struct Each<'a, T>(pub(super) Vec<(&'a str, T)>);

impl<T: Serialize> Serialize for Each<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, thing)| (name, thing)))
    }
}

/// Where it is shown, and who made it.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) org: &'a Org,
    pub(super) people: &'a People,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceShape<'a> {
    #[serde(flatten)]
    id: Ids,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    status: &'static str,
    group: &'a str,
    organization_id: &'a str,
    created_by: Cow<'a, str>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(rename = "__v")]
    version: u8,
}

/// As the original names them, and as everybody else does.
#[derive(Serialize)]
pub(super) struct Ids {
    #[serde(rename = "_id")]
    object_id: String,
    id: String,
}

impl From<Uuid> for Ids {
    fn from(id: Uuid) -> Self {
        let id = shown(id);
        Self { object_id: id.clone(), id }
    }
}

/// The heading under which a service stands.
pub(super) fn group<'a>(org: &'a Org, service: &Service) -> &'a str {
    let group = service.group.and_then(|group| org.groups().get(&group));
    group.map_or(Group::OTHER, |group| group.name.as_str())
}

impl<'a> ServiceShape<'a> {
    pub(super) fn of(service: &'a Service, Scene { tenant, org, people }: Scene<'a>) -> Self {
        Self {
            id: service.id.uuid().into(),
            name: &service.name,
            description: &service.description,
            status: words::service_status(service.status),
            group: group(org, service),
            organization_id: &tenant.called,
            created_by: people.name(service.created_by),
            created_at: service.created_at,
            updated_at: service.last_changed(),
            version: 0,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IncidentShape<'a> {
    #[serde(flatten)]
    id: Ids,
    title: &'a str,
    r#type: &'a str,
    status: &'static str,
    impact: &'static str,
    services: Vec<AffectedShape<'a>>,
    updates: Vec<UpdateShape<'a>>,
    organization_id: &'a str,
    created_by: Cow<'a, str>,
    start_date: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(rename = "__v")]
    version: u8,
}

impl<'a> IncidentShape<'a> {
    pub(super) fn of(incident: &'a Incident, Scene { tenant, org, people }: Scene<'a>) -> Self {
        let r#type = match incident.metadata.get(TYPE) {
            Some(Scalar::Text(r#type)) => r#type,
            _ => words::Type::INCIDENT,
        };
        Self {
            id: incident.id.uuid().into(),
            title: &incident.title,
            r#type,
            status: words::incident_status(incident.status),
            impact: incident.impact.as_str(),
            services: affected(incident, org),
            updates: incident.updates.iter().map(|update| UpdateShape::of(update, words::incident_status, people)).collect(),
            organization_id: &tenant.called,
            created_by: people.name(incident.created_by),
            start_date: incident.started_at,
            created_at: incident.created_at,
            updated_at: incident.updated_at,
            version: 0,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MaintenanceShape<'a> {
    #[serde(flatten)]
    id: Ids,
    title: &'a str,
    description: &'a str,
    status: &'static str,
    impact: &'static str,
    services: Vec<AffectedShape<'a>>,
    updates: Vec<UpdateShape<'a>>,
    organization_id: &'a str,
    created_by: Cow<'a, str>,
    scheduled_start_date: Timestamp,
    scheduled_end_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_start_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_end_date: Option<Timestamp>,
    is_public: bool,
    notification_sent: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(rename = "__v")]
    version: u8,
}

/// When it is planned for; one that was an incident first has no plan, only a beginning.
pub(super) fn plan(maintenance: &Incident) -> (Timestamp, Timestamp) {
    let start = maintenance.scheduled_start.unwrap_or(maintenance.started_at);
    (start, maintenance.scheduled_end.unwrap_or(start))
}

impl<'a> MaintenanceShape<'a> {
    pub(super) fn of(maintenance: &'a Incident, Scene { tenant, org, people }: Scene<'a>) -> Self {
        let (scheduled_start_date, scheduled_end_date) = plan(maintenance);
        let update = |update| UpdateShape::of(update, words::maintenance_status, people);
        Self {
            id: maintenance.id.uuid().into(),
            title: &maintenance.title,
            description: &maintenance.description,
            status: words::maintenance_status(maintenance.status),
            impact: maintenance.impact.as_str(),
            services: affected(maintenance, org),
            updates: maintenance.updates.iter().map(update).collect(),
            organization_id: &tenant.called,
            created_by: people.name(maintenance.created_by),
            scheduled_start_date,
            scheduled_end_date,
            actual_start_date: maintenance.actual_start,
            actual_end_date: maintenance.actual_end,
            is_public: maintenance.visibility == Visibility::Public,
            notification_sent: false,
            created_at: maintenance.created_at,
            updated_at: maintenance.updated_at,
            version: 0,
        }
    }
}

#[derive(Serialize)]
struct AffectedShape<'a> {
    #[serde(rename = "_id")]
    id: String,
    name: &'a str,
    status: &'static str,
}

/// The services that are still there.
fn affected<'a>(incident: &Incident, org: &'a Org) -> Vec<AffectedShape<'a>> {
    let services = incident.affected.iter().filter_map(|affected| org.services().get(&affected.service?));
    let shape = |service: &'a Arc<Service>| AffectedShape {
        id: shown(service.id.uuid()),
        name: &service.name,
        status: words::service_status(service.status),
    };
    services.map(shape).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpdateShape<'a> {
    #[serde(flatten)]
    id: Ids,
    message: &'a str,
    status: &'static str,
    created_by: Cow<'a, str>,
    created_at: Timestamp,
}

impl<'a> UpdateShape<'a> {
    fn of(update: &'a Update, word: fn(IncidentStatus) -> &'static str, people: &'a People) -> Self {
        Self {
            id: update.id.uuid().into(),
            message: &update.message,
            status: word(update.status),
            created_by: people.name(update.author),
            created_at: update.shown_at,
        }
    }
}
