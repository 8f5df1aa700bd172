//! Tocsin as identity provider (OpenID Connect, authorization code with PKCE), as the clients of Auth0 use one:
//!
//! ```text
//! front end ──► /authorize ──► login page ──► a code, to the address that was checked ──► /oauth/token ──► ID token
//!                    └► the cookie of the login page: the next time, and without being seen (`prompt=none`)
//! ```
//!
//! People, passwords, sessions, codes and keys are identity's; organizations are the actors'. Here is what is said about
//! them to browsers, and to whom it may be said. The one client is public and needs no secret: what protects it is that codes
//! go to known addresses only, and are worth nothing without the secret behind their challenge.
//!
//! Deliberately not done: other flows than the one with a code, refresh tokens (a session is asked for silently instead),
//! consent pages (the client is ours), and mail.

mod authorize;
mod cookies;
mod discovery;
mod form;
mod invitations;
mod logout;
mod organizations;
mod page;
mod places;
mod token;
mod wish;

use super::Fastapi;
use crate::{
    facades::opening::{Name, NotOpened},
    http::facade::{Asked, Engine, Line},
};
use places::{Place, Places, is_this_machine};
use tokio::net::TcpListener;

/// The client that front ends are: what they are built with as their client id.
const CLIENT: &str = "tocsin";

/// Who we are to clients, and where they may be.
pub(super) struct Provider {
    /// The addresses by which we sign: one when somebody said which, else the ways in which this machine reaches us.
    issuers: Vec<String>,
    places: Places,
}

impl Provider {
    pub(super) fn new(engine: &Engine, listener: &TcpListener) -> Result<Self, NotOpened> {
        let said = engine.facade_url(Name::Fastapi.as_str());
        let issuers = match said {
            Some(url) => vec![format!("{url}/")],
            None => {
                let port = listener.local_addr().map_or(0, |address| address.port());
                ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}/")).to_vec()
            }
        };
        if let Some(url) =
            said.filter(|url| !url.starts_with("https://") && !Place::read(url).is_some_and(|url| is_this_machine(&url)))
        {
            return Err(NotOpened::InClear(Name::Fastapi, url.to_owned()));
        }
        Ok(Self { places: Places::new(engine.origins(), said.is_none()), issuers })
    }

    /// Whom ID tokens are for.
    pub(super) fn client(&self) -> &'static str {
        CLIENT
    }

    /// Who signs them.
    pub(super) fn issuers(&self) -> &[String] {
        &self.issuers
    }

    /// Who we are to somebody who asks like this: an address that ends with a slash.
    fn issuer(&self, asked: &Asked) -> &str {
        let host = asked.header("host").unwrap_or_default();
        let theirs = |issuer: &&String| issuer.split("://").nth(1).is_some_and(|rest| rest.trim_end_matches('/') == host);
        self.issuers.iter().find(theirs).unwrap_or(&self.issuers[0])
    }

    /// Whether browsers come by HTTPS only.
    fn is_secure(&self) -> bool {
        self.issuers[0].starts_with("https://")
    }
}

/// What it answers, as a part of a facade's table.
pub(super) fn lines() -> Vec<Line<Fastapi>> {
    vec![
        Line::new("GET", "/authorize", authorize::ask),
        Line::new("POST", "/authorize", authorize::submit),
        Line::new("POST", "/oauth/token", token::exchange),
        Line::new("GET", "/userinfo", token::userinfo),
        Line::new("POST", "/userinfo", token::userinfo),
        Line::new("GET", "/v2/logout", logout::logout),
        Line::new("GET", "/.well-known/jwks.json", discovery::keys),
        Line::new("GET", "/.well-known/openid-configuration", discovery::configuration),
        Line::new("GET", "/invitations/{token}", invitations::ask),
        Line::new("POST", "/invitations/{token}", invitations::submit),
        Line::new("POST", "/api/organizations", organizations::found),
        Line::new("POST", "/api/organizations/", organizations::found),
        Line::new("POST", "/api/organizations/invite", organizations::invite),
        Line::new("POST", "/api/organizations/invite/", organizations::invite),
    ]
}
