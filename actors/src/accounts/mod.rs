//! People with accounts. Users belong to no organization's actor, because they may belong to many; they are documents
//! behind unique indexes (`store::AccountStore`).

pub mod founding;
pub mod login;
pub mod password;

use crate::domain::{Author, Timestamp, UserId, entities::Metadata, limits, rejection::Rejection};
use password::PasswordHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A person.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// Their short number in this installation.
    pub number: u64,
    /// Counts the changes, so that two of them cannot overwrite each other.
    pub version: u64,
    /// As they write it. Unique whatever the case.
    pub email: String,
    /// Unique whatever the case; none for people who never chose one.
    pub username: Option<String>,
    /// Parts of the name, where a client keeps parts.
    pub first_name: String,
    /// See `first_name`.
    pub last_name: String,
    /// The whole name, where a client keeps one.
    pub display_name: Option<String>,
    /// None for people who come from an identity provider.
    pub password: Option<PasswordHash>,
    /// Whether they may log in.
    pub active: bool,
    /// Whether they may do everything everywhere.
    pub superadmin: bool,
    /// Who they are at identity providers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external: Vec<ExternalIdentity>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: Author,
    /// What only a client understands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

/// Who a user is at an identity provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExternalIdentity {
    /// Which provider.
    pub issuer: String,
    /// Who there.
    pub subject: String,
}

impl User {
    /// Somebody of whom only this is known: active, without a password, nobody special. Fields that a caller knows more of
    /// are set with `User { …, ..User::new(…) }`.
    pub fn new(id: UserId, email: impl Into<String>, now: Timestamp) -> Self {
        Self {
            id,
            number: 0,
            version: 1,
            email: email.into(),
            username: None,
            first_name: String::new(),
            last_name: String::new(),
            display_name: None,
            password: None,
            active: true,
            superadmin: false,
            external: Vec::new(),
            created_at: now,
            updated_at: now,
            created_by: Author::System,
            metadata: Metadata::default(),
        }
    }

    /// The name to show: what they chose, else what is known.
    pub fn shown_name(&self) -> String {
        let full = format!("{} {}", self.first_name, self.last_name);
        let full = full.trim();
        match (&self.display_name, full, &self.username) {
            (Some(name), _, _) if !name.is_empty() => name.clone(),
            (_, full, _) if !full.is_empty() => full.to_owned(),
            (_, _, Some(username)) => username.clone(),
            _ => self.email.split('@').next().unwrap_or_default().to_owned(),
        }
    }

    /// Whether the fields are what we keep; uniqueness is the store's to tell.
    pub fn check(&self) -> Result<(), Rejection> {
        check_email(&self.email)?;
        if let Some(username) = &self.username {
            limits::name("username", username)?;
        }
        for (field, text) in [("first_name", &self.first_name), ("last_name", &self.last_name)] {
            limits::text(field, text, limits::NAME)?;
        }
        if let Some(name) = &self.display_name {
            limits::text("name", name, limits::NAME)?;
        }
        limits::metadata(&self.metadata)
    }
}

/// How e-mail addresses and usernames are compared: without case. Used by every store for its unique index.
pub fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Whether this can be an e-mail address. Only a mail can tell whether it is one.
pub fn check_email(email: &str) -> Result<(), Rejection> {
    let refuse = || Err(Rejection::invalid("email", "must be an e-mail address"));
    let Some((name, domain)) = email.rsplit_once('@') else { return refuse() };
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if name.is_empty()
        || domain.is_empty()
        || email.len() > 254
        || email.chars().any(odd)
        || domain.starts_with('.')
        || domain.ends_with('.')
    {
        return refuse();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_an_address_is_accepted() {
        for email in ["a@b", "Ann.Lee+x@example.org"] {
            assert!(check_email(email).is_ok(), "{email}");
        }
        for email in ["", "a", "@b", "a@", "a b@c", "a@.b", "a@b.", &format!("{}@b", "x".repeat(260))] {
            assert!(check_email(email).is_err(), "{email}");
        }
    }
}
