//! Its incidents. What it calls affected services are names, of which nobody checks whether anything is called so.

use super::{
    Plive, body, given, id,
    shapes::{IncidentShape, UpdateShape},
    words::{self, Wanted, to_impact, to_incident_status},
    words_if_given, words_of,
};
use crate::http::facade::{Answer, Asked, Refused};
use serde_json::Value;
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, Incident, IncidentId, Org, UpdateId,
    command::{NewIncident, NewUpdate},
    incident::{Affected, IncidentChange},
    status::{Impact, IncidentStatus, Kind, Visibility},
};
use uuid::Uuid;

/// All of them, oldest first. Maintenances, for which it has no word, are not among them.
pub(super) async fn list(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let org = plive.org(&asked.engine).await?;
    let incidents: Vec<_> = of(&org, &asked).map(IncidentShape::from).collect();
    Ok(Answer::json(200, &incidents))
}

/// Those that a query speaks of.
pub(super) fn of<'a>(org: &'a Org, asked: &Asked) -> impl Iterator<Item = &'a Incident> + use<'a> {
    let wanted = Wanted::of(asked);
    let incidents = org.incidents().values().filter(|incident| incident.kind() == Kind::Incident);
    let mut incidents: Vec<_> = incidents.map(AsRef::as_ref).collect();
    incidents.sort_by_key(|incident: &&Incident| incident.number);
    incidents.into_iter().filter(move |incident| wanted.has(&incident.metadata))
}

pub(super) async fn get(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let id = IncidentId::new(id(&asked)?);
    shown(200, &*plive.org(&asked.engine).await?, id)
}

pub(super) async fn create(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let body = body(&asked)?;
    let (title, description) = (words_of(&body, "title", "Title")?, words_of(&body, "description", "Description")?);
    let impact = given(&body, "impact").map(to_impact).transpose()?;
    given(&body, "status").map(to_incident_status).transpose()?; // looked at, and then every incident begins in the same way
    let affected = affected(&body)?;
    let id = IncidentId::new(Uuid::now_v7());
    let new = NewIncident {
        id,
        title,
        description,
        status: IncidentStatus::Investigating,
        impact: impact.unwrap_or(Impact::Minor),
        visibility: Visibility::Public,
        affected: affected.unwrap_or_default(),
        started_at: None,
        resolved_at: None,
        scheduled_start: None,
        scheduled_end: None,
        automatic: false,
        update: None,
        metadata: words::metadata(&body),
    };
    let org = plive.execute(&asked, Command::OpenIncident(Box::new(new))).await?;
    shown(201, &org, id)
}

/// Moves it without a word in its timeline.
pub(super) async fn change(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let (id, body) = (IncidentId::new(id(&asked)?), body(&asked)?);
    let title = words_if_given(&body, "title", "Title")?;
    let description = words_if_given(&body, "description", "Description")?;
    let impact = given(&body, "impact").map(to_impact).transpose()?;
    let status = given(&body, "status").map(to_incident_status).transpose()?;
    let affected = affected(&body)?;
    find(&*plive.org(&asked.engine).await?, id)?;
    let change = IncidentChange {
        title: title.into(),
        description: description.into(),
        impact: impact.into(),
        status: status.into(),
        affected: affected.into(),
        ..IncidentChange::default()
    };
    let org = plive.execute(&asked, Command::ChangeIncident { id, change: Box::new(change) }).await?;
    shown(200, &org, id)
}

pub(super) async fn post_update(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let (incident, body) = (IncidentId::new(id(&asked)?), body(&asked)?);
    words_of(&body, "status", "Status")?;
    let message = words_of(&body, "message", "Message")?;
    let status = to_incident_status(&body["status"])?;
    find(&*plive.org(&asked.engine).await?, incident)?;
    let id = UpdateId::new(Uuid::now_v7());
    let update = NewUpdate { id, message, status: Some(status), affected: Vec::new(), shown_at: None };
    let org = plive.execute(&asked, Command::PostUpdate { incident, update: Box::new(update) }).await?;
    let update = find(&org, incident)?.updates.iter().find(|update| update.id == id);
    Ok(Answer::json(201, &UpdateShape::from(update.ok_or_else(unknown)?)))
}

pub(super) async fn delete(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let id = IncidentId::new(id(&asked)?);
    find(&*plive.org(&asked.engine).await?, id)?;
    plive.execute(&asked, Command::DeleteIncident { id }).await?;
    Ok(Answer::empty(204))
}

fn find(org: &Org, id: IncidentId) -> Result<&Incident, Refused> {
    let incident = org.incidents().get(&id).filter(|incident| incident.kind() == Kind::Incident);
    incident.map(AsRef::as_ref).ok_or_else(unknown)
}

fn shown(status: u16, org: &Org, id: IncidentId) -> Result<Answer, Refused> {
    Ok(Answer::json(status, &IncidentShape::from(find(org, id)?)))
}

fn unknown() -> Refused {
    Refused::new(404, "Incident not found")
}

/// An incident leaves services alone here: it only names them.
fn affected(body: &Value) -> Result<Option<Vec<Affected>>, Refused> {
    let Some(given) = given(body, "affectedServices") else { return Ok(None) };
    let names = given.as_array().ok_or_else(|| Refused::new(400, "Affected services must be an array"))?;
    let name = |name: &Value| {
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        Affected { service: None, name, status: None }
    };
    Ok(Some(names.iter().map(name).collect()))
}
