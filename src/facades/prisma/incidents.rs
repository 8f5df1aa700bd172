//! Its incidents, maintenances among them. Each is about one service, which it leaves as it is.

use super::{
    Prisma,
    lists::{self, Which, age},
    sent::Sent,
    shapes::IncidentShape,
    unknown,
    words::to_incident_status,
};
use crate::http::facade::{Answer, Asked, Refused};
use std::{cmp::Reverse, sync::Arc};
use tocsin_actors::domain::{
    Command, Incident, IncidentId, Org,
    command::NewIncident,
    entities::Metadata,
    incident::{Affected, IncidentChange},
    status::{Impact, IncidentStatus, Visibility},
};
use uuid::Uuid;

pub(super) async fn list(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let orgs = prisma.orgs(&asked.engine).await?;
    let open = |org| lists::incidents(org, Which::Open).map(move |incident| (org, incident));
    let mut incidents: Vec<(&Org, &Incident)> = orgs.iter().map(AsRef::as_ref).flat_map(open).collect();
    incidents.sort_by_key(|(_, incident)| Reverse(age(incident)));
    let incidents: Vec<_> = incidents.into_iter().map(|(org, incident)| whole(org, incident)).collect();
    Ok(Answer::json(200, &incidents))
}

pub(super) async fn list_of(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let org = prisma.org_if_any(&asked.engine, asked.word(0)).await?;
    let Some(org) = &org else { return Ok(Answer::json(200, &[(); 0])) };
    let shape = |incident| IncidentShape::of(org, incident).with_service(org, incident).with_updates(incident);
    Ok(Answer::json(200, &lists::incidents(org, Which::All).map(shape).collect::<Vec<_>>()))
}

/// In which organization it is, its service says. The front end names another one: it has to be there, and that is all.
pub(super) async fn create(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let (title, description) = (sent.text("title")?, sent.text("description")?);
    let (service, named) = (sent.text("serviceId")?, sent.text("organizationId")?);
    let status = sent.text_if_given("status")?;
    let begins = IncidentStatus::Investigating;
    let status = status.map_or(Ok(begins), |word| to_incident_status(word, begins))?;
    prisma.org(&asked.engine, named).await?;
    let (org, service) = prisma.service(&asked.engine, service).await?;
    let id = IncidentId::new(Uuid::now_v7());
    let new = NewIncident {
        id,
        title: title.to_owned(),
        description: description.to_owned(),
        status,
        impact: Impact::Minor,
        visibility: Visibility::Public,
        affected: vec![Affected { service: Some(service), name: String::new(), status: None }],
        started_at: None,
        resolved_at: None,
        scheduled_start: None,
        scheduled_end: None,
        automatic: false,
        update: None,
        metadata: Metadata::new(),
    };
    let org = prisma.execute(&asked, &org, vec![Command::OpenIncident(Box::new(new))]).await?;
    shown(201, &org, id)
}

pub(super) async fn change(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let (title, description) = (sent.edit("title")?, sent.edit("description")?);
    let change = IncidentChange { title, description, ..IncidentChange::default() };
    changed(&prisma, &asked, change, sent.text_if_given("status")?).await
}

pub(super) async fn change_status(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    changed(&prisma, &asked, IncidentChange::default(), sent.text_if_given("status")?).await
}

/// Without a word in its timeline.
async fn changed(prisma: &Prisma, asked: &Asked, change: IncidentChange, status: Option<&str>) -> Result<Answer, Refused> {
    let (org, id) = prisma.incident(&asked.engine, asked.word(0)).await?;
    let now = find(&org, id)?.status;
    let status = status.map(|word| to_incident_status(word, now)).transpose()?;
    let change = IncidentChange { status: status.into(), ..change };
    let command = Command::ChangeIncident { id, change: Box::new(change) };
    shown(200, &*prisma.execute(asked, &org, vec![command]).await?, id)
}

pub(super) async fn delete(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let (org, id) = prisma.incident(&asked.engine, asked.word(0)).await?;
    prisma.execute(&asked, &org, vec![Command::DeleteIncident { id }]).await?;
    Ok(Answer::empty(204))
}

/// An incident with everything that is shown beside it.
pub(super) fn whole<'a>(org: &'a Org, incident: &'a Incident) -> IncidentShape<'a> {
    IncidentShape::of(org, incident).with_service(org, incident).with_organization(org).with_updates(incident)
}

pub(super) fn find(org: &Org, id: IncidentId) -> Result<&Incident, Refused> {
    org.incidents().get(&id).map(AsRef::as_ref).ok_or_else(|| unknown("Incident"))
}

fn shown(status: u16, org: &Org, id: IncidentId) -> Result<Answer, Refused> {
    Ok(Answer::json(status, &whole(org, find(org, id)?)))
}
