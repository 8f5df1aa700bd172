//! What a service's status has been: the audit of every change, from which uptime is computed.

use super::{
    entities::{Author, Cause, Number},
    status::ServiceStatus,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One change of a service's status.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StatusChange {
    /// Its number.
    pub number: Number,
    /// The status before; none when the service was made.
    pub from: Option<ServiceStatus>,
    /// The status after.
    pub to: ServiceStatus,
    /// What made it change.
    pub cause: Cause,
    /// What a person said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who.
    pub by: Author,
    /// When.
    pub at: Timestamp,
}

/// The changes of one service, oldest first. Times never go back: a change that claims to be older than the one
/// before it (two requests that overtook each other) takes that one's time, so that the last writer stays the last.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(VecDeque<StatusChange>);

impl History {
    /// How many changes are kept in memory for one service: a year of one flap every two hours. Older ones remain in
    /// the store, and the time before the oldest kept one counts as not observed.
    pub const MAX: usize = 4_400;

    /// Adds a change and answers it as it was kept.
    pub(super) fn push(&mut self, mut change: StatusChange) {
        if let Some(last) = self.0.back() {
            change.at = change.at.max(last.at);
        }
        if self.0.len() == Self::MAX {
            self.0.pop_front();
        }
        self.0.push_back(change);
    }
    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &StatusChange> + ExactSizeIterator {
        self.0.iter()
    }
    /// The newest one.
    pub fn last(&self) -> Option<&StatusChange> {
        self.0.back()
    }
    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
