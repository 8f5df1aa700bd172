//! Filling an installation: `tocsin seed` loads fixtures and makes up data, `tocsin demo` loads the demonstration.
//!
//! Everything goes through the same orders as everybody's changes, with times in the past; nothing is written around the
//! actors. It is safe to run again at any time: what is there is left as it is, what is missing is made.

pub mod fixture;
pub mod generate;
pub mod ids;
pub mod load;
pub mod plan;
pub mod problem;
pub mod progress;
pub mod rehearse;
pub mod times;

mod monitors;
mod read;
mod references;
mod story;
mod timeline;
mod tree;
mod words;

pub use fixture::Fixture;
pub use read::{Spots, Told};
