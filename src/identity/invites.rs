//! Invitations: links by which somebody joins an organization, once.
//!
//! Accepting has two steps in two places, because membership belongs to the organization's actor: the invitation is
//! taken for a user, then the user joins, then the invitation is deleted. Of two who take it at once the store lets one
//! win. When the second step fails, or the server dies before it, the invitation stays taken by that user, who may
//! accept it again; for everybody else it is gone.

use super::{
    Identity, InviteError, Refused, Secret,
    error::store_error,
    secret::{self, Digest, Purpose},
};
use serde::{Deserialize, Serialize};
use std::{future::Future, time::Duration};
use tocsin_actors::{
    accounts::check_email,
    domain::{Author, OrgId, Timestamp, UserId, limits, status::Role},
    records::{Record, RecordKind},
    store::{AccountError, StoreError},
};
use tracing::warn;
use uuid::Uuid;

/// How long an invitation is good.
const LASTS: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Open invitations of an organization.
const MOST: usize = 500;
/// How often an invitation is read again that was changed meanwhile: it can be taken only once.
const TRIES: usize = 3;

/// An invitation as the organization, and whoever has its link, sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteInfo {
    /// Its id.
    pub id: Uuid,
    /// Into which organization.
    pub org: OrgId,
    /// For whom it was meant. Whoever has the link may use it.
    pub email: String,
    /// As what they will join.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Author,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// Who has taken it, but not joined yet.
    pub taken_by: Option<UserId>,
}

/// Why somebody could not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError<E> {
    /// The invitation leads nowhere.
    #[error(transparent)]
    Invite(#[from] InviteError),
    /// The organization did not take them. They may try again.
    #[error("could not join")]
    Join(E),
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    email: String,
    role: Role,
    secret: Digest,
    created_at: Timestamp,
    created_by: Author,
    expires_at: Timestamp,
    taken_by: Option<UserId>,
}

impl Identity {
    /// Makes an invitation. The token of its link is told this once.
    pub async fn invite(&self, org: OrgId, by: Author, email: String, role: Role) -> Result<(InviteInfo, Secret), Refused> {
        check_email(&email)?;
        let have = self.inner.records.records_of(RecordKind::Invite, org.uuid(), None, MOST).await?.len();
        limits::room("open invitations", have, MOST)?;
        let (now, id, chance) = (self.now(), Uuid::now_v7(), secret::random());
        let (digest, expires_at) = (Digest::of(&[&chance]), now.after(LASTS));
        let stored = Stored { email, role, secret: digest, created_at: now, created_by: by, expires_at, taken_by: None };
        let record = Record::new(RecordKind::Invite, id, org.uuid(), Some(expires_at), &stored)?;
        let info = InviteInfo::of(&record, stored);
        self.inner.records.put_record(record).await.map_err(store_error)?;
        Ok((info, secret::write(Purpose::Invite, id, &chance)))
    }

    /// What an invitation's link leads to.
    pub async fn find_invite(&self, token: &str) -> Result<InviteInfo, InviteError> {
        let (record, stored) = self.read_invite(token).await?;
        Ok(InviteInfo::of(&record, stored))
    }

    /// Accepts an invitation: takes it for this user, lets them join, and uses it up. `join` may be called again for
    /// the same user, and must not mind.
    pub async fn accept_invite<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        token: &str,
        user: UserId,
        join: impl FnOnce(InviteInfo) -> F,
    ) -> Result<T, AcceptError<E>> {
        let invite = self.take_invite(token, user).await?;
        let (id, org) = (invite.id, invite.org);
        let joined = join(invite).await.map_err(AcceptError::Join)?;
        if let Err(error) = self.inner.records.delete_record(RecordKind::Invite, id).await {
            warn!(%org, invite = %id, %error, "a used invitation is still there, good for its user only");
        }
        Ok(joined)
    }

    /// An organization's open invitations, oldest first.
    pub async fn invites(&self, org: OrgId) -> Result<Vec<InviteInfo>, StoreError> {
        let records = self.inner.records.records_of(RecordKind::Invite, org.uuid(), None, MOST).await?;
        let now = self.now();
        let open = records.iter().filter(|record| record.expires_at.is_some_and(|at| at > now));
        open.map(|record| Ok(InviteInfo::of(record, record.read()?))).collect()
    }

    /// Deletes an invitation. False when the organization has no such invitation.
    pub async fn delete_invite(&self, org: OrgId, id: Uuid) -> Result<bool, StoreError> {
        let record = self.inner.records.record(RecordKind::Invite, id).await?;
        if record.is_none_or(|record| record.owner != org.uuid()) {
            return Ok(false);
        }
        self.inner.records.delete_record(RecordKind::Invite, id).await.map(|()| true)
    }

    async fn read_invite(&self, token: &str) -> Result<(Record, Stored), InviteError> {
        let (id, chance) = secret::read(Purpose::Invite, token).ok_or(InviteError::Unknown)?;
        let record = self.inner.records.record(RecordKind::Invite, id).await?.ok_or(InviteError::Unknown)?;
        let stored: Stored = record.read()?;
        if !Digest::of(&[&chance]).is(&stored.secret) {
            return Err(InviteError::Unknown);
        }
        if stored.expires_at <= self.now() {
            return Err(InviteError::Expired);
        }
        Ok((record, stored))
    }

    async fn take_invite(&self, token: &str, user: UserId) -> Result<InviteInfo, InviteError> {
        for _ in 0..TRIES {
            let (record, stored) = self.read_invite(token).await?;
            match stored.taken_by {
                Some(taken_by) if taken_by == user => return Ok(InviteInfo::of(&record, stored)),
                Some(_) => return Err(InviteError::Taken),
                None => {}
            }
            let taken = Stored { taken_by: Some(user), ..stored };
            match self.inner.records.put_record(record.changed(record.expires_at, &taken)?).await {
                Ok(()) => return Ok(InviteInfo::of(&record, taken)),
                Err(AccountError::Changed) => {} // taken or deleted meanwhile: the next look tells
                Err(error) => return Err(store_error(error).into()),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

impl InviteInfo {
    fn of(record: &Record, stored: Stored) -> Self {
        let Stored { email, role, created_at, created_by, expires_at, taken_by, secret: _ } = stored;
        Self { id: record.id, org: OrgId::new(record.owner), email, role, created_at, created_by, expires_at, taken_by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing::World;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tocsin_actors::testkit::builders::*;

    async fn invited(world: &World) -> (InviteInfo, Secret) {
        world.identity.invite(org(1), Author::User(user(1)), "new@example.org".into(), Role::Member).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_who_accept_at_once_one_joins() {
        let world = World::new().await;
        let (_, token) = invited(&world).await;
        let joined = AtomicUsize::new(0);
        let accept = async |n| {
            let join = async |_: InviteInfo| {
                joined.fetch_add(1, Ordering::SeqCst);
                Ok::<_, ()>(())
            };
            world.identity.accept_invite(token.expose(), user(n), join).await
        };
        let answers = futures::future::join_all((1..=20).map(accept)).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(joined.load(Ordering::SeqCst), 1);
        assert_eq!(world.identity.find_invite(token.expose()).await, Err(InviteError::Unknown), "used up");
        assert_eq!(world.identity.invites(org(1)).await.unwrap(), []);
    }

    #[tokio::test]
    async fn who_took_an_invitation_and_could_not_join_may_try_again_and_nobody_else_may() {
        let world = World::new().await;
        let (info, token) = invited(&world).await;
        let refused = world.identity.accept_invite(token.expose(), user(2), async |_| Err::<(), _>("busy")).await;
        assert_eq!(refused, Err(AcceptError::Join("busy")));
        assert_eq!(world.identity.find_invite(token.expose()).await.unwrap().taken_by, Some(user(2)));
        let other = world.identity.accept_invite(token.expose(), user(3), async |_| Ok::<_, &str>(())).await;
        assert_eq!(other, Err(AcceptError::Invite(InviteError::Taken)));
        let again = world.identity.accept_invite(token.expose(), user(2), async |invite| Ok::<_, &str>(invite)).await.unwrap();
        assert_eq!((again.id, again.org, again.role), (info.id, org(1), Role::Member));
    }

    #[tokio::test]
    async fn an_old_a_deleted_and_an_invented_invitation_lead_nowhere() {
        let world = World::new().await;
        let (info, token) = invited(&world).await;
        let invented = secret::write(Purpose::Invite, info.id, &[7; 32]);
        assert_eq!(world.identity.find_invite(invented.expose()).await, Err(InviteError::Unknown));
        assert!(!world.identity.delete_invite(org(2), info.id).await.unwrap(), "another organization's is an unknown one");
        world.clock.set(start().after(LASTS));
        assert_eq!(world.identity.find_invite(token.expose()).await, Err(InviteError::Expired));
        assert_eq!(world.identity.invites(org(1)).await.unwrap(), []);
        world.clock.set(start());
        assert_eq!(world.identity.invites(org(1)).await.unwrap(), std::slice::from_ref(&info));
        assert!(world.identity.delete_invite(org(1), info.id).await.unwrap());
        assert_eq!(world.identity.find_invite(token.expose()).await, Err(InviteError::Unknown));
    }
}
