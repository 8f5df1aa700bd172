//! Where passwords are hashed: on blocking threads, as many as there are cores, behind a waiting line that ends.
//!
//! A hash is expensive on purpose. Without a bound a flood of logins would take every core from everybody, and with a
//! bound but an endless line nobody would ever get to its front. Whoever leaves the line early, because the connection
//! broke, leaves no work behind that nobody counts: the place is given back when the hash is done, not when the caller
//! is gone.

use std::{future::Future, num::NonZero, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may wait for each core: at about 15 ms a hash the last one waits for half a second.
const LINE_PER_CORE: usize = 32;
/// When to come back: when the line that was full has been served.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// There are more passwords to be checked than there is time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked right now")]
pub struct Busy {
    /// When to try again.
    pub retry_after: Duration,
}

/// The cores that hash.
#[derive(Clone)]
pub(super) struct Hashers {
    cores: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Hashers {
    /// One for each core of the machine.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::with(cores, cores * LINE_PER_CORE)
    }

    fn with(cores: usize, line: usize) -> Self {
        Self { cores: Arc::new(Semaphore::new(cores)), places: Arc::new(Semaphore::new(cores + line)) }
    }

    /// Does something that hashes, when it is its turn. It is done to its end even if nobody waits for it any more.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, Busy> {
        let busy = Busy { retry_after: RETRY_AFTER };
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy)?;
        let core = self.cores.clone().acquire_owned().await.map_err(|_| busy)?;
        let held: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (place, core);
        let task = tokio::spawn(async move {
            let _held = held;
            work.await
        });
        task.await.map_err(|_| busy) // it panicked, or the runtime is ending
    }

    /// Hashes, or compares, on a thread that may block.
    pub(super) async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let done = self.run(async move { tokio::task::spawn_blocking(work).await }).await?;
        done.map_err(|_| Busy { retry_after: RETRY_AFTER })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn whoever_comes_when_the_line_is_full_is_told_to_come_back() {
        let hashers = Hashers::with(1, 1);
        let (release, gate) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let work = move || {
            let _ = started.send(());
            gate.recv()
        };
        let first = tokio::spawn({
            let hashers = hashers.clone();
            async move { hashers.compute(work).await }
        });
        running.await.unwrap();
        let mut second = Box::pin(hashers.compute(|| ()));
        assert!(futures::poll!(&mut second).is_pending());
        assert_eq!(hashers.compute(|| ()).await, Err(Busy { retry_after: RETRY_AFTER }));
        release.send(()).unwrap();
        first.await.unwrap().unwrap().unwrap();
        assert_eq!(second.await, Ok(()));
        assert_eq!(hashers.compute(|| 7).await, Ok(7), "the line moved on");
    }

    #[tokio::test]
    async fn a_caller_who_hangs_up_does_not_free_a_core_that_still_works() {
        let hashers = Hashers::with(1, 1);
        let (release, gate) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let mut left = Box::pin(hashers.compute(move || {
            let _ = started.send(());
            gate.recv()
        }));
        assert!(futures::poll!(&mut left).is_pending());
        running.await.unwrap();
        drop(left);
        assert_eq!(hashers.cores.available_permits(), 0);
        release.send(()).unwrap();
        assert_eq!(hashers.compute(|| 7).await, Ok(7));
    }
}
