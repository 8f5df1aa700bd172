//! The Tocsin server: what the product touches. What it knows is in `tocsin-actors`.

pub mod cli;
pub mod seed;
pub mod store;
