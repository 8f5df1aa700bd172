//! What services feel when incidents and monitors turn from one thing into another.
//!
//! Last writer wins; what an incident gives no longer is replaced by the worst of what others still give; a status set
//! by hand is left alone. Several incidents may turn in one decision (a tick): each turn is felt on top of those before
//! it, and a service shows only where it ends up, so that it never flickers between two maintenances.

use super::Org;
use crate::domain::{
    entities::Cause,
    event::Event,
    ids::{IncidentId, MonitorId, ServiceId},
    incident::Incident,
    monitor::Monitor,
    status::ServiceStatus,
};
use std::collections::{BTreeMap, BTreeSet};

/// The turns so far and what they did.
pub(super) struct Effects<'a> {
    org: &'a Org,
    /// Incidents as they are after their turn; none when deleted.
    turned: BTreeMap<IncidentId, Option<&'a Incident>>,
    /// What monitors give after their turn.
    monitors: BTreeMap<MonitorId, Option<(ServiceId, ServiceStatus)>>,
    /// Services as they are after the turns, and because of what.
    felt: BTreeMap<ServiceId, Felt>,
}

#[derive(Clone, Copy)]
struct Felt {
    status: ServiceStatus,
    cause: Cause,
    because: Cause,
}

impl<'a> Effects<'a> {
    pub(super) const fn on(org: &'a Org) -> Self {
        Self { org, turned: BTreeMap::new(), monitors: BTreeMap::new(), felt: BTreeMap::new() }
    }

    /// An incident comes (no `before`), changes, or goes (no `after`). Services in `insisted` were named outright and
    /// take what they are given, even if the incident gave the same before and somebody else wrote in between.
    pub(super) fn turn(&mut self, before: Option<&'a Incident>, after: Option<&'a Incident>, insisted: &BTreeSet<ServiceId>) {
        let Some(incident) = after.or(before) else { return };
        self.turned.insert(incident.id, after);
        let named = before.into_iter().chain(after).flat_map(|incident| &incident.affected);
        let services: BTreeSet<ServiceId> = named.filter_map(|affected| affected.service).collect();
        let mut left_alone = BTreeSet::new();
        for id in services {
            let Some(now) = self.now(id) else { continue };
            let is_its_cause = now.cause.incident() == Some(incident.id);
            let was = before.and_then(|incident| incident.gives(id));
            let will = after.and_then(|incident| Some((incident.gives(id)?, incident.as_cause())));
            match will {
                // As its cause it may have become a maintenance, or an incident, without giving anything else.
                Some((status, cause)) if was != Some(status) || is_its_cause || insisted.contains(&id) => {
                    self.felt.insert(id, Felt { status, cause, because: cause });
                }
                None if is_its_cause => drop(left_alone.insert(id)),
                Some(_) | None => {}
            }
        }
        self.leave(left_alone);
    }

    /// A monitor gives another status to a service than before, to another service, or none.
    pub(super) fn monitor(
        &mut self,
        id: MonitorId,
        before: Option<(ServiceId, ServiceStatus)>,
        after: Option<(ServiceId, ServiceStatus)>,
    ) {
        self.monitors.insert(id, after);
        let cause = Cause::Monitor(id);
        if let Some((service, status)) = after
            && let Some(now) = self.now(service)
            && before != after
            // It was said before that it would be away: the maintenance's word stands until it is over.
            && !matches!(now.cause, Cause::Maintenance(_))
        {
            self.felt.insert(service, Felt { status, cause, because: cause });
        }
        let let_go = before.map(|(service, _)| service).filter(|service| after.is_none_or(|(next, _)| next != *service));
        let its_own = let_go.filter(|service| self.now(*service).is_some_and(|now| now.cause == cause));
        self.leave(its_own.into_iter().collect());
    }

    /// Services that lost what gave them their status take the worst of what is still given.
    fn leave(&mut self, left_alone: BTreeSet<ServiceId>) {
        if left_alone.is_empty() {
            return;
        }
        let worst = self.worst_given(&left_alone);
        for id in left_alone {
            let Some(now) = self.now(id) else { continue };
            let (status, cause) = worst.get(&id).copied().unwrap_or((ServiceStatus::Operational, Cause::Manual));
            self.felt.insert(id, Felt { status, cause, because: now.cause });
        }
    }

    /// One event for each service that ended up different.
    pub(super) fn into_events(self) -> impl Iterator<Item = Event> {
        self.felt.into_iter().filter_map(|(id, Felt { status: to, cause, because })| {
            let service = self.org.services.get(&id)?;
            let differs = (service.status, service.cause) != (to, cause);
            differs.then_some(Event::ServiceStatusChanged { id, from: service.status, to, cause, because, reason: None })
        })
    }

    fn now(&self, id: ServiceId) -> Option<Felt> {
        let service = self.org.services.get(&id)?;
        let untouched = Felt { status: service.status, cause: service.cause, because: service.cause };
        Some(self.felt.get(&id).copied().unwrap_or(untouched))
    }

    /// The worst that active incidents and monitors give to each of these services; among equals an incident names it,
    /// the youngest, because somebody speaks there.
    fn worst_given(&self, services: &BTreeSet<ServiceId>) -> BTreeMap<ServiceId, (ServiceStatus, Cause)> {
        let unturned = self.org.ongoing().map(AsRef::as_ref).filter(|incident| !self.turned.contains_key(&incident.id));
        let turned = self.turned.values().copied().flatten();
        let mut active: Vec<&Incident> = unturned.chain(turned).filter(|incident| incident.status.is_active()).collect();
        active.sort_by_key(|incident| incident.id);
        let mut worst = BTreeMap::new();
        for incident in active {
            for affected in &incident.affected {
                let (Some(service), Some(status)) = (affected.service, affected.status) else { continue };
                if services.contains(&service) && worst.get(&service).is_none_or(|(known, _)| *known <= status) {
                    worst.insert(service, (status, incident.as_cause()));
                }
            }
        }
        let unturned = self.org.monitors.values().filter(|monitor| !self.monitors.contains_key(&monitor.id));
        let unturned = unturned.filter_map(|monitor| Some((monitor.id, Monitor::giving(monitor)?)));
        let turned = self.monitors.iter().filter_map(|(id, given)| Some((*id, (*given)?)));
        for (id, (service, status)) in unturned.chain(turned) {
            if services.contains(&service) && worst.get(&service).is_none_or(|(known, _)| *known < status) {
                worst.insert(service, (status, Cause::Monitor(id)));
            }
        }
        worst
    }
}
