//! Our access tokens and the keys that sign them.
//!
//! The keys are records: every server finds the same ones, and a rotation needs no restart. A new key signs only after
//! [`SIGNS_AFTER`], when every server has had occasion to read it, because each reads the keys again when it signs, or
//! sees a key that it does not know, and has not read for [`READ_AGAIN_AFTER`]. The key before it verifies until the
//! last token that it can have signed has expired. Whoever can read the store can sign; that is why only the store may.

use super::{
    AuthError,
    error::store_error,
    jwt::{self, Expected, LEEWAY_S, Unverified},
    secret::{Secret, hex},
};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, encode,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tocsin_actors::{
    domain::{Timestamp, UserId},
    records::{Record, RecordKind, RecordStore},
    store::{AccountError, StoreError},
};
use tracing::info;
use uuid::Uuid;

/// How long an access token is good: short, because a page that was opened with one is not asked again.
pub(super) const ACCESS_LASTS: Duration = Duration::from_secs(15 * 60);
/// How long a new key waits before it signs. Longer than `READ_AGAIN_AFTER`, so that every server knows it by then.
const SIGNS_AFTER: Duration = Duration::from_secs(10);
/// How old the list of keys may be when something depends on it.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// The first key of an installation has a fixed id, so that of several servers that start at once one makes it.
const FIRST_KEY: Uuid = Uuid::from_u128(0x746f_6373_696e_8000_8000_0000_0000_0001);
/// Sets access tokens apart from whatever else we may sign one day (RFC 9068).
const KIND: &str = "at+jwt";
/// Keys read at once.
const PAGE: usize = 100;

/// Signs and verifies access tokens.
pub(super) struct Signing {
    records: Arc<dyn RecordStore>,
    issuer: String,
    audience: [String; 1],
    ring: RwLock<Arc<Ring>>,
    /// Held by whoever reads the keys; the others wait for what that one finds.
    reading: tokio::sync::Mutex<()>,
}

/// All keys, in the order in which they were made.
struct Ring {
    keys: Vec<SigningKey>,
    read_at: Timestamp,
}

struct SigningKey {
    id: Uuid,
    created_at: Timestamp,
    signs: EncodingKey,
    verifies: DecodingKey,
}

/// As it is stored. Deliberately without `Debug`.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    /// PKCS#8, in hexadecimal digits.
    pkcs8: String,
    created_at: Timestamp,
}

/// What an access token says, all of it required.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: String,
    iat: i64,
    exp: i64,
}

impl Signing {
    /// Reads the keys; makes the first one if there is none.
    pub(super) async fn start(
        records: Arc<dyn RecordStore>,
        issuer: String,
        audience: String,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut ring = Ring::read(&*records, now).await?;
        if ring.keys.is_empty() {
            match records.put_record(new_key(FIRST_KEY, now)?).await {
                Ok(()) => info!("made the first signing key"),
                Err(AccountError::IdTaken) => {} // another server was faster
                Err(error) => return Err(store_error(error)),
            }
            ring = Ring::read(&*records, now).await?;
        }
        if ring.keys.is_empty() {
            return Err(StoreError::Corrupt("the signing key that was just written is not there".to_owned()));
        }
        let reading = tokio::sync::Mutex::default();
        Ok(Self { records, issuer, audience: [audience], ring: RwLock::new(Arc::new(ring)), reading })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token for a user in a session.
    pub(super) async fn sign(&self, user: UserId, session: Uuid, now: Timestamp) -> Result<Secret, StoreError> {
        let ring = self.fresh(now).await?;
        let key = ring.signer(now);
        let iat = now.millis().div_euclid(1_000);
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience[0].clone(),
            sub: user,
            sid: session.to_string(),
            iat,
            exp: iat + ACCESS_LASTS.as_secs() as i64,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(KIND.to_owned());
        header.kid = Some(key.id.to_string());
        encode(&header, &claims, &key.signs).map(Secret::from).map_err(|error| StoreError::Corrupt(format!("signing key: {error}")))
    }

    /// Whose token this is, and of which session.
    pub(super) async fn verify(&self, token: &str, said: &Unverified, now: Timestamp) -> Result<(UserId, Uuid), AuthError> {
        if said.algorithm != Algorithm::EdDSA || said.kind.as_deref() != Some(KIND) {
            return Err(AuthError::Invalid);
        }
        let id: Uuid = said.key.parse().map_err(|_| AuthError::Invalid)?;
        let mut ring = self.ring();
        if ring.verifier(id, now).is_none() {
            ring = self.fresh(now).await?;
        }
        let key = &ring.verifier(id, now).ok_or(AuthError::Invalid)?.verifies;
        let expected = Expected { key, algorithm: Algorithm::EdDSA, issuer: &self.issuer, audiences: &self.audience };
        let claims: Claims = jwt::verify(token, expected, now)?;
        Ok((claims.sub, claims.sid.parse().map_err(|_| AuthError::Invalid)?))
    }

    /// The public halves of the keys with which tokens are, or will be, signed.
    pub(super) async fn public(&self, now: Timestamp) -> JwkSet {
        // A list that is a little old is better than none.
        let ring = self.fresh(now).await.unwrap_or_else(|_| self.ring());
        let keys = ring.keys.iter().filter(|key| ring.verifier(key.id, now).is_some());
        JwkSet { keys: keys.filter_map(SigningKey::public).collect() }
    }

    /// Adds a key, which signs from now on, but for [`SIGNS_AFTER`].
    pub(super) async fn rotate(&self, now: Timestamp) -> Result<(), StoreError> {
        self.records.put_record(new_key(Uuid::now_v7(), now)?).await.map_err(store_error)?;
        let _reading = self.reading.lock().await;
        self.read(now).await?;
        let useless_at = now.after(SIGNS_AFTER + 2 * ACCESS_LASTS);
        let records = self.records.records(RecordKind::SigningKey, None, PAGE).await?;
        for old in records.iter().rev().filter(|record| record.expires_at.is_none()) {
            let stored: StoredKey = old.read()?;
            if stored.created_at >= now {
                continue; // the new one, or one that another server makes right now
            }
            match self.records.put_record(old.changed(Some(useless_at), &stored)?).await {
                Ok(()) | Err(AccountError::Changed) => {}
                Err(error) => return Err(store_error(error)),
            }
        }
        info!("made a new signing key");
        Ok(())
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys, read again if that was long ago.
    async fn fresh(&self, now: Timestamp) -> Result<Arc<Ring>, StoreError> {
        let is_fresh = |ring: &Ring| now.since(ring.read_at).unsigned_abs() < READ_AGAIN_AFTER.as_millis() as u64;
        let ring = self.ring();
        if is_fresh(&ring) {
            return Ok(ring);
        }
        let _reading = self.reading.lock().await;
        let ring = self.ring();
        if is_fresh(&ring) { Ok(ring) } else { self.read(now).await }
    }

    /// To be called with `reading` held.
    async fn read(&self, now: Timestamp) -> Result<Arc<Ring>, StoreError> {
        let ring = Arc::new(Ring::read(&*self.records, now).await?);
        if ring.keys.is_empty() {
            return Err(StoreError::Corrupt("there are no signing keys any more".to_owned()));
        }
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring.clone();
        Ok(ring)
    }
}

fn new_key(id: Uuid, now: Timestamp) -> Result<Record, StoreError> {
    let pair = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).expect("a system without randomness cannot sign");
    let body = StoredKey { pkcs8: hex(pair.as_ref()), created_at: now };
    Record::new(RecordKind::SigningKey, id, Uuid::nil(), None, &body)
}

impl Ring {
    async fn read(records: &dyn RecordStore, now: Timestamp) -> Result<Self, StoreError> {
        let mut keys = Vec::new();
        let mut after = None;
        loop {
            let page = records.records(RecordKind::SigningKey, after, PAGE).await?;
            for record in &page {
                keys.push(SigningKey::read(record)?);
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id),
                _ => break,
            }
        }
        keys.sort_by_key(|key| (key.created_at, key.id));
        Ok(Self { keys, read_at: now })
    }

    /// The newest key that everybody knows; when there is none, the oldest.
    fn signer(&self, now: Timestamp) -> &SigningKey {
        let known = self.keys.iter().rev().find(|key| key.created_at.after(SIGNS_AFTER) <= now);
        known.unwrap_or_else(|| self.keys.first().expect("a ring is never empty"))
    }

    /// A key, unless all that it signed has expired.
    fn verifier(&self, id: Uuid, now: Timestamp) -> Option<&SigningKey> {
        let at = self.keys.iter().position(|key| key.id == id)?;
        let lasts = SIGNS_AFTER + ACCESS_LASTS + Duration::from_secs(LEEWAY_S.unsigned_abs());
        let over = self.keys.get(at + 1).is_some_and(|next| next.created_at.after(lasts) < now);
        (!over).then(|| &self.keys[at])
    }
}

impl SigningKey {
    fn read(record: &Record) -> Result<Self, StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("signing key {}: {what}", record.id));
        let StoredKey { pkcs8, created_at } = record.read()?;
        // PKCS#8 version 1 of an Ed25519 key: 16 bytes of what it is, 32 of key.
        let pkcs8: [u8; 48] = super::secret::unhex(&pkcs8).ok_or_else(|| corrupt("is not 48 bytes"))?;
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|error| corrupt(&error.to_string()))?;
        Ok(Self {
            id: record.id,
            created_at,
            signs: EncodingKey::from_ed_der(&pkcs8),
            verifies: DecodingKey::from_ed_der(pair.public_key().as_ref()),
        })
    }

    fn public(&self) -> Option<Jwk> {
        let mut jwk = Jwk::from_decoding_key(&self.verifies, Some(Algorithm::EdDSA)).ok()?;
        jwk.common.key_id = Some(self.id.to_string());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Some(jwk)
    }
}

#[cfg(test)]
mod tests;
