//! From a file into an empty store.
//!
//! Organizations are filled side by side, each in the order of its commits, through the same port as everybody's; so
//! documents follow by themselves. What is on its way is bounded by its bytes.

use super::{Counts, FileError, Item, Reader};
use std::{
    io::{self, Read},
    sync::Arc,
};
use tocsin_actors::{
    domain::{Commit, Org, OrgId, Seq},
    records::RecordKind,
    store::{AccountError, Append, Store, StoreError},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::{JoinSet, spawn_blocking},
};

/// How many organizations, or other things, are on their way: enough to fill a group commit.
const AT_ONCE: usize = 128;
/// How many KiB of lines wait to be written. One organization with a long life must not keep the others waiting.
const ROOM: u32 = 64 << 10;
/// How many things are read ahead of that.
const AHEAD: usize = 64;
/// After how many events an organization's documents are waited for. Far fewer than changes of a status are remembered
/// for a service (`History::MAX`): their documents are made from what is remembered.
const SETTLE_AFTER: Seq = 1_000;
/// From how many events on a snapshot is worth it, as when an organization goes to sleep.
const SNAPSHOT_FROM: Seq = 50;

/// Why a store was not filled.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Nothing was changed.
    #[error("the import could not begin: {0}")]
    NotBegun(String),
    /// The file is not as it was when it was verified.
    #[error("the file {0}")]
    File(#[from] FileError),
    /// The store did not take it.
    #[error("{what}: {error}")]
    Refused {
        /// What was to be written.
        what: String,
        /// What the store said.
        error: AccountError,
    },
}

fn refused(what: impl Into<String>) -> impl FnOnce(AccountError) -> ImportError {
    let what = what.into();
    |error| ImportError::Refused { what, error }
}

/// Reads a whole file and changes nothing. Tells how many bytes were read.
pub fn verify(file: impl Read, mut tell: impl FnMut(usize)) -> Result<Counts, FileError> {
    let mut reader = Reader::begin(file)?;
    while let Some((_, bytes)) = reader.read()? {
        tell(bytes);
    }
    Ok(reader.counts().unwrap_or_default())
}

/// What is in a store already, if anything: only an empty one is filled.
pub async fn occupant(store: &Arc<dyn Store>) -> Result<Option<String>, StoreError> {
    if !store.organizations(None, 1).await?.is_empty() {
        return Ok(Some("organizations".to_owned()));
    }
    if !store.users(None, 1).await?.is_empty() {
        return Ok(Some("users".to_owned()));
    }
    if !store.names(None, None, 1).await?.is_empty() {
        return Ok(Some("names of organizations".to_owned()));
    }
    for kind in RecordKind::ALL {
        if !store.records(kind, None, 1).await?.is_empty() {
            return Ok(Some(kind.name().replace('_', " ")));
        }
    }
    Ok((store.last_number().await? > 0).then(|| "numbers that were given".to_owned()))
}

/// Fills an empty store. Tells how many bytes of the file were written. When it fails the store is incomplete, and marked
/// as that: nobody can open it.
pub async fn import(
    store: &Arc<dyn Store>,
    file: impl Read + Send + 'static,
    tell: impl FnMut(usize),
) -> Result<Counts, ImportError> {
    store.begin_import().await.map_err(|error| match error {
        StoreError::Conflict => ImportError::NotBegun("another one into this store is running".to_owned()),
        error => ImportError::NotBegun(error.to_string()),
    })?;
    let (items, queue) = mpsc::channel(AHEAD);
    let reading = spawn_blocking(move || read(file, &items));
    let filled = Filling::new(store.clone()).everything(queue, tell).await;
    // The file's own trouble first: when it ends early, everything behind it seems well.
    let counts = reading.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked).into()));
    filled?;
    let counts = counts?;
    let settled = async {
        store.settle().await?;
        store.end_import().await
    };
    settled.await.map_err(|error| refused("the end of the import")(error.into()))?;
    Ok(counts)
}

/// Hands everything on, until nobody wants it.
fn read(file: impl Read, items: &mpsc::Sender<(Item, usize)>) -> Result<Counts, FileError> {
    let mut reader = Reader::begin(file)?;
    while let Some(item) = reader.read()? {
        if items.blocking_send(item).is_err() {
            break;
        }
    }
    Ok(reader.counts().unwrap_or_default())
}

/// A commit, with the room that it takes until it is written.
type Parcel = (Box<Commit>, OwnedSemaphorePermit);

struct Filling {
    store: Arc<dyn Store>,
    places: Arc<Semaphore>,
    room: Arc<Semaphore>,
    /// Whoever writes something.
    tasks: JoinSet<Result<(), ImportError>>,
    /// The organization whose commits come now.
    current: Option<(OrgId, mpsc::UnboundedSender<Parcel>)>,
}

impl Filling {
    fn new(store: Arc<dyn Store>) -> Self {
        let (places, room) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Semaphore::new(ROOM as usize)));
        Self { store, places, room, tasks: JoinSet::new(), current: None }
    }

    async fn everything(
        mut self,
        mut items: mpsc::Receiver<(Item, usize)>,
        mut tell: impl FnMut(usize),
    ) -> Result<(), ImportError> {
        while let Some((item, bytes)) = items.recv().await {
            // What failed is told at once, and not after all the rest.
            while let Some(done) = self.tasks.try_join_next() {
                done.unwrap_or_else(|error| Err(panicked(&error)))?;
            }
            self.one(item, bytes).await;
            tell(bytes);
        }
        self.current = None;
        while let Some(done) = self.tasks.join_next().await {
            done.unwrap_or_else(|error| Err(panicked(&error)))?;
        }
        Ok(())
    }

    /// Hands it to a task, as soon as there is room.
    async fn one(&mut self, item: Item, bytes: usize) {
        let kib = u32::try_from(bytes / 1_024 + 1).unwrap_or(ROOM).min(ROOM);
        let room = permit(self.room.clone().acquire_many_owned(kib).await);
        let commit = match item {
            Item::Commit(commit) => commit,
            other => {
                let (store, place) = (self.store.clone(), self.place().await);
                self.tasks.spawn(async move {
                    let _held = (place, room);
                    account(&*store, other).await
                });
                return;
            }
        };
        if self.current.as_ref().is_none_or(|(org, _)| *org != commit.org) {
            self.current = None; // it knows now that no more comes
            let (commits, queue) = mpsc::unbounded_channel();
            let (store, place, org) = (self.store.clone(), self.place().await, commit.org);
            self.tasks.spawn(async move {
                let _held = place;
                organization(&*store, org, queue).await
            });
            self.current = Some((org, commits));
        }
        if let Some((_, commits)) = &self.current {
            // Nobody takes it when the task has failed, which is seen before the next thing is handed over.
            let _ = commits.send((commit, room));
        }
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        permit(self.places.clone().acquire_owned().await)
    }
}

fn permit(acquired: Result<OwnedSemaphorePermit, tokio::sync::AcquireError>) -> OwnedSemaphorePermit {
    acquired.expect("these semaphores are never closed")
}

fn panicked(error: &tokio::task::JoinError) -> ImportError {
    refused("a task of the import")(StoreError::Unknown(error.to_string()).into())
}

async fn account(store: &dyn Store, item: Item) -> Result<(), ImportError> {
    match item {
        Item::User(user) => {
            let what = format!("user {}", user.id);
            store.create_user(*user).await.map_err(refused(what))
        }
        Item::Name(claim) => {
            let what = format!("name `{}`", claim.name);
            store.claim_name(claim.name, claim.org, claim.at).await.map_err(refused(what))
        }
        Item::Record(record) => {
            let what = format!("{} {}", record.kind.name(), record.id);
            store.restore_record(*record).await.map_err(refused(what))
        }
        Item::Number(last) => store.skip_numbers(last).await.map_err(|error| refused("the last number")(error.into())),
        Item::Commit(_) => unreachable!("commits go to their organization"),
    }
}

/// Stores an organization's commits as they come. Done when its documents are, so that what waits to be written does not
/// grow while the file is read.
async fn organization(store: &dyn Store, id: OrgId, mut commits: mpsc::UnboundedReceiver<Parcel>) -> Result<(), ImportError> {
    let mut org = Org::new(id);
    let mut settled = 0;
    while let Some((commit, _room)) = commits.recv().await {
        commit.entries.iter().for_each(|entry| org.apply(entry));
        let what = || format!("events {} to {} of organization {id}", commit.first, commit.last);
        let what = refused(what());
        append(store, Arc::new(*commit), Arc::new(org.clone())).await.map_err(|error| what(error.into()))?;
        if org.seq() - settled >= SETTLE_AFTER {
            settle(store, id).await?;
            settled = org.seq();
        }
    }
    if org.seq() >= SNAPSHOT_FROM {
        store.save_snapshot(Arc::new(org));
    }
    settle(store, id).await
}

async fn settle(store: &dyn Store, id: OrgId) -> Result<(), ImportError> {
    store.settle().await.map_err(|error| refused(format!("the documents of organization {id}"))(error.into()))
}

async fn append(store: &dyn Store, commit: Arc<Commit>, after: Arc<Org>) -> Result<(), StoreError> {
    let (answer, answered) = oneshot::channel();
    store.append(Append { commit, after, done: Box::new(move |result| drop(answer.send(result))) });
    answered.await.unwrap_or_else(|_| Err(StoreError::Unknown("the store did not say what became of it".into())))
}
