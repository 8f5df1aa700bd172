//! Its words for ours.

use crate::http::facade::Refused;
use tocsin_actors::domain::{
    entities::{Member, Metadata, Scalar},
    status::{IncidentStatus, Kind, Role, ServiceStatus},
};

/// Where a role stands that is none of ours.
const ROLE: &str = "role";
const LONGEST_ROLE: usize = 100;

/// The one status of an incident that goes on.
pub(super) const OPEN: &str = "OPEN";
const RESOLVED: &str = "RESOLVED";
const MAINTENANCE: &str = "MAINTENANCE";

/// It has no word for a maintenance of a service: something is different from usual.
pub(super) const fn service_status(status: ServiceStatus) -> &'static str {
    match status {
        ServiceStatus::Operational => "OPERATIONAL",
        ServiceStatus::UnderMaintenance | ServiceStatus::DegradedPerformance => "DEGRADED",
        ServiceStatus::PartialOutage => "PARTIAL_OUTAGE",
        ServiceStatus::MajorOutage => "MAJOR_OUTAGE",
    }
}

pub(super) fn to_service_status(word: &str) -> Result<ServiceStatus, Refused> {
    Ok(match word {
        "OPERATIONAL" => ServiceStatus::Operational,
        "DEGRADED" => ServiceStatus::DegradedPerformance,
        "PARTIAL_OUTAGE" => ServiceStatus::PartialOutage,
        "MAJOR_OUTAGE" => ServiceStatus::MajorOutage,
        _ => return Err(Refused::new(400, "status must be one of: OPERATIONAL, DEGRADED, PARTIAL_OUTAGE, MAJOR_OUTAGE")),
    })
}

pub(super) const fn incident_status(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Investigating | IncidentStatus::Identified | IncidentStatus::Monitoring => OPEN,
        IncidentStatus::Resolved | IncidentStatus::Completed | IncidentStatus::Cancelled => RESOLVED,
        IncidentStatus::Scheduled | IncidentStatus::InProgress | IncidentStatus::Verifying => MAINTENANCE,
    }
}

/// What a word means for something that has this status: what it says already stays as fine as it is, and a maintenance
/// ends as one.
pub(super) fn to_incident_status(word: &str, now: IncidentStatus) -> Result<IncidentStatus, Refused> {
    Ok(match (word, now.kind()) {
        _ if word == incident_status(now) => now,
        (OPEN, _) => IncidentStatus::Investigating,
        (RESOLVED, Kind::Incident) => IncidentStatus::Resolved,
        (RESOLVED, Kind::Maintenance) => IncidentStatus::Completed,
        (MAINTENANCE, _) => IncidentStatus::InProgress,
        _ => return Err(Refused::new(400, "status must be one of: OPEN, RESOLVED, MAINTENANCE")),
    })
}

/// As it was said here, as long as nobody gave them a better one elsewhere.
pub(super) fn role(member: &Member) -> &str {
    match (member.role, member.metadata.get(ROLE)) {
        (Role::Viewer, Some(Scalar::Text(role))) => role,
        (role, _) => role.as_str(),
    }
}

/// Any text is a role there. One that is none of ours allows the least.
pub(super) fn to_role(word: &str) -> Result<(Role, Metadata), Refused> {
    if let Ok(role) = word.parse() {
        return Ok((role, Metadata::new()));
    }
    if word.chars().count() > LONGEST_ROLE || word.chars().any(char::is_control) {
        return Err(Refused::new(400, format!("role must be a single line of at most {LONGEST_ROLE} characters")));
    }
    Ok((Role::Viewer, Metadata::from([(ROLE.to_owned(), Scalar::Text(word.to_owned()))])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_changes_nothing() {
        for status in IncidentStatus::ALL {
            assert_eq!(to_incident_status(incident_status(*status), *status).unwrap(), *status);
        }
        assert_eq!(to_incident_status(RESOLVED, IncidentStatus::InProgress).unwrap(), IncidentStatus::Completed);
        assert_eq!(to_incident_status(OPEN, IncidentStatus::Completed).unwrap(), IncidentStatus::Investigating);
        assert_eq!(to_incident_status(MAINTENANCE, IncidentStatus::Identified).unwrap(), IncidentStatus::InProgress);
        assert!(to_incident_status("open", IncidentStatus::Resolved).is_err());
    }
}
