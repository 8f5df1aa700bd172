//! How what has happened gets to sockets: commits are heard from the engine, a facade says them in its own words, and who is
//! in the room is told, in order, after it is durable and never before.

use serde_json::Value;
use socketioxide::SocketIo;
use std::{collections::BTreeSet, sync::Arc};
use tocsin_actors::{
    directory::{Directory, Listener},
    domain::{
        Commit, Incident, Org, OrgId,
        entities::Service,
        event::{Entry, Touched},
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
        let listener: Arc<dyn Listener> = Arc::new(Teller { words, say });
        directory.listen(org, &listener).await?;
        Ok(Self { _listener: listener })
    }
}

struct Teller {
    words: Words,
    say: UnboundedSender<Message>,
}

impl Listener for Teller {
    fn committed(&self, before: &Org, commit: &Commit, after: &Arc<Org>) {
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

    fn loaded(&self, _: &Arc<Org>) {}
}

impl Teller {
    fn tell(&self, before: &Org, entry: &Entry, after: &Org) {
        let (mut services, mut incidents) = (BTreeSet::new(), BTreeSet::new());
        for event in &entry.events {
            event.touches(|touched| match touched {
                Touched::Service(id) => drop(services.insert(id)),
                Touched::Incident(id) => drop(incidents.insert(id)),
                _ => {}
            });
        }
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
