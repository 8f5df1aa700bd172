//! Orders as a hostile, forgetful or merely busy world might give them: every command, ids from a pool so small that
//! they collide, times that go back and forth.

use proptest::{collection::vec, option, prelude::*, sample::select};
use tocsin_actors::domain::{
    command::*,
    entities::{Metadata, Scalar},
    incident::{Affected, IncidentChange},
    monitor::{Expects, Pace},
    status::*,
    *,
};
use uuid::Uuid;

/// Around when everything happens.
pub(crate) const EPOCH: i64 = 1_700_000_000_000;

pub(crate) fn org_id() -> OrgId {
    OrgId::new(Uuid::from_u128(0xacae))
}

macro_rules! ids {
    ($($name:ident: $id:ident),+) => {$(
        fn $name() -> impl Strategy<Value = $id> {
            (1_u128..4).prop_map(|n| $id::new(Uuid::from_u128(n)))
        }
    )+};
}
ids! { user: UserId, member: MemberId, team: TeamId, group: GroupId, service: ServiceId, incident: IncidentId, update: UpdateId, monitor: MonitorId, key: RequestKey }

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    (0_i64..100).prop_map(|seconds| Timestamp::from_millis(EPOCH + seconds * 1_000))
}
fn word<T: Copy + std::fmt::Debug + 'static>(words: &'static [T]) -> impl Strategy<Value = T> {
    select(words)
}
fn text() -> impl Strategy<Value = String> {
    prop_oneof![20 => select(vec!["a", "b", "ab\ncd", ""]), 1 => Just("\u{7}")].prop_map(str::to_owned)
}
fn name() -> impl Strategy<Value = String> {
    prop_oneof![30 => select(vec!["api", "web", "mail"]), 1 => Just(" ")].prop_map(str::to_owned)
}
fn metadata() -> impl Strategy<Value = Metadata> {
    let value = prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        any::<i64>().prop_map(Scalar::Int),
        (-8_i32..8).prop_map(|n| Scalar::Float(f64::from(n) / 4.0)),
        text().prop_map(Scalar::Text),
    ];
    proptest::collection::btree_map(
        prop_oneof![20 => Just("a"), 20 => Just("b"), 1 => Just("a.b")].prop_map(str::to_owned),
        value,
        0..2,
    )
}
fn edit<T: Clone + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Edit<T>> {
    option::weighted(0.4, value).prop_map(Edit::from)
}
fn named_change() -> impl Strategy<Value = Box<NamedChange>> {
    (edit(name()), edit(text()), edit(metadata()))
        .prop_map(|(name, description, metadata)| Box::new(NamedChange { name, description, metadata }))
}
fn affected() -> impl Strategy<Value = Vec<Affected>> {
    let one = (option::weighted(0.9, service()), name(), option::weighted(0.8, word(ServiceStatus::ALL)));
    let one = one.prop_map(|(service, name, status)| Affected { status: status.filter(|_| service.is_some()), service, name });
    vec(one, 0..3)
}

fn organization() -> BoxedStrategy<Command> {
    let slugs = || select(vec!["acme", "other"]).prop_map(|slug| slug.parse::<Slug>().unwrap());
    let zones = || select(vec![chrono_tz::Tz::UTC, chrono_tz::Tz::Pacific__Apia]);
    let domains = || option::of(Just("status.acme.com").prop_map(|domain| domain.parse::<Domain>().unwrap()));
    let settings = (domains(), any::<bool>());
    let create = (slugs(), name(), text(), zones(), settings, metadata(), option::of((member(), user())));
    let create = create.prop_map(|(slug, name, description, time_zone, (domain, indexed), metadata, owner)| {
        let (id, number, branding) = (org_id(), 7, Default::default());
        let new = NewOrganization { id, number, slug, name, description, time_zone, branding, domain, indexed, metadata, owner };
        Command::CreateOrganization(Box::new(new))
    });
    let settings = (edit(domains()), edit(any::<bool>()));
    let change = (edit(slugs()), edit(name()), edit(text()), edit(zones()), settings, edit(metadata()));
    let change = change.prop_map(|(slug, name, description, time_zone, (domain, indexed), metadata)| {
        let branding = Edit::Keep;
        let change = OrganizationChange { slug, name, description, time_zone, branding, domain, indexed, metadata };
        Command::ChangeOrganization(Box::new(change))
    });
    prop_oneof![8 => create, 8 => change, 1 => Just(Command::DeleteOrganization)].boxed()
}

fn people() -> BoxedStrategy<Command> {
    let team_roles = || word(TeamRole::ALL);
    prop_oneof![
        (member(), user(), word(Role::ALL), metadata()).prop_map(|(id, user, role, metadata)| Command::AddMember {
            id,
            user,
            role,
            metadata
        }),
        (user(), edit(word(Role::ALL)), edit(metadata())).prop_map(|(user, role, metadata)| Command::ChangeMember {
            user,
            role,
            metadata
        }),
        user().prop_map(|user| Command::RemoveMember { user }),
        (team(), name(), text(), option::of(user()), metadata())
            .prop_map(|(id, name, description, lead, metadata)| Command::CreateTeam { id, name, description, lead, metadata }),
        (team(), named_change()).prop_map(|(id, change)| Command::ChangeTeam { id, change }),
        team().prop_map(|id| Command::DeleteTeam { id }),
        (team(), user(), team_roles()).prop_map(|(team, user, role)| Command::SetTeamMember { team, user, role }),
        (team(), user()).prop_map(|(team, user)| Command::RemoveTeamMember { team, user }),
    ]
    .boxed()
}

fn groups() -> BoxedStrategy<Command> {
    prop_oneof![
        (group(), name(), text(), option::of(0_u32..4), metadata()).prop_map(|(id, name, description, position, metadata)| {
            Command::CreateGroup { id, name, description, position, metadata }
        }),
        (group(), named_change(), edit(0_u32..4)).prop_map(|(id, change, position)| Command::ChangeGroup { id, change, position }),
        group().prop_map(|id| Command::DeleteGroup { id }),
        vec(group(), 0..4).prop_map(|ids| Command::ReorderGroups { ids }),
    ]
    .boxed()
}

fn services() -> BoxedStrategy<Command> {
    let places = (option::weighted(0.2, group()), option::weighted(0.2, team()), option::of(0_u32..4));
    let create = (service(), name(), places, word(Visibility::ALL), word(ServiceStatus::ALL), metadata(), any::<bool>());
    let create = create.boxed().prop_map(|(id, name, (group, team, position), visibility, status, metadata, unique_name)| {
        let description = String::new();
        let new = NewService { id, name, description, group, team, position, visibility, status, metadata, unique_name };
        Command::CreateService(Box::new(new))
    });
    let places = (edit(option::of(group())), edit(option::of(team())), edit(0_u32..4));
    let change = (edit(name()), edit(text()), places, edit(word(Visibility::ALL)), edit(metadata()));
    let change = change.prop_map(|(name, description, (group, team, position), visibility, metadata)| ServiceChange {
        name,
        description,
        group,
        team,
        position,
        visibility,
        metadata,
    });
    let change = prop_oneof![Just(ServiceChange::default()), change].prop_map(Box::new);
    let change = (service(), change, edit(word(ServiceStatus::ALL)), option::of(text()), any::<bool>())
        .prop_map(|(id, change, status, reason, unique_name)| Command::ChangeService { id, change, status, reason, unique_name });
    prop_oneof![
        5 => create,
        8 => change,
        2 => service().prop_map(|id| Command::DeleteService { id }),
        1 => vec(service(), 0..4).prop_map(|ids| Command::ReorderServices { ids }),
    ]
    .boxed()
}

fn incidents() -> BoxedStrategy<Command> {
    let times = (option::weighted(0.3, time()), option::weighted(0.1, time()), option::of(time()), option::of(time()));
    let words = (word(IncidentStatus::ALL), word(Impact::ALL), word(Visibility::ALL));
    let open = (incident(), name(), words, affected(), times, any::<bool>(), option::of((update(), text())), metadata());
    let open = open.boxed().prop_map(|(id, title, (status, impact, visibility), affected, times, automatic, update, metadata)| {
        let (started_at, resolved_at, scheduled_start, scheduled_end) = times;
        Command::OpenIncident(Box::new(NewIncident {
            id,
            title,
            description: String::new(),
            status,
            impact,
            visibility,
            affected,
            started_at,
            resolved_at,
            scheduled_start,
            scheduled_end,
            automatic,
            update,
            metadata,
        }))
    });
    let words = (edit(name()), edit(word(IncidentStatus::ALL)), edit(word(Impact::ALL)), edit(affected()));
    let maybe = || edit(option::of(time()));
    let times = (edit(time()), maybe(), maybe(), maybe(), maybe(), maybe());
    let change = (incident(), words, times, edit(any::<bool>()), edit(metadata()));
    let change = change.boxed().prop_map(|(id, (title, status, impact, affected), times, automatic, metadata)| {
        let (started_at, resolved_at, scheduled_start, scheduled_end, actual_start, actual_end) = times;
        let change = IncidentChange {
            title,
            status,
            impact,
            affected,
            started_at,
            resolved_at,
            scheduled_start,
            scheduled_end,
            actual_start,
            actual_end,
            automatic,
            metadata,
            ..Default::default()
        };
        Command::ChangeIncident { id, change: Box::new(change) }
    });
    let status_only = (incident(), word(IncidentStatus::ALL)).prop_map(|(id, status)| {
        let change = IncidentChange { status: Edit::Set(status), ..Default::default() };
        Command::ChangeIncident { id, change: Box::new(change) }
    });
    let post = (update(), text(), option::of(word(IncidentStatus::ALL)), affected(), option::of(time()));
    let post = (incident(), post).prop_map(|(incident, (id, message, status, affected, shown_at))| Command::PostUpdate {
        incident,
        update: Box::new(NewUpdate { id, message, status, affected, shown_at }),
    });
    prop_oneof![5 => open, 4 => change, 3 => status_only, 5 => post, 6 => timelines()].boxed()
}

fn timelines() -> BoxedStrategy<Command> {
    let change = (edit(text()), edit(word(IncidentStatus::ALL)), edit(time()))
        .prop_map(|(message, status, shown_at)| Box::new(UpdateChange { message, status, shown_at }));
    prop_oneof![
        1 => (incident(), update(), change).prop_map(|(incident, id, change)| Command::EditUpdate { incident, id, change }),
        1 => (incident(), update()).prop_map(|(incident, id)| Command::DeleteUpdate { incident, id }),
        3 => (incident(), update(), option::of(text()))
            .prop_map(|(id, update, message)| Command::ResolveIncident { id, update, message }),
        3 => (incident(), word(IncidentStatus::ALL), update(), option::of(text()))
            .prop_map(|(id, to, update, message)| Command::MoveMaintenance { id, to, update, message }),
        1 => incident().prop_map(|id| Command::DeleteIncident { id }),
        1 => (incident(), text()).prop_map(|(incident, body)| Command::SetPostmortem { incident, body }),
        1 => incident().prop_map(|incident| Command::RemovePostmortem { incident }),
        6 => Just(Command::Tick),
    ]
    .boxed()
}

fn monitors() -> BoxedStrategy<Command> {
    let states = || word(MonitorState::ALL);
    let statuses = || word(ServiceStatus::ALL);
    let pace = || prop_oneof![9 => 1_u16..4, 1 => Just(0)].prop_map(|failures| Pace { failures, ..Pace::default() });
    let expects = || option::of(text()).prop_map(|text| Expects { statuses: vec![], text });
    let flags = || (any::<bool>(), prop_oneof![4 => Just(true), 1 => Just(false)]);
    let create = (monitor(), name(), expects(), pace(), option::weighted(0.8, service()), statuses(), flags(), metadata());
    let create = create.boxed().prop_map(|(id, name, expects, pace, service, gives, (opens_incident, enabled), metadata)| {
        let (url, visibility) = ("https://acme.example".to_owned(), Visibility::Public);
        Command::CreateMonitor(Box::new(NewMonitor {
            id,
            name,
            url,
            expects,
            pace,
            visibility,
            service,
            gives,
            opens_incident,
            enabled,
            metadata,
        }))
    });
    let change =
        (edit(name()), edit(pace()), edit(option::of(service())), edit(statuses()), edit(any::<bool>()), edit(any::<bool>()));
    let change = (monitor(), change).prop_map(|(id, (name, pace, service, gives, opens_incident, enabled))| {
        let change = MonitorChange { name, pace, service, gives, opens_incident, enabled, ..Default::default() };
        Command::ChangeMonitor { id, change: Box::new(change) }
    });
    let turn = (monitor(), 1_u32..4, states(), option::of(text()), incident())
        .prop_map(|(id, revision, to, reason, incident)| Command::TurnMonitor { id, revision, to, reason, incident });
    let delete = monitor().prop_map(|id| Command::DeleteMonitor { id });
    prop_oneof![4 => create, 3 => change, 8 => turn, 1 => delete].boxed()
}

pub(crate) fn order() -> BoxedStrategy<Order> {
    let command =
        prop_oneof![1 => organization(), 4 => people(), 2 => groups(), 8 => services(), 14 => incidents(), 8 => monitors()];
    (time(), option::weighted(0.2, key()), command)
        .prop_map(|(at, key, command)| Order { by: Author::System, at, key, only_at: None, command })
        .boxed()
}

/// A life: made first, so that the rest has something to happen to.
pub(crate) fn orders(count: usize) -> BoxedStrategy<Vec<Order>> {
    let any_order = vec(order(), 1..count).boxed();
    let orders = any_order.prop_map(|orders| {
        let founding = NewOrganization {
            id: org_id(),
            number: 7,
            slug: "acme".parse().unwrap(),
            name: "Acme".into(),
            description: String::new(),
            time_zone: chrono_tz::Tz::Europe__Berlin,
            branding: Default::default(),
            domain: None,
            indexed: true,
            metadata: Default::default(),
            owner: Some((MemberId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(1)))),
        };
        let mut commands = vec![Command::CreateOrganization(Box::new(founding))];
        commands.extend((1..3).map(|n| {
            Command::CreateService(Box::new(NewService {
                id: ServiceId::new(Uuid::from_u128(n)),
                name: "api".into(),
                description: String::new(),
                group: None,
                team: None,
                position: None,
                visibility: Visibility::Public,
                status: ServiceStatus::Operational,
                metadata: Default::default(),
                unique_name: false,
            }))
        }));
        let at = Timestamp::from_millis(EPOCH);
        let founding = commands.into_iter().map(|command| Order { by: Author::System, at, key: None, only_at: None, command });
        founding.chain(orders).collect::<Vec<_>>()
    });
    orders.boxed()
}
