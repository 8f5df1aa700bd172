use super::*;
use crate::domain::{
    command::NamedChange,
    status::{Role, TeamRole},
};

fn joined(n: u128, role: Role) -> Event {
    Event::MemberAdded { id: member(n), user: user(n), role, metadata: Default::default() }
}
fn add(id: u128, n: u128) -> Command {
    Command::AddMember { id: member(id), user: user(n), role: Role::Member, metadata: Default::default() }
}
fn set_role(n: u128, role: Role) -> Command {
    Command::ChangeMember { user: user(n), role: Edit::Set(role), metadata: Edit::Keep }
}
fn team_made(n: u128, lead: Option<u128>) -> Event {
    let (name, description) = (format!("team {n}"), String::new());
    Event::TeamCreated { id: team(n), name, description, lead: lead.map(user), metadata: Default::default() }
}
fn group_made(n: u128) -> Event {
    let (name, description) = (format!("group {n}"), String::new());
    Event::GroupCreated { id: group(n), name, description, position: n as u32, metadata: Default::default() }
}

#[test]
fn a_user_is_a_member_once_under_an_id_of_its_own() {
    check(&[], add(2, 2), Ok(vec![joined(2, Role::Member)]));
    check(&[], add(2, 1), Err(Rejection::AlreadyMember(user(1))));
    check(&[], add(1, 2), Err(Rejection::IdTaken));
}

#[test]
fn the_last_admin_can_neither_leave_nor_be_demoted() {
    let remove = |n| Command::RemoveMember { user: user(n) };
    check(&[joined(2, Role::Member)], remove(1), Err(Rejection::LastAdmin));
    check(&[joined(2, Role::Member)], set_role(1, Role::Viewer), Err(Rejection::LastAdmin));
    check(&[joined(2, Role::Member)], set_role(1, Role::Admin), Ok(vec![]));
    check(&[joined(2, Role::Admin)], remove(1), Ok(vec![Event::MemberRemoved { id: member(1), user: user(1) }]));
    check(&[], remove(2), Err(Rejection::UnknownMember(user(2))));
}

#[test]
fn changing_only_what_a_client_keeps_with_a_member_is_no_demotion() {
    let metadata = Edit::Set([("title".to_owned(), crate::domain::entities::Scalar::Text("boss".into()))].into());
    let changed = Event::MemberChanged { id: member(1), user: user(1), role: Edit::Keep, metadata: metadata.clone() };
    check(&[], Command::ChangeMember { user: user(1), role: Edit::Keep, metadata }, Ok(vec![changed]));
}

#[test]
fn who_leaves_the_organization_leaves_its_teams() {
    let mut story = Story::of(&[joined(2, Role::Member), team_made(1, Some(2))]);
    assert!(story.org.leads(team(1), user(2)));
    story.then(NOW, Command::RemoveMember { user: user(2) });
    assert_eq!(story.org.teams()[&team(1)].members, []);
    assert_eq!(story.org.role(user(2)), None);
}

#[test]
fn a_team_has_members_of_the_organization_only() {
    let set = |n, role| Command::SetTeamMember { team: team(1), user: user(n), role };
    let given = [team_made(1, None)];
    check(&given, set(2, TeamRole::Member), Err(Rejection::UnknownMember(user(2))));
    let is_set = Event::TeamMemberSet { team: team(1), user: user(1), role: TeamRole::Lead };
    check(&given, set(1, TeamRole::Lead), Ok(vec![is_set.clone()]));
    check(&[team_made(1, None), is_set.clone()], set(1, TeamRole::Lead), Ok(vec![]));
    let remove = Command::RemoveTeamMember { team: team(1), user: user(1) };
    check(&given, remove.clone(), Err(Rejection::UnknownTeamMember(user(1))));
    check(&[team_made(1, None), is_set], remove, Ok(vec![Event::TeamMemberRemoved { team: team(1), user: user(1) }]));
    check(&[], set(1, TeamRole::Lead), Err(Rejection::UnknownTeam(team(1))));
}

#[test]
fn a_team_is_made_with_a_lead_who_is_a_member() {
    let create = |lead| Command::CreateTeam {
        id: team(1),
        name: "team 1".into(),
        description: String::new(),
        lead,
        metadata: Default::default(),
    };
    check(&[], create(Some(user(1))), Ok(vec![team_made(1, Some(1))]));
    check(&[], create(Some(user(9))), Err(Rejection::UnknownMember(user(9))));
    check(&[team_made(1, None)], create(None), Err(Rejection::IdTaken));
}

#[test]
fn a_change_to_what_is_there_already_is_no_change() {
    let rename = |name: &str| NamedChange { name: Edit::Set(name.into()), ..Default::default() };
    let given = [team_made(1, None), group_made(1)];
    check(&given, Command::ChangeTeam { id: team(1), change: Box::new(rename("team 1")) }, Ok(vec![]));
    let change = |name: &str, position| Command::ChangeGroup { id: group(1), change: Box::new(rename(name)), position };
    check(&given, change("group 1", Edit::Set(1)), Ok(vec![]));
    let moved = Event::GroupChanged { id: group(1), change: Box::default(), position: Edit::Set(4) };
    check(&given, change("group 1", Edit::Set(4)), Ok(vec![moved]));
    check(&given, change(" ", Edit::Keep), Err(Rejection::invalid("name", "must not be empty")));
}

#[test]
fn services_outlive_their_team_and_their_group() {
    let homed = NewService { group: Some(group(1)), team: Some(team(1)), ..new_service(1) };
    let mut story = Story::of(&[team_made(1, None), group_made(1), Event::ServiceCreated(Box::new(homed)), made(2)]);
    story.then(NOW, Command::DeleteTeam { id: team(1) });
    story.then(NOW, Command::DeleteGroup { id: group(1) });
    let service = &story.org.services()[&service(1)];
    assert_eq!((service.team, service.group), (None, None));
    let again = story.org.decide(&order(NOW, Command::DeleteGroup { id: group(1) }));
    assert_eq!(again, Err(Rejection::UnknownGroup(group(1))));
}

#[test]
fn groups_are_reordered_like_services() {
    let given = [group_made(1), group_made(2)];
    let mut story = Story::of(&given);
    story.then(NOW, Command::ReorderGroups { ids: vec![group(2), group(1)] });
    assert_eq!(story.org.groups_in_order().iter().map(|group| group.id).collect::<Vec<_>>(), [group(2), group(1)]);
    let unknown = Command::ReorderGroups { ids: vec![group(3)] };
    check(&given, unknown, Err(Rejection::UnknownGroup(group(3))));
}
