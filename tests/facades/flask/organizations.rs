use super::{Cast, NOBODY, check, error, log_in, text};
use crate::support::{keys, on_both_stores};
use serde_json::json;
use tocsin::facades::Name;

#[tokio::test]
async fn flask_keeps_organizations_as_its_contract_says() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let (one, all) = (format!("/api/organizations/{}", cast.org), "/api/organizations".to_owned());
        let nothing = format!("/api/organizations/{NOBODY}");
        let stranger = error("You are not a member of this organization");
        let admins = error("Insufficient permissions. Required roles: ['admin']");
        let taken = error("Slug already exists");
        check(
            &server,
            vec![
                (
                    &cast.admin,
                    "GET",
                    all.clone(),
                    None,
                    200,
                    json!({ "organizations": [{ "slug": "flask-demo", "role": "admin" }] }),
                ),
                (&cast.root, "GET", all.clone(), None, 200, json!({ "organizations": [] })),
                (&cast.admin, "POST", all.clone(), Some(json!({})), 400, error("Organization name is required")),
                (&cast.admin, "POST", all.clone(), Some(json!({ "name": "" })), 400, error("Organization name is required")),
                (
                    &cast.admin,
                    "POST",
                    all.clone(),
                    Some(json!({ "name": "X", "slug": "flask-demo" })),
                    400,
                    error("Organization slug already exists"),
                ),
                (
                    &cast.admin,
                    "POST",
                    all.clone(),
                    Some(json!({ "name": "Acme Inc." })),
                    201,
                    json!({ "name": "Acme Inc.", "slug": "acme-inc", "description": "" }),
                ),
                (
                    &cast.admin,
                    "GET",
                    all.clone(),
                    None,
                    200,
                    json!({ "organizations": [{ "slug": "flask-demo" }, { "slug": "acme-inc", "role": "admin" }] }),
                ),
                (
                    &cast.viewer,
                    "GET",
                    one.clone(),
                    None,
                    200,
                    json!({ "services_count": 4, "teams_count": 1, "incidents_count": 4 }),
                ),
                (&cast.root, "GET", one.clone(), None, 200, json!({ "slug": "flask-demo" })),
                (&cast.stranger, "GET", one.clone(), None, 403, stranger.clone()),
                (&cast.stranger, "GET", nothing.clone(), None, 403, stranger.clone()),
                (&cast.stranger, "GET", "/api/organizations/7".into(), None, 403, stranger.clone()),
                (&cast.root, "GET", nothing, None, 404, error("Organization not found")),
                (&cast.root, "GET", "/api/organizations/7".into(), None, 404, error("Organization not found")),
                (&cast.member, "PUT", one.clone(), Some(json!({ "name": "Ours" })), 403, admins.clone()),
                (&cast.stranger, "PUT", one.clone(), Some(json!({ "name": "Ours" })), 403, stranger.clone()),
                (&cast.admin, "PUT", one.clone(), Some(json!({ "slug": "acme-inc" })), 400, taken.clone()),
                (&cast.admin, "PUT", one.clone(), Some(json!({ "slug": "api" })), 400, taken),
                (&cast.admin, "PUT", one.clone(), Some(json!({ "name": " " })), 400, error("name must not be empty")),
                (
                    &cast.admin,
                    "PUT",
                    one.clone(),
                    Some(json!({ "name": "Ours", "slug": "flask-demo" })),
                    200,
                    json!({ "name": "Ours", "slug": "flask-demo" }),
                ),
                (
                    &cast.admin,
                    "PUT",
                    one.clone(),
                    Some(json!({ "slug": "ours", "description": "All of it" })),
                    200,
                    json!({ "slug": "ours", "description": "All of it" }),
                ),
                (&cast.member, "DELETE", one.clone(), None, 403, admins),
                (&cast.stranger, "DELETE", one.clone(), None, 403, stranger.clone()),
            ],
        )
        .await;
        let (_, shown) = server.ask_as(&cast.admin, "GET", &one, None).await;
        let fields = ["created_at", "description", "id", "incidents_count", "name", "services_count", "slug", "teams_count"];
        assert_eq!(keys(&shown), fields);
        let (_, changed) = server.ask_as(&cast.admin, "PUT", &one, Some(&json!({}))).await;
        assert_eq!(keys(&changed), ["description", "id", "name", "slug"]);
        let (_, listed) = server.ask_as(&cast.admin, "GET", &all, None).await;
        assert_eq!(keys(&listed["organizations"][0]), ["created_at", "description", "id", "name", "role", "slug"]);
        let server = server.restarted().await;
        check(
            &server,
            vec![
                (&cast.admin, "GET", one.clone(), None, 200, shown),
                (&cast.admin, "DELETE", one.clone(), None, 200, json!({ "message": "Organization deleted successfully" })),
                (&cast.admin, "GET", one, None, 403, stranger),
                (&cast.admin, "GET", all.clone(), None, 200, json!({ "organizations": [{ "slug": "acme-inc" }] })),
                // Its name is free.
                (&cast.stranger, "POST", all, Some(json!({ "name": "Ours" })), 201, json!({ "slug": "ours" })),
            ],
        )
        .await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn flask_keeps_members_as_its_contract_says() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let all = format!("/api/organizations/{}/members", cast.org);
        let (_, me) = server.ask_as(&cast.admin, "GET", "/api/auth/me", None).await;
        let (_, her) = server.ask_as(&cast.stranger, "GET", "/api/auth/me", None).await;
        let at = |user: &serde_json::Value| format!("{all}/{}", user["user"]["id"].as_str().unwrap());
        let (mine, hers) = (at(&me), at(&her));
        let both = error("Insufficient permissions. Required roles: ['admin', 'member']");
        let admins = error("Insufficient permissions. Required roles: ['admin']");
        let stranger = error("You are not a member of this organization");
        let people = json!({ "members": [
            { "username": "alice", "role": "admin" }, { "username": "bob", "role": "member" }, { "username": "carol", "role": "viewer" },
        ] });
        let add = |email: &str| Some(json!({ "email": email }));
        let added = json!({ "message": "Member added successfully", "member": { "username": "mallory", "role": "member" } });
        check(&server, vec![
            (&cast.member, "GET", all.clone(), None, 200, people),
            (&cast.viewer, "GET", all.clone(), None, 403, both.clone()),
            (&cast.stranger, "GET", all.clone(), None, 403, stranger.clone()),
            (&cast.member, "GET", format!("/api/organizations/{}/users", cast.org), None, 200, json!({ "users": [
                { "first_name": "Alice", "last_name": "Adams", "email": "alice@flask.example" }, { "first_name": "Bob" }, { "first_name": "Carol" },
            ] })),
            (&cast.viewer, "GET", format!("/api/organizations/{}/users", cast.org), None, 403, both),
            (&cast.member, "POST", all.clone(), add("mallory@else.example"), 403, admins.clone()),
            (&cast.admin, "POST", all.clone(), Some(json!({})), 400, error("Email is required")),
            (&cast.admin, "POST", all.clone(), add("nobody@else.example"), 404, error("User not found")),
            (&cast.admin, "POST", all.clone(), add("bob@flask.example"), 400, error("User is already a member")),
            (&cast.admin, "POST", all.clone(), Some(json!({ "email": "mallory@else.example", "role": "owner" })), 400, error("Invalid role")),
            (&cast.admin, "PUT", hers.clone(), Some(json!({ "role": "viewer" })), 404, error("Member not found")),
            (&cast.admin, "DELETE", hers.clone(), None, 404, error("Member not found")),
            (&cast.admin, "DELETE", format!("{all}/7"), None, 404, error("Member not found")),
            (&cast.admin, "POST", all.clone(), add("mallory@else.example"), 201, added),
            (&cast.stranger, "GET", "/api/organizations".into(), None, 200, json!({ "organizations": [{ "slug": "flask-demo", "role": "member" }, { "role": "admin" }] })),
            (&cast.admin, "PUT", hers.clone(), Some(json!({})), 400, error("Role is required")),
            (&cast.admin, "PUT", hers.clone(), Some(json!({ "role": "owner" })), 400, error("Invalid role")),
            (&cast.member, "PUT", hers.clone(), Some(json!({ "role": "admin" })), 403, admins.clone()),
            (&cast.admin, "PUT", hers.clone(), Some(json!({ "role": "viewer" })), 200, json!({ "message": "Role updated successfully" })),
            (&cast.stranger, "GET", all.clone(), None, 403, error("Insufficient permissions. Required roles: ['admin', 'member']")),
            // Nor may anybody demote the last one, as they may in the original.
            (&cast.admin, "DELETE", mine.clone(), None, 400, error("Cannot remove the last admin")),
            (&cast.admin, "PUT", mine, Some(json!({ "role": "member" })), 400, error("Cannot remove the last admin")),
            (&cast.member, "DELETE", hers.clone(), None, 403, admins),
            (&cast.admin, "DELETE", hers, None, 200, json!({ "message": "Member removed successfully" })),
            (&cast.stranger, "GET", all, None, 403, stranger),
        ]).await;
        let (_, org) = log_in(&server, "bob").await;
        assert_eq!(org, text(&json!(cast.org)));
        server.stop().await;
    })
    .await;
}
