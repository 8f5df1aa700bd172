//! What every JSON Web Token must be, ours and those of providers, before anything in it is believed.
//!
//! The algorithm is the verifier's choice, never the token's: a key is only ever used with the algorithms that it was
//! configured for. Times are compared with our clock here and not by the library, so that tests can say what time it is.

use super::AuthError;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, dangerous, decode};
use serde::{Deserialize, de::DeserializeOwned};
use tocsin_actors::domain::Timestamp;

/// By how much clocks may disagree, in seconds.
pub(super) const LEEWAY_S: i64 = 5;
/// The longest token that is looked at: several times what providers put into one, and what fits into a header.
pub(super) const LONGEST: usize = 16 * 1024;

/// What a token says of itself: enough to choose who verifies it, and not to be believed before that.
pub(super) struct Unverified {
    pub(super) algorithm: Algorithm,
    pub(super) kind: Option<String>,
    pub(super) key: String,
    pub(super) issuer: String,
}

/// Reads what a token says of itself.
pub(super) fn peek(token: &str) -> Result<Unverified, AuthError> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    if token.len() > LONGEST {
        return Err(AuthError::Invalid);
    }
    let Header { alg, typ, kid: Some(key), crit: None, .. } = jsonwebtoken::decode_header(token).map_err(|_| AuthError::Invalid)?
    else {
        return Err(AuthError::Invalid); // no key named, or something critical that we do not know
    };
    let Issuer { iss } = dangerous::insecure_decode_claims(token).map_err(|_| AuthError::Invalid)?;
    Ok(Unverified { algorithm: alg, kind: typ, key, issuer: iss })
}

/// What a token must be to be believed.
pub(super) struct Expected<'a> {
    pub(super) key: &'a DecodingKey,
    /// Chosen from what the key may be used for.
    pub(super) algorithm: Algorithm,
    pub(super) issuer: &'a str,
    /// Empty for providers whose tokens are for nobody in particular.
    pub(super) audiences: &'a [String],
}

/// From when until when a token is good, in seconds.
#[derive(Deserialize)]
pub(super) struct Times {
    pub(super) exp: f64,
    pub(super) iat: f64,
    pub(super) nbf: Option<f64>,
}

/// What a token says that was verified, and until when it is good.
#[derive(Clone)]
pub(super) struct Verified<T> {
    pub(super) what: T,
    pub(super) until: Timestamp,
}

impl<T> Verified<T> {
    /// What it means.
    pub(super) fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, AuthError>) -> Result<Verified<U>, AuthError> {
        Ok(Verified { what: read(self.what)?, until: self.until })
    }
}

/// The claims of a token whose signature, issuer, audience and times are right.
pub(super) fn verify<T: DeserializeOwned>(token: &str, expected: Expected<'_>, now: Timestamp) -> Result<Verified<T>, AuthError> {
    let Expected { key, algorithm, issuer, audiences } = expected;
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    validation.set_issuer(&[issuer]);
    if audiences.is_empty() {
        validation.validate_aud = false;
    } else {
        validation.required_spec_claims.insert("aud".to_owned());
        validation.set_audience(audiences);
    }
    validation.validate_exp = false; // below, by our clock
    let claims: serde_json::Value = decode(token, key, &validation).map_err(|_| AuthError::Invalid)?.claims;
    let times = Times::deserialize(&claims).map_err(|_| AuthError::Invalid)?;
    let until = in_time(&times, now)?;
    let what = T::deserialize(claims).map_err(|_| AuthError::Invalid)?;
    Ok(Verified { what, until })
}

/// Whether it is good now, and until when it will be.
pub(super) fn in_time(times: &Times, now: Timestamp) -> Result<Timestamp, AuthError> {
    let now = now.millis() as f64 / 1_000.0;
    let leeway = LEEWAY_S as f64;
    if times.iat > now + leeway || times.nbf.is_some_and(|nbf| nbf > now + leeway) {
        return Err(AuthError::Invalid);
    }
    let until = times.exp + leeway;
    if until <= now { Err(AuthError::Expired) } else { Ok(Timestamp::from_millis((until * 1_000.0) as i64)) }
}
