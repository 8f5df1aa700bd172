//! How what has happened gets to sockets: commits are heard from the engine, a facade says them in its own words, and who is
//! in the room is told, in order, after it is durable and never before. What happened while nobody here was told of it,
//! because another server wrote, is told when it is found.

use serde_json::Value;
use socketioxide::SocketIo;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tocsin_actors::{
    directory::{Directory, Listener},
    domain::{
        Commit, Entry, Incident, IncidentId, Org, OrgId, ServiceId, UserId,
        entities::{Author, Service},
        event::Touched,
    },
    org::OrgError,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::debug;

/// What a facade has to say.
pub(super) struct Message {
    /// To whom; everybody when it is none.
    pub(super) room: Option<String>,
    pub(super) event: &'static str,
    pub(super) data: Value,
}

/// What gets messages to who listens: Socket.IO, or a facade's own stream.
pub(super) trait Voice: Clone + Send + Sync + 'static {
    /// What it says.
    type Said: Send + 'static;
    /// Says it, before the next one is said.
    fn say(&self, said: Self::Said) -> impl Future<Output = ()> + Send;
    /// Somebody is no member any more, and hears no more of what members hear.
    fn let_go(&self, _org: OrgId, _user: UserId) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
    /// The organization is gone, and nothing will be said of it any more.
    fn fall_silent(&self) {}
}

/// Something that is not what it was: before, and after. Never neither.
pub(super) enum Changed<'a> {
    Service(Option<&'a Arc<Service>>, Option<&'a Arc<Service>>),
    Incident(Option<&'a Arc<Incident>>, Option<&'a Arc<Incident>>),
}

/// Where it happened: the organization as it was, and as it is; and who did it, where that is known.
pub(super) struct Moment<'a> {
    pub(super) by: Author,
    pub(super) before: &'a Org,
    pub(super) after: &'a Org,
}

/// A facade's words for it.
pub(super) type Words<T = Message> = fn(&Moment<'_>, &Changed<'_>) -> Vec<T>;

/// Where a facade lets members in: the room of a person, and which room they leave who is no member any more.
pub(super) type Leaves = fn(OrgId, UserId) -> (String, String);

/// Socket.IO where members hear more than others: whose membership ends hears no more of it.
#[derive(Clone)]
pub(super) struct ToMembers {
    pub(super) io: SocketIo,
    pub(super) leaves: Leaves,
}

/// What is done about what has happened, in order.
enum Said<T> {
    Message(T),
    Left(OrgId, UserId),
    Gone,
}

/// Follows an organization, for as long as somebody holds this.
pub(super) struct Following<V = SocketIo> {
    /// What tells of it.
    pub(super) voice: V,
    _listener: Arc<dyn Listener>,
}

/// Organizations that are followed while somebody listens to them: whoever does holds what [`Follows::follow`] answers, in
/// the extensions of a socket for example. Who is followed does not sleep.
pub(super) struct Follows<V: Voice = SocketIo> {
    words: Words<V::Said>,
    voices: Box<dyn Fn(OrgId) -> V + Send + Sync>,
    directory: Directory,
    followed: tokio::sync::Mutex<HashMap<OrgId, Weak<Following<V>>>>,
}

impl<V: Voice> Follows<V> {
    /// With a voice of its own for each organization.
    pub(super) fn speaking(
        words: Words<V::Said>,
        voices: impl Fn(OrgId) -> V + Send + Sync + 'static,
        directory: Directory,
    ) -> Self {
        Self { words, voices: Box::new(voices), directory, followed: tokio::sync::Mutex::default() }
    }

    /// Follows an organization, which is told of once however many hold it.
    pub(super) async fn follow(&self, org: OrgId) -> Result<Arc<Following<V>>, OrgError> {
        let mut followed = self.followed.lock().await;
        if let Some(following) = followed.get(&org).and_then(Weak::upgrade) {
            return Ok(following);
        }
        followed.retain(|_, following| following.strong_count() > 0);
        let following = Arc::new(Following::start(org, self.words, (self.voices)(org), &self.directory).await?);
        followed.insert(org, Arc::downgrade(&following));
        Ok(following)
    }
}

impl<V: Voice> Following<V> {
    pub(super) async fn start(org: OrgId, words: Words<V::Said>, voice: V, directory: &Directory) -> Result<Self, OrgError> {
        let (say, said) = unbounded_channel();
        tokio::spawn(tell(voice.clone(), said));
        let teller = Arc::new(Teller { words, say, told: Mutex::default() });
        let listener: Arc<dyn Listener> = teller.clone();
        let now = directory.listen(org, &listener).await?;
        // What was committed meanwhile is newer than what was read before it.
        teller.told.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(now);
        Ok(Self { voice, _listener: listener })
    }
}

struct Teller<T> {
    words: Words<T>,
    say: UnboundedSender<Said<T>>,
    /// The state that everybody was told of.
    told: Mutex<Option<Arc<Org>>>,
}

impl<T: Send> Listener for Teller<T> {
    fn committed(&self, before: &Org, commit: &Commit, after: &Arc<Org>) {
        self.told(after);
        if let [entry] = commit.entries.as_slice() {
            return self.tell(before, entry, after);
        }
        // What was asked for one after the other is told one after the other, although it was stored together.
        let (states, mut at) = (before.steps(commit), 0);
        for entry in &commit.entries {
            let next = at + entry.events.len();
            self.tell(&states[at], entry, &states[next]);
            at = next;
        }
    }

    fn loaded(&self, view: &Arc<Org>) {
        let Some(before) = self.told(view).filter(|before| before.seq() != view.seq()) else { return };
        let services: BTreeSet<_> = before.services().keys().chain(view.services().keys()).copied().collect();
        let incidents: BTreeSet<_> = before.incidents().keys().chain(view.incidents().keys()).copied().collect();
        let moment = Moment { by: Author::System, before: &before, after: view };
        self.say(&moment, &services, &incidents);
    }
}

impl<T> Teller<T> {
    /// This is told from now on; answers what was.
    fn told(&self, view: &Arc<Org>) -> Option<Arc<Org>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).replace(view.clone())
    }

    fn tell(&self, before: &Org, entry: &Entry, after: &Org) {
        let (mut services, mut incidents) = (BTreeSet::new(), BTreeSet::new());
        for event in &entry.events {
            event.touches(|touched| match touched {
                Touched::Service(id) => drop(services.insert(id)),
                Touched::Incident(id) => drop(incidents.insert(id)),
                _ => {}
            });
        }
        self.say(&Moment { by: entry.by, before, after }, &services, &incidents);
    }

    /// What looks the same is told by nobody: that is for the facade's words to see.
    fn say(&self, moment: &Moment<'_>, services: &BTreeSet<ServiceId>, incidents: &BTreeSet<IncidentId>) {
        let Moment { before, after, .. } = moment;
        let services = services.iter().map(|id| Changed::Service(before.services().get(id), after.services().get(id)));
        let incidents = incidents.iter().map(|id| Changed::Incident(before.incidents().get(id), after.incidents().get(id)));
        // Whoever would tell it is gone when the server stops.
        for user in self.let_go(before, after) {
            let _ = self.say.send(Said::Left(after.id(), user));
        }
        for message in services.chain(incidents).flat_map(|changed| (self.words)(moment, &changed)) {
            let _ = self.say.send(Said::Message(message));
        }
        if after.is_deleted() {
            let _ = self.say.send(Said::Gone);
        }
    }

    /// Who was a member and is none any more. Said before anything else: of what came together, nobody knows what was first.
    fn let_go<'a>(&self, before: &'a Org, after: &'a Org) -> impl Iterator<Item = UserId> + use<'a, T> {
        let are_others = !std::ptr::eq(before.members(), after.members());
        let members = are_others.then(|| before.members().keys().copied()).into_iter().flatten();
        members.filter(|user| after.role(*user).is_none())
    }
}

async fn tell<V: Voice>(voice: V, mut said: UnboundedReceiver<Said<V::Said>>) {
    while let Some(said) = said.recv().await {
        match said {
            Said::Message(said) => voice.say(said).await,
            Said::Left(org, user) => voice.let_go(org, user).await,
            Said::Gone => voice.fall_silent(),
        }
    }
}

impl Voice for SocketIo {
    type Said = Message;

    async fn say(&self, Message { room, event, data }: Message) {
        let told = match room {
            Some(room) => self.to(room).emit(event, &data).await,
            None => self.emit(event, &data).await,
        };
        if let Err(error) = told {
            debug!(%error, event, "somebody was not told");
        }
    }
}

impl Voice for ToMembers {
    type Said = Message;

    async fn say(&self, message: Message) {
        self.io.say(message).await;
    }

    async fn let_go(&self, org: OrgId, user: UserId) {
        let (theirs, room) = (self.leaves)(org, user);
        let _ = self.io.to(theirs).leave(room).await; // they hear no more of it
    }
}
