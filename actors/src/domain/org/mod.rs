//! An organization: everything it owns, and the two functions that change it.
//!
//! `decide` says what an order would do, or why it may not; it changes nothing. `apply` records what happened; it never
//! refuses. Replaying an organization's events through `apply` always gives the same organization, numbers included.
//!
//! Entities stand behind `Arc`, and so do the maps that hold them: a copy of the whole organization (the view that
//! readers get) costs a dozen counters, and the first change after it a copy of the map it touches, not of the others.

mod apply;
mod decide;
mod effects;
mod incidents;
mod monitors;
mod recorded;
mod steps;
mod stored;
#[cfg(test)]
mod tests;

pub use steps::Step;

use super::{
    chunked::Chunked,
    entities::{Member, Number, Organization, Service, ServiceGroup, Team},
    event::{Receipt, Remembered, Seq},
    history::History,
    ids::{GroupId, IncidentId, MonitorId, OrgId, RequestKey, ServiceId, TeamId, UserId},
    incident::Incident,
    monitor::Monitor,
    status::{Role, ServiceStatus, Visibility},
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Entities by id; see the module's text for the two `Arc`s.
type Map<K, V> = Arc<BTreeMap<K, Arc<V>>>;

/// How many request keys are remembered whatever their age.
const REMEMBERED: usize = 256;
/// For how long many more are: whoever was told "unknown" asks again within minutes, or has given up.
const REMEMBERED_FOR: Duration = Duration::from_secs(10 * 60);
/// How many at most, some 1.5 MB of a flooded organization until it sleeps: what may wait for one organization
/// (`directory::Settings`) and a commit of which the outcome is unknown. The authors of that commit ask again when all
/// who waited behind it are done.
const MOST_REMEMBERED: usize = 20_000;

/// An organization as of one `seq`.
#[derive(Clone, PartialEq, Debug)]
pub struct Org {
    id: OrgId,
    seq: Seq,
    deleted: bool,
    next_number: Number,
    changed_at: Timestamp,
    organization: Option<Arc<Organization>>,
    members: Map<UserId, Member>,
    teams: Map<TeamId, Team>,
    groups: Map<GroupId, ServiceGroup>,
    services: Map<ServiceId, Service>,
    /// Deleted services that incidents still name.
    retired: Map<ServiceId, Service>,
    incidents: Map<IncidentId, Incident>,
    /// The incidents that are not over: few among many, and the only ones that time or services care about.
    ongoing: Arc<BTreeSet<IncidentId>>,
    /// The incidents that say something about the time before they were recorded.
    filled_in: Arc<BTreeSet<IncidentId>>,
    histories: Map<ServiceId, History>,
    monitors: Map<MonitorId, Monitor>,
    remembered: Arc<Chunked<Remembered>>,
}

impl Org {
    /// An organization of which nothing is known yet.
    pub fn new(id: OrgId) -> Self {
        Self {
            id,
            seq: 0,
            deleted: false,
            next_number: 1,
            changed_at: Timestamp::default(),
            organization: None,
            members: Arc::default(),
            teams: Arc::default(),
            groups: Arc::default(),
            services: Arc::default(),
            retired: Arc::default(),
            incidents: Arc::default(),
            ongoing: Arc::default(),
            filled_in: Arc::default(),
            histories: Arc::default(),
            monitors: Arc::default(),
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
    /// When anything in it last changed, what is gone by now included.
    pub const fn changed_at(&self) -> Timestamp {
        self.changed_at
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
    pub fn members(&self) -> &BTreeMap<UserId, Arc<Member>> {
        &self.members
    }
    /// What a user may do here.
    pub fn role(&self, user: UserId) -> Option<Role> {
        self.members.get(&user).map(|member| member.role)
    }
    /// Its teams.
    pub fn teams(&self) -> &BTreeMap<TeamId, Arc<Team>> {
        &self.teams
    }
    /// Its groups, by id; `groups_in_order` for people.
    pub fn groups(&self) -> &BTreeMap<GroupId, Arc<ServiceGroup>> {
        &self.groups
    }
    /// Its services, by id; `services_in_order` for people.
    pub fn services(&self) -> &BTreeMap<ServiceId, Arc<Service>> {
        &self.services
    }
    /// A service that is there, or that is gone but still named by an incident.
    pub fn service_even_retired(&self, id: ServiceId) -> Option<&Arc<Service>> {
        self.services.get(&id).or_else(|| self.retired.get(&id))
    }
    /// Its incidents and maintenances. UUIDv7 keys: in the order of their making.
    pub fn incidents(&self) -> &BTreeMap<IncidentId, Arc<Incident>> {
        &self.incidents
    }
    /// Incidents and maintenances that are not over, planned ones included.
    pub fn ongoing(&self) -> impl Iterator<Item = &Arc<Incident>> {
        self.ongoing.iter().filter_map(|id| self.incidents.get(id))
    }
    /// Its website checks. UUIDv7 keys: in the order of their making.
    pub fn monitors(&self) -> &BTreeMap<MonitorId, Arc<Monitor>> {
        &self.monitors
    }
    /// What a service's status has been.
    pub fn history(&self, service: ServiceId) -> Option<&Arc<History>> {
        self.histories.get(&service)
    }
    /// What was filled in afterwards about a service: see [`Incident::filled_in`].
    pub fn filled_in(&self, service: ServiceId) -> impl Iterator<Item = (Timestamp, Timestamp, ServiceStatus)> {
        self.filled_in.iter().filter_map(move |id| self.incidents.get(id)?.filled_in(service))
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
    /// About how many things there are in it: what writing all of it down costs, counted in events.
    pub fn size(&self) -> u64 {
        let entities = self.members.len() + self.services.len() + self.groups.len() + self.teams.len();
        let changes: usize = self.histories.values().map(|history| history.len()).sum();
        let updates: usize = self.incidents.values().map(|incident| 1 + incident.updates.len()).sum();
        let turns: usize = self.monitors.values().map(|monitor| 1 + monitor.turns.len()).sum();
        // A request key is a small thing beside the others.
        (entities + changes + updates + turns + self.remembered() / 4) as u64
    }
    /// When time alone will change something next. May be in the past right after a `Tick`, which does a bounded number
    /// of things: then another is due at once.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.ongoing().filter_map(|incident| incident.next_due()).min()
    }
    /// How many request keys it remembers: in a flood they are most of its weight.
    pub fn remembered(&self) -> usize {
        self.remembered.len()
    }
    /// What a request with this key was told, if it is remembered.
    pub fn remembers(&self, key: RequestKey) -> Option<Receipt> {
        self.remembered.iter().rev().find(|remembered| remembered.key == key).map(|remembered| remembered.receipt)
    }
}
