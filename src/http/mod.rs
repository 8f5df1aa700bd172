//! HTTP: the table of routes and the loop that serves them. The only place that names warp.

mod access;
mod answer;
mod api;
mod assets;
mod call;
mod cursor;
mod dispatch;
mod docs;
pub mod edge;
mod error;
pub mod facade;
mod founding;
mod impatient;
mod live;
mod names;
mod openapi;
mod operations;
mod outage;
mod route;
mod site;

pub use self::{
    live::Door,
    names::Names,
    operations::Logins,
    outage::{Outage, watch},
    site::{Heads, Keeper},
};

use self::{
    dispatch::Table,
    edge::{Edge, Head},
};
use crate::{
    identity::Identity,
    live::Live,
    monitors::{Monitors, recent::Recent},
    site::Shelf,
};
use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};
use tocsin_actors::{clock::Clock, directory::Directory, store::Store};
use tokio::{net::TcpListener, sync::oneshot};
use warp::{Filter, Reply, filters::BoxedFilter, http::StatusCode, reply::Response};

/// What routes are told of the configuration.
#[derive(Debug)]
pub struct HttpSettings {
    /// Whether anybody may make an account.
    pub registration: bool,
    /// The address under which people reach this server, for links; without it links have no host.
    pub public_url: Option<String>,
    /// What `/metrics` asks for.
    pub metrics_token: Option<String>,
    /// Whether `/metrics` is served on a listener of its own only; set where that is given.
    pub metrics_elsewhere: bool,
    /// The addresses under which people reach facades, by their names.
    pub facade_urls: BTreeMap<&'static str, String>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { registration: true, public_url: None, metrics_token: None, metrics_elsewhere: false, facade_urls: BTreeMap::new() }
    }
}

/// What handlers need, shared by all of them.
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
    pub settings: HttpSettings,
    /// How logins end.
    pub logins: Logins,
    /// Which organization has which name.
    pub names: Names,
    /// Who listens.
    pub live: Live,
    /// Website checks.
    pub monitors: Monitors,
    /// What they found lately.
    pub recent: Recent,
    /// What was made for the world to look at.
    pub shelf: Shelf<Heads>,
    /// Whether the store is away.
    pub outage: Outage,
    /// Where we are, for links that must be whole: what was chosen, or the address on which we listen.
    pub address: String,
}

/// Serves the product until told to stop, then lets connections end by themselves for a while.
pub async fn serve(listener: TcpListener, api: Arc<Api>, stop: oneshot::Receiver<()>, last_call: Duration) {
    let edge = api.edge.clone();
    let routes = routes(api).boxed();
    serve_routes(listener, routes, edge, stop, last_call).await;
}

/// Serves nothing but `/metrics`: for a listener that only the collector can reach.
pub async fn serve_metrics(listener: TcpListener, api: Arc<Api>, stop: oneshot::Receiver<()>, last_call: Duration) {
    let edge = api.edge.clone();
    let routes = operations::metrics(api).or(warp::any().map(|| StatusCode::NOT_FOUND)).boxed();
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
fn routes(api: Arc<Api>) -> impl Filter<Extract = (impl warp::Reply,), Error = Infallible> + Clone {
    let table = api::table();
    let document = docs::document(&openapi::document(&table));
    let into_table = into_table(api.clone(), Table::new(&table));
    let metrics_here = if api.settings.metrics_elsewhere { operations::nothing() } else { operations::metrics(api.clone()) };
    // Almost every request is for a page or the API: whatever stands before would be asked first and refuse.
    let sockets = live::socket(api.clone());
    site::sheets(api.clone())
        .or(warp::path("api").and(into_table.clone()))
        .unify()
        .or(sockets)
        .or(operations::health(api.clone()))
        .or(operations::ready(api.clone()))
        .or(metrics_here)
        .or(operations::jwks(api))
        .or(document)
        .or(docs::viewer())
        .or(assets::asset())
        .or(into_table)
        .recover(error::no_route)
}

/// The way into the table. One filter for all of it: seventy filters in a row would each refuse most requests, which costs
/// more than some answers.
fn into_table(api: Arc<Api>, table: Table) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone {
    warp::ext::get()
        .and(warp::body::bytes())
        .then(move |head: Arc<Head>, body| dispatch::answer(api.clone(), table.clone(), head, body))
}
