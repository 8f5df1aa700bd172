//! What an order would do to incidents, and what services feel of it.
//!
//! An incident gives statuses to services while it is active. Every decision here compares what it gave before with
//! what it would give after (`effects.rs`), so that opening, moving, changing, resolving, reopening and deleting all
//! follow one rule: last writer wins, and what ends leaves the worst of what is still going on.

use super::{
    Org,
    decide::{Decision, unless},
    effects::Effects,
};
use crate::domain::{
    command::{NewIncident, NewUpdate, UpdateChange},
    edit::Edit,
    event::{Event, PostedUpdate},
    ids::{IncidentId, ServiceId, UpdateId},
    incident::{Affected, AffectedChange, Incident, IncidentChange, Update, update_bytes},
    limits,
    rejection::Rejection,
    status::{IncidentStatus, Kind},
    time::Timestamp,
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// How many maintenances one tick moves: a commit of a few hundred kilobytes.
const DUE_AT_ONCE: usize = 200;

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
        in_order_or_same("resolved_at", new.started_at, new.resolved_at)?;
        not_later("started_at", new.started_at, at)?;
        not_later("resolved_at", new.resolved_at, at)?;
        if new.resolved_at.is_some() && !new.status.is_over() {
            return Err(Rejection::invalid("resolved_at", "goes with a status that says it is over"));
        }
        let new = NewIncident { affected: self.named(&new.affected, None)?, ..new.clone() };
        let after = Incident::opened(&new, at, Default::default(), 0);
        let events = vec![Event::IncidentOpened(Box::new(new))];
        Ok(self.with_effects(events, None, Some(&after), &BTreeSet::new()))
    }

    pub(super) fn change_incident(&self, id: IncidentId, change: &IncidentChange, at: Timestamp) -> Decision {
        let before = self.incident(id)?;
        let mut change = change.clone();
        if let Edit::Set(affected) = &change.affected {
            change.affected = Edit::Set(self.named(affected, Some(before))?);
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
        if !change.started_at.is_keep() {
            not_later("started_at", Some(after.started_at), at)?;
        }
        if !change.resolved_at.is_keep() {
            not_later("resolved_at", after.resolved_at, at)?;
            if after.resolved_at.is_some() != after.status.is_over() {
                return Err(Rejection::invalid("resolved_at", "goes with a status that says it is over"));
            }
        }
        in_order_or_same("resolved_at", Some(after.started_at), after.resolved_at)?;
        in_order_or_same("actual_end", after.actual_start, after.actual_end)?;
        let events = vec![Event::IncidentChanged { id, change: Box::new(change) }];
        Ok(self.with_effects(events, Some(before), Some(&after), &BTreeSet::new()))
    }

    pub(super) fn post_update(&self, id: IncidentId, new: &NewUpdate, at: Timestamp) -> Decision {
        let before = self.incident(id)?;
        let affected = before.affected_changes(&self.named(&new.affected, Some(before))?);
        has_room(before, &new.message, &affected, (limits::UPDATES, limits::TIMELINE))?;
        self.posted(before, new, affected, at)
    }

    pub(super) fn edit_update(&self, incident: IncidentId, id: UpdateId, change: &UpdateChange) -> Decision {
        let update = self.update(incident, id)?;
        let change = UpdateChange {
            message: change.message.clone().unless_same(&update.message),
            status: change.status.unless_same(&update.status),
            shown_at: change.shown_at.unless_same(&update.shown_at),
        };
        if let Edit::Set(message) = &change.message {
            limits::text("message", message, limits::MESSAGE)?;
            let others = self.incident(incident)?.timeline_bytes() - update.message.len();
            limits::room("bytes of updates per incident", others + message.len(), limits::TIMELINE)?;
        }
        Ok(unless(change == UpdateChange::default(), Event::UpdateEdited { incident, id, change: Box::new(change) }))
    }

    pub(super) fn resolve_incident(&self, id: IncidentId, update: UpdateId, message: Option<&str>, at: Timestamp) -> Decision {
        let incident = self.incident(id)?;
        if incident.status.is_over() {
            return Err(Rejection::AlreadyResolved(id));
        }
        match incident.kind() {
            Kind::Incident => self.moved(incident, IncidentStatus::Resolved, update, message, at),
            // Not a way around its path: one that never began cannot be completed.
            Kind::Maintenance => self.move_maintenance(id, IncidentStatus::Completed, update, message, at),
        }
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
        Ok(self.with_effects(vec![Event::IncidentDeleted { id }], Some(before), None, &BTreeSet::new()))
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

    /// Begins and ends every maintenance whose time has come, in the order of their times. One that came and went while
    /// nobody watched takes both steps at once, with the times of its schedule, and no service ever shows it.
    ///
    /// At most [`DUE_AT_ONCE`] of them: a commit has a size, and the rest is still due afterwards.
    pub(super) fn tick(&self, now: Timestamp) -> Vec<Event> {
        let due = |incident: &Incident| incident.next_due().filter(|due| *due <= now);
        let mut late: Vec<_> =
            self.ongoing().filter_map(|incident| Some((due(incident)?, incident.id, incident.as_ref()))).collect();
        late.sort_by_key(|(due, id, _)| (*due, *id));
        late.truncate(DUE_AT_ONCE);

        let mut moves: Vec<(Timestamp, PostedUpdate)> = Vec::new();
        let mut turns: Vec<(Timestamp, &Incident, Incident)> = Vec::new();
        for (_, _, before) in late {
            let mut after = before.clone();
            let mut last = now;
            while let Some(due) = due(&after) {
                let update = self.due_move(&after, due, now);
                after.post(&update, now, Default::default(), 0);
                moves.push((due, update));
                last = due;
            }
            turns.push((last, before, after));
        }
        moves.sort_by_key(|(due, _)| *due); // stable: the steps of one maintenance stay in their order
        turns.sort_by_key(|(last, before, _)| (*last, before.id));

        let mut effects = Effects::on(self);
        for (_, before, after) in &turns {
            effects.turn(Some(before), Some(after), &BTreeSet::new());
        }
        moves.into_iter().map(|(_, update)| Event::UpdatePosted(Box::new(update))).chain(effects.into_events()).collect()
    }

    fn due_move(&self, maintenance: &Incident, due: Timestamp, now: Timestamp) -> PostedUpdate {
        let status = match maintenance.status {
            IncidentStatus::Scheduled => IncidentStatus::InProgress,
            _ => IncidentStatus::Completed,
        };
        // Drawn from what it is about: the same tick on the same state is the same event.
        let id = UpdateId::new(Uuid::new_v5(&maintenance.id.uuid(), format!("{status}#{}", self.seq).as_bytes()));
        // People read the timeline from top to bottom: a maintenance recorded after its own start does not begin
        // before it was announced.
        let told = maintenance.updates.last().map_or(due, |last| last.shown_at);
        PostedUpdate {
            incident: maintenance.id,
            id,
            message: words(status).to_owned(),
            status,
            shown_at: due.max(told).min(now),
            affected: Vec::new(),
            moved_at: Some(due),
        }
    }

    /// Adds an entry that moves the incident, with a plain text if nobody wrote one.
    fn moved(&self, before: &Incident, to: IncidentStatus, id: UpdateId, message: Option<&str>, at: Timestamp) -> Decision {
        let message = message.unwrap_or(words(to)).to_owned();
        let (updates, bytes) = limits::RESERVE;
        has_room(before, &message, &[], (limits::UPDATES + updates, limits::TIMELINE + bytes))?;
        let new = NewUpdate { id, message, status: Some(to), affected: Vec::new(), shown_at: None };
        self.posted(before, &new, Vec::new(), at)
    }

    fn posted(&self, before: &Incident, new: &NewUpdate, affected: Vec<AffectedChange>, at: Timestamp) -> Decision {
        limits::text("message", &new.message, limits::MESSAGE)?;
        if before.updates.iter().any(|update| update.id == new.id) {
            return Err(Rejection::IdTaken);
        }
        let insisted = affected.iter().filter_map(|change| change.service).collect();
        let update = PostedUpdate {
            incident: before.id,
            id: new.id,
            message: new.message.clone(),
            status: new.status.unwrap_or(before.status),
            shown_at: new.shown_at.unwrap_or(at),
            affected,
            moved_at: None,
        };
        let mut after = before.clone();
        after.post(&update, at, Default::default(), 0);
        limits::affected(after.affected.len())?;
        let events = vec![Event::UpdatePosted(Box::new(update))];
        Ok(self.with_effects(events, Some(before), Some(&after), &insisted))
    }

    /// The events with what services feel of them.
    fn with_effects(
        &self,
        mut events: Vec<Event>,
        before: Option<&Incident>,
        after: Option<&Incident>,
        insisted: &BTreeSet<ServiceId>,
    ) -> Vec<Event> {
        let mut effects = Effects::on(self);
        effects.turn(before, after, insisted);
        events.extend(effects.into_events());
        events
    }

    /// Affected services with their names of today; unknown ones are refused. An incident that exists may go on naming
    /// services that are gone.
    fn named(&self, affected: &[Affected], before: Option<&Incident>) -> Result<Vec<Affected>, Rejection> {
        limits::affected(affected.len())?;
        let mut seen = BTreeSet::new();
        affected
            .iter()
            .map(|one| {
                let Some(id) = one.service else {
                    limits::name("affected", &one.name)?;
                    if one.status.is_some() {
                        return Err(Rejection::invalid("affected", "a bare name cannot be given a status"));
                    }
                    return Ok(one.clone());
                };
                if !seen.insert(id) {
                    return Err(Rejection::invalid("affected", "must name each service once"));
                }
                let known = before.and_then(|incident| incident.affected.iter().find(|known| known.service == Some(id)));
                let name = match (self.services.get(&id), known) {
                    (Some(service), _) => &service.name,
                    (None, Some(known)) => &known.name,
                    (None, None) => return Err(Rejection::UnknownService(id)),
                };
                Ok(Affected { name: name.clone(), ..one.clone() })
            })
            .collect()
    }

    pub(super) fn incident(&self, id: IncidentId) -> Result<&Incident, Rejection> {
        self.incidents.get(&id).map(AsRef::as_ref).ok_or(Rejection::UnknownIncident(id))
    }
    pub(super) fn update(&self, incident: IncidentId, id: UpdateId) -> Result<&Update, Rejection> {
        self.incident(incident)?.updates.iter().find(|update| update.id == id).ok_or(Rejection::UnknownUpdate(id))
    }
}

/// What a timeline says when nobody wrote a text.
const fn words(to: IncidentStatus) -> &'static str {
    match to {
        IncidentStatus::Resolved => "This incident has been resolved.",
        IncidentStatus::InProgress => "Scheduled maintenance is in progress.",
        IncidentStatus::Verifying => "The maintenance is done and being verified.",
        IncidentStatus::Completed => "The scheduled maintenance has been completed.",
        IncidentStatus::Cancelled => "The scheduled maintenance has been cancelled.",
        IncidentStatus::Investigating | IncidentStatus::Identified | IncidentStatus::Monitoring | IncidentStatus::Scheduled => "",
    }
}

/// Room for one more timeline entry.
fn has_room(
    incident: &Incident,
    message: &str,
    affected: &[AffectedChange],
    (updates, bytes): (usize, usize),
) -> Result<(), Rejection> {
    limits::room("updates per incident", incident.updates.len(), updates)?;
    limits::room("bytes of updates per incident", incident.timeline_bytes() + update_bytes(message, affected), bytes)
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

fn not_later(field: &'static str, time: Option<Timestamp>, now: Timestamp) -> Result<(), Rejection> {
    match time {
        Some(time) if time > now => Err(Rejection::invalid(field, "must not be in the future")),
        _ => Ok(()),
    }
}
