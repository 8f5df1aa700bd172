use super::{Cast, log_in, text};
use crate::support::{Server, Socket, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::Name;

async fn open(server: &Server, token: &str) -> Socket {
    let mut socket = Socket::open_as(server, Some(json!({ "token": token }))).await.unwrap();
    assert_eq!(socket.hear().await.0, "connected");
    socket
}

async fn hears(socket: &mut Socket, event: &str) -> Value {
    let (heard, data) = socket.hear().await;
    assert_eq!(heard, event, "{data}");
    data
}

/// What was asked before it is answered: nothing else is on its way.
async fn hears_nothing(socket: &mut Socket) {
    socket.say("ping", &Value::Null).await;
    hears(socket, "pong").await;
}

#[tokio::test]
async fn only_who_shows_a_good_token_or_none_is_let_in() {
    on_both_stores(Name::Flask, |server| async move {
        let body = json!({ "email": "alice@flask.example", "password": "statuspage" });
        let (_, login) = server.ask("POST", "/api/auth/login", Some(&body)).await;
        for shown in [json!(""), json!("nonsense"), json!(7), login["refresh_token"].clone()] {
            let refused = Socket::open_as(&server, Some(json!({ "token": shown }))).await.err().unwrap();
            assert_eq!(refused["message"], "Connection rejected by server", "{shown}");
        }
        for shown in [None, Some(json!({}))] {
            let mut socket = Socket::open_as(&server, shown).await.unwrap();
            hears(&mut socket, "connected").await;
        }
        open(&server, &text(&login["access_token"])).await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn members_hear_of_their_organizations_and_nobody_else_does() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let (mut alice, mut mallory) = (open(&server, &cast.admin).await, open(&server, &cast.stranger).await);
        let mut anybody = Socket::open(&server).await;
        hears(&mut anybody, "connected").await;
        for socket in [&mut mallory, &mut anybody] {
            socket.say("join_organization", &json!({ "organization_id": cast.org })).await;
            assert_eq!(hears(socket, "error").await["message"], "Access denied");
        }
        anybody.say("join_public_status", &json!({ "org_slug": "flask-demo" })).await;
        assert_eq!(hears(&mut anybody, "joined_public").await["room"], "public_flask-demo");
        let ask = async |method: &str, path: &str, body: Value| {
            let (status, answer) = server.ask_as(&cast.admin, method, path, Some(&body)).await;
            assert!(status < 300, "{method} {path}: {answer}");
            answer
        };
        let service = ask("POST", "/api/services", json!({ "name": "Search", "organization_id": cast.org })).await;
        let id = text(&service["id"]);
        let told = hears(&mut alice, "service_created").await;
        assert_eq!(
            told,
            json!({ "organization_id": cast.org, "service": { "id": id, "name": "Search", "status": "operational" } })
        );
        let told = hears(&mut anybody, "public_service_created").await;
        let seen = json!({ "id": id, "name": "Search", "description": "", "status": "operational", "display_order": 5 });
        assert_eq!(told, json!({ "service": seen }));
        let path = format!("/api/services/{id}");
        ask("PUT", &path, json!({ "name": "Finder" })).await; // of which nobody is told
        ask("PUT", &path, json!({ "status": "major_outage" })).await;
        let told = hears(&mut alice, "service_status_changed").await;
        assert_eq!(
            told["service"],
            json!({ "id": id, "name": "Finder", "old_status": "operational", "new_status": "major_outage" })
        );
        let told = hears(&mut anybody, "public_service_status_changed").await;
        assert_eq!(
            told,
            json!({ "service": { "id": id, "name": "Finder", "status": "major_outage", "old_status": "operational" } })
        );

        let body = json!({ "title": "Slow", "organization_id": cast.org, "service_ids": [id], "initial_message": "We look" });
        let incident = ask("POST", "/api/incidents", body).await;
        let of = text(&incident["id"]);
        let told = hears(&mut alice, "incident_created").await;
        let seen = json!({ "id": of, "title": "Slow", "status": "investigating", "type": "incident", "impact": "none" });
        assert_eq!(told, json!({ "organization_id": cast.org, "incident": seen }));
        let told = hears(&mut anybody, "public_incident_created").await["incident"].clone();
        assert_eq!(
            (&told["affected_services"], &told["resolved_at"]),
            (&json!(["Finder"]), &Value::Null),
            "else the page goes blank"
        );
        assert_eq!((&told["latest_update"]["message"], &told["created_at"]), (&json!("We look"), &incident["created_at"]));
        let path = format!("/api/incidents/{of}");
        ask("PUT", &path, json!({ "status": "resolved", "title": "Slower" })).await;
        let told = hears(&mut alice, "incident_updated").await;
        let changes = json!(["title", "status from investigating to resolved"]);
        let seen = json!({ "id": of, "title": "Slower", "status": "resolved", "impact": "none", "changes": changes });
        assert_eq!(told, json!({ "organization_id": cast.org, "incident": seen }));
        let told = hears(&mut anybody, "public_incident_updated").await["incident"].clone();
        assert!(told["created_at"].is_string() && told["resolved_at"].is_string() && told["duration"].is_string(), "{told}");
        let update = ask("POST", &format!("{path}/updates"), json!({ "message": "Again", "status": "monitoring" })).await;
        let told = hears(&mut alice, "incident_update_added").await;
        let seen = json!({ "id": update["id"], "status": "monitoring", "message": "Again", "created_at": update["created_at"] });
        assert_eq!(told, json!({ "organization_id": cast.org, "incident_id": of, "update": seen }));
        assert_eq!(hears(&mut anybody, "public_incident_update_added").await, json!({ "incident_id": of, "update": seen }));
        ask("DELETE", &path, json!({})).await;
        assert_eq!(hears(&mut alice, "incident_deleted").await, json!({ "organization_id": cast.org, "incident_id": of }));
        let hidden =
            ask("POST", "/api/services", json!({ "name": "Hidden", "organization_id": cast.org, "is_public": false })).await;
        hears(&mut alice, "service_created").await;
        ask("DELETE", &format!("/api/services/{}", text(&hidden["id"])), json!({})).await;
        hears(&mut alice, "service_deleted").await;
        ask("DELETE", &format!("/api/services/{id}"), json!({})).await;
        assert_eq!(hears(&mut alice, "service_deleted").await, json!({ "organization_id": cast.org, "service_id": id }));
        for socket in [&mut alice, &mut mallory, &mut anybody] {
            hears_nothing(socket).await;
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn clients_join_and_leave_in_the_order_in_which_they_say_so() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let mut alice = open(&server, &cast.admin).await;
        let (id, slug) = (json!({ "organization_id": cast.org }), json!({ "org_slug": "flask-demo" }));
        for (event, what, answer, said) in [
            ("leave_organization", &id, "left", json!({ "room": format!("org_{}", cast.org) })),
            ("join_organization", &id, "joined", json!({ "room": format!("org_{}", cast.org) })),
            ("join_public_status", &slug, "joined_public", json!({ "room": "public_flask-demo" })),
            ("leave_public_status", &slug, "left_public", json!({ "room": "public_flask-demo" })),
            ("join_public_status", &json!({ "org_slug": "nobody" }), "joined_public", json!({ "room": "public_nobody" })),
            ("join_organization", &json!({}), "error", json!({ "message": "Organization ID required" })),
            ("leave_organization", &Value::Null, "error", json!({ "message": "Organization ID required" })),
            ("join_public_status", &json!({ "org_slug": 7 }), "error", json!({ "message": "Organization slug required" })),
            ("join_organization", &json!({ "organization_id": "7" }), "error", json!({ "message": "Access denied" })),
            (
                "join_organization",
                &json!({ "organization_id": cast.strangers_org }),
                "error",
                json!({ "message": "Access denied" }),
            ),
        ] {
            alice.say(event, what).await;
            let told = hears(&mut alice, answer).await;
            assert!(crate::support::has(&told, &said), "{event}: {told}");
        }
        for _ in 0..10 {
            alice.say("leave_organization", &id).await;
            alice.say("join_organization", &id).await;
        }
        for _ in 0..10 {
            hears(&mut alice, "left").await;
            hears(&mut alice, "joined").await;
        }
        server.ask_as(&cast.admin, "POST", "/api/services", Some(&json!({ "name": "x", "organization_id": cast.org }))).await;
        hears(&mut alice, "service_created").await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn whoever_wants_to_know_that_they_were_heard_is_told_so_afterwards() {
    on_both_stores(Name::Flask, |server| async move {
        let (token, _) = log_in(&server, "alice").await;
        let mut alice = open(&server, &token).await;
        for (event, answer) in [("ping", "pong"), ("leave_public_status", "error")] {
            alice.say_and_ask(event, &Value::Null).await;
            hears(&mut alice, answer).await;
            assert_eq!(alice.is_heard().await, json!([]), "{event}");
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_no_member_any_more_hears_nothing_more() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let (mut alice, mut bob) = (open(&server, &cast.admin).await, open(&server, &cast.member).await);
        let new = json!({ "name": "x", "organization_id": cast.org });
        server.ask_as(&cast.admin, "POST", "/api/services", Some(&new)).await;
        hears(&mut bob, "service_created").await;
        let (_, me) = server.ask_as(&cast.member, "GET", "/api/auth/me", None).await;
        let path = format!("/api/organizations/{}/members/{}", cast.org, text(&me["user"]["id"]));
        assert_eq!(server.ask_as(&cast.admin, "DELETE", &path, None).await.0, 200);
        server.ask_as(&cast.admin, "POST", "/api/services", Some(&new)).await;
        hears(&mut alice, "service_created").await;
        hears(&mut alice, "service_created").await;
        hears_nothing(&mut bob).await;
        bob.say("join_organization", &json!({ "organization_id": cast.org })).await;
        assert_eq!(hears(&mut bob, "error").await["message"], "Access denied");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn who_was_let_go_on_another_server_hears_nothing_of_what_is_found_with_it() {
    let here = Server::on_mongodb(Name::Flask).await;
    let there = here.beside().await;
    let cast = Cast::of(&here).await;
    let (mut alice, mut bob) = (open(&here, &cast.admin).await, open(&here, &cast.member).await);
    let (_, me) = there.ask_as(&cast.member, "GET", "/api/auth/me", None).await;
    let path = format!("/api/organizations/{}/members/{}", cast.org, text(&me["user"]["id"]));
    assert_eq!(there.ask_as(&cast.admin, "DELETE", &path, None).await.0, 200);
    let new = |name: &str| json!({ "name": name, "organization_id": cast.org });
    assert_eq!(there.ask_as(&cast.admin, "POST", "/api/services", Some(&new("Theirs"))).await.0, 201);
    // Only now this one finds that somebody else wrote.
    assert_eq!(here.ask_as(&cast.admin, "POST", "/api/services", Some(&new("Ours"))).await.0, 201);
    for name in ["Theirs", "Ours"] {
        assert_eq!(hears(&mut alice, "service_created").await["service"]["name"], name);
    }
    hears_nothing(&mut bob).await;
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn a_socket_ends_with_its_session() {
    on_both_stores(Name::Flask, |server| async move {
        let (here, _) = log_in(&server, "bob").await;
        let (elsewhere, _) = log_in(&server, "bob").await;
        let (mut stays, mut goes) = (open(&server, &here).await, open(&server, &elsewhere).await);
        let change = json!({ "current_password": "statuspage", "new_password": "correct horse" });
        assert_eq!(server.ask_as(&here, "POST", "/api/users/change-password", Some(&change)).await.0, 200);
        goes.is_let_go().await;
        hears_nothing(&mut stays).await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_socket_ends_when_its_account_is_switched_off_or_may_no_longer_do_everything() {
    on_both_stores(Name::Flask, |server| async move {
        let cast = Cast::of(&server).await;
        let (mut alice, mut bob) = (open(&server, &cast.admin).await, open(&server, &cast.member).await);
        let mut root = open(&server, &cast.root).await;
        root.say("join_organization", &json!({ "organization_id": cast.strangers_org })).await;
        hears(&mut root, "joined").await;
        server.change_account("bob@flask.example", |user| user.active = false).await;
        bob.is_let_go().await;
        server.change_account("root@flask.example", |user| user.superadmin = false).await;
        root.is_let_go().await;
        hears_nothing(&mut alice).await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn open_sockets_of_members_keep_nobody_from_stopping() {
    on_both_stores(Name::Flask, |server| async move {
        let (token, _) = log_in(&server, "alice").await;
        let mut sockets = Vec::new();
        for _ in 0..3 {
            sockets.push(open(&server, &token).await);
        }
        let server = server.restarted().await;
        for mut socket in sockets {
            socket.ends().await;
        }
        open(&server, &token).await;
        server.stop().await;
    })
    .await;
}
