//! The door: counts what is on its way to an organization, because an actor's mailbox has no bound of its own.

use super::Published;
use crate::{org::OrgError, telemetry::Telemetry};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// When somebody who was turned away should come back.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Counts everybody.
pub(super) struct Door {
    inside: Arc<AtomicUsize>,
    most: (usize, usize),
    telemetry: Arc<Telemetry>,
}

/// A place inside, given back when it is dropped.
pub struct Admission {
    everybody: Arc<AtomicUsize>,
    org: Arc<Published>,
    telemetry: Arc<Telemetry>,
}

impl Door {
    pub(super) fn new(most: (usize, usize), telemetry: Arc<Telemetry>) -> Self {
        Self { inside: Arc::default(), most, telemetry }
    }

    /// A place, unless this organization or all together have too many waiting. One organization's flood takes only
    /// its own places: the bound for all is far above the bound for one.
    pub(super) fn let_in(&self, org: &Arc<Published>) -> Result<Admission, OrgError> {
        let (most_here, most_everywhere) = self.most;
        let here = org.waiting.fetch_add(1, Ordering::Relaxed);
        let everywhere = self.inside.fetch_add(1, Ordering::Relaxed);
        self.telemetry.in_flight.inc();
        let admission = Admission { everybody: self.inside.clone(), org: org.clone(), telemetry: self.telemetry.clone() };
        if here >= most_here || everywhere >= most_everywhere {
            self.telemetry.turned_away();
            return Err(OrgError::Busy { retry_after: RETRY_AFTER }); // the place is given back by its drop
        }
        Ok(admission)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.org.waiting.fetch_sub(1, Ordering::Relaxed);
        self.everybody.fetch_sub(1, Ordering::Relaxed);
        self.telemetry.in_flight.dec();
    }
}
