//! Its users.

use super::{
    Prisma,
    people::{self, belongs},
    sent::Sent,
    shapes::{MemberShape, UserShape},
};
use crate::{
    facades::OpenTo,
    http::facade::{Answer, Asked, Refused},
};
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{Command, Org, UserId, edit::Edit},
};
use uuid::Uuid;

pub(super) async fn list(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let orgs = prisma.orgs(&asked.engine).await?;
    let users = prisma.people(&asked.engine, &orgs).await?;
    Ok(Answer::json(200, &users.iter().map(|user| whole(user, &orgs)).collect::<Vec<_>>()))
}

pub(super) async fn get(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let user = prisma.person(&asked.engine, asked.word(0)).await?;
    Ok(Answer::json(200, &whole(&user, &prisma.orgs(&asked.engine).await?)))
}

/// Somebody new has no password, with which nobody logs in.
pub(super) async fn create(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let (email, name) = (sent.text("email")?, sent.edit_or_nothing("name")?);
    let mut user = User::new(UserId::new(Uuid::now_v7()), email, asked.now);
    name.write(&mut user.display_name);
    let host = match prisma.to {
        OpenTo::One(org) => Some(asked.engine.org(org).await?),
        OpenTo::All => None,
    };
    let user = asked.engine.new_user(user, None).await?;
    if let Some(host) = host
        && let Err(refused) = prisma.execute(&asked, &host, vec![people::invite(user.id)]).await
    {
        // Nobody would ever see this account, and it would be in the way of another try.
        asked.engine.delete_user(user.id).await?;
        return Err(refused);
    }
    Ok(Answer::json(201, &UserShape::of(&user)))
}

pub(super) async fn change(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let (email, name) = (sent.edit("email")?, sent.edit_or_nothing("name")?);
    let mut user = prisma.person(&asked.engine, asked.word(0)).await?;
    if !prisma.owns(&asked.engine, &user).await? {
        return Err(not_ours());
    }
    email.write(&mut user.email);
    if let Edit::Set(name) = name {
        (user.first_name, user.last_name, user.display_name) = (String::new(), String::new(), name);
    }
    user.updated_at = asked.now;
    Ok(Answer::json(200, &UserShape::of(&asked.engine.change_user(user).await?)))
}

/// One who belongs to an organization stays.
pub(super) async fn delete(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let user = prisma.person(&asked.engine, asked.word(0)).await?;
    if !prisma.owns(&asked.engine, &user).await? {
        return Err(not_ours());
    }
    let orgs = prisma.orgs(&asked.engine).await?;
    if memberships(&user, &orgs).next().is_some() {
        return Err(Refused::new(409, "this user is a member of an organization: end the membership first"));
    }
    for host in orgs.iter().filter(|org| org.members().contains_key(&user.id)) {
        prisma.execute(&asked, host, vec![Command::RemoveMember { user: user.id }]).await?;
    }
    asked.engine.delete_user(user.id).await?;
    Ok(Answer::empty(204))
}

fn whole<'a>(user: &'a User, orgs: &'a [Arc<Org>]) -> UserShape<'a> {
    UserShape::of(user).with_orgs(memberships(user, orgs).collect())
}

/// With their organizations, oldest first.
pub(super) fn memberships<'a>(user: &User, orgs: &'a [Arc<Org>]) -> impl Iterator<Item = MemberShape<'a>> + use<'a> {
    let id = user.id;
    orgs.iter().filter_map(move |org| {
        let member = org.members().get(&id).filter(|member| belongs(member))?;
        Some(MemberShape::of(org, member).with_organization(org))
    })
}

fn not_ours() -> Refused {
    Refused::new(403, "somebody logs in with this account, or it belongs to others too: it is not changed here")
}
