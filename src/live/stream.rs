//! The live stream for readers that are no sockets of ours: they ask for the next frames when they are ready for them,
//! and get the newest page when they were away for too long.

use super::{
    feed::{Feed, Had, Index},
    frame::Frame,
    members::Seated,
};
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::watch;

/// How many frames are fetched at once.
const AT_ONCE: usize = 64;

/// Somebody who reads.
pub struct Reader {
    feed: Arc<Feed>,
    news: watch::Receiver<Index>,
    ready: VecDeque<Arc<Frame>>,
    next: Index,
    ended: watch::Receiver<bool>,
    closing: watch::Receiver<bool>,
    _seat: Option<Seated>,
}

impl Reader {
    pub(super) fn new(
        feed: Arc<Feed>,
        had: Option<&Had>,
        closing: watch::Receiver<bool>,
        seat: impl FnOnce(Box<dyn Fn() + Send + Sync>) -> Option<Seated>,
    ) -> Option<Self> {
        let (place, news) = feed.watch(had)?;
        let (end, ended) = watch::channel(false);
        let seat = seat(Box::new(move || {
            end.send_replace(true);
        }));
        Some(Self { feed, news, ready: place.first.into_iter().collect(), next: place.next, ended, closing, _seat: seat })
    }

    /// What a reader says who has this frame and comes back.
    pub fn id(&self, frame: &Frame) -> String {
        format!("{}:{}", self.feed.epoch, frame.seq)
    }

    /// The next frame; none when there will be no more.
    pub async fn next(&mut self) -> Option<Arc<Frame>> {
        loop {
            if *self.ended.borrow() || *self.closing.borrow() {
                return None;
            }
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            self.news.mark_unchanged();
            let (frames, next) = self.feed.read(self.next, AT_ONCE)?;
            self.next = next;
            self.ready.extend(frames);
            if !self.ready.is_empty() {
                continue;
            }
            if self.feed.has_ended() {
                return None;
            }
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                // Without a seat nobody can end it, and the sender is gone at once.
                Ok(()) = self.ended.changed() => {}
                closing = self.closing.changed() => closing.ok()?,
            }
        }
    }
}
