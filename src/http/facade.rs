//! What a facade is served with: a table of its own, on a listener of its own, behind the same edge. It is given what was
//! asked and gives an answer, and need not know what serves it.

use super::{
    Api,
    dispatch::failed,
    edge::{self, Edge, Head, RetryAfter},
    error::ApiError,
};
use futures::{FutureExt, future::BoxFuture};
use matchit::Router;
use serde::Serialize;
use serde_json::Value;
use socketioxide::layer::SocketIoLayer;
use std::{
    collections::BTreeMap,
    fmt::Debug,
    future::Future,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tocsin_actors::{
    domain::{Command, Order, Org, OrgId, Timestamp, entities::Author},
    org::OrgError,
};
use tokio::{net::TcpListener, sync::oneshot};
use tower::{Layer, Service};
use warp::{
    Filter,
    http::{HeaderValue, Request, StatusCode, header},
    hyper::body::Bytes,
    reply::Response,
};

/// Where Socket.IO is, whoever speaks it.
const SOCKETS: &str = "/socket.io";

/// A request to a facade.
pub struct Asked {
    /// The way to the organizations.
    pub engine: Engine,
    /// When it came; what is made by it carries this time.
    pub now: Timestamp,
    head: Arc<Head>,
    words: Vec<String>,
    body: Bytes,
}

impl Asked {
    /// The n-th word in braces of the path.
    pub fn word(&self, n: usize) -> &str {
        self.words.get(n).map_or("", String::as_str)
    }

    /// What the query says under this name.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.head.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// A header, if it can be read.
    pub fn header(&self, name: &'static str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The body, if it is JSON and says so; none when there is nothing of the kind, and why where it is broken.
    pub fn json(&self) -> Result<Option<Value>, Refused> {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if self.body.is_empty() || !kind.eq_ignore_ascii_case("application/json") {
            return Ok(None);
        }
        serde_json::from_slice(&self.body).map(Some).map_err(|error| Refused::new(400, error.to_string()))
    }
}

/// The engine as facades use it: the same commands to the same actors as everybody's.
#[derive(Clone)]
pub struct Engine(Arc<Api>);

impl Engine {
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self(api)
    }

    /// An organization as it is now.
    pub async fn org(&self, id: OrgId) -> Result<Arc<Org>, Refused> {
        Ok(self.0.directory.view(id).await.map_err(ApiError::from)?)
    }

    /// Carries a command to its durable end; answers the organization in which its effect can be seen.
    pub async fn execute(&self, org: OrgId, by: Author, at: Timestamp, command: Command) -> Result<Arc<Org>, Refused> {
        let order = Order { by, at, key: None, only_at: None, command };
        self.0.directory.execute(org, vec![order]).await.map_err(refused)?;
        self.org(org).await
    }
}

/// What an existing client understands as what it sent being wrong is 400, not 422.
fn refused(error: OrgError) -> Refused {
    let mut refused = Refused::from(ApiError::from(error));
    if refused.status == StatusCode::UNPROCESSABLE_ENTITY.as_u16() {
        refused.status = 400;
    }
    refused
}

/// Why something is not done: the facade says it in its own shape.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The status of HTTP.
    pub status: u16,
    /// For people.
    pub text: String,
    /// When another try makes sense.
    retry_after: Option<RetryAfter>,
}

impl Refused {
    /// With a text of the facade's own.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), retry_after: None }
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        let retry_after = error.retry_after.map(RetryAfter);
        Self { retry_after, ..Self::new(error.status.as_u16(), error.message) }
    }
}

/// What a facade answers.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    kind: &'static str,
    body: Vec<u8>,
}

impl Answer {
    /// JSON.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("answers are plain structures with text keys");
        Self { status, kind: "application/json; charset=utf-8", body }
    }

    /// Nothing to see.
    pub fn empty(status: u16) -> Self {
        Self { status, kind: "", body: Vec::new() }
    }

    fn response(self) -> Response {
        let mut response = Response::new(self.body.into());
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if !self.kind.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        }
        response
    }
}

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
    /// Everything it answers.
    fn lines() -> Vec<Line<Self>>;
    /// How it says no: at a path that is not there, too.
    fn refusal(refused: Refused) -> Answer;
    /// What it says of a path that is not there.
    fn nothing_here(method: &str, path: &str) -> Refused;
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

    async fn answer(&self, facade: Arc<F>, engine: Engine, head: Arc<Head>, body: Bytes) -> Response {
        let (method, path) = (head.method.as_str(), head.uri.path());
        let method = if method == "HEAD" { "GET" } else { method };
        let found = self.0.at(path).ok().and_then(|found| Some((found.value.0, found.value.1.get(method)?, found.params)));
        let Some((route, run, params)) = found else { return refusal::<F>(F::nothing_here(method, path)) };
        head.is_for(route);
        let decoded = |word: &str| percent_encoding::percent_decode_str(word).decode_utf8_lossy().into_owned();
        let words = params.iter().map(|(_, word)| decoded(word)).collect();
        let now = engine.0.clock.now();
        let asked = Asked { engine, now, head: head.clone(), words, body };
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
    let mut response = F::refusal(refused).response();
    if let Some(after) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, after.seconds().into());
    }
    response
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
    let routes = warp::ext::get().and(warp::body::bytes()).then(move |head: Arc<Head>, body| {
        let (table, facade, engine) = (table.clone(), facade.clone(), engine.clone());
        async move { table.answer(facade, engine, head, body).await }
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
