//! Bad input gets a precise 4xx in one shape, whatever it is and wherever it is sent. That no answer is a 5xx, and that
//! errors have the shape, is asked of every answer by the client of these tests.

use crate::support::{Client, Org, PASSWORD, Server, in_hours, nobody, text};
use reqwest::Method;
use serde_json::{Value, json};

/// A route that takes a body: method, path, and the fields of the body with their descriptions.
struct Takes {
    method: Method,
    path: String,
    fields: Vec<(String, Value)>,
}

/// Every route that takes a body, as the documentation has them, on paths of this organization.
async fn takers(client: &Client, org: &Org) -> Vec<Takes> {
    let document = client.get("/openapi.json").await.is(200);
    let mut takers = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) else { continue };
            let fields = document["components"]["schemas"][name]["properties"].as_object().unwrap();
            let path = path.replace("{org}", &org.id);
            let path =
                ["id", "user", "update", "token"].iter().fold(path, |path, word| path.replace(&format!("{{{word}}}"), &nobody()));
            let method = method.to_uppercase().parse().unwrap();
            takers.push(Takes { method, path, fields: fields.clone().into_iter().collect() });
        }
    }
    assert!(takers.len() > 30, "the documentation tells of {} bodies", takers.len());
    takers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_json_object_is_malformed_everywhere() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let deep = "[".repeat(100_000);
    let deep_object = format!("{}1{}", "{\"metadata\":".repeat(500), "}".repeat(500));
    let bodies: [&[u8]; 18] = [
        b"{",
        b"}",
        b"[]",
        b"[[]]",
        b"null",
        b"true",
        b"1",
        b"\"x\"",
        b"{}{}",
        b"{} x",
        b"{'a':1}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b" ",
        b"\xff\xfe",
        b"{\"name\":\"\xff\"}",
        deep.as_bytes(),
        deep_object.as_bytes(),
    ];
    // Several take turns: this is more than one caller may ask at once.
    let mut admins = vec![founder];
    for n in 0..4 {
        let admin = server.person(&format!("admin-{n}")).await;
        admins[0].let_in(&org, &admin, "admin").await;
        admins.push(admin);
    }
    for (n, Takes { method, path, fields }) in takers(&admins[0].client, &org).await.into_iter().enumerate() {
        let ask = || admins[n % admins.len()].client.ask(method.clone(), &path);
        for body in bodies {
            let answer = ask().bytes("application/json", body.to_vec()).send().await;
            answer.refuses(400, "bad_request");
        }
        let unknown = ask().json(&json!({"no_such_field": 1})).send().await;
        unknown.refuses_field(400, "no_such_field");
        let (field, _) = &fields[0];
        let twice = ask().bytes("application/json", format!("{{\"{field}\":null,\"{field}\":null}}")).send().await;
        twice.refuses(400, "bad_request");
        for (field, schema) in &fields {
            let wrong = if schema["type"] == "boolean"
                || schema["type"].as_array().is_some_and(|types| types.contains(&json!("boolean")))
            {
                json!("x")
            } else {
                json!(true)
            };
            let answer = ask().json(&json!({field: wrong})).send().await;
            answer.refuses_field(400, field);
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", "multipart/form-data; boundary=x"]
        {
            ask().bytes(kind, "{}").send().await.refuses(415, "unsupported_media_type");
        }
        for kind in ["application/json; charset=utf-8", "Application/JSON"] {
            ask().bytes(kind, "{").send().await.refuses(400, "bad_request");
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_refuses_names_the_field() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let incident = founder.make(&org, "/incidents", json!({"title": "i"})).await;
    let over = json!({"title": "i", "status": "resolved", "started_at": in_hours(-2), "resolved_at": in_hours(-1)});
    let over = founder.make(&org, "/incidents", over).await;
    let planned = json!({"title": "m", "scheduled_start": in_hours(1), "scheduled_end": in_hours(2)});
    let maintenance = founder.make(&org, "/maintenances", planned.clone()).await;
    let (services, incidents, maintenances) = (org.at("/services"), org.at("/incidents"), org.at("/maintenances"));
    let one_service = org.at(&format!("/services/{service}"));
    let one_incident = org.at(&format!("/incidents/{incident}"));
    let one_maintenance = org.at(&format!("/maintenances/{maintenance}"));
    let updates = format!("{one_incident}/updates");
    let postmortem = org.at(&format!("/incidents/{over}/postmortem"));
    let register = json!({"email": "x@example.org", "password": PASSWORD});
    let new_key = json!({"name": "k", "scopes": ["read"]});
    let invite = json!({"email": "x@example.org", "role": "viewer"});
    let (named, titled, none) = (json!({"name": "n"}), json!({"title": "t"}), json!({}));
    let letters = |count: usize| json!("x".repeat(count));
    let metadata = |count: usize| Value::Object((0..count).map(|n| (n.to_string(), json!(n))).collect());
    let affected: Vec<_> = (0..501).map(|n| json!({"name": n.to_string()})).collect();
    let (post, patch, put) = (Method::POST, Method::PATCH, Method::PUT);
    // Method, path, a good body, what is put into which field to make it bad, and the field that is told.
    let mut cases: Vec<(&Method, String, Value, &str, Value, &str)> = Vec::new();
    let (at, with) = (str::to_owned, Value::clone);
    for path in [&services, &org.at("/groups"), &org.at("/teams")] {
        for bad in [json!(""), json!("  "), json!("a\nb"), json!("\u{0}"), letters(201)] {
            cases.push((&post, at(path), with(&named), "name", bad, "name"));
        }
        cases.push((&post, at(path), with(&named), "description", letters(5_001), "description"));
        cases.push((&post, at(path), with(&named), "description", json!("\u{7}"), "description"));
        for bad in [
            metadata(33),
            json!({"": 1}),
            json!({"a.b": 1}),
            json!({"$a": 1}),
            json!({"a": "x".repeat(501)}),
            json!({"x".repeat(65): 1}),
        ] {
            cases.push((&post, at(path), with(&named), "metadata", bad, "metadata"));
        }
    }
    cases.extend([
        (&patch, at(&one_service), with(&none), "name", json!(""), "name"),
        (&patch, at(&one_service), with(&none), "group_id", json!(nobody()), "group_id"),
        (&patch, at(&one_service), with(&none), "team_id", json!(nobody()), "team_id"),
        (&patch, at(&one_service), json!({"status": "major_outage"}), "reason", letters(501), "reason"),
        (&post, at(&incidents), with(&titled), "title", letters(201), "title"),
        (&post, at(&incidents), with(&titled), "message", letters(20_001), "message"),
        (&post, at(&incidents), with(&titled), "status", json!("scheduled"), "status"),
        (
            &post,
            at(&incidents),
            with(&titled),
            "affected",
            json!([{"service_id": service}, {"service_id": nobody()}]),
            "affected[1].service_id",
        ),
        (&post, at(&incidents), with(&titled), "affected", json!([{}]), "affected[0]"),
        (&patch, at(&one_incident), with(&none), "title", json!(""), "title"),
        (&post, at(&updates), json!({}), "message", json!(""), "message"),
        (&post, at(&updates), json!({}), "message", letters(20_001), "message"),
        (&put, at(&postmortem), with(&none), "body", json!(""), "body"),
        (&put, at(&postmortem), with(&none), "body", letters(100_001), "body"),
        (&post, at(&maintenances), with(&planned), "scheduled_end", json!(in_hours(0)), "scheduled_end"),
        (&patch, at(&one_maintenance), with(&none), "scheduled_end", json!(in_hours(-5)), "scheduled_end"),
        (&post, at("/orgs"), with(&named), "slug", json!("No Slug"), "slug"),
        (&post, at("/orgs"), with(&named), "slug", json!("api"), "slug"),
        (&post, at("/orgs"), with(&named), "domain", json!("127.0.0.1"), "domain"),
        (&patch, at(&org.at("")), with(&none), "domain", json!("https://status.acme.com"), "domain"),
        (&post, at("/orgs"), with(&named), "time_zone", json!("Mars/Olympus"), "time_zone"),
        (&post, at("/orgs"), with(&named), "branding", json!({"accent": "red"}), "branding.accent"),
        (&post, at("/orgs"), with(&named), "branding", json!({"logo_url": "javascript:alert(1)"}), "branding.logo_url"),
        (&post, at("/auth/register"), with(&register), "email", json!("nobody"), "email"),
        (&post, at("/auth/register"), with(&register), "email", letters(300), "email"),
        (&post, at("/auth/register"), with(&register), "password", json!("short"), "password"),
        (&post, at("/auth/register"), with(&register), "password", letters(2_000), "password"),
        (&post, at("/auth/register"), with(&register), "name", letters(201), "name"),
        (&post, at("/auth/register"), with(&register), "username", json!(""), "username"),
        (&post, at("/auth/password"), json!({"old_password": PASSWORD}), "new_password", json!("short"), "new_password"),
        (&post, at("/auth/password"), json!({"old_password": PASSWORD}), "new_password", letters(2_000), "new_password"),
        (&post, at("/auth/password"), json!({"new_password": PASSWORD}), "old_password", json!("another one"), "old_password"),
    ]);
    let (keys, invites, members) = (org.at("/keys"), org.at("/invites"), org.at("/members"));
    cases.extend([
        (&post, at(&keys), with(&new_key), "name", json!(""), "name"),
        (&post, at(&keys), with(&new_key), "expires_at", json!(in_hours(-1)), "expires_at"),
        (&post, at(&invites), with(&invite), "email", json!("nobody"), "email"),
        (&post, at(&members), json!({"role": "viewer"}), "email", json!("nobody@example.org"), "email"),
        (&post, at(&members), json!({"role": "viewer"}), "user_id", json!(nobody()), "user_id"),
        (&post, at(&services), with(&named), "reason", json!("x"), "reason"),
    ]);
    for (method, path, good, field, bad, told) in cases {
        let mut body = good;
        body[field] = bad;
        let answer = founder.client.ask(method.clone(), &path).json(&body).send().await;
        let status = if field == "reason" && *method == Method::POST { 400 } else { 422 };
        answer.refuses_field(status, told);
    }
    let many = founder.client.post(&incidents, json!({"title": "t", "affected": affected})).await;
    many.refuses(422, "too_many");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_change_null_is_not_the_same_as_nothing() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let group = founder.make(&org, "/groups", json!({"name": "g", "description": "d", "position": 3})).await;
    let team = founder.make(&org, "/teams", json!({"name": "t"})).await;
    let service =
        json!({"name": "s", "description": "d", "group_id": group, "team_id": team, "visibility": "private", "metadata": {"a": 1}});
    let service = founder.make(&org, "/services", service).await;
    let incident = json!({"title": "i", "description": "d", "affected": [{"service_id": service, "status": "major_outage"}]});
    let incident = founder.make(&org, "/incidents", incident).await;
    let planned = json!({"title": "m", "scheduled_start": in_hours(1), "scheduled_end": in_hours(2)});
    let maintenance = founder.make(&org, "/maintenances", planned).await;
    let document = founder.client.get("/openapi.json").await.is(200);
    let things = [
        ("Organization", org.at("")),
        ("Group", org.at(&format!("/groups/{group}"))),
        ("Team", org.at(&format!("/teams/{team}"))),
        ("Service", org.at(&format!("/services/{service}"))),
        ("Incident", org.at(&format!("/incidents/{incident}"))),
        ("Incident", org.at(&format!("/maintenances/{maintenance}"))),
        ("Member", org.at(&format!("/members/{}", founder.id))),
    ];
    for (name, path) in things {
        let before = founder.client.get(&path).await.is(200);
        assert_eq!(founder.client.patch(&path, json!({})).await.is(200), before, "nothing is no change: {path}");
        let empty = founder.client.ask(Method::PATCH, &path).send().await;
        assert_eq!(empty.is(200), before);
        for (field, schema) in document["components"]["schemas"][&format!("{name}Change")]["properties"].as_object().unwrap() {
            let types = &schema["type"];
            let may_be_null = types.as_array().is_some_and(|types| types.contains(&json!("null"))) || schema.get("oneOf").is_some();
            let answer = founder.client.patch(&path, json!({field: null})).await;
            match answer.status {
                400 if !may_be_null => answer.refuses_field(400, field),
                // A maintenance without a plan is refused by a rule.
                422 if may_be_null => answer.refuses_field(422, field),
                200 if may_be_null => {}
                _ => panic!("{name}.{field} ({schema}): {answer:?}"),
            }
        }
    }
    let after = founder.client.get(&org.at(&format!("/services/{service}"))).await.is(200);
    assert_eq!((&after["group_id"], &after["team_id"]), (&Value::Null, &Value::Null));
    assert_eq!(
        (&after["description"], &after["visibility"], &after["metadata"]),
        (&json!("d"), &json!("private"), &json!({"a": 1}))
    );
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_and_times_at_the_edge_of_what_can_be_said_break_nothing() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let path = org.at("/services");
    let with = |field: &str, number: &str| {
        let body = format!("{{\"name\":\"s\",\"{field}\":{number}}}");
        founder.client.ask(Method::POST, &path).bytes("application/json", body)
    };
    for number in ["-1", "1.5", "1e400", "4294967296", "123456789012345678901234567890", "NaN", "0x1"] {
        let answer = with("position", number).send().await;
        assert_eq!(answer.status, 400, "{number}: {answer:?}");
    }
    for number in ["4294967295", "4294967295", "0", "-0.0"] {
        with("position", number).send().await.is(201);
    }
    // There is nothing behind the last place, but there is room at it.
    founder.make(&org, "/services", json!({"name": "s"})).await;
    with("metadata", "{\"a\":1e400}").send().await.is(400);
    for number in ["9223372036854775807", "-9223372036854775808", "18446744073709551615", "1e308", "123456789012345678901234567890"]
    {
        let made = with("metadata", &format!("{{\"a\":{number}}}")).send().await;
        assert!(matches!(made.status, 201 | 400 | 422), "{made:?}");
        if made.status == 201 {
            let shown = founder.client.get(&format!("{path}/{}", text(&made.json()["id"]))).await.is(200);
            assert_eq!(shown["metadata"], made.json()["metadata"]);
        }
    }
    let service = founder.make(&org, "/services", json!({"name": "s"})).await;
    let times = [
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "-262143-01-01T00:00:00Z",
        "+262142-12-31T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "2026-01-01T00:00:00+14:00",
        "2016-12-31T23:59:60Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01",
        "now",
        "",
        "0",
    ];
    for time in times {
        for field in ["started_at", "resolved_at"] {
            let mut body = json!({"title": "t", "affected": [{"service_id": service, "status": "major_outage"}]});
            if field == "resolved_at" {
                body["status"] = json!("resolved");
            }
            body[field] = json!(time);
            let answer = founder.client.post(&org.at("/incidents"), body).await;
            assert!(matches!(answer.status, 201 | 400 | 422), "{answer:?}");
            if answer.status != 201 {
                answer.refuses_field(answer.status, field);
            }
        }
        let body = json!({"title": "t", "scheduled_start": time, "scheduled_end": "9999-12-31T23:59:59Z"});
        let answer = founder.client.post(&org.at("/maintenances"), body).await;
        assert!(matches!(answer.status, 201 | 400 | 422), "{answer:?}");
        let time = time.replace('+', "%2B");
        founder.client.get(&org.at(&format!("/incidents?from={time}&to={time}"))).await;
    }
    // Whatever was taken can be shown.
    for path in ["/incidents", "/maintenances", "/services", "/audit"] {
        founder.client.all(&org.at(path), 200, async |_| ()).await;
    }
    for days in [1, 365] {
        founder.client.get(&org.at(&format!("/services/{service}/uptime?days={days}"))).await.is(200);
        server.stranger().get(&org.public(&format!("/uptime?days={days}"))).await.is(200);
    }
    for days in ["0", "366", "-1", "65536", "x", ""] {
        founder.client.get(&org.at(&format!("/services/{service}/uptime?days={days}"))).await.refuses_field(400, "days");
        server.stranger().get(&org.public(&format!("/uptime?days={days}"))).await.refuses_field(400, "days");
    }
    server.stranger().get(&org.public("")).await.is(200);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_told_and_the_next_request_is_answered() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(9 * 1024 * 1024));
    for path in [org.at("/services"), "/auth/login".to_owned(), "/nothing".to_owned()] {
        let answer = founder.client.ask(Method::POST, &path).bytes("application/json", large.clone()).send().await;
        answer.refuses(413, "too_large");
        founder.client.get(&org.at("")).await.is(200);
    }
    founder.client.get(&format!("/orgs?cursor={}", "x".repeat(9_000))).await.refuses(414, "uri_too_long");
    // Large, but not too large to be read: what is in it is refused.
    let large = json!({"name": "x".repeat(7 * 1024 * 1024)});
    founder.client.post(&org.at("/services"), large).await.refuses_field(422, "name");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_of_a_path_that_are_no_ids_are_nobodys() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let long = "x".repeat(4_000);
    for word in
        ["x", "%00", "%ff", "%2F", "%C3%A9", "null", "0", "-1", "{id}", "' or 1=1", "00000000-0000-0000-0000-000000000000", &long]
    {
        for path in ["/services", "/groups", "/teams", "/incidents", "/maintenances", "/members"] {
            founder.client.get(&org.at(&format!("{path}/{word}"))).await.is(404);
        }
        founder.client.delete(&org.at(&format!("/keys/{word}"))).await.refuses(404, "unknown_key");
        founder.client.delete(&org.at(&format!("/invites/{word}"))).await.refuses(404, "unknown_invite");
        founder.client.delete(&format!("/auth/sessions/{word}")).await.refuses(404, "unknown_session");
        founder.client.get(&format!("/orgs/{word}")).await.refuses(404, "unknown_organization");
        server.stranger().get(&format!("/public/{word}")).await.refuses(404, "unknown_page");
        server.stranger().get(&format!("/invites/{word}")).await.refuses(404, "unknown_invite");
        server.stranger().get(&format!("/docs/{word}")).await.is(404);
    }
    for query in ["status=x", "active=maybe", "service_id=x", "from=x", "to=x", "status=", "active=1&active=0", "status=%ff"] {
        let field = query.split('=').next().unwrap();
        for path in [org.at("/incidents"), org.at("/maintenances"), org.public("/incidents"), org.public("/maintenances")] {
            let answer = founder.client.get(&format!("{path}?{query}")).await;
            if query.contains('&') { answer.refuses(400, "bad_request") } else { answer.refuses_field(400, field) }
        }
    }
    server.end().await;
}
