//! A socket that wants to hear something soon, and to be heard.
//!
//! hyper has a timeout for request heads, but only once it knows which version of HTTP a connection speaks: one that
//! says nothing, or half of a greeting, would be kept for ever. It has none for a client that does not take its answer.

use super::edge::Seat;
use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// As long as the greeting of HTTP/2, after which the version is known. A whole request is hardly shorter.
const ENOUGH: usize = 24;

/// What is gathered before it is written, if it fits: the head and body of a usual answer.
const SMALL: usize = 2048;

/// The socket.
pub(super) struct Impatient {
    stream: TcpStream,
    heard: usize,
    /// None when enough was heard.
    deadline: Option<Pin<Box<Sleep>>>,
    taken_within: Duration,
    /// Until when something must be taken; None while everything is.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Its place among the connections, for as long as it is open.
    _seat: Seat,
}

impl Impatient {
    pub(super) fn new(stream: TcpStream, heard_within: Duration, taken_within: Duration, seat: Seat) -> Self {
        let deadline = Some(Box::pin(sleep(heard_within)));
        Self { stream, heard: 0, deadline, taken_within, stalled: None, _seat: seat }
    }

    /// What a write came to, or the end of our patience with who takes nothing.
    fn taken(&mut self, polled: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let within = self.taken_within;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(within)));
        stalled.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.heard += buffer.filled().len() - before;
        if self.heard >= ENOUGH {
            self.deadline = None;
        }
        if polled.is_pending()
            && let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
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
        if end == parts.iter().map(|part| part.len()).sum::<usize>() {
            let polled = Pin::new(&mut self.stream).poll_write(cx, &whole[..end]);
            return self.taken(polled, cx);
        }
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.taken(polled, cx)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
