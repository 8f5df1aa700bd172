//! How many files, sockets among them, the process may have open: a connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process needs beside connections that are counted: its own files, the runtime, the store and its peers.
pub const OWN: u64 = 256;

/// Raises the limit as far as it goes without privileges, and answers it.
pub fn raise() -> u64 {
    let before = getrlimit(Resource::Nofile);
    // If it cannot be raised, there are as many as before.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The same, as the number of connections that this leaves: never more than there is memory for on a large machine.
pub fn raise_for_connections() -> usize {
    raise().saturating_sub(OWN).clamp(OWN, 1_000_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_hard_one_afterwards() {
        let limit = raise();
        assert_eq!(Some(limit).filter(|limit| *limit != u64::MAX), getrlimit(Resource::Nofile).maximum);
        assert!(limit >= OWN && raise_for_connections() as u64 <= limit);
    }
}
