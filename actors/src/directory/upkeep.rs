//! What the directory does by itself, without being asked: it does what time made due, and puts the idle to sleep.

use super::{
    Published,
    actor::{Child, DirectoryMsg, DirectoryState, FORGIVEN_AFTER},
};
use crate::{
    domain::{OrgId, Timestamp},
    org::OrgMsg,
};
use ractor::ActorRef;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long a store that is well takes to answer.
const WELL_WITHIN: Duration = Duration::from_secs(2);
/// How long an organization that does not exist is remembered.
const NOTHING_SLEEPS_AFTER: Duration = Duration::from_secs(2);

impl DirectoryState {
    pub(super) fn put_on_agenda(&mut self, myself: &ActorRef<DirectoryMsg>, org: OrgId, at: Option<Timestamp>) {
        self.agenda.put(org, at);
        let wait = at.map(|at| Duration::from_millis(at.since(self.clock.now()).max(0).unsigned_abs()));
        if let Some(wait) = wait.filter(|wait| *wait < self.shared.settings.sweep_every) {
            myself.send_after(wait, || DirectoryMsg::Agenda);
        }
    }

    pub(super) fn do_what_is_due(&mut self, myself: &ActorRef<DirectoryMsg>) {
        for org in self.agenda.take_due(self.clock.now()) {
            self.tick(myself, org);
        }
    }

    /// Does what time made due, sends the idle to sleep, and comes back in time for the next date.
    pub(super) fn sweep(&mut self, myself: &ActorRef<DirectoryMsg>, done: Option<oneshot::Sender<()>>) {
        self.do_what_is_due(myself);
        let mut tired = Vec::new();
        for (org, published) in self.shared.slots.all() {
            match self.children.get(&org) {
                Some(Child::Awake) if self.may_sleep(&published) => tired.push(org),
                Some(_) => {}
                // Somebody held on to its place when it could have been forgotten, or asked for it in vain.
                None => {
                    drop(published);
                    self.shared.slots.forget(org);
                }
            }
        }
        let now = Instant::now();
        self.deaths.retain(|_, deaths| now.duration_since(deaths.last) <= FORGIVEN_AFTER);
        if done.is_none() {
            // Not asked for on top of the regular ones: the next one follows.
            let until_next = self.agenda.next().map(|at| at.since(self.clock.now()).max(0).unsigned_abs());
            let longest = self.shared.settings.sweep_every;
            let wait = until_next.map_or(longest, |ms| Duration::from_millis(ms).min(longest));
            myself.send_after(wait, || DirectoryMsg::Sweep { done: None });
        }
        if tired.is_empty() {
            done.map(|done| done.send(()));
            return;
        }
        // Nobody sleeps while the store is away, for nobody could wake it then, and what is in memory can be read.
        let (log, myself) = (self.shared.log.clone(), myself.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(WELL_WITHIN, log.ping()).await {
                Ok(Ok(())) => drop(myself.send_message(DirectoryMsg::Sleep { orgs: tired, done })),
                Ok(Err(_)) | Err(_) => drop(done.map(|done| done.send(()))),
            }
        });
    }

    fn may_sleep(&self, published: &Published) -> bool {
        let sleep_after = self.shared.settings.sleep_after;
        let patience = if published.is_nothing() { NOTHING_SLEEPS_AFTER.min(sleep_after) } else { sleep_after };
        !published.is_waited_for() && !published.is_listened_to() && published.idle_for() >= patience
    }

    pub(super) fn sleep(&mut self, orgs: Vec<OrgId>, done: Option<oneshot::Sender<()>>) {
        for org in orgs {
            let published = self.shared.slots.find_or_add(org);
            if matches!(self.children.get(&org), Some(Child::Awake)) && self.may_sleep(&published) {
                self.send_to_sleep(org, &published);
            }
        }
        done.map(|done| done.send(()));
    }

    fn tick(&mut self, myself: &ActorRef<DirectoryMsg>, org: OrgId) {
        match self.children.get_mut(&org) {
            None => self.start(myself, org, Vec::new(), true),
            Some(Child::Starting { tick, .. } | Child::Closing { tick, .. } | Child::Resting { tick, .. }) => *tick = true,
            Some(Child::Awake) => {
                if let Some(actor) = self.shared.slots.find_or_add(org).actor() {
                    let _ = actor.send_message(OrgMsg::Tick);
                }
            }
        }
    }

    pub(super) fn send_to_sleep(&mut self, org: OrgId, published: &Published) {
        let Some(actor) = published.actor() else { return };
        self.children.insert(org, Child::Closing { wakers: Vec::new(), tick: false });
        published.set_actor(None); // new callers wait for the next incarnation
        let _ = actor.send_message(OrgMsg::Close);
    }
}
