//! An incident's life: one entity with one timeline and two life cycles, told apart by its status.

use super::{
    edit::Edit,
    entities::{Author, Cause, Metadata, Number},
    ids::{IncidentId, ServiceId, UpdateId},
    status::{Impact, IncidentStatus, Kind, ServiceStatus, Visibility},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A service that an incident touches, and the status it gives to it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Affected {
    /// Which service; none where a client knows services by name only.
    pub service: Option<ServiceId>,
    /// Its name at the time: what is left to show when the service is gone.
    pub name: String,
    /// The status that the incident gives it while active; none leaves the service alone.
    pub status: Option<ServiceStatus>,
}

/// What one timeline entry changed of an affected service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AffectedChange {
    /// Which service; none for a bare name.
    pub service: Option<ServiceId>,
    /// Its name at the time.
    pub name: String,
    /// What the incident gave it before.
    pub from: Option<ServiceStatus>,
    /// What it gives it now.
    pub to: Option<ServiceStatus>,
}

/// One entry of the timeline.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Update {
    /// Its id.
    pub id: UpdateId,
    /// Its number.
    pub number: Number,
    /// How far the incident had come, as this entry tells it.
    pub status: IncidentStatus,
    /// What is told.
    pub message: String,
    /// Who tells it.
    pub author: Author,
    /// The time people see; may be set back.
    pub shown_at: Timestamp,
    /// When it was written; may not.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// What it changed of affected services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected: Vec<AffectedChange>,
}

/// What was learned afterwards.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Postmortem {
    /// The text, Markdown.
    pub body: String,
    /// Who wrote it last.
    pub author: Author,
    /// When it was first published.
    pub published_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
}

/// An incident or a maintenance.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: IncidentId,
    /// Its number.
    pub number: Number,
    /// Its title.
    pub title: String,
    /// More about it.
    pub description: String,
    /// How far it has come; says whether it is an incident or a maintenance.
    pub status: IncidentStatus,
    /// How bad it is.
    pub impact: Impact,
    /// Who sees it.
    pub visibility: Visibility,
    /// What it touches.
    pub affected: Vec<Affected>,
    /// When it began; may lie before `created_at` when it was found late or filled in afterwards.
    pub started_at: Timestamp,
    /// When its cause was first known.
    pub identified_at: Option<Timestamp>,
    /// When it was first thought mended.
    pub monitoring_at: Option<Timestamp>,
    /// When it was over; cleared when it is reopened.
    pub resolved_at: Option<Timestamp>,
    /// When a maintenance shall begin.
    pub scheduled_start: Option<Timestamp>,
    /// When it shall end.
    pub scheduled_end: Option<Timestamp>,
    /// When it began.
    pub actual_start: Option<Timestamp>,
    /// When it ended.
    pub actual_end: Option<Timestamp>,
    /// Whether a maintenance begins and ends by itself.
    pub automatic: bool,
    /// What it touched before its timeline changed that: what holds for the time before it was recorded. None while
    /// `affected` still says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected_before: Option<Vec<Affected>>,
    /// The timeline, oldest first.
    pub updates: Vec<Update>,
    /// What was learned.
    pub postmortem: Option<Postmortem>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who recorded it.
    pub created_by: Author,
    /// What only a client understands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

/// A partial change that leaves no timeline entry.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct IncidentChange {
    /// See [`Incident::title`].
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub title: Edit<String>,
    /// See [`Incident::description`].
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub description: Edit<String>,
    /// See [`Incident::status`]. Services follow it.
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub status: Edit<IncidentStatus>,
    /// See [`Incident::impact`].
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub impact: Edit<Impact>,
    /// See [`Incident::visibility`].
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub visibility: Edit<Visibility>,
    /// Replaces the whole list. Services follow it.
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub affected: Edit<Vec<Affected>>,
    /// See [`Incident::started_at`].
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub started_at: Edit<Timestamp>,
    /// See [`Incident::resolved_at`]; wins over what a change of status would set.
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub resolved_at: Edit<Option<Timestamp>>,
    /// See [`Incident::scheduled_start`].
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub scheduled_start: Edit<Option<Timestamp>>,
    /// See [`Incident::scheduled_end`].
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub scheduled_end: Edit<Option<Timestamp>>,
    /// See [`Incident::actual_start`]; wins over what a change of status would set.
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub actual_start: Edit<Option<Timestamp>>,
    /// See [`Incident::actual_end`]; wins over what a change of status would set.
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub actual_end: Edit<Option<Timestamp>>,
    /// See [`Incident::automatic`].
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub automatic: Edit<bool>,
    /// Replaces the whole map.
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub metadata: Edit<Metadata>,
}

impl IncidentChange {
    /// What of it would really change this incident.
    pub fn against(self, incident: &Incident) -> Self {
        let moves = self.status.as_set().is_some_and(|status| *status != incident.status);
        Self {
            title: self.title.unless_same(&incident.title),
            description: self.description.unless_same(&incident.description),
            status: self.status.unless_same(&incident.status),
            impact: self.impact.unless_same(&incident.impact),
            visibility: self.visibility.unless_same(&incident.visibility),
            affected: self.affected.unless_same(&incident.affected),
            // With a change of status what is the same now must still win over what the status would set.
            started_at: if moves { self.started_at } else { self.started_at.unless_same(&incident.started_at) },
            resolved_at: if moves { self.resolved_at } else { self.resolved_at.unless_same(&incident.resolved_at) },
            actual_start: if moves { self.actual_start } else { self.actual_start.unless_same(&incident.actual_start) },
            actual_end: if moves { self.actual_end } else { self.actual_end.unless_same(&incident.actual_end) },
            scheduled_start: self.scheduled_start.unless_same(&incident.scheduled_start),
            scheduled_end: self.scheduled_end.unless_same(&incident.scheduled_end),
            automatic: if moves { self.automatic } else { self.automatic.unless_same(&incident.automatic) },
            metadata: self.metadata.unless_same(&incident.metadata),
        }
    }
}

impl Incident {
    /// Which life cycle it follows.
    pub const fn kind(&self) -> Kind {
        self.status.kind()
    }

    /// How services name it as the cause of their status.
    pub const fn as_cause(&self) -> Cause {
        match self.kind() {
            Kind::Incident => Cause::Incident(self.id),
            Kind::Maintenance => Cause::Maintenance(self.id),
        }
    }

    /// Whether it names this service.
    pub fn affects(&self, service: ServiceId) -> bool {
        self.affected.iter().any(|affected| affected.service == Some(service))
    }

    /// The status it gives to a service right now: none when it is not active or leaves the service alone.
    pub fn gives(&self, service: ServiceId) -> Option<ServiceStatus> {
        if !self.status.is_active() {
            return None;
        }
        self.affected.iter().filter(|affected| affected.service == Some(service)).filter_map(|affected| affected.status).max()
    }

    /// The time before it was recorded in which it was already going on, with what it did to a service: what was
    /// filled in afterwards, and never seen by the service's own history.
    pub fn filled_in(&self, service: ServiceId) -> Option<(Timestamp, Timestamp, ServiceStatus)> {
        let (from, until) = self.filled_in_time()?;
        let affected = self.affected_before.as_ref().unwrap_or(&self.affected);
        let status = affected.iter().filter(|a| a.service == Some(service)).filter_map(|a| a.status).max()?;
        Some((from, until, status))
    }

    /// The time before it was recorded in which it was already going on.
    pub(super) fn filled_in_time(&self) -> Option<(Timestamp, Timestamp)> {
        let until = self.created_at.min(self.resolved_at.unwrap_or(self.created_at));
        let never_began = match self.status {
            IncidentStatus::Scheduled => true,
            IncidentStatus::Cancelled => self.actual_start.is_none(),
            _ => false,
        };
        (self.started_at < until && !never_began).then_some((self.started_at, until))
    }

    /// When time alone will move it next.
    pub fn next_due(&self) -> Option<Timestamp> {
        match self.status {
            _ if !self.automatic => None,
            IncidentStatus::Scheduled => self.scheduled_start,
            IncidentStatus::InProgress | IncidentStatus::Verifying => self.scheduled_end,
            _ => None,
        }
    }

    /// It should have begun or ended by now and has not: somebody moves it by hand and is late.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let due = match self.status {
            IncidentStatus::Scheduled => self.scheduled_start,
            IncidentStatus::InProgress | IncidentStatus::Verifying => self.scheduled_end,
            _ => None,
        };
        due.is_some_and(|due| due < now)
    }

    /// Takes a status and the times that go with it. Taking the same status again sets nothing anew. A maintenance
    /// begins when it leaves its plan, whatever it becomes: only then it is known since when it goes on.
    pub(super) fn take_status(&mut self, status: IncidentStatus, at: Timestamp) {
        if status == self.status {
            return;
        }
        if !status.is_over() {
            self.resolved_at = None;
            self.actual_end = None;
        }
        if self.status == IncidentStatus::Scheduled && status != IncidentStatus::Cancelled {
            self.started_at = at;
        }
        match status {
            IncidentStatus::Investigating | IncidentStatus::Resolved => {}
            IncidentStatus::Identified => self.identified_at = self.identified_at.or(Some(at)),
            IncidentStatus::Monitoring => self.monitoring_at = self.monitoring_at.or(Some(at)),
            IncidentStatus::Scheduled => self.actual_start = None,
            IncidentStatus::InProgress | IncidentStatus::Verifying => self.actual_start = self.actual_start.or(Some(at)),
            IncidentStatus::Completed => {
                let began = *self.actual_start.get_or_insert(at);
                self.actual_end = Some(at.max(began));
            }
            IncidentStatus::Cancelled => self.actual_end = Some(at.max(self.actual_start.unwrap_or(at))),
        }
        if status.is_over() {
            // An order may carry a time from before the beginning: nothing is over before it began.
            self.resolved_at = Some(at.max(self.started_at));
        }
        self.status = status;
    }

    /// Applies a partial change: first the status, so that times said outright win.
    pub(super) fn change(&mut self, change: &IncidentChange, at: Timestamp) {
        match change.affected {
            Edit::Set(_) if self.status.is_over() => self.affected_before = None, // a correction: it always was so
            Edit::Set(_) => self.remember_affected(),
            Edit::Keep => {}
        }
        if let Edit::Set(status) = change.status {
            self.take_status(status, at);
        }
        change.title.write(&mut self.title);
        change.description.write(&mut self.description);
        change.impact.write(&mut self.impact);
        change.visibility.write(&mut self.visibility);
        change.affected.write(&mut self.affected);
        change.started_at.write(&mut self.started_at);
        change.resolved_at.write(&mut self.resolved_at);
        change.scheduled_start.write(&mut self.scheduled_start);
        change.scheduled_end.write(&mut self.scheduled_end);
        change.actual_start.write(&mut self.actual_start);
        change.actual_end.write(&mut self.actual_end);
        change.automatic.write(&mut self.automatic);
        change.metadata.write(&mut self.metadata);
        if !change.status.is_keep() && change.automatic.is_keep() {
            self.leave_to_hands_if_late(at);
        }
        self.updated_at = at;
    }

    /// A hand moved it to where the clock would take it away again at once: the hand knows better, and from now on
    /// it is moved by hands alone.
    pub(super) fn leave_to_hands_if_late(&mut self, at: Timestamp) {
        if self.next_due().is_some_and(|due| due <= at) {
            self.automatic = false;
        }
    }

    /// Called before an active incident changes what it touches.
    pub(super) fn remember_affected(&mut self) {
        if self.status.is_active() && self.affected_before.is_none() {
            self.affected_before = Some(self.affected.clone());
        }
    }

    /// How much there is to read in its timeline, in bytes.
    pub(super) fn timeline_bytes(&self) -> usize {
        self.updates.iter().map(|update| update_bytes(&update.message, &update.affected)).sum()
    }

    /// What `wanted` changes of the services affected so far: named ones are replaced, new ones added.
    pub(super) fn affected_changes(&self, wanted: &[Affected]) -> Vec<AffectedChange> {
        let same = |a: &Affected, b: &Affected| match (a.service, b.service) {
            (Some(a), Some(b)) => a == b,
            (None, None) => a.name == b.name,
            _ => false,
        };
        wanted
            .iter()
            .map(|to| AffectedChange {
                service: to.service,
                name: to.name.clone(),
                from: self.affected.iter().find(|from| same(from, to)).and_then(|from| from.status),
                to: to.status,
            })
            .collect()
    }

    /// Takes what a timeline entry said of affected services.
    pub(super) fn take_affected(&mut self, changes: &[AffectedChange]) {
        for change in changes {
            let known = self.affected.iter_mut().find(|affected| match change.service {
                Some(service) => affected.service == Some(service),
                None => affected.service.is_none() && affected.name == change.name,
            });
            match known {
                Some(affected) => affected.status = change.to,
                None => self.affected.push(Affected { service: change.service, name: change.name.clone(), status: change.to }),
            }
        }
    }
}

/// The size of a timeline entry, more or less as it is written down.
pub(super) fn update_bytes(message: &str, affected: &[AffectedChange]) -> usize {
    const FRAME: usize = 200;
    message.len() + FRAME + affected.iter().map(|change| change.name.len() + FRAME).sum::<usize>()
}
