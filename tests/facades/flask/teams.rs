use super::{Cast, NOBODY, check, error, register, text};
use crate::support::{keys, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::Name;

#[tokio::test]
async fn flask_keeps_teams_as_its_contract_says() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let (list, path) = (format!("/api/teams?org_id={}", cast.org), || "/api/teams".to_owned());
        let (_, teams) = server.ask_as(&cast.viewer, "GET", &list, None).await;
        let fields = ["created_at", "description", "id", "member_count", "members_count", "name", "services_count"];
        assert_eq!(keys(&teams["teams"][0]), fields);
        assert_eq!((&teams["teams"][0]["members_count"], &teams["teams"][0]["services_count"]), (&json!(2), &json!(2)));
        let team = text(&teams["teams"][0]["id"]);
        let (one, nothing) = (format!("/api/teams/{team}"), format!("/api/teams/{NOBODY}"));
        let members = format!("{one}/members");
        let (_, people) = server.ask_as(&cast.admin, "GET", &format!("/api/organizations/{}/members", cast.org), None).await;
        let id = |n: usize| text(&people["members"][n]["id"]);
        let (alice, bob, carol) = (id(0), id(1), id(2));
        let (_, outsider) = register(&server, "outsider", "Outside").await;
        let outsider = text(&outsider["user"]["id"]);
        let stranger = error("You are not a member of this organization");
        let not_in = error("You are not a member of this team");
        let leads = error("Insufficient permissions. Required roles: ['lead']");
        let new = |name: &str, org: &str| Some(json!({ "name": name, "organization_id": org }));
        let add = |user: &str| Some(json!({ "user_id": user }));
        check(&server, vec![
            (&cast.viewer, "GET", path(), None, 400, error("Organization ID is required")),
            (&cast.stranger, "GET", list.clone(), None, 403, error("Access denied")),
            (&cast.admin, "POST", path(), Some(json!({})), 400, error("Team name is required")),
            (&cast.admin, "POST", path(), Some(json!({ "name": "x" })), 400, error("Organization ID is required")),
            (&cast.member, "POST", path(), new("x", &cast.org), 403, error("Insufficient permissions. Required roles: ['admin']")),
            (&cast.stranger, "POST", path(), new("x", &cast.org), 403, stranger.clone()),
            (&cast.stranger, "POST", format!("/api/teams?org_id={}", cast.strangers_org), new("x", &cast.org), 403, stranger),
            (&cast.admin, "POST", path(), new("Front", &cast.org), 201, json!({ "name": "Front", "organization_id": cast.org })),
            (&cast.admin, "POST", path(), Some(json!({ "name": "Empty", "organization_id": cast.org, "add_creator": false })), 201, json!({})),
            (&cast.viewer, "GET", list.clone(), None, 200, json!({ "teams": [{ "name": "Backend" }, { "member_count": 1 }, { "member_count": 0 }] })),
            (&cast.member, "GET", one.clone(), None, 200, json!({
                "members": [{ "username": "bob", "role": "lead" }, { "username": "alice", "role": "member" }],
                "services": [{ "name": "API" }, { "name": "Database", "status": "degraded" }],
            })),
            (&cast.root, "GET", one.clone(), None, 200, json!({ "organization_id": cast.org })),
            (&cast.viewer, "GET", one.clone(), None, 403, not_in.clone()),
            (&cast.stranger, "GET", one.clone(), None, 403, not_in.clone()),
            (&cast.admin, "GET", nothing.clone(), None, 404, error("Team not found")),
            (&cast.admin, "GET", "/api/teams/7".into(), None, 404, error("Team not found")),
            (&cast.member, "GET", members.clone(), None, 200, json!({ "members": [
                { "id": bob, "user_id": bob, "user_name": "Bob Brown", "user_email": "bob@flask.example", "role": "lead" }, { "user_id": alice },
            ] })),
            (&cast.viewer, "PUT", one.clone(), Some(json!({ "name": "x" })), 403, not_in.clone()),
            // The lead: in the original nobody but admins can.
            (&cast.member, "PUT", one.clone(), Some(json!({ "description": "All of it" })), 200, json!({ "name": "Backend", "description": "All of it" })),
            (&cast.member, "PUT", one.clone(), Some(json!({ "name": "" })), 400, error("name must not be empty")),
            (&cast.member, "POST", members.clone(), Some(json!({})), 400, error("User ID is required")),
            (&cast.member, "POST", members.clone(), add(NOBODY), 404, error("User not found")),
            (&cast.member, "POST", members.clone(), add("7"), 404, error("User not found")),
            (&cast.member, "POST", members.clone(), add(&outsider), 400, error("User must be a member of the organization")),
            (&cast.member, "POST", members.clone(), add(&alice), 400, error("User is already a team member")),
            (&cast.member, "POST", members.clone(), Some(json!({ "user_id": carol, "role": "x" })), 400, error("Invalid role")),
            (&cast.member, "POST", members.clone(), add(&carol), 201, json!({ "message": "Member added successfully", "member": { "id": carol, "username": "carol", "role": "member" } })),
            (&cast.viewer, "GET", one.clone(), None, 200, json!({})),
            (&cast.viewer, "POST", members.clone(), add(&outsider), 403, leads),
            (&cast.member, "PUT", format!("{members}/{carol}"), Some(json!({})), 400, error("Role is required")),
            (&cast.member, "PUT", format!("{members}/{carol}"), Some(json!({ "role": "admin" })), 400, error("Invalid role")),
            (&cast.member, "PUT", format!("{members}/{outsider}"), Some(json!({ "role": "lead" })), 404, error("Team member not found")),
            (&cast.member, "DELETE", format!("{members}/{bob}"), None, 400, error("Cannot remove the last team lead")),
            (&cast.member, "PUT", format!("{members}/{carol}"), Some(json!({ "role": "lead" })), 200, json!({ "message": "Role updated successfully" })),
            (&cast.viewer, "DELETE", format!("{members}/{bob}"), None, 200, json!({ "message": "Member removed successfully" })),
            (&cast.viewer, "DELETE", format!("{members}/{bob}"), None, 404, error("Team member not found")),
            (&cast.viewer, "DELETE", one.clone(), None, 403, error("Only organization admins can delete teams")),
            (&cast.admin, "DELETE", nothing, None, 404, error("Team not found")),
        ]).await;
        let (_, shown) = server.ask_as(&cast.admin, "GET", &one, None).await;
        assert_eq!(keys(&shown), ["created_at", "description", "id", "members", "name", "organization_id", "services"]);
        assert_eq!(keys(&shown["members"][0]), ["email", "first_name", "id", "joined_at", "last_name", "role", "username"]);
        let server = server.restarted().await;
        check(&server, vec![
            (&cast.admin, "GET", one.clone(), None, 200, shown),
            (&cast.admin, "DELETE", one.clone(), None, 200, json!({ "message": "Team deleted successfully" })),
            (&cast.admin, "GET", one, None, 404, error("Team not found")),
        ]).await;
        let (_, services) = server.ask_as(&cast.viewer, "GET", &format!("/api/services?org_id={}", cast.org), None).await;
        assert!(services["services"].as_array().unwrap().iter().all(|service| service["team_id"] == Value::Null), "{services}");
        server.stop().await;
    })
    .await;
}
