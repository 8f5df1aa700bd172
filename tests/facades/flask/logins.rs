use super::{Cast, check, error, log_in, register, text};
use crate::support::{Server, client, keys, on_both_stores};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tocsin::facades::Name;

fn claims(token: &Value) -> Value {
    let body = text(token).split('.').nth(1).unwrap().to_owned();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

#[tokio::test]
async fn flask_registers_logs_in_and_refreshes_as_its_contract_says() {
    on_both_stores(Name::Flask, |server| async move {
        let register = "/api/auth/register".to_owned();
        let new = |change: fn(&mut Value)| {
            let mut body = json!({
                "email": "ann@else.example", "username": "ann", "password": "correct horse",
                "organization_name": "Ann & Co", "first_name": "Ann", "organization_slug": "Ann Slug!",
            });
            change(&mut body);
            Some(body)
        };
        let required = |name: &str| error(&format!("{name} is required"));
        check(
            &server,
            vec![
                ("", "POST", register.clone(), Some(json!({})), 400, required("email")),
                ("", "POST", register.clone(), None, 400, required("email")),
                ("", "POST", register.clone(), new(|body| body["username"] = Value::Null), 400, required("username")),
                (
                    "",
                    "POST",
                    register.clone(),
                    new(|body| drop(body.as_object_mut().unwrap().remove("password"))),
                    400,
                    required("password"),
                ),
                (
                    "",
                    "POST",
                    register.clone(),
                    new(|body| body["organization_name"] = Value::Null),
                    400,
                    required("organization_name"),
                ),
                ("", "POST", register.clone(), new(|body| body["email"] = json!(7)), 400, error("email must be a string")),
                (
                    "",
                    "POST",
                    register.clone(),
                    new(|body| body["email"] = json!("no address")),
                    400,
                    error("email must be an e-mail address"),
                ),
                (
                    "",
                    "POST",
                    register.clone(),
                    new(|body| body["password"] = json!("short")),
                    400,
                    error("password must have at least 8 characters"),
                ),
                (
                    "",
                    "POST",
                    register.clone(),
                    new(|body| body["email"] = json!("Alice@flask.example")),
                    400,
                    error("Email already registered"),
                ),
                ("", "POST", register.clone(), new(|body| body["username"] = json!("bob")), 400, error("Username already taken")),
                (
                    "",
                    "POST",
                    register.clone(),
                    new(|body| body["organization_slug"] = json!("flask-demo")),
                    400,
                    error("Organization slug already exists"),
                ),
                (
                    "",
                    "POST",
                    register.clone(),
                    new(|body| body["organization_slug"] = json!("api")),
                    400,
                    error("Organization slug already exists"),
                ),
                ("", "POST", register.clone(), new(|body| body["organization_name"] = json!("x".repeat(5_000))), 400, json!({})),
            ],
        )
        .await;
        let (status, made) = server.ask("POST", &register, new(|_| ()).as_ref()).await;
        assert_eq!(status, 201, "nobody's half account is in the way: {made}");
        assert_eq!(keys(&made), ["access_token", "message", "organization", "refresh_token", "user"]);
        assert_eq!(made["message"], "User registered successfully");
        assert_eq!(keys(&made["user"]), ["email", "first_name", "id", "is_superadmin", "last_name", "username"]);
        assert_eq!(keys(&made["organization"]), ["created_at", "description", "id", "name", "role", "slug"]);
        assert_eq!((&made["organization"]["slug"], &made["organization"]["role"]), (&json!("ann-slug"), &json!("admin")));
        let login = "/api/auth/login".to_owned();
        let who = |email: &str, password: &str| Some(json!({ "email": email, "password": password }));
        let missing = error("Email and password are required");
        check(
            &server,
            vec![
                ("", "POST", login.clone(), None, 400, missing.clone()),
                ("", "POST", login.clone(), who("ann@else.example", ""), 400, missing),
                ("", "POST", login.clone(), who("ann@else.example", "guess"), 401, error("Invalid credentials")),
                ("", "POST", login.clone(), who("nobody@else.example", "guess"), 401, error("Invalid credentials")),
            ],
        )
        .await;
        let (status, answer) = server.ask("POST", &login, who("alice@flask.example", "statuspage").as_ref()).await;
        assert_eq!(
            (status, keys(&answer)),
            (200, vec!["access_token", "organizations", "refresh_token", "user"]),
            "an imported hash"
        );
        assert_eq!(keys(&answer["user"]), ["email", "first_name", "id", "is_superadmin", "last_name", "username"]);
        assert_eq!(keys(&answer["organizations"][0]), ["id", "name", "role", "slug"]);
        assert_eq!(answer["organizations"][0]["slug"], "flask-demo");
        for (token, kind, lasts) in [("access_token", "access", 86_400), ("refresh_token", "refresh", 30 * 86_400)] {
            let claims = claims(&answer[token]);
            assert_eq!(keys(&claims), ["exp", "fresh", "iat", "jti", "nbf", "sub", "type"]);
            assert_eq!((&claims["type"], &claims["fresh"], &claims["sub"]), (&json!(kind), &json!(false), &answer["user"]["id"]));
            // A refresh token ends with its session, which is a moment older.
            let good_for = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert!((lasts - 60..=lasts).contains(&good_for), "{kind}: {good_for}");
        }
        let (access, refresh) = (text(&answer["access_token"]), text(&answer["refresh_token"]));
        let (again, invalid) = ("/api/auth/refresh".to_owned(), error("Invalid token"));
        check(
            &server,
            vec![
                (
                    &access,
                    "GET",
                    "/api/auth/me".into(),
                    None,
                    200,
                    json!({ "user": answer["user"], "organizations": answer["organizations"] }),
                ),
                (&refresh, "POST", again.clone(), None, 200, json!({})),
                (&refresh, "POST", again.clone(), Some(json!({})), 200, json!({})),
                // What its front end sends: it would be back at once, for ever, were it told anything else.
                (&access, "POST", again.clone(), None, 422, invalid.clone()),
                ("", "POST", again.clone(), None, 422, invalid.clone()),
                ("nonsense", "POST", again.clone(), None, 422, invalid),
            ],
        )
        .await;
        let (_, renewed) = server.ask_as(&refresh, "POST", &again, None).await;
        assert_eq!(keys(&renewed), ["access_token"]);
        assert_eq!(server.ask_as(&text(&renewed["access_token"]), "GET", "/api/auth/me", None).await.0, 200);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn flask_says_what_is_wrong_with_a_token() {
    on_both_stores(Name::Flask, |server| async move {
        let (access, _) = log_in(&server, "alice").await;
        let body = json!({ "email": "alice@flask.example", "password": "statuspage" });
        let (_, login) = server.ask("POST", "/api/auth/login", Some(&body)).await;
        let missing = (401, error("Authorization header missing"));
        let invalid = (422, error("Invalid token"));
        let tampered = format!("Bearer {}x", &access[..access.len() - 1]);
        let refresh = format!("Bearer {}", text(&login["refresh_token"]));
        for (said, wanted) in [
            (None, &missing),
            (Some("Basic YTpi"), &missing),
            (Some(access.as_str()), &missing),
            (Some("Bearer"), &invalid),
            (Some("Bearer "), &invalid),
            (Some("Bearer a.b.c"), &invalid),
            (Some("Bearer toc_k_00000000000000000000000000000000_00"), &invalid),
            (Some(tampered.as_str()), &invalid),
            (Some(refresh.as_str()), &invalid),
        ] {
            for path in ["/api/auth/me", "/api/organizations", "/api/services", "/api/users/profile"] {
                let headers: Vec<_> = said.iter().map(|said| ("authorization", *said)).collect();
                let answer = server.send_with(&headers, "GET", path, None).await;
                let answered = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
                assert_eq!(answered, *wanted, "{said:?} {path}");
            }
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_that_ended_leads_to_the_login() {
    on_both_stores(Name::Flask, |server| async move {
        let (here, _) = log_in(&server, "alice").await;
        let (elsewhere, _) = log_in(&server, "alice").await;
        let path = || "/api/users/change-password".to_owned();
        let change = |old: &str, new: &str| Some(json!({ "current_password": old, "new_password": new }));
        check(
            &server,
            vec![
                (&here, "POST", path(), Some(json!({})), 400, error("Current password is required")),
                (&here, "POST", path(), Some(json!({ "current_password": "x" })), 400, error("New password is required")),
                (&here, "POST", path(), change("guess", "correct horse"), 401, error("Current password is incorrect")),
                (&here, "POST", path(), change("statuspage", "short"), 400, json!({})),
                (
                    &here,
                    "POST",
                    path(),
                    change("statuspage", "correct horse"),
                    200,
                    json!({ "message": "Password changed successfully" }),
                ),
                (&here, "GET", "/api/auth/me".into(), None, 200, json!({})),
                (&elsewhere, "GET", "/api/auth/me".into(), None, 401, error("Token has expired")),
                (&elsewhere, "POST", "/api/auth/refresh".into(), None, 422, error("Invalid token")),
            ],
        )
        .await;
        let server = server.restarted().await;
        check(
            &server,
            vec![
                (&here, "GET", "/api/auth/me".into(), None, 200, json!({ "user": { "username": "alice" } })),
                (&elsewhere, "GET", "/api/auth/me".into(), None, 401, error("Token has expired")),
            ],
        )
        .await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn flask_knows_people() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let profile = || "/api/users/profile".to_owned();
        let (_, mine) = server.ask_as(&cast.member, "GET", &profile(), None).await;
        let fields = ["created_at", "email", "first_name", "id", "is_active", "is_superadmin", "last_name", "username"];
        assert_eq!(keys(&mine), fields);
        let search = |query: &str| format!("/api/users/search?{query}");
        let bob = json!({ "users": [{ "username": "bob" }] });
        let nobody = json!({ "users": [] });
        check(
            &server,
            vec![
                (
                    &cast.member,
                    "PUT",
                    profile(),
                    Some(json!({ "email": "ALICE@flask.example" })),
                    400,
                    error("Email already in use"),
                ),
                (&cast.member, "PUT", profile(), Some(json!({ "username": "Alice" })), 400, error("Username already taken")),
                (&cast.member, "PUT", profile(), Some(json!({ "email": "none" })), 400, error("email must be an e-mail address")),
                (&cast.member, "PUT", profile(), Some(json!({ "first_name": 7 })), 400, error("first_name must be a string")),
                (
                    &cast.member,
                    "PUT",
                    profile(),
                    Some(json!({ "first_name": "Robert" })),
                    200,
                    json!({ "message": "Profile updated successfully", "user": { "first_name": "Robert", "last_name": "Brown" } }),
                ),
                (
                    &cast.member,
                    "GET",
                    profile(),
                    None,
                    200,
                    json!({ "first_name": "Robert", "is_active": true, "is_superadmin": false }),
                ),
                (&cast.admin, "GET", search("q=BOB"), None, 200, bob.clone()),
                (&cast.admin, "GET", search("q="), None, 200, nobody.clone()),
                (
                    &cast.admin,
                    "GET",
                    search(&format!("q=bob&org_id={}", cast.org)),
                    None,
                    200,
                    json!({ "users": [{ "is_member": true, "role": "member" }] }),
                ),
                // The original shows everybody to everybody.
                (&cast.stranger, "GET", search("q=bob"), None, 200, nobody),
                (&cast.stranger, "GET", search(&format!("q=bob&org_id={}", cast.org)), None, 403, error("Access denied")),
                (&cast.root, "GET", search(&format!("q=bob&org_id={}", cast.org)), None, 200, bob),
            ],
        )
        .await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn two_registrations_at_once_make_one_account() {
    on_both_stores(Name::Flask, |server| async move {
        let answers = futures::future::join_all((0..4).map(|_| register(&server, "twin", "Twins"))).await;
        let made = answers.iter().filter(|(status, _)| *status == 201).count();
        assert_eq!(made, 1, "{answers:?}");
        assert!(answers.iter().all(|(status, _)| [201, 400].contains(status)), "{answers:?}");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn pages_of_every_origin_may_ask_and_wrong_requests_are_told_so() {
    on_both_stores(Name::Flask, |server| async move {
        let origin = "http://localhost:3000";
        let (token, _) = log_in(&server, "alice").await;
        for path in ["/api/auth/me", "/api/nothing", "/api/public/status/flask-demo", "/socket.io/?EIO=4&transport=polling"] {
            let answer = server.send_with(&[("origin", origin)], "GET", path, None).await;
            assert_eq!(answer.headers()["access-control-allow-origin"], origin, "{path}");
            assert_eq!(answer.headers()["access-control-allow-credentials"], "true", "{path}");
        }
        let asked = client().request(reqwest::Method::OPTIONS, format!("{}/api/services", server.base));
        let asked = asked.header("origin", origin).header("access-control-request-method", "PUT");
        let answer = asked.header("access-control-request-headers", "authorization,content-type").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["access-control-allow-headers"], "authorization,content-type");
        let bearer = format!("Bearer {token}");
        let long = format!("{{\"name\":\"{}\"}}", "x".repeat(9_000_000));
        for (kind, path, body, status, text) in [
            ("application/json", "/api/organizations", "{\"name\":", 400, "Request body is not valid JSON"),
            ("application/json", "/api/organizations", "[1]", 400, "Request body must be a JSON object"),
            ("text/plain", "/api/organizations", "{}", 415, "Content-Type must be application/json"),
            ("application/json", "/api/nothing", "{}", 404, "Not found"),
            ("application/json", "/api/organizations/", "{}", 404, "Not found"),
            ("application/json", "/api/auth/me", "{}", 405, "Method not allowed"),
        ] {
            let headers = [("content-type", kind), ("authorization", bearer.as_str())];
            let answer = server.send_with(&headers, "POST", path, Some(body.to_owned())).await;
            assert_eq!(answer.status(), status, "{path} {body}");
            assert_eq!(answer.json::<Value>().await.unwrap(), error(text), "{path} {body}");
        }
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let answer = server.send_with(&headers, "POST", "/api/organizations", Some(long)).await;
        assert_eq!(answer.status(), 413);
        assert_eq!(answer.json::<Value>().await.unwrap(), error("the body is too large"), "its front end shows it as it is");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn where_registration_is_closed_nobody_registers() {
    let server = Server::on_mongodb(Name::Flask).await;
    let server = server.restarted_closed().await;
    assert_eq!(register(&server, "ann", "Ann").await, (403, error("Registration is closed")));
    log_in(&server, "alice").await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_good_here_is_nothing_to_others() {
    let server = Server::on_mongodb(Name::Flask).await;
    let (token, _) = log_in(&server, "alice").await;
    let (other, _) = log_in(&server, "bob").await;
    let parts: Vec<_> = token.split('.').collect();
    let theirs: Vec<_> = other.split('.').collect();
    let mixed = format!("{}.{}.{}", parts[0], theirs[1], parts[2]);
    assert_eq!(server.ask_as(&mixed, "GET", "/api/auth/me", None).await, (422, error("Invalid token")));
    server.stop().await;
}
