//! What the readers have met so far, in numbers.

use super::super::{clock::Nanos, verify::Faults};
use hdrhistogram::Histogram;
use std::{collections::BTreeMap, fmt, time::Duration};

/// The longest time that is told from longer ones, in microseconds.
const LONGEST_US: u64 = 600_000_000;

/// Times, in microseconds, to three digits.
#[derive(Clone)]
pub struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are in order"))
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} times up to {} ms", self.len(), self.longest_ms())
    }
}

impl Times {
    /// One more.
    pub fn add(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LONGEST_US).max(1));
    }

    /// How many.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time, in milliseconds, that this share of them did not exceed.
    pub fn ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1e3
    }

    /// The longest, in milliseconds.
    pub fn longest_ms(&self) -> f64 {
        self.0.max() as f64 / 1e3
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Readers who are connected and have what they began with.
    pub live: usize,
    /// Readers who are connected and read nothing.
    pub deaf: usize,
    /// Steps that readers got, first ones of a page not counted.
    pub deliveries: u64,
    /// Bytes of messages.
    pub bytes: u64,
    /// From the request that was sent to the frame that was received.
    pub latency: Times,
    /// Pages that readers got when they came for the first time.
    pub first_pages: u64,
    /// Pages that readers got instead of steps.
    pub later_pages: u64,
    /// Connections that readers dropped, to come back.
    pub dropped: u64,
    /// Connections on which readers came back.
    pub resumed: u64,
    /// Pings that were answered.
    pub pings: u64,
    /// Connections that the server ended, by how.
    pub ended: BTreeMap<String, u64>,
    /// Upgrades that did not come about, by why.
    pub refused: BTreeMap<String, u64>,
    /// When the first connection was tried.
    pub first_try: Option<Nanos>,
    /// When the last reader was live.
    pub last_live: Option<Nanos>,
    /// Broken promises.
    pub faults: Faults,
}

impl Tally {
    /// How long it took from the first try to the last reader who had what they began with.
    pub fn connecting(&self) -> Duration {
        match (self.first_try, self.last_live) {
            (Some(first), Some(last)) => last.since(first),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_right_to_three_digits() {
        let mut times = Times::default();
        assert!(times.is_empty());
        (1..=1_000).for_each(|ms| times.add(Duration::from_millis(ms)));
        times.add(Duration::ZERO);
        times.add(Duration::from_secs(100_000));
        assert_eq!(times.len(), 1_002);
        assert!((499.0..=501.5).contains(&times.ms(0.5)), "{}", times.ms(0.5));
        assert!(times.longest_ms() >= 600_000.0);
    }
}
