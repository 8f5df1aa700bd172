//! Whether the store is away, and since when: who is shown what was kept is told so.

use super::Api;
use std::{
    sync::{
        Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tocsin_actors::domain::Timestamp;

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(2);
/// How long it may take to answer.
const WITHIN: Duration = Duration::from_secs(2);
/// So often in a row it must not have answered: a store that is only busy is late once, and every page would be made anew.
const MISSES: u32 = 2;
/// It answers.
const NOT_AWAY: i64 = 0;

/// Knows.
#[derive(Default)]
pub struct Outage(AtomicI64);

impl Outage {
    /// When the store last answered, if it does not now.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let since = self.0.load(Ordering::Relaxed);
        (since != NOT_AWAY).then(|| Timestamp::from_millis(since))
    }
}

/// How often names that another process gave and took are read, in turns of that.
const NAMES_EVERY: u32 = 15;

/// Asks the store, as long as there is a server.
pub async fn watch(api: Weak<Api>) {
    let (mut last_well, mut turn, mut missed) = (None, 0_u32, 0_u32);
    while let Some(api) = api.upgrade() {
        turn += 1;
        if turn.is_multiple_of(NAMES_EVERY) {
            api.names.refresh().await;
        }
        let answer = tokio::time::timeout(WITHIN, api.store.answers()).await;
        if matches!(answer, Ok(Ok(()))) {
            (last_well, missed) = (Some(api.clock.now()), 0);
            api.outage.0.store(NOT_AWAY, Ordering::Relaxed);
        } else {
            let since = *last_well.get_or_insert_with(|| api.clock.now());
            missed += 1;
            if missed >= MISSES {
                api.outage.0.store(since.millis(), Ordering::Relaxed);
            }
        }
        drop(api);
        tokio::time::sleep(EVERY).await;
    }
}
