//! What organizations show to the world, from outside: as a browser or a program that knows nothing of us asks for it.

#![allow(clippy::unwrap_used)] // tests may

#[path = "../api/support.rs"]
mod support;

mod embeds;
mod feeds;
mod ordered;
mod page;
mod snapshot;
mod statuspage;
