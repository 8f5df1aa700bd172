//! Identities that are valid by construction, so that no function has to ask what kind of string it was given.
//!
//! An id knows its two written forms: text for people and JSON, and MongoDB's own UUID (binary subtype 4) for documents.
//! Both are decided here and nowhere else, because a look-up only finds what was written in exactly the same form.
//! (`bson::serialize_to_document` counts as "for people": stores write with `serialize_to_vec`, which does not.)

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a UUID drawn at the edge; the domain draws none itself.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }
            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                stored_uuid::serialize(&self.0, serializer)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                stored_uuid::deserialize(deserializer).map(Self)
            }
        }
    )+};
}

id! {
    /// One tenant.
    OrgId,
    /// A person with an account; may belong to many organizations.
    UserId,
    /// A person's membership in one organization.
    MemberId,
    /// A team inside an organization.
    TeamId,
    /// A heading on the page under which services stand.
    GroupId,
    /// Something whose status is told.
    ServiceId,
    /// An incident or a maintenance: one entity, two life cycles.
    IncidentId,
    /// One entry of an incident's timeline.
    UpdateId,
    /// An API key.
    KeyId,
    /// A website check.
    MonitorId,
    /// What a caller names a request by, so that a retry can be recognized.
    RequestKey,
    /// One durable step of an organization; tells our commit from a stranger's with the same number.
    CommitId,
}

/// How every UUID is written: as text where people read it, as a MongoDB UUID in documents.
mod stored_uuid {
    use super::*;

    pub(super) fn serialize<S: Serializer>(uuid: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(uuid)
        } else {
            bson::Uuid::from_bytes(*uuid.as_bytes()).serialize(serializer)
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            bson::Uuid::deserialize(deserializer).map(|uuid| Uuid::from_bytes(uuid.bytes()))
        }
    }
}

/// The name of an organization in addresses: lower-case letters, digits and inner hyphens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Debug)]
#[serde(transparent)]
pub struct Slug(String);

/// Why a text is no slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// Wrong length or characters.
    #[error("a slug has 1 to 63 lower-case letters, digits and inner hyphens")]
    Malformed,
    /// The word means something else in our addresses.
    #[error("this word is reserved")]
    Reserved,
}

/// Words that are, or may become, addresses of ours.
const RESERVED: &[&str] = &[
    "account",
    "admin",
    "api",
    "app",
    "assets",
    "auth",
    "billing",
    "blog",
    "dashboard",
    "demo-login",
    "docs",
    "events",
    "favicon",
    "feed",
    "health",
    "help",
    "history",
    "incidents",
    "invite",
    "invites",
    "jwks",
    "live",
    "login",
    "logout",
    "mail",
    "maintenances",
    "me",
    "metrics",
    "new",
    "oauth",
    "openapi",
    "orgs",
    "public",
    "ready",
    "register",
    "robots",
    "root",
    "security",
    "services",
    "settings",
    "signup",
    "static",
    "status",
    "support",
    "system",
    "tocsin",
    "users",
    "well-known",
    "ws",
    "www",
];

impl Slug {
    /// The longest slug: a DNS label, because a slug may become part of a host name.
    pub const MAX: usize = 63;

    /// The slug that a name suggests: `Acme, Inc.` becomes `acme-inc`. May still be reserved or empty.
    pub fn suggest(name: &str) -> Result<Self, SlugError> {
        let mut slug = String::new();
        for c in name.chars().flat_map(char::to_lowercase) {
            match c {
                'a'..='z' | '0'..='9' => slug.push(c),
                _ if slug.ends_with('-') || slug.is_empty() => {}
                _ if c.is_whitespace() || c.is_ascii_punctuation() => slug.push('-'),
                _ => {}
            }
        }
        slug.truncate(Self::MAX);
        slug.trim_end_matches('-').parse()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = SlugError;
    fn from_str(text: &str) -> Result<Self, SlugError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(allowed) || text.starts_with('-') || text.ends_with('-') {
            return Err(SlugError::Malformed);
        }
        if RESERVED.contains(&text) {
            return Err(SlugError::Reserved);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads what was stored: a word that became reserved later must not make an organization unreadable.
impl<'de> Deserialize<'de> for Slug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            Ok(slug) => Ok(slug),
            Err(SlugError::Reserved) => Ok(Self(text)),
            Err(malformed) => Err(serde::de::Error::custom(malformed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_suggested_from_any_name() {
        for (name, slug) in [("Acme, Inc.", "acme-inc"), ("  A  b ", "a-b"), ("Zürich Öl 24", "zrich-l-24")] {
            assert_eq!(Slug::suggest(name).unwrap().as_str(), slug);
        }
        assert_eq!(Slug::suggest("日本"), Err(SlugError::Malformed));
        assert_eq!(Slug::suggest("API"), Err(SlugError::Reserved));
    }

    #[test]
    fn malformed_slugs_are_refused() {
        for text in ["", "-a", "a-", "A", "a_b", "a b", &"x".repeat(64)] {
            assert_eq!(text.parse::<Slug>(), Err(SlugError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_reserved_word_is_refused_but_still_read_back() {
        assert_eq!("www".parse::<Slug>(), Err(SlugError::Reserved));
        assert_eq!(serde_json::from_str::<Slug>("\"www\"").unwrap().as_str(), "www");
    }

    #[test]
    fn an_id_is_text_in_json_and_a_uuid_in_documents() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Doc {
            id: OrgId,
        }
        let doc = Doc { id: OrgId::new(Uuid::from_u128(7)) };
        assert_eq!(serde_json::to_string(&doc).unwrap(), r#"{"id":"00000000-0000-0000-0000-000000000007"}"#);
        let stored = bson::serialize_to_vec(&doc).unwrap();
        let read: bson::Document = bson::deserialize_from_slice(&stored).unwrap();
        let bson::Bson::Binary(binary) = &read["id"] else { panic!("not binary: {read}") };
        assert_eq!(binary.subtype, bson::spec::BinarySubtype::Uuid);
        assert_eq!(bson::deserialize_from_slice::<Doc>(&stored).unwrap(), doc);
    }
}
