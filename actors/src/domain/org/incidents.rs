//! What an order would do to incidents, and what services feel of it.
//!
//! An incident gives statuses to services while it is active. Every decision here compares what it gave before with
//! what it would give after (`felt_by_services`), so that opening, moving, changing, resolving, reopening and deleting
//! all follow one rule: last writer wins, and what ends leaves the worst of what is still going on.

use super::{Org, decide::Decision, decide::unless};
use crate::domain::{
    command::{NewIncident, NewUpdate, UpdateChange},
    edit::Edit,
    entities::Cause,
    event::{Event, PostedUpdate},
    ids::{IncidentId, ServiceId, UpdateId},
    incident::{Affected, Incident, IncidentChange, Update},
    limits,
    rejection::Rejection,
    status::{IncidentStatus, Kind, ServiceStatus},
    time::Timestamp,
};
use std::collections::BTreeSet;
use uuid::Uuid;

impl Org {
    pub(super) fn open_incident(&self, new: &NewIncident, at: Timestamp) -> Decision {
        limits::room("incidents", self.incidents.len(), limits::INCIDENTS)?;
        limits::name("title", &new.title)?;
        limits::text("description", &new.description, limits::DESCRIPTION)?;
        limits::metadata(&new.metadata)?;
        if let Some((_, message)) = &new.update {
            limits::text("message", message, limits::MESSAGE)?;
        }
        if self.incidents.contains_key(&new.id) {
            return Err(Rejection::IdTaken);
        }
        in_order("scheduled_end", new.scheduled_start, new.scheduled_end)?;
        in_order("resolved_at", new.started_at, new.resolved_at)?;
        if new.started_at.is_some_and(|started| started > at) {
            return Err(Rejection::invalid("started_at", "must not be in the future"));
        }
        if new.resolved_at.is_some() && !new.status.is_over() {
            return Err(Rejection::invalid("resolved_at", "goes with a status that says it is over"));
        }
        let new = NewIncident { affected: self.named(&new.affected)?, ..new.clone() };
        let after = Incident::opened(&new, at, Default::default(), 0);
        let mut events = vec![Event::IncidentOpened(Box::new(new))];
        self.felt_by_services(None, Some(&after), &mut events);
        Ok(events)
    }

    pub(super) fn change_incident(&self, id: IncidentId, change: &IncidentChange, at: Timestamp) -> Decision {
        let before = self.incident(id)?;
        let mut change = change.clone();
        if let Edit::Set(affected) = &change.affected {
            change.affected = Edit::Set(self.named_again(before, affected)?);
        }
        let change = change.against(before);
        change.title.as_set().map_or(Ok(()), |title| limits::name("title", title))?;
        change.description.as_set().map_or(Ok(()), |text| limits::text("description", text, limits::DESCRIPTION))?;
        change.metadata.as_set().map_or(Ok(()), limits::metadata)?;
        let mut after = before.clone();
        after.change(&change, at);
        after.updated_at = before.updated_at;
        if after == *before {
            return Ok(Vec::new());
        }
        in_order("scheduled_end", after.scheduled_start, after.scheduled_end)?;
        if !change.started_at.is_keep() && after.started_at > at {
            return Err(Rejection::invalid("started_at", "must not be in the future"));
        }
        if !change.resolved_at.is_keep() || !change.started_at.is_keep() {
            in_order_or_same("resolved_at", Some(after.started_at), after.resolved_at)?;
        }
        let mut events = vec![Event::IncidentChanged { id, change: Box::new(change) }];
        self.felt_by_services(Some(before), Some(&after), &mut events);
        Ok(events)
    }

    pub(super) fn post_update(&self, id: IncidentId, new: &NewUpdate, at: Timestamp) -> Decision {
        let before = self.incident(id)?;
        limits::room("updates of an incident", before.updates.len(), limits::UPDATES)?;
        limits::text("message", &new.message, limits::MESSAGE)?;
        if before.updates.iter().any(|update| update.id == new.id) {
            return Err(Rejection::IdTaken);
        }
        let affected = self.named_again(before, &new.affected)?;
        let update = PostedUpdate {
            incident: id,
            id: new.id,
            message: new.message.clone(),
            status: new.status.unwrap_or(before.status),
            shown_at: new.shown_at.unwrap_or(at),
            affected: before.affected_changes(&affected),
            moved_at: None,
        };
        Ok(self.posted(before, update, at))
    }

    pub(super) fn edit_update(&self, incident: IncidentId, id: UpdateId, change: &UpdateChange) -> Decision {
        let update = self.update(incident, id)?;
        let change = UpdateChange {
            message: change.message.clone().unless_same(&update.message),
            status: change.status.unless_same(&update.status),
            shown_at: change.shown_at.unless_same(&update.shown_at),
        };
        change.message.as_set().map_or(Ok(()), |message| limits::text("message", message, limits::MESSAGE))?;
        Ok(unless(change == UpdateChange::default(), Event::UpdateEdited { incident, id, change: Box::new(change) }))
    }

    pub(super) fn resolve_incident(&self, id: IncidentId, update: UpdateId, message: Option<&str>, at: Timestamp) -> Decision {
        let incident = self.incident(id)?;
        if incident.status.is_over() {
            return Err(Rejection::AlreadyResolved(id));
        }
        let to = match incident.kind() {
            Kind::Incident => IncidentStatus::Resolved,
            Kind::Maintenance => IncidentStatus::Completed,
        };
        self.moved(incident, to, update, message, at)
    }

    pub(super) fn move_maintenance(
        &self,
        id: IncidentId,
        to: IncidentStatus,
        update: UpdateId,
        message: Option<&str>,
        at: Timestamp,
    ) -> Decision {
        use IncidentStatus::*;
        let maintenance = self.incident(id)?;
        match (maintenance.status, to) {
            (Scheduled, InProgress | Cancelled)
            | (InProgress, Verifying | Completed | Cancelled)
            | (Verifying, Completed | Cancelled) => self.moved(maintenance, to, update, message, at),
            (from, to) => Err(Rejection::WrongMove { from, to }),
        }
    }

    pub(super) fn delete_incident(&self, id: IncidentId) -> Decision {
        let before = self.incident(id)?;
        let mut events = vec![Event::IncidentDeleted { id }];
        self.felt_by_services(Some(before), None, &mut events);
        Ok(events)
    }

    pub(super) fn set_postmortem(&self, id: IncidentId, body: &str) -> Decision {
        let incident = self.incident(id)?;
        if !incident.status.is_over() {
            return Err(Rejection::NotOver);
        }
        if body.trim().is_empty() {
            return Err(Rejection::invalid("body", "must not be empty"));
        }
        limits::text("body", body, limits::POSTMORTEM)?;
        let same = incident.postmortem.as_ref().is_some_and(|postmortem| postmortem.body == body);
        Ok(unless(same, Event::PostmortemSet { incident: id, body: body.to_owned() }))
    }

    /// Begins and ends every maintenance whose time has come. One that came and went while nobody watched takes both
    /// steps at once, with the times of its schedule, and no service ever shows it.
    pub(super) fn tick(&self, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        for before in self.incidents.values().filter(|incident| incident.next_due().is_some_and(|due| due <= now)) {
            let mut after = Incident::clone(before);
            while let Some(due) = after.next_due().filter(|due| *due <= now) {
                let (status, message) = match after.status {
                    IncidentStatus::Scheduled => (IncidentStatus::InProgress, "Scheduled maintenance is in progress."),
                    _ => (IncidentStatus::Completed, "The scheduled maintenance has been completed."),
                };
                // Drawn from what it is about: the same tick on the same state is the same event.
                let name = format!("{status}@{}#{}", due.millis(), after.updates.len());
                let id = UpdateId::new(Uuid::new_v5(&after.id.uuid(), name.as_bytes()));
                let message = message.to_owned();
                let update = PostedUpdate {
                    incident: after.id,
                    id,
                    message,
                    status,
                    shown_at: due,
                    affected: Vec::new(),
                    moved_at: Some(due),
                };
                after.post(&update, now, Default::default(), 0);
                events.push(Event::UpdatePosted(Box::new(update)));
            }
            self.felt_by_services(Some(before), Some(&after), &mut events);
        }
        events
    }

    /// Adds an entry that moves the incident, with a plain text if nobody wrote one.
    fn moved(&self, before: &Incident, to: IncidentStatus, id: UpdateId, message: Option<&str>, at: Timestamp) -> Decision {
        let message = message.unwrap_or(match to {
            IncidentStatus::Resolved => "This incident has been resolved.",
            IncidentStatus::InProgress => "Scheduled maintenance is in progress.",
            IncidentStatus::Verifying => "The maintenance is done and being verified.",
            IncidentStatus::Completed => "The scheduled maintenance has been completed.",
            IncidentStatus::Cancelled => "The scheduled maintenance has been cancelled.",
            _ => "",
        });
        let update = NewUpdate { id, message: message.to_owned(), status: Some(to), affected: Vec::new(), shown_at: None };
        self.post_update(before.id, &update, at)
    }

    fn posted(&self, before: &Incident, update: PostedUpdate, at: Timestamp) -> Vec<Event> {
        let mut after = before.clone();
        after.post(&update, at, Default::default(), 0);
        let mut events = vec![Event::UpdatePosted(Box::new(update))];
        self.felt_by_services(Some(before), Some(&after), &mut events);
        events
    }

    /// What services feel when an incident turns from `before` into `after`. Last writer wins; what it gives no longer
    /// is replaced by the worst of what other incidents still give, and a status set by hand is left alone.
    fn felt_by_services(&self, before: Option<&Incident>, after: Option<&Incident>, events: &mut Vec<Event>) {
        let affected = before.into_iter().chain(after).flat_map(|incident| &incident.affected);
        let services: BTreeSet<ServiceId> = affected.filter_map(|affected| affected.service).collect();
        for id in services {
            let Some(service) = self.services.get(&id) else { continue };
            let given = |incident: Option<&Incident>| incident.and_then(|i| Some((i.gives(id)?, i.as_cause())));
            let (was, will) = (given(before), given(after));
            if was == will {
                continue;
            }
            let ((to, cause), because) = match (was, will) {
                (_, Some((status, cause))) => ((status, cause), cause),
                (Some((_, was)), None) if service.cause.incident() == was.incident() => {
                    let except = was.incident().expect("an incident gave it");
                    (self.worst_cause(id, except).unwrap_or((ServiceStatus::Operational, Cause::Manual)), was)
                }
                _ => continue,
            };
            if (to, cause) != (service.status, service.cause) {
                events.push(Event::ServiceStatusChanged { id, from: service.status, to, cause, because, reason: None });
            }
        }
    }

    /// Affected services with their names of today; unknown ones are refused.
    fn named(&self, affected: &[Affected]) -> Result<Vec<Affected>, Rejection> {
        if affected.len() > limits::AFFECTED {
            return Err(Rejection::TooMany { what: "affected services per incident", limit: limits::AFFECTED });
        }
        let mut seen = BTreeSet::new();
        affected
            .iter()
            .map(|one| {
                if let Some(id) = one.service {
                    if !seen.insert(id) {
                        return Err(Rejection::invalid("affected", "must name each service once"));
                    }
                    let service = self.services.get(&id).ok_or(Rejection::UnknownService(id))?;
                    return Ok(Affected { name: service.name.clone(), ..one.clone() });
                }
                limits::name("affected", &one.name)?;
                if one.status.is_some() {
                    return Err(Rejection::invalid("affected", "a bare name cannot be given a status"));
                }
                Ok(one.clone())
            })
            .collect()
    }

    /// The same for an incident that exists: it may go on naming services that are gone.
    fn named_again(&self, incident: &Incident, affected: &[Affected]) -> Result<Vec<Affected>, Rejection> {
        let gone = |one: &&Affected| one.service.is_some_and(|id| !self.services.contains_key(&id) && incident.affects(id));
        let (gone, here): (Vec<_>, Vec<_>) = affected.iter().partition(gone);
        let mut named = self.named(&here.into_iter().cloned().collect::<Vec<_>>())?;
        named.extend(gone.into_iter().cloned());
        Ok(named)
    }

    pub(super) fn incident(&self, id: IncidentId) -> Result<&Incident, Rejection> {
        self.incidents.get(&id).map(AsRef::as_ref).ok_or(Rejection::UnknownIncident(id))
    }
    pub(super) fn update(&self, incident: IncidentId, id: UpdateId) -> Result<&Update, Rejection> {
        self.incident(incident)?.updates.iter().find(|update| update.id == id).ok_or(Rejection::UnknownUpdate(id))
    }
}

fn in_order(field: &'static str, start: Option<Timestamp>, end: Option<Timestamp>) -> Result<(), Rejection> {
    match (start, end) {
        (Some(start), Some(end)) if end <= start => Err(Rejection::invalid(field, "must be after the start")),
        _ => Ok(()),
    }
}

fn in_order_or_same(field: &'static str, start: Option<Timestamp>, end: Option<Timestamp>) -> Result<(), Rejection> {
    match (start, end) {
        (Some(start), Some(end)) if end < start => Err(Rejection::invalid(field, "must not be before the start")),
        _ => Ok(()),
    }
}
