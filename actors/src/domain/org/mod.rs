//! An organization: everything it owns, and the two functions that change it.
//!
//! `decide` says what an order would do, or why it may not; it changes nothing. `apply` records what happened; it never
//! refuses. Replaying an organization's events through `apply` always gives the same organization, numbers included.
//!
//! Entities stand behind `Arc`, so that a copy of the whole organization (the view that readers get) costs a copy of
//! the maps and not of what is in them.

mod apply;
mod decide;
mod incidents;
mod stored;

use super::{
    entities::{Cause, Member, Number, Organization, Service, ServiceGroup, Team},
    event::{Receipt, Remembered, Seq},
    history::History,
    ids::{GroupId, IncidentId, OrgId, RequestKey, ServiceId, TeamId, UserId},
    incident::Incident,
    status::{Role, ServiceStatus, Visibility},
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// How many request keys are remembered: a burst of retries after an outage, not a history of requests.
const REMEMBERED: usize = 256;

/// An organization as of one `seq`.
#[derive(Clone, PartialEq, Debug)]
pub struct Org {
    id: OrgId,
    seq: Seq,
    deleted: bool,
    next_number: Number,
    organization: Option<Arc<Organization>>,
    members: BTreeMap<UserId, Arc<Member>>,
    teams: BTreeMap<TeamId, Arc<Team>>,
    groups: BTreeMap<GroupId, Arc<ServiceGroup>>,
    services: BTreeMap<ServiceId, Arc<Service>>,
    /// Deleted services that incidents still name.
    retired: BTreeMap<ServiceId, Arc<Service>>,
    incidents: BTreeMap<IncidentId, Arc<Incident>>,
    histories: BTreeMap<ServiceId, Arc<History>>,
    remembered: Arc<VecDeque<Remembered>>,
}

impl Org {
    /// An organization of which nothing is known yet.
    pub fn new(id: OrgId) -> Self {
        Self {
            id,
            seq: 0,
            deleted: false,
            next_number: 1,
            organization: None,
            members: BTreeMap::new(),
            teams: BTreeMap::new(),
            groups: BTreeMap::new(),
            services: BTreeMap::new(),
            retired: BTreeMap::new(),
            incidents: BTreeMap::new(),
            histories: BTreeMap::new(),
            remembered: Arc::default(),
        }
    }

    /// Whose state this is.
    pub const fn id(&self) -> OrgId {
        self.id
    }
    /// The number of the last event in it; 0 before the first.
    pub const fn seq(&self) -> Seq {
        self.seq
    }
    /// What it says of itself; none when it was never made or is deleted.
    pub fn organization(&self) -> Option<&Arc<Organization>> {
        self.organization.as_ref()
    }
    /// Whether it was deleted: then it stays so.
    pub const fn is_deleted(&self) -> bool {
        self.deleted
    }
    /// Who belongs to it.
    pub const fn members(&self) -> &BTreeMap<UserId, Arc<Member>> {
        &self.members
    }
    /// What a user may do here.
    pub fn role(&self, user: UserId) -> Option<Role> {
        self.members.get(&user).map(|member| member.role)
    }
    /// Its teams.
    pub const fn teams(&self) -> &BTreeMap<TeamId, Arc<Team>> {
        &self.teams
    }
    /// Its groups, by id; `groups_in_order` for people.
    pub const fn groups(&self) -> &BTreeMap<GroupId, Arc<ServiceGroup>> {
        &self.groups
    }
    /// Its services, by id; `services_in_order` for people.
    pub const fn services(&self) -> &BTreeMap<ServiceId, Arc<Service>> {
        &self.services
    }
    /// A service that is there, or that is gone but still named by an incident.
    pub fn service_even_retired(&self, id: ServiceId) -> Option<&Arc<Service>> {
        self.services.get(&id).or_else(|| self.retired.get(&id))
    }
    /// Its incidents and maintenances. UUIDv7 keys: in the order of their making.
    pub const fn incidents(&self) -> &BTreeMap<IncidentId, Arc<Incident>> {
        &self.incidents
    }
    /// What a service's status has been.
    pub fn history(&self, service: ServiceId) -> Option<&Arc<History>> {
        self.histories.get(&service)
    }
    /// Services as people order them.
    pub fn services_in_order(&self) -> Vec<&Arc<Service>> {
        let mut services: Vec<_> = self.services.values().collect();
        services.sort_by_key(|service| (service.position, service.number));
        services
    }
    /// Groups as people order them.
    pub fn groups_in_order(&self) -> Vec<&Arc<ServiceGroup>> {
        let mut groups: Vec<_> = self.groups.values().collect();
        groups.sort_by_key(|group| (group.position, group.number));
        groups
    }
    /// The worst of the services that this audience sees.
    pub fn page_status(&self, audience: Visibility) -> ServiceStatus {
        let seen = |service: &&Arc<Service>| audience == Visibility::Private || service.visibility == Visibility::Public;
        self.services.values().filter(seen).map(|service| service.status).max().unwrap_or(ServiceStatus::Operational)
    }
    /// When time alone will change something next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.incidents.values().filter_map(|incident| incident.next_due()).min()
    }
    /// What a request with this key was told, if it is remembered.
    pub fn remembers(&self, key: RequestKey) -> Option<Receipt> {
        self.remembered.iter().rev().find(|remembered| remembered.key == key).map(|remembered| remembered.receipt)
    }

    /// The worst of what active incidents other than `except` do to a service.
    fn worst_cause(&self, service: ServiceId, except: IncidentId) -> Option<(ServiceStatus, Cause)> {
        self.incidents
            .values()
            .filter(|incident| incident.id != except)
            .filter_map(|incident| Some((incident.gives(service)?, incident.as_cause())))
            .max_by_key(|(status, _)| *status)
    }
}
