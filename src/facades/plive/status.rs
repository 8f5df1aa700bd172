//! How everything is, in numbers.

use super::{Plive, incidents, services, shapes::uptime, words};
use crate::http::facade::{Answer, Asked, Refused};
use serde_json::json;
use std::sync::Arc;

pub(super) async fn health(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let uptime = plive.began.elapsed().as_secs_f64();
    Ok(Answer::json(200, &json!({ "status": "ok", "timestamp": asked.now, "uptime": uptime })))
}

pub(super) async fn status(plive: Arc<Plive>, asked: Asked) -> Result<Answer, Refused> {
    let org = plive.org(&asked.engine).await?;
    let all: Vec<_> = services::of(&org, &asked).collect();
    let count = |wanted: &[&str]| all.iter().filter(|service| wanted.contains(&words::service_status(service.status))).count();
    let (operational, degraded, down) = (count(&["operational"]), count(&["degraded"]), count(&["major", "partial"]));
    let active = incidents::of(&org, &asked).filter(|incident| words::incident_status(incident.status) != "resolved").count();
    let overall = match (down, degraded + active) {
        (1.., _) => "major",
        (0, 1..) => "degraded",
        (0, 0) => "operational",
    };
    let mean = all.iter().map(|service| uptime(service)).sum::<f64>() / all.len().max(1) as f64;
    let average = if all.is_empty() { 100.0 } else { (mean * 100.0).round() / 100.0 };
    let mut answer = json!({
        "overallStatus": overall,
        "totalServices": all.len(),
        "operationalServices": operational,
        "degradedServices": degraded,
        "downServices": down,
        "activeIncidents": active,
        "averageUptime": average,
        "lastUpdated": asked.now,
    });
    for name in [words::ORGANIZATION, words::TENANT] {
        if let Some(wanted) = asked.query(name) {
            answer[name] = wanted.into();
        }
    }
    Ok(Answer::json(200, &answer))
}
