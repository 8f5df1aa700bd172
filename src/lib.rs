//! The Tocsin server: what the product touches. What it knows is in `tocsin-actors`.

pub mod app;
pub mod check;
pub mod cli;
pub mod config;
pub mod descriptors;
pub mod facades;
pub mod http;
pub mod identity;
pub mod live;
pub mod loadtest;
pub mod monitors;
pub mod page;
mod recent;
pub mod seed;
pub mod site;
pub mod statuspage;
pub mod store;
pub mod telemetry;
pub mod transfer;
mod words;
