//! What happened. Stored forever: the written form of an event is a promise to every future version, kept by the
//! fixtures in `fixtures/events`. Fields may be added with a default; nothing is renamed or given another meaning.

use super::{
    command::{
        MonitorChange, NamedChange, NewIncident, NewMonitor, NewOrganization, NewService, OrganizationChange, ServiceChange,
        UpdateChange,
    },
    edit::Edit,
    entities::{Author, Cause, Metadata},
    ids::{CommitId, GroupId, IncidentId, MemberId, MonitorId, OrgId, RequestKey, ServiceId, TeamId, UpdateId, UserId},
    incident::{AffectedChange, IncidentChange},
    status::{IncidentStatus, MonitorState, Role, ServiceStatus, TeamRole},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The place of an event in its organization's life: 1, 2, 3 … without holes.
pub type Seq = u64;

/// What happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // each variant is a sentence already; the fields are those of the entities
pub enum Event {
    OrganizationCreated(Box<NewOrganization>),
    OrganizationChanged(Box<OrganizationChange>),
    OrganizationDeleted,

    MemberAdded {
        id: MemberId,
        user: UserId,
        role: Role,
        #[serde(default)]
        metadata: Metadata,
    },
    MemberChanged {
        id: MemberId,
        user: UserId,
        #[serde(default, skip_serializing_if = "Edit::is_keep")]
        role: Edit<Role>,
        #[serde(default, skip_serializing_if = "Edit::is_keep")]
        metadata: Edit<Metadata>,
    },
    /// Ends the member's place in every team too.
    MemberRemoved {
        id: MemberId,
        user: UserId,
    },

    TeamCreated {
        id: TeamId,
        name: String,
        description: String,
        lead: Option<UserId>,
        #[serde(default)]
        metadata: Metadata,
    },
    TeamChanged {
        id: TeamId,
        change: Box<NamedChange>,
    },
    /// Its services stay, without a team.
    TeamDeleted {
        id: TeamId,
    },
    TeamMemberSet {
        team: TeamId,
        user: UserId,
        role: TeamRole,
    },
    TeamMemberRemoved {
        team: TeamId,
        user: UserId,
    },

    GroupCreated {
        id: GroupId,
        name: String,
        description: String,
        position: u32,
        #[serde(default)]
        metadata: Metadata,
    },
    GroupChanged {
        id: GroupId,
        change: Box<NamedChange>,
        #[serde(default, skip_serializing_if = "Edit::is_keep")]
        position: Edit<u32>,
    },
    /// Its services stay, without a group.
    GroupDeleted {
        id: GroupId,
    },
    GroupsReordered {
        ids: Vec<GroupId>,
    },

    ServiceCreated(Box<NewService>),
    ServiceChanged {
        id: ServiceId,
        change: Box<ServiceChange>,
    },
    /// Also when only the cause changed (`from` equals `to`): the history shows it only when the status did.
    ServiceStatusChanged {
        id: ServiceId,
        from: ServiceStatus,
        to: ServiceStatus,
        cause: Cause,
        because: Cause,
        reason: Option<String>,
    },
    /// Incidents go on naming it.
    ServiceDeleted {
        id: ServiceId,
    },
    ServicesReordered {
        ids: Vec<ServiceId>,
    },

    IncidentOpened(Box<NewIncident>),
    IncidentChanged {
        id: IncidentId,
        change: Box<IncidentChange>,
    },
    UpdatePosted(Box<PostedUpdate>),
    UpdateEdited {
        incident: IncidentId,
        id: UpdateId,
        change: Box<UpdateChange>,
    },
    UpdateDeleted {
        incident: IncidentId,
        id: UpdateId,
    },
    IncidentDeleted {
        id: IncidentId,
    },
    PostmortemSet {
        incident: IncidentId,
        body: String,
    },
    PostmortemRemoved {
        incident: IncidentId,
    },

    MonitorCreated(Box<NewMonitor>),
    MonitorChanged {
        id: MonitorId,
        change: Box<MonitorChange>,
    },
    /// Its past checks go with it.
    MonitorDeleted {
        id: MonitorId,
    },
    /// The incident is the one that is about this, from now on.
    MonitorTurned {
        id: MonitorId,
        from: MonitorState,
        to: MonitorState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incident: Option<IncidentId>,
    },
}

/// A timeline entry as it was posted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PostedUpdate {
    /// Of which incident.
    pub incident: IncidentId,
    /// Its id.
    pub id: UpdateId,
    /// What is told.
    pub message: String,
    /// Where the incident stands from now on.
    pub status: IncidentStatus,
    /// The time people see.
    pub shown_at: Timestamp,
    /// What it changed of affected services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected: Vec<AffectedChange>,
    /// When the move really took place, if not when it was recorded: a maintenance that began while nobody watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_at: Option<Timestamp>,
}

/// What one order did: its events, numbered from `seq`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The number of its first event.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Author,
    /// The caller's name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RequestKey>,
    /// What happened; never empty.
    pub events: Vec<Event>,
}

impl Entry {
    /// The number of its last event.
    pub fn last(&self) -> Seq {
        self.seq + self.events.len() as Seq - 1
    }
}

/// One durable step of an organization: all of it is stored, or none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Commit {
    /// Tells this commit from another writer's with the same number.
    #[serde(rename = "_id")]
    pub id: CommitId,
    /// Whose.
    pub org: OrgId,
    /// The number of its first event.
    pub first: Seq,
    /// The number of its last event.
    pub last: Seq,
    /// When it was handed to the store.
    pub at: Timestamp,
    /// What happened; never empty.
    pub entries: Vec<Entry>,
}

/// What the author of an order is told when it is durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The organization's `seq` from which on the effect can be seen.
    pub seq: Seq,
    /// Whether anything changed at all.
    pub changed: bool,
    /// The id of what was made, as it was given the first time: a retry learns it from here.
    pub created: Option<Uuid>,
}

impl Event {
    /// The id of what it made.
    pub const fn created(&self) -> Option<Uuid> {
        match self {
            Self::OrganizationCreated(new) => Some(new.id.uuid()),
            Self::MemberAdded { id, .. } => Some(id.uuid()),
            Self::TeamCreated { id, .. } => Some(id.uuid()),
            Self::GroupCreated { id, .. } => Some(id.uuid()),
            Self::ServiceCreated(new) => Some(new.id.uuid()),
            Self::IncidentOpened(new) => Some(new.id.uuid()),
            Self::UpdatePosted(update) => Some(update.id.uuid()),
            Self::MonitorCreated(new) => Some(new.id.uuid()),
            _ => None,
        }
    }

    /// The word for what happened, as streams and logs name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OrganizationCreated(_) => "organization.created",
            Self::OrganizationChanged(_) => "organization.changed",
            Self::OrganizationDeleted => "organization.deleted",
            Self::MemberAdded { .. } => "member.added",
            Self::MemberChanged { .. } => "member.changed",
            Self::MemberRemoved { .. } => "member.removed",
            Self::TeamCreated { .. } => "team.created",
            Self::TeamChanged { .. } => "team.changed",
            Self::TeamDeleted { .. } => "team.deleted",
            Self::TeamMemberSet { .. } => "team.member_set",
            Self::TeamMemberRemoved { .. } => "team.member_removed",
            Self::GroupCreated { .. } => "group.created",
            Self::GroupChanged { .. } => "group.changed",
            Self::GroupDeleted { .. } => "group.deleted",
            Self::GroupsReordered { .. } => "groups.reordered",
            Self::ServiceCreated(_) => "service.created",
            Self::ServiceChanged { .. } => "service.changed",
            Self::ServiceStatusChanged { .. } => "service.status_changed",
            Self::ServiceDeleted { .. } => "service.deleted",
            Self::ServicesReordered { .. } => "services.reordered",
            Self::IncidentOpened(_) => "incident.opened",
            Self::IncidentChanged { .. } => "incident.changed",
            Self::UpdatePosted(_) => "incident.update_posted",
            Self::UpdateEdited { .. } => "incident.update_edited",
            Self::UpdateDeleted { .. } => "incident.update_deleted",
            Self::IncidentDeleted { .. } => "incident.deleted",
            Self::PostmortemSet { .. } => "incident.postmortem_set",
            Self::PostmortemRemoved { .. } => "incident.postmortem_removed",
            Self::MonitorCreated(_) => "monitor.created",
            Self::MonitorChanged { .. } => "monitor.changed",
            Self::MonitorDeleted { .. } => "monitor.deleted",
            Self::MonitorTurned { .. } => "monitor.turned",
        }
    }

    /// Which entities it changes, so that their documents can follow. May name one that is gone by now.
    pub fn touches(&self, mut tell: impl FnMut(Touched)) {
        match self {
            Self::OrganizationCreated(new) => {
                tell(Touched::Organization);
                if let Some((id, user)) = new.owner {
                    tell(Touched::Member(id, user));
                }
            }
            Self::OrganizationChanged(_) => tell(Touched::Organization),
            Self::OrganizationDeleted => tell(Touched::Everything),
            Self::MemberAdded { id, user, .. } | Self::MemberChanged { id, user, .. } => tell(Touched::Member(*id, *user)),
            Self::MemberRemoved { id, user } => {
                tell(Touched::Member(*id, *user));
                tell(Touched::Teams);
            }
            Self::TeamCreated { id, .. } | Self::TeamChanged { id, .. } => tell(Touched::Team(*id)),
            Self::TeamMemberSet { team, .. } | Self::TeamMemberRemoved { team, .. } => tell(Touched::Team(*team)),
            Self::TeamDeleted { id } => {
                tell(Touched::Team(*id));
                tell(Touched::Services);
            }
            Self::GroupCreated { id, .. } | Self::GroupChanged { id, .. } => tell(Touched::Group(*id)),
            Self::GroupDeleted { id } => {
                tell(Touched::Group(*id));
                tell(Touched::Services);
            }
            Self::GroupsReordered { ids } => ids.iter().for_each(|id| tell(Touched::Group(*id))),
            Self::ServiceCreated(new) => {
                tell(Touched::Service(new.id));
                tell(Touched::History(new.id));
            }
            Self::ServiceStatusChanged { id, .. } => {
                tell(Touched::Service(*id));
                tell(Touched::History(*id));
            }
            Self::ServiceChanged { id, .. } => tell(Touched::Service(*id)),
            Self::ServiceDeleted { id } => {
                tell(Touched::Service(*id));
                tell(Touched::Monitors);
            }
            Self::ServicesReordered { ids } => ids.iter().for_each(|id| tell(Touched::Service(*id))),
            Self::IncidentOpened(new) => tell(Touched::Incident(new.id)),
            Self::UpdatePosted(update) => tell(Touched::Incident(update.incident)),
            Self::IncidentChanged { id, .. } | Self::IncidentDeleted { id } => tell(Touched::Incident(*id)),
            Self::UpdateEdited { incident, .. }
            | Self::UpdateDeleted { incident, .. }
            | Self::PostmortemSet { incident, .. }
            | Self::PostmortemRemoved { incident } => tell(Touched::Incident(*incident)),
            Self::MonitorCreated(new) => tell(Touched::Monitor(new.id)),
            Self::MonitorChanged { id, .. } | Self::MonitorDeleted { id } | Self::MonitorTurned { id, .. } => {
                tell(Touched::Monitor(*id));
            }
        }
    }
}

/// An entity that an event changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)] // the names of the entities
pub enum Touched {
    Everything,
    Organization,
    Teams,
    Services,
    Monitors,
    Member(MemberId, UserId),
    Team(TeamId),
    Group(GroupId),
    Service(ServiceId),
    History(ServiceId),
    Incident(IncidentId),
    Monitor(MonitorId),
}

/// A receipt that is remembered for its key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Remembered {
    /// The caller's name for the request.
    pub key: RequestKey,
    /// When it was done.
    pub at: Timestamp,
    /// What it was told.
    pub receipt: Receipt,
}
