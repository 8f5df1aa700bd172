//! Its services and incidents.

use super::words::{self, ORGANIZATION, TENANT, UPTIME};
use serde::Serialize;
use tocsin_actors::domain::{
    Incident, Timestamp,
    entities::{Scalar, Service},
};
use uuid::Uuid;

#[derive(Serialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceShape<'a> {
    id: Uuid,
    name: &'a str,
    description: &'a str,
    status: &'static str,
    uptime: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    last_updated: Timestamp,
}

impl<'a> From<&'a Service> for ServiceShape<'a> {
    fn from(service: &'a Service) -> Self {
        Self {
            id: service.id.uuid(),
            name: &service.name,
            description: &service.description,
            status: words::service_status(service.status),
            uptime: uptime(service),
            organization_id: words::beside(&service.metadata, ORGANIZATION),
            tenant_id: words::beside(&service.metadata, TENANT),
            last_updated: service.last_changed(),
        }
    }
}

/// In percent, as somebody said.
pub(super) fn uptime(service: &Service) -> f64 {
    match service.metadata.get(UPTIME) {
        Some(Scalar::Float(percent)) => *percent,
        Some(Scalar::Int(percent)) => *percent as f64,
        _ => 100.0,
    }
}

#[derive(Serialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct IncidentShape<'a> {
    id: Uuid,
    title: &'a str,
    description: &'a str,
    status: &'static str,
    impact: &'static str,
    affected_services: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
    updates: Vec<UpdateShape<'a>>,
}

#[derive(Serialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateShape<'a> {
    id: Uuid,
    status: &'static str,
    message: &'a str,
    created_at: Timestamp,
}

impl<'a> From<&'a Incident> for IncidentShape<'a> {
    fn from(incident: &'a Incident) -> Self {
        Self {
            id: incident.id.uuid(),
            title: &incident.title,
            description: &incident.description,
            status: words::incident_status(incident.status),
            impact: words::impact(incident.impact),
            affected_services: incident.affected.iter().map(|affected| affected.name.as_str()).collect(),
            organization_id: words::beside(&incident.metadata, ORGANIZATION),
            tenant_id: words::beside(&incident.metadata, TENANT),
            created_at: incident.started_at,
            updated_at: incident.updated_at,
            updates: incident.updates.iter().map(UpdateShape::from).collect(),
        }
    }
}

impl<'a> From<&'a tocsin_actors::domain::incident::Update> for UpdateShape<'a> {
    fn from(update: &'a tocsin_actors::domain::incident::Update) -> Self {
        Self {
            id: update.id.uuid(),
            status: words::incident_status(update.status),
            message: &update.message,
            created_at: update.shown_at,
        }
    }
}
