//! HTTP: the table of routes and the loop that serves them. The only place that names warp.

pub mod edge;
mod error;
mod impatient;
mod operations;

use self::edge::Edge;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tocsin_actors::{directory::Directory, store::Store};
use tokio::{net::TcpListener, sync::oneshot};
use warp::{Filter, Reply, filters::BoxedFilter};

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The way to the organizations.
    pub directory: Directory,
}

/// Serves the product until told to stop, then lets connections end by themselves for a while.
pub async fn serve(listener: TcpListener, api: Api, edge: Edge, stop: oneshot::Receiver<()>, last_call: Duration) {
    let routes = routes(api, edge.clone()).boxed();
    serve_routes(listener, routes, edge, stop, last_call).await;
}

/// The same for any table of routes: with the edge around it, however it looks.
pub async fn serve_routes(
    listener: TcpListener,
    routes: BoxedFilter<(impl Reply + 'static,)>,
    edge: Edge,
    stop: oneshot::Receiver<()>,
    last_call: Duration,
) {
    edge::serve(listener, warp::service(routes), edge, stop, last_call).await;
}

/// The table of routes.
fn routes(api: Api, edge: Edge) -> impl Filter<Extract = (impl warp::Reply,), Error = Infallible> + Clone {
    operations::health().or(operations::ready(api.clone())).or(operations::metrics(api, edge)).recover(error::no_route)
}
