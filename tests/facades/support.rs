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
    http::{
        HttpSettings,
        edge::{EdgeSettings, RateSettings},
    },
    identity::{ClientHint, IdTokenFor, IdentitySettings, Tokens, organization_word, providers},
    monitors::MonitorSettings,
    seed::{Fixture, ids::Ids, load::Loader},
};
use tocsin_actors::{
    accounts::User,
    domain::{Author, Command, Order, OrgId},
    store::{Store, UserKey},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};
use uuid::Uuid;

/// A server that speaks like another backend.
pub(crate) struct Server {
    pub(crate) app: App,
    store: Arc<dyn Store>,
    pub(crate) base: String,
    /// Where everybody's API is.
    pub(crate) api: String,
    /// Whose tokens it takes, as a file says it.
    providers: String,
    name: Name,
    url: String,
    pub(crate) org: OrgId,
    /// To what it is open, if it knows nobody.
    to: OpenTo,
    _folder: Option<TempDir>,
}

/// Runs a test on the embedded store, and on MongoDB.
pub(crate) async fn on_both_stores<F: Future<Output = ()>>(name: Name, test: impl Fn(Server) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().join("data").display());
    test(Server::start(name, &url, Some(folder), "").await).await;
    test(Server::on_mongodb(name).await).await;
}

/// The same for one that takes tokens of these providers.
pub(crate) async fn on_both_stores_with<F: Future<Output = ()>>(name: Name, providers: &str, test: impl Fn(Server) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().join("data").display());
    test(Server::start(name, &url, Some(folder), providers).await).await;
    test(Server::start(name, &Server::new_database(name).await, None, providers).await).await;
}

/// A Socket.IO client over WebSocket, as far as it hears.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn open(server: &Server) -> Self {
        Self::open_as(server, None).await.unwrap()
    }

    /// With what is shown at the door; or what is said to who is not let in.
    pub(crate) async fn open_as(server: &Server, shown: Option<Value>) -> Result<Self, Value> {
        let url = server.base.replace("http://", "ws://") + "/socket.io/?EIO=4&transport=websocket";
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut this = Self(socket);
        this.said("0").await; // the transport is open
        let shown = shown.map(|shown| shown.to_string()).unwrap_or_default();
        this.0.send(Message::text(format!("40{shown}"))).await.unwrap();
        let answer = this.said("4").await; // the namespace too
        match answer.strip_prefix('4') {
            Some(refused) => Err(serde_json::from_str(refused).unwrap()),
            None => Ok(this),
        }
    }

    /// Says something.
    pub(crate) async fn say(&mut self, event: &str, what: &Value) {
        self.0.send(Message::text(format!("42{}", Value::from(vec![event.into(), what.clone()])))).await.unwrap();
    }

    /// Says something of which it wants to know that it was heard.
    pub(crate) async fn say_and_ask(&mut self, event: &str, what: &Value) {
        self.0.send(Message::text(format!("427{}", Value::from(vec![event.into(), what.clone()])))).await.unwrap();
    }

    /// What it is told when it was heard.
    pub(crate) async fn is_heard(&mut self) -> Value {
        serde_json::from_str(&self.said("437").await).unwrap()
    }

    /// One that never reads anything, and has little room for it.
    pub(crate) async fn open_deaf(server: &Server) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let address = server.base.trim_start_matches("http://");
        let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
        let head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 1_024];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
        stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'4', b'0']).await.unwrap(); // opens the namespace, with a mask of zeros
        stream
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

    /// Until it is told that it is not connected any more.
    pub(crate) async fn is_let_go(&mut self) {
        self.said("41").await;
    }

    /// How it ends.
    pub(crate) async fn ends(&mut self) {
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

/// What runs without a facade yet: the program, its store, and where everybody's API is.
type Running = (App, Arc<dyn Store>, String);

impl Server {
    async fn start(name: Name, url: &str, folder: Option<TempDir>, providers: &str) -> Self {
        Self::load(name, run(url, providers).await, (url, folder), providers).await
    }

    /// One on the embedded store where who asks too often is told so.
    pub(crate) async fn limited(name: Name, rates: RateSettings, providers: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file:{}", folder.path().join("data").display());
        let running = run_with(&url, providers, (HttpSettings::default(), rates)).await;
        Self::load(name, running, (&url, Some(folder)), providers).await
    }

    async fn load(name: Name, running: Running, (url, folder): (&str, Option<TempDir>), providers: &str) -> Self {
        let source = std::fs::read_to_string(format!("{}/fixtures/{name}.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let fixture = Fixture::read("sample", &source).unwrap();
        let (app, store, _) = &running;
        let loader = Loader::new(store.clone(), app.directory().clone(), SystemTime::now().into_timestamp());
        let survey = loader.survey(&fixture).await.unwrap();
        let outcomes = loader.carry_out(&fixture, survey, |_| {}).await.unwrap();
        let org = Ids::of(&outcomes[0].slug).org();
        Self::open(running, name, (url.to_owned(), folder), (org, OpenTo::One(org)), providers.to_owned()).await
    }

    async fn open(
        (app, store, api): Running,
        name: Name,
        (url, _folder): (String, Option<TempDir>),
        (org, to): (OrgId, OpenTo),
        providers: String,
    ) -> Self {
        let mut this = Self { app, store, base: String::new(), api, providers, name, url, org, to, _folder };
        this.base = this.also_open(to).await;
        this
    }

    /// Opens another facade of the kind on the same server; answers where.
    pub(crate) async fn also_open(&mut self, to: OpenTo) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let to = (!self.name.has_logins()).then_some(to);
        self.app.open_facade(self.name, listener, to).await.unwrap();
        base
    }

    /// The same one after a restart; at another address.
    pub(crate) async fn restarted(self) -> Self {
        self.restarted_with(HttpSettings::default()).await
    }

    /// The same where nobody makes an account any more.
    pub(crate) async fn restarted_closed(self) -> Self {
        self.restarted_with(HttpSettings { registration: false, ..HttpSettings::default() }).await
    }

    async fn restarted_with(self, http: HttpSettings) -> Self {
        let Self { app, store, name, url, org, to, _folder, providers, .. } = self;
        app.shutdown().await;
        drop(store);
        Self::open(run_with(&url, &providers, (http, no_limits())).await, name, (url, _folder), (org, to), providers).await
    }

    /// The same one, open to everything that is there.
    pub(crate) async fn opened_to_all(self) -> Self {
        Self { to: OpenTo::All, ..self }.restarted().await
    }

    /// Has something done in its organization, as by the API.
    pub(crate) async fn execute(&self, command: Command) {
        let order = Order { by: Author::System, at: SystemTime::now().into_timestamp(), key: None, only_at: None, command };
        self.app.directory().execute(self.org, vec![order]).await.unwrap();
    }

    /// Another one on the same database, which neither knows of the other.
    pub(crate) async fn beside(&self) -> Self {
        let place = (self.url.clone(), None);
        Self::open(run(&self.url, &self.providers).await, self.name, place, (self.org, self.to), self.providers.clone()).await
    }

    /// One on MongoDB.
    pub(crate) async fn on_mongodb(name: Name) -> Self {
        Self::start(name, &Self::new_database(name).await, None, "").await
    }

    async fn new_database(name: Name) -> String {
        Mongod::shared().await.uri(&format!("facade_{name}_{}", Uuid::now_v7().simple()))
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

    /// Has an account changed, as its keeper does.
    pub(crate) async fn change_account(&self, email: &str, change: impl FnOnce(&mut User)) {
        let mut user = self.store.find_user(UserKey::Email(email.to_owned())).await.unwrap().unwrap();
        change(&mut user);
        user.version += 1;
        self.app.identity().replace_user(user).await.unwrap();
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

    /// What its own API answers somebody; nobody when the token is empty.
    pub(crate) async fn ask_api(&self, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let asked = client().request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.api));
        let asked = if token.is_empty() { asked } else { asked.header("authorization", format!("Bearer {token}")) };
        let response = asked.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
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

async fn run(url: &str, providers: &str) -> Running {
    run_with(url, providers, (HttpSettings::default(), no_limits())).await
}

fn no_limits() -> RateSettings {
    RateSettings::of_requests_per_second(0)
}

async fn run_with(url: &str, providers: &str, (http, rates): (HttpSettings, RateSettings)) -> Running {
    let store = tocsin::store::open(url).await.unwrap();
    let mut identity = IdentitySettings::default();
    if !providers.is_empty() {
        identity.providers = providers::read(providers, &identity.issuer).unwrap();
    }
    let edge = EdgeSettings { rates, ..EdgeSettings::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Websites are asked when a test says so, and stand on this machine.
    let monitors = MonitorSettings { on: false, allowed: vec!["127.0.0.0/8".parse().unwrap()], ..MonitorSettings::default() };
    let api = format!("http://{}/api/v1", listener.local_addr().unwrap());
    let settings = AppSettings { edge, http, identity, monitors, ..AppSettings::default() };
    (App::start(store.clone(), settings, listener).await.unwrap(), store, api)
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
