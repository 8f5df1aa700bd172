//! What `check`, repairs, exports and imports need beside the engine's own ports.

use super::{
    MongoStore,
    accounts::{COUNTERS, NAMES, NUMBERS, write, write_plain},
    database::{id, number, number_in, read, read_all},
    open::{IMPORT, META},
    reading,
};
use crate::store::documents::{self, Collection};
use bson::{Document, doc, rawdoc};
use futures::{FutureExt, future::BoxFuture};
use mongodb::options::Hint;
use std::sync::Arc;
use tocsin_actors::{
    domain::{Name, Org, OrgId, Timestamp},
    records::Record,
    store::{AccountError, Archive, Later, NameClaim, StoreError, StoredDocument},
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

    fn names(&self, since: Option<Timestamp>, after: Option<Name>, limit: usize) -> Later<'_, Vec<NameClaim>> {
        async move {
            if limit == 0 {
                return Ok(Vec::new());
            }
            let mut these = after.map_or_else(|| doc! {}, |after| doc! { "_id": { "$gt": after.as_str() } });
            // The few new ones, put in order, rather than all of them looked at in theirs.
            let mut by = doc! { "_id": 1 };
            if let Some(since) = since {
                these.insert("at", doc! { "$gte": bson::DateTime::from_millis(since.millis()) });
                by = doc! { "at": 1 };
            }
            let names = self.accounts(NAMES);
            let page = names.find(these).hint(Hint::Keys(by)).sort(doc! { "_id": 1 });
            let page = page.limit(i64::try_from(limit).unwrap_or(0));
            read_all(page).await?.iter().map(|claim| documents::decode(claim.as_bytes())).collect()
        }
        .boxed()
    }

    fn last_number(&self) -> Later<'_, u64> {
        async move {
            let counter = read(self.accounts(COUNTERS).find_one(doc! { "_id": NUMBERS })).await?;
            counter.map_or(Ok(0), |counter| number_in(&counter, "last"))
        }
        .boxed()
    }

    fn skip_numbers(&self, last: u64) -> Later<'_, ()> {
        async move {
            let skip = doc! { "$max": { "last": number(last) } };
            write_plain(self.accounts(COUNTERS).update_one(doc! { "_id": NUMBERS }, skip).upsert(true)).await.map(drop)
        }
        .boxed()
    }

    fn restore_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>> {
        async move { self.insert_record(&record).await }.boxed()
    }

    fn begin_import(&self) -> Later<'_, ()> {
        async move {
            let mark = rawdoc! { "_id": IMPORT };
            match write(self.accounts(META).insert_one(mark)).await {
                Ok(_) => Ok(()),
                Err(AccountError::Store(error)) => Err(error),
                Err(_) => Err(StoreError::Conflict),
            }
        }
        .boxed()
    }

    fn end_import(&self) -> Later<'_, ()> {
        async move { write_plain(self.accounts(META).delete_one(doc! { "_id": IMPORT })).await.map(drop) }.boxed()
    }
}
