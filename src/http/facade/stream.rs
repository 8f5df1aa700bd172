//! A facade's own stream about an organization, over plain WebSockets: one JSON text a message, encoded once for all who
//! listen and written by the same threads as our own stream. What listeners say is heard by nobody.

use super::{Answer, Asked, Engine, Refused};
use crate::{
    http::live::{agreed, switching, take_over},
    live::{Announcer, Taken, socket::handshake},
};
use serde::Serialize;
use tocsin_actors::domain::OrgId;

/// What a facade says of an organization, and who listens to it. Clones are the same one.
#[derive(Clone)]
pub struct Stream(Announcer);

impl Engine {
    /// A stream to which nobody listens yet.
    pub fn stream(&self, org: OrgId) -> Stream {
        Stream(self.api.live.announcer(org))
    }
}

impl Stream {
    /// Says something to everybody who listens now; in the order in which it is called.
    pub fn say(&self, value: &impl Serialize) {
        self.0.say(&serde_json::to_string(value).expect("messages are plain structures with text keys"));
    }

    /// There is nothing more to say: everybody is sent away.
    pub fn end(&self) {
        self.0.end();
    }

    /// Who asked listens from now on, if they asked to become a socket. Something may be kept for as long as they do.
    pub fn admit(&self, asked: &Asked, keep: impl Send + 'static) -> Result<Answer, Refused> {
        let (agreed, upgrade) = agreed(asked.head(), asked.upgrade()).map_err(|why| match why {
            handshake::Refused::Key => Refused::new(400, "Sec-WebSocket-Key is not 16 bytes in Base64"),
            handshake::Refused::NoUpgrade | handshake::Refused::Version => {
                Refused::new(426, "This path is a WebSocket of version 13: ask for an upgrade")
            }
        })?;
        let (announcer, deflate) = (self.0.clone(), agreed.deflate);
        take_over(&asked.engine.api.live, upgrade, asked.head().client, move |taken| {
            let keep = Box::new((taken.keep, keep));
            announcer.welcome(Taken { keep, ..taken }, deflate);
        });
        Ok(switching(&agreed).fold(Answer::empty(101), |answer, (name, value)| answer.with(name, value)))
    }
}
