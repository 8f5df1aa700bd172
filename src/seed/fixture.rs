//! The file format: people and organizations with everything they own, by symbolic names and relative times.
//!
//! Here a file is only read; nothing is looked up and no clock is asked. `references.rs` checks what names what, and
//! `plan.rs` turns an organization into orders.

use super::{
    problem::{Problem, Problems},
    read::{At, Reader, Spots, Told},
    references,
    times::{Span, Time},
    tree::Node,
};
use chrono_tz::Tz;
use std::fmt;
use tocsin_actors::{
    accounts::password::PasswordHash,
    domain::{
        Domain, Slug,
        entities::{Branding, Metadata},
        monitor::{Expects, Pace},
        status::{Impact, IncidentStatus, Role, ServiceStatus, TeamRole, Visibility},
    },
};

/// A whole file.
#[derive(Debug, Clone, Default)]
pub struct Fixture {
    /// People, shared by all organizations of the installation.
    pub users: Vec<UserSpec>,
    /// Tenants.
    pub organizations: Vec<OrgSpec>,
}

/// A person. One with the same e-mail address is reused and left as they are.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // see the entity
pub struct UserSpec {
    pub spots: Spots,
    pub id: Told<String>,
    pub email: Told<String>,
    pub username: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub name: Option<String>,
    pub password: Option<Password>,
    pub inactive: bool,
    pub superadmin: bool,
    pub metadata: Metadata,
}

/// How a person proves who they are.
#[derive(Clone)]
pub enum Password {
    /// For demonstrations: hashed when the account is made.
    Plain(String),
    /// Hashed elsewhere.
    Hashed(PasswordHash),
}

/// An organization.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // see the entity
pub struct OrgSpec {
    pub spots: Spots,
    pub slug: Slug,
    pub name: String,
    pub description: String,
    pub time_zone: Tz,
    pub branding: Branding,
    pub domain: Option<Domain>,
    pub indexed: bool,
    pub metadata: Metadata,
    pub created: Option<Told<Time>>, // none is as early as anything in it
    pub members: Vec<MemberSpec>,
    pub teams: Vec<TeamSpec>,
    pub groups: Vec<GroupSpec>,
    pub services: Vec<ServiceSpec>,
    /// Incidents and maintenances.
    pub incidents: Vec<IncidentSpec>,
    /// Website checks.
    pub monitors: Vec<MonitorSpec>,
}

/// A person's place in an organization.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // see the entity
pub struct MemberSpec {
    pub spots: Spots,
    pub user: Told<String>,
    pub role: Role,
    pub joined: Option<Told<Time>>,
    pub metadata: Metadata,
}

/// A team.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // see the entity
pub struct TeamSpec {
    pub spots: Spots,
    pub id: Told<String>,
    pub name: String,
    pub description: String,
    pub metadata: Metadata,
    pub members: Vec<(Told<String>, TeamRole)>,
}

/// A heading.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // see the entity
pub struct GroupSpec {
    pub spots: Spots,
    pub id: Told<String>,
    pub name: String,
    pub description: String,
    pub metadata: Metadata,
}

/// A service.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // see the entity
pub struct ServiceSpec {
    pub spots: Spots,
    pub id: Told<String>,
    pub name: String,
    pub description: String,
    pub group: Option<Told<String>>,
    pub team: Option<Told<String>>,
    pub visibility: Visibility,
    /// The status it begins with.
    pub status: ServiceStatus,
    /// None is with the organization.
    pub created: Option<Told<Time>>,
    pub history: Vec<HistorySpec>,
    pub metadata: Metadata,
}

/// A status that was set by hand.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // see the entity
pub struct HistorySpec {
    pub spots: Spots,
    pub at: Told<Time>,
    pub status: ServiceStatus,
    pub reason: Option<String>,
    pub by: Option<Told<String>>,
}

/// An incident or a maintenance; the status says which.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // see the entity
pub struct IncidentSpec {
    pub spots: Spots,
    pub id: Told<String>,
    pub title: String,
    pub description: String,
    /// The status it begins with.
    pub status: IncidentStatus,
    pub impact: Impact,
    pub visibility: Visibility,
    /// When it began, or is planned to begin.
    pub start: Option<Told<Time>>,
    /// When a maintenance is planned to end.
    pub end: Option<Told<Time>>,
    /// When it was written down, if not with its first entry. A maintenance is announced then; an incident whose
    /// entries are older was filled in afterwards.
    pub recorded: Option<Told<Time>>,
    /// Whether a maintenance begins and ends by itself.
    pub automatic: bool,
    pub affected: Vec<AffectedSpec>,
    pub updates: Vec<UpdateSpec>,
    pub postmortem: Option<PostmortemSpec>,
    pub by: Option<Told<String>>,
    pub metadata: Metadata,
}

/// A service that an incident touches, or a bare name.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // see the entity
pub struct AffectedSpec {
    pub service: Option<Told<String>>,
    pub name: Option<String>,
    pub status: Option<ServiceStatus>,
}

/// A timeline entry.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // see the entity
pub struct UpdateSpec {
    pub spots: Spots,
    pub at: Told<Time>,
    /// None is where the incident stands.
    pub status: Option<IncidentStatus>,
    pub message: String,
    pub affected: Vec<AffectedSpec>,
    pub by: Option<Told<String>>,
    /// False tells a status without moving the incident there.
    pub moves: bool,
}

/// What was learned.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // see the entity
pub struct PostmortemSpec {
    pub spots: Spots,
    pub at: Told<Time>,
    pub body: String,
    pub by: Option<Told<String>>,
}

/// A website check.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // see the entity
pub struct MonitorSpec {
    pub spots: Spots,
    pub id: Told<String>,
    pub name: String,
    pub url: String,
    pub expects: Expects,
    pub pace: Pace,
    pub visibility: Visibility,
    pub service: Option<Told<String>>,
    /// The status that it gives while it is down.
    pub gives: ServiceStatus,
    pub opens_incident: bool,
    pub enabled: bool,
    /// What checks found before it was loaded.
    pub readings: Vec<ReadingsSpec>,
    pub metadata: Metadata,
}

/// What one check found, or many in a row.
#[derive(Debug, Clone)]
pub struct ReadingsSpec {
    /// When the first was made.
    pub at: Told<Time>,
    /// How long after each the next was; none is only one.
    pub every: Option<Span>,
    /// When the last was made at the latest; none is when the fixture is loaded.
    pub until: Option<Told<Time>>,
    /// Whether they found it up.
    pub up: bool,
    /// How long answers took; none is no answer.
    pub ms: Option<u32>,
    /// By how much more or less than that.
    pub spread: u32,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Fixture {
    /// Reads a file and everything that is wrong with it. `file` is only its name, for people.
    pub fn read(file: &str, source: &str) -> Result<Self, Problems> {
        let told = |problems: Vec<Problem>| Problems::new(file, source, problems);
        let tree = Node::parse(source).map_err(|problem| told(vec![problem]))?;
        let mut reader = Reader::default();
        let fixture = file_decoded(&mut reader, &At::root(&tree)).unwrap_or_default();
        references::check(&fixture, &mut reader.problems);
        if reader.problems.is_empty() { Ok(fixture) } else { Err(told(reader.problems)) }
    }

    /// Who can log in, and how: for demonstrations that tell it.
    pub fn logins(&self) -> impl Iterator<Item = (&str, &str)> {
        self.users.iter().filter_map(|user| match &user.password {
            Some(Password::Plain(password)) => Some((user.email.value.as_str(), password.as_str())),
            Some(Password::Hashed(_)) | None => None,
        })
    }
}

fn file_decoded(reader: &mut Reader, at: &At<'_>) -> Option<Fixture> {
    let fields = reader.fields(at, &["users", "organizations"])?;
    Some(Fixture { users: fields.list(reader, "users", user), organizations: fields.list(reader, "organizations", organization) })
}

// Each goes on with a default where something cannot be read: the problem is noted, the result is not used, and the rest
// of the file can still be checked.

fn user(reader: &mut Reader, at: &At<'_>) -> Option<UserSpec> {
    let known = &[
        "id",
        "email",
        "username",
        "first_name",
        "last_name",
        "name",
        "password",
        "password_hash",
        "active",
        "superadmin",
        "metadata",
    ];
    let fields = reader.fields(at, known)?;
    let hash = fields.optional(reader, "password_hash", |reader, at| match PasswordHash::import(&reader.text(at)?) {
        Ok(hash) => Some(hash),
        Err(unknown) => {
            reader.problem(at.spot(), unknown.to_string());
            None
        }
    });
    let password = fields.optional(reader, "password", |reader, at| reader.text(at));
    if hash.is_some() && password.is_some() {
        reader.problem(at.spot(), "give either \"password\" or \"password_hash\"");
    }
    Some(UserSpec {
        spots: fields.spots(),
        id: fields.required(reader, "id", Reader::symbol).unwrap_or_default(),
        email: fields.required(reader, "email", Reader::reference).unwrap_or_default(),
        username: fields.optional(reader, "username", Reader::text),
        first_name: fields.optional(reader, "first_name", Reader::text).unwrap_or_default(),
        last_name: fields.optional(reader, "last_name", Reader::text).unwrap_or_default(),
        name: fields.optional(reader, "name", Reader::text),
        password: hash.map(Password::Hashed).or(password.map(Password::Plain)),
        inactive: fields.optional(reader, "active", Reader::boolean) == Some(false),
        superadmin: fields.optional(reader, "superadmin", Reader::boolean).unwrap_or(false),
        metadata: fields.optional(reader, "metadata", Reader::metadata).unwrap_or_default(),
    })
}

fn organization(reader: &mut Reader, at: &At<'_>) -> Option<OrgSpec> {
    let known = &[
        "slug",
        "name",
        "description",
        "time_zone",
        "branding",
        "domain",
        "indexed",
        "metadata",
        "created",
        "members",
        "teams",
        "groups",
        "services",
        "incidents",
        "maintenances",
        "monitors",
    ];
    let fields = reader.fields(at, known)?;
    let slug = fields.required(reader, "slug", Reader::parsed::<Slug>);
    let name = fields.required(reader, "name", Reader::text).unwrap_or_default();
    let description = fields.optional(reader, "description", Reader::text).unwrap_or_default();
    let time_zone = fields.optional(reader, "time_zone", Reader::time_zone).unwrap_or(Tz::UTC);
    let branding = fields.optional(reader, "branding", branding).unwrap_or_default();
    let domain = fields.optional(reader, "domain", Reader::parsed::<Domain>);
    let indexed = fields.optional(reader, "indexed", Reader::boolean).unwrap_or(true);
    let metadata = fields.optional(reader, "metadata", Reader::metadata).unwrap_or_default();
    let created = fields.optional(reader, "created", Reader::time);
    let members = fields.list(reader, "members", member);
    let teams = fields.list(reader, "teams", team);
    let groups = fields.list(reader, "groups", group);
    let services = fields.list(reader, "services", service);
    let mut incidents = fields.list(reader, "incidents", super::story::incident);
    incidents.extend(fields.list(reader, "maintenances", super::story::maintenance));
    let monitors = fields.list(reader, "monitors", super::monitors::monitor);
    let (spots, slug) = (fields.spots(), slug?);
    Some(OrgSpec {
        spots,
        slug,
        name,
        description,
        time_zone,
        branding,
        domain,
        indexed,
        metadata,
        created,
        members,
        teams,
        groups,
        services,
        incidents,
        monitors,
    })
}

fn branding(reader: &mut Reader, at: &At<'_>) -> Option<Branding> {
    let fields = reader.fields(at, &["accent", "logo_url", "support_url"])?;
    Some(Branding {
        accent: fields.optional(reader, "accent", Reader::text),
        logo_url: fields.optional(reader, "logo_url", Reader::text),
        support_url: fields.optional(reader, "support_url", Reader::text),
    })
}

fn member(reader: &mut Reader, at: &At<'_>) -> Option<MemberSpec> {
    let fields = reader.fields(at, &["user", "role", "joined", "metadata"])?;
    Some(MemberSpec {
        spots: fields.spots(),
        user: fields.required(reader, "user", Reader::reference).unwrap_or_default(),
        role: fields.required(reader, "role", Reader::word).unwrap_or(Role::Viewer),
        joined: fields.optional(reader, "joined", Reader::time),
        metadata: fields.optional(reader, "metadata", Reader::metadata).unwrap_or_default(),
    })
}

fn team(reader: &mut Reader, at: &At<'_>) -> Option<TeamSpec> {
    let fields = reader.fields(at, &["id", "name", "description", "metadata", "members"])?;
    Some(TeamSpec {
        spots: fields.spots(),
        id: fields.required(reader, "id", Reader::symbol).unwrap_or_default(),
        name: fields.required(reader, "name", Reader::text).unwrap_or_default(),
        description: fields.optional(reader, "description", Reader::text).unwrap_or_default(),
        metadata: fields.optional(reader, "metadata", Reader::metadata).unwrap_or_default(),
        members: fields.list(reader, "members", |reader, at| {
            let fields = reader.fields(at, &["user", "role"])?;
            let user = fields.required(reader, "user", Reader::reference).unwrap_or_default();
            Some((user, fields.optional(reader, "role", Reader::word).unwrap_or(TeamRole::Member)))
        }),
    })
}

fn group(reader: &mut Reader, at: &At<'_>) -> Option<GroupSpec> {
    let fields = reader.fields(at, &["id", "name", "description", "metadata"])?;
    Some(GroupSpec {
        spots: fields.spots(),
        id: fields.required(reader, "id", Reader::symbol).unwrap_or_default(),
        name: fields.required(reader, "name", Reader::text).unwrap_or_default(),
        description: fields.optional(reader, "description", Reader::text).unwrap_or_default(),
        metadata: fields.optional(reader, "metadata", Reader::metadata).unwrap_or_default(),
    })
}

fn service(reader: &mut Reader, at: &At<'_>) -> Option<ServiceSpec> {
    let known = &["id", "name", "description", "group", "team", "visibility", "status", "created", "history", "metadata"];
    let fields = reader.fields(at, known)?;
    Some(ServiceSpec {
        spots: fields.spots(),
        id: fields.required(reader, "id", Reader::symbol).unwrap_or_default(),
        name: fields.required(reader, "name", Reader::text).unwrap_or_default(),
        description: fields.optional(reader, "description", Reader::text).unwrap_or_default(),
        group: fields.optional(reader, "group", Reader::reference),
        team: fields.optional(reader, "team", Reader::reference),
        visibility: fields.optional(reader, "visibility", Reader::word).unwrap_or(Visibility::Public),
        status: fields.optional(reader, "status", Reader::word).unwrap_or(ServiceStatus::Operational),
        created: fields.optional(reader, "created", Reader::time),
        history: fields.list(reader, "history", |reader, at| {
            let fields = reader.fields(at, &["at", "status", "reason", "by"])?;
            Some(HistorySpec {
                spots: fields.spots(),
                at: fields.required(reader, "at", Reader::time)?,
                status: fields.required(reader, "status", Reader::word)?,
                reason: fields.optional(reader, "reason", Reader::text),
                by: fields.optional(reader, "by", Reader::reference),
            })
        }),
        metadata: fields.optional(reader, "metadata", Reader::metadata).unwrap_or_default(),
    })
}
