//! Which organization has a slug, for those that were asked for before. What is remembered is believed only when the
//! organization itself still says so, so that it can never be wrong, only forgotten.

use super::{Api, error::ApiError};
use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};
use tocsin_actors::domain::{OrgId, Slug};

/// How many are remembered. Who guesses slugs finds none, and nothing is remembered of that.
const MOST: usize = 100_000;

/// Remembers.
#[derive(Default)]
pub struct Slugs(RwLock<HashMap<Slug, OrgId>>);

impl Slugs {
    /// The organization that had this slug when it was last looked for, without looking.
    pub(super) fn id_of(&self, slug: &Slug) -> Option<OrgId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(slug).copied()
    }

    /// The organization with this slug.
    pub(super) async fn find(&self, api: &Api, slug: Slug) -> Result<Option<OrgId>, ApiError> {
        let remembered = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&slug).copied();
        if let Some(id) = remembered {
            let view = api.directory.view(id).await?;
            if view.organization().is_some_and(|organization| organization.slug == slug) {
                return Ok(Some(id));
            }
        }
        let Some((id, _)) = api.store.holder((&slug).into()).await? else { return Ok(None) };
        let view = api.directory.view(id).await?;
        if view.organization().is_none_or(|organization| organization.slug != slug) {
            return Ok(None); // claimed, but not yet or no longer called so
        }
        let mut remembered = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MOST {
            remembered.clear();
        }
        remembered.insert(slug, id);
        Ok(Some(id))
    }
}
