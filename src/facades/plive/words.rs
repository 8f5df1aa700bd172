//! Its words for ours.

use crate::http::facade::{Asked, Refused};
use serde_json::Value;
use tocsin_actors::domain::{
    entities::{Metadata, Scalar},
    status::{Impact, IncidentStatus, ServiceStatus},
};

/// Where its own organization and tenant stand in our metadata.
pub(super) const ORGANIZATION: &str = "organizationId";
pub(super) const TENANT: &str = "tenantId";
/// What it was told of a service's uptime; it never computes one.
pub(super) const UPTIME: &str = "uptime";

/// It has no word for a maintenance: something is different from usual.
pub(super) const fn service_status(status: ServiceStatus) -> &'static str {
    match status {
        ServiceStatus::Operational => "operational",
        ServiceStatus::UnderMaintenance | ServiceStatus::DegradedPerformance => "degraded",
        ServiceStatus::PartialOutage => "partial",
        ServiceStatus::MajorOutage => "major",
    }
}

pub(super) fn to_service_status(word: &Value) -> Result<ServiceStatus, Refused> {
    Ok(match word.as_str() {
        Some("operational") => ServiceStatus::Operational,
        Some("degraded") => ServiceStatus::DegradedPerformance,
        Some("partial") => ServiceStatus::PartialOutage,
        Some("major") => ServiceStatus::MajorOutage,
        _ => return Err(Refused::new(400, "Status must be one of: operational, degraded, partial, major")),
    })
}

/// An incident that became a maintenance is one that goes on, or is over.
pub(super) const fn incident_status(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Investigating => "investigating",
        IncidentStatus::Identified => "identified",
        IncidentStatus::Monitoring => "monitoring",
        IncidentStatus::Resolved | IncidentStatus::Completed | IncidentStatus::Cancelled => "resolved",
        IncidentStatus::Scheduled | IncidentStatus::InProgress | IncidentStatus::Verifying => "identified",
    }
}

pub(super) fn to_incident_status(word: &Value) -> Result<IncidentStatus, Refused> {
    Ok(match word.as_str() {
        Some("investigating") => IncidentStatus::Investigating,
        Some("identified") => IncidentStatus::Identified,
        Some("monitoring") => IncidentStatus::Monitoring,
        Some("resolved") => IncidentStatus::Resolved,
        _ => return Err(Refused::new(400, "Status must be one of: investigating, identified, monitoring, resolved")),
    })
}

pub(super) const fn impact(impact: Impact) -> &'static str {
    match impact {
        Impact::None | Impact::Minor => "minor",
        Impact::Major => "major",
        Impact::Critical => "critical",
    }
}

pub(super) fn to_impact(word: &Value) -> Result<Impact, Refused> {
    Ok(match word.as_str() {
        Some("minor") => Impact::Minor,
        Some("major") => Impact::Major,
        Some("critical") => Impact::Critical,
        _ => return Err(Refused::new(400, "Impact must be one of: minor, major, critical")),
    })
}

/// A text that stands beside a thing.
pub(super) fn beside<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a str> {
    match metadata.get(name)? {
        Scalar::Text(text) => Some(text),
        _ => None,
    }
}

/// What a client wants to stand beside a new thing.
pub(super) fn metadata(body: &Value) -> Metadata {
    let text = |name: &str| Some((name.to_owned(), Scalar::Text(super::given(body, name)?.as_str()?.to_owned())));
    [ORGANIZATION, TENANT].into_iter().filter_map(text).collect()
}

/// Whose things a query speaks of: an organization's, else a tenant's, else everybody's.
pub(super) struct Wanted {
    organization: Option<String>,
    tenant: Option<String>,
}

impl Wanted {
    pub(super) fn of(asked: &Asked) -> Self {
        Self { organization: asked.query(ORGANIZATION), tenant: asked.query(TENANT) }
    }

    pub(super) fn has(&self, metadata: &Metadata) -> bool {
        match (&self.organization, &self.tenant) {
            (Some(organization), _) => beside(metadata, ORGANIZATION) == Some(organization),
            (None, Some(tenant)) => beside(metadata, TENANT) == Some(tenant),
            (None, None) => true,
        }
    }
}
