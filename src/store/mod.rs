//! The adapters: where commits, documents and accounts are kept.

pub mod documents;
pub mod embedded;
mod open;

pub use open::{OpenError, open};
