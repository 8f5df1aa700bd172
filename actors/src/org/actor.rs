//! OrgActor: decides on its head, hands commits on, answers when they are durable.

use super::{
    OrgError, OrgMsg,
    batch::{Batch, Request, Waiting, fits},
};
use crate::{
    clock::Clock,
    directory::{DirectoryMsg, MOST_RECENT, Published, Recent},
    domain::{Author, Command, Commit, CommitId, Entry, Order, Org, OrgId, Receipt, Rejection, Seq, Timestamp},
    store::{Append, CommitLog, Loaded, StoreError},
    telemetry::Telemetry,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::warn;
use uuid::Uuid;

/// How many events may follow a snapshot before a new one is written: reading them back costs a few milliseconds. A large
/// organization may have as many more as there are things in it, for otherwise it would write itself down all the time.
const SNAPSHOT_EVERY: Seq = 500;
/// Going to sleep with fewer events than this after the snapshot is not worth a new one.
const SNAPSHOT_ON_SLEEP: Seq = 50;
/// How often a request is decided again, because another writer was faster, before its author is asked to come back.
const MOST_VAIN: u32 = 5;
/// When what time made due is tried again after the store did not take it: soon for a person, seldom for a store in need.
const TICK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The only writer of one organization.
pub struct OrgActor;

/// What an incarnation needs to start; kept by the directory, because a panic takes the state with it.
#[derive(Clone)]
pub struct OrgArgs {
    /// Whose actor it is.
    pub org: OrgId,
    /// Where its events are kept.
    pub log: Arc<dyn CommitLog>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What readers see; outlives the incarnation.
    pub published: Arc<Published>,
    /// Who wants to know when time alone will change something.
    pub directory: ActorRef<DirectoryMsg>,
    /// Where it counts.
    pub telemetry: Arc<Telemetry>,
}

/// An organization in the hands of its actor.
pub struct OrgState {
    args: OrgArgs,
    /// Everything decided so far. Nobody else can see it.
    head: Arc<Org>,
    /// The part of it that is durable, as published.
    durable: Seq,
    in_flight: Option<InFlight>,
    /// Asked for and not decided yet: decided no earlier than there is room for it in a commit.
    queue: VecDeque<Request>,
    /// Decided; goes to the store when nothing is in flight.
    next: Batch,
    snapshot_at: Seq,
    closing: bool,
}

/// The one commit on its way to the store.
struct InFlight {
    commit: Arc<Commit>,
    after: Arc<Org>,
    waiting: Vec<Waiting>,
    since: Instant,
}

/// The way back from the store. One that loses it without a word has answered too, or its organization would wait for
/// ever: nobody knows.
struct Fate {
    actor: Option<ActorRef<OrgMsg>>,
    id: CommitId,
}

impl Fate {
    fn tell(&mut self, result: Result<(), StoreError>) {
        if let Some(actor) = self.actor.take() {
            let _ = actor.send_message(OrgMsg::Stored { id: self.id, result }); // it may be gone: its callers know
        }
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        self.tell(Err(StoreError::Unknown("the store lost the commit without a word".into())));
    }
}

impl Actor for OrgActor {
    type Msg = OrgMsg;
    type State = OrgState;
    type Arguments = OrgArgs;

    async fn pre_start(&self, _: ActorRef<OrgMsg>, args: OrgArgs) -> Result<OrgState, ActorProcessingErr> {
        let (head, snapshot_at, recent) = load(&args).await?;
        let state = OrgState {
            durable: head.seq(),
            head: Arc::new(head),
            in_flight: None,
            queue: VecDeque::new(),
            next: Batch::default(),
            snapshot_at,
            closing: false,
            args,
        };
        state.publish_loaded(recent);
        Ok(state)
    }

    async fn handle(&self, myself: ActorRef<OrgMsg>, message: OrgMsg, state: &mut OrgState) -> Result<(), ActorProcessingErr> {
        match message {
            OrgMsg::Execute { orders, reply } => state.queue.push_back(Request { orders, vain: 0, reply }),
            OrgMsg::Tick => state.tick(),
            OrgMsg::Stored { id, result } => state.stored(id, result).await?,
            OrgMsg::Close => state.closing = true,
        }
        state.decide_what_fits();
        state.send_if_idle(&myself);
        state.decide_what_fits(); // one batch ahead, while that one is on its way
        if state.closing && state.in_flight.is_none() {
            // What is still in the mailbox was never decided: its callers learn so and send it again.
            myself.stop(None);
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<OrgMsg>, state: &mut OrgState) -> Result<(), ActorProcessingErr> {
        if state.durable >= state.snapshot_at + SNAPSHOT_ON_SLEEP && state.durable == state.head.seq() {
            state.args.log.save_snapshot(state.head.clone());
        }
        Ok(())
    }
}

impl OrgState {
    /// Decides what is asked for, as far as the next commit has room; the answers are given by `stored`, when they are
    /// true.
    fn decide_what_fits(&mut self) {
        while !self.next.is_full()
            && let Some(request) = self.queue.pop_front()
        {
            let answer = self.decide(&request.orders);
            if let Err(OrgError::Rejected { rejection, .. }) = &answer {
                self.args.telemetry.rejected(rejection.code());
            }
            self.answer_when_durable(Waiting { request, answer });
        }
    }

    /// What the answer will be once the head is durable; on success the head has moved on, by all orders or by none.
    fn decide(&mut self, orders: &[Order]) -> Result<Vec<Receipt>, OrgError> {
        if let [order] = orders {
            let (receipt, entry) = decide_one(&self.head, order).map_err(|rejection| OrgError::Rejected { index: 0, rejection })?;
            if let Some(entry) = entry {
                if !fits(std::slice::from_ref(&entry)) {
                    return Err(OrgError::TooLarge);
                }
                Arc::make_mut(&mut self.head).apply(&entry); // copied at most once a commit: when it became a view
                self.next.push(vec![entry]);
            }
            return Ok(vec![receipt]);
        }
        let mut head = self.head.clone();
        let mut entries = Vec::with_capacity(orders.len());
        let mut receipts = Vec::with_capacity(orders.len());
        for (index, order) in orders.iter().enumerate() {
            let (receipt, entry) = decide_one(&head, order).map_err(|rejection| OrgError::Rejected { index, rejection })?;
            receipts.push(receipt);
            if let Some(entry) = entry {
                Arc::make_mut(&mut head).apply(&entry);
                entries.push(entry);
            }
        }
        if !fits(&entries) {
            return Err(OrgError::TooLarge);
        }
        self.head = head;
        self.next.push(entries);
        Ok(receipts)
    }

    /// Attaches an answer to the newest thing that is not durable yet. If all is durable, it is given at once.
    fn answer_when_durable(&mut self, waiting: Waiting) {
        match &mut self.in_flight {
            _ if !self.next.is_empty() => self.next.waiting.push(waiting),
            Some(in_flight) => in_flight.waiting.push(waiting),
            None => waiting.request.send(waiting.answer),
        }
    }

    /// Does what time made due. The directory has struck this organization from its agenda to tell us, so it is told
    /// the next date again: now if nothing was due, else with what is published when this is durable (or has failed).
    fn tick(&mut self) {
        self.args.published.due_changed(None);
        let order = Order { by: Author::System, at: self.args.clock.now(), key: None, only_at: None, command: Command::Tick };
        match self.decide(&[order]) {
            Ok(receipts) if receipts.iter().any(|receipt| receipt.changed) => {}
            Ok(_) | Err(_) => self.tell_when_due(&self.head),
        }
    }

    /// One commit in flight per organization: a second one could be stored without the first.
    fn send_if_idle(&mut self, myself: &ActorRef<OrgMsg>) {
        if self.in_flight.is_some() || self.next.is_empty() {
            return;
        }
        let Batch { entries, mut waiting, .. } = std::mem::take(&mut self.next);
        let (first, last) = (self.durable + 1, self.head.seq());
        debug_assert_eq!(entries.first().map(|entry| entry.seq), Some(first), "commits leave no holes");
        debug_assert_eq!(entries.last().map(Entry::last), Some(last), "nothing is decided but what is in the batch");
        let id = CommitId::new(Uuid::now_v7());
        let at = self.args.clock.now();
        let commit = Arc::new(Commit { id, org: self.args.org, first, last, at, entries });
        let after = self.head.clone();
        waiting.iter_mut().for_each(|waiting| waiting.request.reply.handed_to_store(true));
        let in_flight = InFlight { commit: commit.clone(), after: after.clone(), waiting, since: Instant::now() };
        self.in_flight = Some(in_flight);
        let mut fate = Fate { actor: Some(myself.clone()), id };
        self.args.log.append(Append { commit, after, done: Box::new(move |result| fate.tell(result)) });
    }

    /// The store has answered: publish and reply, or find out what is true and start again from there.
    async fn stored(&mut self, id: CommitId, result: Result<(), StoreError>) -> Result<(), ActorProcessingErr> {
        let Some(in_flight) = self.in_flight.take_if(|in_flight| in_flight.commit.id == id) else { return Ok(()) };
        match result {
            Ok(()) => {
                self.committed(in_flight);
                Ok(())
            }
            Err(error) => self.recover(in_flight, error).await,
        }
    }

    fn committed(&mut self, in_flight: InFlight) {
        let InFlight { commit, after, waiting, since } = in_flight;
        self.args.telemetry.committed(since.elapsed(), commit.last - commit.first + 1);
        self.durable = commit.last;
        self.tell_when_due(&after);
        self.args.published.publish_commit(&commit, &after);
        for waiting in waiting {
            waiting.request.send(waiting.answer);
        }
        let since = self.durable - self.snapshot_at;
        if since >= SNAPSHOT_EVERY && since >= after.size() {
            self.snapshot_at = self.durable;
            self.args.log.save_snapshot(after);
        }
    }

    /// The commit is not known to be durable, so nothing decided on top of it counts. Loads what is true, then decides
    /// again what was certainly not stored. An error from here ends this incarnation.
    async fn recover(&mut self, in_flight: InFlight, error: StoreError) -> Result<(), ActorProcessingErr> {
        let org = self.args.org;
        warn!(%org, seq = in_flight.commit.first, %error, "a commit failed, loading the organization again");
        self.args.telemetry.store_failed(&error);
        let InFlight { commit, mut waiting, .. } = in_flight;
        let later = std::mem::take(&mut self.next).waiting;
        if let StoreError::Unavailable(_) | StoreError::Corrupt(_) = error {
            // Nothing was written: what is published is what is true.
            self.head = self.args.published.view().unwrap_or_else(|| Arc::new(Org::new(org)));
            let decided = waiting.into_iter().chain(later).map(|waiting| waiting.request);
            // Who is not decided yet would fare no better, only later.
            for mut request in decided.chain(std::mem::take(&mut self.queue)) {
                request.reply.handed_to_store(false);
                request.send(Err(OrgError::unavailable(error.to_string())));
            }
            self.tick_again();
            return Ok(());
        }
        let outcome_known = matches!(error, StoreError::Conflict);
        if outcome_known {
            waiting.iter_mut().for_each(|waiting| waiting.request.reply.handed_to_store(false));
        }
        // If this fails, the replies tell when they are dropped: "unknown", or that they can be sent again.
        let (head, snapshot_at, recent) = load(&self.args).await?;
        (self.head, self.snapshot_at) = (Arc::new(head), snapshot_at);
        self.durable = self.head.seq();
        self.publish_loaded(recent);
        if !outcome_known {
            let landed = self.durable >= commit.last && self.is_stored(&commit).await?;
            for mut waiting in std::mem::take(&mut waiting) {
                // A refusal was decided on a head that may never be: it is as unknown as the rest.
                let answer = if landed { waiting.answer } else { Err(OrgError::OutcomeUnknown) };
                waiting.request.reply.handed_to_store(false);
                waiting.request.send(answer);
            }
        }
        let again: Vec<_> = waiting.into_iter().chain(later).map(|waiting| waiting.request).collect();
        for mut request in again.into_iter().rev() {
            request.vain += 1;
            if request.vain > MOST_VAIN {
                request.send(Err(OrgError::unavailable("it was decided again and again, and never became durable")));
            } else {
                self.queue.push_front(request); // before those who came later
            }
        }
        Ok(())
    }

    /// Whether this very commit, and not another one with its number, is in the log.
    async fn is_stored(&self, commit: &Commit) -> Result<bool, StoreError> {
        let stored = self.args.log.commits_after(commit.org, commit.first - 1, 1).await?;
        Ok(stored.first().is_some_and(|stored| stored.id == commit.id))
    }

    /// From here on everybody sees what was loaded.
    fn publish_loaded(&self, recent: Option<Recent>) {
        self.tell_when_due(&self.head);
        self.args.published.publish_loaded(&self.head, recent);
    }

    /// What failed may have been the work of a tick, for which the directory struck this organization from its agenda.
    fn tick_again(&self) {
        if let Some(due) = self.head.next_due() {
            let at = due.max(self.args.clock.now().after(TICK_AGAIN_AFTER));
            let _ = self.args.directory.send_message(DirectoryMsg::Due { org: self.args.org, at: Some(at) });
        }
    }

    fn tell_when_due(&self, view: &Org) {
        let due: Option<Timestamp> = view.next_due();
        if self.args.published.due_changed(due) {
            let _ = self.args.directory.send_message(DirectoryMsg::Due { org: self.args.org, at: due });
        }
    }
}

/// What an order would do to an organization: what its author is told, and what happens, if anything.
fn decide_one(org: &Org, order: &Order) -> Result<(Receipt, Option<Entry>), Rejection> {
    if let Some(receipt) = order.key.and_then(|key| org.remembers(key)) {
        return Ok((receipt, None));
    }
    let events = org.decide(order)?;
    if events.is_empty() {
        return Ok((Receipt { seq: org.seq(), changed: false, created: None }, None));
    }
    let entry = Entry { seq: org.seq() + 1, at: order.at, by: order.by, key: order.key, events };
    Ok((entry.receipt(), Some(entry)))
}

/// The organization that is stored: the snapshot, then what happened since.
pub(crate) fn replay(id: OrgId, loaded: &mut Loaded) -> Result<Org, StoreError> {
    let mut org = loaded.snapshot.take().unwrap_or_else(|| Org::new(id));
    follow(&mut org, &loaded.commits)?;
    Ok(org)
}

fn follow(org: &mut Org, commits: &[Commit]) -> Result<(), StoreError> {
    for commit in commits {
        if commit.first != org.seq() + 1 {
            let problem = format!("commit {} of {} should start at {}", commit.first, org.id(), org.seq() + 1);
            return Err(StoreError::Corrupt(problem));
        }
        commit.entries.iter().for_each(|entry| org.apply(entry));
    }
    Ok(())
}

/// Brings an organization to life. Documents that are behind are caught up.
async fn load(args: &OrgArgs) -> Result<(Org, Seq, Option<Recent>), ActorProcessingErr> {
    let started = Instant::now();
    let Loaded { snapshot, commits, documents_at } = args.log.load(args.org).await?;
    let mut org = snapshot.unwrap_or_else(|| Org::new(args.org));
    let snapshot_at = org.seq();
    let end = commits.last().map_or(snapshot_at, |last| last.last);
    let old = commits.partition_point(|commit| commit.first + MOST_RECENT <= end);
    let (old, new) = commits.split_at(old);
    follow(&mut org, old)?;
    let before = Arc::new(org.clone());
    follow(&mut org, new)?;
    let recent = Recent { before, commits: new.iter().cloned().map(Arc::new).collect() };
    if documents_at < org.seq() {
        let behind = commits.into_iter().filter(|commit| commit.last > documents_at).collect();
        args.log.project(behind, Arc::new(org.clone()));
    }
    args.telemetry.activated(started.elapsed());
    Ok((org, snapshot_at, (!recent.commits.is_empty()).then_some(recent)))
}
