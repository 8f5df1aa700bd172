//! Promises about records: sessions, keys, invitations.

use super::{super::builders::*, Fixture};
use crate::{
    domain::{Timestamp, UserId},
    records::{Record, RecordKind},
    store::{AccountError, Store},
};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a record may say: a bit of everything that has a stored form of its own.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Body {
    user: UserId,
    at: Timestamp,
    note: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<i64>,
}

fn body(note: impl Into<String>) -> Body {
    Body { user: user(1), at: at(1), note: note.into(), left: None }
}

/// The n-th id; records need no kind of id of their own.
fn id(n: u64) -> Uuid {
    api_key(n).uuid()
}

fn owner(n: u64) -> Uuid {
    user(n).uuid()
}

/// The n-th session of somebody.
fn session(n: u64, of: u64) -> Record {
    record(RecordKind::Session, n, of, None)
}

fn record(kind: RecordKind, n: u64, of: u64, expires_at: Option<Timestamp>) -> Record {
    Record::new(kind, id(n), owner(of), expires_at, &body(format!("{} {n}", kind.name()))).unwrap()
}

async fn put(store: &dyn Store, records: impl IntoIterator<Item = Record>) {
    for record in records {
        store.put_record(record).await.unwrap();
    }
}

/// The numbers of the records of one kind that are there.
async fn numbers(store: &dyn Store, kind: RecordKind) -> Vec<u64> {
    let found = store.records(kind, None, 1_000).await.unwrap();
    found.iter().map(|record| (1..1_000).find(|n| id(*n) == record.id).unwrap()).collect()
}

/// With every field, of every kind.
pub async fn a_record_comes_back_as_it_was(fixture: &impl Fixture) {
    let store = fixture.open().await;
    for kind in RecordKind::ALL {
        let said = Body { left: Some(i64::MIN), ..body("Größe 🚨 \0 $end") };
        let new = Record::new(kind, id(1), Uuid::nil(), Some(at(-5)), &said).unwrap();
        assert_eq!(store.record(kind, id(1)).await.unwrap(), None);
        store.put_record(new.clone()).await.unwrap();
        let found = store.record(kind, id(1)).await.unwrap().unwrap();
        assert_eq!(found, new, "{kind:?}");
        assert_eq!(found.read::<Body>().unwrap(), said);
        let changed = found.changed(None, &body("")).unwrap();
        store.put_record(changed.clone()).await.unwrap();
        assert_eq!(store.record(kind, id(1)).await.unwrap(), Some(changed), "{kind:?}");
    }
    let large = Record::new(RecordKind::Answer, id(2), owner(1), None, &body("x".repeat(1 << 20))).unwrap();
    store.put_record(large.clone()).await.unwrap();
    assert_eq!(store.record(RecordKind::Answer, id(2)).await.unwrap(), Some(large));
}

/// Whoever comes second is told, and changes nothing.
pub async fn a_record_is_made_once(fixture: &impl Fixture) {
    let store = fixture.open().await;
    put(&*store, [session(1, 1)]).await;
    assert_eq!(store.put_record(session(1, 1)).await, Err(AccountError::IdTaken));
    assert_eq!(store.put_record(session(1, 2)).await, Err(AccountError::IdTaken));
    assert_eq!(store.record(RecordKind::Session, id(1)).await.unwrap(), Some(session(1, 1)));
    assert!(store.records_of(RecordKind::Session, owner(2), None, 10).await.unwrap().is_empty(), "a refused record leaves nothing");
    let racers = join_all((1..=10).map(|n| store.put_record(session(7, n)))).await;
    assert_eq!(racers.iter().filter(|result| result.is_ok()).count(), 1, "{racers:?}");
    assert!(racers.iter().all(|result| matches!(result, Ok(()) | Err(AccountError::IdTaken))), "{racers:?}");
}

/// Not an older one, not one that jumps, and none where there is nothing.
pub async fn only_the_next_version_replaces_a_record(fixture: &impl Fixture) {
    let store = fixture.open().await;
    put(&*store, [session(1, 1)]).await;
    let second = session(1, 1).changed(Some(at(9)), &body("second")).unwrap();
    store.put_record(second.clone()).await.unwrap();
    for version in [0, 2, 4, u64::MAX] {
        let stale = Record { version, owner: owner(2), ..session(1, 1) };
        assert_eq!(store.put_record(stale).await, Err(AccountError::Changed), "version {version}");
    }
    assert_eq!(store.record(RecordKind::Session, id(1)).await.unwrap(), Some(second.clone()));
    for version in [0, 2] {
        let never = Record { version, ..session(2, 1) };
        assert_eq!(store.put_record(never).await, Err(AccountError::Changed), "never made, version {version}");
    }
    assert_eq!(numbers(&*store, RecordKind::Session).await, [1]);
    store.delete_record(RecordKind::Session, id(1)).await.unwrap();
    let late = second.changed(None, &body("late")).unwrap();
    assert_eq!(store.put_record(late).await, Err(AccountError::Changed), "deleted");
}

/// Exactly one, and the others are told.
pub async fn one_of_many_writers_changes_a_record(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let mut current = session(1, 1);
    put(&*store, [current.clone()]).await;
    for round in 0..5 {
        let racers: Vec<_> = (0..10).map(|n| current.changed(None, &body(format!("{round} {n}"))).unwrap()).collect();
        let results = join_all(racers.iter().map(|racer| store.put_record(racer.clone()))).await;
        let winners: Vec<_> = racers.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(racer, _)| racer).collect();
        assert_eq!(winners.len(), 1, "{results:?}");
        assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(AccountError::Changed))), "{results:?}");
        current = store.record(RecordKind::Session, id(1)).await.unwrap().unwrap();
        assert_eq!(&current, winners[0]);
    }
}

/// By id, and by nobody else's; also when a record changes hands.
pub async fn records_are_listed_by_owner_in_pages(fixture: &impl Fixture) {
    let store = fixture.open().await;
    put(&*store, [5, 3, 1, 4, 2].map(|n| session(n, 1))).await;
    put(&*store, [8, 7, 6].map(|n| session(n, 2))).await;
    let page = async |of: u64, after: Option<u64>, limit: usize| {
        store.records_of(RecordKind::Session, owner(of), after.map(id), limit).await.unwrap()
    };
    assert_eq!(page(1, None, 2).await, [session(1, 1), session(2, 1)]);
    assert_eq!(page(1, Some(2), 2).await, [session(3, 1), session(4, 1)]);
    assert_eq!(page(1, Some(4), 2).await, [session(5, 1)]);
    assert!(page(1, Some(5), 2).await.is_empty() && page(1, None, 0).await.is_empty() && page(3, None, 9).await.is_empty());
    assert_eq!(page(2, Some(6), 9).await, [session(7, 2), session(8, 2)]);
    let handed = Record { version: 2, owner: owner(2), ..session(2, 1) };
    put(&*store, [handed.clone()]).await;
    assert_eq!(page(1, Some(1), 1).await, [session(3, 1)]);
    assert_eq!(page(2, None, 2).await, [handed, session(6, 2)]);
}

/// By id, whoever owns them.
pub async fn records_are_listed_in_pages(fixture: &impl Fixture) {
    let store = fixture.open().await;
    put(&*store, [5, 3, 1, 4, 2].map(|n| session(n, n % 2))).await;
    let page = async |after: Option<u64>, limit: usize| store.records(RecordKind::Session, after.map(id), limit).await.unwrap();
    assert_eq!(page(None, 2).await, [session(1, 1), session(2, 0)]);
    assert_eq!(page(Some(2), 2).await, [session(3, 1), session(4, 0)]);
    assert_eq!(page(Some(4), 2).await, [session(5, 1)]);
    assert!(page(Some(5), 2).await.is_empty() && page(None, 0).await.is_empty());
}

/// Though they have the same id and owner.
pub async fn records_of_different_kinds_are_apart(fixture: &impl Fixture) {
    let store = fixture.open().await;
    put(&*store, RecordKind::ALL.map(|kind| record(kind, 1, 1, None))).await;
    for kind in RecordKind::ALL {
        let only = [record(kind, 1, 1, None)];
        assert_eq!(store.record(kind, id(1)).await.unwrap().as_ref(), only.first());
        assert_eq!(store.records(kind, None, 10).await.unwrap(), only);
        assert_eq!(store.records_of(kind, owner(1), None, 10).await.unwrap(), only);
    }
    store.delete_record(RecordKind::ApiKey, id(1)).await.unwrap();
    for kind in RecordKind::ALL {
        let left = usize::from(kind != RecordKind::ApiKey);
        assert_eq!(store.records(kind, None, 10).await.unwrap().len(), left, "{kind:?}");
    }
}

/// From every list, and its id is free.
pub async fn a_deleted_record_is_gone(fixture: &impl Fixture) {
    let store = fixture.open().await;
    put(&*store, [record(RecordKind::Session, 1, 1, Some(at(1))), session(2, 1)]).await;
    store.delete_record(RecordKind::Session, id(1)).await.unwrap();
    store.delete_record(RecordKind::Session, id(1)).await.unwrap();
    assert_eq!(store.record(RecordKind::Session, id(1)).await.unwrap(), None);
    assert_eq!(store.records_of(RecordKind::Session, owner(1), None, 10).await.unwrap(), [session(2, 1)]);
    assert_eq!(numbers(&*store, RecordKind::Session).await, [2]);
    // Another one with its id is not the one that would have expired.
    put(&*store, [session(1, 2)]).await;
    store.forget_expired(at(100), 10).await.unwrap();
    assert_eq!(store.records_of(RecordKind::Session, owner(2), None, 10).await.unwrap(), [session(1, 2)]);
}

/// No more than asked for of each kind, whatever the time was before.
pub async fn expired_records_are_forgotten_and_no_others(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let long_ago = Timestamp::from_millis(-86_400_000);
    let expiries = [None, Some(at(9)), Some(at(10)), Some(at(11)), Some(long_ago), Some(at(1))];
    put(&*store, (1..).zip(expiries).map(|(n, expiry)| record(RecordKind::Session, n, 1, expiry))).await;
    put(&*store, (1..=3).map(|n| record(RecordKind::Answer, n, 1, Some(at(1))))).await;
    // One that lives longer by now, one that lives shorter, one that lives for ever.
    let renewed = [(6, Some(at(50))), (3, Some(at(2))), (2, None)];
    put(&*store, renewed.map(|(n, expiry)| Record { version: 2, ..record(RecordKind::Session, n, 1, expiry) })).await;
    store.forget_expired(at(1), 10).await.unwrap();
    assert_eq!(numbers(&*store, RecordKind::Session).await, [1, 2, 3, 4, 6]);
    assert_eq!(numbers(&*store, RecordKind::Answer).await, [1, 2, 3], "expiring now is not before now");
    store.forget_expired(at(10), 2).await.unwrap();
    assert_eq!(numbers(&*store, RecordKind::Session).await, [1, 2, 4, 6]);
    assert_eq!(numbers(&*store, RecordKind::Answer).await.len(), 1);
    store.forget_expired(at(10), 0).await.unwrap();
    assert_eq!(numbers(&*store, RecordKind::Answer).await.len(), 1);
    store.forget_expired(at(100), 10).await.unwrap();
    assert_eq!(numbers(&*store, RecordKind::Session).await, [1, 2]);
    assert!(numbers(&*store, RecordKind::Answer).await.is_empty());
    let owned = store.records_of(RecordKind::Session, owner(1), None, 10).await.unwrap();
    assert_eq!(owned.len(), 2, "{owned:?}");
}

/// Also the last change before closing.
pub async fn records_are_there_after_opening_again(fixture: &impl Fixture) {
    let store = fixture.open().await;
    put(&*store, RecordKind::ALL.map(|kind| record(kind, 1, 1, Some(at(1))))).await;
    put(&*store, [session(2, 1)]).await;
    let changed = session(2, 1).changed(None, &body("changed")).unwrap();
    put(&*store, [changed.clone()]).await;
    store.delete_record(RecordKind::Invite, id(1)).await.unwrap();
    let store = fixture.reopen(store).await;
    assert_eq!(store.record(RecordKind::Session, id(2)).await.unwrap(), Some(changed.clone()));
    assert_eq!(store.records_of(RecordKind::Session, owner(1), Some(id(1)), 10).await.unwrap(), [changed]);
    assert!(numbers(&*store, RecordKind::Invite).await.is_empty());
    assert_eq!(store.put_record(session(2, 1)).await, Err(AccountError::IdTaken));
    store.forget_expired(at(2), 10).await.unwrap();
    assert_eq!(numbers(&*store, RecordKind::Session).await, [2]);
    assert!(numbers(&*store, RecordKind::SigningKey).await.is_empty());
}
