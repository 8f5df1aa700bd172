//! What an organization shows to the world: made once per change, kept as bytes, served to any number of readers without a
//! database and without making it again.
//!
//! ```text
//! GET /status/{slug}/… ─► Sheet ─► Shelf ─┬─ kept, and still true ──────────────────────► bytes (plain, gzip, brotli)
//!                                         └─ view of the organization ─► made anew ─► kept ─┘
//! ```
//!
//! Knows nothing of HTTP beyond the names of encodings; what is shown is decided in [`crate::page`].

mod badge;
mod bars;
mod calendar;
mod colour;
mod feeds;
mod kept;
mod overall;
mod page;
mod plain;
mod shape;
mod shelf;
mod summary;
mod time;
mod tone;
mod view;
mod widget;

pub use feeds::Feed;
pub use kept::{Coding, Kept};
pub use shape::Ground;
pub use shelf::Shelf;

use crate::{page::Audience, statuspage::Document};
use tocsin_actors::domain::{Org, Seq, ServiceId, Timestamp};

/// An organization at the moment at which something is made of it.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// It itself.
    pub org: &'a Org,
    /// Where its visitors' live stream goes on from here, for what does: its epoch, and the `seq` of who has all of it.
    pub goes_on: Option<(&'a str, Seq)>,
    /// Where its page is.
    pub address: &'a str,
    /// What time it is.
    pub now: Timestamp,
}

/// One thing that can be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sheet {
    /// The page.
    Page,
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
    /// What is asked for at this path behind the organization's name.
    pub fn at(path: &str) -> Option<Self> {
        if let Some(document) = path.strip_prefix("api/v2/") {
            return Document::ALL.into_iter().find(|one| one.path() == document).map(Self::Statuspage);
        }
        if let Some((id, badge)) = path.strip_prefix("services/").and_then(|rest| rest.split_once('/')) {
            return Some(Self::ServiceBadge(id.parse().ok()?, badge::ground(badge)?));
        }
        Some(match path {
            "" => Self::Page,
            "history.atom" => Self::Feed(Feed::Atom),
            "history.rss" => Self::Feed(Feed::Rss),
            "maintenance.ics" => Self::Calendar,
            "widget" => Self::Widget,
            "summary.json" => Self::Summary,
            badge => Self::Badge(badge::ground(badge)?),
        })
    }

    /// What requests for it are counted as.
    pub const fn route(self) -> &'static str {
        match self {
            Self::Page => "/status/{slug}",
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

    /// Whether there can be one. What there is not is not waited for, and leaves nothing behind.
    fn is_of(self, org: &Org) -> bool {
        let Self::ServiceBadge(id, _) = self else { return true };
        org.services().get(&id).is_some_and(|service| Audience::Public.sees(service.visibility))
    }

    /// It itself; none for an organization that is not there.
    fn make(self, seen: &Seen<'_>) -> Option<Kept> {
        match self {
            Self::Page => page::status(seen),
            Self::Statuspage(document) => Some(Kept::new("application/json", document.of(seen.org, seen.address)?)),
            Self::Feed(form) => feeds::feed(seen, form),
            Self::Calendar => calendar::calendar(seen),
            Self::Badge(ground) => badge::of_page(seen, ground),
            Self::ServiceBadge(id, ground) => badge::of_service(seen, id, ground),
            Self::Widget => widget::widget(seen),
            Self::Summary => summary::summary(seen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_there_is_can_be_asked_for() {
        let id: ServiceId = "0189f5c2-7000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(Sheet::at(""), Some(Sheet::Page));
        assert_eq!(Sheet::at("history.rss"), Some(Sheet::Feed(Feed::Rss)));
        assert_eq!(Sheet::at("badge-dark.svg"), Some(Sheet::Badge(Ground::Dark)));
        assert_eq!(Sheet::at(&format!("services/{id}/badge.svg")), Some(Sheet::ServiceBadge(id, Ground::Light)));
        for nothing in ["badge", "services/1/badge.svg", "services/badge.svg", "api/v2/", "history.atom/x", "services//badge.svg"] {
            assert_eq!(Sheet::at(nothing), None, "{nothing}");
        }
    }
}
