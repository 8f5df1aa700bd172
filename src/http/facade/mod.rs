//! What a facade is served with: a table of its own, on a listener of its own, behind the same edge. It is given what was
//! asked and gives an answer, and need not know what serves it.

mod answer;
mod asked;
mod engine;
mod stream;

pub use answer::{Answer, Refused, Under};
pub use asked::Asked;
pub use engine::{Engine, People};
pub use stream::Stream;

use super::{
    dispatch::failed,
    edge::{self, Edge, Head},
    error::ApiError,
};
use futures::{FutureExt, future::BoxFuture};
use matchit::Router;
use socketioxide::layer::SocketIoLayer;
use std::{
    collections::BTreeMap,
    future::Future,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{net::TcpListener, sync::oneshot};
use tower::{Layer, Service};
use warp::{
    Filter,
    http::{Request, StatusCode},
    hyper::{body::Bytes, upgrade::OnUpgrade},
    reply::Response,
};

/// Where Socket.IO is, whoever speaks it.
const SOCKETS: &str = "/socket.io";

type Run<F> = Arc<dyn Fn(Arc<F>, Asked) -> BoxFuture<'static, Result<Answer, Refused>> + Send + Sync>;

/// A line of a facade's table.
pub struct Line<F> {
    method: &'static str,
    path: &'static str,
    run: Run<F>,
}

impl<F> Line<F> {
    /// What is done where. Words of the path stand in braces.
    pub fn new<D>(method: &'static str, path: &'static str, run: impl Fn(Arc<F>, Asked) -> D + Send + Sync + 'static) -> Self
    where
        D: Future<Output = Result<Answer, Refused>> + Send + 'static,
    {
        Self { method, path, run: Arc::new(move |facade, asked| run(facade, asked).boxed()) }
    }
}

/// A backend that somebody has front ends for, as it looks from there. It holds no state: what it is given to keep, the
/// engine keeps.
pub trait Facade: Sized + Send + Sync + 'static {
    /// How browsers are told that they may ask: the status, and what there is to read then.
    const PREFLIGHT: (u16, &'static str) = (204, "");
    /// Everything it answers.
    fn lines() -> Vec<Line<Self>>;
    /// How it says no: at a path that is not there, too.
    fn refusal(refused: Refused) -> Answer;
    /// What it says of a path that is not there.
    fn nothing_here(method: &str, path: &str) -> Refused;
    /// What it says of a path that is there, but not for this method.
    fn wrong_method(method: &str, path: &str) -> Refused {
        Self::nothing_here(method, path)
    }
}

/// Lines by path, each with what it is called in the log, and its methods.
struct Table<F>(Router<(&'static str, BTreeMap<&'static str, Run<F>>)>);

impl<F: Facade> Table<F> {
    fn new() -> Self {
        let mut by_path: BTreeMap<&'static str, BTreeMap<&'static str, Run<F>>> = BTreeMap::new();
        for Line { method, path, run } in F::lines() {
            by_path.entry(path).or_default().insert(method, run);
        }
        let mut paths = Router::new();
        for (path, methods) in by_path {
            paths.insert(path, (path, methods)).unwrap_or_else(|error| panic!("{path} is in a facade's table twice: {error}"));
        }
        Self(paths)
    }

    async fn answer(
        &self,
        facade: Arc<F>,
        engine: Engine,
        (head, body, upgrade): (Arc<Head>, Bytes, Option<OnUpgrade>),
    ) -> Response {
        let (method, path) = (head.method.as_str(), head.uri.path());
        let method = if method == "HEAD" { "GET" } else { method };
        let Ok(found) = self.0.at(path) else { return refusal::<F>(F::nothing_here(method, path)) };
        let ((route, methods), params) = (found.value, found.params);
        let Some(run) = methods.get(method) else { return refusal::<F>(F::wrong_method(method, path)) };
        head.is_for(route);
        let decoded = |word: &str| percent_encoding::percent_decode_str(word).decode_utf8_lossy().into_owned();
        let words = params.iter().map(|(_, word)| decoded(word)).collect();
        let asked = Asked { now: engine.now(), engine, head: head.clone(), words, body, upgrade: upgrade.into() };
        let mut response = run(facade, asked).await.map_or_else(refusal::<F>, Answer::response);
        if head.method.as_str() == "HEAD" {
            *response.body_mut() = Default::default();
        }
        response
    }
}

/// In the facade's own shape; when to come again is for everybody.
fn refusal<F: Facade>(refused: Refused) -> Response {
    let retry_after = refused.retry_after;
    F::refusal(refused).again_after(retry_after).response()
}

/// The same for what never gets to its table: [`Told`](edge::Told).
pub(crate) fn refusal_before<F: Facade>(status: StatusCode, code: &'static str, message: &'static str, _: &str) -> Vec<u8> {
    F::refusal(Refused { code, ..Refused::new(status.as_u16(), message) }).body()
}

/// Serves a facade until told to stop, then lets connections end by themselves for a while.
pub(crate) async fn serve<F: Facade>(
    listener: TcpListener,
    (facade, engine): (Arc<F>, Engine),
    (edge, sockets): (Edge, SocketIoLayer),
    stop: oneshot::Receiver<()>,
    last_call: Duration,
) {
    let table = Arc::new(Table::<F>::new());
    let request = warp::ext::get().and(warp::body::bytes()).and(warp::ext::optional());
    let routes = request.then(move |head: Arc<Head>, body, upgrade| {
        let (table, facade, engine) = (table.clone(), facade.clone(), engine.clone());
        async move { table.answer(facade, engine, (head, body, upgrade)).await }
    });
    let broken = |_| async { Ok::<_, std::convert::Infallible>(failed(ApiError::malformed("the request could not be read"), "")) };
    let routes = warp::service(routes.recover(broken).unify());
    edge::serve(listener, Headed(sockets.layer(routes)), edge, stop, last_call).await;
}

/// Gives the head of a request back to who looks for it in the request itself.
#[derive(Clone)]
struct Headed<S>(S);

impl<S: Service<Request<B>>, B> Service<Request<B>> for Headed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.uri().path().starts_with(SOCKETS)
            && let Some(head) = request.extensions().get::<Arc<Head>>().cloned()
        {
            head.is_for("/socket.io/");
            request.headers_mut().extend(head.headers.clone());
        }
        self.0.call(request)
    }
}
