//! By which name this machine was asked for.

use super::Head;
use std::net::IpAddr;
use warp::http::{header, uri::Authority};

/// Whether it is one that no stranger can give to this machine: an address, or `localhost`. Whoever says none, or two that
/// differ, asks for nothing of ours.
pub(super) fn is_own(head: &Head) -> bool {
    let named = head.uri.authority().map(Authority::as_str);
    let mut said = head.headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default()).chain(named).peekable();
    said.peek().is_some() && said.all(is_own_name)
}

fn is_own_name(host: &str) -> bool {
    let Ok(host) = host.parse::<Authority>() else { return false };
    let name = host.host().trim_matches(['[', ']']);
    let is_local = |name: &str| name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    name.parse::<IpAddr>().is_ok() || is_local(name.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_nobody_elses() {
        for own in ["localhost", "LOCALHOST:5000", "localhost.", "front.localhost:80", "127.0.0.1", "127.0.0.1:5000", "[::1]:5000"]
        {
            assert!(is_own_name(own), "{own}");
        }
        let others = ["evil.example", "evil.example:5000", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost", ""];
        for other in others {
            assert!(!is_own_name(other), "{other}");
        }
    }
}
