//! What a caller of the directory may rely on, whatever the store does.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};
use support::{TestClock, eventually, eventually_async};
use tocsin_actors::{
    directory::{Directory, Settings},
    domain::{
        Command, Org, Rejection,
        status::{IncidentStatus, ServiceStatus},
    },
    org::OrgError,
    store::{CommitLog, Store},
    testkit::{Call, FailingStore, Fault, MemoryStore, Mode, Rule, builders::*},
};

async fn directory(store: Arc<dyn Store>) -> Directory {
    Directory::start(store, TestClock::new(), Settings::default()).await.unwrap()
}

async fn stored(store: &dyn CommitLog, n: u64) -> Org {
    replay(org(n), &store.load(org(n)).await.unwrap())
}

#[tokio::test]
async fn an_acknowledged_change_is_in_the_log_and_in_the_view() {
    let store = Arc::new(MemoryStore::new());
    let directory = directory(store.clone()).await;
    let receipts = directory.execute(org(1), vec![create_organization(1), create_service(1)]).await.unwrap();
    assert_eq!(receipts.iter().map(|receipt| receipt.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(receipts[1].created, Some(service(1).uuid()));
    let view = directory.view(org(1)).await.unwrap();
    assert_eq!(*view, stored(&*store, 1).await);
    assert_eq!(view.services()[&service(1)].name, "Service 1");
}

#[tokio::test]
async fn nobody_sees_a_change_before_it_is_durable() {
    let store = Arc::new(MemoryStore::new());
    let directory = directory(store.clone()).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    store.set_mode(Mode::Held);
    let writer = tokio::spawn({
        let directory = directory.clone();
        async move { directory.execute(org(1), vec![create_service(1)]).await }
    });
    eventually("the commit is on its way", || store.held() == 1).await;
    assert!(directory.view(org(1)).await.unwrap().services().is_empty());
    assert!(!writer.is_finished());
    store.release(1);
    writer.await.unwrap().unwrap();
    assert_eq!(directory.view(org(1)).await.unwrap().services().len(), 1);
}

#[tokio::test]
async fn a_refusal_tells_nothing_of_a_change_that_never_was() {
    let memory = Arc::new(MemoryStore::new());
    let store = FailingStore::new(memory.clone());
    let directory = directory(store.clone()).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    store.fail(Rule::new(Call::Append, Fault::Hang));
    let create = || {
        tokio::spawn({
            let directory = directory.clone();
            async move { directory.execute(org(1), vec![create_service(1)]).await }
        })
    };
    let first = create();
    eventually("the first is on its way", || store.hanging() == 1).await;
    let second = create();
    tokio::time::sleep(Duration::from_millis(30)).await; // time in which a refusal could come too early
    assert!(!second.is_finished(), "refused because of a service that nobody can see");
    store.release();
    assert!(first.await.unwrap().is_ok());
    assert_eq!(second.await.unwrap(), Err(OrgError::Rejected { index: 0, rejection: Rejection::IdTaken }));
}

#[tokio::test]
async fn a_flood_is_stored_in_a_few_commits_without_a_hole() {
    let store = Arc::new(MemoryStore::new());
    let directory = directory(store.clone()).await;
    directory.execute(org(1), vec![create_organization(1), create_service(1)]).await.unwrap();
    let before = store.appended();
    let writes = (0..5_000).map(|n| {
        let directory = directory.clone();
        let order = rename(format!("Name {n}")).keyed(request_key(n));
        tokio::spawn(async move { directory.execute(org(1), vec![order]).await.unwrap()[0].seq })
    });
    let mut seqs: Vec<_> = futures::future::join_all(writes).await.into_iter().map(Result::unwrap).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (3..5_003).collect::<Vec<_>>());
    assert!(store.appended() - before < 2_500, "{} commits", store.appended() - before);
    let commits = store.commits_after(org(1), 0, usize::MAX).await.unwrap();
    let mut next = 1;
    for commit in commits {
        assert_eq!(commit.first, next);
        next = commit.last + 1;
    }
    assert_eq!(next, 5_003);
}

#[tokio::test]
async fn orders_of_one_request_are_done_together_or_not_at_all() {
    let store = Arc::new(MemoryStore::new());
    let directory = directory(store.clone()).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    let answer = directory.execute(org(1), vec![create_service(1), create_service(2), create_service(1)]).await;
    assert_eq!(answer, Err(OrgError::Rejected { index: 2, rejection: Rejection::IdTaken }));
    assert_eq!(stored(&*store, 1).await.seq(), 1);
    assert!(directory.view(org(1)).await.unwrap().services().is_empty());
}

#[tokio::test]
async fn a_retry_is_done_once_and_told_the_same() {
    let store = Arc::new(MemoryStore::new());
    let first = directory(store.clone()).await;
    first.execute(org(1), vec![create_organization(1)]).await.unwrap();
    let retry = || create_service(1).keyed(request_key(7));
    let both = futures::future::join(first.execute(org(1), vec![retry()]), first.execute(org(1), vec![retry()])).await;
    assert_eq!(both.0, both.1);
    first.shutdown().await;
    let second = directory(store.clone()).await;
    assert_eq!(second.execute(org(1), vec![retry()]).await, both.0);
    assert_eq!(stored(&*store, 1).await.seq(), 2);
}

#[tokio::test]
async fn two_writers_of_one_database_lose_nothing_and_number_without_holes() {
    let store = Arc::new(MemoryStore::new());
    let writers = [directory(store.clone()).await, directory(store.clone()).await];
    writers[0].execute(org(1), vec![create_organization(1)]).await.unwrap();
    let writes = (0..200u64).map(|n| {
        let directory = writers[usize::try_from(n % 2).unwrap()].clone();
        tokio::spawn(async move {
            loop {
                match directory.execute(org(1), vec![create_service(n).keyed(request_key(n))]).await {
                    Ok(_) => return,
                    Err(OrgError::Unavailable { .. } | OrgError::OutcomeUnknown) => {}
                    Err(error) => panic!("{n}: {error}"),
                }
            }
        })
    });
    futures::future::join_all(writes).await.into_iter().for_each(Result::unwrap);
    let org = stored(&*store, 1).await;
    assert_eq!(org.services().len(), 200);
    assert_eq!(org.seq(), 201, "each was done once");
}

#[tokio::test]
async fn a_lost_answer_to_a_stored_commit_is_found_out() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let directory = directory(store.clone()).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    store.fail(Rule::new(Call::Append, Fault::UnknownWritten));
    assert!(directory.execute(org(1), vec![create_service(1)]).await.is_ok());
    assert_eq!(directory.view(org(1)).await.unwrap().services().len(), 1);
}

#[tokio::test]
async fn a_lost_commit_is_unknown_and_its_retry_is_done_once() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let directory = directory(store.clone()).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    store.fail(Rule::new(Call::Append, Fault::UnknownLost));
    let order = || vec![create_service(1).keyed(request_key(1))];
    assert_eq!(directory.execute(org(1), order()).await, Err(OrgError::OutcomeUnknown));
    assert!(directory.execute(org(1), order()).await.unwrap()[0].changed);
    assert_eq!(stored(&*store, 1).await.seq(), 2);
}

#[tokio::test]
async fn when_the_store_is_away_writes_say_so_and_reads_go_on() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let directory = directory(store.clone()).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    for fault in [Fault::Unavailable, Fault::UnknownLost] {
        store.fail(Rule::new(Call::Append, fault).always());
        store.fail(Rule::new(Call::Load, Fault::Unavailable).always());
        for n in 0..5 {
            let answer = directory.execute(org(1), vec![create_service(n)]).await;
            assert!(matches!(answer, Err(OrgError::Unavailable { .. } | OrgError::OutcomeUnknown)), "{answer:?}");
            assert!(directory.view(org(1)).await.unwrap().organization().is_some(), "reads go on");
        }
        store.heal();
        eventually_async("writes work again", || async {
            directory.execute(org(1), vec![rename(format!("{fault:?}"))]).await.is_ok()
        })
        .await;
    }
    assert!(stored(&*store, 1).await.services().is_empty());
}

#[tokio::test]
async fn a_panic_loads_that_organization_again_and_touches_no_neighbour() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let directory = directory(store.clone()).await;
    for n in [1, 2] {
        directory.execute(org(n), vec![create_organization(n)]).await.unwrap();
    }
    store.fail(Rule::new(Call::Append, Fault::Panic).of(org(1)));
    let hit = directory.execute(org(1), vec![create_service(1)]).await;
    assert!(matches!(hit, Err(OrgError::OutcomeUnknown)), "{hit:?}");
    assert!(directory.execute(org(2), vec![create_service(1)]).await.is_ok());
    assert!(directory.execute(org(1), vec![create_service(1)]).await.is_ok(), "loaded again at once");
    assert_eq!(directory.telemetry().crashes(), 1);
}

#[tokio::test]
async fn an_organization_that_dies_again_and_again_rests_longer_each_time() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let directory = directory(store.clone()).await;
    for n in [1, 2] {
        directory.execute(org(n), vec![create_organization(n)]).await.unwrap();
    }
    store.fail(Rule::new(Call::Append, Fault::Panic).of(org(1)).always());
    eventually_async("it rests", || async {
        assert!(directory.execute(org(2), vec![rename(uuid::Uuid::now_v7().to_string())]).await.is_ok());
        let answer = directory.execute(org(1), vec![create_service(1)]).await;
        matches!(answer, Err(OrgError::Unavailable { retry_after, .. }) if retry_after > Duration::from_millis(500))
    })
    .await;
    assert!(directory.telemetry().crashes() < 20, "it should not be started in a tight loop");
    assert!(directory.view(org(1)).await.is_ok(), "reads go on");
}

#[tokio::test]
async fn a_sleeping_organization_costs_nothing_and_wakes_when_asked() {
    let store = Arc::new(MemoryStore::new());
    let settings = Settings { sleep_after: Duration::ZERO, sweep_every: Duration::from_secs(3_600), ..Settings::default() };
    let directory = Directory::start(store, TestClock::new(), settings).await.unwrap();
    for n in 1..=50 {
        directory.execute(org(n), vec![create_organization(n)]).await.unwrap();
    }
    assert_eq!(directory.awake_count(), 50);
    eventually_async("all sleep", || async {
        directory.sweep().await;
        directory.awake_count() == 0
    })
    .await;
    assert_eq!(directory.view(org(7)).await.unwrap().seq(), 1);
    assert!(directory.execute(org(8), vec![create_service(1)]).await.is_ok());
}

#[tokio::test]
async fn nobody_falls_asleep_while_the_store_is_away() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let settings = Settings { sleep_after: Duration::ZERO, sweep_every: Duration::from_secs(3_600), ..Settings::default() };
    let directory = Directory::start(store.clone(), TestClock::new(), settings).await.unwrap();
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    for call in [Call::Ping, Call::Load] {
        store.fail(Rule::new(call, Fault::Unavailable).always());
    }
    for _ in 0..5 {
        directory.sweep().await;
        assert!(directory.view(org(1)).await.unwrap().organization().is_some());
    }
    store.heal();
    eventually_async("it sleeps now", || async {
        directory.sweep().await;
        directory.awake_count() == 0
    })
    .await;
}

#[tokio::test]
async fn writers_never_notice_that_organizations_fall_asleep_all_the_time() {
    let store = Arc::new(MemoryStore::new());
    let settings = Settings { sleep_after: Duration::ZERO, ..Settings::default() };
    let directory = Directory::start(store.clone(), TestClock::new(), settings).await.unwrap();
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    let sweeper = tokio::spawn({
        let directory = directory.clone();
        async move {
            loop {
                directory.sweep().await;
                tokio::task::yield_now().await;
            }
        }
    });
    for n in 0..500 {
        directory.execute(org(1), vec![rename(format!("Name {n}"))]).await.unwrap_or_else(|error| panic!("{n}: {error}"));
    }
    sweeper.abort();
    assert_eq!(stored(&*store, 1).await.seq(), 501);
}

#[tokio::test]
async fn a_maintenance_begins_and_ends_by_itself() {
    let (store, clock) = (Arc::new(MemoryStore::new()), TestClock::new());
    let directory = Directory::start(store, clock.clone(), Settings::default()).await.unwrap();
    let affected = vec![affected(1, ServiceStatus::UnderMaintenance)];
    directory.execute(org(1), vec![create_organization(1), create_service(1), schedule(1, affected, 60, 120)]).await.unwrap();
    let shows = |incident_status, service_status| {
        let directory = directory.clone();
        async move {
            directory.sweep().await;
            let view = directory.view(org(1)).await.unwrap();
            view.incidents()[&incident(1)].status == incident_status && view.services()[&service(1)].status == service_status
        }
    };
    assert!(shows(IncidentStatus::Scheduled, ServiceStatus::Operational).await);
    clock.set(at(61));
    eventually_async("it has begun", || shows(IncidentStatus::InProgress, ServiceStatus::UnderMaintenance)).await;
    clock.set(at(121));
    eventually_async("it has ended", || shows(IncidentStatus::Completed, ServiceStatus::Operational)).await;
}

#[tokio::test]
async fn a_maintenance_that_came_due_while_nobody_ran_is_done_at_the_next_start() {
    let (store, clock) = (Arc::new(MemoryStore::new()), TestClock::new());
    let first = Directory::start(store.clone(), clock.clone(), Settings::default()).await.unwrap();
    let affected = vec![affected(1, ServiceStatus::UnderMaintenance)];
    first.execute(org(1), vec![create_organization(1), create_service(1), schedule(1, affected, 60, 120)]).await.unwrap();
    first.shutdown().await;
    clock.set(at(3_600));
    let second = Directory::start(store.clone(), clock, Settings::default()).await.unwrap();
    eventually_async("it is over", || async {
        let org = stored(&*store, 1).await;
        org.incidents()[&incident(1)].status == IncidentStatus::Completed
    })
    .await;
    let view = second.view(org(1)).await.unwrap();
    assert_eq!(view.incidents()[&incident(1)].actual_end, Some(at(120)));
    assert_eq!(view.history(service(1)).unwrap().len(), 1, "no service ever showed it");
}

#[tokio::test]
async fn when_too_much_waits_callers_are_turned_away_and_neighbours_are_not() {
    let store = Arc::new(MemoryStore::new());
    let settings = Settings { most_waiting: (10, 100), ..Settings::default() };
    let directory = Directory::start(store.clone(), TestClock::new(), settings).await.unwrap();
    for n in [1, 2] {
        directory.execute(org(n), vec![create_organization(n)]).await.unwrap();
    }
    store.set_mode(Mode::Held);
    let write = |org_n, n: u64| {
        tokio::spawn({
            let directory = directory.clone();
            async move { directory.execute(org(org_n), vec![create_service(n)]).await }
        })
    };
    let waiting: Vec<_> = (0..10).map(|n| write(1, n)).collect();
    eventually("all are inside", || directory.telemetry().in_flight.get() == 10).await;
    assert!(matches!(write(1, 99).await.unwrap(), Err(OrgError::Busy { .. })));
    let neighbour = write(2, 1);
    eventually("the neighbour is inside", || directory.telemetry().in_flight.get() == 11).await;
    store.set_mode(Mode::Task);
    eventually("everything held was released", || {
        store.release(usize::MAX);
        waiting.iter().all(tokio::task::JoinHandle::is_finished) && neighbour.is_finished()
    })
    .await;
    assert_eq!(directory.telemetry().in_flight.get(), 0);
}

#[tokio::test]
async fn shutdown_answers_everybody_who_was_let_in() {
    let store = Arc::new(MemoryStore::new());
    let directory = directory(store.clone()).await;
    for n in 1..=20 {
        directory.execute(org(n), vec![create_organization(n)]).await.unwrap();
    }
    let writes: Vec<_> = (0..1_000u64)
        .map(|n| {
            let directory = directory.clone();
            tokio::spawn(async move { (n, directory.execute(org(n % 20 + 1), vec![create_service(n)]).await) })
        })
        .collect();
    tokio::task::yield_now().await;
    directory.shutdown().await;
    let mut acknowledged = 0;
    for write in writes {
        let (n, answer) = write.await.unwrap();
        let there = stored(&*store, n % 20 + 1).await.services().contains_key(&service(n));
        match answer {
            Ok(_) => {
                acknowledged += 1;
                assert!(there, "{n} was acknowledged and is lost");
            }
            Err(OrgError::Unavailable { .. }) => assert!(!there, "{n} was called not done and is there"),
            Err(error) => panic!("{n}: {error}"),
        }
    }
    assert!(acknowledged > 0);
    assert_eq!(directory.awake_count(), 0);
}

/// The store fails at every call of every kind in every way; callers retry with their keys as they should.
#[tokio::test]
async fn whatever_the_store_does_acknowledged_orders_are_done_once() {
    let faults = [Fault::Conflict, Fault::UnknownLost, Fault::UnknownWritten, Fault::Unavailable, Fault::Corrupt, Fault::Panic];
    for call in [Call::Append, Call::Load, Call::CommitsAfter, Call::Project, Call::SaveSnapshot] {
        for fault in faults {
            for after in 0..4 {
                let memory = Arc::new(MemoryStore::new());
                let store = FailingStore::new(memory.clone());
                let settings =
                    Settings { sleep_after: Duration::ZERO, answer_within: Duration::from_secs(5), ..Settings::default() };
                let directory = Directory::start(store.clone(), TestClock::new(), settings).await.unwrap();
                store.fail(Rule::new(call, fault).after(after).times(2));
                let orders = [
                    create_organization(1),
                    create_service(1),
                    rename("Acme"),
                    create_service(2),
                    delete_service(1),
                    create_group(1),
                ];
                for (n, order) in orders.into_iter().enumerate() {
                    let order = order.keyed(request_key(n as u64));
                    eventually_async(&format!("{call:?} {fault:?} after {after}: order {n} is done"), || async {
                        directory.execute(org(1), vec![order.clone()]).await.is_ok()
                    })
                    .await;
                    if n == 3 {
                        directory.sweep().await; // so that loading is among the calls that fail
                    }
                }
                let truth = stored(&*memory, 1).await;
                assert_eq!(truth.seq(), 6, "{call:?} {fault:?} after {after}: each is done once");
                assert_eq!(*directory.view(org(1)).await.unwrap(), truth, "{call:?} {fault:?} after {after}");
                directory.shutdown().await;
            }
        }
    }
}

#[tokio::test]
async fn a_maintenance_begins_although_the_store_was_away_when_it_was_due() {
    let (store, clock) = (FailingStore::new(Arc::new(MemoryStore::new())), TestClock::new());
    let directory = Directory::start(store.clone(), clock.clone(), Settings::default()).await.unwrap();
    directory.execute(org(1), vec![create_organization(1), create_service(1), schedule(1, vec![], 60, 3_600)]).await.unwrap();
    let appends = store.calls(Call::Append);
    store.fail(Rule::new(Call::Append, Fault::Unavailable));
    clock.set(at(61));
    directory.sweep().await;
    eventually("the store said no", || store.calls(Call::Append) > appends).await;
    clock.set(at(120));
    eventually_async("it has begun", || async {
        directory.sweep().await;
        directory.view(org(1)).await.unwrap().incidents()[&incident(1)].status == IncidentStatus::InProgress
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_the_store_lost_without_a_word_is_unknown_and_writes_go_on() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let directory = directory(store.clone()).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    store.fail(Rule::new(Call::Append, Fault::Hang));
    let write = tokio::spawn({
        let directory = directory.clone();
        async move { directory.execute(org(1), vec![create_service(1)]).await }
    });
    eventually("it is on its way", || store.hanging() == 1).await;
    store.lose();
    let answer = tokio::time::timeout(Duration::from_secs(5), write).await.expect("told soon").unwrap();
    assert_eq!(answer, Err(OrgError::OutcomeUnknown));
    assert!(directory.execute(org(1), vec![create_service(1)]).await.unwrap()[0].changed);
}

#[tokio::test]
async fn a_server_whose_store_never_answers_can_still_be_stopped() {
    for call in [Call::Append, Call::Load] {
        let store = FailingStore::new(Arc::new(MemoryStore::new()));
        let settings = Settings { answer_within: Duration::from_millis(50), ..Settings::default() };
        let directory = Directory::start(store.clone(), TestClock::new(), settings).await.unwrap();
        store.fail(Rule::new(call, Fault::Hang).always());
        assert!(directory.execute(org(1), vec![create_organization(1)]).await.is_err());
        tokio::time::timeout(Duration::from_secs(5), directory.shutdown()).await.expect("it ends");
    }
}

#[tokio::test]
async fn what_cannot_be_loaded_is_not_tried_again_until_somebody_asks() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let directory = directory(store.clone()).await;
    store.fail(Rule::new(Call::Load, Fault::Unavailable).always());
    for n in 1..=20 {
        assert!(matches!(directory.view(org(n)).await, Err(OrgError::Unavailable { .. })));
    }
    tokio::time::sleep(Duration::from_millis(300)).await; // time in which it could be tried again
    assert_eq!(store.calls(Call::Load), 20);
    store.heal();
    assert!(directory.view(org(1)).await.is_ok());
}

#[tokio::test]
async fn a_flood_of_unknown_organizations_waits_for_the_store_in_bounded_memory() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let settings = Settings { most_starting: 10, ..Settings::default() };
    let directory = Directory::start(store.clone(), TestClock::new(), settings).await.unwrap();
    store.fail(Rule::new(Call::Load, Fault::Hang).always());
    let readers: Vec<_> = (1..=30)
        .map(|n| {
            let directory = directory.clone();
            tokio::spawn(async move { directory.view(org(n)).await })
        })
        .collect();
    eventually("the rest is turned away", || readers.iter().filter(|reader| reader.is_finished()).count() == 20).await;
    store.heal();
    store.release();
    for reader in readers {
        let answer = reader.await.unwrap();
        assert!(matches!(answer, Ok(_) | Err(OrgError::Busy { .. })), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_behind_a_panic_do_not_notice_it() {
    let store = FailingStore::new(Arc::new(MemoryStore::new()));
    let directory = directory(store.clone()).await;
    for n in 1..=20 {
        directory.execute(org(n), vec![create_organization(n)]).await.unwrap();
        store.fail(Rule::new(Call::Append, Fault::Panic));
        let write = |service: u64| {
            let directory = directory.clone();
            tokio::spawn(async move { directory.execute(org(n), vec![create_service(service)]).await })
        };
        for answer in futures::future::join_all((0..50).map(write)).await {
            let answer = answer.unwrap();
            assert!(matches!(answer, Ok(_) | Err(OrgError::OutcomeUnknown)), "{n}: {answer:?}");
        }
    }
}

/// Many orders in one commit of unknown outcome, and many more before their authors ask again.
#[tokio::test]
async fn a_retry_after_an_outage_is_done_once_however_many_were_under_way() {
    let memory = Arc::new(MemoryStore::new());
    let store = FailingStore::new(memory.clone());
    let directory = directory(store.clone()).await;
    directory.execute(org(1), vec![create_organization(1)]).await.unwrap();
    let write = |n: u64| {
        let directory = directory.clone();
        let order = rename(format!("Name {n}")).keyed(request_key(n));
        tokio::spawn(async move { directory.execute(org(1), vec![order]).await })
    };
    // The first is on its way while the others gather behind it, in the commit whose answers will be lost.
    memory.set_mode(Mode::Held);
    let first = write(10_000);
    eventually("the first is on its way", || memory.held() == 1).await;
    store.fail(Rule::new(Call::Append, Fault::UnknownWritten));
    store.fail(Rule::new(Call::Load, Fault::Unavailable));
    let writes: Vec<_> = (0..900).map(write).collect();
    eventually("all wait", || directory.telemetry().in_flight.get() == 901).await;
    memory.set_mode(Mode::Inline);
    memory.release(1);
    first.await.unwrap().unwrap();
    let answers = futures::future::join_all(writes).await;
    let unknown = answers.iter().filter(|answer| matches!(answer, Ok(Err(OrgError::OutcomeUnknown)))).count();
    assert!(unknown > 1, "only {unknown} were told so");
    for answer in futures::future::join_all((20_000..23_000).map(write)).await {
        answer.unwrap().unwrap();
    }
    for answer in futures::future::join_all((0..900).map(write)).await {
        answer.unwrap().unwrap();
    }
    let commits = memory.commits_after(org(1), 0, usize::MAX).await.unwrap();
    let keys: Vec<_> = commits.iter().flat_map(|commit| &commit.entries).filter_map(|entry| entry.key).collect();
    let once: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!((once.len(), keys.len()), (3_901, 3_901), "each is done once");
}

fn delete_service(n: u64) -> tocsin_actors::domain::Order {
    order(Command::DeleteService { id: service(n) })
}
