//! `/v2/logout`: the end of a session, and of every token that was given in it.

use super::{super::Fastapi, page};
use crate::http::facade::{Answer, Asked, Refused};
use std::sync::Arc;
use tracing::info;

/// `GET /v2/logout?returnTo=…`
pub(super) async fn logout(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    let provider = &fastapi.provider;
    match provider.session(&asked).await {
        Ok(Some(session)) => {
            if let Err(error) = asked.engine.identity().logout(session.id).await {
                return Ok(page::trouble(&error.into()));
            }
            info!(session = %session.id, "somebody logged out at the login page");
        }
        Ok(None) => {}
        Err(refused) => return Ok(page::trouble(&refused)),
    }
    // As it is called by the clients of Auth0, and by OpenID Connect.
    let return_to = asked.query("returnTo").or_else(|| asked.query("post_logout_redirect_uri"));
    let answer = match return_to.map(|text| provider.places.find(&text)) {
        None => page::told(200, "You are signed out", "You can close this window."),
        Some(Some(place)) => Answer::empty(303)
            .saying("location", place.as_str())
            .saying("cache-control", "no-store")
            .saying("referrer-policy", "no-referrer"),
        Some(None) => {
            let why = "The address to which you were to be sent is not allowed. Allow it with --cors-origin.";
            page::told(400, "You are signed out", why)
        }
    };
    Ok(provider.keep_session(answer, ""))
}
