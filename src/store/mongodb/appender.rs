//! The one writer of commits: group commit.
//!
//! Everything that was queued while earlier messages were on their way goes into the next one, so that the price of a
//! durable majority write is shared by all who wait, and nobody waits for company. Two messages fly at once, never with
//! commits of the same organization.

use super::{
    backlog::Backlog,
    database::{ANSWER_TIMEOUT, COMMITS, Database, Raw, id, number, number_in, org_in, read, read_all, write_concern},
    errors,
    tails::Tails,
};
use crate::store::documents;
use bson::{RawDocumentBuf, doc};
use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use mongodb::error::{Error, ErrorKind};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};
use tocsin_actors::{
    domain::{Commit, OrgId, Seq},
    store::{Append, StoreError},
};
use tokio::sync::mpsc::UnboundedReceiver;

/// How many commits travel in one message. At 1,000 the price of durability is shared enough: more gained nothing.
const MAX_COMMITS: usize = 1_000;

/// How many messages are on their way at once. With a second one, a commit that comes just after the first has left does
/// not wait for it: an organization that always has something to write would make each of its neighbours wait twice.
const MAX_MESSAGES: usize = 2;

/// How many bytes do: far below the 48 MB of one message, so that the driver never splits it and one answer tells the
/// fate of all.
const MAX_BYTES: usize = 16_000_000;

/// The largest commit: what MongoDB allows a document (16 MiB), less a little for what it adds itself.
const MAX_COMMIT: usize = 16 * 1024 * 1024 - 1024;

/// Writes commits until nobody can hand it any.
pub(super) struct Appender {
    commits: Raw,
    tails: Arc<Tails>,
    backlog: Arc<Backlog>,
}

/// A commit that is ready to travel.
struct Parcel {
    append: Append,
    body: RawDocumentBuf,
}

/// Commits that wait for a place in a message.
#[derive(Default)]
struct Waiting {
    parcels: VecDeque<Parcel>,
    /// Organizations of which a commit is on its way: their next one waits for its fate.
    flying: HashSet<OrgId>,
}

impl Waiting {
    /// The next message: who came first, as far as it may go and fits.
    fn next_group(&mut self) -> Option<Vec<Parcel>> {
        let mut group = Vec::new();
        let mut bytes = 0;
        let mut left = VecDeque::new();
        while let Some(parcel) = self.parcels.pop_front() {
            let size = parcel.body.as_bytes().len();
            if group.len() == MAX_COMMITS || (!group.is_empty() && bytes + size > MAX_BYTES) {
                left.push_back(parcel);
                break;
            }
            if self.flying.insert(parcel.org()) {
                bytes += size;
                group.push(parcel);
            } else {
                left.push_back(parcel);
            }
        }
        left.append(&mut self.parcels);
        self.parcels = left;
        (!group.is_empty()).then_some(group)
    }

    fn landed(&mut self, orgs: &[OrgId]) {
        for org in orgs {
            self.flying.remove(org);
        }
    }
}

impl Parcel {
    fn commit(&self) -> Arc<Commit> {
        self.append.commit.clone()
    }
    fn org(&self) -> OrgId {
        self.append.commit.org
    }
    fn first(&self) -> Seq {
        self.append.commit.first
    }
}

impl Appender {
    pub(super) fn new(database: Database, tails: Arc<Tails>, backlog: Arc<Backlog>) -> Self {
        Self { commits: database.collection(COMMITS), tails, backlog }
    }

    pub(super) async fn run(self, mut queue: UnboundedReceiver<Append>) {
        let mut arrived = Vec::with_capacity(MAX_COMMITS);
        let mut waiting = Waiting::default();
        let mut flying = FuturesUnordered::new();
        let mut open = true;
        loop {
            while flying.len() < MAX_MESSAGES
                && let Some(group) = waiting.next_group()
            {
                flying.push(self.write(group));
            }
            tokio::select! {
                biased;
                Some(orgs) = flying.next() => waiting.landed(&orgs),
                count = queue.recv_many(&mut arrived, MAX_COMMITS), if open && waiting.parcels.len() < MAX_COMMITS => {
                    open = count > 0;
                    waiting.parcels.extend(arrived.drain(..).filter_map(pack));
                }
                else => return,
            }
        }
    }

    /// Answers whose commits these were, when their fate is known and told.
    async fn write(&self, parcels: Vec<Parcel>) -> Vec<OrgId> {
        let orgs = parcels.iter().map(Parcel::org).collect();
        let parcels = self.in_order(parcels).await;
        if parcels.is_empty() {
            return orgs;
        }
        let message = self.commits.insert_many(parcels.iter().map(|parcel| &parcel.body)).ordered(false);
        let sent = tokio::time::timeout(ANSWER_TIMEOUT, message.write_concern(write_concern()).into_future()).await;
        let fates = match sent {
            Ok(Ok(_)) => vec![Ok(()); parcels.len()],
            Ok(Err(error)) => self.fates(parcels.iter().map(Parcel::commit).collect(), error).await,
            Err(_) => vec![Err(StoreError::Unknown(errors::no_answer())); parcels.len()],
        };
        for (parcel, fate) in parcels.into_iter().zip(fates) {
            self.tell(parcel.append, fate);
        }
        orgs
    }

    fn tell(&self, append: Append, fate: Result<(), StoreError>) {
        let Append { commit, after, done } = append;
        match &fate {
            Ok(()) => {
                self.tails.set(commit.org, commit.last);
                // Before the caller knows: a `settle` or a snapshot of somebody who does comes after these documents.
                self.backlog.documents([commit], after);
            }
            Err(_) => self.tails.forget(commit.org),
        }
        done(fate);
    }

    /// Refuses what does not follow the last stored event.
    ///
    /// For a right writer the unique index is enough: it starts from an end that was durable, each commit begins where
    /// some commit ended, and so whoever was faster has taken the same `first`. This check also catches a wrong one,
    /// which would leave a hole or overlap. It costs nothing while our memory of the end fits; only when it does not,
    /// because somebody else wrote or the writer is wrong, the database is asked.
    async fn in_order(&self, parcels: Vec<Parcel>) -> Vec<Parcel> {
        let fits = |parcel: &Parcel| self.tails.get(parcel.org()).is_some_and(|last| last + 1 == parcel.first());
        let (mut ready, doubtful): (Vec<_>, Vec<_>) = parcels.into_iter().partition(fits);
        let ends = join_all(doubtful.iter().map(|parcel| self.end_of(parcel.org()))).await;
        for (parcel, end) in doubtful.into_iter().zip(ends) {
            match end {
                Ok(last) if last + 1 == parcel.first() => ready.push(parcel),
                Ok(_) => self.tell(parcel.append, Err(StoreError::Conflict)),
                Err(error) => self.tell(parcel.append, Err(error)),
            }
        }
        ready
    }

    async fn end_of(&self, org: OrgId) -> Result<Seq, StoreError> {
        let newest = self.commits.find_one(doc! { "org": id(org.uuid()) });
        let newest = newest.sort(doc! { "org": -1, "first": -1 }).projection(doc! { "last": 1 });
        read(newest).await?.map_or(Ok(0), |commit| number_in(&commit, "last"))
    }

    /// What became of each commit of a message that failed as a whole or in part.
    async fn fates(&self, commits: Vec<Arc<Commit>>, error: Error) -> Vec<Result<(), StoreError>> {
        let ErrorKind::InsertMany(partial) = error.kind.as_ref() else {
            return vec![Err(errors::writing(&error)); commits.len()];
        };
        let unconfirmed = partial.write_concern_error.as_ref();
        let rest = unconfirmed.map_or(Ok(()), |error| Err(StoreError::Unknown(error.message.clone())));
        let mut fates = vec![rest; commits.len()];
        let mut duplicates = Vec::new();
        for refused in partial.write_errors.iter().flatten() {
            if refused.code == errors::DUPLICATE_KEY {
                duplicates.push(refused.index);
            } else {
                fates[refused.index] = Err(StoreError::Unavailable(errors::refused(refused.code, &refused.message)));
            }
        }
        let stored = self.stored(duplicates.iter().map(|index| commits[*index].clone()).collect()).await;
        for index in duplicates {
            let commit = &commits[index];
            fates[index] = match &stored {
                Ok(stored) if stored.get(&commit.org) == Some(&commit.first) => Ok(()),
                // Perhaps it is ours, and the majority does not have it yet.
                Ok(_) if unconfirmed.is_some() => Err(StoreError::Unknown("its place is taken, by whom is not confirmed".into())),
                Ok(_) => Err(StoreError::Conflict),
                Err(error) => Err(StoreError::Unknown(error.to_string())),
            };
        }
        fates
    }

    /// Which of these commits are in the store themselves, by their own id.
    ///
    /// A key that is taken usually means another writer. But it can be our own commit: the driver sends again after a
    /// broken connection. A replica set recognizes what it has already done and calls it done; where that memory is
    /// lost, our own `_id` is what is in the way. It was not there before this message, because its place was free, so
    /// it is this message that wrote it. A duplicate makes the server wait for the majority as a write does: what is
    /// there is durable, and a majority read sees it.
    async fn stored(&self, commits: Vec<Arc<Commit>>) -> Result<HashMap<OrgId, Seq>, StoreError> {
        let ids: Vec<_> = commits.iter().map(|commit| id(commit.id.uuid())).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.commits.find(doc! { "_id": { "$in": ids } }).projection(doc! { "org": 1, "first": 1 });
        let found = read_all(found).await?;
        found.iter().map(|commit| Ok((org_in(commit, "org")?, number_in(commit, "first")?))).collect()
    }
}

/// However it ends: nobody else hands documents over but whoever still holds the store, and it is time to finish.
impl Drop for Appender {
    fn drop(&mut self) {
        self.backlog.close();
    }
}

/// Writes a commit down. One that cannot be written is answered here, so that it does not take others with it.
fn pack(append: Append) -> Option<Parcel> {
    let refusal = match documents::encode(append.commit.as_ref()) {
        Ok(body) if body.as_bytes().len() <= MAX_COMMIT && number(append.commit.last) < i64::MAX => {
            return Some(Parcel { append, body });
        }
        Ok(body) => {
            StoreError::Unavailable(format!("a commit of {} bytes is larger than a document may be", body.as_bytes().len()))
        }
        Err(error) => error,
    };
    (append.done)(Err(refusal));
    None
}
