//! The facades as they are asked: the same of the same organization as the canonical API is, by the same person.

use crate::{
    issuer::Issuer,
    people::People,
    work::{Kind, Place},
    wrk::{STATUSES, Target},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tocsin::{
    app::{App, AppSettings},
    facades::{Name, OpenTo},
    http::edge::{EdgeSettings, RateSettings},
    identity::{ClientHint, IdTokenFor, IdentitySettings, providers},
};
use tocsin_actors::{
    domain::OrgId,
    store::{Store, UserKey},
};
use tokio::net::TcpListener;

/// More than twice as many as are changed at once: so that whoever changes one finds it as it was left.
const SERVICES: usize = 40;
const READERS: u32 = 100;
const WRITERS: u32 = 16;
const SLUG: &str = "seen";

/// What is asked of whom, in turn.
pub(crate) struct Load {
    pub(crate) method: &'static str,
    pub(crate) targets: Vec<Target>,
}

/// The same, asked of both.
pub(crate) struct Pair {
    pub(crate) what: &'static str,
    pub(crate) connections: u32,
    pub(crate) canonical: Load,
    pub(crate) facade: Load,
}

/// A facade with an organization behind it.
pub(crate) struct Spoken {
    pub(crate) name: Name,
    pub(crate) api: SocketAddr,
    pub(crate) facade: SocketAddr,
    pub(crate) people: People,
    org: OrgId,
    /// By which the facade knows who asks, and by which everybody's API does.
    pub(crate) token: String,
    canonical_token: String,
    app: App,
    _store: Arc<dyn Store>,
    _place: Place,
}

/// How a backend speaks of services.
struct Words {
    list: String,
    /// Under which name it has them, where it is no plain list.
    under: Option<&'static str>,
    id: &'static str,
    /// Whether one can be asked for.
    has_one: bool,
    change: (&'static str, &'static str),
    statuses: [&'static str; 2],
    /// What of our own says the same as a page that everybody sees, and where that is.
    page: Option<(&'static str, String)>,
}

impl Spoken {
    pub(crate) async fn open(name: Name) -> Self {
        let place = Kind::Embedded.place();
        let store = tocsin::store::open(&place.url).await.unwrap();
        let issuer = Issuer::start().await;
        let mut identity = IdentitySettings::default();
        let file = format!("providers: [{{ preset: clerk, issuer: '{}', organizations: {{ org_seen: {SLUG} }} }}]", issuer.url);
        identity.providers = providers::read(&file, &identity.issuer).unwrap();
        let edge = EdgeSettings { rates: RateSettings::of_requests_per_second(0), ..EdgeSettings::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = listener.local_addr().unwrap();
        let settings = AppSettings { edge, identity, ..AppSettings::default() };
        let mut app = App::start(store.clone(), settings, listener).await.unwrap();
        let people = People::new(api).await;
        people.found(SLUG, SERVICES).await;
        let org = app.find(SLUG).await.unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let facade = listener.local_addr().unwrap();
        app.open_facade(name, listener, (!name.has_logins()).then_some(OpenTo::One(org))).await.unwrap();
        let own = people.token.clone();
        let mut this =
            Self { name, api, facade, people, org, token: String::new(), canonical_token: own, app, _store: store, _place: place };
        match name {
            Name::Plive | Name::Prisma => {}
            Name::Statusnexus => {
                this.token = issuer.sign("user_bench", json!({ "org_id": "org_seen", "org_role": "org:member" }));
                this.canonical_token = this.token.clone();
            }
            Name::Flask => this.token = this.logged_in().await,
            Name::Fastapi => this.token = this.id_token().await,
        }
        this
    }

    pub(crate) async fn close(self) {
        self.app.shutdown().await;
    }

    async fn logged_in(&self) -> String {
        let login = json!({ "email": "bench@example.org", "password": "correct horse battery" });
        self.ask(Method::POST, "/api/auth/login", Some(&login)).await["access_token"].as_str().unwrap().to_owned()
    }

    async fn id_token(&self) -> String {
        let user = self._store.find_user(UserKey::Email("bench@example.org".to_owned())).await.unwrap().unwrap();
        let hint = ClientHint { address: Ipv4Addr::LOCALHOST.into(), user_agent: None };
        let session = self.app.identity().open_session(&user, hint).await.unwrap().session;
        let issuer = format!("http://{}/", self.facade);
        let told = IdTokenFor { issuer: &issuer, client: "tocsin", user: &user, org: self.org, session, nonce: None };
        self.app.identity().id_token(told).await.unwrap().expose().to_owned()
    }

    /// Asks the facade.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let asked = self.people.client.request(method, format!("http://{}{path}", self.facade)).bearer_auth(&self.token);
        let asked = body.iter().fold(asked, |asked, body| asked.json(body));
        asked.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    fn words(&self) -> Words {
        let services = "/api/services".to_owned();
        let plain = Words {
            list: services.clone(),
            under: None,
            id: "id",
            has_one: true,
            change: ("PUT", ""),
            statuses: ["operational", "major_outage"],
            page: None,
        };
        match self.name {
            Name::Plive => Words { statuses: ["operational", "major"], ..plain },
            Name::Prisma => Words {
                list: format!("{services}/organization/{}", self.org),
                has_one: false,
                change: ("PATCH", "/status"),
                statuses: ["OPERATIONAL", "MAJOR_OUTAGE"],
                ..plain
            },
            Name::Statusnexus => Words {
                under: Some("services"),
                id: "_id",
                change: ("PATCH", ""),
                statuses: ["operational", "major_outage"],
                ..plain
            },
            Name::Flask => Words {
                list: format!("{services}?org_id={}", self.org),
                under: Some("services"),
                page: Some(("", format!("/api/public/status/{SLUG}"))),
                ..plain
            },
            Name::Fastapi => Words {
                id: "service_id",
                change: ("PUT", "/status"),
                page: Some(("/uptime?days=91", format!("/api/public/{SLUG}"))),
                ..plain
            },
        }
    }

    /// The paths of the services, where their status is changed, and the words for it.
    pub(crate) async fn changes(&self) -> (Vec<String>, &'static str, [&'static str; 2]) {
        let Words { list, under, id, change: (method, after), statuses, .. } = self.words();
        let answer = self.ask(Method::GET, &list, None).await;
        let services = under.map_or(&answer, |name| &answer[name]).as_array().unwrap();
        assert_eq!(services.len(), SERVICES);
        let path = |service: &Value| {
            let id = &service[id];
            format!("/api/services/{}{after}", id.as_str().map_or_else(|| id.to_string(), str::to_owned))
        };
        (services.iter().map(path).collect(), method, statuses)
    }

    pub(crate) async fn pairs(&self) -> Vec<Pair> {
        let words = self.words();
        let (paths, method, statuses) = self.changes().await;
        let own = |path: String| Target { path, token: self.canonical_token.clone(), words: STATUSES };
        let theirs = |path: String| Target { path, token: self.token.clone(), words: statuses };
        let services = format!("/api/v1/orgs/{SLUG}/services");
        let answer = self.people.ask(Method::GET, &format!("/orgs/{SLUG}/services"), Value::Null).await;
        let all: Vec<_> = answer["items"].as_array().unwrap().iter().map(|service| service["id"].as_str().unwrap()).collect();
        assert_eq!(all.len(), SERVICES);
        let canonical: Vec<_> = all.iter().map(|id| own(format!("{services}/{id}"))).collect();
        let list = Pair {
            what: "reads of 40 services",
            connections: READERS,
            canonical: Load { method: "GET", targets: vec![own(services)] },
            facade: Load { method: "GET", targets: vec![theirs(words.list)] },
        };
        let one = Pair {
            what: "reads of one service",
            connections: READERS,
            canonical: Load { method: "GET", targets: canonical[..1].to_vec() },
            facade: Load { method: "GET", targets: vec![theirs(paths[0].trim_end_matches("/status").to_owned())] },
        };
        let change = Pair {
            what: "changes of a status",
            connections: WRITERS,
            canonical: Load { method: "PATCH", targets: canonical },
            facade: Load { method, targets: paths.into_iter().map(theirs).collect() },
        };
        let page = words.page.map(|(canonical, facade)| Pair {
            what: "reads of the public page",
            connections: READERS,
            canonical: Load { method: "GET", targets: vec![own(format!("/api/v1/public/{SLUG}{canonical}"))] },
            facade: Load { method: "GET", targets: vec![theirs(facade)] },
        });
        [list].into_iter().chain(words.has_one.then_some(one)).chain(page).chain([change]).collect()
    }

    /// What is said over Socket.IO when a status has changed, by those who speak it.
    pub(crate) fn event(&self) -> Option<&'static str> {
        match self.name {
            Name::Plive => Some("service-update"),
            Name::Prisma => Some("service_status_updated"),
            Name::Flask => Some("service_status_changed"),
            Name::Statusnexus | Name::Fastapi => None,
        }
    }
}
