//! A server with a facade, its sample data, and rows of a contract.

use crate::mongod::Mongod;
use futures::{SinkExt, StreamExt};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tocsin::{
    app::{App, AppSettings},
    facades::{Name, OpenTo},
    http::edge::{EdgeSettings, RateSettings},
    identity::{ClientHint, IdTokenFor, Tokens, organization_word},
    seed::{Fixture, ids::Ids, load::Loader},
};
use tocsin_actors::{
    accounts::User,
    domain::OrgId,
    store::{Store, UserKey},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};
use uuid::Uuid;

/// A server that speaks like another backend.
pub(crate) struct Server {
    pub(crate) app: App,
    store: Arc<dyn Store>,
    /// Where everybody's API is.
    api: String,
    pub(crate) base: String,
    name: Name,
    url: String,
    org: OrgId,
    _folder: Option<TempDir>,
}

/// Runs a test on the embedded store, and on MongoDB.
pub(crate) async fn on_both_stores<F: Future<Output = ()>>(name: Name, test: impl Fn(Server) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().join("data").display());
    test(Server::start(name, &url, Some(folder)).await).await;
    test(Server::on_mongodb(name).await).await;
}

/// A Socket.IO client over WebSocket, as far as it hears.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn open(server: &Server) -> Self {
        let url = server.base.replace("http://", "ws://") + "/socket.io/?EIO=4&transport=websocket";
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut this = Self(socket);
        this.said("0").await; // the transport is open
        this.0.send(Message::text("40")).await.unwrap();
        this.said("40").await; // the namespace too
        this
    }

    /// The next event, and what it says.
    pub(crate) async fn hear(&mut self) -> (String, Value) {
        serde_json::from_str(&self.said("42").await).unwrap()
    }

    /// What comes next, which is of this kind; whoever asks whether we are there is told.
    async fn said(&mut self, kind: &str) -> String {
        loop {
            let heard = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await.expect("something is said");
            let text = heard.unwrap().unwrap().into_text().unwrap();
            match text.strip_prefix(kind) {
                Some(said) => return said.to_owned(),
                None if text.as_str() == "2" => self.0.send(Message::text("3")).await.unwrap(),
                None => panic!("{text} is not of kind {kind}"),
            }
        }
    }

    /// How it ends.
    pub(crate) async fn ends(&mut self) {
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

impl Server {
    async fn start(name: Name, url: &str, folder: Option<TempDir>) -> Self {
        let store = tocsin::store::open(url).await.unwrap();
        let source = std::fs::read_to_string(format!("{}/fixtures/{name}.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let fixture = Fixture::read("sample", &source).unwrap();
        let (app, api) = start(store.clone()).await;
        let loader = Loader::new(store.clone(), app.directory().clone(), SystemTime::now().into_timestamp());
        let survey = loader.survey(&fixture).await.unwrap();
        let outcomes = loader.carry_out(&fixture, survey, |_| {}).await.unwrap();
        let org = Ids::of(&outcomes[0].slug).org();
        Self::open((app, store, api), name, url.to_owned(), org, folder).await
    }

    async fn open(
        (mut app, store, api): (App, Arc<dyn Store>, String),
        name: Name,
        url: String,
        org: OrgId,
        folder: Option<TempDir>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let to = (!name.has_logins()).then_some(OpenTo::One(org));
        app.open_facade(name, listener, to).await.unwrap();
        Self { app, store, api, base, name, url, org, _folder: folder }
    }

    /// The same one after a restart; at another address.
    pub(crate) async fn restarted(self) -> Self {
        let Self { app, store, name, url, org, _folder, .. } = self;
        app.shutdown().await;
        drop(store);
        let store = tocsin::store::open(&url).await.unwrap();
        let (app, api) = start(store.clone()).await;
        Self::open((app, store, api), name, url, org, _folder).await
    }

    /// Another one on the same database, which neither knows of the other.
    pub(crate) async fn beside(&self) -> Self {
        let store = tocsin::store::open(&self.url).await.unwrap();
        let (app, api) = start(store.clone()).await;
        Self::open((app, store, api), self.name, self.url.clone(), self.org, None).await
    }

    /// One on MongoDB.
    pub(crate) async fn on_mongodb(name: Name) -> Self {
        let database = format!("facade_{}", Uuid::now_v7().simple());
        Self::start(name, &Mongod::shared().await.uri(&database), None).await
    }

    /// Where it says that it is, as its own tokens name it.
    pub(crate) fn issuer(&self) -> String {
        format!("{}/", self.base)
    }

    async fn logged_in(&self, email: &str) -> (User, Tokens) {
        let user = self.store.find_user(UserKey::Email(email.to_owned())).await.unwrap().unwrap();
        let hint = ClientHint { address: Ipv4Addr::LOCALHOST.into(), user_agent: None };
        let tokens = self.app.identity().open_session(&user, hint).await.unwrap();
        (user, tokens)
    }

    /// An ID token of somebody with an account, for an organization.
    pub(crate) async fn id_token(&self, email: &str, slug: &str) -> String {
        let (user, Tokens { session, .. }) = self.logged_in(email).await;
        let org = self.app.find(slug).await.unwrap().unwrap();
        let (issuer, nonce) = (self.issuer(), None);
        let told = IdTokenFor { issuer: &issuer, client: "tocsin", user: &user, org, session, nonce };
        self.app.identity().id_token(told).await.unwrap().expose().to_owned()
    }

    /// One by which everybody's API knows somebody.
    pub(crate) async fn access_token(&self, email: &str) -> String {
        self.logged_in(email).await.1.access_token.expose().to_owned()
    }

    /// Asks everybody's API, which this facade has beside it.
    pub(crate) async fn ask_api_as(&self, email: &str, method: &str, path: &str, body: &Value) -> Value {
        let token = self.access_token(email).await;
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let asked = client().request(method, format!("{}{path}", self.api)).bearer_auth(token).json(body);
        let response = asked.send().await.unwrap();
        assert!(response.status().is_success(), "{path} {body}: {response:?}");
        response.json().await.unwrap_or_default()
    }

    /// Somebody new with an organization of their own, which ID tokens call like this.
    pub(crate) async fn founded(&self, slug: &str, email: &str) -> String {
        let organization = json!({ "name": slug, "slug": slug });
        let body = json!({ "email": email, "password": "correct horse battery", "organization": organization });
        let asked = client().post(format!("{}/auth/register", self.api)).json(&body);
        assert_eq!(asked.send().await.unwrap().status().as_u16(), 201);
        organization_word(self.app.find(slug).await.unwrap().unwrap())
    }

    pub(crate) async fn stop(self) {
        self.app.shutdown().await;
    }

    /// What is answered, and what it says if it is JSON.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.ask_as("", method, path, body).await
    }

    /// The same by somebody who is known by a token; by nobody when it is empty.
    pub(crate) async fn ask_as(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let headers = [("content-type", "application/json"), ("authorization", &bearer)];
        let response =
            self.send_with(&headers[..1 + usize::from(!token.is_empty())], method, path, body.map(ToString::to_string)).await;
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// With any body, as it is.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<String>) -> Response {
        self.send_with(&[("content-type", "application/json")], method, path, body).await
    }

    /// With any headers too.
    pub(crate) async fn send_with(&self, headers: &[(&str, &str)], method: &str, path: &str, body: Option<String>) -> Response {
        let mut asked = client().request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base));
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        if let Some(body) = body {
            asked = asked.body(body);
        }
        asked.send().await.unwrap()
    }
}

/// One that goes straight there.
pub(crate) fn client() -> reqwest::Client {
    // The client asks for it, also for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn start(store: Arc<dyn Store>) -> (App, String) {
    let edge = EdgeSettings { rates: RateSettings::of_requests_per_second(0), ..EdgeSettings::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/api/v1", listener.local_addr().unwrap());
    (App::start(store, AppSettings { edge, ..AppSettings::default() }, listener).await.unwrap(), api)
}

pub(crate) trait IntoTimestamp {
    fn into_timestamp(self) -> tocsin_actors::domain::Timestamp;
}

impl IntoTimestamp for SystemTime {
    fn into_timestamp(self) -> tocsin_actors::domain::Timestamp {
        chrono::DateTime::<chrono::Utc>::from(self).into()
    }
}

/// Whether an answer has all of this in it: keys that are not named may be anything.
pub(crate) fn has(answer: &Value, wanted: &Value) -> bool {
    match (answer, wanted) {
        (Value::Object(answer), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| answer.get(key).is_some_and(|answer| has(answer, wanted)))
        }
        (Value::Array(answer), Value::Array(wanted)) => {
            answer.len() == wanted.len() && answer.iter().zip(wanted).all(|(answer, wanted)| has(answer, wanted))
        }
        _ => answer == wanted,
    }
}

/// The names of the fields, sorted.
pub(crate) fn keys(answer: &Value) -> Vec<&str> {
    answer.as_object().unwrap().keys().map(String::as_str).collect()
}
