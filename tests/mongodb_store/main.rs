//! The store on MongoDB, against a real server.

#![allow(clippy::unwrap_used)] // tests may

mod bench;
mod contract;
mod documents;
mod failures;
#[path = "../support/mongod.rs"]
mod mongod;
mod opening;
mod writers;
