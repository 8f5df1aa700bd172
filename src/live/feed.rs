//! What one audience of an organization is told: the recent frames, the page as of the last of them, and who listens.
//! A feed may also be somebody else's ([`Begins::WithWhatIsNext`]): then there is no page, and only what they say.
//!
//! Everything happens under one lock: a frame is put into the log and handed to the writers, or a reader is given its
//! place and handed to a writer. So there is neither a gap nor a repeat between what a reader gets to begin with and
//! what it is told from then on. Nothing is written down or sent under it.

use super::{
    frame::Frame,
    writers::{Follow, Inbox, Message},
};
use crate::page::{Audience, Page, change::Change};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tocsin_actors::domain::{Org, OrgId, Seq, Step};
use tokio::sync::watch;

/// How many frames are kept for who comes back, and how many bytes: more than a snapshot usually has, and a snapshot is
/// what others get.
const MOST_FRAMES: usize = 256;
const MOST_BYTES: usize = 128 * 1024;

/// How often a snapshot is written down that was old before it was done.
const MOST_VAIN: usize = 3;

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
pub(super) struct Log {
    /// The place of the first one.
    pub(super) first: Index,
    /// They themselves.
    pub(super) frames: VecDeque<Arc<Frame>>,
    bytes: usize,
}

impl Log {
    /// The place of the frame that is to come.
    pub(super) fn end(&self) -> Index {
        self.first + self.frames.len() as Index
    }

    /// The frames from a place on; none where that is not there yet.
    pub(super) fn from(&self, place: Index) -> impl Iterator<Item = &Arc<Frame>> {
        let skip = place.saturating_sub(self.first).min(self.frames.len() as Index);
        self.frames.range(skip as usize..)
    }

    /// Takes one more; the oldest ones make room for it.
    pub(super) fn push(&mut self, frame: Arc<Frame>) {
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

/// With what a reader begins who has nothing, or not enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Begins {
    /// With the page as this audience sees it: what comes then goes on from it.
    WithThePage(Audience),
    /// With whatever is said next. Who falls behind goes on with the oldest that is still there.
    WithWhatIsNext,
}

/// What one audience is told.
pub struct Feed {
    /// Its name among the writers.
    pub id: FeedId,
    /// Whose.
    pub org: OrgId,
    begins: Begins,
    /// In which life of the installation the numbers of its frames are counted, and for whom.
    pub(super) epoch: Arc<str>,
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
    pub(super) fn new(org: OrgId, audience: Audience, epoch: &str, view: Arc<Org>, writers: &[Inbox]) -> Self {
        // What one audience has is nothing for the other one to go on from.
        let epoch = format!("{epoch}-{}", if audience == Audience::Members { 'm' } else { 'p' });
        Self::beginning(Begins::WithThePage(audience), org, epoch, view, writers)
    }

    /// One without a page: its readers are told what is said while they listen, and what they say is heard by nobody.
    pub(super) fn of_words(org: OrgId, writers: &[Inbox]) -> Self {
        Self::beginning(Begins::WithWhatIsNext, org, String::new(), Arc::new(Org::new(org)), writers)
    }

    fn beginning(begins: Begins, org: OrgId, epoch: String, view: Arc<Org>, writers: &[Inbox]) -> Self {
        let writers = writers.iter().map(|inbox| (inbox.clone(), 0)).collect();
        let state = State { log: Log::default(), seq: view.seq(), view, snapshot: None, writers, ended: false };
        let id = FeedId(NEXT.fetch_add(1, Ordering::Relaxed));
        Self { id, org, begins, epoch: epoch.into(), state: Mutex::new(state), news: watch::Sender::new(0) }
    }

    /// Whether its readers speak our protocol, and are answered.
    pub(super) fn converses(&self) -> bool {
        self.begins != Begins::WithWhatIsNext
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its audience is told of some steps of its organization, and how that is then. Written down before anybody has
    /// to wait for it; only one at a time tells a feed something.
    pub(super) fn tell(&self, steps: &[Step<'_>], after: &Arc<Org>) {
        let Begins::WithThePage(audience) = self.begins else { return };
        let mut seq = self.state().seq;
        let mut frames = Vec::new();
        for step in steps {
            if let Some(change) = Change::of(step, audience) {
                frames.push(Arc::new(Frame::event(self.org, &self.epoch, seq, step, &change)));
                seq = step.seq;
            }
        }
        let mut state = self.state();
        frames.into_iter().for_each(|frame| state.push(self.id, frame));
        (state.seq, state.view, state.snapshot) = (seq, after.clone(), None);
        self.news.send_replace(state.log.end());
    }

    /// Says something that is no change of a page.
    pub(super) fn say(&self, text: &str) {
        let frame = Arc::new(Frame::words(text));
        let mut state = self.state();
        state.push(self.id, frame);
        self.news.send_replace(state.log.end());
    }

    /// It is not known what happened, or it is too much to tell: everybody gets the page as it is now.
    pub(super) fn start_again(&self, view: &Arc<Org>) {
        let snapshot = self.encoded(view, view.seq());
        let mut state = self.state();
        (state.view, state.seq) = (view.clone(), view.seq());
        state.snapshot.clone_from(&snapshot);
        if let Some(snapshot) = snapshot {
            state.push(self.id, snapshot);
        }
        self.news.send_replace(state.log.end());
    }

    /// Who has all that was told has everything up to here: numbers never go back, also not for who comes from before a
    /// restart and was told to have the last one of them.
    pub(super) fn reach(&self, seq: Seq) {
        let mut state = self.state();
        (state.seq, state.snapshot) = (state.seq.max(seq), None);
    }

    /// Gives a reader its place and hands it to its writer, both under one lock: from then on it is told everything.
    /// False when there is nothing to listen to any more.
    pub(super) fn join(self: &Arc<Self>, writer: usize, had: Option<&Had>, message: impl FnOnce(Follow) -> Message) -> bool {
        let mut state = self.ready(had);
        let Some(place) = self.place(&mut state, had) else { return false };
        let (inbox, readers) = &mut state.writers[writer];
        *readers += 1;
        inbox.send(message(Follow { feed: self.clone(), place }));
        true
    }

    /// A reader of this writer is gone; says how many it has or is about to get.
    pub fn left(&self, writer: usize) -> usize {
        let mut state = self.state();
        state.writers[writer].1 -= 1;
        state.writers[writer].1
    }

    /// The log as it is, for a writer that has none. What comes after it may be on its way to that already.
    pub(super) fn log(&self) -> Log {
        self.state().log.clone()
    }

    /// Where a reader begins that asks for its frames itself; and how it learns that there are more.
    pub fn watch(&self, had: Option<&Had>) -> Option<(Place, watch::Receiver<Index>)> {
        let mut state = self.ready(had);
        Some((self.place(&mut state, had)?, self.news.subscribe()))
    }

    /// The frames from a place on, at most so many. Who is too far behind goes on with a snapshot.
    pub fn read(&self, from: Index, most: usize) -> Option<(Vec<Arc<Frame>>, Index)> {
        let state = self.state();
        if from < state.log.first {
            drop(state);
            let place = self.catch_up()?;
            return Some((place.first.into_iter().collect(), place.next));
        }
        let frames: Vec<_> = state.log.from(from).take(most).cloned().collect();
        let next = from + frames.len() as Index;
        Some((frames, next))
    }

    /// What a reader has who has all that was told, and the organization as of then.
    pub(super) fn standing(&self) -> (Arc<Org>, Seq) {
        let state = self.state();
        (state.view.clone(), state.seq)
    }

    /// The page as it is, and the frame that comes after it: for who fell behind.
    pub fn catch_up(&self) -> Option<Place> {
        let mut state = self.ready(None);
        match self.begins {
            Begins::WithThePage(_) => self.newest(&mut state),
            Begins::WithWhatIsNext => Some(Place { first: None, next: state.log.first }),
        }
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

    /// Where a reader goes on that has something; nowhere when it cannot.
    fn goes_on(&self, state: &State, had: Option<&Had>) -> Option<Index> {
        let had = had.filter(|had| *had.epoch == *self.epoch)?;
        if had.seq == state.seq { Some(state.log.end()) } else { state.log.after(had.seq) }
    }

    fn place(&self, state: &mut State, had: Option<&Had>) -> Option<Place> {
        if state.ended {
            return None;
        }
        match self.goes_on(state, had) {
            Some(next) => Some(Place { first: None, next }),
            None if self.begins == Begins::WithWhatIsNext => Some(Place { first: None, next: state.log.end() }),
            None => self.newest(state),
        }
    }

    /// The state, with a snapshot in it if this reader needs one. That is written down without the lock, while others go
    /// on; when they are faster again and again, they have to wait.
    fn ready(&self, had: Option<&Had>) -> MutexGuard<'_, State> {
        for _ in 0..MOST_VAIN {
            let state = self.state();
            let needs_none = self.begins == Begins::WithWhatIsNext;
            if state.ended || needs_none || state.snapshot.is_some() || self.goes_on(&state, had).is_some() {
                return state;
            }
            let (view, seq) = (state.view.clone(), state.seq);
            drop(state);
            let snapshot = self.encoded(&view, seq);
            let mut state = self.state();
            if Arc::ptr_eq(&state.view, &view) && state.seq == seq {
                state.snapshot = snapshot;
                return state;
            }
        }
        self.state()
    }

    fn newest(&self, state: &mut State) -> Option<Place> {
        if state.snapshot.is_none() {
            state.snapshot = self.encoded(&state.view, state.seq);
        }
        Some(Place { first: Some(state.snapshot.clone()?), next: state.log.end() })
    }

    fn encoded(&self, view: &Org, seq: Seq) -> Option<Arc<Frame>> {
        let Begins::WithThePage(audience) = self.begins else { return None };
        let page = Page { seq, ..Page::of(view, audience)? };
        Some(Arc::new(Frame::snapshot(self.org, &self.epoch, &page)))
    }
}

impl State {
    fn push(&mut self, feed: FeedId, frame: Arc<Frame>) {
        let place = self.log.end();
        for (inbox, readers) in &self.writers {
            if *readers > 0 {
                inbox.send(Message::News(feed, place, frame.clone()));
            }
        }
        self.log.push(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_falls_behind_words_goes_on_with_the_oldest_that_is_still_there() {
        let feed = Feed::of_words(OrgId::new(uuid::Uuid::now_v7()), &[]);
        feed.say("before");
        let (place, _news) = feed.watch(None).unwrap();
        assert!(place.first.is_none(), "there is nothing to begin with");
        for number in 0..MOST_FRAMES + 10 {
            feed.say(&number.to_string());
        }
        let (missed, next) = feed.read(place.next, 1).unwrap();
        assert!(missed.is_empty());
        let (frames, end) = feed.read(next, MOST_FRAMES * 2).unwrap();
        let said: Vec<_> = frames.iter().map(|frame| frame.json().parse::<usize>().unwrap()).collect();
        assert_eq!(said, (10..MOST_FRAMES + 10).collect::<Vec<_>>());
        assert!(feed.read(end, 1).unwrap().0.is_empty());
        feed.end();
        assert!(feed.watch(None).is_none());
    }
}
