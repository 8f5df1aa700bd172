//! What holds whatever is asked for, in whatever order.

#![allow(clippy::unwrap_used)] // a test that meets a surprise shall stop right there

mod orders;

use orders::{EPOCH, orders, org_id};
use proptest::prelude::*;
use std::collections::BTreeSet;
use tocsin_actors::domain::{
    entities::Cause,
    status::{MonitorState, Role, ServiceStatus, Visibility},
    *,
};
use uuid::Uuid;

/// Lives through orders, checking after each what must always hold; answers the entries.
fn live(org: &mut Org, orders: &[Order]) -> Result<Vec<Entry>, TestCaseError> {
    let mut entries = Vec::new();
    for order in orders {
        let before = org.clone();
        let decided = org.decide(order);
        prop_assert_eq!(&*org, &before, "deciding changes nothing");
        let Ok(events) = decided else { continue };
        if events.is_empty() {
            continue;
        }
        let from_is_true = events.iter().all(|event| match event {
            Event::ServiceStatusChanged { id, from, .. } => before.services()[id].status == *from,
            _ => true,
        });
        prop_assert!(from_is_true, "{:?}", events);
        let entry = Entry { seq: org.seq() + 1, at: order.at, by: order.by, key: order.key, events };
        org.apply(&entry);
        prop_assert_eq!(org.seq(), entry.last(), "no holes");
        what_always_holds(org).map_err(|error| TestCaseError::fail(format!("{error}\nafter {order:?}\n{:?}", entry.events)))?;
        if matches!(order.command, Command::ResolveIncident { .. } | Command::DeleteIncident { .. } | Command::DeleteMonitor { .. })
        {
            let by_hand = before.services().values().filter(|service| service.cause == Cause::Manual);
            let stays = by_hand.clone().all(|service| org.services()[&service.id] == *service);
            prop_assert!(stays, "what a hand set, a hand changes: {:?}", order);
        }
        let had_admin = has_admin(&before);
        prop_assert!(!had_admin || has_admin(org) || org.is_deleted(), "the last admin vanished by {:?}", order);
        let again = org.decide(order);
        prop_assert!(again_is_harmless(&order.command, &again), "{:?} again: {:?}", order, again);
        entries.push(entry);
    }
    Ok(entries)
}

fn has_admin(org: &Org) -> bool {
    org.members().values().any(|member| member.role == Role::Admin)
}

/// A command that was just done is refused where it makes, ends or removes something, and else changes nothing.
fn again_is_harmless(command: &Command, again: &Result<Vec<Event>, Rejection>) -> bool {
    use Command::*;
    match command {
        ChangeOrganization(_)
        | ChangeMember { .. }
        | ChangeTeam { .. }
        | SetTeamMember { .. }
        | ChangeGroup { .. }
        | ReorderGroups { .. }
        | ChangeService { .. }
        | ReorderServices { .. }
        | ChangeIncident { .. }
        | EditUpdate { .. }
        | SetPostmortem { .. }
        | ChangeMonitor { .. }
        | TurnMonitor { .. }
        | Tick => matches!(again, Ok(events) if events.is_empty()),
        CreateOrganization(_)
        | DeleteOrganization
        | AddMember { .. }
        | RemoveMember { .. }
        | CreateTeam { .. }
        | DeleteTeam { .. }
        | RemoveTeamMember { .. }
        | CreateGroup { .. }
        | DeleteGroup { .. }
        | CreateService(_)
        | DeleteService { .. }
        | OpenIncident(_)
        | PostUpdate { .. }
        | DeleteUpdate { .. }
        | ResolveIncident { .. }
        | MoveMaintenance { .. }
        | DeleteIncident { .. }
        | RemovePostmortem { .. }
        | CreateMonitor(_)
        | DeleteMonitor { .. } => again.is_err(),
    }
}

fn what_always_holds(org: &Org) -> Result<(), TestCaseError> {
    for service in org.services().values() {
        // A cause is something that goes on and gives exactly this status; without one a hand set it.
        if let Some(cause) = service.cause.incident() {
            let incident = org.incidents().get(&cause);
            let gives = incident.and_then(|incident| Some((incident.gives(service.id)?, incident.as_cause())));
            prop_assert_eq!(gives, Some((service.status, service.cause)), "cause of {:?}", service.id);
        }
        if let Cause::Monitor(cause) = service.cause {
            let gives = org.monitors().get(&cause).and_then(|monitor| monitor.giving());
            prop_assert_eq!(gives, Some((service.id, service.status)), "cause of {:?}", service.id);
        }
        let history = org.history(service.id).expect("a service has a history");
        let last = history.last().expect("of at least its making");
        prop_assert_eq!((last.to, last.at), (service.status, service.status_since));
        prop_assert_eq!(history.first().map(|first| first.at), Some(service.created_at));
        let mut before = None;
        for change in history.iter() {
            prop_assert_eq!(change.from, before, "each change goes on where the one before ended");
            before = Some(change.to);
        }
        prop_assert!(service.group.is_none_or(|group| org.groups().contains_key(&group)));
        prop_assert!(service.team.is_none_or(|team| org.teams().contains_key(&team)));
        uptime_is_a_share(org, service.id)?;
    }
    for monitor in org.monitors().values() {
        prop_assert!(monitor.service.is_none_or(|service| org.services().contains_key(&service)));
        prop_assert!(monitor.enabled || monitor.state == MonitorState::Unknown, "{:?}", monitor);
        let last = monitor.turns.iter().next_back().map_or(MonitorState::Unknown, |turn| turn.to);
        prop_assert_eq!(last, monitor.state);
    }
    for team in org.teams().values() {
        prop_assert!(team.members.iter().all(|member| org.role(member.user).is_some()));
    }
    let members: BTreeSet<_> = org.members().values().map(|member| member.id).collect();
    prop_assert_eq!(members.len(), org.members().len(), "each member has an id of its own");
    for incident in org.incidents().values() {
        prop_assert_eq!(incident.status.is_over(), incident.resolved_at.is_some());
        prop_assert!(incident.resolved_at.is_none_or(|resolved| resolved >= incident.started_at), "{:?}", incident);
        prop_assert!(incident.actual_end.is_none_or(|end| incident.actual_start.is_none_or(|start| start <= end)));
        let updates: BTreeSet<_> = incident.updates.iter().map(|update| update.id).collect();
        prop_assert_eq!(updates.len(), incident.updates.len(), "each update has an id of its own");
        for service in incident.affected.iter().filter_map(|affected| affected.service) {
            prop_assert!(org.service_even_retired(service).is_some(), "what an incident names can be shown");
        }
    }
    for id in (1..4).map(|n| ServiceId::new(Uuid::from_u128(n))) {
        let is_retired = org.service_even_retired(id).is_some() && !org.services().contains_key(&id);
        prop_assert!(!is_retired || org.incidents().values().any(|incident| incident.affects(id)), "kept for nobody");
        prop_assert_eq!(org.services().contains_key(&id), org.history(id).is_some());
    }
    let seen = |public: bool| org.services().values().filter(move |s| !public || s.visibility == Visibility::Public);
    for (audience, public) in [(Visibility::Public, true), (Visibility::Private, false)] {
        let worst = seen(public).map(|service| service.status).max().unwrap_or(ServiceStatus::Operational);
        prop_assert_eq!(org.page_status(audience), worst);
    }
    let due = org.incidents().values().filter_map(|incident| incident.next_due()).min();
    prop_assert_eq!(org.next_due(), due);
    let ongoing: Vec<_> = org.incidents().values().filter(|incident| !incident.status.is_over()).collect();
    prop_assert_eq!(org.ongoing().collect::<Vec<_>>(), ongoing);
    Ok(())
}

fn uptime_is_a_share(org: &Org, service: ServiceId) -> Result<(), TestCaseError> {
    let now = Timestamp::from_millis(EPOCH + 120_000);
    let whole = org.uptime(service, Timestamp::from_millis(0)..now, now).expect("it is known");
    prop_assert!(whole.ratio().is_none_or(|ratio| (0.0..=1.0).contains(&ratio)));
    let filled_in: Vec<_> = org.incidents().values().filter_map(|incident| incident.filled_in(service)).collect();
    prop_assert_eq!(org.filled_in(service).collect::<Vec<_>>(), filled_in);
    let days = org.uptime_days(service, 3, now).expect("it is known");
    let sum: u64 = days.iter().map(|day| day.uptime.known_ms()).sum();
    prop_assert_eq!(sum, whole.known_ms());
    Ok(())
}

fn by_bson(org: &Org) -> Org {
    bson::deserialize_from_slice(&bson::serialize_to_vec(org).expect("written")).expect("read")
}
fn by_json(org: &Org) -> Org {
    serde_json::from_str(&serde_json::to_string(org).expect("written")).expect("read")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn whatever_is_ordered_the_organization_stays_consistent_and_replays_to_itself(
        orders in orders(60), half in any::<prop::sample::Index>()
    ) {
        let mut org = Org::new(org_id());
        let entries = live(&mut org, &orders)?;

        let mut replayed = Org::new(org_id());
        let half = half.index(entries.len());
        let (mut stored, mut exported) = (None, None);
        for (n, entry) in entries.iter().enumerate() {
            if n == half {
                (stored, exported) = (Some(by_bson(&replayed)), Some(by_json(&replayed)));
            }
            let read: Entry = bson::deserialize_from_slice(&bson::serialize_to_vec(entry).unwrap()).unwrap();
            prop_assert_eq!(&read, entry);
            let read: Entry = serde_json::from_str(&serde_json::to_string(entry).unwrap()).unwrap();
            prop_assert_eq!(&read, entry);
            for org in [Some(&mut replayed), stored.as_mut(), exported.as_mut()].into_iter().flatten() {
                org.apply(entry);
            }
        }
        prop_assert_eq!(&replayed, &org);
        prop_assert_eq!(&stored.unwrap(), &org, "from a stored snapshot");
        prop_assert_eq!(&exported.unwrap(), &org, "from an exported one");
        prop_assert_eq!(&by_bson(&org), &org);
        prop_assert_eq!(&by_json(&org), &org);
        for (entry, next) in entries.iter().zip(entries.iter().skip(1)) {
            prop_assert_eq!(entry.last() + 1, next.seq);
        }
    }

    #[test]
    fn events_out_of_order_or_about_nothing_do_no_harm(
        (orders, shuffle) in orders(40).prop_flat_map(|orders| (Just(orders), Just((0..200).collect::<Vec<usize>>()).prop_shuffle())),
        probe in orders::order(),
    ) {
        let entries = live(&mut Org::new(org_id()), &orders)?;
        let events: Vec<_> = entries.iter().flat_map(|entry| entry.events.iter().map(|event| (entry.at, event))).collect();
        let mut org = Org::new(org_id());
        for (at, event) in shuffle.iter().filter_map(|n| events.get(*n)) {
            let entry = Entry { seq: org.seq() + 1, at: *at, by: Author::System, key: None, events: vec![Event::clone(event)] };
            org.apply(&entry);
            prop_assert_eq!(org.seq(), entry.seq);
        }
        let _ = org.decide(&probe);
        for service in org.services().keys() {
            let now = Timestamp::from_millis(EPOCH + 120_000);
            let uptime = org.uptime(*service, Timestamp::from_millis(0)..now, now).expect("it is known");
            prop_assert!(uptime.ratio().is_none_or(|ratio| (0.0..=1.0).contains(&ratio)));
        }
        prop_assert_eq!(&by_bson(&org), &org);
    }
}
