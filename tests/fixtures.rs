//! Every file in `fixtures/` means what it says: it is read, planned, carried out, and then there is nothing left to do.

#![allow(clippy::unwrap_used)] // tests may

use proptest::prelude::*;
use std::collections::BTreeMap;
use tocsin::seed::{
    Fixture,
    fixture::OrgSpec,
    ids::{self, Ids},
    plan::{Circumstances, Plan},
    rehearse::Rehearsal,
};
use tocsin_actors::domain::{
    Org, Timestamp, UserId,
    status::{Impact, IncidentStatus, Kind, Role, ServiceStatus, Visibility},
};

const DEMO: &str = include_str!("../fixtures/demo.yaml");

/// Loading must work at every hour of the day, around a change of clocks too.
const HOURS: [&str; 4] = ["2026-03-29T00:30:00Z", "2026-10-25T01:10:00Z", "2026-06-30T23:59:59Z", "2026-01-01T12:00:00Z"];

fn users(fixture: &Fixture) -> BTreeMap<String, UserId> {
    fixture.users.iter().map(|user| (user.id.value.clone(), ids::user(&user.email.value))).collect()
}

fn plan(spec: &OrgSpec, fixture: &Fixture, org: &Org, now: Timestamp) -> Plan {
    Plan::new(spec, Circumstances { now, users: &users(fixture), org, number: 7 })
        .unwrap_or_else(|p| panic!("{}: {p:#?}", spec.slug))
}

fn applied(spec: &OrgSpec, fixture: &Fixture, now: Timestamp) -> Org {
    let org = Org::new(Ids::of(&spec.slug).org());
    Rehearsal::of(&plan(spec, fixture, &org, now), &org).unwrap_or_else(|p| panic!("{}: {p:#?}", spec.slug)).after
}

fn demo() -> (Fixture, Org, Org) {
    let fixture = Fixture::read("demo.yaml", DEMO).unwrap_or_else(|problems| panic!("{problems}"));
    let now = "2026-05-04T09:41:00Z".parse().unwrap();
    let orgs: Vec<_> = fixture.organizations.iter().map(|spec| applied(spec, &fixture, now)).collect();
    let [kestrel, fjordlight] = <[Org; 2]>::try_from(orgs).unwrap();
    (fixture, kestrel, fjordlight)
}

#[test]
fn every_fixture_loads_at_any_hour_and_leaves_nothing_to_do() {
    let files: Vec<_> = std::fs::read_dir("fixtures").unwrap().map(|entry| entry.unwrap().path()).collect();
    let yaml: Vec<_> = files.iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    assert!(yaml.len() >= 6, "{yaml:?}");
    for path in yaml {
        let source = std::fs::read_to_string(path).unwrap();
        let fixture = Fixture::read(&path.display().to_string(), &source).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(!fixture.organizations.is_empty());
        for hour in HOURS {
            let now = hour.parse().unwrap();
            for spec in &fixture.organizations {
                let org = applied(spec, &fixture, now);
                assert!(org.monitors().values().all(|monitor| !monitor.enabled), "{}: asks strangers", path.display());
                let later = now.after(std::time::Duration::from_secs(3 * 86_400));
                for again in [now, later] {
                    assert!(plan(spec, &fixture, &org, again).is_empty(), "{} {}", path.display(), spec.slug);
                }
            }
        }
    }
}

#[test]
fn the_demo_shows_every_feature() {
    let (fixture, kestrel, fjordlight) = demo();
    assert_eq!(fixture.logins().count(), 6);
    let roles: Vec<_> = kestrel.members().values().map(|member| member.role).collect();
    for role in [Role::Admin, Role::Member, Role::Viewer] {
        assert!(roles.contains(&role));
    }
    assert_eq!((kestrel.services().len(), kestrel.groups().len(), kestrel.teams().len()), (12, 5, 3));
    let shown = kestrel.monitors().values().filter(|monitor| monitor.visibility == Visibility::Public);
    assert_eq!((kestrel.monitors().len(), shown.count()), (4, 3));
    let kinds = |kind| kestrel.incidents().values().filter(move |incident| incident.kind() == kind);
    assert_eq!((kinds(Kind::Incident).count(), kinds(Kind::Maintenance).count()), (20, 7));
    for impact in Impact::ALL {
        assert!(kinds(Kind::Incident).any(|incident| incident.impact == *impact), "{impact}");
    }
    let status = |status| kinds(Kind::Maintenance).filter(|m| m.status == status).count();
    use IncidentStatus::{Cancelled, Completed, InProgress, Scheduled};
    assert_eq!((status(Completed), status(InProgress), status(Scheduled), status(Cancelled)), (3, 1, 2, 1));
    assert_eq!(kinds(Kind::Incident).filter(|incident| incident.postmortem.is_some()).count(), 3);
    assert!(kinds(Kind::Incident).any(|incident| incident.visibility == Visibility::Private));

    let active: Vec<_> = kinds(Kind::Incident).filter(|incident| incident.status.is_active()).collect();
    assert_eq!(active.len(), 1);
    assert_eq!((active[0].status, active[0].updates.len()), (IncidentStatus::Identified, 3));
    assert_eq!(kestrel.page_status(Visibility::Public), ServiceStatus::PartialOutage);
    assert!(fjordlight.services().values().all(|service| service.visibility == Visibility::Private));
    assert_eq!(fjordlight.page_status(Visibility::Private), ServiceStatus::Operational);
    let listed = [&kestrel, &fjordlight].map(|org| org.organization().unwrap().indexed);
    assert_eq!(listed, [true, false]);
}

#[test]
fn the_demo_has_ninety_days_of_history_in_order() {
    let (_, kestrel, _) = demo();
    let now: Timestamp = "2026-05-04T09:41:00Z".parse().unwrap();
    let ids = Ids::of(&"kestrel".parse().unwrap());
    let day = 86_400_000;
    for service in kestrel.services().values() {
        assert!(now.since(service.created_at) > 90 * day, "{} is observed for 90 days", service.name);
        let history = kestrel.history(service.id).unwrap();
        assert!(history.iter().zip(history.iter().skip(1)).all(|(a, b)| a.at < b.at && Some(a.to) == b.from), "{}", service.name);
    }
    let status = |id| kestrel.services()[&ids.service(id)].status;
    assert_eq!(status("storage"), ServiceStatus::PartialOutage);
    assert_eq!(status("builds"), ServiceStatus::DegradedPerformance);
    assert_eq!(status("ap"), ServiceStatus::UnderMaintenance);
    assert_eq!(status("postgres"), ServiceStatus::Operational);
    assert_eq!(kestrel.history(ids.service("storage")).unwrap().len(), 4);

    let failover = &kestrel.incidents()[&ids.incident("postgres-failover")];
    assert_eq!(failover.started_at.to_string(), "2026-02-22T13:02:00.000Z", "14:02 in Berlin, in winter");
    assert_eq!(failover.created_at.since(failover.started_at), 4 * 60_000);
    let first = &failover.updates[0].affected;
    assert_eq!((first[0].from, first[0].to), (None, Some(ServiceStatus::MajorOutage)), "the first entry tells what it did");

    let late = &kestrel.incidents()[&ids.incident("webhooks-twice")];
    assert_eq!((late.status, late.updates[0].status), (IncidentStatus::Resolved, IncidentStatus::Identified));
    assert!(late.created_at.since(late.started_at) > 3 * day);
    assert_eq!(late.resolved_at.unwrap().since(late.started_at), 70 * 60_000);
    assert_eq!(late.updates[1].shown_at, late.resolved_at.unwrap());
}

#[test]
fn the_samples_of_other_clients_are_theirs() {
    let read = |file: &str| {
        let source = std::fs::read_to_string(format!("fixtures/{file}.yaml")).unwrap();
        Fixture::read(file, &source).unwrap()
    };
    let now = "2026-05-04T09:41:00Z".parse().unwrap();
    let load = |file: &str| {
        let fixture = read(file);
        applied(&fixture.organizations[0], &fixture, now)
    };
    let names = |org: &Org| org.services_in_order().iter().map(|s| s.name.clone()).collect::<Vec<_>>().join(", ");

    let plive = load("plive");
    assert_eq!(names(&plive), "API Gateway, Database Cluster, Authentication Service, File Storage, Email Service, CDN");
    let incident = plive.incidents().values().next().unwrap();
    let told: Vec<_> = incident.updates.iter().map(|update| update.status).collect();
    assert_eq!(incident.status, IncidentStatus::Investigating, "not where its last update is, on purpose");
    assert_eq!(told, [IncidentStatus::Investigating, IncidentStatus::Identified]);

    let prisma = load("prisma");
    assert_eq!(names(&prisma), "Website, API, Database, Email Service");
    assert_eq!(prisma.incidents().values().map(|incident| incident.updates.len()).sum::<usize>(), 3);

    let statusnexus = load("statusnexus");
    assert_eq!((statusnexus.services().len(), statusnexus.incidents().len()), (7, 8));
    assert!(statusnexus.incidents().values().all(|incident| incident.affected.is_empty()));
    let fixture = read("statusnexus");
    let readings = plan(&fixture.organizations[0], &fixture, &statusnexus, now).readings;
    let mut told: Vec<Vec<bool>> = readings.iter().map(|found| found.iter().map(|one| one.up).collect()).collect();
    told.sort();
    let (back, gone, well) = (vec![false, true], vec![true, false], vec![true, true]);
    assert_eq!(told, [back, gone, well.clone(), well.clone(), well], "five websites with two ticks each");
}

/// A copy of the demo with some bytes changed, as an editor or a bad merge would leave it.
fn damaged() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0usize..12, "[ -~\n]{0,6}|[:\\[\\]{}&*!|>'\"%@`#,?-]|é|日|\t");
    prop::collection::vec(change, 1..6).prop_map(|changes| {
        let mut text: Vec<char> = DEMO.chars().collect();
        for (at, remove, insert) in changes {
            let from = at.index(text.len());
            let to = (from + remove).min(text.len());
            text.splice(from..to, insert.chars());
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_damaged_file_is_a_message_and_never_a_panic(source in damaged()) {
        match Fixture::read("damaged.yaml", &source) {
            Err(problems) => prop_assert!(!problems.to_string().is_empty()),
            Ok(fixture) => for spec in &fixture.organizations {
                let now = "2026-05-04T09:41:00Z".parse().unwrap();
                let org = Org::new(Ids::of(&spec.slug).org());
                let users = users(&fixture);
                if let Ok(plan) = Plan::new(spec, Circumstances { now, users: &users, org: &org, number: 1 }) {
                    let _ = Rehearsal::of(&plan, &org);
                }
            },
        }
    }
}
