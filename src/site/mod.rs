//! What an organization shows to the world: made once per change, kept as bytes, served to any number of readers without a
//! database and without making it again.
//!
//! ```text
//! GET /status/{slug}/… ─► Sheet ─► Shelf ─┬─ kept, and still true ──────────────────────► bytes (plain, gzip, brotli)
//!                                         └─ view of the organization ─► made anew ─► kept ─┘
//! ```
//!
//! Knows nothing of HTTP beyond the names of encodings; what is shown is decided in [`crate::page`].

mod bars;
mod calendar;
mod colour;
mod feeds;
mod kept;
mod overall;
mod page;
mod plain;
mod shelf;
mod time;
mod tone;
mod view;

pub use feeds::Feed;
pub use kept::{Coding, Kept};
pub use shelf::Shelf;

use crate::statuspage::Document;
use tocsin_actors::domain::{Org, Seq, Timestamp};

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
}

impl Sheet {
    /// What is asked for at this path behind the organization's name.
    pub fn at(path: &str) -> Option<Self> {
        if let Some(document) = path.strip_prefix("api/v2/") {
            return Document::ALL.into_iter().find(|one| one.path() == document).map(Self::Statuspage);
        }
        Some(match path {
            "" => Self::Page,
            "history.atom" => Self::Feed(Feed::Atom),
            "history.rss" => Self::Feed(Feed::Rss),
            "maintenance.ics" => Self::Calendar,
            _ => return None,
        })
    }

    /// What requests for it are counted as.
    pub const fn route(self) -> &'static str {
        match self {
            Self::Page => "/status/{slug}",
            Self::Statuspage(_) => "/status/{slug}/api/v2/{document}",
            Self::Feed(_) => "/status/{slug}/history.{feed}",
            Self::Calendar => "/status/{slug}/maintenance.ics",
        }
    }

    /// Whether it goes on in the live stream.
    pub fn is_live(self) -> bool {
        self == Self::Page
    }

    /// It itself; none for an organization that is not there.
    fn make(self, seen: &Seen<'_>) -> Option<Kept> {
        match self {
            Self::Page => page::status(seen),
            Self::Statuspage(document) => Some(Kept::new("application/json", document.of(seen.org, seen.address)?)),
            Self::Feed(form) => feeds::feed(seen, form),
            Self::Calendar => calendar::calendar(seen),
        }
    }
}
