//! Tokens that stand: the kind that front ends of other backends know. An access token is good for a day, and the refresh
//! token stays the same for as long as its session lasts.
//!
//! Each session has a key of its own that signs them, and nothing else does: a token is worth something only as long as its
//! session goes on, one session's key says nothing of another's, and neither these tokens nor those of the API are taken
//! for the other. What is stolen is good until the session ends, which is why the API's own tokens are of another kind.

use super::{
    AuthError, Caller, Identity, Secret, Who,
    jwt::{self, LONGEST, Times, Verified},
    sessions::Known,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, dangerous, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tocsin_actors::{
    domain::{Timestamp, UserId},
    store::StoreError,
};
use uuid::Uuid;

/// How long an access token is good.
const ACCESS_LASTS: Duration = Duration::from_secs(24 * 3_600);

/// What somebody gets who logs in to another backend.
#[derive(Debug, Clone)]
pub struct StandingTokens {
    /// Proves who they are, for a day.
    pub access_token: Secret,
    /// Good for [`Identity::stand_longer`] while the session lasts.
    pub refresh_token: Secret,
}

/// Which of the two a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Access,
    Refresh,
}

/// What such a token says, all of it required.
#[derive(Serialize, Deserialize)]
struct Claims {
    fresh: bool,
    iat: i64,
    /// The session.
    jti: Uuid,
    #[serde(rename = "type")]
    kind: Kind,
    sub: UserId,
    nbf: i64,
    exp: i64,
}

impl Identity {
    /// The standing tokens of a session, for who has just opened it.
    pub async fn standing_tokens(&self, session: Uuid) -> Result<StandingTokens, AuthError> {
        let known = self.known_session(session).await?.ok_or(AuthError::Ended)?;
        let now = self.now();
        Ok(StandingTokens {
            access_token: write(&known, session, Kind::Access, now)?,
            refresh_token: write(&known, session, Kind::Refresh, now)?,
        })
    }

    /// Who has this standing access token.
    pub async fn authenticate_standing(&self, token: &str) -> Result<Caller, AuthError> {
        let (known, session) = self.read_standing(token, Kind::Access).await?;
        let user = self.active_user(known.user).await?;
        Ok(Caller {
            superadmin: user.superadmin,
            who: Who::User(user),
            session: Some(session),
            external_role: None,
            external_org: None,
        })
    }

    /// Another access token for who has a standing refresh token, which stays as it is.
    pub async fn stand_longer(&self, refresh_token: &str) -> Result<Secret, AuthError> {
        let (known, session) = self.read_standing(refresh_token, Kind::Refresh).await?;
        self.active_user(known.user).await?;
        write(&known, session, Kind::Access, self.now())
    }

    async fn read_standing(&self, token: &str, kind: Kind) -> Result<(Known, Uuid), AuthError> {
        let (now, proved) = (self.now(), &self.inner.standing);
        if let Some((session, _)) = proved.get(token, now).filter(|(_, proved)| *proved == kind) {
            return Ok((self.known_session(session).await?.ok_or(AuthError::Ended)?, session));
        }
        let invalid = |_| AuthError::Invalid;
        if token.len() > LONGEST {
            return Err(AuthError::Invalid);
        }
        let Header { alg: Algorithm::HS256, crit: None, .. } = decode_header(token).map_err(invalid)? else {
            return Err(AuthError::Invalid);
        };
        let Claims { jti: session, .. } = dangerous::insecure_decode_claims(token).map_err(invalid)?;
        let known = self.known_session(session).await?.ok_or(AuthError::Ended)?;
        let key = DecodingKey::from_secret(&known.signs.ok_or(AuthError::Invalid)?);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "sub"]);
        validation.validate_aud = false;
        validation.validate_exp = false; // below, by our clock
        let claims: Claims = decode(token, &key, &validation).map_err(invalid)?.claims;
        if claims.kind != kind || claims.jti != session || claims.sub != known.user {
            return Err(AuthError::Invalid);
        }
        let times = Times { exp: claims.exp as f64, iat: claims.iat as f64, nbf: Some(claims.nbf as f64) };
        let what = (session, kind);
        proved.keep(token, Verified { what, until: jwt::in_time(&times, now)? }, now);
        Ok((known, session))
    }
}

fn write(known: &Known, session: Uuid, kind: Kind, now: Timestamp) -> Result<Secret, AuthError> {
    let seconds = |at: Timestamp| at.millis().div_euclid(1_000);
    let until = match kind {
        Kind::Access => now.after(ACCESS_LASTS).min(known.expires_at),
        Kind::Refresh => known.expires_at,
    };
    let (iat, exp) = (seconds(now), seconds(until));
    let claims = Claims { fresh: false, iat, jti: session, kind, sub: known.user, nbf: iat, exp };
    let key = EncodingKey::from_secret(&known.signs.ok_or(AuthError::Invalid)?);
    let written = encode(&Header::new(Algorithm::HS256), &claims, &key);
    Ok(written.map_err(|error| StoreError::Corrupt(format!("key of a session: {error}")))?.into())
}

#[cfg(test)]
mod tests;
