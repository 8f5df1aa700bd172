//! Who is known here. Its users are those of the whole installation; where it is open to one organization they are its members,
//! and its guests: people with an account of whom it was told, and who belong to nobody yet, or not any more.
//!
//! For us a guest is a member with a mark, who may do the least: so an organization knows its own without looking through
//! everybody's accounts, and nobody else's are ever seen or changed. Here a guest is no member.

use super::{Prisma, unknown};
use crate::{
    facades::OpenTo,
    http::facade::{Engine, Refused},
};
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{
        Command, MemberId, Org, UserId,
        entities::{Member, Metadata, Scalar},
        status::Role,
    },
};
use uuid::Uuid;

/// The mark of a guest.
const GUEST: &str = "guest";

/// Whether somebody is a member here, and no guest. Whoever was given more elsewhere is one.
pub(super) fn belongs(member: &Member) -> bool {
    member.role != Role::Viewer || !member.metadata.contains_key(GUEST)
}

/// Makes somebody a guest.
pub(super) fn invite(user: UserId) -> Command {
    let metadata = Metadata::from([(GUEST.to_owned(), Scalar::Bool(true))]);
    Command::AddMember { id: MemberId::new(Uuid::now_v7()), user, role: Role::Viewer, metadata }
}

impl Prisma {
    /// Everybody who is seen in these organizations, in the order in which their accounts were made.
    pub(super) async fn people(&self, engine: &Engine, orgs: &[Arc<Org>]) -> Result<Vec<User>, Refused> {
        if self.to == OpenTo::All {
            return engine.users().await;
        }
        let ids = orgs.iter().flat_map(|org| org.members().keys().copied());
        let mut users: Vec<User> = engine.people(ids).await?.into_values().map(Arc::unwrap_or_clone).collect();
        users.sort_by_key(|user| user.number);
        Ok(users)
    }

    /// Somebody who is seen here.
    pub(super) async fn person(&self, engine: &Engine, id: &str) -> Result<User, Refused> {
        let id: UserId = id.parse().map_err(|_| unknown("User"))?;
        let is_seen = match self.to {
            OpenTo::One(org) => engine.org(org).await?.members().contains_key(&id),
            OpenTo::All => true,
        };
        let user = if is_seen { engine.user(id).await? } else { None };
        user.ok_or_else(|| unknown("User"))
    }

    /// Whether somebody's account is at the mercy of who reaches this. Where it is open to one organization that is no
    /// account with which somebody logs in, and none of somebody who belongs to another organization too.
    pub(super) async fn owns(&self, engine: &Engine, user: &User) -> Result<bool, Refused> {
        let OpenTo::One(here) = self.to else { return Ok(true) };
        if user.superadmin || user.password.is_some() || !user.external.is_empty() {
            return Ok(false);
        }
        engine.settle().await?;
        Ok(engine.orgs_of(user).await?.iter().all(|org| org.id() == here))
    }
}
