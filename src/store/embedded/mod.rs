//! The store without a server: one file, one process, one writer.
//!
//! A dedicated thread writes. It takes everything that waits, puts it into one transaction and syncs once, so that
//! what one commit pays for its durability is shared by all that came while the previous ones were written. Documents
//! are written in the transaction of their commit and are never behind.
//!
//! Readers look at the last committed state and never wait for the writer. What is written is encoded by whoever hands
//! it over; the writer only moves bytes.

mod accounts;
mod archive;
mod file;
mod log;
mod projection;
mod readings;
mod records;
mod rehearsal;
mod snapshots;
mod tables;
mod writer;

use self::{snapshots::Snapshots, writer::Writer};
use super::OpenError;
use redb::{Database, ReadTransaction, ReadableDatabase};
use std::{path::Path, sync::Arc};
use tocsin_actors::store::StoreError;

/// The store. Dropping it finishes what was handed over, and then closes the file.
pub struct EmbeddedStore {
    // Dropped in this order: snapshots are encoded on a thread of their own and then handed to the writer.
    snapshots: Snapshots,
    writer: Writer,
    database: Arc<Database>,
}

impl EmbeddedStore {
    /// Opens the store in a folder, which is made if it is not there. Takes as long as a repair takes after a crash.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::start(file::open(folder)?)
    }

    /// The same, unless there is none yet.
    pub fn open_existing(folder: &Path) -> Result<Option<Self>, OpenError> {
        if file::is_there(folder) { Self::open(folder).map(Some) } else { Ok(None) }
    }

    /// Opens the store in a folder, or an empty one, and keeps in memory whatever is written to it.
    pub fn rehearse(folder: &Path) -> Result<Self, OpenError> {
        Self::start(file::rehearse(folder)?)
    }

    /// An empty store that is gone when it is dropped.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::start(file::in_memory()?)
    }

    fn start(database: Database) -> Result<Self, OpenError> {
        let database = Arc::new(database);
        let no_thread = |error| OpenError(format!("cannot start a thread for the store: {error}"));
        let writer = Writer::start(database.clone()).map_err(no_thread)?;
        let snapshots = Snapshots::start(writer.queue()).map_err(no_thread)?;
        Ok(Self { snapshots, writer, database })
    }

    /// Reads on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = self.database.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let transaction = database.begin_read().map_err(redb::Error::from)?;
            read(&transaction)
        });
        match reading.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(ReadError::Store(error))) => Err(error),
            Ok(Err(ReadError::File(error))) => Err(unreadable(error)),
            Err(error) => Err(StoreError::Corrupt(format!("a read ended unexpectedly: {error}"))),
        }
    }
}

/// What can go wrong in a read transaction.
enum ReadError {
    File(redb::Error),
    Store(StoreError),
}

impl<E: Into<redb::Error>> From<E> for ReadError {
    fn from(error: E) -> Self {
        Self::File(error.into())
    }
}

fn unreadable(error: redb::Error) -> StoreError {
    match error {
        redb::Error::Corrupted(what) => StoreError::Corrupt(what),
        error => StoreError::Unavailable(format!("the store's file cannot be read: {error}")),
    }
}
