//! A socket that wants to hear something soon, and to be heard.
//!
//! hyper has a timeout for request heads, but only once it knows which version of HTTP a connection speaks: one that
//! says nothing, or half of a greeting, would be kept for ever. It has none for a client that does not take its answer.
//!
//! hyper's own timeout would put an alarm into the runtime's clock for every request and take it out again, under a lock
//! that all connections share. Ours is a [`Glance`] at the time: the socket has its connection look now and then.

use super::edge::Seat;
use crate::live::SEND_BUFFER;
use socket2::SockRef;
use std::{
    io::{self, ErrorKind, IoSlice, Read},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use warp::hyper::{body::Bytes, rt};

/// As long as the greeting of HTTP/2, after which the version is known. A whole request is hardly shorter.
const ENOUGH: usize = 24;

/// How often a connection looks at the time until it has waited for a request long enough: it may wait by so much longer.
const LOOKS: u32 = 4;

/// What is gathered before it is written, if it fits: the head and body of a usual answer.
const SMALL: usize = 2048;

/// How much is read at first. Whoever asks for a connection's version wants no more than a greeting, and would have the
/// kernel asked twice for nearly every request.
const FIRST: usize = 2048;

/// What the kernel may keep of a large answer: enough for a fast line to the other end of the world. It is given when it
/// is needed, because most connections never do, and those that become live readers must not have it.
const ROOM: usize = 256 * 1024;

/// The socket.
pub(super) struct Impatient {
    socket: Socket,
    /// Whether the kernel keeps much for it.
    is_roomy: bool,
    heard: usize,
    /// Whether it is about to become a live one, as far as is known.
    is_leaving: bool,
    /// What was heard and not asked for yet.
    early: Bytes,
    /// Until when enough must be heard.
    deadline: Instant,
    /// When the connection is to look at the time again.
    look: Pin<Box<Sleep>>,
    look_every: Duration,
    taken_within: Duration,
    /// Until when something must be taken; None while everything is.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The answer that makes something else of it, if nothing was written or asked for since: it goes out with the first
    /// message of a WebSocket, in one write.
    held: Vec<u8>,
    /// Its place among the connections, for as long as it is open.
    seat: Seat,
}

/// A socket that the runtime watches when that is needed. One that has said all of its request before it is looked at, and
/// becomes a live one, never is: that saves two system calls for each.
struct Socket {
    new: Option<std::net::TcpStream>,
    watched: Option<TcpStream>,
}

impl Socket {
    /// What is there already, if there is something and nobody watches it yet.
    fn heard_already(&mut self, room: &mut [u8]) -> Option<usize> {
        self.new.as_mut()?.read(room).ok()
    }

    fn watched(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if let Some(new) = self.new.take() {
            self.watched = Some(TcpStream::from_std(new)?);
        }
        self.watched.as_mut().map(Pin::new).ok_or_else(|| ErrorKind::NotConnected.into())
    }

    fn into_std(self) -> io::Result<std::net::TcpStream> {
        match (self.new, self.watched) {
            (Some(new), _) => Ok(new),
            (None, Some(watched)) => watched.into_std(),
            (None, None) => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn resize(&self, bytes: usize) -> io::Result<()> {
        match (&self.new, &self.watched) {
            (Some(new), _) => SockRef::from(new).set_send_buffer_size(bytes),
            (None, Some(watched)) => SockRef::from(watched).set_send_buffer_size(bytes),
            (None, None) => Ok(()),
        }
    }
}

/// What is left of it for whoever goes on with the socket.
pub(super) struct Parts {
    /// It itself, not watched by the runtime.
    pub(super) stream: std::net::TcpStream,
    /// What was heard already.
    pub(super) early: Bytes,
    /// What is to be written first.
    pub(super) held: Vec<u8>,
    pub(super) seat: Seat,
}

impl Impatient {
    pub(super) fn new(stream: std::net::TcpStream, heard_within: Duration, taken_within: Duration, seat: Seat) -> Self {
        // A little later than a quarter: the last look is to come after the limit, not just before it.
        let look_every = heard_within / LOOKS + Duration::from_millis(5);
        let (deadline, look) = (Instant::now() + heard_within, Box::pin(sleep(look_every)));
        Self {
            socket: Socket { new: Some(stream), watched: None },
            is_roomy: false,
            heard: 0,
            is_leaving: false,
            early: Bytes::new(),
            deadline,
            look,
            look_every,
            taken_within,
            stalled: None,
            held: Vec::new(),
            seat,
        }
    }

    /// The socket itself, for somebody with a patience of their own.
    pub(super) fn into_parts(self) -> io::Result<Parts> {
        if self.is_roomy {
            self.resize(SEND_BUFFER);
        }
        Ok(Parts { stream: self.socket.into_std()?, early: self.early, held: self.held, seat: self.seat })
    }

    fn resize(&self, bytes: usize) {
        // Nothing is lost but time or memory if that fails.
        let _ = self.socket.resize(bytes);
    }

    /// So much is to be written at once.
    fn make_room(&mut self, bytes: usize) {
        if bytes > SEND_BUFFER && !std::mem::replace(&mut self.is_roomy, true) {
            self.resize(ROOM);
        }
    }

    /// Reads for somebody who has room for little: the rest is kept.
    fn poll_first(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut room = [0; FIRST];
        let heard = match self.socket.heard_already(&mut room) {
            Some(heard) => heard,
            None => {
                let mut first = ReadBuf::new(&mut room);
                ready!(self.socket.watched()?.poll_read(cx, &mut first))?;
                first.filled().len()
            }
        };
        self.is_leaving = leaves(&room[..heard]);
        let (now, early) = room[..heard].split_at(heard.min(buffer.remaining()));
        buffer.put_slice(now);
        self.early = Bytes::copy_from_slice(early);
        Poll::Ready(Ok(()))
    }

    /// Writes what was held, for somebody who goes on with this socket as it is.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let polled = self.socket.watched()?.poll_write(cx, &self.held);
            let written = ready!(self.taken(polled, cx))?;
            self.held.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether this is the head of the last answer before the socket is somebody else's. It is whole: hyper writes it so.
    fn switches(bytes: &[u8]) -> bool {
        bytes.starts_with(b"HTTP/1.1 101 ") && bytes.ends_with(b"\r\n\r\n")
    }

    /// What a write came to, or the end of our patience with who takes nothing.
    fn taken(&mut self, polled: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        self.make_room(ROOM); // there is more to come, in whatever pieces
        let within = self.taken_within;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(within)));
        stalled.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_held(cx))?;
        if !self.early.is_empty() {
            let now = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early.split_to(now));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = if self.heard == 0 && buffer.remaining() < FIRST {
            self.poll_first(cx, buffer)
        } else if self.is_leaving && self.socket.new.is_some() {
            // Asked only whether the other end is still there. Whoever goes on with the socket finds out; where nobody
            // does, the answer is written first, and that has it watched.
            Poll::Pending
        } else {
            self.socket.watched()?.poll_read(cx, buffer)
        };
        self.heard += buffer.filled().len() - before;
        if polled.is_pending() && self.look.as_mut().poll(cx).is_ready() {
            if self.heard < ENOUGH && Instant::now() >= self.deadline {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            let next = tokio::time::Instant::now() + self.look_every;
            self.look.as_mut().reset(next);
            let _ = self.look.as_mut().poll(cx); // it is not over yet: this is to be woken by it
            if std::mem::take(&mut self.is_leaving) {
                return self.poll_read(cx, buffer); // it stays: it is to be watched like any other
            }
        }
        polled
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if Self::switches(bytes) {
            self.held = bytes.to_vec();
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_held(cx))?;
        self.make_room(bytes.len());
        let polled = self.socket.watched()?.poll_write(cx, bytes);
        self.taken(polled, cx)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        // The kernel takes one small piece faster than two.
        let mut whole = [0; SMALL];
        let mut end = 0;
        for part in parts {
            let Some(room) = whole.get_mut(end..end + part.len()) else { break };
            room.copy_from_slice(part);
            end += part.len();
        }
        if Self::switches(&whole[..end]) {
            self.held = whole[..end].to_vec();
            return Poll::Ready(Ok(end));
        }
        ready!(self.poll_held(cx))?;
        let all = parts.iter().map(|part| part.len()).sum();
        self.make_room(all);
        if end == all {
            let polled = self.socket.watched()?.poll_write(cx, &whole[..end]);
            return self.taken(polled, cx);
        }
        let polled = self.socket.watched()?.poll_write_vectored(cx, parts);
        self.taken(polled, cx)
    }
    fn is_write_vectored(&self) -> bool {
        true // as every socket
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // a socket keeps nothing back, and what is held waits for whoever goes on
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_held(cx))?;
        self.socket.watched()?.poll_shutdown(cx)
    }
}

/// Whether these are a whole request to become a WebSocket.
fn leaves(bytes: &[u8]) -> bool {
    let upgrade = b"\r\nupgrade: websocket\r\n";
    bytes.starts_with(b"GET ")
        && bytes.ends_with(b"\r\n\r\n")
        && bytes.windows(upgrade.len()).any(|some| some.eq_ignore_ascii_case(upgrade))
}

/// The clock for hyper's timeout of request heads. Its alarms wake nobody: who waits for a head on an [`Impatient`] socket
/// is woken often enough by that.
#[derive(Clone)]
pub(super) struct Glances;

/// One such alarm.
struct Glance(Instant);

impl Future for Glance {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl rt::Sleep for Glance {}

impl rt::Timer for Glances {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Glance(deadline))
    }
}
