//! HTTP: the table of routes and the loop that serves them. The only place that names warp.

mod error;
mod impatient;
mod operations;

use self::impatient::Impatient;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tocsin_actors::{directory::Directory, store::Store};
use tokio::{net::TcpListener, sync::oneshot};
use tracing::{debug, info, warn};
use warp::Filter;

/// How long a client may take to send its request's head: long enough for a bad line, too short for slow-loris.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// The rest after a failed accept: out of descriptors is not mended by trying again at once.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The way to the organizations.
    pub directory: Directory,
}

/// Serves until told to stop, then lets connections end by themselves for a while.
///
/// Our own loop rather than `warp::serve`: it takes a bound listener, has a timeout for request heads, and keeps
/// sockets within reach.
pub async fn serve(listener: TcpListener, api: Api, mut stop: oneshot::Receiver<()>, last_call: Duration) {
    let service = TowerToHyperService::new(warp::service(routes(api).boxed()));
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_WITHIN);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true); // a socket that is gone already shows itself soon enough
        let connection =
            server.serve_connection_with_upgrades(TokioIo::new(Impatient::new(stream, HEAD_WITHIN)), service.clone()).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended badly");
            }
        });
    }
    drop(listener);
    info!("no new connections");
    if tokio::time::timeout(last_call, graceful.shutdown()).await.is_err() {
        warn!("connections that would not end were cut");
    }
}

/// The table of routes.
fn routes(api: Api) -> impl Filter<Extract = (impl warp::Reply,), Error = Infallible> + Clone {
    operations::health().or(operations::ready(api.clone())).or(operations::metrics(api)).recover(error::no_route)
}
