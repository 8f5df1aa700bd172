//! What the tests of identity share: a clock that stands still, records in memory, and an identity over them.

use super::{AuthError, ClientHint, Identity, IdentitySettings, Session, providers::Provider};
use futures::future::{BoxFuture, FutureExt, ready};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tocsin_actors::{
    accounts::{User, password::PasswordHash},
    clock::Clock,
    domain::Timestamp,
    records::{Record, RecordKind, RecordStore},
    store::{AccountError, AccountStore, Later},
    testkit::{MemoryStore, builders::*},
};
use uuid::Uuid;

/// Long enough for a busy machine, short enough to be noticed.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct TestClock(AtomicI64);

impl TestClock {
    pub(super) fn set(&self, at: Timestamp) {
        self.0.store(at.millis(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
pub(super) struct MemoryRecords {
    records: Mutex<BTreeMap<(RecordKind, Uuid), Record>>,
    writes: AtomicUsize,
    reads: AtomicUsize,
}

impl MemoryRecords {
    pub(super) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Asks on a later turn of the task, as a real store does, so that requests can get between each other.
    fn ask<'a, T: Send + 'a>(
        &'a self,
        ask: impl FnOnce(&mut BTreeMap<(RecordKind, Uuid), Record>) -> T + Send + 'a,
    ) -> BoxFuture<'a, T> {
        async move {
            tokio::task::yield_now().await;
            ask(&mut self.records.lock().unwrap())
        }
        .boxed()
    }
}

impl RecordStore for MemoryRecords {
    fn put_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.ask(move |records| {
            let key = (record.kind, record.id);
            let before = records.get(&key).map_or(0, |before| before.version);
            if record.version != before + 1 {
                return Err(if record.version == 1 { AccountError::IdTaken } else { AccountError::Changed });
            }
            records.insert(key, record);
            Ok(())
        })
    }
    fn record(&self, kind: RecordKind, id: Uuid) -> Later<'_, Option<Record>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.ask(move |records| Ok(records.get(&(kind, id)).cloned()))
    }
    fn records_of(&self, kind: RecordKind, owner: Uuid, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        self.ask(move |records| {
            let theirs = records.values().filter(|record| record.kind == kind && record.owner == owner);
            Ok(theirs.filter(|record| Some(record.id) > after).take(limit).cloned().collect())
        })
    }
    fn records(&self, kind: RecordKind, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        self.ask(move |records| {
            let all = records.values().filter(|record| record.kind == kind);
            Ok(all.filter(|record| Some(record.id) > after).take(limit).cloned().collect())
        })
    }
    fn delete_record(&self, kind: RecordKind, id: Uuid) -> Later<'_, ()> {
        self.ask(move |records| {
            records.remove(&(kind, id));
            Ok(())
        })
    }
    fn forget_expired(&self, before: Timestamp, _: usize) -> Later<'_, ()> {
        self.records.lock().unwrap().retain(|_, record| record.expires_at.is_none_or(|at| at >= before));
        ready(Ok(())).boxed()
    }
}

/// An identity, and what it stands on.
pub(super) struct World {
    pub(super) accounts: Arc<MemoryStore>,
    pub(super) records: Arc<MemoryRecords>,
    pub(super) clock: Arc<TestClock>,
    pub(super) identity: Identity,
}

pub(super) const PASSWORD: &str = "correct horse";

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Vec::new()).await
    }

    pub(super) async fn with(providers: Vec<Provider>) -> Self {
        let accounts = Arc::new(MemoryStore::new());
        let records = Arc::new(MemoryRecords::default());
        let clock = Arc::new(TestClock(AtomicI64::new(start().millis())));
        let settings = IdentitySettings { providers, refusal_takes: Duration::ZERO, ..Default::default() };
        let identity = Identity::start(accounts.clone(), records.clone(), clock.clone(), settings).await.unwrap();
        Self { accounts, records, clock, identity }
    }

    /// Another server on the same stores.
    pub(super) async fn another(&self) -> Identity {
        let settings = IdentitySettings { refusal_takes: Duration::ZERO, ..Default::default() };
        Identity::start(self.accounts.clone(), self.records.clone(), self.clock.clone(), settings).await.unwrap()
    }

    /// The n-th person, with [`PASSWORD`].
    pub(super) async fn person(&self, n: u64) -> User {
        let user = User { password: Some(PasswordHash::new(PASSWORD)), ..person(n) };
        self.accounts.create_user(user.clone()).await.unwrap();
        user
    }

    pub(super) async fn login(&self, user: &User) -> Session {
        self.identity.login(&user.email, PASSWORD, here()).await.unwrap()
    }

    /// The sessions of somebody, as they are stored.
    pub(super) async fn records_of_user(&self, user: &User) -> Vec<Record> {
        self.records.records_of(RecordKind::Session, user.id.uuid(), None, usize::MAX).await.unwrap()
    }

    pub(super) async fn refused(&self, bearer: &str) -> AuthError {
        self.identity.authenticate(bearer).await.expect_err("let in")
    }
}

pub(super) fn here() -> ClientHint {
    ClientHint { address: [192, 0, 2, 1].into(), user_agent: Some("test\n/1".into()) }
}

pub(super) async fn eventually(what: &str, is: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
