//! The ports: what the engine needs of a store. Adapters implement them from outside and pass `testkit::contract`.
//!
//! The commits are the truth. Documents are projections of them for people and queries, and snapshots are a shortcut
//! for loading; both can be thrown away and made again.

use crate::{
    accounts::User,
    domain::{Commit, Name, Org, OrgId, Seq, Timestamp, UserId},
    readings::ReadingStore,
    records::{Record, RecordStore},
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// An answer that comes later.
pub type Later<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Why the store could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another writer took this place in the log. Nothing of ours was written.
    #[error("another writer was faster")]
    Conflict,
    /// The store did not answer in time or the connection broke: it may have been written, now or later.
    #[error("the store did not confirm the write: {0}")]
    Unknown(String),
    /// The store cannot be reached. Nothing was written.
    #[error("the store is not reachable: {0}")]
    Unavailable(String),
    /// What is stored cannot be understood.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}

/// Told once, when it is known whether a commit is durable, and in bounded time: until then its organization writes
/// nothing else. Dropped untold it means [`StoreError::Unknown`].
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A commit on its way to the store.
pub struct Append {
    /// What happened.
    pub commit: Arc<Commit>,
    /// The organization after it, from which the documents are made.
    pub after: Arc<Org>,
    /// Who waits for it.
    pub done: Done,
}

/// What is stored of one organization.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The newest snapshot, if there is one that this version can read.
    pub snapshot: Option<Org>,
    /// Every commit after the snapshot, in order.
    pub commits: Vec<Commit>,
    /// Documents show everything up to here.
    pub documents_at: Seq,
}

/// An organization's events, in order, each once.
///
/// An organization has one commit on its way at a time; commits of many organizations may travel together, but the
/// conflict of one fails only that one.
pub trait CommitLog: Send + Sync + 'static {
    /// Stores all of a commit or nothing, durably, and then says so. Does not wait and never blocks: a queue inside
    /// the store collects what comes while it writes. `(org, first)` is unique, and `first` must follow the last
    /// stored event of the organization: anything else is [`StoreError::Conflict`].
    fn append(&self, append: Append);

    /// Reads what is needed to bring an organization to life. Unknown ones are empty, not an error.
    fn load(&self, org: OrgId) -> Later<'_, Loaded>;

    /// Reads commits that contain events after `after`, oldest first, at most `limit`.
    fn commits_after(&self, org: OrgId, after: Seq, limit: usize) -> Later<'_, Vec<Commit>>;

    /// Brings documents up to date with commits that were stored by somebody who could not finish. Does not wait.
    fn project(&self, commits: Vec<Commit>, after: Arc<Org>);

    /// Keeps a snapshot, sooner or later. May be dropped when there is more important work.
    fn save_snapshot(&self, org: Arc<Org>);

    /// Waits until documents and snapshots handed over so far are written.
    fn settle(&self) -> Later<'_, ()>;

    /// Organizations in which time alone will change something, and when. Includes organizations whose documents are
    /// behind their commits (with the time 0), because for them this question cannot be answered from documents.
    fn agenda(&self) -> Later<'_, Vec<(OrgId, Timestamp)>>;

    /// Whether it can be reached, right now.
    fn ping(&self) -> Later<'_, ()>;

    /// The same for who asks all the time: where that is the dearer question, without whether it could be written to.
    fn answers(&self) -> Later<'_, ()> {
        self.ping()
    }
}

/// Users and names of organizations: what must be unique in the whole installation, and so cannot live inside one organization.
pub trait AccountStore: Send + Sync + 'static {
    /// Adds a user. E-mail, username and external identities must be free.
    fn create_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>>;
    /// Replaces a user who still has the version before this one's.
    fn replace_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>>;
    /// Removes a user and frees the names. Unknown ones are removed already.
    fn delete_user(&self, id: UserId) -> Later<'_, ()>;
    /// Finds a user.
    fn user(&self, id: UserId) -> Later<'_, Option<User>>;
    /// Finds a user by one of the things that are unique.
    fn find_user(&self, by: UserKey) -> Later<'_, Option<User>>;
    /// Users by id, from behind `after`, at most `limit`.
    fn users(&self, after: Option<UserId>, limit: usize) -> Later<'_, Vec<User>>;
    /// The organizations that name this user as a member, as far as documents are written (`CommitLog::settle`).
    fn organizations_of(&self, user: UserId) -> Later<'_, Vec<OrgId>>;
    /// The organization that has a service, an incident, a team or a membership with this id, as far as documents are
    /// written: for clients whose addresses do not name it.
    fn organization_with(&self, entity: Uuid) -> Later<'_, Option<OrgId>>;
    /// The organizations that say that they are this one of an identity provider (see `entities::EXTERNAL_ORG`), as far as
    /// documents are written: two at most, which is enough to know that it is not one.
    fn organizations_from(&self, external: &str) -> Later<'_, Vec<OrgId>>;

    /// Takes a name for an organization. Taking one's own again is fine.
    fn claim_name(&self, name: Name, org: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>>;
    /// Takes over a name whose claimant never came to be.
    fn take_over_name(&self, name: Name, from: OrgId, to: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>>;
    /// Gives a name back, if it is this organization's.
    fn release_name(&self, name: Name, org: OrgId) -> Later<'_, ()>;
    /// Who has a name, and since when.
    fn holder(&self, name: Name) -> Later<'_, Option<(OrgId, Timestamp)>>;
    /// A number for a new organization or user; never given twice.
    fn next_number(&self) -> Later<'_, u64>;
}

/// By what a user can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserKey {
    /// The e-mail address; case does not matter.
    Email(String),
    /// The username; case does not matter.
    Username(String),
    /// The identity at a provider.
    External {
        /// Which provider.
        issuer: String,
        /// Who there.
        subject: String,
    },
}

/// Why an account could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Somebody has this e-mail address.
    #[error("this e-mail address is in use")]
    EmailTaken,
    /// Somebody has this username.
    #[error("this username is in use")]
    UsernameTaken,
    /// Somebody has this external identity.
    #[error("this external identity is in use")]
    IdentityTaken,
    /// Some organization has this name.
    #[error("`{0}` is in use")]
    NameTaken(Name),
    /// This id is in use.
    #[error("this id is in use")]
    IdTaken,
    /// The user was changed, or removed, since it was read.
    #[error("the user was changed in the meantime")]
    Changed,
    /// The store itself could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What `check`, repairs, exports and imports need beside the engine's own ports.
pub trait Archive: Send + Sync + 'static {
    /// Organizations with commits, by id, from behind `after`, at most `limit`.
    fn organizations(&self, after: Option<OrgId>, limit: usize) -> Later<'_, Vec<OrgId>>;
    /// Every document of an organization, each with its collection, as extended JSON fit to be compared and shown.
    fn documents(&self, org: OrgId) -> Later<'_, Vec<StoredDocument>>;
    /// What the documents of this organization should be, in the same form.
    fn expected_documents(&self, org: &Org) -> Vec<StoredDocument>;
    /// Throws the documents and the snapshot of an organization away and writes them again.
    fn rewrite(&self, org: Arc<Org>) -> Later<'_, ()>;
    /// Every name that is taken, in their order, from behind `after`, at most `limit`; those only that were taken `since`.
    fn names(&self, since: Option<Timestamp>, after: Option<Name>, limit: usize) -> Later<'_, Vec<NameClaim>>;
    /// The last number that was given, 0 before the first.
    fn last_number(&self) -> Later<'_, u64>;
    /// Gives only numbers after this one from now on. Those that were given stay so: it never goes back.
    fn skip_numbers(&self, last: u64) -> Later<'_, ()>;
    /// Writes a record as it is, whatever its version, where there is none of its kind and id (else
    /// [`AccountError::IdTaken`]).
    fn restore_record(&self, record: Record) -> BoxFuture<'_, Result<(), AccountError>>;
    /// Marks the store as one that is being filled: until [`Archive::end_import`] it cannot be opened, because half a store
    /// looks like a whole one. [`StoreError::Conflict`] when somebody is filling it already.
    fn begin_import(&self) -> Later<'_, ()>;
    /// Everything is there.
    fn end_import(&self) -> Later<'_, ()>;
}

/// A name that is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameClaim {
    /// Which.
    #[serde(rename = "_id")]
    pub name: Name,
    /// By whom.
    pub org: OrgId,
    /// Since when.
    pub at: Timestamp,
}

/// A document as it stands in the store. Two are equal when they say the same, whenever they were written.
#[derive(Debug, Clone)]
pub struct StoredDocument {
    /// In which collection.
    pub collection: &'static str,
    /// Its `_id`, as text.
    pub id: String,
    /// Its fields without `seq`.
    pub fields: bson::Document,
    /// The event up to which it was true when it was written.
    pub seq: Seq,
}

impl PartialEq for StoredDocument {
    fn eq(&self, other: &Self) -> bool {
        (self.collection, &self.id, &self.fields) == (other.collection, &other.id, &other.fields)
    }
}

/// Everything the product needs of a store.
pub trait Store: CommitLog + AccountStore + RecordStore + ReadingStore + Archive {}
impl<T: CommitLog + AccountStore + RecordStore + ReadingStore + Archive> Store for T {}
