//! What checks, exports and imports ask, in memory.

use super::{MemoryStore, now};
use crate::{
    domain::{Name, Org, OrgId, Timestamp},
    records::Record,
    store::{AccountError, Archive, Later, NameClaim, StoreError, StoredDocument},
};
use futures::future::{BoxFuture, FutureExt, ready};
use serde::Serialize;
use std::{collections::btree_map::Entry, sync::Arc};

impl Archive for MemoryStore {
    fn organizations(&self, after: Option<OrgId>, limit: usize) -> Later<'_, Vec<OrgId>> {
        now(self.data().orgs.keys().filter(|id| Some(**id) > after).take(limit).copied().collect())
    }
    fn documents(&self, org: OrgId) -> Later<'_, Vec<StoredDocument>> {
        let latest = self.data().orgs.get(&org).and_then(|rows| rows.latest.clone());
        now(latest.map(|org| documents(&org)).unwrap_or_default())
    }
    fn expected_documents(&self, org: &Org) -> Vec<StoredDocument> {
        documents(org)
    }
    fn rewrite(&self, org: Arc<Org>) -> Later<'_, ()> {
        if let Some(rows) = self.data().orgs.get_mut(&org.id()) {
            rows.snapshot = Some(org.clone());
            rows.latest = Some(org);
        }
        now(())
    }
    fn names(&self, since: Option<Timestamp>, after: Option<Name>, limit: usize) -> Later<'_, Vec<NameClaim>> {
        let data = self.data();
        let claims = data.names.iter().filter(|(name, (_, at))| Some(*name) > after.as_ref() && Some(*at) >= since).take(limit);
        now(claims.map(|(name, (org, at))| NameClaim { name: name.clone(), org: *org, at: *at }).collect())
    }
    fn last_number(&self) -> Later<'_, u64> {
        now(self.data().number)
    }
    fn skip_numbers(&self, last: u64) -> Later<'_, ()> {
        let mut data = self.data();
        data.number = data.number.max(last);
        now(())
    }
    fn restore_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>> {
        let mut data = self.data();
        let result = match data.records.entry((record.kind, record.id)) {
            Entry::Occupied(_) => Err(AccountError::IdTaken),
            Entry::Vacant(free) => {
                free.insert(record);
                Ok(())
            }
        };
        ready(result).boxed()
    }
    fn begin_import(&self) -> Later<'_, ()> {
        let was_importing = std::mem::replace(&mut self.data().importing, true);
        ready(if was_importing { Err(StoreError::Conflict) } else { Ok(()) }).boxed()
    }
    fn end_import(&self) -> Later<'_, ()> {
        self.data().importing = false;
        now(())
    }
}

/// One an entity: enough to be compared.
fn documents(org: &Org) -> Vec<StoredDocument> {
    fn document<T: Serialize>(collection: &'static str, id: impl ToString, entity: &T) -> StoredDocument {
        let fields = bson::serialize_to_document(entity).expect("entities are documents");
        StoredDocument { collection, id: id.to_string(), fields, seq: 0 }
    }
    let mut all: Vec<_> = org.organization().map(|one| document("organizations", one.id, one.as_ref())).into_iter().collect();
    all.extend(org.members().values().map(|one| document("members", one.id, one.as_ref())));
    all.extend(org.teams().values().map(|one| document("teams", one.id, one.as_ref())));
    all.extend(org.groups().values().map(|one| document("service_groups", one.id, one.as_ref())));
    all.extend(org.services().values().map(|one| document("services", one.id, one.as_ref())));
    all.extend(org.incidents().values().map(|one| document("incidents", one.id, one.as_ref())));
    all.extend(org.monitors().values().map(|one| document("monitors", one.id, one.as_ref())));
    for service in org.services().keys() {
        let changes = org.history(*service).into_iter().flat_map(|history| history.iter());
        all.extend(changes.map(|one| document("status_changes", one.number, one)));
    }
    all
}
