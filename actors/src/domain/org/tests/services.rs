use super::*;

fn moved(n: u128, to: IncidentStatus) -> Event {
    let update = PostedUpdate {
        incident: incident(n),
        id: update(900),
        message: "done".into(),
        status: to,
        shown_at: ms(NOW),
        affected: Vec::new(),
        moved_at: None,
    };
    Event::UpdatePosted(Box::new(update))
}

#[test]
fn a_service_is_made_behind_all_others_unless_it_has_a_place() {
    let given = [made(1), made(7)];
    let asked = NewService { position: None, ..new_service(2) };
    let behind = NewService { position: Some(8), ..new_service(2) };
    check(&given, Command::CreateService(Box::new(asked)), Ok(vec![Event::ServiceCreated(Box::new(behind))]));
    check(&given, Command::CreateService(Box::new(new_service(7))), Err(Rejection::IdTaken));
}

#[test]
fn a_service_may_insist_on_a_name_of_its_own() {
    let given = [made(1), made(2)];
    let twin = |unique_name| NewService { name: "service 1".into(), unique_name, ..new_service(3) };
    check(&given, Command::CreateService(Box::new(twin(true))), Err(Rejection::NameTaken));
    check(&given, Command::CreateService(Box::new(twin(false))), Ok(vec![Event::ServiceCreated(Box::new(twin(false)))]));
    let rename = |n: u128, name: &str| {
        let change = Box::new(ServiceChange { name: Edit::Set(name.into()), ..Default::default() });
        Command::ChangeService { id: service(n), change, status: Edit::Keep, reason: None, unique_name: true }
    };
    check(&given, rename(2, "service 1"), Err(Rejection::NameTaken));
    check(&given, rename(1, "service 1"), Ok(vec![]));
}

#[test]
fn a_service_stands_only_where_there_is_a_group_and_a_team() {
    let in_group = NewService { group: Some(group(1)), ..new_service(1) };
    check(&[], Command::CreateService(Box::new(in_group)), Err(Rejection::UnknownGroup(group(1))));
    let of_team = NewService { team: Some(team(1)), ..new_service(1) };
    check(&[], Command::CreateService(Box::new(of_team)), Err(Rejection::UnknownTeam(team(1))));
    let change = Box::new(ServiceChange { group: Edit::Set(Some(group(1))), ..Default::default() });
    let change = Command::ChangeService { id: service(1), change, status: Edit::Keep, reason: None, unique_name: false };
    check(&[made(1)], change, Err(Rejection::UnknownGroup(group(1))));
}

#[test]
fn a_status_set_by_hand_stays_and_the_same_one_again_changes_nothing() {
    let by_hand = turned(1, Operational, PartialOutage, Cause::Manual, Cause::Manual);
    check(&[made(1)], set_status(1, PartialOutage), Ok(vec![by_hand.clone()]));
    check(&[made(1), by_hand], set_status(1, PartialOutage), Ok(vec![]));
    check(&[], set_status(1, PartialOutage), Err(Rejection::UnknownService(service(1))));
}

#[test]
fn a_form_that_sends_every_field_back_does_not_take_the_status_from_the_incident() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, open(1, Investigating, &[(1, MajorOutage)]));
    assert_eq!(story.then(NOW, set_status(1, MajorOutage)), []);
    story.then(NOW, resolve(1));
    assert_eq!(story.status(1), (Operational, Cause::Manual), "the incident still ended it");
}

#[test]
fn the_last_writer_wins_even_with_something_milder() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, open(1, Investigating, &[(1, MajorOutage)]));
    story.then(NOW, open(2, Investigating, &[(1, DegradedPerformance)]));
    assert_eq!(story.status(1), (DegradedPerformance, by_incident(2)));
    story.then(NOW, set_status(1, Operational));
    assert_eq!(story.status(1), (Operational, Cause::Manual));
}

#[test]
fn when_a_cause_ends_the_worst_of_the_others_remains() {
    let given = [
        made(1),
        opened(1, Investigating, &[(1, PartialOutage)]),
        opened(2, InProgress, &[(1, UnderMaintenance)]),
        opened(3, Investigating, &[(1, MajorOutage)]),
        turned(1, Operational, MajorOutage, by_incident(3), by_incident(3)),
    ];
    let remains = turned(1, MajorOutage, PartialOutage, by_incident(1), by_incident(3));
    check(&given, resolve(3), Ok(vec![moved(3, Resolved), remains.clone()]));
    check(&given, Command::DeleteIncident { id: incident(3) }, Ok(vec![Event::IncidentDeleted { id: incident(3) }, remains]));
    check(&given, resolve(1), Ok(vec![moved(1, Resolved)]));
}

#[test]
fn a_status_set_by_hand_outlives_the_incident() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, open(1, Investigating, &[(1, MajorOutage)]));
    story.then(NOW, set_status(1, DegradedPerformance));
    story.then(NOW, resolve(1));
    assert_eq!(story.status(1), (DegradedPerformance, Cause::Manual));
}

#[test]
fn who_decided_on_an_older_state_is_told_so_and_changes_nothing() {
    let org = Story::of(&[made(1)]).org;
    let set = set_status(1, ServiceStatus::MajorOutage);
    let late = Order { only_at: Some(org.seq() - 1), ..order(NOW, set.clone()) };
    assert_eq!(org.decide(&late), Err(Rejection::MovedOn));
    let timely = Order { only_at: Some(org.seq()), ..order(NOW, set) };
    assert!(org.decide(&timely).is_ok());
}

#[test]
fn an_incident_without_a_status_leaves_its_services_alone() {
    let new = NewIncident { affected: vec![affected(1, None)], ..new_incident(1, Investigating, &[]) };
    check(&[made(1)], Command::OpenIncident(Box::new(new.clone())), Ok(vec![Event::IncidentOpened(Box::new(new))]));
}

#[test]
fn the_page_is_as_bad_as_the_worst_service_its_audience_sees() {
    let private = NewService { visibility: Visibility::Private, status: MajorOutage, ..new_service(2) };
    let public = NewService { status: DegradedPerformance, ..new_service(1) };
    let story = Story::of(&[Event::ServiceCreated(Box::new(public)), Event::ServiceCreated(Box::new(private))]);
    assert_eq!(story.org.page_status(Visibility::Public), DegradedPerformance);
    assert_eq!(story.org.page_status(Visibility::Private), MajorOutage);
    assert_eq!(Story::new().org.page_status(Visibility::Private), Operational);
}

#[test]
fn a_status_that_came_late_does_not_claim_to_be_older_than_its_history() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, set_status(1, MajorOutage));
    story.then(NOW - 500, set_status(1, Operational));
    assert_eq!(story.history(1), [(NOW, MajorOutage), (NOW, Operational)]);
    assert_eq!(story.org.services()[&service(1)].status_since, ms(NOW));
}

#[test]
fn services_are_reordered_from_zero_and_the_rest_keep_their_places() {
    let given = [made(1), made(2), made(3)];
    let reorder = |ids: &[u128]| Command::ReorderServices { ids: ids.iter().map(|n| service(*n)).collect() };
    let mut story = Story::of(&given);
    story.then(NOW, reorder(&[3, 1]));
    let order: Vec<_> = story.org.services_in_order().iter().map(|service| (service.id, service.position)).collect();
    assert_eq!(order, [(service(3), 0), (service(1), 1), (service(2), 2)]);
    assert_eq!(story.then(NOW, reorder(&[3, 1])), []);
    check(&given, reorder(&[1, 1]), Err(Rejection::invalid("ids", "must name each thing once")));
    check(&given, reorder(&[]), Err(Rejection::invalid("ids", "must name each thing once")));
    check(&given, reorder(&[9]), Err(Rejection::UnknownService(service(9))));
}
