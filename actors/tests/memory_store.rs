//! The store that tests use keeps the promises of real ones.

#![cfg(feature = "testkit")]

use futures::future::{BoxFuture, FutureExt, ready};
use std::sync::Arc;
use tocsin_actors::{
    store::Store,
    testkit::{MemoryStore, contract::Fixture},
};

#[derive(Default)]
struct Memory {
    store: MemoryStore,
}

impl Fixture for Memory {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        ready(Arc::new(self.store.clone()) as Arc<dyn Store>).boxed()
    }
    fn reopen(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>> {
        drop(store);
        self.open()
    }
}

tocsin_actors::store_contract!(Memory::default());
