//! What was made for readers, as long as it is true.

use super::{Kept, Seen, Sheet};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};
use tocsin_actors::domain::{Org, OrgId, Seq, Timestamp};
use tokio::sync::OnceCell;

/// How much is kept in all, about. Beyond it some of it is thrown away, and made again when somebody asks.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// Everything that is kept.
#[derive(Default)]
pub struct Shelf {
    places: RwLock<HashMap<OrgId, Arc<Place>>>,
    bytes: AtomicUsize,
}

#[derive(Default)]
struct Place(Mutex<HashMap<Sheet, Made>>);

/// A sheet as of a `seq`. Whoever comes while it is made waits for that, and does not make it again.
#[derive(Clone)]
struct Made {
    of: Seq,
    it: Arc<OnceCell<Arc<Kept>>>,
}

impl Shelf {
    /// The sheet as it was made, if that is still true.
    pub fn kept(&self, org: &Org, sheet: Sheet, now: Timestamp) -> Option<Arc<Kept>> {
        let place = self.place(org.id())?;
        let sheets = place.sheets();
        let made = sheets.get(&sheet).filter(|made| made.of == org.seq())?;
        made.it.get().filter(|kept| kept.is_true_at(now)).cloned()
    }

    /// The sheet of this organization as it is now, made if need be; none where there is none.
    pub async fn now(&self, seen: &Seen<'_>, sheet: Sheet) -> Option<Arc<Kept>> {
        let made = sheet.is_of(seen.org).then(|| self.made(seen, sheet))?;
        let make = async || {
            let kept = Arc::new(sheet.make(seen).ok_or(())?);
            self.weigh(kept.size());
            Ok::<_, ()>(kept)
        };
        made.it.get_or_try_init(make).await.ok().cloned()
    }

    fn made(&self, seen: &Seen<'_>, sheet: Sheet) -> Made {
        let org = seen.org;
        let place = match self.place(org.id()) {
            Some(place) => place,
            None => self.places.write().unwrap_or_else(PoisonError::into_inner).entry(org.id()).or_default().clone(),
        };
        let mut sheets = place.sheets();
        let new = || Made { of: org.seq(), it: Arc::default() };
        let made = sheets.entry(sheet).or_insert_with(new);
        // Somebody who looked a moment earlier does not take away what is newer.
        let is_old = made.it.get().is_some_and(|kept| !kept.is_true_at(seen.now));
        if made.of < org.seq() || (made.of == org.seq() && is_old) {
            *made = new();
        }
        made.clone()
    }

    fn place(&self, org: OrgId) -> Option<Arc<Place>> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).get(&org).cloned()
    }

    /// So much more was made. It is not known what became of what it replaces: the sum is an upper bound, looked at anew
    /// when it seems to be too much.
    fn weigh(&self, more: usize) {
        if self.bytes.fetch_add(more, Ordering::Relaxed) + more <= MOST_BYTES {
            return;
        }
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let mut left = MOST_BYTES / 2;
        places.retain(|_, place| {
            let kept: usize = place.sheets().values().filter_map(|made| made.it.get()).map(|kept| kept.size()).sum();
            let fits = kept <= left;
            left -= if fits { kept } else { 0 };
            fits
        });
        self.bytes.store(MOST_BYTES / 2 - left, Ordering::Relaxed);
    }
}

impl Place {
    fn sheets(&self) -> MutexGuard<'_, HashMap<Sheet, Made>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
