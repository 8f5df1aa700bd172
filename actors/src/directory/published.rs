//! What everybody may see of an organization without asking its actor: the newest durable view, and the way to the
//! actor. Outlives the actor, so that reads go on while a crashed one is loaded again.

use crate::{
    domain::{Commit, Org, OrgId, Timestamp},
    org::OrgMsg,
};
use ractor::ActorRef;
use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// When the process began to look at clocks; idle times are kept as milliseconds since then.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Who is told what happens to an organization: when it is durable and everybody can see it, and before its author is
/// answered. Told one after the other, in order, on the actor's own time: what takes long is done elsewhere.
pub trait Listener: Send + Sync {
    /// This commit took it from one state to the next. Who began to listen meanwhile may have seen that already, and can
    /// tell by its `seq`.
    fn committed(&self, before: &Org, commit: &Commit, after: &Arc<Org>);
    /// It was loaded anew: usually the same, but something may have happened that nobody here was told of.
    fn loaded(&self, view: &Arc<Org>);
}

/// Who is told when the view of an organization is let go because nobody asked for it, and may keep of it what is small.
pub trait Farewell: Send + Sync {
    /// It was like this. Told on the directory's own time: what takes long is done elsewhere.
    fn forgotten(&self, last: Arc<Org>);
}

/// What happened last, for who wants to tell it again: an organization, and what has become of it since.
#[derive(Clone, Debug)]
pub struct Recent {
    /// Before all of it.
    pub before: Arc<Org>,
    /// What happened, in order; the last one is what everybody sees.
    pub commits: Vec<Arc<Commit>>,
}

/// How many events are told again at most: who was away for longer is better off with how things are now.
pub(crate) const MOST_RECENT: u64 = 64;

/// One organization's place in the directory.
#[derive(Default)]
pub struct Published {
    view: RwLock<Option<Arc<Org>>>,
    /// Of what was read when it was loaded, and what followed, until that is too much.
    recent: Mutex<Option<Recent>>,
    listeners: Mutex<Vec<Weak<dyn Listener>>>,
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
    /// The newest events, as far as they are at hand.
    pub fn recent(&self) -> Option<Recent> {
        self.locked_recent().clone()
    }
    fn locked_recent(&self) -> MutexGuard<'_, Option<Recent>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// From here on everybody sees what was loaded.
    pub(crate) fn publish_loaded(&self, view: &Arc<Org>, recent: Option<Recent>) {
        *self.locked_recent() = recent;
        self.replace_view(view);
        self.listeners().iter().for_each(|listener| listener.loaded(view));
    }
    /// From here on everybody sees what a commit has done.
    pub(crate) fn publish_commit(&self, commit: &Arc<Commit>, view: &Arc<Org>) {
        self.remember(commit);
        let before = self.replace_view(view);
        let Some(before) = before.filter(|before| before.seq() + 1 == commit.first) else {
            return self.listeners().iter().for_each(|listener| listener.loaded(view));
        };
        self.listeners().iter().for_each(|listener| listener.committed(&before, commit, view));
    }
    fn remember(&self, commit: &Arc<Commit>) {
        let mut recent = self.locked_recent();
        recent.take_if(|recent| commit.last - recent.before.seq() > MOST_RECENT);
        recent.iter_mut().for_each(|recent| recent.commits.push(commit.clone()));
    }
    fn replace_view(&self, view: &Arc<Org>) -> Option<Arc<Org>> {
        self.view.write().unwrap_or_else(PoisonError::into_inner).replace(view.clone())
    }
    /// Tells this listener from now on, for as long as somebody holds it. What is published afterwards is told; what was
    /// before can be seen.
    pub(super) fn listen(&self, listener: &Arc<dyn Listener>) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(listener));
    }
    pub(super) fn is_listened_to(&self) -> bool {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().any(|listener| listener.strong_count() > 0)
    }
    fn listeners(&self) -> Vec<Arc<dyn Listener>> {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().filter_map(Weak::upgrade).collect()
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
pub(super) struct Slots(RwLock<HashMap<OrgId, Arc<Published>>>, OnceLock<Weak<dyn Farewell>>);

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
        if slots.get(&org).is_none_or(|published| Arc::strong_count(published) > 1 || published.is_listened_to()) {
            return;
        }
        let last = slots.remove(&org).and_then(|published| published.view());
        drop(slots);
        if let (Some(keeper), Some(last)) = (self.1.get().and_then(Weak::upgrade), last) {
            keeper.forgotten(last);
        }
    }
    pub(super) fn tell_farewells(&self, to: Weak<dyn Farewell>) {
        let _ = self.1.set(to);
    }
    /// The newest durable view of who is awake.
    pub(super) fn view(&self, org: OrgId) -> Option<Arc<Org>> {
        let published = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&org)?.clone();
        published.touch();
        published.view()
    }
    pub(super) fn all(&self) -> Vec<(OrgId, Arc<Published>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().map(|(org, published)| (*org, published.clone())).collect()
    }
    pub(super) fn awake(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().filter(|published| published.actor().is_some()).count()
    }
}
