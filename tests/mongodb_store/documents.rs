//! What stands in the database: what a person with a shell finds, and what is read from indexes.

use crate::bench::{Bench, assert_documents_show, is_long, uuid};
use futures::future::join_all;
use mongodb::bson::{self, Document, doc};
use std::time::Instant;
use tocsin_actors::domain::{Command, OrgId, Seq, Timestamp, status::ServiceStatus};
use tocsin_actors::store::{Archive, CommitLog};
use tocsin_actors::testkit::builders::*;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_finds_documents_by_uuid_and_by_date() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1), create_service(1).at(60), schedule(1, vec![], 600, 900)]).await.unwrap();
    writer.append(&*store, [set_status(1, ServiceStatus::MajorOutage).at(120)]).await.unwrap();
    store.settle().await.unwrap();
    let org = uuid(org(1).uuid());
    let date = |seconds| bson::DateTime::from_millis(at(seconds).millis());
    for (collection, filter, count) in [
        ("organizations", doc! { "_id": &org, "slug": "org-1" }, 1),
        ("organizations", doc! { "_id": { "$type": "binData" }, "created_at": { "$type": "date" } }, 1),
        ("members", doc! { "user": uuid(user(1).uuid()), "role": "admin" }, 1),
        ("services", doc! { "_id": uuid(service(1).uuid()), "org": &org, "status": "major_outage" }, 1),
        ("services", doc! { "status_since": { "$gte": date(120), "$lt": date(121) } }, 1),
        ("services", doc! { "status_since": { "$lt": date(120) } }, 0),
        ("incidents", doc! { "scheduled_start": date(600), "automatic": true }, 1),
        ("status_changes", doc! { "service": uuid(service(1).uuid()), "at": { "$gte": date(60) } }, 2),
        ("commits", doc! { "org": &org, "first": 1, "last": writer.commits()[0].last as i64 }, 1),
        ("projections", doc! { "_id": &org, "seq": writer.seq() as i64 }, 1),
    ] {
        assert_eq!(bench.count(collection, filter.clone()).await, count, "{collection} {filter}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered_from_indexes() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    for n in 1..=20 {
        let mut writer = Writer::of(n);
        writer.append(&*store, [create_organization(n), schedule(n, vec![], 600, 900)]).await.unwrap();
        for name in ["a", "b", "c"] {
            writer.append(&*store, [rename(name)]).await.unwrap();
        }
    }
    store.settle().await.unwrap();
    bench.shell.run_command(doc! { "profile": 2 }).await.unwrap();
    assert_eq!(store.agenda().await.unwrap().len(), 20);
    assert_eq!(store.load(org(3)).await.unwrap().commits.len(), 4);
    assert_eq!(store.commits_after(org(3), 4, 1).await.unwrap().len(), 1);
    assert_eq!(CommitLog::load(&*store, org(99)).await.unwrap().commits.len(), 0);
    assert_eq!(store.organizations(Some(org(3)), 5).await.unwrap().len(), 5);
    assert_eq!(store.documents(org(3)).await.unwrap().len(), 3);
    bench.shell.run_command(doc! { "profile": 0 }).await.unwrap();

    let profile = bench.shell.collection::<Document>("system.profile");
    let mut asked = profile.find(doc! { "op": { "$in": ["query", "command"] }, "planSummary": { "$exists": true } }).await.unwrap();
    let mut jumps = 0;
    while asked.advance().await.unwrap() {
        let asked = asked.deserialize_current().unwrap();
        let (plan, ns) = (asked.get_str("planSummary").unwrap(), asked.get_str("ns").unwrap());
        // The agenda reads all marks: that is one small document an organization, and it needs them all.
        let all_marks =
            ns.ends_with(".projections") && asked.get_document("command").unwrap().get_document("filter").unwrap().is_empty();
        assert!(all_marks || !plan.contains("COLLSCAN"), "{asked}");
        let examined = asked.get_i32("docsExamined").unwrap_or(0);
        assert!(examined <= 20, "{asked}");
        if plan.contains("DISTINCT_SCAN") {
            jumps += 1;
            assert!(asked.get_i32("keysExamined").unwrap() <= 42, "{asked}");
        }
    }
    assert_eq!(jumps, 2, "the newest commit of each organization, and the list of organizations");
}

/// It is asked at every start, and nothing runs by itself before it is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agenda_of_many_organizations_names_only_those_that_are_behind() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let orgs = if is_long() { 10_000 } else { 2_000 };
    let commit = |n: u64, first: i64| {
        let id = uuid(commit_id(n * 10 + first as u64).uuid());
        doc! { "_id": id, "org": uuid(org(n).uuid()), "first": first, "last": first + 1 }
    };
    // The documents of every 500th do not show its newest commit.
    let mark = |n: u64| doc! { "_id": uuid(org(n).uuid()), "seq": if n.is_multiple_of(500) { 4_i64 } else { 6 } };
    let commits = (1..=orgs).flat_map(|n| [commit(n, 1), commit(n, 3), commit(n, 5)]);
    bench.shell.collection::<Document>("commits").insert_many(commits).await.unwrap();
    bench.shell.collection::<Document>("projections").insert_many((1..=orgs).map(mark)).await.unwrap();
    let started = Instant::now();
    let mut agenda = store.agenda().await.unwrap();
    println!("agenda of {orgs} organizations in {:?}", started.elapsed());
    agenda.sort();
    let behind: Vec<_> = (1..=orgs).filter(|n| n.is_multiple_of(500)).map(|n| (org(n), Timestamp::from_millis(0))).collect();
    assert_eq!(agenda, behind);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_snapshot_is_kept_in_pieces() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    for hundred in 1..=4 {
        let long = (0..100).map(|n| {
            let mut order = open_incident(hundred * 100 + n, Vec::new());
            if let Command::OpenIncident(new) = &mut order.command {
                new.update = Some((update(hundred * 100 + n), "ü".repeat(20_000)));
            }
            order
        });
        writer.append(&*store, long).await.unwrap();
    }
    let parts = |seq: Seq| doc! { "org": uuid(org(1).uuid()), "seq": seq as i64 };
    store.save_snapshot(writer.org().clone().into());
    store.settle().await.unwrap();
    let loaded = store.load(org(1)).await.unwrap();
    assert!(loaded.commits.is_empty() && loaded.snapshot.as_ref() == Some(writer.org()));
    let first = writer.seq();
    assert_eq!(bench.count("snapshot_parts", parts(first)).await, 2);

    writer.append(&*store, [rename("next")]).await.unwrap();
    store.save_snapshot(writer.org().clone().into());
    store.settle().await.unwrap();
    assert_eq!(bench.count("snapshot_parts", parts(first)).await, 0, "pieces of the old snapshot");
    assert_eq!(store.load(org(1)).await.unwrap().snapshot.as_ref(), Some(writer.org()));

    // A piece that is missing makes the snapshot worthless, not the organization.
    bench.shell.collection::<Document>("snapshot_parts").delete_one(doc! { "part": 1 }).await.unwrap();
    let loaded = store.load(org(1)).await.unwrap();
    assert_eq!(loaded.snapshot, None);
    assert_eq!(replay(org(1), &loaded), *writer.org());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_another_version_is_ignored() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    store.save_snapshot(writer.org().clone().into());
    store.settle().await.unwrap();
    let snapshots = bench.shell.collection::<Document>("snapshots");
    for change in [
        doc! { "format": 99 },
        doc! { "format": 1, "data": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![7] } },
    ] {
        snapshots.update_one(doc! {}, doc! { "$set": change }).await.unwrap();
        let loaded = store.load(org(1)).await.unwrap();
        assert_eq!(loaded.snapshot, None);
        assert_eq!(loaded.commits, writer.commits());
    }
}

/// Not a promise but a measurement, printed with `--nocapture`; its assertion only says that grouping works at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_of_many_organizations_share_the_price_of_durability() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let (orgs, steps) = if is_long() { (1_000, 30) } else { (100, 5) };
    let lives = (1..=orgs).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut writer = Writer::of(n);
            writer.append(&*store, [create_organization(n), create_service(n)]).await.unwrap();
            for step in 0..steps {
                let status = if step % 2 == 0 { ServiceStatus::MajorOutage } else { ServiceStatus::Operational };
                writer.append(&*store, [set_status(n, status).at(step)]).await.unwrap();
            }
            writer
        })
    });
    let started = Instant::now();
    let writers: Vec<_> = join_all(lives).await.into_iter().map(Result::unwrap).collect();
    let durable = started.elapsed();
    store.settle().await.unwrap();
    let shown = started.elapsed();
    let commits = orgs * (steps as u64 + 1);
    let rate = commits as f64 / durable.as_secs_f64();
    println!("{commits} commits of {orgs} organizations: durable in {durable:?} ({rate:.0}/s), documents in {shown:?}");
    for writer in writers.iter().step_by(orgs as usize / 10) {
        assert_documents_show(&store, writer).await;
    }
    let alone = {
        let mut writer = Writer::new(OrgId::new(Uuid::from_u128(1)), 5_000);
        let new = create_organization(orgs + 1);
        let Command::CreateOrganization(mut new) = new.command else { unreachable!() };
        new.id = writer.org().id();
        writer.append(&*store, [order(Command::CreateOrganization(new))]).await.unwrap();
        let started = Instant::now();
        for step in 0..20 {
            writer.append(&*store, [rename(format!("{step}"))]).await.unwrap();
        }
        20.0 / started.elapsed().as_secs_f64()
    };
    println!("one organization that waits for each commit: {alone:.0}/s");
    assert!(rate > alone, "{rate:.0}/s together, {alone:.0}/s alone");
}
