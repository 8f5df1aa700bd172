//! Users, names and numbers. Whether a name is free is asked in the transaction that takes it, and there is one writer.

use super::{
    EmbeddedStore, ReadError,
    tables::{
        DOCUMENTS, Id, MEMBERSHIPS, NAMES, NEXT_NUMBER, Tables, USER_NAMES, USERS, documents_prefix, membership_key, prefix_end,
        time,
    },
    writer::Job,
};
use crate::store::documents::{self, Collection};
use futures::future::{BoxFuture, FutureExt};
use redb::{ReadTransaction, ReadableTable};
use tocsin_actors::{
    accounts::{User, folded},
    domain::{Name, OrgId, Timestamp, UserId},
    store::{AccountError, AccountStore, Later, StoreError, UserKey},
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// A change of accounts with its outcome, which counts when the transaction does.
struct Change<F, T> {
    change: Option<F>,
    outcome: Option<Result<T, AccountError>>,
    answer: oneshot::Sender<Result<T, AccountError>>,
}

impl<F, T> Job for Change<F, T>
where
    F: FnOnce(&mut Tables<'_>) -> Result<Result<T, AccountError>, redb::Error> + Send,
    T: Send,
{
    fn bytes(&self) -> usize {
        1_000 // about a user
    }
    fn write(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        if let Some(change) = self.change.take() {
            self.outcome = Some(change(tables)?);
        }
        Ok(())
    }
    fn answer(self: Box<Self>, written: Result<(), StoreError>) {
        let never = || Err(StoreError::Unknown("the change was never made".into()).into());
        let Self { outcome, answer, .. } = *self;
        let outcome = written.map_err(AccountError::from).and_then(|()| outcome.unwrap_or_else(never));
        drop(answer.send(outcome)); // nobody may wait any more
    }
}

impl EmbeddedStore {
    /// Has the writer change something, and answers when that is durable.
    pub(super) fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<Result<T, AccountError>, redb::Error> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, AccountError>> {
        let (answer, answered) = oneshot::channel();
        self.writer.send(Box::new(Change { change: Some(change), outcome: None, answer }));
        let ended = |_| Err(StoreError::Unknown("the store's writer has ended".into()).into());
        async move { answered.await.unwrap_or_else(ended) }.boxed()
    }
}

/// What a name is kept under: its kind, then the name as it is compared.
fn name_key(key: &UserKey) -> Vec<u8> {
    match key {
        UserKey::Email(email) => [b"e", folded(email).as_bytes()].concat(),
        UserKey::Username(name) => [b"u", folded(name).as_bytes()].concat(),
        UserKey::External { issuer, subject } => {
            // The length keeps `ab`, `c` and `a`, `bc` apart.
            [b"x", &(issuer.len() as u64).to_be_bytes()[..], issuer.as_bytes(), subject.as_bytes()].concat()
        }
    }
}

/// Every name of a user, with what is said when somebody else has it.
fn names(user: &User) -> Vec<(Vec<u8>, AccountError)> {
    let mut names = vec![(name_key(&UserKey::Email(user.email.clone())), AccountError::EmailTaken)];
    if let Some(username) = &user.username {
        names.push((name_key(&UserKey::Username(username.clone())), AccountError::UsernameTaken));
    }
    for identity in &user.external {
        let key = UserKey::External { issuer: identity.issuer.clone(), subject: identity.subject.clone() };
        names.push((name_key(&key), AccountError::IdentityTaken));
    }
    names
}

fn id(user: UserId) -> Id {
    user.uuid().into_bytes()
}

/// The stored user; an unreadable one fails whoever asks and nobody else.
fn stored(tables: &Tables<'_>, user: UserId) -> Result<Result<Option<User>, AccountError>, redb::Error> {
    let stored = tables.users.get(&id(user))?;
    Ok(stored.map(|user| documents::decode(user.value())).transpose().map_err(AccountError::from))
}

/// Puts a user in place of an older self, if every name is free.
fn put(tables: &mut Tables<'_>, old: Option<&User>, user: &User) -> Result<Result<(), AccountError>, redb::Error> {
    let body = match documents::encode(user) {
        Ok(body) => body,
        Err(error) => return Ok(Err(error.into())),
    };
    let names = names(user);
    for (name, taken) in &names {
        if tables.user_names.get(name.as_slice())?.is_some_and(|owner| *owner.value() != id(user.id)) {
            return Ok(Err(taken.clone()));
        }
    }
    for (name, _) in old.map(self::names).into_iter().flatten() {
        tables.user_names.remove(name.as_slice())?;
    }
    for (name, _) in names {
        tables.user_names.insert(name.as_slice(), &id(user.id))?;
    }
    tables.users.insert(&id(user.id), body.as_bytes())?;
    Ok(Ok(()))
}

/// A change of accounts can only be refused by the store itself where the port says nothing else.
pub(super) fn store_only<T: Send + 'static>(change: BoxFuture<'static, Result<T, AccountError>>) -> Later<'static, T> {
    let plain = |error| match error {
        AccountError::Store(error) => error,
        refused => StoreError::Corrupt(refused.to_string()),
    };
    change.map(move |outcome| outcome.map_err(plain)).boxed()
}

fn read_user(transaction: &ReadTransaction, user: &Id) -> Result<Option<User>, ReadError> {
    let stored = transaction.open_table(USERS)?.get(user)?;
    stored.map(|user| documents::decode(user.value())).transpose().map_err(ReadError::Store)
}

impl AccountStore for EmbeddedStore {
    fn create_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>> {
        self.change(move |tables| {
            if tables.users.get(&id(user.id))?.is_some() {
                return Ok(Err(AccountError::IdTaken));
            }
            put(tables, None, &user)
        })
    }

    fn replace_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>> {
        self.change(move |tables| match stored(tables, user.id)? {
            Err(error) => Ok(Err(error)),
            Ok(Some(old)) if old.version.checked_add(1) == Some(user.version) => put(tables, Some(&old), &user),
            Ok(_) => Ok(Err(AccountError::Changed)),
        })
    }

    fn delete_user(&self, user: UserId) -> Later<'_, ()> {
        store_only(self.change(move |tables| {
            let old = match stored(tables, user)? {
                Err(error) => return Ok(Err(error)),
                Ok(old) => old,
            };
            for (name, _) in old.iter().flat_map(names) {
                tables.user_names.remove(name.as_slice())?;
            }
            tables.users.remove(&id(user))?;
            Ok(Ok(()))
        }))
    }

    fn user(&self, user: UserId) -> Later<'_, Option<User>> {
        self.read(move |transaction| read_user(transaction, &id(user))).boxed()
    }

    fn find_user(&self, by: UserKey) -> Later<'_, Option<User>> {
        let read = move |transaction: &ReadTransaction| {
            let owner = transaction.open_table(USER_NAMES)?.get(name_key(&by).as_slice())?.map(|owner| *owner.value());
            owner.map_or(Ok(None), |owner| read_user(transaction, &owner))
        };
        self.read(read).boxed()
    }

    fn users(&self, after: Option<UserId>, limit: usize) -> Later<'_, Vec<User>> {
        let read = move |transaction: &ReadTransaction| {
            let users = transaction.open_table(USERS)?;
            let begin = after.map_or([0; 16], id);
            let mut found = Vec::new();
            for row in users.range::<&Id>(&begin..)? {
                let (key, user) = row?;
                if found.len() == limit {
                    break;
                }
                if after.map(id) != Some(*key.value()) {
                    found.push(documents::decode(user.value()).map_err(ReadError::Store)?);
                }
            }
            Ok(found)
        };
        self.read(read).boxed()
    }

    fn organizations_of(&self, user: UserId) -> Later<'_, Vec<OrgId>> {
        let read = move |transaction: &ReadTransaction| {
            let memberships = transaction.open_table(MEMBERSHIPS)?;
            let begin = membership_key(id(user), OrgId::new(Uuid::nil()), [0; 16]);
            let end = membership_key(id(user), OrgId::new(Uuid::max()), [0xff; 16]);
            let mut found: Vec<OrgId> = Vec::new();
            for row in memberships.range::<&[u8; 48]>(&begin..=&end)? {
                let (key, _) = row?;
                let mut org = [0; 16];
                org.copy_from_slice(&key.value()[16..32]);
                found.push(OrgId::new(Uuid::from_bytes(org)));
            }
            found.dedup();
            Ok(found)
        };
        self.read(read).boxed()
    }

    // Keys begin with the organization: each of them is asked, which takes about a microsecond. Whoever asks remembers.
    fn organization_with(&self, entity: Uuid) -> Later<'_, Option<OrgId>> {
        let read = move |transaction: &ReadTransaction| {
            let documents = transaction.open_table(DOCUMENTS)?;
            let (first, last) = (OrgId::new(Uuid::nil()), OrgId::new(Uuid::max()));
            let organizations = Collection::Organizations as u8;
            let (begin, end) = (documents_prefix(organizations, first), prefix_end(&documents_prefix(organizations, last)));
            for row in documents.range(begin.as_slice()..=end.as_slice())? {
                let mut org = [0; 16];
                org.copy_from_slice(&row?.0.value()[1..17]);
                let org = OrgId::new(Uuid::from_bytes(org));
                for collection in Collection::WITH_OWN_ADDRESS {
                    let mut key = documents_prefix(collection as u8, org);
                    key.extend_from_slice(entity.as_bytes());
                    if documents.get(key.as_slice())?.is_some() {
                        return Ok(Some(org));
                    }
                }
            }
            Ok(None)
        };
        self.read(read).boxed()
    }

    // Every organization is looked at: some microseconds each. Whoever asks remembers.
    fn organizations_from(&self, external: &str) -> Later<'_, Vec<OrgId>> {
        let external = external.to_owned();
        let read = move |transaction: &ReadTransaction| {
            let documents = transaction.open_table(DOCUMENTS)?;
            let (first, last) = (OrgId::new(Uuid::nil()), OrgId::new(Uuid::max()));
            let organizations = Collection::Organizations as u8;
            let (begin, end) = (documents_prefix(organizations, first), prefix_end(&documents_prefix(organizations, last)));
            let mut found = Vec::new();
            for row in documents.range(begin.as_slice()..=end.as_slice())? {
                let (key, document) = row?;
                if found.len() < 2 && documents::external(document.value()).map_err(ReadError::Store)? == Some(external.as_str()) {
                    let mut org = [0; 16];
                    org.copy_from_slice(&key.value()[1..17]);
                    found.push(OrgId::new(Uuid::from_bytes(org)));
                }
            }
            Ok(found)
        };
        self.read(read).boxed()
    }

    fn claim_name(&self, name: Name, org: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>> {
        self.change(move |tables| {
            let owner = tables.names.get(name.as_str())?.map(|row| *row.value().0);
            match owner {
                Some(owner) if owner == org.uuid().into_bytes() => return Ok(Ok(())),
                Some(_) => return Ok(Err(AccountError::NameTaken(name))),
                None => tables.names.insert(name.as_str(), (&org.uuid().into_bytes(), at.millis()))?,
            };
            Ok(Ok(()))
        })
    }

    fn take_over_name(&self, name: Name, from: OrgId, to: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>> {
        self.change(move |tables| {
            let owner = tables.names.get(name.as_str())?.map(|row| *row.value().0);
            if owner != Some(from.uuid().into_bytes()) {
                return Ok(Err(AccountError::NameTaken(name)));
            }
            tables.names.insert(name.as_str(), (&to.uuid().into_bytes(), at.millis()))?;
            Ok(Ok(()))
        })
    }

    fn release_name(&self, name: Name, org: OrgId) -> Later<'_, ()> {
        store_only(self.change(move |tables| {
            let owner = tables.names.get(name.as_str())?.map(|row| *row.value().0);
            if owner == Some(org.uuid().into_bytes()) {
                tables.names.remove(name.as_str())?;
            }
            Ok(Ok(()))
        }))
    }

    fn holder(&self, name: Name) -> Later<'_, Option<(OrgId, Timestamp)>> {
        let read = move |transaction: &ReadTransaction| {
            let row = transaction.open_table(NAMES)?.get(name.as_str())?;
            Ok(row.map(|row| (OrgId::new(Uuid::from_bytes(*row.value().0)), time(row.value().1))))
        };
        self.read(read).boxed()
    }

    fn next_number(&self) -> Later<'_, u64> {
        store_only(self.change(|tables| {
            let number = tables.meta.get(NEXT_NUMBER)?.map_or(1, |number| number.value());
            tables.meta.insert(NEXT_NUMBER, number + 1)?;
            Ok(Ok(number))
        }))
    }
}
