//! Promises of the log.

use super::{super::builders::*, Fixture, busy, load, stored};
use crate::store::{Append, StoreError};
use futures::future::join_all;

/// All of it, exactly.
pub async fn a_commit_comes_back_as_it_was(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let writer = stored(&*store, 1).await;
    store.ping().await.unwrap();
    store.settle().await.unwrap();
    let loaded = load(&*store, 1).await;
    assert_eq!(loaded.snapshot, None);
    assert_eq!(loaded.commits, writer.commits());
    assert_eq!(loaded.documents_at, writer.seq());
    assert_eq!(replay(org(1), &loaded), *writer.org());
}

/// Not an error.
pub async fn an_unknown_organization_is_empty(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let loaded = load(&*store, 9).await;
    assert!(loaded.snapshot.is_none() && loaded.commits.is_empty() && loaded.documents_at == 0, "{loaded:?}");
    assert!(store.commits_after(org(9), 0, 10).await.unwrap().is_empty());
    assert!(store.documents(org(9)).await.unwrap().is_empty());
    assert!(store.organizations(None, 10).await.unwrap().is_empty());
    assert!(store.agenda().await.unwrap().is_empty());
}

/// What an organization decides while a slow commit is on its way can grow to megabytes.
pub async fn a_large_commit_comes_back_as_it_was(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    let orders = (0..100).map(|n| {
        let mut order = open_incident(n, Vec::new());
        if let crate::domain::Command::OpenIncident(new) = &mut order.command {
            new.update = Some((update(n), "ü".repeat(20_000)));
        }
        order
    });
    writer.append(&*store, orders).await.unwrap();
    assert_eq!(load(&*store, 1).await.commits, writer.commits());
}

/// The one who did not see the last commit. What it brings is longer than what is there, and still nothing of it stays.
pub async fn a_stale_writer_loses_and_leaves_nothing(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    let mut stale = writer.twin(99);
    let before = writer.twin(98);
    writer.append(&*store, [create_service(1), create_service(2)]).await.unwrap();

    let longer = [create_service(11), create_service(12), create_service(13)];
    assert_eq!(stale.append(&*store, longer).await, Err(StoreError::Conflict), "beginning where another commit begins");
    let mut inside = before.clone();
    inside.commit([rename("seen by nobody")]);
    assert_eq!(inside.append(&*store, [rename("x")]).await, Err(StoreError::Conflict), "beginning inside another commit");
    assert_eq!(Writer::of(1).append(&*store, [create_organization(1)]).await, Err(StoreError::Conflict), "beginning at 1");

    store.settle().await.unwrap();
    let loaded = load(&*store, 1).await;
    assert_eq!(loaded.commits, writer.commits());
    assert_eq!(super::documents_of(&*store, 1).await, super::sorted(store.expected_documents(writer.org())));
    writer.append(&*store, [rename("goes on")]).await.unwrap();
}

/// A commit that does not follow the last one, though nothing is where it begins.
pub async fn a_hole_is_a_conflict(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writer = Writer::of(1);
    writer.commit([create_organization(1)]);
    assert_eq!(writer.append(&*store, [rename("a")]).await, Err(StoreError::Conflict), "in an organization without commits");
    assert!(load(&*store, 1).await.commits.is_empty());

    let mut writer = Writer::of(2);
    writer.append(&*store, [create_organization(2)]).await.unwrap();
    let stored = writer.commits().to_vec();
    writer.commit([rename("lost")]);
    assert_eq!(writer.append(&*store, [rename("b")]).await, Err(StoreError::Conflict), "behind the last commit");
    assert_eq!(load(&*store, 2).await.commits, stored);
    assert_eq!(store.organizations(None, 10).await.unwrap(), [org(2)]);
}

/// Exactly one, and the others are told.
pub async fn one_of_many_writers_wins(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    let mut twins: Vec<_> = (0..20).map(|tag| writer.twin(100 + tag)).collect();
    let appends = twins.iter_mut().enumerate().map(|(n, twin)| twin.append(&*store, [rename(format!("twin {n}"))]));
    let results = join_all(appends).await;
    let winners: Vec<_> = results.iter().enumerate().filter(|(_, result)| result.is_ok()).map(|(n, _)| n).collect();
    assert_eq!(winners.len(), 1, "{results:?}");
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(StoreError::Conflict))), "{results:?}");
    let winner = &twins[winners[0]];
    assert_eq!(load(&*store, 1).await.commits, winner.commits());
    assert_eq!(super::documents_of(&*store, 1).await, super::sorted(store.expected_documents(winner.org())));
}

/// Though they travel together.
pub async fn a_conflict_fails_only_its_own_organization(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writers: Vec<_> = (1..=30).map(Writer::of).collect();
    let created = writers.iter_mut().zip(1..).map(|(writer, n)| writer.append(&*store, [create_organization(n)]));
    assert!(join_all(created).await.iter().all(Result::is_ok));
    for writer in writers.iter_mut().step_by(3) {
        writer.commit([rename("never stored")]);
    }
    let renamed = writers.iter_mut().map(|writer| writer.append(&*store, [rename("renamed")]));
    for (n, result) in join_all(renamed).await.into_iter().enumerate() {
        assert_eq!(result, if n % 3 == 0 { Err(StoreError::Conflict) } else { Ok(()) }, "organization {}", n + 1);
    }
    for (n, writer) in (1..).zip(&writers) {
        let expected = if (n - 1) % 3 == 0 { &writer.commits()[..1] } else { writer.commits() };
        assert_eq!(load(&*store, n).await.commits, expected, "organization {n}");
    }
}

/// Many at once, each with one commit on its way.
pub async fn commits_of_many_organizations_come_back_in_order(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let lives = (1..=20).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut writer = Writer::of(n);
            writer.append(&*store, [create_organization(n)]).await.unwrap();
            for step in 0..10 {
                writer.append(&*store, [rename(format!("step {step}"))]).await.unwrap();
            }
            writer
        })
    });
    for (n, writer) in (1..).zip(join_all(lives).await) {
        let writer = writer.unwrap();
        assert_eq!(load(&*store, n).await.commits, writer.commits(), "organization {n}");
        assert_eq!(super::documents_of(&*store, n).await, super::sorted(store.expected_documents(writer.org())));
    }
}

/// Also from the middle of a commit, which then comes whole.
pub async fn commits_are_read_from_any_point(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let writer = stored(&*store, 1).await;
    stored(&*store, 2).await;
    for after in 0..=writer.seq() + 1 {
        let expected: Vec<_> = writer.commits().iter().filter(|commit| commit.last > after).cloned().collect();
        assert_eq!(store.commits_after(org(1), after, 100).await.unwrap(), expected, "after {after}");
        for limit in [0, 1, 2] {
            let cut = &expected[..limit.min(expected.len())];
            assert_eq!(store.commits_after(org(1), after, limit).await.unwrap(), cut, "after {after}, at most {limit}");
        }
    }
    assert!(store.commits_after(org(1), u64::MAX, 10).await.unwrap().is_empty());
}

/// And only the commits behind it are read.
pub async fn a_snapshot_and_its_tail_give_the_organization(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writer = stored(&*store, 1).await;
    let snapshot = writer.org().clone();
    store.save_snapshot(snapshot.clone().into());
    store.settle().await.unwrap();
    let loaded = load(&*store, 1).await;
    assert_eq!(loaded.snapshot, Some(snapshot.clone()));
    assert!(loaded.commits.is_empty(), "{:?}", loaded.commits);
    writer.append(&*store, [create_service(7), rename("tail")]).await.unwrap();
    let loaded = load(&*store, 1).await;
    assert_eq!(loaded.snapshot, Some(snapshot));
    assert_eq!(loaded.commits, writer.commits()[writer.commits().len() - 1..]);
    assert_eq!(replay(org(1), &loaded), *writer.org());
}

/// Snapshots may overtake each other on their way.
pub async fn an_older_snapshot_never_replaces_a_newer_one(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut writer = stored(&*store, 1).await;
    let older = writer.org().clone();
    writer.append(&*store, [rename("newer")]).await.unwrap();
    store.save_snapshot(writer.org().clone().into());
    store.settle().await.unwrap();
    store.save_snapshot(older.into());
    store.settle().await.unwrap();
    assert_eq!(load(&*store, 1).await.snapshot.as_ref(), Some(writer.org()));
}

/// Commits, snapshots and documents, also what was answered just before closing.
pub async fn everything_is_there_after_opening_again(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let writer = stored(&*store, 1).await;
    let other = stored(&*store, 2).await;
    store.save_snapshot(other.org().clone().into());
    store.settle().await.unwrap();
    let (mut third, commits) = busy(3);
    for (commit, after) in commits {
        append(&*store, commit, after).await.unwrap();
    }
    let store = fixture.reopen(store).await;
    assert_eq!(load(&*store, 1).await.commits, writer.commits());
    assert_eq!(load(&*store, 2).await.snapshot.as_ref(), Some(other.org()));
    assert_eq!(load(&*store, 3).await.commits, third.commits());
    assert_eq!(super::documents_of(&*store, 1).await, super::sorted(store.expected_documents(writer.org())));
    let mut stale = third.twin(99);
    third.append(&*store, [rename("goes on")]).await.unwrap();
    assert_eq!(stale.append(&*store, [rename("stale")]).await, Err(StoreError::Conflict));

    // Handed over and not waited for: a store that closes finishes what it took.
    let (commit, after) = third.commit([rename("last words")]);
    let (answer, answered) = tokio::sync::oneshot::channel();
    store.append(Append { commit, after, done: Box::new(move |result| drop(answer.send(result))) });
    let store = fixture.reopen(store).await;
    match answered.await.expect("a store answers every append, also while it closes") {
        Ok(()) => assert_eq!(load(&*store, 3).await.commits, third.commits()),
        Err(error) => panic!("a store that closes finishes what it took: {error}"),
    }
}
