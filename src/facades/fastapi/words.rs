//! Its words for ours.

use tocsin_actors::domain::status::{Impact, IncidentStatus, ServiceStatus};

pub(super) const SERVICE_STATUSES: &[(&str, ServiceStatus)] = &[
    ("operational", ServiceStatus::Operational),
    ("degraded", ServiceStatus::DegradedPerformance),
    ("partial_outage", ServiceStatus::PartialOutage),
    ("major_outage", ServiceStatus::MajorOutage),
    ("maintenance", ServiceStatus::UnderMaintenance),
];

pub(super) const INCIDENT_STATUSES: &[(&str, IncidentStatus)] = &[
    ("investigating", IncidentStatus::Investigating),
    ("identified", IncidentStatus::Identified),
    ("monitoring", IncidentStatus::Monitoring),
    ("resolved", IncidentStatus::Resolved),
];

pub(super) const IMPACTS: &[(&str, Impact)] = &[("minor", Impact::Minor), ("major", Impact::Major), ("critical", Impact::Critical)];

pub(super) const fn service_status(status: ServiceStatus) -> &'static str {
    match status {
        ServiceStatus::Operational => "operational",
        ServiceStatus::UnderMaintenance => "maintenance",
        ServiceStatus::DegradedPerformance => "degraded",
        ServiceStatus::PartialOutage => "partial_outage",
        ServiceStatus::MajorOutage => "major_outage",
    }
}

/// Its front end breaks at any other word. An update of an incident may be from when it was a maintenance.
pub(super) const fn incident_status(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Investigating => "investigating",
        IncidentStatus::Identified | IncidentStatus::Scheduled | IncidentStatus::InProgress => "identified",
        IncidentStatus::Monitoring | IncidentStatus::Verifying => "monitoring",
        IncidentStatus::Resolved | IncidentStatus::Completed | IncidentStatus::Cancelled => "resolved",
    }
}

/// It has no word for none at all.
pub(super) const fn impact(impact: Impact) -> &'static str {
    match impact {
        Impact::None | Impact::Minor => "minor",
        Impact::Major => "major",
        Impact::Critical => "critical",
    }
}

/// What an incident of this impact makes of a service.
pub(super) const fn given_by(impact: Impact) -> ServiceStatus {
    match impact {
        Impact::None | Impact::Minor => ServiceStatus::DegradedPerformance,
        Impact::Major => ServiceStatus::PartialOutage,
        Impact::Critical => ServiceStatus::MajorOutage,
    }
}
