//! What an incident is when it is recorded, and what a timeline entry makes of it. Decisions look ahead with the same
//! two functions that record what happened, so that what services feel is what the incident became.

use crate::domain::{
    command::NewIncident,
    entities::{Author, Number},
    event::PostedUpdate,
    incident::{Incident, Update},
    status::IncidentStatus,
    time::Timestamp,
};

impl Incident {
    /// An incident as it is when it is recorded.
    pub(super) fn opened(new: &NewIncident, at: Timestamp, by: Author, number: Number) -> Self {
        let started_at = new.started_at.or(new.resolved_at.map(|resolved| resolved.min(at))).unwrap_or(at);
        let over_at = new.status.is_over().then(|| new.resolved_at.unwrap_or(at).max(started_at));
        let began = matches!(new.status, IncidentStatus::InProgress | IncidentStatus::Verifying | IncidentStatus::Completed);
        let update = new.update.as_ref().map(|(id, message)| Update {
            id: *id,
            number: 0,
            status: new.status,
            message: message.clone(),
            author: by,
            shown_at: started_at,
            created_at: at,
            updated_at: at,
            affected: Vec::new(),
        });
        let mut incident = Self {
            id: new.id,
            number,
            title: new.title.clone(),
            description: new.description.clone(),
            status: new.status,
            impact: new.impact,
            visibility: new.visibility,
            affected: Vec::new(),
            started_at,
            identified_at: (new.status == IncidentStatus::Identified).then_some(at),
            monitoring_at: (new.status == IncidentStatus::Monitoring).then_some(at),
            resolved_at: over_at,
            scheduled_start: new.scheduled_start,
            scheduled_end: new.scheduled_end,
            actual_start: began.then_some(started_at),
            actual_end: over_at.filter(|_| new.status != IncidentStatus::Resolved),
            automatic: new.automatic,
            affected_before: None,
            updates: update.into_iter().collect(),
            postmortem: None,
            created_at: at,
            updated_at: at,
            created_by: by,
            metadata: new.metadata.clone(),
        };
        // Compared while nothing is affected yet, so that the first entry tells what the incident began with.
        let began_with = incident.affected_changes(&new.affected);
        if let Some(first) = incident.updates.first_mut() {
            first.affected = began_with;
        }
        incident.affected.clone_from(&new.affected);
        if new.status != IncidentStatus::Scheduled {
            incident.leave_to_hands_if_late(at);
        }
        incident
    }

    /// Takes a timeline entry: what it tells, where it moves the incident, what it changes of affected services.
    pub(super) fn post(&mut self, update: &PostedUpdate, at: Timestamp, by: Author, number: Number) {
        if !update.affected.is_empty() {
            self.remember_affected();
        }
        let moved_by_hand = update.moved_at.is_none() && update.status != self.status;
        self.take_status(update.status, update.moved_at.unwrap_or(at));
        self.take_affected(&update.affected);
        if moved_by_hand {
            self.leave_to_hands_if_late(at);
        }
        self.updates.push(Update {
            id: update.id,
            number,
            status: update.status,
            message: update.message.clone(),
            author: by,
            shown_at: update.shown_at,
            created_at: at,
            updated_at: at,
            affected: update.affected.clone(),
        });
        self.updated_at = at;
    }
}
