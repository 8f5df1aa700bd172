//! Records: one collection a kind, each record a document that is inserted once and then replaced by its next version.

use super::{
    MongoStore,
    accounts::{write, write_plain},
    database::{id, read, read_all},
};
use crate::store::records;
use bson::{Bson, DateTime, Document, doc};
use futures::{FutureExt, future::BoxFuture};
use tocsin_actors::{
    domain::Timestamp,
    records::{Record, RecordKind, RecordStore},
    store::{AccountError, Later, StoreError},
};
use uuid::Uuid;

impl MongoStore {
    /// Writes a record as it is where there is none.
    pub(super) async fn insert_record(&self, record: &Record) -> Result<(), AccountError> {
        write(self.accounts(record.kind.name()).insert_one(records::encode(record)?)).await.map(drop)
    }

    /// By id, at most so many of those that a filter names.
    async fn page(
        &self,
        kind: RecordKind,
        mut these: Document,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        if let Some(after) = after {
            these.insert("_id", doc! { "$gt": id(after) });
        }
        let records = self.accounts(kind.name());
        let page = records.find(these).sort(doc! { "_id": 1 }).limit(i64::try_from(limit).unwrap_or(0));
        read_all(page).await?.iter().map(|record| records::decode(kind, record.as_bytes())).collect()
    }

    async fn forget(&self, kind: RecordKind, before: Timestamp, limit: i64) -> Result<(), StoreError> {
        let records = self.accounts(kind.name());
        let expired = doc! { "expires_at": { "$lt": DateTime::from_millis(before.millis()) } };
        let found = records.find(expired.clone()).sort(doc! { "expires_at": 1 }).projection(doc! { "_id": 1 }).limit(limit);
        let ids: Vec<_> =
            read_all(found).await?.iter().filter_map(|record| Bson::try_from(record.get("_id").ok()??).ok()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        // One that was given a longer life meanwhile keeps it.
        let mut these = expired;
        these.insert("_id", doc! { "$in": ids });
        write_plain(records.delete_many(these)).await.map(drop)
    }
}

impl RecordStore for MongoStore {
    fn put_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>> {
        async move {
            if record.version == 1 {
                return self.insert_record(&record).await;
            }
            // A version that no document can have follows on none.
            let version = i64::try_from(record.version).map_err(|_| AccountError::Changed)?;
            let this = doc! { "_id": id(record.id), "version": version - 1 };
            let replaced = write(self.accounts(record.kind.name()).replace_one(this, records::encode(&record)?)).await?;
            if replaced.matched_count == 0 { Err(AccountError::Changed) } else { Ok(()) }
        }
        .boxed()
    }

    fn record(&self, kind: RecordKind, this: Uuid) -> Later<'_, Option<Record>> {
        async move {
            let found = read(self.accounts(kind.name()).find_one(doc! { "_id": id(this) })).await?;
            found.map(|record| records::decode(kind, record.as_bytes())).transpose()
        }
        .boxed()
    }

    fn records_of(&self, kind: RecordKind, owner: Uuid, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        self.page(kind, doc! { "owner": id(owner) }, after, limit).boxed()
    }

    fn records(&self, kind: RecordKind, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        self.page(kind, doc! {}, after, limit).boxed()
    }

    fn delete_record(&self, kind: RecordKind, this: Uuid) -> Later<'_, ()> {
        async move { write_plain(self.accounts(kind.name()).delete_one(doc! { "_id": id(this) })).await.map(drop) }.boxed()
    }

    fn forget_expired(&self, before: Timestamp, limit: usize) -> Later<'_, ()> {
        async move {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            if limit == 0 {
                return Ok(()); // to the server, 0 is no limit
            }
            let each = RecordKind::ALL.map(|kind| self.forget(kind, before, limit));
            futures::future::try_join_all(each).await.map(drop)
        }
        .boxed()
    }
}
