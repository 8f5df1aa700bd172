//! The store on MongoDB: any deployment of version 6 or newer, without transactions.
//!
//! A commit is one document, which every deployment writes as a whole or not at all, and the unique index on
//! `(org, first)` lets only one writer take a place in the log. Everything else is made from commits and may be thrown
//! away: readable documents, snapshots, and the marks that say how far the documents of an organization have come.
//!
//! Two tasks do the writing. The appender (`appender`) makes commits durable and says so; the projector (`projector`)
//! follows behind with documents and snapshots. A failure of the second never fails a caller: documents may lag, and
//! are caught up by the projector or by whoever brings the organization to life next.
//!
//! This is the only place that names the driver. What it does not do: retry a commit. Its fate is told as it is known.

mod accounts;
mod appender;
mod archive;
mod backlog;
mod bulk;
mod database;
mod errors;
mod indexes;
mod open;
mod projector;
mod reading;
mod readings;
mod records;
mod repair;
mod slices;
mod snapshots;
mod tails;

pub use open::OpenError;

use appender::Appender;
use backlog::Backlog;
use database::Database;
use futures::FutureExt;
use projector::Projector;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tails::Tails;
use tocsin_actors::{
    domain::{Commit, Org, OrgId, Seq, Timestamp},
    store::{Append, CommitLog, Later, Loaded, StoreError},
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Commits, documents and accounts in a MongoDB database.
///
/// Its two tasks end by themselves when it is dropped, after they have written what was handed over; `close` waits for
/// that.
pub struct MongoStore {
    database: Database,
    tails: Arc<Tails>,
    /// None when it is closed.
    appends: Mutex<Option<mpsc::UnboundedSender<Append>>>,
    backlog: Arc<Backlog>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl MongoStore {
    /// Connects, checks that the database is ours and fit, and starts the two tasks on the runtime of the caller. The
    /// database is the one in the path of the address, else `tocsin`.
    pub async fn open(uri: &str) -> Result<Arc<Self>, OpenError> {
        Ok(Arc::new(Self::start(open::open(uri, true).await?)))
    }

    /// The same, unless the database is none of ours yet: then it is [`OpenError::Missing`].
    pub async fn open_existing(uri: &str) -> Result<Arc<Self>, OpenError> {
        Ok(Arc::new(Self::start(open::open(uri, false).await?)))
    }

    fn start(database: Database) -> Self {
        let tails = Arc::new(Tails::default());
        let backlog = Arc::new(Backlog::default());
        let (appends, queue) = mpsc::unbounded_channel();
        let tasks = vec![
            tokio::spawn(Appender::new(database.clone(), tails.clone(), backlog.clone()).run(queue)),
            tokio::spawn(Projector::new(database.clone(), backlog.clone()).run()),
        ];
        Self { database, tails, appends: Mutex::new(Some(appends)), backlog, tasks: Mutex::new(tasks) }
    }

    /// Takes nothing more and waits until what was handed over is written, or was tried often enough.
    pub async fn close(&self) {
        drop(lock(&self.appends).take());
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        for task in tasks {
            if let Err(panicked) = task.await {
                tracing::error!(%panicked, "a task of the store did not end well");
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CommitLog for MongoStore {
    fn append(&self, append: Append) {
        let unsent = match lock(&self.appends).as_ref() {
            Some(appends) => appends.send(append).err().map(|unsent| unsent.0),
            None => Some(append),
        };
        if let Some(append) = unsent {
            (append.done)(Err(StoreError::Unavailable("it is closed".into())));
        }
    }

    fn load(&self, org: OrgId) -> Later<'_, Loaded> {
        async move {
            let loaded = reading::load(&self.database, org).await?;
            let last = loaded.commits.last().map(|commit| commit.last);
            self.tails.set(org, last.or(loaded.snapshot.as_ref().map(Org::seq)).unwrap_or(0));
            Ok(loaded)
        }
        .boxed()
    }

    fn commits_after(&self, org: OrgId, after: Seq, limit: usize) -> Later<'_, Vec<Commit>> {
        reading::commits_after(&self.database, org, after, limit).boxed()
    }

    fn project(&self, commits: Vec<Commit>, after: Arc<Org>) {
        self.backlog.documents(commits.into_iter().map(Arc::new), after);
    }

    fn save_snapshot(&self, org: Arc<Org>) {
        self.backlog.snapshot(org);
    }

    fn settle(&self) -> Later<'_, ()> {
        self.backlog.settle().boxed()
    }

    fn agenda(&self) -> Later<'_, Vec<(OrgId, Timestamp)>> {
        reading::agenda(&self.database).boxed()
    }

    fn ping(&self) -> Later<'_, ()> {
        self.database.ping().boxed()
    }
}
