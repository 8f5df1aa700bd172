//! What somebody says of themselves, and who else is there.

use super::{
    Flask,
    asking::Body,
    guards::{Person, find_org},
    people_shapes::PersonShape,
    shapes::Time,
};
use crate::{
    http::facade::{Answer, Asked, Refused, Under},
    identity::PasswordRefused,
};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};
use tocsin_actors::{
    accounts::{User, folded},
    domain::Role,
    store::AccountError,
};

/// How many people a search finds at most, and how many are read at once for it.
const FOUND: usize = 10;
const AT_ONCE: usize = 16;

pub(super) async fn profile(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let user = Person::who(&asked).await?.user;
    let shape =
        PersonShape { is_active: Some(user.active), created_at: Some(Time(user.created_at)), ..PersonShape::logged_in(&user) };
    Ok(Answer::json(200, &shape))
}

pub(super) async fn change(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::who(&asked).await?;
    let body = Body::of(&asked)?;
    let unknown = || Refused::new(404, "User not found");
    let mut user = asked.engine.user(person.user.id).await?.ok_or_else(unknown)?;
    let before = user.clone();
    if let Some(text) = body.owned("first_name")? {
        user.first_name = text;
    }
    if let Some(text) = body.owned("last_name")? {
        user.last_name = text;
    }
    if let Some(text) = body.text("email")? {
        user.email = text.trim().to_owned();
    }
    if let Some(text) = body.owned("username")?.filter(|text| before.username.is_some() || *text != before.shown_name()) {
        user.username = Some(text);
    }
    if user != before {
        user.check().map_err(|rejection| Refused::new(400, rejection.to_string()))?;
        user.version += 1;
        user.updated_at = asked.now;
        asked.engine.identity().replace_user(user.clone()).await.map_err(|error| match error {
            AccountError::EmailTaken => Refused::new(400, "Email already in use"),
            AccountError::UsernameTaken => Refused::new(400, "Username already taken"),
            error => error.into(),
        })?;
    }
    let answer = json!({ "message": "Profile updated successfully", "user": PersonShape::from(&user) });
    Ok(Answer::json(200, &answer))
}

/// Other sessions end by it.
pub(super) async fn change_password(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let Person { user, session } = Person::who(&asked).await?;
    let body = Body::of(&asked)?;
    let current = body.said("current_password", "Current password is required")?.to_owned();
    let new = body.said("new_password", "New password is required")?.to_owned();
    let changed = asked.engine.identity().change_password(user.id, current, new, session, asked.hint()).await;
    changed.map_err(|refused| match refused {
        PasswordRefused::Wrong => Refused::new(401, "Current password is incorrect"),
        refused => refused.into(),
    })?;
    Ok(Answer::json(200, &json!({ "message": "Password changed successfully" })))
}

/// Among those with whom somebody shares an organization: the original shows everybody to everybody.
pub(super) async fn search(_: Arc<Flask>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::who(&asked).await?;
    let wanted = folded(&asked.query("q").unwrap_or_default());
    let there = match asked.query("org_id").filter(|id| !id.is_empty()) {
        None => None,
        Some(id) => {
            let org = find_org(&asked, &id).await?.filter(|org| person.role(org).is_some());
            Some(org.ok_or_else(|| Refused::new(403, "Access denied"))?)
        }
    };
    if wanted.is_empty() {
        return Ok(Answer::json(200, &json!({ "users": [] })));
    }
    let mut orgs = asked.engine.memberships_of(person.user.id).await?;
    orgs.extend(there.clone());
    let ids: BTreeSet<_> = orgs.iter().flat_map(|org| org.members().keys().copied()).collect();
    let is_wanted = |user: &User| {
        folded(&user.email).contains(&wanted) || user.username.as_deref().is_some_and(|name| folded(name).contains(&wanted))
    };
    let engine = &asked.engine;
    let users = futures::stream::iter(ids).map(|id| engine.user(id)).buffered(AT_ONCE);
    let found = users.try_filter_map(|user| std::future::ready(Ok(user.filter(is_wanted)))).take(FOUND);
    let found: Vec<User> = found.try_collect().await?;
    let shown = found.iter().map(|user| {
        let role = there.as_ref().map(|org| org.role(user.id).map(Role::as_str));
        PersonShape { is_member: role.map(|role| role.is_some()), role, ..user.into() }
    });
    Ok(Answer::json(200, &Under("users", shown.collect::<Vec<_>>())))
}
