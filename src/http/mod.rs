//! HTTP: the table of routes and the loop that serves them. The only place that names warp.

mod access;
mod answer;
mod api;
mod call;
mod cursor;
mod dispatch;
mod docs;
pub mod edge;
mod error;
mod impatient;
mod openapi;
mod operations;
mod route;
mod slugs;
mod words;

use self::{
    dispatch::{Incoming, Table},
    edge::{ClientAddress, Edge, RequestId},
    operations::Logins,
    slugs::Slugs,
};
use crate::identity::Identity;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tocsin_actors::{clock::Clock, directory::Directory, store::Store};
use tokio::{net::TcpListener, sync::oneshot};
use warp::{Filter, Reply, filters::BoxedFilter, path::FullPath};

/// What routes are told of the configuration.
#[derive(Debug)]
pub struct HttpSettings {
    /// Whether anybody may make an account.
    pub registration: bool,
    /// The address under which people reach this server, for links; without it links have no host.
    pub public_url: Option<String>,
    /// What `/metrics` asks for.
    pub metrics_token: Option<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { registration: true, public_url: None, metrics_token: None }
    }
}

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The way to the organizations.
    pub directory: Directory,
    /// Who is who.
    pub identity: Identity,
    /// What stands around the routes.
    pub edge: Edge,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What was chosen.
    pub settings: Arc<HttpSettings>,
    /// How logins end.
    pub logins: Arc<Logins>,
    /// Which organization has which slug.
    pub slugs: Arc<Slugs>,
}

/// Serves the product until told to stop, then lets connections end by themselves for a while.
pub async fn serve(listener: TcpListener, api: Api, stop: oneshot::Receiver<()>, last_call: Duration) {
    let edge = api.edge.clone();
    let routes = routes(api).boxed();
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

/// Everything that is served: what operators ask, the documentation, and the table of the API.
fn routes(api: Api) -> impl Filter<Extract = (impl warp::Reply,), Error = Infallible> + Clone {
    let table = api::table();
    let document = docs::document(&openapi::document(&table));
    operations::health()
        .or(operations::ready(api.clone()))
        .or(operations::metrics(api.clone()))
        .or(operations::jwks(api.clone()))
        .or(document)
        .or(docs::viewer())
        .or(api_routes(api, Table::new(&table)))
        .recover(error::no_route)
}

/// The way into the table. One filter for all of it: seventy filters in a row would each refuse most requests, which costs
/// more than some answers.
fn api_routes(api: Api, table: Table) -> BoxedFilter<(impl Reply,)> {
    warp::path::full()
        .and(warp::method())
        .and(warp::query::raw().or_else(|_| std::future::ready(Ok::<_, Infallible>((String::new(),)))))
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<RequestId>())
        .and(warp::ext::optional::<ClientAddress>())
        .and(warp::body::bytes())
        .then(move |path: FullPath, method, query, headers, id, address, body| {
            let incoming = Incoming { method, path: path.as_str().to_owned(), query, headers, body, id, address };
            dispatch::answer(api.clone(), table.clone(), incoming)
        })
        .boxed()
}
