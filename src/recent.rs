//! What was read a moment ago, so that not every request reads the store. Bounded in number and in age.
//!
//! Entries live in two generations. When the younger one is full it becomes the older one, and what was in that is
//! forgotten: no entry is ever searched for to be thrown away, and no flood of keys makes it larger.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tocsin_actors::domain::Timestamp;

/// A bounded memory of what was read.
pub(crate) struct Recent<K, V> {
    /// How old an entry may be.
    lifetime: Duration,
    /// How many entries a generation has.
    room: usize,
    inner: Mutex<Inner<K, V>>,
}

struct Inner<K, V> {
    young: HashMap<K, (Timestamp, V)>,
    old: HashMap<K, (Timestamp, V)>,
    changes: u64,
}

/// Taken before something is read from the store: what was read is remembered only if nothing was changed meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(u64);

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    pub(crate) fn new(lifetime: Duration, room: usize) -> Self {
        Self { lifetime, room, inner: Mutex::new(Inner { young: HashMap::new(), old: HashMap::new(), changes: 0 }) }
    }

    /// What is remembered and young enough. An entry from the future was written before the clock was set back.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: Timestamp) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let inner = self.inner();
        let (at, value) = inner.young.get(key).or_else(|| inner.old.get(key))?;
        let age = u128::try_from(now.since(*at)).ok()?;
        (age < self.lifetime.as_millis()).then(|| value.clone())
    }

    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.inner().changes)
    }

    /// Remembers what was read since the ticket was taken.
    pub(crate) fn put(&self, ticket: Ticket, key: K, value: V, now: Timestamp) {
        let mut inner = self.inner();
        if inner.changes != ticket.0 {
            return; // perhaps it was this one; it will be read again
        }
        if inner.young.len() >= self.room && !inner.young.contains_key(&key) {
            inner.old = std::mem::take(&mut inner.young);
        }
        inner.young.insert(key, (now, value));
    }

    /// Something was changed in the store: what was read before is not true any more.
    pub(crate) fn forget(&self, key: &K) {
        let mut inner = self.inner();
        inner.changes += 1;
        inner.young.remove(key);
        inner.old.remove(key);
    }

    fn inner(&self) -> MutexGuard<'_, Inner<K, V>> {
        // Nothing here panics in the middle of a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let inner = self.inner();
        inner.young.len() + inner.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn what_is_too_old_or_from_the_future_is_not_remembered() {
        let recent = Recent::new(Duration::from_millis(100), 10);
        recent.put(recent.ticket(), 1, "one", at(1_000));
        assert_eq!(recent.get(&1, at(1_099)), Some("one"));
        assert_eq!(recent.get(&1, at(1_100)), None);
        assert_eq!(recent.get(&1, at(999)), None, "the clock was set back");
    }

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let recent = Recent::new(Duration::from_secs(1), 10);
        let ticket = recent.ticket();
        recent.forget(&1);
        recent.put(ticket, 1, "stale", at(0));
        assert_eq!(recent.get(&1, at(0)), None);
    }

    #[test]
    fn a_flood_of_keys_does_not_make_it_grow() {
        let recent = Recent::new(Duration::from_secs(1), 10);
        (0..1_000).for_each(|key| recent.put(recent.ticket(), key, (), at(0)));
        assert!(recent.len() <= 20, "{}", recent.len());
        assert_eq!(recent.get(&999, at(0)), Some(()));
    }
}
