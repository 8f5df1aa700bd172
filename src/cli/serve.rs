//! `tocsin serve`.

use super::{Refused, open_store};
use crate::{app::App, config::ServeArgs, telemetry};
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};
use tocsin_actors::directory::Settings;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tracing::info;

/// Runs the server until it is told to stop.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    telemetry::start(&args.log).map_err(|error| Refused(error.to_string()))?;
    // The port first: nothing in the store is touched when it is taken.
    let listener = listen(args.listen).await?;
    let told = Told::to_stop()?;
    let store = open_store(&args.store).await?;
    info!(version = env!("CARGO_PKG_VERSION"), store = ?args.store.url, "the store is open");
    let settings = Settings { sleep_after: Duration::from_secs(args.sleep_after_minutes * 60), ..Settings::default() };
    let address = listener.local_addr()?;
    let app = App::start(store, settings, listener).await?;
    println!("Tocsin listens on http://{address}");
    told.wait().await;
    app.shutdown().await;
    Ok(())
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

/// Takes the address, or says in one sentence why not.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Refused> {
    TcpListener::bind(address).await.map_err(|error| Refused(cannot_listen(address, &error)))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> String {
    let why = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there: stop it, or".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine does not have that address:".to_owned(),
        ErrorKind::PermissionDenied => "this user may not: use a port from 1024, or".to_owned(),
        _ => format!("{error}:"),
    };
    format!("cannot listen on {address}, {why} choose another address with --listen")
}
