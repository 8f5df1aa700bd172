//! Under what an organization is found: its slug (see `ids`), and the host name at which its page also is.

use super::ids::{Slug, SlugError};
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// A host name like `status.acme.com`, as DNS has it: lower-case ASCII labels (punycode for other scripts), at least two of
/// them, so that it can never be taken for a slug. No port, no dot at the end, no IP address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Debug)]
#[serde(transparent)]
pub struct Domain(String);

/// A text that is no domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a domain is a host name in lower case, like status.example.com (other scripts as `xn--…`), without port and path")]
pub struct NoDomain;

impl Domain {
    /// The longest: DNS has no room for more.
    pub const MAX: usize = 253;

    /// The domain that a `Host` header means: its case, a port and a dot at the end make no difference.
    pub fn of_host(host: &str) -> Result<Self, NoDomain> {
        if host.len() > Self::MAX + ".:65535".len() {
            return Err(NoDomain);
        }
        let host = match host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => host,
        };
        host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase().parse()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = NoDomain;
    fn from_str(text: &str) -> Result<Self, NoDomain> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let label = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(allowed) && !label.starts_with('-') && !label.ends_with('-')
        };
        // No top-level domain begins with a digit, and every way of writing an IPv4 address ends in a part that does.
        let top = |label: &str| label.starts_with(|first: char| first.is_ascii_lowercase());
        let is_domain =
            text.len() <= Self::MAX && text.split('.').all(label) && text.rsplit_once('.').is_some_and(|(_, last)| top(last));
        if is_domain { Ok(Self(text.to_owned())) } else { Err(NoDomain) }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Domain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Something under which exactly one organization is found: a slug or a domain. A domain has a dot and a slug never does, so
/// one written form does for both and they cannot be mistaken for each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Debug)]
#[serde(transparent)]
pub struct Name(String);

/// A text that is neither slug nor domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is neither a slug nor a domain")]
pub struct NoName;

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether it is a domain, and not a slug.
    pub fn is_domain(&self) -> bool {
        self.0.contains('.')
    }
}

impl From<&Slug> for Name {
    fn from(slug: &Slug) -> Self {
        Self(slug.as_str().to_owned())
    }
}

impl From<&Domain> for Name {
    fn from(domain: &Domain) -> Self {
        Self(domain.as_str().to_owned())
    }
}

/// Reads what was stored: a word that became reserved later is somebody's name nevertheless.
impl FromStr for Name {
    type Err = NoName;
    fn from_str(text: &str) -> Result<Self, NoName> {
        let is_name = text.parse::<Domain>().is_ok() || text.parse::<Slug>() != Err(SlugError::Malformed);
        if is_name { Ok(Self(text.to_owned())) } else { Err(NoName) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_host_name_and_nothing_else() {
        let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
        for text in ["status.acme.com", "a.b", "xn--bcher-kva.example", "1.2.3.co", "a--b.c-d.e0", &longest] {
            assert_eq!(text.parse::<Domain>().unwrap().as_str(), text);
        }
        let (too_long, long_label) = (format!("{longest}c"), format!("{}.com", "a".repeat(64)));
        for text in [
            "",
            ".",
            "acme",
            "localhost",
            "Status.acme.com",
            "status.acme.com.",
            ".acme.com",
            "a..b",
            "-a.com",
            "a-.com",
            "a_b.com",
            "bücher.example",
            "a b.com",
            "acme.com:80",
            "https://acme.com",
            "acme.com/",
            "*.acme.com",
            "127.0.0.1",
            "127.1",
            "0x7f.0x1",
            "1.2.3.4",
            "[::1]",
            "::1",
            "a.com\0",
            &too_long,
            &long_label,
        ] {
            assert_eq!(text.parse::<Domain>(), Err(NoDomain), "{text}");
            assert!(serde_json::from_value::<Domain>(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_slug_is_never_mistaken_for_a_domain() {
        for (text, is_domain) in [("acme", false), ("www", false), ("acme.com", true)] {
            assert_eq!(text.parse::<Name>().map(|name| name.is_domain()), Ok(is_domain), "{text}");
        }
        for text in ["", "Acme", "acme.", "1.2.3.4", "-"] {
            assert_eq!(text.parse::<Name>(), Err(NoName), "{text}");
        }
    }

    #[test]
    fn however_a_browser_writes_a_host_it_is_the_same_domain() {
        for host in ["status.acme.com", "Status.ACME.com", "status.acme.com:8080", "status.acme.com.", "STATUS.acme.com.:443"] {
            assert_eq!(Domain::of_host(host).unwrap().as_str(), "status.acme.com", "{host}");
        }
        for host in ["", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "::1", "a.b:c", "status.acme.com..", &"a.".repeat(200)] {
            assert_eq!(Domain::of_host(host), Err(NoDomain), "{host}");
        }
    }
}
