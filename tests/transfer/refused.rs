//! What is not whole, not ours or not possible is refused in one sentence, and nothing is changed.

use crate::{
    fill::folder,
    mongod::Mongod,
    program::{Place, assert_fits, fixture},
};
use std::sync::Arc;
use tocsin::store;
use tocsin_actors::{
    records::{Record, RecordKind},
    store::Store,
    testkit::builders::*,
};

/// A place with a store and its export.
fn exported() -> (Place, Vec<u8>) {
    let place = Place::new();
    place.run(&["seed", "--quiet", &fixture("demo.yaml")]).ok();
    place.run(&["export", "whole.export"]).ok();
    let whole = std::fs::read(place.path().join("whole.export")).unwrap();
    (place, whole)
}

#[track_caller]
fn refused(place: &Place, args: &[&str], pattern: &str) {
    let before = place.files();
    let done = place.run(args);
    assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{args:?}: {done:?}");
    assert_fits(&done.err, &format!("tocsin: {pattern}\n"));
    assert_eq!(done.err.lines().count(), 1, "{}", done.err);
    assert!(place.files() == before, "{args:?} changed something: {:?}", place.files().keys());
}

/// This file cannot be imported.
#[track_caller]
fn file_refused(place: &Place, bytes: &[u8], pattern: &str) {
    place.write("spoiled.export", bytes);
    refused(place, &["import", "--store", "file:new", "spoiled.export"], &format!("spoiled.export {pattern}; nothing was changed"));
}

#[test]
fn a_file_that_was_cut_is_refused_wherever_it_was_cut() {
    let (place, whole) = exported();
    let lines: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for (n, end) in lines.iter().enumerate() {
        // Behind a line, and in the middle of the next.
        if n + 1 < lines.len() {
            file_refused(&place, &whole[..=*end], &format!("is cut off after line {}: fetch it again, or export again", n + 1));
            let middle = (*end + lines[n + 1]) / 2;
            file_refused(&place, &whole[..middle], &format!("is cut off after line {}: fetch it again, or export again", n + 1));
        }
        if n == 20 {
            break;
        }
    }
    file_refused(&place, &whole[..whole.len() - 1], "is cut off after line …");
    let doubled = [&whole[..], &whole[..]].concat();
    file_refused(
        &place,
        &doubled,
        "was changed, or damaged on its way (something follows on its end): fetch it again, or export again",
    );
    place.write("spoiled.export", &whole);
    place.run(&["import", "--store", "file:new", "spoiled.export"]).ok();
}

#[test]
fn a_file_in_which_a_byte_changed_is_refused_wherever_it_is() {
    let (place, whole) = exported();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    // Numbers, and letters of texts, which are as good as others: only the checksum knows.
    let digits: Vec<_> = (first..whole.len()).filter(|at| whole[*at].is_ascii_digit()).collect();
    let letters: Vec<_> = (first..whole.len()).filter(|at| whole[*at].is_ascii_lowercase()).collect();
    for at in [&digits[..], &letters[..]].into_iter().flat_map(|some| some.iter().step_by(some.len() / 40)) {
        let mut spoiled = whole.clone();
        spoiled[*at] ^= 1;
        file_refused(&place, &spoiled, "was changed, or damaged on its way (…): fetch it again, or export again");
    }
    // A line that is gone, or stands twice, or elsewhere.
    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let (head, rest) = lines.split_first().unwrap();
    for order in [
        [&[*head], &rest[1..]].concat(),
        [&[*head, rest[0]], rest].concat(),
        [&[*head, rest[1], rest[0]], &rest[2..]].concat(),
        [&[*head, rest[rest.len() - 2]], &rest[..rest.len() - 2], &rest[rest.len() - 1..]].concat(),
    ] {
        file_refused(&place, &order.concat(), "was changed, or damaged on its way (…): fetch it again, or export again");
    }
}

#[test]
fn a_file_of_another_version_or_program_is_refused() {
    let (place, whole) = exported();
    let text = String::from_utf8(whole.clone()).unwrap();
    file_refused(
        &place,
        text.replacen("\"tocsin_export\":1", "\"tocsin_export\":2", 1).as_bytes(),
        "has format 2, and this version reads format 1: import it with the version that wrote it, or a newer one",
    );
    let foreign = "is no export of Tocsin: name a file that `tocsin export` wrote";
    let binary: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for bytes in [&b""[..], b"\n", b"{}\n", b"organizations:\n  - slug: acme\n", b"[1]\n", &binary, &whole[1..], &[b' '; 10_000]] {
        file_refused(&place, bytes, foreign);
    }
    file_refused(&place, &whole[..10], foreign);
    refused(&place, &["import", "--store", "file:new", "nowhere.export"], "there is no nowhere.export: name a file …");
    refused(&place, &["import", "--store", "file:new", "data"], "data is a folder: name a file in it");
    refused(&place, &["import", "--store", "redis://x", "whole.export"], "`redis:` is no kind of store: …");
}

/// Whatever it is.
async fn only_an_empty_store_is_filled(place: &Place, url: impl Fn(&str) -> String) {
    let store = async |name: &str| -> Arc<dyn Store> { store::open(&url(name)).await.unwrap() };
    store("name").await.claim_name("acme".parse().unwrap(), org(1), at(1)).await.unwrap();
    store("user").await.create_user(person(1)).await.unwrap();
    let key = Record::new(RecordKind::SigningKey, api_key(1).uuid(), api_key(0).uuid(), None, &person(1)).unwrap();
    store("key").await.put_record(key).await.unwrap();
    store("number").await.next_number().await.unwrap();
    let full = store("full").await;
    Writer::of(1).append(&*full, [create_organization(1)]).await.unwrap();
    full.settle().await.unwrap();
    drop(full);
    for (name, occupant) in [
        ("name", "names of organizations"),
        ("user", "users"),
        ("key", "signing keys"),
        ("number", "numbers that were given"),
        ("full", "organizations"),
    ] {
        let done = place.run(&["import", "--store", &url(name), "whole.export"]);
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{name}: {done:?}");
        let sentence =
            format!("the store has {occupant} in it already, and only an empty one can be filled: name another with --store");
        assert_eq!(done.err, format!("tocsin: {sentence}\n"));
        let store = store(name).await;
        assert_eq!(store.users(None, 9).await.unwrap().len(), usize::from(name == "user"), "{name}");
        assert_eq!(store.organizations(None, 9).await.unwrap().len(), usize::from(name == "full"), "{name}");
    }
    place.run(&["import", "--store", &url("empty"), "whole.export"]).ok();
    let again = place.run(&["import", "--store", &url("empty"), "whole.export"]);
    assert_eq!(again.code, Some(2), "{again:?}");
    let checked = place.run(&["check", "--store", &url("empty")]).ok();
    assert!(checked.ends_with(": no differences\n"), "{checked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_empty_file_is_filled() {
    let (place, _) = exported();
    only_an_empty_store_is_filled(&place, |name| folder(&place, name)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_empty_database_is_filled() {
    let (place, _) = exported();
    let server = Mongod::shared().await;
    only_an_empty_store_is_filled(&place, |name| server.uri(&format!("occupied-{name}"))).await;
}

#[test]
fn an_export_replaces_nothing_and_leaves_nothing_half_written() {
    let (place, whole) = exported();
    refused(&place, &["export", "whole.export"], "whole.export is there already: remove it, or name another file");
    refused(&place, &["export", "data"], "data is a folder: name a file in it");
    refused(&place, &["export", "nowhere/a.export"], "there is no nowhere/a.export: name a file in a folder that is there");
    refused(&place, &["export", "--store", "file:nowhere", "a.export"], "there is no store in nowhere: …");
    assert!(std::fs::read(place.path().join("whole.export")).unwrap() == whole);
}

/// A reader who goes away, a disk that is full: it is said, and it is no success.
#[cfg(target_os = "linux")]
#[test]
fn an_export_that_cannot_be_written_is_told() {
    let (place, _) = exported();
    let done = place.run(&["export", "/dev/full"]);
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""), "{done:?}");
    assert_fits(&done.err, "tocsin: the export cannot be written: …\n");
}

/// Its commits could not be imported from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_a_hole_is_not_exported() {
    let (place, server) = (Place::new(), Mongod::shared().await);
    let url = server.uri("hole");
    {
        let store = store::open(&url).await.unwrap();
        let mut writer = Writer::of(1);
        for order in [create_organization(1), create_service(1), rename("x")] {
            writer.append(&*store, [order]).await.unwrap();
        }
        store.settle().await.unwrap();
        let commits = server.client().await.database("hole").collection::<mongodb::bson::Document>("commits");
        let second = i64::try_from(writer.commits()[1].first).unwrap();
        assert_eq!(commits.delete_one(mongodb::bson::doc! { "first": second }).await.unwrap().deleted_count, 1);
    }
    let done = place.run(&["export", "--store", &url, "a.export"]);
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""), "{done:?}");
    let sentence = format!("the log of organization {} has a hole after event …; `tocsin check` tells more", org(1));
    assert_fits(&done.err, &format!("tocsin: the store cannot be exported: {sentence}\n"));
    assert!(place.files().is_empty(), "nothing half written is left: {:?}", place.files().keys());
}
