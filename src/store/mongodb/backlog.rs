//! What the projector has still to write, joined per organization as it comes in.
//!
//! Bounded whatever happens: of an organization it holds the newest state and, of its commits, only those that touch
//! something that no other held one does. However long documents cannot be written, that is never more than there are
//! entities.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tocsin_actors::{
    domain::{Commit, Org, OrgId, event::Touched},
    store::StoreError,
};
use tokio::sync::{Notify, oneshot};

/// Who waits for a round of the projector.
pub(super) type Waiter = oneshot::Sender<Result<(), StoreError>>;

/// Filled by the appender and by callers, emptied by the projector.
#[derive(Default)]
pub(super) struct Backlog {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    work: Work,
    /// Nobody hands over anything any more.
    closed: bool,
    /// Nobody writes anything any more.
    abandoned: bool,
}

/// What one round has to do.
#[derive(Default)]
pub(super) struct Work {
    pub(super) orgs: HashMap<OrgId, Pending>,
    pub(super) waiters: Vec<Waiter>,
}

/// What one organization waits for.
#[derive(Default)]
pub(super) struct Pending {
    /// Every document anew, before anything else.
    pub(super) rewrite: Option<Arc<Org>>,
    /// The documents that some commits touched.
    pub(super) documents: Option<Documents>,
    /// A snapshot, after the documents.
    pub(super) snapshot: Option<Arc<Org>>,
}

/// Commits whose documents are to follow.
pub(super) struct Documents {
    /// Enough of the commits to know every document they touch. A commit may be left out when all it touches is
    /// touched by one held: what is written comes from `after`. Status changes are found
    /// by the number of the oldest held commit, which is old enough for all.
    pub(super) commits: Vec<Arc<Commit>>,
    touched: HashSet<Touched>,
    /// The newest state.
    pub(super) after: Arc<Org>,
}

impl Documents {
    fn new(after: Arc<Org>) -> Self {
        Self { commits: Vec::new(), touched: HashSet::new(), after }
    }

    fn add(&mut self, commit: Arc<Commit>) {
        let mut news = false;
        commit
            .entries
            .iter()
            .flat_map(|entry| &entry.events)
            .for_each(|event| event.touches(|one| news |= self.touched.insert(one)));
        if news {
            self.commits.push(commit);
        }
    }
}

impl Pending {
    /// Joins what came later to what came before; either may have come first to this call.
    fn join(&mut self, other: Self) {
        self.rewrite = newest(self.rewrite.take(), other.rewrite);
        self.snapshot = newest(self.snapshot.take(), other.snapshot);
        match (&mut self.documents, other.documents) {
            (_, None) => {}
            (none @ None, some) => *none = some,
            (Some(mine), Some(other)) => {
                other.commits.into_iter().for_each(|commit| mine.add(commit));
                if other.after.seq() >= mine.after.seq() {
                    mine.after = other.after;
                }
            }
        }
    }
}

fn newest(a: Option<Arc<Org>>, b: Option<Arc<Org>>) -> Option<Arc<Org>> {
    a.into_iter().chain(b).max_by_key(|org| org.seq())
}

impl Backlog {
    /// Documents shall follow these commits; `after` is the organization after the last of them.
    pub(super) fn documents(&self, commits: impl IntoIterator<Item = Arc<Commit>>, after: Arc<Org>) {
        let org = after.id();
        let mut documents = Documents::new(after);
        commits.into_iter().for_each(|commit| documents.add(commit));
        self.join(org, Pending { documents: Some(documents), ..Pending::default() });
    }

    /// A snapshot shall be kept, after the documents handed over so far.
    pub(super) fn snapshot(&self, org: Arc<Org>) {
        self.join(org.id(), Pending { snapshot: Some(org), ..Pending::default() });
    }

    /// Everything that is derived from commits shall be written anew.
    pub(super) async fn rewrite(&self, org: Arc<Org>) -> Result<(), StoreError> {
        self.join(org.id(), Pending { rewrite: Some(org.clone()), snapshot: Some(org), ..Pending::default() });
        self.settle().await
    }

    /// Waits for what was handed over so far. Fails when a round did; the work is not lost but tried again.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        let (waiter, written) = oneshot::channel();
        {
            let mut state = self.lock();
            if state.abandoned {
                drop(waiter);
            } else {
                state.work.waiters.push(waiter);
            }
        }
        self.changed.notify_one();
        written.await.unwrap_or_else(|_| Err(StoreError::Unavailable("it is closed".into())))
    }

    /// Nobody will hand over anything any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Nobody will take anything any more: whoever waits is told, and nothing is kept.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        state.work = Work::default();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Everything there is, as soon as there is something; none when there never will be.
    pub(super) async fn take(&self) -> Option<Work> {
        loop {
            {
                let mut state = self.lock();
                if !state.work.orgs.is_empty() || !state.work.waiters.is_empty() {
                    return Some(std::mem::take(&mut state.work));
                }
                if state.closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Lets work gather, unless somebody waits for it.
    pub(super) async fn rest(&self, time: Duration) {
        let urgent = async {
            loop {
                let notified = self.changed.notified();
                {
                    let state = self.lock();
                    if state.closed || !state.work.waiters.is_empty() {
                        return;
                    }
                }
                notified.await;
            }
        };
        let _ = tokio::time::timeout(time, urgent).await; // either way it is over
        self.changed.notify_one(); // what came meanwhile has been heard here
    }

    /// Puts back what could not be written, under what has come since.
    pub(super) fn put_back(&self, orgs: HashMap<OrgId, Pending>) {
        orgs.into_iter().for_each(|(org, pending)| self.join(org, pending));
    }

    fn join(&self, org: OrgId, pending: Pending) {
        let mut state = self.lock();
        if !state.abandoned {
            state.work.orgs.entry(org).or_default().join(pending);
        }
        drop(state);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tocsin_actors::testkit::builders::*;

    fn held(backlog: &Backlog) -> (usize, u64) {
        let state = backlog.lock();
        let documents = state.work.orgs[&org(1)].documents.as_ref().unwrap();
        (documents.commits.len(), documents.after.seq())
    }

    #[test]
    fn commits_that_touch_nothing_new_are_not_held() {
        let backlog = Backlog::default();
        let mut writer = Writer::of(1);
        let mut add = |orders: Vec<_>| {
            let (commit, after) = writer.commit(orders);
            backlog.documents([commit], after);
            held(&backlog)
        };
        assert_eq!(add(vec![create_organization(1)]), (1, 1));
        for n in 2..100 {
            assert_eq!(add(vec![rename(format!("name {n}"))]), (1, n));
        }
        assert_eq!(add(vec![create_service(1)]).0, 2);
    }

    #[tokio::test]
    async fn what_is_put_back_goes_under_what_came_since() {
        let backlog = Backlog::default();
        let mut writer = Writer::of(1);
        let (first, old) = writer.commit([create_organization(1), create_service(1)]);
        backlog.documents([first], old.clone());
        backlog.snapshot(old);
        let taken = backlog.take().await.unwrap();
        let (second, new) = writer.commit([create_service(2)]);
        backlog.documents([second], new.clone());
        backlog.snapshot(new.clone());
        backlog.put_back(taken.orgs);
        assert_eq!(held(&backlog), (2, new.seq()));
        assert_eq!(backlog.lock().work.orgs[&org(1)].snapshot.as_ref().unwrap().seq(), new.seq());
    }

    #[tokio::test]
    async fn who_waits_for_documents_cuts_the_rest_short() {
        let backlog = Arc::new(Backlog::default());
        let (commit, after) = Writer::of(1).commit([create_organization(1)]);
        backlog.documents([commit], after);
        let resting = tokio::time::timeout(Duration::from_millis(20), backlog.rest(Duration::from_secs(3_600))).await;
        assert!(resting.is_err(), "work alone does not end a rest");
        let waiting = tokio::spawn({
            let backlog = backlog.clone();
            async move { backlog.settle().await }
        });
        backlog.rest(Duration::from_secs(3_600)).await;
        backlog.take().await.unwrap().waiters.pop().unwrap().send(Ok(())).unwrap();
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_closed_backlog_is_emptied_before_it_ends() {
        let backlog = Backlog::default();
        let (commit, after) = Writer::of(1).commit([create_organization(1)]);
        backlog.documents([commit], after);
        backlog.close();
        assert_eq!(backlog.take().await.unwrap().orgs.len(), 1);
        assert!(backlog.take().await.is_none());
    }

    #[tokio::test]
    async fn nobody_waits_for_an_abandoned_backlog() {
        let backlog = Arc::new(Backlog::default());
        let (early, ready) = (backlog.clone(), Arc::new(Notify::new()));
        let waiting = tokio::spawn({
            let ready = ready.clone();
            async move {
                ready.notify_one();
                early.settle().await
            }
        });
        ready.notified().await;
        backlog.abandon();
        assert!(waiting.await.unwrap().is_err());
        assert!(backlog.settle().await.is_err());
        let (_, after) = Writer::of(1).commit([create_organization(1)]);
        backlog.snapshot(after);
        assert!(backlog.lock().work.orgs.is_empty());
    }
}
