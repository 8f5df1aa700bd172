//! What operators and their tools ask: is it alive, can it work, what does it count.

use super::{Api, edge::Edge};
use prometheus_client::registry::Registry;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use warp::{
    Filter, Reply,
    filters::BoxedFilter,
    http::{StatusCode, header},
    reply,
};

/// How long the store may take to answer before we count as not ready: orchestrators ask every few seconds.
const READY_WITHIN: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct HealthResponse {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// `GET /health`: the process lives and answers. Says nothing about the store.
pub(super) fn health() -> BoxedFilter<(impl Reply,)> {
    warp::path!("health").and(warp::get()).map(|| reply::json(&HealthResponse { status: "ok", reason: None })).boxed()
}

/// `GET /ready`: writes can be stored. Without the store it is 503; pages are served from memory all the same.
pub(super) fn ready(api: Api) -> BoxedFilter<(impl Reply,)> {
    warp::path!("ready")
        .and(warp::get())
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

/// `GET /metrics`: what the engine and the edge count, for Prometheus.
pub(super) fn metrics(api: Api, edge: Edge) -> BoxedFilter<(impl Reply,)> {
    let mut registry = Registry::default();
    api.directory.telemetry().register(&mut registry);
    edge.telemetry().register(&mut registry);
    let registry = Arc::new(registry);
    warp::path!("metrics")
        .and(warp::get())
        .map(move || {
            let mut text = String::new();
            let status = match prometheus_client::encoding::text::encode(&mut text, &registry) {
                Ok(()) => StatusCode::OK,
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            reply::with_status(reply::with_header(text, header::CONTENT_TYPE, kind), status)
        })
        .boxed()
}
