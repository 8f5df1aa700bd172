//! The adapters: where commits, documents and accounts are kept.

pub mod documents;
pub mod embedded;
pub mod mongodb;
mod open;
pub(crate) mod records;

pub use open::{OpenError, open, open_existing, rehearse};
