//! An organization as the Statuspage v2 API would tell of it: programs that are written for that work here with only the
//! address changed. Only what visitors see; made from a view, without asking anybody.
//!
//! ```text
//! Org ──► Document::Summary.of(org, address) ──► JSON
//! ```
//!
//! The vendor's fields and their order are in `shapes`, what they mean for us in `tell`. Ids are short there: see [`ids`].

pub mod ids;
mod shapes;
mod tell;

pub(crate) use tell::html;

use crate::page::Audience;
use serde::Serialize;
use shapes::{Maintenance, PageHead, Rollup};
use tell::Teller;
use tocsin_actors::domain::{
    Org,
    status::{IncidentStatus, Kind},
};

/// How many incidents a list has at most.
const MOST: usize = 50;

/// What can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Document {
    /// Everything of now.
    Summary,
    /// How it is in one sentence.
    Status,
    /// Services and groups.
    Components,
    /// The newest incidents.
    Incidents,
    /// Incidents that go on.
    Unresolved,
    /// The newest maintenances.
    Maintenances,
    /// Maintenances to come.
    Upcoming,
    /// Maintenances that go on.
    Active,
}

impl Document {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Summary,
        Self::Status,
        Self::Components,
        Self::Incidents,
        Self::Unresolved,
        Self::Maintenances,
        Self::Upcoming,
        Self::Active,
    ];

    /// Where the vendor has it, under `/api/v2/`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Summary => "summary.json",
            Self::Status => "status.json",
            Self::Components => "components.json",
            Self::Incidents => "incidents.json",
            Self::Unresolved => "incidents/unresolved.json",
            Self::Maintenances => "scheduled-maintenances.json",
            Self::Upcoming => "scheduled-maintenances/upcoming.json",
            Self::Active => "scheduled-maintenances/active.json",
        }
    }

    /// It itself, as JSON, for the page at this address; none for an organization that is not there.
    pub fn of(self, org: &Org, address: &str) -> Option<Vec<u8>> {
        let teller = Teller::new(org, address)?;
        let page = teller.page();
        Some(match self {
            Self::Summary => json(&Summary {
                page,
                components: teller.components(),
                incidents: teller.incidents(IncidentStatus::is_active),
                scheduled_maintenances: teller.maintenances(|status| !status.is_over()),
                status: teller.rollup(),
            }),
            Self::Status => json(&Status { page, status: teller.rollup() }),
            Self::Components => json(&Components { page, components: teller.components() }),
            Self::Incidents => json(&Incidents { page, incidents: teller.incidents(|_| true) }),
            Self::Unresolved => json(&Incidents { page, incidents: teller.incidents(IncidentStatus::is_active) }),
            Self::Maintenances => json(&Maintenances { page, scheduled_maintenances: teller.maintenances(|_| true) }),
            Self::Upcoming => {
                let upcoming = |status| status == IncidentStatus::Scheduled;
                json(&Maintenances { page, scheduled_maintenances: teller.maintenances(upcoming) })
            }
            Self::Active => {
                let scheduled_maintenances = teller.maintenances(IncidentStatus::is_active);
                json(&Maintenances { page, scheduled_maintenances })
            }
        })
    }
}

fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("a document is a plain structure with text keys")
}

#[derive(Serialize)]
struct Summary<'a> {
    page: PageHead,
    components: &'a [shapes::Component],
    incidents: Vec<shapes::Incident>,
    scheduled_maintenances: Vec<Maintenance>,
    status: Rollup,
}

#[derive(Serialize)]
struct Status {
    page: PageHead,
    status: Rollup,
}

#[derive(Serialize)]
struct Components<'a> {
    page: PageHead,
    components: &'a [shapes::Component],
}

#[derive(Serialize)]
struct Incidents {
    page: PageHead,
    incidents: Vec<shapes::Incident>,
}

#[derive(Serialize)]
struct Maintenances {
    page: PageHead,
    scheduled_maintenances: Vec<Maintenance>,
}

impl Teller<'_> {
    fn incidents(&self, wanted: impl Fn(IncidentStatus) -> bool) -> Vec<shapes::Incident> {
        self.newest(Kind::Incident, wanted).map(|incident| self.incident(incident)).collect()
    }

    fn maintenances(&self, wanted: impl Fn(IncidentStatus) -> bool) -> Vec<Maintenance> {
        self.newest(Kind::Maintenance, wanted).map(|incident| self.maintenance(incident)).collect()
    }

    /// The newest ones that visitors see.
    fn newest(
        &self,
        kind: Kind,
        wanted: impl Fn(IncidentStatus) -> bool,
    ) -> impl Iterator<Item = &tocsin_actors::domain::Incident> {
        let some = Audience::Public.incidents(self.org);
        let mut some: Vec<_> = some.filter(|incident| incident.kind() == kind && wanted(incident.status)).collect();
        some.sort_by_key(|incident| std::cmp::Reverse((incident.created_at, incident.number)));
        some.truncate(MOST);
        some.into_iter()
    }
}
