//! What checks found. Single checks are kept an hour of a monitor to a document, sums one to a document; each says when it
//! may go, and the server throws it away then. What a deleted monitor leaves behind goes the same way.
//!
//! All of a batch travels in one message. What cannot be added twice without counting twice is sent once.

use super::{
    MongoStore,
    bulk::{self, Concern, Verb},
    database::{id, read_all},
};
use crate::store::documents::{self, Collection};
use bson::{DateTime, Document, RawDocumentBuf, doc};
use futures::FutureExt;
use serde::Deserialize;
use std::collections::BTreeMap;
use tocsin_actors::{
    domain::{MonitorId, Timestamp},
    readings::{Reading, ReadingStore, Span, Summary, Watched},
    store::{Later, StoreError},
};

/// Their collection.
pub(super) const READINGS: &str = "monitor_readings";

/// A sum as it is stored. Its `_id` is `{monitor, span, from}`.
#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "_id")]
    id: StoredId,
    #[serde(default)]
    checks: u32,
    #[serde(default)]
    up: u32,
    #[serde(default)]
    answered: u32,
    #[serde(default)]
    sum_ms: u64,
    min_ms: Option<u32>,
    max_ms: Option<u32>,
    #[serde(default)]
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct StoredId {
    from: Timestamp,
}

/// A single check.
#[derive(Deserialize)]
struct Point {
    at: Timestamp,
    up: bool,
    ms: Option<u32>,
}

impl Stored {
    fn sum(&self) -> Summary {
        Summary {
            from: self.id.from,
            checks: self.checks,
            up: self.up,
            answered: self.answered,
            sum_ms: self.sum_ms,
            min_ms: self.min_ms.unwrap_or(0),
            max_ms: self.max_ms.unwrap_or(0),
        }
    }
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}

fn key(monitor: MonitorId, span: Span, from: Timestamp) -> Document {
    doc! { "monitor": id(monitor.uuid()), "span": span.as_str(), "from": date(from) }
}

/// Single checks lie together by the hour.
fn piece(at: Timestamp) -> Timestamp {
    Span::Hour.start_of(at)
}

fn upsert(key: Document, mut change: Document, expires_at: Timestamp) -> Document {
    change.insert("$setOnInsert", doc! { "expires_at": date(expires_at) });
    doc! { "q": { "_id": key }, "u": change, "upsert": true }
}

/// One statement a document, whatever of it is in the batch.
fn statements(readings: &[Reading]) -> Vec<Document> {
    let mut points: BTreeMap<(MonitorId, Timestamp), Vec<Document>> = BTreeMap::new();
    let mut sums: BTreeMap<(MonitorId, Span, Timestamp), Summary> = BTreeMap::new();
    for reading in readings {
        let mut point = doc! { "at": date(reading.at), "up": reading.up };
        reading.response_ms.into_iter().for_each(|ms| drop(point.insert("ms", i64::from(ms))));
        points.entry((reading.monitor, piece(reading.at))).or_default().push(point);
        for span in [Span::FiveMinutes, Span::Hour, Span::Day] {
            let new = Summary::of(span, reading);
            sums.entry((reading.monitor, span, new.from)).and_modify(|sum| *sum = sum.plus(&new)).or_insert(new);
        }
    }
    let points = points.into_iter().map(|((monitor, from), points)| {
        let expires_at = from.after(Span::Hour.length() + Span::Check.kept());
        upsert(key(monitor, Span::Check, from), doc! { "$push": { "points": { "$each": points } } }, expires_at)
    });
    let sums = sums.into_iter().map(|((monitor, span, from), sum)| {
        let (checks, up, answered) = (i64::from(sum.checks), i64::from(sum.up), i64::from(sum.answered));
        let sum_ms = i64::try_from(sum.sum_ms).unwrap_or(i64::MAX);
        let mut change = doc! { "$inc": { "checks": checks, "up": up, "answered": answered, "sum_ms": sum_ms } };
        if sum.answered > 0 {
            change.insert("$min", doc! { "min_ms": i64::from(sum.min_ms) });
            change.insert("$max", doc! { "max_ms": i64::from(sum.max_ms) });
        }
        upsert(key(monitor, span, from), change, from.after(span.length() + span.kept()))
    });
    points.chain(sums).collect()
}

impl MongoStore {
    async fn stored(
        &self,
        monitor: MonitorId,
        span: Span,
        from: Timestamp,
        to: Timestamp,
        limit: i64,
    ) -> Result<Vec<Stored>, StoreError> {
        let these = doc! { "_id": { "$gte": key(monitor, span, from), "$lt": key(monitor, span, to) } };
        let readings = self.database.collection(READINGS);
        let found = readings.find(these).sort(doc! { "_id": 1 }).limit(limit);
        read_all(found).await?.iter().map(|stored| documents::decode(stored.as_bytes())).collect()
    }
}

impl ReadingStore for MongoStore {
    fn watched(&self) -> Later<'_, Vec<Watched>> {
        async move {
            let monitors = self.database.collection(Collection::Monitors.name());
            let fields = doc! { "org": 1, "url": 1, "expects": 1, "pace": 1, "enabled": 1, "revision": 1, "state": 1 };
            let found = read_all(monitors.find(doc! { "enabled": true }).projection(fields)).await?;
            found.iter().map(|monitor| documents::decode(monitor.as_bytes())).collect()
        }
        .boxed()
    }

    fn add_readings(&self, readings: Vec<Reading>) -> Later<'_, ()> {
        async move {
            let raw =
                |statement: &Document| RawDocumentBuf::try_from(statement).map_err(|error| StoreError::Corrupt(error.to_string()));
            let statements = statements(&readings).iter().map(raw).collect::<Result<Vec<_>, _>>()?;
            let answers = bulk::run(&self.database, Verb::Update, READINGS, &statements, Concern::Durable).await?;
            // Somebody else made the document in this moment: it is there now.
            let again: Vec<_> = answers.overtaken.iter().filter_map(|index| statements.get(*index)).collect();
            let refused = bulk::run(&self.database, Verb::Update, READINGS, &again, Concern::Durable).await?.refused;
            match answers.refused.into_iter().chain(refused).next() {
                Some((_, why)) => Err(StoreError::Unavailable(why)),
                None => Ok(()),
            }
        }
        .boxed()
    }

    fn readings(&self, monitor: MonitorId, span: Span, from: Timestamp, to: Timestamp, limit: usize) -> Later<'_, Vec<Summary>> {
        async move {
            if limit == 0 || from >= to {
                return Ok(Vec::new());
            }
            if span != Span::Check {
                let found = self.stored(monitor, span, from, to, i64::try_from(limit).unwrap_or(i64::MAX)).await?;
                return Ok(found.iter().map(Stored::sum).collect());
            }
            // The piece in which the window begins, begins before it.
            let pieces = self.stored(monitor, span, piece(from), to, 0).await?;
            let points = pieces.into_iter().flat_map(|piece| piece.points).filter(|point| point.at >= from && point.at < to);
            let reading = |point: Point| Reading { monitor, at: point.at, up: point.up, response_ms: point.ms };
            let mut found: Vec<_> = points.map(|point| Summary::of(span, &reading(point))).collect();
            found.sort_by_key(|one| one.from);
            found.truncate(limit);
            Ok(found)
        }
        .boxed()
    }
}
