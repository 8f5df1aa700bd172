//! Where connections come in. They are not watched by the runtime yet: one that has asked for something already may be
//! answered, or become a live socket, without ever being.

use std::{
    io,
    net::{SocketAddr, TcpStream},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    net::TcpListener,
};

/// A listener.
pub(super) struct Entrance(AsyncFd<mio::net::TcpListener>);

impl Entrance {
    #[allow(unsafe_code)] // a listener of the runtime's own watches everybody whom it lets in
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        let listener = mio::net::TcpListener::from_std(listener.into_std()?);
        // SAFETY: it has one descriptor, always the same, and closes it when it is dropped, with the `AsyncFd` around it.
        let watched = unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE)? };
        Ok(Self(watched))
    }

    /// Who comes next, as a socket that does not block.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = self.0.async_io(Interest::READABLE, mio::net::TcpListener::accept).await?;
        Ok((stream.into(), from))
    }
}
