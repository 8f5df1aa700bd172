//! Its maintenance, which begins and ends by hand only.

use super::{
    Statusnexus, affected,
    body::{Body, Text},
    ids::ObjectId,
    incidents::update,
    people::{People, authors},
    shapes::{MaintenanceShape, Scene, plan},
    tenant::Tenant,
    words::{OfMaintenance, maintenance_status, visibility},
};
use crate::http::facade::{Answer, Asked, Refused, Under};
use serde_json::{Value, json};
use std::{cmp::Reverse, sync::Arc};
use tocsin_actors::domain::{
    Command, Incident, IncidentId, Org, Timestamp, UpdateId,
    command::NewIncident,
    edit::Edit,
    incident::IncidentChange,
    status::{Impact, IncidentStatus, Kind, Visibility},
};
use uuid::Uuid;

const MODEL: &str = "Maintenance";
const TITLE: &str = "Maintenance title is required";
const DESCRIPTION: &str = "Maintenance description is required";
const START: &str = "Scheduled start date is required";
const END: &str = "Scheduled end date is required";

/// What is planned for the latest time first.
pub(super) async fn list(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::of(&asked).await?;
    let all = tenant.org.incidents().values().filter(|incident| incident.kind() == Kind::Maintenance);
    let mut all: Vec<&Incident> = all.map(AsRef::as_ref).collect();
    if let Some(status) = asked.query("status") {
        all.retain(|maintenance| maintenance_status(maintenance.status) == status);
    }
    all.sort_by_key(|maintenance| (Reverse(plan(maintenance).0), maintenance.number));
    let people = People::of(&asked.engine, all.iter().flat_map(|maintenance| authors(maintenance))).await?;
    let scene = Scene { tenant: &tenant, org: &tenant.org, people: &people };
    let all: Vec<_> = all.into_iter().map(|maintenance| MaintenanceShape::of(maintenance, scene)).collect();
    Ok(Answer::json(200, &Under("maintenanceEvents", all)))
}

pub(super) async fn get(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::of(&asked).await?;
    let id = ObjectId::read(&asked.word(0).into(), MODEL)?;
    shown(200, &asked, &tenant, &tenant.org, find(&tenant.org, id)?.id).await
}

pub(super) async fn create(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let mut body = Body::read(&asked, "title")?;
    let there = ["title", "description", "scheduledStartDate", "scheduledEndDate"].iter().all(|name| body.has(name));
    let services = body.sent("serviceIds").and_then(Value::as_array).cloned();
    let (true, Some(services)) = (there, services) else { return Err(Refused::new(400, "Missing required fields")) };
    let title = body.text("title", Text::Required(TITLE));
    let description = body.text("description", Text::Required(DESCRIPTION));
    let impact = body.word::<Impact>("impact");
    let (start, end) = (body.time("scheduledStartDate", START), body.time("scheduledEndDate", END));
    let is_public = body.flag("isPublic");
    in_order(start, end)?;
    let affected = affected::read(&services, &tenant, None)?;
    body.fits_new(MODEL)?;
    let id = IncidentId::new(Uuid::now_v7());
    let new = NewIncident {
        id,
        title: title.unwrap_or_default(),
        description: description.unwrap_or_default(),
        status: IncidentStatus::Scheduled,
        impact: impact.unwrap_or(Impact::Minor),
        visibility: is_public.map_or(Visibility::Public, visibility),
        affected,
        started_at: None,
        resolved_at: None,
        scheduled_start: start,
        scheduled_end: end,
        automatic: false,
        update: Some((UpdateId::new(Uuid::now_v7()), "Maintenance scheduled".to_owned())),
        metadata: Default::default(),
    };
    let org = tenant.execute(&asked, vec![Command::OpenIncident(Box::new(new))]).await.map_err(affected::told)?;
    shown(201, &asked, &tenant, &org, id).await
}

/// Whoever sends a status says it in the timeline, too, also when it is the one of before.
pub(super) async fn change(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let id = ObjectId::read(&asked.word(0).into(), MODEL)?;
    let mut body = Body::read(&asked, "title")?;
    let title = body.text("title", Text::Required(TITLE));
    let description = body.text("description", Text::Required(DESCRIPTION));
    let status = body.status::<OfMaintenance>();
    let impact = body.word::<Impact>("impact");
    let (start, end) = (body.time("scheduledStartDate", START), body.time("scheduledEndDate", END));
    let is_public = body.flag("isPublic");
    body.fits_change()?;
    let before = find(&tenant.org, id)?;
    let planned = plan(before);
    if start.or(end).is_some() {
        in_order(start.or(Some(planned.0)), end.or(Some(planned.1)))?;
    }
    let services = body.sent("serviceIds").and_then(Value::as_array);
    let affected = services.map(|services| affected::read(services, &tenant, Some(before))).transpose()?;
    let change = IncidentChange {
        title: title.into(),
        description: description.into(),
        impact: impact.into(),
        visibility: is_public.map(visibility).into(),
        affected: affected.into(),
        scheduled_start: Edit::from(start.map(Some)),
        scheduled_end: Edit::from(end.map(Some)),
        ..IncidentChange::default()
    };
    let commands = match status {
        None => vec![Command::ChangeIncident { id: before.id, change: Box::new(change) }],
        Some(OfMaintenance(status)) => {
            let message = format!("Maintenance status updated to {}", status.as_str());
            moved(before, change, message, status, asked.now)
        }
    };
    let org = tenant.execute(&asked, commands).await.map_err(|refused| gone(affected::told(refused)))?;
    shown(200, &asked, &tenant, &org, before.id).await
}

pub(super) async fn post_update(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let id = ObjectId::read(&asked.word(0).into(), MODEL)?;
    let mut body = Body::read(&asked, "message")?;
    if !(body.has("message") && body.has("status")) {
        return Err(Refused::new(400, "Message and status are required"));
    }
    let (message, status) = (body.message(), body.status::<OfMaintenance>());
    body.fits_change()?;
    let before = find(&tenant.org, id)?;
    let (message, OfMaintenance(status)) = message.zip(status).ok_or_else(unknown)?;
    let commands = moved(before, IncidentChange::default(), message, status, asked.now);
    let org = tenant.execute(&asked, commands).await.map_err(gone)?;
    shown(200, &asked, &tenant, &org, before.id).await
}

pub(super) async fn delete(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let id = ObjectId::read(&asked.word(0).into(), MODEL)?;
    let id = find(&tenant.org, id)?.id;
    tenant.execute(&asked, vec![Command::DeleteIncident { id }]).await.map_err(gone)?;
    Ok(Answer::json(200, &json!({ "message": "Maintenance event deleted successfully" })))
}

/// Says a status in the timeline and changes what else there is to change. It began when somebody last said that it goes on,
/// and was over when somebody last said so.
fn moved(before: &Incident, change: IncidentChange, message: String, status: IncidentStatus, now: Timestamp) -> Vec<Command> {
    let (actual_start, actual_end) = match status {
        IncidentStatus::InProgress => (Edit::Set(Some(now)), Edit::Keep),
        IncidentStatus::Completed | IncidentStatus::Cancelled => {
            let end = now.max(before.actual_start.unwrap_or(now));
            (Edit::Set(before.actual_start), Edit::Set(Some(end)))
        }
        _ => (Edit::Keep, Edit::Keep),
    };
    let change = IncidentChange { actual_start, actual_end, ..change };
    vec![update(before.id, message, status), Command::ChangeIncident { id: before.id, change: Box::new(change) }]
}

fn in_order(start: Option<Timestamp>, end: Option<Timestamp>) -> Result<(), Refused> {
    match start.zip(end) {
        Some((start, end)) if end <= start => Err(Refused::new(400, "End date must be after start date")),
        _ => Ok(()),
    }
}

fn find(org: &Org, id: ObjectId) -> Result<&Incident, Refused> {
    let maintenance = id.find(org.incidents(), IncidentId::new).filter(|incident| incident.kind() == Kind::Maintenance);
    maintenance.map(AsRef::as_ref).ok_or_else(unknown)
}

async fn shown(status: u16, asked: &Asked, tenant: &Tenant, org: &Org, id: IncidentId) -> Result<Answer, Refused> {
    let maintenance = org.incidents().get(&id).ok_or_else(unknown)?;
    let people = People::of(&asked.engine, authors(maintenance)).await?;
    let maintenance = MaintenanceShape::of(maintenance, Scene { tenant, org, people: &people });
    Ok(Answer::json(status, &Under("maintenance", maintenance)))
}

fn unknown() -> Refused {
    Refused::new(404, "Maintenance event not found")
}

/// Somebody else deleted it in the meantime.
fn gone(refused: Refused) -> Refused {
    if refused.status == 404 { unknown() } else { refused }
}
