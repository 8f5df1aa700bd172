//! What tests of every layer share: stores in memory, stores that fail on purpose, builders with sensible defaults, and
//! the contract that every store must pass.
//!
//! Nothing here draws ids or asks for the time, so that a failing test fails the same way again.

#![allow(clippy::unwrap_used)] // tests may

pub mod builders;
pub mod contract;
pub mod failing;
pub mod memory;

pub use failing::{Call, FailingStore, Fault, Rule};
pub use memory::{MemoryStore, Mode};
