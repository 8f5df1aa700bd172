//! The rules, one by one: given these events, when this is asked for, then that.

mod incidents;
mod maintenance;
mod monitors;
mod people;
mod references;
mod services;

use super::*;
use crate::domain::{
    Author, Command, Edit, Entry, Event, GroupId, IncidentId, MemberId, Order, Rejection, ServiceId, TeamId, Timestamp, UpdateId,
    UserId,
    command::{NewIncident, NewOrganization, NewService, NewUpdate, ServiceChange},
    entities::Cause,
    event::PostedUpdate,
    incident::{Affected, IncidentChange},
    limits,
    status::{
        Impact,
        IncidentStatus::{self, *},
        ServiceStatus::{self, *},
    },
};
use uuid::Uuid;

/// When commands are given. Events given before it happen one a second from 1 s on.
const NOW: i64 = 1_000_000;

fn ms(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}
fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}
fn member(n: u128) -> MemberId {
    MemberId::new(Uuid::from_u128(n))
}
fn team(n: u128) -> TeamId {
    TeamId::new(Uuid::from_u128(n))
}
fn group(n: u128) -> GroupId {
    GroupId::new(Uuid::from_u128(n))
}
fn service(n: u128) -> ServiceId {
    ServiceId::new(Uuid::from_u128(n))
}
fn incident(n: u128) -> IncidentId {
    IncidentId::new(Uuid::from_u128(n))
}
fn update(n: u128) -> UpdateId {
    UpdateId::new(Uuid::from_u128(n))
}

/// An organization with one admin, user 1.
fn founded() -> Event {
    Event::OrganizationCreated(Box::new(NewOrganization {
        id: OrgId::new(Uuid::from_u128(1)),
        number: 1,
        slug: "acme".parse().unwrap(),
        name: "Acme".into(),
        description: String::new(),
        time_zone: chrono_tz::Tz::UTC,
        branding: Default::default(),
        domain: None,
        indexed: true,
        metadata: Default::default(),
        owner: Some((member(1), user(1))),
    }))
}

fn new_service(n: u128) -> NewService {
    NewService {
        id: service(n),
        name: format!("service {n}"),
        description: String::new(),
        group: None,
        team: None,
        position: Some(n as u32),
        visibility: Visibility::Public,
        status: Operational,
        metadata: Default::default(),
        unique_name: false,
    }
}
fn made(n: u128) -> Event {
    Event::ServiceCreated(Box::new(new_service(n)))
}

/// An incident or, by its status, a maintenance that gives statuses to services.
fn new_incident(n: u128, status: IncidentStatus, gives: &[(u128, ServiceStatus)]) -> NewIncident {
    NewIncident {
        id: incident(n),
        title: format!("incident {n}"),
        description: String::new(),
        status,
        impact: Impact::Minor,
        visibility: Visibility::Public,
        affected: gives.iter().map(|(service, status)| affected(*service, Some(*status))).collect(),
        started_at: None,
        resolved_at: None,
        scheduled_start: None,
        scheduled_end: None,
        automatic: false,
        update: None,
        metadata: Default::default(),
    }
}
fn affected(n: u128, status: Option<ServiceStatus>) -> Affected {
    Affected { service: Some(service(n)), name: format!("service {n}"), status }
}
fn open(n: u128, status: IncidentStatus, gives: &[(u128, ServiceStatus)]) -> Command {
    Command::OpenIncident(Box::new(new_incident(n, status, gives)))
}
fn opened(n: u128, status: IncidentStatus, gives: &[(u128, ServiceStatus)]) -> Event {
    Event::IncidentOpened(Box::new(new_incident(n, status, gives)))
}
fn resolve(n: u128) -> Command {
    Command::ResolveIncident { id: incident(n), update: update(900), message: Some("done".into()) }
}
fn post(n: u128, id: u128, status: Option<IncidentStatus>, gives: &[(u128, ServiceStatus)]) -> Command {
    let affected = gives.iter().map(|(service, status)| affected(*service, Some(*status))).collect();
    let update = NewUpdate { id: update(id), message: "news".into(), status, affected, shown_at: None };
    Command::PostUpdate { incident: incident(n), update: Box::new(update) }
}
fn change_incident(n: u128, change: IncidentChange) -> Command {
    Command::ChangeIncident { id: incident(n), change: Box::new(change) }
}
fn set_status(n: u128, to: ServiceStatus) -> Command {
    let change = Box::default();
    Command::ChangeService { id: service(n), change, status: Edit::Set(to), reason: None, unique_name: false }
}
fn turned(n: u128, from: ServiceStatus, to: ServiceStatus, cause: Cause, because: Cause) -> Event {
    Event::ServiceStatusChanged { id: service(n), from, to, cause, because, reason: None }
}
fn by_incident(n: u128) -> Cause {
    Cause::Incident(incident(n))
}
fn by_maintenance(n: u128) -> Cause {
    Cause::Maintenance(incident(n))
}

/// Given these events, this command is answered so. The organization itself is a given of every given.
#[track_caller]
fn check(given: &[Event], command: Command, expected: Result<Vec<Event>, Rejection>) {
    assert_eq!(Story::of(given).org.decide(&order(NOW, command)), expected);
}

fn order(at: i64, command: Command) -> Order {
    Order { by: Author::User(user(1)), at: ms(at), key: None, only_at: None, command }
}

/// An organization that lives through several orders.
struct Story {
    org: Org,
}

impl Story {
    fn new() -> Self {
        Self::of(&[])
    }
    fn of(given: &[Event]) -> Self {
        let mut story = Self { org: Org::new(OrgId::new(Uuid::from_u128(1))) };
        for (second, event) in (1..).zip([founded()].iter().chain(given)) {
            story.record(second * 1_000, vec![event.clone()]);
        }
        story
    }
    fn record(&mut self, at: i64, events: Vec<Event>) {
        let seq = self.org.seq() + 1;
        self.org.apply(&Entry { seq, at: ms(at), by: Author::User(user(1)), key: None, events });
    }
    /// Decides and records; answers what happened.
    #[track_caller]
    fn then(&mut self, at: i64, command: Command) -> Vec<Event> {
        let events = self.org.decide(&order(at, command)).expect("the order is accepted");
        if !events.is_empty() {
            self.record(at, events.clone());
        }
        events
    }
    fn status(&self, n: u128) -> (ServiceStatus, Cause) {
        let service = &self.org.services()[&service(n)];
        (service.status, service.cause)
    }
    fn incident(&self, n: u128) -> &Incident {
        &self.org.incidents()[&incident(n)]
    }
    /// What the service's history shows, without its making.
    fn history(&self, n: u128) -> Vec<(i64, ServiceStatus)> {
        self.org.history(service(n)).unwrap().iter().skip(1).map(|change| (change.at.millis(), change.to)).collect()
    }
}
