//! Its websites: the checks that somebody made in the organization of their token, and sees alone. Deleting one only stops
//! it, as there. They are made by themselves as well, and never of an address that the guard forbids: such a website is down.

use super::{
    Statusnexus,
    body::Body,
    early,
    ids::{ObjectId, shown},
    shapes::Ids,
    tenant::Tenant,
};
use crate::http::facade::{Answer, Asked, Refused, Under};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tocsin_actors::{
    domain::{
        Command, Monitor, MonitorId, Timestamp,
        command::{MonitorChange, NewMonitor},
        edit::Edit,
        limits,
        status::{ServiceStatus, Visibility},
    },
    readings::{Span, Summary},
};
use uuid::Uuid;

const MODEL: &str = "Website";
/// Of how many checks a website tells in a list: of one alone, it tells of all that are kept.
const TOLD_IN_A_LIST: u32 = 100;
/// How many checks there are in what is kept, at most.
const MOST_TICKS: usize = 10_000;
/// What is found in this very millisecond is found, too.
const BEYOND: Duration = Duration::from_millis(1);
/// How many websites of one person are asked, or looked up, at once.
const AT_ONCE: usize = 16;
/// How long somebody waits for theirs. Those that were not asked by then are asked when they are due.
const PATIENCE: Duration = Duration::from_secs(45);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebsiteShape<'a> {
    #[serde(flatten)]
    id: Ids,
    url: &'a str,
    user_id: &'a str,
    disabled: bool,
    ticks: Vec<TickShape>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(rename = "__v")]
    version: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TickShape {
    #[serde(flatten)]
    id: Ids,
    status: &'static str,
    response_time: u64,
    timestamp: Timestamp,
}

impl TickShape {
    fn of(website: MonitorId, check: &Summary) -> Self {
        let is_up = check.up > 0;
        Self {
            id: Uuid::new_v5(&website.uuid(), &check.from.millis().to_be_bytes()).into(),
            status: if is_up { "up" } else { "down" },
            response_time: if is_up { check.sum_ms } else { 0 },
            timestamp: check.from,
        }
    }
}

impl<'a> WebsiteShape<'a> {
    fn of(website: &'a Monitor, user_id: &'a str, ticks: Vec<TickShape>) -> Self {
        Self {
            id: website.id.uuid().into(),
            url: &website.url,
            user_id,
            disabled: !website.enabled,
            version: ticks.len(),
            ticks,
            created_at: website.created_at,
            updated_at: website.updated_at,
        }
    }
}

pub(super) async fn list(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::of(&asked).await?;
    let websites = theirs(&tenant);
    let found = stream::iter(websites.clone()).map(|website| newest(&asked, website));
    let found: Vec<_> = found.buffered(AT_ONCE).try_collect().await?;
    let told = websites.iter().zip(found);
    let shapes: Vec<_> = told.map(|(website, ticks)| WebsiteShape::of(website, &tenant.user, ticks)).collect();
    Ok(Answer::json(200, &Under("websites", shapes)))
}

pub(super) async fn status(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::of(&asked).await?;
    let website = find(&tenant, &asked.query("websiteId").unwrap_or_default().into())?;
    let ticks = ticks(&asked, website, Span::Check.kept()).await?;
    Ok(Answer::json(200, &WebsiteShape::of(website, &tenant.user, ticks)))
}

/// Any text will do: what is no address is down.
pub(super) async fn create(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let body = Body::read(&asked, "url")?;
    let url = body.sent("url").and_then(Value::as_str).map(str::trim).filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| Refused::new(400, "URL is required"))?;
    let id = MonitorId::new(Uuid::now_v7());
    let new = NewMonitor {
        id,
        name: url.chars().take(limits::NAME).collect(),
        url: url.to_owned(),
        expects: Default::default(),
        pace: Default::default(),
        visibility: Visibility::Private,
        service: None,
        gives: ServiceStatus::MajorOutage,
        opens_incident: false,
        enabled: true,
        metadata: Default::default(),
    };
    tenant.execute(&asked, vec![Command::CreateMonitor(Box::new(new))]).await?;
    Ok(Answer::json(201, &json!({ "id": shown(id.uuid()) })))
}

/// It stays, with what was found, and is asked no more.
pub(super) async fn delete(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let body = Body::read(&asked, "websiteId").map_err(|refused| early(refused.status, refused.text))?;
    let id = find(&tenant, body.sent("websiteId").unwrap_or(&Value::Null))?.id;
    let change = MonitorChange { enabled: Edit::Set(false), ..MonitorChange::default() };
    let command = Command::ChangeMonitor { id, change: Box::new(change) };
    let gone = |refused: Refused| if refused.status == 404 { unknown() } else { refused };
    tenant.execute(&asked, vec![command]).await.map_err(gone)?;
    Ok(Answer::json(200, &json!({ "message": "Deleted website successfully" })))
}

/// Asks all of somebody's websites now, several at once, and nobody's twice at the same time.
pub(super) async fn ping(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let tenant = Tenant::writing(&asked).await?;
    let alone = asked.engine.alone(tenant.by());
    let _alone = alone.ok_or_else(|| Refused::new(429, "Your websites are being pinged already"))?;
    let org = tenant.org.id();
    let check = |website: Arc<Monitor>| {
        let engine = asked.engine.clone();
        async move { engine.check(org, &website).await }
    };
    let checks = stream::iter(theirs(&tenant)).map(check);
    let all = checks.buffer_unordered(AT_ONCE).try_collect::<()>();
    let late = |_| Refused::new(503, "Some websites did not answer in time, they will be pinged later");
    tokio::time::timeout(PATIENCE, all).await.map_err(late)??;
    Ok(Answer::json(200, &json!({ "message": "All websites pinged successfully" })))
}

/// Whoever asks sees what they made and did not delete, in the order of its making.
fn theirs(tenant: &Tenant) -> Vec<Arc<Monitor>> {
    let made = |monitor: &&Arc<Monitor>| monitor.enabled && monitor.created_by == tenant.by();
    let mut all: Vec<_> = tenant.org.monitors().values().filter(made).cloned().collect();
    all.sort_by_key(|monitor| monitor.number);
    all
}

fn find<'a>(tenant: &'a Tenant, sent: &Value) -> Result<&'a Monitor, Refused> {
    if sent.is_null() || sent.as_str() == Some("") {
        return Err(Refused::new(400, "Website ID is required"));
    }
    let id = ObjectId::read(sent, MODEL).map_err(|refused| early(refused.status, refused.text))?;
    let found = id.find(tenant.org.monitors(), MonitorId::new).filter(|monitor| monitor.created_by == tenant.by());
    found.map(AsRef::as_ref).ok_or_else(unknown)
}

fn unknown() -> Refused {
    Refused::new(404, "Website not found")
}

/// What was found last, as much as a list tells.
async fn newest(asked: &Asked, website: Arc<Monitor>) -> Result<Vec<TickShape>, Refused> {
    let wanted = Duration::from_secs(u64::from(website.pace.interval_s)) * TOLD_IN_A_LIST;
    let mut ticks = ticks(asked, &website, wanted.min(Span::Check.kept())).await?;
    let older = ticks.len().saturating_sub(TOLD_IN_A_LIST as usize);
    ticks.drain(..older);
    Ok(ticks)
}

/// What was found in the time until now, the oldest first.
async fn ticks(asked: &Asked, website: &Monitor, within: Duration) -> Result<Vec<TickShape>, Refused> {
    let from = asked.now.before(within);
    let checks = asked.engine.readings(website.id, Span::Check, (from, asked.engine.now().after(BEYOND)), MOST_TICKS).await?;
    Ok(checks.iter().map(|check| TickShape::of(website.id, check)).collect())
}
