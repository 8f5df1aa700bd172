//! What an organization shows to the world: made once per change, kept as bytes, served to any number of readers without a
//! database and without making it again.
//!
//! ```text
//! GET /status/{slug}/… ─► Sheet ─► Shelf ─┬─ kept, and still true ──────────────────────► bytes (plain, gzip, brotli)
//!                                         ├─ view of the organization ─► made anew ─► kept ─┤
//!                                         └─ nobody can wake it: as it was when it slept ────┘
//! ```
//!
//! Knows nothing of HTTP beyond the names of encodings; what is shown is decided in [`crate::page`].

mod badge;
mod bars;
mod calendar;
mod checks;
mod colour;
mod feeds;
mod history;
mod kept;
mod overall;
mod page;
mod plain;
mod prose;
mod report;
mod shape;
mod shelf;
mod summary;
mod time;
mod tone;
mod view;
mod widget;

pub use feeds::Feed;
pub use history::Month;
pub use kept::{Coding, Kept, Packed};
pub use page::lost;
pub use shape::Ground;
pub use shelf::{Beside, Place, Sendable, Shelf};

use crate::{monitors::recent::Found, page::Audience, statuspage::Document};
use tocsin_actors::domain::{IncidentId, Org, Seq, ServiceId, Timestamp};

/// An organization at the moment at which something is made of it.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// It itself.
    pub org: &'a Org,
    /// Where its visitors' live stream goes on from here, for what does: its epoch, and the `seq` of who has all of it.
    pub goes_on: Option<(&'a str, Seq)>,
    /// Where its page is for everybody: no slash at the end.
    pub address: &'a str,
    /// What comes before the paths of its pages where they are being read.
    pub base: &'a str,
    /// Since when it is not known whether there is something newer, if that is so.
    pub stale: Option<Timestamp>,
    /// What its website checks found lately, for what shows it.
    pub found: &'a Found,
    /// What time it is.
    pub now: Timestamp,
}

impl Seen<'_> {
    fn is_own_domain(&self) -> bool {
        self.base.is_empty()
    }
}

/// One thing that can be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sheet {
    /// The page.
    Page,
    /// The part of the page that tells what website checks found, for who has the page open.
    Checks,
    /// What happened in a month, or in this one.
    History(Option<Month>),
    /// An incident or a maintenance.
    Report(IncidentId),
    /// A document of the Statuspage v2 API.
    Statuspage(Document),
    /// What happened, for feed readers.
    Feed(Feed),
    /// What is planned, for calendars.
    Calendar,
    /// How it is, as a picture.
    Badge(Ground),
    /// How one of its services is, as a picture.
    ServiceBadge(ServiceId, Ground),
    /// How it is, for a frame in somebody else's page.
    Widget,
    /// How it is, for a program in somebody else's page.
    Summary,
}

impl Sheet {
    /// What is kept of an organization that was looked at, in whatever form: what people and programs come back to.
    const BASICS: [Self; 7] = [
        Self::Page,
        Self::History(None),
        Self::Summary,
        Self::Statuspage(Document::Summary),
        Self::Statuspage(Document::Status),
        Self::Feed(Feed::Atom),
        Self::Feed(Feed::Rss),
    ];

    /// What is asked for at this path behind the organization's name.
    pub fn at(path: &str) -> Option<Self> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match (first, rest) {
            ("", "") => Some(Self::Page),
            ("checks", "") => Some(Self::Checks),
            ("history", "") => Some(Self::History(None)),
            ("history", month) => Some(Self::History(Some(month.parse().ok()?))),
            ("incidents" | "maintenances", id) => id.parse().ok().map(Self::Report),
            ("services", rest) => {
                let (id, badge) = rest.split_once('/')?;
                Some(Self::ServiceBadge(id.parse().ok()?, badge::ground(badge)?))
            }
            ("api", rest) => {
                let document = rest.strip_prefix("v2/")?;
                Document::ALL.into_iter().find(|one| one.path() == document).map(Self::Statuspage)
            }
            ("history.atom", "") => Some(Self::Feed(Feed::Atom)),
            ("history.rss", "") => Some(Self::Feed(Feed::Rss)),
            ("maintenance.ics", "") => Some(Self::Calendar),
            ("widget", "") => Some(Self::Widget),
            ("summary.json", "") => Some(Self::Summary),
            (badge, "") => badge::ground(badge).map(Self::Badge),
            _ => None,
        }
    }

    /// What requests for it are counted as.
    pub const fn route(self) -> &'static str {
        match self {
            Self::Page => "/status/{slug}",
            Self::Checks => "/status/{slug}/checks",
            Self::History(_) => "/status/{slug}/history/{month}",
            Self::Report(_) => "/status/{slug}/incidents/{incident}",
            Self::Statuspage(_) => "/status/{slug}/api/v2/{document}",
            Self::Feed(_) => "/status/{slug}/history.{feed}",
            Self::Calendar => "/status/{slug}/maintenance.ics",
            Self::Badge(_) => "/status/{slug}/{badge}",
            Self::ServiceBadge(..) => "/status/{slug}/services/{id}/{badge}",
            Self::Widget => "/status/{slug}/widget",
            Self::Summary => "/status/{slug}/summary.json",
        }
    }

    /// Whether it goes on in the live stream.
    pub fn is_live(self) -> bool {
        self == Self::Page
    }

    /// Whether it tells what website checks found.
    pub fn tells_of_checks(self) -> bool {
        matches!(self, Self::Page | Self::Checks)
    }

    /// Whether there can be one. What there is not is not waited for, and leaves nothing behind.
    fn is_of(self, org: &Org) -> bool {
        match self {
            Self::ServiceBadge(id, _) => org.services().get(&id).is_some_and(|service| Audience::Public.sees(service.visibility)),
            Self::Report(id) => Audience::Public.incident(org, id).is_some(),
            _ => true,
        }
    }

    /// It itself; none for an organization that is not there.
    fn make(self, seen: &Seen<'_>) -> Option<Kept> {
        let made = match self {
            Self::Page => page::status(seen),
            Self::Checks => page::checks(seen),
            Self::History(month) => page::history(seen, month),
            Self::Report(incident) => page::report(seen, incident),
            Self::Statuspage(document) => Some(Kept::new("application/json", document.of(seen.org, seen.address)?)),
            Self::Feed(form) => feeds::feed(seen, form),
            Self::Calendar => calendar::calendar(seen),
            Self::Badge(ground) => badge::of_page(seen, ground),
            Self::ServiceBadge(id, ground) => badge::of_service(seen, id, ground),
            Self::Widget => widget::widget(seen),
            Self::Summary => summary::summary(seen),
        };
        made.map(|kept| kept.stale_since(seen.stale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_there_is_can_be_asked_for() {
        let id: ServiceId = "0189f5c2-7000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(Sheet::at(""), Some(Sheet::Page));
        assert_eq!(Sheet::at("checks"), Some(Sheet::Checks));
        assert_eq!(Sheet::at("history.rss"), Some(Sheet::Feed(Feed::Rss)));
        assert_eq!(Sheet::at("badge-dark.svg"), Some(Sheet::Badge(Ground::Dark)));
        assert_eq!(Sheet::at(&format!("services/{id}/badge.svg")), Some(Sheet::ServiceBadge(id, Ground::Light)));
        for nothing in ["badge", "services/1/badge.svg", "services/badge.svg", "api/v2/", "history.atom/x", "services//badge.svg"] {
            assert_eq!(Sheet::at(nothing), None, "{nothing}");
        }
    }
}
