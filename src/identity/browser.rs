//! Being logged in at our own login page: a session of which the browser keeps a cookie instead of tokens.
//!
//! The cookie is good for one thing, to be given codes and pages without a password (see `login_codes`). It does not change
//! while the session lasts: it never leaves the browser, and no program can read it. The refresh token of such a session is
//! told to nobody.

use super::{
    AuthError, Identity, Secret,
    error::store_error,
    secret::{self, Digest, Purpose, Random},
    sessions::{LASTS, Stored},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tocsin_actors::{
    accounts::User,
    domain::OrgId,
    records::{Record, RecordKind},
    store::{AccountError, StoreError},
};
use uuid::Uuid;

/// How exactly it is known when such a session was last used: often enough to keep it, seldom enough for the store.
const TOUCH_AFTER: Duration = Duration::from_secs(3_600);
/// How often a session is written again that was changed meanwhile.
const TRIES: usize = 3;

/// Somebody who is logged in at the login page.
#[derive(Debug, Clone)]
pub struct BrowserSession {
    /// The session.
    pub id: Uuid,
    /// Whose it is.
    pub user: Arc<User>,
    /// For which of their organizations they chose to come.
    pub org: Option<OrgId>,
}

/// What a session keeps of it.
#[derive(Serialize, Deserialize)]
pub(super) struct InBrowser {
    cookie: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org: Option<OrgId>,
}

impl Identity {
    /// The cookie for a session that was opened a moment ago. A session that has one already gets another.
    pub async fn keep_in_browser(&self, session: Uuid) -> Result<Secret, AuthError> {
        let cookie: Random = secret::random();
        self.change_session(session, |stored| {
            stored.browser = Some(InBrowser { cookie: Digest::of(&[&cookie]), org: None });
        })
        .await?;
        Ok(secret::write(Purpose::Browser, session, &cookie))
    }

    /// Who is logged in, by their cookie; nobody if it is none of ours, or the session has ended, or they may not any more.
    pub async fn browser_session(&self, cookie: &str) -> Result<Option<BrowserSession>, StoreError> {
        let Some((id, chance)) = secret::read(Purpose::Browser, cookie) else { return Ok(None) };
        let Some(record) = self.inner.records.record(RecordKind::Session, id).await? else { return Ok(None) };
        let mut stored: Stored = record.read()?;
        let now = self.now();
        let alive = record.expires_at.is_some_and(|at| at > now);
        let Some(browser) = stored.browser.as_ref().filter(|browser| alive && Digest::of(&[&chance]).is(&browser.cookie)) else {
            return Ok(None);
        };
        let org = browser.org;
        let user = match self.active_user(stored.user).await {
            Ok(user) => user,
            Err(AuthError::Store(error)) => return Err(error),
            Err(_) => return Ok(None),
        };
        if stored.last_used_at.after(TOUCH_AFTER) <= now {
            stored.last_used_at = now;
            match self.write(&record, stored).await {
                Ok(()) | Err(AccountError::Changed) => {} // used, or ended, by somebody else in this moment
                Err(error) => return Err(store_error(error)),
            }
        }
        Ok(Some(BrowserSession { id, user, org }))
    }

    /// Remembers for which organization somebody came.
    pub async fn choose_organization(&self, session: Uuid, org: OrgId) -> Result<(), AuthError> {
        self.change_session(session, |stored| stored.browser.iter_mut().for_each(|browser| browser.org = Some(org))).await
    }

    async fn change_session(&self, session: Uuid, change: impl Fn(&mut Stored)) -> Result<(), AuthError> {
        for _ in 0..TRIES {
            let record = self.inner.records.record(RecordKind::Session, session).await?.ok_or(AuthError::Ended)?;
            let mut stored: Stored = record.read()?;
            change(&mut stored);
            match self.write(&record, stored).await {
                Ok(()) => return Ok(()),
                Err(AccountError::Changed) => {}
                Err(error) => return Err(store_error(error).into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn write(&self, record: &Record, stored: Stored) -> Result<(), AccountError> {
        let expires_at = Some(stored.last_used_at.after(LASTS));
        self.inner.records.put_record(record.changed(expires_at, &stored)?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing::World;
    use tocsin_actors::{store::AccountStore, testkit::builders::*};

    async fn logged_in(world: &World) -> (User, Uuid, Secret) {
        let user = world.person(1).await;
        let session = world.login(&user).await.tokens.session;
        let cookie = world.identity.keep_in_browser(session).await.unwrap();
        (user, session, cookie)
    }

    #[tokio::test]
    async fn a_browser_is_known_by_its_cookie_on_every_server() {
        let world = World::new().await;
        let (user, session, cookie) = logged_in(&world).await;
        for identity in [&world.identity, &world.another().await] {
            let known = identity.browser_session(cookie.expose()).await.unwrap().unwrap();
            assert_eq!((known.id, known.user.id, known.org), (session, user.id, None));
        }
        world.identity.choose_organization(session, org(3)).await.unwrap();
        assert_eq!(world.identity.browser_session(cookie.expose()).await.unwrap().unwrap().org, Some(org(3)));
    }

    #[tokio::test]
    async fn what_is_no_cookie_lets_nobody_in() {
        let world = World::new().await;
        let (user, session, cookie) = logged_in(&world).await;
        let other = world.login(&user).await.tokens;
        let invented = secret::write(Purpose::Browser, session, &[7; 32]);
        // A refresh token, even one that was used up, is no way to a cookie.
        let of_refresh = other.refresh_token.expose().replace("toc_r_", "toc_b_");
        for wrong in ["", "toc_b_", invented.expose(), &of_refresh, other.refresh_token.expose(), &cookie.expose()[1..]] {
            assert!(world.identity.browser_session(wrong).await.unwrap().is_none(), "{wrong}");
        }
        let as_refresh = cookie.expose().replace("toc_b_", "toc_r_");
        assert_eq!(world.identity.refresh(&as_refresh).await.unwrap_err(), AuthError::Invalid);
        assert!(world.identity.browser_session(cookie.expose()).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_cookie_ends_with_its_session_and_with_its_user() {
        let world = World::new().await;
        let (user, session, cookie) = logged_in(&world).await;
        let off = User { active: false, version: 2, ..user.clone() };
        world.accounts.replace_user(off).await.unwrap();
        world.identity.user_changed(user.id);
        assert!(world.identity.browser_session(cookie.expose()).await.unwrap().is_none());
        world.accounts.replace_user(User { version: 3, ..user.clone() }).await.unwrap();
        world.identity.user_changed(user.id);
        assert!(world.identity.browser_session(cookie.expose()).await.unwrap().is_some());
        world.identity.logout(session).await.unwrap();
        assert!(world.identity.browser_session(cookie.expose()).await.unwrap().is_none());
        assert_eq!(world.identity.choose_organization(session, org(1)).await, Err(AuthError::Ended));
        assert!(world.identity.keep_in_browser(session).await.is_err());
    }

    #[tokio::test]
    async fn a_session_that_is_used_goes_on_and_one_that_is_not_does_not() {
        let world = World::new().await;
        let (_, _, cookie) = logged_in(&world).await;
        let days = |days: i64| at(days * 86_400);
        for day in [20, 40, 60] {
            world.clock.set(days(day));
            assert!(world.identity.browser_session(cookie.expose()).await.unwrap().is_some(), "day {day}");
        }
        world.clock.set(days(60 + 30));
        assert!(world.identity.browser_session(cookie.expose()).await.unwrap().is_none());
    }
}
