//! What Tocsin knows: the domain, the actors that own it, and the ports they need. No HTTP, no database driver, no flags.
//!
//! A change travels: [`directory::Directory::execute`] finds the organization's [`org::OrgActor`], which decides on its
//! head ([`domain::Org::decide`]) and hands a commit to the [`store::CommitLog`]; when it is durable the actor publishes
//! the new view and replies. The invariants that the modules keep together:
//!
//! - Nobody sees a change that is not durable: not in a view, not in a reply, not in a refusal.
//! - An organization has one writer, one commit in flight, and numbers its events without holes.
//! - What was let in is answered: with receipts, a refusal, "unavailable" (nothing was done) or "unknown".
//! - One organization's panic, flood or slow load is nobody else's.

pub mod accounts;
pub mod clock;
pub mod directory;
pub mod domain;
pub mod org;
pub mod readings;
pub mod records;
pub mod store;
pub mod telemetry;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
