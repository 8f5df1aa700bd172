//! When which monitor is checked, and what checks in a row mean. Nothing of it is stored: times are computed from ids, so
//! that after a restart everybody is checked when they would have been, and nobody's checks come all at once.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};
use tocsin_actors::{
    domain::{MonitorId, Timestamp, monitor::Pace, status::MonitorState},
    readings::Watched,
};
use xxhash_rust::xxh3::xxh3_64;

/// Within this time a monitor is checked first of which nothing is known: somebody sits there and waits.
const FIRST_WITHIN: Duration = Duration::from_secs(3);

/// Who is checked when.
#[derive(Default)]
pub(super) struct Schedule {
    soonest: BTreeSet<(Timestamp, MonitorId)>,
    known: HashMap<MonitorId, Known>,
}

/// A monitor whose time has come.
pub(super) struct Due {
    pub(super) watched: Watched,
    /// When it was to be checked.
    pub(super) at: Timestamp,
    /// How many more of its times have gone by since.
    pub(super) missed: u64,
}

struct Known {
    watched: Watched,
    due: Timestamp,
    /// What the last checks found, and how many of them in a row.
    streak: (bool, u16),
}

impl Schedule {
    /// From now on, these are checked. Whoever is new or checks something else now begins anew.
    pub(super) fn follow(&mut self, watched: Vec<Watched>, now: Timestamp) {
        let there: HashSet<_> = watched.iter().map(|watched| watched.id).collect();
        self.known.retain(|id, _| there.contains(id));
        for watched in watched {
            match self.known.get_mut(&watched.id) {
                Some(known) if known.watched.revision == watched.revision => known.watched = watched,
                _ => {
                    let soon = watched.state == MonitorState::Unknown || self.known.contains_key(&watched.id);
                    let due = if soon { now.after(part_of(&watched, FIRST_WITHIN)) } else { next_slot(&watched, now) };
                    self.soonest.insert((due, watched.id));
                    self.known.insert(watched.id, Known { watched, due, streak: (false, 0) });
                }
            }
        }
        // Dates of those who are gone, or who have another one by now.
        let known = &self.known;
        self.soonest.retain(|(at, id)| known.get(id).is_some_and(|known| known.due == *at));
    }

    /// Those whose time has come; each comes again one interval later, however late it is now.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some((at, id)) = self.soonest.first().copied().filter(|(at, _)| *at <= now) {
            self.soonest.remove(&(at, id));
            let Some(known) = self.known.get_mut(&id) else { continue };
            known.due = next_slot(&known.watched, now);
            self.soonest.insert((known.due, id));
            let missed = now.since(at).max(0).unsigned_abs() / interval_ms(&known.watched);
            due.push(Due { watched: known.watched.clone(), at, missed });
        }
        due
    }

    /// When somebody is due next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.soonest.first().map(|(at, _)| *at)
    }

    /// Counts what a check found, and answers the state to which the monitor turns by it. Asked again until somebody says
    /// that it did ([`Schedule::turned`]). A check of somebody who is not followed, or not yet as they are now, stands alone.
    pub(super) fn found(&mut self, checked: &Watched, up: bool) -> Option<MonitorState> {
        let known = self.known.get_mut(&checked.id).filter(|known| known.watched.revision == checked.revision);
        let (state, row) = known.map_or((checked.state, 1), |known| {
            let before = if known.streak.0 == up { known.streak.1 } else { 0 };
            known.streak = (up, before.saturating_add(1));
            (known.watched.state, known.streak.1)
        });
        let Pace { successes, failures, .. } = checked.pace;
        let (to, enough) = if up { (MonitorState::Up, successes) } else { (MonitorState::Down, failures) };
        (state != to && row >= enough).then_some(to)
    }

    /// The organization knows.
    pub(super) fn turned(&mut self, checked: &Watched, to: MonitorState) {
        if let Some(known) = self.known.get_mut(&checked.id).filter(|known| known.watched.revision == checked.revision) {
            known.watched.state = to;
        }
    }
}

/// A part of a time that is always the same for a monitor, and different for different ones.
fn part_of(watched: &Watched, whole: Duration) -> Duration {
    let whole = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(xxh3_64(watched.id.uuid().as_bytes()) % whole)
}

/// The first of a monitor's times after now.
fn next_slot(watched: &Watched, now: Timestamp) -> Timestamp {
    let interval = Duration::from_millis(interval_ms(watched));
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let since_last = (now.millis() - ms(part_of(watched, interval))).rem_euclid(ms(interval));
    Timestamp::from_millis(now.millis() + ms(interval) - since_last)
}

fn interval_ms(watched: &Watched) -> u64 {
    u64::from(watched.pace.interval_s.max(1)) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use tocsin_actors::domain::OrgId;
    use uuid::Uuid;

    const NOW: i64 = 1_767_600_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(NOW + seconds * 1_000)
    }

    fn watched(n: u128, state: MonitorState) -> Watched {
        Watched {
            id: MonitorId::new(Uuid::from_u128(n)),
            org: OrgId::new(Uuid::from_u128(1)),
            url: String::new(),
            expects: Default::default(),
            pace: Pace { interval_s: 60, timeout_ms: 1_000, failures: 3, successes: 2 },
            enabled: true,
            revision: 1,
            state,
        }
    }

    #[test]
    fn checks_are_spread_over_the_interval_and_each_comes_once_in_it() {
        let mut schedule = Schedule::default();
        schedule.follow((1..=600).map(|n| watched(n, MonitorState::Up)).collect(), at(0));
        let mut seen = HashMap::new();
        for second in 1..=120 {
            let due = schedule.take_due(at(second));
            assert!(due.len() <= 30, "{} in one second, where 10 are fair", due.len());
            due.iter().for_each(|one| *seen.entry(one.watched.id).or_insert(0) += 1);
        }
        assert_eq!(seen.len(), 600);
        assert!(seen.values().all(|times| *times == 2));
    }

    #[test]
    fn a_restart_changes_no_dates() {
        let monitors = || (1..=50).map(|n| watched(n, MonitorState::Up)).collect::<Vec<_>>();
        let (mut old, mut new) = (Schedule::default(), Schedule::default());
        old.follow(monitors(), at(0));
        (1..=100).for_each(|second| drop(old.take_due(at(second))));
        new.follow(monitors(), at(100));
        for second in 101..=160 {
            let ids = |due: Vec<Due>| due.into_iter().map(|one| one.watched.id).collect::<Vec<_>>();
            assert_eq!(ids(old.take_due(at(second))), ids(new.take_due(at(second))));
        }
    }

    #[test]
    fn who_was_late_is_checked_once_and_not_for_every_missed_time() {
        let mut schedule = Schedule::default();
        schedule.follow(vec![watched(1, MonitorState::Up)], at(0));
        let first = schedule.next().unwrap();
        let due = schedule.take_due(at(3_600));
        assert_eq!(due.iter().map(|one| (one.at, one.missed)).collect::<Vec<_>>(), [(first, 59)]);
        assert!(schedule.next().is_some_and(|next| next > at(3_600) && next <= at(3_660)));
    }

    #[test]
    fn a_new_monitor_is_checked_soon_and_one_that_is_gone_never() {
        let mut schedule = Schedule::default();
        schedule.follow(vec![watched(1, MonitorState::Unknown), watched(2, MonitorState::Up)], at(0));
        assert_eq!(schedule.take_due(at(3)).iter().filter(|one| one.watched.state == MonitorState::Unknown).count(), 1);
        schedule.follow(vec![watched(2, MonitorState::Up)], at(4));
        assert_eq!(schedule.known.len(), 1);
        assert!(
            (5..=200).flat_map(|second| schedule.take_due(at(second))).all(|one| one.watched.id == watched(2, MonitorState::Up).id)
        );
        schedule.follow(vec![Watched { revision: 2, ..watched(2, MonitorState::Up) }], at(200));
        assert_eq!(schedule.take_due(at(203))[0].watched.revision, 2, "what is checked was changed");
        let later: usize = (204..=263).map(|second| schedule.take_due(at(second)).len()).sum();
        assert_eq!(later, 1, "and its old date is forgotten");
    }

    #[test]
    fn it_takes_some_checks_in_a_row_to_turn() {
        let mut schedule = Schedule::default();
        let one = watched(1, MonitorState::Up);
        schedule.follow(vec![one.clone()], at(0));
        for up in [false, false, true, false, false] {
            assert_eq!(schedule.found(&one, up), None);
        }
        assert_eq!(schedule.found(&one, false), Some(MonitorState::Down));
        assert_eq!(schedule.found(&one, false), Some(MonitorState::Down), "again, until somebody has heard it");
        schedule.turned(&one, MonitorState::Down);
        assert_eq!(schedule.found(&one, false), None);
        assert_eq!(schedule.found(&one, true), None);
        assert_eq!(schedule.found(&one, true), Some(MonitorState::Up));
        schedule.follow(vec![Watched { revision: 2, ..one.clone() }], at(1));
        assert_eq!(schedule.found(&one, true), None, "that was something else");
        let hasty = Watched { pace: Pace { failures: 1, ..one.pace }, ..watched(2, MonitorState::Up) };
        assert_eq!(schedule.found(&hasty, true), None);
        assert_eq!(schedule.found(&hasty, false), Some(MonitorState::Down), "followed by nobody, and one is enough");
    }
}
