//! What checks found, in memory.

use super::{MemoryStore, now};
use crate::{
    domain::{MonitorId, Timestamp},
    readings::{Reading, ReadingStore, Span, Summary, Watched},
    store::Later,
};

impl ReadingStore for MemoryStore {
    fn watched(&self) -> Later<'_, Vec<Watched>> {
        let data = self.data();
        let orgs = data.orgs.values().filter_map(|rows| rows.latest.as_ref());
        let monitors = orgs.flat_map(|org| org.monitors().values().map(|monitor| (org.id(), monitor)));
        let watched = monitors.filter(|(_, monitor)| monitor.enabled).map(|(org, monitor)| Watched::of(org, monitor));
        now(watched.collect())
    }
    fn add_readings(&self, readings: Vec<Reading>) -> Later<'_, ()> {
        let mut data = self.data();
        for reading in &readings {
            for span in Span::ALL {
                let new = Summary::of(span, reading);
                let sum = data.readings.entry((reading.monitor, span, new.from)).or_insert(Summary {
                    checks: 0,
                    up: 0,
                    answered: 0,
                    ..new
                });
                *sum = if sum.checks == 0 { new } else { sum.plus(&new) };
            }
        }
        now(())
    }
    fn readings(&self, monitor: MonitorId, span: Span, from: Timestamp, to: Timestamp, limit: usize) -> Later<'_, Vec<Summary>> {
        let data = self.data();
        let found = if from < to { Some(data.readings.range((monitor, span, from)..(monitor, span, to))) } else { None };
        now(found.into_iter().flatten().take(limit).map(|(_, summary)| *summary).collect())
    }
}
