//! What somebody asks for. Ids and times are drawn at the edge and come in with the order, so that the domain stays a
//! function: the same order on the same organization always gives the same events.

use super::{
    edit::Edit,
    entities::{Author, Branding, Metadata, is_yes, names, yes},
    event::Seq,
    ids::{GroupId, IncidentId, MemberId, MonitorId, OrgId, RequestKey, ServiceId, Slug, TeamId, UpdateId, UserId},
    incident::{Affected, IncidentChange},
    monitor::{Expects, Pace},
    names::{Domain, Name},
    status::{Impact, IncidentStatus, MonitorState, Role, ServiceStatus, TeamRole, Visibility},
    time::Timestamp,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A command with who asks, when, and by what name it can be recognized if it is asked again.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
    /// Who asks.
    pub by: Author,
    /// When; in the past when history is filled in.
    pub at: Timestamp,
    /// The caller's name for the request: the same key twice is done once.
    pub key: Option<RequestKey>,
    /// Only if the organization still stands at this `seq`: for who decided on what they had read.
    pub only_at: Option<Seq>,
    /// What is asked for.
    pub command: Command,
}

/// What is asked for.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // each variant is a sentence already; the fields are those of the entities
pub enum Command {
    CreateOrganization(Box<NewOrganization>),
    ChangeOrganization(Box<OrganizationChange>),
    DeleteOrganization,

    AddMember {
        id: MemberId,
        user: UserId,
        role: Role,
        metadata: Metadata,
    },
    ChangeMember {
        user: UserId,
        role: Edit<Role>,
        metadata: Edit<Metadata>,
    },
    RemoveMember {
        user: UserId,
    },

    CreateTeam {
        id: TeamId,
        name: String,
        description: String,
        lead: Option<UserId>,
        metadata: Metadata,
    },
    ChangeTeam {
        id: TeamId,
        change: Box<NamedChange>,
    },
    DeleteTeam {
        id: TeamId,
    },
    /// Adds a member to a team or changes the role there.
    SetTeamMember {
        team: TeamId,
        user: UserId,
        role: TeamRole,
    },
    RemoveTeamMember {
        team: TeamId,
        user: UserId,
    },

    CreateGroup {
        id: GroupId,
        name: String,
        description: String,
        position: Option<u32>,
        metadata: Metadata,
    },
    ChangeGroup {
        id: GroupId,
        change: Box<NamedChange>,
        position: Edit<u32>,
    },
    DeleteGroup {
        id: GroupId,
    },
    /// Puts groups in this order, from position 0; those not named keep theirs.
    ReorderGroups {
        ids: Vec<GroupId>,
    },

    CreateService(Box<NewService>),
    /// A status given here is set by hand.
    ChangeService {
        id: ServiceId,
        change: Box<ServiceChange>,
        status: Edit<ServiceStatus>,
        reason: Option<String>,
        unique_name: bool,
    },
    DeleteService {
        id: ServiceId,
    },
    /// Puts services in this order, from position 0; those not named keep theirs.
    ReorderServices {
        ids: Vec<ServiceId>,
    },

    /// Records an incident, or a maintenance: the status says which.
    OpenIncident(Box<NewIncident>),
    ChangeIncident {
        id: IncidentId,
        change: Box<IncidentChange>,
    },
    /// Adds a timeline entry; may move the incident and change what it does to services.
    PostUpdate {
        incident: IncidentId,
        update: Box<NewUpdate>,
    },
    EditUpdate {
        incident: IncidentId,
        id: UpdateId,
        change: Box<UpdateChange>,
    },
    DeleteUpdate {
        incident: IncidentId,
        id: UpdateId,
    },
    /// Ends an incident, once.
    ResolveIncident {
        id: IncidentId,
        update: UpdateId,
        message: Option<String>,
    },
    /// Moves a maintenance along its own path: start, verify, complete, cancel, each only from where it makes sense.
    MoveMaintenance {
        id: IncidentId,
        to: IncidentStatus,
        update: UpdateId,
        message: Option<String>,
    },
    DeleteIncident {
        id: IncidentId,
    },
    SetPostmortem {
        incident: IncidentId,
        body: String,
    },
    RemovePostmortem {
        incident: IncidentId,
    },

    CreateMonitor(Box<NewMonitor>),
    ChangeMonitor {
        id: MonitorId,
        change: Box<MonitorChange>,
    },
    DeleteMonitor {
        id: MonitorId,
    },
    /// What checks have found, unless the monitor was changed since. The id is for the incident that it may open.
    TurnMonitor {
        id: MonitorId,
        revision: u32,
        to: MonitorState,
        reason: Option<String>,
        incident: IncidentId,
    },

    /// Does what time alone makes due: maintenances begin and end.
    Tick,
}

/// An organization to be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)] // see the entity
pub struct NewOrganization {
    pub id: OrgId,
    pub number: u64,
    pub slug: Slug,
    pub name: String,
    pub description: String,
    pub time_zone: Tz,
    #[serde(default)]
    pub branding: Branding,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub indexed: bool,
    #[serde(default)]
    pub metadata: Metadata,
    /// Its first admin, if there is one already.
    #[serde(default)]
    pub owner: Option<(MemberId, UserId)>,
}

/// A partial change of an organization.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // see the entity
pub struct OrganizationChange {
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub slug: Edit<Slug>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub name: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub description: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub time_zone: Edit<Tz>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub branding: Edit<Branding>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub domain: Edit<Option<Domain>>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub indexed: Edit<bool>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub metadata: Edit<Metadata>,
}

impl NewOrganization {
    /// Every name under which it will be found.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        names(&self.slug, self.domain.as_ref())
    }
}

impl OrganizationChange {
    /// The names that it gives.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        let (slug, domain) = (self.slug.as_set(), self.domain.as_set().and_then(Option::as_ref));
        slug.map(Name::from).into_iter().chain(domain.map(Name::from))
    }
}

/// A partial change of what has a name and a description: teams and groups.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // see the entities
pub struct NamedChange {
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub name: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub description: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub metadata: Edit<Metadata>,
}

/// A service to be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)] // see the entity
pub struct NewService {
    pub id: ServiceId,
    pub name: String,
    pub description: String,
    pub group: Option<GroupId>,
    pub team: Option<TeamId>,
    /// None puts it behind all others.
    pub position: Option<u32>,
    pub visibility: Visibility,
    pub status: ServiceStatus,
    #[serde(default)]
    pub metadata: Metadata,
    /// Refuse it if there is a service of this name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique_name: bool,
}

/// A partial change of a service, its status apart.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // see the entity
pub struct ServiceChange {
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub name: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub description: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub group: Edit<Option<GroupId>>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub team: Edit<Option<TeamId>>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub position: Edit<u32>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub visibility: Edit<Visibility>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub metadata: Edit<Metadata>,
}

/// An incident or maintenance to be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)] // see the entity
pub struct NewIncident {
    pub id: IncidentId,
    pub title: String,
    pub description: String,
    pub status: IncidentStatus,
    pub impact: Impact,
    pub visibility: Visibility,
    pub affected: Vec<Affected>,
    /// None is now; earlier when it was found late or is filled in.
    pub started_at: Option<Timestamp>,
    /// None is now, if the status says that it is over.
    pub resolved_at: Option<Timestamp>,
    pub scheduled_start: Option<Timestamp>,
    pub scheduled_end: Option<Timestamp>,
    pub automatic: bool,
    /// The first timeline entry, if there shall be one.
    pub update: Option<(UpdateId, String)>,
    #[serde(default)]
    pub metadata: Metadata,
}

/// A monitor to be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)] // see the entity
pub struct NewMonitor {
    pub id: MonitorId,
    pub name: String,
    pub url: String,
    pub expects: Expects,
    pub pace: Pace,
    pub visibility: Visibility,
    pub service: Option<ServiceId>,
    pub gives: ServiceStatus,
    pub opens_incident: bool,
    pub enabled: bool,
    #[serde(default)]
    pub metadata: Metadata,
}

/// A partial change of a monitor.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // see the entity
pub struct MonitorChange {
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub name: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub url: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub expects: Edit<Expects>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub pace: Edit<Pace>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub visibility: Edit<Visibility>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub service: Edit<Option<ServiceId>>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub gives: Edit<ServiceStatus>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub opens_incident: Edit<bool>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub enabled: Edit<bool>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub metadata: Edit<Metadata>,
}

/// A timeline entry to be.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // see the entity
pub struct NewUpdate {
    pub id: UpdateId,
    pub message: String,
    /// None leaves the incident where it is.
    pub status: Option<IncidentStatus>,
    /// Services named here take this status from now on; others stay as they are.
    pub affected: Vec<Affected>,
    /// The time people see; none is now.
    pub shown_at: Option<Timestamp>,
}

/// A partial change of a timeline entry. The incident itself stays where it is.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // see the entity
pub struct UpdateChange {
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub message: Edit<String>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub status: Edit<IncidentStatus>,
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub shown_at: Edit<Timestamp>,
}
