//! What readers say to us, and what they are answered: who they are, and what they want to listen to.

use super::{
    Inner,
    feed::{Feed, Had},
    members::{Pass, Refusal, Seated},
    socket::{self, CloseCode, Heard},
    writers::{Answer, ConnectionId, Conversation, Message, Speaker},
};
use crate::page::Audience;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};
use tocsin_actors::domain::{OrgId, Seq};

/// How long somebody may take to say who they are who said that they would.
const INTRODUCED_WITHIN: Duration = Duration::from_secs(10);
/// To how many organizations one socket may listen.
const MOST_ORGS: usize = 32;
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
    /// By organization.
    seats: HashMap<OrgId, Seated>,
    /// What it wants to listen to as soon as it has said who it is.
    waiting: Option<(OrgId, Option<Had>)>,
}

impl Talk {
    pub(super) fn set(&self, live: Weak<Inner>) {
        let _ = self.live.set(live); // once, at the start
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ConnectionId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody came with credentials, and listens as a member already.
    pub(super) fn came_with(&self, who: ConnectionId, org: OrgId, pass: Arc<Pass>, seat: Seated) {
        let known = Known { pass: Some(pass), seats: HashMap::from([(org, seat)]), waiting: None };
        self.known().insert(who, known);
    }

    /// Somebody will say who they are before they listen.
    pub(super) fn awaits(&self, who: ConnectionId, org: OrgId, had: Option<Had>) {
        self.known().insert(who, Known { waiting: Some((org, had)), ..Known::default() });
        let Some(live) = self.live() else { return };
        let runtime = live.runtime.clone();
        runtime.spawn(async move {
            tokio::time::sleep(INTRODUCED_WITHIN).await;
            if live.talk.known().get(&who).is_some_and(|known| known.waiting.is_some()) {
                let reason = r#"{"code":"unauthorized"}"#.to_owned();
                live.writers.tell(who, Message::Close(who, CloseCode::from(ENDED), reason));
            }
        });
    }

    fn live(&self) -> Option<Arc<Inner>> {
        self.live.get()?.upgrade()
    }
}

impl Conversation for Talk {
    fn heard(&self, who: &Speaker<'_>, what: Heard<'_>) -> Answer {
        let error = |message| Answer::Say(Told::Error { code: "malformed", message }.frame());
        let Heard::Text(text) = what else { return error("messages are JSON texts") };
        let said: Said = match serde_json::from_str(text) {
            Ok(said) => said,
            Err(problem) => return error(&problem.to_string()),
        };
        if let Said::Ping = said {
            return Answer::Say(Told::Pong.frame());
        }
        let Some(live) = self.live() else { return Answer::Nothing };
        let (id, follows) = (who.id, (who.follows)());
        let runtime = live.runtime.clone();
        // One after the other for each socket would be better still; who cares about the order waits for the answer.
        runtime.spawn(async move {
            if let Err(refusal) = live.do_as_said(id, said, follows).await {
                live.tell(id, &Told::Error { code: refusal.code, message: &refusal.message });
            }
        });
        Answer::Nothing
    }

    fn gone(&self, who: ConnectionId) {
        self.known().remove(&who);
    }
}

impl Inner {
    fn tell(&self, who: ConnectionId, told: &Told<'_>) {
        self.writers.tell(who, Message::Say(who, told.frame()));
    }

    async fn do_as_said(self: &Arc<Self>, who: ConnectionId, said: Said, follows: Vec<Arc<Feed>>) -> Result<(), Refusal> {
        match said {
            Said::Ping => Ok(()),
            Said::Auth { token } => self.introduced(who, token, follows).await,
            Said::Subscribe { org, epoch, seq } => {
                if follows.len() >= MOST_ORGS {
                    let message = format!("a socket may listen to {MOST_ORGS} organizations");
                    return Err(Refusal { code: "too_many_subscriptions", message });
                }
                let had = epoch.zip(seq).map(|(epoch, seq)| Had { epoch, seq });
                let org = self.find(&org).await?;
                if follows.iter().any(|feed| feed.org == org) {
                    self.tell(who, &Told::Subscribed { org });
                    return Ok(());
                }
                let pass = self.talk.known().get(&who).and_then(|known| known.pass.clone());
                let audience = self.seat(who, org, pass).await?;
                self.tell(who, &Told::Subscribed { org });
                self.follow(who, org, audience, had.as_ref()).await
            }
            Said::Unsubscribe { org } => {
                let org = self.find(&org).await?;
                for feed in follows.iter().filter(|feed| feed.org == org) {
                    self.writers.tell(who, Message::Unfollow(who, feed.id));
                }
                if let Some(known) = self.talk.known().get_mut(&who) {
                    known.seats.remove(&org);
                }
                self.tell(who, &Told::Unsubscribed { org });
                Ok(())
            }
        }
    }

    /// Somebody says who they are: what they listen to already they hear as members from now on, where they are.
    async fn introduced(self: &Arc<Self>, who: ConnectionId, token: String, follows: Vec<Arc<Feed>>) -> Result<(), Refusal> {
        let gate = self.gate()?;
        let pass = Arc::new(gate.known(token).await?);
        let waiting = {
            let mut known = self.talk.known();
            let known = known.entry(who).or_default();
            known.pass = Some(pass.clone());
            known.waiting.take()
        };
        self.writers.tell(who, Message::Remember(who));
        self.tell(who, &Told::Authenticated);
        if let Some((org, had)) = waiting {
            if self.seat(who, org, Some(pass)).await? != Audience::Members {
                let reason = r#"{"code":"forbidden"}"#.to_owned();
                self.writers.tell(who, Message::Close(who, CloseCode::from(ENDED), reason));
                return Ok(());
            }
            return self.follow(who, org, Audience::Members, had.as_ref()).await;
        }
        for feed in follows {
            let was_seated = self.talk.known().get(&who).is_some_and(|known| known.seats.contains_key(&feed.org));
            let audience = self.seat(who, feed.org, Some(pass.clone())).await?;
            if audience == Audience::Members && !was_seated {
                self.writers.tell(who, Message::Unfollow(who, feed.id));
                self.follow(who, feed.org, audience, None).await?;
            }
        }
        Ok(())
    }

    /// As what somebody may listen to an organization; members are looked at again from now on.
    async fn seat(self: &Arc<Self>, who: ConnectionId, org: OrgId, pass: Option<Arc<Pass>>) -> Result<Audience, Refusal> {
        let (Some(pass), gate) = (pass, self.gate()?) else { return Ok(Audience::Public) };
        let view = gate.find(&org.to_string()).await?.ok_or_else(unknown)?;
        if !gate.may_listen(&pass, &view) {
            return Ok(Audience::Public);
        }
        let seat = self.members.seat(org, pass, self.ender(who));
        if let Some(known) = self.talk.known().get_mut(&who) {
            known.seats.insert(org, seat);
        }
        Ok(Audience::Members)
    }

    async fn find(&self, word: &str) -> Result<OrgId, Refusal> {
        self.gate()?.find(word).await?.map(|org| org.id()).ok_or_else(unknown)
    }
}

pub(super) fn unknown() -> Refusal {
    Refusal { code: "unknown_organization", message: "there is no such organization".to_owned() }
}
