//! One socket: a record of what it has had, and how it is written to.

use super::shard::FeedLog;
use crate::live::{feed::Index, frame::Frame, socket::Incoming};
use mio::{Interest, Registry, Token, event::Source};
use slab::Slab;
use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::{IpAddr, Shutdown},
    sync::Arc,
};

/// What a piece costs beside its bytes.
const PIECE: usize = 64;

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
    /// One piece goes the shorter way through the kernel.
    fn write_parts(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, parts) {
            (Self::Tcp(stream), [only]) => (&mut &*stream).write(only),
            (Self::Tcp(stream), _) => (&mut &*stream).write_vectored(parts),
            (Self::Carried(stream), _) => (&mut &*stream).write_vectored(parts),
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
    pub(super) client: IpAddr,
    /// Whether it is registered to be told when the kernel takes more.
    pub(super) told_when_free: bool,
    pub(super) remembered: bool,
}

/// It is of no use any more.
#[derive(Debug)]
pub(super) struct Gone;

impl Connection {
    pub(super) fn new(stream: Stream, client: IpAddr, deflate: bool, remembered: bool, keep: Box<dyn Send>) -> Self {
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
            client,
            told_when_free: false,
            remembered,
        }
    }

    /// Says something to this one alone, between frames.
    pub(super) fn say(&mut self, bytes: Box<[u8]>, most_unsent: usize) -> Result<(), Gone> {
        let own = self.own.get_or_insert_default();
        own.push_back(bytes);
        let unsent: usize = own.iter().map(|one| one.len() + PIECE).sum();
        if unsent > most_unsent && own.len() > 1 { Err(Gone) } else { Ok(()) }
    }

    /// How much it keeps in memory that nobody else has any use for.
    pub(super) fn holds_alone(&self) -> usize {
        let begun = match &self.begun {
            Some((Piece::Shared(frame), _)) => Some(frame),
            _ => None,
        };
        let firsts = self.follows.iter().filter_map(|following| following.first.as_ref());
        firsts.chain(begun).filter(|frame| Arc::strong_count(frame) == 1).map(|frame| frame.size()).sum()
    }

    pub(super) fn has_said_all(&self) -> bool {
        self.begun.is_none() && self.own.is_none()
    }

    /// Writes what it has not had of the one feed that it listens to, in one piece: what a sweep does nearly always. False
    /// where that is not all that has to be done.
    pub(super) fn write_run(&mut self, feeds: &mut Slab<FeedLog>) -> Result<bool, Gone> {
        let is_usual = self.phase == Phase::Open && self.has_said_all();
        let (true, [following]) = (is_usual, &mut self.follows[..]) else { return Ok(false) };
        let feed = &mut feeds[following.feed];
        let end = feed.log.end();
        let Some(bytes) = feed.unseen(following, self.deflate) else { return Ok(false) };
        if bytes.is_empty() {
            return Ok(true);
        }
        match taken(self.stream.write_parts(&[IoSlice::new(bytes)]))? {
            Some(count) if count == bytes.len() => {
                following.next = end;
                Ok(true)
            }
            Some(count) => {
                self.has_had(count, feeds);
                Ok(false)
            }
            None => Ok(false),
        }
    }

    /// Writes what it has not had, as far as the kernel takes it: as much as there is with each system call.
    pub(super) fn write(&mut self, feeds: &Slab<FeedLog>, now: u32) -> Result<(), Gone> {
        loop {
            self.catch_up(feeds);
            let mut parts = [IoSlice::new(&[]); AT_ONCE];
            let count = self.gather(feeds, &mut parts);
            if count == 0 {
                return Ok(());
            }
            match taken(self.stream.write_parts(&parts[..count]))? {
                Some(bytes) => self.has_had(bytes, feeds),
                None => {
                    self.blocked_at.get_or_insert(now);
                    return Ok(());
                }
            }
        }
    }

    /// Who fell behind is not told any more what it missed, but how things are now.
    fn catch_up(&mut self, feeds: &Slab<FeedLog>) {
        for following in &mut self.follows {
            let feed = &feeds[following.feed];
            // The log here may be behind the feed's: what is to come is counted from there all the same.
            if following.first.is_none()
                && following.next < feed.log.first
                && let Some(place) = feed.feed.catch_up()
            {
                (following.first, following.next) = (place.first, place.next);
            }
        }
    }

    /// What it is to be told next, in order; as many pieces as go into one write.
    fn gather<'a>(&'a self, feeds: &'a Slab<FeedLog>, parts: &mut [IoSlice<'a>; AT_ONCE]) -> usize {
        let deflate = self.deflate;
        let begun = self.begun.iter().map(|(piece, written)| &piece.bytes(deflate)[*written..]);
        let own = self.own.iter().flat_map(|own| own.iter()).map(|bytes| &**bytes);
        let listens: &[Following] = if self.phase == Phase::Open { &self.follows } else { &[] };
        let news = listens.iter().flat_map(|following| following.frames(feeds)).map(|frame| frame.on_socket(deflate));
        let mut count = 0;
        for (part, bytes) in parts.iter_mut().zip(begun.chain(own).chain(news)) {
            *part = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    /// So many bytes of that were taken.
    fn has_had(&mut self, mut bytes: usize, feeds: &Slab<FeedLog>) {
        if let Some((piece, written)) = &mut self.begun {
            let rest = piece.bytes(self.deflate).len() - *written;
            if bytes < rest {
                *written += bytes;
                return;
            }
            bytes -= rest;
            self.begun = None;
        }
        while bytes > 0
            && let Some(piece) = self.next_piece(feeds)
        {
            let size = piece.bytes(self.deflate).len();
            if bytes < size {
                self.begun = Some((piece, bytes));
                return;
            }
            bytes -= size;
        }
    }

    /// Takes the next piece out of what it has not had.
    fn next_piece(&mut self, feeds: &Slab<FeedLog>) -> Option<Piece> {
        if let Some(own) = &mut self.own {
            let piece = own.pop_front();
            if own.is_empty() {
                self.own = None;
            }
            return piece.map(Piece::Own);
        }
        self.follows.iter_mut().find_map(|following| following.take_next(feeds)).map(Piece::Shared)
    }
}

impl Following {
    fn frames<'a>(&'a self, feeds: &'a Slab<FeedLog>) -> impl Iterator<Item = &'a Arc<Frame>> {
        self.first.iter().chain(feeds[self.feed].log.from(self.next))
    }

    fn take_next(&mut self, feeds: &Slab<FeedLog>) -> Option<Arc<Frame>> {
        self.first.take().or_else(|| {
            let next = feeds[self.feed].log.from(self.next).next().cloned();
            self.next += Index::from(next.is_some());
            next
        })
    }
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
