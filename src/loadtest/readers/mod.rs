//! Readers: tens of thousands of WebSocket connections on one thread, each of which is verified while it reads.
//!
//! A reader outlives its connection: whether it dropped it itself or the server did, it comes back with the place that it
//! had and expects what it missed. Deliberately not here: what they read, which is `verify`, and when they come and go,
//! which their owner says.

mod crew;
mod dial;
mod engine;
mod handshake;
mod reader;
mod receive;
mod tally;

pub use crew::{Crew, Stopped};
pub use engine::{Channel, Greeting, Readers};
pub use tally::{Tally, Times};

#[cfg(test)]
mod tests;
