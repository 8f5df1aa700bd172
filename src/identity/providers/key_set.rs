//! The public keys of a provider, fetched when they are needed and kept through its outages.
//!
//! Keys are fetched again when they are [`OLD_AFTER`], and when a token names a key that is not among them, but never
//! more often than [`FETCH_EVERY`], or whoever invents names of keys would make us fetch all day. One request fetches;
//! the others use what is there, or wait when there is nothing for them. What could not be fetched again is used for
//! [`USELESS_AFTER`]: long enough for an outage, short enough that a key which was withdrawn does not live for ever.

use super::{Provider, file::key_set_is_local};
use crate::identity::AuthError;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, KeyAlgorithm, PublicKeyUse},
};
use reqwest::{Client, Url, redirect::Policy};
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};
use tocsin_actors::domain::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::warn;

/// When keys that are there are fetched again.
const OLD_AFTER: Duration = Duration::from_secs(10 * 60);
/// How long keys are used that cannot be fetched again.
const USELESS_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// How often the provider is asked at most, while there are keys.
const FETCH_EVERY: Duration = Duration::from_secs(60);
/// How often it is asked at most while there are none, so that a start during its outage ends soon after the outage.
const FIRST_FETCH_EVERY: Duration = Duration::from_secs(5);
/// How long a fetch may take: somebody waits for it.
const FETCH_TAKES: Duration = Duration::from_secs(5);
/// The largest answer; real ones have a few kilobytes.
const LARGEST: usize = 256 * 1024;

/// A provider's keys.
pub(super) struct KeySet {
    issuer: String,
    url: Url,
    algorithms: Vec<Algorithm>,
    /// Made at the first fetch: a server without providers needs no certificates.
    client: OnceLock<Client>,
    state: RwLock<State>,
    /// Held by whoever fetches.
    fetching: Arc<Mutex<()>>,
}

#[derive(Clone, Default)]
struct State {
    keys: Arc<HashMap<String, Arc<ProviderKey>>>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

/// A key with what it may be used for.
pub(super) struct ProviderKey {
    pub(super) key: DecodingKey,
    algorithms: Vec<Algorithm>,
}

impl ProviderKey {
    pub(super) fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("answered with more than {LARGEST} bytes")]
    TooLarge,
    #[error("answered with {0}")]
    Status(u16),
    #[error("answered with something else than a key set: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("answered with no key that may be used")]
    Empty,
}

impl KeySet {
    pub(super) fn new(provider: &Provider) -> Self {
        Self {
            issuer: provider.issuer.clone(),
            url: provider.jwks_url.clone(),
            algorithms: provider.algorithms.clone(),
            client: OnceLock::new(),
            state: RwLock::default(),
            fetching: Arc::default(),
        }
    }

    /// A key by its name.
    pub(super) async fn find(self: &Arc<Self>, name: &str, now: Timestamp) -> Result<Arc<ProviderKey>, AuthError> {
        let state = self.state();
        match state.key(name, now) {
            Some(known) if !state.is_old(now) || !state.may_fetch(now) => return Ok(known),
            Some(known) => {
                // Whoever comes first brings news; nobody else has to wait for them.
                let Ok(turn) = self.fetching.clone().try_lock_owned() else { return Ok(known) };
                self.fetch_once(turn, now).await;
            }
            None => {
                let turn = self.fetching.clone().lock_owned().await;
                self.fetch_once(turn, now).await;
            }
        }
        let state = self.state();
        state.key(name, now).ok_or_else(|| state.missing(now))
    }

    /// Unless another request has just done it. On a task of its own, which keeps the turn: a stranger who asks and
    /// hangs up, again and again, would otherwise keep the keys from everybody.
    async fn fetch_once(self: &Arc<Self>, turn: OwnedMutexGuard<()>, now: Timestamp) {
        if !self.state().may_fetch(now) {
            return;
        }
        self.change(|state| state.tried_at = Some(now));
        let this = self.clone();
        let fetched = tokio::spawn(async move {
            let _turn = turn;
            this.fetch_and_keep(now).await;
        });
        if let Err(error) = fetched.await {
            warn!(issuer = self.issuer, %error, "fetching the keys of an identity provider broke off");
        }
    }

    async fn fetch_and_keep(&self, now: Timestamp) {
        match self.fetch().await {
            Ok(keys) => self.change(|state| {
                state.keys = Arc::new(keys);
                state.fetched_at = Some(now);
            }),
            Err(error) => warn!(issuer = self.issuer, %error, "the keys of an identity provider could not be fetched"),
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, Arc<ProviderKey>>, FetchError> {
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<serde_json::Value>,
        }
        let mut answer = self.client()?.get(self.url.clone()).send().await?;
        if !answer.status().is_success() {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let Keys { keys } = serde_json::from_slice(&body)?;
        let keys: HashMap<_, _> = keys.into_iter().filter_map(|key| self.usable(key)).collect();
        if keys.is_empty() { Err(FetchError::Empty) } else { Ok(keys) }
    }

    /// A key of a kind that we do not know, or for something else, is not a reason to do without the others.
    fn usable(&self, key: serde_json::Value) -> Option<(String, Arc<ProviderKey>)> {
        let jwk: Jwk = serde_json::from_value(key).ok()?;
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        let fits = |algorithm: &&Algorithm| {
            let said = jwk.common.key_algorithm.is_none_or(|said| said == KeyAlgorithm::from(**algorithm));
            said && algorithm.family() == key.family()
        };
        let algorithms: Vec<_> = self.algorithms.iter().filter(fits).copied().collect();
        (!algorithms.is_empty()).then_some((jwk.common.key_id?, Arc::new(ProviderKey { key, algorithms })))
    }

    fn client(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Already there means that somebody else has chosen, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(FETCH_TAKES)
            .redirect(Policy::none()) // the address that was configured, and nowhere else
            .user_agent(concat!("tocsin/", env!("CARGO_PKG_VERSION")));
        let client = if key_set_is_local(&self.url) { client.no_proxy() } else { client };
        let client = client.build()?;
        Ok(self.client.get_or_init(|| client))
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn key(&self, name: &str, now: Timestamp) -> Option<Arc<ProviderKey>> {
        if self.has_keys(now) { self.keys.get(name).cloned() } else { None }
    }

    fn has_keys(&self, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|at| within(USELESS_AFTER, at, now))
    }

    fn is_old(&self, now: Timestamp) -> bool {
        !self.fetched_at.is_some_and(|at| within(OLD_AFTER, at, now))
    }

    fn may_fetch(&self, now: Timestamp) -> bool {
        let every = if self.has_keys(now) { FETCH_EVERY } else { FIRST_FETCH_EVERY };
        !self.tried_at.is_some_and(|at| within(every, at, now))
    }

    /// Why there is no such key: because it does not exist or, when the last fetch failed, perhaps because of that.
    fn missing(&self, now: Timestamp) -> AuthError {
        let failed = self.tried_at != self.fetched_at;
        if failed || !self.has_keys(now) { AuthError::ProviderUnavailable } else { AuthError::Invalid }
    }
}

/// Whether less than so much time has passed. A clock that was set back counts as if too much had.
fn within(duration: Duration, since: Timestamp, now: Timestamp) -> bool {
    u128::try_from(now.since(since)).is_ok_and(|passed| passed < duration.as_millis())
}
