//! What everybody may see of an organization.

use super::{
    Fastapi,
    fields::No,
    incidents, services,
    shapes::{IncidentShape, affected, or_null},
    uptime::{PastDay, past_days},
    words::{incident_status, service_status},
};
use crate::{
    http::facade::{Answer, Asked, Refused},
    identity::organization_word,
};
use serde::Serialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tocsin_actors::domain::{
    Incident, Org, ServiceId, Timestamp,
    entities::{self, Number, Service},
    status::{ServiceStatus, Visibility},
};

#[derive(Serialize)]
struct Page<'a> {
    organization: Organization<'a>,
    public_services: Vec<PublicService<'a>>,
    incidents: Vec<IncidentShape<'a>>,
}

#[derive(Serialize)]
struct Organization<'a> {
    auth0_org_id: String,
    name: &'a str,
}

#[derive(Serialize)]
struct PublicService<'a> {
    id: Number,
    name: &'a str,
    description: Option<&'a str>,
    current_status: &'static str,
    latest_incident_message: Option<&'a str>,
    latest_incident_status: Option<&'static str>,
    uptime_history: Vec<PastDay>,
}

pub(super) async fn healthcheck(_: Arc<Fastapi>, _: Asked) -> Result<Answer, No> {
    Ok(Answer::json(200, &json!({ "message": "Healthcheck success!" })))
}

/// What is private in our own words is not there.
pub(super) async fn page(_: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let org = asked.engine.org_called(asked.word(0)).await?;
    let unknown = || Refused::new(404, "Organization not found");
    let org = org.ok_or_else(unknown)?;
    let organization = org.organization().ok_or_else(unknown)?;
    Ok(asked.engine.seen_by_all(&org, asked.now, || Answer::json(200, &seen(&org, organization, asked.now))))
}

fn seen<'a>(org: &'a Org, organization: &'a entities::Organization, now: Timestamp) -> Page<'a> {
    let mut services = services::newest_first(org);
    services.retain(|service| service.visibility == Visibility::Public);
    let listed: BTreeSet<ServiceId> = services.iter().map(|service| service.id).collect();
    let mut incidents = incidents::newest_first(org);
    incidents.retain(|incident| {
        incident.visibility == Visibility::Public && affected(incident).any(|service| listed.contains(&service))
    });
    let newest = newest_by_service(&incidents);
    Page {
        organization: Organization { auth0_org_id: organization_word(org.id()), name: &organization.name },
        public_services: services.iter().map(|service| public_service(org, service, &newest, now)).collect(),
        incidents: incidents.iter().map(|incident| IncidentShape::from(*incident)).collect(),
    }
}

/// The newest incident of each service.
fn newest_by_service<'a>(newest_first: &[&'a Incident]) -> BTreeMap<ServiceId, &'a Incident> {
    let mut newest = BTreeMap::new();
    for incident in newest_first {
        for service in affected(incident) {
            newest.entry(service).or_insert(*incident);
        }
    }
    newest
}

/// A service that is well says nothing of its incidents.
fn public_service<'a>(
    org: &Org,
    service: &'a Service,
    newest: &BTreeMap<ServiceId, &'a Incident>,
    now: Timestamp,
) -> PublicService<'a> {
    let latest = newest.get(&service.id).filter(|_| service.status != ServiceStatus::Operational);
    let told = |incident: &&'a Incident| {
        let said = incident.updates.last().map(|update| update.message.as_str());
        said.or_else(|| or_null(&incident.description))
    };
    PublicService {
        id: service.number,
        name: &service.name,
        description: or_null(&service.description),
        current_status: service_status(service.status),
        latest_incident_message: latest.and_then(told),
        latest_incident_status: latest.map(|incident| incident_status(incident.status)),
        uptime_history: past_days(org, service.id, now),
    }
}
