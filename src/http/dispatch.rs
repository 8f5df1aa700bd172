//! The way of a request through the table of routes: find the line, ask who it is and whether they may, run the handler
//! on the organization as it is now, and answer the way HTTP wants it.

use super::{
    Api,
    access::{self, Named},
    answer::Answer,
    call::Call,
    edge::Head,
    error::{ApiError, ErrorBody, ErrorResponse},
    route::Route,
};
use crate::identity::Caller;
use matchit::Router;
use std::{collections::BTreeMap, sync::Arc};
use tocsin_actors::domain::{Org, OrgId};
use warp::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    hyper::body::Bytes,
    reply::Response,
};
use xxhash_rust::xxh3::xxh3_64;

/// How often a conditional write looks again when the organization moves on between looking and writing.
const MOST_LOOKS: usize = 16;

/// The lines of the table by path, each with its methods.
#[derive(Clone)]
pub(super) struct Table {
    paths: Arc<Router<BTreeMap<&'static str, Arc<Route>>>>,
}

impl Table {
    pub(super) fn new(routes: &[Route]) -> Self {
        let mut by_path: BTreeMap<&'static str, BTreeMap<&'static str, Arc<Route>>> = BTreeMap::new();
        for route in routes {
            let methods = by_path.entry(route.path).or_default();
            methods.insert(name_of(&route.method), Arc::new(route.clone()));
        }
        let mut paths = Router::new();
        for (path, methods) in by_path {
            paths.insert(path, methods).unwrap_or_else(|error| panic!("{path} is in the table twice: {error}"));
        }
        Self { paths: Arc::new(paths) }
    }

    /// The methods that a path answers; none where nothing is.
    pub(super) fn allowed(&self, path: &str) -> Vec<&'static str> {
        let Ok(found) = self.paths.at(tolerant(path)) else { return Vec::new() };
        let mut methods: Vec<_> = found.value.keys().copied().collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods
    }
}

/// The same words whatever the method's own type is.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "",
    }
}

/// A slash at the end changes nothing.
fn tolerant(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path)
}

/// Answers a request, whatever it is.
pub(super) async fn answer(api: Arc<Api>, table: Table, head: Arc<Head>, body: Bytes) -> Response {
    let path = tolerant(head.uri.path());
    let Ok(found) = table.paths.at(path) else { return failed(elsewhere(path, &head.method), head.id.as_str()) };
    found.value.values().take(1).for_each(|any| head.is_for(any.path));
    let only_head = head.method == Method::HEAD;
    let method = if only_head { "GET" } else { name_of(&head.method) };
    let Some(route) = found.value.get(method) else {
        let allow = table.allowed(path).join(", ");
        if method == "OPTIONS" {
            return with(Response::default(), StatusCode::NO_CONTENT, &[(header::ALLOW, allow)]);
        }
        let message = "this path does not answer this method";
        let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
        return failed(ApiError { allow: Some(allow), ..error }, head.id.as_str());
    };
    let words = route.words.iter().map(|name| (*name, decoded(found.params.get(name).unwrap_or_default()))).collect();
    // A condition is about what can be read at this path, or at the nearest one above it: what is done to an incident at
    // `…/resolve` is done on condition of the incident's tag.
    let above = std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above));
    let read = |path| table.paths.at(path).ok()?.value.get("GET").cloned();
    let conditional = head.headers.contains_key(header::IF_MATCH);
    let reads = conditional.then(|| above.filter_map(read).next()).flatten();
    let mut response = match (Asked { route, reads }).run(api, &head, body, words).await {
        Ok(response) => response,
        Err(error) => failed(error, head.id.as_str()),
    };
    if only_head {
        *response.body_mut() = Default::default(); // its length stays in the head
    }
    response
}

fn decoded(word: &str) -> String {
    if !word.contains('%') {
        return word.to_owned();
    }
    percent_encoding::percent_decode_str(word).decode_utf8_lossy().into_owned()
}

/// Why nothing in the table is meant. What operators ask has filters of its own, which took it if it is read there.
fn elsewhere(path: &str, method: &Method) -> ApiError {
    let is_to_be_read = OPERATIONS.contains(&path) || path.starts_with(super::site::ROOT);
    if !is_to_be_read || matches!(*method, Method::GET | Method::HEAD) {
        return ApiError::no_path();
    }
    let message = "this path does not answer this method";
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
    ApiError { allow: Some("GET, HEAD".to_owned()), ..error }
}

/// What is served beside the table; to be read only.
const OPERATIONS: &[&str] = &["/health", "/ready", "/metrics", "/openapi.json", "/docs", "/.well-known/jwks.json"];

/// A request for a line of the table.
struct Asked<'a> {
    route: &'a Route,
    /// The line that reads what this one changes.
    reads: Option<Arc<Route>>,
}

impl Asked<'_> {
    async fn run(
        &self,
        api: Arc<Api>,
        head: &Arc<Head>,
        body: Bytes,
        words: Vec<(&'static str, String)>,
    ) -> Result<Response, ApiError> {
        let (headers, path) = (&head.headers, head.uri.path());
        let caller = self.caller(&api, head).await?;
        let now = api.clock.now();
        let reading = self.route.method == Method::GET;
        let mut call = Call { api, head: head.clone(), caller, now, org: None, words, body, key: None, only_at: None };
        call.key = self.request_key(&call, path)?;
        let unchanged = text(headers, header::IF_MATCH).filter(|_| !reading);
        let Some(wanted) = unchanged else {
            self.look(&mut call).await?;
            let answer = (self.route.run)(call).await?;
            return Ok(respond(answer, headers, path, reading));
        };
        for _ in 0..MOST_LOOKS {
            self.look(&mut call).await?;
            if call.key.is_none_or(|key| call.org.as_ref().is_none_or(|org| org.remembers(key).is_none())) {
                self.is_still(wanted, &call).await?;
            }
            call.only_at = call.org.as_ref().map(|org| org.seq());
            match (self.route.run)(call.clone()).await {
                // It may be this very thing that was changed, or its neighbour: look again.
                Err(error) if error.status == StatusCode::PRECONDITION_FAILED => {}
                answer => return Ok(respond(answer?, headers, path, false)),
            }
        }
        Err(ApiError::unavailable("busy", "the organization changes too fast for a conditional write", RETRY_SOON))
    }

    /// Who asks. Credentials that are wrong are an error even where none are needed: whoever sends them wants to know.
    async fn caller(&self, api: &Api, head: &Head) -> Result<Option<Caller>, ApiError> {
        let limits = api.edge.limits();
        // Whoever tries passwords may well have a token of their own: it buys no more tries.
        if self.route.may == access::May::Anyone && self.route.method != Method::GET {
            limits.check_auth(head.client)?;
        }
        let Some(token) = bearer(head)? else { return Ok(None) };
        let caller = api.identity.authenticate(token).await?;
        let writes = self.route.method != Method::GET;
        limits.check_caller(caller.id(), writes)?;
        Ok(Some(caller))
    }

    /// Finds the organization in the path and asks whether the caller may.
    async fn look(&self, call: &mut Call) -> Result<(), ApiError> {
        let may = self.route.may;
        if may.is_of_an_organization() && call.caller.is_some() {
            // Who has shown who they are is told of any id, also of one that `check` would complain about.
            call.org = match call.word("org").parse() {
                Ok(id) => seen(&call.api, id).await?,
                Err(_) => find(&call.api, call.word("org")).await?,
            };
        }
        let service = self.route.path.contains("/services/{id}").then(|| call.word("id").parse().ok()).flatten();
        let team = self.route.path.contains("/teams/{id}").then(|| call.word("id").parse().ok()).flatten();
        let named = Named { service, team, user: call.word("user").parse().ok() };
        access::decide(call.caller.as_ref(), may, call.org.as_deref(), &named)
    }

    /// What the caller named this request by: theirs alone, and of this path alone.
    fn request_key(&self, call: &Call, path: &str) -> Result<Option<tocsin_actors::domain::RequestKey>, ApiError> {
        const NAME: HeaderName = HeaderName::from_static("idempotency-key");
        if self.route.method != Method::POST {
            return Ok(None);
        }
        let Some(sent) = call.head.headers.get(NAME) else { return Ok(None) };
        let wrong = || ApiError {
            field: Some("Idempotency-Key".into()),
            ..ApiError::malformed("`Idempotency-Key` has 1 to 255 visible characters")
        };
        // Blanks within, because people name things in words; not around, because they do not arrive.
        let visible =
            |sent: &&str| (1..=255).contains(&sent.len()) && sent.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let sent = sent.to_str().ok().filter(visible).ok_or_else(wrong)?;
        let by = call.caller.as_ref().map(|caller| caller.id().to_string()).unwrap_or_default();
        Ok(Some(Call::request_key(&by, &self.route.name, tolerant(path), sent)))
    }

    /// Whether what the caller read is still what a reader would get.
    async fn is_still(&self, wanted: &str, call: &Call) -> Result<(), ApiError> {
        let Some(reads) = &self.reads else { return Err(ApiError::changed()) };
        let reading = Call { body: Bytes::new(), key: None, ..call.clone() };
        let now = (reads.run)(reading).await?;
        if wanted.trim() == "*" || any_tag(wanted, &tag(&now.body)) { Ok(()) } else { Err(ApiError::changed()) }
    }
}

const RETRY_SOON: std::time::Duration = std::time::Duration::from_secs(1);

/// The token that came with a request.
pub(super) fn bearer(head: &Head) -> Result<Option<&str>, ApiError> {
    let Some(sent) = head.headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let sent = sent.to_str().ok().and_then(|sent| sent.split_once(' '));
    match sent {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(ApiError::unauthorized("unauthorized", "`Authorization` is not `Bearer …`")),
    }
}

/// The organization with this id or slug; none that was deleted or never was. Anybody may ask: what nobody is called does
/// not get as far as the store.
pub(super) async fn find(api: &Api, word: &str) -> Result<Option<Arc<Org>>, ApiError> {
    let id = match word.parse() {
        Ok(id) => api.names.find_id(id).await?,
        Err(_) => api.names.find_slug(word).await?,
    };
    match id {
        Some(id) => seen(api, id).await,
        None => Ok(None),
    }
}

async fn seen(api: &Api, id: OrgId) -> Result<Option<Arc<Org>>, ApiError> {
    let view = api.directory.view(id).await?;
    Ok(view.organization().is_some().then_some(view))
}

/// How many headers an answer has when the edge has put its own on: room for them is made once.
const MOST_HEADERS: usize = 12;

/// The answer as HTTP has it: with its tag, or without its body when the reader has it already.
fn respond(answer: Answer, asked: &HeaderMap, path: &str, reads: bool) -> Response {
    let Answer { status, kind, body, location, stream } = answer;
    if let Some(stream) = stream {
        return stream;
    }
    let tag = (reads && status == StatusCode::OK).then(|| tag(&body));
    let known = text(asked, header::IF_NONE_MATCH).zip(tag.as_ref());
    let unchanged = known.is_some_and(|(known, tag)| known.trim() == "*" || any_tag(known, tag));
    let length = body.len();
    let mut response = Response::new(if unchanged { Bytes::new().into() } else { body.into() });
    *response.status_mut() = if unchanged { StatusCode::NOT_MODIFIED } else { status };
    let headers = response.headers_mut();
    headers.reserve(MOST_HEADERS);
    if let Some(location) = location {
        let location = if location.starts_with('/') { location } else { format!("{}/{location}", tolerant(path)) };
        headers.extend(HeaderValue::from_maybe_shared(Bytes::from(location)).ok().map(|at| (header::LOCATION, at)));
    }
    if let Some(tag) = tag {
        let tag = HeaderValue::from_maybe_shared(Bytes::from(tag)).expect("a tag is visible ASCII");
        headers.insert(header::ETAG, tag); // with it, the edge says that who keeps the answer asks again before using it
    }
    if !kind.is_empty() && !unchanged {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

/// Names a body by what it says, by the same name on every server.
fn tag(body: &[u8]) -> String {
    format!("\"{:x}\"", xxh3_64(body))
}

/// Whether a list of tags names this one; a proxy may have made it weak.
pub(super) fn any_tag(list: &str, tag: &str) -> bool {
    list.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn with(mut response: Response, status: StatusCode, headers: &[(HeaderName, String)]) -> Response {
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// An answer that is an error.
pub(super) fn failed(error: ApiError, request_id: &str) -> Response {
    let body = ErrorResponse {
        error: ErrorBody { code: error.code, message: error.message, field: error.field },
        request_id: request_id.to_owned(),
    };
    let body = serde_json::to_vec(&body).expect("a structure of texts can be written");
    let mut headers = vec![(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_LENGTH, body.len().to_string())];
    if error.status == StatusCode::UNAUTHORIZED {
        headers.push((header::WWW_AUTHENTICATE, "Bearer".to_owned()));
    }
    headers.extend(error.retry_after.map(|wait| (header::RETRY_AFTER, wait.as_secs().max(1).to_string())));
    headers.extend(error.allow.map(|allow| (header::ALLOW, allow)));
    with(Response::new(body.into()), error.status, &headers)
}
