//! How many files, sockets among them, the process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// What is needed beside connections: the store, the runtime, and connections to the database and to providers.
const OTHERS: u64 = 256;
/// Memory for this many is there on every machine that has so many descriptors.
const MOST: u64 = 1_000_000;

/// Takes as many as the system lets us have, and says how many connections that leaves.
pub(super) fn for_connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    let have = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let left = have.map_or(MOST, |have| have.saturating_sub(OTHERS).clamp(OTHERS, MOST));
    usize::try_from(left).unwrap_or(usize::MAX)
}
