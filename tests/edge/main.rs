//! The protection around the HTTP server, over real sockets: what it refuses, what it adds, and what it leaves alone.

#![allow(missing_docs, clippy::unwrap_used)]

mod bodies;
mod browsers;
mod clients;
mod log;
mod routes;
mod sending;
mod server;
mod survival;
