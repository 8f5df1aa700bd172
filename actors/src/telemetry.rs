//! What the engine counts. The server shows it at `/metrics`; nothing in the engine ever reads it back.

use crate::store::StoreError;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::time::Duration;

/// A stable word, such as the code of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Code {
    /// The word.
    pub code: &'static str,
}

/// Counters of the engine.
#[derive(Debug)]
pub struct Telemetry {
    /// Organizations with a running actor.
    pub awake: Gauge,
    /// Orders that were let in and are not answered yet.
    pub in_flight: Gauge,
    commit_seconds: Histogram,
    commit_events: Histogram,
    activation_seconds: Histogram,
    rejections: Family<Code, Counter>,
    store_failures: Family<Code, Counter>,
    crashes: Counter,
    turned_away: Counter,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            awake: Gauge::default(),
            in_flight: Gauge::default(),
            commit_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            commit_events: Histogram::new(exponential_buckets(1.0, 4.0, 6)),
            activation_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 14)),
            rejections: Family::default(),
            store_failures: Family::default(),
            crashes: Counter::default(),
            turned_away: Counter::default(),
        }
    }
}

impl Telemetry {
    /// Shows everything in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tocsin_organizations_awake", "Organizations with a running actor", self.awake.clone());
        registry.register("tocsin_orders_in_flight", "Orders let in and not answered yet", self.in_flight.clone());
        registry.register(
            "tocsin_commit_seconds",
            "From handing a commit to the store until it is durable",
            self.commit_seconds.clone(),
        );
        registry.register("tocsin_commit_events", "Events in a commit", self.commit_events.clone());
        registry.register("tocsin_activation_seconds", "Bringing an organization to life", self.activation_seconds.clone());
        registry.register("tocsin_rejections", "Orders refused by a rule", self.rejections.clone());
        registry.register("tocsin_store_failures", "Commits that the store did not confirm", self.store_failures.clone());
        registry.register("tocsin_actor_crashes", "Organization actors that died and were loaded again", self.crashes.clone());
        registry.register("tocsin_turned_away", "Orders turned away because too much was waiting", self.turned_away.clone());
    }
    pub(crate) fn committed(&self, took: Duration, events: u64) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_events.observe(events as f64);
    }
    pub(crate) fn activated(&self, took: Duration) {
        self.activation_seconds.observe(took.as_secs_f64());
    }
    pub(crate) fn rejected(&self, code: &'static str) {
        self.rejections.get_or_create(&Code { code }).inc();
    }
    pub(crate) fn store_failed(&self, error: &StoreError) {
        let code = match error {
            StoreError::Conflict => "conflict",
            StoreError::Unknown(_) => "unknown",
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Corrupt(_) => "corrupt",
        };
        self.store_failures.get_or_create(&Code { code }).inc();
    }
    pub(crate) fn crashed(&self) {
        self.crashes.inc();
    }
    pub(crate) fn turned_away(&self) {
        self.turned_away.inc();
    }
    /// How many actors have died so far.
    pub fn crashes(&self) -> u64 {
        self.crashes.get()
    }
}
