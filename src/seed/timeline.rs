//! From an incident's story to orders. There are three ways in which a story came to be known:
//!
//! - told while it happened: every entry is an order of its own time;
//! - a maintenance: announced, then begun and ended by a hand or by the clock;
//! - filled in afterwards (`recorded` after the first entry): all orders have the time of recording, the entries show
//!   the times of which they tell, and services' own histories stay as they were.

use super::{
    fixture::{AffectedSpec, IncidentSpec, UpdateSpec},
    ids,
    plan::Planner,
};
use std::sync::Arc;
use tocsin_actors::domain::{
    Author, Command, Edit, IncidentId, Timestamp,
    command::{NewIncident, NewUpdate, UpdateChange},
    incident::Affected,
    status::{IncidentStatus, Kind},
};

/// An entry with its time.
type Dated<'a> = (Timestamp, &'a UpdateSpec);

impl Planner<'_> {
    pub(super) fn incident(&mut self, spec: &IncidentSpec) {
        let Some(start_told) = &spec.start else { return };
        let start = match spec.status.kind() {
            Kind::Incident => self.past(start_told, None),
            Kind::Maintenance => self.resolved(start_told, None),
        };
        let Some(start) = start else { return };
        let Some(updates) = self.dated(spec, start) else { return };
        let recorded = match &spec.recorded {
            Some(recorded) => self.past(recorded, Some(start)),
            None => Some(updates.first().map_or(start, |(at, _)| *at)),
        };
        let Some(recorded) = recorded else { return };
        let recorded_spot = spec.recorded.as_ref().unwrap_or(start_told).spot.clone();
        self.must_exist(recorded, &recorded_spot);
        self.services_must_exist(spec, recorded, &updates);

        let first = updates.first().map(|(at, _)| *at);
        match spec.status.kind() {
            Kind::Incident if recorded < start && spec.recorded.is_some() => self.problem(recorded_spot, "lies before the start"),
            Kind::Incident if first.is_some_and(|first| first < recorded) => self.filled_in(spec, start, recorded, &updates),
            Kind::Incident => self.told_live(spec, start, recorded, None, &updates),
            Kind::Maintenance => {
                let end = spec.end.as_ref().and_then(|end| self.resolved(end, Some(start)).map(|at| (at, end.spot.clone())));
                let Some((end, end_spot)) = end else { return };
                if end <= start {
                    self.problem(end_spot, "must be after the start");
                }
                if let Some((_, update)) = updates.first().filter(|(at, _)| *at < recorded) {
                    self.problem(update.at.spot.clone(), "lies before the maintenance was announced");
                }
                self.told_live(spec, start, recorded, Some(end), &updates);
                let due = [start, end].into_iter().filter(|due| spec.automatic && *due <= self.clock.now);
                for due in due.collect::<Vec<_>>() {
                    self.step(due.max(recorded), Author::System, Command::Tick, &Arc::new(spec.spots.clone()));
                }
            }
        }
    }

    /// The entries with their times, which must not go back.
    fn dated<'a>(&mut self, spec: &'a IncidentSpec, start: Timestamp) -> Option<Vec<Dated<'a>>> {
        let mut dated: Vec<Dated<'a>> = Vec::new();
        for update in &spec.updates {
            let at = self.past(&update.at, Some(start))?;
            if dated.last().is_some_and(|(before, _)| at < *before) {
                self.problem(update.at.spot.clone(), "lies before the entry above it");
            } else if spec.status.kind() == Kind::Incident && at < start {
                self.problem(update.at.spot.clone(), "lies before the start");
            }
            dated.push((at, update));
        }
        Some(dated)
    }

    fn services_must_exist(&mut self, spec: &IncidentSpec, recorded: Timestamp, updates: &[Dated<'_>]) {
        let by_updates = updates.iter().flat_map(|(at, update)| update.affected.iter().map(|one| (*at, one)));
        let all: Vec<_> = spec.affected.iter().map(|one| (recorded, one)).chain(by_updates).collect();
        for (at, name) in all.iter().filter_map(|(at, one)| Some((*at, one.service.as_ref()?))) {
            let service = self.spec.services.iter().find(|service| service.id.value == name.value);
            let Some(service) = service.filter(|service| service.created.is_some()) else { continue };
            if self.service_created(service).is_some_and(|created| at < created) {
                self.problem(name.spot.clone(), format!("the service {:?} did not exist at that time", name.value));
            }
        }
    }

    fn told_live(
        &mut self,
        spec: &IncidentSpec,
        start: Timestamp,
        recorded: Timestamp,
        end: Option<Timestamp>,
        updates: &[Dated<'_>],
    ) {
        let id = self.ids.incident(&spec.id.value);
        let spots = Arc::new(spec.spots.clone());
        let planned = end.is_some();
        let first = updates.first().filter(|(at, _)| *at == recorded);
        // An entry that comes with the incident is shown at its start. One that is later, because it took a while to
        // notice, is posted behind it, and then tells what the incident did to services from the beginning.
        let with_it = first.filter(|_| planned || start == recorded).map(|(_, update)| *update);
        let behind_it = first.filter(|_| with_it.is_none()).is_some();
        let affected = self.affected(&spec.affected);
        let mut new = self.opened(spec, id);
        new.affected = if behind_it { Vec::new() } else { affected.clone() };
        new.started_at = (!planned && start < recorded).then_some(start);
        new.scheduled_start = planned.then_some(start);
        new.scheduled_end = end;
        new.update = with_it.map(|update| (ids::update(id, 0), update.message.clone()));
        let author = spec.by.as_ref().or(updates.first().and_then(|(_, update)| update.by.as_ref()));
        self.step(recorded, self.author(author), Command::OpenIncident(Box::new(new)), &spots);

        for (n, (at, update)) in updates.iter().enumerate() {
            let update_id = ids::update(id, n);
            let spots = Arc::new(update.spots.clone());
            let by = self.author(update.by.as_ref().or(spec.by.as_ref()));
            let told_with_it = n == 0 && with_it.is_some();
            if !told_with_it {
                let mut changed = self.affected(&update.affected);
                if n == 0 && behind_it {
                    changed.extend(
                        affected.iter().filter(|one| !changed_by(&update.affected, one, self)).cloned().collect::<Vec<_>>(),
                    );
                }
                let new = NewUpdate {
                    id: update_id,
                    message: update.message.clone(),
                    status: update.status.filter(|_| update.moves),
                    affected: changed,
                    shown_at: None,
                };
                self.step(*at, by, Command::PostUpdate { incident: id, update: Box::new(new) }, &spots);
            }
            let tells_another = update.status.filter(|status| !update.moves || (told_with_it && *status != spec.status));
            if let Some(status) = tells_another {
                self.tell(*at, by, id, n, status, &spots);
            }
        }
        self.postmortem(spec, start, recorded);
    }

    fn filled_in(&mut self, spec: &IncidentSpec, start: Timestamp, recorded: Timestamp, updates: &[Dated<'_>]) {
        let id = self.ids.incident(&spec.id.value);
        let mut moves = updates.iter().filter(|(_, update)| update.moves).filter_map(|(at, update)| Some((*at, update.status?)));
        let (ended, last) = moves.next_back().unwrap_or((recorded, spec.status));
        let mut new = self.opened(spec, id);
        new.status = last;
        new.affected = self.affected(&spec.affected);
        new.started_at = Some(start);
        new.resolved_at = last.is_over().then_some(ended);
        let author = self.author(spec.by.as_ref());
        self.step(recorded, author, Command::OpenIncident(Box::new(new)), &Arc::new(spec.spots.clone()));
        let mut status = spec.status;
        for (n, (at, update)) in updates.iter().enumerate() {
            if !update.affected.is_empty() {
                let problem = "an incident that is filled in afterwards names what it affected once, not entry by entry";
                self.problem(update.spots.field("affected"), problem);
            }
            let spots = Arc::new(update.spots.clone());
            let by = self.author(update.by.as_ref().or(spec.by.as_ref()));
            let (message, shown_at) = (update.message.clone(), Some(*at));
            let new = NewUpdate { id: ids::update(id, n), message, status: None, affected: Vec::new(), shown_at };
            self.step(recorded, by, Command::PostUpdate { incident: id, update: Box::new(new) }, &spots);
            status = update.status.unwrap_or(status);
            if status != last {
                self.tell(recorded, by, id, n, status, &spots);
            }
        }
        self.postmortem(spec, start, recorded);
    }

    /// Lets an entry tell a status without moving the incident there.
    fn tell(
        &mut self,
        at: Timestamp,
        by: Author,
        incident: IncidentId,
        n: usize,
        status: IncidentStatus,
        spots: &Arc<super::read::Spots>,
    ) {
        let change = Box::new(UpdateChange { status: Edit::Set(status), ..UpdateChange::default() });
        self.step(at, by, Command::EditUpdate { incident, id: ids::update(incident, n), change }, spots);
    }

    fn postmortem(&mut self, spec: &IncidentSpec, start: Timestamp, recorded: Timestamp) {
        let Some(postmortem) = &spec.postmortem else { return };
        let Some(at) = self.past(&postmortem.at, Some(start)) else { return };
        let by = self.author(postmortem.by.as_ref().or(spec.by.as_ref()));
        let (incident, body) = (self.ids.incident(&spec.id.value), postmortem.body.clone());
        let command = Command::SetPostmortem { incident, body };
        self.step(at.max(recorded), by, command, &Arc::new(postmortem.spots.clone()));
    }

    /// The incident as it begins, its times apart.
    fn opened(&self, spec: &IncidentSpec, id: IncidentId) -> NewIncident {
        NewIncident {
            id,
            title: spec.title.clone(),
            description: spec.description.clone(),
            status: spec.status,
            impact: spec.impact,
            visibility: spec.visibility,
            affected: Vec::new(),
            started_at: None,
            resolved_at: None,
            scheduled_start: None,
            scheduled_end: None,
            automatic: spec.automatic,
            update: None,
            metadata: spec.metadata.clone(),
        }
    }

    /// Affected services with ids. One that somebody deleted since is named without: what is gone feels nothing.
    fn affected(&self, specs: &[AffectedSpec]) -> Vec<Affected> {
        let one = |spec: &AffectedSpec| {
            let Some(service) = &spec.service else {
                return Affected { service: None, name: spec.name.clone().unwrap_or_default(), status: None };
            };
            let id = self.ids.service(&service.value);
            let org = self.circumstances.org;
            match org.service_even_retired(id) {
                Some(gone) if !org.services().contains_key(&id) => {
                    Affected { service: None, name: gone.name.clone(), status: None }
                }
                _ => Affected { service: Some(id), name: String::new(), status: spec.status },
            }
        };
        specs.iter().map(one).collect()
    }
}

/// Whether an entry says itself what becomes of an affected service.
fn changed_by(changes: &[AffectedSpec], one: &Affected, planner: &Planner<'_>) -> bool {
    changes.iter().any(|change| match (&change.service, one.service) {
        (Some(service), Some(id)) => planner.ids.service(&service.value) == id,
        (None, None) => change.name.as_deref() == Some(&one.name),
        _ => false,
    })
}
