//! The service around the routes.

use super::{
    Edge, Head, RequestId,
    answer::{Content, Outgoing},
    body::{Guarded, Verdict},
    compression::WorthIt,
    host,
    record::Record,
    refusal::Refusal,
    request_id::X_REQUEST_ID,
};
use crate::http::site::ROOT;
use futures::{FutureExt, poll};
use std::{
    any::Any,
    convert::Infallible,
    future::Future,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{sleep, timeout};
use tower::{Service, ServiceExt};
use tower_http::compression::{Compression, Predicate};
use tracing::{Instrument, error, info_span, warn};
use warp::{
    http::{
        HeaderMap, HeaderValue, Method, Request, Response,
        header::{ACCEPT_ENCODING, ORIGIN, VARY},
    },
    hyper::body::{Body, Bytes, Incoming},
};

/// More is nobody's address here: browsers and proxies stop near this as well.
const LONGEST_ADDRESS: usize = 8 * 1024;

/// Routes behind the edge, for one connection.
#[derive(Clone)]
pub(super) struct Protected<S> {
    routes: S,
    edge: Edge,
    peer: SocketAddr,
}

/// Puts the edge between a connection and the routes.
pub(super) fn protect<S>(routes: S, edge: Edge, peer: SocketAddr) -> Protected<S> {
    Protected { routes, edge, peer }
}

impl<S, B> Service<Request<Incoming>> for Protected<S>
where
    S: Service<Request<Guarded>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
{
    type Response = Response<Outgoing<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // the routes are asked in `ask`, where a wait has its limit
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        Box::pin(self.clone().answer(request).map(Ok))
    }
}

impl<S, B> Protected<S>
where
    S: Service<Request<Guarded>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body<Data = Bytes>,
{
    async fn answer(self, request: Request<Incoming>) -> Response<Outgoing<B>> {
        let Self { routes, edge, peer } = self;
        let address = peer.ip().to_canonical();
        let client = edge.0.proxies.client(address, request.headers());
        let id = RequestId::of(request.headers(), edge.0.proxies.trusts(address));
        let version = request.version();
        let (mut request, verdict) = Guarded::new(request, edge.0.settings.body);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let headers = std::mem::take(request.headers_mut());
        let head = Arc::new(Head { method, uri, headers, id, client, peer, route: OnceLock::new() });
        let mut record = Record::begin(head.clone(), edge.0.telemetry.clone());
        let answer = match edge.examine(&head, request.body()) {
            Err(refusal) => {
                if matches!(refusal, Refusal::TooOften(_)) {
                    sleep(spread(edge.0.settings.refused_after)).await;
                }
                Err(refusal.answer(&head.id, version, edge.0.told))
            }
            Ok(Some(preflight)) => Err(preflight),
            Ok(None) => {
                request.extensions_mut().insert(head.clone());
                if head.method != Method::HEAD && !head.uri.path().starts_with(ROOT) {
                    // Whoever compresses looks for it in the request; sheets are packed already. The answer to HEAD says
                    // how long the whole would be, which nobody knows of a compressed one.
                    let accepted = head.headers.get_all(ACCEPT_ENCODING).iter().map(|one| (ACCEPT_ENCODING, one.clone()));
                    request.headers_mut().extend(accepted);
                }
                let span = info_span!("request", request_id = head.id.as_str());
                let answer = edge.ask(routes, request, verdict).instrument(span).await;
                answer.map_err(|refusal| refusal.answer(&head.id, version, edge.0.told))
            }
        };
        let dress = |status, headers: &mut HeaderMap| {
            edge.0.dress.put_on(head.uri.path(), status, headers);
            edge.0.cors.put_on(head.headers.get(ORIGIN), headers);
            headers.insert(X_REQUEST_ID, head.id.header());
        };
        match answer {
            Ok(mut of_route) => {
                dress(of_route.status(), of_route.headers_mut());
                record.answer(of_route.status());
                of_route.map(|body| Outgoing::of_route(body, record))
            }
            Err(mut own) => {
                dress(own.status(), own.headers_mut());
                record.answer(own.status());
                own.map(|body| Outgoing::own(body, record))
            }
        }
    }
}

impl Edge {
    /// Whether a request is worth asking the routes, or the answer to a browser that only asks whether it may.
    fn examine(&self, head: &Head, body: &Guarded) -> Result<Option<Response<Bytes>>, Refusal> {
        let inner = &self.0;
        inner.limits.check_address(head.client).map_err(Refusal::TooOften)?;
        if inner.settings.own_names_only && !host::is_own(head) {
            return Err(Refusal::NotOurName);
        }
        if head.uri.path_and_query().is_some_and(|address| address.as_str().len() > LONGEST_ADDRESS) {
            return Err(Refusal::AddressTooLong);
        }
        if body.is_announced_too_large() {
            return Err(Refusal::BodyTooLarge);
        }
        Ok(inner.cors.preflight(head))
    }

    /// Asks the routes, until their answer begins.
    async fn ask<S, B>(&self, routes: S, request: Request<Guarded>, verdict: Verdict) -> Result<Response<Content<B>>, Refusal>
    where
        S: Service<Request<Guarded>, Response = Response<B>, Error = Infallible>,
        B: Body<Data = Bytes>,
    {
        let mut asked = pin!(AssertUnwindSafe(content(routes, request)).catch_unwind());
        // Most answers are there at once: they need no clock.
        let answer = match poll!(asked.as_mut()) {
            Poll::Ready(answer) => Ok(answer),
            Poll::Pending => timeout(self.0.settings.answer_within, asked).await,
        };
        match answer {
            // A handler that was given half a body has nothing to say about the whole.
            Ok(Ok(Ok(answer))) => verdict.get().map_or(Ok(answer), Err),
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panic)) => {
                self.0.telemetry.panicked();
                error!(panic = words(&*panic), "a handler panicked");
                Err(Refusal::Panic)
            }
            Err(_) => {
                warn!("a handler took too long and was given up");
                Err(Refusal::Timeout)
            }
        }
    }
}

/// Asks the routes, and has the answer compressed if its client can read that. The machinery for it is kilobytes large:
/// who does not ask for it is not made to carry it.
async fn content<S, B>(routes: S, request: Request<Guarded>) -> Result<Response<Content<B>>, Infallible>
where
    S: Service<Request<Guarded>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes>,
{
    if request.headers().contains_key(ACCEPT_ENCODING) {
        let compressing = Compression::new(routes).compress_when(WorthIt);
        let mut answer = Box::pin(compressing.oneshot(request)).await?;
        said_once(answer.headers_mut());
        return Ok(answer.map(|body| Content::Compressed(Box::new(body))));
    }
    let mut answer = routes.oneshot(request).await?;
    let depends_on_coding = answer.headers().get_all(VARY).iter().any(is_by_coding);
    if !depends_on_coding && WorthIt.should_compress(&answer) {
        // Somebody else would have got other bytes.
        answer.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    }
    Ok(answer.map(Content::Plain))
}

/// Whoever packs by themselves has said already what that depends on.
fn said_once(headers: &mut HeaderMap) {
    if headers.get_all(VARY).iter().filter(|value| is_by_coding(value)).count() < 2 {
        return;
    }
    let rest: Vec<_> = headers.get_all(VARY).iter().filter(|value| !is_by_coding(value)).cloned().collect();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    for value in rest {
        headers.append(VARY, value);
    }
}

fn is_by_coding(vary: &HeaderValue) -> bool {
    vary == "accept-encoding"
}

/// What a panic said, if it said it in words.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("something without words")
}

/// A while, or up to half as long again: who was refused together does not come back together.
fn spread(least: Duration) -> Duration {
    let part = RandomState::new().hash_one(()) % 1_000;
    least + least.mul_f64(part as f64 / 2_000.0)
}
