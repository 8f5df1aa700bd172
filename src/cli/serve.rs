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
    signal::unix::{SignalKind, signal},
};
use tracing::info;

/// Runs the server until it is told to stop.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    telemetry::start(&args.log).map_err(|error| Refused(error.to_string()))?;
    // The port first: nothing in the store is touched when it is taken.
    let listener = TcpListener::bind(args.listen).await.map_err(|error| Refused(cannot_listen(args.listen, &error)))?;
    let store = open_store(&args.store).await?;
    info!(version = env!("CARGO_PKG_VERSION"), store = ?args.store.url, "the store is open");
    let settings = Settings { sleep_after: Duration::from_secs(args.sleep_after_minutes * 60), ..Settings::default() };
    let address = listener.local_addr()?;
    let app = App::start(store, settings, listener).await?;
    println!("Tocsin listens on http://{address}");
    until_told_to_stop().await?;
    app.shutdown().await;
    Ok(())
}

/// Waits for SIGTERM or Ctrl-C.
pub(super) async fn until_told_to_stop() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => info!("told to terminate"),
        _ = interrupt.recv() => info!("interrupted"),
    }
    Ok(())
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
