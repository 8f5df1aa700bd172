//! The port for small documents of identity: sessions, API keys, invitations, signing keys; and for leases. Each is found by
//! its id, or listed by its owner, and changed only by whoever read the version before.
//!
//! They belong to no organization's actor, because they are looked up before it is known which organization is meant.
//! A store keeps each kind in a collection of its own and understands nothing of what is inside.

use crate::{
    domain::Timestamp,
    store::{AccountError, Later, StoreError},
};
use bson::RawDocumentBuf;
use futures::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// What a record is. The discriminant is its key in the embedded store: never changed, never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RecordKind {
    /// Somebody who is logged in somewhere; owned by the user.
    Session = 1,
    /// A program's way in; owned by the organization.
    ApiKey = 2,
    /// A link by which somebody may join; owned by the organization.
    Invite = 3,
    /// A key that signs access tokens; owned by nobody (the nil id).
    SigningKey = 4,
    /// A first answer that is given again to a retry; owned by who asked.
    Answer = 5,
    /// In which life of the installation numbers are counted; owned by nobody (the nil id). Not carried to other stores.
    Epoch = 6,
    /// Which of several servers does a piece of work that one shall do; owned by that one. Not carried to other stores.
    Lease = 7,
}

impl RecordKind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Session, Self::ApiKey, Self::Invite, Self::SigningKey, Self::Answer, Self::Epoch, Self::Lease];

    /// The name of its collection.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "sessions",
            Self::ApiKey => "api_keys",
            Self::Invite => "invites",
            Self::SigningKey => "signing_keys",
            Self::Answer => "answers",
            Self::Epoch => "epochs",
            Self::Lease => "leases",
        }
    }
}

/// One of them.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// What it is.
    pub kind: RecordKind,
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Uuid,
    /// Counts the changes, from 1, so that two of them cannot overwrite each other.
    pub version: u64,
    /// When it may be thrown away.
    pub expires_at: Option<Timestamp>,
    /// What it says.
    pub body: RawDocumentBuf,
}

impl Record {
    /// A record to be written for the first time.
    pub fn new<T: Serialize>(
        kind: RecordKind,
        id: Uuid,
        owner: Uuid,
        expires_at: Option<Timestamp>,
        body: &T,
    ) -> Result<Self, StoreError> {
        Ok(Self { kind, id, owner, version: 1, expires_at, body: written(body)? })
    }

    /// What it says.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        bson::deserialize_from_slice(self.body.as_bytes()).map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    /// The same record, saying something else, ready to replace this one.
    pub fn changed<T: Serialize>(&self, expires_at: Option<Timestamp>, body: &T) -> Result<Self, StoreError> {
        Ok(Self { version: self.version + 1, expires_at, body: written(body)?, ..self.clone() })
    }
}

/// Through bytes, because that is what keeps ids and times in their stored form; see `domain::ids`.
fn written<T: Serialize>(body: &T) -> Result<RawDocumentBuf, StoreError> {
    let bytes = bson::serialize_to_vec(body).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    RawDocumentBuf::from_bytes(bytes).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Where they are kept. Every write is durable when it is answered.
pub trait RecordStore: Send + Sync + 'static {
    /// Writes a record: version 1 where there is none of this kind and id (else [`AccountError::IdTaken`]), any other in
    /// place of the version before it (else [`AccountError::Changed`]).
    fn put_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>>;
    /// Finds one. One that has expired may be found or not: whoever reads it looks at the time.
    fn record(&self, kind: RecordKind, id: Uuid) -> Later<'_, Option<Record>>;
    /// An owner's, by id, from behind `after`, at most `limit`.
    fn records_of(&self, kind: RecordKind, owner: Uuid, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>>;
    /// All of a kind, by id, from behind `after`, at most `limit`.
    fn records(&self, kind: RecordKind, after: Option<Uuid>, limit: usize) -> Later<'_, Vec<Record>>;
    /// Removes one. Unknown ones are removed already.
    fn delete_record(&self, kind: RecordKind, id: Uuid) -> Later<'_, ()>;
    /// Throws away what expired before this time, at most `limit` of each kind.
    fn forget_expired(&self, before: Timestamp, limit: usize) -> Later<'_, ()>;
}
