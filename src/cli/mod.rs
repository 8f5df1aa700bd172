//! The subcommands, one file each. Whatever goes wrong before anything is changed is one sentence and exit code 2.

pub mod check;
pub mod demo;
pub mod export;
pub mod health;
pub mod import;
pub mod loadtest;
mod progress;
pub mod rotate_key;
pub mod seed;
pub mod serve;
pub mod superadmin;

use crate::{
    config::StoreArgs,
    store::{self, OpenError},
    transfer::Counts,
};
use std::{io, path::Path, sync::Arc};
use tocsin_actors::store::Store;

/// An error of the person who called us: bad input, or a world that is not as they said. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Opens the store, or says in one sentence why not.
pub async fn open_store(args: &StoreArgs) -> anyhow::Result<Arc<dyn Store>> {
    opened(store::open(&args.url.0).await)
}

fn opened(opened: Result<Arc<dyn Store>, OpenError>) -> anyhow::Result<Arc<dyn Store>> {
    Ok(opened.map_err(|error| Refused(error.to_string()))?)
}

/// What a file holds: `2 organizations, 31 commits, 5 users, 2 names, 9 records`.
fn told(counts: &Counts) -> String {
    let listed = [
        counted(counts.organizations, "organization", "organizations"),
        counted(counts.commits, "commit", "commits"),
        counted(counts.users, "user", "users"),
        counted(counts.names, "name", "names"),
        counted(counts.records, "record", "records"),
    ];
    listed.join(", ")
}

/// Why a file cannot be opened or made.
fn unusable(file: &Path, error: &io::Error) -> Refused {
    let file = file.display();
    Refused(match error.kind() {
        io::ErrorKind::NotFound => format!("there is no {file}: name a file in a folder that is there"),
        io::ErrorKind::IsADirectory => format!("{file} is a folder: name a file in it"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("{file} cannot be used: give this user the right to, or name another file")
        }
        _ => format!("{file} cannot be used: {error}"),
    })
}

/// `1 service`, `2,000 services`.
fn counted(number: u64, one: &str, many: &str) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    format!("{} {}", groups.join(","), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn numbers_can_be_read() {
        for (number, expected) in
            [(0, "0 eggs"), (1, "1 egg"), (999, "999 eggs"), (1_000, "1,000 eggs"), (1_234_567, "1,234,567 eggs")]
        {
            assert_eq!(counted(number, "egg", "eggs"), expected);
        }
    }
}
