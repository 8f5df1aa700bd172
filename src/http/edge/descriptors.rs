//! What happens when the process may open no more files: whoever comes is told so instead of being left waiting, and those
//! who are here stay. For that, one descriptor is kept in reserve.

use super::entrance::Entrance;
use rustix::io::Errno;
use std::{
    fs::File,
    io::{self, Read, Write},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tracing::warn;

/// The whole answer: there is nothing to spare for making one.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 94\r\nRetry-After: 5\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"full\",\"message\":\"the server has too many open connections\"},\"request_id\":\"\"}";
/// How many are told at once, before it is looked whether there is room again.
const AT_ONCE: usize = 64;
/// For how long it is news.
const SHOWN_FOR: Duration = Duration::from_secs(30);

/// When somebody was last turned away because there was no descriptor for them, in seconds since 1970.
#[derive(Default, Debug)]
pub(super) struct Exhausted(AtomicU64);

impl Exhausted {
    pub(super) fn now(&self) {
        self.0.store(seconds(), Ordering::Relaxed);
    }

    /// Whether it happened a moment ago.
    pub(super) fn is_recent(&self) -> bool {
        seconds().saturating_sub(self.0.load(Ordering::Relaxed)) < SHOWN_FOR.as_secs()
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Whether there was no descriptor for a connection.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| code == Some(errno.raw_os_error()))
}

/// One descriptor that can be given up.
pub(super) struct Reserve(Option<File>);

impl Reserve {
    pub(super) fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Tells those who wait that there is no room; says how many.
    pub(super) async fn refuse(&mut self, entrance: &Entrance) -> usize {
        self.0 = None;
        let mut refused = 0;
        for _ in 0..AT_ONCE {
            let waiting = tokio::time::timeout(Duration::from_millis(1), entrance.accept()).await;
            let Ok(Ok((mut stream, _))) = waiting else { break };
            refused += 1;
            let _ = stream.write(REFUSAL); // the kernel has room for this
            // What was said and is not read would have the kernel take the answer back.
            let mut unread = [0; 4096];
            while stream.read(&mut unread).is_ok_and(|count| count > 0) {}
        }
        *self = Self::new();
        warn!(refused, "no descriptors for new connections");
        refused
    }
}

#[cfg(test)]
mod tests {
    use super::REFUSAL;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = std::str::from_utf8(REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
