//! Who is calling, and every way to become somebody: passwords and sessions, API keys, invitations, and the tokens of
//! identity providers. What somebody may do in an organization is not decided here; neither is anything known of HTTP.
//!
//! A request is authenticated without reading the store: tokens are verified by their signature, and what they name,
//! a user, a session or a key, is remembered for [`REMEMBERED`]. A change that goes through this process is felt at
//! once ([`Identity::logout`], [`Identity::replace_user`], …); another server feels it within [`REMEMBERED`].

mod browser;
mod error;
mod id_tokens;
mod invites;
mod jwt;
mod keyring;
mod keys;
mod login;
mod login_codes;
mod passwords;
mod proved;
pub mod providers;
mod secret;
mod sessions;
mod signing;
mod standing;
#[cfg(test)]
mod testing;
mod throttle;
mod users;

pub use browser::BrowserSession;
pub use error::{AuthError, InviteError, LoginRefused, PasswordRefused, Refused};
pub use id_tokens::{ID_TOKEN_LASTS, IdTokenFor, organization_of, organization_word};
pub use invites::{AcceptError, InviteInfo};
pub use keys::{Access, ApiKeyInfo, Scopes};
pub use login::{Session, check_password};
pub use login_codes::{Exchange, Grant};
pub use passwords::Busy;
pub use secret::Secret;
pub use sessions::{SessionInfo, Tokens};
pub use standing::StandingTokens;

use crate::recent::Recent;
use id_tokens::IdTokens;
use keys::KnownKey;
use passwords::Hashers;
use proved::Proved;
use providers::{Claimed, ExternalOrg, OrgRef, Provider, Providers};
use secret::Purpose;
use signing::Signing;
use std::{net::IpAddr, sync::Arc, time::Duration};
use throttle::Throttle;
use tocsin_actors::{
    accounts::User,
    clock::Clock,
    domain::{KeyId, OrgId, Timestamp, UserId, status::Role},
    records::RecordStore,
    store::{AccountStore, StoreError},
};
use tokio::sync::broadcast;
use uuid::Uuid;

/// For how long what was read of a user, a session or a key is believed: how late another server learns that it ended.
pub const REMEMBERED: Duration = Duration::from_secs(5);
/// How many of each are remembered in one of two generations: some tens of megabytes when all of them are full.
const ROOM: usize = 20_000;

/// How many endings wait for who is slow to hear of them; beyond, they learn that they have missed some.
const ENDINGS: usize = 256;

/// How identity is set up. Nothing in it is secret.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// Who signs our access tokens (`iss`).
    pub issuer: String,
    /// Whom they are for (`aud`).
    pub audience: String,
    /// Whose tokens are accepted beside ours; see [`providers::read`].
    pub providers: Vec<Provider>,
    /// How long a refused login takes at least, so that the time does not tell an account with an imported, slower
    /// hash from one that does not exist.
    pub refusal_takes: Duration,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            issuer: "tocsin".to_owned(),
            audience: "tocsin".to_owned(),
            providers: Vec::new(),
            refusal_takes: Duration::from_millis(300),
        }
    }
}

/// Who is calling, as far as it is proved.
#[derive(Debug, Clone)]
pub struct Caller {
    /// A person or a program.
    pub who: Who,
    /// The session, for people who logged in here.
    pub session: Option<Uuid>,
    /// Whether they may do everything everywhere.
    pub superadmin: bool,
    /// What their identity provider says that they are, in which organization.
    pub external_role: Option<(OrgRef, Role)>,
    /// The organization that they have chosen there.
    pub external_org: Option<ExternalOrg>,
}

impl Caller {
    /// The id of the person, or of the key.
    pub fn id(&self) -> Uuid {
        match &self.who {
            Who::User(user) => user.id.uuid(),
            Who::Key { id, .. } => id.uuid(),
        }
    }
}

/// A person or a program.
#[derive(Debug, Clone)]
pub enum Who {
    /// A person, as of at most [`REMEMBERED`] ago.
    User(Arc<User>),
    /// A program.
    Key {
        /// Which key it has.
        id: KeyId,
        /// In which organization the key is good; nowhere else.
        org: OrgId,
        /// For what.
        scopes: Scopes,
    },
}

/// Something ended by which people or programs are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A session.
    Session(Uuid),
    /// A user changed, perhaps to one who may do nothing any more.
    User(UserId),
    /// An API key.
    Key(KeyId),
}

/// Where somebody calls from. Shown in the list of sessions, and what guesses are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHint {
    /// The address, as far as our own proxies can be believed.
    pub address: IpAddr,
    /// What the program calls itself.
    pub user_agent: Option<String>,
}

/// Who is calling, and every way to become somebody. Clones are the same one.
#[derive(Clone)]
pub struct Identity {
    inner: Arc<Inner>,
}

struct Inner {
    accounts: Arc<dyn AccountStore>,
    records: Arc<dyn RecordStore>,
    clock: Arc<dyn Clock>,
    signing: Signing,
    id_tokens: IdTokens,
    providers: Providers,
    proved: Proved<Proof>,
    /// Of which session a standing token is, and which of its two.
    standing: Proved<(Uuid, standing::Kind)>,
    hashers: Hashers,
    throttle: Throttle,
    refusal_takes: Duration,
    users: Recent<UserId, Arc<User>>,
    /// What a session is; none when it has ended, which it never takes back.
    sessions: Recent<Uuid, Option<sessions::Known>>,
    keys: Recent<KeyId, Arc<KnownKey>>,
    /// Who somebody from a provider is here, by issuer and subject.
    external: Recent<(String, String), UserId>,
    endings: broadcast::Sender<Ended>,
}

/// What a token proves: who somebody is, as far as the token can know.
#[derive(Clone)]
enum Proof {
    /// One of ours: whose, in which session.
    Ours(UserId, Uuid),
    /// An identity provider's.
    Theirs(Arc<Claimed>),
}

impl Identity {
    /// Starts with what is stored, and makes the first signing key if there is none.
    pub async fn start(
        accounts: Arc<dyn AccountStore>,
        records: Arc<dyn RecordStore>,
        clock: Arc<dyn Clock>,
        settings: IdentitySettings,
    ) -> Result<Self, StoreError> {
        let IdentitySettings { issuer, audience, providers, refusal_takes } = settings;
        let inner = Inner {
            signing: Signing::start(records.clone(), issuer, audience, clock.now()).await?,
            id_tokens: IdTokens::new(records.clone()),
            providers: Providers::new(providers),
            proved: Proved::new(),
            standing: Proved::new(),
            hashers: Hashers::new(),
            throttle: Throttle::new(),
            refusal_takes,
            users: Recent::new(REMEMBERED, ROOM),
            sessions: Recent::new(REMEMBERED, ROOM),
            keys: Recent::new(REMEMBERED, ROOM),
            external: Recent::new(REMEMBERED, ROOM),
            endings: broadcast::Sender::new(ENDINGS),
            accounts,
            records,
            clock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Who is behind a bearer token: our access token, the token of a provider, or an API key.
    pub async fn authenticate(&self, bearer: &str) -> Result<Caller, AuthError> {
        if bearer.starts_with(Purpose::ApiKey.prefix()) {
            return self.authenticate_key(bearer).await;
        }
        match self.proof(bearer).await? {
            Proof::Ours(user, session) => self.caller_in(user, session).await,
            Proof::Theirs(claimed) => self.external_caller(&claimed).await,
        }
    }

    /// What a token proves.
    async fn proof(&self, token: &str) -> Result<Proof, AuthError> {
        let (now, inner) = (self.now(), &self.inner);
        if let Some(proof) = inner.proved.get(token, now) {
            return Ok(proof);
        }
        let said = jwt::peek(token)?;
        let proof = if said.issuer == inner.signing.issuer() {
            inner.signing.verify(token, &said, now).await?.and_then(|(user, session)| Ok(Proof::Ours(user, session)))
        } else {
            inner.providers.verify(token, &said, now).await?.and_then(|claimed| Ok(Proof::Theirs(Arc::new(claimed))))
        };
        Ok(inner.proved.keep(token, proof?, now))
    }

    /// Somebody in a session that has not ended.
    async fn somebody_in(&self, user: UserId, session: Uuid) -> Result<Arc<User>, AuthError> {
        if self.session_owner(session).await? != Some(user) {
            return Err(AuthError::Ended);
        }
        self.active_user(user).await
    }

    async fn caller_in(&self, user: UserId, session: Uuid) -> Result<Caller, AuthError> {
        let user = self.somebody_in(user, session).await?;
        let (superadmin, session) = (user.superadmin, Some(session));
        Ok(Caller { superadmin, who: Who::User(user), session, external_role: None, external_org: None })
    }

    /// Whether there is anybody else whose tokens are accepted.
    pub fn knows_providers(&self) -> bool {
        !self.inner.providers.is_empty()
    }

    /// The public halves of our signing keys, as a JSON Web Key Set.
    pub async fn jwks(&self) -> serde_json::Value {
        let keys = self.inner.signing.public(self.now()).await;
        keys.ok().and_then(|keys| serde_json::to_value(keys).ok()).unwrap_or_default()
    }

    /// Makes new signing keys, for access tokens and for ID tokens. The old ones verify until their tokens have expired.
    pub async fn rotate_signing_key(&self) -> Result<(), StoreError> {
        self.inner.signing.rotate(self.now()).await?;
        self.inner.id_tokens.rotate(self.now()).await
    }

    /// Throws away sessions, keys and invitations that nobody can use any more, some of each kind.
    pub async fn forget_expired(&self) -> Result<(), StoreError> {
        /// Few enough that nobody else waits for it.
        const AT_ONCE: usize = 1_000;
        self.inner.records.forget_expired(self.now(), AT_ONCE).await
    }

    /// Tells what ends here from now on.
    pub fn endings(&self) -> broadcast::Receiver<Ended> {
        self.inner.endings.subscribe()
    }

    /// Whether somebody is still who they were when they showed this token.
    pub async fn is_still(&self, caller: &Caller, token: &Secret) -> Result<bool, StoreError> {
        let known = match (&caller.who, caller.session) {
            // An access token expires long before its session does, and it is the session that counts.
            (Who::User(user), Some(session)) => {
                let theirs = self.session_owner(session).await? == Some(user.id);
                return match self.active_user(user.id).await {
                    Ok(now) => Ok(theirs && (now.superadmin || !caller.superadmin)),
                    Err(AuthError::Store(error)) => Err(error),
                    Err(_) => Ok(false),
                };
            }
            _ => self.authenticate(token.expose()).await,
        };
        match known {
            Ok(_) => Ok(true),
            Err(AuthError::Store(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }

    fn has_ended(&self, ended: Ended) {
        let _ = self.inner.endings.send(ended); // nobody has to care
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}

#[cfg(test)]
mod tests;
