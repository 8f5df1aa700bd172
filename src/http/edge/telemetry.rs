//! What the HTTP server counts. Labels are few: routes by their patterns, methods by a list, statuses as they are.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::time::Duration;
use warp::http::{Method, StatusCode};

/// What all requests to no route of ours are counted under: their paths are their own invention.
const UNKNOWN_ROUTE: &str = "unknown";

/// Counters of the HTTP server.
#[derive(Debug)]
pub struct HttpTelemetry {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, Buckets>,
    in_flight: Gauge,
    panics: Counter,
    connections: Gauge,
    turned_away: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

/// From a quarter of a millisecond to eight seconds.
#[derive(Clone, Copy, Debug)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
    }
}

impl Default for HttpTelemetry {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(Buckets),
            in_flight: Gauge::default(),
            panics: Counter::default(),
            connections: Gauge::default(),
            turned_away: Counter::default(),
        }
    }
}

impl HttpTelemetry {
    /// Shows everything in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tocsin_http_requests", "Requests answered, or given up by their client (499)", self.requests.clone());
        registry.register("tocsin_http_request_seconds", "From a request's head until its answer's", self.seconds.clone());
        registry.register("tocsin_http_requests_in_flight", "Requests whose answer has not begun", self.in_flight.clone());
        registry.register("tocsin_http_panics", "Handlers that panicked", self.panics.clone());
        registry.register("tocsin_http_connections", "Open connections", self.connections.clone());
        registry.register("tocsin_http_connections_turned_away", "Connections closed because of a limit", self.turned_away.clone());
    }

    /// How many handlers have panicked so far.
    pub fn panics(&self) -> u64 {
        self.panics.get()
    }

    pub(super) fn asked(&self) {
        self.in_flight.inc();
    }
    pub(super) fn answered(&self, route: Option<&'static str>, method: &Method, status: StatusCode, took: Duration) {
        let route = route.unwrap_or(UNKNOWN_ROUTE);
        self.in_flight.dec();
        self.requests.get_or_create(&RequestLabels { route, method: label(method), status: status.as_u16() }).inc();
        self.seconds.get_or_create(&RouteLabels { route }).observe(took.as_secs_f64());
    }
    pub(super) fn panicked(&self) {
        self.panics.inc();
    }
    pub(super) fn connected(&self) {
        self.connections.inc();
    }
    pub(super) fn disconnected(&self) {
        self.connections.dec();
    }
    pub(super) fn turned_away(&self) {
        self.turned_away.inc();
    }
}

/// Methods are a client's free choice of words, labels are not.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
