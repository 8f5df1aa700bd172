//! Drives a running server with many organizations at once, and verifies what it does while it is measured.
//!
//! It uses nothing but the API and the live protocol, as anybody could: what it finds, visitors would find. Deliberately
//! not here: how things are shown, which is the subcommand's.

pub mod clock;
pub mod frames;
pub mod organizations;
pub mod page;
pub mod process;
pub mod readers;
pub mod report;
pub mod run;
pub mod settings;
pub mod verify;
pub mod writer;
