//! Our access tokens. For the keys that sign them see `keyring`.

use super::{
    AuthError,
    jwt::{self, Expected, Unverified, Verified},
    keyring::{KeyRing, KeyUse},
    secret::Secret,
};
use jsonwebtoken::{Algorithm, Header, encode, jwk::JwkSet};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tocsin_actors::{
    domain::{Timestamp, UserId},
    records::{RecordKind, RecordStore},
    store::StoreError,
};
use uuid::Uuid;

/// How long an access token is good: short, because a page that was opened with one is not asked again.
pub(super) const ACCESS_LASTS: Duration = Duration::from_secs(15 * 60);
/// The id of the first key.
const FIRST_KEY: Uuid = Uuid::from_u128(0x746f_6373_696e_8000_8000_0000_0000_0001);
/// Sets access tokens apart from whatever else we sign (RFC 9068).
const KIND: &str = "at+jwt";

/// Signs and verifies access tokens.
pub(super) struct Signing {
    keys: KeyRing,
    issuer: String,
    audience: [String; 1],
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
        let used = KeyUse { kind: RecordKind::SigningKey, algorithm: Algorithm::EdDSA, first: FIRST_KEY, lasts: ACCESS_LASTS };
        let keys = KeyRing::new(records, used);
        keys.signer(now).await?;
        Ok(Self { keys, issuer, audience: [audience] })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token for a user in a session.
    pub(super) async fn sign(&self, user: UserId, session: Uuid, now: Timestamp) -> Result<Secret, StoreError> {
        let key = self.keys.signer(now).await?;
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
    pub(super) async fn verify(
        &self,
        token: &str,
        said: &Unverified,
        now: Timestamp,
    ) -> Result<Verified<(UserId, Uuid)>, AuthError> {
        if said.algorithm != Algorithm::EdDSA || said.kind.as_deref() != Some(KIND) {
            return Err(AuthError::Invalid);
        }
        let id: Uuid = said.key.parse().map_err(|_| AuthError::Invalid)?;
        let key = self.keys.verifier(id, now).await?.ok_or(AuthError::Invalid)?;
        let expected =
            Expected { key: &key.verifies, algorithm: Algorithm::EdDSA, issuer: &self.issuer, audiences: &self.audience };
        let verified = jwt::verify(token, expected, now)?;
        verified.and_then(|claims: Claims| Ok((claims.sub, claims.sid.parse().map_err(|_| AuthError::Invalid)?)))
    }

    /// The public halves of the keys.
    pub(super) async fn public(&self, now: Timestamp) -> Result<JwkSet, StoreError> {
        self.keys.public(now).await
    }

    /// Adds a key.
    pub(super) async fn rotate(&self, now: Timestamp) -> Result<(), StoreError> {
        self.keys.rotate(now).await
    }
}

#[cfg(test)]
mod tests;
