//! The port for what website checks find: a compact series per monitor. It is no part of an organization's history: most
//! checks find what the one before found, and losing the last seconds of a graph harms nobody. So nothing here is a
//! commit, and nobody waits for it.
//!
//! A store keeps single checks for a short time and sums of them for longer ([`Span`]). Days are those of UTC: hours can be
//! put together to anybody's days, for as long as they are kept.

use crate::{
    domain::{
        Monitor, MonitorId, OrgId, Timestamp,
        monitor::{Expects, Pace},
        status::MonitorState,
    },
    store::Later,
};
use serde::Deserialize;
use std::time::Duration;

/// What one check found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Of which monitor.
    pub monitor: MonitorId,
    /// When it was begun.
    pub at: Timestamp,
    /// Whether it answered as it should.
    pub up: bool,
    /// How long the answer took, if there was one.
    pub response_ms: Option<u32>,
}

/// What is summed up. The discriminant is its key in the embedded store: never changed, never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Span {
    /// Nothing: each check by itself.
    Check = 0,
    /// Five minutes.
    FiveMinutes = 1,
    /// An hour.
    Hour = 2,
    /// A day.
    Day = 3,
}

impl Span {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Check, Self::FiveMinutes, Self::Hour, Self::Day];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::FiveMinutes => "5m",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// How long it is.
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Check => 0,
            Self::FiveMinutes => 5 * 60,
            Self::Hour => 60 * 60,
            Self::Day => 24 * 60 * 60,
        })
    }

    /// For how long it is kept: as many points as a graph can show of each, some 6,000 of a monitor in all (the checks
    /// of a day at one a minute among them).
    pub const fn kept(self) -> Duration {
        const DAY: u64 = 24 * 60 * 60;
        Duration::from_secs(match self {
            Self::Check => DAY,
            Self::FiveMinutes => 8 * DAY,
            Self::Hour => 100 * DAY,
            Self::Day => 3 * 366 * DAY,
        })
    }

    /// Where the one begins in which this lies.
    pub fn start_of(self, at: Timestamp) -> Timestamp {
        let length = i64::try_from(self.length().as_millis()).unwrap_or(i64::MAX);
        if length == 0 { at } else { Timestamp::from_millis(at.millis() - at.millis().rem_euclid(length)) }
    }
}

/// Checks summed up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// When its time begins; of a single check, when it was.
    pub from: Timestamp,
    /// How many there were.
    pub checks: u32,
    /// How many of them found it up.
    pub up: u32,
    /// How many of them had an answer, whatever it said.
    pub answered: u32,
    /// How long these took together.
    pub sum_ms: u64,
    /// The fastest; 0 when there was none.
    pub min_ms: u32,
    /// The slowest.
    pub max_ms: u32,
}

impl Summary {
    /// Of one check.
    pub fn of(span: Span, reading: &Reading) -> Self {
        let ms = reading.response_ms.unwrap_or(0);
        let (up, answered) = (u32::from(reading.up), u32::from(reading.response_ms.is_some()));
        Self { from: span.start_of(reading.at), checks: 1, up, answered, sum_ms: ms.into(), min_ms: ms, max_ms: ms }
    }

    /// With others added.
    pub fn plus(self, other: &Self) -> Self {
        let min_ms = match (self.answered, other.answered) {
            (0, _) => other.min_ms,
            (_, 0) => self.min_ms,
            _ => self.min_ms.min(other.min_ms),
        };
        Self {
            from: self.from.min(other.from),
            checks: self.checks.saturating_add(other.checks),
            up: self.up.saturating_add(other.up),
            answered: self.answered.saturating_add(other.answered),
            sum_ms: self.sum_ms.saturating_add(other.sum_ms),
            min_ms,
            max_ms: self.max_ms.max(other.max_ms),
        }
    }

    /// The share of checks that found it up.
    pub fn uptime(&self) -> Option<f64> {
        (self.checks > 0).then(|| f64::from(self.up) / f64::from(self.checks))
    }

    /// How long an answer took on average.
    pub fn average_ms(&self) -> Option<u32> {
        self.sum_ms.checked_div(self.answered.into()).and_then(|ms| u32::try_from(ms).ok())
    }
}

/// What has to be known of a monitor to check it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Watched {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: MonitorId,
    /// Whose it is.
    pub org: OrgId,
    /// See [`crate::domain::Monitor`], as for all that follows.
    pub url: String,
    #[allow(missing_docs)]
    pub expects: Expects,
    #[allow(missing_docs)]
    pub pace: Pace,
    #[allow(missing_docs)]
    pub enabled: bool,
    #[allow(missing_docs)]
    pub revision: u32,
    #[allow(missing_docs)]
    pub state: MonitorState,
}

impl Watched {
    /// Of a monitor at hand.
    pub fn of(org: OrgId, monitor: &Monitor) -> Self {
        Self {
            id: monitor.id,
            org,
            url: monitor.url.clone(),
            expects: monitor.expects.clone(),
            pace: monitor.pace,
            enabled: monitor.enabled,
            revision: monitor.revision,
            state: monitor.state,
        }
    }
}

/// Where they are kept.
pub trait ReadingStore: Send + Sync + 'static {
    /// Every monitor of the installation that is enabled, as far as documents are written (`CommitLog::settle`).
    fn watched(&self) -> Later<'_, Vec<Watched>>;
    /// Adds what checks found, of any monitors in any order. One that was added and is added again counts twice; of
    /// several of one millisecond a store may make one.
    fn add_readings(&self, readings: Vec<Reading>) -> Later<'_, ()>;
    /// A monitor's summaries that begin in this time, the oldest first, at most `limit`. What is older than it is kept may
    /// be there or not. Readings of a deleted monitor are forgotten, at the latest when their time has come.
    fn readings(&self, monitor: MonitorId, span: Span, from: Timestamp, to: Timestamp, limit: usize) -> Later<'_, Vec<Summary>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn reading(at: i64, response_ms: Option<u32>) -> Reading {
        let (monitor, at) = (MonitorId::new(Uuid::nil()), Timestamp::from_millis(at));
        Reading { monitor, at, up: response_ms.is_some_and(|ms| ms < 1_000), response_ms }
    }

    #[test]
    fn sums_do_not_depend_on_their_order_and_silence_has_no_time() {
        let readings = [reading(400_000, Some(30)), reading(301_000, None), reading(599_999, Some(2_000))];
        let sum = |order: [usize; 3]| {
            let each = order.map(|n| Summary::of(Span::FiveMinutes, &readings[n]));
            each[1..].iter().fold(each[0], |sum, one| sum.plus(one))
        };
        let expected = Summary {
            from: Timestamp::from_millis(300_000),
            checks: 3,
            up: 1,
            answered: 2,
            sum_ms: 2_030,
            min_ms: 30,
            max_ms: 2_000,
        };
        for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
            assert_eq!(sum(order), expected);
        }
        assert_eq!((expected.average_ms(), expected.uptime()), (Some(1_015), Some(1.0 / 3.0)));
        assert_eq!(Summary::of(Span::Check, &readings[1]).average_ms(), None);
    }

    #[test]
    fn a_time_lies_in_one_span_also_before_1970() {
        let at = Timestamp::from_millis;
        assert_eq!(Span::Check.start_of(at(12_345)), at(12_345));
        assert_eq!(Span::Hour.start_of(at(3_600_000)), at(3_600_000));
        assert_eq!(Span::Hour.start_of(at(7_199_999)), at(3_600_000));
        assert_eq!(Span::Day.start_of(at(-1)), at(-86_400_000));
    }
}
