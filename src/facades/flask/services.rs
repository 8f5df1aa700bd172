//! Its services.

use super::{
    Flask,
    asking::Body,
    guards::{self, Denied, Person, TO_READ, TO_WRITE, in_named_org, to_write_in},
    people_shapes::name_of,
    shapes::{ServiceShape, StatusChangeShape, Time},
    words,
};
use crate::http::facade::{Answer, Asked, People, Refused, Under};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};
use tocsin_actors::domain::{
    Command, Edit, Org, Role, Service, ServiceId, TeamId,
    command::{NewService, ServiceChange},
    history::StatusChange,
    status::ServiceStatus,
};
use uuid::Uuid;

/// How many changes of its status are told with a service.
const HISTORY: usize = 10;

/// As they are ordered, private ones too.
pub(super) async fn list(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, org) = in_named_org(&asked).await?;
    let services: Vec<_> = org.services_in_order().into_iter().map(|service| ServiceShape::listed(&org, service)).collect();
    Ok(Answer::json(200, &Under("services", services)))
}

pub(super) async fn get(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, org, service) = guards::service(&asked, TO_READ).await?;
    let history = org.history(service.id);
    let changes: Vec<_> = history.iter().flat_map(|history| history.iter().rev()).take(HISTORY).collect();
    let people = asked.engine.people(changes.iter().filter_map(|change| change.by.user())).await?;
    let shape = ServiceShape {
        organization_id: Some(org.id().uuid()),
        status_history: Some(changes.into_iter().map(|change| changed(&service, change, &people)).collect()),
        ..ServiceShape::listed(&org, &service)
    };
    Ok(Answer::json(200, &shape))
}

fn changed<'a>(service: &Service, change: &'a StatusChange, people: &People) -> StatusChangeShape<'a> {
    let plain = if change.from.is_none() { "Service created" } else { "Status updated" };
    StatusChangeShape {
        id: Uuid::new_v5(&service.id.uuid(), change.number.to_string().as_bytes()),
        status: words::service_status(change.to),
        reason: change.reason.as_deref().unwrap_or(plain),
        changed_by: name_of(people, change.by),
        created_at: Time(change.at),
    }
}

pub(super) async fn create(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::who(&asked).await?;
    let body = Body::of(&asked)?;
    let (name, organization) = (body.given("name")?, body.given("organization_id")?);
    let org = to_write_in(&asked, &person, organization, Role::Member).await?;
    let id = ServiceId::new(Uuid::now_v7());
    let new = NewService {
        id,
        name: name.to_owned(),
        description: body.owned("description")?.unwrap_or_default(),
        group: None,
        team: team(&body, &org)?.flatten(),
        position: None,
        visibility: words::visibility(body.flag("is_public")?.unwrap_or(true)),
        status: body.text("status")?.map_or(Ok(ServiceStatus::Operational), words::to_service_status)?,
        metadata: Default::default(),
        unique_name: false,
    };
    let org = execute(&asked, &person, &org, Command::CreateService(Box::new(new))).await?;
    let service = find(&org, id)?;
    let shape = ServiceShape {
        organization_id: Some(org.id().uuid()),
        created_at: Some(Time(service.created_at)),
        ..ServiceShape::from(service)
    };
    Ok(Answer::json(201, &shape))
}

pub(super) async fn change(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org, service) = guards::service(&asked, TO_WRITE).await?;
    let body = Body::of(&asked)?;
    let status = body.text("status")?.map(words::to_service_status).transpose()?;
    let change = ServiceChange {
        name: body.owned("name")?.into(),
        description: body.owned("description")?.into(),
        group: Edit::Keep,
        team: team(&body, &org)?.into(),
        position: body.number("display_order")?.into(),
        visibility: body.flag("is_public")?.map(words::visibility).into(),
        metadata: Edit::Keep,
    };
    let reason = body.owned("status_reason")?.filter(|reason| !reason.is_empty());
    let reason = Some(reason.unwrap_or_else(|| "Status updated".to_owned()));
    let (id, status) = (service.id, Edit::from(status));
    let command = Command::ChangeService { id, change: Box::new(change), status, reason, unique_name: false };
    let org = execute(&asked, &person, &org, command).await?;
    let service = find(&org, id)?;
    let shape = ServiceShape { updated_at: Some(Time(service.last_changed())), ..ServiceShape::from(service) };
    Ok(Answer::json(200, &shape))
}

pub(super) async fn delete(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let denied = Denied { least: Role::Admin, text: "Only administrators can delete services" };
    let (person, org, service) = guards::service(&asked, denied).await?;
    execute(&asked, &person, &org, Command::DeleteService { id: service.id }).await?;
    Ok(Answer::json(200, &json!({ "message": "Service deleted successfully" })))
}

/// Puts those of a list that are there in its order.
pub(super) async fn reorder(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::who(&asked).await?;
    let body = Body::of(&asked)?;
    let organization = body.said("organization_id", "Organization ID is required")?;
    let ids = body.ids("service_ids")?.filter(|_| body.is_filled("service_ids"));
    let ids = ids.ok_or_else(|| Refused::new(400, "Service IDs are required"))?;
    let org = to_write_in(&asked, &person, organization, Role::Member).await?;
    let mut seen = BTreeSet::new();
    let known = ids.into_iter().map(ServiceId::new).filter(|id| org.services().contains_key(id) && seen.insert(*id));
    let ids: Vec<_> = known.collect();
    if !ids.is_empty() {
        execute(&asked, &person, &org, Command::ReorderServices { ids }).await?;
    }
    Ok(Answer::json(200, &json!({ "message": "Services reordered successfully" })))
}

/// The team that a body names: one of the same organization, or none.
fn team(body: &Body, org: &Org) -> Result<Option<Option<TeamId>>, Refused> {
    let named = body.reference("team_id", "Invalid team")?.map(|team| team.map(TeamId::new));
    match named {
        Some(Some(team)) if !org.teams().contains_key(&team) => Err(Refused::new(400, "Invalid team")),
        named => Ok(named),
    }
}

async fn execute(asked: &Asked, person: &Person, org: &Org, command: Command) -> Result<Arc<Org>, Refused> {
    asked.engine.execute(org.id(), person.author(), asked.now, command).await
}

fn find(org: &Org, id: ServiceId) -> Result<&Service, Refused> {
    org.services().get(&id).map(AsRef::as_ref).ok_or_else(|| Refused::new(404, "Service not found"))
}
