//! `/assets`: what browsers load from us. All of it is in this binary.

use super::{edge::Head, operations::reading};
use std::sync::{Arc, LazyLock};
use warp::{
    Filter, Rejection,
    filters::BoxedFilter,
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};
use xxhash_rust::xxh3::xxh3_64;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const POSTER: &str = "image/png";

/// Everything there is: its name, its type, and what is in it.
static ASSETS: LazyLock<[Asset; 14]> = LazyLock::new(|| {
    [
        // Follows a page live; for anybody's pages, so it may be loaded from anywhere.
        Asset::new("live.js", SCRIPT, include_bytes!("assets/live.js")),
        // Makes our own page live.
        Asset::new("page.js", SCRIPT, include_bytes!("assets/page.js")),
        Asset::new("icon-operational.svg", PICTURE, include_bytes!("assets/icon-operational.svg")),
        Asset::new("icon-maintenance.svg", PICTURE, include_bytes!("assets/icon-maintenance.svg")),
        Asset::new("icon-degraded.svg", PICTURE, include_bytes!("assets/icon-degraded.svg")),
        Asset::new("icon-partial.svg", PICTURE, include_bytes!("assets/icon-partial.svg")),
        Asset::new("icon-major.svg", PICTURE, include_bytes!("assets/icon-major.svg")),
        Asset::new("icon-none.svg", PICTURE, include_bytes!("assets/icon-none.svg")),
        // What is shown where a page is linked to: few who make such previews draw SVG.
        Asset::new("state-operational.png", POSTER, include_bytes!("assets/state-operational.png")),
        Asset::new("state-maintenance.png", POSTER, include_bytes!("assets/state-maintenance.png")),
        Asset::new("state-degraded.png", POSTER, include_bytes!("assets/state-degraded.png")),
        Asset::new("state-partial.png", POSTER, include_bytes!("assets/state-partial.png")),
        Asset::new("state-major.png", POSTER, include_bytes!("assets/state-major.png")),
        Asset::new("state-none.png", POSTER, include_bytes!("assets/state-none.png")),
    ]
});

struct Asset {
    name: &'static str,
    kind: &'static str,
    body: &'static [u8],
    tag: HeaderValue,
}

impl Asset {
    fn new(name: &'static str, kind: &'static str, body: &'static [u8]) -> Self {
        let tag = HeaderValue::from_str(&format!("\"{:x}\"", xxh3_64(body))).expect("digits in quotes");
        Self { name, kind, body, tag }
    }

    fn answer(&self, head: &Head) -> Response {
        let known = head.headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == self.tag);
        let mut answer = Response::new(if known { "".into() } else { self.body.into() });
        if known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ETAG, self.tag.clone());
        answer
    }
}

/// `GET /assets/{name}`.
pub(super) fn asset() -> BoxedFilter<(Response,)> {
    warp::path!("assets" / String)
        .and(reading())
        .and(warp::ext::get())
        .and_then(async |name: String, head: Arc<Head>| {
            let asset = ASSETS.iter().find(|asset| asset.name == name);
            asset.map(|asset| asset.answer(&head)).ok_or_else(warp::reject::not_found) as Result<Response, Rejection>
        })
        .boxed()
}
