//! What stands between the network and the routes, and holds for all of them: who asks and how often, how big and how slow
//! a request may be, what is logged and counted, and what every answer carries.
//!
//! One service that does most of it in one pass: layers of boxed futures would cost more than some handlers. It knows no
//! route; what it has to know of one, the route says with [`Head::is_for`].

mod answer;
mod body;
mod client;
mod compression;
mod connections;
mod cors;
mod descriptors;
mod entrance;
mod head;
mod headers;
mod host;
mod listen;
mod protect;
mod rates;
mod record;
mod refusal;
mod request_id;
mod settings;
mod table;
mod telemetry;

pub(super) use self::{connections::Seat, listen::serve};
pub use self::{
    cors::{WHOEVER_ASKS, parse_origin},
    head::Head,
    rates::{RateLimits, RetryAfter},
    refusal::Told,
    request_id::RequestId,
    settings::{BodyLimits, ConnectionLimits, EdgeSettings, MAX_BODY, Methods, Rate, RateSettings},
    telemetry::HttpTelemetry,
};

use self::{
    client::Proxies, connections::Connections, cors::Cors, descriptors::Exhausted, headers::Dress, request_id::X_REQUEST_ID,
};
use std::sync::Arc;
use warp::http::{HeaderMap, HeaderValue, StatusCode};

/// Everything that the connections of a server share.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    settings: EdgeSettings,
    limits: Arc<RateLimits>,
    telemetry: Arc<HttpTelemetry>,
    connections: Arc<Connections>,
    proxies: Arc<Proxies>,
    exhausted: Arc<Exhausted>,
    cors: Cors,
    dress: Dress,
    told: Told,
}

impl Edge {
    /// Makes it from settings.
    pub fn new(settings: EdgeSettings) -> Self {
        let telemetry = Arc::new(HttpTelemetry::default());
        let proxies = Arc::new(Proxies::new(&settings.trusted_proxies));
        Self(Arc::new(Inner {
            limits: Arc::new(RateLimits::new(&settings.rates)),
            connections: Arc::new(Connections::new(settings.connections, proxies.clone(), telemetry.clone())),
            cors: Cors::new(&settings),
            dress: Dress::new(settings.hsts),
            told: refusal::as_the_api_does,
            settings,
            exhausted: Arc::default(),
            telemetry,
            proxies,
        }))
    }

    /// The same for another listener of the same server, which pages of more origins use, and where errors and what browsers
    /// ask before they ask are answered differently: all count together.
    pub fn beside(&self, origins: &[&str], told: Told, preflight: (u16, &'static str)) -> Self {
        let own = self.0.settings.cors_origins.iter().cloned();
        let cors_origins = origins.iter().map(ToString::to_string).chain(own).collect();
        self.with(EdgeSettings { cors_origins, preflight, ..self.0.settings.clone() }, told)
    }

    /// The same for who asks for this machine by its own names: see [`EdgeSettings::own_names_only`].
    pub fn by_own_names_only(&self) -> Self {
        self.with(EdgeSettings { own_names_only: true, ..self.0.settings.clone() }, self.0.told)
    }

    fn with(&self, settings: EdgeSettings, told: Told) -> Self {
        let inner = &self.0;
        Self(Arc::new(Inner {
            limits: inner.limits.clone(),
            connections: inner.connections.clone(),
            cors: Cors::new(&settings),
            dress: Dress::new(settings.hsts),
            told,
            settings,
            exhausted: inner.exhausted.clone(),
            telemetry: inner.telemetry.clone(),
            proxies: inner.proxies.clone(),
        }))
    }

    /// How often who may ask. The one by address is asked here, the others by those who know who asks for what.
    pub fn limits(&self) -> &RateLimits {
        &self.0.limits
    }

    /// Puts on what every answer carries, for who keeps answers ready: with a place for the name of the request, so that a
    /// copy need not grow for it.
    pub fn dress(&self, path: &str, status: StatusCode, headers: &mut HeaderMap) {
        self.0.dress.put_on(path, status, headers);
        headers.insert(X_REQUEST_ID, HeaderValue::from_static(""));
    }

    /// Whether somebody was turned away a moment ago because the process may open no more files.
    pub fn is_out_of_descriptors(&self) -> bool {
        self.0.exhausted.is_recent()
    }

    /// Which pages of other origins may use the API from a browser, as it was said.
    pub fn origins(&self) -> &[String] {
        &self.0.settings.cors_origins
    }

    /// What is counted.
    pub fn telemetry(&self) -> &HttpTelemetry {
        &self.0.telemetry
    }
}
