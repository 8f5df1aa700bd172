//! How things look to everybody.

use super::{
    shapes::{Time, affected},
    words,
};
use serde::Serialize;
use tocsin_actors::domain::{Incident, Org, Service, status::Visibility};
use uuid::Uuid;

#[derive(Serialize)]
pub(super) struct PageService<'a> {
    pub(super) id: Uuid,
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) status: &'static str,
    /// What its front end sorts by when a service comes in live.
    pub(super) display_order: u32,
}

impl<'a> From<&'a Service> for PageService<'a> {
    fn from(service: &'a Service) -> Self {
        Self {
            id: service.id.uuid(),
            name: &service.name,
            description: &service.description,
            status: words::service_status(service.status),
            display_order: service.position,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Latest<'a> {
    message: &'a str,
    created_at: Time,
}

/// An incident among those that go on, as on the page so in what is told of it live.
#[derive(Serialize)]
pub(super) struct PageIncident<'a> {
    pub(super) id: Uuid,
    pub(super) title: &'a str,
    pub(super) status: &'static str,
    pub(super) impact: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) created_at: Time,
    pub(super) resolved_at: Option<Time>,
    pub(super) latest_update: Option<Latest<'a>>,
    pub(super) affected_services: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration: Option<Option<String>>,
}

impl<'a> PageIncident<'a> {
    pub(super) fn of(org: &'a Org, incident: &'a Incident) -> Self {
        let latest = |update: &'a tocsin_actors::domain::incident::Update| Latest {
            message: &update.message,
            created_at: Time(update.shown_at),
        };
        Self {
            id: incident.id.uuid(),
            title: &incident.title,
            status: words::incident_status(incident.status),
            impact: incident.impact.as_str(),
            kind: words::kind(incident).as_str(),
            created_at: Time(incident.created_at),
            resolved_at: incident.resolved_at.map(Time),
            latest_update: incident.updates.last().map(latest),
            affected_services: public_names(org, incident),
            duration: None,
        }
    }
}

#[derive(Serialize)]
pub(super) struct PageMaintenance<'a> {
    id: Uuid,
    title: &'a str,
    description: &'a str,
    status: &'static str,
    scheduled_start: Option<Time>,
    scheduled_end: Option<Time>,
    affected_services: Vec<&'a str>,
}

impl<'a> PageMaintenance<'a> {
    pub(super) fn of(org: &'a Org, incident: &'a Incident) -> Self {
        Self {
            id: incident.id.uuid(),
            title: &incident.title,
            description: &incident.description,
            status: words::incident_status(incident.status),
            scheduled_start: incident.scheduled_start.map(Time),
            scheduled_end: incident.scheduled_end.map(Time),
            affected_services: public_names(org, incident),
        }
    }
}

#[derive(Serialize)]
pub(super) struct PastIncident<'a> {
    id: Uuid,
    title: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    impact: &'static str,
    status: &'static str,
    created_at: Time,
    resolved_at: Option<Time>,
    duration: Option<String>,
}

impl<'a> From<&'a Incident> for PastIncident<'a> {
    fn from(incident: &'a Incident) -> Self {
        Self {
            id: incident.id.uuid(),
            title: &incident.title,
            kind: words::kind(incident).as_str(),
            impact: incident.impact.as_str(),
            status: words::incident_status(incident.status),
            created_at: Time(incident.created_at),
            resolved_at: incident.resolved_at.map(Time),
            duration: duration(incident),
        }
    }
}

/// The services that everybody may see of those that an incident names.
pub(super) fn public<'a>(org: &'a Org, incident: &'a Incident) -> impl Iterator<Item = &'a Service> {
    affected(org, incident).filter(|service| service.visibility == Visibility::Public)
}

fn public_names<'a>(org: &'a Org, incident: &'a Incident) -> Vec<&'a str> {
    public(org, incident).map(|service| service.name.as_str()).collect()
}

/// How long it took, as Python writes it: `1 day, 2:03:04`, `0:00:00.019000`.
pub(super) fn duration(incident: &Incident) -> Option<String> {
    Some(written(incident.resolved_at?.since(incident.created_at).max(0)))
}

fn written(ms: i64) -> String {
    let (days, seconds, rest) = (ms / 86_400_000, ms / 1_000 % 86_400, ms % 1_000);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    let rest = if rest == 0 { String::new() } else { format!(".{rest:03}000") };
    format!("{days}{}:{:02}:{:02}{rest}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_python_does() {
        assert_eq!(written(19), "0:00:00.019000");
        assert_eq!(written(93_784_000), "1 day, 2:03:04");
        assert_eq!(written(2 * 86_400_000 + 59_000), "2 days, 0:00:59");
        assert_eq!(written(0), "0:00:00");
    }
}
