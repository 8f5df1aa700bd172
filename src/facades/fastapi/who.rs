//! Who asks, for which organization, and what people are called. What a token says counts, and nothing that is said beside it.

use super::{Fastapi, fields::No};
use crate::{
    http::facade::{Asked, Engine, Refused},
    identity::{AuthError, Who, organization_of, providers::OrgRef},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tocsin_actors::{
    accounts::User,
    domain::{
        Command, Org, Role, UserId,
        entities::{Author, Scalar},
    },
};

/// How often something is decided again because somebody else was faster; in an organization that is never quiet it is
/// then done as it was decided.
const TRIES: usize = 16;

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
    let Who::User(user) = caller.who else { return Err(invalid().into()) };
    let stranger = || Refused::new(403, "User does not belong to this organization");
    let org = named_by_a_token(&asked.engine, &user, &named).await?.ok_or_else(stranger)?;
    // Whoever comes from a provider may be a member because that says so.
    let outside = caller.external_role.filter(|(there, _)| *there == named).map(|(_, role)| role);
    let outside = outside.filter(|_| !matches!(named, OrgRef::External(_)));
    let everywhere = caller.superadmin.then_some(Role::Admin);
    let role = org.role(user.id).max(outside).max(everywhere).ok_or_else(stranger)?;
    Ok(Asker { user: user.id, org, role })
}

/// The organization that a token speaks of. What admins can claim by themselves names only one to which somebody belongs.
async fn named_by_a_token(engine: &Engine, user: &User, named: &OrgRef) -> Result<Option<Arc<Org>>, Refused> {
    let org = match named {
        OrgRef::Id(id) => engine.org_of_id(*id).await?,
        OrgRef::Slug(slug) => engine.org_called(slug.as_str()).await?,
        OrgRef::External(name) => {
            let claims = |org: &Arc<Org>| {
                let organization = org.organization();
                organization.is_some_and(|org| org.metadata.get("external_org") == Some(&Scalar::Text(name.clone())))
            };
            let mut claimed = engine.orgs_of(user).await?.into_iter().filter(claims);
            claimed.next().filter(|_| claimed.next().is_none())
        }
    };
    Ok(org.filter(|org| org.organization().is_some()))
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
        let (by, mut seen) = (Author::User(self.user), self.org.clone());
        for _ in 0..TRIES {
            let all = decide(&seen)?;
            if let Some(org) = asked.engine.execute_as_seen(&seen, by, asked.now, all).await? {
                return Ok(org);
            }
            seen = asked.engine.org(seen.id()).await?;
        }
        self.execute(asked, decide(&seen)?).await
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
pub(super) struct People(BTreeMap<UserId, (u64, String)>);

impl People {
    pub(super) async fn of(engine: &Engine, authors: impl IntoIterator<Item = Author>) -> Result<Self, Refused> {
        let users = authors.into_iter().filter_map(|author| match author {
            Author::User(user) => Some(user),
            Author::Key(_) | Author::System => None,
        });
        let mut people = BTreeMap::new();
        for id in users.collect::<BTreeSet<_>>() {
            if let Some(user) = engine.user(id).await? {
                people.insert(id, (user.number, user.shown_name()));
            }
        }
        Ok(Self(people))
    }

    fn find(&self, author: Author) -> Option<&(u64, String)> {
        match author {
            Author::User(id) => self.0.get(&id),
            Author::Key(_) | Author::System => None,
        }
    }

    pub(super) fn name(&self, author: Author) -> String {
        match (self.find(author), author) {
            (Some((_, name)), _) => name.clone(),
            (None, Author::User(_)) => "Former user".to_owned(),
            (None, Author::Key(_)) => "API key".to_owned(),
            (None, Author::System) => "System".to_owned(),
        }
    }

    /// Nobody's is 0.
    pub(super) fn number(&self, author: Author) -> u64 {
        self.find(author).map_or(0, |(number, _)| *number)
    }
}
