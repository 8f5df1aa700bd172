//! Being logged in: a short access token, and a refresh token that is good for one use.
//!
//! A refresh token is changed at every use, and one that is used again after that ends its session: then two have it,
//! and nobody can tell which of them is its owner. Its first half is the session's for life, its second half this
//! token's. The first half tells a token that was good once from one that somebody made up, so that knowing the id of a
//! session is not enough to end it.
//!
//! A client that did not get its answer asks again with the token that was just used up, and two tabs may ask at once.
//! For [`ASKED_AGAIN`] they are told the same new token again, which is never stored: it is made of the old token, which
//! only the client has, and a salt, which only the store has; neither of them alone gives it away. A thief who is
//! quick enough to be told too is found out one step later, when two have used that one.

use super::{
    AuthError, ClientHint, Ended, Identity,
    browser::InBrowser,
    error::store_error,
    secret::{self, Digest, Purpose, Random, Secret, hex, unhex},
    signing::ACCESS_LASTS,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tocsin_actors::{
    accounts::User,
    domain::{Timestamp, UserId},
    records::{Record, RecordKind},
    store::{AccountError, StoreError},
};
use tracing::warn;
use uuid::Uuid;

/// How long a session lasts after it was last used.
pub(super) const LASTS: Duration = Duration::from_secs(30 * 24 * 3_600);
/// For how long a used refresh token is answered again, if its successor was not used yet: a lost answer and its retry.
const ASKED_AGAIN: Duration = Duration::from_secs(10);
/// How many sessions somebody has; the oldest one ends when there are more.
const MOST: usize = 100;
/// The longest name of a program that is kept.
const USER_AGENT: usize = 300;
/// How often a refresh is tried again that lost against another one.
const TRIES: usize = 3;

/// What somebody gets who logs in.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Proves who they are, for a while.
    pub access_token: Secret,
    /// Good for one [`Identity::refresh`].
    pub refresh_token: Secret,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// The session they belong to.
    pub session: Uuid,
}

/// A session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user: UserId,
    /// When they logged in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used.
    pub expires_at: Timestamp,
    /// What the program called itself.
    pub user_agent: Option<String>,
    /// From where they logged in.
    pub address: String,
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) user: UserId,
    /// Of the half that all refresh tokens of the session share.
    family: Digest,
    /// Of the refresh token that is good now.
    token: Digest,
    previous: Option<Previous>,
    created_at: Timestamp,
    pub(super) last_used_at: Timestamp,
    user_agent: Option<String>,
    address: String,
    /// Signs the session's standing tokens; those of before there were such have none.
    #[serde(default)]
    signs: Option<String>,
    /// Where a browser is logged in at our own login page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) browser: Option<InBrowser>,
}

/// A session that goes on, as far as a token has to know it.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Whose it is.
    pub(super) user: UserId,
    /// When it ends if it is not used.
    pub(super) expires_at: Timestamp,
    /// What signs its standing tokens.
    pub(super) signs: Option<Random>,
}

/// The refresh token before, and what its successor was made with.
#[derive(Serialize, Deserialize)]
struct Previous {
    token: Digest,
    salt: String,
    at: Timestamp,
}

impl Identity {
    /// Logs somebody in who has proved who they are in another way: registered just now, or accepted an invitation.
    pub async fn open_session(&self, user: &User, from: ClientHint) -> Result<Tokens, StoreError> {
        let (now, id, token) = (self.now(), Uuid::now_v7(), secret::random());
        let plain = |c: &char| !c.is_control();
        let stored = Stored {
            user: user.id,
            family: family(&token),
            token: Digest::of(&[&token]),
            previous: None,
            created_at: now,
            last_used_at: now,
            user_agent: from.user_agent.map(|name| name.chars().filter(plain).take(USER_AGENT).collect()),
            address: from.address.to_canonical().to_string(),
            signs: Some(hex(&secret::random::<32>())),
            browser: None,
        };
        let record = Record::new(RecordKind::Session, id, user.id.uuid(), Some(now.after(LASTS)), &stored)?;
        self.inner.records.put_record(record).await.map_err(store_error)?;
        self.end_oldest(user.id).await?;
        self.tokens(user.id, id, &token).await
    }

    /// New tokens for a refresh token, which is used up by this.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens, AuthError> {
        let (id, token) = secret::read(Purpose::Refresh, refresh_token).ok_or(AuthError::Invalid)?;
        for _ in 0..TRIES {
            let record = self.inner.records.record(RecordKind::Session, id).await?.ok_or(AuthError::Ended)?;
            let stored: Stored = record.read()?;
            let now = self.now();
            if !family(&token).is(&stored.family) {
                return Err(AuthError::Invalid);
            }
            if record.expires_at.is_some_and(|at| at <= now) {
                return Err(AuthError::Expired);
            }
            let user = stored.user;
            if !self.may_go_on(user).await? {
                self.logout(id).await?;
                return Err(AuthError::Inactive);
            }
            let used = Digest::of(&[&token]);
            if !used.is(&stored.token) {
                let Some(next) = stored.asked_again(&token, &used, now) else {
                    warn!(session = %id, %user, "a refresh token was used twice: its session ends");
                    self.logout(id).await?;
                    return Err(AuthError::Ended);
                };
                return Ok(self.tokens(user, id, &next).await?);
            }
            let salt = secret::random();
            let next = successor(&token, &salt);
            let previous = Some(Previous { token: used, salt: hex(&salt), at: now });
            let changed = Stored { token: Digest::of(&[&next]), previous, last_used_at: now, ..stored };
            match self.inner.records.put_record(record.changed(Some(now.after(LASTS)), &changed)?).await {
                Ok(()) => return Ok(self.tokens(user, id, &next).await?),
                Err(AccountError::Changed) => {} // ended, or refreshed by the same token: look again
                Err(error) => return Err(store_error(error).into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Ends a session. Its access tokens are worth nothing from now on.
    pub async fn logout(&self, session: Uuid) -> Result<(), StoreError> {
        let deleted = self.inner.records.delete_record(RecordKind::Session, session).await;
        self.inner.sessions.forget(&session); // also when it is not known whether it was deleted
        self.has_ended(Ended::Session(session));
        deleted
    }

    /// Where a user is logged in, oldest first.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<SessionInfo>, StoreError> {
        let records = self.inner.records.records_of(RecordKind::Session, user.uuid(), None, 2 * MOST).await?;
        let now = self.now();
        let alive = records.iter().filter(|record| record.expires_at.is_some_and(|at| at > now));
        alive.map(SessionInfo::read).collect()
    }

    /// Ends one of a user's sessions. False when they have no such session.
    pub async fn revoke(&self, user: UserId, session: Uuid) -> Result<bool, StoreError> {
        let record = self.inner.records.record(RecordKind::Session, session).await?;
        let theirs = record.is_some_and(|record| record.owner == user.uuid());
        if theirs {
            self.logout(session).await?;
        }
        Ok(theirs)
    }

    /// Ends all sessions of a user but, perhaps, one.
    pub async fn end_sessions(&self, user: UserId, keep: Option<Uuid>) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.inner.records.records_of(RecordKind::Session, user.uuid(), after, MOST).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for record in page.iter().filter(|record| Some(record.id) != keep) {
                self.logout(record.id).await?;
            }
        }
    }

    /// Whose a session is, unless it has ended.
    pub(super) async fn session_owner(&self, session: Uuid) -> Result<Option<UserId>, StoreError> {
        Ok(self.known_session(session).await?.map(|known| known.user))
    }

    /// A session, unless it has ended.
    pub(super) async fn known_session(&self, session: Uuid) -> Result<Option<Known>, StoreError> {
        let now = self.now();
        if let Some(known) = self.inner.sessions.get(&session, now) {
            return Ok(known);
        }
        let ticket = self.inner.sessions.ticket();
        let record = self.inner.records.record(RecordKind::Session, session).await?;
        let alive = record.filter(|record| record.expires_at.is_some_and(|at| at > now));
        let known = alive.as_ref().map(Known::read).transpose()?;
        self.inner.sessions.put(ticket, session, known, now);
        Ok(known)
    }

    /// Read from the store, because a new token lasts longer than what is remembered.
    async fn may_go_on(&self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.inner.accounts.user(user).await?.is_some_and(|user| user.active))
    }

    async fn end_oldest(&self, user: UserId) -> Result<(), StoreError> {
        let records = self.inner.records.records_of(RecordKind::Session, user.uuid(), None, 2 * MOST).await?;
        for record in &records[..records.len().saturating_sub(MOST)] {
            self.logout(record.id).await?;
        }
        Ok(())
    }

    async fn tokens(&self, user: UserId, session: Uuid, token: &Random) -> Result<Tokens, StoreError> {
        Ok(Tokens {
            access_token: self.inner.signing.sign(user, session, self.now()).await?,
            refresh_token: secret::write(Purpose::Refresh, session, token),
            expires_in: ACCESS_LASTS.as_secs(),
            session,
        })
    }
}

impl Stored {
    /// The token that was given for this one a moment ago, if it was and is good still.
    fn asked_again(&self, token: &Random, used: &Digest, now: Timestamp) -> Option<Random> {
        let previous = self.previous.as_ref().filter(|previous| previous.token.is(used))?;
        let age = u128::try_from(now.since(previous.at)).ok()?;
        let next = successor(token, &unhex(&previous.salt)?);
        (age <= ASKED_AGAIN.as_millis() && Digest::of(&[&next]).is(&self.token)).then_some(next)
    }
}

/// Of the half that all refresh tokens of a session share.
fn family(token: &Random) -> Digest {
    Digest::of(&[&token[..16]])
}

/// The refresh token after this one: see the module's text.
fn successor(token: &Random, salt: &[u8; 16]) -> Random {
    let mut next = *token;
    next[16..].copy_from_slice(&Digest::of(&[token, salt]).bytes()[..16]);
    next
}

impl Known {
    fn read(record: &Record) -> Result<Self, StoreError> {
        let Stored { last_used_at, signs, .. } = record.read()?;
        let expires_at = record.expires_at.unwrap_or(last_used_at.after(LASTS));
        Ok(Self { user: UserId::new(record.owner), expires_at, signs: signs.as_deref().and_then(unhex) })
    }
}

impl SessionInfo {
    fn read(record: &Record) -> Result<Self, StoreError> {
        let Stored { user, created_at, last_used_at, user_agent, address, .. } = record.read()?;
        let expires_at = record.expires_at.unwrap_or(last_used_at.after(LASTS));
        Ok(Self { id: record.id, user, created_at, last_used_at, expires_at, user_agent, address })
    }
}

#[cfg(test)]
mod tests;
