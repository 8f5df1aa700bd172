//! What an OrgActor is told.

use super::OrgError;
use crate::{
    directory::Admission,
    domain::{CommitId, Order, Receipt},
    store::StoreError,
};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A message to the actor of one organization.
pub enum OrgMsg {
    /// Carries orders to their durable end, all of them or none. A refusal is an answer, not a failure of the actor.
    Execute {
        /// What is asked for, in order. Shared, so that what was never sent can be sent again.
        orders: Arc<Vec<Order>>,
        /// Who waits.
        reply: Reply,
    },
    /// The store has an answer for the commit that is in flight.
    Stored {
        /// Which commit.
        id: CommitId,
        /// Whether it is durable.
        result: Result<(), StoreError>,
    },
    /// Time has passed: what it made due shall be done.
    Tick,
    /// Go to sleep as soon as nothing is in flight.
    Close,
}

/// The way back to a caller. Tells even when it is dropped, so that nobody waits for an actor that died: what was
/// handed to the store is "unknown", and where there is no answer at all nothing was done, so it can be sent again.
pub struct Reply {
    caller: Option<oneshot::Sender<Result<Vec<Receipt>, OrgError>>>,
    handed_to_store: bool,
    _admission: Admission,
}

impl Reply {
    pub(crate) fn new(admission: Admission) -> (Self, oneshot::Receiver<Result<Vec<Receipt>, OrgError>>) {
        let (caller, answer) = oneshot::channel();
        (Self { caller: Some(caller), handed_to_store: false, _admission: admission }, answer)
    }
    pub(super) fn send(mut self, answer: Result<Vec<Receipt>, OrgError>) {
        if let Some(caller) = self.caller.take() {
            let _ = caller.send(answer); // a caller who has gone away does not mind
        }
    }
    /// From here on a lost answer means "unknown".
    pub(super) fn handed_to_store(&mut self, handed: bool) {
        self.handed_to_store = handed;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(caller) = self.caller.take().filter(|_| self.handed_to_store) {
            let _ = caller.send(Err(OrgError::OutcomeUnknown));
        }
    }
}
