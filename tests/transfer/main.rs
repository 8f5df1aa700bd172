//! A store as a file and back, as a person moves one: what is in it stays what it is, and what is not whole is refused.

#![allow(missing_docs, clippy::unwrap_used)]

mod fill;
mod incomplete;
#[path = "../support/mongod.rs"]
mod mongod;
mod moves;
#[path = "../command_line/program.rs"]
#[allow(dead_code)] // it can more than is needed here
mod program;
mod refused;
