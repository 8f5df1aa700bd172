//! Promises about documents, and about what is answered from them.

use super::{super::builders::*, Fixture, documents_of, load, sorted, stored};
use crate::domain::{
    Command, Timestamp,
    command::OrganizationChange,
    edit::Edit,
    entities::{EXTERNAL_ORG, Scalar},
    status::{IncidentStatus, MonitorState, Role, ServiceStatus, TeamRole},
};
use std::sync::Arc;
use uuid::Uuid;

/// Step by step.
pub async fn documents_follow_commits(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let (mut writer, commits) = super::busy(1);
    for (commit, after) in commits {
        append(&*store, commit, after.clone()).await.unwrap();
        assert_eq!(documents_of(&*store, 1).await, sorted(store.expected_documents(&after)), "at {}", after.seq());
    }
    for step in 0..3 {
        let order = order(Command::ReorderServices { ids: vec![service(101 + step % 2), service(101 + (step + 1) % 2)] });
        writer.append(&*store, [order, set_status(101, ServiceStatus::ALL[step as usize + 1])]).await.unwrap();
        assert_eq!(documents_of(&*store, 1).await, sorted(store.expected_documents(writer.org())));
    }
    writer.append(&*store, [create_monitor(107, 101), create_monitor(108, 102)]).await.unwrap();
    for (n, to) in [(107, MonitorState::Down), (108, MonitorState::Up), (107, MonitorState::Up)] {
        writer.append(&*store, [turn_monitor(n, to)]).await.unwrap();
        assert_eq!(documents_of(&*store, 1).await, sorted(store.expected_documents(writer.org())));
    }
    let kinds: std::collections::BTreeSet<_> = documents_of(&*store, 1).await.iter().map(|document| document.collection).collect();
    assert_eq!(kinds.len(), 8, "{kinds:?}");
}

/// With everything that was theirs alone.
pub async fn documents_of_deleted_things_vanish(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writer = stored(&*store, 1).await;
    stored(&*store, 2).await;
    let neighbour = documents_of(&*store, 2).await;
    writer.append(&*store, [create_monitor(107, 101), create_monitor(108, 102)]).await.unwrap();
    let join = Command::AddMember { id: member(50), user: user(50), role: Role::Member, metadata: Default::default() };
    let lead = Command::SetTeamMember { team: team(100), user: user(50), role: TeamRole::Lead };
    writer.append(&*store, [order(join), order(lead)]).await.unwrap();
    let again = Command::AddMember { id: member(49), user: user(50), role: Role::Viewer, metadata: Default::default() };
    let steps = [
        // Leaves and comes back in one commit, under an id that sorts before the old one.
        vec![order(Command::RemoveMember { user: user(50) }), order(again)],
        vec![order(Command::DeleteService { id: service(101) })],
        vec![order(Command::DeleteIncident { id: incident(103) })],
        vec![order(Command::DeleteGroup { id: group(100) }), order(Command::DeleteTeam { id: team(100) })],
        vec![order(Command::RemoveMember { user: user(50) })],
        vec![order(Command::DeleteMonitor { id: monitor(108) })],
    ];
    for (step, orders) in steps.into_iter().enumerate() {
        writer.append(&*store, orders).await.unwrap();
        assert_eq!(documents_of(&*store, 1).await, sorted(store.expected_documents(writer.org())), "step {step}");
        let here = store.organizations_of(user(50)).await.unwrap();
        assert_eq!(here, if step < 4 { vec![org(1)] } else { vec![] }, "step {step}");
    }
    assert_eq!(documents_of(&*store, 2).await, neighbour);
}

/// Its commits stay: they say that it was deleted.
pub async fn a_deleted_organization_leaves_no_documents(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writer = stored(&*store, 1).await;
    writer.append(&*store, [schedule(1, Vec::new(), 60, 120)]).await.unwrap();
    stored(&*store, 2).await;
    let neighbour = documents_of(&*store, 2).await;
    assert!(!documents_of(&*store, 1).await.is_empty());
    writer.append(&*store, [delete_organization()]).await.unwrap();
    assert!(documents_of(&*store, 1).await.is_empty());
    assert!(store.organizations_of(user(1)).await.unwrap().is_empty());
    assert!(store.agenda().await.unwrap().is_empty());
    let loaded = load(&*store, 1).await;
    assert_eq!(loaded.commits, writer.commits());
    assert_eq!(loaded.documents_at, writer.seq());
    assert!(replay(org(1), &loaded).is_deleted());
    assert_eq!(documents_of(&*store, 2).await, neighbour);
}

/// Whoever catches up may be late, or not alone.
pub async fn projecting_again_or_late_changes_nothing(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let (mut writer, commits) = super::busy(1);
    for (commit, after) in &commits {
        append(&*store, commit.clone(), after.clone()).await.unwrap();
    }
    let expected = sorted(store.expected_documents(writer.org()));
    store.settle().await.unwrap();
    store.project(writer.commits().to_vec(), Arc::new(writer.org().clone()));
    assert_eq!(documents_of(&*store, 1).await, expected, "all of it again");
    let (third, after) = &commits[2];
    store.project(vec![third.as_ref().clone()], after.clone());
    assert_eq!(documents_of(&*store, 1).await, expected, "an old one again");
    assert_eq!(load(&*store, 1).await.documents_at, writer.seq());
    // What was deleted since must not come back.
    writer.append(&*store, [order(Command::DeleteIncident { id: incident(103) })]).await.unwrap();
    store.settle().await.unwrap();
    let expected = sorted(store.expected_documents(writer.org()));
    store.project(vec![third.as_ref().clone()], after.clone());
    assert_eq!(documents_of(&*store, 1).await, expected, "an old one about something deleted");
}

/// Whatever was there before, also documents of things that are not there any more.
pub async fn rewriting_heals_documents(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let (mut writer, commits) = super::busy(1);
    for (commit, after) in &commits {
        append(&*store, commit.clone(), after.clone()).await.unwrap();
    }
    writer.append(&*store, [order(Command::DeleteService { id: service(101) })]).await.unwrap();
    store.save_snapshot(Arc::new(writer.org().clone()));
    store.settle().await.unwrap();
    let old = &commits[2].1;
    store.rewrite(old.clone()).await.unwrap();
    assert_eq!(documents_of(&*store, 1).await, sorted(store.expected_documents(old)), "made wrong on purpose");
    store.rewrite(Arc::new(writer.org().clone())).await.unwrap();
    assert_eq!(documents_of(&*store, 1).await, sorted(store.expected_documents(writer.org())));
    assert_eq!(store.organizations_of(user(1)).await.unwrap(), [org(1)]);
    let loaded = load(&*store, 1).await;
    assert_eq!(loaded.documents_at, writer.seq());
    assert_eq!(replay(org(1), &loaded), *writer.org());
    writer.append(&*store, [rename("goes on")]).await.unwrap();
    assert_eq!(documents_of(&*store, 1).await, sorted(store.expected_documents(writer.org())));
}

/// And when, as long as there is something.
pub async fn the_agenda_names_what_time_will_change(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writer = stored(&*store, 1).await;
    stored(&*store, 2).await;
    let agenda = async || -> Vec<(crate::domain::OrgId, Timestamp)> {
        store.settle().await.unwrap();
        let mut agenda = store.agenda().await.unwrap();
        agenda.sort();
        agenda
    };
    assert_eq!(agenda().await, []);
    let orders = [schedule(1, Vec::new(), 600, 1_200), schedule(2, Vec::new(), 300, 3_600)];
    writer.append(&*store, orders).await.unwrap();
    assert_eq!(agenda().await, [(org(1), at(300))]);
    let mut third = Writer::of(3);
    third.append(&*store, [create_organization(3), schedule(3, Vec::new(), 90, 91)]).await.unwrap();
    assert_eq!(agenda().await, [(org(1), at(300)), (org(3), at(90))]);
    for (time, due) in [(300, Some(600)), (600, Some(1_200)), (1_200, Some(3_600)), (3_600, None)] {
        writer.append(&*store, [order(Command::Tick).at(time)]).await.unwrap();
        let first = due.map(|due| (org(1), at(due)));
        assert_eq!(agenda().await, first.into_iter().chain([(org(3), at(90))]).collect::<Vec<_>>(), "after {time}");
    }
    let cancel = post_update(incident(3), 33, Some(IncidentStatus::Cancelled));
    third.append(&*store, [cancel]).await.unwrap();
    assert_eq!(agenda().await, []);
}

/// By id, each once.
pub async fn organizations_are_listed_in_pages(fixture: &impl Fixture) {
    let store = fixture.open().await;
    for n in [5, 3, 1, 4, 2] {
        let mut writer = Writer::of(n);
        writer.append(&*store, [create_organization(n)]).await.unwrap();
        writer.append(&*store, [rename("again")]).await.unwrap();
    }
    assert_eq!(store.organizations(None, 2).await.unwrap(), [org(1), org(2)]);
    assert_eq!(store.organizations(Some(org(2)), 2).await.unwrap(), [org(3), org(4)]);
    assert_eq!(store.organizations(Some(org(4)), 2).await.unwrap(), [org(5)]);
    assert!(store.organizations(Some(org(5)), 2).await.unwrap().is_empty());
}

/// Members of several, of one, of none.
pub async fn organizations_of_a_user_follow_the_documents(fixture: &impl Fixture) {
    let store = fixture.open().await;
    for n in 1..=3 {
        let mut writer = Writer::of(n);
        let join = Command::AddMember { id: member(50 + n), user: user(50), role: Role::Viewer, metadata: Default::default() };
        let orders = if n == 2 { vec![create_organization(n)] } else { vec![create_organization(n), order(join)] };
        writer.append(&*store, orders).await.unwrap();
    }
    store.settle().await.unwrap();
    let mut both = store.organizations_of(user(50)).await.unwrap();
    both.sort();
    assert_eq!(both, [org(1), org(3)]);
    assert_eq!(store.organizations_of(user(2)).await.unwrap(), [org(2)]);
    assert!(store.organizations_of(user(77)).await.unwrap().is_empty());
}

/// Services, incidents, teams and memberships; nothing that nobody has, nor what was deleted.
pub async fn the_organization_of_an_entity_is_found_by_its_id(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let (one, mut two) = (stored(&*store, 1).await, stored(&*store, 2).await);
    store.settle().await.unwrap();
    for writer in [&one, &two] {
        let org = writer.org();
        let services = org.services().keys().map(|id| id.uuid());
        let incidents = org.incidents().keys().map(|id| id.uuid());
        let teams = org.teams().keys().map(|id| id.uuid());
        let members = org.members().values().map(|member| member.id.uuid());
        let all: Vec<_> = services.chain(incidents).chain(teams).chain(members).collect();
        assert!(all.len() >= 4, "{all:?}");
        for entity in all {
            assert_eq!(store.organization_with(entity).await.unwrap(), Some(org.id()), "{entity}");
        }
    }
    assert_eq!(store.organization_with(Uuid::max()).await.unwrap(), None);
    let gone = *two.org().services().keys().next().unwrap();
    two.append(&*store, [order(Command::DeleteService { id: gone })]).await.unwrap();
    store.settle().await.unwrap();
    assert_eq!(store.organization_with(gone.uuid()).await.unwrap(), None);
}

/// By the name of one, as long as it says so; two who say the same are both found.
pub async fn organizations_are_found_by_what_a_provider_calls_them(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writers = [stored(&*store, 1).await, stored(&*store, 2).await, stored(&*store, 3).await];
    let says = |value: Option<Scalar>| {
        let metadata = value.map(|value| (EXTERNAL_ORG.to_owned(), value)).into_iter().collect();
        let change = OrganizationChange { metadata: Edit::Set(metadata), ..OrganizationChange::default() };
        order(Command::ChangeOrganization(Box::new(change)))
    };
    let text = |text: &str| Some(Scalar::Text(text.to_owned()));
    for (n, value, one, two) in [
        (0, text("org_1"), vec![1], vec![]),
        (1, text("org_2"), vec![1], vec![2]),
        (2, Some(Scalar::Int(1)), vec![1], vec![2]),
        (2, text("org_1"), vec![1, 3], vec![2]),
        (0, None, vec![3], vec![2]),
        (1, text("org_1"), vec![2, 3], vec![]),
    ] {
        writers[n].append(&*store, [says(value)]).await.unwrap();
        store.settle().await.unwrap();
        for (external, wanted) in [("org_1", one), ("org_2", two), ("1", vec![]), ("", vec![])] {
            let mut found = store.organizations_from(external).await.unwrap();
            found.sort();
            assert_eq!(found, wanted.into_iter().map(org).collect::<Vec<_>>(), "{external}");
        }
    }
}

/// Whatever is asked about one shows nothing of another.
pub async fn organizations_do_not_see_each_other(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let (one, two) = (stored(&*store, 1).await, stored(&*store, 2).await);
    store.save_snapshot(Arc::new(two.org().clone()));
    for writer in [&one, &two] {
        let id = writer.org().id();
        store.settle().await.unwrap();
        let loaded = store.load(id).await.unwrap();
        assert!(loaded.commits.iter().all(|commit| commit.org == id));
        assert!(loaded.snapshot.as_ref().is_none_or(|snapshot| snapshot.id() == id));
        assert_eq!(replay(id, &loaded), *writer.org());
        assert!(store.commits_after(id, 0, 100).await.unwrap().iter().all(|commit| commit.org == id));
        assert_eq!(sorted(store.documents(id).await.unwrap()), sorted(store.expected_documents(writer.org())));
    }
}
