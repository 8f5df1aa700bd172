//! Who listens as a member, and whether they still may. Asked again when a session, a key or a membership ends here, and
//! now and then for what ends on another server.

use super::hub::Hub;
use crate::identity::{Caller, Ended, Who};
use futures::{StreamExt, future::BoxFuture};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};
use tocsin_actors::domain::{Org, OrgId, UserId};

/// Who decides who is who and may listen to what; `http` does.
pub trait Gate: Send + Sync {
    /// The organization with this id or slug.
    fn find<'a>(&'a self, word: &'a str) -> BoxFuture<'a, Result<Option<Arc<Org>>, Refusal>>;
    /// Whether somebody at this address may ask now: for who they are, or for an organization.
    fn may_ask(&self, client: IpAddr, who_they_are: bool) -> bool;
    /// Who has this token.
    fn known(&self, token: String) -> BoxFuture<'_, Result<Pass, Refusal>>;
    /// Whether this one may listen to an organization as a member does.
    fn may_listen(&self, pass: &Pass, org: &Org) -> bool;
    /// Whether they are still who they were. Unknown counts as yes: a database that is away ends no conversation.
    fn is_still<'a>(&'a self, pass: &'a Pass) -> BoxFuture<'a, bool>;
}

/// How many are looked at at once.
const AT_ONCE: usize = 16;

/// Who listens, and what they showed for it.
pub struct Pass {
    /// Who.
    pub caller: Caller,
    /// What they showed.
    pub token: crate::identity::Secret,
}

/// Why somebody may not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// What is done to somebody who may not listen any more.
type End = Box<dyn Fn() + Send + Sync>;

/// Everybody who listens as a member.
#[derive(Default)]
pub(super) struct Members {
    entries: Mutex<HashMap<u64, Arc<Entry>>>,
    next: AtomicU64,
}

struct Entry {
    org: OrgId,
    pass: Arc<Pass>,
    end: End,
}

/// Somebody's place among the members who listen; given back when dropped.
pub(super) struct Seated {
    members: Weak<Members>,
    number: u64,
}

impl Drop for Seated {
    fn drop(&mut self) {
        if let Some(members) = self.members.upgrade() {
            members.entries().remove(&self.number);
        }
    }
}

impl Members {
    fn entries(&self) -> MutexGuard<'_, HashMap<u64, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this one is asked again whether they may.
    pub(super) fn seat(self: &Arc<Self>, org: OrgId, pass: Arc<Pass>, end: End) -> Seated {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.entries().insert(number, Arc::new(Entry { org, pass, end }));
        Seated { members: Arc::downgrade(self), number }
    }

    /// Looks at those whom this is about, and ends what they may not have any more.
    pub(super) async fn look_again(&self, hub: &Hub, gate: &dyn Gate, about: About) {
        let concerned: Vec<_> = self.entries().values().filter(|entry| about.concerns(entry)).cloned().collect();
        let look = async |entry: Arc<Entry>| {
            let may = match hub.view(entry.org).await {
                Ok(Some(org)) => gate.may_listen(&entry.pass, &org) && gate.is_still(&entry.pass).await,
                Ok(None) => false,
                Err(_) => true,
            };
            if !may {
                (entry.end)();
            }
        };
        futures::stream::iter(concerned).for_each_concurrent(AT_ONCE, look).await;
    }
}

/// Whom something is about.
pub(super) enum About {
    Everybody,
    Ended(Ended),
    Membership(OrgId, Option<UserId>),
}

impl About {
    fn concerns(&self, entry: &Entry) -> bool {
        let caller = &entry.pass.caller;
        let is = |user: UserId| matches!(&caller.who, Who::User(who) if who.id == user);
        match self {
            Self::Everybody => true,
            Self::Ended(Ended::Session(session)) => caller.session == Some(*session),
            Self::Ended(Ended::User(user)) => is(*user),
            Self::Ended(Ended::Key(key)) => matches!(&caller.who, Who::Key { id, .. } if id == key),
            Self::Membership(org, user) => entry.org == *org && user.is_none_or(is),
        }
    }
}
