//! What every answer looks like, as it was read by a person. `TOCSIN_BLESS=1` writes the snapshots anew.

use crate::support::{PASSWORD, Server, in_hours, text};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Compares with what was read, or writes it.
fn compare(name: &str, shown: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/api").join(format!("{name}.json"));
    let shown = serde_json::to_string_pretty(&redacted("", shown)).unwrap() + "\n";
    if std::env::var_os("TOCSIN_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(shown, expected, "{} is no longer so; TOCSIN_BLESS=1 takes it as it is", file.display());
}

/// Without what is different each time.
fn redacted(field: &str, value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), redacted(key, value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(|item| redacted(field, item)).collect(),
        Value::String(text) => redacted_text(field, text).into(),
        // What was observed so far depends on how long this test takes.
        Value::Number(_) if field == "uptime" => "<uptime>".into(),
        other => other.clone(),
    }
}

fn redacted_text(field: &str, text: &str) -> String {
    if matches!(field, "access_token" | "refresh_token" | "secret" | "token" | "link") {
        return format!("<{field}>");
    }
    let ids = text.split([':', '/', ' ']).filter(|word| uuid::Uuid::try_parse(word).is_ok());
    let text = ids.fold(text.to_owned(), |text, id| text.replace(id, "<id>"));
    let is_time = chrono::DateTime::parse_from_rfc3339(&text).is_ok();
    let is_day = field == "date";
    match text {
        _ if is_time => "<time>".to_owned(),
        _ if is_day => "<day>".to_owned(),
        text => text,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_look_as_they_were_read() {
    let server = Server::start().await;
    let visitor = server.stranger();
    let organization = json!({"name": "Acme", "slug": "acme", "time_zone": "Europe/Berlin", "description": "We sell",
        "branding": {"accent": "#1a73e8", "support_url": "mailto:help@acme.example"}, "metadata": {"plan": "large"}});
    let body =
        json!({"email": "ann@example.org", "password": PASSWORD, "name": "Ann", "username": "ann", "organization": organization});
    let registered = visitor.post("/auth/register", body).await.is(201);
    compare("auth-register", &registered);
    let ann = visitor.with(&text(&registered["access_token"]));
    let org = format!("/orgs/{}", text(&registered["organization"]["id"]));
    compare("auth-login", &visitor.post("/auth/login", json!({"email": "ann@example.org", "password": PASSWORD})).await.is(200));
    let refresh = json!({"refresh_token": text(&registered["refresh_token"])});
    compare("auth-refresh", &visitor.post("/auth/refresh", refresh).await.is(200));
    compare("auth-me", &ann.get("/auth/me").await.is(200));
    let mut sessions = ann.get("/auth/sessions").await.is(200);
    for session in sessions["items"].as_array_mut().unwrap() {
        session["address"] = "<address>".into();
    }
    sessions["items"].as_array_mut().unwrap().sort_by_key(|session| session["current"] == false);
    compare("auth-sessions", &sessions);

    compare("organization", &ann.get(&org).await.is(200));
    compare("organizations", &ann.get("/orgs").await.is(200));
    compare("members", &ann.get(&format!("{org}/members")).await.is(200));
    let invite = ann.post(&format!("{org}/invites"), json!({"email": "ben@example.org", "role": "viewer"})).await.is(201);
    compare("invite", &invite);
    compare("invites", &ann.get(&format!("{org}/invites")).await.is(200));
    compare("invitation", &visitor.get(&text(&invite["link"])).await.is(200));
    let accepted = visitor.post(&format!("{}/accept", text(&invite["link"])), json!({"password": PASSWORD, "name": "Ben"})).await;
    compare("invite-accepted", &accepted.is(200));

    let team = json!({"name": "On call", "description": "d", "lead": registered["user"]["id"], "metadata": {"chat": "#ops"}});
    let team = ann.post(&format!("{org}/teams"), team).await.is(201);
    compare("team", &team);
    let group = ann.post(&format!("{org}/groups"), json!({"name": "Shop", "description": "d"})).await.is(201);
    compare("group", &group);
    let service = json!({"name": "Checkout", "description": "d", "group_id": group["id"], "team_id": team["id"], "metadata": {"a": 1, "b": true, "c": 1.5}});
    let service = ann.post(&format!("{org}/services"), service).await.is(201);
    compare("service", &service);
    let key = json!({"name": "Deploy", "scopes": ["read", "write"], "service_ids": [service["id"]], "expires_at": in_hours(24)});
    compare("key", &ann.post(&format!("{org}/keys"), key).await.is(201));
    compare("keys", &ann.get(&format!("{org}/keys")).await.is(200));

    let affected = json!([{"service_id": service["id"], "status": "partial_outage"}, {"name": "A partner's system"}]);
    let incident =
        json!({"title": "Payments are slow", "description": "d", "impact": "major", "affected": affected, "message": "We look"});
    let incident = ann.post(&format!("{org}/incidents"), incident).await.is(201);
    compare("incident", &incident);
    let one = format!("{org}/incidents/{}", text(&incident["id"]));
    compare("public-page", &visitor.get("/public/acme").await.is(200));
    let found = json!({"message": "Found", "status": "identified", "affected": [{"service_id": service["id"], "status": "degraded_performance"}]});
    ann.post(&format!("{one}/updates"), found).await.is(201);
    ann.post(&format!("{one}/resolve"), json!({"message": "Over"})).await.is(200);
    compare("incident-postmortem", &ann.put(&format!("{one}/postmortem"), json!({"body": "# Learned"})).await.is(200));
    let planned = json!({"title": "Upgrade", "affected": affected, "scheduled_start": in_hours(24), "scheduled_end": in_hours(25)});
    compare("maintenance", &ann.post(&format!("{org}/maintenances"), planned).await.is(201));
    compare("service-history", &ann.get(&format!("{org}/services/{}/history", text(&service["id"]))).await.is(200));
    compare("service-uptime", &ann.get(&format!("{org}/services/{}/uptime?days=2", text(&service["id"]))).await.is(200));
    compare("audit", &ann.get(&format!("{org}/audit")).await.is(200));
    compare("public-incidents", &visitor.get("/public/acme/incidents").await.is(200));
    compare("public-maintenances", &visitor.get("/public/acme/maintenances").await.is(200));
    compare("public-uptime", &visitor.get("/public/acme/uptime?days=2").await.is(200));
    compare("page-of-a-list", &ann.get(&format!("{org}/audit?limit=1")).await.is(200)["next"]);

    // Errors are a shape of their own: with a field, and without one.
    let refused = ann.post(&format!("{org}/services"), json!({"name": ""})).await;
    compare("error-field", &refused.is(422));
    compare("error", &visitor.get(&org).await.is(401));
    server.end().await;
}

/// What the documentation tells programs, in short: a change here is a change for all who make their clients from it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documentation_tells_what_was_read() {
    let server = Server::start().await;
    let document = server.stranger().get("/openapi.json").await.is(200);
    let mut routes = Map::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let takes = shape(&operation["requestBody"]["content"]["application/json"]["schema"]);
            let mut gives = Map::new();
            for (status, response) in operation["responses"].as_object().unwrap() {
                gives.insert(status.clone(), shape(&response["content"]["application/json"]["schema"]));
            }
            let asked = operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query");
            let asked: Vec<_> = asked.map(|one| one["name"].clone()).collect();
            let told = json!({"at": format!("{} {path}", method.to_uppercase()), "query": asked, "takes": takes, "gives": gives});
            routes.insert(text(&operation["operationId"]), told);
        }
    }
    let fields = |schema: &Value| schema["properties"].as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let schemas: Map<_, _> = schemas.iter().map(|(name, schema)| (name.clone(), json!(fields(schema)))).collect();
    compare("documentation", &json!({"routes": routes, "schemas": schemas}));
    server.end().await;
}

/// The name of a schema; for a list, that of its items.
fn shape(schema: &Value) -> Value {
    let name = |schema: &Value| schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).map(str::to_owned);
    let of_items = || name(&schema["properties"]["items"]["items"]).map(|items| format!("list of {items}"));
    name(schema).or_else(of_items).map_or(Value::Null, Value::from)
}
