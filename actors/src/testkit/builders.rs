//! Deterministic ids and orders with sensible defaults: a test says only what it is about.

use crate::{
    accounts::User,
    domain::{
        Author, Command, Commit, CommitId, Edit, Entry, GroupId, IncidentId, KeyId, MemberId, MonitorId, Order, Org, OrgId,
        RequestKey, Seq, ServiceId, TeamId, Timestamp, UpdateId, UserId,
        command::{NewIncident, NewMonitor, NewOrganization, NewService, NewUpdate},
        incident::Affected,
        status::{Impact, IncidentStatus, MonitorState, ServiceStatus, Visibility},
    },
    store::{Append, CommitLog, StoreError},
};
use std::sync::Arc;
use uuid::Uuid;

macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident -> $id:ident = $kind:literal),+ $(,)?) => {$(
        $(#[$doc])*
        pub const fn $name(n: u64) -> $id {
            $id::new(numbered_uuid($kind, n))
        }
    )+};
}

numbered! {
    /// The n-th organization.
    org -> OrgId = 1,
    /// The n-th user.
    user -> UserId = 2,
    /// The n-th membership.
    member -> MemberId = 3,
    /// The n-th team.
    team -> TeamId = 4,
    /// The n-th group.
    group -> GroupId = 5,
    /// The n-th service.
    service -> ServiceId = 6,
    /// The n-th incident.
    incident -> IncidentId = 7,
    /// The n-th timeline entry.
    update -> UpdateId = 8,
    /// The n-th API key.
    api_key -> KeyId = 9,
    /// The n-th request.
    request_key -> RequestKey = 10,
    /// The n-th commit.
    commit_id -> CommitId = 11,
    /// The n-th monitor.
    monitor -> MonitorId = 12,
}

/// A UUIDv7 by its look, in the order of `n`.
const fn numbered_uuid(kind: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair((n << 16) | 0x7000, 0x8000_0000_0000_0000 | (kind << 48) | n)
}

/// When tests begin: 2026-01-05 08:00 UTC, a Monday.
pub fn start() -> Timestamp {
    Timestamp::from_millis(1_767_600_000_000)
}

/// So many seconds after [`start`].
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(start().millis() + seconds * 1_000)
}

/// A command asked for by nobody in particular at [`start`].
pub fn order(command: Command) -> Order {
    Order { by: Author::System, at: start(), key: None, only_at: None, command }
}

/// What a test may want different about an order.
pub trait OrderExt {
    /// Asked for so many seconds after [`start`].
    fn at(self, seconds: i64) -> Self;
    /// Asked for by a user.
    fn by(self, user: UserId) -> Self;
    /// With a name for the request.
    fn keyed(self, key: RequestKey) -> Self;
}

impl OrderExt for Order {
    fn at(mut self, seconds: i64) -> Self {
        self.at = at(seconds);
        self
    }
    fn by(mut self, user: UserId) -> Self {
        self.by = Author::User(user);
        self
    }
    fn keyed(mut self, key: RequestKey) -> Self {
        self.key = Some(key);
        self
    }
}

/// An organization `org-n`, owned by `user(n)` through `member(n)`.
pub fn new_organization(n: u64) -> NewOrganization {
    NewOrganization {
        id: org(n),
        number: n,
        slug: format!("org-{n}").parse().unwrap(),
        name: format!("Organization {n}"),
        description: String::new(),
        time_zone: chrono_tz::Europe::Berlin,
        branding: Default::default(),
        domain: None,
        indexed: true,
        metadata: Default::default(),
        owner: Some((member(n), user(n))),
    }
}

/// Creates `new_organization(n)`.
pub fn create_organization(n: u64) -> Order {
    order(Command::CreateOrganization(Box::new(new_organization(n))))
}

/// Deletes the organization.
pub fn delete_organization() -> Order {
    order(Command::DeleteOrganization)
}

/// A public service that works.
pub fn new_service(n: u64) -> NewService {
    NewService {
        id: service(n),
        name: format!("Service {n}"),
        description: String::new(),
        group: None,
        team: None,
        position: None,
        visibility: Visibility::Public,
        status: ServiceStatus::Operational,
        metadata: Default::default(),
        unique_name: false,
    }
}

/// Creates `new_service(n)`.
pub fn create_service(n: u64) -> Order {
    order(Command::CreateService(Box::new(new_service(n))))
}

/// A website check every minute, with a service to drive.
pub fn create_monitor(n: u64, drives: u64) -> Order {
    order(Command::CreateMonitor(Box::new(NewMonitor {
        id: monitor(n),
        name: format!("Monitor {n}"),
        url: format!("https://{n}.example"),
        expects: Default::default(),
        pace: Default::default(),
        visibility: Visibility::Public,
        service: Some(service(drives)),
        gives: ServiceStatus::MajorOutage,
        opens_incident: false,
        enabled: true,
        metadata: Default::default(),
    })))
}

/// What checks have found about a monitor that nobody has changed.
pub fn turn_monitor(n: u64, to: MonitorState) -> Order {
    order(Command::TurnMonitor { id: monitor(n), revision: 1, to, reason: None, incident: incident(n) })
}

/// Sets a status by hand.
pub fn set_status(n: u64, status: ServiceStatus) -> Order {
    let (change, status) = (Box::default(), Edit::Set(status));
    order(Command::ChangeService { id: service(n), change, status, reason: None, unique_name: false })
}

/// Renames the organization: the smallest change that can be made again and again.
pub fn rename(name: impl Into<String>) -> Order {
    let change = crate::domain::command::OrganizationChange { name: Edit::Set(name.into()), ..Default::default() };
    order(Command::ChangeOrganization(Box::new(change)))
}

/// Creates a group without services.
pub fn create_group(n: u64) -> Order {
    let (name, description) = (format!("Group {n}"), String::new());
    order(Command::CreateGroup { id: group(n), name, description, position: None, metadata: Default::default() })
}

/// Creates a team without members.
pub fn create_team(n: u64) -> Order {
    let (name, description) = (format!("Team {n}"), String::new());
    order(Command::CreateTeam { id: team(n), name, description, lead: None, metadata: Default::default() })
}

/// What an incident does to a service.
pub fn affected(n: u64, status: ServiceStatus) -> Affected {
    Affected { service: Some(service(n)), name: String::new(), status: Some(status) }
}

/// An incident being investigated, with a first entry `update(n)`.
pub fn new_incident(n: u64, affected: Vec<Affected>) -> NewIncident {
    NewIncident {
        id: incident(n),
        title: format!("Incident {n}"),
        description: String::new(),
        status: IncidentStatus::Investigating,
        impact: Impact::Major,
        visibility: Visibility::Public,
        affected,
        started_at: None,
        resolved_at: None,
        scheduled_start: None,
        scheduled_end: None,
        automatic: false,
        update: Some((update(n), "We are looking into it.".into())),
        metadata: Default::default(),
    }
}

/// Opens `new_incident(n, …)`.
pub fn open_incident(n: u64, affected: Vec<Affected>) -> Order {
    order(Command::OpenIncident(Box::new(new_incident(n, affected))))
}

/// Schedules a maintenance that begins and ends by itself, in seconds after [`start`].
pub fn schedule(n: u64, affected: Vec<Affected>, begins: i64, ends: i64) -> Order {
    let new = NewIncident {
        title: format!("Maintenance {n}"),
        status: IncidentStatus::Scheduled,
        scheduled_start: Some(at(begins)),
        scheduled_end: Some(at(ends)),
        automatic: true,
        ..new_incident(n, affected)
    };
    order(Command::OpenIncident(Box::new(new)))
}

/// Adds `update(n)` to an incident; the status moves it.
pub fn post_update(to: IncidentId, n: u64, status: Option<IncidentStatus>) -> Order {
    let update = NewUpdate { id: update(n), message: format!("Update {n}"), status, affected: Vec::new(), shown_at: None };
    order(Command::PostUpdate { incident: to, update: Box::new(update) })
}

/// A user `person-n` with an address at example.org.
pub fn person(n: u64) -> User {
    User {
        number: n,
        username: Some(format!("Person-{n}")),
        first_name: "Person".into(),
        last_name: n.to_string(),
        ..User::new(user(n), format!("Person-{n}@example.org"), start())
    }
}

/// One writer of one organization, as an actor is, without the actor: decides, commits, hands to a store.
#[derive(Clone, Debug)]
pub struct Writer {
    org: Org,
    commits: Vec<Commit>,
    tag: u64,
}

impl Writer {
    /// A writer that has seen nothing yet. Commits of writers with different tags have different ids.
    pub fn new(id: OrgId, tag: u64) -> Self {
        Self { org: Org::new(id), commits: Vec::new(), tag }
    }
    /// A writer of the n-th organization.
    pub fn of(n: u64) -> Self {
        Self::new(org(n), n)
    }
    /// The same writer under another name, so that its next commit is another one.
    pub fn twin(&self, tag: u64) -> Self {
        Self { tag, ..self.clone() }
    }
    /// The organization with everything that was committed.
    pub const fn org(&self) -> &Org {
        &self.org
    }
    /// Everything that was committed.
    pub fn commits(&self) -> &[Commit] {
        &self.commits
    }
    /// The number of the last event.
    pub const fn seq(&self) -> Seq {
        self.org.seq()
    }

    /// Decides orders, all of which must change something, and makes one commit of them.
    pub fn commit(&mut self, orders: impl IntoIterator<Item = Order>) -> (Arc<Commit>, Arc<Org>) {
        let first = self.org.seq() + 1;
        let mut entries = Vec::new();
        for order in orders {
            let events = self.org.decide(&order).unwrap_or_else(|no| panic!("{order:?} was refused: {no}"));
            assert!(!events.is_empty(), "{order:?} changes nothing");
            let entry = Entry { seq: self.org.seq() + 1, at: order.at, by: order.by, key: order.key, events };
            self.org.apply(&entry);
            entries.push(entry);
        }
        let at = entries.last().expect("a commit is never empty").at;
        let id = commit_id((self.tag << 24) | first);
        let commit = Commit { id, org: self.org.id(), first, last: self.org.seq(), at, entries };
        self.commits.push(commit.clone());
        (Arc::new(commit), Arc::new(self.org.clone()))
    }

    /// Commits and waits until the store has answered.
    pub async fn append<L: CommitLog + ?Sized>(
        &mut self,
        log: &L,
        orders: impl IntoIterator<Item = Order>,
    ) -> Result<(), StoreError> {
        let (commit, after) = self.commit(orders);
        append(log, commit, after).await
    }
}

/// Hands a commit to a store and waits for its answer.
pub async fn append<L: CommitLog + ?Sized>(log: &L, commit: Arc<Commit>, after: Arc<Org>) -> Result<(), StoreError> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let done = Box::new(move |result| drop(answer.send(result)));
    log.append(Append { commit, after, done });
    answered.await.expect("a store answers every append")
}

/// Replays what was loaded.
pub fn replay(id: OrgId, loaded: &crate::store::Loaded) -> Org {
    let mut org = loaded.snapshot.clone().unwrap_or_else(|| Org::new(id));
    for entry in loaded.commits.iter().flat_map(|commit| &commit.entries) {
        // A commit may begin before the snapshot ends.
        if entry.seq > org.seq() {
            org.apply(entry);
        }
    }
    org
}
