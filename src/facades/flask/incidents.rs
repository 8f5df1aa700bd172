//! Its incidents and maintenances: one thing with two types, which leaves services alone.

use super::{
    Flask,
    asking::Body,
    guards::{self, Denied, Person, TO_READ, in_named_org, to_write_in},
    people_shapes::name_of,
    shapes::{AffectedShape, IncidentShape, Time, UpdateShape, affected},
    words,
};
use crate::http::facade::{Answer, Asked, Refused, Under};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};
use tocsin_actors::domain::{
    Author, Command, Incident, IncidentId, Org, Role, ServiceId, UpdateId,
    command::NewIncident,
    incident::Affected,
    status::{Impact, IncidentStatus, Kind, Visibility},
};
use uuid::Uuid;

/// Newest first.
pub(super) async fn list(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, org) = in_named_org(&asked).await?;
    let (status, kind) = (asked.query("status"), asked.query("type"));
    let is = |wanted: &Option<String>, word: &str| wanted.as_deref().is_none_or(|wanted| wanted.is_empty() || wanted == word);
    let mut wanted: Vec<_> = org.incidents().values().map(AsRef::as_ref).collect();
    wanted.retain(|incident: &&Incident| {
        is(&status, words::incident_status(incident.status)) && is(&kind, words::kind(incident).as_str())
    });
    wanted.sort_by_key(|incident| std::cmp::Reverse(incident.number));
    let people = asked.engine.people(wanted.iter().filter_map(|incident| incident.created_by.user())).await?;
    let shown = wanted.into_iter().map(|incident| IncidentShape {
        created_by: Some(name_of(&people, incident.created_by)),
        affected_services: Some(affected(&org, incident).map(AffectedShape::named).collect()),
        updates_count: Some(incident.updates.len()),
        ..IncidentShape::timed(incident)
    });
    Ok(Answer::json(200, &Under("incidents", shown.collect::<Vec<_>>())))
}

pub(super) async fn get(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, org, incident) = guards::incident(&asked, TO_READ).await?;
    let authors = incident.updates.iter().map(|update| update.author).chain([incident.created_by]);
    let people = asked.engine.people(authors.filter_map(Author::user)).await?;
    let updates =
        incident.updates.iter().map(|update| UpdateShape { user: Some(name_of(&people, update.author)), ..update.into() });
    let services = affected(&org, &incident)
        .map(|service| AffectedShape { status: Some(words::service_status(service.status)), ..AffectedShape::named(service) });
    let shape = IncidentShape {
        organization_id: Some(org.id().uuid()),
        created_by: Some(name_of(&people, incident.created_by)),
        affected_services: Some(services.collect()),
        updates: Some(updates.collect()),
        ..IncidentShape::timed(&incident)
    };
    Ok(Answer::json(200, &shape))
}

pub(super) async fn create(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::who(&asked).await?;
    let body = Body::of(&asked)?;
    let (title, organization) = (body.given("title")?, body.given("organization_id")?);
    let org = to_write_in(&asked, &person, organization, Role::Member).await?;
    let kind = body.text("type")?.map_or(Ok(Kind::Incident), words::to_kind)?;
    let status = body.text("status")?.map_or(Ok(IncidentStatus::Investigating), words::to_incident_status)?;
    let impact = body.text("impact")?.map_or(Ok(Impact::None), words::to_impact)?;
    let (start, end) = match kind {
        Kind::Maintenance => (body.time("scheduled_start")?.flatten(), body.time("scheduled_end")?.flatten()),
        Kind::Incident => (None, None),
    };
    let plain = match kind {
        Kind::Incident => "Incident created",
        Kind::Maintenance => "Maintenance created",
    };
    let id = IncidentId::new(Uuid::now_v7());
    let new = NewIncident {
        id,
        title: title.to_owned(),
        description: body.owned("description")?.unwrap_or_default(),
        status,
        impact,
        visibility: Visibility::Public,
        affected: named(&body, &org)?.unwrap_or_default(),
        started_at: None,
        resolved_at: None,
        scheduled_start: start,
        scheduled_end: end,
        automatic: false,
        update: Some((UpdateId::new(Uuid::now_v7()), body.text("initial_message")?.unwrap_or(plain).to_owned())),
        metadata: words::beside(kind),
    };
    let command = Command::OpenIncident(Box::new(new));
    let org = asked.engine.execute(org.id(), person.author(), asked.now, command).await?;
    let incident = find(&org, id)?;
    let shape = IncidentShape {
        kind: Some(kind.as_str()),
        organization_id: Some(org.id().uuid()),
        affected_services: Some(affected(&org, incident).map(AffectedShape::named).collect()),
        created_at: Some(Time(incident.created_at)),
        ..IncidentShape::from(incident)
    };
    Ok(Answer::json(201, &shape))
}

pub(super) async fn delete(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let denied = Denied { least: Role::Admin, text: "Only admins can delete incidents" };
    let (person, org, incident) = guards::incident(&asked, denied).await?;
    asked.engine.execute(org.id(), person.author(), asked.now, Command::DeleteIncident { id: incident.id }).await?;
    Ok(Answer::json(200, &json!({ "message": "Incident deleted successfully" })))
}

/// The services that a body names, as far as they are the organization's: they are named, and left alone.
pub(super) fn named(body: &Body, org: &Org) -> Result<Option<Vec<Affected>>, Refused> {
    let Some(ids) = body.ids("service_ids")? else { return Ok(None) };
    let mut seen = BTreeSet::new();
    let known = ids.into_iter().map(ServiceId::new).filter_map(|id| org.services().get(&id));
    let known = known.filter(|service| seen.insert(service.id));
    Ok(Some(known.map(|service| Affected { service: Some(service.id), name: service.name.clone(), status: None }).collect()))
}

pub(super) fn find(org: &Org, id: IncidentId) -> Result<&Incident, Refused> {
    org.incidents().get(&id).map(AsRef::as_ref).ok_or_else(|| Refused::new(404, "Incident not found"))
}
