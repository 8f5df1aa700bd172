//! Its ids have 24 hexadecimal digits, ours are UUIDs: theirs are the first twelve bytes of ours.
//!
//! No two of a process begin alike: of a UUID of version 7 those bytes are the time and the counter that tells those of a
//! millisecond apart (two processes: one in two million millions for each such pair), of version 5 ninety bits of a hash. Should
//! it happen all the same, neither of the two is found, so that nobody is ever shown the other one.

use super::values::{inspect, kind};
use crate::http::facade::Refused;
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// How many bytes of ours there are in one of theirs.
const BYTES: usize = 12;

/// An id as it is written there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ObjectId([u8; BYTES]);

impl ObjectId {
    /// Reads one that was sent, or says like the original why it is none.
    pub(super) fn read(sent: &Value, model: &str) -> Result<Self, Refused> {
        sent.as_str().and_then(Self::parse).ok_or_else(|| {
            let (shown, kind) = (inspect(sent), kind(sent));
            let why = format!(r#"Cast to ObjectId failed for value "{shown}" (type {kind}) at path "_id" for model "{model}""#);
            Refused::new(400, why)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 2 * BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes = u128::from_str_radix(text, 16).ok().filter(|_| is_id)?.to_be_bytes();
        bytes[16 - BYTES..].try_into().ok().map(Self)
    }

    /// What has this id. A map in the order of ids is looked at in one place only.
    pub(super) fn find<K: Ord, V>(self, all: &BTreeMap<K, V>, id: impl Fn(Uuid) -> K) -> Option<&V> {
        let mut alike = all.range(id(self.followed_by(0))..=id(self.followed_by(0xff)));
        match (alike.next(), alike.next()) {
            (Some((_, found)), None) => Some(found),
            _ => None,
        }
    }

    fn followed_by(self, byte: u8) -> Uuid {
        let mut bytes = [byte; 16];
        bytes[..BYTES].copy_from_slice(&self.0);
        Uuid::from_bytes(bytes)
    }
}

/// One of ours as it is written there.
pub(super) fn shown(id: Uuid) -> String {
    let mut text = id.simple().to_string();
    text.truncate(2 * BYTES);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;
    use tocsin_actors::domain::ServiceId;

    fn map(ids: &[u128]) -> BTreeMap<ServiceId, u128> {
        ids.iter().map(|id| (ServiceId::new(Uuid::from_u128(*id)), *id)).collect()
    }

    fn found(all: &BTreeMap<ServiceId, u128>, id: u128) -> Option<u128> {
        let id = ObjectId::read(&json!(shown(Uuid::from_u128(id))), "Service").unwrap();
        id.find(all, ServiceId::new).copied()
    }

    const ONE: u128 = 0x0190_1234_5678_7abc_8def_0123_4567_89ab;

    #[test]
    fn what_is_shown_is_found_again() {
        let all = map(&[0, ONE - (1 << 32), ONE, ONE + (1 << 32), u128::MAX]);
        all.values().for_each(|id| assert_eq!(found(&all, *id), Some(*id), "{id:x}"));
        assert_eq!(found(&all, ONE + (2 << 32)), None);
        let upper = ObjectId::read(&json!(shown(Uuid::from_u128(ONE)).to_uppercase()), "Service").unwrap();
        assert_eq!(upper.find(&all, ServiceId::new), Some(&ONE));
    }

    #[test]
    fn nobody_is_shown_the_other_one_of_two_that_begin_alike() {
        let (lowest, highest) = (ONE & !0xffff_ffff, ONE | 0xffff_ffff);
        for twins in [[ONE, ONE + 1], [lowest, highest]] {
            assert_eq!(found(&map(&twins), ONE), None, "{twins:x?}");
        }
        for one in [lowest, highest] {
            assert_eq!(found(&map(&[one]), ONE), Some(one), "alone it is the one");
        }
    }

    #[test]
    fn what_is_made_in_the_same_moment_does_not_begin_alike() {
        const MANY: usize = 100_000;
        let drawn: BTreeSet<_> = (0..MANY).map(|_| shown(Uuid::now_v7())).collect();
        assert_eq!(drawn.len(), MANY);
        let hashed: BTreeSet<_> = (0..MANY).map(|n| shown(Uuid::new_v5(&Uuid::nil(), &n.to_be_bytes()))).collect();
        assert_eq!(hashed.len(), MANY);
    }

    #[test]
    fn what_is_no_id_is_told_so_in_its_words() {
        let why = |sent: Value| ObjectId::read(&sent, "Service").unwrap_err().text;
        let told = |value: &str| format!(r#"Cast to ObjectId failed for value {value} at path "_id" for model "Service""#);
        for (sent, value) in [
            (json!("zz"), r#""zz" (type string)"#),
            (json!(""), r#""" (type string)"#),
            (json!("+123456789012345678901234"), r#""+123456789012345678901234" (type string)"#),
            (json!("+12345678901234567890123"), r#""+12345678901234567890123" (type string)"#),
            (json!(7), r#""7" (type number)"#),
            (json!(null), r#""null" (type null)"#),
            (json!({ "a": 1 }), r#""{ a: 1 }" (type Object)"#),
        ] {
            assert_eq!(why(sent), told(value));
        }
    }
}
