//! Facades from outside: each contract as a table of what is asked and what is answered, on both stores.

#![allow(clippy::unwrap_used)] // tests may

mod fastapi;
mod flask;
mod issuer;
mod limits;
#[path = "../support/mongod.rs"]
mod mongod;
mod plive;
mod prisma;
mod provider;
mod statusnexus;
mod support;
