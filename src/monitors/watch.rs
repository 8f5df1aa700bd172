//! The work itself: one task that follows which monitors there are, makes the checks that are due, so many at once, and
//! hands what they find to the store in batches. Only a turn from up to down or back becomes an order to the organization.
//! Where several servers use one database, one of them does that ([`Lease`]); the others stand by.

use super::{
    guard::Guard,
    lease::Lease,
    probe::{Finding, Prober},
    schedule::{Due, Schedule},
    telemetry::MonitorTelemetry,
};
use ipnet::IpNet;
use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tocsin_actors::{
    clock::Clock,
    directory::Directory,
    domain::{Author, Command, IncidentId, Order, limits},
    org::OrgError,
    readings::{Reading, Watched},
    store::{Store, StoreError},
};
use tokio::{
    sync::{Notify, Semaphore},
    task::{JoinHandle, JoinSet},
};
use tracing::{debug, warn};
use uuid::Uuid;

/// How often the store is asked which monitors there are.
const FOLLOW_EVERY: Duration = Duration::from_secs(5);
/// How often what was found is written: a graph that is this late is early enough.
const KEEP_EVERY: Duration = Duration::from_secs(2);
/// How much waits for a store that is away; what comes then is lost. A few minutes of 2,000 monitors.
const MOST_KEPT: usize = 10_000;
/// How long nothing is due at most, as far as we look ahead.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How checks are made.
#[derive(Debug, Clone)]
pub struct MonitorSettings {
    /// Whether they are made by themselves.
    pub on: bool,
    /// Networks that may be asked beside the public Internet.
    pub allowed: Vec<IpNet>,
    /// How many at once. Each takes at most a minute, most of it waiting.
    pub at_once: usize,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self { on: true, allowed: Vec::new(), at_once: 256 }
    }
}

/// Makes checks. Clones share everything.
#[derive(Clone)]
pub struct Monitors {
    shared: Arc<Shared>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

struct Shared {
    store: Arc<dyn Store>,
    directory: Directory,
    clock: Arc<dyn Clock>,
    lease: Lease,
    guard: Guard,
    /// Made at the first check: a server without monitors needs no certificates.
    prober: OnceLock<Prober>,
    schedule: Mutex<Schedule>,
    /// Somebody new may be due sooner than whom we wait for.
    followed: Notify,
    readings: Mutex<Vec<Reading>>,
    permits: Arc<Semaphore>,
    telemetry: MonitorTelemetry,
}

impl Monitors {
    /// Begins to check.
    pub fn start(store: Arc<dyn Store>, directory: Directory, clock: Arc<dyn Clock>, settings: &MonitorSettings) -> Self {
        let lease = Lease::new(store.clone(), Uuid::now_v7());
        let shared = Arc::new(Shared {
            store,
            lease,
            directory,
            clock,
            guard: Guard::new(&settings.allowed),
            prober: OnceLock::new(),
            schedule: Mutex::default(),
            followed: Notify::new(),
            readings: Mutex::default(),
            permits: Arc::new(Semaphore::new(settings.at_once.max(1))),
            telemetry: MonitorTelemetry::default(),
        });
        let task = settings.on.then(|| {
            let (follow, check, keep) = (shared.clone(), shared.clone(), shared.clone());
            tokio::spawn(async move {
                futures::join!(follow.follow(), check.check_what_is_due(), keep.keep());
            })
        });
        Self { shared, task: Arc::new(Mutex::new(task)) }
    }

    /// Whom a check may ask.
    pub fn guard(&self) -> &Guard {
        &self.shared.guard
    }

    /// What they count.
    pub fn telemetry(&self) -> &MonitorTelemetry {
        &self.shared.telemetry
    }

    /// Checks now, whatever the time. Counts like any other check.
    pub async fn check(&self, watched: &Watched) -> Result<Finding, CannotCheck> {
        // Counts among those that may be on their way at once.
        let permit = self.shared.permits.acquire().await;
        let found = self.shared.check(watched).await?;
        drop(permit);
        self.shared.write().await;
        Ok(found)
    }

    /// Ends, and writes what was found last. Checks that are on their way find nothing any more.
    pub async fn shutdown(&self) {
        let task = locked(&self.task).take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
        self.shared.write().await;
        if let Err(error) = self.shared.lease.release(self.shared.clock.now()).await {
            debug!(%error, "other servers find out by themselves that no checks are made here any more");
        }
    }
}

/// This machine cannot make checks, which says nothing about who would have been checked.
#[derive(Debug, thiserror::Error)]
#[error("no checks can be made: {0}")]
pub struct CannotCheck(String);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    async fn follow(&self) {
        loop {
            if let Err(error) = self.look().await {
                // Those that are known go on being checked, as long as they are certainly ours.
                debug!(%error, "which monitors there are cannot be read now");
            }
            tokio::time::sleep(FOLLOW_EVERY).await;
        }
    }

    /// Follows the monitors that there are, if they are ours to check.
    async fn look(&self) -> Result<(), StoreError> {
        let elsewhere = self.lease.is_elsewhere(self.clock.now()).await?;
        let watched = if elsewhere { Vec::new() } else { self.store.watched().await? };
        // Where there is nothing to check, nothing is written.
        let ours = !watched.is_empty() && self.lease.hold(self.clock.now()).await?;
        let watched = if ours { watched } else { Vec::new() };
        self.telemetry.follows(watched.len());
        locked(&self.schedule).follow(watched, self.clock.now());
        self.followed.notify_one();
        Ok(())
    }

    async fn check_what_is_due(self: Arc<Self>) {
        // Ends with this task whatever is on its way.
        let mut checks = JoinSet::new();
        loop {
            while checks.try_join_next().is_some() {}
            let now = self.clock.now();
            let due = {
                let mut schedule = locked(&self.schedule);
                if !self.lease.is_held(now) {
                    schedule.follow(Vec::new(), now);
                }
                schedule.take_due(now)
            };
            for Due { watched, at, missed } in due {
                // When too many are on their way, the next ones are late rather than lost.
                let Ok(permit) = self.permits.clone().acquire_owned().await else { return };
                let this = self.clone();
                checks.spawn(async move {
                    let _permit = permit;
                    let behind = this.clock.now().since(at).max(0).unsigned_abs();
                    this.telemetry.began(Duration::from_millis(behind), missed);
                    if let Err(error) = this.check(&watched).await {
                        this.telemetry.skipped();
                        warn!(%error, "a website was not checked");
                    }
                });
            }
            let next = locked(&self.schedule).next();
            let wait = next.map(|at| Duration::from_millis(at.since(self.clock.now()).max(1).unsigned_abs()));
            let wait = wait.map_or(LOOK_EVERY, |wait| wait.min(LOOK_EVERY));
            let _ = tokio::time::timeout(wait, self.followed.notified()).await;
        }
    }

    async fn check(&self, watched: &Watched) -> Result<Finding, CannotCheck> {
        let at = self.clock.now();
        let timeout = Duration::from_millis(u64::from(watched.pace.timeout_ms));
        let (prober, began) = (self.prober()?, Instant::now());
        let found = prober.check(&watched.url, &watched.expects, timeout).await;
        self.telemetry.made(&found, began.elapsed());
        self.note(Reading { monitor: watched.id, at, up: found.is_up(), response_ms: found.response_ms });
        let turns = locked(&self.schedule).found(watched, found.is_up());
        let Some(to) = turns else { return Ok(found) };
        let reason = found.problem.as_ref().map(|problem| problem.chars().take(limits::REASON).collect());
        let incident = IncidentId::new(Uuid::now_v7());
        let command = Command::TurnMonitor { id: watched.id, revision: watched.revision, to, reason, incident };
        let order = Order { by: Author::System, at: self.clock.now(), key: None, only_at: None, command };
        match self.directory.execute(watched.org, vec![order]).await {
            // Also when it changed nothing: then somebody was faster, or has changed the monitor, and `follow` brings that.
            Ok(_) => locked(&self.schedule).turned(watched, to),
            Err(OrgError::Rejected { .. }) => {} // it is gone
            Err(error) => {
                warn!(org = %watched.org, monitor = %watched.id, %error, "a monitor could not turn, the next check tries again")
            }
        }
        Ok(found)
    }

    fn prober(&self) -> Result<&Prober, CannotCheck> {
        if let Some(prober) = self.prober.get() {
            return Ok(prober);
        }
        let prober = Prober::new(self.guard.clone()).map_err(|error| CannotCheck(error.to_string()))?;
        Ok(self.prober.get_or_init(|| prober))
    }

    fn note(&self, reading: Reading) {
        let mut readings = locked(&self.readings);
        if readings.len() < MOST_KEPT {
            readings.push(reading);
        } else {
            self.telemetry.lost(1);
        }
    }

    async fn keep(&self) {
        loop {
            tokio::time::sleep(KEEP_EVERY).await;
            self.write().await;
        }
    }

    async fn write(&self) {
        let readings = std::mem::take(&mut *locked(&self.readings));
        if readings.is_empty() {
            return;
        }
        match self.store.add_readings(readings.clone()).await {
            Ok(()) => {}
            // Nothing was written, so that it can be tried again; else it might count twice.
            Err(StoreError::Unavailable(why)) => {
                debug!(why, "what checks found waits for the store");
                readings.into_iter().for_each(|reading| self.note(reading));
            }
            Err(error) => {
                self.telemetry.lost(readings.len());
                warn!(%error, lost = readings.len(), "what checks found is lost");
            }
        }
    }
}

#[cfg(test)]
mod tests;
