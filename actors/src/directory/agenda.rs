//! When time alone will change which organization.

use crate::domain::{OrgId, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// The dates, soonest first; one per organization.
#[derive(Default)]
pub(super) struct Agenda {
    soonest: BTreeSet<(Timestamp, OrgId)>,
    of: HashMap<OrgId, Timestamp>,
}

impl Agenda {
    /// Puts an organization down for a time, or strikes it out.
    pub(super) fn put(&mut self, org: OrgId, at: Option<Timestamp>) {
        if let Some(before) = self.of.remove(&org) {
            self.soonest.remove(&(before, org));
        }
        if let Some(at) = at {
            self.of.insert(org, at);
            self.soonest.insert((at, org));
        }
    }
    /// Strikes out and answers who is due.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<OrgId> {
        let mut due = Vec::new();
        while let Some((at, org)) = self.soonest.first().copied().filter(|(at, _)| *at <= now) {
            self.soonest.remove(&(at, org));
            self.of.remove(&org);
            due.push(org);
        }
        due
    }
    /// When somebody is due next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.soonest.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_organization_stands_once_under_its_newest_date() {
        let (a, b) = (OrgId::new(Uuid::from_u128(1)), OrgId::new(Uuid::from_u128(2)));
        let at = Timestamp::from_millis;
        let mut agenda = Agenda::default();
        agenda.put(a, Some(at(10)));
        agenda.put(b, Some(at(20)));
        agenda.put(a, Some(at(30)));
        assert_eq!(agenda.next(), Some(at(20)));
        assert_eq!(agenda.take_due(at(25)), [b]);
        agenda.put(a, None);
        assert_eq!(agenda.take_due(at(99)), []);
    }
}
