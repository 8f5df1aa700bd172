//! Its words for ours.

use tocsin_actors::domain::status::{Impact, IncidentStatus, ServiceStatus, Visibility};

/// Where the type of an incident stands in our metadata: there an incident may call itself a maintenance, and stays one.
pub(super) const TYPE: &str = "type";

/// Words that may be sent.
pub(super) trait Vocabulary: Sized {
    fn read(word: &str) -> Option<Self>;
}

/// How a service is. The original's front end offers `maintenance` and its server refuses it: here it is taken.
pub(super) const fn service_status(status: ServiceStatus) -> &'static str {
    match status {
        ServiceStatus::UnderMaintenance => "maintenance",
        other => other.as_str(),
    }
}

impl Vocabulary for ServiceStatus {
    fn read(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| service_status(*status) == word)
    }
}

/// The headings that a service may be put under.
pub(super) struct Group(pub(super) &'static str);

impl Group {
    /// Where it is when nobody says so.
    pub(super) const OTHER: &'static str = "Other";
    const ALL: [&'static str; 4] = ["Frontend Services", "Backend Services", "Billing Services", Self::OTHER];
}

impl Vocabulary for Group {
    fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| *name == word).map(Self)
    }
}

/// What an incident calls itself.
pub(super) struct Type(pub(super) &'static str);

impl Type {
    pub(super) const INCIDENT: &'static str = "incident";
    const ALL: [&'static str; 2] = [Self::INCIDENT, "maintenance"];
}

impl Vocabulary for Type {
    fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| *name == word).map(Self)
    }
}

/// How far an incident has come.
pub(super) struct OfIncident(pub(super) IncidentStatus);

/// One that was a maintenance for a while had such words in its timeline.
pub(super) const fn incident_status(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Investigating | IncidentStatus::Identified | IncidentStatus::Monitoring | IncidentStatus::Resolved => {
            status.as_str()
        }
        IncidentStatus::Scheduled | IncidentStatus::InProgress => "identified",
        IncidentStatus::Verifying => "monitoring",
        IncidentStatus::Completed | IncidentStatus::Cancelled => "resolved",
    }
}

impl Vocabulary for OfIncident {
    fn read(word: &str) -> Option<Self> {
        Some(Self(match word {
            "investigating" => IncidentStatus::Investigating,
            "identified" => IncidentStatus::Identified,
            "monitoring" => IncidentStatus::Monitoring,
            "resolved" => IncidentStatus::Resolved,
            _ => return None,
        }))
    }
}

/// How far a maintenance has come.
pub(super) struct OfMaintenance(pub(super) IncidentStatus);

/// One that was an incident for a while had such words in its timeline.
pub(super) const fn maintenance_status(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Scheduled | IncidentStatus::InProgress | IncidentStatus::Completed | IncidentStatus::Cancelled => {
            status.as_str()
        }
        IncidentStatus::Verifying | IncidentStatus::Investigating | IncidentStatus::Identified | IncidentStatus::Monitoring => {
            "in_progress"
        }
        IncidentStatus::Resolved => "completed",
    }
}

impl Vocabulary for OfMaintenance {
    fn read(word: &str) -> Option<Self> {
        Some(Self(match word {
            "scheduled" => IncidentStatus::Scheduled,
            "in_progress" => IncidentStatus::InProgress,
            "completed" => IncidentStatus::Completed,
            "cancelled" => IncidentStatus::Cancelled,
            _ => return None,
        }))
    }
}

impl Vocabulary for Impact {
    fn read(word: &str) -> Option<Self> {
        word.parse().ok()
    }
}

/// Who sees what is public or not.
pub(super) const fn visibility(is_public: bool) -> Visibility {
    if is_public { Visibility::Public } else { Visibility::Private }
}
