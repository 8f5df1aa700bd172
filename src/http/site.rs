//! `/status/{slug}/…`: what organizations show to the world. Anybody may read it from anywhere; bytes that were made before
//! are sent as they are.

use super::{
    Api,
    dispatch::{any_tag, failed, find},
    edge::Head,
    error::ApiError,
    operations::reading,
};
use crate::site::{Coding, Kept, Place, Seen, Sheet, lost};
use std::sync::{Arc, Weak};
use tocsin_actors::{
    directory::Farewell,
    domain::{Domain, Org, OrgId, entities::Organization},
    org::OrgError,
};
use warp::{
    Filter,
    filters::BoxedFilter,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, uri::Authority},
    path::FullPath,
    reply::Response,
};

/// Where all of it is.
pub(super) const ROOT: &str = "/status/";
/// For caches in between: a change is seen everywhere within seconds, a crowd costs us one request in that time, and what
/// was there last is better than nothing when we are away.
const SHARED: HeaderValue =
    HeaderValue::from_static("public, max-age=0, s-maxage=5, stale-while-revalidate=30, stale-if-error=86400");
const ANYBODY: HeaderValue = HeaderValue::from_static("*");
const BY_CODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// Since when what is sent may be out of date: for programs, as pages say it to people.
const STALE_SINCE: HeaderName = HeaderName::from_static("stale-since");

/// Everything under `/status/`.
pub(super) fn sheets(api: Arc<Api>) -> BoxedFilter<(Response,)> {
    warp::path("status")
        .and(reading())
        .and(warp::path::full())
        .and(warp::ext::get())
        .then(move |path: FullPath, head: Arc<Head>| {
            let api = api.clone();
            async move { sheet(&api, path.as_str(), &head).await.unwrap_or_else(|error| refused(error, &head)) }
        })
        .boxed()
}

/// Everything on the domains of organizations that have one: the same sheets, without a name before their paths.
pub(super) fn own_domains(api: Arc<Api>) -> BoxedFilter<(Response,)> {
    warp::ext::get()
        .and_then(move |head: Arc<Head>| {
            let api = api.clone();
            async move { own_domain(&api, &head).await.ok_or_else(warp::reject::not_found) }
        })
        .boxed()
}

/// What is asked for, if this is a domain of some organization and something that there is on it.
async fn own_domain(api: &Api, head: &Head) -> Option<Response> {
    let path = head.uri.path().strip_prefix('/')?.trim_end_matches('/');
    let sheet = Sheet::at(path).filter(|_| matches!(head.method, Method::GET | Method::HEAD))?;
    let host = head.uri.authority().map(Authority::as_str);
    let host = host.or_else(|| head.headers.get(header::HOST)?.to_str().ok()).filter(|host| !api.address.ends_with(host))?;
    let domain = Domain::of_host(host).ok()?;
    let is_away = api.outage.since().is_some();
    if api.names.id_of(domain.as_str()).is_none() && (is_away || !matches!(api.names.find_domain(host).await, Ok(Some(_)))) {
        return None;
    }
    let place = Place { sheet, is_own_domain: true };
    Some(shown(api, domain.as_str(), place, head).await.unwrap_or_else(|error| refused(error, head)))
}

async fn sheet(api: &Api, path: &str, head: &Head) -> Result<Response, ApiError> {
    let (name, rest) = path.strip_prefix(ROOT).and_then(|path| path.split_once('/').or(Some((path, "")))).ok_or_else(unknown)?;
    let sheet = Sheet::at(rest.trim_end_matches('/')).ok_or_else(unknown)?;
    shown(api, name, Place { sheet, is_own_domain: false }, head).await
}

/// A sheet of the organization with this id, slug or domain.
async fn shown(api: &Api, name: &str, place: Place, head: &Head) -> Result<Response, ApiError> {
    let Place { sheet, is_own_domain } = place;
    head.is_for(sheet.route());
    let (now, stale) = (api.clock.now(), api.outage.since());
    let org = match awake(api, name, stale.is_some()).await {
        Ok(org) => org.ok_or_else(unknown)?,
        Err(error) => {
            let last = id_of(api, name).and_then(|id| api.shelf.last(id, place));
            return last.map(|last| sent(&last, &head.headers)).ok_or(error);
        }
    };
    if let Some(kept) = api.shelf.kept(&org, place, stale, now) {
        return Ok(sent(&kept, &head.headers));
    }
    let organization = org.organization().ok_or_else(unknown)?;
    let (address, base) = addresses(api, organization, is_own_domain);
    let kept = if sheet.is_live() {
        let standing = api.live.standing(org.id()).await?.ok_or_else(unknown)?;
        let goes_on = Some((&*standing.epoch, standing.seq));
        api.shelf.now(&Seen { org: &standing.view, goes_on, address: &address, base: &base, stale, now }, place).await
    } else {
        api.shelf.now(&Seen { org: &org, goes_on: None, address: &address, base: &base, stale, now }, place).await
    };
    let kept = kept.ok_or_else(unknown)?;
    Ok(sent(&kept, &head.headers))
}

/// The organization with this name. While the store is away nobody waits for one that sleeps.
async fn awake(api: &Api, name: &str, is_away: bool) -> Result<Option<Arc<Org>>, ApiError> {
    if is_away && id_of(api, name).is_some_and(|id| api.directory.view_at_hand(id).is_none()) {
        return Err(OrgError::unavailable("the store cannot be reached now").into());
    }
    match api.names.find_domain(name).await? {
        Some(id) => Ok(Some(api.directory.view(id).await?)),
        None => find(api, name).await,
    }
}

fn id_of(api: &Api, name: &str) -> Option<OrgId> {
    name.parse().ok().filter(|id| api.names.knows(*id)).or_else(|| api.names.id_of(name))
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
    let mut response = sent(lost(), &head.headers);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().remove(header::ETAG);
    response
}

/// Has the shelf keep what visitors saw of organizations that fall asleep.
pub struct Keeper(pub Weak<Api>);

impl Farewell for Keeper {
    fn forgotten(&self, last: Arc<Org>) {
        let Some(api) = self.0.upgrade() else { return };
        tokio::task::spawn_blocking(move || {
            let now = api.clock.now();
            // Whoever connects with that is sent how it is then.
            let goes_on = Some((api.live.epoch(), 0));
            let doors: &[bool] =
                if last.organization().is_some_and(|one| one.domain.is_some()) { &[false, true] } else { &[false] };
            for is_own_domain in doors {
                let addresses = |one: &Arc<Organization>| addresses(&api, one, *is_own_domain);
                let (address, base) = last.organization().map(addresses).unwrap_or_default();
                let seen = Seen { org: &last, goes_on, address: &address, base: &base, stale: Some(now), now };
                api.shelf.falls_asleep(&seen);
            }
        });
    }
}

/// What was made, in the form that its reader takes; or that the reader has it already.
fn sent(kept: &Kept, asked: &HeaderMap) -> Response {
    let (packed, coding) = kept.packed(wanted(asked));
    let known = asked.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let is_known = known.is_some_and(|known| known.trim() == "*" || any_tag(known, &packed.tag));
    let mut response = Response::new(if is_known { Default::default() } else { packed.bytes.clone().into() });
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, SHARED);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    headers.extend(HeaderValue::from_str(&packed.tag).ok().map(|tag| (header::ETAG, tag)));
    // Also with what the reader has: what is said with a 304 replaces what was said with the answer.
    if let Some(policy) = kept.policy.as_deref().and_then(|policy| HeaderValue::from_str(policy).ok()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let stale = kept.stale.and_then(|since| HeaderValue::from_str(&since.to_string()).ok());
    headers.extend(stale.map(|since| (STALE_SINCE, since)));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kept.kind));
    if let Some(name) = coding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        headers.insert(header::VARY, BY_CODING); // where nothing is packed, the edge knows whether it could have been
    }
    response
}

/// The best that the reader takes. What is refused by a weight of zero is not taken.
fn wanted(asked: &HeaderMap) -> Coding {
    let takes = |name: &str| {
        let all = asked.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|value| value.split(',')).any(|one| {
            let (coding, weight) = one.split_once(';').unwrap_or((one, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.trim().parse::<f32>() == Ok(0.0));
            coding.trim().eq_ignore_ascii_case(name) && !refused
        })
    };
    if takes("br") {
        Coding::Brotli
    } else if takes("gzip") {
        Coding::Gzip
    } else {
        Coding::Plain
    }
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
