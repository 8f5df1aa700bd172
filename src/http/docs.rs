//! `/openapi.json` and `/docs`: the documentation for programs, and for people who like to try it. Both come out of this
//! binary, nothing is loaded from elsewhere.

use super::operations::reading;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, serve};
use warp::{
    Filter, Reply,
    filters::BoxedFilter,
    http::{StatusCode, header},
    hyper::body::Bytes,
    path::Tail,
    reply::{self, Response},
};

/// Scripts and styles of our own only. The viewer makes some styles and pictures as it goes.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// `GET /openapi.json`.
pub(super) fn document(document: &OpenApi) -> BoxedFilter<(impl Reply + use<>,)> {
    let text: Bytes = serde_json::to_vec(document).expect("the documentation is made of plain structures").into();
    warp::path!("openapi.json")
        .and(reading())
        .map(move || reply::with_header(Response::new(text.clone().into()), header::CONTENT_TYPE, "application/json"))
        .boxed()
}

/// `GET /docs`.
pub(super) fn viewer() -> BoxedFilter<(impl Reply,)> {
    let config = Arc::new(Config::from("/openapi.json").try_it_out_enabled(true).persist_authorization(false));
    let slash = warp::path!("docs").and(reading()).and(warp::path::full()).and_then(|path: warp::path::FullPath| async move {
        // The viewer's own addresses are relative: without the slash they would lead elsewhere.
        if path.as_str().ends_with('/') {
            Err(warp::reject::not_found())
        } else {
            Ok(warp::redirect(warp::http::Uri::from_static("/docs/")))
        }
    });
    let file = warp::path("docs").and(reading()).and(warp::path::tail()).and_then(move |tail: Tail| {
        // What is not there is left to the table of routes, which says so as for every other path.
        std::future::ready(file(tail.as_str(), config.clone()).ok_or_else(warp::reject::not_found))
    });
    slash.or(file).boxed()
}

fn file(path: &str, config: Arc<Config<'static>>) -> Option<Response> {
    match serve(path, config) {
        Ok(Some(file)) => {
            let answer = reply::with_header(
                Response::new(Bytes::from(file.bytes.into_owned()).into()),
                header::CONTENT_TYPE,
                file.content_type,
            );
            Some(reply::with_header(answer, header::CONTENT_SECURITY_POLICY, POLICY).into_response())
        }
        Ok(None) => None,
        Err(error) => {
            tracing::error!(error = error.to_string(), "the documentation cannot be shown");
            Some(StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
    }
}
