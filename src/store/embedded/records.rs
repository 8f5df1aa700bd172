//! Records. Whether one is the next version is asked in the transaction that writes it, and there is one writer.

use super::{
    EmbeddedStore, ReadError,
    accounts::store_only,
    tables::{Id, RECORD_OWNERS, RECORDS, Tables, expiry_key, owner_key, record_key},
};
use crate::store::records;
use futures::future::{BoxFuture, FutureExt};
use redb::{ReadTransaction, ReadableTable};
use tocsin_actors::{
    domain::Timestamp,
    records::{Record, RecordKind, RecordStore},
    store::{AccountError, Later},
};
use uuid::Uuid;

/// The id at the end of a key.
fn id_of(end: &[u8]) -> Uuid {
    let mut id: Id = [0; 16];
    id.copy_from_slice(end);
    Uuid::from_bytes(id)
}

/// The stored record; an unreadable one fails whoever asks and nobody else.
fn stored(tables: &Tables<'_>, kind: RecordKind, id: Uuid) -> Result<Result<Option<Record>, AccountError>, redb::Error> {
    let stored = tables.records.get(&record_key(kind, id))?;
    Ok(stored.map(|stored| records::decode(kind, stored.value())).transpose().map_err(AccountError::from))
}

/// Puts a record in place of an older self.
fn put(tables: &mut Tables<'_>, old: Option<&Record>, new: &Record) -> Result<Result<(), AccountError>, redb::Error> {
    let body = match records::encode(new) {
        Ok(body) => body,
        Err(error) => return Ok(Err(error.into())),
    };
    if let Some(old) = old {
        remove(tables, old)?;
    }
    tables.records.insert(&record_key(new.kind, new.id), body.as_bytes())?;
    tables.record_owners.insert(&owner_key(new.kind, new.owner, new.id), ())?;
    if let Some(at) = new.expires_at {
        tables.record_expiries.insert(&expiry_key(new.kind, at, new.id), ())?;
    }
    Ok(Ok(()))
}

fn remove(tables: &mut Tables<'_>, old: &Record) -> Result<(), redb::Error> {
    tables.records.remove(&record_key(old.kind, old.id))?;
    tables.record_owners.remove(&owner_key(old.kind, old.owner, old.id))?;
    if let Some(at) = old.expires_at {
        tables.record_expiries.remove(&expiry_key(old.kind, at, old.id))?;
    }
    Ok(())
}

/// Removes what expired first, as far as it expired before this time. One that cannot be read fails the rest.
fn forget(
    tables: &mut Tables<'_>,
    kind: RecordKind,
    before: Timestamp,
    limit: usize,
) -> Result<Result<(), AccountError>, redb::Error> {
    let (begin, end) = (expiry_key(kind, Timestamp::from_millis(i64::MIN), Uuid::nil()), expiry_key(kind, before, Uuid::nil()));
    let mut expired = Vec::new();
    for row in tables.record_expiries.range::<&[u8; 25]>(&begin..&end)?.take(limit) {
        expired.push(*row?.0.value());
    }
    for key in expired {
        match stored(tables, kind, id_of(&key[9..]))? {
            Ok(Some(record)) => remove(tables, &record)?,
            Ok(None) => {}
            Err(error) => return Ok(Err(error)),
        }
        // Also when it stood there for nothing: else it would be found for ever.
        tables.record_expiries.remove(&key)?;
    }
    Ok(Ok(()))
}

impl EmbeddedStore {
    /// Writes a record as it is where there is none.
    pub(super) fn insert_record(&self, record: Record) -> BoxFuture<'static, Result<(), AccountError>> {
        self.change(move |tables| match stored(tables, record.kind, record.id)? {
            Err(error) => Ok(Err(error)),
            Ok(Some(_)) => Ok(Err(AccountError::IdTaken)),
            Ok(None) => put(tables, None, &record),
        })
    }
}

impl RecordStore for EmbeddedStore {
    fn put_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>> {
        if record.version == 1 {
            return self.insert_record(record);
        }
        self.change(move |tables| match stored(tables, record.kind, record.id)? {
            Err(error) => Ok(Err(error)),
            Ok(Some(old)) if old.version.checked_add(1) == Some(record.version) => put(tables, Some(&old), &record),
            Ok(_) => Ok(Err(AccountError::Changed)),
        })
    }

    fn record(&self, kind: RecordKind, id: Uuid) -> Later<'_, Option<Record>> {
        let read = move |transaction: &ReadTransaction| {
            let stored = transaction.open_table(RECORDS)?.get(&record_key(kind, id))?;
            stored.map(|stored| records::decode(kind, stored.value())).transpose().map_err(ReadError::Store)
        };
        self.read(read).boxed()
    }

    fn records_of(&self, kind: RecordKind, owner: Uuid, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        let read = move |transaction: &ReadTransaction| {
            let (owners, records) = (transaction.open_table(RECORD_OWNERS)?, transaction.open_table(RECORDS)?);
            let (begin, end) = (owner_key(kind, owner, after.unwrap_or(Uuid::nil())), owner_key(kind, owner, Uuid::max()));
            let mut found = Vec::new();
            for row in owners.range::<&[u8; 33]>(&begin..=&end)? {
                let (key, _) = row?;
                let id = id_of(&key.value()[17..]);
                if found.len() == limit {
                    break;
                }
                if after != Some(id)
                    && let Some(stored) = records.get(&record_key(kind, id))?
                {
                    found.push(records::decode(kind, stored.value()).map_err(ReadError::Store)?);
                }
            }
            Ok(found)
        };
        self.read(read).boxed()
    }

    fn records(&self, kind: RecordKind, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        let read = move |transaction: &ReadTransaction| {
            let records = transaction.open_table(RECORDS)?;
            let (begin, end) = (record_key(kind, after.unwrap_or(Uuid::nil())), record_key(kind, Uuid::max()));
            let mut found = Vec::new();
            for row in records.range::<&[u8; 17]>(&begin..=&end)? {
                let (key, stored) = row?;
                if found.len() == limit {
                    break;
                }
                if after != Some(id_of(&key.value()[1..])) {
                    found.push(records::decode(kind, stored.value()).map_err(ReadError::Store)?);
                }
            }
            Ok(found)
        };
        self.read(read).boxed()
    }

    fn delete_record(&self, kind: RecordKind, id: Uuid) -> Later<'_, ()> {
        store_only(self.change(move |tables| match stored(tables, kind, id)? {
            Err(error) => Ok(Err(error)),
            Ok(old) => {
                old.iter().try_for_each(|old| remove(tables, old))?;
                Ok(Ok(()))
            }
        }))
    }

    fn forget_expired(&self, before: Timestamp, limit: usize) -> Later<'_, ()> {
        store_only(self.change(move |tables| {
            let mut outcome = Ok(());
            for kind in RecordKind::ALL {
                // One that cannot be read keeps only its own kind.
                outcome = outcome.and(forget(tables, kind, before, limit)?);
            }
            Ok(outcome)
        }))
    }
}
