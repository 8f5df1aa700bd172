//! DirectoryActor: the supervisor of every OrgActor.
//!
//! Policy: one child's end concerns that child only. A child that died is loaded again from the store, at once the first
//! time and later each time it happens again soon; what its callers had handed to the store is "unknown" to them, the
//! rest is sent again. One that cannot be loaded is tried again, as slowly, when somebody asks or something is due. A
//! child that fell asleep is forgotten. Children are started in tasks of their own, so that one
//! that loads slowly keeps nobody waiting.

use super::{Shared, admission::RETRY_AFTER, agenda::Agenda};
use crate::{
    clock::Clock,
    domain::{OrgId, Timestamp},
    org::{OrgActor, OrgArgs, OrgError, OrgMsg},
};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, oneshot};
use tracing::{error, info, warn};

/// The first wait before a child that died again is started again; doubled each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest such wait: a person who mends the cause should not wait long for the effect.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// Living this long makes up for earlier deaths.
pub(super) const FORGIVEN_AFTER: Duration = Duration::from_secs(60);
/// Callers wait for a restart that is this near; others are told to come back.
const WORTH_WAITING: Duration = Duration::from_millis(500);

/// Somebody who wants to speak to an organization's actor.
type Waker = oneshot::Sender<Result<ActorRef<OrgMsg>, OrgError>>;

/// What the directory is told.
pub enum DirectoryMsg {
    /// Somebody needs this organization awake.
    Wake {
        /// Which.
        org: OrgId,
        /// Who.
        reply: Waker,
    },
    /// A start has come to its end.
    Started {
        /// Whose.
        org: OrgId,
        /// The actor, or why there is none.
        result: Result<ActorRef<OrgMsg>, String>,
    },
    /// A wait after a death is over.
    Restart {
        /// Whose.
        org: OrgId,
    },
    /// Time alone will change an organization at this time, or not at all.
    Due {
        /// Which.
        org: OrgId,
        /// When.
        at: Option<Timestamp>,
    },
    /// Somebody is due before the next sweep.
    Agenda,
    /// Look what is due and who can sleep.
    Sweep {
        /// Who wants to know when it is done.
        done: Option<oneshot::Sender<()>>,
    },
    /// The store is well: whoever is still idle can be put to sleep.
    Sleep {
        /// Who was idle.
        orgs: Vec<OrgId>,
        /// Who wants to know when it is done.
        done: Option<oneshot::Sender<()>>,
    },
    /// Put everybody to sleep and end.
    Close,
}

pub(super) struct DirectoryActor;

pub(super) struct DirectoryArgs {
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) agenda: Vec<(OrgId, Timestamp)>,
}

pub(super) struct DirectoryState {
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) children: HashMap<OrgId, Child>,
    pub(super) names: HashMap<ActorId, OrgId>,
    pub(super) deaths: HashMap<OrgId, Deaths>,
    pub(super) agenda: Agenda,
    pub(super) loading: Arc<Semaphore>,
    /// How many children are being started.
    pub(super) starting: usize,
    pub(super) closing: bool,
}

/// Where a child stands. One that is not here sleeps.
pub(super) enum Child {
    Starting {
        wakers: Vec<Waker>,
        tick: bool,
    },
    Awake,
    /// Told to go to sleep, or dying; who needs it meanwhile waits for the next incarnation.
    Closing {
        wakers: Vec<Waker>,
        tick: bool,
    },
    /// Died or could not be loaded. Is started again at the end of a wait, if somebody waits or something may be due.
    Resting {
        until: Instant,
        wakers: Vec<Waker>,
        tick: bool,
    },
}

pub(super) struct Deaths {
    count: u32,
    pub(super) last: Instant,
}

impl Actor for DirectoryActor {
    type Msg = DirectoryMsg;
    type State = DirectoryState;
    type Arguments = DirectoryArgs;

    async fn pre_start(&self, myself: ActorRef<DirectoryMsg>, args: DirectoryArgs) -> Result<DirectoryState, ActorProcessingErr> {
        let mut agenda = Agenda::default();
        args.agenda.into_iter().for_each(|(org, at)| agenda.put(org, Some(at)));
        let _ = myself.send_message(DirectoryMsg::Sweep { done: None });
        Ok(DirectoryState {
            loading: Arc::new(Semaphore::new(args.shared.settings.most_loading)),
            shared: args.shared,
            clock: args.clock,
            children: HashMap::new(),
            names: HashMap::new(),
            deaths: HashMap::new(),
            agenda,
            starting: 0,
            closing: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<DirectoryMsg>,
        message: DirectoryMsg,
        state: &mut DirectoryState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            DirectoryMsg::Wake { org, reply } => state.wake(&myself, org, reply),
            DirectoryMsg::Started { org, result } => state.started(&myself, org, result),
            DirectoryMsg::Restart { org } => state.restart(&myself, org),
            DirectoryMsg::Due { org, at } => state.put_on_agenda(&myself, org, at),
            DirectoryMsg::Agenda => state.do_what_is_due(&myself),
            DirectoryMsg::Sweep { done } => state.sweep(&myself, done),
            DirectoryMsg::Sleep { orgs, done } => state.sleep(orgs, done),
            DirectoryMsg::Close => state.close(),
        }
        state.end_if_empty(&myself);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<DirectoryMsg>,
        event: SupervisionEvent,
        state: &mut DirectoryState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(child, last_state, _) => {
                drop(last_state); // it holds on to the place that is to be forgotten
                state.fell_asleep(&myself, child.get_id());
            }
            SupervisionEvent::ActorFailed(child, error) => state.died(&myself, child.get_id(), &error.to_string()),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        state.end_if_empty(&myself);
        Ok(())
    }
}

impl DirectoryState {
    fn wake(&mut self, myself: &ActorRef<DirectoryMsg>, org: OrgId, waker: Waker) {
        if self.closing {
            return; // dropping the waker says it
        }
        match self.children.get_mut(&org) {
            None if self.starting >= self.shared.settings.most_starting => {
                self.shared.telemetry.turned_away();
                let _ = waker.send(Err(OrgError::Busy { retry_after: RETRY_AFTER }));
            }
            None => self.start(myself, org, vec![waker], false),
            Some(Child::Starting { wakers, .. } | Child::Closing { wakers, .. }) => wakers.push(waker),
            Some(Child::Resting { until, wakers, .. }) => {
                let left = until.saturating_duration_since(Instant::now());
                if left <= WORTH_WAITING {
                    wakers.push(waker);
                } else {
                    let reason = "it failed again and again and rests".to_owned();
                    let _ = waker.send(Err(OrgError::Unavailable { reason, retry_after: left }));
                }
            }
            Some(Child::Awake) => match self.shared.slots.find_or_add(org).actor() {
                Some(actor) => drop(waker.send(Ok(actor))),
                // Its callers know sooner than we that it is dying: the news is on its way.
                None => drop(self.children.insert(org, Child::Closing { wakers: vec![waker], tick: false })),
            },
        }
    }

    /// Starts a child in a task of its own: loading takes its time.
    pub(super) fn start(&mut self, myself: &ActorRef<DirectoryMsg>, org: OrgId, wakers: Vec<Waker>, tick: bool) {
        self.children.insert(org, Child::Starting { wakers, tick });
        self.starting += 1;
        let args = OrgArgs {
            org,
            log: self.shared.log.clone(),
            clock: self.clock.clone(),
            published: self.shared.slots.find_or_add(org),
            directory: myself.clone(),
            telemetry: self.shared.telemetry.clone(),
        };
        let (myself, loading) = (myself.clone(), self.loading.clone());
        tokio::spawn(async move {
            let _turn = loading.acquire().await;
            let started = Actor::spawn_linked(None, OrgActor, args, myself.get_cell()).await;
            let result = started.map(|(actor, _)| actor).map_err(|error| error.to_string());
            let _ = myself.send_message(DirectoryMsg::Started { org, result });
        });
    }

    fn started(&mut self, myself: &ActorRef<DirectoryMsg>, org: OrgId, result: Result<ActorRef<OrgMsg>, String>) {
        let Some(Child::Starting { wakers, tick }) = self.children.remove(&org) else { return };
        self.starting -= 1;
        let actor = match result {
            Ok(actor) => actor,
            Err(reason) => {
                warn!(%org, reason, "an organization could not be loaded");
                self.rest(myself, org, Vec::new(), tick);
                // Told now rather than after the rest: a store that is away stays away for more than a moment.
                for waker in wakers {
                    let _ = waker.send(Err(OrgError::unavailable(reason.clone())));
                }
                return;
            }
        };
        self.names.insert(actor.get_id(), org);
        self.children.insert(org, Child::Awake);
        let published = self.shared.slots.find_or_add(org);
        published.touch();
        published.set_actor(Some(actor.clone()));
        self.shared.telemetry.awake.inc();
        if tick {
            let _ = actor.send_message(OrgMsg::Tick);
        }
        for waker in wakers {
            let _ = waker.send(Ok(actor.clone()));
        }
        if self.closing {
            self.send_to_sleep(org, &published);
        }
    }

    fn fell_asleep(&mut self, myself: &ActorRef<DirectoryMsg>, child: ActorId) {
        let Some(org) = self.gone(child) else { return };
        match self.children.remove(&org) {
            Some(Child::Closing { wakers, tick }) if tick || !wakers.is_empty() => self.start(myself, org, wakers, tick),
            _ => self.shared.slots.forget(org),
        }
    }

    fn died(&mut self, myself: &ActorRef<DirectoryMsg>, child: ActorId, reason: &str) {
        let Some(org) = self.gone(child) else { return };
        error!(%org, reason, "an organization's actor died and is loaded again");
        self.shared.telemetry.crashed();
        let wakers = match self.children.remove(&org) {
            Some(Child::Closing { wakers, .. }) => wakers,
            _ => Vec::new(),
        };
        // Ticked, because it may have died of a tick, or with one in its mailbox.
        self.rest(myself, org, wakers, true);
    }

    /// The child is no more; what it published stays for readers.
    fn gone(&mut self, child: ActorId) -> Option<OrgId> {
        let org = self.names.remove(&child)?;
        self.shared.slots.find_or_add(org).set_actor(None);
        self.shared.telemetry.awake.dec();
        Some(org)
    }

    /// Waits before the next start: not at all after the first death in a while, longer after each further one.
    fn rest(&mut self, myself: &ActorRef<DirectoryMsg>, org: OrgId, wakers: Vec<Waker>, tick: bool) {
        if self.closing {
            return; // dropping the wakers says it
        }
        let now = Instant::now();
        let deaths = self.deaths.entry(org).or_insert(Deaths { count: 0, last: now });
        if now.duration_since(deaths.last) > FORGIVEN_AFTER {
            deaths.count = 0;
        }
        (deaths.count, deaths.last) = (deaths.count + 1, now);
        let wait = match deaths.count {
            1 => Duration::ZERO,
            again => FIRST_BACKOFF.saturating_mul(1 << (again - 2).min(16)).min(LONGEST_BACKOFF),
        };
        self.children.insert(org, Child::Resting { until: now + wait, wakers, tick });
        myself.send_after(wait, move || DirectoryMsg::Restart { org });
    }

    fn restart(&mut self, myself: &ActorRef<DirectoryMsg>, org: OrgId) {
        if let Some(Child::Resting { .. }) = self.children.get(&org)
            && let Some(Child::Resting { wakers, tick, .. }) = self.children.remove(&org)
        {
            if tick || !wakers.is_empty() {
                self.start(myself, org, wakers, tick);
            } else {
                self.shared.slots.forget(org);
            }
        }
    }

    fn close(&mut self) {
        info!(awake = self.children.len(), "putting every organization to sleep");
        self.closing = true;
        for (org, published) in self.shared.slots.all() {
            if matches!(self.children.get(&org), Some(Child::Awake)) {
                self.send_to_sleep(org, &published);
            }
        }
        self.children.retain(|_, child| !matches!(child, Child::Resting { .. }));
    }

    fn end_if_empty(&self, myself: &ActorRef<DirectoryMsg>) {
        if self.closing && self.children.is_empty() {
            myself.stop(None);
        }
    }
}
