//! Organizations as wholes, made, changed and deleted: whoever asks for it, their names are known here at once and they are in
//! their members' lists. The API does it, and so do facades.

use super::{Api, error::ApiError};
use crate::identity::check_password;
use std::sync::Arc;
use tocsin_actors::{
    accounts::{
        User,
        founding::{change_organization, delete_organization, found_organization},
    },
    domain::{Author, Order, Org, RequestKey, Timestamp, command::NewOrganization},
};

impl Api {
    /// Founds an organization with its names.
    pub(super) async fn found(
        &self,
        new: NewOrganization,
        by: Author,
        at: Timestamp,
        key: Option<RequestKey>,
    ) -> Result<Arc<Org>, ApiError> {
        let id = new.id;
        found_organization(self.store.as_ref(), &self.directory, new, by, at, key).await?;
        let org = self.directory.view(id).await?;
        self.names.learn(None, &org);
        self.store.settle().await?; // so that it is in the founder's list at once
        Ok(org)
    }

    /// Carries out an order that changes an organization, perhaps its names.
    pub(super) async fn change_organization(&self, before: &Org, order: Order) -> Result<Arc<Org>, ApiError> {
        change_organization(self.store.as_ref(), &self.directory, before.id(), order).await?;
        let now = self.directory.view(before.id()).await?;
        self.names.learn(Some(before), &now);
        Ok(now)
    }

    /// Deletes an organization with everything in it.
    pub(super) async fn delete_organization(&self, before: &Org, by: Author, at: Timestamp) -> Result<(), ApiError> {
        delete_organization(self.store.as_ref(), &self.directory, before.id(), by, at).await?;
        self.names.learn(Some(before), &Org::new(before.id()));
        self.store.settle().await?;
        Ok(())
    }

    /// Makes an account of what is known of somebody; without a password nobody logs in to it.
    pub(super) async fn new_user(&self, mut user: User, password: Option<String>) -> Result<User, ApiError> {
        if let Some(password) = &password {
            check_password("password", password)?;
        }
        user.check()?;
        if let Some(password) = password {
            user.password = Some(self.identity.hash_password(password).await?);
        }
        user.number = self.store.next_number().await?;
        self.store.create_user(user.clone()).await?;
        Ok(user)
    }
}
