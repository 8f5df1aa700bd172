//! What people see of an organization: visitors the public part of it, members all of it. The one place that decides
//! what an audience may see; the API, the live stream and the pages show what is made here.
//!
//! ```text
//! Org ──► Page::of(org, audience) ──► JSON at /public/{slug}, the snapshot of the live stream
//!   └───► change::of(step, audience) ──► what one event changes of that page: the data of a live event
//! ```

pub mod change;
mod shapes;

pub use shapes::{AffectedShape, BrandingShape, GroupShape, IncidentShape, OrganizationShape, Page, ServiceShape, UpdateShape};

use tocsin_actors::domain::{
    Incident, IncidentId, Monitor, Org, Timestamp,
    entities::{Service, ServiceGroup},
    incident::Affected,
    status::{Kind, Visibility},
};

/// How many website checks visitors are shown: what each found is read from the store and drawn, and a page stays light.
const MOST_MONITORS: usize = 50;

/// For whom something is shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Audience {
    /// Anybody: nothing private, no author, no metadata.
    Public,
    /// Members of the organization, who also see what is private.
    Members,
}

impl Audience {
    /// Everybody for whom things are shown.
    pub const ALL: [Self; 2] = [Self::Public, Self::Members];

    /// Whether this audience sees a thing of this visibility.
    pub fn sees(self, visibility: Visibility) -> bool {
        self == Self::Members || visibility == Visibility::Public
    }

    /// The services that it sees, in the order in which they stand on the page.
    pub fn services(self, org: &Org) -> Vec<&Service> {
        let services = org.services_in_order().into_iter().map(AsRef::as_ref);
        services.filter(|service: &&Service| self.sees(service.visibility)).collect()
    }

    /// The groups that it sees: visitors only those in which something stands.
    pub fn groups<'a>(self, org: &'a Org, services: &[&Service]) -> Vec<&'a ServiceGroup> {
        let used = |group: &ServiceGroup| services.iter().any(|service| service.group == Some(group.id));
        let groups = org.groups_in_order().into_iter().map(AsRef::as_ref);
        groups.filter(|group| self == Self::Members || used(group)).collect()
    }

    /// Incidents and maintenances that it sees, whatever became of them.
    pub fn incidents(self, org: &Org) -> impl Iterator<Item = &Incident> {
        org.incidents().values().map(AsRef::as_ref).filter(move |incident: &&Incident| self.sees(incident.visibility))
    }

    /// This one, if it sees it.
    pub fn incident(self, org: &Org, id: IncidentId) -> Option<&Incident> {
        org.incidents().get(&id).map(AsRef::as_ref).filter(|incident| self.sees(incident.visibility))
    }

    /// When anything of what it sees was last changed; none for an organization that is not there.
    pub fn last_changed(self, org: &Org) -> Option<Timestamp> {
        let services = self.services(org);
        let incidents = self.incidents(org).map(|incident| incident.updated_at);
        let groups = self.groups(org, &services).into_iter().map(|group| group.updated_at);
        let all = services.iter().map(|service| service.last_changed()).chain(incidents).chain(groups);
        Some(all.fold(org.organization()?.updated_at, Timestamp::max))
    }

    /// Incidents and maintenances that go on, the newest first; what was planned comes after what was not.
    pub fn active(self, org: &Org) -> Vec<&Incident> {
        let mut active: Vec<_> = self.ongoing(org).filter(|incident| incident.status.is_active()).collect();
        active.sort_by_key(|incident| {
            (incident.kind() == Kind::Maintenance, std::cmp::Reverse(incident.started_at), std::cmp::Reverse(incident.number))
        });
        active
    }

    /// Maintenances to come, the next one first.
    pub fn upcoming(self, org: &Org) -> Vec<&Incident> {
        let mut upcoming: Vec<_> = self.ongoing(org).filter(|incident| !incident.status.is_active()).collect();
        upcoming.sort_by_key(|incident| (incident.scheduled_start, incident.number));
        upcoming
    }

    /// Website checks that it sees, in the order in which they were made: visitors so many at most.
    pub fn monitors(self, org: &Org) -> Vec<&Monitor> {
        let all = org.monitors().values().map(AsRef::as_ref);
        let mut monitors: Vec<_> = all.filter(|monitor: &&Monitor| self.sees(monitor.visibility)).collect();
        monitors.sort_by_key(|monitor| monitor.number);
        if self == Self::Public {
            monitors.truncate(MOST_MONITORS);
        }
        monitors
    }

    fn ongoing(self, org: &Org) -> impl Iterator<Item = &Incident> {
        org.ongoing().map(AsRef::as_ref).filter(move |incident: &&Incident| self.sees(incident.visibility))
    }

    /// Whether it may read this name in an incident. A service that was deleted was seen by whoever saw the incident; a
    /// private one is nobody's business.
    pub fn may_name(self, org: &Org, affected: &Affected) -> bool {
        let service = affected.service.and_then(|id| org.service_even_retired(id));
        service.is_none_or(|service| self.sees(service.visibility))
    }
}
