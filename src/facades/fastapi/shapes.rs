//! Its services and incidents.

use super::{
    uptime,
    who::People,
    words::{self, incident_status, service_status},
};
use serde::{Serialize, Serializer};
use tocsin_actors::domain::{
    Incident, Org, ServiceId, Timestamp,
    entities::{Number, Service},
    history::StatusChange,
    incident::Update,
};

/// A time with six digits behind the second, as Python writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct At(pub(super) Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_string();
        serializer.collect_str(&format_args!("{}000Z", text.trim_end_matches('Z')))
    }
}

/// A text, or null where there is none.
pub(super) fn or_null(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[derive(Serialize, PartialEq, Debug)]
pub(super) struct ServiceShape<'a> {
    service_id: Number,
    name: &'a str,
    description: Option<&'a str>,
    current_status: &'static str,
    created_at: At,
    updated_at: Option<At>,
}

impl<'a> From<&'a Service> for ServiceShape<'a> {
    fn from(service: &'a Service) -> Self {
        Self {
            service_id: service.number,
            name: &service.name,
            description: or_null(&service.description),
            current_status: service_status(service.status),
            created_at: At(service.created_at),
            updated_at: changed(service.last_changed(), service.created_at),
        }
    }
}

/// When something was changed that was made then; nothing until it was.
fn changed(at: Timestamp, made_at: Timestamp) -> Option<At> {
    (at > made_at).then_some(At(at))
}

#[derive(Serialize)]
pub(super) struct ServiceWithHistory<'a> {
    #[serde(flatten)]
    service: ServiceShape<'a>,
    status_history: Vec<PastStatus>,
    uptime_percentage: Option<f64>,
}

#[derive(Serialize)]
pub(super) struct PastStatus {
    status_history_id: Number,
    status: &'static str,
    created_at: At,
    created_by_name: String,
}

impl PastStatus {
    pub(super) fn of(change: &StatusChange, people: &People) -> Self {
        Self {
            status_history_id: change.number,
            status: service_status(change.to),
            created_at: At(change.at),
            created_by_name: people.name(change.by),
        }
    }
}

impl<'a> ServiceWithHistory<'a> {
    /// As it stands in a list.
    pub(super) fn listed(org: &Org, service: &'a Service, now: Timestamp) -> Self {
        let uptime_percentage = uptime::of_a_list(org, service.id, now);
        Self { service: service.into(), status_history: Vec::new(), uptime_percentage }
    }

    /// As it stands alone.
    pub(super) fn alone(org: &Org, service: &'a Service, status_history: Vec<PastStatus>, now: Timestamp) -> Self {
        let uptime_percentage = uptime::of_days(org, service.id, 30, now);
        Self { service: service.into(), status_history, uptime_percentage }
    }
}

#[derive(Serialize)]
pub(super) struct HistoryRow {
    status_history_id: Number,
    service_id: Number,
    status: &'static str,
    created_at: At,
    created_by_id: u64,
}

impl HistoryRow {
    pub(super) fn of(service: &Service, change: &StatusChange, people: &People) -> Self {
        Self {
            status_history_id: change.number,
            service_id: service.number,
            status: service_status(change.to),
            created_at: At(change.at),
            created_by_id: people.number(change.by),
        }
    }
}

#[derive(Serialize, PartialEq, Debug)]
pub(super) struct IncidentShape<'a> {
    pub(super) incident_id: Number,
    pub(super) title: &'a str,
    pub(super) description: Option<&'a str>,
    pub(super) status: &'static str,
    pub(super) impact: &'static str,
    pub(super) created_at: At,
    pub(super) resolved_at: Option<At>,
    pub(super) updated_at: Option<At>,
}

impl<'a> From<&'a Incident> for IncidentShape<'a> {
    fn from(incident: &'a Incident) -> Self {
        Self {
            incident_id: incident.number,
            title: &incident.title,
            description: or_null(&incident.description),
            status: incident_status(incident.status),
            impact: words::impact(incident.impact),
            created_at: At(incident.started_at),
            resolved_at: incident.resolved_at.map(At),
            updated_at: changed(incident.updated_at, incident.created_at),
        }
    }
}

#[derive(Serialize)]
pub(super) struct IncidentWithServices<'a> {
    #[serde(flatten)]
    incident: IncidentShape<'a>,
    affected_services: Vec<ServiceShape<'a>>,
}

impl<'a> IncidentWithServices<'a> {
    /// Services that are gone are still named.
    pub(super) fn of(org: &'a Org, incident: &'a Incident) -> Self {
        let affected = affected(incident).filter_map(|id| org.service_even_retired(id));
        Self { incident: incident.into(), affected_services: affected.map(|service| service.as_ref().into()).collect() }
    }
}

/// What it touches, by id.
pub(super) fn affected(incident: &Incident) -> impl Iterator<Item = ServiceId> + '_ {
    incident.affected.iter().filter_map(|affected| affected.service)
}

#[derive(Serialize)]
pub(super) struct UpdateShape<'a> {
    incident_update_id: Number,
    incident_id: Number,
    message: &'a str,
    status: &'static str,
    created_by_id: u64,
    created_at: At,
}

impl<'a> UpdateShape<'a> {
    pub(super) fn of(incident: &Incident, update: &'a Update, people: &People) -> Self {
        Self {
            incident_update_id: update.number,
            incident_id: incident.number,
            message: &update.message,
            status: incident_status(update.status),
            created_by_id: people.number(update.author),
            created_at: At(update.shown_at),
        }
    }
}
