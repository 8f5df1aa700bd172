//! The threads that write to sockets: each has its share of them, and looks with one system call which of them are ready.
//! A socket is a small record with a place in a log that all readers of a feed share; it has no task, no channel and no
//! buffer of its own.
//!
//! ```text
//! feed ──News──► Inbox ──► log of the feed ──► sweep: write what each socket has not had, 128 sockets a turn,
//! route ─Welcome─►                              then look at the inbox and at the sockets again
//! ```

mod connection;
mod liveness;
mod run;
mod shard;

pub use connection::Stream;

use super::{
    feed::{Feed, FeedId, Index, Place},
    frame::Frame,
    socket::{CloseCode, Heard},
};
use shard::Shard;
use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How sockets are treated.
#[derive(Clone, Debug)]
pub struct WriterSettings {
    /// How many threads write.
    pub threads: usize,
    /// The largest message that is taken.
    pub most_message: usize,
    /// How many messages a socket may say in a second, and at once; none is without limit.
    pub most_said: Option<(u16, u16)>,
    /// How many bytes of answers may wait for a socket that does not read them. It is cut beyond.
    pub most_unsent: usize,
    /// After how much silence somebody is asked whether they are there, and how long they may take to answer.
    pub ping_after: Duration,
    /// See `ping_after`.
    pub pong_within: Duration,
}

impl Default for WriterSettings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: (cores / 2).clamp(1, 16),
            most_message: 16 * 1024,
            most_said: Some((20, 60)),
            most_unsent: 32 * 1024,
            ping_after: Duration::from_secs(30),
            pong_within: Duration::from_secs(30),
        }
    }
}

/// A socket among all of them; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ConnectionId {
    writer: usize,
    slot: usize,
    generation: u32,
}

/// What is said on sockets, and what becomes of it. Called on a writer's thread: what takes long is done elsewhere.
pub trait Conversation: Send + Sync {
    /// Somebody said something.
    fn heard(&self, who: &Speaker<'_>, what: Heard<'_>) -> Answer;
    /// Somebody is gone of whom something was remembered.
    fn gone(&self, who: ConnectionId);
}

/// Who says something.
pub struct Speaker<'a> {
    /// On which socket.
    pub id: ConnectionId,
    /// From where.
    pub client: IpAddr,
    /// Whether it takes compressed messages.
    pub deflate: bool,
    /// To which feeds it listens.
    pub follows: &'a dyn Fn() -> Vec<Arc<Feed>>,
}

/// What somebody is answered at once.
pub enum Answer {
    /// Nothing, or later.
    Nothing,
    /// This.
    Say(Box<[u8]>),
    /// That it ends.
    Close(CloseCode, String),
}

/// What a writer is told.
pub enum Message {
    /// Somebody new.
    Welcome(Box<Newcomer>),
    /// A feed has a new frame, at this place.
    News(FeedId, Index, Arc<Frame>),
    /// A feed has none any more.
    Ended(FeedId),
    /// Somebody listens to a feed from now on.
    Follow(ConnectionId, Follow),
    /// And to this one no more.
    Unfollow(ConnectionId, FeedId),
    /// Somebody is told something.
    Say(ConnectionId, Box<[u8]>),
    /// Something is remembered of somebody: say when they are gone.
    Remember(ConnectionId),
    /// Somebody has to go.
    Close(ConnectionId, CloseCode, String),
    /// Everybody has to go, a few at a time; the milliseconds after which they may come back are drawn from this range.
    CloseAll(std::ops::Range<u64>),
    /// And the writer with them.
    Stop,
}

/// A socket that became one just now.
pub struct Newcomer {
    /// It itself.
    pub stream: Stream,
    /// What came before it was one.
    pub already: Vec<u8>,
    /// What it is to be told before anything else.
    pub answer: Vec<u8>,
    /// From where it came.
    pub client: IpAddr,
    /// Whether messages to it may be compressed.
    pub deflate: bool,
    /// What it listens to.
    pub follow: Option<Follow>,
    /// Kept until it is gone.
    pub keep: Box<dyn Send>,
    /// Whether to tell the conversation when it is gone.
    pub remember: bool,
    /// Where to tell what it is called from now on.
    pub named: Option<Named>,
}

/// Is told what a socket is called from now on.
pub type Named = Box<dyn FnOnce(ConnectionId) + Send>;

/// From where on somebody listens to a feed; see [`Feed::join`].
pub struct Follow {
    /// To which.
    pub feed: Arc<Feed>,
    /// From where.
    pub place: Place,
}

/// The way to a writer.
#[derive(Clone)]
pub struct Inbox(Arc<InboxInner>);

struct InboxInner {
    /// None when nobody takes them any more.
    waiting: Mutex<Option<Waiting>>,
    waker: mio::Waker,
    /// Whether it is told already that there is something.
    told: AtomicBool,
    /// Sockets that it has, for whoever counts.
    sockets: AtomicUsize,
}

/// What a writer has not taken yet.
#[derive(Default)]
struct Waiting {
    messages: Vec<Message>,
    /// Whether there are newcomers among them.
    newcomers: bool,
    /// Whether there were some the last time: when many come, the writer looks again by itself before long, and is not
    /// woken up for each of them.
    rush: bool,
}

impl Inbox {
    /// Tells the writer something, in order.
    pub fn send(&self, message: Message) {
        let is_newcomer = matches!(message, Message::Welcome(_));
        let mut waiting = self.waiting();
        let Some(open) = &mut *waiting else { return };
        open.messages.push(message);
        open.newcomers |= is_newcomer;
        let is_expected = is_newcomer && open.rush;
        drop(waiting);
        if !is_expected && !self.0.told.swap(true, Ordering::AcqRel) {
            let _ = self.0.waker.wake(); // it fails for a writer that is gone
        }
    }

    /// All of it; says whether more newcomers are expected, for whom nobody is going to wake the writer.
    fn take(&self, into: &mut Vec<Message>) -> bool {
        self.0.told.store(false, Ordering::Release);
        let mut waiting = self.waiting();
        let Some(open) = &mut *waiting else { return false };
        std::mem::swap(&mut open.messages, into);
        open.rush = std::mem::take(&mut open.newcomers);
        open.rush
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody takes anything any more: sockets that are on their way are closed.
    fn close(&self) {
        drop(self.waiting().take());
    }

    /// How many sockets it has.
    pub fn sockets(&self) -> usize {
        self.0.sockets.load(Ordering::Relaxed)
    }
}

/// All writers.
pub struct Writers {
    inboxes: Vec<Inbox>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    next: AtomicUsize,
}

impl Writers {
    /// Starts them.
    pub fn start(settings: &WriterSettings, conversation: &Arc<dyn Conversation>) -> io::Result<Self> {
        let (mut inboxes, mut threads) = (Vec::new(), Vec::new());
        for number in 0..settings.threads.max(1) {
            let poll = mio::Poll::new()?;
            let waker = mio::Waker::new(poll.registry(), shard::WAKER)?;
            let inner = InboxInner {
                waiting: Mutex::new(Some(Waiting::default())),
                waker,
                told: AtomicBool::new(false),
                sockets: AtomicUsize::new(0),
            };
            let inbox = Inbox(Arc::new(inner));
            let shard = Shard::new(number, poll, inbox.clone(), settings.clone(), conversation.clone());
            threads.push(std::thread::Builder::new().name(format!("writer-{number}")).spawn(move || shard.run_to_the_end())?);
            inboxes.push(inbox);
        }
        Ok(Self { inboxes, threads: Mutex::new(threads), next: AtomicUsize::new(0) })
    }

    /// The ways to them.
    pub fn inboxes(&self) -> &[Inbox] {
        &self.inboxes
    }

    /// Whose turn it is to take a socket.
    pub fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.inboxes.len()
    }

    /// Tells the writer of a socket something about it.
    pub fn tell(&self, who: ConnectionId, message: Message) {
        self.inboxes[who.writer].send(message);
    }

    /// Sockets in all.
    pub fn sockets(&self) -> usize {
        self.inboxes.iter().map(Inbox::sockets).sum()
    }

    /// Everybody has to go; returns when they have been told, or would not listen.
    pub fn stop(&self, come_back_after_ms: std::ops::Range<u64>) {
        for inbox in &self.inboxes {
            inbox.send(Message::CloseAll(come_back_after_ms.clone()));
            inbox.send(Message::Stop);
        }
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = thread.join(); // one that panicked has no sockets any more
        }
    }
}

impl ConnectionId {
    /// By which writer it is written to.
    pub fn writer(self) -> usize {
        self.writer
    }
}
