//! What is decided but not durable: batches that wait for the commit before them, each to become one commit.

use super::{OrgError, Reply};
use crate::domain::{Entry, Event, Order, Org, Receipt, incident::Affected};
use std::{collections::VecDeque, sync::Arc};

/// How heavy a commit may be, in rough bytes: a document holds 16 MB, and a reader of the log should not choke on one.
const HEAVIEST: usize = 1 << 20;
/// How heavy the orders of one request may be: they cannot be split. Public for those who can ask for less at once.
pub const HEAVIEST_REQUEST: usize = 8 << 20;
/// How many events go into a commit, so that one flood does not make everybody's group commit slow.
const MOST_EVENTS: usize = 1_000;

/// A caller who is answered when the batch is durable.
pub(super) struct Waiting {
    /// What was asked for, to decide it again when another writer was faster.
    pub(super) orders: Arc<Vec<Order>>,
    /// What the answer will be.
    pub(super) answer: Result<Vec<Receipt>, OrgError>,
    /// How often another writer was faster.
    pub(super) conflicts: u32,
    pub(super) reply: Reply,
}

/// One commit to be.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) entries: Vec<Entry>,
    pub(super) waiting: Vec<Waiting>,
    weight: usize,
    events: usize,
    /// The head after this batch, kept when a later batch is begun.
    after: Option<Arc<Org>>,
}

impl Batch {
    /// The organization after this batch, given the newest head.
    pub(super) fn after(&self, head: &Arc<Org>) -> Arc<Org> {
        self.after.as_ref().unwrap_or(head).clone()
    }
}

/// The batches, oldest first. Only the last one still grows.
#[derive(Default)]
pub(super) struct Batches(VecDeque<Batch>);

impl Batches {
    /// Makes sure that entries which belong together fit into the last batch, by beginning a new one if need be.
    /// `head` is the organization before them.
    pub(super) fn make_room(&mut self, entries: &[Entry], head: &Arc<Org>) -> Result<(), OrgError> {
        let (weight, events) = measure(entries);
        if weight > HEAVIEST_REQUEST {
            return Err(OrgError::TooLarge);
        }
        let full =
            |batch: &Batch| !batch.entries.is_empty() && (batch.weight + weight > HEAVIEST || batch.events + events > MOST_EVENTS);
        match self.0.back_mut() {
            Some(last) if full(last) => {
                last.after = Some(head.clone());
                self.0.push_back(Batch::default());
            }
            Some(_) => {}
            None => self.0.push_back(Batch::default()),
        }
        Ok(())
    }

    /// Adds entries for which room was made.
    pub(super) fn push(&mut self, entries: Vec<Entry>) {
        let (weight, events) = measure(&entries);
        let last = self.0.back_mut().expect("room was made");
        last.entries.extend(entries);
        last.weight += weight;
        last.events += events;
    }

    /// Lets a caller wait for the last batch, if there is one.
    pub(super) fn wait(&mut self, waiting: Waiting) -> Result<(), Waiting> {
        match self.0.back_mut() {
            Some(last) => {
                last.waiting.push(waiting);
                Ok(())
            }
            None => Err(waiting),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Batch> {
        self.0.pop_front()
    }
    /// Everybody who waits, in order.
    pub(super) fn take_waiting(&mut self) -> Vec<Waiting> {
        self.0.drain(..).flat_map(|batch| batch.waiting).collect()
    }
}

fn measure(entries: &[Entry]) -> (usize, usize) {
    (entries.iter().map(weight).sum(), entries.iter().map(|entry| entry.events.len()).sum())
}

/// About how many bytes an entry will be: the long texts counted, the rest guessed generously.
pub fn weight(entry: &Entry) -> usize {
    let list = |affected: &[Affected]| affected.len() * 300;
    let event = |event: &Event| {
        600 + match event {
            Event::IncidentOpened(new) => {
                new.title.len()
                    + new.description.len()
                    + list(&new.affected)
                    + new.update.as_ref().map_or(0, |(_, message)| message.len())
            }
            Event::UpdatePosted(update) => update.message.len() + update.affected.len() * 300,
            Event::UpdateEdited { change, .. } => change.message.as_set().map_or(0, String::len),
            Event::PostmortemSet { body, .. } => body.len(),
            Event::IncidentChanged { change, .. } => {
                change.description.as_set().map_or(0, String::len) + change.affected.as_set().map_or(0, |affected| list(affected))
            }
            Event::ServicesReordered { ids } => ids.len() * 30,
            Event::GroupsReordered { ids } => ids.len() * 30,
            // Names, descriptions and metadata have small limits of their own.
            Event::OrganizationCreated(_)
            | Event::OrganizationChanged(_)
            | Event::ServiceCreated(_)
            | Event::ServiceChanged { .. } => 20_000,
            Event::TeamCreated { .. } | Event::TeamChanged { .. } | Event::GroupCreated { .. } | Event::GroupChanged { .. } => {
                20_000
            }
            _ => 0,
        }
    };
    entry.events.iter().map(event).sum()
}
