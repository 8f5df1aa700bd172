//! The log.

use super::{
    EmbeddedStore, ReadError,
    projection::Projection,
    snapshots,
    tables::{COMMITS, DUE, SNAPSHOTS, Tables, commit_key, time},
    writer::Job,
};
use crate::store::documents;
use futures::future::{BoxFuture, FutureExt};
use redb::{ReadTransaction, ReadableTable};
use std::sync::Arc;
use tocsin_actors::{
    domain::{Commit, Org, OrgId, Seq, Timestamp},
    store::{Append, CommitLog, Done, Later, Loaded, StoreError},
};

/// A commit, encoded, with its documents.
struct AppendJob {
    org: OrgId,
    first: Seq,
    last: Seq,
    /// The last event, then the commit.
    value: Vec<u8>,
    projection: Projection,
    conflict: bool,
    done: Done,
}

impl AppendJob {
    /// On the thread of the one who appends: many organizations encode at once, and only one thread writes.
    fn new(append: Append) -> Result<Self, (StoreError, Done)> {
        let Append { commit, after, done } = append;
        let prepare = || {
            let mut value = commit.last.to_be_bytes().to_vec();
            value.extend_from_slice(documents::encode(commit.as_ref())?.as_bytes());
            let projection = Projection::new(&after, documents::writes(&[&commit], &after)?)?;
            Ok((value, projection))
        };
        match prepare() {
            Err(error) => Err((error, done)),
            Ok((value, projection)) => {
                let (org, first, last) = (commit.org, commit.first, commit.last);
                Ok(Self { org, first, last, value, projection, conflict: false, done })
            }
        }
    }
}

impl Job for AppendJob {
    fn bytes(&self) -> usize {
        self.value.len() + self.projection.bytes()
    }

    fn write(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        let last = match tables.last.get(&self.org) {
            Some(last) => *last,
            None => last_of(&tables.commits, self.org)?,
        };
        // A commit that ends before it begins, or overflows, would be a hole for the next one.
        self.conflict = last.checked_add(1) != Some(self.first) || self.last < self.first;
        if self.conflict {
            tables.last.insert(self.org, last);
            return Ok(());
        }
        tables.commits.insert(&commit_key(self.org, self.first), self.value.as_slice())?;
        tables.last.insert(self.org, self.last);
        self.projection.write(tables)
    }

    fn answer(self: Box<Self>, written: Result<(), StoreError>) {
        let conflict = self.conflict;
        (self.done)(written.and(if conflict { Err(StoreError::Conflict) } else { Ok(()) }));
    }
}

/// Waits for its turn and writes nothing.
struct Settle(tokio::sync::oneshot::Sender<Result<(), StoreError>>);

impl Job for Settle {
    fn bytes(&self) -> usize {
        0
    }
    fn write(&mut self, _: &mut Tables<'_>) -> Result<(), redb::Error> {
        Ok(())
    }
    fn answer(self: Box<Self>, written: Result<(), StoreError>) {
        drop(self.0.send(written)); // nobody may wait any more
    }
}

/// The last event of an organization, 0 if there is none.
pub(super) fn last_of(commits: &impl ReadableTable<&'static [u8; 24], &'static [u8]>, org: OrgId) -> Result<Seq, redb::Error> {
    let newest = commits.range::<&[u8; 24]>(&commit_key(org, 0)..=&commit_key(org, Seq::MAX))?.next_back().transpose()?;
    newest.map_or(Ok(0), |(_, value)| split(value.value()).map(|(last, _)| last))
}

/// The last event of a stored commit, and the commit.
fn split(value: &[u8]) -> Result<(Seq, &[u8]), redb::Error> {
    let (last, commit) = value.split_first_chunk().ok_or_else(|| redb::Error::Corrupted("a commit is cut off".into()))?;
    Ok((Seq::from_be_bytes(*last), commit))
}

fn commits_after(transaction: &ReadTransaction, org: OrgId, after: Seq, limit: usize) -> Result<Vec<Commit>, ReadError> {
    let commits = transaction.open_table(COMMITS)?;
    // The event may lie inside the commit that begins at or before it.
    let begin = commits.range::<&[u8; 24]>(&commit_key(org, 0)..=&commit_key(org, after))?.next_back().transpose()?;
    let begin = match begin {
        Some((key, value)) if split(value.value())?.0 > after => *key.value(),
        _ => commit_key(org, after.saturating_add(1)),
    };
    let mut found = Vec::new();
    for row in commits.range::<&[u8; 24]>(&begin..=&commit_key(org, Seq::MAX))?.take(limit) {
        let (_, value) = row?;
        found.push(documents::decode(split(value.value())?.1).map_err(ReadError::Store)?);
    }
    Ok(found)
}

impl CommitLog for EmbeddedStore {
    fn append(&self, append: Append) {
        match AppendJob::new(append) {
            Ok(job) => self.writer.send(Box::new(job)),
            Err((error, done)) => done(Err(error)),
        }
    }

    fn load(&self, org: OrgId) -> Later<'_, Loaded> {
        let read = move |transaction: &ReadTransaction| {
            let snapshot = transaction.open_table(SNAPSHOTS)?.get(&org.uuid().into_bytes())?;
            let snapshot = snapshot.and_then(|stored| snapshots::decode(stored.value()));
            let commits = commits_after(transaction, org, snapshot.as_ref().map_or(0, Org::seq), usize::MAX)?;
            // Documents are written with their commit.
            let documents_at = last_of(&transaction.open_table(COMMITS)?, org)?;
            Ok(Loaded { snapshot, commits, documents_at })
        };
        self.read(read).boxed()
    }

    fn commits_after(&self, org: OrgId, after: Seq, limit: usize) -> Later<'_, Vec<Commit>> {
        self.read(move |transaction| commits_after(transaction, org, after, limit)).boxed()
    }

    /// Nothing to do: documents are never behind.
    fn project(&self, _: Vec<Commit>, _: Arc<Org>) {}

    fn save_snapshot(&self, org: Arc<Org>) {
        self.snapshots.save(org);
    }

    fn settle(&self) -> Later<'_, ()> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        // Behind the snapshots that are being encoded, and then behind everything that waits to be written.
        self.snapshots.pass(Box::new(Settle(answer)));
        answer_of(answered)
    }

    fn agenda(&self) -> Later<'_, Vec<(OrgId, Timestamp)>> {
        let read = |transaction: &ReadTransaction| {
            let mut agenda = Vec::new();
            for row in transaction.open_table(DUE)?.iter()? {
                let (org, due) = row?;
                agenda.push((OrgId::new(uuid::Uuid::from_bytes(*org.value())), time(due.value())));
            }
            Ok(agenda)
        };
        self.read(read).boxed()
    }

    /// Through the writer, with a sync: a file that can be read but not written is not well.
    fn ping(&self) -> Later<'_, ()> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.writer.send(Box::new(Settle(answer)));
        answer_of(answered)
    }

    fn answers(&self) -> Later<'_, ()> {
        std::future::ready(Ok(())).boxed() // the file is ours alone and open
    }
}

fn answer_of(answered: tokio::sync::oneshot::Receiver<Result<(), StoreError>>) -> BoxFuture<'static, Result<(), StoreError>> {
    let ended = |_| Err(StoreError::Unavailable("the store's writer has ended".into()));
    async move { answered.await.unwrap_or_else(ended) }.boxed()
}
