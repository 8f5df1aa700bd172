//! What is asked for, and what of it is decided but not durable: the batch that becomes the next commit.

use super::{OrgError, Reply};
use crate::domain::{Entry, Event, Order, Receipt, incident::Affected};
use std::sync::Arc;

/// How heavy a commit may be, in rough bytes, before the next request waits for another one: a document holds 16 MB, and
/// a reader of the log should not choke on one.
const HEAVIEST: usize = 1 << 20;
/// How heavy the orders of one request may be: they cannot be split. Public for those who can ask for less at once.
pub const HEAVIEST_REQUEST: usize = 8 << 20;
/// How many events a commit takes before the next request waits for another one. Commits of many organizations share a
/// durable write, so this is what one organization's flood may add to everybody's wait. Measured beside 10,000 queued
/// commands on the embedded store: a neighbour's p99 was 2.3 times its quiet one with 16, and is 1.7 times with 8; the
/// flooded organization gets 17 and 12 thousand commands a second.
const MOST_EVENTS: usize = 8;

/// A request and the way back to its author.
pub(super) struct Request {
    /// What is asked for.
    pub(super) orders: Arc<Vec<Order>>,
    /// How often it was decided in vain, because what it was decided on did not become durable.
    pub(super) vain: u32,
    pub(super) reply: Reply,
}

/// A request that is decided, and answered when that is durable.
pub(super) struct Waiting {
    pub(super) request: Request,
    pub(super) answer: Result<Vec<Receipt>, OrgError>,
}

impl Request {
    pub(super) fn send(self, answer: Result<Vec<Receipt>, OrgError>) {
        self.reply.send(answer);
    }
}

/// The next commit.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) entries: Vec<Entry>,
    pub(super) waiting: Vec<Waiting>,
    weight: usize,
    events: usize,
}

impl Batch {
    /// Adds what one request did, which stays together.
    pub(super) fn push(&mut self, entries: Vec<Entry>) {
        self.weight += entries.iter().map(weight).sum::<usize>();
        self.events += entries.iter().map(|entry| entry.events.len()).sum::<usize>();
        self.entries.extend(entries);
    }
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    pub(super) fn is_full(&self) -> bool {
        self.weight >= HEAVIEST || self.events >= MOST_EVENTS
    }
}

/// Whether what one request did can be stored at once.
pub(super) fn fits(entries: &[Entry]) -> bool {
    entries.iter().map(weight).sum::<usize>() <= HEAVIEST_REQUEST
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
            Event::MonitorCreated(_) | Event::MonitorChanged { .. } => 20_000,
            Event::TeamCreated { .. } | Event::TeamChanged { .. } | Event::GroupCreated { .. } | Event::GroupChanged { .. } => {
                20_000
            }
            _ => 0,
        }
    };
    entry.events.iter().map(event).sum()
}
