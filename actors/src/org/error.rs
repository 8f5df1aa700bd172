//! What a caller can be told instead of receipts.

use crate::domain::Rejection;
use std::time::Duration;

/// Why there is no receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrgError {
    /// The business says no. Nothing of the request was done.
    #[error("{rejection}")]
    Rejected {
        /// Which of the orders.
        index: usize,
        /// Why.
        rejection: Rejection,
    },
    /// Too much is waiting already. Nothing was done.
    #[error("too many requests are waiting")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The organization cannot be loaded or written now. Nothing was done.
    #[error("the organization is not available: {reason}")]
    Unavailable {
        /// Why, for the log.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// It may have been done, or be done later. A retry with the same request key is harmless.
    #[error("it is not known whether the change was stored")]
    OutcomeUnknown,
    /// More than one commit can hold. Nothing was done.
    #[error("the request is too large to be stored at once")]
    TooLarge,
}

impl OrgError {
    /// The organization cannot be used now; worth another try soon.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), retry_after: Duration::from_secs(1) }
    }
}
