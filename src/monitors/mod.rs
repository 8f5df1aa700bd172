//! Website checks, as far as they are made: whom we may ask at all (`guard`), what one check finds (`probe`), when which
//! is due (`schedule`), which of several servers makes them (`lease`), and the task that does it (`watch`). What a finding
//! means for a service is the domain's business. What the world is shown of it is remembered in `recent`.

pub mod guard;
mod lease;
pub mod probe;
pub mod recent;
mod schedule;
mod telemetry;
mod watch;

pub use telemetry::MonitorTelemetry;
pub use watch::{CannotCheck, MonitorSettings, Monitors};
