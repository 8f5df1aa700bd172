//! What readers say to us, and what they are answered: who they are, and what they want to listen to.
//!
//! What one socket says is done in the order in which it was said, one thing after the other, away from the writer's
//! thread. So a socket that asks for much waits for itself.

use super::{
    Inner, come_back_after,
    feed::{FeedId, Had},
    members::{Gate, Pass, Refusal, Seated},
    socket::{self, CloseCode, Heard},
    writers::{Answer, ConnectionId, Conversation, Message, Speaker},
};
use crate::page::Audience;
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};
use tocsin_actors::{
    domain::{OrgId, Seq},
    org::OrgError,
};

/// How long somebody may take to say who they are who said that they would.
const INTRODUCED_WITHIN: Duration = Duration::from_secs(10);
/// To how many organizations one socket may listen.
const MOST_ORGS: usize = 32;
/// How much of what a socket said may wait until it is done.
const MOST_WAITING: usize = 32;
/// The close code for who may not listen any more.
pub(super) const ENDED: u16 = 4401;

/// What a reader says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Auth { token: String },
    Ping,
    Subscribe { org: String, epoch: Option<String>, seq: Option<Seq> },
    Unsubscribe { org: String },
}

/// What it is answered.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told<'a> {
    Pong,
    Authenticated,
    Subscribed { org: OrgId },
    Unsubscribed { org: OrgId },
    Error { code: &'a str, message: &'a str },
}

impl Told<'_> {
    fn frame(&self) -> Box<[u8]> {
        socket::text(&serde_json::to_vec(self).expect("a plain structure"), false)
    }
}

/// What is remembered of sockets that have said something; most readers never do.
#[derive(Default)]
pub(super) struct Talk {
    live: OnceLock<Weak<Inner>>,
    known: Mutex<HashMap<ConnectionId, Known>>,
}

#[derive(Default)]
struct Known {
    pass: Option<Arc<Pass>>,
    /// To what it listens; not known until it says something for the first time.
    follows: Option<HashMap<OrgId, FeedId>>,
    /// Where it listens as a member.
    seats: HashMap<OrgId, Seated>,
    /// What it wants to listen to as soon as it has said who it is.
    waiting: Option<(OrgId, Option<Had>)>,
    /// What it said and is not done yet.
    queue: VecDeque<Said>,
    busy: bool,
}

impl Talk {
    pub(super) fn set(&self, live: Weak<Inner>) {
        let _ = self.live.set(live); // once, at the start
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ConnectionId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with what is known of a socket, if it is still there.
    fn with<T>(&self, who: ConnectionId, change: impl FnOnce(&mut Known) -> T) -> Option<T> {
        self.known().get_mut(&who).map(change)
    }

    /// Somebody came with credentials, and listens as a member already.
    pub(super) fn came_with(&self, who: ConnectionId, org: OrgId, pass: Arc<Pass>, seat: Seated) {
        let known = Known { pass: Some(pass), seats: HashMap::from([(org, seat)]), ..Known::default() };
        self.known().insert(who, known);
    }

    /// Somebody will say who they are before they listen.
    pub(super) fn awaits(&self, live: &Arc<Inner>, who: ConnectionId, org: OrgId, had: Option<Had>) {
        self.known().insert(who, Known { waiting: Some((org, had)), ..Known::default() });
        let (live, runtime) = (Arc::downgrade(live), live.runtime.clone());
        runtime.spawn(async move {
            tokio::time::sleep(INTRODUCED_WITHIN).await;
            if let Some(live) = live.upgrade()
                && live.talk.with(who, |known| known.waiting.is_some()) == Some(true)
            {
                live.close(who, ENDED, r#"{"code":"unauthorized"}"#);
            }
        });
    }

    /// Puts it behind what was said before. False when that is too much; true for whoever is to do it.
    fn queue(&self, who: &Speaker<'_>, said: Said) -> Result<bool, ()> {
        let mut known = self.known();
        let known = known.entry(who.id).or_default();
        known.follows.get_or_insert_with(|| (who.follows)().iter().map(|feed| (feed.org, feed.id)).collect());
        if known.queue.len() >= MOST_WAITING {
            return Err(());
        }
        known.queue.push_back(said);
        Ok(!std::mem::replace(&mut known.busy, true))
    }

    fn next(&self, who: ConnectionId) -> Option<Said> {
        self.with(who, |known| {
            let next = known.queue.pop_front();
            known.busy = next.is_some();
            next
        })?
    }
}

impl Conversation for Talk {
    fn heard(&self, who: &Speaker<'_>, what: Heard<'_>) -> Answer {
        if !(who.follows)().iter().all(|feed| feed.converses()) {
            return Answer::Nothing;
        }
        let error = |message| Answer::Say(Told::Error { code: "malformed", message }.frame());
        let Heard::Text(text) = what else { return error("messages are JSON texts") };
        let said: Said = match serde_json::from_str(text) {
            Ok(said) => said,
            Err(problem) => return error(&problem.to_string()),
        };
        if let Said::Ping = said {
            return Answer::Say(Told::Pong.frame());
        }
        let Some(live) = self.live.get().and_then(Weak::upgrade) else { return Answer::Nothing };
        let (id, client) = (who.id, who.client);
        match self.queue(who, said) {
            Err(()) => Answer::Close(CloseCode::Policy, r#"{"code":"too_many_messages"}"#.to_owned()),
            Ok(false) => Answer::Nothing,
            Ok(true) => {
                live.writers.tell(id, Message::Remember(id));
                live.runtime.clone().spawn(async move { live.do_as_said(id, client).await });
                Answer::Nothing
            }
        }
    }

    fn gone(&self, who: ConnectionId) {
        self.known().remove(&who);
    }
}

impl Inner {
    fn tell(&self, who: ConnectionId, told: &Told<'_>) {
        self.writers.tell(who, Message::Say(who, told.frame()));
    }

    fn close(&self, who: ConnectionId, code: u16, reason: &str) {
        self.writers.tell(who, Message::Close(who, CloseCode::from(code), reason.to_owned()));
    }

    async fn do_as_said(self: &Arc<Self>, who: ConnectionId, client: IpAddr) {
        while let Some(said) = self.talk.next(who) {
            let done = match said {
                Said::Ping => Ok(()),
                Said::Auth { token } => self.introduced(who, client, token).await,
                Said::Subscribe { org, epoch, seq } => {
                    let had = epoch.zip(seq).map(|(epoch, seq)| Had { epoch, seq });
                    self.subscribe(who, client, &org, had).await
                }
                Said::Unsubscribe { org } => self.unsubscribe(who, client, &org).await,
            };
            if let Err(refusal) = done {
                self.tell(who, &Told::Error { code: refusal.code, message: &refusal.message });
            }
        }
    }

    async fn subscribe(self: &Arc<Self>, who: ConnectionId, client: IpAddr, word: &str, had: Option<Had>) -> Result<(), Refusal> {
        let org = self.find(client, word).await?;
        let known = self.talk.with(who, |known| {
            let follows = known.follows.as_ref();
            (follows.is_some_and(|follows| follows.contains_key(&org)), follows.map_or(0, HashMap::len), known.pass.clone())
        });
        let Some((already, count, pass)) = known else { return Ok(()) };
        if already {
            self.tell(who, &Told::Subscribed { org });
            return Ok(());
        }
        if count >= MOST_ORGS {
            let message = format!("a socket may listen to {MOST_ORGS} organizations");
            return Err(Refusal { code: "too_many_subscriptions", message });
        }
        let audience = self.seat(who, org, pass).await?;
        self.tell(who, &Told::Subscribed { org });
        self.listens(who, org, audience, had.as_ref()).await
    }

    async fn unsubscribe(&self, who: ConnectionId, client: IpAddr, word: &str) -> Result<(), Refusal> {
        let org = self.find(client, word).await?;
        let feed = self.talk.with(who, |known| {
            known.seats.remove(&org);
            known.follows.as_mut().and_then(|follows| follows.remove(&org))
        });
        if let Some(Some(feed)) = feed {
            self.writers.tell(who, Message::Unfollow(who, feed));
        }
        self.tell(who, &Told::Unsubscribed { org });
        Ok(())
    }

    /// Somebody says who they are: what they listen to already they hear as members from now on, where they are.
    async fn introduced(self: &Arc<Self>, who: ConnectionId, client: IpAddr, token: String) -> Result<(), Refusal> {
        let gate = self.gate()?;
        if !gate.may_ask(client, true) {
            return Err(too_often());
        }
        let pass = Arc::new(gate.known(token).await?);
        let known = self.talk.with(who, |known| {
            known.pass = Some(pass.clone());
            let follows = known.follows.iter().flatten();
            let follows = follows.map(|(org, feed)| (*org, *feed, known.seats.contains_key(org))).collect::<Vec<_>>();
            (known.waiting.take(), follows)
        });
        let Some((waiting, follows)) = known else { return Ok(()) };
        self.tell(who, &Told::Authenticated);
        if let Some((org, had)) = waiting {
            let done = match self.seat(who, org, Some(pass)).await {
                Ok(Audience::Members) => self.listens(who, org, Audience::Members, had.as_ref()).await,
                Ok(Audience::Public) => {
                    self.close(who, ENDED, r#"{"code":"forbidden"}"#);
                    return Ok(());
                }
                Err(refusal) => Err(refusal),
            };
            if done.is_err() {
                // It would wait for a page that never comes.
                let wait = come_back_after().as_millis();
                self.close(who, CloseCode::Again.into(), &format!(r#"{{"code":"unavailable","retry_after_ms":{wait}}}"#));
            }
            return Ok(());
        }
        for (org, feed, is_member) in follows {
            // Who is one already has shown something newer by which it stays one.
            if self.seat(who, org, Some(pass.clone())).await? == Audience::Members && !is_member {
                self.writers.tell(who, Message::Unfollow(who, feed));
                self.listens(who, org, Audience::Members, None).await?;
            }
        }
        Ok(())
    }

    async fn listens(&self, who: ConnectionId, org: OrgId, audience: Audience, had: Option<&Had>) -> Result<(), Refusal> {
        let feed = self.follow(who, org, audience, had).await?;
        self.talk.with(who, |known| known.follows.get_or_insert_default().insert(org, feed));
        Ok(())
    }

    /// As what somebody may listen to an organization; members are looked at again from now on.
    async fn seat(self: &Arc<Self>, who: ConnectionId, org: OrgId, pass: Option<Arc<Pass>>) -> Result<Audience, Refusal> {
        let (Some(pass), gate) = (pass, self.gate()?) else { return Ok(Audience::Public) };
        let view = self.hub.view(org).await.map_err(unavailable)?.ok_or_else(unknown)?;
        if !gate.may_listen(&pass, &view) {
            return Ok(Audience::Public);
        }
        let seat = self.members.seat(org, pass, self.ender(who));
        self.talk.with(who, |known| known.seats.insert(org, seat));
        Ok(Audience::Members)
    }

    async fn find(&self, client: IpAddr, word: &str) -> Result<OrgId, Refusal> {
        let gate: &Arc<dyn Gate> = self.gate()?;
        if !gate.may_ask(client, false) {
            return Err(too_often());
        }
        gate.find(word).await?.map(|org| org.id()).ok_or_else(unknown)
    }
}

pub(super) fn unavailable(error: OrgError) -> Refusal {
    Refusal { code: "unavailable", message: error.to_string() }
}

fn too_often() -> Refusal {
    Refusal { code: "rate_limited", message: "too many requests, try again later".to_owned() }
}

pub(super) fn unknown() -> Refusal {
    Refusal { code: "unknown_organization", message: "there is no such organization".to_owned() }
}
