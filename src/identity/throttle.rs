//! Slows down who guesses passwords, without locking out whom they guess at.
//!
//! Failures are counted for an account *from an address*, and for an address alone. There is no count for an account
//! alone: whoever knows an e-mail address could lock its owner out with it. A botnet is slowed by the price of hashing
//! (`passwords`), which it pays in the waiting line of all.
//!
//! An attempt counts as failed until it has succeeded, so that a hundred at once are a hundred. What is remembered is
//! bounded: two generations, as in `recent`. Servers count each for itself.

use super::secret::Digest;
use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tocsin_actors::{accounts::folded, domain::Timestamp};

/// Failures for one account from one address that a forgetful person may need.
const FOR_ACCOUNT: u32 = 10;
/// Failures from one address, behind which there may be a whole office.
const FOR_ADDRESS: u32 = 100;
/// How long a failure counts, at least; and the longest that anybody has to wait.
const WINDOW: Duration = Duration::from_secs(300);
/// How many accounts or addresses a generation remembers, in about a hundred bytes each. At the price of hashing a
/// server of a few cores cannot check more in a window.
const ROOM: usize = 65_536;

/// An account as seen from an address, without keeping either in clear.
type Account = [u8; 16];

/// Counts the attempts.
pub(super) struct Throttle(Mutex<State>);

struct State {
    accounts: Counts<Account>,
    addresses: Counts<IpAddr>,
}

struct Counts<K> {
    limit: u32,
    young: HashMap<K, Failures>,
    old: HashMap<K, Failures>,
    since: Timestamp,
}

#[derive(Clone, Copy, Default)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// An attempt that was let in; failed unless it says otherwise.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    account: Account,
    address: IpAddr,
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { accounts: Counts::new(FOR_ACCOUNT), addresses: Counts::new(FOR_ADDRESS) }))
    }

    /// Lets an attempt in, or says how long to wait.
    pub(super) fn attempt(&self, email: &str, address: IpAddr, now: Timestamp) -> Result<Attempt, Duration> {
        let address = network(address);
        let digest = Digest::of(&[address.to_string().as_bytes(), b" ", folded(email).as_bytes()]);
        let account = digest.bytes()[..16].try_into().expect("a digest is longer than that");
        self.with(|state| {
            let wait = state.accounts.wait(&account, now).max(state.addresses.wait(&address, now));
            if let Some(wait) = wait {
                return Err(wait);
            }
            state.accounts.add(account, now);
            state.addresses.add(address, now);
            Ok(Attempt { account, address })
        })
    }

    /// The password was right: whoever knows it was no guesser.
    pub(super) fn succeeded(&self, attempt: Attempt) {
        self.with(|state| {
            state.accounts.clear(&attempt.account);
            state.addresses.take_back(&attempt.address);
        });
    }

    /// The password was never looked at.
    pub(super) fn not_tried(&self, attempt: Attempt) {
        self.with(|state| {
            state.accounts.take_back(&attempt.account);
            state.addresses.take_back(&attempt.address);
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // Nothing here panics in the middle of a change.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The network somebody is in, as far as one customer of a provider owns it: all of a `/64` is one IPv6 subscriber.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

impl<K: Hash + Eq> Counts<K> {
    fn new(limit: u32) -> Self {
        Self { limit, young: HashMap::new(), old: HashMap::new(), since: Timestamp::default() }
    }

    /// How long somebody must wait: a second after the last failure that is free, and twice as long after each more.
    fn wait(&mut self, key: &K, now: Timestamp) -> Option<Duration> {
        self.age(now);
        let failures = self.young.get(key).or_else(|| self.old.get(key))?;
        let over = failures.count.checked_sub(self.limit)?;
        let wait = Duration::from_secs(1 << over.min(16)).min(WINDOW);
        let left = failures.last.after(wait).since(now);
        // A clock that was set back makes nobody wait for longer than the longest wait.
        u64::try_from(left).ok().filter(|left| *left > 0).map(|left| Duration::from_millis(left).min(WINDOW))
    }

    fn add(&mut self, key: K, now: Timestamp) {
        let before = self.old.remove(&key).unwrap_or_default();
        if self.young.len() >= ROOM && !self.young.contains_key(&key) {
            self.turn(now);
        }
        let failures = self.young.entry(key).or_insert(before);
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    fn clear(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    fn take_back(&mut self, key: &K) {
        if let Some(failures) = self.young.get_mut(key).or_else(|| self.old.get_mut(key)) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    /// Forgets what is older than a window.
    fn age(&mut self, now: Timestamp) {
        let age = now.since(self.since).unsigned_abs();
        let window = u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX);
        if age >= 2 * window {
            self.old.clear(); // nobody came for so long that both are old
            self.young.clear();
            self.since = now;
        } else if age >= window {
            self.turn(now);
        }
    }

    fn turn(&mut self, now: Timestamp) {
        self.old = std::mem::take(&mut self.young);
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_767_600_000_000 + seconds * 1_000)
    }

    #[test]
    fn a_guesser_waits_longer_and_longer_and_the_owner_elsewhere_does_not() {
        let throttle = Throttle::new();
        for _ in 0..FOR_ACCOUNT {
            assert!(throttle.attempt("ann@example.org", HOME, at(0)).is_ok());
        }
        let refused = throttle.attempt("Ann@Example.org", HOME, at(0)).err();
        assert_eq!(refused, Some(Duration::from_secs(1)), "whatever the case");
        assert!(throttle.attempt("ann@example.org", HOME, at(1)).is_ok());
        assert_eq!(throttle.attempt("ann@example.org", HOME, at(1)).err(), Some(Duration::from_secs(2)));
        assert!(throttle.attempt("ann@example.org", AWAY, at(1)).is_ok());
        assert!(throttle.attempt("bob@example.org", HOME, at(1)).is_ok());
    }

    #[test]
    fn an_address_that_tries_many_accounts_is_slowed_down() {
        let throttle = Throttle::new();
        let tried = (0..1_000).filter(|n| throttle.attempt(&format!("{n}@example.org"), HOME, at(0)).is_ok()).count();
        assert_eq!(tried, FOR_ADDRESS as usize);
        assert!(throttle.attempt("ann@example.org", AWAY, at(0)).is_ok());
    }

    #[test]
    fn a_right_password_and_one_never_looked_at_do_not_count() {
        let throttle = Throttle::new();
        for _ in 0..10 * FOR_ADDRESS {
            let attempt = throttle.attempt("ann@example.org", HOME, at(0)).unwrap();
            throttle.succeeded(attempt);
            let attempt = throttle.attempt("ann@example.org", HOME, at(0)).unwrap();
            throttle.not_tried(attempt);
        }
    }

    #[test]
    fn a_failure_is_forgotten_after_a_while() {
        let throttle = Throttle::new();
        for _ in 0..FOR_ACCOUNT {
            assert!(throttle.attempt("ann@example.org", HOME, at(0)).is_ok());
        }
        assert!(throttle.attempt("ann@example.org", HOME, at(0)).is_err());
        let free = (0..FOR_ACCOUNT).filter(|_| throttle.attempt("ann@example.org", HOME, at(601)).is_ok()).count();
        assert_eq!(free, FOR_ACCOUNT as usize);
    }

    #[test]
    fn all_addresses_of_one_ipv6_subscriber_are_one() {
        let throttle = Throttle::new();
        let address = |n: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, n, n, n, n));
        let tried = (0..100).filter(|n| throttle.attempt("ann@example.org", address(*n), at(0)).is_ok()).count();
        assert_eq!(tried, FOR_ACCOUNT as usize);
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(network(mapped), HOME);
    }

    #[test]
    fn a_flood_of_addresses_does_not_make_it_grow() {
        let mut counts = Counts::new(1);
        (0..10 * ROOM).for_each(|key| counts.add(key, at(0)));
        assert!(counts.young.len() + counts.old.len() <= 2 * ROOM);
    }
}
