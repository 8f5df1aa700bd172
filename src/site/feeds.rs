//! What happened, for feed readers: Atom and RSS, as Statuspage has them, because programs read these too.
//!
//! An incident or a maintenance is one entry, edited in place: its id is made of ours and of nothing that can be changed,
//! not even its kind. What moves is `updated` in Atom; in RSS, which has no such thing, `pubDate` is the time of the newest
//! word on an incident, and a maintenance's start.
//!
//! Where we have what the vendor has not: a maintenance that is called off is `Cancelled`, and on a host with many pages
//! the number in an entry's id is drawn from ours, so that two organizations never share one.

use super::{
    Kept, Seen,
    plain::plain,
    tone::status_word,
    view::{last_word, newest_first},
};
use crate::{page::Audience, statuspage::html};
use askama::Template;
use chrono_tz::Tz;
use std::cmp::Reverse;
use tocsin_actors::domain::{Incident, Org, Timestamp, incident::Update, status::Kind};
use xxhash_rust::xxh3::xxh3_64;

/// How many entries a feed has at most.
const MOST: usize = 25;
/// Numbers up to this many bits are the same in every program that reads them, scripts in browsers included.
const NUMBER_BITS: u32 = 53;

/// In which form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Feed {
    /// For readers of today.
    Atom,
    /// For older ones.
    Rss,
}

#[derive(Template)]
#[template(path = "history.atom.xml", config = "src/site/templates/askama.toml")]
struct Atom {
    channel: Channel,
}

#[derive(Template)]
#[template(path = "history.rss.xml", config = "src/site/templates/askama.toml")]
struct Rss {
    channel: Channel,
}

struct Channel {
    id: String,
    address: String,
    name: String,
    updated: Timestamp,
    /// The same for RSS.
    date: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    link: String,
    /// What RSS knows it by: the link of an incident, also for what was or becomes a maintenance.
    guid: String,
    title: String,
    published: Timestamp,
    updated: Timestamp,
    /// Its time in RSS.
    date: String,
    end: Option<String>,
    content: String,
}

/// The feed as of now.
pub(super) fn feed(seen: &Seen<'_>, form: Feed) -> Option<Kept> {
    let organization = seen.org.organization()?;
    let tagged = Tagged::of(seen.address);
    let entries = newest(seen.org).into_iter().map(|incident| Entry::of(incident, &tagged, seen.address, organization.time_zone));
    let entries: Vec<_> = entries.collect();
    let updated = entries.iter().map(|entry| entry.updated).fold(organization.updated_at, Timestamp::max);
    let channel = Channel {
        id: tagged.history(),
        address: seen.address.to_owned(),
        name: plain(&organization.name),
        updated,
        date: rfc_822(updated),
        entries,
    };
    let (kind, text) = match form {
        Feed::Atom => ("application/atom+xml; charset=utf-8", Atom { channel }.render()),
        Feed::Rss => ("application/rss+xml; charset=utf-8", Rss { channel }.render()),
    };
    Some(Kept::new(kind, text.ok()?.into_bytes()))
}

/// The newest by their start. What goes on is among them, however much is planned.
fn newest(org: &Org) -> Vec<&Incident> {
    let seen = org.incidents().values().map(AsRef::as_ref);
    let mut some: Vec<&Incident> = seen.filter(|incident: &&Incident| Audience::Public.sees(incident.visibility)).collect();
    let by_start = |incident: &&Incident| Reverse((start(incident), incident.number));
    some.sort_by_key(|incident| (Reverse(incident.status.is_active()), by_start(incident)));
    some.truncate(MOST);
    some.sort_by_key(by_start);
    some
}

fn start(incident: &Incident) -> Timestamp {
    incident.scheduled_start.filter(|_| incident.kind() == Kind::Maintenance).unwrap_or(incident.started_at)
}

impl Entry {
    fn of(incident: &Incident, tagged: &Tagged<'_>, address: &str, zone: Tz) -> Self {
        let is_planned = incident.kind() == Kind::Maintenance;
        let newest = newest_first(incident).first().map_or(incident.created_at, |update| update.shown_at);
        let told = incident.postmortem.as_ref().map_or(newest, |postmortem| newest.max(postmortem.published_at));
        Self {
            id: tagged.incident(incident),
            link: format!("{address}/{}/{}", if is_planned { "maintenances" } else { "incidents" }, incident.id),
            guid: format!("{address}/incidents/{}", incident.id),
            title: plain(&incident.title),
            published: incident.created_at,
            updated: incident.updated_at,
            date: rfc_822(if is_planned { start(incident) } else { told }),
            end: incident.scheduled_end.filter(|_| is_planned).map(rfc_822),
            content: content(incident, zone),
        }
    }
}

/// By whom and of what an entry's id is: see RFC 4151. The year is the vendor's.
struct Tagged<'a> {
    host: String,
    path: &'a str,
}

impl<'a> Tagged<'a> {
    fn of(address: &'a str) -> Self {
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // A port is no part of a name.
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
        let is_name = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
        let name: String = name.chars().filter(is_name).collect();
        Self { host: if name.is_empty() { "localhost".to_owned() } else { name }, path }
    }

    fn history(&self) -> String {
        format!("tag:{},2005:{}/history", self.host, self.path)
    }

    fn incident(&self, incident: &Incident) -> String {
        let number = xxh3_64(incident.id.uuid().as_bytes()) >> (u64::BITS - NUMBER_BITS);
        format!("tag:{},2005:Incident/{number}", self.host)
    }
}

/// The timeline as HTML, the newest first.
fn content(incident: &Incident, zone: Tz) -> String {
    let updates = newest_first(incident);
    let said = |at: Timestamp, word: &str, text: &str| {
        format!(
            "<p><small>{} {}</small><br><strong>{word}</strong> - {}</p>",
            moment(at, zone),
            zone_at(at, zone),
            html(plain(text).trim_end())
        )
    };
    let told = updates.iter().enumerate().map(|(at, update)| {
        let word = word(update, updates.get(at + 1).copied());
        said(update.shown_at, &word, &update.message)
    });
    let planned = incident.scheduled_start.filter(|_| incident.kind() == Kind::Maintenance);
    let window = planned.map(|from| {
        let window = window(from, incident.scheduled_end, zone);
        format!("<p><strong>THIS IS A SCHEDULED EVENT {window}</strong></p>")
    });
    let postmortem = incident.postmortem.iter().map(|one| said(one.published_at, "Postmortem", &one.body));
    let opened = updates.is_empty().then(|| said(incident.created_at, &status_word(incident.status), last_word(incident)));
    window.into_iter().chain(postmortem).chain(told).chain(opened).collect()
}

/// What an entry of the timeline is called: how far it is, where that is news.
fn word(update: &Update, before: Option<&Update>) -> String {
    let is_news = before.is_none_or(|before| before.status != update.status);
    if is_news { status_word(update.status) } else { "Update".to_owned() }
}

/// `Jan 16, 12:00 - 16:00 GMT`.
fn window(from: Timestamp, until: Option<Timestamp>, zone: Tz) -> String {
    let date = |at: Timestamp| at.utc().with_timezone(&zone).date_naive();
    match until {
        None => format!("{} {}", moment(from, zone), zone_at(from, zone)),
        Some(until) if date(from) == date(until) => {
            format!("{} - {} {}", moment(from, zone), time(until, zone), zone_at(until, zone))
        }
        Some(until) => format!("{} - {} {}", moment(from, zone), moment(until, zone), zone_at(until, zone)),
    }
}

/// `Jan 16, 12:00`, marked for programs as the vendor marks it.
fn moment(at: Timestamp, zone: Tz) -> String {
    let date = at.utc().with_timezone(&zone).format("%b <var data-var='date'>%-d</var>");
    format!("{date}, {}", time(at, zone))
}

fn time(at: Timestamp, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("<var data-var='time'>%H:%M</var>").to_string()
}

fn zone_at(at: Timestamp, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%Z").to_string()
}

/// A time as RSS wants it.
fn rfc_822(at: Timestamp) -> String {
    at.utc().format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn ids_are_of_the_host_and_of_the_page_on_it() {
        let tag = |address| Tagged::of(address).history();
        assert_eq!(tag("https://status.acme.example"), "tag:status.acme.example,2005:/history");
        assert_eq!(tag("http://Example.org:8080/status/acme"), "tag:example.org,2005:/status/acme/history");
        assert_eq!(tag("/status/acme"), "tag:localhost,2005:/status/acme/history");
    }

    #[test]
    fn windows_say_what_differs() {
        let window = |from, until| window(at(from), Some(at(until)), Tz::Europe__London).replace(" data-var='date'", "");
        let day = window("2026-01-16T12:00:00Z", "2026-01-16T16:00:00Z");
        assert_eq!(day, "Jan <var>16</var>, <var data-var='time'>12:00</var> - <var data-var='time'>16:00</var> GMT");
        let night = window("2026-06-01T21:00:00Z", "2026-06-01T23:30:00Z");
        let [begin, end] =
            ["Jun <var>1</var>, <var data-var='time'>22:00</var>", "Jun <var>2</var>, <var data-var='time'>00:30</var>"];
        assert_eq!(night, format!("{begin} - {end} BST"));
    }

    #[test]
    fn times_are_those_of_mail() {
        assert_eq!(rfc_822(at("2026-01-05T08:00:00.120Z")), "Mon, 05 Jan 2026 08:00:00 +0000");
    }
}
