//! `tocsin check` finds what a hand, or a broken disk, has done to a store, says it so that one can act, and mends what
//! can be mended.

use crate::{
    mongod::Mongod,
    program::{PATIENCE, Place, Server},
    spoil::{Spoil, SpoiledDatabase, SpoiledFile},
};
use mongodb::bson::{Document, deserialize_from_slice, doc, serialize_to_vec};
use std::time::Instant;
use tocsin::{seed::ids::Ids, store};
use tocsin_actors::{
    domain::{history::History, status::ServiceStatus},
    testkit::builders::*,
};

/// A store with one organization, made in so many commits.
fn fill(place: &Place, url: &str, commits: usize) {
    for n in 1..=commits {
        let services: String = (1..=n).map(|n| format!("      - {{ id: s{n}, name: Service {n} }}\n")).collect();
        let fixture = format!(
            "organizations:\n  - slug: acme\n    name: Acme\n    domain: status.acme.com\n    services:\n{services}    incidents:\n      - {{ id: one, title: One, \
             started: 2 days ago, affected: [s1] }}\n"
        );
        place.write("acme.yaml", fixture);
        place.run(&["seed", "--store", url, "acme.yaml"]).ok();
    }
}

/// What `check` says, with its exit code.
#[track_caller]
fn check(place: &Place, url: &str, repair: bool) -> (Option<i32>, String) {
    let args = ["check", "--store", url, "--repair"];
    let done = place.run(if repair { &args } else { &args[..3] });
    assert_eq!(done.err, "");
    (done.code, done.out)
}

#[track_caller]
fn clean(place: &Place, url: &str) {
    let (code, said) = check(place, url, false);
    assert!(code == Some(0) && said.ends_with(": no differences\n"), "{said}");
}

async fn differences_are_told_and_mended(place: &Place, url: &str, spoil: &impl Spoil) {
    fill(place, url, 1);
    clean(place, url);
    let ids = Ids::of(&"acme".parse().unwrap());
    let (org, service, incident) = (ids.org(), ids.service("s1"), ids.incident("one"));
    spoil.change("services", service.uuid(), doc! { "name": "Tampered" }).await;
    spoil.remove("incidents", incident.uuid()).await;
    spoil.copy("services", service.uuid(), user(7).uuid()).await;
    spoil.free_name("acme").await;
    spoil.free_name("status.acme.com").await;
    let (code, said) = check(place, url, false);
    let expected = [
        format!("acme ({org}): services {service}: `name` is \"Tampered\", should be \"Service 1\""),
        format!("acme ({org}): incidents {incident} is missing"),
        format!("acme ({org}): services {} should not be there", user(7)),
        format!("acme ({org}): its slug `acme` is not claimed for it"),
        format!("acme ({org}): its domain `status.acme.com` is not claimed for it"),
    ];
    assert_eq!(code, Some(1));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[..5], expected, "{said}");
    assert!(lines[5].ends_with(": 5 differences"), "{said}");
    assert_eq!(lines[6..], ["`tocsin check --repair` writes documents, snapshots and names again from the commits"]);
    assert_eq!(check(place, url, false), (code, said.clone()), "looking changes nothing");

    let (code, mended) = check(place, url, true);
    assert_eq!(code, Some(0), "{mended}");
    assert!(mended.ends_with(": 5 differences\n1 organization was written again from the commits\n"), "{mended}");
    clean(place, url);

    // It was written again with its snapshot.
    spoil.damage_snapshot(org.uuid(), b"Acme", b"Axme").await;
    let (code, said) = check(place, url, false);
    assert_eq!(code, Some(1));
    assert!(said.starts_with(&format!("acme ({org}): the snapshot is not what the commits say\n")), "{said}");
    assert_eq!(check(place, url, true).0, Some(0));
    clean(place, url);
}

async fn a_log_with_a_hole_is_left_alone(place: &Place, url: &str, spoil: &impl Spoil) {
    fill(place, url, 3);
    clean(place, url);
    let ids = Ids::of(&"acme".parse().unwrap());
    let commits = spoil.commits(ids.org().uuid()).await;
    assert_eq!(commits.len(), 3);
    spoil.change("services", ids.service("s1").uuid(), doc! { "name": "Tampered" }).await;
    let missing = spoil.remove_commit(ids.org().uuid(), commits[1]).await;
    let before = spoil.everything().await;
    for repair in [false, true] {
        let (code, said) = check(place, url, repair);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains(&format!(
                "the log has a hole: event {} is followed by a commit of events {}",
                commits[1] - 1,
                commits[2]
            )),
            "{said}"
        );
        assert!(said.ends_with("1 difference cannot be repaired from what is in the store\n"), "{said}");
        assert!(spoil.everything().await == before, "something was rewritten");
    }
    spoil.restore_commit(missing).await;
    spoil.remove_commit(ids.org().uuid(), commits[2]).await;
    let before = spoil.everything().await;
    for repair in [false, true] {
        let (code, said) = check(place, url, repair);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("the log ends with event {}, but event ", commits[2] - 1)), "{said}");
        assert!(spoil.everything().await == before, "something was rewritten");
    }
}

/// Older changes of a status stay in the store; newer ones than memory has are nobody's.
async fn what_memory_has_forgotten_is_no_difference(place: &Place, url: &str, spoil: &impl Spoil) {
    {
        let store = store::open(url).await.unwrap();
        let mut writer = Writer::of(1);
        writer.append(&*store, [create_organization(1), create_service(1)]).await.unwrap();
        for _ in 0..History::MAX / 1_000 + 1 {
            let flap = (0..1_000).map(|n| set_status(1, [ServiceStatus::MajorOutage, ServiceStatus::Operational][n % 2]));
            writer.append(&*store, flap).await.unwrap();
        }
        store.claim_name("org-1".parse().unwrap(), org(1), start()).await.unwrap();
        store.settle().await.unwrap();
    }
    clean(place, url);
    let changes = spoil.count_changes().await;
    assert!(changes > History::MAX, "{changes}");
    spoil.copy_change(org(1).uuid(), service(1).uuid(), 1_000_000).await;
    let (code, said) = check(place, url, false);
    assert_eq!(code, Some(1));
    let expected = format!("org-1 ({0}): status_changes {{org: {0}, number: 1000000}} should not be there\n", org(1));
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(check(place, url, true).0, Some(0));
    clean(place, url);
    assert_eq!(spoil.count_changes().await, changes, "a repair forgets nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_in_a_file_are_told_and_mended() {
    let place = Place::new();
    differences_are_told_and_mended(&place, "file:data", &SpoiledFile::of(&place)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_in_a_database_are_told_and_mended() {
    let server = Mongod::shared().await;
    let spoil = SpoiledDatabase(server.client().await.database("differences"));
    differences_are_told_and_mended(&Place::new(), &server.uri("differences"), &spoil).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_a_hole_in_a_file_is_left_alone() {
    let place = Place::new();
    a_log_with_a_hole_is_left_alone(&place, "file:data", &SpoiledFile::of(&place)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_a_hole_in_a_database_is_left_alone() {
    let server = Mongod::shared().await;
    let spoil = SpoiledDatabase(server.client().await.database("hole"));
    a_log_with_a_hole_is_left_alone(&Place::new(), &server.uri("hole"), &spoil).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_memory_has_forgotten_is_no_difference_in_a_file() {
    let place = Place::new();
    let url = format!("file:{}", place.path().join("data").display());
    what_memory_has_forgotten_is_no_difference(&place, &url, &SpoiledFile::of(&place)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_memory_has_forgotten_is_no_difference_in_a_database() {
    let server = Mongod::shared().await;
    let spoil = SpoiledDatabase(server.client().await.database("forgotten"));
    what_memory_has_forgotten_is_no_difference(&Place::new(), &server.uri("forgotten"), &spoil).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slug_of_somebody_else_is_for_a_person_to_decide() {
    let place = Place::new();
    let url = format!("file:{}", place.path().join("data").display());
    fill(&place, &url, 1);
    SpoiledFile::of(&place).free_name("acme").await;
    store::open(&url).await.unwrap().claim_name("acme".parse().unwrap(), org(9), start()).await.unwrap();
    for repair in [false, true] {
        let (code, said) = check(&place, &url, repair);
        assert!(code == Some(1) && said.contains(&format!("its slug `acme` belongs to organization {}", org(9))), "{said}");
    }
}

/// As it is when the process dies between commit and documents.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_are_behind_are_brought_up_to_date_by_the_next_start() {
    let server = Mongod::shared().await;
    let (place, url, shell) = (Place::new(), server.uri("behind"), server.client().await.database("behind"));
    let store = store::open(&url).await.unwrap();
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    store.claim_name("org-1".parse().unwrap(), org(1), start()).await.unwrap();
    store.settle().await.unwrap();
    drop(store);
    let (commit, _) = writer.commit([create_service(1), rename("unfinished")]);
    let stored: Document = deserialize_from_slice(&serialize_to_vec(commit.as_ref()).unwrap()).unwrap();
    shell.collection::<Document>("commits").insert_one(stored).await.unwrap();
    let behind =
        "1 organization has documents that are behind their commits; the next start of `tocsin serve` brings them up to date";
    let (code, said) = check(&place, &url, false);
    assert!(code == Some(0) && said.contains(": no differences\n") && said.contains(behind), "{said}");

    let tocsin = Server::start(&place, &["--store", &url]);
    let deadline = Instant::now() + PATIENCE;
    while shell.collection::<Document>("services").count_documents(doc! {}).await.unwrap() == 0 {
        assert!(Instant::now() < deadline, "nobody caught up");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(tocsin.terminate().0, Some(0));
    clean(&place, &url);
}
