//! What is in an organization, in the order in which it is shown.

use super::{people::belongs, words};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};
use tocsin_actors::domain::{
    Incident, Org, ServiceId, Timestamp,
    entities::{Member, Service},
    incident::Update,
};
use uuid::Uuid;

/// Which incidents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    All,
    Open,
}

/// Services, in the order of their making.
pub(super) fn services(org: &Org) -> impl Iterator<Item = &Service> {
    let mut services: Vec<&Service> = org.services().values().map(AsRef::as_ref).collect();
    services.sort_by_key(|service| service.number);
    services.into_iter()
}

/// Incidents and maintenances, newest first.
pub(super) fn incidents(org: &Org, which: Which) -> impl Iterator<Item = &Incident> {
    let is_open = |incident: &&Incident| words::incident_status(incident.status) == words::OPEN;
    let mut incidents: Vec<&Incident> = match which {
        Which::All => org.incidents().values().map(AsRef::as_ref).collect(),
        Which::Open => org.ongoing().map(AsRef::as_ref).filter(is_open).collect(),
    };
    incidents.sort_by_key(|incident| Reverse(age(incident)));
    incidents.into_iter()
}

/// The younger one is more.
pub(super) fn age(incident: &Incident) -> (Timestamp, u32) {
    (created_at(incident), incident.number)
}

/// One that was filled in afterwards began before it was recorded.
pub(super) fn created_at(incident: &Incident) -> Timestamp {
    incident.created_at.min(incident.started_at)
}

/// A timeline, newest first.
pub(super) fn updates(incident: &Incident) -> impl Iterator<Item = &Update> {
    let mut updates: Vec<_> = incident.updates.iter().collect();
    updates.sort_by_key(|update| Reverse((update.shown_at, update.number)));
    updates.into_iter()
}

/// Who belongs to an organization, in the order of joining.
pub(super) fn members(org: &Org) -> impl Iterator<Item = &Member> {
    let mut members: Vec<&Member> = org.members().values().map(AsRef::as_ref).filter(|member| belongs(member)).collect();
    members.sort_by_key(|member| member.number);
    members.into_iter()
}

/// The service that an incident is about: the first that it touches, also when that is gone.
pub(super) fn subject<'a>(org: &'a Org, incident: &Incident) -> Option<&'a Service> {
    let services = incident.affected.iter().filter_map(|affected| affected.service);
    services.filter_map(|id| org.service_even_retired(id)).map(AsRef::as_ref).next()
}

/// Incidents by the services that they touch.
pub(super) struct Touching<'a>(HashMap<ServiceId, Vec<&'a Incident>>);

impl<'a> Touching<'a> {
    pub(super) fn of(org: &'a Org, which: Which) -> Self {
        let mut by_service: HashMap<_, Vec<_>> = HashMap::new();
        for incident in incidents(org, which) {
            let touched: BTreeSet<_> = incident.affected.iter().filter_map(|affected| affected.service).collect();
            touched.into_iter().for_each(|service| by_service.entry(service).or_default().push(incident));
        }
        Self(by_service)
    }

    /// Those of one service, newest first.
    pub(super) fn service(&self, id: Uuid) -> impl Iterator<Item = &'a Incident> {
        self.0.get(&ServiceId::new(id)).into_iter().flatten().copied()
    }
}
