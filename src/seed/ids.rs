//! Ids that follow from names, so that a second run finds what the first one made. An organization's id follows from its
//! slug, ids inside it from the organization, the kind and the symbolic id, a user's from the e-mail address.

use tocsin_actors::{
    accounts::folded,
    domain::{GroupId, IncidentId, MemberId, MonitorId, OrgId, ServiceId, Slug, TeamId, UpdateId, UserId},
};
use uuid::Uuid;

/// The name space of everything that fixtures make. Never changed: what was seeded once must be found again.
const FIXTURES: Uuid = Uuid::from_u128(0x6f2b_7c1e_93d4_5a08_b1c7_2e5d_8f40_a963);

/// The id of a person.
pub fn user(email: &str) -> UserId {
    UserId::new(named(FIXTURES, "user", &folded(email)))
}

/// The ids of an organization and of what is in it.
#[derive(Clone, Copy, Debug)]
pub struct Ids(OrgId);

impl Ids {
    /// Those of the organization with this slug.
    pub fn of(slug: &Slug) -> Self {
        Self(OrgId::new(named(FIXTURES, "organization", slug.as_str())))
    }
    /// The organization's own.
    pub const fn org(self) -> OrgId {
        self.0
    }
    pub(super) fn member(self, user: &str) -> MemberId {
        MemberId::new(named(self.0.uuid(), "member", user))
    }
    pub(super) fn team(self, id: &str) -> TeamId {
        TeamId::new(named(self.0.uuid(), "team", id))
    }
    pub(super) fn group(self, id: &str) -> GroupId {
        GroupId::new(named(self.0.uuid(), "group", id))
    }
    /// A service's.
    pub fn service(self, id: &str) -> ServiceId {
        ServiceId::new(named(self.0.uuid(), "service", id))
    }
    /// An incident's or a maintenance's.
    pub fn incident(self, id: &str) -> IncidentId {
        IncidentId::new(named(self.0.uuid(), "incident", id))
    }
    /// A monitor's.
    pub fn monitor(self, id: &str) -> MonitorId {
        MonitorId::new(named(self.0.uuid(), "monitor", id))
    }
}

/// The n-th entry of an incident's timeline.
pub(super) fn update(incident: IncidentId, n: usize) -> UpdateId {
    UpdateId::new(named(incident.uuid(), "update", &n.to_string()))
}

fn named(space: Uuid, kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&space, format!("{kind}/{name}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pinned: with other ids a second run would make everything twice.
    #[test]
    fn ids_never_change() {
        let acme = Ids::of(&"acme".parse().unwrap());
        assert_eq!(acme.org().to_string(), "b8d85ede-fd5c-5787-8563-0e985dd59dd7");
        assert_eq!(acme.service("api").to_string(), "f8dd2ff4-0d1a-5fd5-834a-20fd40cb143d");
        assert_eq!(user(" Ada@Example.org "), user("ada@example.org"));
    }
}
