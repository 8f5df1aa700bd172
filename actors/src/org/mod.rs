//! The actor that owns an organization: its only writer.
//!
//! ```text
//! Execute ──► queue ──► decide on the head ──► batch ──► CommitLog.append ──► Stored ──► publish the view ──► reply
//!               ▲                                │ one commit in flight,        │
//!               └── what has no room in a batch ◄┘ one batch ahead              └─ not durable: reload, decide again
//! ```
//!
//! The order of what can be seen is the promise: decide, persist, publish, reply. Even a refusal waits until what it
//! was decided on is durable, for otherwise it would tell of a change that may never have been.

mod actor;
mod batch;
mod error;
mod message;

pub(crate) use actor::replay;
pub use actor::{OrgActor, OrgArgs};
pub use batch::{HEAVIEST_REQUEST, weight};
pub use error::OrgError;
pub use message::{OrgMsg, Reply};
