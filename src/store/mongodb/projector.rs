//! The task that makes documents and snapshots follow the commits.
//!
//! It works in rounds: everything that came in while the previous one was written, each document once and as of the
//! newest commit, however many touched it. What fails stays in the backlog and is tried again, with growing pauses.

use super::{
    backlog::{Backlog, Pending, Work},
    database::Database,
    slices::Slice,
};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};
use tocsin_actors::{domain::OrgId, store::StoreError};

/// The pause after each round. Documents come a moment later and many at once: rounds that follow each other without a
/// pause rewrite the same few documents of a busy organization hundreds of times a second, and every commit waits for it.
const REST: Duration = Duration::from_millis(10);

/// The first pause after a failed round: about the time a new primary needs to take over.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause. Documents are behind anyway by then; a few seconds more do not matter, but a database that has
/// just come back is not to be greeted by a hundred retries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often a store that is being closed tries to write its last documents. What is left is caught up from the commits
/// when the organization is next brought to life.
const LAST_TRIES: u32 = 3;

/// Writes what the backlog holds until it is closed and empty.
pub(super) struct Projector {
    database: Database,
    backlog: Arc<Backlog>,
}

/// However it ends, nobody shall wait for it.
impl Drop for Projector {
    fn drop(&mut self) {
        self.backlog.abandon();
    }
}

type Organizations = HashMap<OrgId, Pending>;

impl Projector {
    pub(super) fn new(database: Database, backlog: Arc<Backlog>) -> Self {
        Self { database, backlog }
    }

    pub(super) async fn run(self) {
        let mut pause = FIRST_PAUSE;
        let mut failures = 0;
        while let Some(Work { orgs, waiters }) = self.backlog.take().await {
            let (outcome, left) = self.round(orgs).await;
            waiters.into_iter().for_each(|waiter| drop(waiter.send(outcome.clone()))); // who left does not mind
            let Err(error) = outcome else {
                (pause, failures) = (FIRST_PAUSE, 0);
                self.backlog.rest(REST).await;
                continue;
            };
            failures += 1;
            if self.backlog.is_closed() && failures >= LAST_TRIES {
                tracing::warn!(organizations = left.len(), %error, "documents stay behind their commits");
                return;
            }
            tracing::warn!(organizations = left.len(), failures, %error, "documents could not be written, trying again");
            self.backlog.put_back(left);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Writes all it can. Answers what it could not, and the first reason.
    async fn round(&self, orgs: Organizations) -> (Result<(), StoreError>, Organizations) {
        let mut outcome = Ok(());
        let mut left = HashMap::new();
        let mut orgs = orgs.into_iter();
        loop {
            let mut slice = Slice::default();
            let mut held = HashMap::new();
            while !slice.is_full()
                && let Some((org, pending)) = orgs.next()
            {
                // One organization's documents must not take everybody's projector away.
                let added = catch_unwind(AssertUnwindSafe(|| slice.add(&pending)));
                if let Err(error) = added.unwrap_or_else(|_| Err(StoreError::Corrupt("making its documents panicked".into()))) {
                    tracing::error!(%org, %error, "documents cannot be made");
                    outcome = outcome.and(Err(error));
                }
                held.insert(org, pending);
                // Writing documents out is work for the processor, and others want it too.
                tokio::task::yield_now().await;
            }
            if held.is_empty() {
                return (outcome, left);
            }
            match slice.write(&self.database).await {
                Ok(failed) => {
                    for (org, reason) in failed {
                        tracing::error!(%org, reason, "document was refused");
                        left.extend(held.remove_entry(&org));
                        outcome = outcome.and(Err(StoreError::Unavailable(reason)));
                    }
                }
                Err(error) => {
                    left.extend(held);
                    left.extend(orgs);
                    return (outcome.and(Err(error)), left);
                }
            }
        }
    }
}
