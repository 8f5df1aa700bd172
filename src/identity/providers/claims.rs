//! What the claims of a verified token mean.

use super::{Claimed, ExternalOrg, OrgRef, Provider};
use crate::identity::AuthError;
use serde_json::Value;
use tocsin_actors::domain::status::Role;

/// The longest subject or organization that is looked at; providers stay far below.
const LONGEST: usize = 255;

/// The claims of a verified token.
pub(super) struct Claims<'a>(&'a Value);

impl<'a> Claims<'a> {
    pub(super) fn new(claims: &'a Value) -> Self {
        Self(claims)
    }

    /// Who the token is about.
    pub(super) fn read(&self, provider: &Provider) -> Result<Claimed, AuthError> {
        let names = &provider.claims;
        // Clerk signs tokens for people who have not finished logging in, a second factor for example.
        if self.text(&["sts".to_owned()]) == Some("pending") {
            return Err(AuthError::Invalid);
        }
        let parties = &provider.authorized_parties;
        let party = self.text(&["azp".to_owned()]);
        if !parties.is_empty() && !party.is_some_and(|party| parties.iter().any(|one| one == party)) {
            return Err(AuthError::Invalid);
        }
        let fits = |text: &&str| !text.is_empty() && text.len() <= LONGEST;
        let subject = self.text(&names.user_id).filter(fits).ok_or(AuthError::Invalid)?;
        let verified = match self.find(&names.email_verified) {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(word)) => word == "true", // as some providers write it
            _ => false,
        };
        let named = self.text(&names.organization).filter(fits);
        let organization = named.and_then(|id| Some(ExternalOrg { name: id.to_owned(), here: here(provider, id)? }));
        Ok(Claimed {
            issuer: provider.issuer.clone(),
            subject: subject.to_owned(),
            verified_email: self.text(&names.email).filter(|_| verified).map(str::to_owned),
            name: self.text(&names.name).map(str::to_owned),
            role: organization.as_ref().map(|organization| organization.here.clone()).zip(self.role(provider)),
            organization,
        })
    }

    /// The highest role that any of the words means; words that mean nothing to us are no role.
    fn role(&self, provider: &Provider) -> Option<Role> {
        let words: Vec<&str> = match self.find(&provider.claims.role) {
            Some(Value::String(word)) => vec![word],
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            Some(_) => Vec::new(),
            None => return provider.default_role.or(provider.unsaid_role),
        };
        words.into_iter().filter_map(|word| provider.roles.get(word).copied()).max().or(provider.default_role)
    }

    fn text(&self, names: &[String]) -> Option<&'a str> {
        self.find(names)?.as_str()
    }

    fn find(&self, names: &[String]) -> Option<&'a Value> {
        names.iter().find_map(|name| self.0.get(name).or_else(|| self.along(name))).filter(|value| !value.is_null())
    }

    fn along(&self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.0, |value, step| value.get(step))
    }
}

/// Which organization it is here that a provider calls this; none if the name is another provider's to give.
fn here(provider: &Provider, id: &str) -> Option<OrgRef> {
    if let Some(mapped) = provider.organizations.get(id) {
        return Some(mapped.clone());
    }
    let name = format!("{}{id}", provider.organization_prefix);
    let is_foreign = provider.foreign_prefixes.iter().any(|prefix| name.starts_with(prefix));
    (!is_foreign).then_some(OrgRef::External(name))
}
