//! Snapshots: a shortcut for loading. They are encoded on a thread of their own, because the largest organizations take
//! long and neither an actor nor the writer shall wait for that.

use super::{
    projection::{Projection, delete_organization},
    tables::{Id, Tables, history_prefix},
    writer::{Job, Queue},
};
use crate::store::documents::{self, Collection};
use redb::ReadableTable;
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};
use tocsin_actors::{
    domain::{Org, Seq},
    store::StoreError,
};
use tokio::sync::oneshot;

/// The form of a stored snapshot: this byte, the `seq`, the organization. To be counted up whenever an older form would
/// be read as something else; a snapshot of another form is as good as none.
const FORM: u8 = 1;

enum Task {
    Save(Arc<Org>),
    Rewrite(Arc<Org>, oneshot::Sender<Result<(), StoreError>>),
    Pass(Box<dyn Job>),
}

/// The thread and the way to it.
pub(super) struct Snapshots {
    queue: Option<mpsc::Sender<Task>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Snapshots {
    pub(super) fn start(writer: Queue) -> io::Result<Self> {
        let (queue, tasks) = mpsc::channel();
        let thread = thread::Builder::new().name("store-snapshots".into()).spawn(move || run(&tasks, &writer))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Keeps a snapshot.
    pub(super) fn save(&self, org: Arc<Org>) {
        self.send(Task::Save(org));
    }
    /// Writes the documents and the snapshot of an organization anew.
    pub(super) fn rewrite(&self, org: Arc<Org>, answer: oneshot::Sender<Result<(), StoreError>>) {
        self.send(Task::Rewrite(org, answer));
    }
    /// Hands a job to the writer behind everything above.
    pub(super) fn pass(&self, job: Box<dyn Job>) {
        self.send(Task::Pass(job));
    }

    fn send(&self, task: Task) {
        // When the thread is gone, whoever waits learns it from the answer that never comes.
        drop(self.queue.as_ref().expect("taken only by drop").send(task));
    }
}

impl Drop for Snapshots {
    /// Finishes what waits.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the store's snapshots panicked");
        }
    }
}

fn run(tasks: &mpsc::Receiver<Task>, writer: &Queue) {
    while let Ok(task) = tasks.recv() {
        // An organization that cannot be encoded must not keep others from it.
        let Ok(job) = catch_unwind(AssertUnwindSafe(|| prepare(task))) else { continue };
        if let Some(job) = job
            && let Err(mpsc::SendError(job)) = writer.send(job)
        {
            job.answer(Err(StoreError::Unavailable("the store's writer has ended".into())));
        }
    }
}

fn prepare(task: Task) -> Option<Box<dyn Job>> {
    match task {
        Task::Pass(job) => Some(job),
        Task::Save(org) => match encode(&org) {
            Ok(value) => Some(Box::new(Save { org: org.id().uuid().into_bytes(), seq: org.seq(), value })),
            Err(error) => {
                tracing::error!(org = %org.id(), %error, "a snapshot could not be written");
                None
            }
        },
        Task::Rewrite(org, answer) => {
            let prepared = encode(&org).and_then(|value| Ok((value, Projection::new(&org, documents::all(&org)?)?)));
            match prepared {
                Ok((value, projection)) => Some(Box::new(Rewrite { org, value, projection, answer })),
                Err(error) => {
                    drop(answer.send(Err(error)));
                    None
                }
            }
        }
    }
}

fn encode(org: &Org) -> Result<Vec<u8>, StoreError> {
    let mut value = vec![FORM];
    value.extend_from_slice(&org.seq().to_be_bytes());
    value.extend_from_slice(documents::encode(org)?.as_bytes());
    Ok(value)
}

/// The snapshot, if this version can read it: everything in it is in the commits too.
pub(super) fn decode(value: &[u8]) -> Option<Org> {
    documents::decode(value.strip_prefix(&[FORM])?.get(8..)?).ok()
}

/// How far a stored snapshot goes; one of another form goes nowhere.
fn seq_of(value: &[u8]) -> Seq {
    let seq = value.strip_prefix(&[FORM]).and_then(|rest| rest.first_chunk());
    seq.map_or(0, |seq| Seq::from_be_bytes(*seq))
}

struct Save {
    org: Id,
    seq: Seq,
    value: Vec<u8>,
}

impl Job for Save {
    fn bytes(&self) -> usize {
        self.value.len()
    }
    fn write(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        let stored = tables.snapshots.get(&self.org)?.map_or(0, |value| seq_of(value.value()));
        if stored < self.seq {
            tables.snapshots.insert(&self.org, self.value.as_slice())?;
        }
        Ok(())
    }
    fn answer(self: Box<Self>, _: Result<(), StoreError>) {}
}

/// A key and its value.
type Row = (Vec<u8>, Vec<u8>);

/// Changes of a status that only the store remembers, with their keys.
fn forgotten(tables: &Tables<'_>, org: &Org) -> Result<Vec<Row>, redb::Error> {
    let mut found = Vec::new();
    for (service, oldest) in documents::forgotten(org) {
        let begin = history_prefix(Collection::StatusChanges as u8, org.id(), service);
        let end = [&begin[..], &oldest.to_be_bytes()].concat();
        for row in tables.documents.range(begin.as_slice()..end.as_slice())? {
            let (key, change) = row?;
            found.push((key.value().to_vec(), change.value().to_vec()));
        }
    }
    Ok(found)
}

struct Rewrite {
    org: Arc<Org>,
    value: Vec<u8>,
    projection: Projection,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Job for Rewrite {
    fn bytes(&self) -> usize {
        self.value.len() + self.projection.bytes()
    }
    fn write(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        let forgotten = forgotten(tables, &self.org)?;
        delete_organization(tables, self.org.id())?;
        for (key, change) in &forgotten {
            tables.documents.insert(key.as_slice(), change.as_slice())?;
        }
        self.projection.write(tables)?;
        tables.snapshots.insert(&self.org.id().uuid().into_bytes(), self.value.as_slice())?;
        Ok(())
    }
    fn answer(self: Box<Self>, written: Result<(), StoreError>) {
        drop(self.answer.send(written));
    }
}
