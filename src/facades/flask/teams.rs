//! Its teams.

use super::{
    Flask,
    asking::Body,
    guards::{self, OfTeam, Person, find_org, in_named_org},
    people_shapes::PersonShape,
    shapes::Time,
    words,
};
use crate::http::facade::{Answer, Asked, Refused, Under};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tocsin_actors::domain::{Command, Org, Role, TeamId, command::NamedChange, entities::Team};
use uuid::Uuid;

#[derive(Serialize)]
struct TeamShape<'a> {
    id: Uuid,
    name: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members_count: Option<usize>,
    /// What its front end calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    member_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    services_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<PersonShape>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Time>,
}

impl<'a> From<&'a Team> for TeamShape<'a> {
    fn from(team: &'a Team) -> Self {
        Self {
            id: team.id.uuid(),
            name: &team.name,
            description: &team.description,
            organization_id: None,
            members_count: None,
            member_count: None,
            services_count: None,
            members: None,
            services: None,
            created_at: None,
        }
    }
}

/// In the order of their making.
pub(super) async fn list(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, org) = in_named_org(&asked).await?;
    let mut teams: Vec<_> = org.teams().values().map(AsRef::as_ref).collect();
    teams.sort_by_key(|team: &&Team| team.number);
    let shown = teams.into_iter().map(|team| TeamShape {
        members_count: Some(team.members.len()),
        member_count: Some(team.members.len()),
        services_count: Some(org.services().values().filter(|service| service.team == Some(team.id)).count()),
        created_at: Some(Time(team.created_at)),
        ..team.into()
    });
    Ok(Answer::json(200, &Under("teams", shown.collect::<Vec<_>>())))
}

pub(super) async fn create(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::who(&asked).await?;
    let body = Body::of(&asked)?;
    let name = body.said("name", "Team name is required")?;
    let organization = body.said("organization_id", "Organization ID is required")?;
    let stranger = || Refused::new(403, "You are not a member of this organization");
    let org = find_org(&asked, organization).await?.ok_or_else(stranger)?;
    if person.role(&org).ok_or_else(stranger)? < Role::Admin {
        return Err(Refused::new(403, "Insufficient permissions. Required roles: ['admin']"));
    }
    let joins = body.flag("add_creator")?.unwrap_or(true) && org.role(person.user.id).is_some();
    let id = TeamId::new(Uuid::now_v7());
    let command = Command::CreateTeam {
        id,
        name: name.to_owned(),
        description: body.owned("description")?.unwrap_or_default(),
        lead: joins.then_some(person.user.id),
        metadata: Default::default(),
    };
    let org = asked.engine.execute(org.id(), person.author(), asked.now, command).await?;
    let team = find(&org, id)?;
    let shape =
        TeamShape { organization_id: Some(org.id().uuid()), created_at: Some(Time(team.created_at)), ..TeamShape::from(team) };
    Ok(Answer::json(201, &shape))
}

pub(super) async fn get(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, org, team) = guards::team(&asked, OfTeam::Members).await?;
    let people = asked.engine.people(team.members.iter().map(|member| member.user)).await?;
    let members = team.members.iter().filter_map(|member| {
        let (role, joined_at) = (Some(Some(member.role.as_str())), Some(Time(member.joined_at)));
        Some(PersonShape { role, joined_at, ..people.get(&member.user)?.as_ref().into() })
    });
    let services = org.services_in_order().into_iter().filter(|service| service.team == Some(team.id));
    let services =
        services.map(|service| json!({ "id": service.id, "name": service.name, "status": words::service_status(service.status) }));
    let shape = TeamShape {
        organization_id: Some(org.id().uuid()),
        members: Some(members.collect()),
        services: Some(services.collect()),
        created_at: Some(Time(team.created_at)),
        ..TeamShape::from(team.as_ref())
    };
    Ok(Answer::json(200, &shape))
}

pub(super) async fn change(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org, team) = guards::team(&asked, OfTeam::Leads).await?;
    let body = Body::of(&asked)?;
    let (name, description) = (body.owned("name")?.into(), body.owned("description")?.into());
    let change = Box::new(NamedChange { name, description, ..NamedChange::default() });
    let command = Command::ChangeTeam { id: team.id, change };
    let org = asked.engine.execute(org.id(), person.author(), asked.now, command).await?;
    Ok(Answer::json(200, &TeamShape::from(find(&org, team.id)?)))
}

/// Its services stay.
pub(super) async fn delete(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org, team) = guards::team(&asked, OfTeam::Admins).await?;
    asked.engine.execute(org.id(), person.author(), asked.now, Command::DeleteTeam { id: team.id }).await?;
    Ok(Answer::json(200, &json!({ "message": "Team deleted successfully" })))
}

fn find(org: &Org, id: TeamId) -> Result<&Team, Refused> {
    org.teams().get(&id).map(AsRef::as_ref).ok_or_else(|| Refused::new(404, "Team not found"))
}
