//! Who asks, and what they may do where. Asked before anything is said or changed.

use super::asking::id;
use crate::{
    http::facade::{Asked, Refused},
    identity::{AuthError, Caller, Who},
};
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{Author, Incident, IncidentId, Org, OrgId, Role, Service, ServiceId, TeamId, entities::Team, status::TeamRole},
};
use uuid::Uuid;

/// Somebody who is logged in.
pub(super) struct Person {
    pub(super) user: Arc<User>,
    pub(super) session: Option<Uuid>,
}

impl Person {
    pub(super) async fn who(asked: &Asked) -> Result<Self, Refused> {
        let missing = || Refused::new(401, "Authorization header missing");
        let said = asked.header("authorization").ok_or_else(missing)?;
        let (scheme, token) = said.split_once(' ').unwrap_or((said, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        let known = asked.engine.identity().authenticate_standing(token.trim()).await.map_err(|error| match error {
            AuthError::Invalid => Refused::new(422, "Invalid token"),
            // What was good once is asked for again, which leads its front end to the login.
            AuthError::Expired | AuthError::Ended => Refused::new(401, "Token has expired"),
            AuthError::Inactive => Refused::new(401, "Account is inactive"),
            error => error.into(),
        })?;
        asked.is_by(&known)?;
        Self::of(known).ok_or_else(missing)
    }

    /// None for programs.
    fn of(caller: Caller) -> Option<Self> {
        match caller.who {
            Who::User(user) => Some(Self { user, session: caller.session }),
            Who::Key { .. } => None,
        }
    }

    pub(super) fn author(&self) -> Author {
        Author::User(self.user.id)
    }

    /// What they may do there; superadmins may everything everywhere.
    pub(super) fn role(&self, org: &Org) -> Option<Role> {
        if self.user.superadmin { Some(Role::Admin) } else { org.role(self.user.id) }
    }

    fn may(&self, org: &Org, least: Role) -> bool {
        self.role(org).is_some_and(|role| role >= least)
    }
}

/// An organization by its id, as it was written; none when it is not there.
pub(super) async fn find_org(asked: &Asked, text: &str) -> Result<Option<Arc<Org>>, Refused> {
    let Ok(id) = text.parse::<OrgId>() else { return Ok(None) };
    Ok(Some(asked.engine.org(id).await?).filter(|org| org.organization().is_some()))
}

/// Who asks for the organization in the path, and it, if they have at least this role there.
pub(super) async fn in_org(asked: &Asked, least: Role) -> Result<(Person, Arc<Org>), Refused> {
    let person = Person::who(asked).await?;
    let stranger = || match person.user.superadmin {
        true => Refused::new(404, "Organization not found"),
        false => Refused::new(403, "You are not a member of this organization"),
    };
    let org = find_org(asked, asked.word(0)).await?.ok_or_else(stranger)?;
    let role = person.role(&org).ok_or_else(stranger)?;
    if role < least {
        let roles = if least == Role::Admin { "['admin']" } else { "['admin', 'member']" };
        return Err(Refused::new(403, format!("Insufficient permissions. Required roles: {roles}")));
    }
    Ok((person, org))
}

/// Who asks for the organization that the query names, and it, if they are a member.
pub(super) async fn in_named_org(asked: &Asked) -> Result<(Person, Arc<Org>), Refused> {
    let person = Person::who(asked).await?;
    let named = asked.query("org_id").filter(|id| !id.is_empty());
    let named = named.ok_or_else(|| Refused::new(400, "Organization ID is required"))?;
    let org = find_org(asked, &named).await?.filter(|org| person.role(org).is_some());
    Ok((person, org.ok_or_else(|| Refused::new(403, "Access denied"))?))
}

/// The organization that a body names, for who may write there.
pub(super) async fn to_write_in(asked: &Asked, person: &Person, named: &str, least: Role) -> Result<Arc<Org>, Refused> {
    let org = find_org(asked, named).await?.filter(|org| person.may(org, least));
    org.ok_or_else(|| Refused::new(403, "Insufficient permissions"))
}

/// What is said to who may not, about a service or an incident.
pub(super) struct Denied {
    pub(super) least: Role,
    pub(super) text: &'static str,
}

pub(super) const TO_READ: Denied = Denied { least: Role::Viewer, text: "Access denied" };
pub(super) const TO_WRITE: Denied = Denied { least: Role::Member, text: "Insufficient permissions" };

/// The service in the path with its organization, for who may do this.
pub(super) async fn service(asked: &Asked, denied: Denied) -> Result<(Person, Arc<Org>, Arc<Service>), Refused> {
    let person = Person::who(asked).await?;
    let id = ServiceId::new(id(asked, "Service not found")?);
    let org = asked.engine.org_with(id.uuid(), |org| org.services().contains_key(&id)).await?;
    let found = org.and_then(|org| org.services().get(&id).cloned().map(|service| (org, service)));
    let (org, service) = found.ok_or_else(|| Refused::new(404, "Service not found"))?;
    if !person.may(&org, denied.least) {
        return Err(Refused::new(403, denied.text));
    }
    Ok((person, org, service))
}

/// The incident in the path with its organization, for who may do this.
pub(super) async fn incident(asked: &Asked, denied: Denied) -> Result<(Person, Arc<Org>, Arc<Incident>), Refused> {
    let person = Person::who(asked).await?;
    let id = IncidentId::new(id(asked, "Incident not found")?);
    let org = asked.engine.org_with(id.uuid(), |org| org.incidents().contains_key(&id)).await?;
    let found = org.and_then(|org| org.incidents().get(&id).cloned().map(|incident| (org, incident)));
    let (org, incident) = found.ok_or_else(|| Refused::new(404, "Incident not found"))?;
    if !person.may(&org, denied.least) {
        return Err(Refused::new(403, denied.text));
    }
    Ok((person, org, incident))
}

/// Who may do something with a team.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OfTeam {
    /// Who belongs to it, and admins of the organization.
    Members,
    /// Who leads it, and admins.
    Leads,
    /// Admins only.
    Admins,
}

/// The team in the path with its organization, for who may do this.
pub(super) async fn team(asked: &Asked, may: OfTeam) -> Result<(Person, Arc<Org>, Arc<Team>), Refused> {
    let person = Person::who(asked).await?;
    let id = TeamId::new(id(asked, "Team not found")?);
    let org = asked.engine.org_with(id.uuid(), |org| org.teams().contains_key(&id)).await?;
    let found = org.and_then(|org| org.teams().get(&id).cloned().map(|team| (org, team)));
    let (org, team) = found.ok_or_else(|| Refused::new(404, "Team not found"))?;
    if person.role(&org) == Some(Role::Admin) {
        return Ok((person, org, team));
    }
    let place = team.members.iter().find(|member| member.user == person.user.id);
    match (may, place.map(|member| member.role)) {
        (OfTeam::Admins, _) => Err(Refused::new(403, "Only organization admins can delete teams")),
        (_, None) => Err(Refused::new(403, "You are not a member of this team")),
        (OfTeam::Members, Some(_)) | (OfTeam::Leads, Some(TeamRole::Lead)) => Ok((person, org, team)),
        (OfTeam::Leads, Some(TeamRole::Member)) => Err(Refused::new(403, "Insufficient permissions. Required roles: ['lead']")),
    }
}
