//! Checking who somebody is by what they know.

use super::{
    User,
    password::{PasswordHash, Verdict},
};
use crate::{
    domain::Timestamp,
    store::{AccountError, AccountStore, StoreError, UserKey},
};

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// No such user, no password, or another one: which of them is nobody's business.
    #[error("wrong e-mail address or password")]
    Wrong,
    /// The account was switched off.
    #[error("this account is inactive")]
    Inactive,
    /// The store cannot say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The user with this e-mail address and password. An imported hash is replaced by ours on the way.
///
/// Takes tens of milliseconds of a core, on a blocking thread; callers bound how many run at once.
pub async fn login(accounts: &dyn AccountStore, email: &str, password: &str, now: Timestamp) -> Result<User, LoginError> {
    let user = accounts.find_user(UserKey::Email(email.to_owned())).await?;
    let hash = user.as_ref().and_then(|user| user.password.clone()).unwrap_or_else(PasswordHash::of_nobody);
    let password = password.to_owned();
    let verdict = tokio::task::spawn_blocking(move || hash.verify(&password)).await.unwrap_or(Verdict::Wrong);
    let Some(mut user) = user.filter(|user| user.password.is_some()) else { return Err(LoginError::Wrong) };
    match verdict {
        Verdict::Wrong => return Err(LoginError::Wrong),
        Verdict::Right => {}
        Verdict::RightAndUpgraded(hash) => {
            let upgraded = User { password: Some(hash), version: user.version + 1, updated_at: now, ..user.clone() };
            match accounts.replace_user(upgraded.clone()).await {
                Ok(()) => user = upgraded,
                Err(AccountError::Store(error)) => return Err(error.into()),
                Err(_) => {} // changed by somebody else meanwhile: upgraded next time
            }
        }
    }
    if user.active { Ok(user) } else { Err(LoginError::Inactive) }
}
