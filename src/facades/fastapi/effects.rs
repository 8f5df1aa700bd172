//! What its incidents do to services. The impact says what an affected service becomes; it never becomes better by an incident
//! than it was, and is well again when the last one is over. The engine lets what an incident gives end with it, and leaves
//! alone what was set by hand: where the original does not, that is asked for here.

use super::{shapes::affected, words::given_by};
use std::collections::BTreeSet;
use tocsin_actors::domain::{
    Command, Incident, Org, ServiceId,
    edit::Edit,
    entities::{Cause, Service},
    incident::{Affected, IncidentChange},
    status::{Impact, IncidentStatus, Kind, ServiceStatus},
};

/// What a new incident affects. It takes over the status of a service that is worse off, because that has to last until all
/// that affects it is over.
pub(super) fn at_first(org: &Org, numbers: &[i64], impact: Impact) -> Vec<Affected> {
    known(org, numbers).map(|service| affects(service, Some(given_by(impact).max(service.status)))).collect()
}

/// What a change of an incident changes of what it affects.
pub(super) fn of_a_change(org: &Org, before: &Incident, change: &IncidentChange, numbers: Option<&[i64]>) -> Edit<Vec<Affected>> {
    let mut affected = before.affected.clone();
    let status = change.status.as_set().copied().unwrap_or(before.status);
    if let Some(impact) = change.impact.as_set().copied()
        && impact != before.impact
        && !status.is_over()
    {
        let is_last_word = |id: ServiceId| !others(org, before, id).any(|other| other.impact >= impact);
        for one in affected.iter_mut().filter(|one| one.service.is_some_and(is_last_word)) {
            one.status = Some(given_by(impact));
        }
    }
    if let Some(numbers) = numbers {
        // Whom it affects is said without doing anything to them.
        let so_far = |service: &Service| affected.iter().find(|one| one.service == Some(service.id)).cloned();
        affected = known(org, numbers).map(|service| so_far(service).unwrap_or_else(|| affects(service, None))).collect();
    }
    if affected == before.affected { Edit::Keep } else { Edit::Set(affected) }
}

/// What its end changes beyond what the engine does: a status that was set by hand meanwhile ends with it as well.
pub(super) fn of_an_end(org: &Org, incident: &Incident) -> Vec<Command> {
    let services = affected(incident).filter_map(|id| org.services().get(&id));
    let by_hand = services.filter(|service| service.cause == Cause::Manual && service.status != ServiceStatus::Operational);
    let left = by_hand.filter(|service| others(org, incident, service.id).next().is_none());
    left.map(|service| Command::ChangeService {
        id: service.id,
        change: Box::default(),
        status: Edit::Set(ServiceStatus::Operational),
        reason: None,
        unique_name: false,
    })
    .collect()
}

/// Other incidents that go on and affect a service.
fn others<'a>(org: &'a Org, incident: &Incident, service: ServiceId) -> impl Iterator<Item = &'a Incident> {
    let this = incident.id;
    let ongoing = org.ongoing().map(AsRef::as_ref).filter(|other: &&Incident| other.kind() == Kind::Incident);
    ongoing.filter(move |other| other.id != this && other.status != IncidentStatus::Resolved && other.affects(service))
}

/// Each once; numbers that are nobody's are passed over.
fn known<'a>(org: &'a Org, numbers: &[i64]) -> impl Iterator<Item = &'a Service> {
    let wanted: BTreeSet<i64> = numbers.iter().copied().collect();
    org.services().values().map(AsRef::as_ref).filter(move |service: &&Service| wanted.contains(&i64::from(service.number)))
}

fn affects(service: &Service, status: Option<ServiceStatus>) -> Affected {
    Affected { service: Some(service.id), name: service.name.clone(), status }
}
