//! Which facades there are, and how one is opened.

use super::{
    fastapi::{self, Fastapi},
    flask::{self, Flask},
    plive::{self, Plive},
    prisma::{self, Prisma},
    statusnexus::{self, Statusnexus},
};
use crate::http::{
    edge::{Edge, parse_origin},
    facade::{Engine, Facade, refusal_before, serve},
};
use futures::{FutureExt, future::BoxFuture};
use socketioxide::{SocketIo, layer::SocketIoLayer};
use std::{fmt, net::SocketAddr, str::FromStr, sync::Arc, time::Duration};
use thiserror::Error;
use tocsin_actors::{domain::OrgId, org::OrgError};
use tokio::{net::TcpListener, sync::oneshot, time::timeout};

/// What the protocol of all of them says unless somebody says otherwise.
const PING_EVERY: Duration = Duration::from_secs(25);
const PONG_WITHIN: Duration = Duration::from_secs(20);
const LARGEST_MESSAGE: u64 = 1_000_000;
/// How long sockets have to be told that the server stops.
const SAID_WITHIN: Duration = Duration::from_secs(1);
/// How many messages wait for a client that is slow; they are shared by all who get them. What comes on top it never gets,
/// and one that reads nothing at all is cut when the edge's patience with who takes nothing ends.
const MOST_WAITING: usize = 1_024;

/// The backends that are spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    /// A Node backend that keeps everything in memory.
    Plive,
    /// A backend of Express and Prisma, with organizations that everybody may change.
    Prisma,
    /// A Node backend for people and organizations that are at Clerk.
    Statusnexus,
    /// A Python backend with an identity provider beside it.
    Fastapi,
    /// A multi-tenant backend of Python with logins of its own.
    Flask,
}

impl Name {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Plive, Self::Prisma, Self::Statusnexus, Self::Flask, Self::Fastapi];

    /// As people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plive => "plive",
            Self::Prisma => "prisma",
            Self::Statusnexus => "statusnexus",
            Self::Fastapi => "fastapi",
            Self::Flask => "flask",
        }
    }

    /// Whether it knows who asks. One that does not is open to everybody who can reach it.
    pub const fn has_logins(self) -> bool {
        match self {
            Self::Plive | Self::Prisma => false,
            Self::Statusnexus | Self::Flask | Self::Fastapi => true,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| format!("there is no facade {text:?}: {}", known()))
    }
}

/// A facade to be opened, as it is written: `plive=127.0.0.1:5000`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opening {
    /// Which.
    pub name: Name,
    /// Where.
    pub address: SocketAddr,
}

impl FromStr for Opening {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = text.split_once('=').ok_or("write a name and an address, like plive=127.0.0.1:5000")?;
        let address = address.parse().map_err(|_| format!("{address:?} is no address with a port, like 127.0.0.1:5000"))?;
        Ok(Self { name: name.parse()?, address })
    }
}

/// Where people reach a facade, as it is written: `fastapi=https://api.example.org`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reached {
    /// Which.
    pub name: Name,
    /// Where: a scheme and a host, perhaps a port.
    pub url: String,
}

impl FromStr for Reached {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = text.split_once('=').ok_or("write a name and an address, like fastapi=https://api.example.org")?;
        let url = parse_origin(url).ok().filter(|url| url != "*");
        let url = url.ok_or("an address has a scheme and a host and nothing after it, like https://api.example.org")?;
        Ok(Self { name: name.parse()?, url })
    }
}

impl Opening {
    /// Whether it may be opened like this: one without logins lets everybody in, which has to be wanted, and wanted again
    /// where others than this machine can reach it.
    pub fn check(&self, open_for: Option<&str>, to_the_network: bool) -> Result<(), NotOpened> {
        if self.name.has_logins() {
            return Ok(());
        }
        if open_for.is_none() {
            return Err(NotOpened::NoLogins(self.name));
        }
        if !self.address.ip().is_loopback() && !to_the_network {
            return Err(NotOpened::Reachable(*self));
        }
        Ok(())
    }
}

/// To what a facade is open that knows nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenTo {
    /// One organization.
    One(OrgId),
    /// All there are, and the accounts: the whole of a demonstration.
    All,
}

impl OpenTo {
    /// How all of them are written, which is nobody's slug.
    pub const EVERYTHING: &'static str = "*";

    /// Whether this organization is meant.
    pub fn includes(self, org: OrgId) -> bool {
        match self {
            Self::One(one) => one == org,
            Self::All => true,
        }
    }
}

/// Why a facade is not opened.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NotOpened {
    /// Everybody may do everything there.
    #[error(
        "the facade {0} has no logins, whoever reaches it may change everything: name the one organization that is open to it with --open-facade SLUG"
    )]
    NoLogins(Name),
    /// And from everywhere.
    #[error(
        "the facade {} has no logins, and {} can be reached from other machines: say --open-facade-to-network as well if that is wanted",
        .0.name,
        .0.address
    )]
    Reachable(Opening),
    /// There is nothing to open.
    #[error("there is no organization {0:?} for --open-facade")]
    NoOrganization(String),
    /// Nobody could log in.
    #[error("the facade {0} takes the tokens of an identity provider: name it with --identity-providers FILE")]
    NoProviders(Name),
    /// Passwords would be sent there in clear.
    #[error(
        "people log in to the facade {0}, and {1} is reached in clear: give its https address with --facade-url {0}=https://…; \
         http is for this machine only"
    )]
    InClear(Name, String),
    /// It knows one organization only.
    #[error("the facade {0} has no organizations of its own: name one with --open-facade SLUG")]
    OneOnly(Name),
    /// The organization could not be read.
    #[error(transparent)]
    Org(#[from] OrgError),
    /// Nor could all of them.
    #[error("what is to be open cannot be read: {0}")]
    Unread(String),
}

/// A facade that is ready to be served until it is told to stop, and how long connections may then take to end.
pub(crate) type Ready = Box<dyn FnOnce(oneshot::Receiver<()>, Duration) -> BoxFuture<'static, ()> + Send>;

/// Makes a facade, before anybody is let in. What it is open to is for those that know nobody.
pub(crate) async fn open(
    name: Name,
    listener: TcpListener,
    (engine, edge): (Engine, &Edge),
    to: Option<OpenTo>,
) -> Result<Ready, NotOpened> {
    let builder = SocketIo::builder().ping_interval(PING_EVERY).ping_timeout(PONG_WITHIN);
    let (layer, io) = builder.max_payload(LARGEST_MESSAGE).max_buffer_size(MOST_WAITING).build_layer();
    // Who has no logins is reached from this machine; so is every page that runs in a browser on it, by a name of its own.
    let is_here = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let edge = if name.has_logins() || !is_here { edge.clone() } else { edge.by_own_names_only() };
    let io_too = io.clone();
    match name {
        Name::Plive => {
            let Some(OpenTo::One(org)) = to else { return Err(NotOpened::OneOnly(name)) };
            let facade = Plive::start(org, io, engine.directory()).await?;
            Ok(ready(facade, plive::ORIGINS, (listener, engine, edge), (layer, io_too)))
        }
        Name::Statusnexus if !engine.identity().knows_providers() => Err(NotOpened::NoProviders(name)),
        Name::Statusnexus => Ok(ready(Statusnexus, statusnexus::ORIGINS, (listener, engine, edge), (layer, io_too))),
        Name::Fastapi => {
            let facade = Fastapi::new(&engine, &listener)?;
            Ok(ready(facade, fastapi::ORIGINS, (listener, engine, edge), (layer, io_too)))
        }
        Name::Prisma => {
            let to = to.ok_or(NotOpened::NoLogins(name))?;
            let facade = Prisma::start(to, io, &engine).await.map_err(|refused| NotOpened::Unread(refused.text))?;
            Ok(ready(facade, prisma::ORIGINS, (listener, engine, edge), (layer, io_too)))
        }
        Name::Flask => {
            let facade = Flask::start(io, engine.clone());
            Ok(ready(facade, flask::ORIGINS, (listener, engine, edge), (layer, io_too)))
        }
    }
}

/// Ready to be served.
fn ready<F: Facade>(
    facade: F,
    origins: &'static [&'static str],
    (listener, engine, edge): (TcpListener, Engine, Edge),
    (layer, io): (SocketIoLayer, SocketIo),
) -> Ready {
    let edge = edge.beside(origins, refusal_before::<F>, F::PREFLIGHT);
    Box::new(move |stop, last_call| {
        let served = async move {
            let (end, ended) = oneshot::channel();
            // Sockets are connections like others: they must be told to end before anybody waits for them.
            let ending = async {
                let _ = stop.await;
                // One that reads nothing hears of no end either: its connection is cut with the others.
                let _ = timeout(SAID_WITHIN, io.close()).await;
                let _ = end.send(());
            };
            futures::join!(ending, serve(listener, (Arc::new(facade), engine), (edge, layer), ended, last_call));
        };
        served.boxed()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_a_name_and_an_address() {
        let here = Opening { name: Name::Plive, address: "127.0.0.1:5000".parse().unwrap() };
        assert_eq!("plive=127.0.0.1:5000".parse(), Ok(here));
        for wrong in ["plive", "plive=", "plive=5000", "cachet=127.0.0.1:5000", "=127.0.0.1:5000"] {
            assert!(wrong.parse::<Opening>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn where_it_is_reached_is_an_origin() {
        let there = Reached { name: Name::Fastapi, url: "https://api.example.org".to_owned() };
        assert_eq!("fastapi=https://api.example.org/".parse(), Ok(there));
        for wrong in ["fastapi", "fastapi=", "fastapi=*", "fastapi=api.example.org", "fastapi=https://a/b", "x=https://a"] {
            assert!(wrong.parse::<Reached>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_without_logins_is_opened_only_when_that_is_wanted() {
        let open = |text: &str, org, network| text.parse::<Opening>().unwrap().check(org, network);
        assert_eq!(open("plive=127.0.0.1:5000", None, false), Err(NotOpened::NoLogins(Name::Plive)));
        assert_eq!(open("plive=127.0.0.1:5000", Some("acme"), false), Ok(()));
        assert_eq!(open("plive=[::1]:5000", Some("acme"), false), Ok(()));
        assert!(matches!(open("plive=0.0.0.0:5000", Some("acme"), false), Err(NotOpened::Reachable(_))));
        assert_eq!(open("plive=0.0.0.0:5000", None, true), Err(NotOpened::NoLogins(Name::Plive)));
        assert_eq!(open("plive=0.0.0.0:5000", Some("acme"), true), Ok(()));
        assert_eq!(open("flask=0.0.0.0:5010", None, false), Ok(()), "it asks everybody who they are");
    }
}
