//! How many descriptors this process may have: a connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the program itself needs: its own connections, files and queues.
pub const OWN: u64 = 200;

/// Raises the limit as far as it goes without privileges, and answers it.
pub fn raise_descriptors() -> u64 {
    let before = getrlimit(Resource::Nofile);
    // If it cannot be raised, there are as many as before.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_hard_one_afterwards() {
        let limit = raise_descriptors();
        assert_eq!(Some(limit).filter(|limit| *limit != u64::MAX), getrlimit(Resource::Nofile).maximum);
        assert!(limit >= OWN);
    }
}
