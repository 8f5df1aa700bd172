//! What checks found: a row a summary, 53 bytes. What is too old goes when something is added to it, and what is left of a
//! monitor goes with its document, in the same transaction.

use super::{
    EmbeddedStore, ReadError,
    accounts::store_only,
    tables::{DOCUMENTS, Id, READINGS, Tables, prefix_end},
};
use crate::store::documents::{self, Collection};
use futures::future::FutureExt;
use redb::{ReadTransaction, ReadableTable};
use tocsin_actors::{
    domain::{MonitorId, Timestamp},
    readings::{Reading, ReadingStore, Span, Summary, Watched},
    store::Later,
};

/// Monitor, span, time.
pub(super) type Key = [u8; 25];
/// See [`written`].
pub(super) type Row = [u8; 28];

fn key(monitor: &Id, span: u8, at: Timestamp) -> Key {
    let mut key = [span; 25];
    key[..16].copy_from_slice(monitor);
    // The sign turned over, so that the years before 1970 come first.
    key[17..].copy_from_slice(&(at.millis() ^ i64::MIN).to_be_bytes());
    key
}

fn written(summary: &Summary) -> Row {
    let mut row = [0; 28];
    let numbers = [summary.checks, summary.up, summary.answered, summary.min_ms, summary.max_ms];
    for (place, number) in row.chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_be_bytes());
    }
    row[20..].copy_from_slice(&summary.sum_ms.to_be_bytes());
    row
}

fn read(key: &Key, row: &Row) -> Summary {
    let number = |n: usize| u32::from_be_bytes([row[n * 4], row[n * 4 + 1], row[n * 4 + 2], row[n * 4 + 3]]);
    let (mut at, mut sum) = ([0; 8], [0; 8]);
    at.copy_from_slice(&key[17..]);
    sum.copy_from_slice(&row[20..]);
    Summary {
        from: Timestamp::from_millis(i64::from_be_bytes(at) ^ i64::MIN),
        checks: number(0),
        up: number(1),
        answered: number(2),
        min_ms: number(3),
        max_ms: number(4),
        sum_ms: u64::from_be_bytes(sum),
    }
}

fn add(tables: &mut Tables<'_>, reading: &Reading) -> Result<(), redb::Error> {
    let monitor = reading.monitor.uuid().into_bytes();
    for span in Span::ALL {
        let new = Summary::of(span, reading);
        let key = key(&monitor, span as u8, new.from);
        let old = tables.readings.get(&key)?.map(|row| read(&key, row.value()));
        let sum = old.map_or(new, |old| old.plus(&new));
        tables.readings.insert(&key, &written(&sum))?;
        if old.is_none() {
            // Once a row, so that what comes equals what goes.
            let oldest = self::key(&monitor, span as u8, Timestamp::from_millis(i64::MIN));
            let end = self::key(&monitor, span as u8, reading.at.before(span.kept()));
            tables.readings.retain_in::<&Key, _>(&oldest..&end, |_, _| false)?;
        }
    }
    Ok(())
}

/// Forgets a monitor.
pub(super) fn forget(tables: &mut Tables<'_>, monitor: &Id) -> Result<(), redb::Error> {
    let ever = |span, at| key(monitor, span, Timestamp::from_millis(at));
    let (begin, end) = (ever(0, i64::MIN), ever(u8::MAX, i64::MAX));
    Ok(tables.readings.retain_in::<&Key, _>(&begin..=&end, |_, _| false)?)
}

impl ReadingStore for EmbeddedStore {
    fn watched(&self) -> Later<'_, Vec<Watched>> {
        let read = move |transaction: &ReadTransaction| {
            let table = transaction.open_table(DOCUMENTS)?;
            let prefix = [Collection::Monitors as u8];
            let mut found = Vec::new();
            // Longer than any key of the collection: its organization and its id.
            for row in table.range(prefix.as_slice()..=[prefix_end(&prefix), vec![0xff; 16]].concat().as_slice())? {
                let monitor: Watched = documents::decode(row?.1.value()).map_err(ReadError::Store)?;
                if monitor.enabled {
                    found.push(monitor);
                }
            }
            Ok(found)
        };
        self.read(read).boxed()
    }

    fn add_readings(&self, readings: Vec<Reading>) -> Later<'_, ()> {
        store_only(self.change(move |tables| {
            readings.iter().try_for_each(|reading| add(tables, reading))?;
            Ok(Ok(()))
        }))
    }

    fn readings(&self, monitor: MonitorId, span: Span, from: Timestamp, to: Timestamp, limit: usize) -> Later<'_, Vec<Summary>> {
        let monitor = monitor.uuid().into_bytes();
        let (from, to) = (key(&monitor, span as u8, from), key(&monitor, span as u8, to.max(from)));
        let read = move |transaction: &ReadTransaction| {
            let table = transaction.open_table(READINGS)?;
            let rows = table.range::<&Key>(&from..&to)?.take(limit);
            rows.map(|row| row.map(|(key, row)| self::read(key.value(), row.value())).map_err(ReadError::from)).collect()
        };
        self.read(read).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tocsin_actors::{
        domain::Command,
        testkit::builders::{Writer, create_monitor, create_organization, create_service, delete_organization, monitor, order},
    };

    fn check(n: u64, at: Timestamp) -> Reading {
        Reading { monitor: monitor(n), at, up: true, response_ms: Some(7) }
    }

    async fn count(store: &EmbeddedStore, n: u64, span: Span) -> usize {
        let (from, to) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
        store.readings(monitor(n), span, from, to, 10_000).await.unwrap().len()
    }

    #[tokio::test]
    async fn readings_go_when_their_time_has_come() {
        let store = EmbeddedStore::in_memory().unwrap();
        let at = |hours: u32| Timestamp::from_millis(1_767_600_000_000).after(Duration::from_secs(3_600) * hours);
        store.add_readings((0..49).map(|hour| check(1, at(hour))).collect()).await.unwrap();
        store.add_readings(vec![check(2, at(0))]).await.unwrap();
        assert_eq!(count(&store, 1, Span::Check).await, 25, "those of a day, and the one that ends it");
        assert_eq!(count(&store, 1, Span::Hour).await, 49);
        assert_eq!(count(&store, 2, Span::Check).await, 1, "nobody else's");
    }

    #[tokio::test]
    async fn readings_go_with_their_monitor_and_with_its_organization() {
        let store = EmbeddedStore::in_memory().unwrap();
        let mut writer = Writer::of(1);
        let made = [create_organization(1), create_service(1), create_monitor(1, 1), create_monitor(2, 1), create_monitor(3, 1)];
        writer.append(&store, made).await.unwrap();
        let at = Timestamp::from_millis(1_767_600_000_000);
        store.add_readings((1..=4).map(|n| check(n, at)).collect()).await.unwrap();
        writer.append(&store, [order(Command::DeleteMonitor { id: monitor(2) })]).await.unwrap();
        assert_eq!((count(&store, 1, Span::Check).await, count(&store, 2, Span::Check).await), (1, 0));
        writer.append(&store, [delete_organization()]).await.unwrap();
        for span in Span::ALL {
            let left = [count(&store, 1, span).await, count(&store, 3, span).await, count(&store, 4, span).await];
            assert_eq!(left, [0, 0, 1], "{span:?}");
        }
    }
}
