//! The short ids of the Statuspage API: twelve characters of `a-z` and `0-9`.
//!
//! They are not kept anywhere, but computed from the id that is: the same for ever, on every server and after an import.
//! Two of a hundred thousand things of one organization share one with a chance of one in a thousand million.

use serde::Serialize;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(into = "String")]
pub struct ShortId([u8; 12]);

impl ShortId {
    /// That of a thing with this id.
    pub fn of(id: Uuid) -> Self {
        Self::drawn(id.as_bytes())
    }

    /// That of something which belongs to a thing with this id, and has none itself.
    pub fn under(id: Uuid, what: &str) -> Self {
        Self::drawn(&[id.as_bytes(), what.as_bytes()].concat())
    }

    fn drawn(from: &[u8]) -> Self {
        let mut number = xxh3_128(from);
        Self(std::array::from_fn(|_| {
            let letter = LETTERS[(number % 36) as usize];
            number /= 36;
            letter
        }))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("letters and digits are text")
    }
}

impl From<ShortId> for String {
    fn from(id: ShortId) -> Self {
        id.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stay_what_they_are_for_ever() {
        let id = Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0001);
        assert_eq!(ShortId::of(id).as_str(), "bdood6xe7hke");
        assert_ne!(ShortId::of(id), ShortId::under(id, "postmortem"));
    }

    #[test]
    fn are_different_for_things_made_in_the_same_millisecond() {
        let base = 0x0189_0000_0000_7000_8000_0000_0000_0000_u128;
        let ids: std::collections::HashSet<_> =
            (0..100_000).map(|n| ShortId::of(Uuid::from_u128(base + n)).as_str().to_owned()).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|id| id.len() == 12 && id.bytes().all(|byte| LETTERS.contains(&byte))));
    }
}
