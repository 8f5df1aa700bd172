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
    domain::{Commit, Event, Incident, IncidentId, Org, OrgId, ServiceId, UserId, entities::Service, event::Touched},
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

/// Something that is not what it was: before, and after. Never neither.
pub(super) enum Changed<'a> {
    Service(Option<&'a Arc<Service>>, Option<&'a Arc<Service>>),
    Incident(Option<&'a Arc<Incident>>, Option<&'a Arc<Incident>>),
}

/// Where it happened: the organization as it was, and as it is.
pub(super) struct Moment<'a> {
    pub(super) before: &'a Org,
    pub(super) after: &'a Org,
}

/// A facade's words for it.
pub(super) type Words = fn(&Moment<'_>, &Changed<'_>) -> Vec<Message>;

/// Where a facade lets members in: the room of a person, and which room they leave who is no member any more.
pub(super) type Leaves = fn(OrgId, UserId) -> (String, String);

/// What is done about what has happened, in order.
enum Said {
    Message(Message),
    Left(OrgId, UserId),
}

/// Follows an organization, for as long as somebody holds this.
pub(super) struct Following {
    _listener: Arc<dyn Listener>,
}

/// Organizations that are followed while somebody listens to them: whoever does holds what [`Follows::follow`] answers, in
/// the extensions of a socket for example. Who is followed does not sleep.
pub(super) struct Follows {
    words: Words,
    leaves: Option<Leaves>,
    io: SocketIo,
    directory: Directory,
    followed: tokio::sync::Mutex<HashMap<OrgId, Weak<Following>>>,
}

impl Follows {
    pub(super) fn new(words: Words, io: SocketIo, directory: Directory) -> Self {
        Self { words, leaves: None, io, directory, followed: tokio::sync::Mutex::default() }
    }

    /// The same where members hear more than others: whose membership ends hears no more of it.
    pub(super) fn of_members(self, leaves: Leaves) -> Self {
        Self { leaves: Some(leaves), ..self }
    }

    /// Follows an organization, which is told of once however many hold it.
    pub(super) async fn follow(&self, org: OrgId) -> Result<Arc<Following>, OrgError> {
        let mut followed = self.followed.lock().await;
        if let Some(following) = followed.get(&org).and_then(Weak::upgrade) {
            return Ok(following);
        }
        followed.retain(|_, following| following.strong_count() > 0);
        let following = Arc::new(Following::begin(org, (self.words, self.leaves), self.io.clone(), &self.directory).await?);
        followed.insert(org, Arc::downgrade(&following));
        Ok(following)
    }
}

impl Following {
    pub(super) async fn start(org: OrgId, words: Words, io: SocketIo, directory: &Directory) -> Result<Self, OrgError> {
        Self::begin(org, (words, None), io, directory).await
    }

    async fn begin(
        org: OrgId,
        (words, leaves): (Words, Option<Leaves>),
        io: SocketIo,
        directory: &Directory,
    ) -> Result<Self, OrgError> {
        let (say, said) = unbounded_channel();
        tokio::spawn(tell(io, leaves, said));
        let teller = Arc::new(Teller { words, say, told: Mutex::default() });
        let listener: Arc<dyn Listener> = teller.clone();
        let now = directory.listen(org, &listener).await?;
        // What was committed meanwhile is newer than what was read before it.
        teller.told.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(now);
        Ok(Self { _listener: listener })
    }
}

struct Teller {
    words: Words,
    say: UnboundedSender<Said>,
    /// The state that everybody was told of.
    told: Mutex<Option<Arc<Org>>>,
}

impl Listener for Teller {
    fn committed(&self, before: &Org, commit: &Commit, after: &Arc<Org>) {
        self.told(after);
        if let [entry] = commit.entries.as_slice() {
            return self.tell(before, &entry.events, after);
        }
        // What was asked for one after the other is told one after the other, although it was stored together.
        let (states, mut at) = (before.steps(commit), 0);
        for entry in &commit.entries {
            let next = at + entry.events.len();
            self.tell(&states[at], &entry.events, &states[next]);
            at = next;
        }
    }

    fn loaded(&self, view: &Arc<Org>) {
        let Some(before) = self.told(view).filter(|before| before.seq() != view.seq()) else { return };
        let services: BTreeSet<_> = before.services().keys().chain(view.services().keys()).copied().collect();
        let incidents: BTreeSet<_> = before.incidents().keys().chain(view.incidents().keys()).copied().collect();
        self.say(&before, &services, &incidents, view);
    }
}

impl Teller {
    /// This is told from now on; answers what was.
    fn told(&self, view: &Arc<Org>) -> Option<Arc<Org>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).replace(view.clone())
    }

    fn tell(&self, before: &Org, events: &[Event], after: &Org) {
        let (mut services, mut incidents) = (BTreeSet::new(), BTreeSet::new());
        for event in events {
            event.touches(|touched| match touched {
                Touched::Service(id) => drop(services.insert(id)),
                Touched::Incident(id) => drop(incidents.insert(id)),
                _ => {}
            });
        }
        self.say(before, &services, &incidents, after);
    }

    /// What looks the same is told by nobody: that is for the facade's words to see.
    fn say(&self, before: &Org, services: &BTreeSet<ServiceId>, incidents: &BTreeSet<IncidentId>, after: &Org) {
        let services = services.iter().map(|id| Changed::Service(before.services().get(id), after.services().get(id)));
        let incidents = incidents.iter().map(|id| Changed::Incident(before.incidents().get(id), after.incidents().get(id)));
        let moment = Moment { before, after };
        self.let_go(before, after);
        for message in services.chain(incidents).flat_map(|changed| (self.words)(&moment, &changed)) {
            let _ = self.say.send(Said::Message(message)); // whoever would tell it is gone: the server stops
        }
    }

    /// Said before anything else: of what came together, nobody knows what was first.
    fn let_go(&self, before: &Org, after: &Org) {
        if std::ptr::eq(before.members(), after.members()) {
            return;
        }
        for user in before.members().keys().filter(|user| after.role(**user).is_none()) {
            let _ = self.say.send(Said::Left(after.id(), *user));
        }
    }
}

async fn tell(io: SocketIo, leaves: Option<Leaves>, mut said: UnboundedReceiver<Said>) {
    while let Some(said) = said.recv().await {
        let Message { room, event, data } = match said {
            Said::Message(message) => message,
            Said::Left(org, user) => {
                if let Some((theirs, room)) = leaves.map(|leaves| leaves(org, user)) {
                    let _ = io.to(theirs).leave(room).await; // they hear no more of it
                }
                continue;
            }
        };
        let told = match room {
            Some(room) => io.to(room).emit(event, &data).await,
            None => io.emit(event, &data).await,
        };
        if let Err(error) = told {
            debug!(%error, event, "somebody was not told");
        }
    }
}
