//! Live: one change of an organization reaches everybody who listens, encoded once and written with one system call each,
//! and nobody misses or repeats one.
//!
//! ```text
//! OrgActor ─publish─► Channel ─► Feed (public) ──┬─► writer 1: sweep ─► sockets
//!                        │    └► Feed (members) ─┴─► writer 2: sweep ─► sockets
//!                        │        recent frames, newest page        └─► event streams (SSE) read the log themselves
//! route ── upgrade ──────┘ Live::welcome: a place in the feed, the socket to a writer
//! ```
//!
//! Knows nothing of HTTP: routes hand over sockets that became WebSockets, and decide who may listen ([`Gate`]).

mod announcer;
mod feed;
mod frame;
mod hub;
mod members;
pub mod socket;
mod stream;
mod talk;
pub mod writers;

pub use announcer::Announcer;
pub use feed::Had;
pub use frame::Frame;
pub use members::{Gate, Pass, Refusal};
pub use stream::Reader;

use crate::{
    identity::{Ended, Identity},
    page::Audience,
};
use feed::{Feed, FeedId};
use hub::{Channel, Hub, Removed};
use members::{About, Members};
use socket2::SockRef;
use std::{
    hash::{BuildHasher, RandomState},
    io,
    net::{IpAddr, TcpStream},
    ops::Range,
    sync::{Arc, OnceLock},
    time::Duration,
};
use talk::{ENDED, Talk};
use tocsin_actors::{
    directory::Directory,
    domain::{Org, OrgId, Seq},
    org::OrgError,
    records::{Record, RecordKind, RecordStore},
    store::{AccountError, StoreError},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    runtime::Handle,
    sync::{broadcast, mpsc, watch},
    task::JoinHandle,
    time::interval,
};
use uuid::Uuid;
use writers::{ConnectionId, Conversation, Message, Named, Newcomer, Stream, WriterSettings, Writers};

/// What the kernel may keep of what was written to one socket; it doubles the number for its own use. Whoever listens gives
/// it to the listener, so that connections have it from the beginning.
pub const SEND_BUFFER: usize = 16 * 1024;
/// How often it is looked at what nobody listens to any more.
const SWEEP_EVERY: Duration = Duration::from_secs(15);
/// How often members are looked at again for what ended on another server.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// When readers of a server that goes may come back, in milliseconds: a restart takes about a second, and they are not to
/// come all at once.
const COME_BACK_AFTER_MS: Range<u64> = 500..5_000;
/// The one record of the installation's epoch.
const EPOCH: Uuid = Uuid::from_u128(0x746f_6373_696e_8000_8000_0000_0000_0002);

/// When one reader may come back that has to go, or whose stream breaks.
pub fn come_back_after() -> Duration {
    let width = COME_BACK_AFTER_MS.end - COME_BACK_AFTER_MS.start;
    Duration::from_millis(COME_BACK_AFTER_MS.start + RandomState::new().hash_one(()) % width)
}

/// Everything live. Clones are the same one.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

pub(crate) struct Inner {
    hub: Hub,
    writers: Writers,
    members: Arc<Members>,
    talk: Arc<Talk>,
    gate: OnceLock<Arc<dyn Gate>>,
    runtime: Handle,
    /// Whether everybody has to go.
    closing: watch::Sender<bool>,
}

/// A socket that became one.
pub struct Taken {
    /// It itself, as [`Live::taken`] gives it.
    pub stream: Stream,
    /// What came before it was one.
    pub already: Vec<u8>,
    /// What it is to be told before anything else, if it was not told yet.
    pub answer: Vec<u8>,
    /// From where it came.
    pub client: IpAddr,
    /// Kept until it is gone.
    pub keep: Box<dyn Send>,
}

/// An organization that can be listened to.
pub struct Open {
    org: OrgId,
    channel: Arc<Channel>,
}

/// Up to where visitors have been told everything.
pub struct Standing {
    /// The organization as of then.
    pub view: Arc<Org>,
    /// The epoch of their stream.
    pub epoch: Arc<str>,
    /// What a reader has who has all of it.
    pub seq: Seq,
}

/// Somebody who wants to listen.
pub struct Joining {
    /// To whom.
    pub to: Open,
    /// Who it is, where that is known and they may listen as a member.
    pub pass: Option<Arc<Pass>>,
    /// Whether they are going to say who they are.
    pub introduces_itself: bool,
    /// What they have already.
    pub had: Option<Had>,
    /// Whether messages may be compressed.
    pub deflate: bool,
}

impl Live {
    /// Starts the writers and reads, or makes, the epoch of this installation.
    pub async fn start(
        records: &dyn RecordStore,
        directory: Directory,
        identity: &Identity,
        settings: &WriterSettings,
    ) -> Result<Self, StoreError> {
        let epoch = epoch(records).await?;
        let talk = Arc::new(Talk::default());
        let conversation: Arc<dyn Conversation> = talk.clone();
        let writers = Writers::start(settings, &conversation)
            .map_err(|error| StoreError::Unavailable(format!("no thread can be started: {error}")))?;
        let (removed, removals) = mpsc::unbounded_channel();
        let hub = Hub::new(directory, epoch.into(), writers.inboxes().to_vec(), removed);
        let inner = Arc::new(Inner {
            hub,
            writers,
            members: Arc::default(),
            talk,
            gate: OnceLock::new(),
            runtime: Handle::current(),
            closing: watch::Sender::new(false),
        });
        inner.talk.set(Arc::downgrade(&inner));
        tokio::spawn(keep(Arc::downgrade(&inner), inner.closing.subscribe(), identity.endings(), removals));
        Ok(Self(inner))
    }

    /// Who decides who may listen; told once, because it stands further out than we do.
    pub fn set_gate(&self, gate: Arc<dyn Gate>) {
        let _ = self.0.gate.set(gate);
    }

    /// Makes sure that there is something to listen to, before anybody is told that they may.
    pub async fn open(&self, org: OrgId) -> Result<Open, OrgError> {
        Ok(Open { org, channel: self.0.hub.channel(org).await? })
    }

    /// An organization, and where its visitors' stream goes on from there.
    pub async fn standing(&self, org: OrgId) -> Result<Option<Standing>, OrgError> {
        let channel = self.0.hub.channel(org).await?;
        Ok(channel.feed(Audience::Public).map(|feed| {
            let (view, seq) = feed.standing();
            Standing { view, epoch: feed.epoch.clone(), seq }
        }))
    }

    /// The name of this installation's streams.
    pub fn epoch(&self) -> &str {
        self.0.hub.epoch()
    }

    /// Takes a socket over.
    pub fn welcome(&self, taken: Taken, joining: Joining) {
        let Taken { stream, already, answer, client, keep } = taken;
        let Joining { to: Open { org, channel }, pass, introduces_itself, had, deflate } = joining;
        let writer = self.0.writers.next();
        let live = Arc::downgrade(&self.0); // the message may wait longer than the server lives
        let new = |follow, named: Option<Named>| {
            let remember = named.is_some();
            Message::Welcome(Box::new(Newcomer { stream, already, answer, client, deflate, follow, keep, remember, named }))
        };
        let (audience, named): (_, Option<Named>) = match pass {
            None if introduces_itself => {
                let had = had.clone();
                let named: Named = Box::new(move |who| {
                    if let Some(live) = live.upgrade() {
                        live.talk.awaits(&live, who, org, had);
                    }
                });
                return self.0.writers.inboxes()[writer].send(new(None, Some(named)));
            }
            None => (Audience::Public, None),
            Some(pass) => {
                let named: Named = Box::new(move |who| {
                    if let Some(live) = live.upgrade() {
                        let seat = live.members.seat(org, pass.clone(), live.ender(who));
                        live.talk.came_with(who, org, pass, seat);
                    }
                });
                (Audience::Members, Some(named))
            }
        };
        // Without a place the organization is gone this very moment: the socket is dropped with the message.
        let _ = channel.feed(audience).is_some_and(|feed| feed.join(writer, had.as_ref(), |follow| new(Some(follow), named)));
    }

    /// A stream of somebody's own about an organization: no page, no going back, only what they say while somebody listens.
    pub fn announcer(&self, org: OrgId) -> Announcer {
        Announcer::new(Arc::downgrade(&self.0), Arc::new(Feed::of_words(org, self.0.writers.inboxes())))
    }

    /// The same stream for who asks for frames one after the other.
    pub async fn reader(&self, org: OrgId, pass: Option<Arc<Pass>>, had: Option<Had>) -> Result<Option<Reader>, OrgError> {
        let audience = if pass.is_some() { Audience::Members } else { Audience::Public };
        let channel = self.0.hub.channel(org).await?;
        let Some(feed) = channel.feed(audience) else { return Ok(None) };
        let closing = self.0.closing.subscribe();
        Ok(Reader::new(feed, had.as_ref(), closing, |end| pass.map(|pass| self.0.members.seat(org, pass, end))))
    }

    /// How many sockets there are.
    pub fn sockets(&self) -> usize {
        self.0.writers.sockets()
    }

    /// To how many organizations somebody listens.
    pub fn organizations(&self) -> usize {
        self.0.hub.count()
    }

    /// A socket that the runtime does not watch, does not block, and has its [`SEND_BUFFER`]; it is to be given to
    /// [`Live::welcome`].
    pub fn taken(&self, stream: TcpStream) -> Stream {
        Stream::Tcp(mio::net::TcpStream::from_std(stream))
    }

    /// The same for a connection that is not a socket of its own: a task carries its bytes to one.
    pub fn carried(&self, connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> io::Result<Stream> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        SockRef::from(&ours).set_send_buffer_size(SEND_BUFFER)?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let mut theirs = UnixStream::from_std(theirs)?;
        let mut connection = connection;
        tokio::spawn(async move {
            let _ = tokio::io::copy_bidirectional(&mut connection, &mut theirs).await; // it ends when one of them does
        });
        Ok(Stream::Carried(mio::net::UnixStream::from_std(ours)))
    }

    /// Sends everybody away, a few at a time, with a hint when to come back.
    pub async fn shutdown(&self) {
        self.0.closing.send_replace(true);
        let inner = self.0.clone();
        let _ = tokio::task::spawn_blocking(move || inner.writers.stop(COME_BACK_AFTER_MS)).await;
    }
}

impl Inner {
    fn gate(&self) -> Result<&Arc<dyn Gate>, Refusal> {
        let early = || Refusal { code: "unavailable", message: "the server is starting".to_owned() };
        self.gate.get().ok_or_else(early)
    }

    /// From now on this socket listens to an organization; says to which of its feeds.
    async fn follow(&self, who: ConnectionId, org: OrgId, audience: Audience, had: Option<&Had>) -> Result<FeedId, Refusal> {
        let channel = self.hub.channel(org).await.map_err(talk::unavailable)?;
        let feed = channel.feed(audience).ok_or_else(talk::unknown)?;
        let joined = feed.join(who.writer(), had, |follow| Message::Follow(who, follow));
        if joined { Ok(feed.id) } else { Err(talk::unknown()) }
    }

    /// What ends the conversation with somebody who may not listen any more.
    fn ender(self: &Arc<Self>, who: ConnectionId) -> Box<dyn Fn() + Send + Sync> {
        let live = Arc::downgrade(self);
        Box::new(move || {
            if let Some(live) = live.upgrade() {
                let reason = r#"{"code":"unauthorized"}"#.to_owned();
                live.writers.tell(who, Message::Close(who, socket::CloseCode::from(ENDED), reason));
            }
        })
    }
}

/// Looks after everything, until everybody has to go.
async fn keep(
    live: std::sync::Weak<Inner>,
    mut closing: watch::Receiver<bool>,
    mut endings: broadcast::Receiver<Ended>,
    mut removals: mpsc::UnboundedReceiver<Removed>,
) {
    let (mut sweep, mut look) = (interval(SWEEP_EVERY), interval(LOOK_EVERY));
    let mut everybody: Option<JoinHandle<()>> = None;
    loop {
        let about = tokio::select! {
            _ = sweep.tick() => None,
            _ = look.tick() => Some(About::Everybody),
            ended = endings.recv() => match ended {
                Ok(ended) => Some(About::Ended(ended)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some(About::Everybody),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            Some((org, user)) = removals.recv() => Some(About::Membership(org, user)),
            _ = closing.changed() => return,
        };
        let Some(live) = live.upgrade() else { return };
        let (Some(about), Some(gate)) = (about, live.gate.get().cloned()) else {
            live.hub.sweep();
            continue;
        };
        // The store may take its time: nobody waits for anybody else's answer.
        let is_everybody = matches!(about, About::Everybody);
        if is_everybody && everybody.as_ref().is_some_and(|task| !task.is_finished()) {
            continue;
        }
        let task = tokio::spawn(async move { live.members.look_again(&live.hub, &*gate, about).await });
        if is_everybody {
            everybody = Some(task);
        }
    }
}

/// In which life of the installation numbers are counted: a store that was filled anew has another one.
async fn epoch(records: &dyn RecordStore) -> Result<String, StoreError> {
    loop {
        if let Some(record) = records.record(RecordKind::Epoch, EPOCH).await? {
            return record
                .read::<bson::Document>()?
                .get_str("epoch")
                .map(str::to_owned)
                .map_err(|error| StoreError::Corrupt(format!("the epoch cannot be read: {error}")));
        }
        let made = bson::doc! { "epoch": &Uuid::now_v7().simple().to_string()[20..] };
        match records.put_record(Record::new(RecordKind::Epoch, EPOCH, Uuid::nil(), None, &made)?).await {
            Ok(()) | Err(AccountError::IdTaken) => {} // another server was faster: its epoch is everybody's
            Err(AccountError::Store(error)) => return Err(error),
            Err(error) => return Err(StoreError::Unavailable(error.to_string())),
        }
    }
}
