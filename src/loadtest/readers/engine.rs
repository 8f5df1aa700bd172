//! The loop in which all readers live. See `mod.rs`.

use super::{
    dial::{self, Dialer},
    handshake,
    reader::{Reader, Stage, WAKER},
    tally::Tally,
};
use crate::loadtest::{
    clock::Nanos,
    verify::{History, Seen},
};
use mio::{Events, Interest, Poll, Token, Waker, event::Event, net::TcpStream};
use serde_json::Value;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::Duration,
};

/// How many connections are being opened at a time: fewer than nginx and node let wait to be accepted (511), and enough
/// that a server is measured by what it does in a second and not by how long it takes for one.
const OPENING: usize = 400;
/// What is read at once: some dozens of frames of a reader who lags behind.
const BUFFER: usize = 64 * 1024;
/// How many sockets are looked at in one go.
const EVENTS: usize = 1_024;
/// When a reader tries again who was not told when.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// And who was told something absurd.
const TRY_AGAIN_AT_LAST: Duration = Duration::from_secs(30);

/// What readers of a channel get first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// A page.
    Page,
    /// Nothing: they begin here. For servers that know nothing but frames.
    Nothing {
        /// The epoch of the first frame.
        epoch: String,
        /// Its `prev`.
        seq: u64,
    },
}

/// What the readers of one organization have in common.
pub struct Channel {
    pub(super) path: String,
    pub(super) greeting: Greeting,
    /// What they saw.
    pub history: History,
    /// The page of one of them, kept up to date by patches.
    pub page: Option<Value>,
    /// Where those begin who are told nothing: at the newest step.
    pub(super) head: u64,
}

/// All readers. See the module.
pub struct Readers {
    pub(super) poll: Poll,
    events: Option<Events>,
    dialer: Dialer,
    host: String,
    pub(super) readers: Vec<Reader>,
    pub(super) channels: Vec<Channel>,
    /// Who needs a connection now.
    queue: VecDeque<usize>,
    /// Who needs one later.
    later: BinaryHeap<Reverse<(Nanos, usize)>>,
    pub(super) opening: usize,
    pub(super) buffer: Box<[u8]>,
    pub(super) tally: Tally,
}

/// Why a connection is over.
pub(super) struct End {
    /// By whom and how, in words.
    pub(super) how: String,
    /// When to try again, if that was said.
    pub(super) retry_after: Option<Duration>,
}

impl End {
    pub(super) fn new(how: impl Into<String>) -> Self {
        Self { how: how.into(), retry_after: None }
    }
}

impl Readers {
    /// Nobody yet. `host` is what requests say that they are for.
    pub fn new(to: SocketAddr, host: String) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: None,
            dialer: Dialer::new(to),
            host,
            readers: Vec::new(),
            channels: Vec::new(),
            queue: VecDeque::new(),
            later: BinaryHeap::new(),
            opening: 0,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            tally: Tally::default(),
        })
    }

    /// What ends a turn early, from another thread.
    pub fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKER)
    }

    /// Makes a channel: where its readers connect, and what they get first. Answers its number.
    pub fn open(&mut self, path: String, greeting: Greeting) -> usize {
        let (history, head) = match &greeting {
            Greeting::Page => (History::default(), 0),
            Greeting::Nothing { epoch, seq } => (History::without_pages(epoch), *seq),
        };
        self.channels.push(Channel { path, greeting, history, page: None, head });
        self.channels.len() - 1
    }

    /// Adds readers, who connect as soon as it is their turn. The first one of a channel keeps its page.
    pub fn add(&mut self, channel: usize, readers: usize, is_deaf: bool) {
        let keeps_page = self.channels[channel].greeting == Greeting::Page && !is_deaf;
        let has_witness = self.readers.iter().any(|reader| reader.is_witness && reader.channel as usize == channel);
        for n in 0..readers {
            self.queue.push_back(self.readers.len());
            self.readers.push(Reader {
                stream: None,
                channel: u32::try_from(channel).unwrap_or(u32::MAX),
                stage: Stage::Waiting,
                is_deaf,
                is_witness: keeps_page && !has_witness && n == 0,
                since: Nanos::now(),
                seen: Seen::default(),
                rest: Vec::new(),
            });
        }
    }

    /// What was counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The same, to be changed: a measurement begins with fresh times.
    pub fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// The channels, by number.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// How many readers there are, connected or not.
    pub fn len(&self) -> usize {
        self.readers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// How many readers of these channels are not connected, or not exactly at this `seq`.
    pub fn elsewhere(&self, expected: &[(usize, u64)]) -> usize {
        let expected: std::collections::HashMap<_, _> = expected.iter().copied().collect();
        let reading = self.readers.iter().filter(|reader| !reader.is_deaf);
        let there = |reader: &&Reader| {
            let seq = reader.seen.position.map(|position| position.seq);
            reader.stage == Stage::Live && expected.get(&(reader.channel as usize)).copied() == seq
        };
        let concerned = reading.filter(|reader| expected.contains_key(&(reader.channel as usize)));
        concerned.filter(|reader| !there(reader)).count()
    }

    /// Drops the connection of a reader, if it has one that is live. It comes back at once.
    pub fn drop_connection(&mut self, reader: usize) {
        let Some(one) = self.readers.get_mut(reader).filter(|one| one.stage == Stage::Live) else { return };
        if let Some(stream) = one.stream.take() {
            dial::hang_up(stream, self.tally.dropped.is_multiple_of(2));
        }
        self.tally.dropped += 1;
        self.forget_connection(reader);
        self.queue.push_back(reader);
    }

    /// Lets everybody go, with resets: ends that wait out their time would keep their ports from whoever comes next.
    pub fn close(&mut self) {
        for reader in 0..self.readers.len() {
            if let Some(stream) = self.readers[reader].stream.take() {
                dial::hang_up(stream, true);
            }
            self.forget_connection(reader);
        }
        self.queue.clear();
        self.later.clear();
    }

    /// Opens connections, waits for something to read, for so long at most, and reads it.
    pub fn turn(&mut self, at_most: Duration) -> io::Result<()> {
        let now = Nanos::now();
        while let Some(Reverse((_, reader))) = self.later.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.later.pop();
            self.queue.push_back(reader);
        }
        while self.opening < OPENING {
            let Some(reader) = self.queue.pop_front() else { break };
            self.dial(reader);
        }
        let due = self.later.peek().map(|Reverse((at, _))| at.since(now));
        let mut events = self.events.take().unwrap_or_else(|| Events::with_capacity(EVENTS));
        let polled = self.poll.poll(&mut events, Some(due.map_or(at_most, |due| due.min(at_most))));
        if polled.is_ok() {
            for event in events.iter().filter(|event| event.token() != WAKER) {
                self.look_at(event.token().0, event);
            }
        }
        self.events = Some(events);
        polled.or_else(|error| if error.kind() == ErrorKind::Interrupted { Ok(()) } else { Err(error) })
    }

    fn dial(&mut self, reader: usize) {
        self.tally.first_try.get_or_insert_with(Nanos::now);
        let one = &mut self.readers[reader];
        let opened = self.dialer.dial(one.is_deaf).and_then(|mut stream| {
            self.poll.registry().register(&mut stream, Token(reader), Interest::READABLE | Interest::WRITABLE)?;
            Ok(stream)
        });
        match opened {
            Ok(stream) => {
                one.stream = Some(stream);
                one.stage = Stage::Connecting;
                self.opening += 1;
            }
            Err(error) => self.over(reader, End::new(format!("not connected: {}", error.kind()))),
        }
    }

    fn look_at(&mut self, reader: usize, event: &Event) {
        let Some(mut stream) = self.readers.get_mut(reader).and_then(|one| one.stream.take()) else { return };
        let looked = self.use_stream(reader, &mut stream, event);
        self.readers[reader].stream = Some(stream);
        if let Err(end) = looked {
            self.over(reader, end);
        }
    }

    fn use_stream(&mut self, reader: usize, stream: &mut TcpStream, event: &Event) -> Result<(), End> {
        if self.readers[reader].stage == Stage::Connecting {
            if !event.is_writable() && !event.is_error() {
                return Ok(());
            }
            if let Ok(Some(error)) | Err(error) = stream.take_error() {
                return Err(End::new(format!("not connected: {}", error.kind())));
            }
            self.ask_for_upgrade(reader, stream)?;
        }
        while event.is_readable() || event.is_read_closed() {
            if self.readers[reader].stage == Stage::Deaf {
                break;
            }
            match stream.read(&mut self.buffer) {
                Ok(0) => return Err(End::new("ended without a close frame")),
                Ok(length) => {
                    self.received(reader, stream, length)?;
                    // Less than there was room for was all there is, except for the end.
                    if length < BUFFER && !event.is_read_closed() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(End::new(format!("cut: {}", error.kind()))),
            }
        }
        Ok(())
    }

    fn ask_for_upgrade(&mut self, reader: usize, stream: &mut TcpStream) -> Result<(), End> {
        let one = &mut self.readers[reader];
        let channel = &self.channels[one.channel as usize];
        let position = one.seen.position.filter(|_| channel.greeting == Greeting::Page);
        let since = position.map(|position| (channel.history.epoch(position), position.seq));
        let request = handshake::request(&self.host, &channel.path, since);
        one.stage = Stage::Upgrading;
        // The buffer of a new connection is empty and larger than this.
        match stream.write(request.as_bytes()) {
            Ok(written) if written == request.len() => Ok(()),
            _ => Err(End::new("cut while it was opened")),
        }
    }

    /// A connection is over, by the server's will or by accident: the reader tries again.
    fn over(&mut self, reader: usize, End { how, retry_after }: End) {
        let was_there = self.readers[reader].stage == Stage::Live;
        let counts = if was_there { &mut self.tally.ended } else { &mut self.tally.refused };
        *counts.entry(how).or_default() += 1;
        self.readers[reader].stream = None;
        self.forget_connection(reader);
        let wait = retry_after.unwrap_or(TRY_AGAIN).min(TRY_AGAIN_AT_LAST);
        let at = Nanos(Nanos::now().0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)));
        self.later.push(Reverse((at, reader)));
    }

    fn forget_connection(&mut self, reader: usize) {
        let one = &mut self.readers[reader];
        one.rest = Vec::new();
        match std::mem::replace(&mut one.stage, Stage::Waiting) {
            Stage::Live => self.tally.live -= 1,
            Stage::Deaf => self.tally.deaf -= 1,
            stage if stage.is_opening() => self.opening -= 1,
            _ => {}
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}
