//! What checks found lately, at hand for whoever shows it to the world. It is read when somebody looks: once a minute for an
//! organization, whatever the number of readers, and nobody waits long for it. Where nobody looks, nothing is read.

use futures::future::try_join_all;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tocsin_actors::{
    domain::{MonitorId, OrgId, Timestamp},
    readings::{Span, Summary},
    store::{Store, StoreError},
};
use tokio::sync::Semaphore;
use tracing::debug;

/// How long what was read is good enough.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// How long whoever has it read waits for that. What comes later is for those who come later.
const PATIENCE: Duration = Duration::from_millis(500);
/// For how long it is remembered of an organization at which nobody looks any more.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// How many monitors are read at once, of all organizations together: a store has other things to do.
const AT_ONCE: usize = 8;

/// How long one piece of a course is.
pub const PIECE: Duration = Duration::from_secs(15 * 60);
/// How many of them there are: a day.
pub const PIECES: usize = 96;
/// Over how many days uptime is told, today included.
pub const DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What one monitor found.
#[derive(Clone, PartialEq, Debug)]
pub struct Course {
    /// When the first piece begins.
    pub from: Timestamp,
    /// The last day, in [`PIECES`] pieces. The last one is not over.
    pub pieces: Vec<Option<Summary>>,
    /// All of them together.
    pub day: Option<Summary>,
    /// The last [`DAYS`] days, which are those of UTC.
    pub days: Option<Summary>,
}

/// What monitors of one organization found.
#[derive(Debug, Default)]
pub struct Found {
    read_at: Option<Timestamp>,
    courses: HashMap<MonitorId, Course>,
}

impl Found {
    /// What this one found, as far as it was read.
    pub fn course(&self, monitor: MonitorId) -> Option<&Course> {
        self.courses.get(&monitor)
    }

    /// Until when it is new enough; none if it never was.
    pub fn good_until(&self) -> Option<Timestamp> {
        self.read_at.map(|at| at.after(GOOD_FOR))
    }
}

/// Remembers it. Clones share everything.
#[derive(Clone)]
pub struct Recent {
    store: Arc<dyn Store>,
    orgs: Arc<Mutex<HashMap<OrgId, Remembered>>>,
    permits: Arc<Semaphore>,
}

#[derive(Default)]
struct Remembered {
    found: Arc<Found>,
    asked: Option<Timestamp>,
    /// When it was last begun to be read, whatever came of it.
    begun: Option<Timestamp>,
}

impl Recent {
    /// Of what is in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, orgs: Arc::default(), permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// What these monitors of an organization found lately. Read anew if it is time for that, by one of those who ask.
    pub async fn of(&self, org: OrgId, monitors: &[MonitorId], now: Timestamp) -> Arc<Found> {
        if monitors.is_empty() {
            return Arc::default();
        }
        let (found, is_time) = self.ask(org, now);
        if !is_time {
            return found;
        }
        let (this, monitors) = (self.clone(), monitors.to_vec());
        // A task of its own: it goes on when whoever asked does not wait for it, or has gone.
        let read = tokio::spawn(async move { this.read(org, monitors, now).await });
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(Some(new))) => new,
            _ => found,
        }
    }

    /// What is remembered of an organization. Asks nobody.
    pub fn at_hand(&self, org: OrgId) -> Arc<Found> {
        self.orgs().get(&org).map(|remembered| remembered.found.clone()).unwrap_or_default()
    }

    /// What is remembered, and whether it is for this caller to have it read.
    fn ask(&self, org: OrgId, now: Timestamp) -> (Arc<Found>, bool) {
        let mut orgs = self.orgs();
        let since = |then: Option<Timestamp>| then.map(|then| Duration::from_millis(now.since(then).max(0).unsigned_abs()));
        orgs.retain(|_, remembered| since(remembered.asked).is_some_and(|ago| ago < REMEMBERED));
        let remembered = orgs.entry(org).or_default();
        let is_time = since(remembered.begun).is_none_or(|ago| ago >= GOOD_FOR);
        remembered.asked = Some(now);
        if is_time {
            remembered.begun = Some(now);
        }
        (remembered.found.clone(), is_time)
    }

    async fn read(&self, org: OrgId, monitors: Vec<MonitorId>, now: Timestamp) -> Option<Arc<Found>> {
        match try_join_all(monitors.into_iter().map(|monitor| self.course(monitor, now))).await {
            Ok(courses) => {
                let found = Arc::new(Found { read_at: Some(now), courses: courses.into_iter().collect() });
                self.orgs().entry(org).or_default().found = found.clone();
                Some(found)
            }
            Err(error) => {
                debug!(%org, %error, "what checks found cannot be read now");
                None
            }
        }
    }

    async fn course(&self, monitor: MonitorId, now: Timestamp) -> Result<(MonitorId, Course), StoreError> {
        let _permit = self.permits.acquire().await;
        let from = start_of_piece(now).after(PIECE).before(DAY);
        let first_day = Span::Day.start_of(now).before(DAY * (DAYS - 1));
        let fives = PIECES * usize::try_from(PIECE.as_secs() / Span::FiveMinutes.length().as_secs()).unwrap_or(1);
        let fives = self.store.readings(monitor, Span::FiveMinutes, from, now, fives).await?;
        let days = self.store.readings(monitor, Span::Day, first_day, now, DAYS as usize).await?;
        Ok((monitor, Course::of(from, &fives, &days)))
    }

    fn orgs(&self) -> MutexGuard<'_, HashMap<OrgId, Remembered>> {
        self.orgs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Course {
    fn of(from: Timestamp, fives: &[Summary], days: &[Summary]) -> Self {
        let mut pieces = vec![None; PIECES];
        for five in fives {
            let at = usize::try_from(five.from.since(from) / millis(PIECE)).ok();
            if let Some(piece) = at.and_then(|at| pieces.get_mut(at)) {
                let five = Summary { from: start_of_piece(five.from), ..*five };
                *piece = Some(piece.map_or(five, |sum: Summary| sum.plus(&five)));
            }
        }
        Self { from, day: sum(pieces.iter().flatten()), days: sum(days.iter()), pieces }
    }
}

fn sum<'a>(some: impl Iterator<Item = &'a Summary>) -> Option<Summary> {
    some.copied().reduce(|all, one| all.plus(&one))
}

fn start_of_piece(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.millis() - at.millis().rem_euclid(millis(PIECE)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tocsin_actors::{
        readings::{Reading, ReadingStore},
        testkit::{
            MemoryStore,
            builders::{at, monitor, org},
        },
    };

    /// A check of the first monitor, seconds after the beginning of all tests, which is a full hour.
    async fn add(store: &MemoryStore, seconds: i64, up: bool, response_ms: Option<u32>) {
        store.add_readings(vec![Reading { monitor: monitor(1), at: at(seconds), up, response_ms }]).await.unwrap();
    }

    #[tokio::test]
    async fn a_day_is_told_by_the_quarter_hour_and_uptime_by_many_days() {
        let store = MemoryStore::new();
        let now = 40 * 86_400;
        for (before, up, ms) in [
            (39 * 86_400, false, None),
            (86_400, true, Some(1)), // one piece too old
            (86_400 - 900, true, Some(40)),
            (901, true, Some(10)),
            (600, false, Some(30)),
            (0, true, Some(7)),
        ] {
            add(&store, now - before, up, ms).await;
        }
        let found = Recent::new(Arc::new(store)).of(org(1), &[monitor(1), monitor(2)], at(now + 1)).await;
        let course = found.course(monitor(1)).unwrap();
        assert_eq!((course.pieces.len(), course.from), (PIECES, at(now - 86_400 + 900)));
        let piece = |n: usize| course.pieces[n].map(|sum| (sum.checks, sum.up, sum.average_ms()));
        assert_eq!((piece(0), course.pieces[94].map(|sum| sum.from)), (Some((1, 1, Some(40))), Some(at(now - 900))));
        assert_eq!((piece(1), piece(93), piece(94)), (None, Some((1, 1, Some(10))), Some((1, 0, Some(30)))));
        assert_eq!(piece(95), Some((1, 1, Some(7))));
        assert_eq!(course.day.map(|day| (day.checks, day.up, day.max_ms)), Some((4, 3, 40)));
        assert_eq!(course.days.map(|days| (days.checks, days.up)), Some((6, 4)));
        let nothing = found.course(monitor(2)).unwrap();
        assert_eq!((nothing.day, nothing.days, nothing.pieces.iter().flatten().count()), (None, None, 0));
    }

    #[tokio::test]
    async fn however_many_look_it_is_read_once_a_minute() {
        let store = MemoryStore::new();
        let recent = Recent::new(Arc::new(store.clone()));
        let seen = async |seconds| {
            let found = recent.of(org(1), &[monitor(1)], at(seconds)).await;
            found.course(monitor(1)).and_then(|course| course.days).map_or(0, |days| days.checks)
        };
        add(&store, 0, true, Some(1)).await;
        assert_eq!(seen(1).await, 1);
        add(&store, 2, true, Some(1)).await;
        assert_eq!((seen(3).await, seen(60).await), (1, 1));
        assert_eq!((seen(61).await, seen(62).await), (2, 2));
        assert_eq!(recent.at_hand(org(1)).good_until(), Some(at(121)));
        assert_eq!(recent.at_hand(org(2)).good_until(), None);
    }
}
