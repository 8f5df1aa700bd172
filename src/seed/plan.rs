//! From what a fixture says of an organization to the orders that make it so: what is missing, in the order of time.
//!
//! A plan is made against the organization as it is. What is there already is left exactly as it is, an incident with
//! its whole timeline included; so planning again after a plan was carried out gives an empty plan.

use super::{
    fixture::{OrgSpec, ServiceSpec},
    ids::Ids,
    problem::{Problem, Spot},
    read::{Spots, Told},
    times::{Clock, Time},
};
use std::{collections::BTreeMap, sync::Arc};
use tocsin_actors::domain::{
    Author, Command, Edit, Order, Org, OrgId, Timestamp, UserId,
    command::{NewOrganization, NewService, ServiceChange},
    status::Kind,
};
use tocsin_actors::readings::Reading;

/// What is to be done for one organization.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which.
    pub org: OrgId,
    /// The organization itself is to be made too.
    pub is_new: bool,
    /// In the order of time.
    pub steps: Vec<Step>,
    /// What the fixture has of each kind, and how many are missing.
    pub counts: Counts,
    /// What it says that checks have found, by monitor, whether it is there already or not.
    pub readings: Vec<Vec<Reading>>,
}

/// One order and the place that asks for it.
#[derive(Debug, Clone)]
pub struct Step {
    /// What to do.
    pub order: Order,
    /// Where it is said.
    pub spots: Arc<Spots>,
}

/// How many of a kind there are in the fixture, and how many of them are not in the organization yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// In the fixture.
    pub all: usize,
    /// Missing.
    pub new: usize,
}

/// What an organization has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the names of the entities
pub struct Counts {
    pub members: Count,
    pub teams: Count,
    pub groups: Count,
    pub services: Count,
    pub incidents: Count,
    pub maintenances: Count,
    pub monitors: Count,
}

impl Count {
    pub(super) fn add(&mut self, is_new: bool) {
        self.all += 1;
        self.new += usize::from(is_new);
    }
}

/// What a plan depends on besides the fixture.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// When the fixture is loaded.
    pub now: Timestamp,
    /// The users that the fixture names, by symbolic id.
    pub users: &'a BTreeMap<String, UserId>,
    /// The organization as it is.
    pub org: &'a Org,
    /// The number it gets if it is new.
    pub number: u64,
}

impl Plan {
    /// What is missing, or everything that stands in the way.
    pub fn new(spec: &OrgSpec, circumstances: Circumstances<'_>) -> Result<Self, Vec<Problem>> {
        let mut planner = Planner {
            spec,
            ids: Ids::of(&spec.slug),
            clock: Clock { now: circumstances.now, zone: spec.time_zone },
            circumstances,
            created: circumstances.now,
            steps: Vec::new(),
            counts: Counts::default(),
            readings: Vec::new(),
            problems: Vec::new(),
        };
        planner.everything();
        if !planner.problems.is_empty() {
            return Err(planner.problems);
        }
        let mut steps = planner.steps;
        // Stable: what happens at the same time stays in the order in which things depend on each other.
        steps.sort_by_key(|step| step.order.at);
        let is_new = circumstances.org.organization().is_none();
        Ok(Self { org: planner.ids.org(), is_new, steps, counts: planner.counts, readings: planner.readings })
    }

    /// Whether everything is there.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The orders alone.
    pub fn orders(&self) -> Vec<Order> {
        self.steps.iter().map(|step| step.order.clone()).collect()
    }
}

pub(super) struct Planner<'a> {
    pub(super) spec: &'a OrgSpec,
    pub(super) ids: Ids,
    pub(super) clock: Clock,
    pub(super) circumstances: Circumstances<'a>,
    /// Since when the organization exists.
    pub(super) created: Timestamp,
    pub(super) steps: Vec<Step>,
    pub(super) counts: Counts,
    pub(super) readings: Vec<Vec<Reading>>,
    pub(super) problems: Vec<Problem>,
}

impl Planner<'_> {
    fn everything(&mut self) {
        let (spec, org) = (self.spec, self.circumstances.org);
        if org.is_deleted() {
            let problem = "this organization was deleted, and what is deleted stays so; choose another slug";
            return self.problem(spec.spots.field("slug"), problem);
        }
        match org.organization() {
            Some(organization) => self.created = organization.created_at,
            None => self.organization(),
        }
        self.members();
        self.teams();
        for group in &spec.groups {
            let id = self.ids.group(&group.id.value);
            let is_new = !org.groups().contains_key(&id);
            self.counts.groups.add(is_new);
            if is_new {
                let (name, description) = (group.name.clone(), group.description.clone());
                let command = Command::CreateGroup { id, name, description, position: None, metadata: group.metadata.clone() };
                self.step(self.created, Author::System, command, &Arc::new(group.spots.clone()));
            }
        }
        for service in &spec.services {
            let is_new = org.service_even_retired(self.ids.service(&service.id.value)).is_none();
            self.counts.services.add(is_new);
            if is_new {
                self.service(service);
            }
        }
        for incident in &spec.incidents {
            let is_new = !org.incidents().contains_key(&self.ids.incident(&incident.id.value));
            match incident.status.kind() {
                Kind::Incident => self.counts.incidents.add(is_new),
                Kind::Maintenance => self.counts.maintenances.add(is_new),
            }
            if is_new {
                self.incident(incident);
            }
        }
        spec.monitors.iter().for_each(|monitor| self.monitor(monitor));
    }

    fn organization(&mut self) {
        let spec = self.spec;
        self.created = match &spec.created {
            Some(created) => self.past(created, None).unwrap_or(self.clock.now),
            None => self.earliest(),
        };
        let new = NewOrganization {
            id: self.ids.org(),
            number: self.circumstances.number,
            slug: spec.slug.clone(),
            name: spec.name.clone(),
            description: spec.description.clone(),
            time_zone: spec.time_zone,
            branding: spec.branding.clone(),
            domain: spec.domain.clone(),
            indexed: spec.indexed,
            metadata: spec.metadata.clone(),
            owner: None,
        };
        self.step(self.created, Author::System, Command::CreateOrganization(Box::new(new)), &Arc::new(spec.spots.clone()));
    }

    /// The earliest time that anything in the organization needs it to exist.
    fn earliest(&self) -> Timestamp {
        let spec = self.spec;
        let joined = spec.members.iter().filter_map(|member| member.joined.as_ref());
        let services = spec.services.iter().flat_map(|s| s.created.iter().chain(s.history.iter().map(|change| &change.at)));
        let incidents = spec.incidents.iter().filter_map(|i| i.recorded.as_ref().or(i.start.as_ref()).map(|time| (i, time)));
        let resolved = |time: &Told<Time>, start| time.value.resolve(&self.clock, start);
        let incidents = incidents
            .filter_map(|(incident, time)| resolved(time, incident.start.as_ref().and_then(|start| resolved(start, None))));
        let times = joined.chain(services).filter_map(|time| resolved(time, None));
        times.chain(incidents).min().unwrap_or(self.clock.now).min(self.clock.now)
    }

    fn members(&mut self) {
        for member in &self.spec.members {
            let user = self.user(&member.user);
            let is_new = !self.circumstances.org.members().contains_key(&user);
            self.counts.members.add(is_new);
            if is_new {
                let at = self.joined(&member.user.value).unwrap_or(self.created);
                let id = self.ids.member(&member.user.value);
                let command = Command::AddMember { id, user, role: member.role, metadata: member.metadata.clone() };
                self.step(at, Author::System, command, &Arc::new(member.spots.clone()));
            }
        }
    }

    fn joined(&mut self, user: &str) -> Option<Timestamp> {
        let member = self.spec.members.iter().find(|member| member.user.value == user)?;
        member.joined.as_ref().and_then(|joined| self.since_the_beginning(joined))
    }

    fn teams(&mut self) {
        for team in &self.spec.teams {
            let id = self.ids.team(&team.id.value);
            let is_new = !self.circumstances.org.teams().contains_key(&id);
            self.counts.teams.add(is_new);
            if !is_new {
                continue;
            }
            let spots = Arc::new(team.spots.clone());
            let (name, description, metadata) = (team.name.clone(), team.description.clone(), team.metadata.clone());
            let command = Command::CreateTeam { id, name, description, lead: None, metadata };
            self.step(self.created, Author::System, command, &spots);
            for (user, role) in &team.members {
                let at = self.joined(&user.value).unwrap_or(self.created);
                let command = Command::SetTeamMember { team: id, user: self.user(user), role: *role };
                self.step(at, Author::System, command, &spots);
            }
        }
    }

    fn service(&mut self, spec: &ServiceSpec) {
        let spots = Arc::new(spec.spots.clone());
        let id = self.ids.service(&spec.id.value);
        let created = self.service_created(spec).unwrap_or(self.created);
        let new = NewService {
            id,
            name: spec.name.clone(),
            description: spec.description.clone(),
            group: spec.group.as_ref().map(|group| self.ids.group(&group.value)),
            team: spec.team.as_ref().map(|team| self.ids.team(&team.value)),
            position: None,
            visibility: spec.visibility,
            status: spec.status,
            metadata: spec.metadata.clone(),
            unique_name: false,
        };
        self.step(created, Author::System, Command::CreateService(Box::new(new)), &spots);
        for change in &spec.history {
            let Some(at) = self.past(&change.at, None) else { continue };
            if at < created {
                self.problem(change.at.spot.clone(), "lies before the service was created");
            }
            let command = Command::ChangeService {
                id,
                change: Box::new(ServiceChange::default()),
                status: Edit::Set(change.status),
                reason: change.reason.clone(),
                unique_name: false,
            };
            self.step(at, self.author(change.by.as_ref()), command, &Arc::new(change.spots.clone()));
        }
    }

    /// Since when a service exists, if that was said.
    pub(super) fn service_created(&mut self, spec: &ServiceSpec) -> Option<Timestamp> {
        spec.created.as_ref().and_then(|created| self.since_the_beginning(created))
    }

    /// A time at which the organization existed.
    pub(super) fn since_the_beginning(&mut self, time: &Told<Time>) -> Option<Timestamp> {
        let at = self.past(time, None)?;
        self.must_exist(at, &time.spot);
        Some(at)
    }

    pub(super) fn must_exist(&mut self, at: Timestamp, spot: &Spot) {
        if at < self.created {
            self.problem(spot.clone(), "lies before the organization was created");
        }
    }

    /// A time that must not lie in the future.
    pub(super) fn past(&mut self, time: &Told<Time>, start: Option<Timestamp>) -> Option<Timestamp> {
        let at = self.resolved(time, start)?;
        if at > self.clock.now {
            self.problem(time.spot.clone(), format!("{:?} lies in the future", time.value.to_string()));
            return None;
        }
        Some(at)
    }

    pub(super) fn resolved(&mut self, time: &Told<Time>, start: Option<Timestamp>) -> Option<Timestamp> {
        let at = time.value.resolve(&self.clock, start);
        if at.is_none() {
            let problem = format!("{:?} counts from a start, and here is none to count from", time.value.to_string());
            self.problem(time.spot.clone(), problem);
        }
        at
    }

    /// A user of the fixture; that there is one was checked when the file was read.
    fn user(&self, name: &Told<String>) -> UserId {
        self.circumstances.users.get(&name.value).copied().unwrap_or_else(|| super::ids::user(&name.value))
    }

    pub(super) fn author(&self, by: Option<&Told<String>>) -> Author {
        by.map_or(Author::System, |name| Author::User(self.user(name)))
    }

    pub(super) fn step(&mut self, at: Timestamp, by: Author, command: Command, spots: &Arc<Spots>) {
        self.steps.push(Step { order: Order { by, at, key: None, only_at: None, command }, spots: spots.clone() });
    }

    pub(super) fn problem(&mut self, spot: Spot, message: impl Into<String>) {
        self.problems.push(Problem { spot, message: message.into() });
    }
}
