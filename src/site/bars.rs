//! Ninety days of a service as a drawing: one path for all days of a tone, so that a hundred services stay light.

use super::tone::Tone;
use serde::Serialize;
use std::fmt::Write;
use tocsin_actors::domain::{
    Incident,
    status::ServiceStatus,
    uptime::{Day, Uptime},
};

/// How many days are drawn.
pub(super) const DAYS: u16 = 90;

/// The drawing of a service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bar {
    /// For who cannot see it.
    pub(super) label: String,
    /// The last day.
    pub(super) until: String,
    /// The days that were not perfect, for who wants to know more.
    pub(super) days: String,
    /// What is drawn in which tone.
    pub(super) paths: Vec<(&'static str, String)>,
    /// The share of the time that it was up.
    pub(super) percent: String,
    /// Whether that is all of it, or nothing is known of it: then it stays so while nothing happens.
    pub(super) is_whole: bool,
}

/// A day that was not perfect: which one, how it was, for how many seconds it was down, and by what.
#[derive(Serialize)]
struct Odd<'a>(usize, &'static str, u64, #[serde(skip_serializing_if = "Vec::is_empty")] Vec<(String, &'a str)>);

/// The parts of a day's height that are drawn: shape says the same as colour.
const fn pieces(tone: Tone) -> &'static [(u8, u8)] {
    match tone {
        Tone::Nothing => &[(17, 3)],
        Tone::Operational => &[(0, 20)],
        Tone::Maintenance => &[(0, 4), (8, 4), (16, 4)],
        Tone::Degraded => &[(5, 15)],
        Tone::Partial => &[(9, 11)],
        Tone::Major => &[(0, 5), (9, 11)],
    }
}

/// A day in its place.
pub(super) fn piece(tone: Tone, at: usize) -> String {
    let mut path = String::new();
    draw(&mut path, tone, at);
    path
}

fn draw(path: &mut String, tone: Tone, at: usize) {
    for (top, height) in pieces(tone) {
        let _ = write!(path, "M{at} {top}h.75v{height}h-.75z"); // a String takes everything
    }
}

impl Bar {
    /// Of a service with this name and these days, and what happened to it, the oldest first.
    pub(super) fn of(name: &str, days: &[Day], incidents: &[&Incident]) -> Self {
        let skipped = usize::from(DAYS).saturating_sub(days.len());
        let tone = |day: &Day| day.uptime.worst().map_or(Tone::Nothing, Tone::from);
        let tones = std::iter::repeat_n(Tone::Nothing, skipped).chain(days.iter().map(tone));
        let mut paths: Vec<(Tone, String)> = Vec::new();
        for (at, tone) in tones.enumerate() {
            match paths.iter_mut().find(|(of, _)| *of == tone) {
                Some((_, path)) => draw(path, tone, at),
                None => paths.push((tone, piece(tone, at))),
            }
        }
        let odd: Vec<Odd<'_>> = days
            .iter()
            .enumerate()
            .filter(|(_, day)| tone(day) != Tone::Operational)
            .map(|(at, day)| Odd(at + skipped, tone(day).name(), down_ms(&day.uptime) / 1000, on(day, incidents)))
            .collect();
        let none = (0..skipped).map(|at| Odd(at, Tone::Nothing.name(), 0, Vec::new()));
        let all: Vec<_> = none.chain(odd).collect();
        let whole = days.iter().fold(Uptime::default(), |whole, day| whole.plus(&day.uptime));
        let is_whole = whole.ratio().is_none_or(|ratio| ratio >= 1.0);
        let percent = whole.ratio().map(percent);
        let down = days.iter().filter(|day| down_ms(&day.uptime) >= 1000).count();
        let label = match (&percent, down) {
            (None, _) => format!("{name}: no data yet"),
            (Some(percent), 0) => format!("{name}: {percent} over {DAYS} days; no downtime"),
            (Some(percent), 1) => format!("{name}: {percent} over {DAYS} days; 1 day with downtime"),
            (Some(percent), _) => format!("{name}: {percent} over {DAYS} days; {down} days with downtime"),
        };
        Self {
            label,
            until: days.last().map(|day| day.date.to_string()).unwrap_or_default(),
            days: serde_json::to_string(&all).expect("numbers and texts"),
            paths: paths.into_iter().map(|(tone, path)| (tone.name(), path)).collect(),
            percent: percent.unwrap_or_else(|| "–".to_owned()),
            is_whole,
        }
    }
}

fn down_ms(uptime: &Uptime) -> u64 {
    uptime.ms(ServiceStatus::MajorOutage) + uptime.ms(ServiceStatus::PartialOutage)
}

/// What happened on a day.
fn on<'a>(day: &Day, incidents: &[&'a Incident]) -> Vec<(String, &'a str)> {
    let touches = |incident: &&&Incident| {
        let end = incident.resolved_at.or(incident.actual_end);
        incident.started_at < day.until && end.is_none_or(|end| end > day.from)
    };
    incidents.iter().filter(touches).map(|incident| (incident.id.to_string(), incident.title.as_str())).collect()
}

/// Never rounded up: 100 % is 100 %.
pub(super) fn percent(ratio: f64) -> String {
    let hundredths = (ratio * 10_000.0 + 1e-9).floor() as u32;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{}\u{202f}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_share_is_rounded_up() {
        for (ratio, said) in [(1.0, "100"), (0.99999, "99.99"), (0.999, "99.9"), (0.5, "50"), (0.0, "0")] {
            assert_eq!(percent(ratio), format!("{said}\u{202f}%"));
        }
    }

    #[test]
    fn what_the_program_draws_with_is_what_is_drawn_here() {
        let (key, blanks) = (include_str!("templates/key.html"), include_str!("templates/blanks.html"));
        for tone in [Tone::Operational, Tone::Maintenance, Tone::Degraded, Tone::Partial, Tone::Major, Tone::Nothing] {
            let drawn = format!("<path class=\"d-{}\" d=\"{}\"/></svg>{}<", tone.name(), piece(tone, 0), tone.word());
            assert!(key.contains(&drawn), "{drawn} is not in {key}");
        }
        let none: String = (0..usize::from(DAYS)).map(|at| piece(Tone::Nothing, at)).collect();
        assert!(blanks.contains(&none));
    }

    #[test]
    fn a_service_without_days_is_drawn_as_one_without_data() {
        let bar = Bar::of("New", &[], &[]);
        assert_eq!(bar.paths.len(), 1);
        assert_eq!(bar.paths[0].0, "none");
        assert_eq!(bar.paths[0].1.matches('M').count(), usize::from(DAYS));
        assert_eq!((bar.percent.as_str(), bar.label.as_str()), ("–", "New: no data yet"));
    }
}
