//! Why somebody is not let in. None of these says more to a stranger than it must; which answer each one becomes is
//! the HTTP layer's business.

use super::passwords::Busy;
use std::time::Duration;
use tocsin_actors::{
    domain::rejection::Rejection,
    store::{AccountError, StoreError},
};

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Not ours, tampered with, unknown, deleted: which of them is nobody's business.
    #[error("these credentials are not valid")]
    Invalid,
    /// It was good once. Whoever has a refresh token uses it now.
    #[error("these credentials have expired")]
    Expired,
    /// The session was ended: by its user, by a new password, or because a refresh token was used twice.
    #[error("this session has ended")]
    Ended,
    /// The account was switched off, or is gone.
    #[error("this account is inactive")]
    Inactive,
    /// The token may be good, but the keys of the provider that signed it cannot be had.
    #[error("the identity provider cannot be reached")]
    ProviderUnavailable,
    /// The store cannot say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why somebody is not logged in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    /// No such user, no password, or another one: which of them is nobody's business.
    #[error("wrong e-mail address or password")]
    Wrong,
    /// The password is right, but the account was switched off.
    #[error("this account is inactive")]
    Inactive,
    /// Too many failures from there. The password was not looked at.
    #[error("too many failed logins")]
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many logins at once.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store cannot say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a password was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// The old password is another one.
    #[error("wrong password")]
    Wrong,
    /// They come from an identity provider and have no password here.
    #[error("this account has no password")]
    NoPassword,
    /// The new password is not one that we take.
    #[error(transparent)]
    Rule(Rejection),
    /// Too many wrong old passwords. It was not looked at.
    #[error("too many wrong passwords")]
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many passwords at once.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The account could not be written.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<StoreError> for PasswordRefused {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

/// Why a key or an invitation was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not one that we keep.
    #[error(transparent)]
    Rule(Rejection),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Rule(rejection)
    }
}

/// Why an invitation leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// Never made, deleted or used up: which of them is nobody's business.
    #[error("there is no such invitation")]
    Unknown,
    /// It was good once.
    #[error("this invitation has expired")]
    Expired,
    /// Somebody else was faster.
    #[error("this invitation was accepted by somebody else")]
    Taken,
    /// The store cannot say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store's part of a refused write of a record; the rest is the writer's to understand.
pub(super) fn store_error(error: AccountError) -> StoreError {
    match error {
        AccountError::Store(error) => error,
        other => StoreError::Unknown(other.to_string()), // an id drawn by chance cannot be taken
    }
}
