//! Keys that sign tokens of one kind.
//!
//! The keys are records: every server finds the same ones, and a rotation needs no restart. A new key signs only after
//! [`SIGNS_AFTER`], when every server has had occasion to read it, because each reads the keys again when it signs, or
//! sees a key that it does not know, and has not read for [`READ_AGAIN_AFTER`]. The key before it verifies until the
//! last token that it can have signed has expired. Whoever can read the store can sign; that is why only the store may.

use super::{
    error::store_error,
    jwt::LEEWAY_S,
    secret::{hex, unhex_all},
};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa,
    signature::{Ed25519KeyPair, KeyPair},
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tocsin_actors::{
    domain::Timestamp,
    records::{Record, RecordKind, RecordStore},
    store::{AccountError, StoreError},
};
use tracing::info;
use uuid::Uuid;

/// How long a new key waits before it signs. Longer than `READ_AGAIN_AFTER`, so that every server knows it by then.
const SIGNS_AFTER: Duration = Duration::from_secs(10);
/// How old the list of keys may be when something depends on it.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Keys read at once.
const PAGE: usize = 100;
/// PKCS#8 version 1 of an Ed25519 key: 16 bytes of what it is, 32 of key.
const ED25519_BYTES: usize = 48;
/// Of an RSA key of 2048 bits: so many bytes of what it is, then the key as PKCS#1, which is how it is signed with.
const RSA_HEADER: usize = 26;

/// What the keys of a ring are for.
pub(super) struct KeyUse {
    /// Where they are kept.
    pub(super) kind: RecordKind,
    /// With what they sign: `EdDSA` or `RS256`.
    pub(super) algorithm: Algorithm,
    /// The first key of an installation has a fixed id, so that of several servers that start at once one makes it.
    pub(super) first: Uuid,
    /// How long a token is good that they sign.
    pub(super) lasts: Duration,
}

/// All keys for one use, as of a moment ago. Nothing is read or made before somebody asks.
pub(super) struct KeyRing {
    records: Arc<dyn RecordStore>,
    used: KeyUse,
    ring: RwLock<Option<Arc<Ring>>>,
    /// Held by whoever reads the keys; the others wait for what that one finds.
    reading: tokio::sync::Mutex<()>,
}

/// In the order in which they were made.
struct Ring {
    keys: Vec<Arc<SigningKey>>,
    read_at: Timestamp,
}

/// A key, in the forms in which it is used.
pub(super) struct SigningKey {
    pub(super) id: Uuid,
    created_at: Timestamp,
    pub(super) signs: EncodingKey,
    pub(super) verifies: DecodingKey,
}

/// As it is stored. Deliberately without `Debug`.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    /// PKCS#8, in hexadecimal digits.
    pkcs8: String,
    created_at: Timestamp,
}

impl KeyRing {
    pub(super) fn new(records: Arc<dyn RecordStore>, used: KeyUse) -> Self {
        Self { records, used, ring: RwLock::default(), reading: tokio::sync::Mutex::default() }
    }

    /// The key that signs now; the first one is made for it.
    pub(super) async fn signer(&self, now: Timestamp) -> Result<Arc<SigningKey>, StoreError> {
        Ok(self.fresh(now).await?.signer(now))
    }

    /// The key with this id, unless all that it signed has expired.
    pub(super) async fn verifier(&self, id: Uuid, now: Timestamp) -> Result<Option<Arc<SigningKey>>, StoreError> {
        let known = self.ring().and_then(|ring| ring.verifier(id, self.used.lasts, now));
        match known {
            Some(key) => Ok(Some(key)),
            None => Ok(self.fresh(now).await?.verifier(id, self.used.lasts, now)),
        }
    }

    /// The public halves of the keys with which tokens are, or will be, signed.
    pub(super) async fn public(&self, now: Timestamp) -> Result<JwkSet, StoreError> {
        let ring = match self.fresh(now).await {
            Ok(ring) => ring,
            // A list that is a little old is better than none.
            Err(error) => self.ring().ok_or(error)?,
        };
        let keys = ring.keys.iter().filter(|key| ring.verifier(key.id, self.used.lasts, now).is_some());
        Ok(JwkSet { keys: keys.filter_map(|key| key.public(self.used.algorithm)).collect() })
    }

    /// Adds a key, which signs from now on, but for [`SIGNS_AFTER`]. Where none was ever used, there is none to replace.
    pub(super) async fn rotate(&self, now: Timestamp) -> Result<(), StoreError> {
        if self.records.records(self.used.kind, None, 1).await?.is_empty() {
            return Ok(());
        }
        self.records.put_record(self.new_key(Uuid::now_v7(), now).await?).await.map_err(store_error)?;
        let _reading = self.reading.lock().await;
        self.read(now).await?;
        let useless_at = now.after(SIGNS_AFTER + 2 * self.used.lasts);
        let records = self.records.records(self.used.kind, None, PAGE).await?;
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
        info!(kind = self.used.kind.name(), "made a new signing key");
        Ok(())
    }

    fn ring(&self) -> Option<Arc<Ring>> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys, read again if that was long ago.
    async fn fresh(&self, now: Timestamp) -> Result<Arc<Ring>, StoreError> {
        let fresh = || {
            let is_fresh = |ring: &Arc<Ring>| now.since(ring.read_at).unsigned_abs() < READ_AGAIN_AFTER.as_millis() as u64;
            self.ring().filter(is_fresh)
        };
        if let Some(ring) = fresh() {
            return Ok(ring);
        }
        let _reading = self.reading.lock().await;
        match fresh() {
            Some(ring) => Ok(ring),
            None => self.read(now).await,
        }
    }

    /// To be called with `reading` held. Makes the first key when nobody here has ever seen one.
    async fn read(&self, now: Timestamp) -> Result<Arc<Ring>, StoreError> {
        let mut ring = Ring::read(&*self.records, &self.used, now).await?;
        if ring.keys.is_empty() && self.ring().is_none() {
            match self.records.put_record(self.new_key(self.used.first, now).await?).await {
                Ok(()) => info!(kind = self.used.kind.name(), "made the first signing key"),
                Err(AccountError::IdTaken) => {} // another server was faster
                Err(error) => return Err(store_error(error)),
            }
            ring = Ring::read(&*self.records, &self.used, now).await?;
        }
        if ring.keys.is_empty() {
            return Err(StoreError::Corrupt(format!("there are no {} any more", self.used.kind.name())));
        }
        let ring = Arc::new(ring);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Some(ring.clone());
        Ok(ring)
    }

    async fn new_key(&self, id: Uuid, now: Timestamp) -> Result<Record, StoreError> {
        const NO_CHANCE: &str = "a system without randomness cannot sign";
        let pkcs8 = match self.used.algorithm {
            Algorithm::EdDSA => hex(Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).expect(NO_CHANCE).as_ref()),
            _ => {
                // Looking for primes takes a core for a good part of a second.
                let made = tokio::task::spawn_blocking(|| -> Pkcs8V1Der<'static> {
                    rsa::KeyPair::generate(rsa::KeySize::Rsa2048).and_then(|pair| pair.as_der()).expect(NO_CHANCE)
                });
                hex(made.await.map_err(|error| StoreError::Unavailable(error.to_string()))?.as_ref())
            }
        };
        Record::new(self.used.kind, id, Uuid::nil(), None, &StoredKey { pkcs8, created_at: now })
    }
}

impl Ring {
    async fn read(records: &dyn RecordStore, used: &KeyUse, now: Timestamp) -> Result<Self, StoreError> {
        let mut keys = Vec::new();
        let mut after = None;
        loop {
            let page = records.records(used.kind, after, PAGE).await?;
            for record in &page {
                keys.push(Arc::new(SigningKey::read(record, used.algorithm)?));
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
    fn signer(&self, now: Timestamp) -> Arc<SigningKey> {
        let known = self.keys.iter().rev().find(|key| key.created_at.after(SIGNS_AFTER) <= now);
        known.unwrap_or_else(|| self.keys.first().expect("a ring is never empty")).clone()
    }

    fn verifier(&self, id: Uuid, lasts: Duration, now: Timestamp) -> Option<Arc<SigningKey>> {
        let at = self.keys.iter().position(|key| key.id == id)?;
        let lasts = SIGNS_AFTER + lasts + Duration::from_secs(LEEWAY_S.unsigned_abs());
        let over = self.keys.get(at + 1).is_some_and(|next| next.created_at.after(lasts) < now);
        (!over).then(|| self.keys[at].clone())
    }
}

impl SigningKey {
    fn read(record: &Record, algorithm: Algorithm) -> Result<Self, StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("signing key {}: {what}", record.id));
        let StoredKey { pkcs8, created_at } = record.read()?;
        let pkcs8 = unhex_all(&pkcs8).ok_or_else(|| corrupt("is not written in hexadecimal digits"))?;
        let (signs, verifies) = match algorithm {
            Algorithm::EdDSA => {
                let whole = Some(&pkcs8).filter(|bytes| bytes.len() == ED25519_BYTES).ok_or_else(|| corrupt("is not 48 bytes"))?;
                let pair = Ed25519KeyPair::from_pkcs8(whole).map_err(|error| corrupt(&error.to_string()))?;
                (EncodingKey::from_ed_der(whole), DecodingKey::from_ed_der(pair.public_key().as_ref()))
            }
            _ => {
                let pkcs1 = pkcs8.get(RSA_HEADER..).ok_or_else(|| corrupt("is too short"))?;
                let pair = rsa::KeyPair::from_der(pkcs1).map_err(|error| corrupt(&error.to_string()))?;
                (EncodingKey::from_rsa_der(pkcs1), DecodingKey::from_rsa_der(pair.public_key().as_ref()))
            }
        };
        Ok(Self { id: record.id, created_at, signs, verifies })
    }

    fn public(&self, algorithm: Algorithm) -> Option<Jwk> {
        let mut jwk = Jwk::from_decoding_key(&self.verifies, Some(algorithm)).ok()?;
        jwk.common.key_id = Some(self.id.to_string());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Some(jwk)
    }
}
