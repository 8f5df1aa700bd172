//! A table of routes that do what the product's do not: panic, never answer, ask for every byte.

use std::{convert::Infallible, future::pending, sync::Arc};
use tocsin::http::edge::Head;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use warp::{
    Filter, Rejection, Reply,
    filters::BoxedFilter,
    http::StatusCode,
    hyper::{body::Bytes, upgrade::OnUpgrade},
    reply::{Response, with_header, with_status},
};

/// More than is too little to be compressed.
pub(crate) fn big() -> String {
    format!("[{}0]", "1234567890,".repeat(1_000))
}

pub(crate) fn table() -> BoxedFilter<(impl Reply,)> {
    let plain = warp::path!("plain").and(is("/plain")).map(|| "plain".into_response());
    let route = warp::path!("api" / "v1" / "things" / String).and(is("/api/v1/things/{id}")).map(|_| json());
    let invite = warp::path!("api" / "v1" / "invites" / String).and(is("/api/v1/invites/{token}")).map(|_| json());
    let big = warp::path!("big" / String).map(|kind: String| {
        let kind = kind.replace('-', "/");
        with_header(with_header(big(), "content-type", kind), "etag", "\"1\"").into_response()
    });
    let same = warp::path!("same").map(|| with_header(with_status("", StatusCode::NOT_MODIFIED), "etag", "\"1\"").into_response());
    let page = warp::path!("page").map(|| {
        let page = with_header("<p>", "content-type", "text/html");
        with_header(page, "content-security-policy", "default-src 'self'").into_response()
    });
    let echo = warp::path!("echo")
        .and(is("/echo"))
        .and(warp::body::bytes())
        .map(|body: Bytes| format!("{} bytes", body.len()).into_response());
    let unread = warp::path!("unread").and(is("/unread")).map(|| "not read".into_response());
    let panics = warp::path!("panics").map(|| -> Response { panic!("on purpose") });
    let panics_later = warp::path!("panics" / "later").then(|| async {
        tokio::task::yield_now().await;
        panic_in_words("on purpose")
    });
    let never = warp::path!("never").then(pending::<Response>);
    let endless = warp::path!("endless").map(|| {
        let stream = futures::stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 16 * 1024])));
        with_header(warp::reply::stream(stream), "content-type", "text/event-stream").into_response()
    });
    let upgrade = warp::path!("upgrade").and(warp::ext::get()).map(upgrade);
    plain
        .or(route)
        .unify()
        .or(invite)
        .unify()
        .or(big)
        .unify()
        .or(same)
        .unify()
        .or(page)
        .unify()
        .or(echo)
        .unify()
        .or(unread)
        .unify()
        .or(panics)
        .unify()
        .or(panics_later)
        .unify()
        .or(never)
        .unify()
        .or(endless)
        .unify()
        .or(upgrade)
        .unify()
        .or(who())
        .unify()
        .recover(no_route)
        .unify()
        .boxed()
}

/// What is known about who asks.
fn who() -> BoxedFilter<(Response,)> {
    warp::path!("who")
        .and(is("/who"))
        .and(warp::ext::get())
        .map(|head: Arc<Head>| format!("{} by {} as {}", head.client, head.peer.ip(), head.id).into_response())
        .boxed()
}

/// Says which route it is.
fn is(route: &'static str) -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::ext::get().map(move |head: Arc<Head>| head.is_for(route)).untuple_one()
}

fn json() -> Response {
    with_header("{}", "content-type", "application/json").into_response()
}

async fn no_route(rejection: Rejection) -> Result<Response, Infallible> {
    let status = if rejection.is_not_found() { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
    Ok(with_status("no route", status).into_response())
}

/// Becomes a socket that says everything twice.
fn upgrade(upgrade: OnUpgrade) -> Response {
    tokio::spawn(async move {
        let mut socket = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
        let mut word = [0; 4];
        while socket.read_exact(&mut word).await.is_ok() {
            socket.write_all(&[word, word].concat()).await.unwrap();
        }
    });
    let response = with_header(with_status("", StatusCode::SWITCHING_PROTOCOLS), "connection", "upgrade");
    with_header(response, "upgrade", "twice").into_response()
}

/// A panic whose words are made at run time, which are of another type.
fn panic_in_words(words: &str) -> Response {
    panic!("{words}")
}
