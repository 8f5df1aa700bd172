//! The program as a person meets it: typed, read, and stopped. Nothing here knows its inside, except where a store has
//! to be spoiled first.

#![allow(missing_docs, clippy::unwrap_used)]

mod bad_input;
mod check;
mod descriptors;
mod help;
#[path = "../support/mongod.rs"]
mod mongod;
mod operators;
mod program;
mod seed;
mod serve;
mod shutdown;
mod spoil;
