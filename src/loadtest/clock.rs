//! When something was sent, written into what is sent: a write says its own time, and every frame that tells of the write
//! says it too. So latencies are exact, and nobody has to know which write became which `seq`.

use std::{
    collections::VecDeque,
    fmt::Write,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// What stands before a time.
const MARK: &[u8] = b"@sent:";
/// How many times of sending are remembered: more than a frame that comes late may bring up again.
const REMEMBERED: usize = 64;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds of this process, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// Now.
    pub fn now() -> Self {
        Self(u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1))
    }

    /// How long after that one this one is.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// A text of about so many bytes that says this time.
    pub fn stamp(self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes.max(32));
        let _ = write!(text, "@sent:{} ", self.0); // a String takes everything
        while text.len() < bytes {
            text.push_str("All of it is under load. ");
        }
        text.truncate(bytes.max(32).min(text.len()));
        text
    }
}

/// Tells a time that is new from one that is still there because nothing has replaced it.
#[derive(Debug, Default)]
pub struct Stamps(VecDeque<Nanos>);

impl Stamps {
    /// The newest time in a frame, unless an earlier frame has said it already.
    pub fn fresh(&mut self, frame: &[u8]) -> Option<Nanos> {
        let newest = all_in(frame).max()?;
        if self.0.contains(&newest) {
            return None;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(newest);
        Some(newest)
    }
}

fn all_in(frame: &[u8]) -> impl Iterator<Item = Nanos> {
    frame.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK).filter_map(|(at, _)| {
        let digits = &frame[at + MARK.len()..];
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(&digits[..length]).ok()?.parse().ok().map(Nanos)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_back_once() {
        let mut stamps = Stamps::default();
        let (first, second) = (Nanos(17), Nanos(4_000_000_000));
        assert_eq!(first.stamp(300).len(), 300);
        assert_eq!(stamps.fresh(first.stamp(300).as_bytes()), Some(first));
        assert_eq!(stamps.fresh(first.stamp(300).as_bytes()), None, "it is still there");
        let both = format!("{{\"a\":\"{}\",\"b\":\"{}\"}}", second.stamp(40), first.stamp(40));
        assert_eq!(stamps.fresh(both.as_bytes()), Some(second));
        assert_eq!(stamps.fresh(b"{\"a\":\"@sent:\"}"), None);
        assert_eq!(stamps.fresh(b"nothing @sen"), None);
    }

    #[test]
    fn a_time_that_was_overtaken_still_counts() {
        let mut stamps = Stamps::default();
        assert_eq!(stamps.fresh(Nanos(9).stamp(32).as_bytes()), Some(Nanos(9)));
        assert_eq!(stamps.fresh(Nanos(8).stamp(32).as_bytes()), Some(Nanos(8)));
    }

    #[test]
    fn time_goes_on() {
        let before = Nanos::now();
        let after = Nanos::now();
        assert!(before.0 > 0 && after >= before);
        assert_eq!(Nanos(5).since(Nanos(2)), Duration::from_nanos(3));
        assert_eq!(Nanos(2).since(Nanos(5)), Duration::ZERO);
    }
}
