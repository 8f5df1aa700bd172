//! Who is told what of an organization: for each that somebody listens to, a feed for each audience, fed by what its actor
//! publishes. They stay for a while when the last listener is gone, for those who come back.

use super::{feed::Feed, writers::Inbox};
use crate::page::Audience;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tocsin_actors::{
    directory::{Directory, Listener},
    domain::{Commit, Event, Org, OrgId, Step, UserId},
    org::OrgError,
};
use tokio::sync::{OnceCell, mpsc};

/// How long an organization's recent frames are kept when nobody listens.
const LINGERS: Duration = Duration::from_secs(120);

/// How many events of one commit are told one by one.
const MOST_EVENTS: u64 = 64;

/// Whose membership has ended, perhaps; everybody's, where it is not known what happened.
pub(super) type Removed = (OrgId, Option<UserId>);

/// All organizations that are listened to.
pub(super) struct Hub {
    directory: Directory,
    epoch: Arc<str>,
    writers: Vec<Inbox>,
    removed: mpsc::UnboundedSender<Removed>,
    channels: Mutex<HashMap<OrgId, Entry>>,
}

struct Entry {
    channel: Arc<Channel>,
    quiet_since: Option<Instant>,
}

/// An organization that is listened to.
pub(super) struct Channel {
    removed: mpsc::UnboundedSender<Removed>,
    state: Mutex<State>,
    opened: OnceCell<()>,
}

#[derive(Default)]
struct State {
    feeds: Option<[Arc<Feed>; 2]>,
    /// The newest that was seen: what is not newer was told already.
    view: Option<Arc<Org>>,
}

impl Hub {
    pub(super) fn new(directory: Directory, epoch: Arc<str>, writers: Vec<Inbox>, removed: mpsc::UnboundedSender<Removed>) -> Self {
        Self { directory, epoch, writers, removed, channels: Mutex::default() }
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// An organization as it is now; none that is gone.
    pub(super) async fn view(&self, org: OrgId) -> Result<Option<Arc<Org>>, OrgError> {
        Ok(Some(self.directory.view(org).await?).filter(|view| view.organization().is_some()))
    }

    /// The channel of an organization that is there. Held while somebody joins, so that it stays.
    pub(super) async fn channel(&self, org: OrgId) -> Result<Arc<Channel>, OrgError> {
        let new = || Channel { removed: self.removed.clone(), state: Mutex::default(), opened: OnceCell::new() };
        let entry = || Entry { channel: Arc::new(new()), quiet_since: None };
        let channel = self.channels().entry(org).or_insert_with(entry).channel.clone();
        channel.opened.get_or_try_init(|| self.open(org, &channel)).await?;
        Ok(channel)
    }

    async fn open(&self, org: OrgId, channel: &Arc<Channel>) -> Result<(), OrgError> {
        let listener: Arc<dyn Listener> = channel.clone();
        let view = self.directory.listen(org, &listener).await?;
        let recent = self.directory.recent(org);
        let mut state = channel.state();
        // Something may have happened since; that was not told to anybody, so it counts as what was there.
        let view = state.view.take().filter(|newer| newer.seq() > view.seq()).unwrap_or(view);
        let recent = recent.filter(|recent| recent.commits.last().is_some_and(|last| last.last == view.seq()));
        let begin = recent.as_ref().map_or(&view, |recent| &recent.before);
        let feed = |audience| Arc::new(Feed::new(org, audience, &self.epoch, begin.clone(), &self.writers));
        let feeds = Audience::ALL.map(feed);
        if let Some(recent) = recent {
            let mut before = recent.before.clone();
            for commit in &recent.commits {
                let mut after = (*before).clone();
                commit.entries.iter().for_each(|entry| after.apply(entry));
                let after = Arc::new(after);
                tell(&feeds, &before, commit, &after);
                before = after;
            }
        }
        feeds.iter().for_each(|feed| feed.reach(view.seq()));
        if view.organization().is_none() {
            feeds.iter().for_each(|feed| feed.end());
        }
        (state.feeds, state.view) = (Some(feeds), Some(view));
        Ok(())
    }

    /// Forgets the organizations that nobody has listened to for a while.
    pub(super) fn sweep(&self) {
        self.channels().retain(|_, entry| {
            // Somebody who is about to join holds the channel, and cannot get at it while this goes on.
            let used = Arc::strong_count(&entry.channel) > 1 || entry.channel.is_followed();
            if used {
                entry.quiet_since = None;
                return true;
            }
            entry.quiet_since.get_or_insert_with(Instant::now).elapsed() < LINGERS && !entry.channel.has_ended()
        });
    }

    /// How many organizations are listened to.
    pub(super) fn count(&self) -> usize {
        self.channels().len()
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<OrgId, Entry>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    /// What an audience is told.
    pub(super) fn feed(&self, audience: Audience) -> Option<Arc<Feed>> {
        let feeds = self.state().feeds.clone()?;
        let [public, members] = feeds;
        Some(if audience == Audience::Public { public } else { members })
    }

    fn is_followed(&self) -> bool {
        self.state().feeds.iter().flatten().any(|feed| feed.is_followed())
    }

    fn has_ended(&self) -> bool {
        self.state().feeds.iter().flatten().any(|feed| feed.has_ended())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Channel {
    fn committed(&self, before: &Org, commit: &Commit, after: &Arc<Org>) {
        let mut state = self.state();
        if state.view.as_ref().is_some_and(|known| commit.last <= known.seq()) {
            return;
        }
        let Some(feeds) = &state.feeds else {
            state.view = Some(after.clone());
            return;
        };
        let goes_on = state.view.as_ref().is_some_and(|known| known.seq() + 1 == commit.first);
        if goes_on {
            tell(feeds, before, commit, after);
        } else {
            feeds.iter().for_each(|feed| feed.start_again(after));
        }
        if after.organization().is_none() {
            feeds.iter().for_each(|feed| feed.end());
        }
        state.view = Some(after.clone());
        drop(state);
        for event in commit.entries.iter().flat_map(|entry| &entry.events) {
            if let Event::MemberRemoved { user, .. } = event {
                let _ = self.removed.send((commit.org, Some(*user))); // nobody looks any more while we shut down
            }
        }
    }

    fn loaded(&self, view: &Arc<Org>) {
        let mut state = self.state();
        if state.view.as_ref().is_some_and(|known| view.seq() <= known.seq()) {
            return;
        }
        for feed in state.feeds.iter().flatten() {
            feed.start_again(view);
            if view.organization().is_none() {
                feed.end();
            }
        }
        state.view = Some(view.clone());
        let _ = self.removed.send((view.id(), None)); // as above
    }
}

/// Tells all audiences of a commit, event by event; or, when that is more than anybody wants to hear, how things are then.
fn tell(feeds: &[Arc<Feed>; 2], before: &Org, commit: &Commit, after: &Arc<Org>) {
    if commit.last - commit.first >= MOST_EVENTS {
        return feeds.iter().for_each(|feed| feed.start_again(after));
    }
    if let Some(step) = Step::only(before, commit, after) {
        return feeds.iter().for_each(|feed| feed.tell(&[step], after));
    }
    let states = before.steps(commit);
    let steps = Step::along(&states, commit);
    feeds.iter().for_each(|feed| feed.tell(&steps, after));
}
