//! The first contact and the last: what is refused, how it is explained, and how a store is closed.

use crate::bench::{Bench, assert_documents_show, uuid};
use crate::mongod::Mongod;
use futures::future::join_all;
use mongodb::bson::{Bson, Document, doc};
use std::time::{Duration, Instant};
use tocsin::store::mongodb::{MongoStore, OpenError};
use tocsin_actors::records::{Record, RecordKind, RecordStore};
use tocsin_actors::store::{CommitLog, StoreError};
use tocsin_actors::testkit::builders::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_schema_is_refused_and_not_touched() {
    for version in [Bson::Int32(2), Bson::Double(1.5), Bson::String("1".into()), Bson::Null] {
        let bench = Bench::new().await;
        let meta = bench.shell.collection::<Document>("meta");
        meta.insert_one(doc! { "_id": "schema", "version": version.clone() }).await.unwrap();
        let refused = MongoStore::open(&bench.uri()).await.err().unwrap();
        assert!(matches!(refused, OpenError::Schema { .. }), "{refused:?}");
        assert!(refused.to_string().contains("name another database"), "{refused}");
        assert_eq!(bench.shell.list_collection_names().await.unwrap(), ["meta"], "{version}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_program_is_refused_and_not_touched() {
    let bench = Bench::new().await;
    bench.shell.collection::<Document>("users").insert_one(doc! { "login": "ann" }).await.unwrap();
    let refused = MongoStore::open(&bench.uri()).await.err().unwrap();
    assert_eq!(refused, OpenError::Foreign { database: bench.name.clone(), collection: "users".into() });
    assert_eq!(bench.shell.list_collection_names().await.unwrap(), ["users"]);
    // Collections that we have no use for are nobody's harm.
    let bench = Bench::new().await;
    bench.shell.collection::<Document>("notes").insert_one(doc! {}).await.unwrap();
    bench.store().await;
    bench.store().await;
    assert_eq!(bench.count("meta", doc! { "_id": "schema", "version": 1 }).await, 1);
}

/// Of the time before there were records: it gets the collections that came since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_an_older_version_is_opened_and_used() {
    let bench = Bench::new().await;
    let mut writer = Writer::of(1);
    writer.append(&*bench.store().await, [create_organization(1)]).await.unwrap();
    for kind in RecordKind::ALL {
        bench.shell.collection::<Document>(kind.name()).drop().await.unwrap();
    }
    let store = bench.store().await;
    assert_eq!(store.records(RecordKind::Session, None, 9).await.unwrap(), []);
    let session = Record::new(RecordKind::Session, user(7).uuid(), user(1).uuid(), Some(at(60)), &person(1)).unwrap();
    store.put_record(session.clone()).await.unwrap();
    assert_eq!(store.records_of(RecordKind::Session, session.owner, None, 9).await.unwrap(), [session]);
    assert_eq!(store.load(org(1)).await.unwrap().commits, writer.commits());
    // As a person with a shell finds it.
    let date = mongodb::bson::DateTime::from_millis(at(60).millis());
    let filter = doc! { "_id": uuid(user(7).uuid()), "owner": uuid(user(1).uuid()), "version": 1, "expires_at": date };
    assert_eq!(bench.count("sessions", filter).await, 1);
    for kind in RecordKind::ALL {
        let indexes = bench.shell.collection::<Document>(kind.name()).list_index_names().await.unwrap();
        assert_eq!(indexes, ["_id_", "owner_1__id_1", "expires_at_1"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_database_at_once() {
    let bench = Bench::new().await;
    let opened = join_all((0..8).map(|_| MongoStore::open(bench.server.uri(&bench.name).leak()))).await;
    assert!(opened.iter().all(Result::is_ok), "{:?}", opened.into_iter().find_map(Result::err));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_cannot_work_is_explained_in_one_sentence() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (uri, sentence) in [
        ("nonsense".to_owned(), "write it like mongodb://"),
        ("mongodb://".to_owned(), "write it like mongodb://"),
        ("mongodb://localhost:99999/x".to_owned(), "write it like mongodb://"),
        ("mongodb://ann:hun/ter2@localhost/x".to_owned(), "write it like mongodb://"),
        ("mongodb://ann:hunter2@localhost/x?w=majority&nonsense".to_owned(), "write it like mongodb://"),
        ("mongodb+srv://ann:hunter2@example.org/x".to_owned(), "name the hosts instead"),
        (format!("mongodb://ann:hunter2@{free}/x"), "start it or correct host and port"),
    ] {
        let started = Instant::now();
        let refused = MongoStore::open(&uri).await.err().unwrap().to_string();
        assert!(refused.contains(sentence), "{uri}: {refused}");
        assert!(!refused.contains("ter2") && !refused.contains('\n'), "{uri}: {refused}");
        assert!(started.elapsed() < Duration::from_secs(10), "{uri}: {:?}", started.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_is_told_what_to_ask_for() {
    let server = Mongod::start_with_auth("root", "s3cret").await;
    let root = format!("mongodb://root:s3cret@{}/?authSource=admin", server.host());
    let admin = mongodb::Client::with_uri_str(&root).await.unwrap().database("admin");
    for (user, role) in [("reader", "read"), ("writer", "readWrite")] {
        let roles = vec![doc! { "role": role, "db": "tocsin" }];
        admin.run_command(doc! { "createUser": user, "pwd": "p@ss/w0rd", "roles": roles }).await.unwrap();
    }
    let open = |user_info: &str| {
        let uri = format!("mongodb://{user_info}{}/tocsin?authSource=admin", server.host());
        async move { MongoStore::open(&uri).await }
    };
    for user_info in ["reader:wr0ng@", "nobody:wr0ng@"] {
        let refused = open(user_info).await.err().unwrap();
        assert!(matches!(refused, OpenError::Credentials { .. }), "{refused:?}");
        assert!(!refused.to_string().contains("wr0ng"), "{refused}");
    }
    for user_info in ["reader:p%40ss%2Fw0rd@", ""] {
        let refused = open(user_info).await.err().unwrap();
        assert!(matches!(refused, OpenError::Rights { .. }), "{refused:?}");
        assert!(refused.to_string().contains("readWrite"), "{refused}");
    }
    let store = open("writer:p%40ss%2Fw0rd@").await.unwrap();
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    assert_documents_show(&store, &writer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_replica_set_will_do() {
    let server = Mongod::start_standalone().await;
    let store = MongoStore::open(&server.uri("alone")).await.unwrap();
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1), create_service(1)]).await.unwrap();
    let mut stale = writer.twin(9);
    writer.append(&*store, [rename("again")]).await.unwrap();
    assert_eq!(stale.append(&*store, [rename("stale")]).await, Err(StoreError::Conflict));
    store.save_snapshot(writer.org().clone().into());
    assert_documents_show(&store, &writer).await;
    assert_eq!(store.load(org(1)).await.unwrap().snapshot.as_ref(), Some(writer.org()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_takes_nothing_and_has_finished_everything() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1), create_service(1)]).await.unwrap();
    store.save_snapshot(writer.org().clone().into());
    store.close().await;
    store.close().await;
    let refused = writer.clone().append(&*store, [rename("late")]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(matches!(store.settle().await, Err(StoreError::Unavailable(_))));
    let again = bench.store().await;
    let loaded = again.load(org(1)).await.unwrap();
    assert_eq!((loaded.snapshot.as_ref(), loaded.documents_at), (Some(writer.org()), writer.seq()));
    assert_documents_show(&again, &writer).await;
}
