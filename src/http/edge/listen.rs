//! The loop that accepts connections and serves them.
//!
//! Our own rather than `warp::serve`: it takes a bound listener, has timeouts, limits and the addresses of its peers, and
//! keeps sockets within reach.

use super::{
    Edge,
    body::Guarded,
    descriptors::{Reserve, is_exhausted},
    entrance::Entrance,
    protect::protect,
};
use crate::{
    http::impatient::{Glances, Impatient},
    live::SEND_BUFFER,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use socket2::SockRef;
use std::{
    convert::Infallible,
    net::{SocketAddr, TcpStream},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tower::Service;
use tracing::{debug, error, info, warn};
use warp::{
    http::{Request, Response},
    hyper::body::{Body, Bytes},
};

/// The rest after a failed accept: what is wrong is not mended by trying again at once.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// The most that the head of a request may have: what is read of it is kept in memory. Beyond it, or beyond the 100
/// headers that hyper takes, the answer is 431.
const LONGEST_HEAD: usize = 64 * 1024;
/// How often limits forget who has not asked for long.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Serves until told to stop, then lets connections end by themselves for a while.
pub(in crate::http) async fn serve<S, B>(
    listener: TcpListener,
    routes: S,
    edge: Edge,
    mut stop: oneshot::Receiver<()>,
    last_call: Duration,
) where
    S: Service<Request<Guarded>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let mut server = auto::Builder::new(TokioExecutor::new());
    let head_within = edge.0.settings.head_within;
    server.http1().timer(Glances).header_read_timeout(head_within).max_buf_size(LONGEST_HEAD);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(head_within);
    // Connections have it from their listener, which saves a system call for each.
    let socket = SockRef::from(&listener);
    if let Err(error) = socket.set_tcp_nodelay(true).and_then(|()| socket.set_send_buffer_size(SEND_BUFFER)) {
        warn!(%error, "small answers may be delayed, and readers who do not read cost more memory");
    }
    let entrance = match Entrance::new(listener) {
        Ok(entrance) => entrance,
        Err(error) => return error!(%error, "connections cannot be waited for"),
    };
    let mut reserve = Reserve::new();
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut sweep = interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let accepted = tokio::select! {
            accepted = entrance.accept() => accepted,
            _ = &mut stop => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            _ = sweep.tick() => {
                edge.limits().sweep();
                continue;
            }
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_exhausted(&error) => {
                edge.0.exhausted.now();
                if reserve.refuse(&entrance).await == 0 {
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
                continue;
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        let Some(stream) = admit(stream, peer, &edge) else { continue };
        let service = TowerToHyperService::new(protect(routes.clone(), edge.clone(), peer));
        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = Box::pin(graceful.watch(connection)); // it is large, and would be moved again and again
        connections.spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended badly");
            }
        });
    }
    drop(entrance);
    info!("no new connections");
    if tokio::time::timeout(last_call, graceful.shutdown()).await.is_err() {
        warn!("connections that would not end were cut");
    }
    // Whoever is left holds on to the routes, and with them to the store, which could not be closed.
    connections.shutdown().await;
}

/// Gives a connection its place, or closes it.
fn admit(stream: TcpStream, peer: SocketAddr, edge: &Edge) -> Option<Impatient> {
    let Some(seat) = edge.0.connections.admit(peer.ip()) else {
        debug!("a connection too many was closed");
        return None;
    };
    Some(Impatient::new(stream, edge.0.settings.head_within, edge.0.settings.taken_within, seat))
}
