//! The driver, with what must never be forgotten already decided: concerns, time limits, the written form of ids.

use super::errors;
use bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::{
    Cursor,
    options::{CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use std::{future::IntoFuture, time::Duration};
use tocsin_actors::{domain::OrgId, store::StoreError};
use uuid::Uuid;

/// How long the driver looks for a server that can do the work. Long enough for most elections, short enough that
/// somebody who started us with a wrong host has an answer before reaching for the keyboard.
pub(super) const SELECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one message may take, finding a server included: longer than `SELECTION_TIMEOUT`, so that "nothing was
/// sent" is told apart from "nobody answered"; a healthy server answers in milliseconds.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(7);

/// How long the server waits for its majority before it says that it does not know. Shorter than `ANSWER_TIMEOUT`, so
/// that the answer arrives.
pub(super) const MAJORITY_TIMEOUT: Duration = Duration::from_secs(5);

/// The collection of commits: the truth.
pub(super) const COMMITS: &str = "commits";
/// How far the documents of each organization have come.
pub(super) const PROJECTIONS: &str = "projections";

/// Documents as bytes: our own types are read and written by `documents`, never by the driver.
pub(super) type Raw = mongodb::Collection<RawDocumentBuf>;

/// A database of ours.
#[derive(Clone)]
pub(super) struct Database {
    pub(super) inner: mongodb::Database,
}

impl Database {
    /// A collection in which writes are durable on a majority before they count, and in which nothing is read that
    /// could be rolled back.
    pub(super) fn collection(&self, name: &str) -> Raw {
        let options = CollectionOptions::builder()
            .write_concern(write_concern())
            .read_concern(ReadConcern::majority())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        self.inner.collection_with_options(name, options)
    }

    /// Whether the primary answers.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        read(self.inner.run_command(doc! { "ping": 1 })).await.map(drop)
    }
}

/// Durable on a majority of the servers, in their journals.
pub(super) fn write_concern() -> WriteConcern {
    WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority).journal(true).w_timeout(MAJORITY_TIMEOUT).build()
}

/// The same for raw commands, which do not take it from the client.
pub(super) fn write_concern_document() -> Document {
    doc! { "w": "majority", "j": true, "wtimeout": i64::try_from(MAJORITY_TIMEOUT.as_millis()).unwrap_or(i64::MAX) }
}

/// Asks, in bounded time.
pub(super) async fn read<T>(question: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T, StoreError> {
    match tokio::time::timeout(ANSWER_TIMEOUT, question.into_future()).await {
        Ok(answer) => answer.map_err(|error| errors::reading(&error)),
        Err(_) => Err(StoreError::Unavailable(errors::no_answer())),
    }
}

/// Asks for many documents. The time is bounded for each message, because how many there are is not.
pub(super) async fn read_all(
    question: impl IntoFuture<Output = mongodb::error::Result<Cursor<RawDocumentBuf>>>,
) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let mut cursor = read(question).await?;
    let mut found = Vec::new();
    while read(cursor.advance()).await? {
        found.push(cursor.current().to_owned());
    }
    Ok(found)
}

/// How many documents a cursor of an aggregation gives, read as bytes.
pub(super) async fn aggregate(collection: &Raw, pipeline: Vec<Document>) -> Result<Vec<RawDocumentBuf>, StoreError> {
    read_all(collection.aggregate(pipeline).with_type::<RawDocumentBuf>()).await
}

/// An id as documents have it.
pub(super) fn id(uuid: Uuid) -> Bson {
    bson::Uuid::from_bytes(*uuid.as_bytes()).into()
}

/// A `seq`, or another count, as documents have it.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads an organization's id from a field.
pub(super) fn org_in(document: &RawDocumentBuf, field: &str) -> Result<OrgId, StoreError> {
    let corrupt = || StoreError::Corrupt(format!("`{field}` is not the id of an organization"));
    match document.get(field) {
        Ok(Some(bson::RawBsonRef::Binary(binary))) => Uuid::from_slice(binary.bytes).map(OrgId::new).map_err(|_| corrupt()),
        _ => Err(corrupt()),
    }
}

/// Reads a count from a field, in whatever width it was written.
pub(super) fn number_in(document: &RawDocumentBuf, field: &str) -> Result<u64, StoreError> {
    let number = match document.get(field) {
        Ok(Some(bson::RawBsonRef::Int64(number))) => Some(number),
        Ok(Some(bson::RawBsonRef::Int32(number))) => Some(i64::from(number)),
        _ => None,
    };
    number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| StoreError::Corrupt(format!("`{field}` is not a count")))
}
