//! Arrows point inward: who may name whom. See the layout in the README.

#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// (folder or file, crate path, the only places in it that may name that crate)
const RULES: &[(&str, &str, &[&str])] = &[
    ("src", "warp", &["src/http"]),
    ("src", "hyper_util", &["src/http"]),
    ("src", "mongodb", &["src/store/mongodb"]),
    ("src", "redb", &["src/store/embedded"]),
    ("src", "clap", &["src/config.rs", "src/main.rs"]),
    ("src", "anyhow", &["src/cli", "src/main.rs", "src/telemetry.rs"]),
    ("src", "indicatif", &["src/cli"]),
    ("src", "ractor", &[]),
    ("src", "jsonwebtoken", &["src/identity"]),
    ("src", "reqwest", &["src/identity/providers", "src/loadtest", "src/monitors"]),
    ("src", "hdrhistogram", &["src/loadtest"]),
    ("src", "utoipa", &["src/http", "src/page", "src/words.rs"]),
    ("src", "matchit", &["src/http/dispatch.rs", "src/http/facade/mod.rs"]),
    ("src", "socketioxide", &["src/facades", "src/http/facade/mod.rs"]),
    // A facade knows the engine and its own contract, not how either is served.
    ("src/facades", "crate::live", &[]),
    ("src/facades", "crate::site", &[]),
    ("src", "governor", &["src/http/edge"]),
    ("src", "mio", &["src/http/edge/entrance.rs", "src/live", "src/loadtest"]),
    ("src", "slab", &["src/live/writers"]),
    ("src", "socket2", &["src/http/impatient.rs", "src/http/edge/listen.rs", "src/live", "src/loadtest"]),
    ("src", "rustix", &["src/descriptors.rs", "src/http/edge/descriptors.rs", "src/loadtest/readers"]),
    ("src", "libc", &["src/live/writers/liveness.rs", "src/http/edge/entrance.rs"]),
    ("src", "tungstenite", &["src/live/socket", "src/loadtest"]),
    ("src", "flate2", &["src/live/socket/deflate.rs", "src/site/kept.rs"]),
    ("src/live", "crate::http", &[]),
    ("src", "askama", &["src/site", "src/facades/fastapi/provider/page.rs"]),
    ("src", "brotli", &["src/site/kept.rs"]),
    ("src/site", "crate::http", &[]),
    ("src/site", "crate::live", &[]),
    ("src/statuspage", "crate::http", &[]),
    ("src/statuspage", "crate::site", &[]),
    ("src/page", "crate::http", &[]),
    ("src/page", "crate::live", &[]),
    ("src/identity", "crate::http", &[]),
    ("src/monitors", "crate::http", &[]),
    ("src/store", "crate::http", &[]),
    // The load test is a client: it knows what everybody knows.
    ("src/loadtest", "tocsin_actors", &[]),
    ("src/loadtest", "crate::http", &[]),
    ("src/loadtest", "crate::store", &[]),
    ("src/loadtest", "crate::identity", &[]),
    ("src", "crate::loadtest", &["src/cli/loadtest.rs", "src/loadtest"]),
    ("src/store", "crate::identity", &[]),
    ("actors/src", "warp", &[]),
    ("actors/src", "mongodb", &[]),
    ("actors/src", "redb", &[]),
    ("actors/src", "clap", &[]),
    ("actors/src", "ractor", &["actors/src/org", "actors/src/directory"]),
    ("actors/src", "argon2", &["actors/src/accounts/password.rs"]),
    ("actors/src", "bcrypt", &["actors/src/accounts/password.rs"]),
    // Ids and times know their form in documents; see there.
    ("actors/src/domain", "bson", &["actors/src/domain/ids.rs", "actors/src/domain/time.rs", "actors/src/domain/org/tests"]),
    ("actors/src/domain", "tokio", &[]),
    ("actors/src/domain", "tracing", &[]),
    ("actors/src/domain", "futures", &[]),
    ("actors/src/domain", "std::time::SystemTime", &[]),
    ("actors/src/domain", "Utc::now", &[]),
    ("actors/src/domain", "::now_v7", &[]),
    ("actors/src/domain", "crate::store", &[]),
    ("actors/src/domain", "crate::org", &[]),
    ("actors/src/domain", "crate::directory", &[]),
    ("actors/src/org", "crate::http", &[]),
];

#[test]
fn arrows_point_inward() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for (place, name, allowed) in RULES {
        for file in rust_files(&root.join(place)) {
            let path = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if allowed.iter().any(|allowed| path.starts_with(allowed)) {
                continue;
            }
            for (number, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
                let code = line.split("//").next().unwrap();
                if names(code, name) {
                    broken.push(format!("{path}:{}: names {name}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Files that grow past this want two rooms.
#[test]
fn files_stay_readable() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let long: Vec<_> = ["src", "actors/src"]
        .iter()
        .flat_map(|place| rust_files(&root.join(place)))
        .map(|file| (std::fs::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > 600)
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

/// `name::…`, `use name`, or the whole path when it has several parts; not as part of a longer word.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let starts = name.starts_with("::")
            || before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '"' && c != ':' && c != '/' && c != '`');
        let path = name.contains("::")
            || after.starts_with("::")
            || (code.trim_start().starts_with("use ") && after.starts_with([';', ',', ' ']));
        let ends = !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        starts && path && ends
    })
}

fn rust_files(place: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![place.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{} has no files: is the rule out of date?", place.display());
    found
}

#[test]
fn the_check_itself_sees_what_it_should() {
    assert!(names("use warp::Filter;", "warp"));
    assert!(names("let x = mongodb::Client::new();", "mongodb"));
    assert!(names("    redb::Database::create(path)", "redb"));
    assert!(names("let id = Uuid::now_v7();", "::now_v7"));
    assert!(!names("let warp_speed = 9;", "warp"));
    assert!(!names("url.starts_with(\"mongodb://\")", "mongodb"));
    assert!(!names("crate::store::mongodb::open()", "mongodb"));
}
