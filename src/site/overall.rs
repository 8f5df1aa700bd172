//! How an organization is, in one word: the page, the badges, the widget and the summary all say the same.

use super::tone::Tone;
use crate::page::Audience;
use tocsin_actors::domain::{Org, Timestamp, entities::Organization};

/// What visitors are told first.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Overall {
    /// How it is.
    pub(super) tone: Tone,
    /// Since when, where services say so.
    pub(super) since: Option<Timestamp>,
    /// When anything of what they see was last changed.
    pub(super) updated: Timestamp,
}

impl Overall {
    /// As of now. Costs no look at history.
    pub(super) fn of(org: &Org, organization: &Organization) -> Self {
        let services = Audience::Public.services(org);
        let tone = services.iter().map(|service| Tone::from(service.status)).max().unwrap_or_else(|| {
            let active = Audience::Public.active(org);
            active.into_iter().map(|incident| Tone::of_incident(incident).0).max().unwrap_or(Tone::Nothing)
        });
        let of_tone = || services.iter().filter(|service| Tone::from(service.status) == tone).map(|service| service.status_since);
        Self {
            tone,
            since: if tone == Tone::Operational { of_tone().max() } else { of_tone().min() },
            updated: Audience::Public.last_changed(org).unwrap_or(organization.updated_at),
        }
    }
}
