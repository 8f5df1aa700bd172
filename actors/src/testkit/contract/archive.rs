//! Promises about what exports read and imports write.

use super::{super::builders::*, Fixture};
use crate::{
    records::{Record, RecordKind},
    store::{AccountError, NameClaim, StoreError},
};

fn claim(name: &str, n: u64) -> NameClaim {
    NameClaim { name: name.parse().unwrap(), org: org(n), at: at(n as i64) }
}

/// In their order, domains among slugs, also those of organizations that never came to be.
pub async fn names_are_listed_in_pages(fixture: &impl Fixture) {
    let store = fixture.open().await;
    assert!(store.names(None, None, 10).await.unwrap().is_empty());
    let claims = [claim("a", 3), claim("a-1", 1), claim("a.example", 2), claim("b", 1), claim("b1", 5)];
    for claim in claims.iter().rev() {
        store.claim_name(claim.name.clone(), claim.org, claim.at).await.unwrap();
    }
    assert_eq!(store.names(None, None, 2).await.unwrap(), claims[..2]);
    assert_eq!(store.names(None, Some(claims[1].name.clone()), 2).await.unwrap(), claims[2..4]);
    assert_eq!(store.names(None, Some("aa".parse().unwrap()), 10).await.unwrap(), claims[3..]);
    assert!(store.names(None, Some(claims[4].name.clone()), 2).await.unwrap().is_empty());
    assert!(store.names(None, None, 0).await.unwrap().is_empty());
    // Those since the third second, also in pages.
    assert_eq!(store.names(Some(at(3)), None, 10).await.unwrap(), [claims[0].clone(), claims[4].clone()]);
    assert_eq!(store.names(Some(at(2)), None, 2).await.unwrap(), [claims[0].clone(), claims[2].clone()]);
    assert_eq!(store.names(Some(at(2)), Some(claims[2].name.clone()), 2).await.unwrap(), claims[4..]);
    assert!(store.names(Some(at(6)), None, 2).await.unwrap().is_empty());
    let store = fixture.reopen(store).await;
    assert_eq!(store.names(None, None, 10).await.unwrap(), claims);
    // Taken over is taken anew.
    store.take_over_name(claims[1].name.clone(), org(1), org(9), at(9)).await.unwrap();
    let taken = NameClaim { org: org(9), at: at(9), ..claims[1].clone() };
    assert_eq!(store.names(Some(at(6)), None, 2).await.unwrap(), [taken]);
}

/// However often, and never backwards.
pub async fn numbers_can_be_skipped_and_never_come_again(fixture: &impl Fixture) {
    let store = fixture.open().await;
    assert_eq!(store.last_number().await.unwrap(), 0);
    assert_eq!(store.next_number().await.unwrap(), 1);
    assert_eq!(store.last_number().await.unwrap(), 1);
    store.skip_numbers(70).await.unwrap();
    store.skip_numbers(9).await.unwrap();
    assert_eq!(store.last_number().await.unwrap(), 70);
    let store = fixture.reopen(store).await;
    assert_eq!(store.last_number().await.unwrap(), 70);
    assert_eq!(store.next_number().await.unwrap(), 71);
    assert_eq!(store.last_number().await.unwrap(), 71);
}

/// Its version included, once, and then it goes on as if it had always been there.
pub async fn a_record_is_restored_as_it_was(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let new = Record::new(RecordKind::Invite, user(1).uuid(), org(1).uuid(), Some(at(5)), &person(1)).unwrap();
    let old = Record { version: 7, ..new };
    store.restore_record(old.clone()).await.unwrap();
    assert_eq!(store.restore_record(old.clone()).await, Err(AccountError::IdTaken));
    assert_eq!(store.record(old.kind, old.id).await.unwrap(), Some(old.clone()));
    let next = old.changed(old.expires_at, &person(2)).unwrap();
    store.put_record(next.clone()).await.unwrap();
    assert_eq!(store.records_of(old.kind, old.owner, None, 9).await.unwrap(), [next]);
    store.forget_expired(at(6), 9).await.unwrap();
    assert_eq!(store.record(old.kind, old.id).await.unwrap(), None);
}

/// Who comes second is told; what was filled can be opened.
pub async fn a_store_is_filled_by_one_at_a_time(fixture: &impl Fixture) {
    let store = fixture.open().await;
    store.begin_import().await.unwrap();
    assert_eq!(store.begin_import().await, Err(StoreError::Conflict));
    store.skip_numbers(3).await.unwrap();
    store.end_import().await.unwrap();
    let store = fixture.reopen(store).await;
    assert_eq!(store.last_number().await.unwrap(), 3);
    store.begin_import().await.unwrap();
    store.end_import().await.unwrap();
}
