//! What an organization is and what may happen to it: pure functions of what they are given. No clock, no randomness,
//! no waiting, no IO: the same orders always give the same events, and the same events the same organization.

mod chunked;
pub mod command;
pub mod edit;
pub mod entities;
pub mod event;
pub mod history;
pub mod ids;
pub mod incident;
pub mod limits;
pub mod monitor;
pub mod names;
pub mod org;
pub mod rejection;
pub mod status;
pub mod time;
pub mod uptime;

pub use command::{Command, Order};
pub use edit::Edit;
pub use entities::{Author, Service};
pub use event::{Commit, Entry, Event, Receipt, Seq};
pub use ids::*;
pub use incident::Incident;
pub use monitor::Monitor;
pub use names::*;
pub use org::{Org, Step};
pub use rejection::Rejection;
pub use status::Role;
pub use time::Timestamp;
