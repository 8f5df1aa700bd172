//! What `check`, repairs, exports and imports need.

use super::{
    EmbeddedStore, ReadError,
    accounts::store_only,
    tables::{COMMITS, DOCUMENTS, IMPORTING, Id, META, NAMES, NEXT_NUMBER, commit_key, documents_prefix, prefix_end, time},
};
use crate::store::documents::{self, Collection};
use futures::future::{BoxFuture, FutureExt};
use redb::{ReadTransaction, ReadableTable};
use std::sync::Arc;
use tocsin_actors::{
    domain::{Name, Org, OrgId, Seq, Timestamp},
    records::Record,
    store::{AccountError, Archive, Later, NameClaim, StoreError, StoredDocument},
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

    // Over all of them also when only new ones are asked for: nobody else writes to the file, so nobody asks often. A hundred
    // thousand take some milliseconds.
    fn names(&self, since: Option<Timestamp>, after: Option<Name>, limit: usize) -> Later<'_, Vec<NameClaim>> {
        let read = move |transaction: &ReadTransaction| {
            let names = transaction.open_table(NAMES)?;
            let begin = after.as_ref().map_or("", Name::as_str);
            let mut found = Vec::new();
            for row in names.range::<&str>(begin..)? {
                let (name, claim) = row?;
                if found.len() == limit {
                    break;
                }
                let is_wanted = since.is_none_or(|since| time(claim.value().1) >= since);
                if is_wanted && after.as_ref().map(Name::as_str) != Some(name.value()) {
                    found.push(claim_of(name.value(), claim.value())?);
                }
            }
            Ok(found)
        };
        self.read(read).boxed()
    }

    fn last_number(&self) -> Later<'_, u64> {
        let read = |transaction: &ReadTransaction| {
            let next = transaction.open_table(META)?.get(NEXT_NUMBER)?;
            Ok(next.map_or(0, |next| next.value().saturating_sub(1)))
        };
        self.read(read).boxed()
    }

    fn skip_numbers(&self, last: u64) -> Later<'_, ()> {
        store_only(self.change(move |tables| {
            let next = tables.meta.get(NEXT_NUMBER)?.map_or(1, |next| next.value());
            tables.meta.insert(NEXT_NUMBER, next.max(last.saturating_add(1)))?;
            Ok(Ok(()))
        }))
    }

    fn restore_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>> {
        self.insert_record(record)
    }

    fn begin_import(&self) -> Later<'_, ()> {
        store_only(self.change(|tables| match tables.meta.insert(IMPORTING, 1)? {
            None => Ok(Ok(())),
            Some(_) => Ok(Err(StoreError::Conflict.into())),
        }))
    }

    fn end_import(&self) -> Later<'_, ()> {
        store_only(self.change(|tables| {
            tables.meta.remove(IMPORTING)?;
            Ok(Ok(()))
        }))
    }
}

fn claim_of(name: &str, (org, at): (&Id, i64)) -> Result<NameClaim, ReadError> {
    let name = name.parse().map_err(|error| ReadError::Store(StoreError::Corrupt(format!("{name:?}: {error}"))))?;
    Ok(NameClaim { name, org: OrgId::new(Uuid::from_bytes(*org)), at: time(at) })
}
