//! Records, in memory.

use super::{MemoryStore, now};
use crate::{
    domain::Timestamp,
    records::{Record, RecordKind, RecordStore},
    store::{AccountError, Later},
};
use futures::future::{BoxFuture, FutureExt, ready};
use uuid::Uuid;

impl RecordStore for MemoryStore {
    fn put_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>> {
        let mut data = self.data();
        let key = (record.kind, record.id);
        let result = match (record.version, data.records.get(&key)) {
            (1, None) => Ok(()),
            (1, Some(_)) => Err(AccountError::IdTaken),
            (version, Some(old)) if old.version.checked_add(1) == Some(version) => Ok(()),
            _ => Err(AccountError::Changed),
        };
        if result.is_ok() {
            data.records.insert(key, record);
        }
        ready(result).boxed()
    }
    fn record(&self, kind: RecordKind, id: Uuid) -> Later<'_, Option<Record>> {
        now(self.data().records.get(&(kind, id)).cloned())
    }
    fn records_of(&self, kind: RecordKind, owner: Uuid, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        let data = self.data();
        let wanted = |record: &&Record| record.kind == kind && record.owner == owner && Some(record.id) > after;
        now(data.records.values().filter(wanted).take(limit).cloned().collect())
    }
    fn records(&self, kind: RecordKind, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>> {
        let data = self.data();
        let wanted = |record: &&Record| record.kind == kind && Some(record.id) > after;
        now(data.records.values().filter(wanted).take(limit).cloned().collect())
    }
    fn delete_record(&self, kind: RecordKind, id: Uuid) -> Later<'_, ()> {
        self.data().records.remove(&(kind, id));
        now(())
    }
    fn forget_expired(&self, before: Timestamp, limit: usize) -> Later<'_, ()> {
        let mut data = self.data();
        for kind in RecordKind::ALL {
            let expired = |record: &&Record| record.kind == kind && record.expires_at.is_some_and(|at| at < before);
            let ids: Vec<_> = data.records.values().filter(expired).take(limit).map(|record| record.id).collect();
            for id in ids {
                data.records.remove(&(kind, id));
            }
        }
        now(())
    }
}
