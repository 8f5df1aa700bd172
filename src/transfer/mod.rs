//! Everything of one store as a file, and back into another: how an installation moves between a file and a database, and
//! how it is kept safe. What website checks found stays behind: it is no part of anybody's history, and could be more than
//! all the rest.
//!
//! The file is made of lines, so that it streams whatever its size and can be looked at: a head, one thing a line, and an
//! end that counts them and carries the SHA-256 of all lines between, so that a file that was cut or changed is known as
//! one, and two that hold the same have the same. Things are extended JSON of what the stores keep; commits are the truth, so documents and snapshots are not in
//! it but made anew.
//!
//! ```text
//! {"tocsin_export":1,"at":"2026-01-05T08:00:00.000Z","by":"0.1.0"}
//! {"commit":{"_id":{"$binary":{…}},"org":{…},"first":{"$numberLong":"1"},…}}      by organization, in order
//! {"user":{…}}   {"slug":{…}}   {"record":{"kind":"sessions",…}}   {"number":{"$numberLong":"12"}}
//! {"end":{"organizations":1,"commits":1,"events":2,"users":1,"slugs":1,"records":1},"sha256":"…"}
//! ```

pub mod export;
pub mod import;
mod item;
mod json;
mod reader;
mod writer;

pub use item::{Counts, Item};
pub use reader::{FileError, Reader};
pub use writer::Writer;

use serde::{Deserialize, Serialize};
use tocsin_actors::records::RecordKind;

/// The version of the format. Counted up by a change that an older reader could misunderstand.
pub const VERSION: u64 = 1;

/// The longest line that is read. The largest commit has 16 MB, and extended JSON makes at most six bytes of one.
const MAX_LINE: u64 = 256 << 20;

/// What travels. An answer is given again to a retry within minutes: nobody retries across a move.
const RECORDS: [RecordKind; 5] =
    [RecordKind::Session, RecordKind::ApiKey, RecordKind::Invite, RecordKind::SigningKey, RecordKind::IdTokenKey];

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    /// The version of the format.
    tocsin_export: u64,
    /// When it was begun, for people.
    #[serde(default)]
    at: String,
    /// By which version of the program, for people.
    #[serde(default)]
    by: String,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct End {
    /// How many things there are.
    end: Counts,
    /// Of every byte between the first line and this one, in hexadecimal.
    sha256: String,
}

/// How the last line begins; no other does.
const END: &[u8] = b"{\"end\":";

/// A digest as people write it.
fn hexadecimal(digest: &aws_lc_rs::digest::Digest) -> String {
    use std::fmt::Write;
    digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // into a string, which has room
        text
    })
}
