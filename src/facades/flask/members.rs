//! Who belongs to its organizations.

use super::{
    Flask,
    asking::Body,
    guards::in_org,
    people_shapes::{PersonShape, username},
    words,
};
use crate::http::facade::{Answer, Asked, Refused, Under};
use serde_json::json;
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{
        Command, MemberId, Org, Role, UserId,
        edit::Edit,
        entities::{Member, Metadata},
    },
    store::UserKey,
};
use uuid::Uuid;

/// In the order of joining.
pub(super) async fn list(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, org) = in_org(&asked, Role::Member).await?;
    let members = everybody(&asked, &org).await?;
    let shown = members.iter().map(|(member, user)| PersonShape { role: Some(Some(member.role.as_str())), ..user.as_ref().into() });
    Ok(Answer::json(200, &Under("members", shown.collect::<Vec<_>>())))
}

/// The same in the shape that its dialog for teams asks for, and never got.
pub(super) async fn users(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, org) = in_org(&asked, Role::Member).await?;
    let members = everybody(&asked, &org).await?;
    let shown = members
        .iter()
        .map(|(_, user)| json!({ "id": user.id, "first_name": user.first_name, "last_name": user.last_name, "email": user.email }));
    Ok(Answer::json(200, &Under("users", shown.collect::<Vec<_>>())))
}

async fn everybody(asked: &Asked, org: &Org) -> Result<Vec<(Arc<Member>, Arc<User>)>, Refused> {
    let mut people = asked.engine.people(org.members().keys().copied()).await?;
    let mut members: Vec<_> = org.members().values().cloned().collect();
    members.sort_by_key(|member| member.number);
    Ok(members.into_iter().filter_map(|member| people.remove(&member.user).map(|user| (member, user))).collect())
}

pub(super) async fn add(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org) = in_org(&asked, Role::Admin).await?;
    let body = Body::of(&asked)?;
    let email = body.said("email", "Email is required")?;
    let user = asked.engine.find_user(UserKey::Email(email.to_owned())).await?;
    let user = user.ok_or_else(|| Refused::new(404, "User not found"))?;
    let already = || Refused::new(400, "User is already a member");
    if org.role(user.id).is_some() {
        return Err(already());
    }
    let role = body.text("role")?.map_or(Ok(Role::Member), words::to_role)?;
    let id = MemberId::new(Uuid::now_v7());
    let command = Command::AddMember { id, user: user.id, role, metadata: Metadata::new() };
    let added = asked.engine.execute(org.id(), person.author(), asked.now, command).await;
    added.map_err(|refused| if refused.code == "already_member" { already() } else { refused })?;
    asked.engine.settle().await?; // so that it is in the new member's list at once
    let member = json!({ "id": user.id, "email": user.email, "username": username(&user), "role": role });
    Ok(Answer::json(201, &json!({ "message": "Member added successfully", "member": member })))
}

pub(super) async fn change(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org) = in_org(&asked, Role::Admin).await?;
    let body = Body::of(&asked)?;
    let role = words::role_of(&body)?;
    let user = member(&asked, &org)?;
    let command = Command::ChangeMember { user, role: Edit::Set(role), metadata: Edit::Keep };
    asked.engine.execute(org.id(), person.author(), asked.now, command).await.map_err(told)?;
    Ok(Answer::json(200, &json!({ "message": "Role updated successfully" })))
}

pub(super) async fn remove(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org) = in_org(&asked, Role::Admin).await?;
    let user = member(&asked, &org)?;
    asked.engine.execute(org.id(), person.author(), asked.now, Command::RemoveMember { user }).await.map_err(told)?;
    asked.engine.settle().await?; // so that it is gone from the list of who left
    Ok(Answer::json(200, &json!({ "message": "Member removed successfully" })))
}

/// The member in the path.
fn member(asked: &Asked, org: &Org) -> Result<UserId, Refused> {
    let user = asked.word(1).parse().ok().filter(|user| org.role(*user).is_some());
    user.ok_or_else(|| Refused::new(404, "Member not found"))
}

fn told(refused: Refused) -> Refused {
    match refused.code {
        "last_admin" => Refused::new(400, "Cannot remove the last admin"),
        "unknown_member" => Refused::new(404, "Member not found"),
        _ => refused,
    }
}
