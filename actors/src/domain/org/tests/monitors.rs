use super::*;
use crate::domain::{
    MonitorId,
    command::{MonitorChange, NewMonitor},
    monitor::{Expects, Monitor, Pace, Turn, Turns},
    status::MonitorState::{self, Down, Unknown, Up},
};

fn monitor(n: u128) -> MonitorId {
    MonitorId::new(Uuid::from_u128(n))
}
fn by_monitor(n: u128) -> Cause {
    Cause::Monitor(monitor(n))
}

/// A monitor that makes a service partially out.
fn new_monitor(n: u128, service_id: Option<u128>) -> NewMonitor {
    NewMonitor {
        id: monitor(n),
        name: format!("monitor {n}"),
        url: "https://acme.example/health".into(),
        expects: Expects::default(),
        pace: Pace::default(),
        visibility: Visibility::Public,
        service: service_id.map(service),
        gives: PartialOutage,
        opens_incident: false,
        enabled: true,
        metadata: Default::default(),
    }
}
fn watched(n: u128, service_id: u128) -> Event {
    Event::MonitorCreated(Box::new(new_monitor(n, Some(service_id))))
}
/// One that opens incidents.
fn alarming(n: u128, service_id: u128) -> Event {
    Event::MonitorCreated(Box::new(NewMonitor { opens_incident: true, ..new_monitor(n, Some(service_id)) }))
}
fn create(new: NewMonitor) -> Command {
    Command::CreateMonitor(Box::new(new))
}
fn change(n: u128, change: MonitorChange) -> Command {
    Command::ChangeMonitor { id: monitor(n), change: Box::new(change) }
}
/// The incident that it may open has the number of the monitor, times ten, plus `again`.
fn turn_again(n: u128, to: MonitorState, again: u128) -> Command {
    let reason = (to == Down).then(|| "answered 500".to_owned());
    Command::TurnMonitor { id: monitor(n), revision: 1, to, reason, incident: incident(n * 10 + again) }
}
fn turn(n: u128, to: MonitorState) -> Command {
    turn_again(n, to, 0)
}
fn turned_monitor(n: u128, from: MonitorState, to: MonitorState) -> Event {
    let reason = (to == Down).then(|| "answered 500".to_owned());
    Event::MonitorTurned { id: monitor(n), from, to, reason, incident: None }
}

impl Story {
    fn monitor(&self, n: u128) -> &Monitor {
        &self.org.monitors()[&monitor(n)]
    }
}

#[test]
fn a_monitor_drives_only_a_service_that_is_there() {
    let new = new_monitor(1, Some(1));
    check(&[], create(new.clone()), Err(Rejection::UnknownService(service(1))));
    check(&[made(1)], create(new.clone()), Ok(vec![watched(1, 1)]));
    check(&[made(1), watched(1, 1)], create(new), Err(Rejection::IdTaken));
    let elsewhere = MonitorChange { service: Edit::Set(Some(service(9))), ..Default::default() };
    check(&[made(1), watched(1, 1)], change(1, elsewhere), Err(Rejection::UnknownService(service(9))));
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let refused = |new: NewMonitor, field: &str| match Story::new().org.decide(&order(NOW, create(new))) {
        Err(Rejection::Invalid { field: refused, .. }) => assert_eq!(refused, field),
        other => panic!("{field}: {other:?}"),
    };
    let new = || new_monitor(1, None);
    let pace = Pace::default();
    refused(NewMonitor { name: " ".into(), ..new() }, "name");
    refused(NewMonitor { url: String::new(), ..new() }, "url");
    refused(NewMonitor { url: "x".repeat(limits::ADDRESS + 1), ..new() }, "url");
    refused(NewMonitor { gives: Operational, ..new() }, "down_status");
    refused(NewMonitor { gives: UnderMaintenance, ..new() }, "down_status");
    refused(NewMonitor { expects: Expects { statuses: vec![99], text: None }, ..new() }, "expected_statuses");
    refused(NewMonitor { expects: Expects { statuses: vec![], text: Some(String::new()) }, ..new() }, "expected_text");
    refused(NewMonitor { pace: Pace { interval_s: 9, ..pace }, ..new() }, "interval_s");
    refused(NewMonitor { pace: Pace { timeout_ms: 60_001, ..pace }, ..new() }, "timeout_ms");
    refused(NewMonitor { pace: Pace { interval_s: 10, timeout_ms: 10_001, ..pace }, ..new() }, "timeout_ms");
    refused(NewMonitor { pace: Pace { failures: 0, ..pace }, ..new() }, "failure_threshold");
    refused(NewMonitor { pace: Pace { successes: 21, ..pace }, ..new() }, "success_threshold");
}

#[test]
fn an_organization_has_a_bounded_number_of_monitors() {
    let crowd: Vec<_> = (1..=limits::MONITORS as u128).map(|n| Event::MonitorCreated(Box::new(new_monitor(n, None)))).collect();
    let one_more = create(new_monitor(9_999, None));
    check(&crowd, one_more, Err(Rejection::TooMany { what: "monitors", limit: limits::MONITORS }));
}

#[test]
fn a_service_feels_that_its_monitor_is_down_and_up_again() {
    let mut story = Story::of(&[made(1), watched(1, 1)]);
    assert_eq!(story.then(NOW, turn(1, Up)), [turned_monitor(1, Unknown, Up)]);
    let down = turned(1, Operational, PartialOutage, by_monitor(1), by_monitor(1));
    assert_eq!(story.then(NOW + 1, turn(1, Down)), [turned_monitor(1, Up, Down), down]);
    assert_eq!((story.monitor(1).state, story.monitor(1).reason.as_deref()), (Down, Some("answered 500")));
    let up = turned(1, PartialOutage, Operational, Cause::Manual, by_monitor(1));
    assert_eq!(story.then(NOW + 2, turn(1, Up)), [turned_monitor(1, Down, Up), up]);
    assert_eq!((story.monitor(1).state_since, story.monitor(1).reason.as_deref()), (ms(NOW + 2), None));
    let turns: Vec<_> = story.monitor(1).turns.iter().map(|turn| (turn.from, turn.to, turn.at.millis())).collect();
    assert_eq!(turns, [(Unknown, Up, NOW), (Up, Down, NOW + 1), (Down, Up, NOW + 2)]);
}

#[test]
fn a_check_that_says_nothing_new_or_speaks_of_an_older_monitor_changes_nothing() {
    let mut story = Story::of(&[made(1), watched(1, 1)]);
    story.then(NOW, turn(1, Down));
    assert_eq!(story.then(NOW, turn(1, Down)), []);
    story.then(NOW, change(1, MonitorChange { url: Edit::Set("https://other.example".into()), ..Default::default() }));
    assert_eq!(story.then(NOW, turn(1, Up)), [], "that was the other address");
    assert_eq!(story.monitor(1).state, Down, "until somebody has looked");
    story.then(NOW, change(1, MonitorChange { name: Edit::Set("other".into()), ..Default::default() }));
    assert_eq!(story.monitor(1).revision, 2, "a name says nothing about what is checked");
    check(&[], turn(1, Down), Err(Rejection::UnknownMonitor(monitor(1))));
}

#[test]
fn the_worst_of_monitors_and_incidents_remains_when_one_of_them_ends() {
    let mut story = Story::of(&[made(1), watched(1, 1), watched(2, 1)]);
    story.then(NOW, open(1, Investigating, &[(1, DegradedPerformance)]));
    story.then(NOW, turn(1, Down));
    story.then(NOW, turn(2, Down));
    assert_eq!(story.status(1), (PartialOutage, by_monitor(2)), "last writer wins");
    story.then(NOW, turn(2, Up));
    assert_eq!(story.status(1), (PartialOutage, by_monitor(1)), "the other one is still down");
    story.then(NOW, turn(1, Up));
    assert_eq!(story.status(1), (DegradedPerformance, by_incident(1)));
    story.then(NOW, turn(1, Down));
    story.then(NOW, post(1, 5, None, &[(1, MajorOutage)]));
    story.then(NOW, resolve(1));
    assert_eq!(story.status(1), (PartialOutage, by_monitor(1)), "what the incident leaves is the monitor's");
}

#[test]
fn among_equals_an_incident_is_the_cause_because_somebody_speaks_there() {
    let mut story = Story::of(&[made(1), watched(1, 1), watched(2, 1)]);
    story.then(NOW, turn(1, Down));
    story.then(NOW, open(1, Investigating, &[(1, PartialOutage)]));
    story.then(NOW, turn(2, Down));
    story.then(NOW, turn(2, Up));
    assert_eq!(story.status(1), (PartialOutage, by_incident(1)));
}

#[test]
fn a_status_set_by_hand_outlives_the_monitor() {
    let mut story = Story::of(&[made(1), watched(1, 1)]);
    story.then(NOW, turn(1, Down));
    story.then(NOW, set_status(1, DegradedPerformance));
    story.then(NOW, turn(1, Up));
    assert_eq!(story.status(1), (DegradedPerformance, Cause::Manual));
    story.then(NOW, turn(1, Down));
    assert_eq!(story.status(1), (PartialOutage, by_monitor(1)), "last writer wins");
}

#[test]
fn what_a_maintenance_announced_is_no_outage_until_it_is_over() {
    let mut story = Story::of(&[made(1), alarming(1, 1)]);
    story.then(NOW, open(1, InProgress, &[(1, UnderMaintenance)]));
    assert_eq!(story.then(NOW, turn(1, Down)), [turned_monitor(1, Unknown, Down)], "no incident either");
    assert_eq!(story.status(1), (UnderMaintenance, by_maintenance(1)));
    story.then(NOW, resolve(1));
    assert_eq!(story.status(1), (PartialOutage, by_monitor(1)), "it did not come back");
    story.then(NOW, turn(1, Up));
    assert_eq!(story.status(1), (Operational, Cause::Manual));
}

#[test]
fn a_change_of_what_a_monitor_gives_is_felt_at_once() {
    let mut story = Story::of(&[made(1), made(2), watched(1, 1)]);
    story.then(NOW, turn(1, Down));
    story.then(NOW, change(1, MonitorChange { gives: Edit::Set(MajorOutage), ..Default::default() }));
    assert_eq!(story.status(1), (MajorOutage, by_monitor(1)));
    story.then(NOW, change(1, MonitorChange { service: Edit::Set(Some(service(2))), ..Default::default() }));
    assert_eq!((story.status(1), story.status(2)), ((Operational, Cause::Manual), (MajorOutage, by_monitor(1))));
    story.then(NOW, change(1, MonitorChange { service: Edit::Set(None), ..Default::default() }));
    assert_eq!(story.status(2), (Operational, Cause::Manual));
    assert_eq!(story.then(NOW, change(1, MonitorChange { service: Edit::Set(None), ..Default::default() })), []);
}

#[test]
fn a_monitor_that_is_switched_off_or_deleted_says_nothing_any_more() {
    let mut story = Story::of(&[made(1), alarming(1, 1), alarming(2, 1)]);
    story.then(NOW, turn(1, Down));
    story.then(NOW, turn(2, Down));
    story.then(NOW, change(1, MonitorChange { enabled: Edit::Set(false), ..Default::default() }));
    assert_eq!((story.monitor(1).state, story.incident(10).status), (Unknown, Resolved));
    assert_eq!(story.status(1), (PartialOutage, by_monitor(2)));
    story.then(NOW, Command::DeleteMonitor { id: monitor(2) });
    assert_eq!(story.incident(20).status, Resolved);
    assert_eq!(story.status(1), (Operational, Cause::Manual));
    let off = Command::TurnMonitor { id: monitor(1), revision: 2, to: Down, reason: None, incident: incident(11) };
    assert_eq!(story.then(NOW, off), [], "a check that was on its way");
    assert_eq!(
        story.org.decide(&order(NOW, Command::DeleteMonitor { id: monitor(2) })),
        Err(Rejection::UnknownMonitor(monitor(2)))
    );
}

#[test]
fn a_monitor_stays_when_its_service_goes() {
    let mut story = Story::of(&[made(1), watched(1, 1)]);
    story.then(NOW, turn(1, Down));
    story.then(NOW, Command::DeleteService { id: service(1) });
    assert_eq!((story.monitor(1).service, story.monitor(1).state), (None, Down));
    assert_eq!(story.then(NOW, turn(1, Up)), [turned_monitor(1, Down, Up)]);
}

#[test]
fn an_incident_is_opened_once_and_ends_with_what_it_is_about() {
    let mut story = Story::of(&[made(1), alarming(1, 1)]);
    story.then(NOW, turn(1, Down));
    let opened = story.incident(10);
    assert_eq!((opened.title.as_str(), opened.status, opened.impact), ("monitor 1 is down", Investigating, Impact::Major));
    assert_eq!(opened.affected, [affected(1, None)]);
    assert_eq!((opened.updates.len(), story.monitor(1).incident), (1, Some(incident(10))));
    assert_eq!(story.status(1), (PartialOutage, by_monitor(1)), "the monitor gives it, not the incident");
    story.then(NOW + 60_000, turn(1, Up));
    let over = story.incident(10);
    assert_eq!((over.status, over.resolved_at, over.updates.len()), (Resolved, Some(ms(NOW + 60_000)), 2));
    assert_eq!((story.monitor(1).incident, story.status(1)), (None, (Operational, Cause::Manual)));
    story.then(NOW + 70_000, turn_again(1, Down, 1));
    assert_eq!(story.incident(11).status, Investigating, "the next time is another incident");
}

#[test]
fn an_incident_that_people_have_touched_is_theirs() {
    let touch: [Command; 3] = [
        post(10, 7, Some(Identified), &[]),
        change_incident(10, IncidentChange { title: Edit::Set("We know".into()), ..Default::default() }),
        post(10, 7, None, &[]),
    ];
    for command in touch {
        let mut story = Story::of(&[made(1), alarming(1, 1)]);
        story.then(NOW, turn(1, Down));
        story.then(NOW + 1, command);
        story.then(NOW + 2, turn(1, Up));
        assert!(!story.incident(10).status.is_over());
        assert_eq!(story.status(1), (Operational, Cause::Manual), "what it gave ends all the same");
        story.then(NOW + 3, turn_again(1, Down, 1));
        assert_eq!(story.org.incidents().len(), 1, "it is still about the same");
        assert_eq!(story.monitor(1).incident, Some(incident(10)));
        story.then(NOW + 4, resolve(10));
        assert_eq!(story.status(1), (PartialOutage, by_monitor(1)), "ending the incident does not end the outage");
        story.then(NOW + 5, turn_again(1, Up, 2));
        story.then(NOW + 6, turn_again(1, Down, 3));
        assert_eq!(story.incident(13).status, Investigating, "that one was over");
    }
}

#[test]
fn a_deleted_incident_is_not_missed() {
    let mut story = Story::of(&[made(1), alarming(1, 1)]);
    story.then(NOW, turn(1, Down));
    story.then(NOW, Command::DeleteIncident { id: incident(10) });
    story.then(NOW, turn(1, Up));
    assert_eq!(story.status(1), (Operational, Cause::Manual));
}

#[test]
fn a_long_name_still_makes_a_title() {
    let name = "ä".repeat(limits::NAME);
    let new = NewMonitor { name, opens_incident: true, ..new_monitor(1, None) };
    let mut story = Story::of(&[Event::MonitorCreated(Box::new(new))]);
    story.then(NOW, turn(1, Down));
    assert_eq!(story.incident(10).title.chars().count(), limits::NAME);
}

#[test]
fn only_the_newest_turns_are_kept_and_their_times_never_go_back() {
    let mut story = Story::of(&[Event::MonitorCreated(Box::new(new_monitor(1, None)))]);
    for n in 0..Turns::MAX as i64 + 10 {
        story.then(NOW + n, turn(1, if n % 2 == 0 { Down } else { Up }));
    }
    let kept: Vec<&Turn> = story.monitor(1).turns.iter().collect();
    assert_eq!((kept.len(), kept[0].at.millis()), (Turns::MAX, NOW + 10));
    story.then(NOW, turn(1, Down));
    assert_eq!(story.monitor(1).state_since, ms(NOW + Turns::MAX as i64 + 9));
}

#[test]
fn a_monitor_goes_with_its_organization() {
    let mut story = Story::of(&[made(1), watched(1, 1)]);
    story.then(NOW, Command::DeleteOrganization);
    assert!(story.org.monitors().is_empty());
}
