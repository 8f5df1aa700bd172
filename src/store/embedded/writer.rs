//! The one thread that writes.

use super::tables::Tables;
use redb::{Database, Durability};
use std::{
    collections::HashMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};
use tocsin_actors::{
    domain::{OrgId, Seq},
    store::StoreError,
};

/// How many jobs share a transaction: enough that the sync is a small part of it, few enough that the first of them
/// does not wait long for the last.
const BATCH: usize = 1_000;
/// How many bytes share a transaction.
const BATCH_BYTES: usize = 8 << 20;

/// Something to be written; many share a transaction.
pub(super) trait Job: Send {
    /// How many bytes it will write, about.
    fn bytes(&self) -> usize;
    /// Writes it. A refusal is kept for the answer and writes nothing; an error ends the whole transaction.
    fn write(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error>;
    /// Tells whoever waits, when it is known what became of the transaction.
    fn answer(self: Box<Self>, written: Result<(), StoreError>);
}

/// The way to the writer.
pub(super) type Queue = mpsc::Sender<Box<dyn Job>>;

/// The thread and the way to it.
pub(super) struct Writer {
    queue: Option<Queue>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(database: Arc<Database>) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel();
        let thread = thread::Builder::new().name("store-writer".into()).spawn(move || run(&database, &jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Another end of the way. The writer works until all are dropped.
    pub(super) fn queue(&self) -> Queue {
        self.queue.clone().expect("taken only by drop")
    }

    /// Hands a job over. Does not wait.
    pub(super) fn send(&self, job: Box<dyn Job>) {
        let queue = self.queue.as_ref().expect("taken only by drop");
        if let Err(mpsc::SendError(job)) = queue.send(job) {
            job.answer(Err(StoreError::Unavailable("the store's writer has ended".into())));
        }
    }
}

impl Drop for Writer {
    /// Finishes what waits.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            // Somebody's answer may be the last owner of the store.
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
    }
}

fn run(database: &Database, jobs: &mpsc::Receiver<Box<dyn Job>>) {
    let mut last = HashMap::new();
    while let Ok(first) = jobs.recv() {
        let mut bytes = first.bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH
            && bytes < BATCH_BYTES
            && let Ok(job) = jobs.try_recv()
        {
            bytes += job.bytes();
            batch.push(job);
        }
        let written = catch_unwind(AssertUnwindSafe(|| write(database, &mut batch, &mut last)))
            .unwrap_or_else(|_| Err(StoreError::Unknown("the store's writer panicked".into())));
        if let Err(error) = &written {
            tracing::error!(%error, jobs = batch.len(), "the store could not write");
            // What was remembered may not have come to be.
            last.clear();
        }
        for job in batch {
            // One who panics while being told must not take the others' store away.
            let written = written.clone();
            if catch_unwind(AssertUnwindSafe(|| job.answer(written))).is_err() {
                tracing::error!("somebody panicked while being told of a write");
            }
        }
    }
}

/// All of them, or none. The error says whether they may have been written all the same.
fn write(database: &Database, batch: &mut [Box<dyn Job>], last: &mut HashMap<OrgId, Seq>) -> Result<(), StoreError> {
    let nothing = |error: redb::Error| StoreError::Unavailable(what_to_do(&error));
    let mut transaction = database.begin_write().map_err(|error| nothing(error.into()))?;
    transaction.set_durability(Durability::Immediate).map_err(|error| nothing(error.into()))?;
    {
        let mut tables = Tables::open(&transaction, last).map_err(nothing)?;
        batch.iter_mut().try_for_each(|job| job.write(&mut tables)).map_err(nothing)?;
    }
    transaction.commit().map_err(|error| StoreError::Unknown(what_to_do(&error.into())))
}

/// After a failed write the file is read-only until it is opened again: what the disk has is not known for certain.
fn what_to_do(error: &redb::Error) -> String {
    match error {
        redb::Error::PreviousIo => "an earlier write failed; look after the disk and start again".into(),
        error => format!("{error}; look after the disk and start again"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EmbeddedStore, file};
    use futures::future::join_all;
    use redb::{Database, StorageBackend, backends::InMemoryBackend};
    use std::{
        io,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
    };
    use tocsin_actors::{
        store::{AccountError, AccountStore, CommitLog, StoreError},
        testkit::builders::*,
    };

    /// A disk that can be full.
    #[derive(Debug)]
    struct Disk {
        memory: InMemoryBackend,
        full: Arc<AtomicBool>,
    }

    impl Disk {
        fn room(&self) -> io::Result<()> {
            if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.memory.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.memory.read(offset, out)
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.room().and_then(|()| self.memory.set_len(len))
        }
        fn sync_data(&self) -> io::Result<()> {
            self.room()
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.room().and_then(|()| self.memory.write(offset, data))
        }
    }

    /// Nobody is told that something is durable which is not, nobody waits for ever, and it is said what to do.
    #[tokio::test]
    async fn a_full_disk_is_told_to_everybody_who_writes() {
        let full = Arc::new(AtomicBool::new(false));
        let disk = Disk { memory: InMemoryBackend::new(), full: full.clone() };
        let database = Database::builder().create_with_backend(disk).unwrap();
        file::prepare(&database).unwrap();
        let store = EmbeddedStore::start(database).unwrap();
        let mut writers: Vec<_> = (1..=20).map(Writer::of).collect();
        let created = writers.iter_mut().zip(1..).map(|(writer, n)| writer.append(&store, [create_organization(n)]));
        assert!(join_all(created).await.iter().all(Result::is_ok));

        full.store(true, Ordering::SeqCst);
        let renamed = writers.iter_mut().map(|writer| writer.append(&store, [rename("too much")]));
        for answer in join_all(renamed).await {
            assert!(matches!(answer, Err(StoreError::Unknown(_) | StoreError::Unavailable(_))), "{answer:?}");
        }
        let answer = store.create_user(person(1)).await;
        assert!(matches!(answer, Err(AccountError::Store(_))), "{answer:?}");

        // What the disk has is not known until the file is opened again, and that is what is said.
        full.store(false, Ordering::SeqCst);
        let answer = store.ping().await;
        let Err(StoreError::Unavailable(why)) = &answer else { panic!("{answer:?}") };
        assert!(why.contains("start again"), "{why}");
        let answer = writers[0].append(&store, [rename("again")]).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
}
