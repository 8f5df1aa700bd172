//! Where codes, and people after them, may be sent: the pages of the front ends and nothing else. An address is accepted when
//! its origin (scheme, host and port, all of it)
//!
//! - is one of those given with `--cors-origin`, where `*` names none; or
//! - is this machine (`localhost`, `127.0.0.1` or `[::1]`, any port), unless it was said with `--facade-url` under which
//!   address people reach us: then we are no experiment on somebody's desk any more.
//!
//! Addresses are read strictly: what two programs could read in two ways is none.

/// An absolute address of the web, as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    text: String,
    origin: String,
}

/// The places that are ours to send somebody to.
pub(super) struct Places {
    origins: Vec<String>,
    this_machine: bool,
}

/// The longest address that is looked at.
const LONGEST: usize = 2_000;

impl Place {
    /// Reads an address; none for anything that is not plainly one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (usual_port, ends) = (
            match scheme {
                "https" => "443",
                "http" => "80",
                _ => return None,
            },
            rest.find(['/', '?']).unwrap_or(rest.len()),
        );
        let (authority, path) = rest.split_at(ends);
        // What browsers read otherwise than it looks: backslashes, tabs, names before an @. A fragment would hide the code.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\#<>\"^`{|}".contains(&byte);
        if text.len() > LONGEST || !path.bytes().all(is_plain) {
            return None;
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, usual_port),
        };
        let is_name = !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
        let is_v6 = || {
            let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            inner.is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.to_string() == host))
        };
        let number: u16 = port.parse().ok()?;
        if !(is_name || is_v6()) || port != number.to_string() || number == 0 {
            return None;
        }
        let port = if port == usual_port { String::new() } else { format!(":{port}") };
        Some(Self { text: text.to_owned(), origin: format!("{scheme}://{host}{port}") })
    }

    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Its origin, as browsers write it.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// With this said in its query, beside what is there.
    pub(super) fn saying(&self, what: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(what);
        let joint = match self.text.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{joint}{}", self.text, query.finish())
    }

    /// What people call it: the host, and the port if it is a special one.
    pub(super) fn name(&self) -> &str {
        self.origin.split("://").nth(1).unwrap_or_default()
    }
}

/// Whether a place is on the machine of who goes there.
pub(super) fn is_this_machine(place: &Place) -> bool {
    let name = place.name();
    let host = name.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(name, |(host, _)| host);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

impl Places {
    pub(super) fn new(origins: &[String], this_machine: bool) -> Self {
        let origins = origins.iter().filter_map(|origin| Place::read(origin)).map(|place| place.origin).collect();
        Self { origins, this_machine }
    }

    /// Reads an address to which somebody may be sent.
    pub(super) fn find(&self, text: &str) -> Option<Place> {
        Place::read(text).filter(|place| self.origins.contains(&place.origin) || (self.this_machine && is_this_machine(place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_meaning() {
        for (text, origin) in [
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://localhost:5173/callback?x=1", "http://localhost:5173"),
            ("https://app.example.org/", "https://app.example.org"),
            ("https://app.example.org:443/a", "https://app.example.org"),
            ("https://app.example.org:80", "https://app.example.org:80"),
            ("http://[::1]:3000/a", "http://[::1]:3000"),
            ("http://[::1]?x", "http://[::1]"),
            ("https://app.example.org?return=https://evil.example", "https://app.example.org"),
        ] {
            assert_eq!(Place::read(text).map(|place| place.origin).as_deref(), Some(origin), "{text}");
        }
        for text in [
            "",
            "localhost:5173",
            "//localhost",
            "ftp://localhost",
            "javascript:alert(1)",
            "javascript://localhost/%0aalert(1)",
            "http://",
            "http:///a",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:99999",
            "http://localhost:080",
            "http://localhost#x",
            "http://localhost/#x",
            "http://localhost\\@evil.example",
            "http://localhost/\\evil.example",
            "http://localhost@evil.example",
            "http://user:pass@localhost",
            "http://localhost:5173@evil.example/",
            "http://LOCALHOST",
            "HTTP://localhost",
            "http://local host",
            "http://localhost/a b",
            "http://localhost\t",
            "http://localhost\n.evil.example",
            "http://l%6fcalhost",
            "http://[::1",
            "http://[::0001]",
            "http://::1",
            "http://[localhost]",
            "http://localhost/\u{e9}",
            "http://localh\u{f6}st",
        ] {
            assert_eq!(Place::read(text), None, "{text}");
        }
    }

    #[test]
    fn only_named_origins_are_sent_anything_and_this_machine_while_it_is_an_experiment() {
        let named = ["https://app.example.org".to_owned(), "http://desk:3000".to_owned(), "*".to_owned()];
        let (experiment, earnest) = (Places::new(&named, true), Places::new(&named, false));
        for text in ["https://app.example.org/callback", "https://app.example.org:443", "http://desk:3000/"] {
            assert!(experiment.find(text).is_some() && earnest.find(text).is_some(), "{text}");
        }
        for text in ["http://localhost:1", "https://localhost", "http://127.0.0.1:65535/x", "http://[::1]:5173"] {
            assert!(experiment.find(text).is_some() && earnest.find(text).is_none(), "{text}");
        }
        for text in [
            "https://evil.example.org",
            "http://app.example.org",
            "https://app.example.org:8443",
            "https://app.example.org.evil.org",
            "https://xapp.example.org",
            "https://app.example.org.",
            "http://localhost.evil.org",
            "http://127.0.0.2",
            "http://0.0.0.0",
            "http://127.0.0.1.evil.org",
            "http://2130706433",
            "http://desk",
        ] {
            assert!(experiment.find(text).is_none() && earnest.find(text).is_none(), "{text}");
        }
    }

    #[test]
    fn something_is_said_beside_what_is_there() {
        let said = |text: &str| Place::read(text).unwrap().saying(&[("code", "a b"), ("state", "&=#")]);
        assert_eq!(said("http://localhost"), "http://localhost?code=a+b&state=%26%3D%23");
        assert_eq!(said("http://localhost/x?y=1"), "http://localhost/x?y=1&code=a+b&state=%26%3D%23");
        assert_eq!(said("http://localhost/?"), "http://localhost/?code=a+b&state=%26%3D%23");
    }
}
