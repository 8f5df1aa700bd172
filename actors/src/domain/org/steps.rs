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
    /// What a commit did, event by event; `self` is before all of it. For one event alone, [`Step::only`] costs nothing.
    pub fn steps(&self, commit: &Commit) -> Vec<Org> {
        let mut reached = vec![self.clone()];
        for entry in &commit.entries {
            for event in &entry.events {
                let mut next = reached[reached.len() - 1].clone();
                next.seq += 1;
                next.apply_event(event, entry.at, entry.by);
                reached.push(next);
            }
        }
        reached
    }
}

impl<'a> Step<'a> {
    /// The step that is all of a commit.
    pub fn only(before: &'a Org, commit: &'a Commit, after: &'a Org) -> Option<Self> {
        let [entry] = commit.entries.as_slice() else { return None };
        let [event] = entry.events.as_slice() else { return None };
        Some(Self { seq: entry.seq, at: entry.at, event, before, after })
    }

    /// All steps of a commit, along the states that [`Org::steps`] gives.
    pub fn along(states: &'a [Org], commit: &'a Commit) -> Vec<Self> {
        let events = commit.entries.iter().flat_map(|entry| entry.events.iter().map(move |event| (entry.at, event)));
        let states = states.iter().zip(states.iter().skip(1));
        events.zip(states).map(|((at, event), (before, after))| Self { seq: after.seq, at, event, before, after }).collect()
    }
}
