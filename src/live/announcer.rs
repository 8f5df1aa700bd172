//! Streams that are not ours: another protocol's words about an organization, encoded once for all who listen and written by
//! the same threads. Who listens begins with what is said next and cannot come back to where they were; what they say
//! themselves is heard by nobody.

use super::{
    Inner, Taken,
    feed::Feed,
    writers::{Message, Newcomer},
};
use std::sync::{Arc, Weak};

/// Whoever says something to all who listen to it. Clones are the same one.
#[derive(Clone)]
pub struct Announcer {
    /// What is said may still wait to be said when the server ends.
    live: Weak<Inner>,
    feed: Arc<Feed>,
}

impl Announcer {
    pub(super) fn new(live: Weak<Inner>, feed: Arc<Feed>) -> Self {
        Self { live, feed }
    }

    /// Says a text to everybody who listens now; in the order in which it is called.
    pub fn say(&self, text: &str) {
        self.feed.say(text);
    }

    /// Takes a socket over: it hears everything that is said from now on. One that comes after the end is closed.
    pub fn welcome(&self, taken: Taken, deflate: bool) {
        let Some(live) = self.live.upgrade() else { return };
        let Taken { stream, already, answer, client, keep } = taken;
        let writer = live.writers.next();
        let new = |follow| {
            let follow = Some(follow);
            let newcomer = Newcomer { stream, already, answer, client, deflate, follow, keep, remember: false, named: None };
            Message::Welcome(Box::new(newcomer))
        };
        let _ = self.feed.join(writer, None, new);
    }

    /// There is nothing more to say: everybody is sent away.
    pub fn end(&self) {
        self.feed.end();
    }
}
