//! How people come, what they may among each other, and how they go.

use crate::support::{PASSWORD, Person, Server, text};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_lets_one_person_in() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let visitor = server.stranger();
    let invite = async |email: &str, role: &str| {
        founder.client.post(&org.at("/invites"), json!({"email": email, "role": role})).await.is(201)
    };
    // With a new account.
    let invitation = invite("new@example.org", "member").await;
    let link = text(&invitation["link"]);
    let seen = visitor.get(&link).await.is(200);
    assert_eq!((seen["organization"].as_str(), seen["has_account"].as_bool()), (Some("The acme"), Some(false)));
    assert!(!founder.client.get(&org.at("/invites")).await.text.contains(&text(&invitation["token"])), "the token is told once");
    let accept = format!("{link}/accept");
    visitor.post(&accept, json!({})).await.refuses(401, "unauthorized");
    visitor.post(&accept, json!({"password": "short"})).await.refuses_field(422, "password");
    founder.client.post(&accept, json!({})).await.refuses(403, "forbidden");
    let joined = visitor.post(&accept, json!({"password": PASSWORD, "name": "New"})).await.is(200);
    assert_eq!(
        (joined["organization"]["role"].as_str(), joined["user"]["email"].as_str()),
        (Some("member"), Some("new@example.org"))
    );
    let new = visitor.with(&text(&joined["access_token"]));
    assert_eq!(new.get("/orgs").await.is(200)["items"][0]["slug"], "acme");
    new.post(&org.at("/services"), json!({"name": "s"})).await.is(201);
    visitor.post(&accept, json!({"password": PASSWORD})).await.refuses(404, "unknown_invite");
    visitor.get(&link).await.refuses(404, "unknown_invite");
    // With an account that is there: only whoever it is for, and only after logging in.
    let (ben, carl) = (server.person("ben").await, server.person("carl").await);
    let link = text(&invite("Ben@Example.org", "admin").await["link"]);
    assert_eq!(visitor.get(&link).await.is(200)["has_account"], true);
    let accept = format!("{link}/accept");
    visitor.post(&accept, json!({"password": PASSWORD})).await.refuses(409, "email_taken");
    carl.client.post(&accept, json!({})).await.refuses(403, "forbidden");
    ben.client.post(&accept, json!({"password": PASSWORD})).await.refuses_field(422, "password");
    let joined = ben.client.post(&accept, json!({})).await.is(200);
    assert_eq!((joined["user"]["id"].as_str(), joined["organization"]["role"].as_str()), (Some(ben.id.as_str()), Some("admin")));
    ben.client.get(&org.at("/audit")).await.is(200);
    // One that was taken back leads nowhere.
    let invitation = invite("late@example.org", "viewer").await;
    founder.client.delete(&org.at(&format!("/invites/{}", text(&invitation["id"])))).await.is(204);
    visitor
        .post(&format!("{}/accept", text(&invitation["link"])), json!({"password": PASSWORD}))
        .await
        .refuses(404, "unknown_invite");
    // Nor one into an organization that is gone.
    let invitation = invite("late@example.org", "viewer").await;
    founder.client.delete(&org.at("")).await.is(204);
    let late = visitor.post(&format!("{}/accept", text(&invitation["link"])), json!({"password": PASSWORD})).await;
    late.is(404);
    visitor.post("/auth/login", json!({"email": "late@example.org", "password": PASSWORD})).await.refuses(401, "wrong_credentials");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_keeps_an_admin_and_everybody_else_may_leave() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let (viewer, second) = (server.person("viewer").await, server.person("second").await);
    founder.let_in(&org, &viewer, "viewer").await;
    let member = |who: &Person| org.at(&format!("/members/{}", who.id));
    founder.client.delete(&member(&founder)).await.refuses(409, "last_admin");
    founder.client.patch(&member(&founder), json!({"role": "member"})).await.refuses(409, "last_admin");
    viewer.client.delete(&member(&founder)).await.refuses(403, "forbidden");
    viewer.client.patch(&member(&viewer), json!({"role": "admin"})).await.refuses(403, "forbidden");
    viewer.client.delete(&member(&viewer)).await.is(204);
    viewer.client.get(&org.at("")).await.refuses(404, "unknown_organization");
    assert_eq!(viewer.client.get("/orgs").await.is(200)["items"], json!([]));
    founder.client.post(&org.at("/members"), json!({"email": second.email, "role": "admin"})).await.is(201);
    founder.client.post(&org.at("/members"), json!({"email": second.email, "role": "viewer"})).await.refuses(409, "already_member");
    founder.client.delete(&member(&founder)).await.is(204);
    second.client.delete(&member(&second)).await.refuses(409, "last_admin");
    founder.client.get(&org.at("")).await.refuses(404, "unknown_organization");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_manages_the_own_team_and_no_other() {
    let server = Server::start().await;
    let (founder, org) = server.founder("acme").await;
    let (lead, other) = (server.person("lead").await, server.person("other").await);
    founder.let_in(&org, &lead, "viewer").await;
    founder.let_in(&org, &other, "viewer").await;
    let own = org.at(&format!("/teams/{}", founder.make(&org, "/teams", json!({"name": "own", "lead": lead.id})).await));
    let foreign = org.at(&format!("/teams/{}", founder.make(&org, "/teams", json!({"name": "foreign"})).await));
    lead.client.patch(&own, json!({"name": "ours"})).await.is(200);
    let put = lead.client.put(&format!("{own}/members/{}", other.id), json!({"role": "member"})).await.is(200);
    assert_eq!(put["members"].as_array().unwrap().len(), 2);
    other.client.patch(&own, json!({"name": "mine"})).await.refuses(403, "forbidden");
    lead.client.patch(&foreign, json!({"name": "ours"})).await.refuses(403, "forbidden");
    lead.client.put(&format!("{foreign}/members/{}", lead.id), json!({"role": "lead"})).await.refuses(403, "forbidden");
    lead.client.delete(&own).await.refuses(403, "forbidden");
    lead.client.post(&org.at("/teams"), json!({"name": "new"})).await.refuses(403, "forbidden");
    // A lead may pass it on, and is no lead then.
    lead.client.put(&format!("{own}/members/{}", other.id), json!({"role": "lead"})).await.is(200);
    other.client.put(&format!("{own}/members/{}", lead.id), json!({"role": "member"})).await.is(200);
    lead.client.patch(&own, json!({"name": "again"})).await.refuses(403, "forbidden");
    // Nobody who does not belong to the organization.
    let stranger = server.person("stranger").await;
    let answer = other.client.put(&format!("{own}/members/{}", stranger.id), json!({"role": "member"})).await;
    answer.refuses(404, "unknown_member");
    // Who leaves the organization leaves its teams.
    founder.client.delete(&org.at(&format!("/members/{}", other.id))).await.is(204);
    assert_eq!(founder.client.get(&own).await.is(200)["members"].as_array().unwrap().len(), 1);
    other.client.patch(&own, json!({"name": "mine"})).await.refuses(404, "unknown_organization");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_end_when_they_should() {
    let server = Server::start().await;
    let ann = server.person("ann").await;
    let refresh = async |token: &str| server.stranger().post("/auth/refresh", json!({"refresh_token": token})).await;
    // A refresh token that is used again, after its successor was used, was stolen.
    let first = ann.log_in().await;
    let second = text(&refresh(&first.refresh).await.is(200)["refresh_token"]);
    let third = refresh(&second).await.is(200);
    refresh(&first.refresh).await.refuses(401, "session_ended");
    refresh(&text(&third["refresh_token"])).await.refuses(401, "session_ended");
    first.client.get("/auth/me").await.refuses(401, "session_ended");
    server.stranger().with(&text(&third["access_token"])).get("/auth/me").await.refuses(401, "session_ended");
    for made_up in ["", "x", first.refresh.trim_end_matches(|_| true), &first.refresh[..first.refresh.len() - 2]] {
        refresh(made_up).await.is(401);
    }
    // Logging out ends one session, with both of its tokens.
    let (here, there) = (ann.log_in().await, ann.log_in().await);
    here.client.post("/auth/logout", json!({})).await.is(204);
    here.client.get("/auth/me").await.refuses(401, "session_ended");
    refresh(&here.refresh).await.refuses(401, "session_ended");
    there.client.get("/auth/me").await.is(200);
    // From elsewhere, too; and nobody else's.
    let sessions = ann.client.get("/auth/sessions").await.is(200);
    let sessions = sessions["items"].as_array().unwrap();
    assert_eq!((sessions.len(), sessions.iter().filter(|session| session["current"] == true).count()), (2, 1));
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    ann.client.delete(&format!("/auth/sessions/{}", text(&other["id"]))).await.is(204);
    there.client.get("/auth/me").await.refuses(401, "session_ended");
    // A new password ends every other one.
    let there = ann.log_in().await;
    let change = |old: &str, new: &str| json!({"old_password": old, "new_password": new});
    ann.client.post("/auth/password", change("not the password", "a new password")).await.refuses(422, "wrong_password");
    there.client.get("/auth/me").await.is(200);
    ann.client.post("/auth/password", change(PASSWORD, "a new password")).await.is(204);
    there.client.get("/auth/me").await.refuses(401, "session_ended");
    refresh(&there.refresh).await.refuses(401, "session_ended");
    ann.client.get("/auth/me").await.is(200);
    refresh(&ann.refresh).await.is(200);
    let log_in = async |password: &str| {
        server.stranger().post("/auth/login", json!({"email": "ANN@example.org", "password": password})).await
    };
    log_in(PASSWORD).await.refuses(401, "wrong_credentials");
    log_in("a new password").await.is(200);
    let unknown = server.stranger().post("/auth/login", json!({"email": "nobody@example.org", "password": PASSWORD})).await;
    assert_eq!(unknown.without("-").1, log_in(PASSWORD).await.without("-").1, "nobody is told who has an account");
    server.end().await;
}
