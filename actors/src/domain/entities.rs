//! The things an organization owns, except incidents (`incident.rs`) and service histories (`history.rs`).
//!
//! The written form of an entity is the form of its document, which is why its id is called `_id` there; no client
//! ever sees that form.
//!
//! Every entity keeps who made it and when, and a `number`: the n-th thing its organization made. Numbers are short,
//! stable and never used again, for clients that cannot hold a UUID.

use super::{
    ids::{GroupId, IncidentId, KeyId, MemberId, MonitorId, OrgId, ServiceId, Slug, TeamId, UserId},
    names::{Domain, Name},
    status::{Role, ServiceStatus, TeamRole, Visibility},
    time::Timestamp,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts what an organization made; see the module's text.
pub type Number = u32;

/// Who asked for a change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// Nobody in particular: the clock, the fixture loader, the operator of the installation.
    #[default]
    System,
    /// A person.
    User(UserId),
    /// A program.
    Key(KeyId),
}

impl Author {
    /// The person, if it is one.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Key(_) | Self::System => None,
        }
    }
}

/// A value that only a client understands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
}

/// A small, bounded map for what only a client understands. Checked by `limits::metadata`.
pub type Metadata = BTreeMap<String, Scalar>;

/// Where the metadata of an organization say which one of an identity provider it is: that one's members are let in.
pub const EXTERNAL_ORG: &str = "external_org";

/// How the page looks; empty means ours.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Branding {
    /// `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// An image to show instead of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Where users find help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_url: Option<String>,
}

/// What an organization says of itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: OrgId,
    /// Its short number in this installation, given with the slug.
    pub number: u64,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Where its days begin and end.
    pub time_zone: Tz,
    /// How its page looks.
    pub branding: Branding,
    /// The host name at which its page also is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// Whether search engines may list its page.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub indexed: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When this was last changed.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: Author,
    /// What only a client understands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

impl Organization {
    /// Every name under which it is found.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        names(&self.slug, self.domain.as_ref())
    }
    /// Which organization of an identity provider it says that it is.
    pub fn external(&self) -> Option<&str> {
        match self.metadata.get(EXTERNAL_ORG)? {
            Scalar::Text(external) => Some(external),
            Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_) => None,
        }
    }
    /// Whether this is one of its names.
    pub fn goes_by(&self, name: &str) -> bool {
        self.slug.as_str() == name || self.domain.as_ref().is_some_and(|domain| domain.as_str() == name)
    }
}

/// A slug and perhaps a domain, as names.
pub fn names(slug: &Slug, domain: Option<&Domain>) -> impl Iterator<Item = Name> + use<> {
    std::iter::once(slug.into()).chain(domain.map(Name::from))
}

/// What is so unless somebody said otherwise, and is not written then: documents of before it could be said read the same.
pub(super) const fn yes() -> bool {
    true
}

/// See `yes`.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks like this
pub(super) const fn is_yes(said: &bool) -> bool {
    *said
}

/// A user's place in an organization.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its id, for clients that name memberships.
    #[serde(rename = "_id")]
    pub id: MemberId,
    /// Its number.
    pub number: Number,
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// When they joined.
    pub created_at: Timestamp,
    /// When the role last changed.
    pub updated_at: Timestamp,
    /// Who let them in.
    pub created_by: Author,
    /// What only a client understands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

/// A user's place in a team.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TeamMember {
    /// Who.
    pub user: UserId,
    /// What they may do in the team.
    pub role: TeamRole,
    /// Since when.
    pub joined_at: Timestamp,
}

/// People who look after services together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Team {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: TeamId,
    /// Its number.
    pub number: Number,
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Who belongs to it, in the order of joining.
    pub members: Vec<TeamMember>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: Author,
    /// What only a client understands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

/// A heading under which services stand.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServiceGroup {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: GroupId,
    /// Its number.
    pub number: Number,
    /// Its name.
    pub name: String,
    /// What is under it.
    pub description: String,
    /// Its place among the groups; ties stand in the order of `number`.
    pub position: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: Author,
    /// What only a client understands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

/// Why a service has the status it has. When the cause ends, so does the status; `Manual` never ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A hand.
    Manual,
    /// An incident, while it is active.
    Incident(IncidentId),
    /// A maintenance, while it goes on.
    Maintenance(IncidentId),
    /// A website check, until it succeeds again.
    Monitor(MonitorId),
}

impl Cause {
    /// The incident or maintenance behind it.
    pub const fn incident(self) -> Option<IncidentId> {
        match self {
            Self::Incident(id) | Self::Maintenance(id) => Some(id),
            Self::Manual | Self::Monitor(_) => None,
        }
    }
}

/// Something whose status is told.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Service {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: ServiceId,
    /// Its number.
    pub number: Number,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The heading under which it stands.
    pub group: Option<GroupId>,
    /// Who looks after it.
    pub team: Option<TeamId>,
    /// Its place in its group; ties stand in the order of `number`.
    pub position: u32,
    /// Who sees it.
    pub visibility: Visibility,
    /// How it is doing.
    pub status: ServiceStatus,
    /// Since when.
    pub status_since: Timestamp,
    /// Because of what.
    pub cause: Cause,
    /// When it was made; before this it is not observed.
    pub created_at: Timestamp,
    /// When it was last changed, its status included.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: Author,
    /// What only a client understands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

impl Service {
    /// When anything of it was last changed, its status included.
    pub fn last_changed(&self) -> Timestamp {
        self.updated_at.max(self.status_since)
    }
}
