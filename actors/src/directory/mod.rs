//! Finds, starts, supervises and puts to sleep the actors of organizations, and counts what is let in to them.
//!
//! A [`Directory`] is a handle that everybody may clone. The usual way of a request does not pass through the directory's
//! own actor: the handle finds the organization's actor in a shared map and speaks to it. Only what starts or ends an
//! actor goes through the one [`actor::DirectoryActor`], which is their supervisor.

mod actor;
mod admission;
mod agenda;
mod published;
mod upkeep;

pub use actor::DirectoryMsg;
pub use admission::Admission;
pub(crate) use published::MOST_RECENT;
pub use published::{Farewell, Listener, Published, Recent};

use crate::{
    clock::Clock,
    domain::{Order, Org, OrgId, Receipt},
    org::{OrgError, OrgMsg, Reply, replay},
    store::{CommitLog, StoreError},
    telemetry::Telemetry,
};
use actor::{DirectoryActor, DirectoryArgs};
use admission::Door;
use published::Slots;
use ractor::{Actor, ActorRef};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::oneshot, time::Instant};

/// How often a message of which nothing was done is sent again.
const MOST_RESENT: u32 = 2;

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long nobody must have asked for an organization before it is put to sleep.
    pub sleep_after: Duration,
    /// How often that is looked at, and the clock's work at the latest.
    pub sweep_every: Duration,
    /// How many requests may wait for one organization, and for all of them.
    pub most_waiting: (usize, usize),
    /// How long a caller waits for an answer before it is told that the outcome is unknown.
    pub answer_within: Duration,
    /// How many organizations may be loading at once.
    pub most_loading: usize,
    /// How many may wait for that. Who asks for one more is turned away: nobody knows yet whether it exists.
    pub most_starting: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sleep_after: Duration::from_secs(10 * 60),
            sweep_every: Duration::from_secs(5),
            most_waiting: (16_384, 131_072),
            answer_within: Duration::from_secs(15),
            most_loading: 64,
            most_starting: 16_384,
        }
    }
}

/// The way to every organization.
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
    actor: ActorRef<DirectoryMsg>,
    task: Arc<tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>>,
}

struct Shared {
    log: Arc<dyn CommitLog>,
    slots: Slots,
    door: Door,
    settings: Settings,
    telemetry: Arc<Telemetry>,
    closing: AtomicBool,
}

impl Directory {
    /// Starts the directory. Asks the store which organizations time alone will change, so that a maintenance begins
    /// on time also when nobody looks.
    pub async fn start(log: Arc<dyn CommitLog>, clock: Arc<dyn Clock>, settings: Settings) -> Result<Self, StoreError> {
        let agenda = log.agenda().await?;
        let telemetry = Arc::new(Telemetry::default());
        let shared = Arc::new(Shared {
            log,
            slots: Slots::default(),
            door: Door::new(settings.most_waiting, telemetry.clone()),
            settings,
            telemetry,
            closing: AtomicBool::new(false),
        });
        let args = DirectoryArgs { shared: shared.clone(), clock, agenda };
        let (actor, task) =
            Actor::spawn(None, DirectoryActor, args).await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { shared, actor, task: Arc::new(tokio::sync::Mutex::new(Some(task))) })
    }

    /// What the engine counts.
    pub fn telemetry(&self) -> &Arc<Telemetry> {
        &self.shared.telemetry
    }

    /// Carries orders to their durable end: all of them or none. The answer comes when it is true for everybody.
    pub async fn execute(&self, org: OrgId, orders: Vec<Order>) -> Result<Vec<Receipt>, OrgError> {
        let published = self.shared.slots.find_or_add(org);
        let orders = Arc::new(orders);
        let deadline = Instant::now() + self.shared.settings.answer_within;
        let mut sent = 0;
        loop {
            if self.shared.closing.load(Ordering::Acquire) {
                return Err(OrgError::unavailable("the server is shutting down"));
            }
            let admission = self.shared.door.let_in(&published)?;
            let actor = self.awake(org, &published, deadline).await?;
            let (reply, answer) = Reply::new(admission);
            // An actor that is gone drops the message, and with it the reply, which then says so.
            let _ = actor.send_message(OrgMsg::Execute { orders: orders.clone(), reply });
            let answer = tokio::time::timeout_at(deadline, answer).await;
            if let Ok(Err(_)) = answer {
                published.ended(&actor);
            }
            match answer {
                Ok(Ok(answer)) => return answer,
                // It fell asleep or died before this was stored: nothing was done, so it can be sent again, to the next
                // incarnation. Not for ever, because this very message may be what it dies of.
                Ok(Err(_)) if sent < MOST_RESENT => sent += 1,
                Ok(Err(_)) => return Err(OrgError::unavailable("its actor died again and again")),
                Err(_) => return Err(OrgError::OutcomeUnknown),
            }
        }
    }

    /// An organization as everybody on this server sees it now. Never waits behind a write; loads it if it sleeps. Where
    /// several servers share a database it may be behind the others, until this one next writes there; see `stored`.
    pub async fn view(&self, org: OrgId) -> Result<Arc<Org>, OrgError> {
        let published = self.shared.slots.find_or_add(org);
        published.touch();
        if let Some(view) = published.view() {
            return Ok(view);
        }
        let deadline = Instant::now() + self.shared.settings.answer_within;
        self.awake(org, &published, deadline).await?;
        published.view().ok_or_else(|| OrgError::unavailable("it fell asleep while it was read"))
    }

    /// The same, if that is at hand: nobody is woken for it.
    pub fn view_at_hand(&self, org: OrgId) -> Option<Arc<Org>> {
        self.shared.slots.view(org)
    }

    /// Tells this one, for as long as somebody holds it, of everybody who is let go. There is one; it is set once.
    pub fn tell_farewells(&self, to: &Arc<dyn Farewell>) {
        self.shared.slots.tell_farewells(Arc::downgrade(to));
    }

    /// Tells a listener of everything that happens to an organization, for as long as somebody holds the listener; until
    /// then it does not sleep. Answers what it is now: everything after that is told, and perhaps the end of it again.
    pub async fn listen(&self, org: OrgId, listener: &Arc<dyn Listener>) -> Result<Arc<Org>, OrgError> {
        // A place that is listened to is not forgotten, so the view is of the same one.
        self.shared.slots.find_or_add(org).listen(listener);
        self.view(org).await
    }

    /// What happened last to an organization that is awake, if that is at hand: it is when the organization was loaded not
    /// long ago, also after a restart. Costs nothing.
    pub fn recent(&self, org: OrgId) -> Option<Recent> {
        self.shared.slots.find_or_add(org).recent()
    }

    /// An organization as the store has it, whoever wrote it: for the few decisions that the unique index of the log
    /// does not guard and that must not be wrong because a view is behind.
    pub async fn stored(&self, org: OrgId) -> Result<Org, OrgError> {
        let loaded = self.shared.log.load(org).await;
        loaded.and_then(|mut loaded| replay(org, &mut loaded)).map_err(|error| OrgError::unavailable(error.to_string()))
    }

    /// How many organizations have a running actor.
    pub fn awake_count(&self) -> usize {
        self.shared.slots.awake()
    }

    /// Puts everything to sleep that nobody uses, and does what time made due, now rather than at the next sweep.
    pub async fn sweep(&self) {
        let (done, swept) = oneshot::channel();
        let _ = self.actor.send_message(DirectoryMsg::Sweep { done: Some(done) });
        let _ = swept.await;
    }

    /// Lets nobody in any more, waits for what was let in, puts every organization to sleep and ends. Waits no longer
    /// than callers do: after that all of them have been told, and a store that never answers must not keep us.
    pub async fn shutdown(&self) {
        self.shared.closing.store(true, Ordering::Release);
        let _ = self.actor.send_message(DirectoryMsg::Close);
        let Some(mut task) = self.task.lock().await.take() else { return };
        if tokio::time::timeout(self.shared.settings.answer_within, &mut task).await.is_err() {
            tracing::warn!("the store does not answer; what it was given last may be done or not");
            self.actor.stop(None); // and with it every child that still waits
            let _ = task.await;
        }
    }

    async fn awake(&self, org: OrgId, published: &Arc<Published>, deadline: Instant) -> Result<ActorRef<OrgMsg>, OrgError> {
        published.touch();
        if let Some(actor) = published.actor() {
            return Ok(actor);
        }
        let (reply, started) = oneshot::channel();
        let _ = self.actor.send_message(DirectoryMsg::Wake { org, reply });
        match tokio::time::timeout_at(deadline, started).await {
            Ok(Ok(started)) => started,
            Ok(Err(_)) => Err(OrgError::unavailable("the server is shutting down")),
            Err(_) => Err(OrgError::unavailable("it takes too long to load")),
        }
    }
}
