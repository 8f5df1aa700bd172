//! What `check`, repairs and exports need.

use super::{
    EmbeddedStore, ReadError,
    tables::{COMMITS, DOCUMENTS, commit_key, documents_prefix, prefix_end},
};
use crate::store::documents::{self, Collection};
use futures::future::FutureExt;
use redb::ReadTransaction;
use std::sync::Arc;
use tocsin_actors::{
    domain::{Org, OrgId, Seq},
    store::{Archive, Later, StoreError, StoredDocument},
};
use uuid::Uuid;

impl Archive for EmbeddedStore {
    fn organizations(&self, after: Option<OrgId>, limit: usize) -> Later<'_, Vec<OrgId>> {
        let read = move |transaction: &ReadTransaction| {
            let commits = transaction.open_table(COMMITS)?;
            let mut found: Vec<OrgId> = Vec::new();
            let mut begin = after.map_or([0; 24], |after| commit_key(after, Seq::MAX));
            // From each to the next, over its commits.
            while found.len() < limit
                && let Some(row) = commits.range::<&[u8; 24]>(&begin..)?.next()
            {
                let (key, _) = row?;
                let mut id = [0; 16];
                id.copy_from_slice(&key.value()[..16]);
                let org = OrgId::new(Uuid::from_bytes(id));
                found.push(org);
                begin = commit_key(org, Seq::MAX);
            }
            Ok(found)
        };
        self.read(read).boxed()
    }

    fn documents(&self, org: OrgId) -> Later<'_, Vec<StoredDocument>> {
        let read = move |transaction: &ReadTransaction| {
            let table = transaction.open_table(DOCUMENTS)?;
            let mut found = Vec::new();
            for collection in Collection::ALL {
                let prefix = documents_prefix(collection as u8, org);
                for row in table.range(prefix.as_slice()..=prefix_end(&prefix).as_slice())? {
                    let document = documents::decode(row?.1.value()).map_err(ReadError::Store)?;
                    found.push(documents::readable(collection, document));
                }
            }
            Ok(found)
        };
        self.read(read).boxed()
    }

    fn expected_documents(&self, org: &Org) -> Vec<StoredDocument> {
        documents::expected(org)
    }

    fn rewrite(&self, org: Arc<Org>) -> Later<'_, ()> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.snapshots.rewrite(org, answer);
        let ended = |_| Err(StoreError::Unavailable("the store's writer has ended".into()));
        async move { answered.await.unwrap_or_else(ended) }.boxed()
    }
}
