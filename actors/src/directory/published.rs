//! What everybody may see of an organization without asking its actor: the newest durable view, and the way to the
//! actor. Outlives the actor, so that reads go on while a crashed one is loaded again.

use crate::{
    domain::{Org, OrgId, Timestamp},
    org::OrgMsg,
};
use ractor::ActorRef;
use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// When the process began to look at clocks; idle times are kept as milliseconds since then.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// One organization's place in the directory.
#[derive(Default)]
pub struct Published {
    view: RwLock<Option<Arc<Org>>>,
    actor: RwLock<Option<ActorRef<OrgMsg>>>,
    due: Mutex<Option<Timestamp>>,
    used_at: AtomicU64,
    pub(super) waiting: AtomicUsize,
}

impl Published {
    /// The newest durable view.
    pub fn view(&self) -> Option<Arc<Org>> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// From here on everybody sees it.
    pub(crate) fn publish(&self, view: Arc<Org>) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Some(view);
    }
    /// Remembers when time will change something, and says whether that is news.
    pub(crate) fn due_changed(&self, due: Option<Timestamp>) -> bool {
        let mut known = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, due) != due
    }
    pub(super) fn actor(&self) -> Option<ActorRef<OrgMsg>> {
        self.actor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
    pub(super) fn set_actor(&self, actor: Option<ActorRef<OrgMsg>>) {
        *self.actor.write().unwrap_or_else(PoisonError::into_inner) = actor;
    }
    /// This actor is at its end; the next one who needs it asks the directory, which may not have heard of that yet.
    pub(super) fn ended(&self, actor: &ActorRef<OrgMsg>) {
        let mut current = self.actor.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| current.get_id() == actor.get_id()) {
            *current = None;
        }
    }
    /// Somebody wants something of it.
    pub(super) fn touch(&self) {
        let now = BEGINNING.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        self.used_at.store(now, Ordering::Relaxed);
    }
    pub(super) fn idle_for(&self) -> Duration {
        BEGINNING.elapsed().saturating_sub(Duration::from_millis(self.used_at.load(Ordering::Relaxed)))
    }
    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
    /// Nothing is known of an organization that was never made, or is deleted: not worth keeping.
    pub(super) fn is_nothing(&self) -> bool {
        self.view().is_some_and(|view| view.organization().is_none())
    }
}

/// Every organization that is awake, or was asked for a moment ago.
#[derive(Default)]
pub(super) struct Slots(RwLock<HashMap<OrgId, Arc<Published>>>);

impl Slots {
    pub(super) fn find_or_add(&self, org: OrgId) -> Arc<Published> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&org) {
            return known.clone();
        }
        self.0.write().unwrap_or_else(PoisonError::into_inner).entry(org).or_default().clone()
    }
    /// Forgets an organization, unless somebody holds on to its place: two places for one organization would be two
    /// actors.
    pub(super) fn forget(&self, org: OrgId) {
        let mut slots = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if slots.get(&org).is_some_and(|published| Arc::strong_count(published) == 1) {
            slots.remove(&org);
        }
    }
    pub(super) fn all(&self) -> Vec<(OrgId, Arc<Published>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().map(|(org, published)| (*org, published.clone())).collect()
    }
    pub(super) fn awake(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().filter(|published| published.actor().is_some()).count()
    }
}
