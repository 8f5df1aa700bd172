//! Why a command may not be: the business's own "no". Each reason carries a code that never changes.

use super::{
    ids::{GroupId, IncidentId, MonitorId, ServiceId, TeamId, UpdateId, UserId},
    status::IncidentStatus,
};

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Never made, or deleted.
    #[error("there is no such organization")]
    UnknownOrganization,
    /// See the text; likewise below.
    #[error("there is no service {0}")]
    UnknownService(ServiceId),
    #[allow(missing_docs)]
    #[error("there is no service group {0}")]
    UnknownGroup(GroupId),
    #[allow(missing_docs)]
    #[error("there is no team {0}")]
    UnknownTeam(TeamId),
    #[allow(missing_docs)]
    #[error("there is no incident or maintenance {0}")]
    UnknownIncident(IncidentId),
    #[allow(missing_docs)]
    #[error("there is no update {0}")]
    UnknownUpdate(UpdateId),
    #[allow(missing_docs)]
    #[error("there is no monitor {0}")]
    UnknownMonitor(MonitorId),
    #[allow(missing_docs)]
    #[error("user {0} is not a member of the organization")]
    UnknownMember(UserId),
    #[allow(missing_docs)]
    #[error("user {0} is not a member of the team")]
    UnknownTeamMember(UserId),
    #[allow(missing_docs)]
    #[error("the incident has no post-mortem")]
    NoPostmortem,
    /// An id that was drawn at the edge is in use: the same thing was asked for twice.
    #[error("this id is in use")]
    IdTaken,
    /// Asked for by clients that want service names to be unique.
    #[error("there is a service of this name")]
    NameTaken,
    #[allow(missing_docs)]
    #[error("user {0} is a member already")]
    AlreadyMember(UserId),
    #[allow(missing_docs)]
    #[error("an organization keeps at least one admin")]
    LastAdmin,
    #[allow(missing_docs)]
    #[error("this incident is resolved already")]
    AlreadyResolved(IncidentId),
    /// A maintenance cannot be started twice, nor completed before it was started.
    #[error("a maintenance that is {from} cannot become {to}")]
    WrongMove {
        /// Where it stands.
        from: IncidentStatus,
        /// What was asked for.
        to: IncidentStatus,
    },
    #[allow(missing_docs)]
    #[error("a post-mortem is written when the incident is over")]
    NotOver,
    /// What the order was decided on is no longer so.
    #[error("the organization was changed in the meantime")]
    MovedOn,
    /// A value that a rule refuses.
    #[error("{field} {problem}")]
    Invalid {
        /// The field, as it is named in the API.
        field: &'static str,
        /// The rest of the sentence.
        problem: String,
    },
    /// A bound that keeps one organization from becoming everybody's problem.
    #[error("an organization has at most {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
}

impl Rejection {
    /// The stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownOrganization => "unknown_organization",
            Self::UnknownService(_) => "unknown_service",
            Self::UnknownGroup(_) => "unknown_group",
            Self::UnknownTeam(_) => "unknown_team",
            Self::UnknownIncident(_) => "unknown_incident",
            Self::UnknownUpdate(_) => "unknown_update",
            Self::UnknownMonitor(_) => "unknown_monitor",
            Self::UnknownMember(_) => "unknown_member",
            Self::UnknownTeamMember(_) => "unknown_team_member",
            Self::NoPostmortem => "no_postmortem",
            Self::IdTaken => "id_taken",
            Self::NameTaken => "name_taken",
            Self::AlreadyMember(_) => "already_member",
            Self::LastAdmin => "last_admin",
            Self::AlreadyResolved(_) => "already_resolved",
            Self::WrongMove { .. } => "wrong_move",
            Self::NotOver => "not_over",
            Self::MovedOn => "moved_on",
            Self::Invalid { .. } => "invalid",
            Self::TooMany { .. } => "too_many",
        }
    }

    /// A value that a rule refuses.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}
