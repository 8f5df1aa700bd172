//! What everybody may see.

use super::{
    Flask,
    asking::Body,
    page_shapes::{PageIncident, PageMaintenance, PageService, PastIncident, public},
    shapes::{AffectedShape, IncidentShape, Time},
    words,
};
use crate::http::facade::{Answer, Asked, Refused};
use serde::Serialize;
use serde_json::json;
use std::{cmp::Reverse, sync::Arc, time::Duration};
use tocsin_actors::domain::{
    Incident, IncidentId, Org, Timestamp,
    entities::Organization,
    status::{IncidentStatus, Kind, Visibility},
};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// For how long what is over stands among what goes on.
const LINGERS: Duration = DAY;
/// How far back the history goes.
const HISTORY: Duration = Duration::from_secs(7 * 24 * 3_600);

#[derive(Serialize)]
struct Page<'a> {
    organization: About<'a>,
    overall_status: &'static str,
    services: Vec<PageService<'a>>,
    active_incidents: Vec<PageIncident<'a>>,
    scheduled_maintenance: Vec<PageMaintenance<'a>>,
    incident_history: Vec<PastIncident<'a>>,
    last_updated: Time,
}

#[derive(Serialize)]
struct About<'a> {
    name: &'a str,
    description: &'a str,
}

pub(super) async fn status(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let org = org(&asked).await?;
    let organization = org.organization().ok_or_else(unknown)?;
    Ok(asked.engine.seen_by_all(&org, asked.now, || Answer::json(200, &page(&org, organization, asked.now))))
}

fn page<'a>(org: &'a Org, organization: &'a Organization, now: Timestamp) -> Page<'a> {
    let services = org.services_in_order().into_iter().filter(|service| service.visibility == Visibility::Public);
    let mut incidents: Vec<&Incident> =
        org.incidents().values().map(AsRef::as_ref).filter(|incident| is_public(incident)).collect();
    incidents.sort_by_key(|incident| Reverse(incident.number));
    let mut planned: Vec<_> = incidents.iter().copied().filter(|incident| is_planned(incident, now)).collect();
    planned.sort_by_key(|incident| (incident.scheduled_start.is_none(), incident.scheduled_start, incident.number));
    let going_on = incidents.iter().filter(|incident| goes_on(incident, now));
    let past = incidents.iter().filter(|incident| incident.created_at >= now.before(HISTORY));
    Page {
        organization: About { name: &organization.name, description: &organization.description },
        overall_status: words::service_status(org.page_status(Visibility::Public)),
        services: services.map(|service| service.as_ref().into()).collect(),
        active_incidents: going_on.map(|incident| PageIncident::of(org, incident)).collect(),
        scheduled_maintenance: planned.into_iter().map(|incident| PageMaintenance::of(org, incident)).collect(),
        incident_history: past.map(|incident| PastIncident::from(*incident)).collect(),
        last_updated: Time(now),
    }
}

fn is_public(incident: &Incident) -> bool {
    incident.visibility == Visibility::Public
}

fn goes_on(incident: &Incident, now: Timestamp) -> bool {
    match incident.status {
        IncidentStatus::Investigating | IncidentStatus::Identified | IncidentStatus::Monitoring => true,
        IncidentStatus::Resolved => incident.resolved_at.is_some_and(|at| at >= now.before(LINGERS)),
        _ => false,
    }
}

fn is_planned(incident: &Incident, now: Timestamp) -> bool {
    words::kind(incident) == Kind::Maintenance
        && ["scheduled", "in_progress"].contains(&words::incident_status(incident.status))
        && incident.scheduled_end.is_none_or(|end| end > now)
}

pub(super) async fn incident(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let org = org(&asked).await?;
    let id = asked.word(1).parse::<IncidentId>().ok();
    let found = id.and_then(|id| org.incidents().get(&id)).filter(|incident| is_public(incident));
    let incident = found.ok_or_else(|| Refused::new(404, "Incident not found"))?;
    let services = public(&org, incident).map(|service| AffectedShape {
        id: None,
        name: &service.name,
        status: Some(words::service_status(service.status)),
    });
    let shape = IncidentShape {
        affected_services: Some(services.collect()),
        updates: Some(incident.updates.iter().map(Into::into).collect()),
        ..IncidentShape::timed(incident)
    };
    Ok(Answer::json(200, &shape))
}

/// Nothing is kept of it, and nothing is sent: so it is in the original.
pub(super) async fn subscribe(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    org(&asked).await?;
    let body = Body::of(&asked)?;
    let email = body.said("email", "Email is required")?;
    Ok(Answer::json(200, &json!({ "message": "Successfully subscribed to status updates", "email": email })))
}

async fn org(asked: &Asked) -> Result<Arc<Org>, Refused> {
    asked.engine.org_called(asked.word(0)).await?.ok_or_else(unknown)
}

fn unknown() -> Refused {
    Refused::new(404, "Organization not found")
}
