//! What a handler is given: who asks, about which organization, with which words of the path. By the time a handler runs,
//! the caller may do it and the organization is there.

use super::{
    Api,
    access::author,
    edge::Head,
    error::ApiError,
    route::{Input, Shape},
};
use crate::identity::{Caller, ClientHint, Who};
use serde::de::DeserializeOwned;
use std::{str::FromStr, sync::Arc, time::Duration};
use tocsin_actors::{
    accounts::User,
    domain::{
        Command, Incident, IncidentId, Order, Org, OrgId, Receipt, Rejection, RequestKey, Seq, Service, ServiceId, Timestamp,
        entities::Author, status::Kind,
    },
    org::OrgError,
    records::{Record, RecordKind},
    store::AccountError,
};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, Required, Schema, request_body::RequestBodyBuilder},
};
use uuid::Uuid;
use warp::{
    http::{StatusCode, header},
    hyper::body::Bytes,
};

/// Where keys of requests are drawn from: the same words by the same caller give the same key, after a restart too.
const REQUEST_KEYS: Uuid = Uuid::from_u128(0x5d0c_6f0e_9a41_4f86_8a52_746f_6373_696e);

/// How long it is known that a request was taken that cannot be answered a second time.
const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A request that somebody may make.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) api: Arc<Api>,
    /// What was asked, and from where.
    pub(super) head: Arc<Head>,
    pub(super) caller: Option<Caller>,
    /// When it came; what is made by it carries this time.
    pub(super) now: Timestamp,
    pub(super) org: Option<Arc<Org>>,
    /// The words of the path, by the names in its pattern.
    pub(super) words: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// What the caller named the request by, with everything that makes it theirs.
    pub(super) key: Option<RequestKey>,
    /// Only if the organization still stands here.
    pub(super) only_at: Option<Seq>,
}

impl Call {
    /// The organization in the path, as everybody sees it.
    pub(super) fn org(&self) -> &Arc<Org> {
        self.org.as_ref().expect("a route whose path names an organization has one")
    }

    /// A word of the path.
    pub(super) fn word(&self, name: &str) -> &str {
        self.words.iter().find(|(key, _)| *key == name).map_or("", |(_, word)| word)
    }

    /// An id in the path. What is no id is nobody's id.
    pub(super) fn id<T: FromStr>(&self, name: &str, unknown: &'static str) -> Result<T, ApiError> {
        self.word(name).parse().map_err(|_| ApiError::unknown(unknown, "there is nothing with this id"))
    }

    /// The service in the path.
    pub(super) fn service(&self) -> Result<(ServiceId, &Arc<Service>), ApiError> {
        let id = self.id("id", "unknown_service")?;
        self.org().services().get(&id).map(|service| (id, service)).ok_or_else(|| Rejection::UnknownService(id).into())
    }

    /// The incident or maintenance in the path: each is found at its own address only.
    pub(super) fn incident(&self, kind: Kind) -> Result<(IncidentId, &Arc<Incident>), ApiError> {
        let id = self.id("id", "unknown_incident")?;
        let incident = self.org().incidents().get(&id).filter(|incident| incident.kind() == kind);
        incident.map(|incident| (id, incident)).ok_or_else(|| Rejection::UnknownIncident(id).into())
    }

    /// The person who asks; a route for persons has one.
    pub(super) fn person(&self) -> &Arc<User> {
        match self.caller.as_ref().map(|caller| &caller.who) {
            Some(Who::User(user)) => user,
            Some(Who::Key { .. }) | None => unreachable!("`access` lets only persons in here"),
        }
    }

    /// Where somebody calls from, for sessions and for counting failures.
    pub(super) fn hint(&self) -> ClientHint {
        let user_agent = self.head.headers.get(header::USER_AGENT).and_then(|name| name.to_str().ok());
        ClientHint { address: self.head.client, user_agent: user_agent.map(str::to_owned) }
    }

    /// The session of the caller's token.
    pub(super) fn session(&self) -> Option<Uuid> {
        self.caller.as_ref().and_then(|caller| caller.session)
    }

    /// For what cannot be answered a second time, because a secret is in it: a retry is told that it was done.
    pub(super) async fn once(&self) -> Result<(), ApiError> {
        let Some(key) = self.key else { return Ok(()) };
        let expires = self.now.after(ANSWERS_KEPT);
        let mark = Record::new(RecordKind::Answer, key.uuid(), Uuid::nil(), Some(expires), &bson::doc! {})?;
        match self.api.store.put_record(mark).await {
            Ok(()) => Ok(()),
            Err(AccountError::IdTaken) => {
                let message = "a request with this Idempotency-Key was taken before; its secret is not shown again";
                Err(ApiError::conflict("already_done", message))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the mark of [`Call::once`] back: nothing was done, and the caller may put the request right and try again.
    pub(super) async fn not_done(&self) -> Result<(), ApiError> {
        let Some(key) = self.key else { return Ok(()) };
        Ok(self.api.store.delete_record(RecordKind::Answer, key.uuid()).await?)
    }

    /// How changes are signed.
    pub(super) fn author(&self) -> Author {
        author(self.caller.as_ref())
    }

    /// An order of this caller, now.
    pub(super) fn order(&self, command: Command) -> Order {
        Order { by: self.author(), at: self.now, key: self.key, only_at: self.only_at, command }
    }

    /// Carries a command to its durable end; answers the receipt and the organization in which the effect can be seen.
    pub(super) async fn execute(&self, command: Command) -> Result<(Receipt, Arc<Org>), ApiError> {
        let org = self.org().id();
        let receipts = self.api.directory.execute(org, vec![self.order(command)]).await.map_err(|error| self.told(error))?;
        Ok((receipts[0], self.view(org).await?))
    }

    /// An organization as it is now; none that was deleted or never was.
    pub(super) async fn view(&self, org: OrgId) -> Result<Arc<Org>, ApiError> {
        let view = self.api.directory.view(org).await?;
        if view.organization().is_some() { Ok(view) } else { Err(ApiError::unknown_organization()) }
    }

    /// What is unknown and is named by the path is a 404; what is named only in the body makes the body wrong.
    fn told(&self, error: OrgError) -> ApiError {
        let OrgError::Rejected { rejection, .. } = &error else { return error.into() };
        let (field, id) = match rejection {
            Rejection::UnknownService(id) => ("service_id", id.uuid()),
            Rejection::UnknownGroup(id) => ("group_id", id.uuid()),
            Rejection::UnknownTeam(id) => ("team_id", id.uuid()),
            Rejection::UnknownMember(id) => ("user_id", id.uuid()),
            _ => return error.into(),
        };
        if self.words.iter().any(|(_, word)| word.parse() == Ok(id)) {
            return error.into();
        }
        ApiError::refused(rejection.code(), field, rejection.to_string())
    }

    /// What a caller named a request by, with everything that makes it theirs and this one.
    pub(super) fn request_key(by: &str, route: &str, path: &str, name: &str) -> RequestKey {
        let words = [by, route, path, name];
        let all: Vec<u8> =
            words.iter().flat_map(|word| (word.len() as u64).to_be_bytes().into_iter().chain(word.bytes())).collect();
        RequestKey::new(Uuid::new_v5(&REQUEST_KEYS, &all))
    }

    /// The id of something new.
    pub(super) fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// The body, as JSON. No body counts as `{}`.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned + ToSchema + Send> Input for Json<T> {
    fn read(call: &Call) -> Result<Self, ApiError> {
        let kind = call.head.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
        let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        if !call.body.is_empty() && kind.as_deref() != Some("application/json") {
            let message = "send JSON, with `Content-Type: application/json`";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
        }
        let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
        // A list would be taken for the fields in their order, which nobody means.
        if body.trim_ascii_start().first() == Some(&b'[') {
            return Err(ApiError::malformed("the body must be an object, not a list"));
        }
        let mut reader = serde_json::Deserializer::from_slice(body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let field = error.path().to_string();
            let field = Some(field).filter(|field| field != ".");
            ApiError { field, ..ApiError::malformed(error.into_inner().to_string()) }
        })?;
        reader.end().map_err(|error| ApiError::malformed(error.to_string()))?;
        Ok(Self(value))
    }

    fn describe(shape: &mut Shape) {
        let schema = shape.schema::<T>();
        let content = ContentBuilder::new().schema(Some(schema)).build();
        // No body counts as `{}`, which is enough only where nothing has to be in it.
        let needed = matches!(T::schema(), RefOr::T(Schema::Object(body)) if !body.required.is_empty());
        let needed = if needed { Required::True } else { Required::False };
        let body = RequestBodyBuilder::new().content("application/json", content).required(Some(needed)).build();
        shape.operation.request_body = Some(body.into());
        shape.may_fail(&[400, 413, 415, 422]);
    }
}

/// The query string.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned + IntoParams + Send> Input for Query<T> {
    fn read(call: &Call) -> Result<Self, ApiError> {
        let reader =
            serde_urlencoded::Deserializer::new(form_urlencoded::parse(call.head.uri.query().unwrap_or_default().as_bytes()));
        serde_path_to_error::deserialize(reader).map(Self).map_err(|error| {
            let field = error.path().to_string();
            let field = Some(field).filter(|field| field != ".");
            ApiError { field, ..ApiError::malformed(format!("the query is not right: {}", error.into_inner())) }
        })
    }

    fn describe(shape: &mut Shape) {
        let parameters = T::into_params(|| Some(utoipa::openapi::path::ParameterIn::Query));
        shape.operation.parameters.get_or_insert_default().extend(parameters.into_iter().map(Into::into));
        shape.may_fail(&[400]);
    }
}

impl Input for () {
    fn read(_: &Call) -> Result<Self, ApiError> {
        Ok(())
    }
    fn describe(_: &mut Shape) {}
}

/// A schema by its name, for what is described once and used everywhere.
pub(super) fn named(name: &str) -> Ref {
    Ref::from_schema_name(name)
}
