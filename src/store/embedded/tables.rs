//! What is in the file. Every key begins with what it is looked up by, numbers are big-endian, so that the order of the
//! bytes is the order of the things.

use super::readings;
use redb::{Table, TableDefinition, TableHandle, WriteTransaction};
use std::collections::HashMap;
use tocsin_actors::{
    domain::{OrgId, Seq, ServiceId, Timestamp},
    records::RecordKind,
};
use uuid::Uuid;

/// An id as it stands in keys.
pub(super) type Id = [u8; 16];

/// The version of all that follows. A file with a newer one is refused.
pub(super) const SCHEMA: u64 = 1;

/// `SCHEMA_KEY`, `NEXT_NUMBER`, `IMPORTING`.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// The version of the file.
pub(super) const SCHEMA_KEY: &str = "schema";
/// The number that is given next.
pub(super) const NEXT_NUMBER: &str = "next_number";
/// There while the store is being filled.
pub(super) const IMPORTING: &str = "importing";
/// Organization, first event → last event, commit.
pub(super) const COMMITS: TableDefinition<&[u8; 24], &[u8]> = TableDefinition::new("commits");
/// Collection, organization, id → document. Status changes have service and number for an id, so that those of one
/// service lie together.
pub(super) const DOCUMENTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("documents");
/// User, organization, membership: which organizations name a user.
pub(super) const MEMBERSHIPS: TableDefinition<&[u8; 48], ()> = TableDefinition::new("memberships");
/// Organization → when time alone will change something.
pub(super) const DUE: TableDefinition<&Id, i64> = TableDefinition::new("due");
/// Organization → see `snapshots`.
pub(super) const SNAPSHOTS: TableDefinition<&Id, &[u8]> = TableDefinition::new("snapshots");
/// User → document.
pub(super) const USERS: TableDefinition<&Id, &[u8]> = TableDefinition::new("users");
/// See `accounts::name_key` → user.
pub(super) const USER_NAMES: TableDefinition<&[u8], &Id> = TableDefinition::new("user_names");
/// Slug or domain → organization, since when. Called so because slugs were all the names there were.
pub(super) const NAMES: TableDefinition<&str, (&Id, i64)> = TableDefinition::new("slugs");
/// Kind, id → see `store::records`.
pub(super) const RECORDS: TableDefinition<&[u8; 17], &[u8]> = TableDefinition::new("records");
/// Kind, owner, id: whose they are.
pub(super) const RECORD_OWNERS: TableDefinition<&[u8; 33], ()> = TableDefinition::new("record_owners");
/// Kind, time, id: when they expire.
pub(super) const RECORD_EXPIRIES: TableDefinition<&[u8; 25], ()> = TableDefinition::new("record_expiries");

/// See `readings`.
pub(super) const READINGS: TableDefinition<&readings::Key, &readings::Row> = TableDefinition::new("readings");

/// The names of all of them. A file that was written before one of them was thought of gets it when it is opened.
pub(super) fn names() -> [&'static str; 13] {
    fn name(table: &impl TableHandle) -> &str {
        table.name()
    }
    [
        name(&META),
        name(&COMMITS),
        name(&DOCUMENTS),
        name(&MEMBERSHIPS),
        name(&DUE),
        name(&SNAPSHOTS),
        name(&USERS),
        name(&USER_NAMES),
        name(&NAMES),
        name(&RECORDS),
        name(&RECORD_OWNERS),
        name(&RECORD_EXPIRIES),
        name(&READINGS),
    ]
}

/// Every table, open for writing in one transaction.
pub(super) struct Tables<'a> {
    pub(super) meta: Table<'a, &'static str, u64>,
    pub(super) commits: Table<'a, &'static [u8; 24], &'static [u8]>,
    pub(super) documents: Table<'a, &'static [u8], &'static [u8]>,
    pub(super) memberships: Table<'a, &'static [u8; 48], ()>,
    pub(super) due: Table<'a, &'static Id, i64>,
    pub(super) snapshots: Table<'a, &'static Id, &'static [u8]>,
    pub(super) users: Table<'a, &'static Id, &'static [u8]>,
    pub(super) user_names: Table<'a, &'static [u8], &'static Id>,
    pub(super) names: Table<'a, &'static str, (&'static Id, i64)>,
    pub(super) records: Table<'a, &'static [u8; 17], &'static [u8]>,
    pub(super) record_owners: Table<'a, &'static [u8; 33], ()>,
    pub(super) record_expiries: Table<'a, &'static [u8; 25], ()>,
    pub(super) readings: Table<'a, &'static readings::Key, &'static readings::Row>,
    /// The last event of organizations that were written to. Nobody else writes to the file.
    pub(super) last: &'a mut HashMap<OrgId, Seq>,
}

impl<'a> Tables<'a> {
    /// Opens all, and makes those that are not there.
    pub(super) fn open(transaction: &'a WriteTransaction, last: &'a mut HashMap<OrgId, Seq>) -> Result<Self, redb::Error> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            commits: transaction.open_table(COMMITS)?,
            documents: transaction.open_table(DOCUMENTS)?,
            memberships: transaction.open_table(MEMBERSHIPS)?,
            due: transaction.open_table(DUE)?,
            snapshots: transaction.open_table(SNAPSHOTS)?,
            users: transaction.open_table(USERS)?,
            user_names: transaction.open_table(USER_NAMES)?,
            names: transaction.open_table(NAMES)?,
            records: transaction.open_table(RECORDS)?,
            record_owners: transaction.open_table(RECORD_OWNERS)?,
            record_expiries: transaction.open_table(RECORD_EXPIRIES)?,
            readings: transaction.open_table(READINGS)?,
            last,
        })
    }
}

pub(super) fn commit_key(org: OrgId, first: Seq) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(org.uuid().as_bytes());
    key[16..].copy_from_slice(&first.to_be_bytes());
    key
}

pub(super) fn membership_key(user: Id, org: OrgId, member: Id) -> [u8; 48] {
    let mut key = [0; 48];
    key[..16].copy_from_slice(&user);
    key[16..32].copy_from_slice(org.uuid().as_bytes());
    key[32..].copy_from_slice(&member);
    key
}

pub(super) fn record_key(kind: RecordKind, id: Uuid) -> [u8; 17] {
    let mut key = [kind as u8; 17];
    key[1..].copy_from_slice(id.as_bytes());
    key
}

pub(super) fn owner_key(kind: RecordKind, owner: Uuid, id: Uuid) -> [u8; 33] {
    let mut key = [kind as u8; 33];
    key[1..17].copy_from_slice(owner.as_bytes());
    key[17..].copy_from_slice(id.as_bytes());
    key
}

pub(super) fn expiry_key(kind: RecordKind, at: Timestamp, id: Uuid) -> [u8; 25] {
    let mut key = [kind as u8; 25];
    // The sign turned over, so that the years before 1970 come first.
    key[1..9].copy_from_slice(&(at.millis() ^ i64::MIN).to_be_bytes());
    key[9..].copy_from_slice(id.as_bytes());
    key
}

/// The beginning of the keys of an organization's documents of one kind.
pub(super) fn documents_prefix(collection: u8, org: OrgId) -> Vec<u8> {
    let mut key = Vec::with_capacity(37);
    key.push(collection);
    key.extend_from_slice(org.uuid().as_bytes());
    key
}

/// The beginning of the keys of a service's status changes.
pub(super) fn history_prefix(collection: u8, org: OrgId, service: ServiceId) -> Vec<u8> {
    let mut key = documents_prefix(collection, org);
    key.extend_from_slice(service.uuid().as_bytes());
    key
}

/// Behind every key with this beginning.
pub(super) fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    // No id is longer than 20 bytes.
    [prefix, &[0xff; 21]].concat()
}

/// A time as it is stored and back.
pub(super) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}
