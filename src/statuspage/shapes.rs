//! The vendor's objects, field by field in the vendor's order. A field without a value is null, never left out.

use super::ids::ShortId;
use chrono_tz::Tz;
use serde::{Serialize, Serializer};
use tocsin_actors::domain::{Timestamp, status::ServiceStatus};

/// A time as the vendor writes it: in the page's zone, milliseconds and offset always there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Zoned(pub(super) Timestamp, pub(super) Tz);

impl Serialize for Zoned {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let local = self.0.utc().with_timezone(&self.1);
        let is_utc = matches!(self.1, Tz::UTC | Tz::Etc__UTC);
        let form = if is_utc { "%Y-%m-%dT%H:%M:%S%.3fZ" } else { "%Y-%m-%dT%H:%M:%S%.3f%:z" };
        serializer.collect_str(&local.format(form))
    }
}

#[derive(Clone, Serialize)]
pub(super) struct PageHead {
    pub(super) id: ShortId,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) time_zone: &'static str,
    pub(super) updated_at: Zoned,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Rollup {
    pub(super) indicator: &'static str,
    pub(super) description: &'static str,
}

#[derive(Clone, Serialize)]
pub(super) struct Component {
    pub(super) id: ShortId,
    pub(super) name: String,
    pub(super) status: ServiceStatus,
    pub(super) created_at: Zoned,
    pub(super) updated_at: Zoned,
    pub(super) position: usize,
    pub(super) description: Option<String>,
    pub(super) showcase: bool,
    pub(super) start_date: Option<String>,
    pub(super) group_id: Option<ShortId>,
    pub(super) page_id: ShortId,
    pub(super) group: bool,
    pub(super) only_show_if_degraded: bool,
    /// A group's own; no component has the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) components: Option<Vec<ShortId>>,
}

#[derive(Serialize)]
pub(super) struct Incident {
    pub(super) id: ShortId,
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) created_at: Zoned,
    pub(super) updated_at: Zoned,
    pub(super) monitoring_at: Option<Zoned>,
    pub(super) resolved_at: Option<Zoned>,
    pub(super) impact: &'static str,
    pub(super) shortlink: String,
    pub(super) started_at: Zoned,
    pub(super) page_id: ShortId,
    pub(super) incident_updates: Vec<Update>,
    pub(super) components: Vec<Component>,
    pub(super) reminder_intervals: Option<()>,
}

#[derive(Serialize)]
pub(super) struct Maintenance {
    #[serde(flatten)]
    pub(super) incident: Incident,
    pub(super) scheduled_for: Option<Zoned>,
    pub(super) scheduled_until: Option<Zoned>,
}

#[derive(Serialize)]
pub(super) struct Update {
    pub(super) id: ShortId,
    pub(super) status: &'static str,
    /// HTML.
    pub(super) body: String,
    pub(super) incident_id: ShortId,
    pub(super) created_at: Zoned,
    pub(super) updated_at: Zoned,
    pub(super) display_at: Zoned,
    pub(super) affected_components: Option<Vec<AffectedComponent>>,
    pub(super) deliver_notifications: bool,
    pub(super) custom_tweet: Option<()>,
    pub(super) tweet_id: Option<()>,
}

#[derive(Serialize)]
pub(super) struct AffectedComponent {
    pub(super) code: ShortId,
    pub(super) name: String,
    pub(super) old_status: ServiceStatus,
    pub(super) new_status: ServiceStatus,
}
