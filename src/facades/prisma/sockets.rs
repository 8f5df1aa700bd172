//! What it says of changes: to everybody who listens, the author included.

use super::{
    incidents,
    lists::{Touching, Which, subject},
    services,
    words::{incident_status, service_status},
};
use crate::facades::telling::{Changed, Message, Moment};
use serde::Serialize;
use tocsin_actors::domain::{Incident, Org};

/// Of services only another status is told, and nothing of what is deleted.
pub(super) fn said_of(moment: &Moment<'_>, changed: &Changed<'_>) -> Vec<Message> {
    let org = moment.after;
    if org.organization().is_none() {
        return Vec::new();
    }
    match changed {
        Changed::Service(Some(before), Some(after)) if service_status(before.status) != service_status(after.status) => {
            said("service_status_updated", &services::whole(org, after, &Touching::of(org, Which::Open)))
        }
        Changed::Incident(None, Some(after)) => said("incident_created", &incidents::whole(org, after)),
        Changed::Incident(Some(before), Some(after)) if is_news((moment.before, before), (org, after)) => {
            said("incident_updated", &incidents::whole(org, after))
        }
        _ => Vec::new(),
    }
}

/// Whether an incident looks different, or has something new to say. What was only corrected in its timeline is not told.
fn is_news((before, was): (&Org, &Incident), (after, is): (&Org, &Incident)) -> bool {
    let looks = |org, incident: &Incident| {
        let service = subject(org, incident).map(|service| service.id);
        (incident.title.clone(), incident.description.clone(), incident_status(incident.status), service)
    };
    let has_more = is.updates.iter().any(|update| was.updates.iter().all(|known| known.id != update.id));
    has_more || looks(before, was) != looks(after, is)
}

fn said(event: &'static str, what: &impl Serialize) -> Vec<Message> {
    let data = serde_json::to_value(what).ok();
    data.map(|data| Message { room: None, event, data }).into_iter().collect()
}
