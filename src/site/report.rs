//! One incident or maintenance with all that was said of it.

use super::{
    history::ended,
    prose,
    time::{Clockwork, Time},
    tone::{Tone, duration, status_word},
    view::{Said, affected_names, newest_first},
};
use tocsin_actors::domain::{
    Incident, Org, Timestamp,
    entities::Organization,
    status::{IncidentStatus, Kind},
};

/// It.
pub(super) struct Report {
    pub(super) title: String,
    pub(super) description: String,
    /// How bad it is, or was,
    pub(super) tone: Tone,
    /// in words.
    pub(super) word: String,
    /// How far it has come: well once it is over.
    pub(super) state: Tone,
    pub(super) state_word: String,
    pub(super) affected: String,
    pub(super) times: Vec<(&'static str, Time)>,
    pub(super) length: String,
    pub(super) updates: Vec<Said>,
    /// What was learned, as HTML.
    pub(super) postmortem: Option<String>,
    /// What is said of it in few words.
    pub(super) summary: String,
}

impl Report {
    pub(super) fn of(org: &Org, organization: &Organization, incident: &Incident) -> Self {
        let clock = Clockwork(organization.time_zone);
        let (tone, word) = Tone::of_incident(incident);
        let state_word = status_word(incident.status);
        let updates: Vec<_> = newest_first(incident).into_iter().map(|update| Said::of(update, clock)).collect();
        Self {
            title: incident.title.clone(),
            description: incident.description.clone(),
            tone,
            // A maintenance's word is how far it is, which is said already.
            word: if incident.kind() == Kind::Maintenance { "Maintenance".to_owned() } else { word },
            state: if incident.status.is_over() { Tone::Operational } else { tone },
            affected: affected_names(org, incident),
            times: times(incident, clock),
            length: ended(incident)
                .filter(|_| has_begun(incident))
                .map(|end| duration(end.since(incident.started_at)))
                .unwrap_or_default(),
            postmortem: incident.postmortem.as_ref().map(|postmortem| prose::html(&postmortem.body)),
            summary: updates.first().map_or_else(|| state_word.clone(), |said| format!("{state_word}: {}", said.message)),
            state_word,
            updates,
        }
    }
}

/// What was called off before it began took no time.
fn has_begun(incident: &Incident) -> bool {
    incident.kind() == Kind::Incident || incident.actual_start.is_some()
}

/// When what happened, and when what was meant to.
fn times(incident: &Incident, clock: Clockwork) -> Vec<(&'static str, Time)> {
    let full = |word, at: Timestamp| (word, clock.full(at));
    let planned = incident.scheduled_start.filter(|_| incident.kind() == Kind::Maintenance);
    let planned = planned.map(|from| ("Planned for", clock.window(from, incident.scheduled_end)));
    let begun = match incident.kind() {
        Kind::Incident => Some(incident.started_at),
        Kind::Maintenance => incident.actual_start,
    };
    let end_word = match incident.status {
        IncidentStatus::Completed => "Completed",
        IncidentStatus::Cancelled => "Cancelled",
        _ => "Resolved",
    };
    let end = ended(incident).map(|at| full(end_word, at));
    planned.into_iter().chain(begun.map(|at| full("Started", at))).chain(end).collect()
}
