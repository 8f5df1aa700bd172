//! Where connections come in. They are not watched by the runtime yet: one that has asked for something already may be
//! answered, or become a live socket, without ever being.

use std::{
    io,
    mem::size_of,
    net::{SocketAddr, TcpStream},
    os::fd::AsRawFd,
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
        only_who_asks(&listener);
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

/// Has the kernel keep connections to itself until they ask for something, or for about a second: whoever is let in before
/// has to be waited for, which costs more than all the rest of becoming a live socket.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // no crate that we have wraps TCP_DEFER_ACCEPT
fn only_who_asks(listener: &mio::net::TcpListener) {
    let seconds: libc::c_int = 1;
    let (option, size) = ((&raw const seconds).cast(), size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: the descriptor is open, and the kernel reads `size` bytes of a number that is there.
    let failed = unsafe { libc::setsockopt(listener.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, option, size) };
    if failed != 0 {
        tracing::debug!("connections are let in before they ask");
    }
}

#[cfg(not(target_os = "linux"))]
fn only_who_asks(_: &mio::net::TcpListener) {}
