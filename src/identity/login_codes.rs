//! What the login page hands to a front end, to be exchanged for tokens: good once, for a minute, for the client and the
//! address that asked, and only for who knows the secret behind the challenge (PKCE, RFC 7636).
//!
//! They are records, so that another server can exchange what this one handed out. One that comes back twice ends its
//! session: then two have it, and nobody can tell which of them is its owner.

use super::{
    AuthError, Identity, Secret,
    error::store_error,
    secret::{self, Digest, Purpose},
};
use aws_lc_rs::constant_time;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tocsin_actors::{
    accounts::User,
    domain::{OrgId, UserId},
    records::{Record, RecordKind},
    store::{AccountError, StoreError},
};
use tracing::warn;
use uuid::Uuid;

/// How long a code is good: a front end comes with it at once.
const LASTS: Duration = Duration::from_secs(60);
/// How often a code is looked at again that was used in this moment.
const TRIES: usize = 3;

/// What somebody logged in for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who signs what they get.
    pub issuer: String,
    /// The client that asked.
    pub client: String,
    /// Where it wants the code.
    pub redirect_uri: String,
    /// What it will know the secret of: its SHA-256, in base64 for addresses.
    pub challenge: String,
    /// What it wants to read in the ID token.
    pub nonce: Option<String>,
    /// What it asked for, in words.
    pub scope: String,
    /// The session at the login page.
    pub session: Uuid,
    /// Who they are.
    pub user: UserId,
    /// For which organization they came.
    pub org: OrgId,
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    secret: Digest,
    used: bool,
    grant: Grant,
}

/// What somebody says who brings a code.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The code.
    pub code: &'a str,
    /// Which client they are.
    pub client: &'a str,
    /// Where they got it.
    pub redirect_uri: &'a str,
    /// The secret behind the challenge.
    pub verifier: &'a str,
}

impl Identity {
    /// Makes a code.
    pub async fn login_code(&self, grant: Grant) -> Result<Secret, StoreError> {
        let (id, chance) = (Uuid::now_v7(), secret::random());
        let owner = grant.session;
        let stored = Stored { secret: Digest::of(&[&chance]), used: false, grant };
        let record = Record::new(RecordKind::LoginCode, id, owner, Some(self.now().after(LASTS)), &stored)?;
        self.inner.records.put_record(record).await.map_err(store_error)?;
        Ok(secret::write(Purpose::LoginCode, id, &chance))
    }

    /// What somebody logged in for who brings a code, and who they are. The code is used up by this, whatever they say beside
    /// it.
    pub async fn exchange_code(&self, brought: Exchange<'_>) -> Result<(Grant, Arc<User>), AuthError> {
        let (id, chance) = secret::read(Purpose::LoginCode, brought.code).ok_or(AuthError::Invalid)?;
        for _ in 0..TRIES {
            let record = self.inner.records.record(RecordKind::LoginCode, id).await?.ok_or(AuthError::Invalid)?;
            let stored: Stored = record.read()?;
            if !Digest::of(&[&chance]).is(&stored.secret) {
                return Err(AuthError::Invalid);
            }
            if stored.used {
                let Grant { session, user, .. } = stored.grant;
                warn!(%session, %user, "a login code was used twice: its session ends");
                self.logout(session).await?;
                return Err(AuthError::Ended);
            }
            let (expires_at, used) = (record.expires_at, Stored { used: true, ..stored });
            match self.inner.records.put_record(record.changed(expires_at, &used)?).await {
                Ok(()) if expires_at.is_none_or(|at| at <= self.now()) => return Err(AuthError::Expired),
                Ok(()) => {
                    let grant = used.grant.given_to(&brought)?;
                    let user = self.somebody_in(grant.user, grant.session).await?;
                    return Ok((grant, user));
                }
                Err(AccountError::Changed) => {} // used by somebody else in this moment: the next look tells
                Err(error) => return Err(store_error(error).into()),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

impl Grant {
    /// Only to who asked for it.
    fn given_to(self, brought: &Exchange<'_>) -> Result<Self, AuthError> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Digest::of(&[brought.verifier.as_bytes()]).bytes());
        let knows = constant_time::verify_slices_are_equal(challenge.as_bytes(), self.challenge.as_bytes()).is_ok();
        let theirs = knows && self.client == brought.client && self.redirect_uri == brought.redirect_uri;
        if theirs { Ok(self) } else { Err(AuthError::Invalid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing::World;
    use tocsin_actors::testkit::builders::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const AT: &str = "http://localhost:5173";

    async fn granted(world: &World) -> (Grant, Secret) {
        let user = world.person(1).await;
        let session = world.login(&user).await.tokens.session;
        let grant = Grant {
            issuer: "http://localhost:8000/".into(),
            client: "tocsin".into(),
            redirect_uri: AT.into(),
            challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into(), // of RFC 7636, appendix B
            nonce: Some("n".into()),
            scope: "openid".into(),
            session,
            user: user.id,
            org: org(1),
        };
        let code = world.identity.login_code(grant.clone()).await.unwrap();
        (grant, code)
    }

    fn brings(code: &Secret) -> Exchange<'_> {
        Exchange { code: code.expose(), client: "tocsin", redirect_uri: AT, verifier: VERIFIER }
    }

    #[tokio::test]
    async fn a_code_is_exchanged_once_by_who_asked_for_it_on_any_server() {
        let world = World::new().await;
        let (grant, code) = granted(&world).await;
        assert_eq!(world.another().await.exchange_code(brings(&code)).await.unwrap().0, grant);
        assert_eq!(world.identity.session_owner(grant.session).await.unwrap(), Some(grant.user));
        assert_eq!(world.identity.exchange_code(brings(&code)).await.unwrap_err(), AuthError::Ended);
        assert_eq!(world.identity.session_owner(grant.session).await.unwrap(), None, "used twice: its session ends");
    }

    #[tokio::test]
    async fn a_code_is_for_nobody_else_and_is_used_up_by_the_try() {
        let world = World::new().await;
        let wrong: [fn(&mut Exchange<'_>); 5] = [
            |brought| brought.client = "another",
            |brought| brought.redirect_uri = "http://localhost:5173/",
            |brought| brought.verifier = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            |brought| brought.verifier = "",
            |brought| brought.redirect_uri = "https://evil.example.org",
        ];
        let (grant, _) = granted(&world).await;
        for wrong in wrong {
            let code = world.identity.login_code(grant.clone()).await.unwrap();
            let mut brought = brings(&code);
            wrong(&mut brought);
            assert_eq!(world.identity.exchange_code(brought).await.unwrap_err(), AuthError::Invalid, "{brought:?}");
        }
        assert!(world.identity.session_owner(grant.session).await.unwrap().is_some(), "a try alone ends nothing");
        let code = world.identity.login_code(grant).await.unwrap();
        let invented = format!("{}00", &code.expose()[..code.expose().len() - 2]);
        for nothing in ["", "toc_c_", &invented] {
            let brought = Exchange { code: nothing, ..brings(&code) };
            assert_eq!(world.identity.exchange_code(brought).await.unwrap_err(), AuthError::Invalid);
        }
        assert!(world.identity.exchange_code(brings(&code)).await.is_ok(), "who knows only its id cannot use it up");
    }

    #[tokio::test]
    async fn a_code_is_good_for_a_minute() {
        let world = World::new().await;
        let (_, code) = granted(&world).await;
        world.clock.set(start().after(LASTS));
        assert_eq!(world.identity.exchange_code(brings(&code)).await.unwrap_err(), AuthError::Expired);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_who_bring_a_code_at_once_one_gets_something() {
        let world = World::new().await;
        let (grant, code) = granted(&world).await;
        let all = futures::future::join_all((0..10).map(|_| world.identity.exchange_code(brings(&code)))).await;
        assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1);
        assert_eq!(world.identity.session_owner(grant.session).await.unwrap(), None);
    }
}
