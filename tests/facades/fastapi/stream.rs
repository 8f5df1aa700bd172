//! What is told to who listens.

use super::{Client, DANA, EVAN, MALLORY, SLUG};
use crate::support::{Server, on_both_stores};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tocsin::facades::Name;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// A listener, as a browser's WebSocket is one.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(super) async fn open(server: &Server, word: &str) -> Self {
        Self::try_open(server, word).await.unwrap()
    }

    async fn try_open(server: &Server, word: &str) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let url = format!("{}/ws/{word}", server.base.replace("http://", "ws://"));
        Ok(Self(connect_async(url).await?.0))
    }

    /// The next message.
    pub(super) async fn hear(&mut self) -> Value {
        loop {
            let heard = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await.expect("something is said");
            if let Message::Text(text) = heard.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    pub(super) async fn ends(&mut self) {
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

/// What is told of a change, without when.
fn told(object: &str, event: &str, payload: Value) -> Value {
    json!({ "object": object, "event": event, "payload": payload })
}

#[tokio::test]
async fn everything_is_told_to_who_listens_in_order() {
    on_both_stores(Name::Fastapi, |server| async move {
        let (dana, evan) = (Client::of(&server, DANA).await, Client::of(&server, EVAN).await);
        let (_, page) = server.ask("GET", "/api/public/fastapi-demo", None).await;
        let org_id = page["organization"]["auth0_org_id"].as_str().unwrap();
        let mut sockets = [Socket::open(&server, SLUG).await, Socket::open(&server, org_id).await];
        for socket in &mut sockets {
            // What listeners say is for nobody.
            for said in ["hello", r#"{"type":"ping"}"#, r#"{"type":"subscribe","org":"other"}"#] {
                socket.0.send(Message::text(said)).await.unwrap();
            }
            socket.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
        }
        let service = dana.make("Search", "operational").await;
        let second = dana.make("Queue", "operational").await;
        let (id, other) = (service.to_string(), second.to_string());
        dana.change(&format!("/api/services/{service}"), json!({ "name": "Finder" })).await;
        evan.change(&format!("/api/services/{service}/status"), json!({ "status": "degraded", "message": "Slow" })).await;
        evan.change(&format!("/api/services/{service}/status"), json!({ "status": "degraded" })).await; // nothing new
        evan.change(&format!("/api/services/{service}/status"), json!({ "status": "operational" })).await;
        let incident = evan.open("major", &[service, second]).await;
        let path = format!("/api/incidents/{incident}");
        let said = json!({ "incident_id": incident, "message": "A disk" });
        assert_eq!(dana.ask("POST", "/api/incidents/updates", Some(&said)).await.0, 200);
        dana.change(&path, json!({ "status": "resolved" })).await;
        assert_eq!(dana.ask("DELETE", &path, None).await.0, 200);
        assert_eq!(dana.ask("DELETE", &format!("/api/services/{service}"), None).await.0, 204);
        let last = dana.make("Last", "operational").await.to_string();
        let (dana, evan) = ("Dana Diaz", "Evan Ellis");
        let status = |old: &str, new: &str, message: Option<&str>| {
            json!({ "service_id": id, "name": "Finder", "old_status": old, "new_status": new, "message": message, "updated_by": evan })
        };
        let by_incident =
            |id: &str, name: &str| json!({ "service_id": id, "name": name, "new_status": "partial_outage", "updated_by": evan });
        let state = |status: &str, by: &str| {
            json!({ "incident_id": incident, "title": "Broken", "status": status, "impact": "major", "updated_by": by })
        };
        let wanted = [
            told("service", "created", json!({ "service_id": id, "name": "Search", "status": "operational" })),
            told("service", "created", json!({ "service_id": other, "name": "Queue", "status": "operational" })),
            told("service", "status_updated", json!({ "service_id": id, "name": "Finder", "updated_by": dana })),
            told("service", "status_updated", status("operational", "degraded", Some("Slow"))),
            told("service", "status_updated", status("degraded", "operational", None)),
            told("service", "status_updated", by_incident(&id, "Finder")),
            told("service", "status_updated", by_incident(&other, "Queue")),
            told("incident", "created", state("investigating", evan)),
            told(
                "incident_update",
                "created",
                json!({ "incident_id": incident, "status": "investigating", "message": "A disk", "updated_by": dana }),
            ),
            told("service", "bulk_updated", json!({ "service_ids": format!("{id},{other}"), "updated_by": dana })),
            told("incident", "updated", state("resolved", dana)),
            told("incident", "deleted", json!({ "service_id": incident.to_string(), "name": "Broken" })),
            told("service", "deleted", json!({ "service_id": id, "name": "Finder" })),
            told("service", "created", json!({ "service_id": last, "name": "Last", "status": "operational" })),
        ];
        for socket in &mut sockets {
            for wanted in &wanted {
                let mut heard = socket.hear().await;
                assert_eq!(heard["org_id"], org_id);
                let at = heard["timestamp"].as_str().unwrap();
                assert!(at.len() == 32 && at.ends_with("+00:00"), "{at}");
                let envelope = heard.as_object_mut().unwrap();
                envelope.remove("org_id");
                envelope.remove("timestamp");
                assert_eq!(heard, *wanted);
            }
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_deleted_row_does_not_come_back_because_its_event_was_faster_than_the_answer() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        let mut socket = Socket::open(&server, SLUG).await;
        let service = dana.make("Gone", "operational").await;
        socket.hear().await;
        let asked = std::time::Instant::now();
        assert_eq!(dana.ask("DELETE", &format!("/api/services/{service}"), None).await.0, 204);
        assert_eq!(socket.hear().await["event"], "deleted");
        assert!(asked.elapsed() >= Duration::from_millis(200), "{:?}", asked.elapsed());
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn nobody_listens_to_an_organization_that_is_not_there_or_to_another_one() {
    on_both_stores(Name::Fastapi, |server| async move {
        let other = server.founded("other", MALLORY).await;
        let unknown = "org_0199a1b2c3d47e5f8a6b7c8d9e0f1a2b";
        for word in ["nobody", "undefined", unknown, "org_x", "org_", "..", "%2e%2e"] {
            assert!(Socket::try_open(&server, word).await.is_err(), "{word}");
        }
        let mut theirs = Socket::open(&server, &other).await;
        let mut ours = Socket::open(&server, SLUG).await;
        let dana = Client::of(&server, DANA).await;
        let mallory = Client { server: &server, token: server.id_token(MALLORY, "other").await };
        dana.make("Ours", "operational").await;
        mallory.make("Theirs", "operational").await;
        assert_eq!(ours.hear().await["payload"]["name"], "Ours");
        let heard = theirs.hear().await;
        assert_eq!((&heard["payload"]["name"], &heard["org_id"]), (&json!("Theirs"), &json!(other)));
        // Who listens to what is deleted is sent away.
        server.ask_api_as(MALLORY, "DELETE", "/orgs/other", &json!({})).await;
        theirs.ends().await;
        assert!(Socket::try_open(&server, &other).await.is_err());
        dana.make("Later", "operational").await;
        assert_eq!(ours.hear().await["payload"]["name"], "Later");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn many_listeners_hear_the_same_and_one_that_is_gone_keeps_nobody() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        let mut sockets = Vec::new();
        for _ in 0..40 {
            sockets.push(Socket::open(&server, SLUG).await);
        }
        drop(sockets.split_off(30));
        for number in 0..10 {
            dana.make(&format!("Service {number}"), "operational").await;
        }
        for socket in &mut sockets {
            for number in 0..10 {
                assert_eq!(socket.hear().await["payload"]["name"], format!("Service {number}"));
            }
        }
        drop(sockets);
        // Nobody listens any more: who comes then begins anew, and hears what is said from then on.
        dana.make("Unheard", "operational").await;
        let mut late = Socket::open(&server, SLUG).await;
        dana.make("Heard", "operational").await;
        assert_eq!(late.hear().await["payload"]["name"], "Heard");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_another_server_wrote_is_told_when_it_is_found() {
    let here = Server::on_mongodb(Name::Fastapi).await;
    let there = here.beside().await;
    let (dana, evan) = (Client::of(&here, DANA).await, Client::of(&there, EVAN).await);
    let mut socket = Socket::open(&here, SLUG).await;
    let theirs = evan.make("Theirs", "operational").await;
    evan.open("major", &[theirs]).await;
    // Only now this one finds that somebody else wrote.
    dana.make("Ours", "operational").await;
    for (event, name) in [
        ("service/created", json!("Theirs")),
        ("service/status_updated", json!("Theirs")),
        ("incident/created", Value::Null),
        ("service/created", json!("Ours")),
    ] {
        let told = socket.hear().await;
        let (object, what) = event.split_once('/').unwrap();
        assert_eq!((&told["object"], &told["event"]), (&json!(object), &json!(what)), "{told}");
        assert_eq!(told["payload"]["name"], name, "{told}");
    }
    here.stop().await;
    there.stop().await;
}
