//! The page that people look at: complete without a program, and made live by `/assets/page.js`.

use super::{Kept, Seen, colour, plain::plain, time::next_midnight, tone::Tone, view::View};
use crate::page::{Audience, Page};
use askama::Template;
use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use std::{sync::LazyLock, time::Duration};
use tocsin_actors::domain::{Timestamp, entities::Organization};

/// One style sheet for all pages, in each of them: a page is one answer.
const STYLE: &str = include_str!("page.css");
/// Its hash, by which browsers know that it is ours.
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
/// How long numbers are believed that grow while a service is down.
const WHILE_DOWN: Duration = Duration::from_secs(60);

/// What is the same on every page of an organization.
struct Here {
    slug: String,
    name: String,
    description: String,
    home: String,
    canonical: String,
    /// What comes before an incident's id in its address: its place on the page, as long as it has no page of its own.
    incidents: String,
    tone: Tone,
    style: &'static str,
    accent: Option<String>,
    logo: Option<String>,
    support: Option<String>,
    zone: String,
}

#[derive(Template)]
#[template(path = "status.html", config = "src/site/templates/askama.toml")]
struct StatusPage {
    here: Here,
    view: View,
    state: String,
}

/// What the page's program begins with.
#[derive(Serialize)]
struct State<'a> {
    epoch: &'a str,
    seq: u64,
    page: &'a Page,
}

impl Here {
    fn of(organization: &Organization, address: &str, tone: Tone) -> Self {
        let branding = &organization.branding;
        let safe = |url: &Option<String>| url.clone().filter(|url| url.starts_with("https://") || url.starts_with("http://"));
        Self {
            slug: organization.slug.to_string(),
            name: organization.name.clone(),
            description: organization.description.clone(),
            home: format!("/status/{}", organization.slug),
            canonical: address.to_owned(),
            incidents: "#".to_owned(),
            tone,
            style: STYLE,
            accent: branding.accent.as_deref().and_then(colour::accent),
            logo: safe(&branding.logo_url),
            support: safe(&branding.support_url),
            zone: organization.time_zone.to_string(),
        }
    }

    /// What the page may do in a browser: nothing that is not ours.
    fn policy(&self) -> String {
        let accent = self.accent.as_deref().map(|accent| format!(" {}", hash(accent))).unwrap_or_default();
        let logo = self.logo.as_deref().and_then(origin).map(|origin| format!(" {origin}")).unwrap_or_default();
        format!(
            "default-src 'none'; script-src 'self'; style-src {}{accent}; img-src 'self'{logo}; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            *STYLE_HASH
        )
    }
}

/// The scheme and host of an address, if that is all that they are: a policy is a list of words.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ".-:[]".contains(letter);
    (!host.is_empty() && host.chars().all(is_plain)).then(|| format!("{scheme}://{host}"))
}

pub(super) fn hash(of: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(digest::digest(&digest::SHA256, of.as_bytes())))
}

/// The page as it is now.
pub(super) fn status(seen: &Seen<'_>) -> Option<Kept> {
    let (organization, (epoch, seq)) = (seen.org.organization()?, seen.goes_on?);
    let view = View::of(seen.org, organization, seen.now);
    let page = Page { seq, ..Page::of(seen.org, Audience::Public)? };
    let state = serde_json::to_string(&State { epoch, seq, page: &page }).ok()?;
    let until = until(&view, organization, seen.now);
    let here = Here::of(organization, seen.address, view.tone);
    let policy = here.policy();
    let html = StatusPage { here, view, state: state.replace('<', "\\u003c") }.render().ok()?;
    let mut kept = Kept::new("text/html; charset=utf-8", plain(&html).into_bytes());
    (kept.policy, kept.until) = (Some(policy), Some(until));
    Some(kept)
}

/// How long it is true if nothing happens: days pass, and the share of a service that is down becomes smaller.
fn until(view: &View, organization: &Organization, now: Timestamp) -> Timestamp {
    let midnight = next_midnight(organization.time_zone, now);
    if view.tone > Tone::Operational { midnight.min(now.after(WHILE_DOWN)) } else { midnight }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_origin_gets_into_the_policy() {
        assert_eq!(origin("https://cdn.example/logo.svg?x"), Some("https://cdn.example".to_owned()));
        assert_eq!(origin("https://a.example; script-src *"), None);
        assert_eq!(origin("https://user@a.example/"), None);
    }
}
