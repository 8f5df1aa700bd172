//! Hands in a store that should not be there.

use crate::program::Place;
use mongodb::bson::{Binary, Bson, Document, deserialize_from_slice, doc, serialize_to_vec, spec::BinarySubtype};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use std::path::PathBuf;
use uuid::Uuid;

const DOCUMENTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("documents");
const COMMITS: TableDefinition<&[u8; 24], &[u8]> = TableDefinition::new("commits");
const SNAPSHOTS: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("snapshots");
const SLUGS: TableDefinition<&str, (&[u8; 16], i64)> = TableDefinition::new("slugs");

pub(crate) trait Spoil {
    type Commit;
    async fn change(&self, collection: &str, id: Uuid, fields: Document);
    async fn remove(&self, collection: &str, id: Uuid);
    /// Puts a copy of a document beside it, under another id.
    async fn copy(&self, collection: &str, id: Uuid, to: Uuid);
    /// Puts a copy of some status change beside it, under another number.
    async fn copy_change(&self, org: Uuid, service: Uuid, number: u32);
    async fn count_changes(&self) -> usize;
    async fn free_name(&self, name: &str);
    async fn damage_snapshot(&self, org: Uuid, from: &[u8], to: &[u8]);
    /// The first events of all commits.
    async fn commits(&self, org: Uuid) -> Vec<u64>;
    async fn remove_commit(&self, org: Uuid, first: u64) -> Self::Commit;
    async fn restore_commit(&self, commit: Self::Commit);
    /// All documents and snapshots, to be compared.
    async fn everything(&self) -> Vec<Vec<u8>>;
}

/// The embedded store's file, opened while nobody else has it open.
pub(crate) struct SpoiledFile(PathBuf);

impl SpoiledFile {
    pub(crate) fn of(place: &Place) -> Self {
        Self(place.path().join("data/tocsin.redb"))
    }

    fn write<T>(&self, write: impl FnOnce(&WriteTransaction) -> T) -> T {
        let database = Database::open(&self.0).unwrap();
        let transaction = database.begin_write().unwrap();
        let done = write(&transaction);
        transaction.commit().unwrap();
        done
    }

    /// The key and the value of the document with this id.
    fn find(&self, collection: &str, id: Uuid) -> (Vec<u8>, Document) {
        let kind = match collection {
            "services" => 5,
            "incidents" => 6,
            _ => panic!("{collection}"),
        };
        let found = self.write(|transaction| {
            let documents = transaction.open_table(DOCUMENTS).unwrap();
            let rows: Vec<_> =
                documents.iter().unwrap().map(|row| row.unwrap()).map(|(k, v)| (k.value().to_vec(), v.value().to_vec())).collect();
            rows.into_iter().find(|(key, _)| key[0] == kind && key.ends_with(id.as_bytes()))
        });
        let (key, value) = found.unwrap_or_else(|| panic!("{collection} {id}"));
        (key, deserialize_from_slice(&value).unwrap())
    }

    fn put(&self, key: &[u8], document: &Document) {
        let value = serialize_to_vec(document).unwrap();
        self.write(|transaction| drop(transaction.open_table(DOCUMENTS).unwrap().insert(key, value.as_slice()).unwrap()));
    }
}

fn uuid(uuid: Uuid) -> Bson {
    mongodb::bson::Uuid::from_bytes(*uuid.as_bytes()).into()
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).expect("the snapshot has what shall be damaged");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn key(org: Uuid, first: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(org.as_bytes());
    key[16..].copy_from_slice(&first.to_be_bytes());
    key
}

impl Spoil for SpoiledFile {
    type Commit = ([u8; 24], Vec<u8>);

    async fn change(&self, collection: &str, id: Uuid, fields: Document) {
        let (key, mut document) = self.find(collection, id);
        document.extend(fields);
        self.put(&key, &document);
    }
    async fn remove(&self, collection: &str, id: Uuid) {
        let (key, _) = self.find(collection, id);
        self.write(|transaction| assert!(transaction.open_table(DOCUMENTS).unwrap().remove(key.as_slice()).unwrap().is_some()));
    }
    async fn copy(&self, collection: &str, id: Uuid, to: Uuid) {
        let (mut key, mut document) = self.find(collection, id);
        let end = key.len() - 16;
        key[end..].copy_from_slice(to.as_bytes());
        document.insert("_id", uuid(to));
        self.put(&key, &document);
    }
    async fn copy_change(&self, org: Uuid, service: Uuid, number: u32) {
        let prefix = [&[7][..], org.as_bytes(), service.as_bytes()].concat();
        let value = self.write(|transaction| {
            let documents = transaction.open_table(DOCUMENTS).unwrap();
            documents.range(prefix.as_slice()..).unwrap().next().unwrap().unwrap().1.value().to_vec()
        });
        let mut document: Document = deserialize_from_slice(&value).unwrap();
        document.get_document_mut("_id").unwrap().insert("number", i64::from(number));
        self.put(&[&prefix[..], &number.to_be_bytes()].concat(), &document);
    }
    async fn count_changes(&self) -> usize {
        self.write(|transaction| transaction.open_table(DOCUMENTS).unwrap().range(&[7][..]..).unwrap().count())
    }
    async fn free_name(&self, name: &str) {
        self.write(|transaction| assert!(transaction.open_table(SLUGS).unwrap().remove(name).unwrap().is_some()));
    }
    async fn damage_snapshot(&self, org: Uuid, from: &[u8], to: &[u8]) {
        self.write(|transaction| {
            let mut snapshots = transaction.open_table(SNAPSHOTS).unwrap();
            let old = snapshots.get(org.as_bytes()).unwrap().expect("a snapshot").value().to_vec();
            snapshots.insert(org.as_bytes(), replaced(&old, from, to).as_slice()).unwrap();
        });
    }
    async fn commits(&self, org: Uuid) -> Vec<u64> {
        self.write(|transaction| {
            let commits = transaction.open_table(COMMITS).unwrap();
            let rows = commits.range::<&[u8; 24]>(&key(org, 0)..=&key(org, u64::MAX)).unwrap();
            rows.map(|row| u64::from_be_bytes(row.unwrap().0.value()[16..].try_into().unwrap())).collect()
        })
    }
    async fn remove_commit(&self, org: Uuid, first: u64) -> Self::Commit {
        let key = key(org, first);
        (key, self.write(|transaction| transaction.open_table(COMMITS).unwrap().remove(&key).unwrap().unwrap().value().to_vec()))
    }
    async fn restore_commit(&self, (key, commit): Self::Commit) {
        self.write(|transaction| drop(transaction.open_table(COMMITS).unwrap().insert(&key, commit.as_slice()).unwrap()));
    }
    async fn everything(&self) -> Vec<Vec<u8>> {
        let database = Database::open(&self.0).unwrap();
        let transaction = database.begin_read().unwrap();
        let (documents, snapshots) = (transaction.open_table(DOCUMENTS).unwrap(), transaction.open_table(SNAPSHOTS).unwrap());
        let documents = documents.iter().unwrap().map(|row| row.unwrap()).map(|(key, value)| [key.value(), value.value()].concat());
        let snapshots = snapshots.iter().unwrap().map(|row| row.unwrap()).map(|(key, value)| [key.value(), value.value()].concat());
        documents.chain(snapshots).collect()
    }
}

/// The database, as a person with a shell has it.
pub(crate) struct SpoiledDatabase(pub(crate) mongodb::Database);

impl SpoiledDatabase {
    fn collection(&self, name: &str) -> mongodb::Collection<Document> {
        self.0.collection(name)
    }
}

impl Spoil for SpoiledDatabase {
    type Commit = Document;

    async fn change(&self, collection: &str, id: Uuid, fields: Document) {
        let changed = self.collection(collection).update_one(doc! { "_id": uuid(id) }, doc! { "$set": fields }).await.unwrap();
        assert_eq!(changed.modified_count, 1);
    }
    async fn remove(&self, collection: &str, id: Uuid) {
        assert_eq!(self.collection(collection).delete_one(doc! { "_id": uuid(id) }).await.unwrap().deleted_count, 1);
    }
    async fn copy(&self, collection: &str, id: Uuid, to: Uuid) {
        let mut document = self.collection(collection).find_one(doc! { "_id": uuid(id) }).await.unwrap().unwrap();
        document.insert("_id", uuid(to));
        self.collection(collection).insert_one(document).await.unwrap();
    }
    async fn copy_change(&self, org: Uuid, service: Uuid, number: u32) {
        let changes = self.collection("status_changes");
        let mut document = changes.find_one(doc! { "org": uuid(org), "service": uuid(service) }).await.unwrap().unwrap();
        document.get_document_mut("_id").unwrap().insert("number", i64::from(number));
        changes.insert_one(document).await.unwrap();
    }
    async fn count_changes(&self) -> usize {
        usize::try_from(self.collection("status_changes").count_documents(doc! {}).await.unwrap()).unwrap()
    }
    async fn free_name(&self, name: &str) {
        assert_eq!(self.collection("slugs").delete_one(doc! { "_id": name }).await.unwrap().deleted_count, 1);
    }
    async fn damage_snapshot(&self, org: Uuid, from: &[u8], to: &[u8]) {
        let snapshots = self.collection("snapshots");
        let mut snapshot = snapshots.find_one(doc! { "_id": uuid(org) }).await.unwrap().expect("a snapshot");
        let bytes = replaced(snapshot.get_binary_generic("data").unwrap(), from, to);
        snapshot.insert("data", Binary { subtype: BinarySubtype::Generic, bytes });
        snapshots.replace_one(doc! { "_id": uuid(org) }, snapshot).await.unwrap();
    }
    async fn commits(&self, org: Uuid) -> Vec<u64> {
        let mut found = Vec::new();
        let mut commits = self.collection("commits").find(doc! { "org": uuid(org) }).sort(doc! { "first": 1 }).await.unwrap();
        while commits.advance().await.unwrap() {
            found.push(commits.deserialize_current().unwrap().get_i64("first").unwrap().try_into().unwrap());
        }
        found
    }
    async fn remove_commit(&self, org: Uuid, first: u64) -> Document {
        let this = doc! { "org": uuid(org), "first": i64::try_from(first).unwrap() };
        self.collection("commits").find_one_and_delete(this).await.unwrap().expect("the commit")
    }
    async fn restore_commit(&self, commit: Document) {
        self.collection("commits").insert_one(commit).await.unwrap();
    }
    async fn everything(&self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let names = ["organizations", "services", "incidents", "status_changes", "projections", "snapshots", "snapshot_parts"];
        for name in names {
            let mut documents = self.collection(name).find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
            while documents.advance().await.unwrap() {
                found.push(documents.current().as_bytes().to_vec());
            }
        }
        found
    }
}
