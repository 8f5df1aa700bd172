//! Its memberships.

use super::{
    Prisma,
    lists::members,
    people::{self, belongs},
    sent::Sent,
    shapes::MemberShape,
    unknown, users,
    words::to_role,
};
use crate::{
    facades::OpenTo,
    http::facade::{Answer, Asked, Refused},
};
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{Command, MemberId, Org, edit::Edit},
};
use uuid::Uuid;

/// Who joins without a role.
const ROLE: &str = "member";

pub(super) async fn list_of(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let org = prisma.org_if_any(&asked.engine, asked.word(0)).await?;
    let Some(org) = &org else { return Ok(Answer::json(200, &[(); 0])) };
    let users = asked.engine.people(members(org).map(|member| member.user)).await?;
    let shape = |member| Some(MemberShape::of(org, member).with_user(users.get(&member.user)?).with_organization(org));
    Ok(Answer::json(200, &members(org).filter_map(shape).collect::<Vec<_>>()))
}

pub(super) async fn list_of_user(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let user = match prisma.person(&asked.engine, asked.word(0)).await {
        Err(refused) if refused.status == 404 => return Ok(Answer::json(200, &[(); 0])),
        found => found?,
    };
    let orgs = prisma.orgs(&asked.engine).await?;
    Ok(Answer::json(200, &users::memberships(&user, &orgs).collect::<Vec<_>>()))
}

/// A guest who becomes a member is one from now on.
pub(super) async fn create(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let (user, org) = (sent.text("userId")?, sent.text("organizationId")?);
    let (role, metadata) = to_role(sent.text_if_given("role")?.unwrap_or(ROLE))?;
    let org = prisma.org(&asked.engine, org).await?;
    let user = prisma.person(&asked.engine, user).await?;
    let join = Command::AddMember { id: MemberId::new(Uuid::now_v7()), user: user.id, role, metadata };
    let is_guest = org.members().get(&user.id).is_some_and(|member| !belongs(member));
    let leave = is_guest.then_some(Command::RemoveMember { user: user.id });
    let org = prisma.execute(&asked, &org, leave.into_iter().chain([join]).collect()).await?;
    asked.engine.settle().await?; // so that it is among their organizations at once
    shown(201, &org, &user)
}

pub(super) async fn change(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let role = sent.text_if_given("role")?.map(to_role).transpose()?;
    let (org, user) = prisma.member(&asked.engine, asked.word(0)).await?;
    let (role, metadata) = role.map_or((Edit::Keep, Edit::Keep), |(role, beside)| (Edit::Set(role), Edit::Set(beside)));
    let org = prisma.execute(&asked, &org, vec![Command::ChangeMember { user, role, metadata }]).await?;
    let user = asked.engine.user(user).await?.ok_or_else(|| unknown("User"))?;
    shown(200, &org, &user)
}

/// Whoever belongs to nobody afterwards is a guest again: else nobody would ever see the account.
pub(super) async fn delete(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let (org, user) = prisma.member(&asked.engine, asked.word(0)).await?;
    let stays = match asked.engine.user(user).await? {
        Some(account) if prisma.to != OpenTo::All => prisma.owns(&asked.engine, &account).await?,
        _ => false,
    };
    let stay = stays.then(|| people::invite(user));
    let leave = [Command::RemoveMember { user }];
    prisma.execute(&asked, &org, leave.into_iter().chain(stay).collect()).await?;
    asked.engine.settle().await?;
    Ok(Answer::empty(204))
}

fn shown(status: u16, org: &Org, user: &User) -> Result<Answer, Refused> {
    let member = org.members().get(&user.id).ok_or_else(|| unknown("Member"))?;
    Ok(Answer::json(status, &MemberShape::of(org, member).with_user(user).with_organization(org)))
}
