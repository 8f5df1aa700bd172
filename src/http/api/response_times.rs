//! `/orgs/{org}/monitors/{id}/response-times`: what its checks found, as a graph wants it.

use super::monitors::monitor;
use crate::http::{
    answer::Shown,
    call::{Call, Query},
    error::ApiError,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tocsin_actors::{
    domain::Timestamp,
    readings::{Span, Summary},
};
use utoipa::{IntoParams, ToSchema};

/// What is shown when nobody says from when.
const USUAL: Duration = Duration::from_secs(24 * 60 * 60);
/// How many points are shown at most: a day of checks, one every ten seconds, and more than any screen is wide.
const MOST: usize = 10_000;

/// Which time, and how finely.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct SeriesQuery {
    /// From when; a day before `to` when left out
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Until when; now when left out
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// `check` (kept for a day), `5m` (8 days), `hour` (100 days) or `day` (3 years, in UTC); what suits the time when left out
    #[param(pattern = "^(check|5m|hour|day)$")]
    resolution: Option<String>,
}

/// What checks found in a time.
#[derive(Serialize, ToSchema)]
#[schema(as = ResponseTimes)]
pub(in crate::http) struct SeriesResponse {
    /// `check`, `5m`, `hour` or `day`
    resolution: &'static str,
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// How many checks there were
    checks: u32,
    /// The share of checks that found it up; null when there was none
    uptime: Option<f64>,
    /// How long an answer took on average; null when there was none
    average_ms: Option<u32>,
    points: Vec<PointResponse>,
}

/// Checks of one piece of that time.
#[derive(Serialize, ToSchema)]
#[schema(as = ResponseTime)]
pub(super) struct PointResponse {
    /// When it begins
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    checks: u32,
    up: u32,
    average_ms: Option<u32>,
    min_ms: Option<u32>,
    max_ms: Option<u32>,
}

impl From<&Summary> for PointResponse {
    fn from(sum: &Summary) -> Self {
        let answered = |ms| (sum.answered > 0).then_some(ms);
        Self {
            at: sum.from,
            checks: sum.checks,
            up: sum.up,
            average_ms: sum.average_ms(),
            min_ms: answered(sum.min_ms),
            max_ms: answered(sum.max_ms),
        }
    }
}

impl SeriesQuery {
    /// Nothing was found in a time that ends before it begins.
    fn bounds(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let to = self.to.unwrap_or(now);
        (self.from.unwrap_or_else(|| to.before(USUAL)).min(to), to)
    }

    fn span(&self, from: Timestamp, to: Timestamp) -> Result<Span, ApiError> {
        let Some(word) = &self.resolution else { return Ok(fitting(from, to)) };
        let known = Span::ALL.into_iter().find(|span| span.as_str() == word);
        let unknown = || ApiError::malformed("`resolution` is one of check, 5m, hour, day");
        known.ok_or_else(|| ApiError { field: Some("resolution".into()), ..unknown() })
    }
}

/// A few hundred points.
fn fitting(from: Timestamp, to: Timestamp) -> Span {
    const HOUR: i64 = 60 * 60 * 1_000;
    match to.since(from) / HOUR {
        0..6 => Span::Check,
        6..48 => Span::FiveMinutes,
        48..1_440 => Span::Hour,
        _ => Span::Day,
    }
}

/// How long answers took, and how much of the time it was up.
pub(in crate::http) async fn get(call: Call, Query(query): Query<SeriesQuery>) -> Result<Shown<SeriesResponse>, ApiError> {
    let (id, _) = monitor(&call)?;
    let (from, to) = query.bounds(call.now);
    let span = query.span(from, to)?;
    // The piece in which the time begins, begins before it.
    let found = call.api.store.readings(id, span, span.start_of(from), to, MOST).await?;
    let all = found.iter().copied().reduce(|all, one| all.plus(&one));
    Ok(Shown(SeriesResponse {
        resolution: span.as_str(),
        from,
        to,
        checks: all.map_or(0, |all| all.checks),
        uptime: all.and_then(|all| all.uptime()),
        average_ms: all.and_then(|all| all.average_ms()),
        points: found.iter().map(PointResponse::from).collect(),
    }))
}
