//! The written form of a whole organization, for snapshots. Maps are written as lists, because documents have texts as
//! keys only and every value carries its id anyway.

use super::Org;
use crate::domain::{
    chunked::Chunked,
    entities::{Member, Number, Organization, Service, ServiceGroup, Team},
    event::{Remembered, Seq},
    history::History,
    ids::{OrgId, ServiceId},
    incident::Incident,
    monitor::Monitor,
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// Written instead of [`Org`], sharing the same things.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: OrgId,
    seq: Seq,
    deleted: bool,
    next_number: Number,
    #[serde(default)]
    changed_at: Timestamp,
    organization: Option<Arc<Organization>>,
    members: Vec<Arc<Member>>,
    teams: Vec<Arc<Team>>,
    groups: Vec<Arc<ServiceGroup>>,
    services: Vec<Arc<Service>>,
    retired: Vec<Arc<Service>>,
    incidents: Vec<Arc<Incident>>,
    histories: Vec<(ServiceId, Arc<History>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    monitors: Vec<Arc<Monitor>>,
    remembered: Arc<Chunked<Remembered>>,
}

impl Serialize for Org {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored {
            id: self.id,
            seq: self.seq,
            deleted: self.deleted,
            next_number: self.next_number,
            changed_at: self.changed_at,
            organization: self.organization.clone(),
            members: self.members.values().cloned().collect(),
            teams: self.teams.values().cloned().collect(),
            groups: self.groups.values().cloned().collect(),
            services: self.services.values().cloned().collect(),
            retired: self.retired.values().cloned().collect(),
            incidents: self.incidents.values().cloned().collect(),
            histories: self.histories.iter().map(|(id, history)| (*id, history.clone())).collect(),
            monitors: self.monitors.values().cloned().collect(),
            remembered: self.remembered.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Org {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let mut org = Self {
            id: stored.id,
            seq: stored.seq,
            deleted: stored.deleted,
            next_number: stored.next_number,
            changed_at: stored.changed_at,
            organization: stored.organization,
            members: Arc::new(stored.members.into_iter().map(|member| (member.user, member)).collect()),
            teams: Arc::new(stored.teams.into_iter().map(|team| (team.id, team)).collect()),
            groups: Arc::new(stored.groups.into_iter().map(|group| (group.id, group)).collect()),
            services: Arc::new(stored.services.into_iter().map(|service| (service.id, service)).collect()),
            retired: Arc::new(stored.retired.into_iter().map(|service| (service.id, service)).collect()),
            incidents: Arc::new(stored.incidents.into_iter().map(|incident| (incident.id, incident)).collect()),
            histories: Arc::new(stored.histories.into_iter().collect()),
            monitors: Arc::new(stored.monitors.into_iter().map(|monitor| (monitor.id, monitor)).collect()),
            remembered: stored.remembered,
            ongoing: Arc::default(),
            filled_in: Arc::default(),
        };
        let incidents: Vec<_> = org.incidents.keys().copied().collect();
        incidents.into_iter().for_each(|id| org.incident_changed(id));
        Ok(org)
    }
}
