//! The live stream from outside: real sockets, a client that is not ours, and a page that is kept by what is told.

#![allow(clippy::unwrap_used)] // tests may

#[path = "../api/support.rs"]
mod support;

mod events;
mod follower;
mod hostile;
mod joining;
mod members;
mod restarts;
