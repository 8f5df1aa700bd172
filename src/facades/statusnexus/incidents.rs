//! Its incidents.

use super::{
    Statusnexus, affected,
    body::{Body, Text},
    ids::ObjectId,
    people::{People, authors},
    shapes::{IncidentShape, Scene},
    tenant::Tenant,
    words::{OfIncident, TYPE, Type},
};
use crate::http::facade::{Answer, Asked, Refused, Under};
use serde_json::Value;
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, Incident, IncidentId, Org, UpdateId,
    command::{NewIncident, NewUpdate},
    entities::Scalar,
    incident::IncidentChange,
    status::{Impact, IncidentStatus, Kind, Visibility},
};
use uuid::Uuid;

const MODEL: &str = "Incident";

/// All of them, however far they have come, in the order of their making.
pub(super) async fn list(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::of(&asked).await?;
    let incidents = tenant.org.incidents().values().filter(|incident| incident.kind() == Kind::Incident);
    let mut incidents: Vec<_> = incidents.map(AsRef::as_ref).collect();
    incidents.sort_by_key(|incident: &&Incident| incident.number);
    let people = People::of(&asked.engine, incidents.iter().flat_map(|incident| authors(incident))).await?;
    let scene = Scene { tenant: &tenant, org: &tenant.org, people: &people };
    let incidents: Vec<_> = incidents.into_iter().map(|incident| IncidentShape::of(incident, scene)).collect();
    Ok(Answer::json(200, &Under("incidents", incidents)))
}

pub(super) async fn get(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::of(&asked).await?;
    let incident = ObjectId::read(&asked.word(0).into(), MODEL)?;
    shown(200, &asked, &tenant, &tenant.org, find(&tenant.org, incident)?.id).await
}

pub(super) async fn create(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let mut body = Body::read(&asked, "title")?;
    let services = body.sent("serviceIds").and_then(Value::as_array).filter(|ids| !ids.is_empty()).cloned();
    let (true, true, Some(services)) = (body.has("title"), body.has("type"), services) else {
        return Err(Refused::new(400, "Missing required fields: title, type, and at least one serviceId"));
    };
    let affected = affected::read(&services, &tenant, None)?;
    let title = body.text("title", Text::Required("Incident title is required"));
    let r#type = body.word::<Type>("type");
    let impact = body.word::<Impact>("impact");
    body.fits_new(MODEL)?;
    let id = IncidentId::new(Uuid::now_v7());
    let r#type = r#type.map_or(Type::INCIDENT, |r#type| r#type.0);
    let new = NewIncident {
        id,
        title: title.unwrap_or_default(),
        description: String::new(),
        status: IncidentStatus::Investigating,
        impact: impact.unwrap_or(Impact::Minor),
        visibility: Visibility::Public,
        affected,
        started_at: None,
        resolved_at: None,
        scheduled_start: None,
        scheduled_end: None,
        automatic: false,
        update: Some((UpdateId::new(Uuid::now_v7()), "Incident created".to_owned())),
        metadata: [(TYPE.to_owned(), Scalar::Text(r#type.to_owned()))].into(),
    };
    let org = tenant.execute(&asked, vec![Command::OpenIncident(Box::new(new))]).await.map_err(affected::told)?;
    shown(201, &asked, &tenant, &org, id).await
}

/// Says in its timeline how far it has come, which must be said anew each time.
pub(super) async fn change(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let incident = ObjectId::read(&asked.word(0).into(), MODEL)?;
    let mut body = Body::read(&asked, "status")?;
    let status = status(&mut body);
    let impact = body.word::<Impact>("impact");
    body.fits_change()?;
    let id = find(&tenant.org, incident)?.id;
    let status = status.ok_or_else(unknown)?;
    let mut commands = vec![update(id, format!("Incident updated to {}", status.as_str()), status)];
    if let Some(impact) = impact {
        let change = IncidentChange { impact: Some(impact).into(), ..IncidentChange::default() };
        commands.push(Command::ChangeIncident { id, change: Box::new(change) });
    }
    let org = tenant.execute(&asked, commands).await.map_err(gone)?;
    shown(200, &asked, &tenant, &org, id).await
}

pub(super) async fn post_update(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let incident = ObjectId::read(&asked.word(0).into(), MODEL)?;
    let mut body = Body::read(&asked, "message")?;
    let message = body.message();
    if message.is_none() {
        body.is_missing("updates.message", "Update message is required");
    }
    let status = status(&mut body);
    body.fits_change()?;
    let id = find(&tenant.org, incident)?.id;
    let (message, status) = message.zip(status).ok_or_else(unknown)?;
    let org = tenant.execute(&asked, vec![update(id, message, status)]).await.map_err(gone)?;
    shown(200, &asked, &tenant, &org, id).await
}

/// Where an incident is to be, which must be said.
fn status(body: &mut Body) -> Option<IncidentStatus> {
    if matches!(body.sent("status"), None | Some(Value::Null)) || body.sent("status").and_then(Value::as_str) == Some("") {
        body.is_missing("updates.status", "Status is required");
    }
    body.status::<OfIncident>().map(|status| status.0)
}

/// An entry in a timeline that moves what it is about.
pub(super) fn update(incident: IncidentId, message: String, status: IncidentStatus) -> Command {
    let id = UpdateId::new(Uuid::now_v7());
    let update = NewUpdate { id, message, status: Some(status), affected: Vec::new(), shown_at: None };
    Command::PostUpdate { incident, update: Box::new(update) }
}

fn find(org: &Org, id: ObjectId) -> Result<&Incident, Refused> {
    let incident = id.find(org.incidents(), IncidentId::new).filter(|incident| incident.kind() == Kind::Incident);
    incident.map(AsRef::as_ref).ok_or_else(unknown)
}

async fn shown(status: u16, asked: &Asked, tenant: &Tenant, org: &Org, id: IncidentId) -> Result<Answer, Refused> {
    let incident = org.incidents().get(&id).ok_or_else(unknown)?;
    let people = People::of(&asked.engine, authors(incident)).await?;
    let incident = IncidentShape::of(incident, Scene { tenant, org, people: &people });
    Ok(Answer::json(status, &Under("incident", incident)))
}

fn unknown() -> Refused {
    Refused::new(404, "Incident not found")
}

/// Somebody else deleted it in the meantime.
fn gone(refused: Refused) -> Refused {
    if refused.status == 404 { unknown() } else { refused }
}
