//! Its services.

use super::{
    Fastapi,
    fields::{self, Form, No},
    shapes::{HistoryRow, PastStatus, ServiceShape, ServiceWithHistory},
    uptime,
    who::{self, People},
    words::SERVICE_STATUSES,
};
use crate::http::facade::{Answer, Asked, Refused};
use serde_json::json;
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, Org, ServiceId,
    command::{NewService, ServiceChange},
    edit::Edit,
    entities::Service,
    history::StatusChange,
    status::{ServiceStatus, Visibility},
};
use uuid::Uuid;

const NAME: std::ops::RangeInclusive<usize> = 1..=100;
const LONGEST: usize = 500;
/// How much of its history a service shows.
const RECENT: usize = 10;

/// The newest first.
pub(super) async fn list(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let org = who::reads(&fastapi, &asked).await?.org;
    let services: Vec<_> =
        newest_first(&org).into_iter().map(|service| ServiceWithHistory::listed(&org, service, asked.now)).collect();
    Ok(Answer::json(200, &services))
}

pub(super) fn newest_first(org: &Org) -> Vec<&Service> {
    let mut services: Vec<_> = org.services().values().map(AsRef::as_ref).collect();
    services.sort_by_key(|service: &&Service| std::cmp::Reverse(service.number));
    services
}

pub(super) async fn create(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let asker = who::writes(&fastapi, &asked).await?;
    let mut form = Form::of(&asked)?;
    let name = form.required("name", |form, field| form.text(field, NAME));
    let description = form.text_or_null("description", LONGEST).unwrap_or_default();
    let status = form.word("current_status", SERVICE_STATUSES).unwrap_or(ServiceStatus::Operational);
    form.done()?;
    let id = ServiceId::new(Uuid::now_v7());
    let new = NewService {
        id,
        name,
        description,
        group: None,
        team: None,
        position: None,
        visibility: Visibility::Public,
        status,
        metadata: Default::default(),
        unique_name: false,
    };
    let org = asker.execute(&asked, vec![Command::CreateService(Box::new(new))]).await?;
    shown(201, &org, id)
}

pub(super) async fn get(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let org = who::reads(&fastapi, &asked).await?.org;
    let service = find(&org, fields::number(&asked, "service_id")?)?;
    let changes: Vec<_> = changes(&org, service).take(RECENT).collect();
    let people = People::of(&asked.engine, changes.iter().map(|change| change.by)).await?;
    let history = changes.into_iter().map(|change| PastStatus::of(change, &people)).collect();
    Ok(Answer::json(200, &ServiceWithHistory::alone(&org, service, history, asked.now)))
}

pub(super) async fn change(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let asker = who::writes(&fastapi, &asked).await?;
    let number = fields::number(&asked, "service_id")?;
    let mut form = Form::of(&asked)?;
    let change = ServiceChange {
        name: form.text("name", NAME).into(),
        description: form.text_or_null("description", LONGEST).into(),
        ..ServiceChange::default()
    };
    let status = form.word("current_status", SERVICE_STATUSES).into();
    form.done()?;
    let id = find(&asker.org, number)?.id;
    let command = Command::ChangeService { id, change: Box::new(change), status, reason: None, unique_name: false };
    shown(200, &*asker.execute(&asked, vec![command]).await?, id)
}

pub(super) async fn set_status(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let asker = who::writes(&fastapi, &asked).await?;
    let number = fields::number(&asked, "service_id")?;
    let mut form = Form::of(&asked)?;
    let status = form.required("status", |form, field| form.word(field, SERVICE_STATUSES).map(Edit::Set));
    let reason = form.text_or_null("message", LONGEST).filter(|message| !message.is_empty());
    form.done()?;
    let id = find(&asker.org, number)?.id;
    shown(200, &*asker.execute(&asked, vec![by_hand(id, status, reason)]).await?, id)
}

fn by_hand(id: ServiceId, status: Edit<ServiceStatus>, reason: Option<String>) -> Command {
    Command::ChangeService { id, change: Box::default(), status, reason, unique_name: false }
}

pub(super) async fn delete(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let asker = who::writes(&fastapi, &asked).await?;
    let id = find(&asker.org, fields::number(&asked, "service_id")?)?.id;
    asker.execute(&asked, vec![Command::DeleteService { id }]).await?;
    Ok(Answer::empty(204))
}

pub(super) async fn uptime(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let org = who::reads(&fastapi, &asked).await?.org;
    let number = fields::number(&asked, "service_id")?;
    let days = fields::within(&asked, "days", 1..=365, 30)?;
    let service = find(&org, number)?;
    let percentage = uptime::of_days(&org, service.id, u32::try_from(days).unwrap_or(30), asked.now);
    let answer = json!({ "service_id": service.number, "uptime_percentage": percentage, "period_days": days });
    Ok(Answer::json(200, &answer))
}

/// The newest first. Of what is not there, there is none.
pub(super) async fn history(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let org = who::reads(&fastapi, &asked).await?.org;
    let Ok(service) = find(&org, fields::number(&asked, "service_id")?) else { return Ok(Answer::json(200, &json!([]))) };
    let people = People::of(&asked.engine, changes(&org, service).map(|change| change.by)).await?;
    let rows: Vec<_> = changes(&org, service).map(|change| HistoryRow::of(service, change, &people)).collect();
    Ok(Answer::json(200, &rows))
}

/// A status by hand, said as a row of its history.
pub(super) async fn add_history(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, No> {
    let asker = who::writes(&fastapi, &asked).await?;
    let mut form = Form::of(&asked)?;
    let number = form.required("service_id", Form::number);
    let status = form.required("status", |form, field| form.word(field, SERVICE_STATUSES).map(Edit::Set));
    form.done()?;
    let id = find(&asker.org, number)?.id;
    let org = asker.execute(&asked, vec![by_hand(id, status, None)]).await?;
    let service = org.services().get(&id).ok_or_else(unknown)?;
    let newest = changes(&org, service).next().ok_or_else(unknown)?;
    let people = People::of(&asked.engine, [newest.by]).await?;
    Ok(Answer::json(200, &HistoryRow::of(service, newest, &people)))
}

fn changes<'a>(org: &'a Org, service: &Service) -> impl Iterator<Item = &'a StatusChange> {
    org.history(service.id).into_iter().flat_map(|history| history.iter().rev())
}

/// By its number: there are at most some thousand of them.
pub(super) fn find(org: &Org, number: i64) -> Result<&Service, Refused> {
    let found = org.services().values().find(|service| i64::from(service.number) == number);
    found.map(AsRef::as_ref).ok_or_else(unknown)
}

fn shown(status: u16, org: &Org, id: ServiceId) -> Result<Answer, No> {
    let service = org.services().get(&id).ok_or_else(unknown)?;
    Ok(Answer::json(status, &ServiceShape::from(service.as_ref())))
}

fn unknown() -> Refused {
    Refused::new(404, "Service not found")
}
