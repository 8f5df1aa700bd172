//! `/orgs/{org}/incidents`. Maintenances are the same entity at an address of their own: see `maintenances`.

use super::incident_view::IncidentResponse;
use crate::http::{
    answer::{Done, Made, Shown},
    call::{Call, Json, Query},
    cursor::{List, PageQuery, Place},
    error::ApiError,
};
use crate::words;
use serde::Deserialize;
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, Incident, IncidentId, Org, Rejection, ServiceId, Timestamp, UpdateId,
    command::{NewIncident, NewUpdate, UpdateChange},
    edit::Edit,
    entities::Metadata,
    incident::{Affected, IncidentChange},
    limits,
    status::{Impact, IncidentStatus, Kind, ServiceStatus, Visibility},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which incidents.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct IncidentsQuery {
    /// Only with this status
    #[param(schema_with = words::incident_status)]
    status: Option<IncidentStatus>,
    /// Only those that go on, or only those that do not
    active: Option<bool>,
    /// Only those that touch this service
    pub(in crate::http) service_id: Option<Uuid>,
    /// Only those that began at this time or later
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only those that began before this time
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// `next` of the page before
    #[param(pattern = "^-?[0-9]{1,18}_-?[0-9]{1,18}$")]
    cursor: Option<String>,
    /// How many items
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

impl IncidentsQuery {
    fn wants(&self, incident: &Incident, kind: Kind) -> bool {
        incident.kind() == kind
            && self.status.is_none_or(|status| incident.status == status)
            && self.active.is_none_or(|active| incident.status.is_active() == active)
            && self.service_id.is_none_or(|service| incident.affects(ServiceId::new(service)))
            && self.from.is_none_or(|from| incident.started_at >= from)
            && self.to.is_none_or(|to| incident.started_at < to)
    }

    /// Newest first.
    pub(in crate::http) fn page<T>(&self, org: &Org, kind: Kind, shown: impl Fn(&Incident) -> T) -> Result<List<T>, ApiError> {
        self.page_where(org, kind, |_| true, shown)
    }

    /// Newest first, of those that somebody may see.
    pub(in crate::http) fn page_where<T>(
        &self,
        org: &Org,
        kind: Kind,
        seen: impl Fn(&Incident) -> bool,
        shown: impl Fn(&Incident) -> T,
    ) -> Result<List<T>, ApiError> {
        let wanted = org.incidents().values().filter(|incident| self.wants(incident, kind) && seen(incident));
        let place = |incident: &&Arc<Incident>| Place(-incident.started_at.millis(), -i64::from(incident.number));
        PageQuery::new(&self.cursor, self.limit).of(wanted, place, |incident| shown(incident))
    }
}

/// A page of the incidents, newest first.
pub(in crate::http) async fn list(call: Call, Query(query): Query<IncidentsQuery>) -> Result<List<IncidentResponse>, ApiError> {
    query.page(call.org(), Kind::Incident, |incident| incident.into())
}

/// One incident.
pub(in crate::http) async fn get(call: Call, (): ()) -> Result<Shown<IncidentResponse>, ApiError> {
    Ok(Shown(call.incident(Kind::Incident)?.1.as_ref().into()))
}

/// A service that an incident shall touch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAffected)]
pub(in crate::http) struct AffectedRequest {
    /// The service; may be left out where only its name is known
    #[serde(default)]
    service_id: Option<Uuid>,
    /// Its name, where there is no service
    #[serde(default)]
    #[schema(max_length = 200)]
    name: Option<String>,
    /// The status it takes while the incident lasts; null leaves it alone
    #[serde(default)]
    #[schema(schema_with = words::maybe_service_status)]
    status: Option<ServiceStatus>,
}

/// Names of services are taken from the organization, so that nobody has to send both.
pub(in crate::http) fn affected(org: &Org, wanted: Vec<AffectedRequest>) -> Result<Vec<Affected>, ApiError> {
    let one = |(n, wanted): (usize, AffectedRequest)| {
        if let Some(name) = &wanted.name {
            limits::text("name", name, limits::NAME)?; // also where it is not needed: the documentation says so
        }
        let service = wanted.service_id.map(ServiceId::new);
        let known = service.and_then(|id| org.service_even_retired(id)).map(|service| service.name.clone());
        match (service, known, wanted.name) {
            (_, Some(name), _) | (None, None, Some(name)) => Ok(Affected { service, name, status: wanted.status }),
            (Some(id), None, _) => {
                let rejection = Rejection::UnknownService(id);
                Err(ApiError::refused(rejection.code(), format!("affected[{n}].service_id"), rejection.to_string()))
            }
            (None, None, None) => {
                Err(ApiError::refused("invalid", format!("affected[{n}]"), "name a service by `service_id`, or by `name`"))
            }
        }
    };
    wanted.into_iter().enumerate().map(one).collect()
}

/// An incident to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewIncident)]
pub(in crate::http) struct NewIncidentRequest {
    #[schema(min_length = 1, max_length = 200, example = "Payments are slow")]
    title: String,
    #[serde(default)]
    #[schema(max_length = 5000)]
    description: String,
    /// `investigating` when left out
    #[serde(default)]
    #[schema(schema_with = words::maybe_incident_status)]
    status: Option<IncidentStatus>,
    /// `minor` when left out
    #[serde(default)]
    #[schema(schema_with = words::maybe_impact)]
    impact: Option<Impact>,
    #[serde(default)]
    #[schema(schema_with = words::maybe_visibility)]
    visibility: Option<Visibility>,
    /// In the past when it was found late, or is filled in afterwards
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it is filled in as resolved
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Timestamp>,
    #[serde(default)]
    #[schema(max_items = 500)]
    affected: Vec<AffectedRequest>,
    /// The first entry of the timeline
    #[serde(default)]
    #[schema(max_length = 20000)]
    message: Option<String>,
    #[serde(default)]
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

/// Opens an incident, or fills one in.
pub(in crate::http) async fn create(call: Call, Json(new): Json<NewIncidentRequest>) -> Result<Made<IncidentResponse>, ApiError> {
    let status = new.status.unwrap_or(IncidentStatus::Investigating);
    if status.kind() != Kind::Incident {
        return Err(ApiError::refused("invalid", "status", "a maintenance is planned at `/maintenances`"));
    }
    let new = NewIncident {
        id: IncidentId::new(call.new_id()),
        title: new.title,
        description: new.description,
        status,
        impact: new.impact.unwrap_or(Impact::Minor),
        visibility: new.visibility.unwrap_or(Visibility::Public),
        affected: affected(call.org(), new.affected)?,
        started_at: new.started_at,
        resolved_at: new.resolved_at,
        scheduled_start: None,
        scheduled_end: None,
        automatic: false,
        update: new.message.map(|message| (UpdateId::new(call.new_id()), message)),
        metadata: new.metadata,
    };
    open(&call, new).await
}

/// Opens it and shows it; a retry is shown what the first try opened.
pub(in crate::http) async fn open(call: &Call, new: NewIncident) -> Result<Made<IncidentResponse>, ApiError> {
    let id = new.id;
    let (receipt, org) = call.execute(Command::OpenIncident(Box::new(new))).await?;
    let id = receipt.created.map_or(id, IncidentId::new);
    Ok(Made { at: id.to_string(), what: shown(&org, id)?.0 })
}

pub(in crate::http) fn shown(org: &Org, id: IncidentId) -> Result<Shown<IncidentResponse>, ApiError> {
    Ok(Shown(org.incidents().get(&id).ok_or(Rejection::UnknownIncident(id))?.as_ref().into()))
}

/// A change of an incident that leaves no entry in its timeline: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IncidentChange)]
pub(in crate::http) struct IncidentChangeRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    title: Edit<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 5000)]
    description: Edit<String>,
    /// A status of the other life makes an incident of a maintenance, or the other way round
    #[serde(default)]
    #[schema(schema_with = words::incident_status, required = false)]
    status: Edit<IncidentStatus>,
    #[serde(default)]
    #[schema(schema_with = words::impact, required = false)]
    impact: Edit<Impact>,
    #[serde(default)]
    #[schema(schema_with = words::visibility, required = false)]
    visibility: Edit<Visibility>,
    /// Replaces the whole list
    #[serde(default)]
    #[schema(value_type = Vec<AffectedRequest>, required = false, max_items = 500)]
    affected: Edit<Vec<AffectedRequest>>,
    #[serde(default)]
    #[schema(value_type = String, format = DateTime, required = false)]
    started_at: Edit<Timestamp>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    resolved_at: Edit<Option<Timestamp>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    scheduled_start: Edit<Option<Timestamp>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    scheduled_end: Edit<Option<Timestamp>>,
    /// Whether a maintenance begins and ends by itself
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    automatic: Edit<bool>,
    #[serde(default)]
    #[schema(schema_with = words::metadata, required = false)]
    metadata: Edit<Metadata>,
}

/// Changes an incident.
pub(in crate::http) async fn change(call: Call, input: Json<IncidentChangeRequest>) -> Result<Shown<IncidentResponse>, ApiError> {
    change_of(call, Kind::Incident, input).await
}

pub(in crate::http) async fn change_of(
    call: Call,
    kind: Kind,
    Json(change): Json<IncidentChangeRequest>,
) -> Result<Shown<IncidentResponse>, ApiError> {
    let (id, _) = call.incident(kind)?;
    let change = IncidentChange {
        title: change.title,
        description: change.description,
        status: change.status,
        impact: change.impact,
        visibility: change.visibility,
        affected: match change.affected {
            Edit::Keep => Edit::Keep,
            Edit::Set(wanted) => Edit::Set(affected(call.org(), wanted)?),
        },
        started_at: change.started_at,
        resolved_at: change.resolved_at,
        scheduled_start: change.scheduled_start,
        scheduled_end: change.scheduled_end,
        automatic: change.automatic,
        metadata: change.metadata,
        ..IncidentChange::default()
    };
    let (_, org) = call.execute(Command::ChangeIncident { id, change: Box::new(change) }).await?;
    shown(&org, id)
}

/// Deletes an incident with its timeline.
pub(in crate::http) async fn delete(call: Call, (): ()) -> Result<Done, ApiError> {
    delete_of(call, Kind::Incident).await
}

pub(in crate::http) async fn delete_of(call: Call, kind: Kind) -> Result<Done, ApiError> {
    let (id, _) = call.incident(kind)?;
    call.execute(Command::DeleteIncident { id }).await?;
    Ok(Done)
}

/// An entry of the timeline to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUpdate)]
pub(in crate::http) struct NewUpdateRequest {
    #[schema(min_length = 1, max_length = 20000, example = "We found the cause")]
    message: String,
    /// Moves the incident; it stays where it is when left out
    #[serde(default)]
    #[schema(schema_with = words::maybe_incident_status)]
    status: Option<IncidentStatus>,
    /// These services take these statuses from now on; others stay as they are
    #[serde(default)]
    #[schema(max_items = 500)]
    affected: Vec<AffectedRequest>,
    /// The time people see; now when left out
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    shown_at: Option<Timestamp>,
}

/// An entry without words tells nobody anything. The domain takes it, because other clients have such entries.
fn says_something(message: &str) -> Result<(), Rejection> {
    if message.trim().is_empty() { Err(Rejection::invalid("message", "must not be empty")) } else { Ok(()) }
}

/// Adds an entry to the timeline.
pub(in crate::http) async fn post_update(call: Call, input: Json<NewUpdateRequest>) -> Result<Made<IncidentResponse>, ApiError> {
    post_update_of(call, Kind::Incident, input).await
}

pub(in crate::http) async fn post_update_of(
    call: Call,
    kind: Kind,
    Json(new): Json<NewUpdateRequest>,
) -> Result<Made<IncidentResponse>, ApiError> {
    let (incident, _) = call.incident(kind)?;
    says_something(&new.message)?;
    let update = UpdateId::new(call.new_id());
    let new = NewUpdate {
        id: update,
        message: new.message,
        status: new.status,
        affected: affected(call.org(), new.affected)?,
        shown_at: new.shown_at,
    };
    let (receipt, org) = call.execute(Command::PostUpdate { incident, update: Box::new(new) }).await?;
    let update = receipt.created.unwrap_or(update.uuid());
    Ok(Made { at: update.to_string(), what: shown(&org, incident)?.0 })
}

/// A change of an entry: what is left out stays. The incident itself stays where it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpdateChange)]
pub(in crate::http) struct UpdateChangeRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 20000)]
    message: Edit<String>,
    #[serde(default)]
    #[schema(schema_with = words::incident_status, required = false)]
    status: Edit<IncidentStatus>,
    #[serde(default)]
    #[schema(value_type = String, format = DateTime, required = false)]
    shown_at: Edit<Timestamp>,
}

/// Edits an entry of the timeline.
pub(in crate::http) async fn edit_update(
    call: Call,
    input: Json<UpdateChangeRequest>,
) -> Result<Shown<IncidentResponse>, ApiError> {
    let (incident, _) = call.incident(Kind::Incident)?;
    let id = call.id("update", "unknown_update")?;
    input.0.message.as_set().map_or(Ok(()), |message| says_something(message))?;
    let change = UpdateChange { message: input.0.message, status: input.0.status, shown_at: input.0.shown_at };
    let (_, org) = call.execute(Command::EditUpdate { incident, id, change: Box::new(change) }).await?;
    shown(&org, incident)
}

/// Takes an entry out of the timeline.
pub(in crate::http) async fn delete_update(call: Call, (): ()) -> Result<Done, ApiError> {
    let (incident, _) = call.incident(Kind::Incident)?;
    let id = call.id("update", "unknown_update")?;
    call.execute(Command::DeleteUpdate { incident, id }).await?;
    Ok(Done)
}

/// Last words, if there are any.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LastWords)]
pub(in crate::http) struct MessageRequest {
    #[serde(default)]
    #[schema(max_length = 20000)]
    pub(in crate::http) message: Option<String>,
}

/// Resolves an incident.
pub(in crate::http) async fn resolve(call: Call, Json(last): Json<MessageRequest>) -> Result<Shown<IncidentResponse>, ApiError> {
    let (id, _) = call.incident(Kind::Incident)?;
    let command = Command::ResolveIncident { id, update: UpdateId::new(call.new_id()), message: last.message };
    let (_, org) = call.execute(command).await?;
    shown(&org, id)
}

/// A post-mortem to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPostmortem)]
pub(in crate::http) struct PostmortemRequest {
    /// Markdown
    #[schema(min_length = 1, max_length = 100000)]
    body: String,
}

/// Writes what was learned.
pub(in crate::http) async fn set_postmortem(
    call: Call,
    Json(new): Json<PostmortemRequest>,
) -> Result<Shown<IncidentResponse>, ApiError> {
    let (incident, _) = call.incident(Kind::Incident)?;
    let (_, org) = call.execute(Command::SetPostmortem { incident, body: new.body }).await?;
    shown(&org, incident)
}

/// Takes back what was learned.
pub(in crate::http) async fn remove_postmortem(call: Call, (): ()) -> Result<Done, ApiError> {
    let (incident, _) = call.incident(Kind::Incident)?;
    call.execute(Command::RemovePostmortem { incident }).await?;
    Ok(Done)
}
