//! Making an organization: its slug is unique in the whole installation, its life is its own. The two are different
//! stores' business, so the order of steps matters: claim the slug, then create. A crash in between leaves a claim
//! without an organization, which the next one who wants the slug may take over.
//!
//! What a claimant became is asked of the store, because another server may have written it. One thing is left to time:
//! a claimant whose own commit is stored later than `CLAIM_HOLDS_FOR` after its claim, and after somebody took the slug
//! over, ends up beside that one with the same slug. Its callers have long been told "unknown" then, and the slug leads
//! to the one who took it over; `check` tells of the other.

use crate::{
    directory::Directory,
    domain::{
        Author, Command, Order, OrgId, Receipt, Rejection, RequestKey, Slug, Timestamp,
        command::{NewOrganization, OrganizationChange},
        edit::Edit,
    },
    org::OrgError,
    store::{AccountError, AccountStore},
};
use std::time::Duration;

/// How long a claim without an organization is respected: several times as long as a caller waits, and a store tries.
const CLAIM_HOLDS_FOR: Duration = Duration::from_secs(60);

/// Why there is no new organization.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoundingError {
    /// The slug, or the store behind it.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The organization itself.
    #[error(transparent)]
    Org(#[from] OrgError),
}

/// Claims a slug for an organization that is about to be created, also from a claimant that never came to be.
pub async fn claim_slug(
    accounts: &dyn AccountStore,
    directory: &Directory,
    slug: &Slug,
    org: OrgId,
    now: Timestamp,
) -> Result<(), FoundingError> {
    match accounts.claim_slug(slug.clone(), org, now).await {
        Err(AccountError::SlugTaken) => {}
        answer => return Ok(answer?),
    }
    let Some((claimant, since)) = accounts.slug(slug.clone()).await.map_err(AccountError::from)? else {
        return Ok(accounts.claim_slug(slug.clone(), org, now).await?); // given back in this moment
    };
    let claimant_now = directory.stored(claimant).await?;
    let holds = match claimant_now.organization() {
        Some(organization) => organization.slug == *slug || since.after(CLAIM_HOLDS_FOR) > now,
        None => !claimant_now.is_deleted() && since.after(CLAIM_HOLDS_FOR) > now,
    };
    if holds {
        return Err(AccountError::SlugTaken.into());
    }
    Ok(accounts.take_over_slug(slug.clone(), claimant, org, now).await?)
}

/// Creates an organization with its slug.
pub async fn found_organization(
    accounts: &dyn AccountStore,
    directory: &Directory,
    new: NewOrganization,
    by: Author,
    at: Timestamp,
    key: Option<RequestKey>,
) -> Result<Receipt, FoundingError> {
    let (org, slug) = (new.id, new.slug.clone());
    claim_slug(accounts, directory, &slug, org, at).await?;
    let order = Order { by, at, key, only_at: None, command: Command::CreateOrganization(Box::new(new)) };
    match directory.execute(org, vec![order]).await {
        Ok(receipts) => Ok(receipts[0]),
        Err(error) => {
            if let OrgError::Rejected { .. } = error {
                // Refused because it is there already? Then the slug stays, and also when nobody can say.
                if directory.stored(org).await.is_ok_and(|stored| stored.organization().is_none()) {
                    accounts.release_slug(slug, org).await.map_err(AccountError::from)?;
                }
            }
            Err(error.into())
        }
    }
}

/// Gives an organization another slug. The old one is free afterwards.
pub async fn rename_organization(
    accounts: &dyn AccountStore,
    directory: &Directory,
    org: OrgId,
    slug: Slug,
    by: Author,
    at: Timestamp,
) -> Result<Receipt, FoundingError> {
    let change = OrganizationChange { slug: Edit::Set(slug), ..OrganizationChange::default() };
    let order = Order { by, at, key: None, only_at: None, command: Command::ChangeOrganization(Box::new(change)) };
    change_organization(accounts, directory, org, order).await
}

/// Carries out an order that changes an organization, perhaps its slug with the rest: all of it, or nothing.
pub async fn change_organization(
    accounts: &dyn AccountStore,
    directory: &Directory,
    org: OrgId,
    order: Order,
) -> Result<Receipt, FoundingError> {
    let slug = match &order.command {
        Command::ChangeOrganization(change) => change.slug.as_set().cloned(),
        _ => None,
    };
    let Some(slug) = slug else { return Ok(directory.execute(org, vec![order]).await?[0]) };
    let view = directory.view(org).await?;
    let before = view.organization().map(|organization| organization.slug.clone());
    claim_slug(accounts, directory, &slug, org, order.at).await?;
    let answer = directory.execute(org, vec![order]).await;
    let give_back = match &answer {
        Ok(_) => before.filter(|before| *before != slug),
        // Somebody else was faster, perhaps with the same slug: then it is theirs now. Else the claim is taken over.
        Err(OrgError::Rejected { rejection: Rejection::MovedOn, .. }) => None,
        Err(OrgError::Rejected { .. }) => Some(slug).filter(|slug| Some(slug) != before.as_ref()),
        Err(_) => None, // not known, or to be tried again: the claim is taken over if it comes to nothing
    };
    if let Some(slug) = give_back {
        accounts.release_slug(slug, org).await.map_err(AccountError::from)?;
    }
    Ok(answer?[0])
}

/// Deletes an organization and frees its slug.
pub async fn delete_organization(
    accounts: &dyn AccountStore,
    directory: &Directory,
    org: OrgId,
    by: Author,
    at: Timestamp,
) -> Result<Receipt, FoundingError> {
    let view = directory.view(org).await?;
    let receipts =
        directory.execute(org, vec![Order { by, at, key: None, only_at: None, command: Command::DeleteOrganization }]).await?;
    if let Some(organization) = view.organization() {
        accounts.release_slug(organization.slug.clone(), org).await.map_err(AccountError::from)?;
    }
    Ok(receipts[0])
}
