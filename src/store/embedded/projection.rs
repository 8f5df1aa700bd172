//! Documents, written in the transaction of their commit.

use super::readings;
use super::tables::{Id, Tables, documents_prefix, history_prefix, membership_key, prefix_end};
use crate::store::documents::{Collection, DocumentId, Write};
use bson::{RawDocument, RawDocumentBuf};
use redb::ReadableTable;
use tocsin_actors::{
    domain::{Org, OrgId, ServiceId, Timestamp},
    store::StoreError,
};

/// What has to be done to an organization's documents and to what is looked up in them.
pub(super) struct Projection {
    org: OrgId,
    writes: Vec<(Vec<u8>, Write)>,
    /// When time will change something, if that may have changed.
    due: Option<Option<Timestamp>>,
}

impl Projection {
    /// Everything is prepared here, on the thread of whoever hands it over; the writer only moves bytes.
    pub(super) fn new(after: &Org, writes: Vec<Write>) -> Result<Self, StoreError> {
        let org = after.id();
        let moves_time = |write: &Write| match write {
            Write::Put { collection, .. } | Write::Delete { collection, .. } => *collection == Collection::Incidents,
            Write::DeleteHistory { .. } => false,
            Write::DeleteAll => true,
        };
        let due = writes.iter().any(moves_time).then(|| after.next_due());
        let keyed = |write| Ok((key(org, &write)?, write));
        Ok(Self { org, writes: writes.into_iter().map(keyed).collect::<Result<_, StoreError>>()?, due })
    }

    /// How many bytes it will write, about.
    pub(super) fn bytes(&self) -> usize {
        let size = |(key, write): &(Vec<u8>, Write)| match write {
            Write::Put { body, .. } => key.len() + body.as_bytes().len(),
            _ => key.len(),
        };
        self.writes.iter().map(size).sum()
    }

    pub(super) fn write(&self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        for (key, write) in &self.writes {
            match write {
                Write::Put { collection, body, .. } => {
                    tables.documents.insert(key.as_slice(), body.as_bytes())?;
                    if *collection == Collection::Members
                        && let Some(membership) = membership(self.org, body)
                    {
                        tables.memberships.insert(&membership, ())?;
                    }
                }
                Write::Delete { collection: Collection::Monitors, id: DocumentId::Entity(monitor) } => {
                    tables.documents.remove(key.as_slice())?;
                    readings::forget(tables, monitor)?;
                }
                Write::Delete { collection, .. } => {
                    let removed = tables.documents.remove(key.as_slice())?;
                    if *collection == Collection::Members
                        && let Some(membership) = removed.and_then(|old| membership_in(self.org, old.value()))
                    {
                        tables.memberships.remove(&membership)?;
                    }
                }
                Write::DeleteHistory { .. } => delete_all(tables, key)?,
                Write::DeleteAll => delete_organization(tables, self.org)?,
            }
        }
        let org = self.org.uuid().into_bytes();
        match self.due {
            Some(Some(due)) => drop(tables.due.insert(&org, due.millis())?),
            Some(None) => drop(tables.due.remove(&org)?),
            None => {}
        }
        Ok(())
    }
}

/// Removes every document of an organization, with what points to it. Its snapshot holds the same things, so it goes too.
pub(super) fn delete_organization(tables: &mut Tables<'_>, org: OrgId) -> Result<(), redb::Error> {
    let members = documents_prefix(Collection::Members as u8, org);
    for member in tables.documents.extract_from_if(members.as_slice()..=prefix_end(&members).as_slice(), |_, _| true)? {
        if let Some(membership) = membership_in(org, member?.1.value()) {
            tables.memberships.remove(&membership)?;
        }
    }
    let monitors = documents_prefix(Collection::Monitors as u8, org);
    let mut forgotten = Vec::new();
    for monitor in tables.documents.range(monitors.as_slice()..=prefix_end(&monitors).as_slice())? {
        forgotten.extend(Id::try_from(&monitor?.0.value()[monitors.len()..]).ok());
    }
    forgotten.iter().try_for_each(|monitor| readings::forget(tables, monitor))?;
    for collection in Collection::ALL {
        delete_all(tables, &documents_prefix(collection as u8, org))?;
    }
    let org = org.uuid().into_bytes();
    tables.due.remove(&org)?;
    tables.snapshots.remove(&org)?;
    Ok(())
}

fn delete_all(tables: &mut Tables<'_>, prefix: &[u8]) -> Result<(), redb::Error> {
    Ok(tables.documents.retain_in(prefix..=prefix_end(prefix).as_slice(), |_, _| false)?)
}

fn key(org: OrgId, write: &Write) -> Result<Vec<u8>, StoreError> {
    Ok(match write {
        Write::Put { collection, id: DocumentId::Numbered(_, number), body } => {
            let service = id_in(body, "service").ok_or_else(|| StoreError::Corrupt("a status change without service".into()))?;
            let mut key = history_prefix(*collection as u8, org, ServiceId::new(uuid::Uuid::from_bytes(service)));
            key.extend_from_slice(&number.to_be_bytes());
            key
        }
        Write::Put { collection, id: DocumentId::Entity(id), .. } | Write::Delete { collection, id: DocumentId::Entity(id) } => {
            let mut key = documents_prefix(*collection as u8, org);
            key.extend_from_slice(id);
            key
        }
        Write::Delete { id: DocumentId::Numbered(..), .. } => {
            return Err(StoreError::Corrupt("status changes are deleted with their service".into()));
        }
        Write::DeleteHistory { service } => history_prefix(Collection::StatusChanges as u8, org, *service),
        Write::DeleteAll => Vec::new(),
    })
}

fn membership(org: OrgId, member: &RawDocumentBuf) -> Option<[u8; 48]> {
    Some(membership_key(id_in(member, "user")?, org, id_in(member, "_id")?))
}

fn membership_in(org: OrgId, member: &[u8]) -> Option<[u8; 48]> {
    membership(org, &RawDocumentBuf::from_bytes(member.to_vec()).ok()?)
}

fn id_in(document: &RawDocument, field: &str) -> Option<Id> {
    document.get_binary(field).ok()?.bytes.try_into().ok()
}
