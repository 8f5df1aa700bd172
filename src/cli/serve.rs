//! `tocsin serve`.

use super::{Refused, open_store};
use crate::{
    app::{App, AppSettings},
    config::{AccessArgs, FacadeArgs, Registration, ServeArgs, Switch},
    descriptors,
    facades::{Name, NotOpened, OpenTo},
    http::{
        HttpSettings,
        edge::{ConnectionLimits, EdgeSettings, RateSettings, parse_origin},
    },
    identity::{IdentitySettings, providers},
    live::writers::WriterSettings,
    monitors::MonitorSettings,
    telemetry,
};
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    path::Path,
    time::Duration,
};
use tocsin_actors::directory::Settings;
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{Signal, SignalKind, signal},
};
use tracing::info;

/// Runs the server until it is told to stop.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    telemetry::start(&args.log).map_err(|error| Refused(error.to_string()))?;
    let metrics_listen = args.access.metrics_listen;
    let mut chosen = settings(args.access)?;
    chosen.http.facade_urls = args.facades.facade_url.iter().map(|reached| (reached.name.as_str(), reached.url.clone())).collect();
    // The port first: nothing in the store is touched when it is taken.
    let listener = listen(args.listen, "--listen").await?;
    let metrics = match metrics_listen {
        Some(address) => Some(listen(address, "--metrics-listen").await?),
        None => None,
    };
    let facades = facades(&args.facades).await?;
    let told = Told::to_stop()?;
    let store = open_store(&args.store).await?;
    info!(version = env!("CARGO_PKG_VERSION"), store = ?args.store.url, "the store is open");
    let engine = Settings { sleep_after: Duration::from_secs(args.sleep_after_minutes * 60), ..Settings::default() };
    let address = listener.local_addr()?;
    let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    let settings = AppSettings { engine, metrics, ..chosen };
    let mut app = App::start(store, settings, listener).await?;
    println!("Tocsin listens on http://{address}");
    if let Err(refused) = open(&mut app, facades, args.facades.open_facade.as_deref()).await {
        app.shutdown().await;
        return Err(refused);
    }
    metrics_address.into_iter().for_each(|address| println!("Metrics are at http://{address}/metrics"));
    told.wait().await;
    app.shutdown().await;
    Ok(())
}

/// The listeners of facades that may be opened as they were asked for.
async fn facades(args: &FacadeArgs) -> Result<Vec<(Name, TcpListener)>, Refused> {
    let mut listeners = Vec::new();
    for opening in &args.facade {
        let may = opening.check(args.open_facade.as_deref(), args.open_facade_to_network);
        may.map_err(|error| Refused(error.to_string()))?;
        listeners.push((opening.name, listen(opening.address, "--facade").await?));
    }
    Ok(listeners)
}

/// Opens facades, and says to whom.
async fn open(app: &mut App, facades: Vec<(Name, TcpListener)>, open_to: Option<&str>) -> anyhow::Result<()> {
    for (name, listener) in facades {
        let address = listener.local_addr()?;
        let (to, whose) = match open_to.filter(|_| !name.has_logins()) {
            None => (None, String::new()),
            Some(OpenTo::EVERYTHING) => (Some(OpenTo::All), ": whoever reaches it may change everything there is".to_owned()),
            Some(slug) => {
                let org = app.find(slug).await?.ok_or_else(|| NotOpened::NoOrganization(slug.to_owned()));
                let org = org.map_err(|error| Refused(error.to_string()))?;
                (Some(OpenTo::One(org)), format!(": whoever reaches it may change everything of {slug}"))
            }
        };
        app.open_facade(name, listener, to).await.map_err(|error| Refused(error.to_string()))?;
        println!("Speaks {name} on http://{address}{whose}");
    }
    Ok(())
}

/// Who is let in beside those who log in here.
pub(super) fn identity(file: Option<&Path>) -> Result<IdentitySettings, Refused> {
    let mut identity = IdentitySettings::default();
    if let Some(file) = file {
        let refused = |why: String| Refused(format!("--identity-providers {}: {why}", file.display()));
        let source = std::fs::read_to_string(file).map_err(|error| refused(format!("cannot be read ({error})")))?;
        identity.providers = providers::read(&source, &identity.issuer).map_err(|error| refused(error.to_string()))?;
    }
    Ok(identity)
}

/// What was chosen, checked before anything starts.
fn settings(args: AccessArgs) -> Result<AppSettings, Refused> {
    let identity = identity(args.identity_providers.as_deref())?;
    for origin in &args.cors_origin {
        parse_origin(origin).map_err(|why| Refused(format!("--cors-origin {origin}: {why}")))?;
    }
    let total = args.connections.map_or_else(descriptors::raise_for_connections, |total| total as usize);
    let per_address = args.connections_per_address.map_or(total / 4, |each| each as usize);
    let edge = EdgeSettings {
        connections: ConnectionLimits { total, per_address },
        trusted_proxies: args.trusted_proxy,
        cors_origins: args.cors_origin,
        hsts: args.hsts_days.map(|days| Duration::from_secs(days * 24 * 60 * 60)),
        rates: RateSettings::of_requests_per_second(args.requests_per_second),
        ..EdgeSettings::default()
    };
    let http = HttpSettings {
        registration: args.registration == Registration::Open,
        public_url: args.public_url,
        metrics_token: args.metrics_token.map(|token| token.0),
        ..HttpSettings::default()
    };
    let mut live = WriterSettings::default();
    if let Some(threads) = args.live_threads {
        live.threads = threads as usize;
    }
    let on = args.monitors == Switch::On;
    let monitors = MonitorSettings { on, allowed: args.monitor_allow, ..MonitorSettings::default() };
    Ok(AppSettings { identity, edge, http, live, monitors, ..AppSettings::default() })
}

/// SIGTERM or Ctrl-C, heard from the moment this is made: who is told while still starting stops as well.
pub(super) struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    pub(super) fn to_stop() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
    pub(super) async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => info!("told to terminate"),
            _ = self.interrupt.recv() => info!("interrupted"),
        }
    }
}

/// How many may knock at once: after a restart all readers come back in the same seconds, and whoever finds the queue full
/// knocks again only after one. The system may allow less.
const BACKLOG: u32 = 4096;

/// Takes the address, or says in one sentence why not.
pub(super) async fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, Refused> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|error| Refused(cannot_listen(address, flag, &error)))
}

fn cannot_listen(address: SocketAddr, flag: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there: stop it, or".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine does not have that address:".to_owned(),
        ErrorKind::PermissionDenied => "this user may not: use a port from 1024, or".to_owned(),
        _ => format!("{error}:"),
    };
    format!("cannot listen on {address}, {why} choose another address with {flag}")
}
