//! What operators and their tools ask: is it alive, can it work, what does it count.

use super::{Api, dispatch::failed, edge::Head, error::ApiError};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::Counter, gauge::ConstGauge},
    registry::Registry,
};
use serde::Serialize;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use warp::{
    Filter, Reply,
    filters::BoxedFilter,
    http::{StatusCode, header},
    reply::{self, Response},
};

/// How long the store may take to answer before we count as not ready: orchestrators ask every few seconds.
const READY_WITHIN: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct HealthResponse {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// GET, or HEAD, of which only the head is sent.
pub(super) fn reading() -> impl Filter<Extract = (), Error = warp::Rejection> + Copy {
    warp::get().or(warp::head()).unify()
}

/// `GET /health`: the process lives and answers. Says nothing about the store.
pub(super) fn health(api: Arc<Api>) -> BoxedFilter<(impl Reply,)> {
    warp::path!("health")
        .and(reading())
        .map(move || {
            // Not a reason to be started again: those who are connected would lose their place.
            let full = api.edge.is_out_of_descriptors();
            let reason = full.then_some("new connections are refused: the process may open no more files");
            reply::json(&HealthResponse { status: if full { "full" } else { "ok" }, reason })
        })
        .boxed()
}

/// `GET /ready`: writes can be stored. Without the store it is 503; pages are served from memory all the same.
pub(super) fn ready(api: Arc<Api>) -> BoxedFilter<(impl Reply,)> {
    warp::path!("ready")
        .and(reading())
        .then(move || {
            let store = api.store.clone();
            async move {
                let (status, response) = match tokio::time::timeout(READY_WITHIN, store.ping()).await {
                    Ok(Ok(())) => (StatusCode::OK, HealthResponse { status: "ready", reason: None }),
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "not ready");
                        (
                            StatusCode::SERVICE_UNAVAILABLE,
                            HealthResponse { status: "not_ready", reason: Some("the store cannot be reached") },
                        )
                    }
                    Err(_) => (
                        StatusCode::SERVICE_UNAVAILABLE,
                        HealthResponse { status: "not_ready", reason: Some("the store does not answer") },
                    ),
                };
                reply::with_status(reply::json(&response), status)
            }
        })
        .boxed()
}

/// How logins end.
#[derive(Default)]
pub struct Logins {
    pub(super) succeeded: Counter,
    pub(super) refused: Counter,
}

/// `GET /metrics`: what the engine and the edge count, for Prometheus. With a token, if one was chosen.
pub(super) fn metrics(api: Arc<Api>) -> BoxedFilter<(Response,)> {
    let mut registry = Registry::default();
    api.directory.telemetry().register(&mut registry);
    api.edge.telemetry().register(&mut registry);
    api.monitors.telemetry().register(&mut registry);
    register_live(&mut registry, &api);
    registry.register("tocsin_logins_succeeded", "Logins with the right password", api.logins.succeeded.clone());
    registry.register(
        "tocsin_logins_refused",
        "Logins with a wrong password, and those that were not looked at",
        api.logins.refused.clone(),
    );
    let registry = Arc::new(registry);
    warp::path!("metrics")
        .and(reading())
        .and(warp::ext::get())
        .map(move |head: Arc<Head>| {
            if let Some(token) = &api.settings.metrics_token {
                let wanted = format!("Bearer {token}");
                let sent = head.headers.get(header::AUTHORIZATION);
                let right = sent.is_some_and(|sent| verify_slices_are_equal(sent.as_bytes(), wanted.as_bytes()).is_ok());
                if !right {
                    let error = ApiError::unauthorized("unauthorized", "metrics ask for the token of --metrics-token");
                    return failed(error, head.id.as_str());
                }
            }
            let mut text = String::new();
            let status = match prometheus_client::encoding::text::encode(&mut text, &registry) {
                Ok(()) => StatusCode::OK,
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            reply::with_status(reply::with_header(text, header::CONTENT_TYPE, kind), status).into_response()
        })
        .boxed()
}

/// How many listen, as of the moment when it is asked.
fn register_live(registry: &mut Registry, api: &Arc<Api>) {
    registry.register_collector(Box::new(Listening(Arc::downgrade(api))));
}

/// Counted where they are; nothing is counted twice.
#[derive(Debug)]
struct Listening(Weak<Api>);

impl Collector for Listening {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(api) = self.0.upgrade() else { return Ok(()) };
        let counts = [
            ("tocsin_live_sockets", "WebSockets that are open", api.live.sockets()),
            ("tocsin_live_organizations", "Organizations that somebody listens to, or did a moment ago", api.live.organizations()),
        ];
        for (name, help, count) in counts {
            let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// In place of what is served elsewhere: leaves every request to the next filter.
pub(super) fn nothing() -> BoxedFilter<(Response,)> {
    warp::any().and_then(|| std::future::ready(Err(warp::reject::not_found()))).boxed()
}

/// `GET /.well-known/jwks.json`: the public halves of the keys that sign our access tokens.
pub(super) fn jwks(api: Arc<Api>) -> BoxedFilter<(impl Reply,)> {
    warp::path!(".well-known" / "jwks.json")
        .and(reading())
        .then(move || {
            let identity = api.identity.clone();
            async move { reply::json(&identity.jwks().await) }
        })
        .boxed()
}
