//! `/.well-known/…`: what programs read to know how we are talked to, and how our signatures are verified.

use super::super::Fastapi;
use crate::http::facade::{Answer, Asked, Refused};
use serde_json::json;
use std::sync::Arc;

/// How long others may keep it. Keys are announced before they sign, and other servers read them as often.
const KEPT: &str = "public, max-age=60";

/// `GET /.well-known/jwks.json`
pub(super) async fn keys(_: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    let keys = asked.engine.identity().id_token_jwks().await?;
    Ok(Answer::json(200, &keys).saying("cache-control", "public, max-age=5"))
}

/// `GET /.well-known/openid-configuration`
pub(super) async fn configuration(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    let issuer = fastapi.provider.issuer(&asked);
    let at = |path: &str| format!("{issuer}{path}");
    let configuration = json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("oauth/token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at(".well-known/jwks.json"),
        "end_session_endpoint": at("v2/logout"),
        "scopes_supported": ["openid", "profile", "email"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "web_message"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported":
            ["iss", "aud", "sub", "iat", "exp", "sid", "nonce", "org_id", "email", "email_verified", "name"],
    });
    Ok(Answer::json(200, &configuration).saying("cache-control", KEPT))
}
