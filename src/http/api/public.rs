//! `/public/{slug}`: what a visitor may see, without an account, from memory. Nothing private is in it: no private service
//! or incident, no author, no metadata.

use super::{incidents::IncidentsQuery, organizations::BrandingShape, services::DaysQuery};
use crate::http::{
    answer::Shown,
    call::{Call, Query},
    cursor::{List, PageQuery, Place},
    dispatch,
    error::ApiError,
    words,
};
use serde::Serialize;
use std::sync::Arc;
use tocsin_actors::domain::{
    Incident, Org, ServiceId, Timestamp,
    entities::Service,
    incident::Affected,
    status::{Impact, IncidentStatus, Kind, ServiceStatus, Visibility},
    uptime::Uptime,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// A page as visitors see it.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicPage)]
pub(in crate::http) struct PageResponse {
    /// The organization's `seq` as of which this is true
    seq: u64,
    slug: String,
    name: String,
    description: String,
    time_zone: String,
    branding: BrandingShape,
    /// The worst status of its public services
    #[schema(schema_with = words::service_status)]
    status: ServiceStatus,
    groups: Vec<PublicGroup>,
    /// In the order in which they stand on the page
    services: Vec<PublicService>,
    /// Incidents and maintenances that go on
    active: Vec<PublicIncident>,
    /// Maintenances to come, the next one first
    upcoming: Vec<PublicIncident>,
}

/// A heading.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PublicGroup {
    id: Uuid,
    name: String,
    description: String,
}

/// A service.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PublicService {
    id: Uuid,
    name: String,
    description: String,
    group_id: Option<Uuid>,
    #[schema(schema_with = words::service_status)]
    status: ServiceStatus,
    #[schema(value_type = String, format = DateTime)]
    status_since: Timestamp,
}

/// An incident or a maintenance.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PublicIncident {
    id: Uuid,
    #[schema(schema_with = words::kind)]
    kind: Kind,
    title: String,
    description: String,
    #[schema(schema_with = words::incident_status)]
    status: IncidentStatus,
    #[schema(schema_with = words::impact)]
    impact: Impact,
    affected: Vec<PublicAffected>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_start: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_end: Option<Timestamp>,
    /// The timeline, oldest first
    updates: Vec<PublicUpdate>,
    /// Markdown
    postmortem: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A service that an incident touches.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PublicAffected {
    service_id: Option<Uuid>,
    name: String,
    #[schema(schema_with = words::maybe_service_status)]
    status: Option<ServiceStatus>,
}

/// An entry of the timeline.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PublicUpdate {
    id: Uuid,
    #[schema(schema_with = words::incident_status)]
    status: IncidentStatus,
    message: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// The organization with this slug. Who sends credentials is shown the same page as everybody.
async fn page_of(call: &Call) -> Result<Arc<Org>, ApiError> {
    let found = dispatch::find(&call.api, call.word("slug")).await?;
    found.ok_or_else(|| ApiError::unknown("unknown_page", "there is no such page"))
}

fn is_public(service: &Service) -> bool {
    service.visibility == Visibility::Public
}

/// A service that was deleted was seen by whoever saw the incident; a private one is nobody's business.
fn may_name(org: &Org, affected: &Affected) -> bool {
    affected.service.is_none_or(|id| org.service_even_retired(id).is_none_or(|service| is_public(service)))
}

fn shown(org: &Org, incident: &Incident) -> PublicIncident {
    let affected = incident.affected.iter().filter(|affected| may_name(org, affected));
    PublicIncident {
        id: incident.id.uuid(),
        kind: incident.kind(),
        title: incident.title.clone(),
        description: incident.description.clone(),
        status: incident.status,
        impact: incident.impact,
        affected: affected
            .map(|affected| PublicAffected {
                service_id: affected.service.map(ServiceId::uuid),
                name: affected.name.clone(),
                status: affected.status,
            })
            .collect(),
        started_at: incident.started_at,
        resolved_at: incident.resolved_at,
        scheduled_start: incident.scheduled_start,
        scheduled_end: incident.scheduled_end,
        updates: incident
            .updates
            .iter()
            .map(|update| PublicUpdate {
                id: update.id.uuid(),
                status: update.status,
                message: update.message.clone(),
                at: update.shown_at,
            })
            .collect(),
        postmortem: incident.postmortem.as_ref().map(|postmortem| postmortem.body.clone()),
        updated_at: incident.updated_at,
    }
}

/// The page.
pub(in crate::http) async fn page(call: Call, (): ()) -> Result<Shown<PageResponse>, ApiError> {
    let org = page_of(&call).await?;
    let organization = org.organization().ok_or_else(ApiError::unknown_organization)?;
    let services: Vec<_> = org.services_in_order().into_iter().filter(|service| is_public(service)).collect();
    let used = |id| services.iter().any(|service| service.group == Some(id));
    let public = || org.ongoing().filter(|incident| incident.visibility == Visibility::Public);
    let mut upcoming: Vec<_> = public().filter(|incident| !incident.status.is_active()).collect();
    upcoming.sort_by_key(|incident| (incident.scheduled_start, incident.number));
    let mut active: Vec<_> = public().filter(|incident| incident.status.is_active()).collect();
    active.sort_by_key(|incident| (std::cmp::Reverse(incident.started_at), std::cmp::Reverse(incident.number)));
    Ok(Shown(PageResponse {
        seq: org.seq(),
        slug: organization.slug.to_string(),
        name: organization.name.clone(),
        description: organization.description.clone(),
        time_zone: organization.time_zone.to_string(),
        branding: (&organization.branding).into(),
        status: org.page_status(Visibility::Public),
        groups: org
            .groups_in_order()
            .into_iter()
            .filter(|group| used(group.id))
            .map(|group| PublicGroup { id: group.id.uuid(), name: group.name.clone(), description: group.description.clone() })
            .collect(),
        services: services
            .iter()
            .map(|service| PublicService {
                id: service.id.uuid(),
                name: service.name.clone(),
                description: service.description.clone(),
                group_id: service.group.map(|group| group.uuid()),
                status: service.status,
                status_since: service.status_since,
            })
            .collect(),
        active: active.into_iter().map(|incident| shown(&org, incident)).collect(),
        upcoming: upcoming.into_iter().map(|incident| shown(&org, incident)).collect(),
    }))
}

/// Public incidents, newest first.
pub(in crate::http) async fn incidents(call: Call, Query(query): Query<IncidentsQuery>) -> Result<List<PublicIncident>, ApiError> {
    page_of_incidents(&call, Kind::Incident, &query).await
}

/// Public maintenances, newest first.
pub(in crate::http) async fn maintenances(
    call: Call,
    Query(query): Query<IncidentsQuery>,
) -> Result<List<PublicIncident>, ApiError> {
    page_of_incidents(&call, Kind::Maintenance, &query).await
}

/// Who asks by the id of a private service learns as little as from an id that nobody has.
async fn page_of_incidents(call: &Call, kind: Kind, query: &IncidentsQuery) -> Result<List<PublicIncident>, ApiError> {
    let org = page_of(call).await?;
    let wanted = query.service_id.map(ServiceId::new);
    let touches = |incident: &Incident| incident.affected.iter().any(|one| one.service == wanted && may_name(&org, one));
    let public = |incident: &Incident| incident.visibility == Visibility::Public && (wanted.is_none() || touches(incident));
    query.page_where(&org, kind, public, |incident| shown(&org, incident))
}

/// A public incident or maintenance.
pub(in crate::http) async fn incident(call: Call, (): ()) -> Result<Shown<PublicIncident>, ApiError> {
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
