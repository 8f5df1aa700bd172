//! Days as the people of an organization live them: some have 23 hours, some 25, some begin at one in the morning, and
//! some never were.

use super::{Course, Uptime};
use crate::domain::Timestamp;
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// The most days that can be asked for: a year.
pub const MAX_DAYS: u16 = 365;

/// One day of a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Day {
    /// Its date in the organization's time zone.
    pub date: NaiveDate,
    /// When it begins: with the first instant that bears its date.
    pub from: Timestamp,
    /// When it ends, and the next one begins; now, when it is today.
    pub until: Timestamp,
    /// What the service did on it.
    pub uptime: Uptime,
}

/// The last days up to now, oldest first, filled in one sweep. Dates that a zone skipped are no days.
pub(super) fn days(course: &Course<'_>, zone: Tz, count: u16, now: Timestamp) -> Vec<Day> {
    let count = usize::from(count.clamp(1, MAX_DAYS));
    let today = now.utc().with_timezone(&zone).date_naive();
    let mut days = Vec::with_capacity(count);
    let mut until = now;
    // A handful more than asked for makes up for skipped dates.
    for date in (0..count as u64 + 8).map_while(|back| today.checked_sub_days(Days::new(back))) {
        // At the borders of what a `Timestamp` can say days have no length; there is nothing to observe either.
        let from = first_instant(zone, date).min(until);
        if from < until || date == today {
            days.push(Day { date, from, until, uptime: Uptime::default() });
            until = from;
        }
        if days.len() == count {
            break;
        }
    }
    days.reverse();
    let mut at = 0;
    course.sweep(until..now, |mut from, until, status| {
        while from < until {
            while days[at].until <= from {
                at += 1;
            }
            let part = until.min(days[at].until);
            days[at].uptime.add(status, part.since(from));
            from = part;
        }
    });
    days
}

/// The first instant whose local time is at or after the midnight that begins this date. Where clocks are set back over
/// midnight it is the first of two; where they are set forward over it, the moment at which that happens.
fn first_instant(zone: Tz, date: NaiveDate) -> Timestamp {
    let midnight = date.and_time(NaiveTime::MIN);
    if let Some(instant) = zone.from_local_datetime(&midnight).earliest() {
        return instant.to_utc().into();
    }
    // Clocks skip at most a day, and differ from UTC by less: the moment lies within two days of the UTC midnight.
    let (mut before, mut after) = (0, 4 * 86_400);
    let instant = |seconds: i64| midnight - TimeDelta::days(2) + TimeDelta::seconds(seconds);
    while after - before > 1 {
        let middle = (before + after) / 2;
        if local(zone, instant(middle)) < midnight { before = middle } else { after = middle }
    }
    instant(after).and_utc().into()
}

fn local(zone: Tz, utc: NaiveDateTime) -> NaiveDateTime {
    Utc.from_utc_datetime(&utc).with_timezone(&zone).naive_local()
}
