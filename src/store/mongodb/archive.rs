//! What `check`, repairs and exports need beside the engine's own ports.

use super::{
    MongoStore,
    database::{id, read_all},
    reading,
};
use crate::store::documents::{self, Collection};
use bson::{Document, doc};
use futures::FutureExt;
use std::sync::Arc;
use tocsin_actors::{
    domain::{Org, OrgId},
    store::{Archive, Later, StoreError, StoredDocument},
};

impl Archive for MongoStore {
    fn organizations(&self, after: Option<OrgId>, limit: usize) -> Later<'_, Vec<OrgId>> {
        reading::organizations(&self.database, after, limit).boxed()
    }

    fn documents(&self, org: OrgId) -> Later<'_, Vec<StoredDocument>> {
        async move {
            let mut stored = Vec::new();
            for collection in Collection::ALL {
                let documents = self.database.collection(collection.name());
                for document in read_all(documents.find(doc! { "org": id(org.uuid()) }).sort(doc! { "_id": 1 })).await? {
                    let document = Document::try_from(document).map_err(|error| StoreError::Corrupt(error.to_string()))?;
                    stored.push(documents::readable(collection, document));
                }
            }
            Ok(stored)
        }
        .boxed()
    }

    fn expected_documents(&self, org: &Org) -> Vec<StoredDocument> {
        documents::expected(org)
    }

    fn rewrite(&self, org: Arc<Org>) -> Later<'_, ()> {
        self.backlog.rewrite(org).boxed()
    }
}
