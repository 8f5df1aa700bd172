//! The pages that people look at: complete without a program, and made live by `/assets/page.js`.

use super::{
    Kept, Seen,
    checks::Checks,
    colour,
    history::{History, Month},
    plain::plain,
    report::Report,
    time::{self, Clockwork, Time, next_midnight},
    tone::Tone,
    view::View,
};
use crate::page::{Audience, Page};
use askama::Template;
use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use std::{sync::LazyLock, time::Duration};
use tocsin_actors::domain::{IncidentId, Timestamp, entities::Organization, status::Kind};

/// One style sheet for all pages, in each of them: a page is one answer.
const STYLE: &str = include_str!("page.css");
/// Its hash, by which browsers know that it is ours.
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
/// How long numbers are believed that time changes.
const SHARES_HOLD_FOR: Duration = Duration::from_secs(60);

/// What is the same on every page of an organization.
struct Here {
    slug: String,
    name: String,
    /// What comes before the path of a page.
    base: String,
    /// Where the page is for everybody.
    address: String,
    /// What this page is called, in tabs and where it is linked to,
    title: String,
    /// what it says, in a sentence,
    description: String,
    /// where it is for everybody,
    canonical: String,
    /// and the picture of how things are, if it is known where that is.
    picture: Option<String>,
    tone: Tone,
    style: &'static str,
    accent: Option<String>,
    logo: Option<String>,
    support: Option<String>,
    zone: String,
    /// Whether search engines may list it.
    indexed: bool,
    /// Since when it is not known better; empty if it is.
    stale: Time,
}

#[derive(Template)]
#[template(path = "status.html", config = "src/site/templates/askama.toml")]
struct StatusPage<'a> {
    base: &'a str,
    here: Here,
    view: View,
    checks: Checks,
    state: String,
}

#[derive(Template)]
#[template(path = "checks.html", config = "src/site/templates/askama.toml")]
struct ChecksPart<'a> {
    base: &'a str,
    checks: Checks,
}

#[derive(Template)]
#[template(path = "history.html", config = "src/site/templates/askama.toml")]
struct HistoryPage {
    here: Here,
    history: History,
}

#[derive(Template)]
#[template(path = "report.html", config = "src/site/templates/askama.toml")]
struct ReportPage {
    here: Here,
    report: Report,
}

#[derive(Template)]
#[template(path = "lost.html", config = "src/site/templates/askama.toml")]
struct LostPage {
    style: &'static str,
}

/// What the page's program begins with.
#[derive(Serialize)]
struct State<'a> {
    epoch: &'a str,
    seq: u64,
    page: &'a Page,
}

impl Here {
    /// At the end of `path`, which begins with a slash if it is not empty.
    fn of(seen: &Seen<'_>, organization: &Organization, path: &str, tone: Tone, title: String, description: String) -> Self {
        let branding = &organization.branding;
        let safe =
            |url: &Option<String>, schemes: &[&str]| url.clone().filter(|url| schemes.iter().any(|scheme| url.starts_with(scheme)));
        Self {
            slug: organization.slug.to_string(),
            name: organization.name.clone(),
            base: seen.base.to_owned(),
            address: seen.address.to_owned(),
            title,
            description,
            canonical: format!("{}{path}", seen.address),
            picture: origin(seen.address).map(|origin| format!("{origin}/assets/state-{}.png", tone.name())),
            tone,
            style: STYLE,
            accent: branding.accent.as_deref().and_then(colour::accent),
            logo: safe(&branding.logo_url, &["https://", "http://"]),
            support: safe(&branding.support_url, &["https://", "http://", "mailto:"]),
            zone: organization.time_zone.to_string(),
            indexed: organization.indexed,
            stale: seen.stale.map_or_else(|| time::none("full"), |since| Clockwork(organization.time_zone).full(since)),
        }
    }

    fn policy(&self) -> String {
        policy(self.accent.as_deref(), self.logo.as_deref())
    }
}

/// What a page may do in a browser: nothing that is not ours.
fn policy(accent: Option<&str>, logo: Option<&str>) -> String {
    let accent = accent.map(|accent| format!(" {}", hash(accent))).unwrap_or_default();
    let logo = logo.and_then(origin).map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src {}{accent}; img-src 'self'{logo}; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        *STYLE_HASH
    )
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
    let (mut view, checks) = (View::of(seen.org, organization, seen.now), Checks::of(seen));
    view.is_empty &= checks.rows.is_empty();
    let page = Page { seq, ..Page::of(seen.org, Audience::Public)? };
    let state = serde_json::to_string(&State { epoch, seq, page: &page }).ok()?;
    let until = until(&view, organization, seen.now);
    let until = checks.until.map_or(until, |known| known.min(until));
    let title = format!("{} status: {}", organization.name, view.tone.sentence());
    let said = if organization.description.is_empty() { &title } else { &organization.description };
    let here = Here::of(seen, organization, "", view.tone, title.clone(), said.clone());
    let policy = here.policy();
    let html = StatusPage { base: seen.base, here, view, checks, state: state.replace('<', "\\u003c") }.render().ok()?;
    Some(kept(html, policy, Some(until)))
}

/// What website checks found: the same as on the page, by itself.
pub(super) fn checks(seen: &Seen<'_>) -> Option<Kept> {
    seen.org.organization()?;
    let checks = Checks::of(seen);
    let until = checks.until;
    Some(kept(ChecksPart { base: seen.base, checks }.render().ok()?, policy(None, None), until))
}

/// What happened in a month, or in this one.
pub(super) fn history(seen: &Seen<'_>, month: Option<Month>) -> Option<Kept> {
    let organization = seen.org.organization()?;
    let history = History::of(seen.org, organization, month, seen.now)?;
    let title = format!("{} status: Incident history, {}", organization.name, history.month.text);
    let description = format!("Incidents and maintenance of {} in {}.", organization.name, history.month.text);
    let path = month.map_or_else(|| "/history".to_owned(), |month| format!("/history/{month}"));
    let here = Here::of(seen, organization, &path, Tone::Nothing, title, description);
    let (policy, until) = (here.policy(), next_midnight(organization.time_zone, seen.now));
    Some(kept(HistoryPage { here, history }.render().ok()?, policy, Some(until)))
}

/// An incident or a maintenance.
pub(super) fn report(seen: &Seen<'_>, id: IncidentId) -> Option<Kept> {
    let organization = seen.org.organization()?;
    let incident = Audience::Public.incident(seen.org, id)?;
    let report = Report::of(seen.org, organization, incident);
    let title = format!("{}: {} status", report.title, organization.name);
    let path = match incident.kind() {
        Kind::Incident => format!("/incidents/{id}"),
        Kind::Maintenance => format!("/maintenances/{id}"),
    };
    let here = Here::of(seen, organization, &path, report.state, title, report.summary.clone());
    let policy = here.policy();
    Some(kept(ReportPage { here, report }.render().ok()?, policy, None))
}

/// What people see where there is nothing.
pub fn lost() -> &'static Kept {
    static LOST: LazyLock<Kept> = LazyLock::new(|| {
        let html = LostPage { style: STYLE }.render().unwrap_or_default();
        kept(html, policy(None, None), None)
    });
    &LOST
}

fn kept(html: String, policy: String, until: Option<Timestamp>) -> Kept {
    let mut kept = Kept::new("text/html; charset=utf-8", plain(&html).into_bytes());
    (kept.policy, kept.until) = (Some(policy.into()), until);
    kept
}

/// How long it is true if nothing happens: days pass, and with every minute the share of the time that a service was up
/// changes, unless it is all of it.
fn until(view: &View, organization: &Organization, now: Timestamp) -> Timestamp {
    let midnight = next_midnight(organization.time_zone, now);
    let is_whole = view.groups.iter().flat_map(|group| &group.services).all(|row| row.bar.is_whole);
    if view.tone > Tone::Operational || !is_whole { midnight.min(now.after(SHARES_HOLD_FOR)) } else { midnight }
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
