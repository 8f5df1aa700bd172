//! What website checks count. One label at most: monitors have names, and there may be thousands.

use super::probe::Finding;
use prometheus_client::{
    metrics::{
        counter::Counter,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::time::Duration;

/// A check that begins so much after its time is late: timers are no more exact than that on a busy machine.
const LATE: Duration = Duration::from_secs(1);

/// Counters of the checks that this server makes.
#[derive(Debug)]
pub struct MonitorTelemetry {
    followed: Gauge,
    checks: Counter,
    failed: Counter,
    late: Counter,
    skipped: Counter,
    seconds: Histogram,
    lost: Counter,
}

impl Default for MonitorTelemetry {
    fn default() -> Self {
        Self {
            followed: Gauge::default(),
            checks: Counter::default(),
            failed: Counter::default(),
            late: Counter::default(),
            skipped: Counter::default(),
            // From a millisecond to the longest that one may take.
            seconds: Histogram::new(exponential_buckets(0.001, 2.0, 17)),
            lost: Counter::default(),
        }
    }
}

impl MonitorTelemetry {
    /// Shows everything in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tocsin_monitors", "Website checks that this server makes in turn", self.followed.clone());
        registry.register("tocsin_monitor_checks", "Checks made", self.checks.clone());
        registry.register("tocsin_monitor_checks_failed", "Checks that found a website down", self.failed.clone());
        registry.register("tocsin_monitor_checks_late", "Checks begun more than a second after their time", self.late.clone());
        registry.register("tocsin_monitor_checks_skipped", "Times at which no check could be made", self.skipped.clone());
        registry.register("tocsin_monitor_check_seconds", "How long a check took", self.seconds.clone());
        registry.register("tocsin_monitor_readings_lost", "Checks whose findings could not be kept", self.lost.clone());
    }

    /// So many are checked in turn.
    pub(super) fn follows(&self, monitors: usize) {
        self.followed.set(i64::try_from(monitors).unwrap_or(i64::MAX));
    }
    /// One was begun so long after its time, and so many of its times had gone by.
    pub(super) fn began(&self, behind: Duration, skipped: u64) {
        self.late.inc_by(u64::from(behind > LATE));
        self.skipped.inc_by(skipped);
    }
    pub(super) fn made(&self, found: &Finding, took: Duration) {
        self.checks.inc();
        self.failed.inc_by(u64::from(!found.is_up()));
        self.seconds.observe(took.as_secs_f64());
    }
    /// One was to be made and was not.
    pub(super) fn skipped(&self) {
        self.skipped.inc();
    }
    pub(super) fn lost(&self, readings: usize) {
        self.lost.inc_by(u64::try_from(readings).unwrap_or(u64::MAX));
    }
}
