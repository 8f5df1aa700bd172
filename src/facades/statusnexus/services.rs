//! Its services.

use super::{
    Statusnexus,
    body::{Body, Text},
    ids::ObjectId,
    people::People,
    shapes::{self, Each, Scene, ServiceShape},
    tenant::Tenant,
    words::Group,
};
use crate::http::facade::{Answer, Asked, Refused, Under};
use serde_json::{Value, json};
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, GroupId, Org, Rejection, ServiceId,
    command::{NewService, ServiceChange},
    edit::Edit,
    entities::Service,
    status::{ServiceStatus, Visibility},
};
use uuid::Uuid;

const MODEL: &str = "Service";
const NAME: &str = "Service name is required";
/// Where the ids of its headings come from: two who make the same one at once make one.
const GROUPS: Uuid = Uuid::from_u128(0x3c1a_90d2_7f54_4b0e_9a63_736e_7875_7367);

pub(super) async fn list(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::of(&asked).await?;
    let mut services = in_order(&tenant.org);
    if let Some(group) = asked.query("group") {
        services.retain(|service| shapes::group(&tenant.org, service) == group);
    }
    let people = People::of(&asked.engine, services.iter().map(|service| service.created_by)).await?;
    let scene = Scene { tenant: &tenant, org: &tenant.org, people: &people };
    let services: Vec<_> = services.into_iter().map(|service| ServiceShape::of(service, scene)).collect();
    Ok(Answer::json(200, &Under("services", services)))
}

/// Under their headings, in the order in which those first come.
pub(super) async fn by_group(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::of(&asked).await?;
    let services = in_order(&tenant.org);
    let people = People::of(&asked.engine, services.iter().map(|service| service.created_by)).await?;
    let scene = Scene { tenant: &tenant, org: &tenant.org, people: &people };
    let mut groups: Vec<(&str, Vec<ServiceShape<'_>>)> = Vec::new();
    for service in services {
        let (name, shape) = (shapes::group(&tenant.org, service), ServiceShape::of(service, scene));
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, services)) => services.push(shape),
            None => groups.push((name, vec![shape])),
        }
    }
    Ok(Answer::json(200, &Under("groupedServices", Each(groups))))
}

/// In the order of their making.
fn in_order(org: &Org) -> Vec<&Service> {
    let mut services: Vec<_> = org.services().values().map(AsRef::as_ref).collect();
    services.sort_by_key(|service: &&Service| service.number);
    services
}

pub(super) async fn get(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::of(&asked).await?;
    let service = find(&tenant.org, &asked)?;
    shown(200, &asked, &tenant, &tenant.org, service.id).await
}

/// A new one is well, whatever is said.
pub(super) async fn create(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let mut body = Body::read(&asked, "name")?;
    let name = body.needed("name", NAME);
    let description = body.text("description", Text::Trimmed);
    let group = body.word::<Group>("group");
    body.fits_new(MODEL)?;
    let (name, group) = (name.unwrap_or_default(), group.map_or(Group::OTHER, |group| group.0));
    let id = ServiceId::new(Uuid::now_v7());
    let new = |group| NewService {
        id,
        name: name.clone(),
        description: description.clone().unwrap_or_default(),
        group: Some(group),
        team: None,
        position: None,
        visibility: Visibility::Public,
        status: ServiceStatus::Operational,
        metadata: Default::default(),
        unique_name: true,
    };
    let make = |group| Command::CreateService(Box::new(new(group)));
    let org = under(&asked, &tenant, group, make).await.map_err(|refused| taken(refused, &tenant, &name))?;
    shown(201, &asked, &tenant, &org, id).await
}

/// What is sent back as it is shown changes nothing, also where it is none of its words.
pub(super) async fn change(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let id = ObjectId::read(&asked.word(0).into(), MODEL)?;
    let mut body = Body::read(&asked, "name")?;
    let service = id.find(tenant.org.services(), ServiceId::new);
    let name = body.text("name", Text::Required(NAME));
    let description = body.text("description", Text::Trimmed);
    let status = body.word::<ServiceStatus>("status");
    let stays =
        service.is_some_and(|service| body.sent("group").and_then(Value::as_str) == Some(shapes::group(&tenant.org, service)));
    let group = if stays { None } else { body.word::<Group>("group") };
    body.fits_change()?;
    let id = service.ok_or_else(unknown)?.id;
    let called = name.clone().unwrap_or_default();
    let change = |group: Edit<Option<GroupId>>| Command::ChangeService {
        id,
        change: Box::new(ServiceChange {
            name: name.clone().into(),
            description: description.clone().into(),
            group,
            ..ServiceChange::default()
        }),
        status: status.into(),
        reason: None,
        unique_name: true,
    };
    let changed = match group {
        Some(Group(group)) => under(&asked, &tenant, group, |group| change(Edit::Set(Some(group)))).await,
        None => tenant.execute(&asked, vec![change(Edit::Keep)]).await,
    };
    let org = changed.map_err(|refused| taken(refused, &tenant, &called))?;
    shown(200, &asked, &tenant, &org, id).await
}

pub(super) async fn delete(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let id = find(&tenant.org, &asked)?.id;
    tenant.execute(&asked, vec![Command::DeleteService { id }]).await.map_err(gone)?;
    Ok(Answer::json(200, &json!({ "message": "Service deleted successfully" })))
}

/// Does something with a heading, which is made if there is none of this name.
async fn under(asked: &Asked, tenant: &Tenant, name: &str, make: impl Fn(GroupId) -> Command) -> Result<Arc<Org>, Refused> {
    let known = |org: &Org| org.groups_in_order().into_iter().find(|group| group.name == name).map(|group| group.id);
    if let Some(group) = known(&tenant.org) {
        return tenant.execute(asked, vec![make(group)]).await;
    }
    let id = GroupId::new(Uuid::new_v5(&GROUPS, format!("{} {name}", tenant.org.id()).as_bytes()));
    let (name, description) = (name.to_owned(), String::new());
    let group = Command::CreateGroup { id, name, description, position: None, metadata: Default::default() };
    match tenant.execute(asked, vec![group, make(id)]).await {
        // Somebody else made it in the meantime.
        Err(refused) if refused.code == Rejection::IdTaken.code() => tenant.execute(asked, vec![make(id)]).await,
        done => done,
    }
}

fn find<'a>(org: &'a Org, asked: &Asked) -> Result<&'a Arc<Service>, Refused> {
    ObjectId::read(&asked.word(0).into(), MODEL)?.find(org.services(), ServiceId::new).ok_or_else(unknown)
}

async fn shown(status: u16, asked: &Asked, tenant: &Tenant, org: &Org, id: ServiceId) -> Result<Answer, Refused> {
    let service = org.services().get(&id).ok_or_else(unknown)?;
    let people = People::of(&asked.engine, [service.created_by].into_iter()).await?;
    let service = ServiceShape::of(service, Scene { tenant, org, people: &people });
    Ok(Answer::json(status, &Under("service", service)))
}

fn unknown() -> Refused {
    Refused::new(404, "Service not found")
}

/// Somebody else deleted it in the meantime.
fn gone(refused: Refused) -> Refused {
    if refused.status == 404 { unknown() } else { refused }
}

/// A name that is taken is told as the index that keeps it there tells it.
fn taken(refused: Refused, tenant: &Tenant, name: &str) -> Refused {
    if refused.code != Rejection::NameTaken.code() {
        return gone(refused);
    }
    let (organization, name) = (Value::from(tenant.called.as_str()), Value::from(name));
    let key = format!("{{ organizationId: {organization}, name: {name} }}");
    let index = "E11000 duplicate key error collection: statusnexus.services index: organizationId_1_name_1";
    Refused::new(400, format!("{index} dup key: {key}"))
}
