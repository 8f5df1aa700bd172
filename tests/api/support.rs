//! A server for a test, people who use it, and a client that holds every answer to what all answers promise: never a
//! 5xx, errors in one shape, and a request's name in head and body.

#![allow(dead_code)] // each test binary uses its part

use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap},
};
use serde_json::{Value, json};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Once,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tocsin::{
    app::{App, AppSettings},
    http::edge::{EdgeSettings, RateSettings},
    live::{Joining, Taken, writers::WriterSettings},
    monitors::MonitorSettings,
};
use tocsin_actors::{directory::Settings, domain::UserId, store::Store};
use tokio::net::TcpListener;
use uuid::Uuid;

/// Everybody's.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The server under test, with an embedded store in a folder that is gone afterwards.
pub(crate) struct Server {
    app: App,
    store: Arc<dyn Store>,
    base: String,
    _folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    /// One that may be asked as often as anybody likes.
    pub(crate) async fn start_unlimited() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), unlimited()).await
    }

    /// One whose website checks may look into this machine.
    pub(crate) async fn start_watching() -> Self {
        let monitors = MonitorSettings { allowed: vec!["127.0.0.0/8".parse().unwrap()], ..MonitorSettings::default() };
        Self::start_with(tempfile::tempdir().unwrap(), AppSettings { monitors, ..unlimited() }).await
    }

    /// One that makes such checks only when somebody asks for them.
    pub(crate) async fn start_watching_when_asked() -> Self {
        let allowed = vec!["127.0.0.0/8".parse().unwrap()];
        let monitors = MonitorSettings { on: false, allowed, ..MonitorSettings::default() };
        Self::start_with(tempfile::tempdir().unwrap(), AppSettings { monitors, ..unlimited() }).await
    }

    /// One with sockets spread over several writers.
    pub(crate) async fn start_with_writers(threads: usize) -> Self {
        let live = WriterSettings { threads, ..WriterSettings::default() };
        Self::start_with(tempfile::tempdir().unwrap(), AppSettings { live, ..unlimited() }).await
    }

    async fn start_in(folder: TempDir) -> Self {
        Self::start_with(folder, AppSettings::default()).await
    }

    async fn start_with(folder: TempDir, settings: AppSettings) -> Self {
        let store = tocsin::store::open(&format!("file:{}", folder.path().join("data").display())).await.unwrap();
        Self::start_on(store, folder, settings).await
    }

    /// One with a store that the test looks after, and that may be asked as often as anybody likes.
    pub(crate) async fn start_over(store: Arc<dyn Store>) -> Self {
        Self::start_on(store, tempfile::tempdir().unwrap(), unlimited()).await
    }

    /// One with its store somewhere else, where nobody stays awake whom nobody asks for.
    pub(crate) async fn start_sleepy(url: &str) -> Self {
        let engine = Settings { sleep_after: Duration::ZERO, sweep_every: Duration::from_secs(3600), ..Settings::default() };
        let store = tocsin::store::open(url).await.unwrap();
        Self::start_on(store, tempfile::tempdir().unwrap(), AppSettings { engine, ..unlimited() }).await
    }

    async fn start_on(store: Arc<dyn Store>, folder: TempDir, settings: AppSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = App::start(store.clone(), settings, listener).await.unwrap();
        Self { app, store, base, _folder: folder }
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Somebody nobody knows.
    pub(crate) fn stranger(&self) -> Client {
        Client::of(&self.base)
    }

    /// Somebody with an account.
    pub(crate) async fn person(&self, name: &str) -> Person {
        Person::register(self.stranger(), name).await
    }

    /// Somebody with an account and an organization.
    pub(crate) async fn founder(&self, slug: &str) -> (Person, Org) {
        let founder = self.person(&format!("{slug}-founder")).await;
        let org = founder.found(slug).await;
        (founder, org)
    }

    /// Makes a user a superadmin, which no route can.
    pub(crate) async fn superadmin(&self, name: &str) -> Person {
        // Promoted before the first request with the token: what was read of a user is believed for a while.
        let person = self.person(name).await;
        let mut user = self.store.user(UserId::new(person.id.parse().unwrap())).await.unwrap().unwrap();
        user.superadmin = true;
        user.version += 1;
        self.store.replace_user(user).await.unwrap();
        person
    }

    /// Goes, and comes back with the same store at another address.
    pub(crate) async fn restart(self) -> Self {
        let Self { app, store, _folder, .. } = self;
        app.shutdown().await;
        drop(store);
        Self::start_in(_folder).await
    }

    /// Goes.
    pub(crate) async fn stop(self) {
        self.app.shutdown().await;
    }

    /// Takes a connection over that is no socket of the kernel, as if it had been upgraded.
    pub(crate) async fn welcome(&self, connection: tokio::io::DuplexStream, org: &Org) {
        let live = self.app.live();
        let to = live.open(org.id.parse().unwrap()).await.unwrap();
        let taken = Taken {
            stream: live.carried(connection).unwrap(),
            already: Vec::new(),
            answer: Vec::new(),
            client: Ipv4Addr::LOCALHOST.into(),
            keep: Box::new(()),
        };
        live.welcome(taken, Joining { to, pass: None, introduces_itself: false, had: None, deflate: false });
    }

    /// Until this one sleeps, and what was shown of it is kept.
    pub(crate) async fn falls_asleep(&self, org: &Org) {
        let id = org.id.parse().unwrap();
        while self.app.directory().view_at_hand(id).is_some() {
            self.sweep().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    /// Puts everybody to sleep whom nobody needs.
    pub(crate) async fn sweep(&self) {
        self.app.directory().sweep().await;
    }

    /// How many sockets it has.
    pub(crate) fn sockets(&self) -> usize {
        self.app.live().sockets()
    }

    /// Ends it. Nothing may have crashed on the way.
    pub(crate) async fn end(self) {
        let counted = self.stranger().get("/metrics").await.text;
        for none in ["tocsin_actor_crashes_total 0", "tocsin_http_panics_total 0"] {
            assert!(counted.lines().any(|line| line == none), "{none} is not in\n{counted}");
        }
        self.app.shutdown().await;
    }
}

fn unlimited() -> AppSettings {
    let rates = RateSettings::of_requests_per_second(0);
    AppSettings { edge: EdgeSettings { rates, ..EdgeSettings::default() }, ..AppSettings::default() }
}

/// Somebody with an account, who is logged in.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) refresh: String,
    pub(crate) client: Client,
}

impl Person {
    pub(crate) async fn register(client: Client, name: &str) -> Self {
        let email = format!("{name}@example.org");
        let body = json!({"email": email, "password": PASSWORD, "name": name});
        let made = client.post("/auth/register", body).await.is(201);
        Self::of(client, &made)
    }

    fn of(client: Client, made: &Value) -> Self {
        Self {
            id: text(&made["user"]["id"]),
            email: text(&made["user"]["email"]),
            refresh: text(&made["refresh_token"]),
            client: client.with(&text(&made["access_token"])),
        }
    }

    /// The same person on another machine.
    pub(crate) async fn log_in(&self) -> Self {
        let client = Client::of(&self.client.base);
        let made = client.post("/auth/login", json!({"email": self.email, "password": PASSWORD})).await.is(200);
        Self::of(client, &made)
    }

    /// The same person with the same tokens, at a server that was started again.
    pub(crate) fn at(&self, base: &str) -> Self {
        let client = Client::of(base).with(self.client.token.as_ref().unwrap());
        Self { id: self.id.clone(), email: self.email.clone(), refresh: self.refresh.clone(), client }
    }

    pub(crate) async fn found(&self, slug: &str) -> Org {
        let made = self.client.post("/orgs", json!({"name": format!("The {slug}"), "slug": slug})).await.is(201);
        Org { id: text(&made["id"]), slug: slug.to_owned() }
    }

    /// Lets somebody into an organization of which this person is an admin.
    pub(crate) async fn let_in(&self, org: &Org, who: &Person, role: &str) {
        self.client.post(&org.at("/members"), json!({"user_id": who.id, "role": role})).await.is(201);
    }

    /// Makes something in an organization, and answers its id.
    pub(crate) async fn make(&self, org: &Org, what: &str, body: Value) -> String {
        text(&self.client.post(&org.at(what), body).await.is(201)["id"])
    }

    /// Somebody who has a key instead of an account.
    pub(crate) async fn key(&self, org: &Org, scope: &str, services: Option<&[&str]>) -> Client {
        let body = json!({"name": format!("{scope} key"), "scopes": [scope], "service_ids": services});
        let made = self.client.post(&org.at("/keys"), body).await.is(201);
        Client::of(&self.client.base).with(&text(&made["secret"]))
    }
}

/// An organization.
pub(crate) struct Org {
    pub(crate) id: String,
    pub(crate) slug: String,
}

impl Org {
    /// A path in it.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("/orgs/{}{path}", self.id)
    }
    /// A path on its public page.
    pub(crate) fn public(&self, path: &str) -> String {
        format!("/public/{}{path}", self.slug)
    }
}

/// A text in an answer.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// An id that nobody has.
pub(crate) fn nobody() -> String {
    Uuid::now_v7().to_string()
}

/// A time so many hours from now.
pub(crate) fn in_hours(hours: i64) -> String {
    let at = chrono::Utc::now() + chrono::Duration::hours(hours);
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// Somebody who asks, from an address of their own, so that nobody uses up somebody else's rate.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: Option<String>,
}

impl Client {
    pub(crate) fn of(base: &str) -> Self {
        static PROVIDER: Once = Once::new();
        static ADDRESSES: AtomicU32 = AtomicU32::new(0x7f01_0001);
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let address = IpAddr::V4(Ipv4Addr::from(ADDRESSES.fetch_add(1, Ordering::Relaxed)));
        let http = reqwest::Client::builder().local_address(address).no_proxy().timeout(Duration::from_secs(60));
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, base: base.to_owned(), token: None }
    }

    /// The same with credentials.
    pub(crate) fn with(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A request for a path as it is, that nobody has looked at yet.
    pub(crate) fn raw_get(&self, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.get(format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// With which status a path as it is is answered.
    pub(crate) async fn http_get(&self, path: &str) -> u16 {
        self.raw_get(path).send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path).json(&body).send().await
    }
    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path).json(&body).send().await
    }
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path).json(&body).send().await
    }
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path).send().await
    }

    /// A request to be. Paths are those of the API, unless they begin elsewhere.
    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask {
        let outside = ["/api/", "/openapi", "/docs", "/metrics", "/health", "/status/"];
        let prefix = if outside.iter().any(|outside| path.starts_with(outside)) { "" } else { "/api/v1" };
        let mut request = self.http.request(method.clone(), format!("{}{prefix}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        Ask { what: format!("{method} {path}"), is_head: method == Method::HEAD, request }
    }

    /// Every item of a list, by pages of this size; between two pages `meanwhile` happens.
    pub(crate) async fn all(&self, path: &str, limit: usize, mut meanwhile: impl AsyncFnMut(usize)) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = String::new();
        let sign = if path.contains('?') { '&' } else { '?' };
        for page in 0.. {
            assert!(page < 1_000, "{path} never ends");
            let mut list = self.get(&format!("{path}{sign}limit={limit}{next}")).await.is(200);
            let got = list["items"].as_array_mut().unwrap();
            assert!(got.len() <= limit, "{path} gave {} of {limit}", got.len());
            items.append(got);
            let Some(cursor) = list["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
            meanwhile(page).await;
        }
        items
    }
}

/// A request to be.
pub(crate) struct Ask {
    what: String,
    is_head: bool,
    request: reqwest::RequestBuilder,
}

impl Ask {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }
    pub(crate) fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string())
    }
    pub(crate) fn bytes(self, kind: &str, body: impl Into<reqwest::Body>) -> Self {
        Self { request: self.request.header(CONTENT_TYPE, kind).body(body), ..self }
    }
    pub(crate) async fn send(self) -> Answer {
        let what = self.what.clone();
        self.asked().await.unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }
    /// Asks a server that may die meanwhile.
    pub(crate) async fn try_send(self) -> Option<Answer> {
        self.asked().await.ok()
    }
    async fn asked(self) -> reqwest::Result<Answer> {
        let Self { what, is_head, request } = self;
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let endless = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let text = if endless { String::new() } else { answer.text().await? };
        let answer = Answer { what, status, headers, text };
        answer.keeps_the_promises(is_head);
        Ok(answer)
    }
}

/// An answer.
pub(crate) struct Answer {
    what: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// What holds for every answer.
    fn keeps_the_promises(&self, is_head: bool) {
        assert!(self.status < 500, "{self:?}");
        let id = self.header("x-request-id");
        assert!(id.is_some_and(|id| !id.is_empty()), "{self:?}");
        if is_head || matches!(self.status, 204 | 304) {
            assert_eq!(self.text, "", "{self:?}");
        } else if self.status >= 400 {
            assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
            let body: Value = serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?}"));
            assert_eq!(body["request_id"].as_str(), id, "{self:?}");
            assert_eq!(body.as_object().unwrap().len(), 2, "{self:?}");
            let error = body["error"].as_object().unwrap();
            assert!(error.keys().all(|key| ["code", "message", "field"].contains(&key.as_str())), "{self:?}");
            assert!(error["code"].is_string() && error["message"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The tag by which conditional requests name it.
    #[track_caller]
    pub(crate) fn tag(&self) -> String {
        self.header("etag").unwrap_or_else(|| panic!("no ETag: {self:?}")).to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// It has this status. Answers what it shows.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// It is an error with this code.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json()["error"]["code"].as_str()), (status, Some(code)), "{self:?}");
    }

    /// It is an error that names this field.
    #[track_caller]
    pub(crate) fn refuses_field(&self, status: u16, field: &str) {
        assert_eq!((self.status, self.json()["error"]["field"].as_str()), (status, Some(field)), "{self:?}");
    }

    /// Status and body without what is different each time: the request's name, and the id that was asked for.
    pub(crate) fn without(&self, id: &str) -> (u16, String) {
        let request_id = self.header("x-request-id").unwrap();
        (self.status, self.text.replace(request_id, "…").replace(id, "…"))
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}: {}", self.what, self.status, self.text)
    }
}
