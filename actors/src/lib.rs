//! What Tocsin knows. No HTTP, no database driver, no flags.

pub mod accounts;
pub mod domain;
pub mod store;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
