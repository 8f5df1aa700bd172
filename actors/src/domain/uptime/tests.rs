use super::{days::days, *};
use crate::domain::{
    entities::{Author, Cause},
    status::ServiceStatus::{self, *},
};
use chrono_tz::Tz;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
fn ms(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn history(changes: &[(Timestamp, ServiceStatus)]) -> History {
    let mut history = History::default();
    for (number, (at, to)) in (1..).zip(changes) {
        let from = (number > 1).then_some(Operational);
        history.push(StatusChange {
            number,
            seq: u64::from(number),
            from,
            to: *to,
            cause: Cause::Manual,
            reason: None,
            by: Author::System,
            at: *at,
        });
    }
    history
}

type Window = (Timestamp, Timestamp, ServiceStatus);

fn uptime(history: &History, filled_in: &[Window], from: Timestamp, until: Timestamp) -> Uptime {
    let created = history.first().map_or(ms(0), |first| first.at);
    let mut uptime = Uptime::default();
    let course = Course::new(history, created, filled_in.iter().copied());
    course.sweep(from..until, |from, until, status| uptime.add(status, until.since(from)));
    uptime
}

#[test]
fn each_status_weighs_what_the_design_says() {
    // Of 100 ms, 40 in this status and the rest operational.
    for (status, ratio) in
        [(Operational, 1.0), (DegradedPerformance, 1.0), (PartialOutage, 0.88), (MajorOutage, 0.6), (UnderMaintenance, 1.0)]
    {
        let history = history(&[(ms(0), Operational), (ms(20), status), (ms(60), Operational)]);
        assert_eq!(uptime(&history, &[], ms(0), ms(100)).ratio(), Some(ratio), "{status}");
    }
}

#[test]
fn maintenance_neither_costs_uptime_nor_dilutes_an_outage() {
    let history = history(&[(ms(0), MajorOutage), (ms(25), Operational), (ms(50), UnderMaintenance)]);
    let uptime = uptime(&history, &[], ms(0), ms(100));
    assert_eq!((uptime.known_ms(), uptime.observed_ms(), uptime.ratio()), (100, 50, Some(0.5)));
}

#[test]
fn nothing_observed_is_no_uptime_rather_than_a_perfect_one() {
    let history = history(&[(ms(50), UnderMaintenance), (ms(70), Operational)]);
    assert_eq!(uptime(&history, &[], ms(0), ms(50)).ratio(), None, "before it existed");
    assert_eq!(uptime(&history, &[], ms(0), ms(50)).worst(), None);
    assert_eq!(uptime(&history, &[], ms(0), ms(70)).ratio(), None, "nothing but maintenance");
    assert_eq!(uptime(&history, &[], ms(80), ms(80)).ratio(), None, "an empty window");
    assert_eq!(uptime(&history, &[], ms(90), ms(80)).ratio(), None, "a window that ends before it begins");
}

#[test]
fn what_was_filled_in_lies_over_the_history_as_the_worst_of_both() {
    let history = history(&[(ms(0), Operational), (ms(40), MajorOutage), (ms(60), UnderMaintenance)]);
    let filled_in = [(ms(30), ms(70), PartialOutage), (ms(65), ms(80), DegradedPerformance), (ms(-50), ms(5), MajorOutage)];
    let uptime = uptime(&history, &filled_in, ms(0), ms(100));
    let spent: Vec<_> = ServiceStatus::ALL.iter().map(|status| uptime.ms(*status)).collect();
    assert_eq!(spent, [25, 20, 10, 20, 25], "operational, maintenance, degraded, partial, major");
}

#[test]
fn of_two_changes_in_one_millisecond_the_later_one_lasted() {
    let history = history(&[(ms(0), Operational), (ms(10), MajorOutage), (ms(10), PartialOutage), (ms(20), Operational)]);
    let uptime = uptime(&history, &[], ms(0), ms(100));
    assert_eq!((uptime.ms(MajorOutage), uptime.ms(PartialOutage)), (0, 10));
}

#[test]
fn observation_begins_at_the_oldest_change_that_is_kept() {
    let mut history = History::default();
    for number in 0..=History::MAX as u32 {
        let (to, at) = (if number == 0 { MajorOutage } else { Operational }, ms(i64::from(number) * 10));
        history.push(StatusChange {
            number,
            seq: u64::from(number),
            from: None,
            to,
            cause: Cause::Manual,
            reason: None,
            by: Author::System,
            at,
        });
    }
    let mut uptime = Uptime::default();
    Course::new(&history, ms(0), []).sweep(ms(0)..ms(100_000), |from, until, status| uptime.add(status, until.since(from)));
    assert_eq!(uptime.known_ms(), 100_000 - 10, "the outage of the forgotten change is not observed");
    assert_eq!(uptime.ratio(), Some(1.0));
}

/// Dates and hours of the last days of a service that was always there.
fn lengths(zone: Tz, count: u16, now: &str) -> Vec<String> {
    let history = history(&[(at("1990-01-01T00:00:00Z"), Operational)]);
    let days = days(&Course::new(&history, ms(0), []), zone, count, at(now));
    days.iter().map(|day| format!("{} {}", day.date, day.uptime.known_ms() as f64 / HOUR as f64)).collect()
}

#[test]
fn days_are_those_that_people_lived() {
    let cases: &[(Tz, &str, &[&str])] = &[
        (Tz::UTC, "2026-03-02T06:00:00Z", &["2026-02-28 24", "2026-03-01 24", "2026-03-02 6"]),
        // Spring and autumn.
        (Tz::Europe__Berlin, "2026-03-30T00:00:00Z", &["2026-03-28 24", "2026-03-29 23", "2026-03-30 2"]),
        (Tz::Europe__Berlin, "2026-10-26T00:00:00Z", &["2026-10-24 24", "2026-10-25 25", "2026-10-26 1"]),
        // No midnight: the day begins at one.
        (Tz::America__Sao_Paulo, "2018-11-05T12:00:00Z", &["2018-11-03 24", "2018-11-04 23", "2018-11-05 10"]),
        (Tz::Africa__Cairo, "2024-04-27T00:00:00Z", &["2024-04-25 24", "2024-04-26 23", "2024-04-27 3"]),
        // An hour twice at the end of a day, and at the beginning of one.
        (Tz::America__Sao_Paulo, "2018-02-18T12:00:00Z", &["2018-02-16 24", "2018-02-17 25", "2018-02-18 9"]),
        (Tz::America__Havana, "2023-11-06T06:00:00Z", &["2023-11-04 24", "2023-11-05 25", "2023-11-06 1"]),
        // A day that never was, and one that came twice.
        (Tz::Pacific__Apia, "2011-12-31T10:00:00Z", &["2011-12-29 24", "2011-12-31 24", "2012-01-01 0"]),
        (Tz::Pacific__Apia, "2011-12-30T22:00:00Z", &["2011-12-28 24", "2011-12-29 24", "2011-12-31 12"]),
        (Tz::Pacific__Kwajalein, "1993-08-22T12:00:00Z", &["1993-08-20 24", "1993-08-22 24", "1993-08-23 0"]),
        // Far from UTC, half an hour off.
        (Tz::Pacific__Kiritimati, "2026-06-01T10:30:00Z", &["2026-05-31 24", "2026-06-01 24", "2026-06-02 0.5"]),
        (Tz::Australia__Lord_Howe, "2026-04-05T14:00:00Z", &["2026-04-04 24", "2026-04-05 24.5", "2026-04-06 0.5"]),
    ];
    for (zone, now, expected) in cases {
        assert_eq!(lengths(*zone, 3, now), *expected, "{zone} {now}");
    }
}

#[test]
fn an_outage_across_midnight_is_shared_between_its_days() {
    let history = history(&[
        (at("2026-01-10T15:00:00Z"), Operational),
        (at("2026-01-11T22:00:00Z"), MajorOutage),
        (at("2026-01-13T02:00:00Z"), PartialOutage),
        (at("2026-01-13T03:00:00Z"), Operational),
    ]);
    let created = at("2026-01-10T15:00:00Z");
    let days = days(&Course::new(&history, created, []), Tz::Europe__Berlin, 5, at("2026-01-13T11:00:00Z"));
    let row = |day: &Day| (day.date.to_string(), day.uptime.observed_ms() as i64 / HOUR, day.uptime.worst(), day.uptime.ratio());
    let rows: Vec<_> = days.iter().map(row).collect();
    assert_eq!(
        rows,
        [
            ("2026-01-09".into(), 0, None, None),
            ("2026-01-10".into(), 8, Some(Operational), Some(1.0)),
            ("2026-01-11".into(), 24, Some(MajorOutage), Some(23.0 / 24.0)),
            ("2026-01-12".into(), 24, Some(MajorOutage), Some(0.0)),
            ("2026-01-13".into(), 12, Some(MajorOutage), Some((12.0 - 3.0 - 0.3) / 12.0)),
        ]
    );
}

#[test]
fn absurd_questions_are_answered_within_bounds() {
    let history = history(&[(ms(0), Operational)]);
    let course = Course::new(&history, ms(0), []);
    assert_eq!(days(&course, Tz::UTC, 0, ms(1_000)).len(), 1);
    assert_eq!(days(&course, Tz::UTC, u16::MAX, ms(1_000)).len(), 365);
    for border in [i64::MIN, i64::MAX] {
        for zone in [Tz::Pacific__Kiritimati, Tz::Pacific__Niue] {
            let days = days(&course, zone, 365, ms(border));
            assert!(!days.is_empty() && days.windows(2).all(|pair| pair[0].until == pair[1].from), "{zone}");
        }
    }
}

#[test]
fn a_year_of_a_flapping_service_is_one_quick_sweep() {
    let year = 365 * 24 * HOUR;
    let step = year / History::MAX as i64;
    let changes: Vec<_> = (0..History::MAX as i64).map(|n| (ms(n * step), ServiceStatus::ALL[n as usize % 5])).collect();
    let history = history(&changes);
    let began = std::time::Instant::now();
    let days = days(&Course::new(&history, ms(0), []), Tz::America__New_York, 365, ms(year));
    assert_eq!(days.len(), 365);
    let took = began.elapsed();
    // About a millisecond without optimisation; a sweep a day would be three hundred times that.
    assert!(took.as_millis() < 100, "{took:?}");
}

fn some_status() -> impl Strategy<Value = ServiceStatus> {
    prop::sample::select(ServiceStatus::ALL)
}

/// A zone, now, changes and filled-in windows, both in milliseconds before now.
type SomeCourse = (Tz, i64, Vec<(i64, ServiceStatus)>, Vec<(i64, i64, ServiceStatus)>);

/// Some weeks around the times at which clocks do strange things.
fn some_course() -> impl Strategy<Value = SomeCourse> {
    let zone = prop::sample::select(&chrono_tz::TZ_VARIANTS[..]);
    let now = -2_000_000_000_000_i64..2_500_000_000_000;
    let back = 0..40 * 24 * HOUR;
    let changes = prop::collection::vec((back.clone(), some_status()), 1..30);
    let windows = prop::collection::vec((back.clone(), back, some_status()), 0..6);
    (zone, now, changes, windows)
}

proptest! {
    #[test]
    fn days_tile_the_window_and_add_up_to_it((zone, now, changes, windows) in some_course(), count in 1_u16..60) {
        let mut changes: Vec<_> = changes.into_iter().map(|(back, to)| (ms(now - back), to)).collect();
        changes.sort_by_key(|(at, _)| *at);
        let history = history(&changes);
        let windows: Vec<Window> = windows.into_iter().map(|(a, b, s)| (ms(now - a.max(b)), ms(now - a.min(b)), s)).collect();
        let course = Course::new(&history, changes[0].0, windows.iter().copied());

        let days = days(&course, zone, count, ms(now));
        prop_assert_eq!(days.len(), usize::from(count));
        prop_assert_eq!(days.last().unwrap().until, ms(now));
        prop_assert_eq!(days.last().unwrap().date, ms(now).utc().with_timezone(&zone).date_naive());
        for pair in days.windows(2) {
            prop_assert_eq!(pair[0].until, pair[1].from, "no gap, no overlap");
            prop_assert!(pair[0].date < pair[1].date);
        }
        for day in &days {
            prop_assert!(day.from < day.until || day.until == ms(now));
            // The border is right: a moment earlier it was another date. (Where clocks go back over midnight, a part of
            // the day before comes again after this instant.)
            let before = ms(day.from.millis() - 1).utc().with_timezone(&zone).date_naive();
            prop_assert!(before < day.date, "{} {} {}", zone, day.date, before);
            prop_assert!(day.from == day.until || day.from.utc().with_timezone(&zone).date_naive() == day.date);
            let own = uptime(&history, &windows, day.from, day.until);
            prop_assert_eq!(day.uptime, own, "the same as asked for alone");
            prop_assert!(day.uptime.ratio().is_none_or(|ratio| (0.0..=1.0).contains(&ratio)));
        }
        let sum = days.iter().fold(Uptime::default(), |sum, day| sum.plus(&day.uptime));
        prop_assert_eq!(sum, uptime(&history, &windows, days[0].from, ms(now)));
    }

    /// A filled-in partial outage may raise the share where it turns maintenance, which is not observed, into time that
    /// is, so only a major one can promise this everywhere.
    #[test]
    fn adding_an_outage_never_raises_uptime(
        (_, now, changes, windows) in some_course(), a in 0..40 * 24 * HOUR, b in 0..40 * 24 * HOUR
    ) {
        let mut changes: Vec<_> = changes.into_iter().map(|(back, to)| (ms(now - back), to)).collect();
        changes.sort_by_key(|(at, _)| *at);
        let mut windows: Vec<Window> = windows.into_iter().map(|(a, b, s)| (ms(now - a.max(b)), ms(now - a.min(b)), s)).collect();
        let history = history(&changes);
        let before = uptime(&history, &windows, changes[0].0, ms(now)).ratio();
        windows.push((ms(now - a.max(b)), ms(now - a.min(b)), MajorOutage));
        let after = uptime(&history, &windows, changes[0].0, ms(now)).ratio();
        prop_assert!(before.is_none() || after <= before, "{:?} then {:?}", before, after);
    }

    #[test]
    fn the_sweep_says_of_each_moment_what_looking_it_up_says(
        changes in prop::collection::vec((0_i64..40, some_status()), 1..12),
        windows in prop::collection::vec((0_i64..40, 0_i64..40, some_status()), 0..5),
        from in -5_i64..45, until in -5_i64..45,
    ) {
        let mut changes: Vec<_> = changes.into_iter().map(|(at, to)| (ms(at), to)).collect();
        changes.sort_by_key(|(at, _)| *at);
        let windows: Vec<Window> = windows.into_iter().map(|(a, b, s)| (ms(a.min(b)), ms(a.max(b)), s)).collect();
        let mut expected = Uptime::default();
        for now in (from..until).map(ms) {
            let Some((_, base)) = changes.iter().rfind(|(at, _)| *at <= now) else { continue };
            let over = windows.iter().filter(|(from, until, _)| *from <= now && now < *until).map(|(_, _, status)| *status);
            expected.add(over.fold(*base, ServiceStatus::max), 1);
        }
        prop_assert_eq!(uptime(&history(&changes), &windows, ms(from), ms(until)), expected);
    }
}
