//! What happens to its incidents: changes, of which a word stands in the timeline, and words alone.

use super::{
    Flask,
    asking::Body,
    guards::{self, TO_WRITE},
    incidents::{find, named},
    shapes::{IncidentShape, Time, UpdateShape},
    words,
};
use crate::http::facade::{Answer, Asked, Refused};
use std::{collections::BTreeSet, sync::Arc};
use tocsin_actors::domain::{
    Command, Incident, UpdateId,
    command::NewUpdate,
    edit::Edit,
    incident::{Affected, IncidentChange},
};
use uuid::Uuid;

pub(super) async fn change(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org, before) = guards::incident(&asked, TO_WRITE).await?;
    let body = Body::of(&asked)?;
    let status = body.text("status")?.map(words::to_incident_status).transpose()?;
    let impact = body.text("impact")?.map(words::to_impact).transpose()?;
    // Where two of ours have one word here, the word that is there already changes nothing.
    let status = status.filter(|status| words::incident_status(*status) != words::incident_status(before.status));
    let mut change = IncidentChange {
        title: body.owned("title")?.into(),
        description: body.owned("description")?.into(),
        status: status.into(),
        impact: impact.into(),
        affected: named(&body, &org)?.map(|wanted| with_their_status(wanted, &before)).into(),
        scheduled_start: body.time("scheduled_start")?.into(),
        scheduled_end: body.time("scheduled_end")?.into(),
        ..IncidentChange::default()
    };
    let message = body.owned("update_message")?.filter(|message| !message.is_empty());
    let written = written(&change, &before);
    let id = before.id;
    let mut commands = Vec::new();
    if !written.is_empty() {
        let update = UpdateId::new(Uuid::now_v7());
        let message = message.unwrap_or_else(|| format!("Updated: {}", written.join(", ")));
        let update = NewUpdate { id: update, message, status: None, affected: Vec::new(), shown_at: None };
        change.metadata = Edit::Set(words::beside_with(&before.metadata, update.id));
        commands.push(Command::PostUpdate { incident: id, update: Box::new(update) });
    }
    commands.insert(0, Command::ChangeIncident { id, change: Box::new(change) });
    let org = asked.engine.execute_all(org.id(), person.author(), asked.now, commands).await?;
    let incident = find(&org, id)?;
    let shape = IncidentShape {
        resolved_at: Some(incident.resolved_at.map(Time)),
        updated_at: Some(Time(incident.updated_at)),
        ..IncidentShape::from(incident)
    };
    Ok(Answer::json(200, &shape))
}

/// What a body speaks of is written down; a status or an impact only if it is another one.
fn written(change: &IncidentChange, before: &Incident) -> Vec<String> {
    let mut written = Vec::new();
    let mut write = |text: Option<String>| written.extend(text);
    write(change.title.as_set().map(|_| "title".to_owned()));
    write(change.description.as_set().map(|_| "description".to_owned()));
    write(change.status.as_set().map(|status| moved(before, *status)));
    let impact = change.impact.as_set().filter(|impact| **impact != before.impact);
    write(impact.map(|impact| format!("impact from {} to {impact}", before.impact)));
    write(change.affected.as_set().map(|_| "affected services".to_owned()));
    written
}

fn moved(before: &Incident, status: tocsin_actors::domain::status::IncidentStatus) -> String {
    format!("status from {} to {}", words::incident_status(before.status), words::incident_status(status))
}

/// What really became different, in the same words.
pub(super) fn differences(before: &Incident, after: &Incident) -> Vec<String> {
    let services = |incident: &Incident| incident.affected.iter().map(|one| one.service).collect::<BTreeSet<_>>();
    let mut different = Vec::new();
    let mut say = |is: bool, text: &dyn Fn() -> String| different.extend(is.then(text));
    say(before.title != after.title, &|| "title".to_owned());
    say(before.description != after.description, &|| "description".to_owned());
    let status = |incident: &Incident| words::incident_status(incident.status);
    say(status(before) != status(after), &|| moved(before, after.status));
    say(before.impact != after.impact, &|| format!("impact from {} to {}", before.impact, after.impact));
    say(services(before) != services(after), &|| "affected services".to_owned());
    different
}

/// What the incident gives to a service, as somebody may have said elsewhere, stays when the service is named again.
fn with_their_status(wanted: Vec<Affected>, before: &Incident) -> Vec<Affected> {
    let known = |service| before.affected.iter().find(|known| known.service == service);
    wanted.into_iter().map(|one| known(one.service).cloned().unwrap_or(one)).collect()
}

pub(super) async fn post_update(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org, incident) = guards::incident(&asked, TO_WRITE).await?;
    let body = Body::of(&asked)?;
    let message = body.said("message", "Update message is required")?.to_owned();
    let status = body.text("status")?.map(words::to_incident_status).transpose()?;
    let status = status.filter(|status| words::incident_status(*status) != words::incident_status(incident.status));
    let (id, incident) = (UpdateId::new(Uuid::now_v7()), incident.id);
    let update = NewUpdate { id, message, status, affected: Vec::new(), shown_at: None };
    let command = Command::PostUpdate { incident, update: Box::new(update) };
    let org = asked.engine.execute(org.id(), person.author(), asked.now, command).await?;
    let update = find(&org, incident)?.updates.iter().find(|update| update.id == id);
    let update = update.ok_or_else(|| Refused::new(404, "Incident not found"))?;
    Ok(Answer::json(201, &UpdateShape { incident_id: Some(incident.uuid()), ..update.into() }))
}
