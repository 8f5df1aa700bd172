//! An import that does not come to its end leaves no store that could be taken for a whole one.

use crate::{
    fill::folder,
    mongod::Mongod,
    program::{Place, assert_fits},
};
use std::{io::Cursor, sync::Arc};
use tocsin::transfer::{Item, Writer as FileWriter, import::import};
use tocsin_actors::{
    accounts::User,
    domain::Commit,
    store::{Archive, Store, StoreError},
    testkit::{Call, FailingStore, Fault, MemoryStore, Rule, builders::*},
};

/// A file that is as it was written, and that no store can take: two users with one address.
fn contradictory() -> Vec<u8> {
    let mut file = FileWriter::begin(Vec::new(), start()).unwrap();
    let mut writer = Writer::of(1);
    for order in [create_organization(1), create_service(1)] {
        let (commit, _) = writer.commit([order]);
        file.write(&Item::Commit(Box::new(Commit::clone(&commit)))).unwrap();
    }
    file.write(&Item::User(Box::new(person(1)))).unwrap();
    file.write(&Item::User(Box::new(User { username: None, email: person(1).email, ..person(2) }))).unwrap();
    file.end().unwrap().1
}

fn cannot_be_opened(place: &Place, url: &str, sentence: &str) {
    place.write("bad.export", contradictory());
    let done = place.run(&["import", "--store", url, "bad.export"]);
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""), "{done:?}");
    assert_fits(
        &done.err,
        "tocsin: the store is incomplete and cannot be opened: remove it and import again: user …: this e-mail address is in use\n",
    );
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"], &["seed", "--dry-run", "--generate", "orgs=1,services=1"]] {
        let done = place.run(&[args, &["--store", url]].concat());
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{args:?}: {done:?}");
        assert_fits(&done.err, &format!("tocsin: {sentence}\n"));
    }
    for args in [["import", "bad.export"], ["export", "new.export"]] {
        let done = place.run(&[&args[..], &["--store", url]].concat());
        assert_eq!(done.code, Some(2), "{args:?}: {done:?}");
        assert_fits(&done.err, &format!("tocsin: {sentence}\n"));
    }
}

#[test]
fn half_an_import_into_a_file_cannot_be_opened() {
    let place = Place::new();
    let sentence = "the store …tocsin.redb is incomplete, an import into it did not end: remove it and import again";
    cannot_be_opened(&place, &folder(&place, "half"), sentence);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_import_into_a_database_cannot_be_opened() {
    let sentence = "database `half` is incomplete: an import into it is running, or did not end; wait for it, or drop the \
                    database and import again";
    cannot_be_opened(&Place::new(), &Mongod::shared().await.uri("half"), sentence);
}

/// A file with twenty organizations of three commits each.
fn whole() -> Vec<u8> {
    let mut file = FileWriter::begin(Vec::new(), start()).unwrap();
    for n in 1..=20 {
        let mut writer = Writer::of(n);
        for order in [create_organization(n), create_service(n), rename("x")] {
            let (commit, _) = writer.commit([order]);
            file.write(&Item::Commit(Box::new(Commit::clone(&commit)))).unwrap();
        }
    }
    file.end().unwrap().1
}

/// Whatever the store says, and wherever in the file it says so.
#[tokio::test]
async fn a_store_that_fails_on_the_way_is_told_and_stays_marked() {
    let file = whole();
    for (call, fault, after) in [
        (Call::Append, Fault::Unavailable, 0),
        (Call::Append, Fault::UnknownWritten, 17),
        (Call::Append, Fault::Conflict, 59),
        (Call::Settle, Fault::Unavailable, 3),
        (Call::Settle, Fault::Unavailable, 20),
    ] {
        let failing = FailingStore::new(Arc::new(MemoryStore::new()));
        failing.fail(Rule::new(call, fault).after(after));
        let store: Arc<dyn Store> = failing.clone();
        let done = import(&store, Cursor::new(file.clone()), |_| {}).await;
        assert!(done.is_err(), "{call:?} {fault:?} after {after}: {done:?}");
        assert_eq!(failing.begin_import().await, Err(StoreError::Conflict), "it is still marked");
    }
    // The same file, cut while it was read.
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let done = import(&store, Cursor::new(file[..file.len() / 2].to_vec()), |_| {}).await;
    assert!(done.is_err() && store.begin_import().await.is_err(), "{done:?}");
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut bytes = 0;
    let counts = import(&store, Cursor::new(file), |written| bytes += written).await.unwrap();
    assert_eq!((counts.organizations, counts.commits), (20, 60));
    assert!(bytes > 10_000, "{bytes}");
    store.begin_import().await.unwrap();
}
