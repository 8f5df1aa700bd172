//! What to do when somebody else's documents were ahead of ours.
//!
//! The `seq` in a document keeps an older writer from replacing a newer document, but not from writing one that the
//! newer writer has deleted: there is no `seq` to compare with. Such a writer finds the organization's mark ahead of
//! its own afterwards, and takes back what it should not have written. (One that dies between the two leaves a document
//! too many, which `check` finds.)

use super::{
    bulk::{self, Concern, Verb},
    database::{Database, id, number},
    reading,
};
use crate::store::documents::Collection;
use bson::{Bson, RawDocumentBuf, doc};
use std::collections::{BTreeMap, HashSet};
use tocsin_actors::{
    domain::{Org, OrgId, Seq},
    store::StoreError,
};
use uuid::Uuid;

/// Removes those of our documents, written as of `seq`, that the organization of now does not have. Ids are never used
/// again, so what is gone now stays gone.
pub(super) async fn remove_revived(
    database: &Database,
    org: OrgId,
    seq: Seq,
    written: BTreeMap<Collection, Vec<Bson>>,
) -> Result<(), StoreError> {
    let now = replay(database, org).await?;
    for (collection, written) in written {
        let living = living(&now, collection);
        let which = match collection {
            Collection::StatusChanges => {
                let services: Vec<_> = now.services().keys().map(|service| id(service.uuid())).collect();
                doc! { "_id": { "$in": written }, "seq": { "$lte": number(seq) }, "service": { "$nin": services } }
            }
            _ => {
                let revived: Vec<_> = written.into_iter().filter(|id| uuid_in(id).is_none_or(|id| !living.contains(&id))).collect();
                doc! { "_id": { "$in": revived }, "seq": { "$lte": number(seq) } }
            }
        };
        let statement = RawDocumentBuf::try_from(&doc! { "q": which, "limit": 0 });
        let statement = statement.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        bulk::run(database, Verb::Delete, collection.name(), &[statement], Concern::Durable).await?;
    }
    tracing::info!(%org, seq, "somebody else wrote newer documents");
    Ok(())
}

async fn replay(database: &Database, org: OrgId) -> Result<Org, StoreError> {
    let loaded = reading::load(database, org).await?;
    let mut now = loaded.snapshot.unwrap_or_else(|| Org::new(org));
    for entry in loaded.commits.iter().flat_map(|commit| &commit.entries) {
        if entry.seq > now.seq() {
            now.apply(entry);
        }
    }
    Ok(now)
}

fn living(org: &Org, collection: Collection) -> HashSet<Uuid> {
    match collection {
        Collection::Organizations => org.organization().map(|_| org.id().uuid()).into_iter().collect(),
        Collection::Members => org.members().values().map(|member| member.id.uuid()).collect(),
        Collection::Teams => org.teams().keys().map(|id| id.uuid()).collect(),
        Collection::ServiceGroups => org.groups().keys().map(|id| id.uuid()).collect(),
        Collection::Services => org.services().keys().map(|id| id.uuid()).collect(),
        Collection::Incidents => org.incidents().keys().map(|id| id.uuid()).collect(),
        Collection::Monitors => org.monitors().keys().map(|id| id.uuid()).collect(),
        Collection::StatusChanges => HashSet::new(),
    }
}

fn uuid_in(id: &Bson) -> Option<Uuid> {
    match id {
        Bson::Binary(binary) => Uuid::from_slice(&binary.bytes).ok(),
        _ => None,
    }
}
