//! `/orgs/{org}/keys`: ways in for programs. The secret is shown once, when the key is made.

use crate::{
    http::{
        answer::{Done, Made},
        call::{Call, Json, Query},
        cursor::{List, PageQuery, Place},
        error::ApiError,
    },
    identity::{Access, ApiKeyInfo, Refused, Scopes},
    words,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tocsin_actors::domain::{KeyId, ServiceId, Timestamp};
use utoipa::ToSchema;
use uuid::Uuid;

/// A program's way in.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(in crate::http) struct KeyResponse {
    id: Uuid,
    name: String,
    /// `read`, `write` (which includes it) or `admin` (which includes both)
    #[schema(schema_with = scopes_schema)]
    scopes: Vec<&'static str>,
    /// The services that it may change; null when it is not bound to any
    service_ids: Option<Vec<Uuid>>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Right to about a minute
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// `system`, `user:<id>` or `key:<id>`
    created_by: String,
    /// Send it as `Authorization: Bearer …`. Shown this once
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

fn scopes_schema() -> utoipa::openapi::schema::Array {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
    let scope = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([Access::Read, Access::Write, Access::Admin].map(Access::as_str)));
    ArrayBuilder::new().items(scope).min_items(Some(1)).build()
}

impl From<ApiKeyInfo> for KeyResponse {
    fn from(key: ApiKeyInfo) -> Self {
        Self {
            id: key.id.uuid(),
            name: key.name,
            scopes: vec![key.scopes.access.as_str()],
            service_ids: key.scopes.services.map(|services| services.iter().map(|id| id.uuid()).collect()),
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            created_at: key.created_at,
            created_by: words::author(key.created_by),
            secret: None,
        }
    }
}

/// A page of the keys, oldest first.
pub(in crate::http) async fn list(call: Call, Query(page): Query<PageQuery>) -> Result<List<KeyResponse>, ApiError> {
    let keys = call.api.identity.keys(call.org().id()).await?;
    let place = |key: &ApiKeyInfo| Place(key.created_at.millis(), (key.id.uuid().as_u128() & 0xffff_ffff) as i64);
    page.of(keys, place, Into::into)
}

/// A key to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub(in crate::http) struct NewKeyRequest {
    #[schema(min_length = 1, max_length = 200, example = "Deploy pipeline")]
    name: String,
    /// `read`, `write` (which includes it) or `admin` (which includes both)
    #[schema(schema_with = scopes_schema)]
    scopes: Vec<Access>,
    /// The only services that it shall change
    #[serde(default)]
    #[schema(max_items = 500)]
    service_ids: Option<Vec<Uuid>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Makes a key.
pub(in crate::http) async fn create(call: Call, Json(new): Json<NewKeyRequest>) -> Result<Made<KeyResponse>, ApiError> {
    tocsin_actors::domain::limits::name("name", &new.name)?;
    let missing = || ApiError::refused("invalid", "scopes", "name at least one of read, write, admin");
    let access = new.scopes.into_iter().max().ok_or_else(missing)?;
    if new.expires_at.is_some_and(|at| at <= call.now) {
        return Err(ApiError::refused("invalid", "expires_at", "must be in the future"));
    }
    let services: Option<BTreeSet<_>> = new.service_ids.map(|ids| ids.into_iter().map(ServiceId::new).collect());
    if let Some(unknown) = services.iter().flatten().find(|id| !call.org().services().contains_key(*id)) {
        return Err(ApiError::refused("unknown_service", "service_ids", format!("there is no service {unknown}")));
    }
    call.once().await?;
    let scopes = Scopes { access, services };
    let made = call.api.identity.create_key(call.org().id(), call.author(), new.name, scopes, new.expires_at).await;
    if let Err(Refused::Rule(_)) = &made {
        call.not_done().await?;
    }
    let (key, secret) = made?;
    let response = KeyResponse { secret: Some(secret.expose().to_owned()), ..key.into() };
    Ok(Made { at: response.id.to_string(), what: response })
}

/// Makes a key useless.
pub(in crate::http) async fn delete(call: Call, (): ()) -> Result<Done, ApiError> {
    let id: KeyId = call.id("id", "unknown_key")?;
    if !call.api.identity.delete_key(call.org().id(), id).await? {
        return Err(ApiError::unknown("unknown_key", "there is no such key"));
    }
    Ok(Done)
}
