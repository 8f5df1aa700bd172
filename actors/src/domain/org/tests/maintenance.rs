use super::*;

fn planned(n: u128, start: i64, end: i64, service: u128) -> NewIncident {
    NewIncident {
        scheduled_start: Some(ms(start)),
        scheduled_end: Some(ms(end)),
        automatic: true,
        ..new_incident(n, Scheduled, &[(service, UnderMaintenance)])
    }
}
fn plan(n: u128, start: i64, end: i64) -> Event {
    Event::IncidentOpened(Box::new(planned(n, start, end, 1)))
}
fn go(n: u128, to: IncidentStatus) -> Command {
    Command::MoveMaintenance { id: incident(n), to, update: update(500 + n), message: None }
}
fn become_(n: u128, status: IncidentStatus) -> Command {
    change_incident(n, IncidentChange { status: Edit::Set(status), ..Default::default() })
}

#[test]
fn a_maintenance_begins_and_ends_by_itself() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000)]);
    assert_eq!(story.org.next_due(), Some(ms(10_000)));
    assert_eq!(story.then(9_999, Command::Tick), []);
    story.then(10_040, Command::Tick);
    assert_eq!(story.status(1), (UnderMaintenance, by_maintenance(1)));
    assert_eq!((story.incident(1).status, story.incident(1).actual_start), (InProgress, Some(ms(10_000))));
    assert_eq!(story.then(10_040, Command::Tick), []);
    story.then(20_000, Command::Tick);
    assert_eq!(story.status(1), (Operational, Cause::Manual));
    let maintenance = story.incident(1);
    assert_eq!((maintenance.actual_end, maintenance.resolved_at), (Some(ms(20_000)), Some(ms(20_000))));
    assert_eq!(story.org.next_due(), None);
}

#[test]
fn a_maintenance_that_came_and_went_unwatched_is_never_shown_by_a_service() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000)]);
    let events = story.then(NOW, Command::Tick);
    assert!(events.iter().all(|event| matches!(event, Event::UpdatePosted(_))), "{events:?}");
    let maintenance = story.incident(1);
    assert_eq!(maintenance.status, Completed);
    assert_eq!((maintenance.actual_start, maintenance.actual_end), (Some(ms(10_000)), Some(ms(20_000))));
    assert_eq!(maintenance.updates.iter().map(|update| update.shown_at.millis()).collect::<Vec<_>>(), [10_000, 20_000]);
    assert_eq!(story.history(1), []);
}

#[test]
fn a_service_between_two_maintenances_does_not_flicker_when_one_ends_as_the_other_begins() {
    // In both orders of their ids.
    for (first, second) in [(1, 2), (2, 1)] {
        let mut story = Story::of(&[made(1), plan(first, 10_000, 20_000), plan(second, 20_000, 30_000)]);
        story.then(10_000, Command::Tick);
        let events = story.then(20_000, Command::Tick);
        let effects: Vec<_> = events.iter().filter(|event| matches!(event, Event::ServiceStatusChanged { .. })).collect();
        let handed_over = turned(1, UnderMaintenance, UnderMaintenance, by_maintenance(second), by_maintenance(second));
        assert_eq!(effects, [&handed_over]);
        assert_eq!(story.status(1), (UnderMaintenance, by_maintenance(second)));
        story.then(30_000, Command::Tick);
        assert_eq!(story.history(1), [(10_000, UnderMaintenance), (30_000, Operational)]);
    }
}

#[test]
fn two_maintenances_that_begin_at_once_leave_one_status_with_the_later_cause() {
    let mut story = Story::of(&[made(1), plan(2, 10_000, 30_000), plan(1, 11_000, 20_000)]);
    story.then(15_000, Command::Tick);
    assert_eq!(story.status(1), (UnderMaintenance, by_maintenance(1)), "it began later");
    story.then(20_000, Command::Tick);
    assert_eq!(story.status(1), (UnderMaintenance, by_maintenance(2)), "the other goes on");
    story.then(30_000, Command::Tick);
    assert_eq!(story.status(1), (Operational, Cause::Manual));
    assert_eq!(story.history(1), [(15_000, UnderMaintenance), (30_000, Operational)]);
}

#[test]
fn two_maintenances_that_end_at_once_leave_the_service_operational() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000), plan(2, 11_000, 21_000)]);
    story.then(12_000, Command::Tick);
    story.then(25_000, Command::Tick);
    assert_eq!(story.status(1), (Operational, Cause::Manual));
}

#[test]
fn a_crowd_of_maintenances_moves_over_several_ticks_and_all_of_it_moves() {
    let mut story = Story::of(&[made(1)]);
    for n in 1..=500 {
        story.record(5_000, vec![plan(n, 10_000, 20_000)]);
    }
    let ticks = (0..10).take_while(|_| !story.then(NOW, Command::Tick).is_empty()).count();
    assert_eq!(ticks, 3);
    assert!(story.org.incidents().values().all(|maintenance| maintenance.status == Completed));
}

#[test]
fn a_maintenance_moved_by_hand_is_overdue_when_the_hand_is_late() {
    let by_hand = NewIncident { automatic: false, ..planned(1, 10_000, 20_000, 1) };
    let mut story = Story::of(&[made(1), Event::IncidentOpened(Box::new(by_hand))]);
    assert_eq!(story.then(NOW, Command::Tick), []);
    assert!(story.incident(1).is_overdue(ms(10_001)) && !story.incident(1).is_overdue(ms(10_000)));
    story.then(15_000, go(1, InProgress));
    assert!(!story.incident(1).is_overdue(ms(15_000)) && story.incident(1).is_overdue(ms(20_001)));
}

#[test]
fn a_maintenance_moves_along_its_path_only() {
    let given = |status| [opened(1, status, &[])];
    let wrong = |from, to| Err(Rejection::WrongMove { from, to });
    for (from, to) in [(Scheduled, Completed), (Scheduled, Verifying), (InProgress, InProgress), (Completed, Cancelled)] {
        check(&given(from), go(1, to), wrong(from, to));
    }
    for (from, to) in [(Scheduled, InProgress), (Scheduled, Cancelled), (InProgress, Verifying), (Verifying, Completed)] {
        assert!(Story::of(&given(from)).org.decide(&order(NOW, go(1, to))).is_ok(), "{from} {to}");
    }
    check(&given(Investigating), go(1, InProgress), wrong(Investigating, InProgress));
    check(&given(Investigating), go(1, Resolved), wrong(Investigating, Resolved));
}

#[test]
fn resolving_a_maintenance_completes_it_if_it_ever_began() {
    check(&[opened(1, Scheduled, &[])], resolve(1), Err(Rejection::WrongMove { from: Scheduled, to: Completed }));
    check(&[opened(1, Cancelled, &[])], resolve(1), Err(Rejection::AlreadyResolved(incident(1))));
    let mut story = Story::of(&[made(1), opened(1, InProgress, &[])]);
    story.then(NOW, resolve(1));
    assert_eq!(story.incident(1).status, Completed);
}

#[test]
fn a_cancelled_maintenance_never_touches_its_services() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000)]);
    story.then(5_000, go(1, Cancelled));
    assert_eq!(story.then(NOW, Command::Tick), []);
    assert_eq!((story.history(1), story.incident(1).actual_start), (vec![], None));
}

#[test]
fn a_maintenance_that_goes_wrong_becomes_an_incident_and_back() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000)]);
    story.then(10_000, Command::Tick);
    story.then(12_000, become_(1, Identified));
    assert_eq!(story.status(1), (UnderMaintenance, by_incident(1)), "the service names it by what it is now");
    assert_eq!(story.then(25_000, Command::Tick), [], "an incident does not end by itself");
    story.then(26_000, become_(1, InProgress));
    assert_eq!(story.status(1), (UnderMaintenance, by_maintenance(1)));
    assert_eq!(story.incident(1).actual_start, Some(ms(10_000)));
    assert_eq!(story.then(27_000, Command::Tick), [], "nor does what a hand took up again after its end");
    assert!(story.incident(1).is_overdue(ms(27_000)));
    story.then(28_000, go(1, Completed));
    assert_eq!(story.history(1), [(10_000, UnderMaintenance), (28_000, Operational)]);
}

#[test]
fn a_mere_change_of_kind_does_not_take_a_status_from_the_hand_that_set_it() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000)]);
    story.then(10_000, Command::Tick);
    story.then(11_000, set_status(1, Operational));
    story.then(12_000, become_(1, Identified));
    assert_eq!(story.status(1), (Operational, Cause::Manual));
}

#[test]
fn an_incident_made_of_a_plan_did_not_begin_when_it_was_planned() {
    let mut story = Story::of(&[made(1), plan(1, 500_000, 600_000)]);
    story.then(400_000, become_(1, Investigating));
    assert_eq!(story.incident(1).started_at, ms(400_000));
}

#[test]
fn a_completed_maintenance_reopened_by_hand_stays_open() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000)]);
    story.then(10_000, Command::Tick);
    story.then(20_000, Command::Tick);
    story.then(21_000, become_(1, InProgress));
    assert_eq!(story.then(22_000, Command::Tick), []);
    assert_eq!((story.incident(1).status, story.incident(1).resolved_at), (InProgress, None));
    assert_eq!(story.incident(1).actual_start, Some(ms(10_000)));
}

#[test]
fn a_maintenance_told_to_go_on_by_itself_does_so_even_if_that_is_late() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000)]);
    story.then(10_000, Command::Tick);
    let insist = IncidentChange { status: Edit::Set(Verifying), automatic: Edit::Set(true), ..Default::default() };
    story.then(25_000, change_incident(1, insist.clone()));
    assert_eq!(story.then(25_000, change_incident(1, insist)), []);
    story.then(25_001, Command::Tick);
    assert_eq!(story.incident(1).status, Completed);
}

#[test]
fn a_maintenance_does_not_begin_with_an_end_that_was_noted_before() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000)]);
    let noted = IncidentChange { actual_end: Edit::Set(Some(ms(5_000))), ..Default::default() };
    story.then(6_000, change_incident(1, noted));
    story.then(10_000, Command::Tick);
    assert_eq!((story.incident(1).actual_start, story.incident(1).actual_end), (Some(ms(10_000)), None));
}

#[test]
fn a_maintenance_put_off_begins_at_its_new_time() {
    let mut story = Story::of(&[made(1), plan(1, 10_000, 20_000)]);
    story.then(10_000, Command::Tick);
    let later = IncidentChange {
        status: Edit::Set(Scheduled),
        scheduled_start: Edit::Set(Some(ms(50_000))),
        scheduled_end: Edit::Set(Some(ms(60_000))),
        ..Default::default()
    };
    story.then(11_000, change_incident(1, later));
    assert_eq!((story.status(1).0, story.incident(1).actual_start), (Operational, None));
    story.then(50_000, Command::Tick);
    assert_eq!((story.status(1).0, story.incident(1).actual_start), (UnderMaintenance, Some(ms(50_000))));
}

#[test]
fn a_maintenance_recorded_after_its_start_begins_at_once_and_tells_it_in_order() {
    let mut story = Story::of(&[made(1)]);
    let new = NewIncident { update: Some((update(1), "planned".into())), ..planned(1, 10_000, 60_000, 1) };
    story.then(20_000, Command::OpenIncident(Box::new(new)));
    assert_eq!(story.org.next_due(), Some(ms(10_000)));
    story.then(20_001, Command::Tick);
    let maintenance = story.incident(1);
    assert_eq!(maintenance.actual_start, Some(ms(10_000)));
    assert_eq!(maintenance.updates.iter().map(|update| update.shown_at.millis()).collect::<Vec<_>>(), [20_000, 20_000]);
    assert_eq!(story.status(1), (UnderMaintenance, by_maintenance(1)));
    let uptime = story.org.uptime(service(1), ms(10_000)..ms(30_000), ms(30_000)).unwrap();
    assert_eq!(uptime.ms(UnderMaintenance), 10_000 + 9_999);
}

#[test]
fn a_schedule_ends_after_it_begins() {
    let refused = Err(Rejection::invalid("scheduled_end", "must be after the start"));
    check(&[made(1)], Command::OpenIncident(Box::new(planned(1, 20_000, 20_000, 1))), refused.clone());
    let earlier = IncidentChange { scheduled_end: Edit::Set(Some(ms(5_000))), ..Default::default() };
    check(&[made(1), plan(1, 10_000, 20_000)], change_incident(1, earlier), refused);
}
