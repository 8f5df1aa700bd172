//! What organizations show to the world, from outside: as a browser or a program that knows nothing of us asks for it.

#![allow(clippy::unwrap_used)] // tests may

#[path = "../api/support.rs"]
mod support;

#[path = "../support/mongod.rs"]
mod mongod;

#[path = "../support/website.rs"]
mod website;

mod checks;
mod domains;
mod embeds;
mod feeds;
mod history;
mod ordered;
mod outage;
mod page;
mod snapshot;
mod statuspage;
