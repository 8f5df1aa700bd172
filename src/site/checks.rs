//! Website checks as visitors see them: whether each is up, how long its answers took in the last day, as a drawing, and
//! how much of the last months it was up. What was found is handed in; nothing is read here.

use super::{Seen, bars::percent, tone::Tone};
use crate::{
    monitors::recent::{Course, DAYS},
    page::Audience,
};
use std::{fmt::Write, time::Duration};
use tocsin_actors::{
    domain::{Monitor, Timestamp, status::MonitorState},
    readings::Summary,
};

/// What was not read in time is looked for again so soon.
const AGAIN: Duration = Duration::from_secs(5);
/// How high the drawing is. The uppermost fifth is for what failed.
const HEIGHT: u32 = 40;
/// How high the longest bar is.
const HIGHEST: u32 = 28;
/// So high is the bar of an answer that took no time: there was one.
const LOWEST: u32 = 2;
/// How high the mark of what failed is.
const MARK: u32 = 8;
/// How high what nobody knows is drawn.
const NOTHING: u32 = 3;

/// All of them.
pub(super) struct Checks {
    pub(super) rows: Vec<Check>,
    /// Until when this is new enough.
    pub(super) until: Option<Timestamp>,
}

/// One of them.
pub(super) struct Check {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) tone: Tone,
    pub(super) word: &'static str,
    /// How much of the time it was up, in words.
    pub(super) uptime: String,
    /// How long an answer took.
    pub(super) average: String,
    /// The drawing for who cannot see it.
    pub(super) label: String,
    /// What is drawn in which tone.
    pub(super) paths: Vec<(&'static str, String)>,
}

impl Checks {
    /// As visitors see them now.
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        let check = |monitor: &Monitor| Check::of(monitor, seen.found.course(monitor.id));
        let rows: Vec<_> = Audience::Public.monitors(seen.org).into_iter().map(check).collect();
        let good_until = seen.found.good_until().filter(|until| *until > seen.now);
        let until = (!rows.is_empty()).then(|| good_until.unwrap_or_else(|| seen.now.after(AGAIN)));
        Self { rows, until }
    }
}

impl Check {
    fn of(monitor: &Monitor, course: Option<&Course>) -> Self {
        let (tone, word) = state(monitor);
        let day = course.and_then(|course| course.day);
        let days = course.and_then(|course| course.days).and_then(|days| days.uptime());
        Self {
            id: monitor.id.to_string(),
            name: monitor.name.clone(),
            tone,
            word,
            uptime: days.map(|ratio| format!("{} up over {DAYS} days", percent(ratio))).unwrap_or_default(),
            average: day.and_then(|day| day.average_ms()).map_or_else(|| "–".to_owned(), duration),
            label: label(&monitor.name, day),
            paths: course.map(|course| drawn(&course.pieces)).unwrap_or_default(),
        }
    }
}

/// How it is, in a word.
fn state(monitor: &Monitor) -> (Tone, &'static str) {
    match monitor.state {
        _ if !monitor.enabled => (Tone::Nothing, "Paused"),
        MonitorState::Unknown => (Tone::Nothing, "No data"),
        MonitorState::Up => (Tone::Operational, "Up"),
        MonitorState::Down => (monitor.gives.into(), "Down"),
    }
}

fn label(name: &str, day: Option<Summary>) -> String {
    let Some(day) = day else { return format!("{name}: no data in the last 24 hours") };
    let answers = day.average_ms().map_or_else(
        || "no answers".to_owned(),
        |average| format!("answers took {} on average, {} at most", duration(average), duration(day.max_ms)),
    );
    let failed = match day.checks - day.up {
        0 => "no check failed".to_owned(),
        failed => format!("{failed} of {} checks failed", day.checks),
    };
    format!("{name}: {answers} over the last 24 hours; {failed}")
}

/// `480 ms`, `12.5 s`.
fn duration(ms: u32) -> String {
    match ms {
        0 => "<1\u{202f}ms".to_owned(),
        1..10_000 => format!("{ms}\u{202f}ms"),
        _ => format!("{:.1}\u{202f}s", f64::from(ms) / 1_000.0),
    }
}

/// A bar as high as answers took long in each piece of the day, a mark above it where checks failed, and next to nothing
/// where none were made: shape says the same as colour.
fn drawn(pieces: &[Option<Summary>]) -> Vec<(&'static str, String)> {
    let longest = pieces.iter().flatten().filter_map(Summary::average_ms).max().unwrap_or(0).max(1);
    let (mut nothing, mut answers, mut failures) = (String::new(), String::new(), String::new());
    for (at, piece) in pieces.iter().enumerate() {
        let Some(sum) = piece else {
            bar(&mut nothing, at, HEIGHT - NOTHING, NOTHING);
            continue;
        };
        if let Some(ms) = sum.average_ms() {
            let height = u64::from(LOWEST) + u64::from(ms) * u64::from(HIGHEST - LOWEST) / u64::from(longest);
            let height = u32::try_from(height).unwrap_or(HIGHEST).min(HIGHEST);
            bar(&mut answers, at, HEIGHT - height, height);
        }
        if sum.up < sum.checks {
            bar(&mut failures, at, 0, MARK);
        }
    }
    let all = [(Tone::Nothing, nothing), (Tone::Operational, answers), (Tone::Major, failures)];
    all.into_iter().filter(|(_, path)| !path.is_empty()).map(|(tone, path)| (tone.name(), path)).collect()
}

fn bar(path: &mut String, at: usize, top: u32, height: u32) {
    let _ = write!(path, "M{at} {top}h.75v{height}h-.75z"); // a String takes everything
}

#[cfg(test)]
mod tests {
    use super::*;
    use tocsin_actors::{
        domain::status::ServiceStatus,
        testkit::builders::{Writer, at, create_monitor, create_organization, create_service},
    };

    fn sum(checks: u32, up: u32, answered: u32, each_ms: u32) -> Summary {
        let ms = if answered > 0 { each_ms } else { 0 };
        Summary { from: at(0), checks, up, answered, sum_ms: u64::from(ms * answered), min_ms: ms, max_ms: ms }
    }

    #[test]
    fn what_failed_what_was_slow_and_what_nobody_knows_are_drawn_apart() {
        let pieces = [None, Some(sum(15, 15, 15, 100)), Some(sum(15, 13, 13, 50)), Some(sum(15, 0, 0, 0)), Some(sum(1, 1, 1, 0))];
        let drawn = drawn(&pieces);
        assert_eq!(
            drawn,
            [
                ("none", "M0 37h.75v3h-.75z".to_owned()),
                ("operational", "M1 12h.75v28h-.75zM2 25h.75v15h-.75zM4 38h.75v2h-.75z".to_owned()),
                ("major", "M2 0h.75v8h-.75zM3 0h.75v8h-.75z".to_owned()),
            ]
        );
    }

    #[test]
    fn the_drawing_is_told_in_words() {
        let said = |day| label("Shop", day).replace('\u{202f}', " ");
        assert_eq!(said(None), "Shop: no data in the last 24 hours");
        let whole = Summary { max_ms: 12_345, ..sum(1_440, 1_440, 1_440, 80) };
        assert_eq!(
            said(Some(whole)),
            "Shop: answers took 80 ms on average, 12.3 s at most over the last 24 hours; no check failed"
        );
        let quick = said(Some(sum(1, 1, 1, 0)));
        assert_eq!(quick, "Shop: answers took <1 ms on average, <1 ms at most over the last 24 hours; no check failed");
        assert_eq!(said(Some(sum(9, 0, 0, 0))), "Shop: no answers over the last 24 hours; 9 of 9 checks failed");
    }

    #[test]
    fn a_check_says_how_it_is_in_a_word() {
        let mut writer = Writer::of(1);
        writer.commit([create_organization(1), create_service(1), create_monitor(1, 1)]);
        let made = writer.org().monitors().values().next().unwrap().as_ref().clone();
        let said = |enabled, state| super::state(&Monitor { enabled, state, gives: ServiceStatus::PartialOutage, ..made.clone() });
        assert_eq!(said(true, MonitorState::Unknown), (Tone::Nothing, "No data"));
        assert_eq!(said(true, MonitorState::Up), (Tone::Operational, "Up"));
        assert_eq!(said(true, MonitorState::Down), (Tone::Partial, "Down"));
        assert_eq!(said(false, MonitorState::Up), (Tone::Nothing, "Paused"));
    }
}
