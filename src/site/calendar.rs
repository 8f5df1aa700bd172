//! Planned maintenance as iCalendar (RFC 5545), for calendars that are subscribed to.
//!
//! A maintenance is one event for as long as it is public: its UID is our id. `SEQUENCE` is how many seconds after it was
//! made it was last changed, which only ever grows. What began or ended is shown as it was, what did not as it is planned;
//! one without an end takes [`UNTIL_TOLD`]. Events do not block anybody's time.

use super::{Kept, Seen, plain::plain, view::last_word};
use crate::page::Audience;
use std::{fmt::Display, time::Duration};
use tocsin_actors::domain::{
    Incident, Timestamp,
    status::{IncidentStatus, Kind},
};

/// How long what is over stays in the calendar.
const KEPT: Duration = Duration::from_secs(90 * 86_400);
/// How long one takes of which nobody has said when it ends.
const UNTIL_TOLD: Duration = Duration::from_secs(3_600);
/// What is shorter cannot be seen, and an event must end after it begins.
const SHORTEST: Duration = Duration::from_secs(60);
/// How many bytes a line has at most.
const LINE: usize = 75;

/// The calendar as of now.
pub(super) fn calendar(seen: &Seen<'_>) -> Option<Kept> {
    let organization = seen.org.organization()?;
    let planned = seen.org.incidents().values().map(AsRef::as_ref);
    let planned = planned.filter(|one: &&Incident| one.kind() == Kind::Maintenance && Audience::Public.sees(one.visibility));
    let gone_at = |one: &Incident| one.status.is_over().then(|| over(one).after(KEPT));
    let mut planned: Vec<&Incident> = planned.filter(|one| gone_at(one).is_none_or(|gone| seen.now < gone)).collect();
    planned.sort_by_key(|one| (time(one).0, one.number));

    let name = format!("{} maintenance", plain(&organization.name));
    let mut lines = Lines::default();
    lines.add("BEGIN", "VCALENDAR");
    lines.add("VERSION", "2.0");
    lines.add("PRODID", "-//Tocsin//Maintenance//EN");
    lines.add("CALSCALE", "GREGORIAN");
    lines.add("NAME", escaped(&name));
    lines.add("X-WR-CALNAME", escaped(&name));
    lines.add("URL", plain(seen.address));
    // The same for programs that came before RFC 7986.
    lines.add("REFRESH-INTERVAL;VALUE=DURATION", "PT15M");
    lines.add("X-PUBLISHED-TTL", "PT15M");
    if planned.is_empty() {
        lines.only_time();
    }
    for one in &planned {
        lines.event(one, seen.address);
    }
    lines.add("END", "VCALENDAR");
    let mut kept = Kept::new("text/calendar; charset=utf-8", lines.0.into_bytes());
    kept.until = planned.into_iter().filter_map(gone_at).min();
    Some(kept)
}

/// From when to when.
fn time(maintenance: &Incident) -> (Timestamp, Timestamp) {
    let begin = maintenance.actual_start.or(maintenance.scheduled_start).unwrap_or(maintenance.started_at);
    // What never began has an end only in the plan.
    let end = maintenance.actual_end.filter(|_| maintenance.actual_start.is_some()).or(maintenance.scheduled_end);
    (begin, end.map_or(begin.after(UNTIL_TOLD), |end| end.max(begin.after(SHORTEST))))
}

fn over(maintenance: &Incident) -> Timestamp {
    maintenance.actual_end.or(maintenance.resolved_at).unwrap_or(maintenance.updated_at)
}

/// A calendar is a list of lines.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn event(&mut self, maintenance: &Incident, address: &str) {
        let (begin, end) = time(maintenance);
        let is_off = maintenance.status == IncidentStatus::Cancelled;
        let age = maintenance.updated_at.since(maintenance.created_at).max(0);
        self.add("BEGIN", "VEVENT");
        self.add("UID", maintenance.id);
        self.add("DTSTAMP", utc(maintenance.updated_at));
        self.add("CREATED", utc(maintenance.created_at));
        self.add("LAST-MODIFIED", utc(maintenance.updated_at));
        self.add("SEQUENCE", (age + 999) / 1_000);
        self.add("DTSTART", utc(begin));
        self.add("DTEND", utc(end));
        self.add("SUMMARY", escaped(&plain(&maintenance.title)));
        self.add("DESCRIPTION", escaped(plain(last_word(maintenance)).trim_end()));
        self.add("URL", format!("{}/maintenances/{}", plain(address), maintenance.id));
        self.add("STATUS", if is_off { "CANCELLED" } else { "CONFIRMED" });
        self.add("TRANSP", "TRANSPARENT");
        self.add("END", "VEVENT");
    }

    /// There is no calendar with nothing in it: where nothing is planned, it says what time is.
    fn only_time(&mut self) {
        for (name, value) in [
            ("BEGIN", "VTIMEZONE"),
            ("TZID", "UTC"),
            ("BEGIN", "STANDARD"),
            ("DTSTART", "19700101T000000"),
            ("TZOFFSETFROM", "+0000"),
            ("TZOFFSETTO", "+0000"),
            ("END", "STANDARD"),
            ("END", "VTIMEZONE"),
        ] {
            self.add(name, value);
        }
    }

    /// A line, folded where it is too long: not within a character.
    fn add(&mut self, name: &str, value: impl Display) {
        let line = format!("{name}:{value}");
        let mut length = 0;
        for letter in line.chars() {
            if length + letter.len_utf8() > LINE {
                self.0.push_str("\r\n ");
                length = 1;
            }
            self.0.push(letter);
            length += letter.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

fn utc(at: Timestamp) -> String {
    at.utc().format("%Y%m%dT%H%M%SZ").to_string()
}

/// A text as the value of a line.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => escaped.extend(['\\', letter]),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{super::Coding, *};
    use tocsin_actors::testkit::builders::*;

    fn shown(writer: &Writer, now: Timestamp) -> (String, Option<Timestamp>) {
        let (address, found) = ("https://status.example", &Default::default());
        let seen = Seen { org: writer.org(), goes_on: None, address, base: "", stale: None, found, now };
        let kept = calendar(&seen).unwrap();
        (String::from_utf8(kept.packed(Coding::Plain).0.bytes.to_vec()).unwrap(), kept.until)
    }

    #[test]
    fn what_is_over_is_shown_as_it_was_for_ninety_days() {
        let mut writer = Writer::of(1);
        writer.commit([create_organization(1), schedule(1, vec![], 3_600, 7_200)]);
        let (planned, until) = shown(&writer, at(0));
        assert!(planned.contains("DTSTART:20260105T090000Z\r\nDTEND:20260105T100000Z\r\n"), "{planned}");
        assert_eq!(until, None);
        let moved = |n, status, seconds| post_update(incident(1), n, Some(status)).at(seconds);
        writer.commit([moved(11, IncidentStatus::InProgress, 3_700), moved(12, IncidentStatus::Completed, 4_300)]);
        let (over, until) = shown(&writer, at(5_000));
        assert!(over.contains("DTSTART:20260105T090140Z\r\nDTEND:20260105T091140Z\r\n"), "{over}");
        assert_eq!(until, Some(at(4_300 + 90 * 86_400)));
        let (gone, until) = shown(&writer, until.unwrap());
        assert!(!gone.contains("VEVENT") && gone.contains("VTIMEZONE"), "{gone}");
        assert_eq!(until, None);
    }

    #[test]
    fn one_of_which_nobody_said_when_it_ends_takes_an_hour() {
        let mut writer = Writer::of(1);
        let planned = post_update(incident(1), 11, Some(IncidentStatus::InProgress)).at(60);
        writer.commit([create_organization(1), open_incident(1, vec![]), planned]);
        let (calendar, _) = shown(&writer, at(100_000));
        assert!(calendar.contains("DTSTART:20260105T080100Z\r\nDTEND:20260105T090100Z\r\n"), "{calendar}");
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let said = "Größer 🏴\u{200d}☠\u{fe0f} ".repeat(40);
        let mut lines = Lines::default();
        lines.add("SUMMARY", &said);
        assert!(lines.0.split("\r\n").all(|line| line.len() <= LINE) && lines.0.ends_with("\r\n"), "{}", lines.0);
        assert_eq!(lines.0.replace("\r\n ", ""), format!("SUMMARY:{said}\r\n"));
    }

    #[test]
    fn a_line_that_just_fits_is_one() {
        let mut lines = Lines::default();
        lines.add("A", "x".repeat(LINE - 2));
        assert_eq!(lines.0.len(), LINE + 2);
    }

    #[test]
    fn what_means_something_in_a_line_is_escaped() {
        assert_eq!(escaped("a, b; c\\d\ne:\"f\""), "a\\, b\\; c\\\\d\\ne:\"f\"");
    }
}
