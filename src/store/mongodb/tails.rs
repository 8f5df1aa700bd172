//! Where each organization's log ends, as far as this process knows.

use std::{collections::HashMap, sync::Mutex};
use tocsin_actors::domain::{OrgId, Seq};

/// How many ends are remembered: 100,000 organizations in some 5 MB. Beyond it all are forgotten at once, which costs
/// each active one a question to the database.
const REMEMBERED: usize = 100_000;

/// A memory, not a truth: an end that fits is confirmed by the unique index, one that does not is looked up.
#[derive(Default)]
pub(super) struct Tails(Mutex<HashMap<OrgId, Seq>>);

impl Tails {
    pub(super) fn get(&self, org: OrgId) -> Option<Seq> {
        self.lock().get(&org).copied()
    }

    pub(super) fn set(&self, org: OrgId, last: Seq) {
        let mut tails = self.lock();
        if tails.len() >= REMEMBERED && !tails.contains_key(&org) {
            tails.clear();
        }
        tails.insert(org, last);
    }

    pub(super) fn forget(&self, org: OrgId) {
        self.lock().remove(&org);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<OrgId, Seq>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
