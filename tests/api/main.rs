//! The HTTP API from outside: a server with a store of its own, real sockets, and nothing known of what is inside.

#![allow(clippy::unwrap_used)] // tests may

mod conditional;
mod cursors;
mod errors;
mod idempotency;
mod journeys;
#[path = "../support/mongod.rs"]
mod mongod;
mod monitors;
mod names;
mod people;
mod role_matrix;
mod snapshots;
mod support;
mod tenancy;
#[path = "../support/website.rs"]
mod website;
