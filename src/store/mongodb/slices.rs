//! A part of a round of the projector: as many organizations as fit into memory when their documents are written out.
//!
//! The order inside is what makes it safe to fail anywhere: documents, then the mark that says how far they have come,
//! then the snapshot, behind which nobody looks for documents to catch up.

use super::{
    backlog::Pending,
    bulk::{self, Concern, MAX_BODY, Verb},
    database::{Database, PROJECTIONS, id, number},
    repair, snapshots,
};
use crate::store::documents::{self, Collection, DocumentId, Write};
use bson::{Bson, RawBson, RawDocument, RawDocumentBuf, cstr, doc, rawdoc};
use futures::future::try_join_all;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};
use tocsin_actors::{
    domain::{Org, OrgId, Seq},
    store::StoreError,
};
use uuid::Uuid;

/// How many bytes of documents are held at once.
const MAX_BYTES: usize = 8_000_000;

/// How many organizations go into one slice: their marks travel in one message.
const MAX_ORGS: usize = 1_000;

/// What is written together.
#[derive(Default)]
pub(super) struct Slice {
    rewritten: Vec<Arc<Org>>,
    deletes: BTreeMap<Collection, Vec<RawDocumentBuf>>,
    puts: BTreeMap<Collection, Vec<Put>>,
    marks: Vec<(OrgId, Seq)>,
    snapshots: Vec<Arc<Org>>,
    bytes: usize,
}

/// A document on its way.
struct Put {
    org: OrgId,
    id: RawBson,
    statement: RawDocumentBuf,
}

impl AsRef<RawDocument> for Put {
    fn as_ref(&self) -> &RawDocument {
        &self.statement
    }
}

impl Slice {
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MAX_BYTES || self.marks.len().max(self.snapshots.len()) >= MAX_ORGS
    }

    /// Writes out what an organization waits for.
    pub(super) fn add(&mut self, pending: &Pending) -> Result<(), StoreError> {
        if let Some(org) = &pending.rewrite {
            // All of the newest state covers what commits touched too.
            let newest = pending.documents.as_ref().map(|documents| &documents.after).filter(|after| after.seq() > org.seq());
            let org = newest.unwrap_or(org);
            let writes = documents::all(org)?;
            self.rewritten.push(org.clone());
            self.take(org, writes)?;
        } else if let Some(documents) = &pending.documents {
            let commits: Vec<_> = documents.commits.iter().map(AsRef::as_ref).collect();
            let writes = documents::writes(&commits, &documents.after)?;
            self.take(&documents.after, writes)?;
        }
        self.snapshots.extend(pending.snapshot.clone());
        Ok(())
    }

    fn take(&mut self, org: &Org, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut seen = HashSet::with_capacity(writes.len());
        for write in writes {
            match write {
                Write::Put { collection, id, body } if seen.insert((collection, id)) => self.put(org, collection, body)?,
                Write::Delete { collection, id } if seen.insert((collection, id)) => {
                    let DocumentId::Entity(bytes) = id else { continue };
                    self.delete(org, collection, "_id", bytes, 1);
                }
                Write::Put { .. } | Write::Delete { .. } => {}
                Write::DeleteHistory { service } => {
                    self.delete(org, Collection::StatusChanges, "service", *service.uuid().as_bytes(), 0);
                }
                Write::DeleteAll => {
                    let all = *org.id().uuid().as_bytes();
                    Collection::ALL.into_iter().for_each(|collection| self.delete(org, collection, "org", all, 0));
                }
            }
        }
        self.marks.push((org.id(), org.seq()));
        Ok(())
    }

    /// Replaces a document that is not newer, or writes the first one. When a newer one is there, the guard does not
    /// find it, the server tries to insert, and the taken key tells that we were overtaken. A change of a status is true
    /// for ever: it is inserted, which costs the server a fraction, and a taken key says that it is there already.
    fn put(&mut self, org: &Org, collection: Collection, body: RawDocumentBuf) -> Result<(), StoreError> {
        let size = body.as_bytes().len();
        if size > MAX_BODY {
            tracing::error!(org = %org.id(), collection = collection.name(), size, "document is too large for MongoDB and stays as it was");
            return Ok(());
        }
        let id = body.get("_id").ok().flatten().ok_or_else(|| StoreError::Corrupt("a document without `_id`".into()))?;
        let id = RawBson::from(id);
        let statement = match collection {
            Collection::StatusChanges => body,
            _ => {
                let mut statement = RawDocumentBuf::new();
                statement.append(cstr!("q"), rawdoc! { "_id": id.clone(), "seq": { "$lte": number(org.seq()) } });
                statement.append(cstr!("u"), body);
                statement.append(cstr!("upsert"), true);
                statement
            }
        };
        self.bytes += size;
        self.puts.entry(collection).or_default().push(Put { org: org.id(), id, statement });
        Ok(())
    }

    /// Deletes what is not newer.
    fn delete(&mut self, org: &Org, collection: Collection, field: &'static str, value: [u8; 16], limit: i32) {
        let mut which = doc! { field: id(Uuid::from_bytes(value)) };
        which.insert("seq", doc! { "$lte": number(org.seq()) });
        self.deletes.entry(collection).or_default().push(statement(doc! { "q": which, "limit": limit }));
    }

    /// Writes everything. Answers organizations of which a document was refused, and why; fails as a whole when the
    /// server could not be asked. Doing it again does no harm.
    pub(super) async fn write(self, database: &Database) -> Result<HashMap<OrgId, String>, StoreError> {
        self.throw_away(database).await?;
        let deletes = self.deletes.iter().map(|(collection, statements)| delete(database, collection.name(), statements));
        try_join_all(deletes).await?;
        let mut failed = HashMap::new();
        let puts = self.puts.iter().map(|(collection, puts)| write_puts(database, *collection, puts));
        failed.extend(try_join_all(puts).await?.into_iter().flatten());

        let marks: Vec<_> = self.marks.iter().filter(|(org, _)| !failed.contains_key(org)).copied().collect();
        for (org, seq) in mark(database, &marks).await? {
            let mine = self.puts.iter().map(|(collection, puts)| {
                let ids = puts.iter().filter(|put| put.org == org).filter_map(|put| Bson::try_from(put.id.clone()).ok());
                (*collection, ids.collect())
            });
            repair::remove_revived(database, org, seq, mine.collect()).await?;
        }
        let snapshots: Vec<_> = self.snapshots.iter().filter(|org| !failed.contains_key(&org.id())).cloned().collect();
        snapshots::save(database, &snapshots).await?;
        Ok(failed)
    }

    /// What is written anew is thrown away first, whatever its `seq` claims.
    async fn throw_away(&self, database: &Database) -> Result<(), StoreError> {
        if self.rewritten.is_empty() {
            return Ok(());
        }
        let all = |field: &str| -> Vec<_> {
            self.rewritten.iter().map(|org| statement(doc! { "q": { field: id(org.id().uuid()) }, "limit": 0 })).collect()
        };
        for collection in Collection::ALL {
            let statements = match collection {
                Collection::StatusChanges => self.rewritten.iter().map(|org| remembered_changes(org)).collect(),
                _ => all("org"),
            };
            delete(database, collection.name(), &statements).await?;
        }
        delete(database, snapshots::PARTS, &all("org")).await?;
        delete(database, snapshots::SNAPSHOTS, &all("_id")).await?;
        delete(database, PROJECTIONS, &all("_id")).await
    }
}

async fn write_puts(database: &Database, collection: Collection, puts: &[Put]) -> Result<Vec<(OrgId, String)>, StoreError> {
    let verb = if collection == Collection::StatusChanges { Verb::Insert } else { Verb::Update };
    let answers = bulk::run(database, verb, collection.name(), puts, Concern::Accepted).await?;
    Ok(answers.refused.into_iter().map(|(index, reason)| (puts[index].org, reason)).collect())
}

async fn delete(database: &Database, collection: &str, statements: &[RawDocumentBuf]) -> Result<(), StoreError> {
    let answers = bulk::run(database, Verb::Delete, collection, statements, Concern::Accepted).await?;
    match answers.refused.into_iter().next() {
        Some((_, reason)) => Err(StoreError::Unavailable(reason)),
        None => Ok(()),
    }
}

/// Says how far the documents have come, and answers those organizations whose mark was further already.
async fn mark(database: &Database, marks: &[(OrgId, Seq)]) -> Result<Vec<(OrgId, Seq)>, StoreError> {
    let one = |(org, seq): &(OrgId, Seq)| {
        let (org, seq) = (id(org.uuid()), number(*seq));
        let guard = doc! { "_id": org.clone(), "seq": { "$lte": seq } };
        statement(doc! { "q": guard, "u": { "_id": org, "seq": seq }, "upsert": true })
    };
    let statements: Vec<_> = marks.iter().map(one).collect();
    let answers = bulk::run(database, Verb::Update, PROJECTIONS, &statements, Concern::Durable).await?;
    match answers.refused.into_iter().next() {
        Some((_, reason)) => Err(StoreError::Unavailable(reason)),
        None => Ok(answers.overtaken.into_iter().map(|index| marks[index]).collect()),
    }
}

/// Deletes the changes of a status that can be made again from memory, and those that are nobody's.
fn remembered_changes(org: &Org) -> RawDocumentBuf {
    let mut which = doc! { "org": id(org.id().uuid()) };
    let forgotten = documents::forgotten(org);
    let forgotten: Vec<_> = forgotten
        .map(|(service, oldest)| doc! { "service": id(service.uuid()), "_id.number": { "$lt": number(oldest.into()) } })
        .collect();
    if !forgotten.is_empty() {
        which.insert("$nor", forgotten);
    }
    statement(doc! { "q": which, "limit": 0 })
}

fn statement(statement: bson::Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(&statement).expect("a document made of ids and numbers can be written")
}
