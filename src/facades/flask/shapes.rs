//! Its services and incidents, as they are told to members.

use super::words;
use serde::{Serialize, Serializer};
use tocsin_actors::domain::{Incident, Org, Service, Timestamp, incident::Update, status::Visibility};
use uuid::Uuid;

/// A time as Python writes one that knows of no zone: in UTC, with microseconds unless there are none.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ours = self.0.to_string();
        let millis = ours.trim_end_matches('Z');
        match millis.strip_suffix(".000") {
            Some(seconds) => serializer.serialize_str(seconds),
            None => serializer.collect_str(&format_args!("{millis}000")),
        }
    }
}

#[derive(Serialize)]
pub(super) struct ServiceShape<'a> {
    pub(super) id: Uuid,
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization_id: Option<Uuid>,
    pub(super) team_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) team_name: Option<Option<&'a str>>,
    pub(super) display_order: u32,
    pub(super) is_public: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_history: Option<Vec<StatusChangeShape<'a>>>,
}

#[derive(Serialize)]
pub(super) struct StatusChangeShape<'a> {
    pub(super) id: Uuid,
    pub(super) status: &'static str,
    pub(super) reason: &'a str,
    pub(super) changed_by: String,
    pub(super) created_at: Time,
}

impl<'a> From<&'a Service> for ServiceShape<'a> {
    fn from(service: &'a Service) -> Self {
        Self {
            id: service.id.uuid(),
            name: &service.name,
            description: &service.description,
            status: words::service_status(service.status),
            organization_id: None,
            team_id: service.team.map(|team| team.uuid()),
            team_name: None,
            display_order: service.position,
            is_public: service.visibility == Visibility::Public,
            created_at: None,
            updated_at: None,
            status_history: None,
        }
    }
}

impl<'a> ServiceShape<'a> {
    /// As one of a list.
    pub(super) fn listed(org: &'a Org, service: &'a Service) -> Self {
        let team = service.team.and_then(|team| org.teams().get(&team));
        Self {
            team_name: Some(team.map(|team| team.name.as_str())),
            created_at: Some(Time(service.created_at)),
            updated_at: Some(Time(service.last_changed())),
            ..service.into()
        }
    }
}

#[derive(Serialize)]
pub(super) struct IncidentShape<'a> {
    pub(super) id: Uuid,
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) status: &'static str,
    pub(super) impact: &'static str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduled_start: Option<Option<Time>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduled_end: Option<Option<Time>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resolved_at: Option<Option<Time>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) affected_services: Option<Vec<AffectedShape<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updates_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updates: Option<Vec<UpdateShape<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<Time>,
}

#[derive(Serialize)]
pub(super) struct AffectedShape<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Uuid>,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct UpdateShape<'a> {
    pub(super) id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incident_id: Option<Uuid>,
    pub(super) status: &'static str,
    pub(super) message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    pub(super) created_at: Time,
}

impl<'a> From<&'a Update> for UpdateShape<'a> {
    fn from(update: &'a Update) -> Self {
        Self {
            id: update.id.uuid(),
            incident_id: None,
            status: words::incident_status(update.status),
            message: &update.message,
            user: None,
            created_at: Time(update.shown_at),
        }
    }
}

impl<'a> From<&'a Incident> for IncidentShape<'a> {
    fn from(incident: &'a Incident) -> Self {
        Self {
            id: incident.id.uuid(),
            title: &incident.title,
            description: &incident.description,
            status: words::incident_status(incident.status),
            impact: incident.impact.as_str(),
            kind: None,
            organization_id: None,
            scheduled_start: None,
            scheduled_end: None,
            resolved_at: None,
            created_by: None,
            affected_services: None,
            updates_count: None,
            updates: None,
            created_at: None,
            updated_at: None,
        }
    }
}

impl<'a> IncidentShape<'a> {
    /// With its type and all of its times, but not what it touches or who made it.
    pub(super) fn timed(incident: &'a Incident) -> Self {
        Self {
            kind: Some(words::kind(incident).as_str()),
            scheduled_start: Some(incident.scheduled_start.map(Time)),
            scheduled_end: Some(incident.scheduled_end.map(Time)),
            resolved_at: Some(incident.resolved_at.map(Time)),
            created_at: Some(Time(incident.created_at)),
            updated_at: Some(Time(incident.updated_at)),
            ..incident.into()
        }
    }
}

/// The services that an incident names and that are still there.
pub(super) fn affected<'a>(org: &'a Org, incident: &'a Incident) -> impl Iterator<Item = &'a Service> {
    incident.affected.iter().filter_map(|one| org.services().get(&one.service?)).map(AsRef::as_ref)
}

impl<'a> AffectedShape<'a> {
    pub(super) fn named(service: &'a Service) -> Self {
        Self { id: Some(service.id.uuid()), name: &service.name, status: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_microseconds_unless_there_are_none_and_no_zone() {
        let text = |ms| serde_json::to_string(&Time(Timestamp::from_millis(ms))).unwrap();
        assert_eq!(text(1_795_203_688_634), "\"2026-11-20T19:41:28.634000\"");
        assert_eq!(text(1_795_203_688_000), "\"2026-11-20T19:41:28\"");
    }
}
