//! A store that fails exactly when a test says so, in front of one that works.

use crate::{
    accounts::User,
    domain::{Commit, MonitorId, Name, Org, OrgId, Seq, Timestamp, UserId},
    readings::{Reading, ReadingStore, Span, Summary, Watched},
    records::{Record, RecordKind, RecordStore},
    store::{
        AccountError, AccountStore, Append, Archive, CommitLog, Later, Loaded, NameClaim, Store, StoreError, StoredDocument,
        UserKey,
    },
};
use futures::future::{BoxFuture, FutureExt};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;
use uuid::Uuid;

/// What is asked of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // the names of the port's functions
pub enum Call {
    Append,
    Load,
    CommitsAfter,
    Project,
    SaveSnapshot,
    Settle,
    Agenda,
    Ping,
    Holder,
    Names,
}

/// How it goes wrong. `project` and `save_snapshot` answer nobody: there every fault but `Panic` loses the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Another writer was faster. Nothing is written.
    Conflict,
    /// The answer is lost, and so is the write.
    UnknownLost,
    /// The answer is lost, but the write is not.
    UnknownWritten,
    /// Not reachable. Nothing is written.
    Unavailable,
    /// What is stored cannot be understood.
    Corrupt,
    /// No answer before [`FailingStore::release`]; then as if nothing had been.
    Hang,
    /// Panics in the caller.
    Panic,
}

/// Which calls fail, and how.
#[derive(Clone, Debug)]
pub struct Rule {
    call: Call,
    org: Option<OrgId>,
    skip: u64,
    times: u64,
    fault: Fault,
}

impl Rule {
    /// The next call of this kind fails, once.
    pub const fn new(call: Call, fault: Fault) -> Self {
        Self { call, org: None, skip: 0, times: 1, fault }
    }
    /// Only calls about this organization count.
    pub const fn of(mut self, org: OrgId) -> Self {
        self.org = Some(org);
        self
    }
    /// So many calls go well first.
    pub const fn after(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }
    /// So many calls fail.
    pub const fn times(mut self, calls: u64) -> Self {
        self.times = calls;
        self
    }
    /// All calls fail, until [`FailingStore::heal`].
    pub const fn always(self) -> Self {
        self.times(u64::MAX)
    }
}

/// The store in front.
pub struct FailingStore {
    inner: Arc<dyn Store>,
    state: Mutex<State>,
    released: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    calls: HashMap<Call, u64>,
    hanging: Vec<Append>,
}

impl FailingStore {
    /// Fails never, until told to.
    pub fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, state: Mutex::default(), released: watch::Sender::new(0) })
    }
    /// Adds a rule. The oldest one that fits a call decides it.
    pub fn fail(&self, rule: Rule) {
        self.state().rules.push(rule);
    }
    /// Forgets all rules. What hangs goes on hanging.
    pub fn heal(&self) {
        self.state().rules.clear();
    }
    /// Lets everything that hangs go on.
    pub fn release(&self) {
        let hanging = std::mem::take(&mut self.state().hanging);
        hanging.into_iter().for_each(|append| self.inner.append(append));
        self.released.send_modify(|generation| *generation += 1);
    }
    /// Loses every commit that hangs, without a word to its author.
    pub fn lose(&self) {
        let lost = std::mem::take(&mut self.state().hanging);
        drop(lost); // outside of the lock: whoever learns of it may come back at once
    }
    /// How many calls of this kind there were, failed ones included.
    pub fn calls(&self, call: Call) -> u64 {
        self.state().calls.get(&call).copied().unwrap_or(0)
    }
    /// How many commits hang.
    pub fn hanging(&self) -> usize {
        self.state().hanging.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and says how it fails.
    fn fault(&self, call: Call, org: Option<OrgId>) -> Option<Fault> {
        let mut state = self.state();
        *state.calls.entry(call).or_default() += 1;
        for rule in &mut state.rules {
            if rule.call != call || rule.times == 0 || (rule.org.is_some() && rule.org != org) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times = rule.times.saturating_sub(if rule.times == u64::MAX { 0 } else { 1 });
            return Some(rule.fault);
        }
        None
    }

    fn later<'a, T: Send + 'a>(&'a self, call: Call, org: Option<OrgId>, inner: impl FnOnce() -> Later<'a, T>) -> Later<'a, T> {
        match self.fault(call, org) {
            None => inner(),
            Some(Fault::Panic) => panic!("told to panic in {call:?} of {org:?}"),
            Some(Fault::Hang) => {
                let (mut released, inner) = (self.released.subscribe(), inner());
                async move {
                    // Fails only when the store is gone, and then nobody waits.
                    drop(released.changed().await);
                    inner.await
                }
                .boxed()
            }
            Some(Fault::UnknownWritten) => {
                let inner = inner();
                async move {
                    drop(inner.await);
                    Err(error(Fault::UnknownWritten))
                }
                .boxed()
            }
            Some(fault) => async move { Err(error(fault)) }.boxed(),
        }
    }
}

fn error(fault: Fault) -> StoreError {
    let why = "told to fail".to_owned();
    match fault {
        Fault::Conflict => StoreError::Conflict,
        Fault::UnknownLost | Fault::UnknownWritten => StoreError::Unknown(why),
        Fault::Unavailable => StoreError::Unavailable(why),
        Fault::Corrupt => StoreError::Corrupt(why),
        Fault::Hang | Fault::Panic => unreachable!("not an error"),
    }
}

impl CommitLog for FailingStore {
    fn append(&self, append: Append) {
        let org = append.commit.org;
        match self.fault(Call::Append, Some(org)) {
            None => self.inner.append(append),
            Some(Fault::Panic) => panic!("told to panic for {org:?}"),
            Some(Fault::Hang) => self.state().hanging.push(append),
            Some(Fault::UnknownWritten) => {
                let done = append.done;
                // A conflict is known, whatever becomes of answers afterwards.
                let lost = move |result: Result<(), StoreError>| done(result.and(Err(error(Fault::UnknownWritten))));
                self.inner.append(Append { done: Box::new(lost), ..append });
            }
            Some(fault) => (append.done)(Err(error(fault))),
        }
    }
    fn load(&self, org: OrgId) -> Later<'_, Loaded> {
        self.later(Call::Load, Some(org), || self.inner.load(org))
    }
    fn commits_after(&self, org: OrgId, after: Seq, limit: usize) -> Later<'_, Vec<Commit>> {
        self.later(Call::CommitsAfter, Some(org), || self.inner.commits_after(org, after, limit))
    }
    fn project(&self, commits: Vec<Commit>, after: Arc<Org>) {
        match self.fault(Call::Project, Some(after.id())) {
            None => self.inner.project(commits, after),
            Some(Fault::Panic) => panic!("told to panic in project of {:?}", after.id()),
            Some(_) => {}
        }
    }
    fn save_snapshot(&self, org: Arc<Org>) {
        match self.fault(Call::SaveSnapshot, Some(org.id())) {
            None => self.inner.save_snapshot(org),
            Some(Fault::Panic) => panic!("told to panic in save_snapshot of {:?}", org.id()),
            Some(_) => {}
        }
    }
    fn settle(&self) -> Later<'_, ()> {
        self.later(Call::Settle, None, || self.inner.settle())
    }
    fn agenda(&self) -> Later<'_, Vec<(OrgId, Timestamp)>> {
        self.later(Call::Agenda, None, || self.inner.agenda())
    }
    fn ping(&self) -> Later<'_, ()> {
        self.later(Call::Ping, None, || self.inner.ping())
    }
}

impl AccountStore for FailingStore {
    fn create_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>> {
        self.inner.create_user(user)
    }
    fn replace_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>> {
        self.inner.replace_user(user)
    }
    fn delete_user(&self, id: UserId) -> Later<'_, ()> {
        self.inner.delete_user(id)
    }
    fn user(&self, id: UserId) -> Later<'_, Option<User>> {
        self.inner.user(id)
    }
    fn find_user(&self, by: UserKey) -> Later<'_, Option<User>> {
        self.inner.find_user(by)
    }
    fn users(&self, after: Option<UserId>, limit: usize) -> Later<'_, Vec<User>> {
        self.inner.users(after, limit)
    }
    fn organizations_of(&self, user: UserId) -> Later<'_, Vec<OrgId>> {
        self.inner.organizations_of(user)
    }
    fn organization_with(&self, entity: Uuid) -> Later<'_, Option<OrgId>> {
        self.inner.organization_with(entity)
    }
    fn organizations_from(&self, external: &str) -> Later<'_, Vec<OrgId>> {
        self.inner.organizations_from(external)
    }
    fn claim_name(&self, name: Name, org: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>> {
        self.inner.claim_name(name, org, at)
    }
    fn take_over_name(&self, name: Name, from: OrgId, to: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>> {
        self.inner.take_over_name(name, from, to, at)
    }
    fn release_name(&self, name: Name, org: OrgId) -> Later<'_, ()> {
        self.inner.release_name(name, org)
    }
    fn holder(&self, name: Name) -> Later<'_, Option<(OrgId, Timestamp)>> {
        self.later(Call::Holder, None, || self.inner.holder(name))
    }
    fn next_number(&self) -> Later<'_, u64> {
        self.inner.next_number()
    }
}

impl RecordStore for FailingStore {
    fn put_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>> {
        self.inner.put_record(record)
    }
    fn record(&self, kind: RecordKind, id: Uuid) -> Later<'_, Option<Record>> {
        self.inner.record(kind, id)
    }
    fn records_of(&self, kind: RecordKind, owner: Uuid, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        self.inner.records_of(kind, owner, after, limit)
    }
    fn records(&self, kind: RecordKind, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        self.inner.records(kind, after, limit)
    }
    fn delete_record(&self, kind: RecordKind, id: Uuid) -> Later<'_, ()> {
        self.inner.delete_record(kind, id)
    }
    fn forget_expired(&self, before: Timestamp, limit: usize) -> Later<'_, ()> {
        self.inner.forget_expired(before, limit)
    }
}

impl ReadingStore for FailingStore {
    fn watched(&self) -> Later<'_, Vec<Watched>> {
        self.inner.watched()
    }
    fn add_readings(&self, readings: Vec<Reading>) -> Later<'_, ()> {
        self.inner.add_readings(readings)
    }
    fn readings(&self, monitor: MonitorId, span: Span, from: Timestamp, to: Timestamp, limit: usize) -> Later<'_, Vec<Summary>> {
        self.inner.readings(monitor, span, from, to, limit)
    }
}

impl Archive for FailingStore {
    fn organizations(&self, after: Option<OrgId>, limit: usize) -> Later<'_, Vec<OrgId>> {
        self.inner.organizations(after, limit)
    }
    fn documents(&self, org: OrgId) -> Later<'_, Vec<StoredDocument>> {
        self.inner.documents(org)
    }
    fn expected_documents(&self, org: &Org) -> Vec<StoredDocument> {
        self.inner.expected_documents(org)
    }
    fn rewrite(&self, org: Arc<Org>) -> Later<'_, ()> {
        self.inner.rewrite(org)
    }
    fn names(&self, since: Option<Timestamp>, after: Option<Name>, limit: usize) -> Later<'_, Vec<NameClaim>> {
        self.later(Call::Names, None, || self.inner.names(since, after, limit))
    }
    fn last_number(&self) -> Later<'_, u64> {
        self.inner.last_number()
    }
    fn skip_numbers(&self, last: u64) -> Later<'_, ()> {
        self.inner.skip_numbers(last)
    }
    fn restore_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>> {
        self.inner.restore_record(record)
    }
    fn begin_import(&self) -> Later<'_, ()> {
        self.inner.begin_import()
    }
    fn end_import(&self) -> Later<'_, ()> {
        self.inner.end_import()
    }
}
