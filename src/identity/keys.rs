//! API keys: how a program becomes somebody, in one organization, for as much as it needs.

use super::{
    AuthError, Caller, Ended, Identity, Refused, Secret, Who,
    error::store_error,
    secret::{self, Digest, Purpose},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tocsin_actors::{
    domain::{Author, KeyId, OrgId, ServiceId, Timestamp, limits, rejection::Rejection, status::Role},
    records::{Record, RecordKind},
    store::{AccountError, StoreError},
};
use tracing::debug;
use uuid::Uuid;

/// Keys of an organization.
const MOST: usize = 200;
/// How exactly it is known when a key was last used: often enough for people, seldom enough for the store.
const TOUCH_AFTER: Duration = Duration::from_secs(60);
/// How long an expired key is still shown, so that people see why their program stopped.
const SHOWN_AFTER: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How much a key may do. Each includes the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// What a viewer may.
    Read,
    /// What a member may.
    Write,
    /// What an admin may.
    Admin,
}

impl Access {
    /// The role that may as much.
    pub const fn role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Write => Role::Member,
            Self::Admin => Role::Admin,
        }
    }

    /// The word as it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Access {
    type Err = Rejection;
    fn from_str(text: &str) -> Result<Self, Rejection> {
        let all = [Self::Read, Self::Write, Self::Admin];
        all.into_iter().find(|access| access.as_str() == text).ok_or_else(|| {
            let word: String = text.chars().take(40).collect();
            Rejection::invalid("scopes", format!("`{word}` is not one of read, write, admin"))
        })
    }
}

/// What a key is good for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scopes {
    /// How much.
    pub access: Access,
    /// For which services; none means the whole organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<BTreeSet<ServiceId>>,
}

impl Scopes {
    /// The whole organization.
    pub const fn all(access: Access) -> Self {
        Self { access, services: None }
    }

    /// Whether this may be done to a service or, without one, to the organization as a whole. A key that is restricted
    /// to services may read the whole organization, but change nothing except these.
    pub fn allow(&self, access: Access, service: Option<ServiceId>) -> bool {
        let within = match (&self.services, service) {
            (None, _) => true,
            (Some(services), Some(service)) => access == Access::Read || services.contains(&service),
            (Some(_), None) => access == Access::Read,
        };
        within && self.access >= access
    }

    fn check(&self) -> Result<(), Rejection> {
        let Some(services) = &self.services else { return Ok(()) };
        if services.is_empty() {
            return Err(Rejection::invalid("service_ids", "must name a service, or be left out"));
        }
        if self.access == Access::Admin {
            return Err(Rejection::invalid("scopes", "admin is for the whole organization and cannot be restricted to services"));
        }
        if services.len() > limits::SERVICES {
            return Err(Rejection::invalid("service_ids", format!("must have at most {} entries", limits::SERVICES)));
        }
        Ok(())
    }
}

/// A key as the organization sees it; the secret is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyInfo {
    /// Its id.
    pub id: KeyId,
    /// In which organization it is good.
    pub org: OrgId,
    /// What people call it.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Author,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// As it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    name: String,
    scopes: Scopes,
    secret: Digest,
    created_at: Timestamp,
    created_by: Author,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

/// What is remembered of a key.
pub(super) struct KnownKey {
    org: OrgId,
    stored: Stored,
    /// When its use was last written, or is being written.
    touched: AtomicI64,
}

impl Identity {
    /// Makes a key. Its secret is told this once.
    pub async fn create_key(
        &self,
        org: OrgId,
        by: Author,
        name: String,
        scopes: Scopes,
        expires_at: Option<Timestamp>,
    ) -> Result<(ApiKeyInfo, Secret), Refused> {
        let now = self.now();
        limits::name("name", &name)?;
        scopes.check()?;
        if expires_at.is_some_and(|at| at <= now) {
            return Err(Rejection::invalid("expires_at", "must be in the future").into());
        }
        let have = self.inner.records.records_of(RecordKind::ApiKey, org.uuid(), None, MOST).await?.len();
        limits::room("API keys", have, MOST)?;
        let (id, chance) = (Uuid::now_v7(), secret::random());
        let digest = Digest::of(&[&chance]);
        let stored = Stored { name, scopes, secret: digest, created_at: now, created_by: by, expires_at, last_used_at: None };
        let record = Record::new(RecordKind::ApiKey, id, org.uuid(), expires_at.map(|at| at.after(SHOWN_AFTER)), &stored)?;
        let info = ApiKeyInfo::of(&record, stored);
        self.inner.records.put_record(record).await.map_err(store_error)?;
        Ok((info, secret::write(Purpose::ApiKey, id, &chance)))
    }

    /// An organization's keys, oldest first.
    pub async fn keys(&self, org: OrgId) -> Result<Vec<ApiKeyInfo>, StoreError> {
        let records = self.inner.records.records_of(RecordKind::ApiKey, org.uuid(), None, MOST).await?;
        records.iter().map(|record| Ok(ApiKeyInfo::of(record, record.read()?))).collect()
    }

    /// Deletes a key. False when the organization has no such key.
    pub async fn delete_key(&self, org: OrgId, id: KeyId) -> Result<bool, StoreError> {
        let record = self.inner.records.record(RecordKind::ApiKey, id.uuid()).await?;
        if record.is_none_or(|record| record.owner != org.uuid()) {
            return Ok(false);
        }
        let deleted = self.inner.records.delete_record(RecordKind::ApiKey, id.uuid()).await;
        self.inner.keys.forget(&id); // also when it is not known whether it was deleted
        self.has_ended(Ended::Key(id));
        deleted.map(|()| true)
    }

    pub(super) async fn authenticate_key(&self, bearer: &str) -> Result<Caller, AuthError> {
        let (id, chance) = secret::read(Purpose::ApiKey, bearer).ok_or(AuthError::Invalid)?;
        let (id, now) = (KeyId::new(id), self.now());
        let key = self.known_key(id, now).await?.ok_or(AuthError::Invalid)?;
        if !Digest::of(&[&chance]).is(&key.stored.secret) {
            return Err(AuthError::Invalid);
        }
        if key.stored.expires_at.is_some_and(|at| at <= now) {
            return Err(AuthError::Expired);
        }
        self.touch(id, &key, now);
        let who = Who::Key { id, org: key.org, scopes: key.stored.scopes.clone() };
        Ok(Caller { who, session: None, superadmin: false, external_role: None, external_org: None })
    }

    /// Unknown ids are not remembered: who invents them would only push out the known ones.
    async fn known_key(&self, id: KeyId, now: Timestamp) -> Result<Option<Arc<KnownKey>>, StoreError> {
        if let Some(key) = self.inner.keys.get(&id, now) {
            return Ok(Some(key));
        }
        let ticket = self.inner.keys.ticket();
        let Some(record) = self.inner.records.record(RecordKind::ApiKey, id.uuid()).await? else { return Ok(None) };
        let stored: Stored = record.read()?;
        let touched = AtomicI64::new(stored.last_used_at.map_or(i64::MIN, Timestamp::millis));
        let key = Arc::new(KnownKey { org: OrgId::new(record.owner), stored, touched });
        self.inner.keys.put(ticket, id, key.clone(), now);
        Ok(Some(key))
    }

    /// Writes down that a key was used, once a minute, and lets nobody wait for it. When it cannot be written, the next
    /// use will be.
    fn touch(&self, id: KeyId, key: &KnownKey, now: Timestamp) {
        let before = key.touched.load(Ordering::Relaxed);
        let old = now.millis().saturating_sub(before).unsigned_abs() >= TOUCH_AFTER.as_millis() as u64;
        if !old || key.touched.compare_exchange(before, now.millis(), Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return; // another request does it
        }
        let records = self.inner.records.clone();
        tokio::spawn(async move {
            let written = async {
                let Some(record) = records.record(RecordKind::ApiKey, id.uuid()).await? else { return Ok(()) };
                let stored = Stored { last_used_at: Some(now), ..record.read()? };
                records.put_record(record.changed(record.expires_at, &stored)?).await
            };
            let written: Result<(), AccountError> = written.await;
            if let Err(error) = written {
                debug!(key = %id, %error, "the use of a key was not written down");
            }
        });
    }
}

impl ApiKeyInfo {
    fn of(record: &Record, stored: Stored) -> Self {
        let Stored { name, scopes, created_at, created_by, expires_at, last_used_at, secret: _ } = stored;
        let (id, org) = (KeyId::new(record.id), OrgId::new(record.owner));
        Self { id, org, name, scopes, created_at, created_by, expires_at, last_used_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing::{World, eventually};
    use tocsin_actors::testkit::builders::*;

    async fn key(world: &World, scopes: Scopes, expires_at: Option<Timestamp>) -> (ApiKeyInfo, Secret) {
        world.identity.create_key(org(1), Author::User(user(1)), "deploy".into(), scopes, expires_at).await.unwrap()
    }

    #[tokio::test]
    async fn a_key_lets_a_program_in_until_it_is_deleted() {
        let world = World::new().await;
        let (info, secret) = key(&world, Scopes::all(Access::Write), None).await;
        let caller = world.identity.authenticate(secret.expose()).await.unwrap();
        let Who::Key { id, org: place, scopes } = caller.who else { panic!("not a key: {caller:?}") };
        assert_eq!((id, place, scopes, caller.superadmin), (info.id, org(1), Scopes::all(Access::Write), false));
        assert!(!world.identity.delete_key(org(2), info.id).await.unwrap(), "another organization's key is an unknown one");
        assert!(world.identity.authenticate(secret.expose()).await.is_ok());
        assert!(world.identity.delete_key(org(1), info.id).await.unwrap());
        assert_eq!(world.refused(secret.expose()).await, AuthError::Invalid, "at once, not when it is forgotten");
        assert_eq!(world.identity.keys(org(1)).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_wrong_secret_of_a_known_key_is_refused() {
        let world = World::new().await;
        let (info, secret) = key(&world, Scopes::all(Access::Read), None).await;
        let other = secret::write(Purpose::ApiKey, info.id.uuid(), &[7; 32]);
        assert_eq!(world.refused(other.expose()).await, AuthError::Invalid);
        assert!(world.identity.authenticate(secret.expose()).await.is_ok());
        assert_eq!(world.refused(other.expose()).await, AuthError::Invalid, "remembered or not");
    }

    #[tokio::test]
    async fn an_expired_key_is_refused_and_still_shown() {
        let world = World::new().await;
        let (info, secret) = key(&world, Scopes::all(Access::Read), Some(at(60))).await;
        assert!(world.identity.authenticate(secret.expose()).await.is_ok());
        world.clock.set(at(60));
        assert_eq!(world.refused(secret.expose()).await, AuthError::Expired);
        assert_eq!(world.identity.keys(org(1)).await.unwrap()[0].id, info.id);
        let past = world.identity.create_key(org(1), Author::System, "x".into(), Scopes::all(Access::Read), Some(at(60))).await;
        assert!(matches!(past, Err(Refused::Rule(Rejection::Invalid { field: "expires_at", .. }))), "{past:?}");
    }

    #[tokio::test]
    async fn the_use_of_a_key_is_written_down_once_a_minute() {
        let world = World::new().await;
        let (_, secret) = key(&world, Scopes::all(Access::Read), None).await;
        let used = async || world.identity.keys(org(1)).await.unwrap()[0].last_used_at;
        world.identity.authenticate(secret.expose()).await.unwrap();
        eventually("the use is written", async || used().await == Some(start())).await;
        let writes = world.records.writes();
        for second in 1..60 {
            world.clock.set(at(second));
            world.identity.authenticate(secret.expose()).await.unwrap();
        }
        world.clock.set(at(60));
        world.identity.authenticate(secret.expose()).await.unwrap();
        eventually("the next minute is written", async || used().await == Some(at(60))).await;
        assert_eq!(world.records.writes(), writes + 1);
    }

    #[tokio::test]
    async fn an_organization_cannot_have_keys_without_end() {
        let world = World::new().await;
        for _ in 0..MOST {
            key(&world, Scopes::all(Access::Read), None).await;
        }
        let more = world.identity.create_key(org(1), Author::System, "x".into(), Scopes::all(Access::Read), None).await;
        assert!(matches!(more, Err(Refused::Rule(Rejection::TooMany { .. }))), "{more:?}");
        assert!(world.identity.create_key(org(2), Author::System, "x".into(), Scopes::all(Access::Read), None).await.is_ok());
    }

    #[test]
    fn a_restricted_key_reads_everything_and_changes_only_its_services() {
        let scopes = Scopes { access: Access::Write, services: Some([service(1)].into()) };
        for (access, service, may) in [
            (Access::Read, None, true),
            (Access::Read, Some(service(2)), true),
            (Access::Write, Some(service(1)), true),
            (Access::Write, Some(service(2)), false),
            (Access::Write, None, false),
            (Access::Admin, Some(service(1)), false),
        ] {
            assert_eq!(scopes.allow(access, service), may, "{access:?} {service:?}");
        }
        assert!(!Scopes::all(Access::Read).allow(Access::Write, None));
        assert!(Scopes::all(Access::Admin).allow(Access::Write, Some(service(2))));
        assert!(Scopes { access: Access::Admin, services: Some([service(1)].into()) }.check().is_err());
        assert!(Scopes { access: Access::Read, services: Some([].into()) }.check().is_err());
    }
}
