//! The README is true: its examples run as they stand, and its tables name every setting.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

/// Where the README's server is.
const THERE: &str = "127.0.0.1:8080";

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn the_examples_run_as_they_stand() {
    let readme = readme();
    let (_, after) = readme.split_once("<!-- tests/readme.rs runs these -->\n```sh\n").expect("the README has examples");
    let (examples, _) = after.split_once("```").unwrap();
    assert!(examples.matches("curl ").count() >= 5, "{examples}");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_tocsin"))
        .args(["demo", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.find_map(|line| {
        let rest = line.strip_prefix("Tocsin listens on http://")?;
        Some(rest.split(' ').next().unwrap().to_owned())
    });
    let script = examples.replace(THERE, &address.expect("the demonstration says where it listens"));
    // `curl` itself does not mind an error's status; here it must.
    let script = format!("set -euo pipefail\ncurl() {{ command curl --fail-with-body \"$@\"; }}\n{script}");
    let run = Command::new("bash").args(["-c", &script]).output().unwrap();
    demo.kill().unwrap();
    demo.wait().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{script}\n{out}\n{err}");
    for seen in ["Kestrel", "\"status\":\"degraded_performance\"", "\"status\":\"monitoring\""] {
        assert!(out.contains(seen), "{seen} is not in\n{out}");
    }
}

#[test]
fn every_setting_of_the_server_is_in_the_table() {
    let readme = readme();
    let help = Command::new(env!("CARGO_BIN_EXE_tocsin")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags: Vec<_> = help.lines().filter_map(|line| line.trim().strip_prefix("--")?.split([' ', '\n']).next()).collect();
    assert!(flags.len() > 8, "{flags:?}");
    for flag in flags.iter().filter(|flag| **flag != "help") {
        let twin = format!("TOCSIN_{}", flag.replace('-', "_").to_uppercase());
        let row = format!("| `--{flag}` | `{twin}` |");
        assert!(readme.contains(&row), "{row} is not in the README");
    }
    for row in readme.lines().filter(|line| line.starts_with("| `--")) {
        let flag = row.split('`').nth(1).unwrap().trim_start_matches("--");
        assert!(flags.contains(&flag), "the README names --{flag}, which is not there");
    }
}

#[test]
fn the_tree_names_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = readme();
    let (_, architecture) = readme.split_once("## Architecture").unwrap();
    for row in architecture.lines().filter(|line| line.starts_with("| `")) {
        let places = row.split('|').nth(1).unwrap();
        for place in places.split('`').skip(1).step_by(2) {
            assert!(root.join(place).exists(), "{place} is in the README, but not here");
        }
    }
}
