//! How often who may ask. By address before anything is done for a request, by caller once it is known who that is.

use super::{Rate, RateSettings, client::network, table::Table};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use std::{hash::Hash, net::IpAddr, num::NonZeroU32, time::Duration};
use uuid::Uuid;
use warp::http::HeaderValue;

/// How many addresses or callers are remembered by each limit: about 4 MB when it is full.
const PLACES: usize = 65_536;
/// The slowest and largest that are told from no limit at all, so that no setting overflows.
const SLOWEST: Duration = Duration::from_secs(3_600);
const LARGEST: u32 = 1_000_000;

/// When another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// As the header says it, in whole seconds, never too early.
    pub fn seconds(self) -> u64 {
        let more = u64::from(self.0.subsec_nanos() > 0);
        (self.0.as_secs() + more).max(1)
    }

    pub(super) fn header(self) -> HeaderValue {
        self.seconds().into()
    }
}

/// Every rate limit of a server.
pub struct RateLimits {
    address: Limit<IpAddr>,
    auth: Limit<IpAddr>,
    reads: Limit<Uuid>,
    writes: Limit<Uuid>,
}

impl RateLimits {
    /// Makes them from settings.
    pub fn new(settings: &RateSettings) -> Self {
        Self {
            address: Limit::new(settings.address),
            auth: Limit::new(settings.auth),
            reads: Limit::new(settings.reads),
            writes: Limit::new(settings.writes),
        }
    }

    /// Whether this address may ask anything now. The edge asks this for every request.
    pub fn check_address(&self, address: IpAddr) -> Result<(), RetryAfter> {
        self.address.check(&network(address))
    }

    /// Whether this address may try a password, or something else that is costly or can be guessed.
    pub fn check_auth(&self, address: IpAddr) -> Result<(), RetryAfter> {
        self.auth.check(&network(address))
    }

    /// Whether this caller (a user's id, or a key's) may read or write now. The two are counted apart.
    pub fn check_caller(&self, caller: Uuid, is_write: bool) -> Result<(), RetryAfter> {
        if is_write { self.writes.check(&caller) } else { self.reads.check(&caller) }
    }

    /// Forgets who has not asked for long.
    pub(super) fn sweep(&self) {
        self.address.sweep();
        self.auth.sweep();
        self.reads.sweep();
        self.writes.sweep();
    }
}

/// One limit; none when it is off.
struct Limit<K: Hash + Eq + Clone>(Option<RateLimiter<K, Table<K>, DefaultClock>>);

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(rate: Rate) -> Self {
        let quota = quota(rate);
        Self(quota.map(|quota| RateLimiter::new(quota, Table::with_places(PLACES), DefaultClock::default())))
    }

    fn check(&self, key: &K) -> Result<(), RetryAfter> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(key).map_err(|until| RetryAfter(until.wait_time_from(limiter.clock().now())))
    }

    fn sweep(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn quota(rate: Rate) -> Option<Quota> {
    let limited = rate.per_second > 0.0 && rate.per_second.is_finite();
    let every = Duration::try_from_secs_f64(1.0 / rate.per_second).unwrap_or(SLOWEST);
    let quota = Quota::with_period(every.clamp(Duration::from_nanos(1), SLOWEST)).filter(|_| limited)?;
    Some(quota.allow_burst(NonZeroU32::new(rate.burst.min(LARGEST)).unwrap_or(NonZeroU32::MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Rate = Rate::new(0.001, 2);
    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn each_has_a_budget_of_its_own_for_each_kind() {
        let limits = RateLimits::new(&RateSettings { address: SLOW, auth: SLOW, reads: SLOW, writes: SLOW });
        let caller = Uuid::from_u128(1);
        for _ in 0..2 {
            limits.check_address(ONE).unwrap();
            limits.check_auth(ONE).unwrap();
            limits.check_caller(caller, false).unwrap();
            limits.check_caller(caller, true).unwrap();
        }
        let after = limits.check_address(ONE).unwrap_err().seconds();
        assert!((990..=1_000).contains(&after), "{after}");
        limits.check_auth(ONE).unwrap_err();
        limits.check_caller(caller, false).unwrap_err();
        limits.check_caller(caller, true).unwrap_err();
        limits.sweep();
        limits.check_address(ONE).unwrap_err();
        limits.check_address(OTHER).unwrap();
        limits.check_auth(OTHER).unwrap();
        limits.check_caller(Uuid::from_u128(2), true).unwrap();
    }

    #[test]
    fn every_setting_is_a_limit_or_none() {
        for rate in [Rate::OFF, Rate::new(-1.0, 5), Rate::new(f64::NAN, 5), Rate::new(f64::INFINITY, 5)] {
            assert!(quota(rate).is_none(), "{rate:?}");
        }
        for rate in [Rate::new(1e-300, u32::MAX), Rate::new(1e300, u32::MAX), Rate::new(1.0, 0)] {
            let limit = Limit::new(rate);
            assert_eq!(limit.check(&0), Ok(()), "{rate:?}");
        }
    }

    #[test]
    fn nobody_is_told_to_come_too_early() {
        for (nanos, seconds) in [(0, 1), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2), (2_500_000_000, 3)] {
            assert_eq!(RetryAfter(Duration::from_nanos(nanos)).seconds(), seconds, "{nanos}");
        }
    }
}
