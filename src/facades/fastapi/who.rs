//! Who asks, for which organization, and what people are called. What a token says counts, and nothing that is said beside it.

use super::{Fastapi, fields::No};
use crate::{
    http::facade::{self, Asked, Engine, Refused},
    identity::{AuthError, Who, organization_of},
};
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{Command, Org, Role, UserId, entities::Author},
};

/// Somebody who belongs to the organization for which they ask.
pub(super) struct Asker {
    pub(super) user: UserId,
    pub(super) org: Arc<Org>,
    role: Role,
}

/// Who wants to read.
pub(super) async fn reads(fastapi: &Fastapi, asked: &Asked) -> Result<Asker, No> {
    // Its front end asks again without end when it is told 401, unless it had no token at all.
    if asked.header("authorization").is_none() {
        return Err(Refused::new(401, "Missing Authorization header").into());
    }
    let invalid = || Refused::new(403, "Invalid token");
    let (token, provider) = (asked.bearer().ok_or_else(invalid)?, &fastapi.provider);
    let (caller, named) = match asked.engine.identity().authenticate_id_token(token, provider.client(), provider.issuers()).await {
        Ok(known) => known,
        Err(AuthError::Store(_) | AuthError::ProviderUnavailable) => {
            return Err(Refused::new(503, "It cannot be known right now who asks").into());
        }
        Err(_) => return Err(invalid().into()),
    };
    let Who::User(user) = &caller.who else { return Err(invalid().into()) };
    asked.is_by(&caller)?;
    let user = user.id;
    let stranger = || Refused::new(403, "User does not belong to this organization");
    let org = asked.engine.org_from(&named).await?.ok_or_else(stranger)?;
    let role = asked.engine.role(&caller, &org).ok_or_else(stranger)?;
    Ok(Asker { user, org, role })
}

/// Who wants to change something. It knows no roles: everybody may, but for those of ours who only read.
pub(super) async fn writes(fastapi: &Fastapi, asked: &Asked) -> Result<Asker, No> {
    let asker = reads(fastapi, asked).await?;
    if asker.role < Role::Member {
        return Err(Refused::new(403, "Not allowed").into());
    }
    Ok(asker)
}

impl Asker {
    /// Does something, all of it or nothing.
    pub(super) async fn execute(&self, asked: &Asked, all: Vec<Command>) -> Result<Arc<Org>, No> {
        Ok(asked.engine.execute_all(self.org.id(), Author::User(self.user), asked.now, all).await?)
    }

    /// The same where what is done depends on how everything is: decided again when that has changed meanwhile.
    pub(super) async fn execute_decided(
        &self,
        asked: &Asked,
        decide: impl Fn(&Org) -> Result<Vec<Command>, No>,
    ) -> Result<Arc<Org>, No> {
        asked.engine.execute_decided(self.org.clone(), (Author::User(self.user), asked.now), decide).await
    }
}

/// The organization that a word of an address means: as tokens call it, or its slug.
pub(super) async fn meant(engine: &Engine, word: &str) -> Result<Option<Arc<Org>>, Refused> {
    let org = match organization_of(word) {
        Some(id) => engine.org_of_id(id).await?,
        None => engine.org_called(word).await?,
    };
    Ok(org.filter(|org| org.organization().is_some()))
}

/// What some people are called.
pub(super) struct People(facade::People);

impl People {
    pub(super) async fn of(engine: &Engine, authors: impl IntoIterator<Item = Author>) -> Result<Self, Refused> {
        let ids: Vec<_> = authors.into_iter().filter_map(Author::user).collect();
        Ok(Self(engine.people(ids).await?))
    }

    fn find(&self, author: Author) -> Option<&User> {
        author.user().and_then(|id| self.0.get(&id)).map(AsRef::as_ref)
    }

    pub(super) fn name(&self, author: Author) -> String {
        match (self.find(author), author) {
            (Some(user), _) => user.shown_name(),
            (None, Author::User(_)) => "Former user".to_owned(),
            (None, Author::Key(_)) => "API key".to_owned(),
            (None, Author::System) => "System".to_owned(),
        }
    }

    /// Nobody's is 0.
    pub(super) fn number(&self, author: Author) -> u64 {
        self.find(author).map_or(0, |user| user.number)
    }
}
