//! What rate limits remember of their keys, in bounded memory.
//!
//! The tables of `governor` grow with every key between two sweeps, and keys are what an attacker has most of. This one
//! has a fixed number of places and gives the one of the longest at rest among a few to who comes next: a flood of
//! addresses makes the limit forgetful, which no limit by address could prevent, but costs no memory.

use governor::{
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// So many locks: more than cores, so that they are hardly ever waited for.
const SHARDS: usize = 64;
/// How many are compared to find the one who is forgotten.
const COMPARED: usize = 8;

/// Keys, and until when each has used up its time.
pub(super) struct Table<K> {
    shards: Box<[Mutex<HashMap<K, Nanos>>]>,
    hasher: RandomState,
    places_per_shard: usize,
}

impl<K> Table<K> {
    /// A table with about so many places.
    pub(super) fn with_places(places: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            places_per_shard: places.div_ceil(SHARDS),
        }
    }

    fn each(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<K, Nanos>>> {
        self.shards.iter().map(lock)
    }
}

/// A panic while it was held left nothing half done: each change is one insertion.
fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Hash + Eq + Clone> StateStore for Table<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        let mut shard = lock(&self.shards[shard]);
        if let Some(until) = shard.get_mut(key) {
            let (outcome, later) = decide(Some(*until))?;
            *until = later;
            return Ok(outcome);
        }
        let (outcome, until) = decide(None)?;
        if shard.len() >= self.places_per_shard {
            let at_rest = shard.iter().take(COMPARED).min_by_key(|(_, until)| **until).map(|(key, _)| key.clone());
            at_rest.map(|key| shard.remove(&key));
        }
        shard.insert(key.clone(), until);
        Ok(outcome)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Table<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.each().for_each(|mut shard| shard.retain(|_, until| *until > drop_below));
    }
    fn shrink_to_fit(&self) {
        self.each().for_each(|mut shard| shard.shrink_to_fit());
    }
    fn len(&self) -> usize {
        self.each().map(|shard| shard.len()).sum()
    }
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_grows_beyond_its_places_and_keeps_the_busy() {
        let table = Table::with_places(SHARDS * 16);
        let put = |key: u32, until: u64| {
            let known = table.measure_and_replace(&key, |known| Ok::<_, ()>((known.is_some(), Nanos::new(until)))).unwrap();
            assert!(table.len() <= SHARDS * 16);
            known
        };
        assert!(!put(0, u64::MAX));
        for key in 1..20_000 {
            put(key, u64::from(key));
        }
        assert_eq!(table.len(), SHARDS * 16);
        assert!(put(0, u64::MAX), "the busiest of all was forgotten");
        assert_eq!(table.measure_and_replace(&0, |_| Err::<((), Nanos), _>("refused")), Err("refused"));
        table.retain_recent(Nanos::new(u64::MAX - 1));
        assert_eq!(table.len(), 1);
    }
}
