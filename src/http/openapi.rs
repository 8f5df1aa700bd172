//! The documentation, made of the table of routes: it cannot name a route that is not there, nor forget one.

use super::{
    access::May,
    error::ErrorResponse,
    route::{Route, Shape},
};
use std::collections::BTreeMap;
use utoipa::openapi::{
    ComponentsBuilder, Info, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Paths, Required, SecurityRequirement,
    path::{Operation, Parameter, ParameterBuilder, ParameterIn},
    schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type},
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use warp::http::Method;

/// How the way of proving who asks is called.
const BEARER: &str = "bearer";

/// Writes the documentation of these routes.
pub(super) fn document(routes: &[Route]) -> OpenApi {
    let mut shape = Shape { operation: Operation::new(), schemas: BTreeMap::new() };
    shape.schema::<ErrorResponse>();
    let mut paths = Paths::new();
    for route in routes {
        shape.operation = Operation::new();
        describe(route, &mut shape);
        let item: &mut PathItem = paths.paths.entry(route.path.to_owned()).or_default();
        let operation = Some(std::mem::take(&mut shape.operation));
        match route.method {
            Method::POST => item.post = operation,
            Method::PUT => item.put = operation,
            Method::PATCH => item.patch = operation,
            Method::DELETE => item.delete = operation,
            _ => item.get = operation,
        }
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An access token, or an API key")).build();
    let mut components = ComponentsBuilder::new().security_scheme(BEARER, SecurityScheme::Http(bearer)).build();
    components.schemas = shape.schemas;
    let mut info = Info::new("Tocsin", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.to_owned());
    info.license = Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build());
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

/// What holds for every route.
const DESCRIPTION: &str = "A multi-tenant, realtime status-page engine.

**Organizations** in a path are named by id or slug. Another tenant's ids answer like unknown ones.

**Lists** are `{\"items\": […], \"next\": cursor | null}`; send `?cursor=` to go on. What is added or deleted meanwhile moves nothing.

**Reading again**: answers to GET carry an `ETag`; send it as `If-None-Match` and get 304 when nothing changed. \
Send it as `If-Match` with a write, and the write is done only if nothing changed (else 412).

**Trying again**: a POST with an `Idempotency-Key` is done once, however often it is sent, also across a crash; the \
retry gets the first answer, whatever its body says. What shows a secret is not shown twice: that retry is told `already_done`, \
and who registers again that the address is taken.

**Changes** (PATCH) leave alone what is left out; `null` clears what can be empty.

**Errors** are `{\"error\": {\"code\", \"message\", \"field\"?}, \"request_id\"}`.";

fn describe(route: &Route, shape: &mut Shape) {
    shape.operation.summary = Some(route.summary.to_owned());
    shape.operation.description = Some(route.may.told().to_owned());
    shape.operation.operation_id = Some(route.name.clone());
    shape.operation.tags = route.name.split('.').next().map(|file| vec![file.to_owned()]);
    let words = route.words.iter().map(|name| parameter(name, ParameterIn::Path, Required::True, told(name, route.path)));
    shape.operation.parameters = Some(words.map(Into::into).collect());
    route.describe(shape);
    if route.method == Method::POST {
        let told = "Names the request, so that a retry is done once";
        let key = parameter("Idempotency-Key", ParameterIn::Header, Required::False, told);
        shape.operation.parameters.get_or_insert_default().push(key.into());
    }
    shape.may_fail(&[429, 503]);
    if !route.words.is_empty() {
        shape.may_fail(&[404]);
    }
    if route.method != Method::GET {
        shape.may_fail(&[409, 412]);
    }
    if route.method == Method::POST {
        shape.may_fail(&[400]);
    }
    if route.may == May::Anyone {
        shape.may_fail(&[401, 403]);
        shape.operation.security = Some(vec![SecurityRequirement::default(), bearer()]);
    } else {
        shape.may_fail(&[401, 403]);
        shape.operation.security = Some(vec![bearer()]);
    }
}

fn bearer() -> SecurityRequirement {
    SecurityRequirement::new(BEARER, Vec::<String>::new())
}

fn parameter(name: &str, at: ParameterIn, required: Required, told: &str) -> Parameter {
    let mut schema = ObjectBuilder::new().schema_type(Type::String);
    if at == ParameterIn::Header {
        schema = schema.min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]([ -~]*[!-~])?$"));
    }
    if matches!(name, "id" | "user" | "update") {
        schema = schema.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    }
    ParameterBuilder::new().name(name).parameter_in(at).required(required).description(Some(told)).schema(Some(schema)).build()
}

fn told(word: &str, path: &str) -> &'static str {
    match word {
        "org" => "The organization's id or slug",
        "slug" => "The organization's slug",
        "user" => "The user's id",
        "update" => "The id of the entry in the timeline",
        "token" => "What is behind the link",
        _ if path.contains("/sessions/") => "The session's id",
        _ => "Its id",
    }
}
