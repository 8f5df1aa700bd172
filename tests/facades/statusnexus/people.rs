//! Who may, and where: what a token says, and what it does not.

use super::{World, id, with_world};
use crate::support::has;
use serde_json::{Value, json};

fn no_organization() -> Value {
    json!({ "error": "Organization required", "message": "You must select an organization to access this resource" })
}

#[tokio::test]
async fn a_token_says_who_and_where_in_both_of_its_versions() {
    with_world(|world| async move {
        let sign = |subject: &str, more: Value| world.issuer.sign(subject, more);
        let v1 = |role: &str| sign("user_eve", json!({ "org_id": "org_sample", "org_role": role }));
        let v2 = |role: &str| sign("user_eve", json!({ "v": 2, "o": { "id": "org_sample", "rol": role, "slg": "sample" } }));
        let mut n = 0;
        // (token, may read, may write)
        for (what, token, reads, writes) in [
            ("admin", v1("org:admin"), 200, 201),
            ("member", v1("org:member"), 200, 201),
            ("viewer", v1("org:viewer"), 200, 403),
            ("admin, version 2", v2("admin"), 200, 201),
            ("member, version 2", v2("member"), 200, 201),
            ("viewer, version 2", v2("viewer"), 200, 403),
            ("no role", sign("user_eve", json!({ "org_id": "org_sample" })), 200, 201),
            ("no role, version 2", sign("user_eve", json!({ "v": 2, "o": { "id": "org_sample" } })), 200, 201),
            ("a role that means nothing here", v1("org:billing"), 403, 403),
            ("no organization", sign("user_eve", json!({})), 403, 403),
            ("another organization", sign("user_eve", json!({ "org_id": "org_elsewhere", "org_role": "org:admin" })), 403, 403),
            ("an organization that is called like ours", sign("user_eve", json!({ "org_id": "statusnexus" })), 403, 403),
            ("an organization that is no text", sign("user_eve", json!({ "org_id": 7 })), 403, 403),
        ] {
            let (status, read) = world.server.ask_as(&token, "GET", "/api/services", None).await;
            assert_eq!(status, reads, "{what}: {read}");
            n += 1;
            let body = json!({ "name": format!("Service {n}") });
            let (status, written) = world.server.ask_as(&token, "POST", "/api/services", Some(&body)).await;
            assert_eq!(status, writes, "{what}: {written}");
            assert!(status == 201 || written["message"].is_string(), "{what}: {written}");
            if what.contains("organization") {
                assert_eq!((read, written), (no_organization(), no_organization()), "{what}");
            }
        }
        let (status, who) = world.server.ask_as(&sign("user_eve", json!({})), "GET", "/api/protected", None).await;
        assert_eq!((status, who), (200, json!({ "message": "This is a protected endpoint", "userId": "user_eve" })));
        world.server
    })
    .await;
}

#[tokio::test]
async fn a_role_that_may_not_write_changes_nothing() {
    with_world(|world| async move {
        let token = world.issuer.sign("user_vic", json!({ "org_id": "org_sample", "org_role": "org:viewer" }));
        let lists = [("services", "services"), ("incidents", "incidents"), ("maintenance", "maintenanceEvents")];
        for (kind, name) in lists {
            let before = world.all(&format!("/api/{kind}"), name).await;
            let one = format!("/api/{kind}/{}", id(&before[0]));
            let updates = format!("{one}/updates");
            for (method, path) in
                [("POST", format!("/api/{kind}")), ("PATCH", one.clone()), ("DELETE", one.clone()), ("POST", updates)]
            {
                let body = json!({ "name": "x", "title": "x", "status": "completed", "message": "x" });
                let (status, answer) = world.server.ask_as(&token, method, &path, Some(&body)).await;
                let is_no_route = (kind == "services" && path.ends_with("updates")) || (kind == "incidents" && method == "DELETE");
                assert_eq!(status, if is_no_route { 404 } else { 403 }, "{method} {path}: {answer}");
            }
            assert_eq!(world.server.ask_as(&token, "GET", &one, None).await.0, 200);
            assert_eq!(world.all(&format!("/api/{kind}"), name).await, before);
        }
        world.server
    })
    .await;
}

#[tokio::test]
async fn who_is_nobody_is_told_so_and_not_sent_elsewhere() {
    with_world(|world| async move {
        let claims = json!({ "org_id": "org_sample", "org_role": "org:admin" });
        let with = |more: Value| {
            let mut claims = claims.clone();
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            claims
        };
        let tokens = [
            String::new(),
            "nonsense".to_owned(),
            "a.b.c".to_owned(),
            world.issuer.forge("user_ann", claims.clone()),
            world.issuer.sign("user_ann", with(json!({ "exp": 1_000_000_000 }))),
            world.issuer.sign("user_ann", with(json!({ "nbf": 4_000_000_000_u64 }))),
            world.issuer.sign("user_ann", with(json!({ "iss": "https://clerk.example.org" }))),
            world.issuer.sign("user_ann", with(json!({ "sub": 7 }))),
            world.issuer.sign("user_ann", with(json!({ "sts": "pending" }))),
        ];
        for token in &tokens {
            for (method, path) in [("GET", "/api/protected"), ("GET", "/api/services"), ("POST", "/api/incidents")] {
                let (status, answer) = world.server.ask_as(token, method, path, None).await;
                assert_eq!(status, 401, "{method} {path} with {token:.20}: {answer}");
                assert!(has(&answer, &json!({ "error": "Unauthorized" })) && answer["message"].is_string(), "{answer}");
            }
            assert_eq!(world.server.ask_as(token, "GET", "/api/public", None).await.0, 200);
        }
        // The word before the token may be left out.
        for scheme in ["", "Bearer ", "bearer "] {
            let header = format!("{scheme}{}", world.token);
            let answer = world.server.send_with(&[("authorization", &header)], "GET", "/api/services", None).await;
            assert_eq!(answer.status(), 200, "{scheme:?}");
        }
        world.server
    })
    .await;
}

/// Another organization, founded by an admin of the one that it says it is.
async fn another(world: &World) -> String {
    let admin = world.issuer.sign("user_bob", json!({ "org_id": "org_other", "org_role": "org:admin" }));
    let body = json!({ "name": "Other", "slug": "other", "metadata": { "external_org": "org_other" } });
    let (status, answer) = world.server.ask_api(&admin, "POST", "/orgs", &body).await;
    assert_eq!(status, 201, "{answer}");
    admin
}

#[tokio::test]
async fn two_organizations_see_nothing_of_each_other() {
    with_world(|world| async move {
        let bob = another(&world).await;
        let ask = |method: &'static str, path: String, body: Option<Value>| {
            let (server, bob) = (&world.server, &bob);
            async move { server.ask_as(bob, method, &path, body.as_ref()).await }
        };
        for (kind, name) in [("services", "services"), ("incidents", "incidents"), ("maintenance", "maintenanceEvents")] {
            let (status, answer) = ask("GET", format!("/api/{kind}"), None).await;
            assert_eq!((status, &answer[name]), (200, &json!([])), "{answer}");
            let before = world.all(&format!("/api/{kind}"), name).await;
            let (one, updates) = (format!("/api/{kind}/{}", id(&before[0])), format!("/api/{kind}/{}/updates", id(&before[0])));
            let body = Some(json!({ "name": "Mine", "status": if kind == "maintenance" { "completed" } else { "resolved" } }));
            let change = if kind == "services" { Some(json!({ "name": "Mine" })) } else { body };
            let word = if kind == "maintenance" { "completed" } else { "resolved" };
            let update = Some(json!({ "message": "x", "status": word }));
            for (method, path, body) in
                [("GET", &one, None), ("PATCH", &one, change), ("DELETE", &one, None), ("POST", &updates, update)]
            {
                assert_eq!(ask(method, path.clone(), body).await.0, 404, "{method} {path}");
            }
            assert_eq!(world.all(&format!("/api/{kind}"), name).await, before);
        }
        // An id from there is no service here.
        let (_, made) = ask("POST", "/api/services".into(), Some(json!({ "name": "User Authentication API" }))).await;
        assert_eq!(made["service"]["organizationId"], "org_other", "{made}");
        let theirs = id(&made["service"]);
        let incident = json!({ "title": "x", "type": "incident", "serviceIds": [theirs] });
        let (status, answer) = world.ask("POST", "/api/incidents", Some(incident)).await;
        assert_eq!((status, answer), (400, json!({ "message": "Invalid service IDs provided" })));
        // The same person in both: where they are is in the token.
        let both = world.issuer.sign("user_bob", json!({ "v": 2, "o": { "id": "org_sample", "rol": "member" } }));
        let (_, answer) = world.server.ask_as(&both, "GET", "/api/services", None).await;
        assert_eq!(answer["services"].as_array().unwrap().len(), 7);
        world.server
    })
    .await;
}

#[tokio::test]
async fn nobody_takes_an_organization_of_the_provider_over() {
    with_world(|world| async move {
        let claim = |slug: &str| json!({ "name": slug, "slug": slug, "metadata": { "external_org": "org_other" } });
        let stranger = world.issuer.sign("user_eve", json!({ "org_id": "org_evil", "org_role": "org:admin" }));
        let member = world.issuer.sign("user_cat", json!({ "org_id": "org_other", "org_role": "org:member" }));
        for token in [&stranger, &member] {
            let (status, answer) = world.server.ask_api(token, "POST", "/orgs", &claim("mine")).await;
            assert_eq!((status, &answer["error"]["code"]), (403, &json!("forbidden")), "{answer}");
        }
        // Nor afterwards, nor with an account of one's own.
        let own = json!({ "name": "Mine", "slug": "mine" });
        assert_eq!(world.server.ask_api(&stranger, "POST", "/orgs", &own).await.0, 201);
        let change = json!({ "metadata": { "external_org": "org_other" } });
        assert_eq!(world.server.ask_api(&stranger, "PATCH", "/orgs/mine", &change).await.0, 403);
        let account = json!({ "email": "eve@example.org", "password": "long enough", "organization": claim("eves") });
        assert_eq!(world.server.ask_api("", "POST", "/auth/register", &account).await.0, 403);
        assert_eq!(world.server.ask_as(&member, "GET", "/api/services", None).await, (403, no_organization()));

        another(&world).await;
        // Its people are let in, at the latest when it is forgotten that there was none.
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while world.server.ask_as(&member, "GET", "/api/services", None).await.0 != 200 {
            assert!(tokio::time::Instant::now() < deadline, "it was founded and is not found");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        // Who says it again where it stands changes nothing.
        let again = json!({ "metadata": { "external_org": "org_other", "colour": "blue" } });
        let bob = world.issuer.sign("user_bob", json!({}));
        assert_eq!(world.server.ask_api(&bob, "PATCH", "/orgs/other", &again).await.0, 200);
        let gone = json!({ "metadata": {} });
        assert_eq!(world.server.ask_api(&bob, "PATCH", "/orgs/other", &gone).await.0, 200);
        assert_eq!(world.server.ask_as(&member, "GET", "/api/services", None).await, (403, no_organization()));
        world.server
    })
    .await;
}
