//! Becoming somebody by a password, and changing it.

use super::{Busy, ClientHint, Identity, LoginRefused, PasswordRefused, Tokens, throttle::Attempt};
use std::sync::Arc;
use tocsin_actors::{
    accounts::{
        User,
        login::{LoginError, login},
        password::{PasswordHash, Verdict},
    },
    domain::{UserId, rejection::Rejection},
    store::{AccountError, StoreError},
};
use tokio::time::Instant;
use uuid::Uuid;

/// The fewest characters of a password (NIST SP 800-63B asks for 8 and for no rules about kinds of characters).
const SHORTEST: usize = 8;
/// The most characters: more than anybody types, and little enough to be hashed by the way.
const LONGEST: usize = 256;
/// How often a password is written again that lost against another change of the same user.
const TRIES: usize = 3;

/// Somebody who logged in.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who.
    pub user: Arc<User>,
    /// What they need from now on.
    pub tokens: Tokens,
}

/// Whether this may become somebody's password. Whoever asks calls it by the name of its field.
pub fn check_password(field: &'static str, password: &str) -> Result<(), Rejection> {
    if password.chars().nth(SHORTEST - 1).is_none() {
        return Err(Rejection::invalid(field, format!("must have at least {SHORTEST} characters")));
    }
    if is_too_long(password) {
        return Err(Rejection::invalid(field, format!("must have at most {LONGEST} characters")));
    }
    Ok(())
}

fn is_too_long(password: &str) -> bool {
    password.chars().nth(LONGEST).is_some()
}

impl Identity {
    /// Logs somebody in by e-mail address and password.
    pub async fn login(&self, email: &str, password: &str, from: ClientHint) -> Result<Session, LoginRefused> {
        let refuse_at = Instant::now() + self.inner.refusal_takes;
        let attempt = self.inner.throttle.attempt(email, from.address, self.now());
        let attempt = attempt.map_err(|retry_after| LoginRefused::Throttled { retry_after })?;
        let answer = self.check_login(email, password).await;
        self.settle(attempt, answer.as_ref().err());
        let refused = match answer {
            Ok(user) => match self.open_checked(&user, from).await? {
                Some(tokens) => return Ok(Session { user: Arc::new(user), tokens }),
                None => LoginRefused::Wrong,
            },
            Err(refused) => refused,
        };
        if refused == LoginRefused::Wrong {
            tokio::time::sleep_until(refuse_at).await;
        }
        Err(refused)
    }

    /// Hashes the password of a new account. See [`check_password`] for what may be one.
    pub async fn hash_password(&self, password: String) -> Result<PasswordHash, Busy> {
        self.inner.hashers.compute(move || PasswordHash::new(&password)).await
    }

    /// Changes a password for somebody who knows the old one, and ends all of their sessions but, perhaps, one.
    pub async fn change_password(
        &self,
        user: UserId,
        old: String,
        new: String,
        keep: Option<Uuid>,
        from: ClientHint,
    ) -> Result<Arc<User>, PasswordRefused> {
        check_password("new_password", &new).map_err(PasswordRefused::Rule)?;
        let mut user = self.inner.accounts.user(user).await?.ok_or(PasswordRefused::Wrong)?;
        let hash = user.password.clone().ok_or(PasswordRefused::NoPassword)?;
        let attempt = self.inner.throttle.attempt(&user.email, from.address, self.now());
        let attempt = attempt.map_err(|retry_after| PasswordRefused::Throttled { retry_after })?;
        let known = hash.clone();
        let work = move || (!is_too_long(&old) && known.verify(&old) != Verdict::Wrong).then(|| PasswordHash::new(&new));
        let changed = match self.inner.hashers.compute(work).await {
            Ok(changed) => changed.ok_or(PasswordRefused::Wrong)?,
            Err(busy) => {
                self.inner.throttle.not_tried(attempt);
                return Err(busy.into());
            }
        };
        self.inner.throttle.succeeded(attempt);
        for _ in 0..TRIES {
            let version = user.version + 1;
            let next = User { password: Some(changed.clone()), version, updated_at: self.now(), ..user.clone() };
            match self.replace_user(next).await {
                Ok(user) => {
                    self.end_sessions(user.id, keep).await?;
                    return Ok(user);
                }
                Err(AccountError::Changed) => {
                    let now = self.inner.accounts.user(user.id).await?;
                    user = now.filter(|user| user.password.as_ref() == Some(&hash)).ok_or(PasswordRefused::Wrong)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccountError::Changed.into())
    }

    async fn check_login(&self, email: &str, password: &str) -> Result<User, LoginRefused> {
        if is_too_long(password) {
            return Err(LoginRefused::Wrong); // whoever has the account
        }
        let (accounts, now) = (self.inner.accounts.clone(), self.now());
        let (email, password) = (email.to_owned(), password.to_owned());
        let checked = self.inner.hashers.run(async move { login(&*accounts, &email, &password, now).await }).await?;
        checked.map_err(|error| match error {
            LoginError::Wrong => LoginRefused::Wrong,
            LoginError::Inactive => LoginRefused::Inactive,
            LoginError::Store(error) => LoginRefused::Store(error),
        })
    }

    fn settle(&self, attempt: Attempt, refused: Option<&LoginRefused>) {
        match refused {
            Some(LoginRefused::Wrong) => {} // it was counted when it began
            None | Some(LoginRefused::Inactive) => self.inner.throttle.succeeded(attempt),
            Some(LoginRefused::Throttled { .. } | LoginRefused::Busy(_) | LoginRefused::Store(_)) => {
                self.inner.throttle.not_tried(attempt);
            }
        }
    }

    /// Opens a session, but not for a password that was changed while it was checked: whoever changed it has ended
    /// the sessions that were there, and thinks that these are all.
    async fn open_checked(&self, user: &User, from: ClientHint) -> Result<Option<Tokens>, StoreError> {
        let tokens = self.open_session(user, from).await?;
        let now = self.inner.accounts.user(user.id).await?;
        if now.is_some_and(|now| now.active && now.password == user.password) {
            return Ok(Some(tokens));
        }
        self.logout(tokens.session).await?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{
        AuthError,
        testing::{PASSWORD, World, here},
    };
    use std::time::Duration;
    use tocsin_actors::{store::AccountStore, testkit::builders::person};

    fn elsewhere() -> ClientHint {
        ClientHint { address: [198, 51, 100, 1].into(), user_agent: None }
    }

    #[tokio::test]
    async fn a_guesser_is_slowed_down_and_the_owner_gets_in_from_elsewhere() {
        let world = World::new().await;
        let user = world.person(1).await;
        for _ in 0..10 {
            assert_eq!(world.identity.login(&user.email, "guess", here()).await.unwrap_err(), LoginRefused::Wrong);
        }
        let throttled = LoginRefused::Throttled { retry_after: Duration::from_secs(1) };
        assert_eq!(world.identity.login(&user.email, PASSWORD, here()).await.unwrap_err(), throttled);
        assert!(world.identity.login(&user.email, PASSWORD, elsewhere()).await.is_ok());
    }

    #[tokio::test]
    async fn a_flood_of_logins_leaves_time_for_everything_else() {
        let world = World::new().await; // one worker: whoever blocks it blocks the test
        let user = world.person(1).await;
        let login = |n: u8| {
            let from = ClientHint { address: [192, 0, 2, n].into(), user_agent: None };
            world.identity.login(&user.email, PASSWORD, from)
        };
        let flood = futures::future::join_all((0..20).map(login));
        let mut turns = 0_u64;
        let everything_else = async {
            loop {
                turns += 1;
                tokio::task::yield_now().await;
            }
        };
        let answers = tokio::select! { answers = flood => answers, () = everything_else => unreachable!() };
        assert!(answers.iter().all(Result::is_ok));
        assert!(turns > 1_000, "only {turns} turns while 20 passwords were checked");
    }

    #[tokio::test]
    async fn an_unknown_account_and_one_without_a_password_are_refused_alike() {
        let world = World::new().await;
        world.accounts.create_user(person(1)).await.unwrap();
        for email in ["nobody@example.org", &person(1).email] {
            assert_eq!(world.identity.login(email, PASSWORD, here()).await.unwrap_err(), LoginRefused::Wrong);
        }
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(world.identity.login("nobody@example.org", &long, here()).await.unwrap_err(), LoginRefused::Wrong);
    }

    #[tokio::test]
    async fn a_new_password_ends_the_other_sessions() {
        let world = World::new().await;
        let user = world.person(1).await;
        let (here_now, other) = (world.login(&user).await.tokens, world.login(&user).await.tokens);
        let change = async |old: &str, new: &str| {
            world.identity.change_password(user.id, old.into(), new.into(), Some(here_now.session), here()).await
        };
        assert_eq!(change("guess", "new password").await.unwrap_err(), PasswordRefused::Wrong);
        assert!(matches!(change(PASSWORD, "short").await.unwrap_err(), PasswordRefused::Rule(_)));
        change(PASSWORD, "new password").await.unwrap();
        assert!(world.identity.authenticate(here_now.access_token.expose()).await.is_ok());
        assert_eq!(world.refused(other.access_token.expose()).await, AuthError::Ended);
        assert_eq!(world.identity.login(&user.email, PASSWORD, here()).await.unwrap_err(), LoginRefused::Wrong);
        assert!(world.identity.login(&user.email, "new password", here()).await.is_ok());
    }

    #[tokio::test]
    async fn a_login_that_began_before_the_password_was_changed_opens_no_session() {
        let world = World::new().await;
        let before = world.person(1).await;
        let changed = world.identity.change_password(before.id, PASSWORD.into(), "new password".into(), None, here()).await;
        assert!(changed.is_ok());
        assert!(world.identity.open_checked(&before, here()).await.unwrap().is_none());
        assert_eq!(world.identity.sessions(before.id).await.unwrap(), []);
    }

    #[tokio::test]
    async fn guesses_at_the_old_password_are_slowed_down_too() {
        let world = World::new().await;
        let user = world.person(1).await;
        let guess = || world.identity.change_password(user.id, "guess".into(), "new password".into(), None, here());
        for _ in 0..10 {
            assert_eq!(guess().await.unwrap_err(), PasswordRefused::Wrong);
        }
        assert!(matches!(guess().await.unwrap_err(), PasswordRefused::Throttled { .. }));
    }
}
