//! Times as people read them, in the organization's zone. A browser writes them again in its own.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use tocsin_actors::domain::Timestamp;

/// A `<time>`: for programs, and for people whose browser runs none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Time {
    pub(super) at: String,
    pub(super) end: Option<String>,
    pub(super) format: &'static str,
    pub(super) text: String,
}

/// Writes times of one zone.
#[derive(Clone, Copy)]
pub(super) struct Clockwork(pub(super) Tz);

impl Clockwork {
    fn local(self, at: Timestamp) -> DateTime<Tz> {
        at.utc().with_timezone(&self.0)
    }

    /// The date that people there write.
    pub(super) fn date(self, at: Timestamp) -> NaiveDate {
        self.local(at).date_naive()
    }

    /// `14:02 UTC`.
    pub(super) fn time(self, at: Timestamp) -> Time {
        Time { at: at.to_string(), end: None, format: "time", text: self.local(at).format("%H:%M %Z").to_string() }
    }

    /// `21 Nov 2026, 14:02 UTC`.
    pub(super) fn full(self, at: Timestamp) -> Time {
        Time { at: at.to_string(), end: None, format: "full", text: self.local(at).format("%-d %b %Y, %H:%M %Z").to_string() }
    }

    /// `21 Nov 2026, 13:00–15:30 UTC`.
    pub(super) fn range(self, from: Timestamp, until: Timestamp) -> Time {
        let (begin, end) = (self.local(from), self.local(until));
        let text = if begin.date_naive() == end.date_naive() {
            format!("{}–{}", begin.format("%-d %b %Y, %H:%M"), end.format("%H:%M %Z"))
        } else {
            format!("{} – {}", begin.format("%-d %b %Y, %H:%M"), end.format("%-d %b %Y, %H:%M %Z"))
        };
        Time { at: from.to_string(), end: Some(until.to_string()), format: "range", text }
    }

    /// From then until whenever it shall end, if that was said.
    pub(super) fn window(self, from: Timestamp, until: Option<Timestamp>) -> Time {
        until.map_or_else(|| Time { format: "range", ..self.full(from) }, |until| self.range(from, until))
    }

    /// `13:00–15:30 UTC`: when it was, on a day that is known.
    pub(super) fn hours(self, from: Timestamp, until: Timestamp) -> Time {
        let (begin, end) = (self.local(from), self.local(until));
        if begin.date_naive() != end.date_naive() {
            return Time { format: "time", ..self.range(from, until) };
        }
        let text = format!("{}–{}", begin.format("%H:%M"), end.format("%H:%M %Z"));
        Time { at: from.to_string(), end: Some(until.to_string()), format: "time", text }
    }
}

/// `21 November 2026`: a day is the same everywhere.
pub(super) fn day(date: NaiveDate) -> Time {
    Time { at: date.to_string(), end: None, format: "day", text: date.format("%-d %B %Y").to_string() }
}

/// `18 – 20 November 2026`.
pub(super) fn days(from: NaiveDate, until: NaiveDate) -> Time {
    if from == until {
        return day(from);
    }
    let same = |form: &str| from.format(form).to_string() == until.format(form).to_string();
    let begin = if same("%m %Y") {
        "%-d"
    } else if same("%Y") {
        "%-d %B"
    } else {
        "%-d %B %Y"
    };
    let text = format!("{} – {}", from.format(begin), until.format("%-d %B %Y"));
    Time { at: from.to_string(), end: Some(until.to_string()), format: "day", text }
}

/// A time that is not known yet.
pub(super) fn none(format: &'static str) -> Time {
    Time { format, ..Time::default() }
}

/// When the next day begins there: what depends on the date is true until then.
pub(super) fn next_midnight(zone: Tz, now: Timestamp) -> Timestamp {
    let mut date = now.utc().with_timezone(&zone).date_naive();
    for _ in 0..3 {
        let Some(next) = date.succ_opt() else { break };
        date = next;
        let begin = date.and_time(chrono::NaiveTime::MIN).and_local_timezone(zone).earliest();
        if let Some(begin) = begin {
            return Timestamp::from_millis(begin.with_timezone(&Utc).timestamp_millis());
        }
    }
    now.after(std::time::Duration::from_secs(3_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let berlin = Clockwork(Tz::Europe__Berlin);
        let (noon, later) = (at("2026-11-21T11:00:00.000Z"), at("2026-11-21T13:30:00.000Z"));
        assert_eq!(berlin.full(noon).text, "21 Nov 2026, 12:00 CET");
        assert_eq!(berlin.range(noon, later).text, "21 Nov 2026, 12:00–14:30 CET");
        assert_eq!(berlin.hours(noon, later).text, "12:00–14:30 CET");
        assert_eq!(berlin.range(noon, at("2026-11-22T01:00:00.000Z")).text, "21 Nov 2026, 12:00 – 22 Nov 2026, 02:00 CET");
        assert_eq!(berlin.date(at("2026-11-21T23:30:00.000Z")).to_string(), "2026-11-22");
    }

    #[test]
    fn runs_of_days_say_what_differs() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(days(date("2026-11-18"), date("2026-11-20")).text, "18 – 20 November 2026");
        assert_eq!(days(date("2026-10-30"), date("2026-11-02")).text, "30 October – 2 November 2026");
        assert_eq!(days(date("2025-12-31"), date("2026-01-01")).text, "31 December 2025 – 1 January 2026");
    }

    #[test]
    fn a_day_ends_where_its_people_say() {
        let berlin = next_midnight(Tz::Europe__Berlin, at("2026-11-21T22:59:00.000Z"));
        assert_eq!(berlin, at("2026-11-21T23:00:00.000Z"));
        // In Beirut this day began at one o'clock.
        assert!(next_midnight(Tz::Asia__Beirut, at("2026-03-28T20:00:00.000Z")) > at("2026-03-28T20:00:00.000Z"));
    }
}
