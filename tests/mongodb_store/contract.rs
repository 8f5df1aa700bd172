//! MongoDB keeps the promises of every store.

use crate::mongod::Mongod;
use futures::{FutureExt, future::BoxFuture};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};
use tocsin::store::mongodb::MongoStore;
use tocsin_actors::{store::Store, testkit::contract::Fixture};

/// A database of its own in the server that all tests share.
struct Database {
    uri: String,
    open: Mutex<Option<Arc<MongoStore>>>,
}

impl Database {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("contract-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { uri: Mongod::shared().await.uri(&name), open: Mutex::default() }
    }
}

impl Fixture for Database {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        async move {
            let store = MongoStore::open(&self.uri).await.unwrap();
            *self.open.lock().unwrap() = Some(store.clone());
            store as Arc<dyn Store>
        }
        .boxed()
    }

    fn reopen(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>> {
        async move {
            drop(store);
            let open = self.open.lock().unwrap().take().expect("it is open");
            open.close().await;
            self.open().await
        }
        .boxed()
    }
}

tocsin_actors::store_contract!(Database::new().await);
