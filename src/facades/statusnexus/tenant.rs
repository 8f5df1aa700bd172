//! Who asks, and in which organization: both are in their token, which an identity provider signed.
//!
//! The organization of a token is looked for here by what the provider calls it: in the file of providers, else among those
//! that say that they are it. What nobody here is, nobody gets to see. The original lets every role write; here it must be one
//! that may.

use super::{NO_ORGANIZATION, UNAUTHORIZED, people::name_of};
use crate::{
    http::facade::{Asked, Refused},
    identity::{Caller, Who},
};
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{Author, Command, Org, Role},
};

/// Somebody.
pub(super) struct Person {
    caller: Caller,
    user: Arc<User>,
}

/// Somebody in an organization.
pub(super) struct Tenant {
    /// What the provider calls the organization.
    pub(super) called: String,
    /// As it was when they asked.
    pub(super) org: Arc<Org>,
    /// What it calls them.
    pub(super) user: String,
    by: Author,
    role: Role,
}

impl Person {
    /// Who asks. The word before the token may be left out.
    pub(super) async fn of(asked: &Asked) -> Result<Self, Refused> {
        let unauthorized = || {
            let mut refused = Refused::new(401, "Sign in to access this resource");
            refused.code = UNAUTHORIZED;
            refused
        };
        let sent = asked.header("authorization").unwrap_or_default().trim();
        let token = asked.bearer().unwrap_or(sent);
        if token.is_empty() {
            return Err(unauthorized());
        }
        let caller = asked.engine.authenticate(token).await;
        let caller = caller.map_err(|refused| if refused.status < 500 { unauthorized() } else { refused })?;
        let Who::User(user) = &caller.who else { return Err(unauthorized()) };
        asked.is_by(&caller)?;
        Ok(Self { user: user.clone(), caller })
    }

    /// What the provider calls them.
    pub(super) fn name(&self) -> String {
        name_of(&self.user)
    }

    /// What the provider calls the organization that they have chosen there.
    pub(super) fn organization(&self) -> Option<&str> {
        self.caller.external_org.as_ref().map(|external| external.name.as_str())
    }

    /// The same person in that organization.
    pub(super) async fn at_home(&self, asked: &Asked) -> Result<Tenant, Refused> {
        let nowhere = || {
            let mut refused = Refused::new(403, "You must select an organization to access this resource");
            refused.code = NO_ORGANIZATION;
            refused
        };
        let external = self.caller.external_org.as_ref().ok_or_else(nowhere)?;
        let org = asked.engine.org_from(&external.here).await?.ok_or_else(nowhere)?;
        let nobody = || Refused::new(403, "Your role in this organization is none that is known here");
        let role = asked.engine.role(&self.caller, &org).ok_or_else(nobody)?;
        Ok(Tenant { called: external.name.clone(), org, user: self.name(), by: Author::User(self.user.id), role })
    }
}

impl Tenant {
    /// Who asks, and where; they may read there.
    pub(super) async fn of(asked: &Asked) -> Result<Self, Refused> {
        Person::of(asked).await?.at_home(asked).await
    }

    /// The same for who wants to change something.
    pub(super) async fn writing(asked: &Asked) -> Result<Self, Refused> {
        let tenant = Self::of(asked).await?;
        if tenant.role < Role::Member {
            return Err(Refused::new(403, "Your role in this organization may not change anything"));
        }
        Ok(tenant)
    }

    /// How what they do is signed.
    pub(super) fn by(&self) -> Author {
        self.by
    }

    /// Does all of this or nothing; answers the organization afterwards.
    pub(super) async fn execute(&self, asked: &Asked, all: Vec<Command>) -> Result<Arc<Org>, Refused> {
        asked.engine.execute_all(self.org.id(), self.by, asked.now, all).await
    }
}
