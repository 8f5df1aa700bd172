//! A name for each request, by which an answer is found again in the log.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};
use uuid::{Builder, Uuid};
use warp::http::{HeaderMap, HeaderName, HeaderValue};

/// Where it comes in from trusted proxies, and goes out to everybody.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ones are not ids, but a way to fill our log.
const LONGEST: usize = 64;

/// The name of a request: an extension of every request.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A proxy's own name for the request if there is a plain one and it is trusted; otherwise a new one, which sorts by time.
    pub(super) fn of(headers: &HeaderMap, trusted: bool) -> Self {
        let given = headers.get(X_REQUEST_ID).filter(|value| trusted && is_plain(value.as_bytes()));
        given.map_or_else(Self::draw, |value| Self(value.clone()))
    }

    fn draw() -> Self {
        /// Asking the system for chance takes longer than some answers. A name has to be unlike others, not secret: a
        /// count, mixed with what was drawn once.
        static CHANCE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mixed = u128::from(CHANCE.hash_one(count)) << 64 | u128::from(count as u16) << 48;
        let chance: [u8; 10] = std::array::from_fn(|n| mixed.to_be_bytes()[n]);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let id = Builder::from_unix_timestamp_millis(now.as_millis() as u64, &chance).into_uuid();
        let mut text = Uuid::encode_buffer();
        let text = id.hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).expect("a UUID is plain text"))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("it is visible ASCII, whoever gave it")
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_plain(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_of_trusted_proxies_are_taken() {
        let longest = "x".repeat(LONGEST);
        for (given, trusted, taken) in [
            ("abc-1", true, true),
            (longest.as_str(), true, true),
            ("abc-1", false, false),
            ("", true, false),
            ("a b", true, false),
            (&format!("{longest}x"), true, false),
        ] {
            let headers = HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_str(given).unwrap())]);
            let id = RequestId::of(&headers, trusted);
            assert_eq!(id.as_str() == given, taken, "{given}");
            assert!(taken || id.as_str().parse::<Uuid>().is_ok_and(|id| id.get_version_num() == 7), "{id}");
        }
        assert_ne!(RequestId::draw().as_str(), RequestId::draw().as_str());
    }
}
