//! What was made for readers, as long as it is true; and the last of it for the time when nobody can say what is true.

use super::{Kept, Seen, Sheet};
use std::{
    collections::{HashMap, HashSet},
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};
use tocsin_actors::domain::{Org, OrgId, Seq, Timestamp};
use tokio::sync::OnceCell;

/// How much is kept in all, at most. Beyond it some of it is thrown away, and made again when somebody asks.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// A sheet, and where it is looked at: its links lead on from there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// Which one.
    pub sheet: Sheet,
    /// Whether it is looked at on the organization's own domain.
    pub is_own_domain: bool,
}

/// What whoever sends sheets makes ready once for each of them, and keeps beside it.
pub trait Beside: Default {
    /// How much memory it may come to.
    const WEIGHT: usize;
}

/// A sheet that was made, and what is kept beside it.
pub struct Sendable<B> {
    kept: Kept,
    /// What is kept beside it.
    pub beside: B,
}

impl<B> Deref for Sendable<B> {
    type Target = Kept;

    fn deref(&self) -> &Kept {
        &self.kept
    }
}

impl<B: Beside> Sendable<B> {
    fn new(kept: Kept) -> Arc<Self> {
        Arc::new(Self { kept, beside: B::default() })
    }

    fn weight(&self) -> usize {
        self.kept.weight() + B::WEIGHT
    }
}

/// Everything that is kept.
pub struct Shelf<B> {
    boards: RwLock<HashMap<OrgId, Arc<Mutex<Board<B>>>>>,
    bytes: AtomicUsize,
}

impl<B> Default for Shelf<B> {
    fn default() -> Self {
        Self { boards: RwLock::default(), bytes: AtomicUsize::default() }
    }
}

/// What is kept of one organization.
struct Board<B> {
    made: HashMap<Place, Made<B>>,
    /// As it was when it fell asleep, marked as that.
    last: HashMap<Place, Arc<Sendable<B>>>,
}

/// A sheet as of a `seq`. Whoever comes while it is made waits for that, and does not make it again.
struct Made<B> {
    of: Version,
    it: Arc<OnceCell<Arc<Sendable<B>>>>,
    is_counted: bool,
}

impl<B: Beside> Made<B> {
    /// What was counted of it.
    fn weight(&self) -> usize {
        self.it.get().filter(|_| self.is_counted).map_or(0, |kept| kept.weight())
    }
}

/// What a sheet says: what the organization is, and since when it is not known better.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version(Seq, Option<Timestamp>);

impl<B: Beside> Shelf<B> {
    /// The sheet as it was made, if that is still true.
    pub fn kept(&self, org: &Org, place: Place, stale: Option<Timestamp>, now: Timestamp) -> Option<Arc<Sendable<B>>> {
        let board = self.board(org.id())?;
        let board = locked(&board);
        let made = board.made.get(&place).filter(|made| made.of == Version(org.seq(), stale))?;
        made.it.get().filter(|kept| kept.is_true_at(now)).cloned()
    }

    /// The sheet of this organization as it is now, made if need be; none where there is none.
    pub async fn now(&self, seen: &Seen<'_>, place: Place) -> Option<Arc<Sendable<B>>> {
        let made = place.sheet.is_of(seen.org).then(|| self.made(seen, place))?;
        let is_new = !made.it.initialized();
        let kept = made.it.get_or_try_init(async || place.sheet.make(seen).map(Sendable::new).ok_or(())).await.ok().cloned();
        if is_new {
            self.was_made(seen.org.id(), place, &made);
        }
        kept
    }

    /// What was made is counted, if it is still there. Who guesses names of sheets that are not there leaves nothing behind.
    fn was_made(&self, org: OrgId, place: Place, made: &Made<B>) {
        let Some(board) = self.board(org) else { return };
        let mut board = locked(&board);
        let Some(there) = board.made.get_mut(&place).filter(|there| Arc::ptr_eq(&there.it, &made.it)) else { return };
        let weight = match made.it.get() {
            Some(kept) if !std::mem::replace(&mut there.is_counted, true) => kept.weight(),
            Some(_) => return,
            None => {
                board.made.remove(&place);
                return;
            }
        };
        drop(board);
        self.weigh(weight);
    }

    fn made(&self, seen: &Seen<'_>, place: Place) -> Made<B> {
        let board = match self.board(seen.org.id()) {
            Some(board) => board,
            None => {
                let empty = || Arc::new(Mutex::new(Board { made: HashMap::new(), last: HashMap::new() }));
                let mut boards = self.boards.write().unwrap_or_else(PoisonError::into_inner);
                boards.entry(seen.org.id()).or_insert_with(empty).clone()
            }
        };
        let mut board = locked(&board);
        let version = Version(seen.org.seq(), seen.stale);
        let new = || Made { of: version, it: Arc::default(), is_counted: false };
        let made = board.made.entry(place).or_insert_with(new);
        let is_old = made.it.get().is_some_and(|kept| !kept.is_true_at(seen.now));
        // Somebody who looked a moment earlier does not take away what is newer.
        if made.of.0 < version.0 || (made.of.0 == version.0 && (is_old || made.of != version)) {
            let old = std::mem::replace(made, new());
            self.unweigh(old.weight());
        }
        Made { it: made.it.clone(), ..*made }
    }

    /// What was there when the organization fell asleep: for the time in which it can't be woken.
    pub fn last(&self, org: OrgId, place: Place) -> Option<Arc<Sendable<B>>> {
        locked(&*self.board(org)?).last.get(&place).cloned()
    }

    /// Whether anybody looked at it since the start.
    pub fn is_looked_at(&self, org: OrgId) -> bool {
        self.board(org).is_some()
    }

    /// It is gone: nothing of it is shown any more.
    pub fn forget(&self, org: OrgId) {
        let board = self.boards.write().unwrap_or_else(PoisonError::into_inner).remove(&org);
        self.unweigh(board.map_or(0, |board| locked(&board).weight()));
    }

    /// Its own domain leads to it no more.
    pub fn forget_own_domain(&self, org: OrgId) {
        let Some(board) = self.board(org) else { return };
        let mut board = locked(&board);
        let last = board.last.extract_if(|place, _| place.is_own_domain).map(|(_, kept)| kept.weight()).sum::<usize>();
        let made = board.made.extract_if(|place, _| place.is_own_domain).map(|(_, made)| made.weight()).sum::<usize>();
        self.unweigh(last + made);
    }

    /// It fell asleep. What visitors looked at is made once more, to say since when nothing newer is known: all of it, so
    /// that nothing is kept that was taken back since. Of an organization that nobody looked at, nothing is kept.
    pub fn falls_asleep(&self, seen: &Seen<'_>) {
        let Some(board) = self.board(seen.org.id()) else { return };
        let basics = Sheet::BASICS.into_iter().map(|sheet| Place { sheet, is_own_domain: seen.is_own_domain() });
        let looked_at: HashSet<Place> = {
            let mut board = locked(&board);
            let here = |place: &Place| place.is_own_domain == seen.is_own_domain();
            let before: Vec<_> = board.last.keys().copied().filter(here).collect();
            let made = board.made.extract_if(|place, _| here(place)).inspect(|(_, made)| self.unweigh(made.weight()));
            made.map(|(place, _)| place).chain(before).chain(basics).collect()
        };
        for place in looked_at {
            let kept = place.sheet.is_of(seen.org).then(|| place.sheet.make(seen)).flatten().map(Sendable::new);
            let more = kept.as_ref().map_or(0, |kept| kept.weight());
            let mut board = locked(&board);
            let old = match kept {
                Some(kept) => board.last.insert(place, kept),
                None => board.last.remove(&place),
            };
            drop(board);
            self.unweigh(old.map_or(0, |old| old.weight()));
            self.weigh(more);
        }
    }

    fn board(&self, org: OrgId) -> Option<Arc<Mutex<Board<B>>>> {
        self.boards.read().unwrap_or_else(PoisonError::into_inner).get(&org).cloned()
    }

    /// So much more is kept. If that is too much, what can be made again goes first, and then organizations that sleep,
    /// until it is half of that.
    fn weigh(&self, more: usize) {
        if self.bytes.fetch_add(more, Ordering::Relaxed) + more <= MOST_BYTES {
            return;
        }
        let mut boards = self.boards.write().unwrap_or_else(PoisonError::into_inner);
        boards.values().for_each(|board| locked(board).made.clear());
        let mut kept = 0;
        boards.retain(|_, board| {
            let weight = locked(board).weight();
            let fits = kept + weight <= MOST_BYTES / 2;
            kept += if fits { weight } else { 0 };
            fits
        });
        self.bytes.store(kept, Ordering::Relaxed);
    }

    fn unweigh(&self, less: usize) {
        // What was thrown away meanwhile is not counted any more.
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| Some(bytes.saturating_sub(less)));
    }
}

impl<B: Beside> Board<B> {
    fn weight(&self) -> usize {
        self.made.values().map(Made::weight).chain(self.last.values().map(|kept| kept.weight())).sum()
    }
}

fn locked<B>(board: &Mutex<Board<B>>) -> MutexGuard<'_, Board<B>> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}
