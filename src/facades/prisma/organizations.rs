//! Its organizations. Where it is open to one, that one can be renamed, and no other can be made.

use super::{
    Prisma,
    lists::{Which, members},
    sent::Sent,
    shapes::OrgShape,
    unknown,
};
use crate::{
    facades::OpenTo,
    http::facade::{Answer, Asked, Refused},
};
use std::sync::Arc;
use tocsin_actors::domain::{
    Org, OrgId, Slug,
    command::{NewOrganization, OrganizationChange},
    entities::{Author, Branding, Metadata},
    status::Role,
};
use uuid::Uuid;

/// How much of a name is in the address that it suggests, when there is a number behind it.
const STEM: usize = 40;

pub(super) async fn list(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let orgs = prisma.orgs(&asked.engine).await?;
    let shape = |org| Some(OrgShape::of(org)?.with_services(org).with_incidents(org, Which::Open));
    Ok(Answer::json(200, &orgs.iter().filter_map(|org| shape(org)).collect::<Vec<_>>()))
}

pub(super) async fn get(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let org = prisma.org(&asked.engine, asked.word(0)).await?;
    let users = asked.engine.people(members(&org).map(|member| member.user)).await?;
    let shape = OrgShape::of(&org).ok_or_else(|| unknown("Organization"))?;
    let shape = shape.with_services(&org).with_incidents(&org, Which::All).with_members(&org, &users);
    Ok(Answer::json(200, &shape))
}

pub(super) async fn create(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    prisma.has_all()?;
    let sent = Sent::of(&asked)?;
    let name = sent.text("name")?;
    let org = found(&asked, name).await?;
    prisma.orgs(&asked.engine).await?; // so that what happens in it is told
    shown(201, &org)
}

pub(super) async fn change(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    let sent = Sent::of(&asked)?;
    let change = OrganizationChange { name: sent.edit("name")?, ..OrganizationChange::default() };
    let org = prisma.org(&asked.engine, asked.word(0)).await?;
    shown(200, &*asked.engine.change_org(&org, Author::System, asked.now, change).await?)
}

/// One in which something is stays. Its last admin cannot leave it before it is gone, and does not hold it.
pub(super) async fn delete(prisma: Arc<Prisma>, asked: Asked) -> Result<Answer, Refused> {
    prisma.has_all()?;
    let org = prisma.org(&asked.engine, asked.word(0)).await?;
    let is_left_alone = members(&org).count() == 1 && members(&org).all(|member| member.role == Role::Admin);
    let has_members = members(&org).next().is_some() && !is_left_alone;
    if has_members || !org.services().is_empty() || !org.incidents().is_empty() {
        return Err(Refused::new(409, "this organization has members, services or incidents: delete them first"));
    }
    asked.engine.delete_org(&org, Author::System, asked.now).await?;
    Ok(Answer::empty(204))
}

impl Prisma {
    fn has_all(&self) -> Result<(), Refused> {
        match self.to {
            OpenTo::All => Ok(()),
            OpenTo::One(_) => Err(Refused::new(403, "this is open to one organization: none can be made or deleted here")),
        }
    }
}

/// Names need not be unique there, and say nothing of addresses.
async fn found(asked: &Asked, name: &str) -> Result<Arc<Org>, Refused> {
    let number = asked.engine.next_number().await?;
    for slug in slugs(name, number) {
        match asked.engine.found(new(name, slug, number), Author::System, asked.now).await {
            Err(refused) if refused.code == "slug_taken" => {}
            founded => return founded,
        }
    }
    Err(Refused::new(409, "this name is taken in every form"))
}

fn new(name: &str, slug: Slug, number: u64) -> NewOrganization {
    NewOrganization {
        id: OrgId::new(Uuid::now_v7()),
        number,
        slug,
        name: name.to_owned(),
        description: String::new(),
        time_zone: chrono_tz::UTC,
        branding: Branding::default(),
        domain: None,
        indexed: true,
        metadata: Metadata::new(),
        owner: None,
    }
}

/// What it may be called in addresses: as its name suggests, else with its number, which nobody else has.
fn slugs(name: &str, number: u64) -> Vec<Slug> {
    let suggested = Slug::suggest(name).ok();
    let stem: String = suggested.iter().flat_map(|slug| slug.as_str().chars()).take(STEM).collect();
    let stem = if stem.is_empty() { "organization" } else { stem.trim_end_matches('-') };
    let numbered = format!("{stem}-{number}").parse().ok();
    suggested.into_iter().chain(numbered).collect()
}

fn shown(status: u16, org: &Org) -> Result<Answer, Refused> {
    Ok(Answer::json(status, &OrgShape::of(org).ok_or_else(|| unknown("Organization"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_an_address() {
        let slugs = |name| slugs(name, 7).iter().map(|slug| slug.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(slugs("Acme, Inc."), ["acme-inc", "acme-inc-7"]);
        assert_eq!(slugs("日本"), ["organization-7"]);
        assert_eq!(slugs("Admin"), ["organization-7"]);
        assert_eq!(slugs(&"x".repeat(200)), ["x".repeat(63), format!("{}-7", "x".repeat(40))]);
    }
}
