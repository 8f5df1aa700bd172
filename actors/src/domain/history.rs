//! What a service's status has been: the audit of every change, from which uptime is computed.

use super::{
    chunked::Chunked,
    entities::{Author, Cause, Number},
    event::Seq,
    status::ServiceStatus,
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize};

/// One change of a service's status.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StatusChange {
    /// Its number.
    pub number: Number,
    /// The event that made it.
    pub seq: Seq,
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
/// Of two changes in the same millisecond both are kept, and the later one is what lasted.
///
/// Kept in pieces, because a flapping service must not have a year copied at every flap.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
#[serde(transparent)]
pub struct History(Chunked<StatusChange>);

impl History {
    /// How many changes are kept in memory for one service: a year of one flap every two hours. Older ones remain in
    /// the store, and the time before the oldest kept one counts as not observed.
    pub const MAX: usize = 4_400;

    /// Adds a change and answers since when it counts.
    pub(super) fn push(&mut self, mut change: StatusChange) -> Timestamp {
        if let Some(last) = self.last() {
            change.at = change.at.max(last.at);
        }
        let at = change.at;
        if self.len() == Self::MAX {
            self.0.pop_front();
        }
        self.0.push_back(change);
        at
    }
    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &StatusChange> {
        self.0.iter()
    }
    /// The oldest one that is kept.
    pub fn first(&self) -> Option<&StatusChange> {
        self.0.first()
    }
    /// The newest one.
    pub fn last(&self) -> Option<&StatusChange> {
        self.0.last()
    }
    /// How many are kept.
    pub const fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether none is kept.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Through `push`, so that what it keeps also holds for what was stored.
impl<'de> Deserialize<'de> for History {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut history = Self::default();
        for change in Vec::<StatusChange>::deserialize(deserializer)? {
            history.push(change);
        }
        Ok(history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(number: Number, ms: i64) -> StatusChange {
        let to = ServiceStatus::Operational;
        let at = Timestamp::from_millis(ms);
        StatusChange { number, seq: Seq::from(number), from: None, to, cause: Cause::Manual, reason: None, by: Author::System, at }
    }

    #[test]
    fn two_changes_in_one_millisecond_are_both_kept_and_the_later_one_is_last() {
        let mut history = History::default();
        history.push(change(1, 5));
        history.push(change(2, 5));
        assert_eq!(history.iter().map(|change| change.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(history.last().map(|change| change.number), Some(2));
    }

    #[test]
    fn a_change_that_claims_to_be_older_takes_the_time_of_the_one_before() {
        let mut history = History::default();
        history.push(change(1, 5));
        assert_eq!(history.push(change(2, 3)), Timestamp::from_millis(5));
        assert_eq!(history.last().map(|change| change.at.millis()), Some(5));
    }

    #[test]
    fn the_oldest_changes_are_forgotten_one_by_one() {
        let mut history = History::default();
        for number in 0..History::MAX as u32 + 100 {
            history.push(change(number, i64::from(number)));
        }
        assert_eq!(history.len(), History::MAX);
        assert_eq!(history.iter().count(), History::MAX);
        assert_eq!(history.first().map(|change| change.number), Some(100));
        let read: History = serde_json::from_str(&serde_json::to_string(&history).unwrap()).unwrap();
        assert_eq!(read, history);
    }
}
