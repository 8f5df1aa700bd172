//! What one audience of an organization is told: the recent frames, the page as of the last of them, and who listens.
//!
//! Everything happens under one lock: a frame is put into the log and handed to the writers, or a reader is given its
//! place and handed to a writer. So there is neither a gap nor a repeat between what a reader gets to begin with and
//! what it is told from then on. Nothing is encoded or written under it but what everybody waits for.

use super::{
    frame::Frame,
    writers::{Inbox, Message},
};
use crate::page::{Audience, Page, change::Change};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tocsin_actors::domain::{Commit, Org, OrgId, Seq, Step};
use tokio::sync::watch;

/// How many frames are kept for who comes back, and how many bytes: more than a snapshot usually has, and a snapshot is
/// what others get.
const MOST_FRAMES: usize = 256;
const MOST_BYTES: usize = 128 * 1024;

/// A feed's name among the writers; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FeedId(u64);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The place of a frame among all that a feed ever had.
pub(super) type Index = u64;

/// What a reader has already, as it says itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Had {
    /// In which life of the installation.
    pub epoch: String,
    /// Up to where.
    pub seq: Seq,
}

/// Where a reader begins.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it is sent first: a snapshot for who has nothing that can be gone on from.
    pub first: Option<Arc<Frame>>,
    /// The frame that comes then.
    pub next: Index,
}

/// The recent frames, as they are shared with a writer.
#[derive(Clone, Default, Debug)]
pub struct Log {
    /// The place of the first one.
    pub first: Index,
    /// They themselves.
    pub frames: VecDeque<Arc<Frame>>,
    bytes: usize,
}

impl Log {
    /// The place of the frame that is to come.
    pub fn end(&self) -> Index {
        self.first + self.frames.len() as Index
    }

    /// The frames from a place on; none where that is not there yet.
    pub fn from(&self, place: Index) -> impl Iterator<Item = &Arc<Frame>> {
        let skip = place.saturating_sub(self.first).min(self.frames.len() as Index);
        self.frames.range(skip as usize..)
    }

    /// Takes one more; the oldest ones make room for it.
    pub fn push(&mut self, frame: Arc<Frame>) {
        self.bytes += frame.size();
        self.frames.push_back(frame);
        while self.frames.len() > MOST_FRAMES || (self.bytes > MOST_BYTES && self.frames.len() > 1) {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.bytes -= oldest.size();
            self.first += 1;
        }
    }

    /// The place of the frame after this `seq`, if what is there goes on from it without a gap.
    fn after(&self, seq: Seq) -> Option<Index> {
        let place = self.frames.iter().position(|frame| frame.prev == Some(seq))?;
        Some(self.first + place as Index)
    }
}

/// What one audience is told.
pub struct Feed {
    /// Its name among the writers.
    pub id: FeedId,
    /// Whose.
    pub org: OrgId,
    audience: Audience,
    epoch: Arc<str>,
    state: Mutex<State>,
    /// For readers that are no sockets: the end of the log.
    news: watch::Sender<Index>,
}

struct State {
    log: Log,
    /// What a reader has who has all of the log.
    seq: Seq,
    /// The organization as of then.
    view: Arc<Org>,
    /// The page as of then, once somebody needed it.
    snapshot: Option<Arc<Frame>>,
    /// By writer: how many readers it has or is about to get.
    writers: Vec<(Inbox, usize)>,
    ended: bool,
}

impl Feed {
    pub(super) fn new(org: OrgId, audience: Audience, epoch: Arc<str>, view: Arc<Org>, writers: &[Inbox]) -> Self {
        let writers = writers.iter().map(|inbox| (inbox.clone(), 0)).collect();
        let state = State { log: Log::default(), seq: view.seq(), view, snapshot: None, writers, ended: false };
        let id = FeedId(NEXT.fetch_add(1, Ordering::Relaxed));
        Self { id, org, audience, epoch, state: Mutex::new(state), news: watch::Sender::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its audience is told of a commit.
    pub(super) fn committed(&self, before: &Org, commit: &Commit, after: &Arc<Org>) {
        let mut state = self.state();
        let mut tell = |step: Step<'_>| {
            if let Some(change) = Change::of(&step, self.audience) {
                let frame = Frame::event(self.org, &self.epoch, state.seq, &step, &change);
                state.seq = step.seq;
                state.push(self.id, Arc::new(frame));
            }
        };
        match Step::only(before, commit, after) {
            Some(step) => tell(step),
            None => before.clone().apply_telling(commit, &mut tell),
        }
        state.view = after.clone();
        state.snapshot = None;
        self.news.send_replace(state.log.end());
    }

    /// It is not known what happened: everybody gets the page as it is now.
    pub(super) fn start_again(&self, view: &Arc<Org>) {
        let mut state = self.state();
        (state.view, state.seq, state.snapshot) = (view.clone(), view.seq(), None);
        if let Some(snapshot) = self.snapshot(&mut state) {
            state.push(self.id, snapshot);
        }
        self.news.send_replace(state.log.end());
    }

    /// A reader that is to be written to by this writer: from now on it is told everything.
    pub fn join(&self, writer: usize, had: Option<&Had>) -> Option<(Place, Option<Log>)> {
        let mut state = self.state();
        let place = self.place(&mut state, had)?;
        let log = (state.writers[writer].1 == 0).then(|| state.log.clone());
        state.writers[writer].1 += 1;
        Some((place, log))
    }

    /// Readers of this writer are gone; says how many it has or is about to get.
    pub fn left(&self, writer: usize) -> usize {
        let mut state = self.state();
        state.writers[writer].1 -= 1;
        state.writers[writer].1
    }

    /// Where a reader begins that asks for its frames itself; and how it learns that there are more.
    pub fn watch(&self, had: Option<&Had>) -> Option<(Place, watch::Receiver<Index>)> {
        let mut state = self.state();
        Some((self.place(&mut state, had)?, self.news.subscribe()))
    }

    /// The frames from a place on, at most so many. Who is too far behind goes on with a snapshot.
    pub fn read(&self, from: Index, most: usize) -> Option<(Vec<Arc<Frame>>, Index)> {
        let mut state = self.state();
        if from < state.log.first {
            let place = self.newest(&mut state)?;
            return Some((place.first.into_iter().collect(), place.next));
        }
        let frames: Vec<_> = state.log.from(from).take(most).cloned().collect();
        let next = from + frames.len() as Index;
        Some((frames, next))
    }

    /// The page as it is, and the frame that comes after it: for who fell behind.
    pub fn catch_up(&self) -> Option<Place> {
        self.newest(&mut self.state())
    }

    /// The organization is gone, and so is whoever listened to it.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        for (inbox, readers) in &state.writers {
            if *readers > 0 {
                inbox.send(Message::Ended(self.id));
            }
        }
        self.news.send_replace(state.log.end());
    }

    /// Whether there is nothing more to come.
    pub fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Whether anybody listens.
    pub(super) fn is_followed(&self) -> bool {
        self.news.receiver_count() > 0 || self.state().writers.iter().any(|(_, readers)| *readers > 0)
    }

    fn place(&self, state: &mut State, had: Option<&Had>) -> Option<Place> {
        if state.ended {
            return None;
        }
        if let Some(had) = had.filter(|had| *had.epoch == *self.epoch) {
            if had.seq == state.seq {
                return Some(Place { first: None, next: state.log.end() });
            }
            if let Some(next) = state.log.after(had.seq) {
                return Some(Place { first: None, next });
            }
        }
        self.newest(state)
    }

    fn newest(&self, state: &mut State) -> Option<Place> {
        let first = Some(self.snapshot(state)?);
        Some(Place { first, next: state.log.end() })
    }

    fn snapshot(&self, state: &mut State) -> Option<Arc<Frame>> {
        if state.snapshot.is_none() {
            let page = Page { seq: state.seq, ..Page::of(&state.view, self.audience)? };
            state.snapshot = Some(Arc::new(Frame::snapshot(self.org, &self.epoch, &page)));
        }
        state.snapshot.clone()
    }
}

impl State {
    fn push(&mut self, feed: FeedId, frame: Arc<Frame>) {
        for (inbox, readers) in &self.writers {
            if *readers > 0 {
                inbox.send(Message::News(feed, frame.clone()));
            }
        }
        self.log.push(frame);
    }
}
