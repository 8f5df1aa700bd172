//! `/public/{slug}`: what a visitor may see, without an account, from memory. Nothing private is in it: no private service
//! or incident, no author, no metadata.

use super::{incidents::IncidentsQuery, response_times::PointResponse, services::DaysQuery};
use crate::http::{
    answer::Shown,
    call::{Call, Query},
    cursor::{List, PageQuery, Place},
    dispatch,
    error::ApiError,
    site,
};
use crate::{
    page::{Audience, IncidentShape, Page},
    words,
};
use serde::Serialize;
use std::sync::Arc;
use tocsin_actors::domain::{
    Incident, Monitor, Org, ServiceId, Timestamp,
    entities::Service,
    status::{Kind, MonitorState, ServiceStatus, Visibility},
    uptime::Uptime,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// The organization with this slug. Who sends credentials is shown the same page as everybody.
async fn page_of(call: &Call) -> Result<Arc<Org>, ApiError> {
    let found = dispatch::find(&call.api, call.word("slug")).await?;
    found.ok_or_else(|| ApiError::unknown("unknown_page", "there is no such page"))
}

fn is_public(service: &Service) -> bool {
    service.visibility == Visibility::Public
}

/// The page.
pub(in crate::http) async fn page(call: Call, (): ()) -> Result<Shown<Page>, ApiError> {
    let org = page_of(&call).await?;
    Ok(Shown(Page::of(&org, Audience::Public).ok_or_else(ApiError::unknown_organization)?))
}

fn shown(org: &Org, incident: &Incident) -> IncidentShape {
    IncidentShape::of(org, incident, Audience::Public)
}

/// Public incidents, newest first.
pub(in crate::http) async fn incidents(call: Call, Query(query): Query<IncidentsQuery>) -> Result<List<IncidentShape>, ApiError> {
    page_of_incidents(&call, Kind::Incident, &query).await
}

/// Public maintenances, newest first.
pub(in crate::http) async fn maintenances(
    call: Call,
    Query(query): Query<IncidentsQuery>,
) -> Result<List<IncidentShape>, ApiError> {
    page_of_incidents(&call, Kind::Maintenance, &query).await
}

/// Who asks by the id of a private service learns as little as from an id that nobody has.
async fn page_of_incidents(call: &Call, kind: Kind, query: &IncidentsQuery) -> Result<List<IncidentShape>, ApiError> {
    let org = page_of(call).await?;
    let wanted = query.service_id.map(ServiceId::new);
    let touches =
        |incident: &Incident| incident.affected.iter().any(|one| one.service == wanted && Audience::Public.may_name(&org, one));
    let public = |incident: &Incident| incident.visibility == Visibility::Public && (wanted.is_none() || touches(incident));
    query.page_where(&org, kind, public, |incident| shown(&org, incident))
}

/// A public incident or maintenance.
pub(in crate::http) async fn incident(call: Call, (): ()) -> Result<Shown<IncidentShape>, ApiError> {
    let org = page_of(&call).await?;
    let unknown = || ApiError::unknown("unknown_incident", "there is no such incident");
    let id = call.id("id", "unknown_incident")?;
    let incident = org.incidents().get(&id).filter(|incident| incident.visibility == Visibility::Public);
    Ok(Shown(shown(&org, incident.ok_or_else(unknown)?)))
}

/// How much of the last days a public service worked.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PublicUptime {
    service_id: Uuid,
    name: String,
    /// 1 - weighted downtime / observed time; null when nothing was observed
    uptime: Option<f64>,
    days: Vec<PublicDay>,
}

/// A day, in the organization's time zone.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PublicDay {
    #[schema(format = Date)]
    date: String,
    uptime: Option<f64>,
    #[schema(schema_with = words::maybe_service_status)]
    worst: Option<ServiceStatus>,
}

/// How much of the last days the public services worked, day by day, in the order in which they stand on the page.
pub(in crate::http) async fn uptime(call: Call, Query(query): Query<UptimeQuery>) -> Result<List<PublicUptime>, ApiError> {
    let org = page_of(&call).await?;
    let days = DaysQuery { days: query.days }.days()?;
    let services = org.services().values().filter(|service| is_public(service));
    let place = |service: &&Arc<Service>| Place(i64::from(service.position), i64::from(service.number));
    PageQuery::new(&query.cursor, query.limit).of(services, place, |service| {
        let days = org.uptime_days(service.id, days, call.now).unwrap_or_default();
        let all = days.iter().fold(Uptime::default(), |all, day| all.plus(&day.uptime));
        PublicUptime {
            service_id: service.id.uuid(),
            name: service.name.clone(),
            uptime: all.ratio(),
            days: days
                .iter()
                .map(|day| PublicDay { date: day.date.to_string(), uptime: day.uptime.ratio(), worst: day.uptime.worst() })
                .collect(),
        }
    })
}

/// How many days, of which services.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct UptimeQuery {
    /// How many days, today included
    #[param(minimum = 1, maximum = 365, default = 90)]
    days: Option<u16>,
    /// `next` of the page before
    #[param(pattern = "^-?[0-9]{1,18}_-?[0-9]{1,18}$")]
    cursor: Option<String>,
    /// How many services
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// A public website check, and what it found.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PublicMonitor {
    id: Uuid,
    name: String,
    /// Whether it is checked at all
    enabled: bool,
    #[schema(schema_with = words::monitor_state)]
    state: MonitorState,
    #[schema(value_type = String, format = DateTime)]
    state_since: Timestamp,
    /// The share of checks that found it up in the last 90 days; null when there was none
    uptime: Option<f64>,
    /// How long an answer took on average in the last 24 hours; null when there was none
    average_ms: Option<u32>,
    /// The last 24 hours, by the quarter of an hour; those without checks are left out
    points: Vec<PointResponse>,
}

/// Public website checks, and how long answers took: the first fifty, no newer than a minute.
pub(in crate::http) async fn monitors(call: Call, Query(query): Query<PageQuery>) -> Result<List<PublicMonitor>, ApiError> {
    let org = page_of(&call).await?;
    let found = site::found(&call.api, &org).await;
    let place = |monitor: &&Monitor| Place(i64::from(monitor.number), 0);
    query.of(Audience::Public.monitors(&org), place, |monitor| {
        let course = found.course(monitor.id);
        let points = course.into_iter().flat_map(|course| course.pieces.iter().flatten());
        PublicMonitor {
            id: monitor.id.uuid(),
            name: monitor.name.clone(),
            enabled: monitor.enabled,
            state: monitor.state,
            state_since: monitor.state_since,
            uptime: course.and_then(|course| course.days).and_then(|days| days.uptime()),
            average_ms: course.and_then(|course| course.day).and_then(|day| day.average_ms()),
            points: points.map(PointResponse::from).collect(),
        }
    })
}
