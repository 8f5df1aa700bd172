//! A writer: one thread, its sockets, and the logs of the feeds that they listen to.

use super::{
    Answer, ConnectionId, Conversation, Follow, Inbox, Message, Newcomer, Speaker, WriterSettings,
    connection::{Connection, Following, Gone, Phase},
    liveness::last_acknowledged,
    run::Run,
};
use crate::live::{
    feed::{Feed, FeedId, Index, Log},
    frame::Frame,
    socket::{self, Broken, CloseCode, Heard, deflate::Inflater},
};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    io::{ErrorKind, Read},
    ops::Range,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tracing::{debug, error, warn};

/// What the inbox is called among the sockets.
pub(super) const WAKER: Token = Token(usize::MAX);
/// How many sockets are written to before others get their turn: half a millisecond of work.
const TURN: usize = 128;
/// How much is read at once, into one buffer for all sockets.
const READ: usize = 64 * 1024;
/// How often a socket is read before others get their turn.
const READS: usize = 4;
/// How long newcomers wait for others while many come: woken up for each of them, the writer would do little else.
const GLANCE: Duration = Duration::from_micros(100);
/// How many sockets say at once that they have something.
const EVENTS: usize = 1024;
/// How often it is looked at who has been silent too long.
const TICK: Duration = Duration::from_secs(1);
/// How long somebody may take to agree that the conversation is over.
const GOODBYE_S: u32 = 5;
/// How many are sent away at once, and the pause after that: a storm of returns is spread by this and by what they are
/// told.
const SENT_AWAY: usize = 256;
const PAUSE: Duration = Duration::from_millis(10);
/// How much is kept for somebody alone who has not read for so long.
const MOST_ALONE: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the kernel at the other end may acknowledge nothing of what waits for its program.
const DEAD_AFTER: Duration = Duration::from_secs(300);

/// A feed as this writer has it.
pub(super) struct FeedLog {
    pub(super) feed: Arc<Feed>,
    pub(super) log: Log,
    readers: Vec<usize>,
    /// How many of them the sweep that goes on has not come to yet.
    to_go: usize,
    sweeping: bool,
    /// Whether something came after the sweep began.
    again: bool,
    /// What most readers have not had yet, plain and compressed; only while there is a sweep.
    runs: [Run; 2],
}

impl FeedLog {
    /// All that somebody has not had, in one piece, if that can be.
    pub(super) fn unseen(&mut self, following: &Following, deflate: bool) -> Option<&[u8]> {
        if following.first.is_some() || following.next < self.log.first {
            return None;
        }
        match self.log.end().checked_sub(following.next)? {
            0 => Some(&[]),
            1 => self.log.frames.back().map(|frame| frame.on_socket(deflate)),
            _ => self.runs[usize::from(deflate)].from(&self.log, following.next, deflate),
        }
    }
}

/// The thread's own things.
pub(super) struct Shard {
    number: usize,
    poll: Poll,
    inbox: Inbox,
    settings: WriterSettings,
    conversation: Arc<dyn Conversation>,
    connections: Slab<Connection>,
    feeds: Slab<FeedLog>,
    by_id: HashMap<FeedId, usize>,
    sweeps: VecDeque<usize>,
    gone: Vec<usize>,
    /// Sockets that have more for us than was read in one turn.
    unread: Vec<usize>,
    inflater: Inflater,
    generation: u32,
    began: Instant,
    now: u32,
    sending_away: Option<Range<u64>>,
    stopping: Option<Instant>,
    chance: RandomState,
}

impl Shard {
    pub(super) fn new(
        number: usize,
        poll: Poll,
        inbox: Inbox,
        settings: WriterSettings,
        conversation: Arc<dyn Conversation>,
    ) -> Self {
        Self {
            number,
            poll,
            inbox,
            settings,
            conversation,
            connections: Slab::new(),
            feeds: Slab::new(),
            by_id: HashMap::new(),
            sweeps: VecDeque::new(),
            gone: Vec::new(),
            unread: Vec::new(),
            inflater: Inflater::default(),
            generation: 0,
            began: Instant::now(),
            now: 0,
            sending_away: None,
            stopping: None,
            chance: RandomState::new(),
        }
    }

    /// A writer that died would leave its sockets silent for ever, and readers would take that for peace. The process ends
    /// instead, to be started again: readers come back and miss nothing.
    pub(super) fn run_to_the_end(self) {
        let inbox = self.inbox.clone();
        if std::panic::catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
            error!("a writer of live sockets has panicked: the process ends, and is to be started again");
            std::process::abort();
        }
        inbox.close();
    }

    fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let (mut buffer, mut messages) = (vec![0; READ], Vec::new());
        let (mut tick_at, mut rush) = (Instant::now() + TICK, false);
        loop {
            let rest = tick_at.saturating_duration_since(Instant::now());
            let wait = if !self.sweeps.is_empty() || !self.unread.is_empty() {
                Duration::ZERO
            } else if rush {
                std::thread::sleep(GLANCE); // a poll knows no less than a millisecond
                Duration::ZERO
            } else if self.sending_away.is_some() {
                PAUSE.min(rest)
            } else {
                rest
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != ErrorKind::Interrupted
            {
                warn!(%error, "a writer cannot look at its sockets");
                std::thread::sleep(PAUSE); // not in a circle
            }
            for event in &events {
                if event.token() != WAKER {
                    self.ready(event.token().0, event.is_readable() || event.is_read_closed() || event.is_error(), &mut buffer);
                }
            }
            for slot in std::mem::take(&mut self.unread) {
                self.ready(slot, true, &mut buffer);
            }
            rush = self.inbox.take(&mut messages);
            for message in messages.drain(..) {
                self.told(message);
            }
            self.sweep();
            self.bury();
            if Instant::now() >= tick_at {
                tick_at = Instant::now() + TICK;
                self.tick();
            }
            if self.sending_away.is_some() {
                self.send_some_away();
            }
            if self.stopping.is_some_and(|at| self.connections.is_empty() || Instant::now() >= at) {
                return;
            }
        }
    }

    fn told(&mut self, message: Message) {
        match message {
            Message::Welcome(newcomer) => self.welcome(*newcomer),
            Message::News(feed, place, frame) => self.news(feed, place, frame),
            Message::Ended(feed) => self.ended(feed),
            Message::Follow(who, follow) => match self.slot(who) {
                Some(slot) => {
                    self.follow(slot, follow);
                    self.write(slot);
                }
                None => self.forget_reader(&follow.feed),
            },
            Message::Unfollow(who, feed) => {
                if let (Some(slot), Some(feed)) = (self.slot(who), self.by_id.get(&feed).copied()) {
                    self.unfollow(slot, feed);
                }
            }
            Message::Say(who, bytes) => {
                if let Some(slot) = self.slot(who) {
                    self.say(slot, bytes);
                }
            }
            Message::Remember(who) => match self.slot(who) {
                Some(slot) => self.connections[slot].remembered = true,
                None => self.conversation.gone(who),
            },
            Message::Close(who, code, reason) => {
                if let Some(slot) = self.slot(who) {
                    self.close(slot, code, &reason);
                }
            }
            Message::CloseAll(range) => self.sending_away = Some(range),
            Message::Stop => self.stopping = Some(Instant::now() + Duration::from_secs(GOODBYE_S.into())),
        }
    }

    fn id(&self, slot: usize) -> ConnectionId {
        ConnectionId { writer: self.number, slot, generation: self.connections[slot].generation }
    }

    /// Where somebody is, unless they are gone and another one is there.
    fn slot(&self, who: ConnectionId) -> Option<usize> {
        let connection = self.connections.get(who.slot)?;
        (connection.generation == who.generation && connection.phase == Phase::Open).then_some(who.slot)
    }

    fn welcome(&mut self, newcomer: Newcomer) {
        let Newcomer { stream, already, answer, client, deflate, follow, keep, remember, named } = newcomer;
        let mut connection = Connection::new(stream, client, deflate, remember, keep);
        self.generation = self.generation.wrapping_add(1);
        connection.generation = self.generation;
        connection.heard_at = self.now;
        if !answer.is_empty() {
            let _ = connection.say(answer.into(), usize::MAX); // the first thing is never too much
        }
        connection.may_say = self.settings.most_said.map_or(u16::MAX, |(_, at_once)| at_once);
        let entry = self.connections.vacant_entry();
        let slot = entry.key();
        let registered = connection.stream.register(self.poll.registry(), Token(slot), Interest::READABLE);
        entry.insert(connection);
        self.inbox.0.sockets.store(self.connections.len(), Ordering::Relaxed);
        if let Some(named) = named {
            named(self.id(slot));
        }
        if let Some(follow) = follow {
            self.follow(slot, follow);
        }
        if let Err(error) = registered {
            debug!(%error, "a socket cannot be looked at");
            return self.gone.push(slot);
        }
        if !already.is_empty() {
            let mut already = already;
            self.hear(slot, &mut already);
        }
        self.write(slot); // what it says now, it is ready to be read for
    }

    fn follow(&mut self, slot: usize, follow: Follow) {
        let Follow { feed, place } = follow;
        let key = match self.by_id.get(&feed.id) {
            // Asked for twice: told once.
            Some(key) if self.connections[slot].follows.iter().any(|following| following.feed == *key) => {
                return self.forget_reader(&feed);
            }
            Some(key) => *key,
            None => {
                let (id, log) = (feed.id, feed.log());
                let known =
                    FeedLog { feed, log, readers: Vec::new(), to_go: 0, sweeping: false, again: false, runs: Default::default() };
                let key = self.feeds.insert(known);
                self.by_id.insert(id, key);
                key
            }
        };
        let readers = &mut self.feeds[key].readers;
        let connection = &mut self.connections[slot];
        connection.follows.push(Following { feed: key, place: readers.len(), next: place.next, first: place.first });
        readers.push(slot);
    }

    fn unfollow(&mut self, slot: usize, key: usize) {
        let follows = &mut self.connections[slot].follows;
        let Some(at) = follows.iter().position(|following| following.feed == key) else { return };
        let place = follows.swap_remove(at).place;
        let readers = &mut self.feeds[key].readers;
        readers.swap_remove(place);
        if let Some(moved) = readers.get(place).copied() {
            let follows = &mut self.connections[moved].follows;
            if let Some(following) = follows.iter_mut().find(|following| following.feed == key) {
                following.place = place;
            }
        }
        let feed = self.feeds[key].feed.clone();
        self.forget_reader(&feed);
    }

    /// One reader of a feed less; with the last one, its log goes.
    fn forget_reader(&mut self, feed: &Feed) {
        if feed.left(self.number) == 0
            && let Some(key) = self.by_id.remove(&feed.id)
        {
            self.feeds.remove(key);
            self.sweeps.retain(|sweep| *sweep != key);
        }
    }

    fn news(&mut self, feed: FeedId, place: Index, frame: Arc<Frame>) {
        let Some(key) = self.by_id.get(&feed).copied() else { return };
        let feed = &mut self.feeds[key];
        if place < feed.log.end() {
            return; // it was in the log that was fetched when the first reader came
        }
        debug_assert_eq!(place, feed.log.end(), "frames come in order, without a gap");
        feed.log.push(frame);
        if feed.sweeping {
            feed.again = true;
            return;
        }
        (feed.sweeping, feed.to_go) = (true, feed.readers.len());
        self.sweeps.push_back(key);
    }

    /// Writes to some readers of the feed whose turn it is. From the last one down: one that goes meanwhile is replaced by
    /// one that was written to already.
    fn sweep(&mut self) {
        let Some(key) = self.sweeps.pop_front() else { return };
        let feed = &mut self.feeds[key];
        feed.to_go = feed.to_go.min(feed.readers.len());
        let end = feed.to_go;
        let begin = end.saturating_sub(TURN);
        feed.to_go = begin;
        for place in (begin..end).rev() {
            let slot = self.feeds[key].readers[place];
            let connection = &mut self.connections[slot];
            if connection.blocked_at.is_none() {
                let written = match connection.write_run(&mut self.feeds) {
                    Ok(false) => connection.write(&self.feeds, self.now),
                    done => done.map(drop),
                };
                self.after_writing(slot, written);
            }
        }
        let feed = &mut self.feeds[key];
        if begin == 0 {
            feed.runs = Default::default();
        }
        if begin > 0 {
            self.sweeps.push_back(key);
        } else if std::mem::take(&mut feed.again) {
            feed.to_go = feed.readers.len();
            self.sweeps.push_back(key);
        } else {
            feed.sweeping = false;
        }
    }

    fn write(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        if connection.blocked_at.is_none() {
            let written = connection.write(&self.feeds, self.now);
            self.after_writing(slot, written);
        }
    }

    fn after_writing(&mut self, slot: usize, written: Result<(), Gone>) {
        let connection = &mut self.connections[slot];
        if written.is_err() {
            return self.gone.push(slot);
        }
        if connection.blocked_at.is_some() && !connection.told_when_free {
            connection.told_when_free = true;
            let both = Interest::READABLE | Interest::WRITABLE;
            if connection.stream.reregister(self.poll.registry(), Token(slot), both).is_err() {
                self.gone.push(slot);
            }
        } else if connection.phase != Phase::Open && connection.has_said_all() && connection.stream.finish().is_err() {
            self.gone.push(slot);
        }
    }

    /// A socket has something for us, or the kernel has room for more.
    fn ready(&mut self, slot: usize, to_read: bool, buffer: &mut [u8]) {
        if !self.connections.contains(slot) {
            return;
        }
        if to_read {
            self.read(slot, buffer);
        }
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.blocked_at = None;
            self.write(slot);
        }
    }

    fn read(&mut self, slot: usize, buffer: &mut [u8]) {
        for _ in 0..READS {
            let connection = &mut self.connections[slot];
            match connection.stream.read(buffer) {
                Ok(0) => return self.gone.push(slot),
                Ok(count) => {
                    connection.heard_at = self.now;
                    connection.pinged_at = None;
                    if connection.phase == Phase::Open {
                        self.hear(slot, &mut buffer[..count]);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.gone.push(slot),
            }
        }
        self.unread.push(slot); // nobody will say again that there is something
    }

    /// Something was said on a socket.
    fn hear(&mut self, slot: usize, came: &mut [u8]) {
        let id = self.id(slot);
        let feeds = &self.feeds;
        let connection = &mut self.connections[slot];
        let mut incoming = std::mem::take(&mut connection.incoming);
        let inflater = connection.deflate.then_some(&mut self.inflater);
        let most_unsent = self.settings.most_unsent;
        let mut goodbye = None;
        let heard = incoming.hear(came, self.settings.most_message, inflater, |what| {
            if goodbye.is_some() {
                return Ok(());
            }
            let Some(rest) = connection.may_say.checked_sub(1) else {
                return Err(Broken { code: CloseCode::Policy, reason: r#"{"code":"too_many_messages"}"# });
            };
            if self.settings.most_said.is_some() {
                connection.may_say = rest;
            }
            let answer = match what {
                Heard::Ping(payload) => Answer::Say(socket::pong(payload)),
                Heard::Pong => Answer::Nothing,
                Heard::Close(code) => Answer::Close(code.unwrap_or(CloseCode::Normal), String::new()),
                Heard::Text(_) | Heard::Binary(_) => {
                    let follows = || connection.follows.iter().map(|one| feeds[one.feed].feed.clone()).collect();
                    self.conversation
                        .heard(&Speaker { id, client: connection.client, deflate: connection.deflate, follows: &follows }, what)
                }
            };
            match answer {
                Answer::Nothing => Ok(()),
                Answer::Say(bytes) => connection
                    .say(bytes, most_unsent)
                    .map_err(|Gone| Broken { code: CloseCode::Policy, reason: r#"{"code":"does_not_read"}"# }),
                Answer::Close(code, reason) => {
                    goodbye = Some((code, reason));
                    Ok(())
                }
            }
        });
        connection.incoming = incoming;
        match (heard, goodbye) {
            (_, Some((code, reason))) => self.close(slot, code, &reason), // what comes after that is not heard
            (Err(broken), None) => self.close(slot, broken.code, broken.reason),
            (Ok(()), None) => {}
        }
    }

    fn say(&mut self, slot: usize, bytes: Box<[u8]>) {
        let said = self.connections[slot].say(bytes, self.settings.most_unsent);
        if said.is_err() {
            return self.gone.push(slot);
        }
        self.write(slot);
    }

    /// Says the last thing, after what was to be told until now, and listens to nothing any more.
    fn close(&mut self, slot: usize, code: CloseCode, reason: &str) {
        self.write(slot);
        let connection = &mut self.connections[slot];
        if connection.phase != Phase::Open {
            return;
        }
        connection.phase = Phase::Closing { until: self.now + GOODBYE_S };
        connection.incoming = Default::default();
        let _ = connection.say(socket::close(code, reason), usize::MAX);
        self.write(slot);
    }

    /// A feed has no more frames: its organization is gone.
    fn ended(&mut self, feed: FeedId) {
        let Some(key) = self.by_id.get(&feed).copied() else { return };
        for slot in self.feeds[key].readers.clone() {
            self.write(slot); // what was told last
            self.close(slot, CloseCode::from(4404), r#"{"code":"unknown_organization"}"#);
        }
    }

    /// Takes those out who are gone.
    fn bury(&mut self) {
        while let Some(slot) = self.gone.pop() {
            if !self.connections.contains(slot) {
                continue; // it was found to be gone twice
            }
            let id = self.id(slot);
            while let Some(following) = self.connections[slot].follows.last().map(|following| following.feed) {
                self.unfollow(slot, following);
            }
            let connection = self.connections.remove(slot);
            self.inbox.0.sockets.store(self.connections.len(), Ordering::Relaxed);
            if connection.remembered {
                self.conversation.gone(id);
            }
        }
        if self.connections.is_empty() && self.connections.capacity() > EVENTS {
            self.connections.shrink_to_fit();
        }
    }

    /// Looks at who has been silent for too long, and gives everybody the right to say more.
    fn tick(&mut self) {
        self.now = self.began.elapsed().as_secs().try_into().unwrap_or(u32::MAX);
        let (now, settings) = (self.now, &self.settings);
        let mut to_ping = Vec::new();
        for (slot, connection) in &mut self.connections {
            if let Some((each_second, at_once)) = settings.most_said {
                connection.may_say = connection.may_say.saturating_add(each_second).min(at_once);
            }
            let for_s = |since: u32| Duration::from_secs(u64::from(now.saturating_sub(since)));
            let dead = match (connection.phase, connection.blocked_at, connection.pinged_at) {
                (Phase::Closing { until }, _, _) => now >= until,
                // A page that changed meanwhile, kept for somebody who does not read it.
                (Phase::Open, Some(since), _) if for_s(since) >= PATIENCE && connection.holds_alone() > MOST_ALONE => true,
                (Phase::Open, Some(since), _) => {
                    for_s(since) >= DEAD_AFTER && last_acknowledged(&connection.stream).is_some_and(|ago| ago >= DEAD_AFTER)
                }
                (Phase::Open, None, Some(at)) if for_s(at) >= settings.pong_within => {
                    // Its program may be busy; a kernel that has taken our question is there.
                    let taken_since = |ago: Duration| ago <= for_s(at) + TICK;
                    connection.pinged_at = None;
                    connection.heard_at = now;
                    !last_acknowledged(&connection.stream).is_none_or(taken_since)
                }
                (Phase::Open, None, Some(_)) => false,
                (Phase::Open, None, None) => {
                    if for_s(connection.heard_at) >= settings.ping_after {
                        connection.pinged_at = Some(now);
                        to_ping.push(slot);
                    }
                    false
                }
            };
            if dead {
                self.gone.push(slot);
            }
        }
        for slot in to_ping {
            self.say(slot, socket::ping());
        }
        self.bury();
    }

    /// A server that goes sends its readers away a few at a time, and tells each when to come back.
    fn send_some_away(&mut self) {
        let Some(range) = self.sending_away.clone() else { return };
        let open = self.connections.iter().filter(|(_, connection)| connection.phase == Phase::Open);
        let some: Vec<_> = open.map(|(slot, _)| slot).take(SENT_AWAY).collect();
        for slot in some {
            let width = range.end.saturating_sub(range.start).max(1);
            let wait = range.start + self.chance.hash_one(self.connections[slot].generation) % width;
            let reason = format!(r#"{{"code":"restart","retry_after_ms":{wait}}}"#);
            self.close(slot, CloseCode::Restart, &reason);
        }
    }
}
