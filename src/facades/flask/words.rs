//! Its words for ours.

use super::asking::Body;
use crate::http::facade::Refused;
use std::str::FromStr;
use tocsin_actors::domain::{
    Incident, Role, Slug, SlugError, UpdateId,
    entities::{Metadata, Scalar},
    status::{Impact, IncidentStatus, Kind, ServiceStatus, TeamRole, Visibility},
};
use uuid::Uuid;

/// What was chosen as an incident's type, which with us its status says.
const TYPE: &str = "type";
/// The timeline entry that was written with the last change of an incident: who is told of the change is not told of the
/// entry.
const WRITTEN_WITH_CHANGE: &str = "written_with_change";
/// How much of a random id is enough where a name gives no slug.
const SLUG_DIGITS: usize = 12;

pub(super) const fn service_status(status: ServiceStatus) -> &'static str {
    match status {
        ServiceStatus::Operational => "operational",
        ServiceStatus::UnderMaintenance => "maintenance",
        ServiceStatus::DegradedPerformance => "degraded",
        ServiceStatus::PartialOutage => "partial_outage",
        ServiceStatus::MajorOutage => "major_outage",
    }
}

pub(super) fn to_service_status(word: &str) -> Result<ServiceStatus, Refused> {
    let found = ServiceStatus::ALL.iter().find(|status| service_status(**status) == word);
    found.copied().ok_or_else(|| Refused::new(400, "Invalid status"))
}

/// It has no word for work that is done and being checked, nor for what was called off.
pub(super) const fn incident_status(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Investigating => "investigating",
        IncidentStatus::Identified => "identified",
        IncidentStatus::Monitoring => "monitoring",
        IncidentStatus::Resolved => "resolved",
        IncidentStatus::Scheduled => "scheduled",
        IncidentStatus::InProgress | IncidentStatus::Verifying => "in_progress",
        IncidentStatus::Completed | IncidentStatus::Cancelled => "completed",
    }
}

pub(super) fn to_incident_status(word: &str) -> Result<IncidentStatus, Refused> {
    let found = IncidentStatus::ALL.iter().find(|status| status.as_str() == word && incident_status(**status) == word);
    found.copied().ok_or_else(|| Refused::new(400, "Invalid status"))
}

pub(super) fn to_impact(word: &str) -> Result<Impact, Refused> {
    word.parse().map_err(|_| Refused::new(400, "Invalid impact level"))
}

pub(super) fn to_kind(word: &str) -> Result<Kind, Refused> {
    word.parse().map_err(|_| Refused::new(400, "Invalid incident type"))
}

pub(super) fn to_role<R: FromStr>(word: &str) -> Result<R, Refused> {
    word.parse().map_err(|_| Refused::new(400, "Invalid role"))
}

/// The role in an organization that a body asks for.
pub(super) fn role_of(body: &Body) -> Result<Role, Refused> {
    to_role(body.said("role", "Role is required")?)
}

/// The same in a team.
pub(super) fn team_role_of(body: &Body) -> Result<TeamRole, Refused> {
    to_role(body.said("role", "Role is required")?)
}

pub(super) const fn visibility(is_public: bool) -> Visibility {
    if is_public { Visibility::Public } else { Visibility::Private }
}

/// An incident's type: the one that was chosen, else what its status says.
pub(super) fn kind(incident: &Incident) -> Kind {
    let chosen = match incident.metadata.get(TYPE) {
        Some(Scalar::Text(word)) => word.parse().ok(),
        _ => None,
    };
    chosen.unwrap_or(incident.kind())
}

/// What stands beside a new incident.
pub(super) fn beside(kind: Kind) -> Metadata {
    Metadata::from([(TYPE.to_owned(), Scalar::Text(kind.as_str().to_owned()))])
}

/// What stands beside an incident when it is changed, and this is written about it.
pub(super) fn beside_with(metadata: &Metadata, update: UpdateId) -> Metadata {
    let mut metadata = metadata.clone();
    metadata.insert(WRITTEN_WITH_CHANGE.to_owned(), Scalar::Text(update.to_string()));
    metadata
}

/// Whether this was written with a change.
pub(super) fn is_written_with_change(incident: &Incident, update: UpdateId) -> bool {
    incident.metadata.get(WRITTEN_WITH_CHANGE) == Some(&Scalar::Text(update.to_string()))
}

/// A slug as it was given, or as near as ours come to it; else one that the name suggests.
pub(super) fn slug(given: Option<&str>, name: &str) -> Result<Slug, Refused> {
    let text = given.filter(|text| !text.trim().is_empty()).unwrap_or(name);
    let slug = text.parse().or_else(|error| match error {
        SlugError::Malformed => Slug::suggest(text),
        reserved @ SlugError::Reserved => Err(reserved),
    });
    let random = || format!("org-{}", &Uuid::new_v4().simple().to_string()[..SLUG_DIGITS]);
    slug.or_else(|error| match error {
        SlugError::Malformed => random().parse(), // nothing in it that a slug may have
        reserved @ SlugError::Reserved => Err(reserved),
    })
    .map_err(|_| Refused::new(400, "Organization slug already exists"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_words_are_read_as_they_are_written() {
        for status in ServiceStatus::ALL {
            assert_eq!(to_service_status(service_status(*status)).ok(), Some(*status));
        }
        for word in ["investigating", "identified", "monitoring", "resolved", "scheduled", "in_progress", "completed"] {
            assert_eq!(to_incident_status(word).map(incident_status).ok(), Some(word));
        }
        for word in ["", "verifying", "cancelled", "Resolved"] {
            assert!(to_incident_status(word).is_err(), "{word}");
        }
        assert!(to_service_status("under_maintenance").is_err());
    }

    #[test]
    fn a_slug_is_taken_as_it_is_or_made_of_what_is_there() {
        let made = |given, name| slug(given, name).map(|slug| slug.to_string());
        assert_eq!(made(Some("acme"), "Other").unwrap(), "acme");
        assert_eq!(made(Some("Bob Slug!"), "Other").unwrap(), "bob-slug");
        assert_eq!(made(None, "Acme Inc.").unwrap(), "acme-inc");
        assert_eq!(made(Some(""), "Acme").unwrap(), "acme");
        assert!(made(None, "日本").unwrap().starts_with("org-"));
        assert!(made(Some("api"), "Other").is_err());
    }
}
