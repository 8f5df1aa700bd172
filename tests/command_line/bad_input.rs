//! Bad input gets one sentence on stderr that says what to do, exit code 2, and changes nothing.

use crate::{
    mongod::Mongod,
    program::{Place, Server, assert_fits, finish, fixture, program},
};
use mongodb::bson::{Document, doc};
use std::{net::TcpListener, os::unix::fs::PermissionsExt, path::Path};

/// Runs it, and expects a refusal that leaves everything here as it was.
#[track_caller]
fn refused(place: &Place, args: &[&str], sentence: &str) {
    let before = place.files();
    let done = place.run(args);
    assert!(done.code == Some(2) && done.out.is_empty(), "{args:?}: {done:#?}");
    assert_fits(&done.err, &format!("tocsin: {sentence}\n"));
    assert_eq!(done.err.lines().count(), sentence.lines().count(), "{args:?}: {}", done.err);
    assert!(place.files() == before, "{args:?} changed {:?}", place.files().keys());
}

/// The same for every subcommand that opens a store.
#[track_caller]
fn store_refused(place: &Place, url: &str, sentence: &str) {
    refused(place, &["serve", "--listen", "127.0.0.1:0", "--store", url], sentence);
    refused(place, &["check", "--store", url], sentence);
    refused(place, &["seed", "--store", url, &fixture("demo.yaml")], sentence);
    refused(place, &["seed", "--dry-run", "--store", url, &fixture("demo.yaml")], sentence);
}

#[test]
fn what_was_mistyped_is_told_in_one_sentence() {
    let place = Place::new();
    for (args, sentence) in [
        (
            &["serve", "--stroe", "x"][..],
            "unexpected argument '--stroe' found; a similar argument exists: '--store' (see `tocsin serve --help`)",
        ),
        (&["srve"], "unrecognized subcommand 'srve'; a similar subcommand exists: 'serve' (see `tocsin --help`)"),
        (
            &["serve", "--listen", "banana"],
            "invalid value 'banana' for '--listen <ADDR>': write an address and a port, like 127.0.0.1:8080, 0.0.0.0:80 or [::]:8080 \
             (see `tocsin serve --help`)",
        ),
        (
            &["serve", "--sleep-after-minutes", "0"],
            "invalid value '0' for '--sleep-after-minutes <MINUTES>': 0 is not in 1..=10080 (see `tocsin serve --help`)",
        ),
        (&["serve", "--log", "a=b=c"], "--log \"a=b=c\" cannot be understood (…): try `info` or `tocsin=debug`"),
        (&["seed"], "the following required arguments were not provided: <FILE>... (see `tocsin seed --help`)"),
        (
            &["seed", "--generate", "orgs=0"],
            "invalid value 'orgs=0' for '--generate <AMOUNT>': orgs must be a number from 1 to 1000000 (see `tocsin seed --help`)",
        ),
        (
            &["seed", "--generate", "users=1"],
            "invalid value 'users=1' for '--generate <AMOUNT>': \"users\" is not one of orgs, services, incidents, days, seed, password (see `tocsin seed --help`)",
        ),
        (
            &["check", "--repair=maybe"],
            "unexpected value 'maybe' for '--repair' found; no more were expected (see `tocsin check --help`)",
        ),
    ] {
        refused(&place, args, sentence);
    }
}

#[test]
fn a_store_that_cannot_be_is_explained() {
    let place = Place::new();
    store_refused(&place, "ftp://x", "`ftp:` is no kind of store: use `file:FOLDER` or `mongodb://HOST/DATABASE`");
    store_refused(&place, "data", "the store's address has no kind: write `file:FOLDER` or `mongodb://HOST/DATABASE`");
    store_refused(&place, "file:", "the store `file:` names no folder: write for example `file:./data`");
    let address = "the store's address is no MongoDB address (…): write it like mongodb://user:password@host:27017/tocsin";
    store_refused(&place, "mongodb://", address);
    store_refused(&place, "mongodb://ann:hun/ter2@localhost/x", address);
    place.write("data", "a file");
    store_refused(&place, "file:data", "the store data is a file: name the folder in which the store shall be");
    store_refused(&place, "file:data/below", "the store data/below… lies behind something that is no folder: choose another");
    refused(&place, &["check", "--store", "file:nowhere"], "there is no store in nowhere: name the folder of one with --store");
}

#[test]
fn a_damaged_file_is_left_alone() {
    let place = Place::new();
    place.run(&["seed", "--quiet", &fixture("flask.yaml")]).ok();
    let whole = std::fs::read(place.path().join("data/tocsin.redb")).unwrap();
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for bytes in [&noise, &b"hello".to_vec(), &whole[..whole.len() / 2].to_vec(), &[&whole[..4_096], &noise].concat()] {
        place.write("data/tocsin.redb", bytes);
        let sentence =
            "the store data/tocsin.redb is damaged or is no Tocsin store: restore it from a backup, or choose another folder";
        store_refused(&place, "file:data", sentence);
    }
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let place = Place::new();
    place.run(&["seed", "--quiet", &fixture("flask.yaml")]).ok();
    {
        let database = redb::Database::open(place.path().join("data/tocsin.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(redb::TableDefinition::<&str, u64>::new("meta")).unwrap().insert("schema", 2).unwrap();
        transaction.commit().unwrap();
    }
    let sentence = "the store data/tocsin.redb was written by a newer version (schema 2, this one knows 1): use that version, or \
                    restore a backup";
    store_refused(&place, "file:data", sentence);
}

#[test]
fn a_store_that_a_server_has_open_is_not_opened_again() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    store_refused(
        &place,
        "file:data",
        "the store data/tocsin.redb is in use by another process: stop it, or choose another folder",
    );
    assert_eq!(server.ask("GET", "/ready").0, 200, "and the server goes on");
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_folder_that_cannot_be_written_is_explained() {
    let place = Place::new();
    // Root may write everywhere: somebody else runs a copy that everybody can reach.
    std::fs::copy(program(), place.path().join("tocsin")).unwrap();
    std::fs::create_dir(place.path().join("locked")).unwrap();
    let readable = |path: &Path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o555)).unwrap();
    readable(place.path());
    readable(&place.path().join("locked"));
    let copy = place.path().join("tocsin");
    let is_root = std::fs::write(place.path().join("locked/try"), "").is_ok();
    if is_root {
        std::fs::remove_file(place.path().join("locked/try")).unwrap();
    }
    let args = ["check", "serve", "seed"].map(|command| match command {
        "serve" => vec!["serve", "--listen", "127.0.0.1:0", "--store", "file:locked/data"],
        "seed" => vec!["seed", "--generate", "orgs=1", "--store", "file:locked/data"],
        _ => vec!["check", "--store", "file:locked/data"],
    });
    for args in args {
        let mut command = if is_root {
            let mut command = place.command(Path::new("setpriv"));
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&copy);
            command
        } else {
            place.command(&copy)
        };
        let done = finish(command.args(&args));
        let sentence = match args[0] {
            "check" => "tocsin: there is no store in locked/data: name the folder of one with --store\n",
            _ => "tocsin: the store locked/data cannot be written: give this user the right to, or choose another folder\n",
        };
        assert_eq!((done.code, done.err.as_str()), (Some(2), sentence), "{args:?}");
    }
    std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(place.path().join("locked"), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(std::fs::read_dir(place.path().join("locked")).unwrap().count(), 0);
}

#[test]
fn a_taken_port_is_told_before_a_store_is_made() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let sentence =
        format!("cannot listen on {address}, another program listens there: stop it, or choose another address with --listen");
    refused(&place, &["serve", "--listen", &address], &sentence);
    assert!(place.files().is_empty());
    let sentence = "cannot listen on 192.0.2.1:80, this machine does not have that address: choose another address with --listen";
    refused(&place, &["serve", "--listen", "192.0.2.1:80"], sentence);
}

#[test]
fn fixtures_that_cannot_be_read_are_told_before_a_store_is_made() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("folder")).unwrap();
    place.write("binary.yaml", [0xff, 0xfe, 0x00]);
    place.write("bad.yaml", "organizations:\n  - { slug: www, name: Reserved }\n  - { slug: acme, nmae: Acme }\n");
    for (files, sentence) in [
        (&["none.yaml"][..], "there is no file none.yaml: name a fixture, YAML or JSON"),
        (&["folder"], "folder is a folder: name the fixtures in it"),
        (&["binary.yaml"], "binary.yaml is not text: name a fixture, YAML or JSON"),
        (
            &["none.yaml", "folder"],
            "nothing was loaded, correct this first:\nthere is no file none.yaml: name a fixture, YAML or JSON\nfolder is a folder: name the fixtures in it",
        ),
    ] {
        refused(&place, &[&["seed"], files].concat(), sentence);
    }
    let good = fixture("demo.yaml");
    let before = place.files();
    let done = place.run(&["seed", &good, "bad.yaml"]);
    assert!(done.code == Some(2) && done.out.is_empty(), "{done:#?}");
    assert!(done.err.starts_with("tocsin: nothing was loaded, correct this first:\nbad.yaml:"), "{}", done.err);
    assert!(done.err.contains("bad.yaml:2:") || done.err.contains("bad.yaml:3:"), "{}", done.err);
    assert_eq!(done.err.matches("tocsin:").count(), 1, "{}", done.err);
    assert!(place.files() == before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_used_is_explained() {
    let place = Place::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sentence = format!("no MongoDB answers at {free}: start it or correct host and port in the store's address (…)");
    refused(&place, &["check", "--store", &format!("mongodb://ann:hunter2@{free}/x")], &sentence);
    refused(&place, &["serve", "--listen", "127.0.0.1:0", "--store", &format!("mongodb://{free}/x")], &sentence);

    let server = Mongod::start_with_auth("root", "s3cret").await;
    let host = server.host();
    let root = mongodb::Client::with_uri_str(format!("mongodb://root:s3cret@{host}/?authSource=admin")).await.unwrap();
    let roles = vec![doc! { "role": "read", "db": "tocsin" }];
    root.database("admin").run_command(doc! { "createUser": "reader", "pwd": "p@ss", "roles": roles }).await.unwrap();
    let url = |who: &str| format!("mongodb://{who}{host}/tocsin?authSource=admin");
    let credentials = format!(
        "MongoDB at {host} does not accept the user or the password: correct them in the store's address, and name with \
         ?authSource=… the database that knows the user (…)"
    );
    let rights = "the MongoDB user lacks rights on database `tocsin`: give it the role readWrite there (…)";
    store_refused(&place, &url("reader:wr0ng@"), &credentials);
    refused(&place, &["serve", "--listen", "127.0.0.1:0", "--store", &url("reader:p%40ss@")], rights);
    refused(&place, &["seed", "--generate", "orgs=1", "--store", &url("reader:p%40ss@")], rights);
    store_refused(&place, &url(""), rights);
    let sentence = "there is no Tocsin store in database `tocsin`: correct the database in the store's address";
    refused(&place, &["check", "--store", &url("root:s3cret@")], sentence);
    assert!(root.database("tocsin").list_collection_names().await.unwrap().is_empty(), "nothing was made");

    let tocsin = root.database("tocsin");
    tocsin.collection::<Document>("meta").insert_one(doc! { "_id": "schema", "version": 7 }).await.unwrap();
    let sentence = "database `tocsin` has schema 7, this program knows 1: start the version that wrote it, or name another database \
                    in the store's address; nothing was changed";
    store_refused(&place, &url("root:s3cret@"), sentence);
    assert_eq!(tocsin.list_collection_names().await.unwrap(), ["meta"]);
}
