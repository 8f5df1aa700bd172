//! The first words: what a request must say to become a socket, and what it is answered.

use super::deflate;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine, engine::general_purpose::STANDARD};

/// What the answer to a key is made with, so that nobody gives it by accident.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a request says of itself; absent headers are empty.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `Connection`, all of them.
    pub connection: &'a str,
    /// `Upgrade`.
    pub upgrade: &'a str,
    /// `Sec-WebSocket-Version`.
    pub version: &'a str,
    /// `Sec-WebSocket-Key`.
    pub key: &'a str,
    /// `Sec-WebSocket-Extensions`, all of them.
    pub extensions: &'a str,
}

/// What it is answered.
#[derive(Debug, PartialEq)]
pub struct Agreed {
    /// `Sec-WebSocket-Accept`.
    pub accept: String,
    /// Whether messages may be compressed.
    pub deflate: bool,
}

/// Why it does not become a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not ask for that.
    NoUpgrade,
    /// It speaks another version; we speak 13.
    Version,
    /// Its key is not 16 bytes in Base64.
    Key,
}

/// Reads the first words.
pub fn agree(asked: Asked<'_>) -> Result<Agreed, Refused> {
    let has = |list: &str, word: &str| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(word));
    if !has(asked.connection, "upgrade") || !has(asked.upgrade, "websocket") {
        return Err(Refused::NoUpgrade);
    }
    if asked.version.trim() != "13" {
        return Err(Refused::Version);
    }
    let key = asked.key.trim();
    if STANDARD.decode(key).ok().is_none_or(|key| key.len() != 16) {
        return Err(Refused::Key);
    }
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{MAGIC}").as_bytes()));
    Ok(Agreed { accept, deflate: deflate::is_acceptable(asked.extensions) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'_> = Asked {
        connection: "keep-alive, Upgrade",
        upgrade: "websocket",
        version: "13",
        key: "dGhlIHNhbXBsZSBub25jZQ==",
        extensions: "",
    };

    #[test]
    fn the_example_of_the_standard_is_answered_as_it_says() {
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned();
        assert_eq!(agree(ASKED), Ok(Agreed { accept, deflate: false }));
    }

    #[test]
    fn who_says_it_wrong_stays_outside() {
        assert_eq!(agree(Asked { connection: "keep-alive", ..ASKED }), Err(Refused::NoUpgrade));
        assert_eq!(agree(Asked { upgrade: "h2c", ..ASKED }), Err(Refused::NoUpgrade));
        assert_eq!(agree(Asked { version: "8", ..ASKED }), Err(Refused::Version));
        for key in ["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSB0b28gbG9uZw=="] {
            assert_eq!(agree(Asked { key, ..ASKED }), Err(Refused::Key), "{key}");
        }
    }
}
