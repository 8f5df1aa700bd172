//! One socket: a record of what it has had, and how it is written to.

use super::shard::FeedLog;
use crate::live::{feed::Index, frame::Frame, socket::Incoming};
use mio::{Interest, Registry, Token, event::Source};
use slab::Slab;
use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::Shutdown,
    sync::Arc,
};

/// How many frames go into one write at most.
const AT_ONCE: usize = 64;

/// A socket as the kernel has it.
pub enum Stream {
    /// The real one.
    Tcp(mio::net::TcpStream),
    /// One end of a pair, for what cannot be taken out of the hands of whoever reads it: a task carries the bytes between
    /// the other end and that.
    Carried(mio::net::UnixStream),
}

impl Stream {
    pub(super) fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.register(registry, token, interest),
            Self::Carried(stream) => stream.register(registry, token, interest),
        }
    }
    pub(super) fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.reregister(registry, token, interest),
            Self::Carried(stream) => stream.reregister(registry, token, interest),
        }
    }
    /// Nothing more will be written.
    pub(super) fn finish(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Carried(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Carried(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Carried(stream) => stream.write(bytes),
        }
    }
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(parts),
            Self::Carried(stream) => stream.write_vectored(parts),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A feed that a socket listens to.
pub(super) struct Following {
    pub(super) feed: usize,
    /// Which of the feed's readers it is.
    pub(super) place: usize,
    /// What it gets before anything else of the feed.
    pub(super) first: Option<Arc<Frame>>,
    /// The frame that it gets next.
    pub(super) next: Index,
}

/// Something that is written in one piece, whatever happens meanwhile.
enum Piece {
    Shared(Arc<Frame>),
    Own(Box<[u8]>),
}

impl Piece {
    fn bytes(&self, deflate: bool) -> &[u8] {
        match self {
            Self::Shared(frame) => frame.on_socket(deflate),
            Self::Own(bytes) => bytes,
        }
    }
}

/// How far a socket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Open,
    /// The last thing is said or about to be, and nothing is listened to; until then it may take.
    Closing {
        until: u32,
    },
}

/// One socket.
pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) incoming: Incoming,
    pub(super) follows: Vec<Following>,
    /// What was begun and is not written yet, and how much of it is.
    begun: Option<(Piece, usize)>,
    /// What is said to it alone.
    #[allow(clippy::box_collection)] // nearly all sockets have none, and there are many of them
    own: Option<Box<VecDeque<Box<[u8]>>>>,
    _keep: Box<dyn Send>,
    pub(super) generation: u32,
    pub(super) phase: Phase,
    /// When something was heard of it, in the writer's seconds.
    pub(super) heard_at: u32,
    pub(super) pinged_at: Option<u32>,
    /// Since when the kernel takes no more.
    pub(super) blocked_at: Option<u32>,
    pub(super) may_say: u16,
    pub(super) deflate: bool,
    /// Whether it is registered to be told when the kernel takes more.
    pub(super) told_when_free: bool,
    pub(super) remembered: bool,
}

/// It is of no use any more.
#[derive(Debug)]
pub(super) struct Gone;

impl Connection {
    pub(super) fn new(stream: Stream, deflate: bool, remembered: bool, keep: Box<dyn Send>) -> Self {
        Self {
            stream,
            incoming: Incoming::default(),
            follows: Vec::new(),
            begun: None,
            own: None,
            _keep: keep,
            generation: 0,
            phase: Phase::Open,
            heard_at: 0,
            pinged_at: None,
            blocked_at: None,
            may_say: 0,
            deflate,
            told_when_free: false,
            remembered,
        }
    }

    /// Says something to this one alone, between frames.
    pub(super) fn say(&mut self, bytes: Box<[u8]>, most_unsent: usize) -> Result<(), Gone> {
        let own = self.own.get_or_insert_default();
        own.push_back(bytes);
        let unsent: usize = own.iter().map(|one| one.len()).sum();
        if unsent > most_unsent && own.len() > 1 { Err(Gone) } else { Ok(()) }
    }

    pub(super) fn has_said_all(&self) -> bool {
        self.begun.is_none() && self.own.is_none()
    }

    /// Writes what it has not had, as far as the kernel takes it.
    pub(super) fn write(&mut self, feeds: &Slab<FeedLog>, now: u32) -> Result<(), Gone> {
        loop {
            if let Some((piece, written)) = &mut self.begun {
                let bytes = piece.bytes(self.deflate);
                match taken(self.stream.write(&bytes[*written..]))? {
                    Some(more) => *written += more,
                    None => return self.wait(now),
                }
                if *written < bytes.len() {
                    continue;
                }
                self.begun = None;
            }
            if let Some(own) = &mut self.own {
                match own.pop_front() {
                    Some(next) => self.begun = Some((Piece::Own(next), 0)),
                    None => self.own = None,
                }
                continue;
            }
            if self.phase != Phase::Open {
                return Ok(());
            }
            match self.write_news(feeds)? {
                News::None => return Ok(()),
                News::Some => {}
                News::Blocked => return self.wait(now),
            }
        }
    }

    /// Frames of the first feed that has some for it, all that fit into one write.
    fn write_news(&mut self, feeds: &Slab<FeedLog>) -> Result<News, Gone> {
        for following in &mut self.follows {
            let feed = &feeds[following.feed];
            if let Some(first) = following.first.take() {
                self.begun = Some((Piece::Shared(first), 0));
                return Ok(News::Some);
            }
            if following.next < feed.log.first {
                // It fell behind: what it missed is not told any more, but how things are now is.
                let Some(place) = feed.feed.catch_up() else { continue };
                // The log here may be behind the feed's: what comes is counted from there all the same.
                (following.first, following.next) = (place.first, place.next);
                return Ok(News::Some);
            }
            let skip = (following.next - feed.log.first) as usize;
            let mut frames = feed.log.frames.range(skip.min(feed.log.frames.len())..);
            let Some(only) = frames.next() else { continue };
            let deflate = self.deflate;
            let Some(second) = frames.next() else {
                let bytes = only.on_socket(deflate);
                let Some(written) = taken(self.stream.write(bytes))? else { return Ok(News::Blocked) };
                following.next += 1;
                if written < bytes.len() {
                    self.begun = Some((Piece::Shared(only.clone()), written));
                }
                return Ok(News::Some);
            };
            let mut parts = [IoSlice::new(&[]); AT_ONCE];
            let mut count = 0;
            for (part, frame) in parts.iter_mut().zip([only, second].into_iter().chain(frames)) {
                *part = IoSlice::new(frame.on_socket(deflate));
                count += 1;
            }
            let Some(mut written) = taken(self.stream.write_vectored(&parts[..count]))? else { return Ok(News::Blocked) };
            for frame in feed.log.frames.range(skip..skip + count) {
                let size = frame.on_socket(deflate).len();
                if written == 0 {
                    break;
                }
                following.next += 1;
                if written < size {
                    self.begun = Some((Piece::Shared(frame.clone()), written));
                    break;
                }
                written -= size;
            }
            return Ok(News::Some);
        }
        Ok(News::None)
    }

    fn wait(&mut self, now: u32) -> Result<(), Gone> {
        self.blocked_at.get_or_insert(now);
        Ok(())
    }
}

/// Whether there was something to write.
enum News {
    None,
    Some,
    Blocked,
}

/// How much was taken; nothing while the kernel has no room.
fn taken(result: io::Result<usize>) -> Result<Option<usize>, Gone> {
    match result {
        Ok(0) => Err(Gone),
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Some(0)),
        Err(_) => Err(Gone),
    }
}
