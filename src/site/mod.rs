//! What an organization shows to the world: made once per change, kept as bytes, served to any number of readers without a
//! database and without making it again.
//!
//! ```text
//! GET /status/{slug}/… ─► Sheet ─► Shelf ─┬─ kept, and still true ──────────────────────► bytes (plain, gzip, brotli)
//!                                         ├─ view of the organization ─► made anew ─► kept ─┤
//!                                         └─ no view to be had: as it was when it slept in ─┘
//! ```
//!
//! Knows nothing of HTTP beyond the names of encodings; what is shown is decided in [`crate::page`].

mod bars;
mod colour;
mod history;
mod kept;
mod page;
mod prose;
mod report;
mod shelf;
mod time;
mod tone;
mod view;

pub use history::Month;
pub use kept::{Coding, Kept};
pub use page::lost;
pub use shelf::{Place, Shelf};

use crate::statuspage::Document;
use tocsin_actors::domain::{IncidentId, Org, Seq, Timestamp};

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
    /// What happened in a month, or in this one.
    History(Option<Month>),
    /// An incident or a maintenance.
    Report(IncidentId),
    /// A document of the Statuspage v2 API.
    Statuspage(Document),
}

impl Sheet {
    /// What is kept of an organization that was looked at, in whatever form: what people and programs come back to.
    const BASICS: [Self; 3] = [Self::Page, Self::Statuspage(Document::Summary), Self::Statuspage(Document::Status)];

    /// What is asked for at this path behind the organization's name.
    pub fn at(path: &str) -> Option<Self> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match (first, rest) {
            ("", "") => Some(Self::Page),
            ("history", "") => Some(Self::History(None)),
            ("history", month) => Some(Self::History(Some(month.parse().ok()?))),
            ("incidents" | "maintenances", id) => id.parse().ok().map(Self::Report),
            ("api", rest) => {
                let document = rest.strip_prefix("v2/")?;
                Document::ALL.into_iter().find(|one| one.path() == document).map(Self::Statuspage)
            }
            _ => None,
        }
    }

    /// What requests for it are counted as.
    pub const fn route(self) -> &'static str {
        match self {
            Self::Page => "/status/{slug}",
            Self::History(_) => "/status/{slug}/history/{month}",
            Self::Report(_) => "/status/{slug}/incidents/{incident}",
            Self::Statuspage(_) => "/status/{slug}/api/v2/{document}",
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
            Self::History(month) => page::history(seen, month),
            Self::Report(incident) => page::report(seen, incident),
            Self::Statuspage(document) => Some(Kept::new("application/json", document.of(seen.org, seen.address)?)),
        }
    }
}
