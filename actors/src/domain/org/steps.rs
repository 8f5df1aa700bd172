//! A commit, event by event: for those who tell what happened, one thing after the other.

use super::Org;
use crate::domain::{
    event::{Commit, Event, Seq},
    time::Timestamp,
};

/// One event, with what was before and what is after it.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// Its place in the organization's life.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: &'a Event,
    /// Before it.
    pub before: &'a Org,
    /// After it.
    pub after: &'a Org,
}

impl Org {
    /// Records a commit and tells each of its events. For one event alone `after` costs nothing if the caller has it:
    /// see [`Step::only`].
    pub fn apply_telling(&mut self, commit: &Commit, mut tell: impl FnMut(Step<'_>)) {
        for entry in &commit.entries {
            let mut reached = self.clone();
            for event in &entry.events {
                let before = reached.clone();
                reached.seq += 1;
                reached.apply_event(event, entry.at, entry.by);
                tell(Step { seq: reached.seq, at: entry.at, event, before: &before, after: &reached });
            }
            self.apply(entry);
        }
    }
}

impl<'a> Step<'a> {
    /// The step that is all of a commit.
    pub fn only(before: &'a Org, commit: &'a Commit, after: &'a Org) -> Option<Self> {
        let [entry] = commit.entries.as_slice() else { return None };
        let [event] = entry.events.as_slice() else { return None };
        Some(Self { seq: entry.seq, at: entry.at, event, before, after })
    }
}
