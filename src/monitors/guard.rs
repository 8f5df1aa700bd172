//! Whom a check may ask. Anybody with a monitor decides what this server asks for, so that without a guard they would
//! see what only this server can: its own ports, its neighbours, the keys that a cloud hands out at an address of its own.
//!
//! What counts is the address that is connected to. Addresses in URLs are checked here, names when they are resolved
//! ([`Guard`] is the resolver), and exactly the addresses that were checked are connected to: a name that says one thing
//! first and another later gains nothing. Only addresses of the public Internet pass, and those that the operator allows.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, LazyLock},
};

/// IPv4 that is not the public Internet.
static CLOSED_V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    let networks = [
        "0.0.0.0/8",        // this host
        "10.0.0.0/8",       // private
        "100.64.0.0/10",    // behind a provider's NAT, and the metadata of one cloud
        "127.0.0.0/8",      // loopback
        "168.63.129.16/32", // a public address by its looks: the metadata of another cloud
        "169.254.0.0/16",   // link-local, and the metadata of most clouds
        "172.16.0.0/12",    // private
        "192.0.0.0/24",     // protocol assignments
        "192.0.2.0/24",     // documentation
        "192.88.99.0/24",   // relays into IPv6
        "192.168.0.0/16",   // private
        "198.18.0.0/15",    // benchmarks
        "198.51.100.0/24",  // documentation
        "203.0.113.0/24",   // documentation
        "224.0.0.0/4",      // multicast
        "240.0.0.0/4",      // reserved, and broadcast
    ];
    networks.into_iter().map(|network| network.parse().expect("written by hand and tested")).collect()
});

/// IPv6 that is the public Internet: all the rest is loopback, link-local, private (fd00:ec2::254 with it), multicast or
/// a way to say an IPv4 address.
static OPEN_V6: LazyLock<Ipv6Net> = LazyLock::new(|| "2000::/3".parse().expect("written by hand and tested"));

/// And what is not in there.
static CLOSED_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| {
    let networks = [
        "2001::/23",     // protocol assignments, and Teredo: IPv4 in disguise
        "2001:db8::/32", // documentation
        "2002::/16",     // 6to4: IPv4 in disguise
        "3fff::/20",     // documentation
    ];
    networks.into_iter().map(|network| network.parse().expect("written by hand and tested")).collect()
});

/// Where a network without IPv4 shows the Internet that has it (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// Why somebody is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It is no address, or none of the web.
    #[error("is no http or https address")]
    NotWeb,
    /// A password there would be shown to everybody who may read the monitor.
    #[error("must not contain a user name or a password")]
    Credentials,
    /// It, or every address of its name, is not of the public Internet.
    #[error("leads into a network that is not allowed")]
    Network,
}

/// A name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name cannot be found")]
pub(super) struct Unresolved;

/// Decides whom a check may ask.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Arc<[IpNet]>,
}

impl Guard {
    /// Lets into these networks too.
    pub fn new(allowed: &[IpNet]) -> Self {
        Self { allowed: allowed.into() }
    }

    /// An address to ask, as far as it can be told without asking for names.
    pub fn url(&self, text: &str) -> Result<Url, Forbidden> {
        self.checked(Url::parse(text.trim()).map_err(|_| Forbidden::NotWeb)?)
    }

    /// The same for where an answer leads on to.
    pub fn redirect(&self, from: &Url, to: &str) -> Result<Url, Forbidden> {
        self.checked(from.join(to).map_err(|_| Forbidden::NotWeb)?)
    }

    fn checked(&self, url: Url) -> Result<Url, Forbidden> {
        let host = match (url.scheme(), url.host_str()) {
            ("http" | "https", Some(host)) => host,
            _ => return Err(Forbidden::NotWeb),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Forbidden::Credentials);
        }
        // Every odd way to write an IPv4 address (2130706433, 0x7f.1, 0177.0.0.1) is a plain one by now.
        match host.trim_matches(['[', ']']).parse() {
            Ok(ip) if !self.allows(ip) => Err(Forbidden::Network),
            _ => Ok(url),
        }
    }

    /// Whether an address may be connected to.
    pub fn allows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.allowed.iter().any(|network| network.contains(&ip))
            || match ip {
                IpAddr::V4(ip) => is_public_v4(ip),
                IpAddr::V6(ip) => is_public_v6(ip),
            }
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !CLOSED_V4.iter().any(|network| network.contains(&ip))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [.., a, b] = ip.segments();
    if ip.segments().starts_with(&NAT64) {
        return is_public_v4(Ipv4Addr::from_bits(u32::from(a) << 16 | u32::from(b)));
    }
    OPEN_V6.contains(&ip) && !CLOSED_V6.iter().any(|network| network.contains(&ip))
}

/// Names become addresses here and nowhere else. Of several addresses those stay that are allowed.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Unresolved)?;
            let found: Vec<SocketAddr> = found.collect();
            if found.is_empty() {
                return Err(Unresolved.into());
            }
            let allowed: Vec<_> = found.into_iter().filter(|address| guard.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Forbidden::Network.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(guard: &Guard, urls: &[&str], why: Forbidden) {
        for url in urls {
            assert_eq!(guard.url(url), Err(why), "{url}");
        }
    }

    #[test]
    fn the_public_internet_is_open_on_every_port() {
        let guard = Guard::default();
        let urls = [
            "http://example.org",
            "https://example.org:8443/health?deep=1#x",
            " https://EXAMPLE.org ",
            "http://1.1.1.1",
            "http://93.184.216.34:22",
            "http://172.32.0.1",
            "http://100.128.0.1",
            "http://[2606:4700:4700::1111]/",
            "http://[64:ff9b::101:101]/", // 1.1.1.1, seen from a network without IPv4
            "http://[::ffff:1.1.1.1]/",
            "http://bücher.example",
        ];
        for url in urls {
            assert!(guard.url(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn only_the_web_is_asked_and_nobody_by_password() {
        let guard = Guard::default();
        let other =
            ["ftp://example.org", "file:///etc/passwd", "gopher://x", "data:,x", "//example.org", "example.org", "http://", ""];
        refused(&guard, &other, Forbidden::NotWeb);
        refused(&guard, &["http://example.org:99999", "http://a b", "http://[::1", "http://1.2.3.4.5"], Forbidden::NotWeb);
        let secret = ["http://user@example.org", "https://user:secret@example.org", "http://:secret@example.org"];
        refused(&guard, &secret, Forbidden::Credentials);
    }

    #[test]
    fn networks_that_are_not_the_internet_are_closed() {
        let v4 = [
            "http://0.0.0.0",
            "http://0.1.2.3",
            "http://10.0.0.1",
            "http://100.64.0.1",
            "http://100.100.100.200/latest/meta-data",
            "http://127.0.0.1",
            "http://127.8.9.1",
            "http://168.63.129.16",
            "http://169.254.169.254/latest/meta-data/",
            "http://172.16.0.1",
            "http://172.31.255.255",
            "http://192.0.0.192",
            "http://192.0.2.1",
            "http://192.88.99.1",
            "http://192.168.1.1",
            "http://198.18.0.1",
            "http://198.19.255.255",
            "http://198.51.100.1",
            "http://203.0.113.1",
            "http://224.0.0.1",
            "http://239.255.255.255",
            "http://240.0.0.1",
            "http://255.255.255.255",
        ];
        refused(&Guard::default(), &v4, Forbidden::Network);
    }

    #[test]
    fn odd_spellings_of_an_address_are_the_address() {
        let odd = [
            "http://2130706433",
            "http://0x7f000001",
            "http://017700000001",
            "http://127.1",
            "http://0x7f.1",
            "http://0177.0.0.1",
            "http://127.0.0.1.",
            "http://%31%32%37.0.0.1",
            "http://１２７.0.0.1",
            "http://127。0。0。1",
            "http://2852039166", // 169.254.169.254
            "http://0",
        ];
        refused(&Guard::default(), &odd, Forbidden::Network);
    }

    #[test]
    fn ipv6_is_closed_where_it_is_not_the_internet_or_says_ipv4() {
        let v6 = [
            "http://[::]",
            "http://[::1]",
            "http://[fe80::1]",
            "http://[fec0::1]",
            "http://[fc00::1]",
            "http://[fd00:ec2::254]/latest/meta-data",
            "http://[ff02::1]",
            "http://[::ffff:127.0.0.1]",
            "http://[::ffff:a9fe:a9fe]",
            "http://[::127.0.0.1]",
            "http://[::1.1.1.1]", // nobody is reached like this, and routers disagree about who is
            "http://[64:ff9b::127.0.0.1]",
            "http://[64:ff9b::a9fe:a9fe]",
            "http://[64:ff9b:1::1.1.1.1]",
            "http://[2002:7f00:1::]",
            "http://[2002:a9fe:a9fe::1]",
            "http://[2002:101:101::1]",
            "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]", // Teredo
            "http://[2001:db8::1]",
            "http://[3fff::1]",
            "http://[100::1]",
            "http://[4000::1]",
        ];
        refused(&Guard::default(), &v6, Forbidden::Network);
    }

    #[test]
    fn the_operator_opens_what_they_name_and_nothing_beside_it() {
        let guard = Guard::new(&["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()]);
        for url in ["http://10.1.2.3", "http://[::ffff:10.1.2.3]", "http://[fd00:1::5]", "http://example.org"] {
            assert!(guard.url(url).is_ok(), "{url}");
        }
        refused(
            &guard,
            &["http://10.2.0.1", "http://127.0.0.1", "http://[fd00:2::1]", "http://169.254.169.254"],
            Forbidden::Network,
        );
        refused(&guard, &["http://me@10.1.2.3"], Forbidden::Credentials);
    }

    #[test]
    fn a_redirect_is_checked_like_an_address() {
        let guard = Guard::default();
        let from = guard.url("https://example.org/a/b").unwrap();
        assert_eq!(guard.redirect(&from, "../c?d").unwrap().as_str(), "https://example.org/c?d");
        assert_eq!(guard.redirect(&from, "//10.0.0.1/x"), Err(Forbidden::Network));
        assert_eq!(guard.redirect(&from, "http://0x7f.1/"), Err(Forbidden::Network));
        assert_eq!(guard.redirect(&from, "https://me:x@example.org/"), Err(Forbidden::Credentials));
        assert_eq!(guard.redirect(&from, "file:///etc/passwd"), Err(Forbidden::NotWeb));
    }

    #[tokio::test]
    async fn a_name_is_worth_only_the_addresses_that_are_allowed() {
        let localhost = || "localhost".parse::<Name>().unwrap();
        let refused = Guard::default().resolve(localhost()).await.map(drop).unwrap_err();
        assert_eq!(refused.downcast_ref(), Some(&Forbidden::Network));
        let guard = Guard::new(&["127.0.0.0/8".parse().unwrap()]);
        let found: Vec<_> = guard.resolve(localhost()).await.unwrap().map(|address| address.ip().to_string()).collect();
        assert_eq!(found, ["127.0.0.1"], "and not ::1");
    }
}
