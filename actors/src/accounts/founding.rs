//! Making an organization: its names (slug and domain) are unique in the whole installation, its life is its own. The two are
//! different stores' business, so the order of steps matters: claim the names, then create or change. A crash in between
//! leaves a claim by nobody who goes by that name, which the next one who wants it may take over.
//!
//! What a claimant became is asked of the store, because another server may have written it. One thing is left to time:
//! a claimant whose own commit is stored later than `CLAIM_HOLDS_FOR` after its claim, and after somebody took the name
//! over, ends up beside that one with the same name. Its callers have long been told "unknown" then, and the name leads
//! to the one who took it over; `check` tells of the other.

use crate::{
    directory::Directory,
    domain::{
        Author, Command, Name, Order, OrgId, Receipt, Rejection, RequestKey, Slug, Timestamp,
        command::{NewOrganization, OrganizationChange},
        edit::Edit,
    },
    org::OrgError,
    store::{AccountError, AccountStore},
};
use std::time::Duration;
use tracing::warn;

/// How long a claim is respected by which nobody goes: several times as long as a caller waits, and a store tries.
pub const CLAIM_HOLDS_FOR: Duration = Duration::from_secs(60);

/// Why there is no new organization.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoundingError {
    /// Its names, or the store behind them.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The organization itself.
    #[error(transparent)]
    Org(#[from] OrgError),
}

/// Claims a name for an organization that is about to have it, also from a claimant that never came to.
pub async fn claim_name(
    accounts: &dyn AccountStore,
    directory: &Directory,
    name: &Name,
    org: OrgId,
    now: Timestamp,
) -> Result<(), FoundingError> {
    match accounts.claim_name(name.clone(), org, now).await {
        Err(AccountError::NameTaken(_)) => {}
        answer => return Ok(answer?),
    }
    let Some((claimant, since)) = accounts.holder(name.clone()).await.map_err(AccountError::from)? else {
        return Ok(accounts.claim_name(name.clone(), org, now).await?); // given back in this moment
    };
    let claimant_now = directory.stored(claimant).await?;
    let holds = match claimant_now.organization() {
        Some(organization) => organization.goes_by(name.as_str()) || since.after(CLAIM_HOLDS_FOR) > now,
        None => !claimant_now.is_deleted() && since.after(CLAIM_HOLDS_FOR) > now,
    };
    if holds {
        return Err(AccountError::NameTaken(name.clone()).into());
    }
    Ok(accounts.take_over_name(name.clone(), claimant, org, now).await?)
}

/// Claims several names, all of them or none.
async fn claim_names(
    accounts: &dyn AccountStore,
    directory: &Directory,
    names: &[Name],
    org: OrgId,
    now: Timestamp,
) -> Result<(), FoundingError> {
    for (claimed, name) in names.iter().enumerate() {
        if let Err(error) = claim_name(accounts, directory, name, org, now).await {
            give_back(accounts, directory, &names[..claimed], org).await;
            return Err(error);
        }
    }
    Ok(())
}

/// Frees names by which an organization does not go, perhaps does not go any more. It has them as long as the store says
/// so, because another server may have been faster; and while nobody can say: what is not given back is taken over.
async fn give_back(accounts: &dyn AccountStore, directory: &Directory, names: &[Name], org: OrgId) {
    if names.is_empty() {
        return;
    }
    let Ok(stored) = directory.stored(org).await else { return };
    for name in names {
        if stored.organization().is_none_or(|now| !now.goes_by(name.as_str()))
            && let Err(error) = accounts.release_name(name.clone(), org).await
        {
            warn!(%error, %org, "a name could not be given back");
        }
    }
}

/// Creates an organization with its names.
pub async fn found_organization(
    accounts: &dyn AccountStore,
    directory: &Directory,
    new: NewOrganization,
    by: Author,
    at: Timestamp,
    key: Option<RequestKey>,
) -> Result<Receipt, FoundingError> {
    let (org, names) = (new.id, new.names().collect::<Vec<_>>());
    claim_names(accounts, directory, &names, org, at).await?;
    let order = Order { by, at, key, only_at: None, command: Command::CreateOrganization(Box::new(new)) };
    match directory.execute(org, vec![order]).await {
        Ok(receipts) => Ok(receipts[0]),
        Err(error) => {
            if let OrgError::Rejected { .. } = error {
                give_back(accounts, directory, &names, org).await;
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

/// Carries out an order that changes an organization, perhaps its names with the rest: all of it, or nothing.
pub async fn change_organization(
    accounts: &dyn AccountStore,
    directory: &Directory,
    org: OrgId,
    order: Order,
) -> Result<Receipt, FoundingError> {
    let (wanted, gives_up) = match &order.command {
        Command::ChangeOrganization(change) => (change.names().collect::<Vec<_>>(), change.domain.as_set() == Some(&None)),
        _ => (Vec::new(), false),
    };
    if wanted.is_empty() && !gives_up {
        return Ok(directory.execute(org, vec![order]).await?[0]);
    }
    let view = directory.view(org).await?;
    let before: Vec<Name> = view.organization().map(|organization| organization.names().collect()).unwrap_or_default();
    claim_names(accounts, directory, &wanted, org, order.at).await?;
    let answer = directory.execute(org, vec![order]).await;
    match &answer {
        Ok(_) => {
            let gone: Vec<Name> = before.into_iter().filter(|name| !wanted.contains(name)).collect();
            give_back(accounts, directory, &gone, org).await;
        }
        // Somebody else was faster, perhaps with the same names: then they are theirs now. Else the claims are taken over.
        Err(OrgError::Rejected { rejection: Rejection::MovedOn, .. }) => {}
        Err(OrgError::Rejected { .. }) => give_back(accounts, directory, &wanted, org).await,
        Err(_) => {} // not known, or to be tried again: the claims are taken over if it comes to nothing
    }
    Ok(answer?[0])
}

/// Deletes an organization and frees its names.
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
    let names: Vec<Name> = view.organization().map(|organization| organization.names().collect()).unwrap_or_default();
    give_back(accounts, directory, &names, org).await;
    Ok(receipts[0])
}
