use super::*;
use crate::domain::{RequestKey, entities::Scalar};

fn delete_service(n: u128) -> Command {
    Command::DeleteService { id: service(n) }
}

#[test]
fn a_deleted_service_is_kept_as_long_as_an_incident_names_it() {
    let mut story = Story::of(&[made(1), made(2), opened(1, Investigating, &[(1, MajorOutage)])]);
    story.then(NOW, delete_service(1));
    story.then(NOW, delete_service(2));
    let kept = |story: &Story, n| story.org.service_even_retired(service(n)).is_some();
    assert!(kept(&story, 1) && !kept(&story, 2) && !story.org.services().contains_key(&service(1)));
    let same_again = story.org.decide(&order(NOW, Command::CreateService(Box::new(new_service(1)))));
    assert_eq!(same_again, Err(Rejection::IdTaken), "or the incident would name another service");
    assert_eq!(story.org.uptime(service(1), ms(0)..ms(NOW), ms(NOW)), None);
    story.then(NOW, Command::DeleteIncident { id: incident(1) });
    assert!(!kept(&story, 1));
}

#[test]
fn a_deleted_service_is_forgotten_when_its_last_incident_is_edited_not_to_name_it() {
    let mut story = Story::of(&[made(1), opened(1, Investigating, &[(1, MajorOutage)])]);
    story.then(NOW, delete_service(1));
    let nobody = IncidentChange { affected: Edit::Set(Vec::new()), ..Default::default() };
    story.then(NOW, change_incident(1, nobody));
    assert!(story.org.service_even_retired(service(1)).is_none());
}

#[test]
fn an_incident_goes_on_naming_a_deleted_service_in_its_place() {
    let mut story = Story::of(&[made(1), made(2), opened(1, Investigating, &[(1, MajorOutage), (2, PartialOutage)])]);
    story.then(NOW, delete_service(1));
    let same = IncidentChange { affected: Edit::Set(story.incident(1).affected.clone()), ..Default::default() };
    assert_eq!(story.then(NOW, change_incident(1, same)), [], "saying the same again changes nothing");
    story.then(NOW, resolve(1));
    let new_one = story.org.decide(&order(NOW, open(2, Investigating, &[(1, MajorOutage)])));
    assert_eq!(new_one, Err(Rejection::UnknownService(service(1))));
}

#[test]
fn a_deleted_incident_leaves_what_a_hand_set_alone() {
    let mut story = Story::of(&[made(1), made(2)]);
    story.then(NOW, open(1, Investigating, &[(1, MajorOutage), (2, MajorOutage)]));
    story.then(NOW, set_status(2, PartialOutage));
    story.then(NOW, Command::DeleteIncident { id: incident(1) });
    assert_eq!((story.status(1).0, story.status(2).0), (Operational, PartialOutage));
}

#[test]
fn an_organization_is_made_once_and_deleted_for_good() {
    let Event::OrganizationCreated(new) = founded() else { unreachable!() };
    let create = Command::CreateOrganization(new);
    let unborn = Org::new(OrgId::new(Uuid::from_u128(1)));
    assert_eq!(unborn.decide(&order(NOW, create.clone())), Ok(vec![founded()]));
    assert_eq!(unborn.decide(&order(NOW, Command::Tick)), Err(Rejection::UnknownOrganization));
    check(&[], create.clone(), Err(Rejection::IdTaken));
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, Command::DeleteOrganization);
    assert!(story.org.is_deleted() && story.org.services().is_empty());
    assert_eq!(story.org.decide(&order(NOW, create)), Err(Rejection::IdTaken));
    assert_eq!(story.org.decide(&order(NOW, set_status(1, MajorOutage))), Err(Rejection::UnknownOrganization));
}

#[test]
fn the_newest_request_keys_are_remembered_and_the_oldest_forgotten() {
    let key = |n: u64| RequestKey::new(Uuid::from_u64_pair(9, n));
    let after = |count: u64, every: Duration| {
        let mut org = Story::of(&[made(1)]).org;
        for n in 0..count {
            let to = if n % 2 == 0 { MajorOutage } else { Operational };
            let at = ms(NOW).after(every * n as u32);
            let events = org.decide(&Order { at, ..order(NOW, set_status(1, to)) }).unwrap();
            org.apply(&Entry { seq: org.seq() + 1, at, by: Author::System, key: Some(key(n)), events });
        }
        org
    };
    let receipt = after(3, Duration::ZERO).remembers(key(1)).unwrap();
    assert_eq!((receipt.seq, receipt.changed, receipt.created), (4, true, None));
    // In a flood, more than can wait; in peace, not more than are of use; never the newest few too little.
    let flood = after(MOST_REMEMBERED as u64 + 1, Duration::ZERO);
    assert_eq!((flood.remembers(key(0)), flood.remembered()), (None, MOST_REMEMBERED));
    let busy = after(2_000, Duration::from_secs(1));
    assert_eq!(busy.remembered(), 601, "ten minutes of one a second");
    let quiet = after(300, REMEMBERED_FOR * 2);
    assert_eq!((quiet.remembers(key(43)), quiet.remembered()), (None, REMEMBERED));
    assert!(quiet.remembers(key(44)).is_some());
}

#[test]
fn a_retry_learns_the_id_of_what_it_made_the_first_time() {
    let events = vec![opened(7, Investigating, &[]), founded()];
    let entry = Entry { seq: 5, at: ms(0), by: Author::System, key: None, events };
    assert_eq!((entry.receipt().seq, entry.receipt().created), (6, Some(incident(7).uuid())));
}

#[test]
fn names_texts_and_maps_are_bounded() {
    let named = |name: &str| Command::CreateService(Box::new(NewService { name: name.into(), ..new_service(1) }));
    let invalid = |problem: &str| Err(Rejection::invalid("name", problem));
    check(&[], named(" "), invalid("must not be empty"));
    check(&[], named("a\nb"), invalid("must be a single line of text"));
    check(&[], named(&"x".repeat(201)), invalid("must have at most 200 characters"));
    assert!(Story::new().org.decide(&order(NOW, named(&"ö".repeat(200)))).is_ok(), "characters, not bytes");

    let keeping = |entries: Vec<(String, Scalar)>| {
        let new = NewService { metadata: entries.into_iter().collect(), ..new_service(1) };
        Story::new().org.decide(&order(NOW, Command::CreateService(Box::new(new)))).is_ok()
    };
    let one = |key: &str, value: Scalar| keeping(vec![(key.into(), value)]);
    assert!(one("uptime", Scalar::Float(99.5)) && one("tenant", Scalar::Text("x".repeat(500))));
    assert!(!one("a.b", Scalar::Bool(true)) && !one("$a", Scalar::Bool(true)) && !one("", Scalar::Bool(true)));
    assert!(!one("a", Scalar::Float(f64::NAN)) && !one("a", Scalar::Text("x".repeat(501))));
    assert!(!keeping((0..33).map(|n| (n.to_string(), Scalar::Int(n))).collect()));
}

#[test]
fn an_organization_has_a_bounded_number_of_things() {
    let mut story = Story::new();
    let crowd = (0..limits::SERVICES as u128).map(|n| made(n + 10)).collect();
    story.record(NOW, crowd);
    let one_more = story.org.decide(&order(NOW, Command::CreateService(Box::new(new_service(1)))));
    assert_eq!(one_more, Err(Rejection::TooMany { what: "services", limit: limits::SERVICES }));
}

#[test]
fn the_time_of_the_last_change_survives_the_deletion_of_what_changed() {
    let mut story = Story::of(&[made(1)]);
    story.then(NOW, delete_service(1));
    assert_eq!(story.org.changed_at(), ms(NOW));
}

#[test]
fn every_number_is_given_once() {
    let mut story = Story::of(&[made(1), made(2)]);
    story.then(NOW, open(1, Investigating, &[(1, MajorOutage)]));
    story.then(NOW, post(1, 1, None, &[]));
    story.then(NOW, delete_service(2));
    story.then(NOW, Command::CreateService(Box::new(new_service(3))));
    let mut numbers: Vec<_> = story.org.services().values().map(|service| service.number).collect();
    numbers.extend(story.org.members().values().map(|member| member.number));
    numbers.extend([1, 3].iter().flat_map(|n| story.org.history(service(*n)).unwrap().iter().map(|change| change.number)));
    numbers.extend(story.org.incidents().values().flat_map(|i| i.updates.iter().map(|u| u.number).chain([i.number])));
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
}
