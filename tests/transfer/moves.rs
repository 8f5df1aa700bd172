//! What is moved stays what it is.

use crate::{
    fill::{fill, folder},
    mongod::Mongod,
    program::{Place, program},
};
use std::{
    io::{Read, Write},
    process::Stdio,
    sync::Arc,
};
use tocsin::store;
use tocsin_actors::{records::RecordKind, store::Store, testkit::builders::*};

/// A file without its first line, which says when it was written.
fn body(place: &Place, file: &str) -> String {
    let text = std::fs::read_to_string(place.path().join(file)).unwrap();
    let (head, body) = text.split_once('\n').unwrap();
    assert!(head.starts_with(r#"{"tocsin_export":1,"at":"2"#), "{head}");
    body.to_owned()
}

fn export(place: &Place, url: &str, file: &str) -> String {
    let said = place.run(&["export", "--store", url, file]).ok();
    assert!(said.starts_with("exported ") && said.ends_with(&format!(" to {file}\n")), "{said}");
    body(place, file)
}

/// Imports and answers how much that was.
fn import(place: &Place, url: &str, file: &str) -> String {
    let said = place.run(&["import", "--store", url, file]).ok();
    let mut lines = said.lines();
    let imported = lines.next().unwrap().strip_prefix("imported ").unwrap().strip_suffix(&format!(" from {file}")).unwrap();
    assert!(lines.next().unwrap().ends_with(": no differences"), "{said}");
    assert_eq!(lines.next(), None, "{said}");
    imported.to_owned()
}

async fn assert_same(one: &Arc<dyn Store>, other: &Arc<dyn Store>) {
    let orgs = one.organizations(None, 1_000).await.unwrap();
    assert_eq!(orgs, other.organizations(None, 1_000).await.unwrap());
    assert!(orgs.len() > 30, "{orgs:?}");
    for id in orgs {
        assert_eq!(one.commits_after(id, 0, 10_000).await.unwrap(), other.commits_after(id, 0, 10_000).await.unwrap(), "{id}");
        let loaded = [one.load(id).await.unwrap(), other.load(id).await.unwrap()];
        assert!(loaded[0].documents_at == loaded[1].documents_at, "{id}");
        assert!(replay(id, &loaded[0]) == replay(id, &loaded[1]), "{id}");
        let mut documents = [one.documents(id).await.unwrap(), other.documents(id).await.unwrap()];
        documents.iter_mut().for_each(|documents| documents.sort_by(|a, b| (a.collection, &a.id).cmp(&(b.collection, &b.id))));
        assert!(documents[0] == documents[1], "{id}");
    }
    assert_eq!(one.users(None, 1_000).await.unwrap(), other.users(None, 1_000).await.unwrap());
    assert_eq!(one.names(None, None, 1_000).await.unwrap(), other.names(None, None, 1_000).await.unwrap());
    assert_eq!(one.last_number().await.unwrap(), other.last_number().await.unwrap());
    for kind in RecordKind::ALL {
        let (mine, theirs) = (one.records(kind, None, 1_000).await.unwrap(), other.records(kind, None, 1_000).await.unwrap());
        assert_eq!(mine.len(), 3);
        let stays = matches!(kind, RecordKind::Answer | RecordKind::Epoch | RecordKind::LoginCode | RecordKind::Lease);
        assert_eq!(theirs, if stays { Vec::new() } else { mine }, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_moves_into_a_database_and_back() {
    let (place, url) = (Place::new(), Mongod::shared().await.uri("moved"));
    fill(&place, &folder(&place, "data")).await;
    let from_file = export(&place, "file:data", "a.export");
    let counts = import(&place, &url, "a.export");
    assert!(counts.contains(" organizations, ") && counts.ends_with(" names, 15 records"), "{counts}");
    {
        let (data, database) = (store::open(&folder(&place, "data")).await.unwrap(), store::open(&url).await.unwrap());
        assert_same(&data, &database).await;
        assert!(database.load(org(1)).await.unwrap().snapshot.is_some(), "a long life has a snapshot");
    }
    let from_database = export(&place, &url, "b.export");
    assert!(from_file == from_database, "a.export and b.export differ");
    assert_eq!(import(&place, "file:back", "b.export"), counts);
    let from_back = export(&place, "file:back", "c.export");
    assert!(from_file == from_back, "a.export and c.export differ");

    // And it goes on where it was.
    let back = store::open(&folder(&place, "back")).await.unwrap();
    assert_eq!(back.next_number().await.unwrap(), 1_001);
    let session = back.record(RecordKind::Session, api_key(3).uuid()).await.unwrap().unwrap();
    assert_eq!(session.version, 2);
    back.put_record(session.changed(None, &person(1)).unwrap()).await.unwrap();
    let mut writer = Writer::new(org(3), 3);
    writer.append(&*back, [create_organization(3)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_through_a_pipe() {
    let place = Place::new();
    fill(&place, &folder(&place, "data")).await;
    let from_file = export(&place, "file:data", "a.export");
    let piped = place.run(&["export", "--store", "file:data", "-"]);
    assert_eq!((piped.code, piped.err.as_str()), (Some(0), ""));
    assert!(piped.out.split_once('\n').unwrap().1 == from_file, "what goes to stdout is not what goes to a file");

    let mut command = place.command(&program());
    let mut child = command.args(["import", "--store", "file:piped", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(piped.out.as_bytes()).unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains(" from stdin\n") && said.ends_with(": no differences\n"), "{said}");
    assert!(export(&place, "file:piped", "b.export") == from_file, "what came from stdin is not what was in the file");
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.run(&["seed", "--quiet", "--generate", "orgs=1,services=1"]).ok();
    export(&place, "file:data", "a.export");
    let mode = std::fs::metadata(place.path().join("a.export")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    let names: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing is left beside it: {names:?}");
}

/// Also one in which nothing ever happened, except that a server made its signing key: tokens stay good.
#[test]
fn a_store_that_was_only_served_moves_too() {
    let place = Place::new();
    let server = crate::program::Server::start(&place, &["--store", "file:empty"]);
    assert_eq!(server.terminate().0, Some(0));
    let exported = export(&place, "file:empty", "a.export");
    assert_eq!(exported.lines().count(), 3, "{exported}");
    assert_eq!(import(&place, "file:again", "a.export"), "0 organizations, 0 commits, 0 users, 0 names, 1 record");
}
