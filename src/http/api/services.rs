//! `/orgs/{org}/services`.

use crate::http::{
    answer::{Done, Made, Shown},
    call::{Call, Json, Query},
    cursor::{List, PageQuery, Place},
    error::ApiError,
};
use crate::words::{self, Whole};
use serde::{Deserialize, Serialize};
use tocsin_actors::domain::{
    Command, GroupId, Rejection, ServiceId, TeamId, Timestamp,
    command::{NewService, ServiceChange},
    edit::Edit,
    entities::{Metadata, Service},
    history::StatusChange,
    status::{ServiceStatus, Visibility},
    uptime::Uptime,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Something whose status is told.
#[derive(Serialize, ToSchema)]
#[schema(as = Service)]
pub(in crate::http) struct ServiceResponse {
    id: Uuid,
    /// A short number, unique in the organization
    number: u32,
    name: String,
    description: String,
    group_id: Option<Uuid>,
    team_id: Option<Uuid>,
    /// Its place in its group
    #[schema(schema_with = words::position)]
    position: Whole,
    #[schema(schema_with = words::visibility)]
    visibility: Visibility,
    #[schema(schema_with = words::service_status)]
    status: ServiceStatus,
    #[schema(value_type = String, format = DateTime)]
    status_since: Timestamp,
    /// Why it has this status: `manual`, `incident:<id>`, `maintenance:<id>` or `monitor:<id>`
    cause: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

impl From<&Service> for ServiceResponse {
    fn from(service: &Service) -> Self {
        Self {
            id: service.id.uuid(),
            number: service.number,
            name: service.name.clone(),
            description: service.description.clone(),
            group_id: service.group.map(GroupId::uuid),
            team_id: service.team.map(TeamId::uuid),
            position: Whole(service.position),
            visibility: service.visibility,
            status: service.status,
            status_since: service.status_since,
            cause: words::cause(service.cause),
            created_at: service.created_at,
            updated_at: service.updated_at,
            created_by: words::author(service.created_by),
            metadata: service.metadata.clone(),
        }
    }
}

/// A page of the services, in the order in which they stand on the page.
pub(in crate::http) async fn list(call: Call, Query(page): Query<PageQuery>) -> Result<List<ServiceResponse>, ApiError> {
    let place = |service: &&_| place(service);
    page.of(call.org().services().values().map(AsRef::as_ref), place, ServiceResponse::from)
}

fn place(service: &Service) -> Place {
    Place(i64::from(service.position), i64::from(service.number))
}

/// One service.
pub(in crate::http) async fn get(call: Call, (): ()) -> Result<Shown<ServiceResponse>, ApiError> {
    Ok(Shown(call.service()?.1.as_ref().into()))
}

/// A service to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewService)]
pub(in crate::http) struct NewServiceRequest {
    #[schema(min_length = 1, max_length = 200, example = "Checkout")]
    name: String,
    #[serde(default)]
    #[schema(max_length = 5000)]
    description: String,
    #[serde(default)]
    group_id: Option<Uuid>,
    #[serde(default)]
    team_id: Option<Uuid>,
    /// Its place in its group; behind all others when left out
    #[serde(default)]
    #[schema(schema_with = words::maybe_position)]
    position: Option<Whole>,
    #[serde(default)]
    #[schema(schema_with = words::maybe_visibility)]
    visibility: Option<Visibility>,
    #[serde(default)]
    #[schema(schema_with = words::maybe_service_status)]
    status: Option<ServiceStatus>,
    #[serde(default)]
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

/// Makes a service.
pub(in crate::http) async fn create(call: Call, Json(new): Json<NewServiceRequest>) -> Result<Made<ServiceResponse>, ApiError> {
    let id = ServiceId::new(call.new_id());
    let new = NewService {
        id,
        name: new.name,
        description: new.description,
        group: new.group_id.map(GroupId::new),
        team: new.team_id.map(TeamId::new),
        position: new.position.map(|position| position.0),
        visibility: new.visibility.unwrap_or(Visibility::Public),
        status: new.status.unwrap_or(ServiceStatus::Operational),
        metadata: new.metadata,
        unique_name: false,
    };
    let (receipt, org) = call.execute(Command::CreateService(Box::new(new))).await?;
    let id = receipt.created.map_or(id, ServiceId::new);
    let service = org.services().get(&id).ok_or(Rejection::UnknownService(id))?;
    Ok(Made { at: id.to_string(), what: service.as_ref().into() })
}

/// A change of a service: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ServiceChange)]
pub(in crate::http) struct ServiceChangeRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    name: Edit<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 5000)]
    description: Edit<String>,
    /// Null takes it out of its group
    #[serde(default)]
    #[schema(value_type = Option<Uuid>, required = false)]
    group_id: Edit<Option<Uuid>>,
    /// Null takes it from its team
    #[serde(default)]
    #[schema(value_type = Option<Uuid>, required = false)]
    team_id: Edit<Option<Uuid>>,
    #[serde(default)]
    #[schema(schema_with = words::position, required = false)]
    position: Edit<Whole>,
    #[serde(default)]
    #[schema(schema_with = words::visibility, required = false)]
    visibility: Edit<Visibility>,
    /// A status set by hand stays until a hand changes it
    #[serde(default)]
    #[schema(schema_with = words::service_status, required = false)]
    status: Edit<ServiceStatus>,
    /// Why the status changes
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
    #[serde(default)]
    #[schema(schema_with = words::metadata, required = false)]
    metadata: Edit<Metadata>,
}

/// Changes a service, its status included.
pub(in crate::http) async fn change(
    call: Call,
    Json(change): Json<ServiceChangeRequest>,
) -> Result<Shown<ServiceResponse>, ApiError> {
    let (id, _) = call.service()?;
    let service = ServiceChange {
        name: change.name,
        description: change.description,
        group: change.group_id.map(|group| group.map(GroupId::new)),
        team: change.team_id.map(|team| team.map(TeamId::new)),
        position: change.position.map(|position| position.0),
        visibility: change.visibility,
        metadata: change.metadata,
    };
    let command =
        Command::ChangeService { id, change: Box::new(service), status: change.status, reason: change.reason, unique_name: false };
    let (_, org) = call.execute(command).await?;
    Ok(Shown(org.services().get(&id).ok_or(Rejection::UnknownService(id))?.as_ref().into()))
}

/// Deletes a service. Incidents go on naming it.
pub(in crate::http) async fn delete(call: Call, (): ()) -> Result<Done, ApiError> {
    let (id, _) = call.service()?;
    call.execute(Command::DeleteService { id }).await?;
    Ok(Done)
}

/// An order of things.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reorder)]
pub(in crate::http) struct ReorderRequest {
    /// From the top; what is not named keeps its position
    #[schema(max_items = 2000)]
    pub(in crate::http) ids: Vec<Uuid>,
}

/// Puts services in order.
pub(in crate::http) async fn reorder(call: Call, Json(order): Json<ReorderRequest>) -> Result<Done, ApiError> {
    let command = Command::ReorderServices { ids: order.ids.into_iter().map(ServiceId::new).collect() };
    call.execute(command).await.map_err(|error| error.about("service_id", "ids"))?;
    Ok(Done)
}

/// A change of a service's status.
#[derive(Serialize, ToSchema)]
#[schema(as = StatusChange)]
pub(in crate::http) struct StatusChangeResponse {
    number: u32,
    #[schema(schema_with = words::maybe_service_status)]
    from: Option<ServiceStatus>,
    #[schema(schema_with = words::service_status)]
    to: ServiceStatus,
    /// `manual`, `incident:<id>`, `maintenance:<id>` or `monitor:<id>`
    cause: String,
    reason: Option<String>,
    /// `system`, `user:<id>` or `key:<id>`
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<&StatusChange> for StatusChangeResponse {
    fn from(change: &StatusChange) -> Self {
        Self {
            number: change.number,
            from: change.from,
            to: change.to,
            cause: words::cause(change.cause),
            reason: change.reason.clone(),
            by: words::author(change.by),
            at: change.at,
        }
    }
}

/// What a service's status has been, newest first.
pub(in crate::http) async fn history(call: Call, Query(page): Query<PageQuery>) -> Result<List<StatusChangeResponse>, ApiError> {
    let (id, _) = call.service()?;
    let changes = call.org().history(id).map(AsRef::as_ref);
    let place = |change: &&StatusChange| Place(-change.at.millis(), -i64::from(change.number));
    page.of(changes.into_iter().flat_map(|history| history.iter()), place, StatusChangeResponse::from)
}

/// How many days.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct DaysQuery {
    /// How many days, today included
    #[param(minimum = 1, maximum = 365, default = 90)]
    pub(in crate::http) days: Option<u16>,
}

impl DaysQuery {
    pub(in crate::http) fn days(&self) -> Result<u16, ApiError> {
        let days = self.days.unwrap_or(90);
        if (1..=365).contains(&days) {
            return Ok(days);
        }
        Err(ApiError { field: Some("days".into()), ..ApiError::malformed("`days` is between 1 and 365") })
    }
}

/// How much of a time a service worked.
#[derive(Serialize, ToSchema)]
#[schema(as = Uptime)]
pub(in crate::http) struct UptimeResponse {
    /// 1 - weighted downtime / observed time; null when nothing was observed
    uptime: Option<f64>,
    days: Vec<DayResponse>,
}

/// A day, in the organization's time zone.
#[derive(Serialize, ToSchema)]
#[schema(as = UptimeDay)]
pub(in crate::http) struct DayResponse {
    #[schema(format = Date)]
    date: String,
    uptime: Option<f64>,
    /// The worst status of the day; null when the service was not observed
    #[schema(schema_with = words::maybe_service_status)]
    worst: Option<ServiceStatus>,
}

impl UptimeResponse {
    pub(in crate::http) fn of(call: &Call, id: ServiceId, days: u16) -> Result<Self, ApiError> {
        let days = call.org().uptime_days(id, days, call.now).ok_or(Rejection::UnknownService(id))?;
        let all = days.iter().fold(Uptime::default(), |all, day| all.plus(&day.uptime));
        let day = |day: &tocsin_actors::domain::uptime::Day| DayResponse {
            date: day.date.to_string(),
            uptime: day.uptime.ratio(),
            worst: day.uptime.worst(),
        };
        Ok(Self { uptime: all.ratio(), days: days.iter().map(day).collect() })
    }
}

/// How much of the last days a service worked, day by day.
pub(in crate::http) async fn uptime(call: Call, Query(query): Query<DaysQuery>) -> Result<Shown<UptimeResponse>, ApiError> {
    let (id, _) = call.service()?;
    Ok(Shown(UptimeResponse::of(&call, id, query.days()?)?))
}
