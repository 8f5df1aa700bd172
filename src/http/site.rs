//! `/status/{slug}/…`: what organizations show to the world. Anybody may read it from anywhere; bytes that were made before
//! are sent as they are.

use super::{
    Api,
    dispatch::{any_tag, failed, find},
    edge::Head,
    error::ApiError,
};
use crate::{
    monitors::recent::Found,
    page::Audience,
    site::{Beside, Coding, Kept, Packed, Place, Seen, Sendable, Sheet, lost},
};
use futures::{
    FutureExt,
    future::{self, Either},
};
use std::sync::{Arc, OnceLock, Weak};
use tocsin_actors::{
    directory::Farewell,
    domain::{Domain, Org, OrgId, entities::Organization},
    org::OrgError,
};
use tokio::sync::mpsc;
use warp::{
    Filter, Rejection,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, uri::Authority},
    reply::Response,
};

/// Where all of it is.
pub(super) const ROOT: &str = "/status/";
/// For caches in between: a change is seen everywhere within seconds, a crowd costs us one request in that time, and what
/// was there last is better than nothing when we are away.
const SHARED: HeaderValue =
    HeaderValue::from_static("public, max-age=0, s-maxage=5, stale-while-revalidate=30, stale-if-error=86400");
const ANYBODY: HeaderValue = HeaderValue::from_static("*");
/// How many headers an answer has at most.
const MOST_HEADERS: usize = 12;
const BY_CODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// Since when what is sent may be out of date: for programs, as pages say it to people.
const STALE_SINCE: HeaderName = HeaderName::from_static("stale-since");

/// Everything under `/status/`, and the same sheets on the domains of organizations that have one, without a name before
/// their paths. Asked first: who wants something else is passed on without much ado.
pub(super) fn sheets(api: Arc<Api>) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    warp::ext::get().and_then(move |head: Arc<Head>| match Asked::by(&api, &head) {
        Some(asked) => Either::Left(answer(api.clone(), head, asked).boxed()),
        None => Either::Right(future::ready(Err(warp::reject::not_found()))),
    })
}

/// What somebody wants to see.
enum Asked {
    /// Of the organization with this slug or id, this.
    Ours { name: String, sheet: Sheet },
    /// Of the one whose domain this is.
    Theirs { domain: Domain, sheet: Sheet },
    /// Something that there is not.
    Nothing,
}

impl Asked {
    /// None if it is none of ours.
    fn by(api: &Api, head: &Head) -> Option<Self> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return None;
        }
        let path = head.uri.path();
        if let Some(path) = path.strip_prefix(ROOT) {
            let (name, rest) = path.split_once('/').unwrap_or((path, ""));
            let sheet = Sheet::at(rest.trim_end_matches('/'));
            return Some(sheet.map_or(Self::Nothing, |sheet| Self::Ours { name: name.to_owned(), sheet }));
        }
        let sheet = Sheet::at(path.strip_prefix('/')?.trim_end_matches('/'))?;
        Some(Self::Theirs { domain: domain(api, head)?, sheet })
    }
}

/// The domain at which somebody asks, unless it is where we are ourselves.
fn domain(api: &Api, head: &Head) -> Option<Domain> {
    let (named, host) = (head.uri.authority().map(Authority::as_str), head.headers.get(header::HOST));
    let host = host.and_then(|host| host.to_str().ok());
    // Who says two things could mean one to a cache in between and another to us.
    let host = if named.is_some() && host.is_some() && named != host { None } else { named.or(host) }?;
    let before = api.address.trim_end_matches('/').strip_suffix(host);
    if before.is_some_and(|before| before.ends_with("://")) { None } else { Domain::of_host(host).ok() }
}

async fn answer(api: Arc<Api>, head: Arc<Head>, asked: Asked) -> Result<Response, Rejection> {
    let shown = match &asked {
        Asked::Ours { name, sheet } => ours(&api, name, *sheet, &head).await,
        // No name of anybody's: perhaps there is something else at this path.
        Asked::Theirs { domain, .. } if !is_theirs(&api, domain).await => return Err(warp::reject::not_found()),
        Asked::Theirs { domain, sheet } => {
            let place = Place { sheet: *sheet, is_own_domain: true };
            shown(&api, domain.as_str(), place, &head).await
        }
        Asked::Nothing => Err(unknown()),
    };
    Ok(shown.unwrap_or_else(|error| refused(error, &head)))
}

async fn is_theirs(api: &Api, domain: &Domain) -> bool {
    api.names.id_of(domain.as_str()).is_some() || matches!(api.names.find_domain(domain.as_str()).await, Ok(Some(_)))
}

async fn ours(api: &Api, name: &str, sheet: Sheet, head: &Head) -> Result<Response, ApiError> {
    // On somebody's domain nobody else is shown: people believe what they read there.
    let theirs = domain(api, head).and_then(|domain| api.names.id_of(domain.as_str()));
    if theirs.is_some() && theirs != id_of(api, name) {
        return Err(unknown());
    }
    shown(api, name, Place { sheet, is_own_domain: false }, head).await
}

/// A sheet of the organization with this id, slug or domain.
async fn shown(api: &Api, name: &str, place: Place, head: &Head) -> Result<Response, ApiError> {
    let Place { sheet, is_own_domain } = place;
    head.is_for(sheet.route());
    let (now, stale) = (api.clock.now(), api.outage.since());
    let org = match awake(api, name, place, stale.is_some()).await {
        Ok(org) => org.ok_or_else(unknown)?,
        Err(error) => {
            let last = id_of(api, name).and_then(|id| api.shelf.last(id, place));
            return last.map(|last| sent(api, &last, &head.headers)).ok_or(error);
        }
    };
    if let Some(kept) = api.shelf.kept(&org, place, stale, now) {
        return Ok(sent(api, &kept, &head.headers));
    }
    let organization = org.organization().ok_or_else(unknown)?;
    let (address, base) = addresses(api, organization, is_own_domain);
    let found = if sheet.tells_of_checks() { found(api, &org).await } else { Arc::default() };
    let seen = Seen { org: &org, goes_on: None, address: &address, base: &base, stale, found: &found, now };
    let kept = if sheet.is_live() {
        let standing = api.live.standing(org.id()).await?.ok_or_else(unknown)?;
        let goes_on = Some((&*standing.epoch, standing.seq));
        api.shelf.now(&Seen { org: &standing.view, goes_on, ..seen }, place).await
    } else {
        api.shelf.now(&seen, place).await
    };
    let kept = kept.ok_or_else(unknown)?;
    Ok(sent(api, &kept, &head.headers))
}

/// What its website checks found lately; as it was last known while the store is away.
pub(super) async fn found(api: &Api, org: &Org) -> Arc<Found> {
    if api.outage.since().is_some() {
        return api.recent.at_hand(org.id());
    }
    let monitors: Vec<_> = Audience::Public.monitors(org).into_iter().map(|monitor| monitor.id).collect();
    api.recent.of(org.id(), &monitors, api.clock.now()).await
}

/// The organization with this name. While the store is away nobody waits for one that sleeps.
async fn awake(api: &Api, name: &str, place: Place, is_away: bool) -> Result<Option<Arc<Org>>, ApiError> {
    let at_hand = api.names.id_of(name).map(|id| api.directory.view_at_hand(id));
    match at_hand {
        Some(Some(view)) if view.organization().is_some_and(|now| now.goes_by(name)) => return Ok(Some(view)),
        Some(None) if is_away => return Err(OrgError::unavailable("the store cannot be reached now").into()),
        _ => {}
    }
    if !place.is_own_domain {
        return find(api, name).await;
    }
    let Some(id) = api.names.find_domain(name).await? else { return Ok(None) };
    Ok(Some(api.directory.view(id).await?))
}

fn id_of(api: &Api, name: &str) -> Option<OrgId> {
    api.names.id_of(name).or_else(|| name.parse().ok().filter(|id| api.names.knows(*id)))
}

/// Where its page is for everybody, and what its paths begin with where it is looked at. By its own name, however it was
/// asked for: what is made is for everybody.
fn addresses(api: &Api, organization: &Organization, is_own_domain: bool) -> (String, String) {
    let base = format!("{ROOT}{}", organization.slug);
    let address = match &organization.domain {
        Some(domain) => {
            let scheme = api.address.split_once("://").map_or("https", |(scheme, _)| scheme);
            format!("{scheme}://{}", domain.as_str())
        }
        None => format!("{}{base}", api.address.trim_end_matches('/')),
    };
    (address, if is_own_domain { String::new() } else { base })
}

fn unknown() -> ApiError {
    ApiError::unknown("unknown_page", "there is no such page")
}

/// Why there is nothing, in a form that who asks can read.
fn refused(error: ApiError, head: &Head) -> Response {
    let reads_pages = head.headers.get(header::ACCEPT).is_some_and(|accepts| {
        accepts.to_str().is_ok_and(|accepts| accepts.split(',').any(|one| one.trim().starts_with("text/html")))
    });
    if error.status != StatusCode::NOT_FOUND || !reads_pages {
        return failed(error, head.id.as_str());
    }
    let (packed, coding) = lost().packed(Coding::Plain);
    let mut response = Response::new(packed.bytes.clone().into());
    *response.headers_mut() = said(lost(), packed, coding, false);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().remove(header::ETAG);
    response
}

/// Has the shelf keep what visitors saw of organizations that fall asleep: one after the other, in the order in which they
/// do, because a thousand may have been looked at at once.
pub struct Keeper(mpsc::UnboundedSender<Arc<Org>>);

impl Keeper {
    /// As long as there is a server.
    pub fn start(api: Weak<Api>) -> Self {
        let (sleepers, mut queue) = mpsc::unbounded_channel::<Arc<Org>>();
        tokio::spawn(async move {
            while let Some(last) = queue.recv().await {
                let Some(api) = api.upgrade() else { return };
                let kept = tokio::task::spawn_blocking(move || keep(&api, &last)).await;
                kept.unwrap_or_else(|panic| tracing::error!(%panic, "what was shown of an organization that sleeps is lost"));
            }
        });
        Self(sleepers)
    }
}

impl Farewell for Keeper {
    fn forgotten(&self, last: Arc<Org>) {
        let _ = self.0.send(last); // nobody looks any more while we shut down
    }
}

fn keep(api: &Api, last: &Org) {
    let id = last.id();
    if !api.shelf.is_looked_at(id) || api.directory.view_at_hand(id).is_some() {
        return; // or it is awake again
    }
    let Some(organization) = last.organization() else { return api.shelf.forget(id) };
    let now = api.clock.now();
    // Whoever connects with that is sent how it is then.
    let goes_on = Some((api.live.epoch(), 0));
    let found = &api.recent.at_hand(id);
    let keep = |is_own_domain| {
        let (address, base) = addresses(api, organization, is_own_domain);
        api.shelf.falls_asleep(&Seen { org: last, goes_on, address: &address, base: &base, stale: Some(now), found, now });
    };
    keep(false);
    match organization.domain {
        Some(_) => keep(true),
        None => api.shelf.forget_own_domain(id),
    }
}

/// What is said of a sheet in each of its forms, with what the edge says of everything: made once, because it costs as much
/// as everything else that is done for a reader.
#[derive(Default)]
pub struct Heads([OnceLock<HeaderMap>; 6]);

impl Beside for Heads {
    /// Two of them are in use, mostly.
    const WEIGHT: usize = size_of::<Self>() + 2 * MOST_HEADERS * size_of::<(HeaderName, HeaderValue, [u64; 4])>();
}

impl Heads {
    fn of(&self, coding: Coding, is_known: bool, make: impl FnOnce() -> HeaderMap) -> HeaderMap {
        self.0[coding as usize * 2 + usize::from(is_known)].get_or_init(make).clone()
    }
}

/// What was made, in the form that its reader takes; or that the reader has it already.
fn sent(api: &Api, sheet: &Sendable<Heads>, asked: &HeaderMap) -> Response {
    let (packed, coding) = sheet.packed(wanted(asked));
    let known = asked.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let is_known =
        known.is_some_and(|known| known.trim() == "*" || any_tag(known, str::from_utf8(&packed.tag).unwrap_or_default()));
    let mut response = Response::new(if is_known { Default::default() } else { packed.bytes.clone().into() });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let status = response.status();
    *response.headers_mut() = sheet.beside.of(coding, is_known, || {
        let mut headers = said(sheet, packed, coding, is_known);
        api.edge.dress("", status, &mut headers);
        headers
    });
    response
}

/// What is said of a sheet in this form, or of the same to who has it already.
fn said(kept: &Kept, packed: &Packed, coding: Coding, is_known: bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(MOST_HEADERS);
    headers.insert(header::CACHE_CONTROL, SHARED);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    headers.extend(HeaderValue::from_maybe_shared(packed.tag.clone()).ok().map(|tag| (header::ETAG, tag)));
    // Also with what the reader has: what is said with a 304 replaces what was said with the answer.
    if let Some(policy) = kept.policy.clone().and_then(|policy| HeaderValue::from_maybe_shared(policy).ok()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let stale = kept.stale.and_then(|since| HeaderValue::from_str(&since.to_string()).ok());
    headers.extend(stale.map(|since| (STALE_SINCE, since)));
    if is_known {
        return headers;
    }
    headers.insert(header::VARY, BY_CODING);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kept.kind));
    if let Some(name) = coding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    headers
}

/// The best that the reader takes. What is refused by a weight of zero is not taken.
fn wanted(asked: &HeaderMap) -> Coding {
    let all = asked.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let mut best = Coding::Plain;
    for one in all.flat_map(|value| value.split(',')) {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let name = name.trim();
        let coding = if name.eq_ignore_ascii_case("br") {
            Coding::Brotli
        } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            Coding::Gzip
        } else {
            continue;
        };
        let is_refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.trim().parse::<f32>() == Ok(0.0));
        match coding {
            _ if is_refused => {}
            Coding::Brotli => return coding,
            Coding::Gzip | Coding::Plain => best = coding,
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_coding_that_is_not_refused_is_taken() {
        let asked = |value: &'static str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        assert_eq!(wanted(&HeaderMap::new()), Coding::Plain);
        assert_eq!(wanted(&asked("gzip, deflate, br;q=0.9")), Coding::Brotli);
        assert_eq!(wanted(&asked("br;q=0, GZIP")), Coding::Gzip);
        assert_eq!(wanted(&asked("identity")), Coding::Plain);
    }
}
