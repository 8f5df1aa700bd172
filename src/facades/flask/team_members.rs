//! Who belongs to its teams.

use super::{
    Flask,
    asking::Body,
    guards::{self, OfTeam},
    people_shapes::username,
    words,
};
use crate::http::facade::{Answer, Asked, Refused, Under};
use serde_json::json;
use std::sync::Arc;
use tocsin_actors::domain::{
    Command, UserId,
    entities::{Team, TeamMember},
    status::TeamRole,
};

/// In the shape that its front end asks for, and never got.
pub(super) async fn list(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, _, team) = guards::team(&asked, OfTeam::Members).await?;
    let people = asked.engine.people(team.members.iter().map(|member| member.user)).await?;
    let shown = team.members.iter().filter_map(|member| {
        let user = people.get(&member.user)?;
        let (name, role) = (user.shown_name(), member.role);
        Some(json!({ "id": user.id, "user_id": user.id, "user_name": name, "user_email": user.email, "role": role }))
    });
    Ok(Answer::json(200, &Under("members", shown.collect::<Vec<_>>())))
}

pub(super) async fn add(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org, team) = guards::team(&asked, OfTeam::Leads).await?;
    let body = Body::of(&asked)?;
    let unknown = || Refused::new(404, "User not found");
    let id: UserId = body.said("user_id", "User ID is required")?.parse().map_err(|_| unknown())?;
    let user = asked.engine.user(id).await?.ok_or_else(unknown)?;
    if org.role(id).is_none() {
        return Err(Refused::new(400, "User must be a member of the organization"));
    }
    if place(&team, id).is_some() {
        return Err(Refused::new(400, "User is already a team member"));
    }
    let role = body.text("role")?.map_or(Ok(TeamRole::Member), words::to_role)?;
    let command = Command::SetTeamMember { team: team.id, user: id, role };
    asked.engine.execute(org.id(), person.author(), asked.now, command).await?;
    let member = json!({ "id": id, "email": user.email, "username": username(&user), "role": role });
    Ok(Answer::json(201, &json!({ "message": "Member added successfully", "member": member })))
}

pub(super) async fn change(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org, team) = guards::team(&asked, OfTeam::Leads).await?;
    let body = Body::of(&asked)?;
    let user = member(&asked, &team)?.user;
    let role = words::team_role_of(&body)?;
    let command = Command::SetTeamMember { team: team.id, user, role };
    asked.engine.execute(org.id(), person.author(), asked.now, command).await?;
    Ok(Answer::json(200, &json!({ "message": "Role updated successfully" })))
}

pub(super) async fn remove(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org, team) = guards::team(&asked, OfTeam::Leads).await?;
    let TeamMember { user, role, .. } = *member(&asked, &team)?;
    let leads = team.members.iter().filter(|member| member.role == TeamRole::Lead).count();
    if role == TeamRole::Lead && leads == 1 {
        return Err(Refused::new(400, "Cannot remove the last team lead"));
    }
    let command = Command::RemoveTeamMember { team: team.id, user };
    asked.engine.execute(org.id(), person.author(), asked.now, command).await?;
    Ok(Answer::json(200, &json!({ "message": "Member removed successfully" })))
}

fn place(team: &Team, user: UserId) -> Option<&TeamMember> {
    team.members.iter().find(|member| member.user == user)
}

/// The member in the path.
fn member<'a>(asked: &Asked, team: &'a Team) -> Result<&'a TeamMember, Refused> {
    let found = asked.word(1).parse().ok().and_then(|user| place(team, user));
    found.ok_or_else(|| Refused::new(404, "Team member not found"))
}
