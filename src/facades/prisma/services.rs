//! Its services.

use super::{
    Prisma,
    lists::{self, Touching, Which},
    sent::Sent,
    shapes::ServiceShape,
    words::{service_status, to_service_status},
};
use crate::http::facade::{Answer, Asked, Refused};
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, Org, ServiceId,
    command::{NewService, ServiceChange},
    edit::Edit,
    entities::{Author, Metadata, Service},
    status::{ServiceStatus, Visibility},
};
use uuid::Uuid;

pub(super) async fn list(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let orgs = prisma.orgs(&asked.engine).await?;
    let mut services: Vec<_> = Vec::new();
    for org in &orgs {
        let open = Touching::of(org, Which::Open);
        services.extend(lists::services(org).map(|service| whole(org, service, &open)));
    }
    Ok(Answer::json(200, &services))
}

pub(super) async fn list_of(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let org = prisma.org_if_any(&asked.engine, asked.word(0)).await?;
    let Some(org) = &org else { return Ok(Answer::json(200, &[(); 0])) };
    let all = Touching::of(org, Which::All);
    let services: Vec<_> = lists::services(org).map(|service| ServiceShape::of(org, service).with_incidents(org, &all)).collect();
    Ok(Answer::json(200, &services))
}

pub(super) async fn create(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let (name, org) = (sent.text("name")?, sent.text("organizationId")?);
    let status = sent.text_if_given("status")?.map(to_service_status).transpose()?;
    let org = prisma.org(&asked.engine, org).await?;
    let id = ServiceId::new(Uuid::now_v7());
    let new = NewService {
        id,
        name: name.to_owned(),
        description: String::new(),
        group: None,
        team: None,
        position: None,
        visibility: Visibility::Public,
        status: status.unwrap_or(ServiceStatus::Operational),
        metadata: Metadata::new(),
        unique_name: false,
    };
    let org = prisma.execute(&asked, &org, vec![Command::CreateService(Box::new(new))]).await?;
    shown(201, &org, id)
}

pub(super) async fn change(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let change = ServiceChange { name: sent.edit("name")?, ..ServiceChange::default() };
    changed(&prisma, &asked, change, sent.text_if_given("status")?).await
}

pub(super) async fn change_status(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    changed(&prisma, &asked, ServiceChange::default(), sent.text_if_given("status")?).await
}

async fn changed(prisma: &Prisma, asked: &Asked, change: ServiceChange, status: Option<&str>) -> Result<Answer, Refused> {
    let wanted = status.map(to_service_status).transpose()?;
    let (org, id) = prisma.service(&asked.engine, asked.word(0)).await?;
    // What it is called already it may be for a finer reason than this word has.
    let now = org.services().get(&id).map(|service| service_status(service.status));
    let status = Edit::from(wanted.filter(|_| status != now));
    let command = Command::ChangeService { id, change: Box::new(change), status, reason: None, unique_name: false };
    shown(200, &*prisma.execute(asked, &org, vec![command]).await?, id)
}

/// One that incidents speak of stays.
pub(super) async fn delete(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let (org, id) = prisma.service(&asked.engine, asked.word(0)).await?;
    let delete = |org: &Org| match org.incidents().values().any(|incident| incident.affects(id)) {
        true => Err(Refused::new(409, "this service has incidents: delete them first")),
        false => Ok(vec![Command::DeleteService { id }]),
    };
    asked.engine.execute_decided(org, (Author::System, asked.now), delete).await?;
    Ok(Answer::empty(204))
}

/// A service with everything that is shown beside it.
pub(super) fn whole<'a>(org: &'a Org, service: &'a Service, open: &Touching<'a>) -> ServiceShape<'a> {
    ServiceShape::of(org, service).with_organization(org).with_incidents(org, open)
}

/// Its own front end breaks where it is told nothing of incidents.
fn shown(status: u16, org: &Org, id: ServiceId) -> Result<Answer, Refused> {
    let service = org.services().get(&id).ok_or_else(|| super::unknown("Service"))?;
    Ok(Answer::json(status, &whole(org, service, &Touching::of(org, Which::Open))))
}
