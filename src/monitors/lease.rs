//! Whose checks they are. Of several servers over one database it is the one that holds a record; it writes it anew for as
//! long as it lives, and gives it back when it ends. When nothing was heard of it for a while, another takes it.
//!
//! The holder stops [`MARGIN`] before another may begin, so that no check is made twice where clocks differ by less. While
//! the database is away, nobody checks: the holder cannot know whether it still is one. Work is not shared: one server
//! makes thousands of checks in a part of a core.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tocsin_actors::{
    domain::Timestamp,
    records::{Record, RecordKind},
    store::{AccountError, Store, StoreError},
};
use uuid::Uuid;

/// There is one for all monitors.
const LEASE: Uuid = Uuid::from_u128(0x6d6f_6e69_746f_7273);
/// How long it takes until somebody who died is missed.
const LASTS: Duration = Duration::from_secs(20);
/// When it is written anew: there is time to try again.
const RENEWED_AFTER: Duration = Duration::from_secs(8);
/// How far clocks may be apart.
const MARGIN: Duration = Duration::from_secs(5);

/// This server's part of it.
pub(super) struct Lease {
    store: Arc<dyn Store>,
    me: Uuid,
    held: Mutex<Option<Record>>,
}

impl Lease {
    /// For a server with a name that no other has.
    pub(super) fn new(store: Arc<dyn Store>, me: Uuid) -> Self {
        Self { store, me, held: Mutex::default() }
    }

    /// Whether nobody else can hold it.
    pub(super) fn is_held(&self, now: Timestamp) -> bool {
        self.held().and_then(|record| record.expires_at).is_some_and(|end| now < end.before(MARGIN))
    }

    /// Whether somebody else holds it.
    pub(super) async fn is_elsewhere(&self, now: Timestamp) -> Result<bool, StoreError> {
        if self.is_held(now) {
            return Ok(false);
        }
        Ok(self.store.record(RecordKind::Lease, LEASE).await?.is_some_and(|there| !self.is_free(&there, now)))
    }

    /// Takes it if nobody has it, and keeps it if we have it.
    pub(super) async fn hold(&self, now: Timestamp) -> Result<bool, StoreError> {
        let held = self.held();
        if held.as_ref().and_then(|record| record.expires_at).is_some_and(|end| now < end.before(LASTS - RENEWED_AFTER)) {
            return Ok(true);
        }
        let there = match held {
            Some(record) => Some(record),
            None => self.store.record(RecordKind::Lease, LEASE).await?,
        };
        let (until, nothing) = (Some(now.after(LASTS)), bson::doc! {});
        let new = match there {
            None => Record::new(RecordKind::Lease, LEASE, self.me, until, &nothing)?,
            Some(there) if self.is_free(&there, now) => Record { owner: self.me, ..there.changed(until, &nothing)? },
            Some(_) => return Ok(false),
        };
        let put = self.store.put_record(new.clone()).await;
        self.set(put.is_ok().then_some(new));
        match put {
            Ok(()) => Ok(true),
            Err(AccountError::IdTaken | AccountError::Changed) => Ok(false), // somebody was faster
            Err(AccountError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Unavailable(error.to_string())),
        }
    }

    /// Gives it back: the next one need not wait.
    pub(super) async fn release(&self, now: Timestamp) -> Result<(), AccountError> {
        let Some(held) = self.held() else { return Ok(()) };
        self.set(None);
        self.store.put_record(held.changed(Some(now), &bson::doc! {})?).await
    }

    fn is_free(&self, there: &Record, now: Timestamp) -> bool {
        there.owner == self.me || there.expires_at.is_none_or(|end| end <= now)
    }

    fn held(&self) -> Option<Record> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, held: Option<Record>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tocsin_actors::testkit::{MemoryStore, builders::at};

    /// Several servers over one store.
    fn servers<const N: usize>() -> [Lease; N] {
        let store = Arc::new(MemoryStore::new());
        std::array::from_fn(|n| Lease::new(store.clone(), Uuid::from_u128(n as u128 + 1)))
    }

    #[tokio::test]
    async fn one_holds_it_for_as_long_as_it_lives() {
        let [one, two] = servers();
        for second in (0..100).step_by(5) {
            assert!(one.hold(at(second)).await.unwrap() && one.is_held(at(second)), "{second}");
            assert!(!two.hold(at(second)).await.unwrap() && !two.is_held(at(second)), "{second}");
            assert!(two.is_elsewhere(at(second)).await.unwrap(), "{second}");
            assert!(!one.is_elsewhere(at(second)).await.unwrap(), "{second}");
        }
        one.release(at(100)).await.unwrap();
        assert!(!one.is_held(at(100)) && !two.is_elsewhere(at(100)).await.unwrap());
        assert!(two.hold(at(100)).await.unwrap());
        assert!(!one.hold(at(101)).await.unwrap());
    }

    #[tokio::test]
    async fn who_is_not_heard_of_has_stopped_before_another_begins() {
        let [one, two] = servers();
        assert!(one.hold(at(0)).await.unwrap());
        assert!(one.is_held(at(14)) && !one.is_held(at(15)));
        assert!(!two.hold(at(19)).await.unwrap());
        assert!(two.hold(at(20)).await.unwrap() && two.is_held(at(20)));
        assert!(!one.hold(at(21)).await.unwrap() && !one.is_held(at(21)), "it was away, and learns so");
        one.release(at(22)).await.unwrap();
        assert!(two.hold(at(30)).await.unwrap(), "nobody gives back what is not theirs");
    }

    #[tokio::test]
    async fn of_many_who_want_it_at_once_one_has_it() {
        let all = servers::<8>();
        for second in [0, 60] {
            let got = futures::future::join_all(all.iter().map(|one| one.hold(at(second)))).await;
            assert_eq!(got.into_iter().filter(|got| *got.as_ref().unwrap()).count(), 1, "{second}");
            assert_eq!(all.iter().filter(|one| one.is_held(at(second))).count(), 1, "{second}");
        }
    }
}
