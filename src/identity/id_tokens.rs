//! ID tokens: what a front end shows when Tocsin itself is its identity provider (OpenID Connect).
//!
//! They say who somebody is and for which organization they came, to one client. Their keys are RSA, because RS256 is what
//! clients ask for, and others than those of access tokens; kind, audience and issuer differ too, so that neither passes
//! for the other. The first key is made when somebody asks for one. Whether somebody still belongs to the organization is
//! not known here.

use super::{
    AuthError, Caller, Identity, Proof, Secret,
    jwt::{self, Expected, Unverified, Verified},
    keyring::{KeyRing, KeyUse},
    proved::Proved,
    providers::OrgRef,
};
use jsonwebtoken::{Algorithm, Header, encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};
use tocsin_actors::{
    accounts::User,
    domain::{OrgId, Timestamp, UserId},
    records::{RecordKind, RecordStore},
    store::StoreError,
};
use uuid::Uuid;

/// How long an ID token is good: a working day, because front ends send the one they got until it expires. It is worth
/// nothing once its session has ended.
pub const ID_TOKEN_LASTS: Duration = Duration::from_secs(10 * 3_600);
/// The id of the first key.
const FIRST_KEY: Uuid = Uuid::from_u128(0x746f_6373_696e_8000_8000_0000_0000_0002);
/// What the header says of an ID token, and of one that may ask who its bearer is.
const ID: &str = "JWT";
const INFO: &str = "userinfo+jwt";
/// How an organization's id begins outside.
const ORGANIZATION: &str = "org_";

/// What an ID token is to say.
#[derive(Debug, Clone, Copy)]
pub struct IdTokenFor<'a> {
    /// Who signs it: an address that ends with a slash.
    pub issuer: &'a str,
    /// Which client it is for.
    pub client: &'a str,
    /// Who somebody is.
    pub user: &'a User,
    /// For which organization they came.
    pub org: OrgId,
    /// The session with whose end it is worth nothing.
    pub session: Uuid,
    /// What the client wants to read in it.
    pub nonce: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    iat: i64,
    exp: i64,
    sid: String,
    org_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    email: String,
    email_verified: bool,
    name: String,
}

/// Who shows an ID token, and what it was made for.
#[derive(Clone)]
struct Shown {
    issuer: String,
    client: String,
    user: UserId,
    session: Uuid,
    org: OrgId,
}

impl Shown {
    fn read(Claims { iss, aud, sub, sid, org_id, .. }: Claims) -> Result<Self, AuthError> {
        let org = organization_of(&org_id).ok_or(AuthError::Invalid)?;
        Ok(Self { issuer: iss, client: aud, user: sub, session: session_of(&sid)?, org })
    }
}

/// What a token says that is good for nothing but asking who its bearer is.
#[derive(Serialize, Deserialize)]
struct InfoClaims {
    iss: String,
    aud: String,
    sub: UserId,
    iat: i64,
    exp: i64,
    sid: String,
}

/// Signs and verifies ID tokens.
pub(super) struct IdTokens {
    keys: KeyRing,
    proved: Proved<Shown>,
}

/// How an organization is called in ID tokens, and wherever else its clients name it.
pub fn organization_word(org: OrgId) -> String {
    format!("{ORGANIZATION}{}", org.uuid().simple())
}

/// The organization that is called so. None for anything that we could not have written.
pub fn organization_of(word: &str) -> Option<OrgId> {
    let id = word.strip_prefix(ORGANIZATION)?.parse().ok().map(OrgId::new)?;
    (organization_word(id) == word).then_some(id)
}

impl Identity {
    /// An ID token.
    pub async fn id_token(&self, told: IdTokenFor<'_>) -> Result<Secret, StoreError> {
        let IdTokenFor { issuer, client, user, org, session, nonce } = told;
        let iat = self.now().millis().div_euclid(1_000);
        let claims = Claims {
            iss: issuer.to_owned(),
            aud: client.to_owned(),
            sub: user.id,
            iat,
            exp: iat + ID_TOKEN_LASTS.as_secs() as i64,
            sid: session.to_string(),
            org_id: organization_word(org),
            nonce: nonce.map(str::to_owned),
            email: user.email.clone(),
            email_verified: false, // nobody ever looked
            name: user.shown_name(),
        };
        self.inner.id_tokens.sign(ID, &claims, self.now()).await
    }

    /// The token beside it, by which its client may ask for what is in it, and nothing else.
    pub async fn userinfo_token(&self, issuer: &str, user: UserId, session: Uuid) -> Result<Secret, StoreError> {
        let iat = self.now().millis().div_euclid(1_000);
        let claims = InfoClaims {
            iss: issuer.to_owned(),
            aud: userinfo_audience(issuer),
            sub: user,
            iat,
            exp: iat + ID_TOKEN_LASTS.as_secs() as i64,
            sid: session.to_string(),
        };
        self.inner.id_tokens.sign(INFO, &claims, self.now()).await
    }

    /// Who shows an ID token, and for which organization: one that we signed for this client as one of these issuers, or
    /// one of an identity provider that is set up here, whose audiences are set up there.
    ///
    /// Whether they belong to that organization is the caller's to ask.
    pub async fn authenticate_id_token(
        &self,
        token: &str,
        client: &str,
        issuers: &[String],
    ) -> Result<(Caller, OrgRef), AuthError> {
        let (now, tokens) = (self.now(), &self.inner.id_tokens);
        let is_for = |proved: &Shown| proved.client == client && issuers.contains(&proved.issuer);
        let shown = match tokens.proved.get(token, now).filter(|proved| is_for(proved)) {
            Some(proved) => proved,
            None => {
                let said = jwt::peek(token)?;
                let Some(issuer) = issuers.iter().find(|issuer| **issuer == said.issuer) else {
                    let Proof::Theirs(claimed) = self.proof(token).await? else { return Err(AuthError::Invalid) };
                    let caller = self.external_caller(&claimed).await?;
                    let org = caller.external_org.clone().ok_or(AuthError::Invalid)?.here;
                    return Ok((caller, org));
                };
                let verified = tokens.verify(ID, token, (&said, issuer, client), now).await?;
                tokens.proved.keep(token, verified.and_then(Shown::read)?, now)
            }
        };
        let caller = self.caller_in(shown.user, shown.session).await?;
        Ok((caller, OrgRef::Id(shown.org)))
    }

    /// Who shows a token of [`Identity::userinfo_token`].
    pub async fn authenticate_userinfo(&self, token: &str, issuers: &[String]) -> Result<Arc<User>, AuthError> {
        let said = jwt::peek(token)?;
        let issuer = issuers.iter().find(|issuer| **issuer == said.issuer).ok_or(AuthError::Invalid)?;
        let audience = userinfo_audience(issuer);
        let claims: InfoClaims = self.inner.id_tokens.verify(INFO, token, (&said, issuer, &audience), self.now()).await?.what;
        self.somebody_in(claims.sub, session_of(&claims.sid)?).await
    }

    /// The public halves of the keys that sign ID tokens, as a JSON Web Key Set.
    pub async fn id_token_jwks(&self) -> Result<serde_json::Value, StoreError> {
        let keys = self.inner.id_tokens.keys.public(self.now()).await?;
        Ok(serde_json::to_value(keys).unwrap_or_default())
    }
}

fn session_of(claim: &str) -> Result<Uuid, AuthError> {
    claim.parse().map_err(|_| AuthError::Invalid)
}

impl IdTokens {
    pub(super) fn new(records: Arc<dyn RecordStore>) -> Self {
        let used = KeyUse { kind: RecordKind::IdTokenKey, algorithm: Algorithm::RS256, first: FIRST_KEY, lasts: ID_TOKEN_LASTS };
        Self { keys: KeyRing::new(records, used), proved: Proved::new() }
    }

    pub(super) async fn rotate(&self, now: Timestamp) -> Result<(), StoreError> {
        self.keys.rotate(now).await
    }

    async fn sign(&self, kind: &str, claims: &impl Serialize, now: Timestamp) -> Result<Secret, StoreError> {
        let key = self.keys.signer(now).await?;
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some(kind.to_owned());
        header.kid = Some(key.id.to_string());
        encode(&header, claims, &key.signs).map(Secret::from).map_err(|error| StoreError::Corrupt(format!("signing key: {error}")))
    }

    async fn verify<T: DeserializeOwned>(
        &self,
        kind: &str,
        token: &str,
        (said, issuer, audience): (&Unverified, &str, &str),
        now: Timestamp,
    ) -> Result<Verified<T>, AuthError> {
        if said.algorithm != Algorithm::RS256 || said.kind.as_deref() != Some(kind) {
            return Err(AuthError::Invalid);
        }
        let id: Uuid = said.key.parse().map_err(|_| AuthError::Invalid)?;
        let key = self.keys.verifier(id, now).await?.ok_or(AuthError::Invalid)?;
        let audiences = [audience.to_owned()];
        jwt::verify(token, Expected { key: &key.verifies, algorithm: Algorithm::RS256, issuer, audiences: &audiences }, now)
    }
}

fn userinfo_audience(issuer: &str) -> String {
    format!("{issuer}userinfo")
}

#[cfg(test)]
mod tests;
