//! The server as a whole: what starts, in which order, and how it ends. The same for `main` and for tests.

use crate::{
    facades::{self, Name},
    http::{
        self, Api, Door, HttpSettings, Keeper, Logins, Names, Outage,
        edge::{Edge, EdgeSettings},
        facade::Engine,
    },
    identity::{Identity, IdentitySettings},
    live::{Live, writers::WriterSettings},
    monitors::{MonitorSettings, Monitors, recent::Recent},
    site::Shelf,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tocsin_actors::{
    clock::{Clock, SystemClock},
    directory::{Directory, Farewell, Settings},
    domain::OrgId,
    org::OrgError,
    store::{Store, StoreError},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tracing::{info, warn};

/// How long connections may take to end by themselves at shutdown.
const LAST_CALL: Duration = Duration::from_secs(10);

/// How often what has expired is thrown away.
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);

/// When it is done first.
const TIDY_FIRST: Duration = Duration::from_secs(60);

/// How a server is set up.
#[derive(Default)]
pub struct AppSettings {
    /// The actors.
    pub engine: Settings,
    /// Who is who.
    pub identity: IdentitySettings,
    /// What stands around the routes.
    pub edge: EdgeSettings,
    /// Who may make an account, and what else the routes are told.
    pub http: HttpSettings,
    /// The sockets.
    pub live: WriterSettings,
    /// Website checks.
    pub monitors: MonitorSettings,
    /// Where metrics are asked for, if it is not where everything else is.
    pub metrics: Option<TcpListener>,
}

impl From<Settings> for AppSettings {
    fn from(engine: Settings) -> Self {
        Self { engine, ..Self::default() }
    }
}

/// Whatever listens on an address.
struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    fn start<F: Future<Output = ()> + Send + 'static>(serve: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(serve(stopped)) }
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            warn!(%error, "an HTTP server ended badly");
        }
    }
}

/// A running server.
pub struct App {
    api: Arc<Api>,
    store: Arc<dyn Store>,
    directory: Directory,
    identity: Identity,
    live: Live,
    monitors: Monitors,
    servers: Vec<Server>,
    upkeep: Vec<JoinHandle<()>>,
    _keeper: Arc<dyn Farewell>,
}

impl App {
    /// Starts everything on a listener that is bound already, so that a taken port is the caller's error.
    pub async fn start(store: Arc<dyn Store>, settings: impl Into<AppSettings>, listener: TcpListener) -> Result<Self, StoreError> {
        let AppSettings { engine, identity, edge, mut http, live, monitors, metrics } = settings.into();
        http.metrics_elsewhere = metrics.is_some();
        let address = http.public_url.clone().or_else(|| listener.local_addr().ok().map(own_address)).unwrap_or_default();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let directory = Directory::start(store.clone(), clock.clone(), engine).await?;
        let identity = Identity::start(store.clone(), store.clone(), clock.clone(), identity).await?;
        let names = Names::start(store.clone(), directory.clone(), clock.clone()).await;
        let live = Live::start(&*store, directory.clone(), &identity, &live).await?;
        let monitors = Monitors::start(store.clone(), directory.clone(), clock.clone(), &monitors);
        let api = Arc::new(Api {
            store: store.clone(),
            directory: directory.clone(),
            identity: identity.clone(),
            edge: Edge::new(edge),
            clock,
            settings: http,
            logins: Logins::default(),
            names,
            live: live.clone(),
            monitors: monitors.clone(),
            recent: Recent::new(store.clone()),
            shelf: Shelf::default(),
            outage: Outage::default(),
            address,
        });
        let keeper: Arc<dyn Farewell> = Arc::new(Keeper::start(Arc::downgrade(&api)));
        directory.tell_farewells(&keeper);
        live.set_gate(Arc::new(Door::new(&api)));
        let watching = tokio::spawn(http::watch(Arc::downgrade(&api)));
        let mut servers = vec![Server::start(|stop| http::serve(listener, api.clone(), stop, LAST_CALL))];
        let metrics_of = api.clone();
        servers.extend(metrics.map(|metrics| Server::start(|stop| http::serve_metrics(metrics, metrics_of, stop, LAST_CALL))));
        let upkeep = vec![tokio::spawn(tidy(identity.clone())), watching];
        Ok(Self { api, store, directory, identity, live, monitors, servers, upkeep, _keeper: keeper })
    }

    /// Opens a facade on a listener that is bound already, for an organization. Whether it may be is the caller's to know:
    /// see [`facades::Opening::check`].
    pub async fn open_facade(&mut self, name: Name, listener: TcpListener, org: OrgId) -> Result<(), OrgError> {
        let engine = Engine::new(self.api.clone());
        let ready = facades::opening::open(name, listener, (engine, &self.directory, &self.api.edge), org).await?;
        self.servers.push(Server::start(|stop| ready(stop, LAST_CALL)));
        Ok(())
    }

    /// The organization with this slug.
    pub async fn find(&self, slug: &str) -> Result<Option<OrgId>, OrgError> {
        self.api.names.find_slug(slug).await
    }

    /// Who is who.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Who listens.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The way to the organizations.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Ends in the order in which nothing is lost: no new connections, answers to what was asked, every organization
    /// asleep, every document written.
    pub async fn shutdown(self) {
        let servers = futures::future::join_all(self.servers.into_iter().map(Server::stop));
        futures::join!(servers, self.live.shutdown());
        self.monitors.shutdown().await;
        // What is left of it is done after the next start.
        self.upkeep.iter().for_each(JoinHandle::abort);
        self.directory.shutdown().await;
        if let Err(error) = self.store.settle().await {
            warn!(%error, "documents are behind their commits and will be caught up at the next start");
        }
        info!("stopped");
    }
}

/// Where this very machine reaches us: for links, when nobody said where the world does.
fn own_address(listens: SocketAddr) -> String {
    if listens.ip().is_unspecified() { format!("http://localhost:{}", listens.port()) } else { format!("http://{listens}") }
}

/// Throws away sessions, invitations and answers that have expired.
async fn tidy(identity: Identity) {
    // Not in the busy first moments.
    tokio::time::sleep(TIDY_FIRST).await;
    loop {
        if let Err(error) = identity.forget_expired().await {
            warn!(%error, "what has expired could not be thrown away, trying again later");
        }
        tokio::time::sleep(TIDY_EVERY).await;
    }
}
