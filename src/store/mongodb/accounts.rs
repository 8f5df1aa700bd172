//! Users, names and numbers: single documents behind unique indexes.

use super::{
    MongoStore,
    database::{ANSWER_TIMEOUT, Raw, id, number, number_in, org_in, read, read_all},
    errors,
};
use crate::store::documents::{self, Collection};
use bson::{RawBsonRef, RawDocumentBuf, cstr, doc};
use futures::{FutureExt, future::BoxFuture};
use mongodb::options::ReturnDocument;
use std::future::IntoFuture;
use tocsin_actors::{
    accounts::{User, folded},
    domain::{Name, OrgId, Timestamp, UserId},
    store::{AccountError, AccountStore, Later, StoreError, UserKey},
};
use uuid::Uuid;

/// Which one of an identity provider an organization says that it is: see `entities::EXTERNAL_ORG`.
pub(super) const EXTERNAL: &str = "metadata.external_org";
/// People.
pub(super) const USERS: &str = "users";
/// Names of organizations: `{_id: name, org, at}`. Called so because slugs were all the names there were.
pub(super) const NAMES: &str = "slugs";
/// Numbers that were given: `{_id, last}`.
pub(super) const COUNTERS: &str = "counters";
/// The one counter that there is.
pub(super) const NUMBERS: &str = "numbers";

/// The unique indexes on users, by name: an error names the one it ran into.
pub(super) const EMAIL_INDEX: &str = "email_folded";
/// See `EMAIL_INDEX`.
pub(super) const USERNAME_INDEX: &str = "username_folded";
/// See `EMAIL_INDEX`.
pub(super) const IDENTITY_INDEX: &str = "external_identity";

impl MongoStore {
    /// A collection of small documents, each written by itself.
    pub(super) fn accounts(&self, name: &str) -> Raw {
        self.database.collection(name)
    }
}

impl AccountStore for MongoStore {
    fn create_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>> {
        async move {
            let document = written(&user)?;
            write(self.accounts(USERS).insert_one(document)).await.map(drop)
        }
        .boxed()
    }

    fn replace_user(&self, user: User) -> BoxFuture<'_, Result<(), AccountError>> {
        async move {
            let before = number(user.version.saturating_sub(1));
            let this = doc! { "_id": id(user.id.uuid()), "version": before };
            let replaced = write(self.accounts(USERS).replace_one(this, written(&user)?)).await?;
            if replaced.matched_count == 0 { Err(AccountError::Changed) } else { Ok(()) }
        }
        .boxed()
    }

    fn delete_user(&self, user: UserId) -> Later<'_, ()> {
        async move { write_plain(self.accounts(USERS).delete_one(doc! { "_id": id(user.uuid()) })).await.map(drop) }.boxed()
    }

    fn user(&self, user: UserId) -> Later<'_, Option<User>> {
        async move { decoded(read(self.accounts(USERS).find_one(doc! { "_id": id(user.uuid()) })).await?) }.boxed()
    }

    fn find_user(&self, by: UserKey) -> Later<'_, Option<User>> {
        async move {
            let this = match by {
                UserKey::Email(email) => doc! { "email_folded": folded(&email) },
                UserKey::Username(username) => doc! { "username_folded": folded(&username) },
                UserKey::External { issuer, subject } => {
                    doc! { "external": { "$elemMatch": { "issuer": issuer, "subject": subject } } }
                }
            };
            decoded(read(self.accounts(USERS).find_one(this)).await?)
        }
        .boxed()
    }

    fn users(&self, after: Option<UserId>, limit: usize) -> Later<'_, Vec<User>> {
        async move {
            if limit == 0 {
                return Ok(Vec::new());
            }
            let these = after.map_or_else(|| doc! {}, |after| doc! { "_id": { "$gt": id(after.uuid()) } });
            let users = self.accounts(USERS);
            let page = users.find(these).sort(doc! { "_id": 1 }).limit(i64::try_from(limit).unwrap_or(0));
            read_all(page).await?.iter().map(|user| documents::decode(user.as_bytes())).collect()
        }
        .boxed()
    }

    fn organizations_of(&self, user: UserId) -> Later<'_, Vec<OrgId>> {
        async move {
            let members = self.accounts(Collection::Members.name());
            let found = read_all(members.find(doc! { "user": id(user.uuid()) }).projection(doc! { "org": 1 })).await?;
            let mut orgs = found.iter().map(|member| org_in(member, "org")).collect::<Result<Vec<_>, _>>()?;
            orgs.sort_unstable();
            orgs.dedup();
            Ok(orgs)
        }
        .boxed()
    }

    fn organization_with(&self, entity: Uuid) -> Later<'_, Option<OrgId>> {
        async move {
            for collection in Collection::WITH_OWN_ADDRESS {
                let documents = self.accounts(collection.name());
                let this = documents.find_one(doc! { "_id": id(entity) }).projection(doc! { "org": 1 });
                if let Some(found) = read(this).await? {
                    return org_in(&found, "org").map(Some);
                }
            }
            Ok(None)
        }
        .boxed()
    }

    fn organizations_from(&self, external: &str) -> Later<'_, Vec<OrgId>> {
        let these = doc! { EXTERNAL: external };
        async move {
            let organizations = self.accounts(Collection::Organizations.name());
            let found = read_all(organizations.find(these).projection(doc! { "org": 1 }).limit(2)).await?;
            found.iter().map(|organization| org_in(organization, "org")).collect()
        }
        .boxed()
    }

    fn claim_name(&self, name: Name, org: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>> {
        async move {
            // Somebody else's does not match; the insert that follows then runs into its key.
            let this = doc! { "_id": name.as_str(), "org": id(org.uuid()) };
            let at = bson::DateTime::from_millis(at.millis());
            let names = self.accounts(NAMES);
            let claim = names.update_one(this, doc! { "$setOnInsert": { "at": at } }).upsert(true);
            write(claim).await.map(drop).map_err(|error| taken(error, name))
        }
        .boxed()
    }

    fn take_over_name(&self, name: Name, from: OrgId, to: OrgId, at: Timestamp) -> BoxFuture<'_, Result<(), AccountError>> {
        async move {
            let this = doc! { "_id": name.as_str(), "org": id(from.uuid()) };
            let at = bson::DateTime::from_millis(at.millis());
            let change = doc! { "$set": { "org": id(to.uuid()), "at": at } };
            let changed = write(self.accounts(NAMES).update_one(this, change)).await?;
            if changed.matched_count == 0 { Err(AccountError::NameTaken(name)) } else { Ok(()) }
        }
        .boxed()
    }

    fn release_name(&self, name: Name, org: OrgId) -> Later<'_, ()> {
        async move {
            let this = doc! { "_id": name.as_str(), "org": id(org.uuid()) };
            write_plain(self.accounts(NAMES).delete_one(this)).await.map(drop)
        }
        .boxed()
    }

    fn holder(&self, name: Name) -> Later<'_, Option<(OrgId, Timestamp)>> {
        async move {
            let Some(claim) = read(self.accounts(NAMES).find_one(doc! { "_id": name.as_str() })).await? else { return Ok(None) };
            match claim.get("at") {
                Ok(Some(RawBsonRef::DateTime(at))) => {
                    Ok(Some((org_in(&claim, "org")?, Timestamp::from_millis(at.timestamp_millis()))))
                }
                _ => Err(StoreError::Corrupt("a name without the time it was taken".into())),
            }
        }
        .boxed()
    }

    fn next_number(&self) -> Later<'_, u64> {
        async move {
            let next = || {
                let counters = self.accounts(COUNTERS);
                let next = async move {
                    let this = doc! { "_id": NUMBERS };
                    let next = counters.find_one_and_update(this, doc! { "$inc": { "last": 1_i64 } });
                    next.upsert(true).return_document(ReturnDocument::After).await
                };
                write(next)
            };
            // The very first number can be asked for twice at once; then one of the two finds the counter just made.
            let counted = match next().await {
                Err(AccountError::IdTaken) => next().await,
                first => first,
            };
            match counted {
                Ok(Some(counter)) => number_in(&counter, "last"),
                Ok(None) => Err(StoreError::Corrupt("the counter of numbers is gone".into())),
                Err(AccountError::Store(error)) => Err(error),
                Err(other) => Err(StoreError::Unavailable(other.to_string())),
            }
        }
        .boxed()
    }
}

/// A user as stored: with the forms by which names are compared, so that an index can keep them unique.
fn written(user: &User) -> Result<RawDocumentBuf, StoreError> {
    let mut document = documents::encode(user)?;
    document.append(cstr!("email_folded"), folded(&user.email));
    if let Some(username) = &user.username {
        document.append(cstr!("username_folded"), folded(username));
    }
    Ok(document)
}

fn decoded(found: Option<RawDocumentBuf>) -> Result<Option<User>, StoreError> {
    found.map(|user| documents::decode(user.as_bytes())).transpose()
}

/// A taken key of a name's document is the name.
fn taken(error: AccountError, name: Name) -> AccountError {
    match error {
        AccountError::IdTaken => AccountError::NameTaken(name),
        other => other,
    }
}

/// Writes one document, in bounded time, and says what was taken if something was.
pub(super) async fn write<T>(order: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T, AccountError> {
    let error = match tokio::time::timeout(ANSWER_TIMEOUT, order.into_future()).await {
        Ok(Ok(written)) => return Ok(written),
        Ok(Err(error)) => error,
        Err(_) => return Err(StoreError::Unknown(errors::no_answer()).into()),
    };
    Err(match errors::duplicate_of(&error) {
        Some(EMAIL_INDEX) => AccountError::EmailTaken,
        Some(USERNAME_INDEX) => AccountError::UsernameTaken,
        Some(IDENTITY_INDEX) => AccountError::IdentityTaken,
        Some(_) => AccountError::IdTaken,
        None => errors::writing(&error).into(),
    })
}

/// The same where nothing can be taken.
pub(super) async fn write_plain<T>(order: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T, StoreError> {
    write(order).await.map_err(|error| match error {
        AccountError::Store(error) => error,
        other => StoreError::Unavailable(other.to_string()),
    })
}
