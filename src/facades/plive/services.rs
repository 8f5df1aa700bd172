//! Its services.

use super::{
    Plive, body, given, id,
    shapes::ServiceShape,
    words::{self, UPTIME, Wanted, to_service_status},
    words_if_given, words_of,
};
use crate::http::facade::{Answer, Asked, Refused};
use serde_json::Value;
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, Org, ServiceId,
    command::{NewService, ServiceChange},
    edit::Edit,
    entities::{Scalar, Service},
    status::{ServiceStatus, Visibility},
};
use uuid::Uuid;

/// In the order of their making. Its documentation speaks of a filter, which the original forgot.
pub(super) async fn list(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let org = plive.org(&asked.engine).await?;
    let services: Vec<_> = of(&org, &asked).map(ServiceShape::from).collect();
    Ok(Answer::json(200, &services))
}

/// Those that a query speaks of.
pub(super) fn of<'a>(org: &'a Org, asked: &Asked) -> impl Iterator<Item = &'a Service> + use<'a> {
    let wanted = Wanted::of(asked);
    let mut services: Vec<_> = org.services().values().map(AsRef::as_ref).collect();
    services.sort_by_key(|service: &&Service| service.number);
    services.into_iter().filter(move |service| wanted.has(&service.metadata))
}

pub(super) async fn get(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let id = ServiceId::new(id(&asked)?);
    shown(200, &*plive.org(&asked.engine).await?, id)
}

pub(super) async fn create(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let body = body(&asked)?;
    let (name, description) = (words_of(&body, "name", "Name")?, words_of(&body, "description", "Description")?);
    let status = given(&body, "status").map(to_service_status).transpose()?;
    uptime(&body)?;
    let id = ServiceId::new(Uuid::now_v7());
    let new = NewService {
        id,
        name,
        description,
        group: None,
        team: None,
        position: None,
        visibility: Visibility::Public,
        status: status.unwrap_or(ServiceStatus::Operational),
        metadata: words::metadata(&body),
        unique_name: false,
    };
    let org = plive.execute(&asked, Command::CreateService(Box::new(new))).await?;
    shown(201, &org, id)
}

/// Where it belongs is said once, when it is made.
pub(super) async fn change(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let (id, body) = (ServiceId::new(id(&asked)?), body(&asked)?);
    let name = words_if_given(&body, "name", "Name")?;
    let description = words_if_given(&body, "description", "Description")?;
    let status = given(&body, "status").map(to_service_status).transpose()?;
    let uptime = uptime(&body)?;
    let org = plive.org(&asked.engine).await?;
    let service = org.services().get(&id).ok_or_else(unknown)?;
    let metadata = uptime.map(|percent| {
        let mut metadata = service.metadata.clone();
        metadata.insert(UPTIME.to_owned(), Scalar::Float(percent));
        metadata
    });
    let change =
        ServiceChange { name: name.into(), description: description.into(), metadata: metadata.into(), ..ServiceChange::default() };
    let status = Edit::from(status);
    let command = Command::ChangeService { id, change: Box::new(change), status, reason: None, unique_name: false };
    shown(200, &*plive.execute(&asked, command).await?, id)
}

pub(super) async fn delete(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let id = ServiceId::new(id(&asked)?);
    if !plive.org(&asked.engine).await?.services().contains_key(&id) {
        return Err(unknown());
    }
    plive.execute(&asked, Command::DeleteService { id }).await?;
    Ok(Answer::empty(204))
}

fn shown(status: u16, org: &Org, id: ServiceId) -> Result<Answer, Refused> {
    let service = org.services().get(&id).ok_or_else(unknown)?;
    Ok(Answer::json(status, &ServiceShape::from(service.as_ref())))
}

fn unknown() -> Refused {
    Refused::new(404, "Service not found")
}

fn uptime(body: &Value) -> Result<Option<f64>, Refused> {
    let is_nothing = |given: &&Value| given.is_null() || given.as_str() == Some("");
    let Some(given) = body.get("uptime").filter(|given| !is_nothing(given)) else { return Ok(None) };
    let percent = given.as_f64().filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(Some).ok_or_else(|| Refused::new(400, "Uptime must be a number between 0 and 100"))
}
