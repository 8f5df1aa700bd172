//! What tokens proved a moment ago. A front end sends the same one with every request, and to verify its signature takes
//! several times as long as to answer.
//!
//! Only what the token itself says is kept, for as long as everything else that is believed of people: whether the session
//! goes on and the account may act is asked each time.

use super::{REMEMBERED, jwt::Verified};
use crate::recent::Recent;
use tocsin_actors::domain::Timestamp;

/// Of how many tokens: a few kilobytes each.
const ROOM: usize = 4_000;

/// What tokens proved, by the tokens as they were sent.
pub(super) struct Proved<T>(Recent<Box<str>, Verified<T>>);

impl<T: Clone> Proved<T> {
    pub(super) fn new() -> Self {
        Self(Recent::new(REMEMBERED, ROOM))
    }

    /// What this token proved; none if that is too long ago, or it has expired since.
    pub(super) fn get(&self, token: &str, now: Timestamp) -> Option<T> {
        self.0.get(token, now).filter(|verified| now < verified.until).map(|verified| verified.what)
    }

    /// Remembers it, and gives it back.
    pub(super) fn keep(&self, token: &str, verified: Verified<T>, now: Timestamp) -> T {
        let what = verified.what.clone();
        self.0.put(self.0.ticket(), token.into(), verified, now);
        what
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_proves_nothing_after_it_has_expired() {
        let at = Timestamp::from_millis;
        let proved = Proved::new();
        assert_eq!(proved.keep("a.b.c", Verified { what: 7, until: at(2_000) }, at(0)), 7);
        assert_eq!((proved.get("a.b.c", at(1_999)), proved.get("a.b.d", at(0))), (Some(7), None));
        assert_eq!(proved.get("a.b.c", at(2_000)), None);
        proved.keep("d.e.f", Verified { what: 8, until: at(1_000_000) }, at(0));
        assert_eq!((proved.get("d.e.f", at(4_999)), proved.get("d.e.f", at(5_000))), (Some(8), None));
    }
}
