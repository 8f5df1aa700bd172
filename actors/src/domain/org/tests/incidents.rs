use super::*;
use crate::domain::command::UpdateChange;

fn edit_status(n: u128, status: IncidentStatus) -> Command {
    change_incident(n, IncidentChange { status: Edit::Set(status), ..Default::default() })
}

#[test]
fn opening_gives_its_statuses_to_services_under_their_names_of_today() {
    let named_otherwise = Affected { name: "whatever".into(), ..affected(1, Some(MajorOutage)) };
    let asked = NewIncident { affected: vec![named_otherwise], ..new_incident(1, Investigating, &[]) };
    check(
        &[made(1)],
        Command::OpenIncident(Box::new(asked)),
        Ok(vec![
            opened(1, Investigating, &[(1, MajorOutage)]),
            turned(1, Operational, MajorOutage, by_incident(1), by_incident(1)),
        ]),
    );
    check(&[], open(1, Investigating, &[(1, MajorOutage)]), Err(Rejection::UnknownService(service(1))));
    check(&[opened(1, Investigating, &[])], open(1, Investigating, &[]), Err(Rejection::IdTaken));
}

#[test]
fn a_service_is_named_once_and_a_bare_name_has_no_status() {
    let twice = open(1, Investigating, &[(1, MajorOutage), (1, PartialOutage)]);
    check(&[made(1)], twice, Err(Rejection::invalid("affected", "must name each service once")));
    let bare = |status| NewIncident {
        affected: vec![Affected { service: None, name: "Mail".into(), status }],
        ..new_incident(1, Investigating, &[])
    };
    let refused = Err(Rejection::invalid("affected", "a bare name cannot be given a status"));
    check(&[], Command::OpenIncident(Box::new(bare(Some(MajorOutage)))), refused);
    check(&[], Command::OpenIncident(Box::new(bare(None))), Ok(vec![Event::IncidentOpened(Box::new(bare(None)))]));
}

#[test]
fn an_incident_can_be_filled_in_but_not_foretold() {
    let with = |started: Option<i64>, resolved: Option<i64>, status| NewIncident {
        started_at: started.map(ms),
        resolved_at: resolved.map(ms),
        ..new_incident(1, status, &[])
    };
    let cases = [
        (with(Some(10), Some(20), Resolved), None),
        (with(Some(10), Some(10), Resolved), None),
        (with(None, Some(20), Resolved), None),
        (with(Some(20), Some(10), Resolved), Some("must not be before the start")),
        (with(Some(NOW + 1), None, Investigating), Some("must not be in the future")),
        (with(None, Some(NOW + 1), Resolved), Some("must not be in the future")),
        (with(None, Some(10), Investigating), Some("goes with a status that says it is over")),
    ];
    for (new, problem) in cases {
        let decided = Story::new().org.decide(&order(NOW, Command::OpenIncident(Box::new(new.clone()))));
        let said = decided.err().map(|rejection| rejection.to_string().split_once(' ').unwrap().1.to_owned());
        assert_eq!(said.as_deref(), problem, "{new:?}");
    }
}

#[test]
fn what_was_filled_in_counts_from_its_start_to_its_end_or_its_recording() {
    let since = |started, resolved: Option<i64>, status| {
        let new = NewIncident {
            started_at: Some(ms(started)),
            resolved_at: resolved.map(ms),
            ..new_incident(1, status, &[(1, MajorOutage)])
        };
        let mut story = Story::of(&[made(1)]);
        story.then(NOW, Command::OpenIncident(Box::new(new)));
        let window = story.org.uptime(service(1), ms(0)..ms(NOW), ms(NOW)).unwrap();
        (story.incident(1).filled_in(service(1)).map(|(from, until, _)| (from.millis(), until.millis())), window.ms(MajorOutage))
    };
    assert_eq!(since(5_000, Some(8_000), Resolved), (Some((5_000, 8_000)), 3_000));
    assert_eq!(since(5_000, None, Investigating), (Some((5_000, NOW)), 995_000));
    assert_eq!(since(0, Some(3_000), Resolved), (Some((0, 3_000)), 1_000), "the service was made at two seconds");
    assert_eq!(since(5_000, None, Scheduled), (None, 0), "a plan did nothing yet");
}

#[test]
fn an_outage_found_late_keeps_its_past_when_the_service_recovers() {
    let mut story = Story::of(&[made(1)]);
    let new = NewIncident { started_at: Some(ms(NOW - 600)), ..new_incident(1, Investigating, &[(1, MajorOutage)]) };
    story.then(NOW, Command::OpenIncident(Box::new(new)));
    story.then(NOW + 100, post(1, 1, Some(Monitoring), &[(1, Operational)]));
    story.then(NOW + 200, resolve(1));
    let uptime = story.org.uptime(service(1), ms(NOW - 1_000)..ms(NOW + 1_000), ms(NOW + 1_000)).unwrap();
    assert_eq!(uptime.ms(MajorOutage), 700, "600 before it was recorded and 100 after");

    let correction = IncidentChange { affected: Edit::Set(vec![affected(1, Some(PartialOutage))]), ..Default::default() };
    story.then(NOW + 300, change_incident(1, correction));
    let uptime = story.org.uptime(service(1), ms(NOW - 1_000)..ms(NOW + 1_000), ms(NOW + 1_000)).unwrap();
    assert_eq!((uptime.ms(PartialOutage), uptime.ms(MajorOutage)), (600, 100), "corrected when it was over");
}

#[test]
fn resolving_twice_is_rejected() {
    let resolved = opened(7, Resolved, &[]);
    check(std::slice::from_ref(&resolved), resolve(7), Err(Rejection::AlreadyResolved(incident(7))));
    check(&[], resolve(7), Err(Rejection::UnknownIncident(incident(7))));
}

#[test]
fn an_incident_resolved_before_it_began_took_no_time_at_all() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, open(1, Investigating, &[]));
    story.then(NOW - 5, resolve(1));
    assert_eq!(story.incident(1).resolved_at, Some(ms(NOW)));
}

#[test]
fn reopening_clears_the_end_and_services_feel_it_again() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, open(1, Identified, &[(1, PartialOutage)]));
    story.then(NOW + 1, resolve(1));
    assert_eq!((story.incident(1).resolved_at, story.status(1).0), (Some(ms(NOW + 1)), Operational));
    story.then(NOW + 2, edit_status(1, Investigating));
    let incident = story.incident(1);
    assert_eq!((incident.resolved_at, incident.identified_at), (None, Some(ms(NOW))));
    assert_eq!(story.status(1), (PartialOutage, by_incident(1)));
}

#[test]
fn the_end_of_an_incident_can_be_corrected_but_not_contradicted() {
    let set_end = |resolved_at: Option<i64>| {
        change_incident(1, IncidentChange { resolved_at: Edit::Set(resolved_at.map(ms)), ..Default::default() })
    };
    let over = [opened(1, Resolved, &[])]; // at two seconds
    let says_over = Rejection::invalid("resolved_at", "goes with a status that says it is over");
    check(&over, set_end(Some(2_000)), Ok(vec![]));
    check(&over, set_end(None), Err(says_over.clone()));
    check(&[opened(1, Investigating, &[])], set_end(Some(3_000)), Err(says_over));
    check(&over, set_end(Some(1_000)), Err(Rejection::invalid("resolved_at", "must not be before the start")));
    let change = Box::new(IncidentChange { resolved_at: Edit::Set(Some(ms(5_000))), ..Default::default() });
    check(&over, set_end(Some(5_000)), Ok(vec![Event::IncidentChanged { id: incident(1), change }]));
}

#[test]
fn an_edit_says_only_what_it_changes() {
    let edit = IncidentChange {
        title: Edit::Set("news".into()),
        impact: Edit::Set(Impact::Minor),
        resolved_at: Edit::Set(None),
        actual_end: Edit::Set(None),
        ..Default::default()
    };
    let said = IncidentChange { title: Edit::Set("news".into()), ..Default::default() };
    let changed = Event::IncidentChanged { id: incident(1), change: Box::new(said) };
    check(&[opened(1, Investigating, &[])], change_incident(1, edit), Ok(vec![changed]));
}

#[test]
fn an_update_moves_the_incident_and_changes_what_it_does() {
    let mut story = Story::of(&[made(1), made(2)]);
    story.then(NOW, open(1, Investigating, &[(1, MajorOutage)]));
    let events = story.then(NOW + 1, post(1, 5, Some(Monitoring), &[(2, DegradedPerformance), (1, PartialOutage)]));
    assert_eq!(
        events[1..],
        [
            turned(1, MajorOutage, PartialOutage, by_incident(1), by_incident(1)),
            turned(2, Operational, DegradedPerformance, by_incident(1), by_incident(1)),
        ]
    );
    let incident = story.incident(1);
    assert_eq!((incident.status, incident.monitoring_at), (Monitoring, Some(ms(NOW + 1))));
    let changes = &incident.updates[0].affected;
    assert_eq!((changes[0].from, changes[0].to), (None, Some(DegradedPerformance)));
    assert_eq!((changes[1].from, changes[1].to), (Some(MajorOutage), Some(PartialOutage)));
    let again = story.org.decide(&order(NOW, post(1, 5, None, &[])));
    assert_eq!(again, Err(Rejection::IdTaken));
}

#[test]
fn a_service_named_in_an_update_takes_the_status_even_if_a_hand_set_another() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, open(1, Investigating, &[(1, MajorOutage)]));
    story.then(NOW, set_status(1, Operational));
    story.then(NOW, post(1, 1, Some(Identified), &[]));
    assert_eq!(story.status(1), (Operational, Cause::Manual), "moving alone names nobody");
    story.then(NOW, post(1, 2, None, &[(1, MajorOutage)]));
    assert_eq!(story.status(1), (MajorOutage, by_incident(1)));
}

#[test]
fn updates_are_edited_and_deleted_without_moving_the_incident() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, open(1, Investigating, &[]));
    story.then(NOW, post(1, 1, Some(Identified), &[]));
    let edit = |change| Command::EditUpdate { incident: incident(1), id: update(1), change: Box::new(change) };
    let change = UpdateChange { message: Edit::Set("better".into()), status: Edit::Set(Resolved), ..Default::default() };
    story.then(NOW + 1, edit(change.clone()));
    assert_eq!(story.then(NOW + 2, edit(change)), []);
    let told = &story.incident(1).updates[0];
    assert_eq!((told.message.as_str(), told.status, told.updated_at), ("better", Resolved, ms(NOW + 1)));
    assert_eq!(story.incident(1).status, Identified);
    story.then(NOW, Command::DeleteUpdate { incident: incident(1), id: update(1) });
    assert_eq!((story.incident(1).updates.len(), story.incident(1).status), (0, Identified));
    let again = story.org.decide(&order(NOW, Command::DeleteUpdate { incident: incident(1), id: update(1) }));
    assert_eq!(again, Err(Rejection::UnknownUpdate(update(1))));
}

#[test]
fn a_postmortem_is_written_when_it_is_over() {
    let write = |body: &str| Command::SetPostmortem { incident: incident(1), body: body.into() };
    let written = Event::PostmortemSet { incident: incident(1), body: "why".into() };
    let remove = Command::RemovePostmortem { incident: incident(1) };
    let over = opened(1, Resolved, &[]);
    check(&[opened(1, Monitoring, &[])], write("why"), Err(Rejection::NotOver));
    check(std::slice::from_ref(&over), write("why"), Ok(vec![written.clone()]));
    check(std::slice::from_ref(&over), write(" "), Err(Rejection::invalid("body", "must not be empty")));
    check(std::slice::from_ref(&over), remove.clone(), Err(Rejection::NoPostmortem));
    check(&[over.clone(), written.clone()], write("why"), Ok(vec![]));
    check(&[over, written], remove, Ok(vec![Event::PostmortemRemoved { incident: incident(1) }]));
}

#[test]
fn an_incident_whose_timeline_is_full_can_still_be_resolved() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, open(1, Investigating, &[(1, MajorOutage)]));
    for n in 0..limits::UPDATES as u128 {
        story.then(NOW, post(1, n + 1_000, None, &[]));
    }
    let full = story.org.decide(&order(NOW, post(1, 1, None, &[])));
    assert_eq!(full, Err(Rejection::TooMany { what: "updates per incident", limit: limits::UPDATES }));
    story.then(NOW, resolve(1));
    assert_eq!(story.status(1).0, Operational);
}

#[test]
fn a_timeline_stays_small_enough_to_be_stored() {
    let mut story = Story::of(&[]);
    story.then(NOW, open(1, Investigating, &[]));
    let long = |n: u128| {
        let message = "長".repeat(limits::MESSAGE);
        let update = NewUpdate { id: update(n), message, status: None, affected: Vec::new(), shown_at: None };
        Command::PostUpdate { incident: incident(1), update: Box::new(update) }
    };
    let refused = (1..1_000).find(|n| match story.org.decide(&order(NOW, long(*n))) {
        Ok(events) => {
            story.record(NOW, events);
            false
        }
        Err(rejection) => {
            assert_eq!(rejection.code(), "too_many");
            true
        }
    });
    assert!(refused.is_some());
    assert!(bson::serialize_to_vec(story.incident(1)).unwrap().len() < 15_000_000);
}

#[test]
fn updates_do_not_name_more_services_than_an_incident_may() {
    let bare = |from: usize| {
        let name = |n: usize| Affected { service: None, name: format!("name {n}"), status: None };
        let affected = (from..from + limits::AFFECTED / 2 + 1).map(name).collect();
        let update = NewUpdate { id: update(from as u128), message: "more".into(), status: None, affected, shown_at: None };
        Command::PostUpdate { incident: incident(1), update: Box::new(update) }
    };
    let mut story = Story::of(&[opened(1, Investigating, &[])]);
    story.then(NOW, bare(1));
    let more = story.org.decide(&order(NOW, bare(10_000)));
    assert_eq!(more.unwrap_err().code(), "too_many");
}

#[test]
fn a_beginning_that_is_said_with_a_move_counts_although_it_is_the_one_of_before() {
    let mut story = Story::of(&[opened(1, Scheduled, &[])]);
    let began = story.incident(1).started_at;
    let change = IncidentChange { status: Edit::Set(InProgress), started_at: Edit::Set(began), ..Default::default() };
    story.then(NOW, change_incident(1, change.clone()));
    assert_eq!(story.incident(1).started_at, began);
    assert_eq!(story.then(NOW, change_incident(1, change)), [], "the same again changes nothing");
}
