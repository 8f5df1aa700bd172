//! Writes at a steady pace: mostly services, now and then an incident that is opened, told of and resolved. Each says when
//! it was sent.

use super::{
    clock::Nanos,
    organizations::{Api, ApiError, Organization, text},
    readers::Times,
};
use reqwest::Method;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, watch};

/// How many writes wait for their answer at a time. More would only wait in the server.
const AT_ONCE: usize = 256;
/// What a write says beside its time: it makes an event of about 600 bytes.
const BYTES: usize = 300;
/// How often a whole incident happens in an organization: it takes the last three of so many writes.
const INCIDENT_EVERY: u64 = 10;

/// What came of the writes.
#[derive(Debug, Default)]
pub struct Written {
    /// How many were answered well.
    pub done: u64,
    /// How many were not, by why.
    pub failed: BTreeMap<String, u64>,
    /// From the request to its answer.
    pub answered: Times,
}

/// An organization that is written to.
struct Subject {
    org: Organization,
    writes: AtomicU64,
    incident: Mutex<Option<String>>,
}

/// Writes so many a second, in every organization in turn, until it is over or told to stop.
pub async fn write(api: &Api, orgs: &[Organization], per_second: f64, time: Duration, mut stop: watch::Receiver<bool>) -> Written {
    let written = Arc::new(Mutex::new(Written::default()));
    if per_second <= 0.0 || orgs.is_empty() {
        let _ = tokio::time::timeout(time, stop.wait_for(|stop| *stop)).await;
        return Written::default();
    }
    let subject =
        |org: &Organization| Arc::new(Subject { org: org.clone(), writes: AtomicU64::new(0), incident: Mutex::default() });
    let subjects: Vec<_> = orgs.iter().map(subject).collect();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let (began, last) = (Instant::now(), (time.as_secs_f64() * per_second) as u64);
    for n in 0..last {
        let due = began + Duration::from_secs_f64(n as f64 / per_second);
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        let Ok(place) = places.clone().acquire_owned().await else { break };
        if began.elapsed() >= time {
            break; // the server is slower than it was asked to be
        }
        let subject = subjects[(n % subjects.len() as u64) as usize].clone();
        let (api, written) = (api.clone(), written.clone());
        tokio::spawn(async move {
            let asked = Instant::now();
            let done = subject.write(&api).await;
            let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
            match done {
                Ok(()) => {
                    written.done += 1;
                    written.answered.add(asked.elapsed());
                }
                Err(error) => *written.failed.entry(error.to_string()).or_default() += 1,
            }
            drop(place);
        });
    }
    // Every place is free again when every answer is there; requests have a time limit of their own.
    let _ = places.acquire_many(AT_ONCE as u32).await;
    std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Subject {
    async fn write(&self, api: &Api) -> Result<(), ApiError> {
        let n = self.writes.fetch_add(1, Ordering::Relaxed);
        let service = &self.org.services[(n % self.org.services.len() as u64) as usize];
        let (method, path, change) = match self.step_of_an_incident(n) {
            Some((None, _)) => {
                let affected = json!([{ "service_id": service, "status": "degraded_performance" }]);
                let opened = json!({ "title": "Under load", "description": stamp(), "affected": affected });
                let opened = api.write(&self.org, Method::POST, "/incidents", &opened).await?;
                *self.incident() = Some(text(&opened, "id")?.to_owned());
                return Ok(());
            }
            Some((Some(incident), status)) => {
                (Method::POST, format!("/incidents/{incident}/updates"), json!({ "message": stamp(), "status": status }))
            }
            None => (Method::PATCH, format!("/services/{service}"), json!({ "description": stamp() })),
        };
        api.write(&self.org, method, &path, &change).await.map(drop)
    }

    /// Which incident the n-th write takes to which status; none of them yet for the one that opens it.
    fn step_of_an_incident(&self, n: u64) -> Option<(Option<String>, &'static str)> {
        match INCIDENT_EVERY - n % INCIDENT_EVERY {
            3 => Some((None, "investigating")),
            2 => Some((Some(self.incident().clone()?), "monitoring")),
            1 => Some((Some(self.incident().take()?), "resolved")),
            _ => None,
        }
    }

    fn incident(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.incident.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp() -> String {
    Nanos::now().stamp(BYTES)
}
