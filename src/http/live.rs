//! The ways into the live stream: `/ws/{org}` for sockets, `/api/v1/orgs/{org}/events` for event streams. Who may listen
//! to what is decided here; what is told, and how it is written, in `live`.

use super::{
    Api,
    access::{self, May, Named},
    answer::Streamed,
    call::{Call, Query},
    dispatch::{bearer, failed, find},
    edge::Head,
    error::ApiError,
    impatient::{Impatient, Parts},
};
use crate::{
    identity::{Caller, Secret},
    live::{
        Gate, Had, Joining, Live, Pass, Reader, Refusal, Taken, come_back_after,
        socket::{
            deflate,
            handshake::{Agreed, Asked, Refused, agree},
        },
    },
};
use futures::{FutureExt, future::BoxFuture, stream};
use hyper_util::{rt::TokioIo, server::conn::auto::upgrade::downcast};
use serde::Deserialize;
use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Weak},
    time::Duration,
};
use tocsin_actors::domain::{Org, Seq};
use tracing::debug;
use utoipa::IntoParams;
use warp::{
    Filter, Reply,
    filters::BoxedFilter,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
            UPGRADE,
        },
    },
    hyper::{upgrade::OnUpgrade, upgrade::Upgraded},
    reply::Response,
    sse,
};

/// How often an event stream says something when there is nothing to say, so that no proxy takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// `GET /ws/{org}`: a socket.
pub(super) fn socket(api: Arc<Api>) -> BoxedFilter<(Response,)> {
    warp::path!("ws" / String)
        .and(warp::get())
        .and(warp::ext::get())
        .and(warp::ext::optional())
        .then(move |org: String, head: Arc<Head>, upgrade: Option<OnUpgrade>| {
            let api = api.clone();
            async move {
                head.is_for("/ws/{org}");
                become_socket(&api, &org, &head, upgrade).await.unwrap_or_else(|error| failed(error, head.id.as_str()))
            }
        })
        .boxed()
}

/// The same as a stream of events, for who cannot have a socket.
pub(super) async fn events(call: Call, Query(asked): Query<EventsQuery>) -> Result<Streamed, ApiError> {
    event_stream(&call, asked).await.map(Streamed)
}

/// From where on; `Last-Event-ID` says the same, and is what a browser sends that comes back.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// The epoch of what you have
    epoch: Option<String>,
    /// The `seq` of what you have
    seq: Option<u64>,
}

async fn become_socket(api: &Arc<Api>, word: &str, head: &Head, upgrade: Option<OnUpgrade>) -> Result<Response, ApiError> {
    let (agreed, upgrade) = match agreed(head, upgrade) {
        Ok(agreed) => agreed,
        Err(Refused::Key) => return Err(ApiError::malformed("`Sec-WebSocket-Key` is not 16 bytes in Base64")),
        Err(Refused::NoUpgrade | Refused::Version) => return Ok(upgrade_required(head)),
    };
    let caller = match bearer(head)? {
        Some(token) => Some(api.identity.authenticate(token).await?),
        None => None,
    };
    let (org, pass) = listener(api, word, head, caller).await?;
    let asked = SocketQuery::of(head);
    let had = asked.had();
    let introduces_itself = pass.is_none() && asked.introduces_itself;
    let to = api.live.open(org.id()).await?;
    let joining = Joining { to, pass, introduces_itself, had, deflate: agreed.deflate };
    let live = api.live.clone();
    take_over(&api.live, upgrade, head.client, move |taken| live.welcome(taken, joining));
    let headers = switching(&agreed).map(|(name, value)| (Some(name), value));
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().extend(headers);
    Ok(response)
}

/// What both sides agree on where a request asks to become a socket.
pub(super) fn agreed(head: &Head, upgrade: Option<OnUpgrade>) -> Result<(Agreed, OnUpgrade), Refused> {
    let text = |name: HeaderName| all(&head.headers, name);
    let asked = Asked {
        connection: &text(CONNECTION),
        upgrade: &text(UPGRADE),
        version: &text(SEC_WEBSOCKET_VERSION),
        key: &text(SEC_WEBSOCKET_KEY),
        extensions: &text(SEC_WEBSOCKET_EXTENSIONS),
    };
    Ok((agree(asked)?, upgrade.ok_or(Refused::NoUpgrade)?))
}

/// Waits until the request has become a socket, and gives that to whoever welcomes it.
pub(super) fn take_over(live: &Live, upgrade: OnUpgrade, client: IpAddr, welcome: impl FnOnce(Taken) + Send + 'static) {
    let live = live.clone();
    tokio::spawn(async move {
        let taken = async { taken(&live, upgrade.await?, client) };
        match taken.await {
            Ok(taken) => welcome(taken),
            Err(error) => debug!(error, "a socket was not taken over"),
        }
    });
}

/// Takes the socket out of the server's hands, with what was read of it already.
fn taken(live: &Live, upgraded: Upgraded, client: IpAddr) -> Result<Taken, Box<dyn std::error::Error + Send + Sync>> {
    Ok(match downcast::<TokioIo<Impatient>>(upgraded) {
        Ok(parts) => {
            let Parts { stream, early, held, seat } = parts.io.into_inner().into_parts()?;
            let already = [&*parts.read_buf, &*early].concat(); // the buffer itself is a hundred times larger
            Taken { stream: live.taken(stream), already, answer: held, client, keep: Box::new(seat) }
        }
        Err(other) => {
            let stream = live.carried(TokioIo::new(other))?;
            Taken { stream, already: Vec::new(), answer: Vec::new(), client, keep: Box::new(()) }
        }
    })
}

/// What is said beside 101.
pub(super) fn switching(agreed: &Agreed) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let always = [(CONNECTION, HeaderValue::from_static("upgrade")), (UPGRADE, HeaderValue::from_static("websocket"))];
    let accept = HeaderValue::from_str(&agreed.accept).ok().map(|accept| (SEC_WEBSOCKET_ACCEPT, accept));
    let deflate = agreed.deflate.then(|| (SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(deflate::AGREED)));
    always.into_iter().chain(accept).chain(deflate)
}

fn upgrade_required(head: &Head) -> Response {
    let message = "this path is a WebSocket of version 13: ask for an upgrade";
    let mut response = failed(ApiError::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message), head.id.as_str());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

async fn event_stream(call: &Call, asked: EventsQuery) -> Result<Response, ApiError> {
    let (api, head) = (&call.api, &call.head);
    let (org, pass) = listener(api, call.word("org"), head, call.caller.clone()).await?;
    let last = head.headers.get(LAST_EVENT_ID).and_then(|last| last.to_str().ok());
    let last = last.and_then(|last| last.rsplit_once(':')).and_then(|(epoch, seq)| Some((epoch, seq.parse().ok()?)));
    let asked = asked.epoch.zip(asked.seq).map(|(epoch, seq)| Had { epoch, seq });
    let had = last.map(|(epoch, seq)| Had { epoch: epoch.to_owned(), seq }).or(asked);
    let reader = api.live.reader(org.id(), pass, had).await?.ok_or_else(ApiError::unknown_organization)?;
    let begin = sse::Event::default().retry(come_back_after()).comment("tocsin");
    let events = stream::unfold((Some(begin), reader), |(begin, mut reader): (Option<sse::Event>, Reader)| async {
        let event = match begin {
            Some(begin) => begin,
            None => {
                let frame = reader.next().await?;
                sse::Event::default().id(reader.id(&frame)).data(frame.json())
            }
        };
        Some((Ok::<_, Infallible>(event), (None, reader)))
    });
    Ok(sse::reply(sse::keep_alive().interval(HEARTBEAT).text("").stream(events)).into_response())
}

/// The organization in the path, and who listens to it as a member. Without credentials it is the public that listens;
/// with credentials that are good for nothing here, the organization is as unknown as any other.
async fn listener(api: &Api, word: &str, head: &Head, caller: Option<Caller>) -> Result<(Arc<Org>, Option<Arc<Pass>>), ApiError> {
    let org = find(api, word).await?.ok_or_else(ApiError::unknown_organization)?;
    let Some((caller, token)) = caller.zip(bearer(head)?) else { return Ok((org, None)) };
    access::decide(Some(&caller), May::Read, Some(&org), &Named::default())?;
    Ok((org, Some(Arc::new(Pass { caller, token: Secret::from(token.to_owned()) }))))
}

/// What a socket is asked for with.
#[derive(Default)]
struct SocketQuery {
    epoch: Option<String>,
    seq: Option<Seq>,
    introduces_itself: bool,
}

impl SocketQuery {
    /// Whatever else is said there is for somebody else; a number that is none is no number.
    fn of(head: &Head) -> Self {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                "epoch" => query.epoch = Some(value.into_owned()),
                "seq" => query.seq = value.parse().ok(),
                "audience" => query.introduces_itself = value == "members",
                _ => {}
            }
        }
        query
    }

    fn had(&self) -> Option<Had> {
        Some(Had { epoch: self.epoch.clone()?, seq: self.seq? })
    }
}

/// All that was said under one name.
fn all(headers: &HeaderMap, name: HeaderName) -> String {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
}

/// Who decides for sockets that speak of themselves: the same as for requests.
pub struct Door(Weak<Api>);

impl Door {
    /// Holds on to nothing: what it opens must be able to end.
    pub fn new(api: &Arc<Api>) -> Self {
        Self(Arc::downgrade(api))
    }

    fn api(&self) -> Result<Arc<Api>, Refusal> {
        let message = "the server is shutting down".to_owned();
        self.0.upgrade().ok_or(Refusal { code: "unavailable", message })
    }
}

impl Gate for Door {
    fn find<'a>(&'a self, word: &'a str) -> BoxFuture<'a, Result<Option<Arc<Org>>, Refusal>> {
        async move { find(&*self.api()?, word).await.map_err(refusal) }.boxed()
    }

    fn may_ask(&self, client: IpAddr, who_they_are: bool) -> bool {
        let Ok(api) = self.api() else { return false };
        let limits = api.edge.limits();
        let asked = if who_they_are { limits.check_auth(client) } else { limits.check_address(client) };
        asked.is_ok()
    }

    fn known(&self, token: String) -> BoxFuture<'_, Result<Pass, Refusal>> {
        async move {
            let caller = self.api()?.identity.authenticate(token.trim()).await;
            Ok(Pass { caller: caller.map_err(|error| refusal(error.into()))?, token: Secret::from(token.trim().to_owned()) })
        }
        .boxed()
    }

    fn may_listen(&self, pass: &Pass, org: &Org) -> bool {
        access::decide(Some(&pass.caller), May::Read, Some(org), &Named::default()).is_ok()
    }

    fn is_still<'a>(&'a self, pass: &'a Pass) -> BoxFuture<'a, bool> {
        async move {
            let Ok(api) = self.api() else { return true };
            api.identity.is_still(&pass.caller, &pass.token).await.unwrap_or(true)
        }
        .boxed()
    }
}

fn refusal(error: ApiError) -> Refusal {
    Refusal { code: error.code, message: error.message }
}
