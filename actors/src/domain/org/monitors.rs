//! What an order would do to monitors, and what services and incidents feel of it.
//!
//! A monitor gives a status to its service while it is down, by the same rule as an incident: last writer wins, and what
//! ends leaves the worst of what is still going on. One exception: a maintenance said before that the service would be
//! away. Until it is over its word stands, and no incident is opened about what was announced.
//!
//! An incident that a monitor opened is its own for as long as nobody has touched it, and ends with what it was about:
//! when the monitor recovers, is switched off or is deleted. From the first touch on it belongs to people.

use super::{
    Org,
    decide::{Decision, unless},
    effects::Effects,
};
use crate::domain::{
    command::{MonitorChange, NewIncident, NewMonitor},
    edit::Edit,
    entities::Cause,
    event::{Event, PostedUpdate},
    ids::{IncidentId, MonitorId, UpdateId},
    incident::{Affected, Incident},
    limits,
    monitor::Monitor,
    rejection::Rejection,
    status::{Impact, IncidentStatus, Kind, MonitorState, ServiceStatus},
    time::Timestamp,
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// How long a title may still be with what is added to the monitor's name.
const ROOM_FOR_NAME: usize = limits::NAME - " is down".len();

impl Org {
    pub(super) fn create_monitor(&self, new: &NewMonitor) -> Decision {
        limits::room("monitors", self.monitors.len(), limits::MONITORS)?;
        new.is_fit()?;
        if self.monitors.contains_key(&new.id) {
            return Err(Rejection::IdTaken);
        }
        new.service.map_or(Ok(()), |id| self.service(id).map(drop))?;
        Ok(vec![Event::MonitorCreated(Box::new(new.clone()))])
    }

    pub(super) fn change_monitor(&self, id: MonitorId, change: &MonitorChange, at: Timestamp) -> Decision {
        let before = self.monitor(id)?;
        let change = change.clone().against(before);
        change.is_fit()?;
        if let Edit::Set(Some(service)) = change.service {
            self.service(service)?;
        }
        let mut after = before.clone();
        after.change(&change, at);
        let stops = !after.enabled && before.state != MonitorState::Unknown;
        let mut events = unless(change == MonitorChange::default(), Event::MonitorChanged { id, change: Box::new(change) });
        if stops {
            let (from, to) = (before.state, MonitorState::Unknown);
            let left = self.left_open(before);
            events.push(Event::MonitorTurned { id, from, to, reason: None, incident: left });
        }
        let over = if stops { self.own_incident(before) } else { None };
        Ok(self.with_what_ends(events, before, Some(&after), over, "It is no longer checked.", at))
    }

    pub(super) fn delete_monitor(&self, id: MonitorId, at: Timestamp) -> Decision {
        let before = self.monitor(id)?;
        let events = vec![Event::MonitorDeleted { id }];
        Ok(self.with_what_ends(events, before, None, self.own_incident(before), "It is no longer checked.", at))
    }

    /// What checks found. Says nothing new about a monitor that is in this state, or was changed since it was checked.
    pub(super) fn turn_monitor(
        &self,
        id: MonitorId,
        revision: u32,
        to: MonitorState,
        reason: Option<&str>,
        incident: IncidentId,
        at: Timestamp,
    ) -> Decision {
        let before = self.monitor(id)?;
        reason.map_or(Ok(()), |text| limits::text("reason", text, limits::REASON))?;
        if revision != before.revision || !before.enabled || before.state == to || to == MonitorState::Unknown {
            return Ok(Vec::new());
        }
        let from = before.state;
        let after = Monitor { state: to, ..before.clone() };
        if to == MonitorState::Up {
            let events = vec![Event::MonitorTurned { id, from, to, reason: None, incident: self.left_open(before) }];
            let over = self.own_incident(before);
            return Ok(self.with_what_ends(events, before, Some(&after), over, "The check succeeds again.", at));
        }
        let known = self.left_open(before);
        let opened = if known.is_none() { self.incident_of(before, incident) } else { None };
        let incident = known.or(opened.as_ref().map(|new| new.id));
        let mut events = vec![Event::MonitorTurned { id, from, to, reason: reason.map(str::to_owned), incident }];
        events.extend(opened.map(|new| Event::IncidentOpened(Box::new(new))));
        let mut effects = Effects::on(self);
        effects.monitor(id, before.giving(), after.giving());
        events.extend(effects.into_events());
        Ok(events)
    }

    /// The incident that a monitor opens when it goes down, if it shall and there is room for one.
    fn incident_of(&self, monitor: &Monitor, id: IncidentId) -> Option<NewIncident> {
        let service = monitor.service.and_then(|service| self.services.get(&service));
        let announced = service.is_some_and(|service| matches!(service.cause, Cause::Maintenance(_)));
        let room = self.incidents.len() < limits::INCIDENTS && !self.incidents.contains_key(&id);
        if !monitor.opens_incident || announced || !room {
            return None;
        }
        let name: String = monitor.name.chars().take(ROOM_FOR_NAME).collect();
        // The monitor itself gives the status, so that it still does when somebody ends the incident too early.
        let affected = service.map(|service| Affected { service: Some(service.id), name: service.name.clone(), status: None });
        Some(NewIncident {
            id,
            title: format!("{name} is down"),
            description: String::new(),
            status: IncidentStatus::Investigating,
            impact: match monitor.gives {
                ServiceStatus::MajorOutage => Impact::Critical,
                ServiceStatus::PartialOutage => Impact::Major,
                _ => Impact::Minor,
            },
            visibility: monitor.visibility,
            affected: affected.into_iter().collect(),
            started_at: None,
            resolved_at: None,
            scheduled_start: None,
            scheduled_end: None,
            automatic: false,
            update: Some((self.said_by(id, "opened"), "An automatic check found it down.".to_owned())),
            metadata: Default::default(),
        })
    }

    /// The incident that a monitor opened, while it goes on and nobody has touched it.
    fn own_incident(&self, monitor: &Monitor) -> Option<&Incident> {
        self.incidents.get(&monitor.incident?).map(AsRef::as_ref).filter(|incident| is_untouched(incident))
    }

    /// The incident that a monitor opened, when it goes on and people have made it theirs.
    fn left_open(&self, monitor: &Monitor) -> Option<IncidentId> {
        let incident = self.incidents.get(&monitor.incident?)?;
        (!incident.status.is_over() && !is_untouched(incident)).then_some(incident.id)
    }

    /// The events with what a monitor no longer gives, and the end of the incident that it opened.
    fn with_what_ends(
        &self,
        mut events: Vec<Event>,
        before: &Monitor,
        after: Option<&Monitor>,
        over: Option<&Incident>,
        message: &str,
        at: Timestamp,
    ) -> Vec<Event> {
        let ended = over.map(|incident| {
            let update = PostedUpdate {
                incident: incident.id,
                id: self.said_by(incident.id, "resolved"),
                message: message.to_owned(),
                status: IncidentStatus::Resolved,
                shown_at: at,
                affected: Vec::new(),
                moved_at: None,
            };
            let mut after = incident.clone();
            after.post(&update, at, Default::default(), 0);
            events.push(Event::UpdatePosted(Box::new(update)));
            (incident, after)
        });
        let mut effects = Effects::on(self);
        if let Some((before, after)) = &ended {
            effects.turn(Some(before), Some(after), &BTreeSet::new());
        }
        effects.monitor(before.id, before.giving(), after.and_then(Monitor::giving));
        events.extend(effects.into_events());
        events
    }

    /// Drawn from what it is about: the same order on the same state is the same event.
    fn said_by(&self, incident: IncidentId, what: &str) -> UpdateId {
        UpdateId::new(Uuid::new_v5(&incident.uuid(), format!("{what}#{}", self.seq).as_bytes()))
    }

    pub(super) fn monitor(&self, id: MonitorId) -> Result<&Monitor, Rejection> {
        self.monitors.get(&id).map(AsRef::as_ref).ok_or(Rejection::UnknownMonitor(id))
    }
}

/// As the monitor left it: every change by anybody sets `updated_at`, and whoever tells something adds to the timeline.
fn is_untouched(incident: &Incident) -> bool {
    incident.kind() == Kind::Incident
        && incident.status == IncidentStatus::Investigating
        && incident.updates.len() == 1
        && incident.updated_at == incident.created_at
}
