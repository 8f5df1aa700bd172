//! Times as a fixture tells them: mostly relative, so that a demo is as fresh next year as it is today.
//!
//! Parsing knows neither clock nor time zone; `resolve` gets both. "3 days ago" is exactly 72 hours, "3 days ago at 14:00"
//! is a wall clock in the organization's time zone.

use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use std::{fmt, str::FromStr};
use tocsin_actors::domain::Timestamp;

/// The farthest a relative time may lie: a hundred years, so that arithmetic on it never overflows.
const FARTHEST_SECONDS: i64 = 100 * 366 * 86_400;

/// A time as it is written in a fixture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// A point in time, RFC 3339.
    Exact(Timestamp),
    /// So many seconds after now; negative before. `2h30m ago`, `in 2 days`, `now`.
    FromNow(i64),
    /// A minute of a day that lies so many days after today. `90 days ago at 14:00`, `tomorrow 09:00`.
    Day {
        /// Days after today; negative before.
        days: i64,
        /// Minutes after midnight.
        minute: u16,
    },
    /// So many seconds after the start of the incident it belongs to. `+15m`, `-5d`.
    FromStart(i64),
}

/// What relative times are relative to.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// When the fixture is loaded.
    pub now: Timestamp,
    /// The organization's time zone.
    pub zone: Tz,
}

/// Why a text is no time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TimeError {
    /// Nothing that we understand.
    #[error(
        "{0:?} is not a time; write it like \"3 days ago\", \"2h30m ago\", \"in 2 days\", \"90 days ago at 14:00\", \
         \"today 09:00\", \"+15m\" (after the start) or 2026-01-31T09:30:00Z"
    )]
    Unknown(String),
    /// Understood, but absurd.
    #[error("{0:?} is more than a hundred years away")]
    TooFar(String),
}

impl Time {
    /// The point in time; none when it counts from a start and there is none.
    pub fn resolve(self, clock: &Clock, start: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Exact(time) => Some(time),
            Self::FromNow(seconds) => Some(moved(clock.now, seconds)),
            Self::FromStart(seconds) => start.map(|start| moved(start, seconds)),
            Self::Day { days, minute } => {
                let today = clock.zone.from_utc_datetime(&clock.now.utc().naive_utc()).date_naive();
                let midnight = shifted(today, days).and_hms_opt(0, 0, 0)?;
                Some(wall_clock(midnight + TimeDelta::minutes(minute.into()), clock.zone))
            }
        }
    }
}

fn moved(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_millis(time.millis().saturating_add(seconds.saturating_mul(1_000)))
}

fn shifted(date: NaiveDate, days: i64) -> NaiveDate {
    let by = Days::new(days.unsigned_abs());
    let date_then = if days < 0 { date.checked_sub_days(by) } else { date.checked_add_days(by) };
    date_then.unwrap_or(date)
}

/// What the clock on the wall means. A time that occurs twice is the first; one that a change of clocks skips is the
/// next that exists.
fn wall_clock(local: NaiveDateTime, zone: Tz) -> Timestamp {
    let exists = |minutes: i64| zone.from_local_datetime(&(local + TimeDelta::minutes(minutes))).earliest();
    match (0..=24 * 4).find_map(|quarter| exists(quarter * 15)) {
        Some(time) => time.to_utc().into(),
        None => local.and_utc().into(),
    }
}

impl FromStr for Time {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let unknown = || TimeError::Unknown(text.chars().take(60).collect());
        if let Ok(time) = text.trim().parse::<Timestamp>() {
            return Ok(Self::Exact(time));
        }
        let lower = text.trim().to_ascii_lowercase();
        let time = phrase(&lower).ok_or_else(unknown)?;
        let (seconds, farthest) = match time {
            Self::Day { days, .. } => (days, FARTHEST_SECONDS / 86_400),
            Self::FromNow(seconds) | Self::FromStart(seconds) => (seconds, FARTHEST_SECONDS),
            Self::Exact(_) => return Ok(time),
        };
        if seconds.abs() > farthest { Err(TimeError::TooFar(text.chars().take(60).collect())) } else { Ok(time) }
    }
}

fn phrase(text: &str) -> Option<Time> {
    if text == "now" {
        return Some(Time::FromNow(0));
    }
    if let Some(rest) = text.strip_prefix('+') {
        return seconds(rest).map(Time::FromStart);
    }
    if let Some(rest) = text.strip_prefix('-') {
        return seconds(rest).map(|seconds| Time::FromStart(-seconds));
    }
    for (word, days) in [("yesterday", -1), ("today", 0), ("tomorrow", 1)] {
        if let Some(rest) = text.strip_prefix(word) {
            let rest = rest.strip_prefix(' ')?.trim_start();
            let minute = minute_of_day(rest.strip_prefix("at ").unwrap_or(rest))?;
            return Some(Time::Day { days, minute });
        }
    }
    let (text, minute) = match text.rsplit_once(" at ") {
        Some((text, clock)) => (text.trim_end(), Some(minute_of_day(clock)?)),
        None => (text, None),
    };
    let seconds = match (text.strip_suffix(" ago"), text.strip_prefix("in ")) {
        (Some(span), None) => -seconds(span)?,
        (None, Some(span)) => seconds(span)?,
        _ => return None,
    };
    match minute {
        None => Some(Time::FromNow(seconds)),
        Some(minute) if seconds % 86_400 == 0 => Some(Time::Day { days: seconds / 86_400, minute }),
        Some(_) => None,
    }
}

/// `14:00`, `9:05`.
fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let digits = |part: &str, most: usize| part.len() <= most && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours, 2) || minutes.len() != 2 || !digits(minutes, 2) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// `2h30m`, `2 hours 30 minutes`, `a week`.
fn seconds(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (amount, after) = match (digits, rest.split_once(' ')) {
            (0, Some(("a" | "an", after))) => (1, after),
            (0, _) => return None,
            // Ten digits are beyond every bound already.
            (digits, _) if digits > 10 => (i64::MAX, &rest[digits..]),
            (digits, _) => (rest[..digits].parse().ok()?, &rest[digits..]),
        };
        let after = after.trim_start();
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit: i64 = match &after[..letters] {
            "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 7 * 86_400,
            _ => return None,
        };
        total = total.saturating_add(unit.saturating_mul(amount)).min(i64::MAX / 4);
        rest = after[letters..].trim_start();
    }
    (!text.trim().is_empty()).then_some(total)
}

/// Written so that it is read back as the same time.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exact(time) => time.fmt(f),
            Self::FromNow(0) => f.write_str("now"),
            Self::FromNow(seconds) if seconds < 0 => write!(f, "{} ago", Span(seconds)),
            Self::FromNow(seconds) => write!(f, "in {}", Span(seconds)),
            Self::FromStart(seconds) => write!(f, "{}{}", if seconds < 0 { '-' } else { '+' }, Span(seconds)),
            Self::Day { days, minute } => {
                let clock = format!("{:02}:{:02}", minute / 60, minute % 60);
                match days {
                    -1 => write!(f, "yesterday {clock}"),
                    0 => write!(f, "today {clock}"),
                    1 => write!(f, "tomorrow {clock}"),
                    days if days < 0 => write!(f, "{} days ago at {clock}", -days),
                    days => write!(f, "in {days} days at {clock}"),
                }
            }
        }
    }
}

/// So many seconds: `5m`, `2 hours 30 minutes`. Written in the largest units that fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span(pub i64);

/// A text that is no span.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not a span of time; write it like \"90s\", \"5m\" or \"2 hours 30 minutes\"")]
pub struct NoSpan(String);

impl FromStr for Span {
    type Err = NoSpan;
    fn from_str(text: &str) -> Result<Self, NoSpan> {
        let span = seconds(&text.trim().to_ascii_lowercase()).filter(|seconds| (1..=FARTHEST_SECONDS).contains(seconds));
        span.map(Self).ok_or_else(|| NoSpan(text.chars().take(60).collect()))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.abs();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (size, unit) in [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")] {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str, zone: Tz) -> String {
        let clock = Clock { now: "2026-03-31T10:00:00Z".parse().unwrap(), zone };
        text.parse::<Time>().unwrap().resolve(&clock, Some("2026-01-01T00:00:00Z".parse().unwrap())).unwrap().to_string()
    }

    #[test]
    fn times_mean_what_they_say() {
        for (text, utc, berlin) in [
            ("now", "2026-03-31T10:00:00.000Z", "2026-03-31T10:00:00.000Z"),
            ("3 days ago", "2026-03-28T10:00:00.000Z", "2026-03-28T10:00:00.000Z"),
            ("2h30m ago", "2026-03-31T07:30:00.000Z", "2026-03-31T07:30:00.000Z"),
            ("2 hours 30 minutes ago", "2026-03-31T07:30:00.000Z", "2026-03-31T07:30:00.000Z"),
            ("a week ago", "2026-03-24T10:00:00.000Z", "2026-03-24T10:00:00.000Z"),
            ("in 2 days", "2026-04-02T10:00:00.000Z", "2026-04-02T10:00:00.000Z"),
            ("90 days ago at 14:00", "2025-12-31T14:00:00.000Z", "2025-12-31T13:00:00.000Z"),
            ("Today 09:00", "2026-03-31T09:00:00.000Z", "2026-03-31T07:00:00.000Z"),
            ("tomorrow at 9:00", "2026-04-01T09:00:00.000Z", "2026-04-01T07:00:00.000Z"),
            ("+15m", "2026-01-01T00:15:00.000Z", "2026-01-01T00:15:00.000Z"),
            ("-5d", "2025-12-27T00:00:00.000Z", "2025-12-27T00:00:00.000Z"),
            ("2026-01-31T09:30:00+01:00", "2026-01-31T08:30:00.000Z", "2026-01-31T08:30:00.000Z"),
            // The clocks of Berlin went from 02:00 to 03:00 two days before.
            ("2 days ago at 02:30", "2026-03-29T02:30:00.000Z", "2026-03-29T01:00:00.000Z"),
        ] {
            assert_eq!(at(text, Tz::UTC), utc, "{text}");
            assert_eq!(at(text, Tz::Europe__Berlin), berlin, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "3 dyas ago", "ago", "in", "yesterday", "today 24:00", "today 9:5", "3h ago at 14:00", "5", "+", "in 3 ago"]
        {
            assert_eq!(text.parse::<Time>(), Err(TimeError::Unknown(text.to_owned())));
        }
        assert_eq!("999999999999w ago".parse::<Time>(), Err(TimeError::TooFar("999999999999w ago".to_owned())));
    }

    #[test]
    fn spans_are_read_as_they_are_written() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("2 hours 30 minutes", 9_000), ("1d", 86_400)] {
            assert_eq!(text.parse(), Ok(Span(seconds)));
            assert_eq!(Span(seconds).to_string().parse(), Ok(Span(seconds)));
        }
        for text in ["", "5", "0s", "5 minutes ago", "m", "99999999999w"] {
            assert_eq!(text.parse::<Span>(), Err(NoSpan(text.to_owned())));
        }
    }

    fn any_time() -> impl Strategy<Value = Time> {
        let seconds = -FARTHEST_SECONDS..=FARTHEST_SECONDS;
        prop_oneof![
            (-60_000_000_000_000i64..200_000_000_000_000).prop_map(|ms| Time::Exact(Timestamp::from_millis(ms))),
            seconds.clone().prop_map(Time::FromNow),
            seconds.prop_map(Time::FromStart),
            (-36_600i64..=36_600, 0u16..1_440).prop_map(|(days, minute)| Time::Day { days, minute }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_as_the_same_time(time in any_time()) {
            prop_assert_eq!(time.to_string().parse::<Time>(), Ok(time));
        }

        #[test]
        fn no_text_and_no_clock_makes_it_panic(text in "[+-]?[0-9a-z: ]{0,24}", now in any::<i64>()) {
            let clock = Clock { now: Timestamp::from_millis(now), zone: Tz::Pacific__Apia };
            if let Ok(time) = text.parse::<Time>() {
                let _ = time.resolve(&clock, None);
            }
        }
    }
}
