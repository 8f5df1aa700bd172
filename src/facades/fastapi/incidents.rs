//! Its incidents, and what becomes of the services that they affect.

use super::{
    Fastapi, effects,
    fields::{self, Form, No},
    shapes::{IncidentShape, IncidentWithServices, UpdateShape},
    who::{self, People},
    words::{IMPACTS, INCIDENT_STATUSES, incident_status},
};
use crate::http::facade::{Answer, Asked, Refused};
use serde_json::json;
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, Incident, IncidentId, Org, UpdateId,
    command::{NewIncident, NewUpdate},
    edit::Edit,
    incident::IncidentChange,
    limits,
    status::{Impact, IncidentStatus, Kind, Visibility},
};
use uuid::Uuid;

/// The newest first: all of them, those that are over, or those that are not.
pub(super) async fn list(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let org = who::reads(&fastapi, &asked).await?.org;
    let wanted = match asked.query("resolved").as_deref() {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    };
    let is_resolved = |incident: &Incident| incident_status(incident.status) == "resolved";
    let mut incidents = newest_first(&org);
    incidents.retain(|incident| wanted.is_none_or(|wanted| wanted == is_resolved(incident)));
    let incidents: Vec<_> = incidents.into_iter().map(IncidentShape::from).collect();
    Ok(Answer::json(200, &incidents))
}

/// Maintenances, for which it has no word, are not among them.
pub(super) fn newest_first(org: &Org) -> Vec<&Incident> {
    let all = org.incidents().values().filter(|incident| incident.kind() == Kind::Incident);
    let mut incidents: Vec<_> = all.map(AsRef::as_ref).collect();
    incidents.sort_by_key(|incident: &&Incident| std::cmp::Reverse((incident.started_at, incident.number)));
    incidents
}

pub(super) async fn create(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let asker = who::writes(&fastapi, &asked).await?;
    let mut form = Form::of(&asked)?;
    let title = form.required("title", |form, field| form.text(field, 1..=limits::NAME));
    let description = form.text_or_null("description", limits::DESCRIPTION).unwrap_or_default();
    let status = form.word("status", INCIDENT_STATUSES).unwrap_or(IncidentStatus::Investigating);
    let impact = form.word("impact", IMPACTS).unwrap_or(Impact::Minor);
    let services = form.numbers("affected_service_ids").unwrap_or_default();
    form.done()?;
    let id = IncidentId::new(Uuid::now_v7());
    let new = |org: &Org| NewIncident {
        id,
        title: title.clone(),
        description: description.clone(),
        status,
        impact,
        visibility: Visibility::Public,
        affected: effects::at_first(org, &services, impact),
        started_at: None,
        resolved_at: None,
        scheduled_start: None,
        scheduled_end: None,
        automatic: false,
        update: None,
        metadata: Default::default(),
    };
    let decide = |org: &Org| Ok(vec![Command::OpenIncident(Box::new(new(org)))]);
    shown(&*asker.execute_decided(&asked, decide).await?, id)
}

pub(super) async fn get(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let org = who::reads(&fastapi, &asked).await?.org;
    let incident = find(&org, fields::number(&asked, "incident_id")?)?;
    Ok(Answer::json(200, &IncidentWithServices::of(&org, incident)))
}

pub(super) async fn change(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let asker = who::writes(&fastapi, &asked).await?;
    let number = fields::number(&asked, "incident_id")?;
    let mut form = Form::of(&asked)?;
    let change = IncidentChange {
        title: form.text("title", 1..=limits::NAME).into(),
        description: form.text_or_null("description", limits::DESCRIPTION).into(),
        status: form.word("status", INCIDENT_STATUSES).into(),
        impact: form.word("impact", IMPACTS).into(),
        resolved_at: form.time("resolved_at").into(),
        ..IncidentChange::default()
    };
    let services = form.numbers("service_ids");
    form.done()?;
    let id = find(&asker.org, number)?.id;
    let decide = |org: &Org| {
        let before = find(org, number)?;
        let affected = effects::of_a_change(org, before, &change, services.as_deref());
        let mut all = vec![Command::ChangeIncident { id, change: Box::new(IncidentChange { affected, ..change.clone() }) }];
        if change.status == Edit::Set(IncidentStatus::Resolved) && before.status != IncidentStatus::Resolved {
            all.extend(effects::of_an_end(org, before));
        }
        Ok(all)
    };
    shown(&*asker.execute_decided(&asked, decide).await?, id)
}

pub(super) async fn delete(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let asker = who::writes(&fastapi, &asked).await?;
    let number = fields::number(&asked, "incident_id")?;
    let decide = |org: &Org| {
        let incident = find(org, number)?;
        let mut all = vec![Command::DeleteIncident { id: incident.id }];
        if !incident.status.is_over() {
            all.extend(effects::of_an_end(org, incident));
        }
        Ok(all)
    };
    asker.execute_decided(&asked, decide).await?;
    Ok(Answer::json(200, &json!({ "detail": "Incident deleted" })))
}

/// Tells how it goes, without moving it.
pub(super) async fn post_update(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let asker = who::writes(&fastapi, &asked).await?;
    let mut form = Form::of(&asked)?;
    let number = form.required("incident_id", Form::number);
    let message = form.required("message", |form, field| form.text(field, 0..=limits::MESSAGE));
    form.done()?;
    let incident = find(&asker.org, number)?;
    if incident.status.is_over() {
        return Err(Refused::new(400, "Cannot create incident update for resolved incidents").into());
    }
    let (incident, id) = (incident.id, UpdateId::new(Uuid::now_v7()));
    let update = NewUpdate { id, message, status: None, affected: Vec::new(), shown_at: None };
    let org = asker.execute(&asked, vec![Command::PostUpdate { incident, update: Box::new(update) }]).await?;
    let incident = org.incidents().get(&incident).ok_or_else(unknown)?;
    let update = incident.updates.iter().find(|update| update.id == id).ok_or_else(unknown)?;
    let people = People::of(&asked.engine, [update.author]).await?;
    Ok(Answer::json(200, &UpdateShape::of(incident, update, &people)))
}

/// The newest first. Of what is not there, there are none.
pub(super) async fn updates(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let org = who::reads(&fastapi, &asked).await?.org;
    let Ok(incident) = find(&org, fields::number(&asked, "incident_id")?) else { return Ok(Answer::json(200, &json!([]))) };
    let people = People::of(&asked.engine, incident.updates.iter().map(|update| update.author)).await?;
    let updates: Vec<_> = incident.updates.iter().rev().map(|update| UpdateShape::of(incident, update, &people)).collect();
    Ok(Answer::json(200, &updates))
}

/// By its number: the last ones first, which people look at.
fn find(org: &Org, number: i64) -> Result<&Incident, Refused> {
    let found = org.incidents().values().rev().find(|incident| i64::from(incident.number) == number);
    found.map(AsRef::as_ref).filter(|incident: &&Incident| incident.kind() == Kind::Incident).ok_or_else(unknown)
}

fn shown(org: &Org, id: IncidentId) -> Result<Answer, No> {
    let incident = org.incidents().get(&id).ok_or_else(unknown)?;
    Ok(Answer::json(200, &IncidentShape::from(incident.as_ref())))
}

fn unknown() -> Refused {
    Refused::new(404, "Incident not found")
}
