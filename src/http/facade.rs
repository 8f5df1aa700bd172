//! What a facade is served with: a table of its own, on a listener of its own, behind the same edge. It is given what was
//! asked and gives an answer, and need not know what serves it.

use super::{
    Api,
    dispatch::failed,
    edge::{self, Edge, Head},
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
    domain::{Command, Order, Org, OrgId, Receipt, Timestamp, entities::Author},
    org::OrgError,
};
use tokio::{net::TcpListener, sync::oneshot};
use tower::{Layer, Service};
use warp::{
    Filter,
    http::{HeaderName, HeaderValue, Request, StatusCode, header},
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

    /// Carries commands to their durable end, all or none; answers what became of each and the organization in which it can
    /// be seen.
    pub async fn execute(&self, org: OrgId, by: Author, at: Timestamp, commands: Vec<Command>) -> Result<Done, Refused> {
        let order = |command| Order { by, at, key: None, only_at: None, command };
        let orders = commands.into_iter().map(order).collect();
        let receipts = self.0.directory.execute(org, orders).await.map_err(refused)?;
        Ok(Done { receipts, org: self.org(org).await? })
    }
}

/// What became of commands.
pub struct Done {
    /// One for each.
    pub receipts: Vec<Receipt>,
    /// After all of them.
    pub org: Arc<Org>,
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
}

impl Refused {
    /// With a text of the facade's own.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::new(error.status.as_u16(), error.message)
    }
}

/// What a facade answers.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    kind: &'static str,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// JSON.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("answers are plain structures with text keys");
        Self { status, kind: "application/json; charset=utf-8", body, headers: Vec::new() }
    }

    /// Nothing to see.
    pub fn empty(status: u16) -> Self {
        Self { status, kind: "", body: Vec::new(), headers: Vec::new() }
    }

    /// The same with a header more.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn response(self) -> Response {
        let mut response = Response::new(self.body.into());
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if !self.kind.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
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

struct Table<F>(Router<BTreeMap<&'static str, Run<F>>>);

impl<F: Facade> Table<F> {
    fn new() -> Self {
        let mut by_path: BTreeMap<&'static str, BTreeMap<&'static str, Run<F>>> = BTreeMap::new();
        for Line { method, path, run } in F::lines() {
            by_path.entry(path).or_default().insert(method, run);
        }
        let mut paths = Router::new();
        for (path, methods) in by_path {
            paths.insert(path, methods).unwrap_or_else(|error| panic!("{path} is in a facade's table twice: {error}"));
        }
        Self(paths)
    }

    async fn answer(&self, facade: Arc<F>, engine: Engine, head: Arc<Head>, body: Bytes) -> Response {
        let (method, path) = (head.method.as_str(), head.uri.path());
        let method = if method == "HEAD" { "GET" } else { method };
        let found = self.0.at(path).ok().and_then(|found| Some((found.value.get(method)?, found.params)));
        let Some((run, params)) = found else {
            head.is_for("facade: nothing");
            return F::refusal(F::nothing_here(method, path)).response();
        };
        head.is_for("facade");
        let decoded = |word: &str| percent_encoding::percent_decode_str(word).decode_utf8_lossy().into_owned();
        let words = params.iter().map(|(_, word)| decoded(word)).collect();
        let now = engine.0.clock.now();
        let asked = Asked { engine, now, head: head.clone(), words, body };
        let mut response = run(facade, asked).await.unwrap_or_else(F::refusal).response();
        if head.method.as_str() == "HEAD" {
            *response.body_mut() = Default::default();
        }
        response
    }
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
