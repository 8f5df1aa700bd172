//! A store that forgets everything when it is dropped, and otherwise keeps every promise of the ports.

mod archive;
mod readings;
mod records;

use crate::{
    accounts::{User, folded},
    domain::{Commit, IncidentId, MonitorId, Name, Org, OrgId, Seq, ServiceId, TeamId, Timestamp, UserId},
    readings::{Span, Summary},
    records::{Record, RecordKind},
    store::{AccountError, AccountStore, Append, CommitLog, Done, Later, Loaded, StoreError, UserKey},
};
use futures::future::{BoxFuture, FutureExt, ready};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// When a commit becomes durable and its author is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// On a task of its own, as from a real store: after `append` has returned.
    #[default]
    Task,
    /// Inside `append`: for tests without a runtime, and for those that want no other order than their own.
    Inline,
    /// When the test says so with [`MemoryStore::release`].
    Held,
}

/// The store. Clones share what is stored, which is what opening it again means here.
#[derive(Clone, Default)]
pub struct MemoryStore {
    data: Arc<Mutex<Data>>,
}

#[derive(Default)]
struct Data {
    mode: Mode,
    held: Vec<Append>,
    appended: usize,
    orgs: BTreeMap<OrgId, Rows>,
    users: BTreeMap<UserId, User>,
    names: BTreeMap<Name, (OrgId, Timestamp)>,
    number: u64,
    records: BTreeMap<(RecordKind, Uuid), Record>,
    readings: BTreeMap<(MonitorId, Span, Timestamp), Summary>,
    importing: bool,
}

#[derive(Default)]
struct Rows {
    commits: Vec<Commit>,
    snapshot: Option<Arc<Org>>,
    /// Stands for the documents, which are always up to date.
    latest: Option<Arc<Org>>,
}

impl MemoryStore {
    /// An empty store that answers on tasks.
    pub fn new() -> Self {
        Self::default()
    }
    /// Changes when commits become durable from now on.
    pub fn set_mode(&self, mode: Mode) {
        self.data().mode = mode;
    }
    /// How many commits wait to be released.
    pub fn held(&self) -> usize {
        self.data().held.len()
    }
    /// Stores and answers the oldest held commits, at most so many.
    pub fn release(&self, at_most: usize) {
        let held: Vec<_> = {
            let mut data = self.data();
            let count = at_most.min(data.held.len());
            data.held.drain(..count).collect()
        };
        held.into_iter().for_each(|append| self.store(append));
    }
    /// How many commits are stored.
    pub fn appended(&self) -> usize {
        self.data().appended
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        // What a panicking test left behind is whole: nothing here panics in the middle of a change.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, append: Append) {
        let Append { commit, after, done } = append;
        let result = self.data().append(&commit, after);
        answer(done, result);
    }
}

/// Outside of the lock: whoever is told may come back with the next commit at once.
fn answer(done: Done, result: Result<(), StoreError>) {
    done(result);
}

impl Data {
    fn append(&mut self, commit: &Commit, after: Arc<Org>) -> Result<(), StoreError> {
        let rows = self.orgs.get(&commit.org);
        let last = rows.and_then(|rows| rows.commits.last()).map_or(0, |commit| commit.last);
        if commit.first != last + 1 {
            return Err(StoreError::Conflict);
        }
        let rows = self.orgs.entry(commit.org).or_default();
        rows.commits.push(commit.clone());
        rows.latest = Some(after);
        self.appended += 1;
        Ok(())
    }

    fn free(&self, user: &User) -> Result<(), AccountError> {
        let other = |is: &dyn Fn(&User) -> bool| self.users.values().any(|one| one.id != user.id && is(one));
        if other(&|one| folded(&one.email) == folded(&user.email)) {
            return Err(AccountError::EmailTaken);
        }
        let username = user.username.as_deref().map(folded);
        if username.is_some() && other(&|one| one.username.as_deref().map(folded) == username) {
            return Err(AccountError::UsernameTaken);
        }
        if other(&|one| one.external.iter().any(|identity| user.external.contains(identity))) {
            return Err(AccountError::IdentityTaken);
        }
        Ok(())
    }
}

fn now<T: Send + 'static>(value: T) -> Later<'static, T> {
    ready(Ok(value)).boxed()
}

impl CommitLog for MemoryStore {
    fn append(&self, append: Append) {
        let mode = self.data().mode;
        match mode {
            Mode::Inline => self.store(append),
            Mode::Held => self.data().held.push(append),
            Mode::Task => {
                let store = self.clone();
                tokio::spawn(async move { store.store(append) });
            }
        }
    }

    fn load(&self, org: OrgId) -> Later<'_, Loaded> {
        let data = self.data();
        let Some(rows) = data.orgs.get(&org) else { return now(Loaded::default()) };
        let snapshot = rows.snapshot.as_deref().cloned();
        let from = snapshot.as_ref().map_or(0, Org::seq);
        now(Loaded {
            commits: rows.commits.iter().filter(|commit| commit.last > from).cloned().collect(),
            documents_at: rows.latest.as_ref().map_or(0, |org| org.seq()),
            snapshot,
        })
    }

    fn commits_after(&self, org: OrgId, after: Seq, limit: usize) -> Later<'_, Vec<Commit>> {
        let data = self.data();
        let commits = data.orgs.get(&org).into_iter().flat_map(|rows| &rows.commits);
        now(commits.filter(|commit| commit.last > after).take(limit).cloned().collect())
    }

    fn project(&self, _: Vec<Commit>, _: Arc<Org>) {}

    fn save_snapshot(&self, org: Arc<Org>) {
        if let Some(rows) = self.data().orgs.get_mut(&org.id())
            && rows.snapshot.as_ref().is_none_or(|snapshot| snapshot.seq() <= org.seq())
        {
            rows.snapshot = Some(org);
        }
    }

    fn settle(&self) -> Later<'_, ()> {
        now(())
    }

    fn agenda(&self) -> Later<'_, Vec<(OrgId, Timestamp)>> {
        let due = |(id, rows): (&OrgId, &Rows)| Some((*id, rows.latest.as_ref()?.next_due()?));
        now(self.data().orgs.iter().filter_map(due).collect())
    }

    fn ping(&self) -> Later<'_, ()> {
        now(())
    }
}

impl AccountStore for MemoryStore {
    fn create_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>> {
        let mut data = self.data();
        let result = if data.users.contains_key(&user.id) { Err(AccountError::IdTaken) } else { data.free(&user) };
        if result.is_ok() {
            data.users.insert(user.id, user);
        }
        ready(result).boxed()
    }
    fn replace_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>> {
        let mut data = self.data();
        let current = data.users.get(&user.id).is_some_and(|old| old.version + 1 == user.version);
        let result = if current { data.free(&user) } else { Err(AccountError::Changed) };
        if result.is_ok() {
            data.users.insert(user.id, user);
        }
        ready(result).boxed()
    }
    fn delete_user(&self, id: UserId) -> Later<'_, ()> {
        self.data().users.remove(&id);
        now(())
    }
    fn user(&self, id: UserId) -> Later<'_, Option<User>> {
        now(self.data().users.get(&id).cloned())
    }
    fn find_user(&self, by: UserKey) -> Later<'_, Option<User>> {
        let is = |user: &&User| match &by {
            UserKey::Email(email) => folded(&user.email) == folded(email),
            UserKey::Username(name) => user.username.as_deref().map(folded) == Some(folded(name)),
            UserKey::External { issuer, subject } => {
                user.external.iter().any(|identity| identity.issuer == *issuer && identity.subject == *subject)
            }
        };
        now(self.data().users.values().find(is).cloned())
    }
    fn users(&self, after: Option<UserId>, limit: usize) -> Later<'_, Vec<User>> {
        now(self.data().users.values().filter(|user| Some(user.id) > after).take(limit).cloned().collect())
    }
    fn organizations_of(&self, user: UserId) -> Later<'_, Vec<OrgId>> {
        let names = |rows: &Rows| rows.latest.as_ref().is_some_and(|org| org.members().contains_key(&user));
        now(self.data().orgs.iter().filter(|(_, rows)| names(rows)).map(|(id, _)| *id).collect())
    }

    fn organization_with(&self, entity: Uuid) -> Later<'_, Option<OrgId>> {
        let has = |org: &Org| {
            org.services().contains_key(&ServiceId::new(entity))
                || org.incidents().contains_key(&IncidentId::new(entity))
                || org.teams().contains_key(&TeamId::new(entity))
                || org.members().values().any(|member| member.id.uuid() == entity)
        };
        let found = self.data().orgs.iter().find(|(_, rows)| rows.latest.as_deref().is_some_and(has)).map(|(id, _)| *id);
        now(found)
    }

    fn organizations_from(&self, external: &str) -> Later<'_, Vec<OrgId>> {
        let is = |org: &Org| org.organization().is_some_and(|organization| organization.external() == Some(external));
        let data = self.data();
        let found = data.orgs.iter().filter(|(_, rows)| rows.latest.as_deref().is_some_and(is));
        now(found.map(|(id, _)| *id).take(2).collect())
    }

    fn claim_name(&self, name: Name, org: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>> {
        let mut data = self.data();
        let (owner, _) = *data.names.entry(name.clone()).or_insert((org, at));
        ready(if owner == org { Ok(()) } else { Err(AccountError::NameTaken(name)) }).boxed()
    }
    fn take_over_name(&self, name: Name, from: OrgId, to: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>> {
        let mut data = self.data();
        let result = match data.names.get(&name) {
            Some((owner, _)) if *owner == from => {
                data.names.insert(name, (to, at));
                Ok(())
            }
            _ => Err(AccountError::NameTaken(name)),
        };
        ready(result).boxed()
    }
    fn release_name(&self, name: Name, org: OrgId) -> Later<'_, ()> {
        let mut data = self.data();
        if data.names.get(&name).is_some_and(|(owner, _)| *owner == org) {
            data.names.remove(&name);
        }
        now(())
    }
    fn holder(&self, name: Name) -> Later<'_, Option<(OrgId, Timestamp)>> {
        now(self.data().names.get(&name).copied())
    }
    fn next_number(&self) -> Later<'_, u64> {
        let mut data = self.data();
        data.number += 1;
        now(data.number)
    }
}
