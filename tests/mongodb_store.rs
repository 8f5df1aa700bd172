//! What is particular to the store on MongoDB: what a person with a shell sees, what happens when the server is not well,
//! and what several writers do to each other. What every store promises is in `mongodb_contract.rs`.

#![allow(clippy::unwrap_used)] // tests may

#[path = "support/mongod.rs"]
mod mongod;

use futures::future::join_all;
use mongod::Mongod;
use mongodb::bson::{self, Bson, Document, doc};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tocsin::store::mongodb::{MongoStore, OpenError};
use tocsin_actors::{
    domain::{Command, OrgId, Seq, Timestamp, status::ServiceStatus},
    store::{Archive, CommitLog, StoreError, StoredDocument},
    testkit::builders::*,
};
use uuid::Uuid;

/// Longer than any time limit of the store.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database of its own in the server that all tests share, seen from the store and from a shell.
struct Bench {
    name: String,
    server: &'static Mongod,
    shell: mongodb::Database,
}

impl Bench {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("store-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let server = Mongod::shared().await;
        Self { shell: server.client().await.database(&name), name, server }
    }

    fn uri(&self) -> String {
        self.server.uri(&self.name)
    }

    async fn store(&self) -> Arc<MongoStore> {
        MongoStore::open(&self.uri()).await.unwrap()
    }

    /// A store whose commands fail like this until the fault is mended.
    async fn failing_store(&self, mode: impl Into<Bson>, mut data: Document) -> (Arc<MongoStore>, Fault) {
        // The server has one such switch: one test at a time.
        static SWITCH: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let turn = SWITCH.lock().await;
        let store = MongoStore::open(&format!("{}&appName={}", self.uri(), self.name)).await.unwrap();
        let fault = Fault { admin: self.server.client().await.database("admin"), _turn: turn };
        data.insert("appName", &self.name);
        fault.set(doc! { "mode": mode, "data": data }).await;
        (store, fault)
    }

    async fn count(&self, collection: &str, filter: Document) -> u64 {
        self.shell.collection::<Document>(collection).count_documents(filter).await.unwrap()
    }
}

/// A fault of the server, and the turn of the test that asked for it.
struct Fault {
    admin: mongodb::Database,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

impl Fault {
    async fn set(&self, how: Document) {
        let mut order = doc! { "configureFailPoint": "failCommand" };
        order.extend(how);
        self.admin.run_command(order).await.unwrap();
    }

    async fn mend(self) {
        self.set(doc! { "mode": "off" }).await;
    }
}

fn uuid(uuid: Uuid) -> Bson {
    bson::Uuid::from_bytes(*uuid.as_bytes()).into()
}

fn sorted(mut documents: Vec<StoredDocument>) -> Vec<StoredDocument> {
    documents.sort_by(|a, b| (a.collection, &a.id).cmp(&(b.collection, &b.id)));
    documents
}

async fn assert_documents_show(store: &MongoStore, writer: &Writer) {
    store.settle().await.unwrap();
    let documents = store.documents(writer.org().id()).await.unwrap();
    assert_eq!(sorted(documents), sorted(store.expected_documents(writer.org())));
}

/// Asks until the answer is as wanted.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_finds_documents_by_uuid_and_by_date() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1), create_service(1).at(60), schedule(1, vec![], 600, 900)]).await.unwrap();
    writer.append(&*store, [set_status(1, ServiceStatus::MajorOutage).at(120)]).await.unwrap();
    store.settle().await.unwrap();
    let org = uuid(org(1).uuid());
    let date = |seconds| bson::DateTime::from_millis(at(seconds).millis());
    for (collection, filter, count) in [
        ("organizations", doc! { "_id": &org, "slug": "org-1" }, 1),
        ("organizations", doc! { "_id": { "$type": "binData" }, "created_at": { "$type": "date" } }, 1),
        ("members", doc! { "user": uuid(user(1).uuid()), "role": "admin" }, 1),
        ("services", doc! { "_id": uuid(service(1).uuid()), "org": &org, "status": "major_outage" }, 1),
        ("services", doc! { "status_since": { "$gte": date(120), "$lt": date(121) } }, 1),
        ("services", doc! { "status_since": { "$lt": date(120) } }, 0),
        ("incidents", doc! { "scheduled_start": date(600), "automatic": true }, 1),
        ("status_changes", doc! { "service": uuid(service(1).uuid()), "at": { "$gte": date(60) } }, 2),
        ("commits", doc! { "org": &org, "first": 1, "last": writer.commits()[0].last as i64 }, 1),
        ("projections", doc! { "_id": &org, "seq": writer.seq() as i64 }, 1),
    ] {
        assert_eq!(bench.count(collection, filter.clone()).await, count, "{collection} {filter}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered_from_indexes() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    for n in 1..=20 {
        let mut writer = Writer::of(n);
        writer.append(&*store, [create_organization(n), schedule(n, vec![], 600, 900)]).await.unwrap();
        for name in ["a", "b", "c"] {
            writer.append(&*store, [rename(name)]).await.unwrap();
        }
    }
    store.settle().await.unwrap();
    bench.shell.run_command(doc! { "profile": 2 }).await.unwrap();
    assert_eq!(store.agenda().await.unwrap().len(), 20);
    assert_eq!(store.load(org(3)).await.unwrap().commits.len(), 4);
    assert_eq!(store.commits_after(org(3), 4, 1).await.unwrap().len(), 1);
    assert_eq!(CommitLog::load(&*store, org(99)).await.unwrap().commits.len(), 0);
    assert_eq!(store.organizations(Some(org(3)), 5).await.unwrap().len(), 5);
    assert_eq!(store.documents(org(3)).await.unwrap().len(), 3);
    bench.shell.run_command(doc! { "profile": 0 }).await.unwrap();

    let profile = bench.shell.collection::<Document>("system.profile");
    let mut asked = profile.find(doc! { "op": { "$in": ["query", "command"] }, "planSummary": { "$exists": true } }).await.unwrap();
    let mut jumps = 0;
    while asked.advance().await.unwrap() {
        let asked = asked.deserialize_current().unwrap();
        let (plan, ns) = (asked.get_str("planSummary").unwrap(), asked.get_str("ns").unwrap());
        // The agenda reads all marks: that is one small document an organization, and it needs them all.
        let all_marks =
            ns.ends_with(".projections") && asked.get_document("command").unwrap().get_document("filter").unwrap().is_empty();
        assert!(all_marks || !plan.contains("COLLSCAN"), "{asked}");
        let examined = asked.get_i32("docsExamined").unwrap_or(0);
        assert!(examined <= 20, "{asked}");
        if plan.contains("DISTINCT_SCAN") {
            jumps += 1;
            assert!(asked.get_i32("keysExamined").unwrap() <= 42, "{asked}");
        }
    }
    assert_eq!(jumps, 2, "the newest commit of each organization, and the list of organizations");
}

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

/// The other process has moved on while we were not looking, so that only the unique index can tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_that_was_faster_fails_only_what_it_took() {
    let bench = Bench::new().await;
    let (ours, theirs) = (bench.store().await, bench.store().await);
    let mut writers: Vec<_> = (1..=30).map(Writer::of).collect();
    let created = writers.iter_mut().zip(1..).map(|(writer, n)| writer.append(&*ours, [create_organization(n)]));
    assert!(join_all(created).await.iter().all(Result::is_ok));
    let mut others: Vec<_> = (0..).zip(&writers).step_by(3).map(|(n, writer)| writer.twin(100 + n)).collect();
    let taken = others.iter_mut().map(|writer| writer.append(&*theirs, [rename("theirs")]));
    assert!(join_all(taken).await.iter().all(Result::is_ok));

    let renamed = writers.iter_mut().map(|writer| writer.append(&*ours, [rename("ours")]));
    for (n, result) in join_all(renamed).await.into_iter().enumerate() {
        assert_eq!(result, if n % 3 == 0 { Err(StoreError::Conflict) } else { Ok(()) }, "organization {}", n + 1);
    }
    for other in &mut others {
        assert_eq!(ours.load(other.org().id()).await.unwrap().commits, other.commits());
        other.append(&*ours, [rename("goes on")]).await.unwrap();
        assert_documents_show(&ours, other).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_snapshot_is_kept_in_pieces() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    for hundred in 1..=4 {
        let long = (0..100).map(|n| {
            let mut order = open_incident(hundred * 100 + n, Vec::new());
            if let Command::OpenIncident(new) = &mut order.command {
                new.update = Some((update(hundred * 100 + n), "ü".repeat(20_000)));
            }
            order
        });
        writer.append(&*store, long).await.unwrap();
    }
    let parts = |seq: Seq| doc! { "org": uuid(org(1).uuid()), "seq": seq as i64 };
    store.save_snapshot(writer.org().clone().into());
    store.settle().await.unwrap();
    let loaded = store.load(org(1)).await.unwrap();
    assert!(loaded.commits.is_empty() && loaded.snapshot.as_ref() == Some(writer.org()));
    let first = writer.seq();
    assert_eq!(bench.count("snapshot_parts", parts(first)).await, 2);

    writer.append(&*store, [rename("next")]).await.unwrap();
    store.save_snapshot(writer.org().clone().into());
    store.settle().await.unwrap();
    assert_eq!(bench.count("snapshot_parts", parts(first)).await, 0, "pieces of the old snapshot");
    assert_eq!(store.load(org(1)).await.unwrap().snapshot.as_ref(), Some(writer.org()));

    // A piece that is missing makes the snapshot worthless, not the organization.
    bench.shell.collection::<Document>("snapshot_parts").delete_one(doc! { "part": 1 }).await.unwrap();
    let loaded = store.load(org(1)).await.unwrap();
    assert_eq!(loaded.snapshot, None);
    assert_eq!(replay(org(1), &loaded), *writer.org());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_another_version_is_ignored() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    store.save_snapshot(writer.org().clone().into());
    store.settle().await.unwrap();
    let snapshots = bench.shell.collection::<Document>("snapshots");
    for change in [
        doc! { "format": 99 },
        doc! { "format": 1, "data": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![7] } },
    ] {
        snapshots.update_one(doc! {}, doc! { "$set": change }).await.unwrap();
        let loaded = store.load(org(1)).await.unwrap();
        assert_eq!(loaded.snapshot, None);
        assert_eq!(loaded.commits, writer.commits());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_an_older_writer_never_replace_newer_ones() {
    let bench = Bench::new().await;
    let (late, store) = (bench.store().await, bench.store().await);
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1), create_service(1), create_service(2)]).await.unwrap();
    let old = (writer.commits().to_vec(), Arc::new(writer.org().clone()));
    writer.append(&*store, [rename("newer"), order(Command::DeleteService { id: service(2) })]).await.unwrap();
    assert_documents_show(&store, &writer).await;

    late.project(old.0, old.1.clone());
    late.save_snapshot(old.1);
    late.settle().await.unwrap();
    // Neither the old name, nor the service that is gone, nor its history, nor the old mark.
    assert_documents_show(&store, &writer).await;
    let loaded = store.load(org(1)).await.unwrap();
    assert_eq!(loaded.documents_at, writer.seq());
    assert_eq!(replay(org(1), &loaded), *writer.org());
}

/// As it is when the process dies between the two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_follow_commits_that_somebody_could_not_finish() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1), schedule(1, vec![], 600, 900)]).await.unwrap();
    store.settle().await.unwrap();
    assert_eq!(store.agenda().await.unwrap(), [(org(1), at(600))]);
    let (commit, _) = writer.commit([create_service(1), rename("unfinished")]);
    let stored: Document = bson::deserialize_from_slice(&bson::serialize_to_vec(commit.as_ref()).unwrap()).unwrap();
    bench.shell.collection::<Document>("commits").insert_one(stored).await.unwrap();
    assert_eq!(store.agenda().await.unwrap(), [(org(1), Timestamp::from_millis(0))]);

    let loaded = store.load(org(1)).await.unwrap();
    assert!(loaded.documents_at < writer.seq());
    let behind = loaded.commits.iter().filter(|commit| commit.last > loaded.documents_at).cloned().collect();
    store.project(behind, Arc::new(replay(org(1), &loaded)));
    assert_documents_show(&store, &writer).await;
    assert_eq!(store.agenda().await.unwrap(), [(org(1), at(600))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_once_is_not_noticed() {
    let bench = Bench::new().await;
    let once = doc! { "times": 1 };
    let (store, fault) = bench.failing_store(once, doc! { "failCommands": ["insert"], "closeConnection": true }).await;
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    assert_eq!(store.load(org(1)).await.unwrap().commits, writer.commits());
    fault.mend().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_no_majority_confirmed_is_of_unknown_fate() {
    let bench = Bench::new().await;
    let error = doc! { "code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out" };
    let once = doc! { "times": 1 };
    let (store, fault) = bench.failing_store(once, doc! { "failCommands": ["insert"], "writeConcernError": error }).await;
    let mut writer = Writer::of(1);
    let fate = writer.append(&*store, [create_organization(1)]).await;
    assert!(matches!(fate, Err(StoreError::Unknown(_))), "{fate:?}");
    fault.mend().await;
    // Here it was written after all, which shows when the majority has it.
    eventually("the commit", || async { (store.load(org(1)).await.unwrap().commits == writer.commits()).then_some(()) }).await;
    writer.append(&*store, [rename("goes on")]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_could_not_be_written_follow_later() {
    for fault in [
        doc! { "failCommands": ["update"], "errorCode": 11602 },
        doc! { "failCommands": ["update"], "closeConnection": true },
        doc! { "failCommands": ["update"], "writeConcernError": { "code": 64, "errmsg": "timed out" } },
    ] {
        let bench = Bench::new().await;
        let (store, switch) = bench.failing_store("alwaysOn", fault.clone()).await;
        let mut writer = Writer::of(1);
        writer.append(&*store, [create_organization(1), create_service(1)]).await.unwrap();
        writer.append(&*store, [set_status(1, ServiceStatus::PartialOutage)]).await.unwrap();
        assert!(store.settle().await.is_err(), "who waits is told that it failed: {fault}");
        switch.mend().await;
        eventually("the documents", || async { store.settle().await.ok() }).await;
        assert_documents_show(&store, &writer).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_answering_leaves_the_fate_open() {
    let server = Mongod::start().await;
    let store = MongoStore::open(&server.uri("paused")).await.unwrap();
    let mut writer = Writer::of(1);
    writer.append(&*store, [create_organization(1)]).await.unwrap();
    let before = writer.clone();
    server.pause();
    let started = Instant::now();
    let fate = writer.append(&*store, [rename("lost?")]).await;
    assert!(matches!(fate, Err(StoreError::Unknown(_))), "{fate:?}");
    let (load, ping) = tokio::join!(store.load(org(1)), store.ping());
    assert!(matches!(load, Err(StoreError::Unavailable(_))), "{load:?}");
    assert!(ping.is_err());
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    server.resume();

    eventually("the server", || async { store.ping().await.ok() }).await;
    // The store may still take what it was sent: a load, and whoever goes on from it, settle the matter.
    let mut writer = eventually("a writer whose commit is taken", || async {
        let commits = store.load(org(1)).await.ok()?.commits;
        let mut next = if commits == writer.commits() { writer.clone() } else { before.twin(7) };
        next.append(&*store, [rename("goes on")]).await.ok().map(|()| next)
    })
    .await;
    writer.append(&*store, [rename("and on")]).await.unwrap();
    assert_eq!(store.load(org(1)).await.unwrap().commits, writer.commits());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_death_of_the_server() {
    let mut server = Mongod::start().await;
    let store = MongoStore::open(&server.uri("killed")).await.unwrap();
    let mut lives = tokio::task::JoinSet::new();
    for n in 1..=10 {
        let store = store.clone();
        lives.spawn(async move {
            let mut writer = Writer::of(n);
            writer.append(&*store, [create_organization(n)]).await.unwrap();
            let mut step = 0;
            loop {
                let acknowledged = writer.clone();
                step += 1;
                if let Err(error) = writer.append(&*store, [rename(format!("step {step}"))]).await {
                    return (n, acknowledged, writer, error);
                }
            }
        });
    }
    eventually("some commits", || async { (store.load(org(10)).await.ok()?.commits.len() > 5).then_some(()) }).await;
    server.kill();
    let ends = lives.join_all().await;
    let gone = Writer::of(99).append(&*store, [create_organization(99)]).await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "{gone:?}");
    server.restart().await;
    eventually("the server", || async { store.ping().await.ok() }).await;
    for (n, acknowledged, tried, error) in ends {
        assert!(matches!(error, StoreError::Unknown(_) | StoreError::Unavailable(_)), "{error:?}");
        let commits = store.load(org(n)).await.unwrap().commits;
        assert!(commits == acknowledged.commits() || commits == tried.commits(), "organization {n}");
        if matches!(error, StoreError::Unavailable(_)) {
            assert_eq!(commits, acknowledged.commits(), "nothing was sent");
        }
        let mut next = if commits == tried.commits() { tried } else { acknowledged };
        next.append(&*store, [rename("goes on")]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_no_document_can_hold_fails_alone() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let (mut small, mut large) = (Writer::of(1), Writer::of(2));
    large.append(&*store, [create_organization(2)]).await.unwrap();
    let orders = (0..420).map(|n| {
        let mut order = open_incident(n, Vec::new());
        if let Command::OpenIncident(new) = &mut order.command {
            new.update = Some((update(n), "ü".repeat(20_000)));
        }
        order
    });
    let (large, small) = tokio::join!(large.append(&*store, orders), small.append(&*store, [create_organization(1)]));
    assert!(matches!(&large, Err(StoreError::Unavailable(why)) if why.contains("bytes")), "{large:?}");
    assert_eq!(small, Ok(()));
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
    let again = bench.store().await;
    let loaded = again.load(org(1)).await.unwrap();
    assert_eq!((loaded.snapshot.as_ref(), loaded.documents_at), (Some(writer.org()), writer.seq()));
    assert_documents_show(&again, &writer).await;
}

/// Not a promise but a measurement, printed with `--nocapture`; its assertion only says that grouping works at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_of_many_organizations_share_the_price_of_durability() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    let long = std::env::var_os("TOCSIN_LONG").is_some_and(|long| long == "1");
    let (orgs, steps) = if long { (1_000, 30) } else { (100, 5) };
    let lives = (1..=orgs).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut writer = Writer::of(n);
            writer.append(&*store, [create_organization(n), create_service(n)]).await.unwrap();
            for step in 0..steps {
                let status = if step % 2 == 0 { ServiceStatus::MajorOutage } else { ServiceStatus::Operational };
                writer.append(&*store, [set_status(n, status).at(step)]).await.unwrap();
            }
            writer
        })
    });
    let started = Instant::now();
    let writers: Vec<_> = join_all(lives).await.into_iter().map(Result::unwrap).collect();
    let durable = started.elapsed();
    store.settle().await.unwrap();
    let shown = started.elapsed();
    let commits = orgs * (steps as u64 + 1);
    let rate = commits as f64 / durable.as_secs_f64();
    println!("{commits} commits of {orgs} organizations: durable in {durable:?} ({rate:.0}/s), documents in {shown:?}");
    for writer in writers.iter().step_by(orgs as usize / 10) {
        assert_documents_show(&store, writer).await;
    }
    let alone = {
        let mut writer = Writer::new(OrgId::new(Uuid::from_u128(1)), 5_000);
        let new = create_organization(orgs + 1);
        let Command::CreateOrganization(mut new) = new.command else { unreachable!() };
        new.id = writer.org().id();
        writer.append(&*store, [order(Command::CreateOrganization(new))]).await.unwrap();
        let started = Instant::now();
        for step in 0..20 {
            writer.append(&*store, [rename(format!("{step}"))]).await.unwrap();
        }
        20.0 / started.elapsed().as_secs_f64()
    };
    println!("one organization that waits for each commit: {alone:.0}/s");
    assert!(rate > alone, "{rate:.0}/s together, {alone:.0}/s alone");
}
