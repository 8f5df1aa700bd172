//! How an organization is, for a program in somebody else's page: little, and all that it needs to say so.
//!
//! ```text
//! fetch("…/summary.json") ─► { name, url, status, sentence, since, updated_at, active: […], upcoming: […] }
//! ```
//!
//! Words, ids and times are those of the API. `status` is null while there is nothing to tell of, `since` also where no
//! service says it; an incident that goes on and touches no service is in `active` all the same.

use super::{Kept, Seen, overall::Overall, tone::Tone};
use crate::page::Audience;
use serde::Serialize;
use tocsin_actors::domain::{
    Incident, IncidentId, Timestamp,
    status::{Impact, IncidentStatus, Kind, ServiceStatus},
};

#[derive(Serialize)]
struct Summary<'a> {
    name: &'a str,
    url: &'a str,
    status: Option<ServiceStatus>,
    sentence: &'static str,
    since: Option<Timestamp>,
    updated_at: Timestamp,
    /// Incidents and maintenances that go on, the newest first.
    active: Vec<Active<'a>>,
    /// Maintenances to come, the next one first.
    upcoming: Vec<Upcoming<'a>>,
}

#[derive(Serialize)]
struct Active<'a> {
    id: IncidentId,
    kind: Kind,
    title: &'a str,
    status: IncidentStatus,
    impact: Impact,
    url: String,
    started_at: Timestamp,
}

#[derive(Serialize)]
struct Upcoming<'a> {
    id: IncidentId,
    title: &'a str,
    url: String,
    scheduled_start: Option<Timestamp>,
    scheduled_end: Option<Timestamp>,
}

/// The summary as of now.
pub(super) fn summary(seen: &Seen<'_>) -> Option<Kept> {
    let organization = seen.org.organization()?;
    let overall = Overall::of(seen.org, organization);
    let url = |incident: &Incident| {
        let kind = if incident.kind() == Kind::Maintenance { "maintenances" } else { "incidents" };
        format!("{}/{kind}/{}", seen.address, incident.id)
    };
    let active = Audience::Public.active(seen.org).into_iter().map(|incident| Active {
        id: incident.id,
        kind: incident.kind(),
        title: &incident.title,
        status: incident.status,
        impact: incident.impact,
        url: url(incident),
        started_at: incident.started_at,
    });
    let upcoming = Audience::Public.upcoming(seen.org).into_iter().map(|maintenance| Upcoming {
        id: maintenance.id,
        title: &maintenance.title,
        url: url(maintenance),
        scheduled_start: maintenance.scheduled_start,
        scheduled_end: maintenance.scheduled_end,
    });
    let summary = Summary {
        name: &organization.name,
        url: seen.address,
        status: status(overall.tone),
        sentence: overall.tone.sentence(),
        since: overall.since,
        updated_at: overall.updated,
        active: active.collect(),
        upcoming: upcoming.collect(),
    };
    Some(Kept::new("application/json", serde_json::to_vec(&summary).ok()?))
}

const fn status(tone: Tone) -> Option<ServiceStatus> {
    match tone {
        Tone::Nothing => None,
        Tone::Operational => Some(ServiceStatus::Operational),
        Tone::Maintenance => Some(ServiceStatus::UnderMaintenance),
        Tone::Degraded => Some(ServiceStatus::DegradedPerformance),
        Tone::Partial => Some(ServiceStatus::PartialOutage),
        Tone::Major => Some(ServiceStatus::MajorOutage),
    }
}
