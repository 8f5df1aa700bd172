//! From a store into a file.
//!
//! Commits come first: who and what they name was there before them, so that in a file written beside a running server
//! nobody is missing whom a commit names.

use super::{Counts, Item, RECORDS, Writer};
use futures::{Stream, TryStreamExt, stream};
use std::{
    io::{self, Write},
    pin::pin,
    sync::Arc,
};
use tocsin_actors::{
    domain::{Commit, OrgId, Timestamp},
    store::{Store, StoreError},
};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle, spawn_blocking},
};

/// How many commits of an organization are read at once: bounded memory, whatever its age.
const COMMITS: usize = 100;
/// How many of anything else are.
const PAGE: usize = 500;
/// How many organizations are read ahead, so that the way to a database is not waited for again and again.
const AHEAD: usize = 8;
/// How many pages wait for a slow disk, or for a slow reader of a pipe.
const WAITING: usize = 4;

/// Why an export did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// What is stored cannot be read.
    #[error("the store cannot be exported: {0}")]
    Store(#[from] StoreError),
    /// What is stored cannot be put into a file, because it could not be imported from there.
    #[error("the store cannot be exported: {0}; `tocsin check` tells more")]
    Unfit(String),
    /// The file cannot be written.
    #[error("the export cannot be written: {0}")]
    Io(io::Error),
}

/// Writes everything, and answers what that was. Tells of each organization.
pub async fn export<W: Write + Send + 'static>(
    store: &Arc<dyn Store>,
    at: Timestamp,
    out: W,
    mut tell: impl FnMut(),
) -> Result<(Counts, W), ExportError> {
    let (pages, written) = writer(at, out);
    let read = everything(store, &pages, &mut tell).await;
    drop(pages);
    // Waited for in any case: whoever made the file may want to take it away.
    let written = done(written.await);
    match read {
        Err(Stop::Store(error)) => Err(error.into()),
        // When the writer ended before the reader did, it says why.
        Ok(()) | Err(Stop::WriterEnded) => {
            let writer = written?;
            done(spawn_blocking(move || writer.end()).await)
        }
    }
}

/// A thread that writes: encoding is work, and a pipe may be full. It leaves the end to whoever knows that all is there.
fn writer<W: Write + Send + 'static>(at: Timestamp, out: W) -> (mpsc::Sender<Vec<Item>>, JoinHandle<io::Result<Writer<W>>>) {
    let (pages, mut queue) = mpsc::channel::<Vec<Item>>(WAITING);
    let written = spawn_blocking(move || {
        let mut writer = Writer::begin(out, at)?;
        while let Some(page) = queue.blocking_recv() {
            page.iter().try_for_each(|item| writer.write(item))?;
        }
        Ok(writer)
    });
    (pages, written)
}

fn done<T>(written: Result<io::Result<T>, JoinError>) -> Result<T, ExportError> {
    written.unwrap_or_else(|panicked| Err(io::Error::other(panicked))).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => ExportError::Unfit(error.to_string()),
        _ => ExportError::Io(error),
    })
}

/// Why reading stops.
enum Stop {
    Store(StoreError),
    WriterEnded,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn send(pages: &mpsc::Sender<Vec<Item>>, items: impl Iterator<Item = Item>) -> Result<(), Stop> {
    pages.send(items.collect()).await.map_err(|_| Stop::WriterEnded)
}

async fn everything(store: &Arc<dyn Store>, pages: &mpsc::Sender<Vec<Item>>, tell: &mut impl FnMut()) -> Result<(), Stop> {
    let mut organizations = pin!(organizations(store).map_ok(|id| first_page(store, id)).try_buffered(AHEAD));
    while let Some((id, mut commits)) = organizations.try_next().await? {
        while let Some(last) = commits.last().map(|commit| commit.last) {
            let is_whole = commits.len() < COMMITS;
            send(pages, commits.into_iter().map(|commit| Item::Commit(Box::new(commit)))).await?;
            commits = if is_whole { Vec::new() } else { store.commits_after(id, last, COMMITS).await? };
        }
        tell();
    }
    let mut after = None;
    while let users = store.users(after, PAGE).await?
        && let Some(last) = users.last()
    {
        after = Some(last.id);
        send(pages, users.into_iter().map(|user| Item::User(Box::new(user)))).await?;
    }
    let mut after = None;
    while let claims = store.names(None, after.take(), PAGE).await?
        && let Some(last) = claims.last()
    {
        after = Some(last.name.clone());
        send(pages, claims.into_iter().map(Item::Name)).await?;
    }
    for kind in RECORDS {
        let mut after = None;
        while let records = store.records(kind, after, PAGE).await?
            && let Some(last) = records.last()
        {
            after = Some(last.id);
            send(pages, records.into_iter().map(|record| Item::Record(Box::new(record)))).await?;
        }
    }
    send(pages, [Item::Number(store.last_number().await?)].into_iter()).await
}

/// Every organization, by id.
fn organizations(store: &Arc<dyn Store>) -> impl Stream<Item = Result<OrgId, StoreError>> {
    let pages = stream::try_unfold(None, move |after| async move {
        let orgs = store.organizations(after, PAGE).await?;
        Ok(orgs.last().copied().map(|last| (stream::iter(orgs.into_iter().map(Ok)), Some(last))))
    });
    pages.try_flatten()
}

/// The beginning of an organization, read by a task of its own: it goes on while nobody looks, and no time limit of the
/// store runs out because the file is slow.
fn first_page(store: &Arc<dyn Store>, id: OrgId) -> impl Future<Output = Result<(OrgId, Vec<Commit>), StoreError>> + use<> {
    let store = store.clone();
    let page = tokio::spawn(async move { store.commits_after(id, 0, COMMITS).await });
    async move {
        let page = page.await.unwrap_or_else(|error| Err(StoreError::Corrupt(format!("a read ended unexpectedly: {error}"))));
        Ok((id, page?))
    }
}
