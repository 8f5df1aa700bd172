//! How its front end is told how long a service was up: the engine knows how long it had which status, and what of it counts
//! is the original's to say.

use serde::Serialize;
use std::time::Duration;
use tocsin_actors::domain::{
    Org, ServiceId, Timestamp,
    status::ServiceStatus,
    uptime::{Day, Uptime},
};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Over how many days a list looks back.
const LISTED: u32 = 90;
/// How many days the public page shows, today included.
const SHOWN: u16 = 91;

/// In a list everything but operational counts as down; what was before the service counts as up.
pub(super) fn of_a_list(org: &Org, service: ServiceId, now: Timestamp) -> Option<f64> {
    let window = DAY * LISTED;
    let uptime = org.uptime(service, now.before(window)..now, now)?;
    Some(percent(down_ms(&uptime) as f64, window))
}

/// Of one service, outages count, degraded time counts half, and maintenance does not.
pub(super) fn of_days(org: &Org, service: ServiceId, days: u32, now: Timestamp) -> Option<f64> {
    let window = DAY * days;
    let uptime = org.uptime(service, now.before(window)..now, now)?;
    let outages = uptime.ms(ServiceStatus::MajorOutage) + uptime.ms(ServiceStatus::PartialOutage);
    Some(percent(outages as f64 + uptime.ms(ServiceStatus::DegradedPerformance) as f64 / 2.0, window))
}

/// One day of a service.
#[derive(Serialize)]
pub(super) struct PastDay {
    date: String,
    downtime_seconds: f64,
    status: &'static str,
}

/// The days that the public page shows, oldest first.
pub(super) fn past_days(org: &Org, service: ServiceId, now: Timestamp) -> Vec<PastDay> {
    org.uptime_days(service, SHOWN, now).unwrap_or_default().iter().map(PastDay::from).collect()
}

impl From<&Day> for PastDay {
    fn from(day: &Day) -> Self {
        Self {
            date: day.date.format("%Y-%m-%d").to_string(),
            downtime_seconds: rounded(down_ms(&day.uptime) as f64 / 1_000.0),
            status: super::words::service_status(day.uptime.worst().unwrap_or(ServiceStatus::Operational)),
        }
    }
}

fn down_ms(uptime: &Uptime) -> u64 {
    uptime.known_ms() - uptime.ms(ServiceStatus::Operational)
}

fn percent(down_ms: f64, window: Duration) -> f64 {
    let all = window.as_millis() as f64;
    rounded(((all - down_ms) / all * 100.0).clamp(0.0, 100.0))
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
