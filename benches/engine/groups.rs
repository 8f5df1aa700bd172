//! Counts how many commits share a durable write, from outside: answers of one group come in one go.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tocsin_actors::{
    domain::{Commit, Org, OrgId, Seq, Timestamp},
    store::{Append, CommitLog, Later, Loaded, Store},
};

/// Answers further apart than this belong to two groups; a durable write takes longer, telling one caller does not.
const GAP: Duration = Duration::from_micros(150);

/// A store that is watched.
pub(crate) struct Watched {
    store: Arc<dyn Store>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    commits: AtomicU64,
    groups: AtomicU64,
    last: Mutex<Option<Instant>>,
}

impl Watched {
    pub(crate) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, counts: Arc::default() })
    }
    pub(crate) fn begin(&self) {
        self.counts.commits.store(0, Ordering::Relaxed);
        self.counts.groups.store(0, Ordering::Relaxed);
    }
    /// Commits per group since `begin`.
    pub(crate) fn mean(&self) -> f64 {
        self.counts.commits.load(Ordering::Relaxed) as f64 / self.counts.groups.load(Ordering::Relaxed).max(1) as f64
    }
}

impl CommitLog for Watched {
    fn append(&self, append: Append) {
        let counts = self.counts.clone();
        let Append { commit, after, done } = append;
        let done = Box::new(move |result| {
            let mut last = counts.last.lock().unwrap();
            if last.is_none_or(|last| last.elapsed() > GAP) {
                counts.groups.fetch_add(1, Ordering::Relaxed);
            }
            counts.commits.fetch_add(1, Ordering::Relaxed);
            done(result);
            *last = Some(Instant::now());
        });
        self.store.append(Append { commit, after, done });
    }
    fn load(&self, org: OrgId) -> Later<'_, Loaded> {
        self.store.load(org)
    }
    fn commits_after(&self, org: OrgId, after: Seq, limit: usize) -> Later<'_, Vec<Commit>> {
        self.store.commits_after(org, after, limit)
    }
    fn project(&self, commits: Vec<Commit>, after: Arc<Org>) {
        self.store.project(commits, after);
    }
    fn save_snapshot(&self, org: Arc<Org>) {
        self.store.save_snapshot(org);
    }
    fn settle(&self) -> Later<'_, ()> {
        self.store.settle()
    }
    fn agenda(&self) -> Later<'_, Vec<(OrgId, Timestamp)>> {
        self.store.agenda()
    }
    fn ping(&self) -> Later<'_, ()> {
        self.store.ping()
    }
}
