//! `/assets`: what browsers load from us. All of it is in this binary.

use super::operations::reading;
use warp::{
    Filter, Reply,
    filters::BoxedFilter,
    http::{StatusCode, header},
    reply,
};
use xxhash_rust::xxh3::xxh3_64;

/// Follows a page live; for anybody's pages, so it may be loaded from anywhere.
const LIVE: &str = include_str!("assets/live.js");

/// `GET /assets/live.js`.
pub(super) fn asset() -> BoxedFilter<(impl Reply,)> {
    let tag = format!("\"{:x}\"", xxh3_64(LIVE.as_bytes()));
    warp::path!("assets" / "live.js")
        .and(reading())
        .and(warp::ext::get())
        .map(move |head: std::sync::Arc<super::edge::Head>| {
            let known = head.headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
            let (status, body) = if known { (StatusCode::NOT_MODIFIED, "") } else { (StatusCode::OK, LIVE) };
            let answer = reply::with_header(body, header::CONTENT_TYPE, "text/javascript; charset=utf-8");
            let answer = reply::with_header(answer, header::CACHE_CONTROL, "public, max-age=300");
            let answer = reply::with_header(answer, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
            reply::with_status(reply::with_header(answer, header::ETAG, &tag), status)
        })
        .boxed()
}
