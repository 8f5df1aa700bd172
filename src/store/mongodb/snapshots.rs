//! Snapshots: an organization as of one `seq`, so that loading it need not replay its life.
//!
//! A shortcut and nothing more. One that is missing, half written or of another version is as good as none: then the
//! commits are read from the start.

use super::{
    bulk::{self, Concern, Verb},
    database::{Database, id, number, number_in, read, read_all},
};
use crate::store::documents;
use bson::{Binary, Bson, Document, RawDocumentBuf, doc, spec::BinarySubtype};
use std::sync::Arc;
use tocsin_actors::{
    domain::{Org, OrgId},
    store::StoreError,
};

/// One snapshot an organization; small ones whole, of large ones the description.
pub(super) const SNAPSHOTS: &str = "snapshots";
/// The pieces of large ones.
pub(super) const PARTS: &str = "snapshot_parts";

/// The written form of `Org`. Counted up when an older version could misread it.
const FORMAT: u64 = 1;

/// The largest snapshot, or piece of one, that is written into one document: MongoDB allows 16 MiB.
const MAX_PART: usize = 12_000_000;

/// The newest snapshot, if this version can read it.
pub(super) async fn load(database: &Database, org: OrgId) -> Result<Option<Org>, StoreError> {
    let Some(stored) = read(database.collection(SNAPSHOTS).find_one(doc! { "_id": id(org.uuid()) })).await? else {
        return Ok(None);
    };
    if number_in(&stored, "format")? != FORMAT {
        return Ok(None);
    }
    let mut bytes = bytes_of(&stored).to_vec();
    let parts = number_in(&stored, "parts")?;
    if parts > 0 {
        let this = doc! { "org": id(org.uuid()), "seq": number(number_in(&stored, "seq")?) };
        let found = read_all(database.collection(PARTS).find(this).sort(doc! { "part": 1 })).await?;
        if found.len() as u64 != parts {
            return Ok(None); // replaced while we were reading
        }
        found.iter().for_each(|part| bytes.extend_from_slice(bytes_of(part)));
    }
    match documents::decode(&bytes) {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(error) => {
            tracing::warn!(%org, %error, "snapshot cannot be read, replaying all commits instead");
            Ok(None)
        }
    }
}

/// Keeps snapshots, each unless a newer one is there.
pub(super) async fn save(database: &Database, orgs: &[Arc<Org>]) -> Result<(), StoreError> {
    let mut descriptions = Vec::new();
    let mut outdated = Vec::new();
    let mut bytes = 0;
    for org in orgs {
        let (key, seq) = (id(org.id().uuid()), number(org.seq()));
        let encoded = encode(org.clone()).await?;
        bytes += encoded.len();
        let (parts, whole) = if encoded.len() > MAX_PART {
            // First, so that what the description promises is there.
            (save_parts(database, &key, seq, &encoded).await?, Vec::new())
        } else {
            (0, encoded)
        };
        let description = doc! { "_id": key.clone(), "seq": seq, "format": number(FORMAT), "parts": parts, "data": binary(whole) };
        let guard = doc! { "_id": key.clone(), "seq": { "$lte": seq } };
        descriptions.push(statement(doc! { "q": guard, "u": description, "upsert": true })?);
        outdated.push(statement(doc! { "q": { "org": key, "seq": { "$lt": seq } }, "limit": 0 })?);
        if bytes > MAX_PART {
            flush(database, Verb::Update, SNAPSHOTS, &mut descriptions).await?;
            bytes = 0;
        }
    }
    flush(database, Verb::Update, SNAPSHOTS, &mut descriptions).await?;
    flush(database, Verb::Delete, PARTS, &mut outdated).await
}

async fn save_parts(database: &Database, org: &Bson, seq: i64, encoded: &[u8]) -> Result<i64, StoreError> {
    let mut count = 0;
    for piece in encoded.chunks(MAX_PART) {
        let key = doc! { "org": org.clone(), "seq": seq, "part": count };
        let part = doc! { "_id": key.clone(), "org": org.clone(), "seq": seq, "part": count, "data": binary(piece.to_vec()) };
        let mut one = vec![statement(doc! { "q": { "_id": key }, "u": part, "upsert": true })?];
        flush(database, Verb::Update, PARTS, &mut one).await?;
        count += 1;
    }
    Ok(count)
}

/// Megabytes, perhaps: not on a thread that others wait for.
async fn encode(org: Arc<Org>) -> Result<Vec<u8>, StoreError> {
    let encoded = tokio::task::spawn_blocking(move || documents::encode(org.as_ref())).await;
    encoded.map_err(|error| StoreError::Unknown(error.to_string()))?.map(RawDocumentBuf::into_bytes)
}

async fn flush(database: &Database, verb: Verb, collection: &str, statements: &mut Vec<RawDocumentBuf>) -> Result<(), StoreError> {
    let answers = bulk::run(database, verb, collection, statements, Concern::Durable).await?;
    statements.clear();
    // Overtaken ones are fine: a newer snapshot is there.
    match answers.refused.into_iter().next() {
        Some((_, reason)) => Err(StoreError::Unavailable(reason)),
        None => Ok(()),
    }
}

fn statement(statement: Document) -> Result<RawDocumentBuf, StoreError> {
    RawDocumentBuf::try_from(&statement).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn binary(bytes: Vec<u8>) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes }
}

fn bytes_of(document: &RawDocumentBuf) -> &[u8] {
    document.get_binary("data").map(|binary| binary.bytes).unwrap_or_default()
}
