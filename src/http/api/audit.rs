//! `/orgs/{org}/audit`: who changed what, and when. It is the organization's own history, read backwards, not a second
//! record that could disagree with it.

use crate::http::{
    call::{Call, Query},
    cursor::{List, PageQuery, Place},
    error::ApiError,
};
use crate::words;
use serde::Serialize;
use serde_json::Value;
use tocsin_actors::domain::{Entry, Event, Seq, Timestamp};
use utoipa::ToSchema;

/// Something that somebody did.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(in crate::http) struct AuditResponse {
    /// The number of its first event
    seq: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    by: String,
    events: Vec<EventResponse>,
}

/// One of its effects.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(in crate::http) struct EventResponse {
    /// What happened
    #[schema(example = "service.created")]
    event: &'static str,
    /// What is known about it, as it is stored
    #[schema(value_type = Object)]
    data: Value,
}

impl From<&Entry> for AuditResponse {
    fn from(entry: &Entry) -> Self {
        Self { seq: entry.seq, at: entry.at, by: words::author(entry.by), events: entry.events.iter().map(Into::into).collect() }
    }
}

impl From<&Event> for EventResponse {
    fn from(event: &Event) -> Self {
        // The stored form is a promise to every future version, which makes it fit to be shown as it is.
        let stored = serde_json::to_value(event).expect("events are plain structures with text keys");
        let data = match stored {
            Value::Object(named) => named.into_iter().next().map_or(Value::Null, |(_, data)| data),
            _ => Value::Null,
        };
        let data = if data.is_object() { data } else { Value::Object(serde_json::Map::new()) };
        Self { event: event.name(), data }
    }
}

/// A page of what was done, newest first.
pub(in crate::http) async fn list(call: Call, Query(page): Query<PageQuery>) -> Result<List<AuditResponse>, ApiError> {
    let (after, limit) = page.bounds()?;
    let newest = call.org().seq();
    let before = after
        .and_then(|Place(seq, _)| Seq::try_from(seq.saturating_neg()).ok())
        .map_or(newest, |seq| seq.saturating_sub(1).min(newest));
    // Every event has a number of its own, so that this many numbers hold what is wanted, unless entries are long.
    let mut from = before.saturating_sub(limit as Seq);
    let mut entries = Vec::new();
    loop {
        let window = usize::try_from(before - from).unwrap_or(usize::MAX);
        entries.clear();
        let commits = call.api.store.commits_after(call.org().id(), from, window.max(1)).await?;
        entries
            .extend(commits.into_iter().flat_map(|commit| commit.entries).filter(|entry| entry.seq > from && entry.seq <= before));
        if entries.len() >= limit || from == 0 {
            break;
        }
        from = from.saturating_sub((before - from).max(limit as Seq));
    }
    entries.reverse();
    let more = entries.len() > limit || from > 0;
    entries.truncate(limit);
    let next = entries.last().filter(|last| more && last.seq > 1).map(|last| Place(-(last.seq as i64), 0).to_string());
    Ok(List { items: entries.iter().map(Into::into).collect(), next })
}
