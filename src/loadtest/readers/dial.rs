//! Opening connections: non-blocking, and from several addresses of this machine where one has too few ports.

use mio::net::TcpStream;
use socket2::{Domain, SockRef, Socket, Type};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

/// Connections from one address: fewer than a server with 20,000 descriptors takes from one (a quarter), and far fewer than
/// its 28,000 ports, of which finding a free one becomes slow long before the last.
const FROM_ONE: usize = 4_000;
/// What a reader who reads nothing lets the kernel keep: little, so that the server feels it soon.
const DEAF_BUFFER: usize = 4_096;

/// Where connections go to, and from where.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    to: SocketAddr,
    next: usize,
}

impl Dialer {
    /// To this address.
    pub(super) fn new(to: SocketAddr) -> Self {
        Self { to, next: 0 }
    }

    /// Begins a connection. The n-th is from 127.0.0.1, later ones from its neighbours.
    pub(super) fn dial(&mut self, deaf: bool) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if deaf {
            socket.set_recv_buffer_size(DEAF_BUFFER)?;
        }
        if let Some(from) = self.source() {
            socket.bind(&SocketAddr::new(from, 0).into())?;
        }
        self.next += 1;
        match socket.connect(&self.to.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) || error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(TcpStream::from_std(socket.into()))
    }

    fn source(&self) -> Option<IpAddr> {
        let last = 1 + u8::try_from(self.next / FROM_ONE % 250).ok()?;
        let is_here = matches!(self.to.ip(), IpAddr::V4(to) if to.is_loopback());
        (is_here && last > 1).then_some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))
    }
}

/// EINPROGRESS of Linux; the standard library's name for it is not stable yet.
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();

/// Ends a connection without a word. Half of those who vanish leave a reset behind, as crashed programs do, the others an
/// end in the middle, as killed ones do.
pub(super) fn hang_up(stream: TcpStream, with_reset: bool) {
    if with_reset {
        // If it cannot be set, the connection ends the other way.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
    drop(stream);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_connections_come_from_several_addresses() {
        let mut dialer = Dialer::new("127.0.0.1:9".parse().unwrap());
        assert_eq!(dialer.source(), None);
        dialer.next = FROM_ONE;
        assert_eq!(dialer.source(), Some("127.0.0.2".parse().unwrap()));
        dialer.next = FROM_ONE * 300;
        assert_eq!(dialer.source(), Some("127.0.0.51".parse().unwrap()));
        let mut elsewhere = Dialer::new("[::1]:9".parse().unwrap());
        elsewhere.next = FROM_ONE;
        assert_eq!(elsewhere.source(), None);
    }
}
