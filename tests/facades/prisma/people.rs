//! Its users, memberships and organizations, and whom it is open to.

use super::{NOBODY, Row, answers, error, get, id, made, names};
use crate::support::{client, keys, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::{Name, OpenTo};
use tocsin_actors::domain::{Command, MemberId, UserId, entities::Metadata, status::Role};

#[tokio::test]
async fn prisma_people_are_answered_as_its_contract_says() {
    on_both_stores(Name::Prisma, |server| async move {
        let users = get(&server, "/api/users").await;
        assert_eq!(names(&users, "email"), ["admin@techcorp.com", "member@techcorp.com"]);
        let (admin, member) = (id(&users[0]), id(&users[1]));
        let org = users[0]["orgs"][0]["organizationId"].as_str().unwrap();
        let (adminship, membership) = (id(&users[0]["orgs"][0]), id(&users[1]["orgs"][0]));
        let ann = made(&server, "/api/users", json!({ "email": "ann@example.org" })).await;
        let ann = id(&ann);
        let user = |id: &str| format!("/api/users/{id}");
        let one = |id: &str| format!("/api/members/{id}");
        let of = |id: &str| format!("/api/members/organization/{id}");
        let theirs = |id: &str| format!("/api/members/user/{id}");
        let (people, members) = (|| "/api/users".to_owned(), || "/api/members".to_owned());
        let joins = |user: &str, fields: Value| {
            let mut body = json!({ "userId": user, "organizationId": org });
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            Some(body)
        };
        let (gone, no_member) = (error("User not found"), error("Member not found"));
        let last = error("an organization keeps at least one admin");
        let rows: Vec<Row> = vec![
            (
                "GET",
                user(admin),
                None,
                200,
                json!({ "name": "Admin User", "orgs": [{ "role": "admin", "organization": { "name": "TechCorp Inc." } }] }),
            ),
            ("GET", user(NOBODY), None, 404, gone.clone()),
            ("GET", user("x"), None, 404, gone.clone()),
            ("POST", people(), None, 400, error("email is required")),
            ("POST", people(), Some(json!({ "email": 7 })), 400, error("email must be a string")),
            ("POST", people(), Some(json!({ "email": "nobody" })), 400, error("email must be an e-mail address")),
            ("POST", people(), Some(json!({ "email": "a@b", "name": 7 })), 400, error("name must be a string")),
            ("POST", people(), Some(json!({ "email": "Admin@techcorp.com" })), 409, error("this e-mail address is in use")),
            (
                "POST",
                people(),
                Some(json!({ "email": "Bob@example.org", "name": "" })),
                201,
                json!({ "email": "Bob@example.org", "name": "" }),
            ),
            ("POST", people(), Some(json!({ "email": "c@example.org", "name": null })), 201, json!({ "name": null })),
            ("GET", user(ann), None, 200, json!({ "email": "ann@example.org", "name": null, "orgs": [] })),
            ("GET", people(), None, 200, json!([{}, {}, { "orgs": [] }, { "orgs": [] }, { "orgs": [] }])),
            ("PUT", user(ann), Some(json!({ "name": "Ann" })), 200, json!({ "email": "ann@example.org", "name": "Ann" })),
            (
                "PUT",
                user(ann),
                Some(json!({ "email": "ann@example.com" })),
                200,
                json!({ "email": "ann@example.com", "name": "Ann" }),
            ),
            ("PUT", user(ann), Some(json!({ "email": "bob@example.org" })), 409, error("this e-mail address is in use")),
            ("PUT", user(ann), Some(json!({ "email": "" })), 400, error("email must be an e-mail address")),
            ("PUT", user(ann), Some(json!({ "name": null })), 200, json!({ "name": null })),
            ("PUT", user(ann), Some(json!({})), 200, json!({ "email": "ann@example.com", "name": null })),
            ("PUT", user(NOBODY), Some(json!({})), 404, gone.clone()),
            // Memberships. A guest is none.
            (
                "GET",
                of(org),
                None,
                200,
                json!([{ "role": "admin", "user": { "id": admin }, "organization": { "id": org } }, { "role": "member" }]),
            ),
            ("GET", of(NOBODY), None, 200, json!([])),
            ("GET", of("default"), None, 200, json!([])),
            ("GET", theirs(admin), None, 200, json!([{ "id": adminship, "organization": { "name": "TechCorp Inc." } }])),
            ("GET", theirs(ann), None, 200, json!([])),
            ("GET", theirs(NOBODY), None, 200, json!([])),
            ("GET", theirs("x"), None, 200, json!([])),
            ("POST", members(), None, 400, error("userId is required")),
            ("POST", members(), Some(json!({ "userId": ann })), 400, error("organizationId is required")),
            ("POST", members(), joins(NOBODY, json!({})), 404, gone.clone()),
            ("POST", members(), joins(ann, json!({ "organizationId": NOBODY })), 404, error("Organization not found")),
            ("POST", members(), joins(ann, json!({ "role": 7 })), 400, error("role must be a string")),
            (
                "POST",
                members(),
                joins(ann, json!({ "role": "x".repeat(101) })),
                400,
                error("role must be a single line of at most 100 characters"),
            ),
            (
                "POST",
                members(),
                joins(ann, json!({})),
                201,
                json!({ "userId": ann, "role": "member", "user": { "id": ann }, "organization": { "id": org } }),
            ),
            ("GET", of(org), None, 200, json!([{}, {}, { "role": "member", "user": { "id": ann } }])),
            ("GET", user(ann), None, 200, json!({ "orgs": [{ "organization": { "id": org } }] })),
            ("DELETE", user(ann), None, 409, error("this user is a member of an organization: end the membership first")),
            (
                "PUT",
                one(membership),
                Some(json!({ "role": "owner of it" })),
                200,
                json!({ "role": "owner of it", "user": { "id": member } }),
            ),
            ("PUT", one(membership), Some(json!({})), 200, json!({ "role": "owner of it", "organization": { "id": org } })),
            ("PUT", one(membership), Some(json!({ "role": "admin" })), 200, json!({ "id": membership, "role": "admin" })),
            ("PUT", one(membership), Some(json!({ "role": "member" })), 200, json!({ "role": "member" })),
            ("PUT", one(membership), Some(json!({ "role": null })), 400, error("role must be a string")),
            ("PUT", one(NOBODY), Some(json!({})), 404, no_member.clone()),
            ("PUT", one(adminship), Some(json!({ "role": "member" })), 409, last.clone()),
            ("DELETE", one(adminship), None, 409, last),
            ("DELETE", one(NOBODY), None, 404, no_member.clone()),
            ("DELETE", one(membership), None, 204, json!("")),
            ("DELETE", one(membership), None, 404, no_member),
            // Who belongs to nobody any more is still known.
            ("GET", user(member), None, 200, json!({ "email": "member@techcorp.com", "orgs": [] })),
            ("POST", members(), joins(member, json!({ "role": "" })), 201, json!({ "role": "" })),
            ("POST", members(), joins(member, json!({})), 409, json!({})),
            ("DELETE", user(NOBODY), None, 404, gone.clone()),
        ];
        answers(&server, &rows).await;
        let joined = get(&server, &theirs(ann)).await;
        let rows: Vec<Row> = vec![
            ("DELETE", one(id(&joined[0])), None, 204, json!("")),
            ("DELETE", user(ann), None, 204, json!("")),
            ("GET", user(ann), None, 404, gone),
            // The address is free again.
            ("POST", people(), Some(json!({ "email": "ann@example.com" })), 201, json!({})),
        ];
        answers(&server, &rows).await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn prisma_has_its_organization_and_no_other() {
    on_both_stores(Name::Prisma, |server| async move {
        let orgs = get(&server, "/api/organizations").await;
        let org = id(&orgs[0]).to_owned();
        let at = |id: &str| format!("/api/organizations/{id}");
        let one = error("this is open to one organization: none can be made or deleted here");
        let gone = error("Organization not found");
        let rows: Vec<Row> = vec![
            ("GET", "/api/organizations".into(), None, 200, json!([{ "name": "TechCorp Inc.", "services": [{}, {}, {}, {}], "incidents": [{}, {}] }])),
            (
                "GET",
                at(&org),
                None,
                200,
                json!({ "services": [{}, {}, {}, {}], "incidents": [{}, {}], "members": [{ "user": { "name": "Admin User" } }, {}] }),
            ),
            ("GET", at(NOBODY), None, 404, gone.clone()),
            ("GET", at("x"), None, 404, gone.clone()),
            ("POST", "/api/organizations".into(), Some(json!({ "name": "Another" })), 403, one.clone()),
            ("PUT", at(&org), Some(json!({ "name": "TechCorp" })), 200, json!({ "id": org, "name": "TechCorp" })),
            ("PUT", at(&org), Some(json!({})), 200, json!({ "name": "TechCorp" })),
            ("PUT", at(&org), Some(json!({ "name": "" })), 400, error("name must not be empty")),
            ("PUT", at(&org), Some(json!({ "name": 1 })), 400, error("name must be a string")),
            ("PUT", at(NOBODY), Some(json!({})), 404, gone),
            ("DELETE", at(&org), None, 403, one.clone()),
            ("DELETE", at(NOBODY), None, 403, one),
        ];
        answers(&server, &rows).await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn prisma_open_to_all_makes_and_deletes_organizations() {
    on_both_stores(Name::Prisma, |server| async move {
        let server = server.opened_to_all().await;
        let first = made(&server, "/api/organizations", json!({ "name": "Acme" })).await;
        let again = made(&server, "/api/organizations", json!({ "name": "Acme" })).await;
        made(&server, "/api/organizations", json!({ "name": "日本" })).await;
        let orgs = get(&server, "/api/organizations").await;
        assert_eq!(names(&orgs, "name"), ["TechCorp Inc.", "Acme", "Acme", "日本"]);
        let (techcorp, acme, other) = (id(&orgs[0]), id(&first), id(&again));
        assert_eq!(keys(&first), ["createdAt", "id", "name", "updatedAt"]);
        let services = get(&server, "/api/services").await;
        let api = id(&services[1]);
        let made_there = made(&server, "/api/services", json!({ "name": "API", "organizationId": acme })).await;
        let users = get(&server, "/api/users").await;
        let ann = made(&server, "/api/users", json!({ "email": "ann@example.org", "name": "Ann" })).await;
        let at = |id: &str| format!("/api/organizations/{id}");
        let blocked = error("this organization has members, services or incidents: delete them first");
        let rows: Vec<Row> = vec![
            ("POST", "/api/organizations".into(), Some(json!({})), 400, error("name is required")),
            ("POST", "/api/organizations".into(), Some(json!({ "name": "" })), 400, error("name must not be empty")),
            ("POST", "/api/organizations".into(), Some(json!({ "name": 7 })), 400, error("name must be a string")),
            ("DELETE", at(NOBODY), None, 404, error("Organization not found")),
            ("DELETE", at(techcorp), None, 409, blocked.clone()),
            ("DELETE", at(acme), None, 409, blocked.clone()),
            // The front end names the organization of the first service, whatever was chosen.
            (
                "POST",
                "/api/incidents".into(),
                Some(json!({ "title": "Down", "description": "", "serviceId": id(&made_there), "organizationId": techcorp })),
                201,
                json!({ "organizationId": acme, "organization": { "name": "Acme" } }),
            ),
            ("GET", "/api/incidents".into(), None, 200, json!([{ "organizationId": acme }, { "serviceId": api }, {}])),
            ("GET", "/api/services".into(), None, 200, json!([{}, {}, {}, {}, { "incidents": [{ "title": "Down" }] }])),
            (
                "POST",
                "/api/members".into(),
                Some(json!({ "userId": id(&ann), "organizationId": other, "role": "admin" })),
                201,
                json!({ "role": "admin", "user": { "email": "ann@example.org" } }),
            ),
            (
                "POST",
                "/api/members".into(),
                Some(json!({ "userId": id(&users[1]), "organizationId": other })),
                201,
                json!({ "organization": { "id": other } }),
            ),
            (
                "GET",
                format!("/api/members/user/{}", id(&users[1])),
                None,
                200,
                json!([{ "organizationId": techcorp }, { "organizationId": other }]),
            ),
            ("DELETE", at(other), None, 409, blocked),
            (
                "DELETE",
                format!("/api/users/{}", id(&ann)),
                None,
                409,
                error("this user is a member of an organization: end the membership first"),
            ),
        ];
        answers(&server, &rows).await;
        let members = get(&server, &format!("/api/members/organization/{other}")).await;
        let leave = |n: usize| format!("/api/members/{}", id(&members[n]));
        let rows: Vec<Row> = vec![
            ("DELETE", leave(1), None, 204, json!("")),
            // The last admin cannot leave, and keeps nothing from being deleted.
            ("DELETE", leave(0), None, 409, error("an organization keeps at least one admin")),
            ("DELETE", at(other), None, 204, json!("")),
            ("DELETE", at(other), None, 404, error("Organization not found")),
            ("GET", "/api/organizations".into(), None, 200, json!([{ "id": techcorp }, { "id": acme }, { "name": "日本" }])),
            ("DELETE", format!("/api/users/{}", id(&ann)), None, 204, json!("")),
            ("GET", "/api/users".into(), None, 200, json!([{ "email": "admin@techcorp.com" }, { "email": "member@techcorp.com" }])),
        ];
        answers(&server, &rows).await;
        let server = server.restarted().await;
        assert_eq!(names(&get(&server, "/api/organizations").await, "name"), ["TechCorp Inc.", "Acme", "日本"]);
        server.stop().await;
    })
    .await;
}

/// The flows of its front end: somebody is made and joins, and logs in with nothing but their address.
#[tokio::test]
async fn prisma_front_ends_log_in_by_looking_through_all_users() {
    on_both_stores(Name::Prisma, |server| async move {
        made(&server, "/api/users", json!({ "email": "Ann@example.org", "name": "Ann" })).await;
        let users = get(&server, "/api/users").await;
        let found = users.as_array().unwrap().iter().find(|user| user["email"] == "Ann@example.org").unwrap().clone();
        assert_eq!(found["orgs"], json!([]));
        let orgs = get(&server, "/api/organizations").await;
        let join = json!({ "userId": found["id"], "organizationId": orgs[0]["id"], "role": "admin" });
        made(&server, "/api/members", join).await;
        let server = server.restarted().await;
        let user = get(&server, &format!("/api/users/{}", id(&found))).await;
        assert_eq!(user["orgs"][0]["role"], "admin");
        assert_eq!(user["orgs"][0]["organization"]["name"], "TechCorp Inc.");
        server.stop().await;
    })
    .await;
}

/// Whoever reaches it may do everything to the organization: not take the accounts of those who log in elsewhere.
#[tokio::test]
async fn nobody_takes_an_account_over_through_prisma() {
    on_both_stores(Name::Prisma, |server| async move {
        let registered = json!({ "email": "ann@example.org", "password": "correct horse battery", "name": "Ann" }).to_string();
        let asked = client().post(format!("{}/auth/register", server.api)).header("content-type", "application/json");
        let ann: Value = asked.body(registered).send().await.unwrap().json().await.unwrap();
        let ann = id(&ann["user"]);
        let user = UserId::new(ann.parse().unwrap());
        let at = format!("/api/users/{ann}");
        assert_eq!(server.ask("GET", &at, None).await.0, 404);
        let join = Command::AddMember { id: MemberId::new(user.uuid()), user, role: Role::Viewer, metadata: Metadata::new() };
        server.execute(join).await;
        let theirs = error("somebody logs in with this account, or it belongs to others too: it is not changed here");
        let rows: Vec<Row> = vec![
            ("GET", at.clone(), None, 200, json!({ "name": "Ann", "orgs": [{ "id": ann, "role": "viewer" }] })),
            ("PUT", at.clone(), Some(json!({ "email": "mine@example.org" })), 403, theirs.clone()),
            ("DELETE", at.clone(), None, 403, theirs),
            // Who leaves is not seen any more.
            ("DELETE", format!("/api/members/{ann}"), None, 204, json!("")),
            ("GET", at, None, 404, error("User not found")),
        ];
        answers(&server, &rows).await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn of_another_organization_prisma_says_and_changes_nothing() {
    on_both_stores(Name::Prisma, |server| async move {
        let mut server = server.opened_to_all().await;
        let org = made(&server, "/api/organizations", json!({ "name": "Acme" })).await;
        let service = made(&server, "/api/services", json!({ "name": "API", "organizationId": id(&org) })).await;
        let incident = json!({ "title": "Down", "description": "", "serviceId": id(&service), "organizationId": id(&org) });
        let incident = made(&server, "/api/incidents", incident).await;
        let update =
            made(&server, "/api/incident-updates", json!({ "incidentId": id(&incident), "message": "x", "status": "OPEN" })).await;
        let ann = made(&server, "/api/users", json!({ "email": "ann@example.org" })).await;
        let member =
            made(&server, "/api/members", json!({ "userId": id(&ann), "organizationId": id(&org), "role": "admin" })).await;
        let techcorp = server.org.to_string();
        let mine = get(&server, "/api/services").await;
        let both = get(&server, "/api/users").await[0].clone();
        made(&server, "/api/members", json!({ "userId": id(&both), "organizationId": id(&org) })).await;
        // From here on only one of the two is seen.
        server.base = server.also_open(OpenTo::One(server.org)).await;
        let path = |kind: &str, thing: &Value| format!("/api/{kind}/{}", id(thing));
        let nothing = || Some(json!({}));
        let rows: Vec<Row> = vec![
            ("GET", path("organizations", &org), None, 404, json!({})),
            ("PUT", path("organizations", &org), Some(json!({ "name": "Mine" })), 404, json!({})),
            ("GET", path("services/organization", &org), None, 200, json!([])),
            ("GET", path("incidents/organization", &org), None, 200, json!([])),
            ("GET", path("members/organization", &org), None, 200, json!([])),
            ("GET", path("members/user", &ann), None, 200, json!([])),
            ("GET", path("incident-updates/incident", &incident), None, 200, json!([])),
            ("POST", "/api/services".into(), Some(json!({ "name": "x", "organizationId": id(&org) })), 404, json!({})),
            ("PUT", path("services", &service), nothing(), 404, json!({})),
            ("PATCH", path("services", &service) + "/status", Some(json!({ "status": "DEGRADED" })), 404, json!({})),
            ("DELETE", path("services", &service), None, 404, json!({})),
            (
                "POST",
                "/api/incidents".into(),
                Some(json!({ "title": "x", "description": "x", "serviceId": id(&service), "organizationId": techcorp })),
                404,
                json!({}),
            ),
            (
                "POST",
                "/api/incidents".into(),
                Some(json!({ "title": "x", "description": "x", "serviceId": id(&mine[0]), "organizationId": id(&org) })),
                404,
                json!({}),
            ),
            ("PUT", path("incidents", &incident), nothing(), 404, json!({})),
            ("PATCH", path("incidents", &incident) + "/status", Some(json!({ "status": "RESOLVED" })), 404, json!({})),
            ("DELETE", path("incidents", &incident), None, 404, json!({})),
            (
                "POST",
                "/api/incident-updates".into(),
                Some(json!({ "incidentId": id(&incident), "message": "x", "status": "OPEN" })),
                404,
                json!({}),
            ),
            ("PUT", path("incident-updates", &update), nothing(), 404, json!({})),
            ("DELETE", path("incident-updates", &update), None, 404, json!({})),
            ("GET", path("users", &ann), None, 404, json!({})),
            ("PUT", path("users", &ann), Some(json!({ "name": "x" })), 404, json!({})),
            ("DELETE", path("users", &ann), None, 404, json!({})),
            ("POST", "/api/members".into(), Some(json!({ "userId": id(&ann), "organizationId": techcorp })), 404, json!({})),
            ("POST", "/api/members".into(), Some(json!({ "userId": id(&both), "organizationId": id(&org) })), 404, json!({})),
            ("PUT", path("members", &member), Some(json!({ "role": "member" })), 404, json!({})),
            ("DELETE", path("members", &member), None, 404, json!({})),
            // Who belongs to both is seen here with one, and changed by nobody here.
            ("GET", path("users", &both), None, 200, json!({ "orgs": [{ "organizationId": techcorp }] })),
            ("PUT", path("users", &both), Some(json!({ "email": "x@example.org" })), 403, json!({})),
            ("DELETE", path("users", &both), None, 403, json!({})),
            ("GET", "/api/users".into(), None, 200, json!([{ "email": "admin@techcorp.com" }, { "email": "member@techcorp.com" }])),
            ("GET", "/api/organizations".into(), None, 200, json!([{ "id": techcorp }])),
            ("GET", "/api/services".into(), None, 200, json!([{}, {}, {}, {}])),
            ("GET", "/api/incidents".into(), None, 200, json!([{}, {}])),
        ];
        answers(&server, &rows).await;
        server.stop().await;
    })
    .await;
}
