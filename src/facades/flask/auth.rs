//! Its logins. The sessions are ours; the tokens look like its own.

use super::{
    Flask,
    asking::Body,
    guards::Person,
    people_shapes::{OrganizationShape, PersonShape},
    words,
};
use crate::{
    http::facade::{Answer, Asked, Refused},
    identity::{LoginRefused, StandingTokens},
};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{Author, MemberId, Org, OrgId, Slug, UserId, command::NewOrganization},
    store::UserKey,
};
use uuid::Uuid;

#[derive(Serialize)]
struct LoggedIn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    user: PersonShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<OrganizationShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organizations: Option<Vec<OrganizationShape<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

pub(super) async fn register(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let engine = &asked.engine;
    if !engine.registration_is_open() {
        return Err(Refused::new(403, "Registration is closed"));
    }
    asked.is_costly()?;
    let body = Body::of(&asked)?;
    let (email, username) = (body.given("email")?.trim(), body.given("username")?);
    let (password, name) = (body.given("password")?, body.given("organization_name")?);
    let slug = words::slug(body.text("organization_slug")?, name)?;
    let description = body.owned("organization_description")?.unwrap_or_default();
    let user = User {
        username: Some(username.to_owned()),
        first_name: body.owned("first_name")?.unwrap_or_default(),
        last_name: body.owned("last_name")?.unwrap_or_default(),
        ..User::new(UserId::new(Uuid::now_v7()), email, asked.now)
    };
    let taken = |text| Err(Refused::new(400, text));
    if engine.find_user(UserKey::Email(email.to_owned())).await?.is_some() {
        return taken("Email already registered");
    }
    if engine.find_user(UserKey::Username(username.to_owned())).await?.is_some() {
        return taken("Username already taken");
    }
    if engine.org_called(slug.as_str()).await?.is_some() {
        return taken("Organization slug already exists");
    }
    let user = engine.new_user(user, Some(password.to_owned())).await.map_err(told)?;
    let org = match found(&asked, &user, (name, slug, description)).await {
        Ok(org) => org,
        Err(refused) => {
            // Both or none, as far as it is known.
            if refused.status < 500 {
                engine.store().delete_user(user.id).await?;
            }
            return Err(refused);
        }
    };
    let session = engine.identity().open_session(&user, asked.hint()).await?.session;
    let tokens = engine.identity().standing_tokens(session).await?;
    let organization = org.organization().map(|organization| {
        OrganizationShape::of_member(organization, org.members().get(&user.id).map(AsRef::as_ref)).described(organization)
    });
    let answer = LoggedIn {
        message: Some("User registered successfully"),
        user: PersonShape::logged_in(&user),
        organization,
        organizations: None,
        access_token: Some(tokens.access_token.expose()),
        refresh_token: Some(tokens.refresh_token.expose()),
    };
    Ok(Answer::json(201, &answer))
}

/// Founds an organization for its first admin.
pub(super) async fn found(
    asked: &Asked,
    owner: &User,
    (name, slug, description): (&str, Slug, String),
) -> Result<Arc<Org>, Refused> {
    let new = NewOrganization {
        id: OrgId::new(Uuid::now_v7()),
        number: asked.engine.next_number().await?,
        slug,
        name: name.to_owned(),
        description,
        time_zone: chrono_tz::UTC,
        branding: Default::default(),
        domain: None,
        indexed: true,
        metadata: Default::default(),
        owner: Some((MemberId::new(Uuid::now_v7()), owner.id)),
    };
    asked.engine.found(new, Author::User(owner.id), asked.now).await.map_err(told)
}

/// In its words, what somebody was faster with.
pub(super) fn told(refused: Refused) -> Refused {
    let text = match refused.code {
        "email_taken" => "Email already registered",
        "username_taken" => "Username already taken",
        "slug_taken" => "Organization slug already exists",
        _ => return refused,
    };
    Refused::new(400, text)
}

pub(super) async fn login(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let body = Body::of(&asked)?;
    let missing = "Email and password are required";
    let (email, password) = (body.said("email", missing)?, body.said("password", missing)?);
    let session = asked.engine.login(email, password, asked.hint()).await.map_err(|refused| match refused {
        LoginRefused::Wrong => Refused::new(401, "Invalid credentials"),
        LoginRefused::Inactive => Refused::new(401, "Account is inactive"),
        refused => refused.into(),
    })?;
    let tokens = asked.engine.identity().standing_tokens(session.tokens.session).await?;
    logged_in(&asked, &session.user, Some(tokens)).await
}

pub(super) async fn me(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::who(&asked).await?;
    logged_in(&asked, &person.user, None).await
}

async fn logged_in(asked: &Asked, user: &User, tokens: Option<StandingTokens>) -> Result<Answer, Refused> {
    let orgs = asked.engine.memberships_of(user.id).await?;
    let organizations = orgs
        .iter()
        .filter_map(|org| Some(OrganizationShape::of_member(org.organization()?, org.members().get(&user.id).map(AsRef::as_ref))));
    let answer = LoggedIn {
        message: None,
        user: PersonShape::logged_in(user),
        organization: None,
        organizations: Some(organizations.collect()),
        access_token: tokens.as_ref().map(|tokens| tokens.access_token.expose()),
        refresh_token: tokens.as_ref().map(|tokens| tokens.refresh_token.expose()),
    };
    Ok(Answer::json(200, &answer))
}

/// Whatever is not a good refresh token is invalid: its front end sends the expired access token instead, and would come back
/// at once, for ever, if it were told that something has expired.
pub(super) async fn refresh(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let again = asked.engine.identity().stand_longer(asked.bearer().unwrap_or_default()).await;
    let access = again.map_err(|error| match Refused::from(error) {
        away if away.status >= 500 => away,
        _ => Refused::new(422, "Invalid token"),
    })?;
    Ok(Answer::json(200, &json!({ "access_token": access.expose() })))
}
