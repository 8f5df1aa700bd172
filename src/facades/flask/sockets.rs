//! Its sockets: who they are, the rooms they are in, and that they leave them when they may no longer be there.
//!
//! Members are let into the rooms of their organizations before they are told that they are connected; everybody may go to
//! the room of a public page. What clients ask for takes its time and is done one after the other, each client on its own.

use super::said::said_of;
use crate::{
    facades::{
        hearing::{enter, say},
        telling::{Following, Follows, ToMembers},
    },
    http::facade::{Engine, Refused},
    identity::{Caller, Ended, Secret, Who},
};
use futures::StreamExt;
use serde_json::{Value, json};
use socketioxide::{
    SocketIo,
    extract::{AckSender, SocketRef, TryData},
    handler::ConnectHandler,
    socket::Sid,
};
use std::{
    collections::HashMap,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};
use tocsin_actors::{
    clock::{Clock, SystemClock},
    domain::{Org, OrgId, UserId},
};
use tokio::{
    sync::{broadcast, mpsc},
    task::JoinHandle,
    time::interval,
};
use uuid::Uuid;

const EVENTS: [&str; 5] = ["join_organization", "leave_organization", "join_public_status", "leave_public_status", "ping"];
/// Said to ourselves when somebody has come: whether they still may is asked once more when nothing can be missed.
const COME: &str = "";
/// How much a client may ask for that was not answered yet; what comes on top is not heard.
const MOST_UNHEARD: usize = 64;
/// How often everybody is looked at again for what ended on another server.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How many are looked at at once.
const AT_ONCE: usize = 16;

pub(super) fn org_room(org: OrgId) -> String {
    format!("org_{org}")
}

pub(super) fn public_room(slug: &str) -> String {
    format!("public_{slug}")
}

fn user_room(user: UserId) -> String {
    format!("user_{user}")
}

fn session_room(session: Uuid) -> String {
    format!("session_{session}")
}

/// All of them.
pub(super) struct Sockets {
    _house: Arc<House>,
    watching: JoinHandle<()>,
}

struct House {
    engine: Engine,
    io: SocketIo,
    follows: Follows<ToMembers>,
    guests: Mutex<HashMap<Sid, Arc<Guest>>>,
}

/// Who a socket is, and what it listens to.
struct Guest {
    known: Option<(Caller, Secret)>,
    rooms: Mutex<HashMap<String, Arc<Following<ToMembers>>>>,
    came: Instant,
}

/// What is said to who shows a token that is none.
#[derive(Debug, thiserror::Error)]
#[error("Connection rejected by server")]
struct Rejected;

impl Sockets {
    pub(super) fn open(io: SocketIo, engine: Engine) -> Self {
        let voice = ToMembers { io: io.clone(), leaves: |org, user| (user_room(user), org_room(org)) };
        let follows = Follows::speaking(said_of, move |_| voice.clone(), engine.directory().clone());
        let watching_ends = engine.identity().endings();
        let house = Arc::new(House { engine, io: io.clone(), follows, guests: Mutex::default() });
        let (weak, at_the_door) = (Arc::downgrade(&house), Arc::downgrade(&house));
        let watching = tokio::spawn(watch(weak.clone(), watching_ends));
        let greet = move |socket: SocketRef| {
            greet(&socket, &weak);
            ready(())
        };
        let admit = move |socket: SocketRef, TryData(said): TryData<Value>| {
            let house = at_the_door.upgrade();
            async move { house.ok_or(Rejected)?.admit(&socket, said.ok()).await }
        };
        io.ns("/", greet.with(admit));
        Self { _house: house, watching }
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Hears what a client asks for, in the order in which it does.
fn greet(socket: &SocketRef, house: &Weak<House>) {
    let (say_it, says) = mpsc::channel(MOST_UNHEARD);
    tokio::spawn(hear(house.clone(), says));
    let _ = say_it.try_send(Said { socket: socket.clone(), event: COME, what: None, heard: None });
    for event in EVENTS {
        let say_it = say_it.clone();
        socket.on(event, move |socket: SocketRef, TryData(said): TryData<Value>, heard: AckSender| {
            let _ = say_it.try_send(Said { socket, event, what: said.ok(), heard: Some(heard) });
            ready(())
        });
    }
    let house = house.clone();
    socket.on_disconnect(move |socket: SocketRef| {
        if let Some(house) = house.upgrade() {
            house.guests().remove(&socket.id);
        }
        ready(())
    });
    say(socket, "connected", &json!({ "message": "Connected to server" }));
}

/// What a client said, and how it is told that it was heard, if it wants to know. A socket comes with what it says: who held
/// it elsewhere would keep it for ever.
struct Said {
    socket: SocketRef,
    event: &'static str,
    what: Option<Value>,
    heard: Option<AckSender>,
}

async fn hear(house: Weak<House>, mut says: mpsc::Receiver<Said>) {
    while let Some(Said { socket, event, what: said, heard }) = says.recv().await {
        let Some(house) = house.upgrade() else { return };
        match event {
            "join_organization" => house.join_organization(&socket, said).await,
            "join_public_status" => house.join_public(&socket, said).await,
            "leave_organization" => {
                house.leave(&socket, "left", named(&socket, said, "organization_id").map(|id| format!("org_{id}")));
            }
            "leave_public_status" => {
                house.leave(&socket, "left_public", named(&socket, said, "org_slug").map(|slug| public_room(&slug)));
            }
            "ping" => say(&socket, "pong", &json!({ "timestamp": SystemClock.now() })),
            _ => house.look_again(&socket).await,
        }
        // With no arguments, as in the original.
        let _ = heard.map(|heard| heard.send(&[(); 0]));
    }
}

impl House {
    fn guests(&self) -> MutexGuard<'_, HashMap<Sid, Arc<Guest>>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guest(&self, socket: &SocketRef) -> Option<Arc<Guest>> {
        self.guests().get(&socket.id).cloned()
    }

    /// Lets somebody in; who shows no token is anybody.
    async fn admit(&self, socket: &SocketRef, said: Option<Value>) -> Result<(), Rejected> {
        let token = said.as_ref().and_then(|said| said.get("token")).filter(|token| !token.is_null());
        let Some(token) = token else {
            self.guests().insert(socket.id, Guest::new(None));
            return Ok(());
        };
        let token = token.as_str().ok_or(Rejected)?;
        let caller = self.engine.identity().authenticate_standing(token).await.map_err(|_| Rejected)?;
        let (Who::User(user), Some(session)) = (&caller.who, caller.session) else { return Err(Rejected) };
        let user = user.id;
        let guest = Guest::new(Some((caller, token.to_owned().into())));
        socket.join([user_room(user), session_room(session)]);
        for org in self.engine.memberships_of(user).await.map_err(|_| Rejected)? {
            let following = self.follows.follow(org.id()).await.map_err(|_| Rejected)?;
            guest.rooms().insert(org_room(org.id()), following);
            socket.join(org_room(org.id()));
        }
        self.guests().insert(socket.id, guest);
        Ok(())
    }

    async fn join_organization(&self, socket: &SocketRef, said: Option<Value>) {
        let Some(id) = named(socket, said, "organization_id") else { return };
        let room = format!("org_{id}");
        let (Ok(org), Some(guest)) = (id.parse::<OrgId>(), self.guest(socket)) else { return refuse(socket) };
        if !self.may_hear(&guest, org).await.unwrap_or(false) {
            return refuse(socket);
        }
        if !self.enter(socket, org, room.clone()).await {
            return refuse(socket);
        }
        // Whose membership ended meanwhile was not in the room when everybody was told to leave it.
        if !self.may_hear(&guest, org).await.unwrap_or(false) {
            socket.leave(room);
            return refuse(socket);
        }
        say(socket, "joined", &json!({ "message": format!("Joined organization {id}"), "room": room }));
    }

    async fn join_public(&self, socket: &SocketRef, said: Option<Value>) {
        let Some(slug) = named(socket, said, "org_slug") else { return };
        let room = public_room(&slug);
        // Whether there is such an organization is told to nobody.
        let is_in = match self.engine.org_called(&slug).await {
            Ok(Some(org)) => self.enter(socket, org.id(), room.clone()).await,
            Ok(None) => enter(socket, room.clone()),
            Err(_) => false,
        };
        if !is_in {
            return refuse(socket);
        }
        say(socket, "joined_public", &json!({ "message": format!("Joined public status {slug}"), "room": room }));
    }

    fn leave(&self, socket: &SocketRef, event: &'static str, room: Option<String>) {
        let Some(room) = room else { return };
        socket.leave(room.clone());
        if let Some(guest) = self.guest(socket) {
            guest.rooms().remove(&room);
        }
        say(socket, event, &json!({ "message": "Left room", "room": room }));
    }

    /// Lets a socket into a room where an organization is told of.
    async fn enter(&self, socket: &SocketRef, org: OrgId, room: String) -> bool {
        let (Ok(following), Some(guest)) = (self.follows.follow(org).await, self.guest(socket)) else { return false };
        let is_in = enter(socket, room.clone());
        if is_in {
            guest.rooms().insert(room, following);
        }
        is_in
    }

    /// Whether somebody may hear what members of an organization hear.
    async fn may_hear(&self, guest: &Guest, org: OrgId) -> Result<bool, Refused> {
        let Some((caller, _)) = &guest.known else { return Ok(false) };
        let Who::User(user) = &caller.who else { return Ok(false) };
        let org: Arc<Org> = self.engine.org(org).await?;
        Ok(org.organization().is_some() && (caller.superadmin || org.role(user.id).is_some()))
    }

    /// Ends what somebody may not have any more. What cannot be asked now stays: a store that is away ends no conversation.
    async fn look_again(&self, socket: &SocketRef) {
        let Some(guest) = self.guest(socket) else { return };
        let Some((caller, token)) = &guest.known else { return };
        if let Ok(false) = self.engine.identity().is_still(caller, token).await {
            let _ = socket.clone().disconnect();
            return;
        }
        for room in socket.rooms() {
            let Some(org) = room.strip_prefix("org_").and_then(|id| id.parse::<OrgId>().ok()) else { continue };
            if let Ok(false) = self.may_hear(&guest, org).await {
                socket.leave(room);
            }
        }
    }
}

impl Guest {
    fn new(known: Option<(Caller, Secret)>) -> Arc<Self> {
        Arc::new(Self { known, rooms: Mutex::default(), came: Instant::now() })
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<String, Arc<Following<ToMembers>>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse(socket: &SocketRef) {
    say(socket, "error", &json!({ "message": "Access denied" }));
}

/// What is meant, or none and the client is told.
fn named(socket: &SocketRef, said: Option<Value>, name: &str) -> Option<String> {
    let named = said.as_ref().and_then(|said| said.get(name)?.as_str()).filter(|named| !named.is_empty());
    if named.is_none() {
        let what = if name == "org_slug" { "Organization slug required" } else { "Organization ID required" };
        say(socket, "error", &json!({ "message": what }));
    }
    named.map(str::to_owned)
}

/// Looks at those again of whom something has ended.
async fn watch(house: Weak<House>, mut endings: broadcast::Receiver<Ended>) {
    let mut look = interval(LOOK_EVERY);
    loop {
        let room = tokio::select! {
            _ = look.tick() => None,
            ended = endings.recv() => match ended {
                Ok(Ended::Session(session)) => Some(session_room(session)),
                Ok(Ended::User(user)) => Some(user_room(user)),
                Ok(Ended::Key(_)) => continue,
                Err(broadcast::error::RecvError::Lagged(_)) => None,
                Err(broadcast::error::RecvError::Closed) => return,
            },
        };
        let Some(house) = house.upgrade() else { return };
        // Who was gone before they were greeted said no farewell.
        let is_here = |sid: &Sid, guest: &Guest| guest.came.elapsed() < LOOK_EVERY || house.io.get_socket(*sid).is_some();
        if room.is_none() {
            house.guests().retain(|sid, guest| is_here(sid, guest));
        }
        let sockets = room.map_or_else(|| house.io.sockets(), |room| house.io.to(room).sockets());
        futures::stream::iter(sockets).for_each_concurrent(AT_ONCE, async |socket| house.look_again(&socket).await).await;
    }
}
