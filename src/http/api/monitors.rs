//! `/orgs/{org}/monitors`: website checks, and what they found.

use crate::http::{
    answer::{Done, Made, Shown},
    call::{Call, Json, Query},
    cursor::{List, PageQuery, Place},
    error::ApiError,
};
use crate::words::{self, Whole};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tocsin_actors::domain::{
    Command, Monitor, MonitorId, Rejection, ServiceId, Timestamp,
    command::{MonitorChange, NewMonitor},
    edit::Edit,
    entities::Metadata,
    monitor::{Expects, Pace, Turn},
    status::{MonitorState, ServiceStatus, Visibility},
};
use tocsin_actors::readings::Watched;
use utoipa::ToSchema;
use uuid::Uuid;

/// A website check.
#[derive(Serialize, ToSchema)]
#[schema(as = Monitor)]
pub(in crate::http) struct MonitorResponse {
    id: Uuid,
    /// A short number, unique in the organization
    number: u32,
    name: String,
    url: String,
    /// Seconds from one check to the next
    interval_s: u32,
    /// How long an answer may take
    timeout_ms: u32,
    /// So many failures in a row are down
    failure_threshold: u16,
    /// So many successes in a row are up again
    success_threshold: u16,
    /// Any of these is an answer; empty means 200 to 299
    expected_statuses: Vec<u16>,
    /// What must stand in the first 64 KB of the answer
    expected_text: Option<String>,
    #[schema(schema_with = words::visibility)]
    visibility: Visibility,
    /// The service whose status it drives
    service_id: Option<Uuid>,
    /// The status that the service takes while this is down
    #[schema(schema_with = words::service_status)]
    down_status: ServiceStatus,
    /// Whether it opens an incident when it goes down
    opens_incident: bool,
    enabled: bool,
    #[schema(schema_with = words::monitor_state)]
    state: MonitorState,
    #[schema(value_type = String, format = DateTime)]
    state_since: Timestamp,
    /// Why it is down
    reason: Option<String>,
    /// The incident that it opened, until it is over
    incident_id: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

impl From<&Monitor> for MonitorResponse {
    fn from(monitor: &Monitor) -> Self {
        Self {
            id: monitor.id.uuid(),
            number: monitor.number,
            name: monitor.name.clone(),
            url: monitor.url.clone(),
            interval_s: monitor.pace.interval_s,
            timeout_ms: monitor.pace.timeout_ms,
            failure_threshold: monitor.pace.failures,
            success_threshold: monitor.pace.successes,
            expected_statuses: monitor.expects.statuses.clone(),
            expected_text: monitor.expects.text.clone(),
            visibility: monitor.visibility,
            service_id: monitor.service.map(ServiceId::uuid),
            down_status: monitor.gives,
            opens_incident: monitor.opens_incident,
            enabled: monitor.enabled,
            state: monitor.state,
            state_since: monitor.state_since,
            reason: monitor.reason.clone(),
            incident_id: monitor.incident.map(|id| id.uuid()),
            created_at: monitor.created_at,
            updated_at: monitor.updated_at,
            created_by: words::author(monitor.created_by),
            metadata: monitor.metadata.clone(),
        }
    }
}

/// A page of the monitors, in the order in which they were made.
pub(in crate::http) async fn list(call: Call, Query(page): Query<PageQuery>) -> Result<List<MonitorResponse>, ApiError> {
    let place = |monitor: &&Arc<Monitor>| Place(i64::from(monitor.number), 0);
    page.of(call.org().monitors().values(), place, |monitor| monitor.as_ref().into())
}

/// The monitor in the path.
pub(super) fn monitor(call: &Call) -> Result<(MonitorId, &Arc<Monitor>), ApiError> {
    let id = call.id("id", "unknown_monitor")?;
    Ok((id, call.org().monitors().get(&id).ok_or(Rejection::UnknownMonitor(id))?))
}

/// One monitor.
pub(in crate::http) async fn get(call: Call, (): ()) -> Result<Shown<MonitorResponse>, ApiError> {
    Ok(Shown(monitor(&call)?.1.as_ref().into()))
}

/// A monitor to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMonitor)]
pub(in crate::http) struct NewMonitorRequest {
    #[schema(min_length = 1, max_length = 200, example = "Shop")]
    name: String,
    /// An http or https address in the public Internet
    #[schema(min_length = 1, max_length = 2000, example = "https://shop.example/")]
    url: String,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 10, maximum = 86400, default = 60)]
    interval_s: Option<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 500, maximum = 60000, default = 10000)]
    timeout_ms: Option<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 20, default = 2)]
    failure_threshold: Option<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 20, default = 1)]
    success_threshold: Option<Whole>,
    /// Any of these is an answer; empty means 200 to 299. A redirect that is named here is not followed
    #[serde(default)]
    #[schema(schema_with = words::http_statuses)]
    expected_statuses: Vec<Whole>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 500)]
    expected_text: Option<String>,
    /// Private when left out: an address may say more than everybody should know
    #[serde(default)]
    #[schema(schema_with = words::maybe_visibility)]
    visibility: Option<Visibility>,
    #[serde(default)]
    service_id: Option<Uuid>,
    /// `major_outage` when left out
    #[serde(default)]
    #[schema(schema_with = words::maybe_service_status)]
    down_status: Option<ServiceStatus>,
    #[serde(default)]
    opens_incident: bool,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    #[schema(schema_with = words::metadata)]
    metadata: Metadata,
}

/// Addresses that no check would ask are refused while somebody looks. Where a name leads is seen at each check.
fn askable(call: &Call, url: &str) -> Result<(), ApiError> {
    let checked = call.api.monitors.guard().url(url);
    checked.map(drop).map_err(|forbidden| ApiError::refused("invalid", "url", format!("url {forbidden}")))
}

fn short(numbers: Vec<Whole>) -> Vec<u16> {
    numbers.into_iter().map(Whole::short).collect()
}

/// Makes a monitor.
pub(in crate::http) async fn create(call: Call, Json(new): Json<NewMonitorRequest>) -> Result<Made<MonitorResponse>, ApiError> {
    askable(&call, &new.url)?;
    let id = MonitorId::new(call.new_id());
    let usual = Pace::default();
    let new = NewMonitor {
        id,
        name: new.name,
        url: new.url,
        expects: Expects { statuses: short(new.expected_statuses), text: new.expected_text },
        pace: Pace {
            interval_s: new.interval_s.map_or(usual.interval_s, |seconds| seconds.0),
            timeout_ms: new.timeout_ms.map_or(usual.timeout_ms, |ms| ms.0),
            failures: new.failure_threshold.map_or(usual.failures, Whole::short),
            successes: new.success_threshold.map_or(usual.successes, Whole::short),
        },
        visibility: new.visibility.unwrap_or(Visibility::Private),
        service: new.service_id.map(ServiceId::new),
        gives: new.down_status.unwrap_or(ServiceStatus::MajorOutage),
        opens_incident: new.opens_incident,
        enabled: new.enabled.unwrap_or(true),
        metadata: new.metadata,
    };
    let (receipt, org) = call.execute(Command::CreateMonitor(Box::new(new))).await?;
    let id = receipt.created.map_or(id, MonitorId::new);
    let monitor = org.monitors().get(&id).ok_or(Rejection::UnknownMonitor(id))?;
    Ok(Made { at: id.to_string(), what: monitor.as_ref().into() })
}

/// A change of a monitor: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MonitorChange)]
pub(in crate::http) struct MonitorChangeRequest {
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    name: Edit<String>,
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 2000)]
    url: Edit<String>,
    #[serde(default)]
    #[schema(value_type = u32, required = false, minimum = 10, maximum = 86400)]
    interval_s: Edit<Whole>,
    #[serde(default)]
    #[schema(value_type = u32, required = false, minimum = 500, maximum = 60000)]
    timeout_ms: Edit<Whole>,
    #[serde(default)]
    #[schema(value_type = u16, required = false, minimum = 1, maximum = 20)]
    failure_threshold: Edit<Whole>,
    #[serde(default)]
    #[schema(value_type = u16, required = false, minimum = 1, maximum = 20)]
    success_threshold: Edit<Whole>,
    #[serde(default)]
    #[schema(schema_with = words::http_statuses, required = false)]
    expected_statuses: Edit<Vec<Whole>>,
    /// Null looks for no text any more
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 500)]
    expected_text: Edit<Option<String>>,
    #[serde(default)]
    #[schema(schema_with = words::visibility, required = false)]
    visibility: Edit<Visibility>,
    /// Null drives no service any more
    #[serde(default)]
    #[schema(value_type = Option<Uuid>, required = false)]
    service_id: Edit<Option<Uuid>>,
    #[serde(default)]
    #[schema(schema_with = words::service_status, required = false)]
    down_status: Edit<ServiceStatus>,
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    opens_incident: Edit<bool>,
    /// False ends what it says about its service
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    enabled: Edit<bool>,
    #[serde(default)]
    #[schema(schema_with = words::metadata, required = false)]
    metadata: Edit<Metadata>,
}

/// Changes a monitor.
pub(in crate::http) async fn change(
    call: Call,
    Json(change): Json<MonitorChangeRequest>,
) -> Result<Shown<MonitorResponse>, ApiError> {
    let (id, before) = monitor(&call)?;
    if let Edit::Set(url) = &change.url {
        askable(&call, url)?;
    }
    let (mut pace, mut expects) = (before.pace, before.expects.clone());
    change.interval_s.map(|seconds| seconds.0).write(&mut pace.interval_s);
    change.timeout_ms.map(|ms| ms.0).write(&mut pace.timeout_ms);
    change.failure_threshold.map(Whole::short).write(&mut pace.failures);
    change.success_threshold.map(Whole::short).write(&mut pace.successes);
    change.expected_statuses.map(short).write(&mut expects.statuses);
    change.expected_text.write(&mut expects.text);
    let change = MonitorChange {
        name: change.name,
        url: change.url,
        expects: Edit::Set(expects).unless_same(&before.expects),
        pace: Edit::Set(pace).unless_same(&before.pace),
        visibility: change.visibility,
        service: change.service_id.map(|service| service.map(ServiceId::new)),
        gives: change.down_status,
        opens_incident: change.opens_incident,
        enabled: change.enabled,
        metadata: change.metadata,
    };
    let (_, org) = call.execute(Command::ChangeMonitor { id, change: Box::new(change) }).await?;
    Ok(Shown(org.monitors().get(&id).ok_or(Rejection::UnknownMonitor(id))?.as_ref().into()))
}

/// Deletes a monitor, with what it found.
pub(in crate::http) async fn delete(call: Call, (): ()) -> Result<Done, ApiError> {
    let (id, _) = monitor(&call)?;
    call.execute(Command::DeleteMonitor { id }).await?;
    Ok(Done)
}

/// What a check found.
#[derive(Serialize, ToSchema)]
#[schema(as = MonitorCheck)]
pub(in crate::http) struct CheckResponse {
    /// Whether it answered as it should
    up: bool,
    /// Why not
    reason: Option<String>,
    /// How long the answer took; null when there was none
    response_ms: Option<u32>,
    /// What the monitor is now: it may take several checks to turn it
    #[schema(schema_with = words::monitor_state)]
    state: MonitorState,
}

/// Nothing is wrong with the website, as far as we know.
fn cannot_check() -> ApiError {
    ApiError::unavailable("cannot_check", "this server can make no checks now", Duration::from_secs(60))
}

/// Checks now. Counts like any other check.
pub(in crate::http) async fn check(call: Call, (): ()) -> Result<Shown<CheckResponse>, ApiError> {
    let (id, monitor) = monitor(&call)?;
    let watched = Watched::of(call.org().id(), monitor);
    let found = call.api.monitors.check(&watched).await.map_err(|_| cannot_check())?;
    let org = call.view(watched.org).await?;
    let state = org.monitors().get(&id).ok_or(Rejection::UnknownMonitor(id))?.state;
    Ok(Shown(CheckResponse { up: found.is_up(), reason: found.problem, response_ms: found.response_ms, state }))
}

/// A turn of a monitor.
#[derive(Serialize, ToSchema)]
#[schema(as = MonitorTurn)]
pub(in crate::http) struct TurnResponse {
    #[schema(schema_with = words::monitor_state)]
    from: MonitorState,
    #[schema(schema_with = words::monitor_state)]
    to: MonitorState,
    /// Why it went down
    reason: Option<String>,
    /// The incident that is about it
    incident_id: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<&Turn> for TurnResponse {
    fn from(turn: &Turn) -> Self {
        let incident_id = turn.incident.map(|id| id.uuid());
        Self { from: turn.from, to: turn.to, reason: turn.reason.clone(), incident_id, at: turn.at }
    }
}

/// How a monitor has turned, newest first; the last 250 times.
pub(in crate::http) async fn history(call: Call, Query(page): Query<PageQuery>) -> Result<List<TurnResponse>, ApiError> {
    let (_, monitor) = monitor(&call)?;
    let place = |turn: &&Turn| Place(-turn.at.millis(), -i64::try_from(turn.seq).unwrap_or(i64::MAX));
    page.of(monitor.turns.iter(), place, TurnResponse::from)
}
