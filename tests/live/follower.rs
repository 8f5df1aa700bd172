//! A reader that keeps a page by what it is told, and objects to every gap, repeat and disorder.

use crate::support::Client;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, protocol::CloseFrame},
};

/// Within this somebody hears what was said; a machine full of other tests may need it.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a server says about a request that it does not want to be a socket.
pub(crate) async fn refusal(base: &str, path: &str, token: Option<&str>) -> u16 {
    match open(base, path, token).await {
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        other => panic!("{path} was not refused: {other:?}"),
    }
}

pub(crate) async fn open(base: &str, path: &str, token: Option<&str>) -> tungstenite::Result<Socket> {
    let mut request = format!("{}{path}", base.replacen("http", "ws", 1)).into_client_request().unwrap();
    if let Some(token) = token {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

/// The next JSON text; the frame with which it ends, where it does.
pub(crate) async fn hear(socket: &mut Socket) -> Result<Value, Option<CloseFrame>> {
    loop {
        let message = tokio::time::timeout(SOON, socket.next()).await.expect("waited for a message");
        match message {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => return Err(frame),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

pub(crate) async fn say(socket: &mut Socket, what: Value) {
    socket.send(Message::text(what.to_string())).await.unwrap();
}

/// Somebody who follows one organization.
pub(crate) struct Follower {
    base: String,
    org: String,
    token: Option<String>,
    socket: Option<Socket>,
    pub(crate) page: Value,
    epoch: String,
    pub(crate) seq: u64,
    pub(crate) snapshots: usize,
    pub(crate) names: Vec<String>,
}

impl Follower {
    pub(crate) fn of(client: &Client, org: &str) -> Self {
        Self {
            base: client.base.clone(),
            org: org.to_owned(),
            token: client.token.clone(),
            socket: None,
            page: Value::Null,
            epoch: String::new(),
            seq: 0,
            snapshots: 0,
            names: Vec::new(),
        }
    }

    /// Comes, or comes back with what it has.
    pub(crate) async fn connect(&mut self) {
        let had = if self.epoch.is_empty() { String::new() } else { format!("?epoch={}&seq={}", self.epoch, self.seq) };
        let path = format!("/ws/{}{had}", self.org);
        self.socket = Some(open(&self.base, &path, self.token.as_deref()).await.unwrap());
    }

    pub(crate) async fn following(client: &Client, org: &str) -> Self {
        let mut follower = Self::of(client, org);
        follower.connect().await;
        follower.hear().await;
        assert_eq!(follower.snapshots, 1, "who has nothing gets a snapshot");
        follower
    }

    /// Goes away without a word, as a train does into a tunnel.
    pub(crate) fn vanish(&mut self) {
        self.socket = None;
    }

    /// At another address from now on: the server was started again.
    pub(crate) fn moved(&mut self, base: &str) {
        base.clone_into(&mut self.base);
    }

    pub(crate) fn socket(&mut self) -> &mut Socket {
        self.socket.as_mut().unwrap()
    }

    /// Hears one message and does what it says; false when there is none for a while.
    pub(crate) async fn hear_within(&mut self, time: Duration) -> bool {
        let Ok(heard) = tokio::time::timeout(time, hear(self.socket())).await else { return false };
        self.take(heard.unwrap_or_else(|close| panic!("it ended: {close:?}")));
        true
    }

    pub(crate) async fn hear(&mut self) {
        assert!(self.hear_within(SOON).await, "nothing was heard at {}", self.seq);
    }

    pub(crate) fn take(&mut self, frame: Value) {
        let seq = frame["seq"].as_u64().unwrap_or_else(|| panic!("{frame}"));
        match frame["type"].as_str().unwrap() {
            "snapshot" => {
                assert!(self.epoch.is_empty() || seq >= self.seq, "a snapshot from the past: {seq} after {}", self.seq);
                self.page = frame["page"].clone();
                assert_eq!(self.page["seq"], frame["seq"]);
                self.snapshots += 1;
            }
            "event" => {
                assert_eq!(frame["prev"].as_u64(), Some(self.seq), "a gap, a repeat or disorder: {frame}");
                assert!(seq > self.seq);
                apply(&mut self.page, &frame["data"]);
                self.names.push(frame["event"].as_str().unwrap().to_owned());
            }
            other => panic!("{other}"),
        }
        self.seq = seq;
        self.epoch = frame["epoch"].as_str().unwrap().to_owned();
    }

    /// What the API shows to the same audience now, without the number as of which it is so: private changes have some.
    pub(crate) async fn assert_as_told_by(&mut self, client: &Client, slug: &str) {
        let wanted = without_seq(client.get(&format!("/public/{slug}")).await.is(200));
        for _ in 0..1_000 {
            if without_seq(self.page.clone()) == wanted {
                return;
            }
            self.hear().await;
        }
        panic!("it never became\n{wanted:#}");
    }
}

fn without_seq(mut page: Value) -> Value {
    page.as_object_mut().unwrap().remove("seq");
    page
}

/// Does what an event says to a page; as the documentation has it, and no cleverer.
pub(crate) fn apply(page: &mut Value, data: &Value) {
    page["status"] = data["status"].clone();
    if let Some(organization) = data["organization"].as_object() {
        organization.iter().for_each(|(name, value)| page[name] = value.clone());
    }
    let mut things: HashMap<String, Value> = HashMap::new();
    let id = |thing: &Value| thing["id"].as_str().unwrap().to_owned();
    for list in ["groups", "services", "active", "upcoming"] {
        page[list].as_array().unwrap().iter().for_each(|thing| drop(things.insert(id(thing), thing.clone())));
    }
    for list in ["groups", "services", "incidents"] {
        data[list].as_array().into_iter().flatten().for_each(|thing| drop(things.insert(id(thing), thing.clone())));
    }
    for list in ["groups", "services", "active", "upcoming"] {
        let ids: Vec<String> = match data["order"][list].as_array() {
            Some(ids) => ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect(),
            None => page[list].as_array().unwrap().iter().map(id).collect(),
        };
        page[list] = ids.iter().map(|id| things.get(id).unwrap_or_else(|| panic!("{id} was never told of")).clone()).collect();
    }
}

/// What somebody says who shows their token on the socket.
pub(crate) fn auth(client: &Client) -> Value {
    json!({"type": "auth", "token": client.token})
}
