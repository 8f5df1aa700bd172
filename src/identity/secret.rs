//! Secrets that somebody carries around: what they look like, and how they are kept without keeping them.
//!
//! They have 256 bits of chance, so a plain SHA-256 is enough to keep them by; a slow hash is for what people think up.

use aws_lc_rs::{constant_time, digest, rand};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use uuid::Uuid;

/// Something that lets its bearer in. Told once, to whom it is meant for; never shown, not even in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, to be handed to its owner and to nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The random part of a secret.
pub(super) type Random = [u8; 32];

/// Fresh chance.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("a system without randomness cannot keep a secret");
    bytes
}

/// What a secret is for. Everybody can see it, also those who find one where it should not be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Refresh,
    ApiKey,
    Invite,
    Browser,
    LoginCode,
}

impl Purpose {
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "toc_r_",
            Self::ApiKey => "toc_k_",
            Self::Invite => "toc_i_",
            Self::Browser => "toc_b_",
            Self::LoginCode => "toc_c_",
        }
    }
}

/// Writes a secret: what it is for, whose it is, and chance.
pub(super) fn write(purpose: Purpose, id: Uuid, random: &Random) -> Secret {
    Secret(format!("{}{}_{}", purpose.prefix(), id.simple(), hex(random)))
}

/// Takes a secret apart. None for anything that we could not have written.
pub(super) fn read(purpose: Purpose, text: &str) -> Option<(Uuid, Random)> {
    let (id, random) = text.strip_prefix(purpose.prefix())?.split_once('_')?;
    if id.len() != 32 {
        return None; // other ways to write a UUID are not ours
    }
    Some((Uuid::try_parse(id).ok()?, unhex(random)?))
}

/// A SHA-256, by which a secret is known again. Written as hexadecimal text.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// Of all parts, one after the other.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        parts.iter().for_each(|part| context.update(part));
        Self(context.finish().as_ref().try_into().expect("a SHA-256 has 32 bytes"))
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are the same, in a time that does not tell how much of them is.
    pub(super) fn is(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        unhex(&text).map(Self).ok_or_else(|| serde::de::Error::custom("a digest has 64 hexadecimal digits"))
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).expect("a half byte is a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Exactly so many bytes from lower-case hexadecimal digits.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    unhex_all(text)?.try_into().ok()
}

/// Bytes from lower-case hexadecimal digits, as many as there are.
pub(super) fn unhex_all(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(value(*high)? << 4 | value(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_back_and_nothing_else_is() {
        let (id, chance) = (Uuid::from_u128(7), random());
        let secret = write(Purpose::ApiKey, id, &chance);
        let text = secret.expose();
        assert_eq!(read(Purpose::ApiKey, text), Some((id, chance)));
        assert_eq!(read(Purpose::Invite, text), None, "a key is no invitation");
        let longer = format!("{text}0");
        let upper = text.to_uppercase();
        for wrong in
            ["", "toc_k_", "toc_k__", &text[..text.len() - 1], &longer, &upper, "toc_k_00000000-0000-0000-0000-000000000007_"]
        {
            assert_eq!(read(Purpose::ApiKey, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = write(Purpose::Refresh, Uuid::from_u128(7), &[0xab; 32]);
        assert_eq!(format!("{secret:?} {:?}", Digest::of(&[b"x"])), "Secret(…) Digest(…)");
    }

    #[test]
    fn a_digest_is_stored_as_text_and_read_back() {
        let digest = Digest::of(&[b"ab", b"c"]);
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(text, "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"");
        assert!(serde_json::from_str::<Digest>(&text).unwrap().is(&digest));
        assert!(!digest.is(&Digest::of(&[b"abd"])));
        assert!(serde_json::from_str::<Digest>("\"ba78\"").is_err());
    }
}
