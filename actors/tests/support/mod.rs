//! Waiting with a deadline, and a clock that stands still until told otherwise.

#![allow(dead_code, unreachable_pub)] // each test binary uses its part

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tocsin_actors::{clock::Clock, domain::Timestamp, testkit::builders::start};

/// Long enough for a busy machine, short enough to be noticed.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(start().millis())))
    }
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.millis(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub async fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    eventually_async(what, || std::future::ready(is())).await;
}

pub async fn eventually_async<F: Future<Output = bool>>(what: &str, mut is: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !is().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
