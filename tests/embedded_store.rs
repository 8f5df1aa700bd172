//! The embedded store keeps the promises of all stores, and those of a file.

#![allow(clippy::unwrap_used)] // helpers of tests

use futures::future::{BoxFuture, FutureExt};
use std::{fs, path::Path, sync::Arc};
use tempfile::TempDir;
use tocsin::store::{OpenError, embedded::EmbeddedStore, open};
use tocsin_actors::{
    records::{Record, RecordKind, RecordStore},
    store::{Archive, CommitLog, Store},
    testkit::{builders::*, contract::Fixture},
};

struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }
    async fn opened(&self) -> Arc<dyn Store> {
        open(&format!("file:{}", self.folder.path().join("data").display())).await.unwrap()
    }
}

impl Fixture for Folder {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        self.opened().boxed()
    }
    fn reopen(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>> {
        assert_eq!(Arc::strong_count(&store), 1, "nobody else owns the store");
        drop(store);
        self.opened().boxed()
    }
}

tocsin_actors::store_contract!(Folder::new());

fn refused(folder: &Path) -> String {
    match EmbeddedStore::open(folder) {
        Ok(_) => panic!("{} was opened", folder.display()),
        Err(OpenError(sentence)) => sentence,
    }
}

/// A store with an organization in it, closed.
async fn filled(folder: &Path) -> Writer {
    let store = EmbeddedStore::open(folder).unwrap();
    let mut writer = Writer::of(1);
    writer.append(&store, [create_organization(1), create_service(1)]).await.unwrap();
    writer.append(&store, (0..50).map(|n| open_incident(n, Vec::new()))).await.unwrap();
    writer
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let sentence = refused(folder.path());
    assert!(sentence.contains("in use by another process"), "{sentence}");
    Writer::of(1).append(&store, [create_organization(1)]).await.unwrap();
    drop(store);
    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!(store.organizations(None, 10).await.unwrap(), [org(1)]);
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    filled(folder.path()).await;
    let file = folder.path().join("tocsin.redb");
    let whole = fs::read(&file).unwrap();
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let damaged = [
        ("noise", noise.clone()),
        ("text", b"hello".to_vec()),
        ("cut to a half", whole[..whole.len() / 2].to_vec()),
        ("cut to a page", whole[..4_096].to_vec()),
        ("cut in the header", whole[..100].to_vec()),
        ("noise behind the header", [&whole[..4_096], &noise].concat()),
    ];
    for (what, bytes) in damaged {
        fs::write(&file, &bytes).unwrap();
        let sentence = refused(folder.path());
        assert!(sentence.contains("is damaged or is no Tocsin store"), "{what}: {sentence}");
        assert!(fs::read(&file).unwrap() == bytes, "{what}: the file was changed");
    }
    fs::write(&file, whole).unwrap();
    EmbeddedStore::open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    filled(folder.path()).await;
    let file = folder.path().join("tocsin.redb");
    {
        let database = redb::Database::open(&file).unwrap();
        let transaction = database.begin_write().unwrap();
        let meta = redb::TableDefinition::<&str, u64>::new("meta");
        transaction.open_table(meta).unwrap().insert("schema", 2).unwrap();
        transaction.commit().unwrap();
    }
    let before = fs::read(&file).unwrap();
    let sentence = refused(folder.path());
    assert!(sentence.contains("newer version (schema 2, this one knows 1)"), "{sentence}");
    assert!(fs::read(&file).unwrap() == before, "the file was changed");
}

/// Of the time before there were records, for example: it gets the tables that came since.
#[tokio::test]
async fn a_file_of_an_older_version_is_opened_and_used() {
    let folder = TempDir::new().unwrap();
    let writer = filled(folder.path()).await;
    {
        let database = redb::Database::open(folder.path().join("tocsin.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        let records = redb::TableDefinition::<&[u8; 17], &[u8]>::new("records");
        let owners = redb::TableDefinition::<&[u8; 33], ()>::new("record_owners");
        let expiries = redb::TableDefinition::<&[u8; 25], ()>::new("record_expiries");
        assert!(transaction.delete_table(records).unwrap());
        assert!(transaction.delete_table(owners).unwrap() && transaction.delete_table(expiries).unwrap());
        transaction.commit().unwrap();
    }
    let before = fs::read(folder.path().join("tocsin.redb")).unwrap();
    let session = Record::new(RecordKind::Session, user(7).uuid(), user(1).uuid(), Some(at(1)), &person(1)).unwrap();
    {
        let rehearsal = EmbeddedStore::rehearse(folder.path()).unwrap();
        assert_eq!(rehearsal.record(RecordKind::Session, session.id).await.unwrap(), None);
        rehearsal.put_record(session.clone()).await.unwrap();
        assert_eq!(rehearsal.record(RecordKind::Session, session.id).await.unwrap(), Some(session.clone()));
    }
    assert!(fs::read(folder.path().join("tocsin.redb")).unwrap() == before, "the file was changed");
    for made in [true, false] {
        let store = EmbeddedStore::open(folder.path()).unwrap();
        assert_eq!(store.record(RecordKind::Session, session.id).await.unwrap().is_none(), made);
        if made {
            store.put_record(session.clone()).await.unwrap();
        }
        assert_eq!(store.records_of(RecordKind::Session, session.owner, None, 9).await.unwrap(), std::slice::from_ref(&session));
        assert_eq!(store.load(org(1)).await.unwrap().commits, writer.commits());
    }
}

#[tokio::test]
async fn somebody_elses_database_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("tocsin.redb");
    {
        let database = redb::Database::create(&file).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(redb::TableDefinition::<u64, u64>::new("theirs")).unwrap().insert(1, 1).unwrap();
        transaction.commit().unwrap();
    }
    let before = fs::read(&file).unwrap();
    let sentence = refused(folder.path());
    assert!(sentence.contains("database of something else"), "{sentence}");
    assert!(fs::read(&file).unwrap() == before, "the file was changed");
}

#[tokio::test]
async fn a_path_that_cannot_be_a_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(refused(&file).contains("is a file: name the folder"), "{}", refused(&file));
    let behind = refused(&file.join("data"));
    assert!(behind.contains("lies behind something that is no folder"), "{behind}");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    fs::create_dir_all(folder.path().join("odd/tocsin.redb")).unwrap();
    assert!(refused(&folder.path().join("odd")).contains("is not a file"));
    // `/proc` takes no folders from anybody, root included.
    let nowhere = refused(Path::new("/proc/tocsin"));
    assert!(nowhere.starts_with("the store /proc/tocsin "), "{nowhere}");
}

#[tokio::test]
async fn an_unknown_url_is_answered_with_the_known_ones() {
    for url in ["", "data", "redis://user:secret@host", "mongodb+srv://user:secret@host/db", "file:"] {
        let Err(OpenError(sentence)) = open(url).await else { panic!("{url} was opened") };
        assert!(sentence.contains("file:") || sentence.contains("mongodb://"), "{url}: {sentence}");
        assert!(!sentence.contains("secret"), "{url}: {sentence}");
    }
}

/// A crash and then a full disk, or a backup taken while the store was open and not all of it.
#[tokio::test]
async fn a_file_damaged_before_it_was_repaired_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("damaged/tocsin.redb");
    fs::create_dir(folder.path().join("damaged")).unwrap();
    let store = EmbeddedStore::open(&folder.path().join("open")).unwrap();
    let mut writer = Writer::of(1);
    writer.append(&store, [create_organization(1)]).await.unwrap();
    writer.append(&store, (0..50).map(|n| open_incident(n, Vec::new()))).await.unwrap();
    let whole = fs::read(folder.path().join("open/tocsin.redb")).unwrap();
    let mut noisy = whole.clone();
    noisy[4_096..].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(31).wrapping_add(7));
    for (what, bytes) in [
        ("cut to a half", whole[..whole.len() / 2].to_vec()),
        ("cut to two pages", whole[..8_192].to_vec()),
        ("cut to a page", whole[..4_096].to_vec()),
        ("noise behind the header", noisy),
    ] {
        fs::write(&file, &bytes).unwrap();
        let sentence = refused(&folder.path().join("damaged"));
        assert!(sentence.contains("is damaged or is no Tocsin store"), "{what}: {sentence}");
        assert!(fs::read(&file).unwrap() == bytes, "{what}: the file was changed");
    }
}

/// What a crash leaves is the file as it is at any moment: nothing that was answered is missing in it.
#[tokio::test]
async fn what_was_answered_is_in_the_file_without_closing_it() {
    let folder = TempDir::new().unwrap();
    let store = EmbeddedStore::open(&folder.path().join("open")).unwrap();
    let mut writer = Writer::of(1);
    writer.append(&store, [create_organization(1)]).await.unwrap();
    for step in 0..5 {
        writer.append(&store, [create_service(step), open_incident(step, Vec::new())]).await.unwrap();
        let copy = folder.path().join(format!("copy {step}"));
        fs::create_dir(&copy).unwrap();
        fs::copy(folder.path().join("open/tocsin.redb"), copy.join("tocsin.redb")).unwrap();
        let copy = EmbeddedStore::open(&copy).unwrap();
        let loaded = copy.load(org(1)).await.unwrap();
        assert_eq!(loaded.commits, writer.commits());
        // Documents are in the transaction of their commit: nobody has to wait for them.
        assert_eq!(loaded.documents_at, writer.seq());
        let (stored, expected) = (copy.documents(org(1)).await.unwrap(), copy.expected_documents(writer.org()));
        assert_eq!(stored.len(), expected.len());
        assert!(stored.iter().all(|document| expected.contains(document)));
    }
}

/// A snapshot that this version cannot read is as good as none.
#[tokio::test]
async fn an_unreadable_snapshot_is_ignored_and_replaced() {
    let folder = TempDir::new().unwrap();
    let mut writer = filled(folder.path()).await;
    let snapshots = redb::TableDefinition::<&[u8; 16], &[u8]>::new("snapshots");
    for bytes in [&b"\xff\xff\xff\xff\xff\xff\xff\xff\xffof the future"[..], b"", b"\x01\0\0\0\0\0\0\0\x01broken"] {
        {
            let database = redb::Database::open(folder.path().join("tocsin.redb")).unwrap();
            let transaction = database.begin_write().unwrap();
            transaction.open_table(snapshots).unwrap().insert(org(1).uuid().as_bytes(), bytes).unwrap();
            transaction.commit().unwrap();
        }
        let store = EmbeddedStore::open(folder.path()).unwrap();
        let loaded = store.load(org(1)).await.unwrap();
        assert_eq!(loaded.snapshot, None);
        assert_eq!(replay(org(1), &loaded), *writer.org());
        writer.append(&store, [rename(format!("after {} bytes", bytes.len()))]).await.unwrap();
        store.save_snapshot(Arc::new(writer.org().clone()));
        store.settle().await.unwrap();
        assert_eq!(store.load(org(1)).await.unwrap().snapshot.as_ref(), Some(writer.org()));
    }
}

/// The store of a thousand organizations does not end with one of them.
#[tokio::test]
async fn one_who_panics_while_being_told_leaves_the_others_alone() {
    let folder = TempDir::new().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let (commit, after) = Writer::of(1).commit([create_organization(1)]);
    store.append(tocsin_actors::store::Append { commit, after, done: Box::new(|_| panic!("told to panic")) });
    let mut neighbour = Writer::of(2);
    neighbour.append(&store, [create_organization(2)]).await.unwrap();
    neighbour.append(&store, [rename("goes on")]).await.unwrap();
    assert_eq!(store.organizations(None, 10).await.unwrap(), [org(1), org(2)]);
}

/// Whoever is told last may be the last owner of the store, and closes it from inside.
#[tokio::test]
async fn the_last_owner_may_be_an_answer() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(EmbeddedStore::open(folder.path()).unwrap());
    let (commit, after) = Writer::of(1).commit([create_organization(1)]);
    let (answer, answered) = tokio::sync::oneshot::channel();
    let owner = store.clone();
    let (gone, is_gone) = std::sync::mpsc::channel::<()>();
    let done = Box::new(move |result| {
        is_gone.recv().ok();
        drop(owner);
        drop(answer.send(result));
    });
    store.append(tocsin_actors::store::Append { commit, after, done });
    drop(store);
    drop(gone);
    answered.await.unwrap().unwrap();
}
