//! `/api/organizations`: what the original asked its identity provider to do. An organization is founded together with the
//! account of its first admin, by anybody where registration is open; and an admin invites others.

use super::{super::Fastapi, Provider};
use crate::{
    http::facade::{Answer, Asked, Refused},
    identity::{AuthError, Who, organization_word, providers::OrgRef},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tocsin_actors::{
    accounts::User,
    domain::{MemberId, Org, OrgId, Role, Slug, UserId, command::NewOrganization, entities::Author},
};
use uuid::Uuid;

/// `POST /api/organizations`
pub(super) async fn found(_: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    let [name, email, password] = match texts(&asked, ["org_name", "email_id", "password"]) {
        Ok(texts) => texts,
        Err(problems) => return Ok(problems),
    };
    if !asked.engine.registration_is_open() {
        return Err(Refused::new(403, "Registration is closed here: ask for an invitation"));
    }
    asked.is_costly()?;
    let slug: Slug = slug(&name).parse().map_err(|error| Refused::new(400, format!("The name of the organization {error}")))?;
    if asked.engine.org_called(slug.as_str()).await?.is_some() {
        return Err(taken()); // before an account is made for nothing
    }
    let (user, email) = (UserId::new(Uuid::now_v7()), email.trim());
    let called = email.split('@').next().unwrap_or_default().to_owned();
    let user = User { display_name: Some(called), ..User::new(user, email, asked.now) };
    let user = asked.engine.new_user(user, Some(password)).await.map_err(|refused| match refused.status {
        409 => Refused::new(409, "The user already exists."),
        _ => refused,
    })?;
    match organization(&asked, name, slug.clone(), user.id).await {
        Ok(org) => {
            let made = json!({ "auth0_org_id": organization_word(org.id()), "name": slug.as_str() });
            Ok(Answer::json(201, &made))
        }
        Err(refused) => {
            // Both or none, as far as it is known: an account alone would be in the way of the second try.
            if refused.status < 500 {
                asked.engine.store().delete_user(user.id).await?;
            }
            Err(if refused.status == 409 { taken() } else { refused })
        }
    }
}

async fn organization(asked: &Asked, name: String, slug: Slug, owner: UserId) -> Result<Arc<Org>, Refused> {
    let new = NewOrganization {
        id: OrgId::new(Uuid::now_v7()),
        number: asked.engine.next_number().await?,
        slug,
        name: name.trim().to_owned(),
        description: String::new(),
        time_zone: chrono_tz::UTC,
        branding: Default::default(),
        domain: None,
        indexed: true,
        metadata: Default::default(),
        owner: Some((MemberId::new(Uuid::now_v7()), owner)),
    };
    asked.engine.found(new, Author::User(owner), asked.now).await
}

fn taken() -> Refused {
    Refused::new(409, "An organization with this name already exists.")
}

/// Its slug of a name: small letters, digits and single dashes, and nothing for anything else.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.to_lowercase().chars() {
        match letter {
            'a'..='z' | '0'..='9' => slug.push(letter),
            _ if letter != '-' && !letter.is_whitespace() => {}
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// `POST /api/organizations/invite`: the body says nothing, as in the original, which had the link mailed. Here it is in the
/// header `Location`, for who invites.
pub(super) async fn invite(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    let provider = &fastapi.provider;
    let (user, org) = provider.member(&asked).await?;
    if org.role(user.id) != Some(Role::Admin) {
        return Err(Refused::new(403, "Only admins of the organization may invite"));
    }
    let [email] = match texts(&asked, ["email_id"]) {
        Ok(texts) => texts,
        Err(problems) => return Ok(problems),
    };
    let invited = asked.engine.identity().invite(org.id(), Author::User(user.id), email.trim().to_owned(), Role::Member).await;
    let (_, token) = invited.map_err(|refused| match refused {
        crate::identity::Refused::Rule(rule) => Refused::new(400, rule.to_string()),
        crate::identity::Refused::Store(error) => error.into(),
    })?;
    // Back to the page from which they were invited, if it is one to which people may be sent.
    let page = asked.header("origin").and_then(|origin| provider.places.find(origin));
    let back = page.map(|page| format!("?returnTo={}", page.as_str())).unwrap_or_default();
    let link = format!("{}invitations/{}{back}", provider.issuer(&asked), token.expose());
    Ok(Answer::json(200, &Value::Null).saying("location", &link).saying("cache-control", "no-store"))
}

impl Provider {
    /// Who asks, and the organization for which they came: by an ID token and nothing else.
    async fn member(&self, asked: &Asked) -> Result<(Arc<User>, Arc<Org>), Refused> {
        if asked.header("authorization").is_none() {
            return Err(Refused::new(401, "Missing Authorization header"));
        }
        let invalid = || Refused::new(403, "Invalid token");
        let token = asked.bearer().ok_or_else(invalid)?;
        let known = asked.engine.identity().authenticate_id_token(token, self.client(), self.issuers()).await;
        let (caller, org) = match known {
            Ok(known) => known,
            Err(error @ (AuthError::Store(_) | AuthError::ProviderUnavailable)) => return Err(error.into()),
            Err(_) => return Err(invalid()),
        };
        let Who::User(user) = caller.who else { return Err(invalid()) };
        let org = match org {
            OrgRef::Id(id) => Some(asked.engine.org(id).await?),
            OrgRef::Slug(slug) => asked.engine.org_called(slug.as_str()).await?,
            OrgRef::External(_) => None,
        };
        let org = org.filter(|org| org.role(user.id).is_some());
        Ok((user, org.ok_or_else(|| Refused::new(403, "User does not belong to this organization"))?))
    }
}

/// The texts of a body, or everything that is wrong with it, as the original's Pydantic says it.
fn texts<const N: usize>(asked: &Asked, names: [&str; N]) -> Result<[String; N], Answer> {
    let invalid = |problems: Vec<Value>| Answer::json(422, &json!({ "detail": problems }));
    let body = match asked.json() {
        Ok(Some(body @ Value::Object(_))) => body,
        Ok(None) if asked.is_bodyless() => {
            return Err(invalid(vec![json!({ "type": "missing", "loc": ["body"], "msg": "Field required", "input": null })]));
        }
        Ok(other) => {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            return Err(invalid(vec![json!({ "type": "model_attributes_type", "loc": ["body"], "msg": msg, "input": other })]));
        }
        Err(broken) => {
            let problem = json!({
                "type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error", "input": {}, "ctx": { "error": broken.text },
            });
            return Err(invalid(vec![problem]));
        }
    };
    let mut problems = Vec::new();
    let texts = names.map(|name| match body.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => {
            let msg = "Input should be a valid string";
            problems.push(json!({ "type": "string_type", "loc": ["body", name], "msg": msg, "input": other }));
            String::new()
        }
        None => {
            problems.push(json!({ "type": "missing", "loc": ["body", name], "msg": "Field required", "input": body }));
            String::new()
        }
    });
    if problems.is_empty() { Ok(texts) } else { Err(invalid(problems)) }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_name_has_the_slug_that_it_had() {
        for (name, wanted) in [
            ("Acme", "acme"),
            ("Acme, Inc.", "acme-inc"),
            ("  A  --  b ", "a-b"),
            ("a_b.c", "abc"),
            ("Caf\u{e9} 24", "caf-24"),
            ("-x-", "x"),
            ("\u{fc}", ""),
        ] {
            assert_eq!(slug(name), wanted, "{name}");
        }
    }
}
