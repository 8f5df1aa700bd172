//! What it tells over Socket.IO; the same in a browser is in `tests/facades/run`.

use super::{get, id, made};
use crate::support::{Server, Socket, on_both_stores};
use serde_json::{Value, json};
use tocsin::facades::{Name, OpenTo};

#[tokio::test]
async fn prisma_tells_everybody_what_has_happened() {
    on_both_stores(Name::Prisma, |server| async move {
        tells(&server, "MAJOR_OUTAGE").await;
        let server = server.opened_to_all().await;
        tells(&server, "PARTIAL_OUTAGE").await;
        server.stop().await;
    })
    .await;
}

async fn tells(server: &Server, last_word: &str) {
    let (mut ann, mut ben) = (Socket::open(server).await, Socket::open(server).await);
    let org = server.org.to_string();
    let service = made(server, "/api/services", json!({ "name": "Search", "organizationId": org })).await;
    let at = format!("/api/services/{}", id(&service));
    let change = |status: &str| json!({ "status": status });
    let (_, degraded) = server.ask("PATCH", &format!("{at}/status"), Some(&change("DEGRADED"))).await;
    server.ask("PATCH", &format!("{at}/status"), Some(&change("DEGRADED"))).await;
    server.ask("PUT", &at, Some(&json!({ "name": "Finder" }))).await;
    let new = json!({ "title": "Slow", "description": "It is", "serviceId": id(&service), "organizationId": org });
    let opened = made(server, "/api/incidents", new).await;
    let path = format!("/api/incidents/{}", id(&opened));
    let (_, renamed) = server.ask("PUT", &path, Some(&json!({ "title": "Slower" }))).await;
    let update =
        made(server, "/api/incident-updates", json!({ "incidentId": id(&opened), "message": "It is well", "status": "RESOLVED" }))
            .await;
    server.ask("PUT", &format!("/api/incident-updates/{}", id(&update)), Some(&json!({ "message": "It is" }))).await;
    let (_, reopened) = server.ask("PATCH", &format!("{path}/status"), Some(&change("OPEN"))).await;
    server.ask("DELETE", &format!("/api/incident-updates/{}", id(&update)), None).await;
    server.ask("DELETE", &path, None).await;
    server.ask("DELETE", &at, None).await;
    // What comes before the last word is all there was.
    let mail = get(server, "/api/services").await[3].clone();
    let (_, last) = server.ask("PATCH", &format!("/api/services/{}/status", id(&mail)), Some(&change(last_word))).await;
    for socket in [&mut ann, &mut ben] {
        assert_eq!(socket.hear().await, ("service_status_updated".to_owned(), degraded.clone()));
        assert_eq!(socket.hear().await, ("incident_created".to_owned(), opened.clone()));
        assert_eq!(socket.hear().await, ("incident_updated".to_owned(), renamed.clone()));
        let (event, told) = socket.hear().await;
        assert_eq!(event, "incident_updated");
        assert_eq!((&told["status"], &told["updates"]), (&json!("RESOLVED"), &json!([update])));
        let (event, told) = socket.hear().await;
        assert_eq!((event.as_str(), &told["status"]), ("incident_updated", &reopened["status"]));
        assert_eq!(socket.hear().await, ("service_status_updated".to_owned(), last.clone()));
    }
}

#[tokio::test]
async fn what_happens_in_an_organization_made_a_moment_ago_is_told_too() {
    on_both_stores(Name::Prisma, |server| async move {
        let mut server = server.opened_to_all().await;
        let mut socket = Socket::open(&server).await;
        let org = made(&server, "/api/organizations", json!({ "name": "Acme" })).await;
        let service = made(&server, "/api/services", json!({ "name": "API", "organizationId": id(&org) })).await;
        // Who is bound to another one hears nothing of it.
        let everything = server.base.clone();
        server.base = server.also_open(OpenTo::One(server.org)).await;
        let mut bound = Socket::open(&server).await;
        let mine = get(&server, "/api/services").await[0].clone();
        let one = std::mem::replace(&mut server.base, everything);
        let status = |thing: &Value| format!("/api/services/{}/status", id(thing));
        for thing in [&service, &mine] {
            assert_eq!(server.ask("PATCH", &status(thing), Some(&json!({ "status": "MAJOR_OUTAGE" }))).await.0, 200);
        }
        for name in ["API", "Website"] {
            assert_eq!(socket.hear().await.1["name"], name);
        }
        assert_eq!(bound.hear().await.1["name"], "Website");
        drop(one);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_another_server_wrote_prisma_tells_when_it_is_found() {
    let here = Server::on_mongodb(Name::Prisma).await;
    let there = here.beside().await;
    let mut socket = Socket::open(&here).await;
    let services = get(&there, "/api/services").await;
    let status = |n: usize| format!("/api/services/{}/status", id(&services[n]));
    let down = json!({ "status": "MAJOR_OUTAGE" });
    assert_eq!(there.ask("PATCH", &status(0), Some(&down)).await.0, 200);
    assert_eq!(here.ask("PATCH", &status(1), Some(&down)).await.0, 200);
    for name in ["Website", "API"] {
        let (event, told) = socket.hear().await;
        assert_eq!((event.as_str(), &told["name"]), ("service_status_updated", &json!(name)));
    }
    here.stop().await;
    there.stop().await;
}
