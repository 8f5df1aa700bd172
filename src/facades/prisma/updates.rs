//! The timelines of its incidents.

use super::{Prisma, incidents::find, lists, sent::Sent, shapes::UpdateShape, unknown, words::to_incident_status};
use crate::http::facade::{Answer, Asked, Refused};
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, IncidentId, Org, UpdateId,
    command::{NewUpdate, UpdateChange},
    incident::Update,
};
use uuid::Uuid;

pub(super) async fn list_of(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let found = prisma.incident_if_any(&asked.engine, asked.word(0)).await?;
    let incident = found.as_ref().and_then(|(org, id)| org.incidents().get(id));
    let updates = incident.iter().flat_map(|incident| lists::updates(incident).map(|update| UpdateShape::of(incident.id, update)));
    Ok(Answer::json(200, &updates.collect::<Vec<_>>()))
}

/// Moves its incident as well.
pub(super) async fn create(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let (incident, message, word) = (sent.text("incidentId")?, sent.text("message")?, sent.text("status")?);
    let (org, incident) = prisma.incident(&asked.engine, incident).await?;
    let status = to_incident_status(word, find(&org, incident)?.status)?;
    let id = UpdateId::new(Uuid::now_v7());
    let update = NewUpdate { id, message: message.to_owned(), status: Some(status), affected: Vec::new(), shown_at: None };
    let command = Command::PostUpdate { incident, update: Box::new(update) };
    shown(201, &*prisma.execute(&asked, &org, vec![command]).await?, incident, id)
}

/// Leaves its incident where it is.
pub(super) async fn change(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let (message, word) = (sent.edit("message")?, sent.text_if_given("status")?);
    let (org, incident, id) = prisma.update(&asked.engine, asked.word(0)).await?;
    let now = entry(&org, incident, id)?.status;
    let status = word.map(|word| to_incident_status(word, now)).transpose()?;
    let change = UpdateChange { message, status: status.into(), ..UpdateChange::default() };
    let command = Command::EditUpdate { incident, id, change: Box::new(change) };
    shown(200, &*prisma.execute(&asked, &org, vec![command]).await?, incident, id)
}

pub(super) async fn delete(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let (org, incident, id) = prisma.update(&asked.engine, asked.word(0)).await?;
    prisma.execute(&asked, &org, vec![Command::DeleteUpdate { incident, id }]).await?;
    Ok(Answer::empty(204))
}

fn entry(org: &Org, incident: IncidentId, id: UpdateId) -> Result<&Update, Refused> {
    let update = find(org, incident)?.updates.iter().find(|update| update.id == id);
    update.ok_or_else(|| unknown("Incident update"))
}

fn shown(status: u16, org: &Org, incident: IncidentId, id: UpdateId) -> Result<Answer, Refused> {
    Ok(Answer::json(status, &UpdateShape::of(incident, entry(org, incident, id)?)))
}
