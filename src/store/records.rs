//! The stored form of a record: `{_id, owner, version, expires_at, body}`, ids as MongoDB UUIDs, the same in both stores.

use bson::{Binary, DateTime, RawBsonRef, RawDocument, RawDocumentBuf, cstr, spec::BinarySubtype};
use tocsin_actors::{
    domain::Timestamp,
    records::{Record, RecordKind},
    store::StoreError,
};
use uuid::Uuid;

/// A record as it is kept in the collection of its kind.
pub(crate) fn encode(record: &Record) -> Result<RawDocumentBuf, StoreError> {
    let version = i64::try_from(record.version).map_err(|_| StoreError::Corrupt("a version without end".into()))?;
    let mut stored = RawDocumentBuf::new();
    stored.append(cstr!("_id"), uuid(record.id));
    stored.append(cstr!("owner"), uuid(record.owner));
    stored.append(cstr!("version"), version);
    if let Some(at) = record.expires_at {
        stored.append(cstr!("expires_at"), DateTime::from_millis(at.millis()));
    }
    stored.append(cstr!("body"), record.body.clone());
    Ok(stored)
}

/// And back.
pub(crate) fn decode(kind: RecordKind, stored: &[u8]) -> Result<Record, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("a document in {} {what}", kind.name()));
    let stored = RawDocument::from_bytes(stored).map_err(|error| corrupt(&format!("cannot be read: {error}")))?;
    let uuid = |field| match stored.get(field) {
        Ok(Some(RawBsonRef::Binary(binary))) => Uuid::from_slice(binary.bytes).ok(),
        _ => None,
    };
    let version = match stored.get("version") {
        Ok(Some(RawBsonRef::Int64(version))) => u64::try_from(version).ok(),
        // A person with an old shell writes numbers like this.
        Ok(Some(RawBsonRef::Int32(version))) => u64::try_from(version).ok(),
        _ => None,
    };
    let expires_at = match stored.get("expires_at") {
        Ok(Some(RawBsonRef::DateTime(at))) => Some(Timestamp::from_millis(at.timestamp_millis())),
        Ok(None | Some(RawBsonRef::Null)) => None,
        _ => return Err(corrupt("expires at no time")),
    };
    Ok(Record {
        kind,
        id: uuid("_id").ok_or_else(|| corrupt("has no id"))?,
        owner: uuid("owner").ok_or_else(|| corrupt("has no owner"))?,
        version: version.ok_or_else(|| corrupt("has no version"))?,
        expires_at,
        body: stored.get_document("body").map_err(|_| corrupt("has no body"))?.to_owned(),
    })
}

fn uuid(uuid: Uuid) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: uuid.as_bytes().to_vec() }
}
