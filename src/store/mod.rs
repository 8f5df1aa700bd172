//! The adapters: where commits, documents and accounts are kept.

pub mod documents;
pub mod mongodb;
