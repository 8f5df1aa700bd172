//! What routes are told of a request: one extension, so that a filter asks for it once and nothing is copied.

use super::RequestId;
use std::{
    net::{IpAddr, SocketAddr},
    sync::OnceLock,
};
use warp::http::{HeaderMap, Method, Uri};

/// The head of a request, and what the edge has found out about it: an extension of every request, in an `Arc`.
#[derive(Debug)]
pub struct Head {
    /// What is to be done.
    pub method: Method,
    /// To what.
    pub uri: Uri,
    /// Everything else that was said. It is not in the request any more: copying it would cost as much as some answers.
    pub headers: HeaderMap,
    /// By which name this request is found in the log.
    pub id: RequestId,
    /// Who asks, as far as trusted proxies can be believed. Limits, sessions and the log go by this.
    pub client: IpAddr,
    /// The other end of the socket, which may be a proxy.
    pub peer: SocketAddr,
    /// The pattern of the route that answers, as soon as it is known which: `/api/v1/orgs/{org}`.
    pub(super) route: OnceLock<&'static str>,
}

impl Head {
    /// This route answers it: its pattern is what the log and the counters call it.
    pub fn is_for(&self, route: &'static str) {
        let _ = self.route.set(route); // the first to say so has found the way
    }
}
