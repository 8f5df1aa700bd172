//! A database of its own for each test, seen from the store and from a shell.

use crate::mongod::Mongod;
use mongodb::bson::{self, Bson, Document, doc};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tocsin::store::mongodb::MongoStore;
use tocsin_actors::{
    store::{Archive, CommitLog, StoredDocument},
    testkit::builders::Writer,
};
use uuid::Uuid;

/// Longer than any time limit of the store.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A database of its own in the server that all tests share, seen from the store and from a shell.
pub(crate) struct Bench {
    pub(crate) name: String,
    pub(crate) server: &'static Mongod,
    pub(crate) shell: mongodb::Database,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("store-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let server = Mongod::shared().await;
        Self { shell: server.client().await.database(&name), name, server }
    }

    pub(crate) fn uri(&self) -> String {
        self.server.uri(&self.name)
    }

    pub(crate) async fn store(&self) -> Arc<MongoStore> {
        MongoStore::open(&self.uri()).await.unwrap()
    }

    /// A store whose commands fail like this until the fault is mended.
    pub(crate) async fn failing_store(&self, mode: impl Into<Bson>, mut data: Document) -> (Arc<MongoStore>, Fault) {
        // The server has one such switch: one test at a time.
        static SWITCH: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let turn = SWITCH.lock().await;
        let store = MongoStore::open(&format!("{}&appName={}", self.uri(), self.name)).await.unwrap();
        let fault = Fault { admin: self.server.client().await.database("admin"), _turn: turn };
        data.insert("appName", &self.name);
        fault.set(doc! { "mode": mode, "data": data }).await;
        (store, fault)
    }

    pub(crate) async fn count(&self, collection: &str, filter: Document) -> u64 {
        self.shell.collection::<Document>(collection).count_documents(filter).await.unwrap()
    }
}

/// A fault of the server, and the turn of the test that asked for it.
pub(crate) struct Fault {
    admin: mongodb::Database,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

impl Fault {
    pub(crate) async fn set(&self, how: Document) {
        let mut order = doc! { "configureFailPoint": "failCommand" };
        order.extend(how);
        self.admin.run_command(order).await.unwrap();
    }

    pub(crate) async fn mend(self) {
        self.set(doc! { "mode": "off" }).await;
    }
}

pub(crate) fn uuid(uuid: Uuid) -> Bson {
    bson::Uuid::from_bytes(*uuid.as_bytes()).into()
}

fn sorted(mut documents: Vec<StoredDocument>) -> Vec<StoredDocument> {
    documents.sort_by(|a, b| (a.collection, &a.id).cmp(&(b.collection, &b.id)));
    documents
}

pub(crate) async fn assert_documents_show(store: &MongoStore, writer: &Writer) {
    store.settle().await.unwrap();
    let documents = store.documents(writer.org().id()).await.unwrap();
    assert_eq!(sorted(documents), sorted(store.expected_documents(writer.org())));
}

/// Whether tests shall take their time.
pub(crate) fn is_long() -> bool {
    std::env::var_os("TOCSIN_LONG").is_some_and(|long| long == "1")
}

/// Asks until the answer is as wanted.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
