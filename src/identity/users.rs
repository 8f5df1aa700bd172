//! Users as identity sees them: remembered for a moment, changed so that everybody here feels it at once, and made at
//! first sight when a provider vouches for them.

use super::{AuthError, Caller, Ended, Identity, Who, providers::Claimed, secret::Digest, secret::hex};
use std::sync::Arc;
use tocsin_actors::{
    accounts::{ExternalIdentity, User, check_email},
    domain::{UserId, limits},
    store::{AccountError, StoreError, UserKey},
};
use tracing::info;
use uuid::Uuid;

/// Where the addresses of people end who have none here. Nothing below `.invalid` can ever be reached (RFC 2606).
const NOWHERE: &str = "external.invalid";
/// How often somebody is looked up again who was made by another request at the same moment.
const TRIES: usize = 3;

impl Identity {
    /// Replaces a user who still has the version before this one's, and lets nobody here use what was known before.
    /// The sessions of somebody who was switched off are ended.
    pub async fn replace_user(&self, user: User) -> Result<Arc<User>, AccountError> {
        let user = Arc::new(user);
        let written = self.inner.accounts.replace_user((*user).clone()).await;
        self.user_changed(user.id); // also when it is not known whether it was written
        written?;
        if !user.active {
            self.end_sessions(user.id, None).await?;
        }
        Ok(user)
    }

    /// To be told when a user was changed or deleted past [`Identity::replace_user`].
    pub fn user_changed(&self, user: UserId) {
        self.inner.users.forget(&user);
        self.has_ended(Ended::User(user));
    }

    /// A user, as of at most [`super::REMEMBERED`] ago.
    pub async fn user(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
        let now = self.now();
        if let Some(user) = self.inner.users.get(&id, now) {
            return Ok(Some(user));
        }
        let ticket = self.inner.users.ticket();
        let Some(user) = self.inner.accounts.user(id).await?.map(Arc::new) else { return Ok(None) };
        self.inner.users.put(ticket, id, user.clone(), now);
        Ok(Some(user))
    }

    /// A user who may act.
    pub(super) async fn active_user(&self, id: UserId) -> Result<Arc<User>, AuthError> {
        self.user(id).await?.filter(|user| user.active).ok_or(AuthError::Inactive)
    }

    /// The user behind what a provider said; made now if nobody has seen them before.
    pub(super) async fn external_caller(&self, claimed: &Claimed) -> Result<Caller, AuthError> {
        let key = (claimed.issuer.clone(), claimed.subject.clone());
        let now = self.now();
        let id = match self.inner.external.get(&key, now) {
            Some(id) => id,
            None => {
                let ticket = self.inner.external.ticket();
                let id = self.find_or_make(claimed).await?;
                self.inner.external.put(ticket, key, id, now);
                id
            }
        };
        let user = self.active_user(id).await?;
        Ok(Caller {
            superadmin: user.superadmin,
            who: Who::User(user),
            session: None,
            external_role: claimed.role.clone(),
            external_org: claimed.organization.clone(),
        })
    }

    /// An e-mail address never makes somebody from outside the owner of an account that is there already: whoever
    /// runs the provider, or registers there with somebody else's address, would be let into it.
    async fn find_or_make(&self, claimed: &Claimed) -> Result<UserId, AuthError> {
        let Claimed { issuer, subject, .. } = claimed;
        let by = || UserKey::External { issuer: issuer.clone(), subject: subject.clone() };
        let accounts = &self.inner.accounts;
        let mut email = claimed.verified_email.clone().filter(|email| check_email(email).is_ok());
        let mut number = None;
        for _ in 0..TRIES {
            if let Some(user) = accounts.find_user(by()).await? {
                return Ok(user.id);
            }
            let number = match number {
                Some(number) => number,
                None => *number.insert(accounts.next_number().await?),
            };
            let user = self.first_seen(claimed, email.clone(), number);
            let id = user.id;
            match accounts.create_user(user).await {
                Ok(()) => {
                    info!(user = %id, issuer, "somebody came from a provider for the first time");
                    return Ok(id);
                }
                Err(AccountError::EmailTaken) => email = None,
                Err(AccountError::Store(error)) => return Err(error.into()),
                Err(_) => {} // made by another request meanwhile: found next
            }
        }
        Err(StoreError::Unavailable("somebody new could not be told from somebody known".to_owned()).into())
    }

    fn first_seen(&self, claimed: &Claimed, email: Option<String>, number: u64) -> User {
        let now = self.now();
        let subject = Digest::of(&[claimed.issuer.as_bytes(), b" ", claimed.subject.as_bytes()]);
        let name = claimed.name.as_deref().map(str::trim).filter(|name| limits::name("name", name).is_ok());
        let email = email.unwrap_or_else(|| format!("{}@{NOWHERE}", hex(&subject.bytes()[..16])));
        User {
            number,
            display_name: name.map(str::to_owned),
            external: vec![ExternalIdentity { issuer: claimed.issuer.clone(), subject: claimed.subject.clone() }],
            ..User::new(UserId::new(Uuid::now_v7()), email, now)
        }
    }
}
