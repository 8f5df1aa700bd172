//! Its organizations as wholes.

use super::{
    Flask,
    asking::Body,
    auth::{found, told},
    guards::{Person, in_org},
    people_shapes::OrganizationShape,
    words,
};
use crate::http::facade::{Answer, Asked, Refused, Under};
use serde_json::json;
use std::sync::Arc;
use tocsin_actors::domain::{Org, Role, Slug, SlugError, command::OrganizationChange, edit::Edit, entities::Organization};

/// In the order of their making.
pub(super) async fn list(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::who(&asked).await?;
    let orgs = asked.engine.memberships_of(person.user.id).await?;
    let shown = orgs.iter().filter_map(|org| {
        let (organization, member) = (org.organization()?, org.members().get(&person.user.id)?);
        Some(OrganizationShape::of_member(organization, Some(member)).described(organization))
    });
    Ok(Answer::json(200, &Under("organizations", shown.collect::<Vec<_>>())))
}

pub(super) async fn create(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::who(&asked).await?;
    let body = Body::of(&asked)?;
    let name = body.said("name", "Organization name is required")?;
    let slug = words::slug(body.text("slug")?, name)?;
    let description = body.owned("description")?.unwrap_or_default();
    let org = found(&asked, &person.user, (name, slug, description)).await?;
    let organization = itself(&org)?;
    Ok(Answer::json(201, &OrganizationShape::from(organization).described(organization)))
}

pub(super) async fn get(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (_, org) = in_org(&asked, Role::Viewer).await?;
    let organization = itself(&org)?;
    let shape = OrganizationShape {
        services_count: Some(org.services().len()),
        teams_count: Some(org.teams().len()),
        incidents_count: Some(org.incidents().len()),
        ..OrganizationShape::from(organization).described(organization)
    };
    Ok(Answer::json(200, &shape))
}

pub(super) async fn change(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org) = in_org(&asked, Role::Admin).await?;
    let body = Body::of(&asked)?;
    let taken = || Refused::new(400, "Slug already exists");
    let slug = body.text("slug")?.filter(|slug| *slug != itself(&org).map_or("", |now| now.slug.as_str()));
    let slug =
        slug.map(|text| text.parse().or_else(|error| if error == SlugError::Reserved { Err(error) } else { Slug::suggest(text) }));
    let change = OrganizationChange {
        name: body.owned("name")?.into(),
        description: body.owned("description")?.into(),
        slug: Edit::from(slug.transpose().map_err(|error| match error {
            SlugError::Reserved => taken(),
            SlugError::Malformed => Refused::new(400, "Invalid slug"),
        })?),
        ..OrganizationChange::default()
    };
    let changed = asked.engine.change_org(&org, person.author(), asked.now, change).await;
    let org = changed.map_err(|refused| if refused.code == "slug_taken" { taken() } else { told(refused) })?;
    let organization = itself(&org)?;
    let shape = OrganizationShape { description: Some(&organization.description), ..organization.into() };
    Ok(Answer::json(200, &shape))
}

pub(super) async fn delete(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let (person, org) = in_org(&asked, Role::Admin).await?;
    asked.engine.delete_org(&org, person.author(), asked.now).await?;
    Ok(Answer::json(200, &json!({ "message": "Organization deleted successfully" })))
}

fn itself(org: &Org) -> Result<&Organization, Refused> {
    org.organization().map(AsRef::as_ref).ok_or_else(|| Refused::new(404, "Organization not found"))
}
