//! What a load test is told, checked before anything is sent. It must not be a weapon by accident: it goes to this machine
//! only, unless somebody says otherwise, and everything it does has a bound.

use reqwest::Url;
use std::{
    net::{SocketAddr, ToSocketAddrs},
    time::Duration,
};

/// Writes of a whole test: each of them is remembered until its end, in about a hundred bytes.
const MOST_WRITES: f64 = 5_000_000.0;

/// How much of what, and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server.
    pub target: Target,
    /// How many organizations are made.
    pub orgs: usize,
    /// How many readers, spread over them.
    pub readers: usize,
    /// Writes a second, spread over them.
    pub writes: f64,
    /// For how long.
    pub time: Duration,
    /// How many more readers, who never read.
    pub slow: usize,
    /// How many readers a second drop their connection and come back.
    pub churn: f64,
    /// The server's process, if its costs are wanted.
    pub server_pid: Option<u32>,
}

/// Why a load test cannot be as it was asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No address of a web server.
    #[error("{0} is no address of a server: write it like http://127.0.0.1:8080")]
    Url(String),
    /// A server elsewhere.
    #[error("{0} is not on this machine: a load test goes elsewhere only with --anywhere, and only where it is welcome")]
    Elsewhere(String),
    /// Nobody knows where that is.
    #[error("{0} is no host that is known here: write it like http://127.0.0.1:8080")]
    Unknown(String),
    /// More connections than descriptors.
    #[error(
        "{wanted} connections need more than the {limit} descriptors that this process may have: raise `ulimit -Hn`, or ask for fewer"
    )]
    Descriptors {
        /// Readers of both kinds.
        wanted: u64,
        /// Of this process.
        limit: u64,
    },
    /// Too much to be remembered.
    #[error("that is more than 5,000,000 writes in all: ask for fewer a second, or for a shorter time")]
    Writes,
    /// Nobody would verify them.
    #[error("{orgs} organizations need at least as many readers, or nobody reads some of them")]
    Readers {
        /// So many.
        orgs: usize,
    },
}

impl Settings {
    /// Checks what no single setting can know.
    pub fn check(&self, descriptors: u64) -> Result<(), SettingsError> {
        let wanted = (self.readers + self.slow) as u64;
        if wanted + crate::descriptors::OWN > descriptors {
            return Err(SettingsError::Descriptors { wanted, limit: descriptors });
        }
        if self.writes * self.time.as_secs_f64() > MOST_WRITES {
            return Err(SettingsError::Writes);
        }
        if self.readers < self.orgs {
            return Err(SettingsError::Readers { orgs: self.orgs });
        }
        Ok(())
    }
}

/// A server, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its address without a path: `http://localhost:8080`.
    pub url: String,
    /// What requests say that they are for: `localhost:8080`.
    pub host: String,
    /// The host without its port.
    pub name: String,
    /// Where it is. It is asked for once, so that nobody is sent elsewhere later.
    pub address: SocketAddr,
}

impl Target {
    /// Finds a server; on this machine, unless it may be anywhere.
    pub fn find(text: &str, anywhere: bool) -> Result<Self, SettingsError> {
        let wrong = || SettingsError::Url(text.to_owned());
        let url: Url = text.parse().map_err(|_| wrong())?;
        let is_bare = url.scheme() == "http" && url.path() == "/" && url.query().is_none() && url.username().is_empty();
        let (Some(name), Some(port), true) = (url.host_str(), url.port_or_known_default(), is_bare) else { return Err(wrong()) };
        let plain = name.trim_matches(['[', ']']);
        let unknown = |_| SettingsError::Unknown(name.to_owned());
        let found: Vec<SocketAddr> = (plain, port).to_socket_addrs().map_err(unknown)?.collect();
        if !anywhere && let Some(other) = found.iter().find(|address| !address.ip().is_loopback()) {
            return Err(SettingsError::Elsewhere(other.ip().to_string()));
        }
        // A server that listens on every address of a name is rare; on the IPv4 one it nearly always does.
        let address = found.iter().find(|address| address.is_ipv4()).or(found.first()).copied();
        let address = address.ok_or_else(|| SettingsError::Unknown(name.to_owned()))?;
        let host = format!("{name}:{port}");
        Ok(Self { url: format!("http://{host}"), host, name: name.to_owned(), address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_a_target() {
        for (text, host) in
            [("http://127.0.0.1:8080", "127.0.0.1:8080"), ("http://127.9.9.9/", "127.9.9.9:80"), ("http://[::1]:1", "[::1]:1")]
        {
            let found = Target::find(text, false).unwrap();
            assert_eq!((found.host.as_str(), found.url), (host, format!("http://{host}")));
            assert!(found.address.ip().is_loopback());
        }
        let elsewhere = Err(SettingsError::Elsewhere("192.0.2.1".to_owned()));
        assert_eq!(Target::find("http://192.0.2.1:8080", false), elsewhere);
        assert_eq!(Target::find("http://0.0.0.0:8080", false), Err(SettingsError::Elsewhere("0.0.0.0".to_owned())));
        assert!(Target::find("http://192.0.2.1:8080", true).is_ok());
        for wrong in ["127.0.0.1:8080", "https://127.0.0.1", "http://127.0.0.1/api", "http://ann@127.0.0.1", "http://127.0.0.1/?a"]
        {
            assert_eq!(Target::find(wrong, true), Err(SettingsError::Url(wrong.to_owned())));
        }
    }

    #[test]
    fn what_is_too_much_together_is_refused() {
        let fine = Settings {
            target: Target::find("http://127.0.0.1", false).unwrap(),
            orgs: 10,
            readers: 1_000,
            writes: 100.0,
            time: Duration::from_secs(10),
            slow: 10,
            churn: 0.0,
            server_pid: None,
        };
        assert_eq!(fine.check(20_000), Ok(()));
        assert_eq!(fine.check(1_200), Err(SettingsError::Descriptors { wanted: 1_010, limit: 1_200 }));
        assert_eq!(Settings { writes: 1e6, ..fine.clone() }.check(20_000), Err(SettingsError::Writes));
        assert_eq!(Settings { orgs: 2_000, ..fine }.check(20_000), Err(SettingsError::Readers { orgs: 2_000 }));
    }
}
