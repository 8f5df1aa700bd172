//! How what has happened gets to sockets: commits are heard from the engine, a facade says them in its own words, and who is
//! in the room is told, in order, after it is durable and never before. What happened while nobody here was told of it,
//! because another server wrote, is told when it is found.

use serde_json::Value;
use socketioxide::SocketIo;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};
use tocsin_actors::{
    directory::{Directory, Listener},
    domain::{Commit, Event, Incident, IncidentId, Org, OrgId, ServiceId, entities::Service, event::Touched},
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

/// A facade's words for it.
pub(super) type Words = fn(&Changed<'_>) -> Vec<Message>;

/// Follows an organization, for as long as somebody holds this.
pub(super) struct Following {
    _listener: Arc<dyn Listener>,
}

impl Following {
    pub(super) async fn start(org: OrgId, words: Words, io: SocketIo, directory: &Directory) -> Result<Self, OrgError> {
        let (say, said) = unbounded_channel();
        tokio::spawn(tell(io, said));
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
    say: UnboundedSender<Message>,
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
        for message in services.chain(incidents).flat_map(|changed| (self.words)(&changed)) {
            let _ = self.say.send(message); // whoever would tell it is gone: the server stops
        }
    }
}

async fn tell(io: SocketIo, mut said: UnboundedReceiver<Message>) {
    while let Some(Message { room, event, data }) = said.recv().await {
        let told = match room {
            Some(room) => io.to(room).emit(event, &data).await,
            None => io.emit(event, &data).await,
        };
        if let Err(error) = told {
            debug!(%error, event, "somebody was not told");
        }
    }
}
