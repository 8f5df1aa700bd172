//! Promises about what website checks find.

use super::{super::builders::*, Fixture, stored};
use crate::{
    domain::{Command, Edit, MonitorId, Timestamp, command::MonitorChange},
    readings::{Reading, Span, Summary},
    store::Store,
};
use std::time::{Duration, SystemTime};

const MINUTE: Duration = Duration::from_secs(60);

/// The last noon but one: a store may forget what is too old by its own clock.
fn noon() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap());
    let today = Span::Day.start_of(now);
    let noon = today.after(12 * 60 * MINUTE);
    if noon.after(60 * MINUTE) < now { noon } else { noon.before(24 * 60 * MINUTE) }
}

fn reading(n: u64, at: Timestamp, up: bool, response_ms: Option<u32>) -> Reading {
    Reading { monitor: monitor(n), at, up, response_ms }
}

async fn all(store: &dyn Store, of: MonitorId, span: Span) -> Vec<Summary> {
    let noon = noon();
    let (from, to) = (noon.before(48 * 60 * MINUTE), noon.after(48 * 60 * MINUTE));
    store.readings(of, span, from, to, 1_000).await.unwrap()
}

/// In every span.
pub async fn readings_are_summed_up(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let noon = noon();
    let at = |minutes: u32| noon.after(MINUTE * minutes);
    // Of two monitors, in no order, some of them together.
    let first = vec![reading(1, at(1), true, Some(40)), reading(2, at(1), true, Some(7)), reading(1, at(0), false, None)];
    store.add_readings(first).await.unwrap();
    store.add_readings(vec![reading(1, at(6), false, Some(900)), reading(1, at(7), true, Some(20))]).await.unwrap();
    store.add_readings(vec![]).await.unwrap();

    let one = |at, up, ms: Option<u32>| Summary::of(Span::Check, &reading(1, at, up, ms));
    let checks = [one(at(0), false, None), one(at(1), true, Some(40)), one(at(6), false, Some(900)), one(at(7), true, Some(20))];
    assert_eq!(all(&*store, monitor(1), Span::Check).await, checks);
    let five = [
        Summary { from: at(0), checks: 2, up: 1, answered: 1, sum_ms: 40, min_ms: 40, max_ms: 40 },
        Summary { from: at(5), checks: 2, up: 1, answered: 2, sum_ms: 920, min_ms: 20, max_ms: 900 },
    ];
    assert_eq!(all(&*store, monitor(1), Span::FiveMinutes).await, five);
    let whole = Summary { from: at(0), checks: 4, up: 2, answered: 3, sum_ms: 960, min_ms: 20, max_ms: 900 };
    assert_eq!(all(&*store, monitor(1), Span::Hour).await, [whole]);
    assert_eq!(all(&*store, monitor(1), Span::Day).await, [Summary { from: Span::Day.start_of(noon), ..whole }]);
    assert_eq!(all(&*store, monitor(2), Span::Hour).await.len(), 1);
    assert_eq!(all(&*store, monitor(3), Span::Hour).await, []);
}

/// From, included, to to, excluded; the oldest first.
pub async fn readings_are_read_in_a_window(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let noon = noon();
    let at = |minutes: u32| noon.after(MINUTE * minutes);
    // Across an hour, which a store may keep in one piece.
    let readings: Vec<_> = [70, 50, 60, 40, 55].into_iter().map(|minute| reading(1, at(minute), true, Some(minute))).collect();
    store.add_readings(readings).await.unwrap();
    let window = async |from, to, limit| -> Vec<u32> {
        let found = store.readings(monitor(1), Span::Check, from, to, limit).await.unwrap();
        found.iter().map(|one| one.max_ms).collect()
    };
    assert_eq!(window(at(0), at(99), 99).await, [40, 50, 55, 60, 70]);
    assert_eq!(window(at(50), at(60), 99).await, [50, 55]);
    assert_eq!(window(at(55), at(71), 99).await, [55, 60, 70]);
    assert_eq!(window(at(0), at(99), 2).await, [40, 50]);
    assert_eq!(window(at(0), at(99), 0).await.len(), 0);
    assert_eq!(window(at(60), at(60), 99).await.len(), 0);
    assert_eq!(window(at(70), at(50), 99).await.len(), 0);
    let five = store.readings(monitor(1), Span::FiveMinutes, at(50), at(60), 99).await.unwrap();
    assert_eq!(five.iter().map(|one| one.from).collect::<Vec<_>>(), [at(50), at(55)]);
}

/// Like everything else, once it is answered.
pub async fn readings_are_there_after_opening_again(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let noon = noon();
    store.add_readings(vec![reading(1, noon, true, Some(40))]).await.unwrap();
    let before = all(&*store, monitor(1), Span::Hour).await;
    let store = fixture.reopen(store).await;
    assert_eq!(all(&*store, monitor(1), Span::Hour).await, before);
    store.add_readings(vec![reading(1, noon, false, None)]).await.unwrap();
    assert_eq!(all(&*store, monitor(1), Span::Hour).await[0].checks, 2);
}

/// Of every organization, those that are switched on, as they are now.
pub async fn every_enabled_monitor_is_watched(fixture: &impl Fixture) {
    let store = fixture.open().await;
    let (mut one, mut two) = (stored(&*store, 1).await, stored(&*store, 2).await);
    one.append(&*store, [create_monitor(1, 101), create_monitor(2, 102)]).await.unwrap();
    two.append(&*store, [create_monitor(3, 201), create_monitor(4, 202)]).await.unwrap();
    let watched = async || {
        store.settle().await.unwrap();
        let mut watched = store.watched().await.unwrap();
        watched.sort_by_key(|watched| watched.id);
        watched
    };
    let ids = |watched: &[crate::readings::Watched]| watched.iter().map(|one| (one.org, one.id)).collect::<Vec<_>>();
    let found = watched().await;
    assert_eq!(ids(&found), [(org(1), monitor(1)), (org(1), monitor(2)), (org(2), monitor(3)), (org(2), monitor(4))]);
    let made = &one.org().monitors()[&monitor(1)];
    assert_eq!((&found[0].url, &found[0].expects, found[0].pace), (&made.url, &made.expects, made.pace));
    assert_eq!((found[0].revision, found[0].state), (made.revision, made.state));

    let change = |n, change: MonitorChange| order(Command::ChangeMonitor { id: monitor(n), change: Box::new(change) });
    let off = change(1, MonitorChange { enabled: Edit::Set(false), ..Default::default() });
    let moved = change(2, MonitorChange { url: Edit::Set("https://other.example".into()), ..Default::default() });
    one.append(&*store, [off, moved]).await.unwrap();
    two.append(&*store, [order(Command::DeleteMonitor { id: monitor(3) })]).await.unwrap();
    let found = watched().await;
    assert_eq!(ids(&found), [(org(1), monitor(2)), (org(2), monitor(4))]);
    assert_eq!((found[0].url.as_str(), found[0].revision), ("https://other.example", 2));
    two.append(&*store, [delete_organization()]).await.unwrap();
    assert_eq!(ids(&watched().await), [(org(1), monitor(2))]);
}
