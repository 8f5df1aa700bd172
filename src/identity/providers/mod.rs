//! Identity providers: other issuers whose tokens let somebody in, each with pinned algorithms and its own keys.
//!
//! Deliberately not done: following what a provider changes later (names, addresses), its user information endpoint,
//! and its introspection endpoint. What counts is in the token.

mod claims;
mod file;
mod key_set;

pub use file::{ProvidersError, read};

use super::{
    AuthError,
    jwt::{self, Expected, Unverified, Verified},
};
use claims::Claims;
use jsonwebtoken::Algorithm;
use key_set::KeySet;
use reqwest::Url;
use std::{collections::BTreeMap, sync::Arc};
use tocsin_actors::domain::{OrgId, Slug, Timestamp, status::Role};

/// A provider, checked. Made by [`read`].
#[derive(Debug, Clone)]
pub struct Provider {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    /// The applications (`azp`) whose tokens are accepted; empty means any.
    pub(super) authorized_parties: Vec<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) jwks_url: Url,
    pub(super) claims: ClaimNames,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) default_role: Option<Role>,
    /// What somebody is in whose token an organization is named and no role.
    pub(super) unsaid_role: Option<Role>,
    pub(super) organizations: BTreeMap<String, OrgRef>,
    /// What stands before the names of organizations that are not mapped.
    pub(super) organization_prefix: String,
    /// Prefixes of others that begin with this one: what begins with one of them is theirs to name.
    pub(super) foreign_prefixes: Vec<String>,
}

impl Provider {
    /// Who it is, in the `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// Where in a token something is said: the first name that is there counts. A name is a claim or, if there is no such
/// claim, a path with dots, because Auth0 wants claims to be called like web addresses and Clerk nests them.
#[derive(Debug, Clone)]
pub(super) struct ClaimNames {
    pub(super) user_id: Vec<String>,
    pub(super) email: Vec<String>,
    pub(super) email_verified: Vec<String>,
    pub(super) name: Vec<String>,
    pub(super) organization: Vec<String>,
    pub(super) role: Vec<String>,
}

/// An organization as a provider's token names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrgRef {
    /// Mapped to this one.
    Id(OrgId),
    /// Mapped to the one with this slug.
    Slug(Slug),
    /// Not mapped: the one whose metadata `external_org` says this. Only an organization that no other one claims
    /// too may be taken for it.
    External(String),
}

/// The organization that somebody has chosen there, and that their token names, whatever they are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalOrg {
    /// What the provider calls it.
    pub name: String,
    /// Which one that is here.
    pub here: OrgRef,
}

/// What a provider says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) issuer: String,
    pub(super) subject: String,
    /// Only if the provider says that it is verified.
    pub(super) verified_email: Option<String>,
    pub(super) name: Option<String>,
    pub(super) role: Option<(OrgRef, Role)>,
    pub(super) organization: Option<ExternalOrg>,
}

/// All providers with their keys.
pub(super) struct Providers(Vec<(Provider, Arc<KeySet>)>);

impl Providers {
    pub(super) fn new(providers: Vec<Provider>) -> Self {
        Self(providers.into_iter().map(|provider| (provider.clone(), Arc::new(KeySet::new(&provider)))).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies a token with the keys of the provider that it names.
    pub(super) async fn verify(&self, token: &str, said: &Unverified, now: Timestamp) -> Result<Verified<Claimed>, AuthError> {
        let (provider, keys) = self.0.iter().find(|(one, _)| one.issuer == said.issuer).ok_or(AuthError::Invalid)?;
        if !provider.algorithms.contains(&said.algorithm) {
            return Err(AuthError::Invalid);
        }
        let key = keys.find(&said.key, now).await?;
        if !key.allows(said.algorithm) {
            return Err(AuthError::Invalid);
        }
        let Provider { issuer, audiences, .. } = provider;
        let expected = Expected { key: &key.key, algorithm: said.algorithm, issuer, audiences };
        let verified = jwt::verify(token, expected, now)?;
        verified.and_then(|claims: serde_json::Value| Claims::new(&claims).read(provider))
    }
}

#[cfg(test)]
mod tests;
