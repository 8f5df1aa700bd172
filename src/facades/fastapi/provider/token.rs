//! `/oauth/token`: a code becomes tokens; and `/userinfo`, which says what is in them. Errors are told as in RFC 6749.

use super::{super::Fastapi, Provider, form::Form};
use crate::{
    http::facade::{Answer, Asked, Refused},
    identity::{AuthError, Exchange, Grant, ID_TOKEN_LASTS, IdTokenFor},
};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use tocsin_actors::{accounts::User, store::StoreError};

#[derive(Serialize)]
struct Tokens<'a> {
    /// Good for `/userinfo`.
    access_token: &'a str,
    id_token: &'a str,
    scope: &'a str,
    expires_in: u64,
    token_type: &'static str,
}

/// `POST /oauth/token`
pub(super) async fn exchange(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    let Some(form) = Form::or_json(&asked) else {
        return Ok(error(400, "invalid_request", "send a form, or an object of JSON with texts in it"));
    };
    if form.said("client_id") != fastapi.provider.client() {
        return Ok(error(401, "invalid_client", "this client is not known"));
    }
    match form.get("grant_type") {
        Some("authorization_code") => tokens(&fastapi.provider, &asked, &form).await,
        Some(_) => Ok(error(400, "unsupported_grant_type", "grant_type must be authorization_code")),
        None => Ok(error(400, "invalid_request", "grant_type is missing")),
    }
}

async fn tokens(provider: &Provider, asked: &Asked, form: &Form) -> Result<Answer, Refused> {
    for field in ["code", "code_verifier", "redirect_uri"] {
        if form.said(field).is_empty() {
            return Ok(error(400, "invalid_request", &format!("{field} is missing")));
        }
    }
    let identity = asked.engine.identity();
    let brought = Exchange {
        code: form.said("code"),
        client: provider.client(),
        redirect_uri: form.said("redirect_uri"),
        verifier: form.said("code_verifier"),
    };
    let (grant, user) = match identity.exchange_code(brought).await {
        Ok(granted) => granted,
        Err(AuthError::Store(error)) => return Err(error.into()),
        Err(_) => return Ok(invalid_grant()),
    };
    if !provider.issuers().contains(&grant.issuer) || asked.engine.org(grant.org).await?.role(user.id).is_none() {
        return Ok(invalid_grant());
    }
    let Grant { issuer, client, session, org, nonce, scope, .. } = &grant;
    let told = IdTokenFor { issuer, client, user: &user, org: *org, session: *session, nonce: nonce.as_deref() };
    let (id_token, access_token) = (identity.id_token(told).await?, identity.userinfo_token(issuer, user.id, *session).await?);
    let tokens = Tokens {
        access_token: access_token.expose(),
        id_token: id_token.expose(),
        scope,
        expires_in: ID_TOKEN_LASTS.as_secs(),
        token_type: "Bearer",
    };
    Ok(Answer::json(200, &tokens).saying("cache-control", "no-store"))
}

/// Which of all reasons it is, is nobody's business.
fn invalid_grant() -> Answer {
    error(400, "invalid_grant", "this code is not good, or not any more")
}

fn error(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({ "error": error, "error_description": description })).saying("cache-control", "no-store")
}

/// `GET /userinfo`
pub(super) async fn userinfo(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    let unknown = |challenge| error(401, "invalid_token", "log in again").saying("www-authenticate", challenge);
    let Some(token) = asked.bearer() else { return Ok(unknown("Bearer")) };
    match asked.engine.identity().authenticate_userinfo(token, fastapi.provider.issuers()).await {
        Ok(user) => Ok(Answer::json(200, &said_of(&user)).saying("cache-control", "no-store")),
        Err(AuthError::Store(error)) => Err(StoreError::into(error)),
        Err(_) => Ok(unknown("Bearer error=\"invalid_token\"")),
    }
}

fn said_of(user: &User) -> serde_json::Value {
    json!({ "sub": user.id, "name": user.shown_name(), "email": user.email, "email_verified": false })
}
