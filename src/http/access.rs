//! Who may do what: the one place where it is decided. Every route names what it needs, and nothing runs before this
//! has said yes.

use super::error::ApiError;
use crate::identity::{Caller, Who, providers::OrgRef};
use tocsin_actors::domain::{Org, Role, ServiceId, TeamId, UserId, entities::Author};

/// What a route needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum May {
    /// Nobody is asked who they are.
    Anyone,
    /// Somebody with an account or a key.
    Somebody,
    /// A person: a key has no sessions, no password, no organizations of its own.
    Person,
    /// To read everything of the organization in the path.
    Read,
    /// To change its services, groups, incidents and maintenances.
    Operate,
    /// The same, for a path that names a service, which may be all that a key is for.
    OperateService,
    /// To change the team in the path: an admin, or who leads that team.
    LeadTeam,
    /// To end the membership in the path: an admin, or the member.
    EndMembership,
    /// Everything else of the organization.
    Administer,
}

impl May {
    /// Whether it is about an organization, which the path then names.
    pub(super) const fn is_of_an_organization(self) -> bool {
        matches!(self, Self::Read | Self::Operate | Self::OperateService | Self::LeadTeam | Self::EndMembership | Self::Administer)
    }

    /// The least role that may.
    const fn role(self) -> Role {
        match self {
            Self::Anyone | Self::Somebody | Self::Person | Self::Read => Role::Viewer,
            Self::Operate | Self::OperateService => Role::Member,
            Self::LeadTeam | Self::EndMembership | Self::Administer => Role::Admin,
        }
    }

    /// What the documentation says about it.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Anyone => "Anyone.",
            Self::Somebody => "Anyone with an account or an API key.",
            Self::Person => "Anyone with an account.",
            Self::Read => "Members of the organization, and keys with the scope `read`.",
            Self::Operate | Self::OperateService => "Members with the role `member` or `admin`, and keys with the scope `write`.",
            Self::LeadTeam => "Admins, leads of the team, and keys with the scope `admin`.",
            Self::EndMembership => "Admins, the member, and keys with the scope `admin`.",
            Self::Administer => "Admins, and keys with the scope `admin`.",
        }
    }
}

/// What of the path matters for the decision.
#[derive(Default)]
pub(super) struct Named {
    pub(super) service: Option<ServiceId>,
    pub(super) team: Option<TeamId>,
    /// A member who is asked about themselves may leave.
    pub(super) user: Option<UserId>,
}

/// Whether this caller may. Who may not even know that the organization exists is told that it does not.
pub(super) fn decide(caller: Option<&Caller>, may: May, org: Option<&Org>, named: &Named) -> Result<(), ApiError> {
    if may == May::Anyone {
        return Ok(());
    }
    let caller =
        caller.ok_or_else(|| ApiError::unauthorized("unauthorized", "log in, or send an API key: `Authorization: Bearer …`"))?;
    match may {
        May::Anyone | May::Somebody => return Ok(()),
        May::Person if matches!(caller.who, Who::User(_)) => return Ok(()),
        May::Person => return Err(ApiError::forbidden("an API key cannot do this: log in")),
        May::Read | May::Operate | May::OperateService | May::LeadTeam | May::EndMembership | May::Administer => {}
    }
    let org = org.ok_or_else(ApiError::unknown_organization)?;
    let role = match &caller.who {
        _ if caller.superadmin => return Ok(()),
        Who::User(user) => {
            if may == May::LeadTeam && named.team.is_some_and(|team| org.leads(team, user.id)) {
                return Ok(());
            }
            if may == May::EndMembership && named.user == Some(user.id) && org.role(user.id).is_some() {
                return Ok(());
            }
            role(caller, org)
        }
        Who::Key { org: of, scopes, .. } => {
            if *of != org.id() {
                return Err(ApiError::unknown_organization());
            }
            if scopes.services.is_some() && !scopes.allow(scopes.access, named.service) && may != May::Read {
                return Err(ApiError::forbidden("this key is for other services only"));
            }
            Some(scopes.access.role())
        }
    };
    let role = role.ok_or_else(ApiError::unknown_organization)?;
    let needed = may.role();
    if role >= needed {
        return Ok(());
    }
    Err(ApiError::forbidden(match needed {
        Role::Viewer => "this key has no scope that may read",
        Role::Member => "this needs the role `member`, or a key with the scope `write`",
        Role::Admin if may == May::LeadTeam => "this needs the role `admin`, or to lead the team",
        Role::Admin => "this needs the role `admin`, or a key with the scope `admin`",
    }))
}

/// What a person is here, by their membership or by what an identity provider says; none for who is nobody here.
pub(super) fn role(caller: &Caller, org: &Org) -> Option<Role> {
    match &caller.who {
        _ if caller.superadmin => Some(Role::Admin),
        Who::User(user) => org.role(user.id).max(external_role(caller, org)),
        Who::Key { .. } => None,
    }
}

/// What an identity provider says that they are here.
fn external_role(caller: &Caller, org: &Org) -> Option<Role> {
    let (there, role) = caller.external_role.as_ref()?;
    is(org, there).then_some(*role)
}

/// Whether this is the organization that a provider's token names.
pub(super) fn is(org: &Org, there: &OrgRef) -> bool {
    let Some(organization) = org.organization() else { return false };
    match there {
        OrgRef::Id(id) => *id == org.id(),
        OrgRef::Slug(slug) => organization.slug == *slug,
        // An admin who claims somebody else's name lets strangers into their own organization, and gains nothing.
        OrgRef::External(name) => organization.external() == Some(name),
    }
}

/// How changes by this caller are signed.
pub(super) fn author(caller: Option<&Caller>) -> Author {
    match caller.map(|caller| &caller.who) {
        Some(Who::User(user)) => Author::User(user.id),
        Some(Who::Key { id, .. }) => Author::Key(*id),
        None => Author::System,
    }
}
