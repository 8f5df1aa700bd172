//! The server as a whole: what starts, in which order, and how it ends. The same for `main` and for tests.

use crate::http::{
    self, Api,
    edge::{Edge, EdgeSettings},
};
use std::{sync::Arc, time::Duration};
use tocsin_actors::{
    clock::SystemClock,
    directory::{Directory, Settings},
    store::{Store, StoreError},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tracing::{info, warn};

/// How long connections may take to end by themselves at shutdown.
const LAST_CALL: Duration = Duration::from_secs(10);

/// A running server.
pub struct App {
    store: Arc<dyn Store>,
    directory: Directory,
    stop_listening: oneshot::Sender<()>,
    http: JoinHandle<()>,
}

impl App {
    /// Starts everything on a listener that is bound already, so that a taken port is the caller's error.
    pub async fn start(store: Arc<dyn Store>, settings: Settings, listener: TcpListener) -> Result<Self, StoreError> {
        let directory = Directory::start(store.clone(), Arc::new(SystemClock), settings).await?;
        let api = Api { store: store.clone(), directory: directory.clone() };
        let (stop_listening, stopped) = oneshot::channel();
        let http = tokio::spawn(http::serve(listener, api, Edge::new(EdgeSettings::default()), stopped, LAST_CALL));
        Ok(Self { store, directory, stop_listening, http })
    }

    /// The way to the organizations.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Ends in the order in which nothing is lost: no new connections, answers to what was asked, every organization
    /// asleep, every document written.
    pub async fn shutdown(self) {
        let _ = self.stop_listening.send(());
        if let Err(error) = self.http.await {
            warn!(%error, "the HTTP server ended badly");
        }
        self.directory.shutdown().await;
        if let Err(error) = self.store.settle().await {
            warn!(%error, "documents are behind their commits and will be caught up at the next start");
        }
        info!("stopped");
    }
}
