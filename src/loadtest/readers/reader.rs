//! One reader, in as few bytes as it takes: there are tens of thousands.

use super::super::{clock::Nanos, verify::Seen};
use mio::net::TcpStream;

/// How far a reader's connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is none; it is in a queue for one.
    Waiting,
    /// It was begun.
    Connecting,
    /// The upgrade was asked for.
    Upgrading,
    /// It is there, the first page is not.
    Greeting,
    /// It has what it began with.
    Live,
    /// It is there and nobody reads.
    Deaf,
}

impl Stage {
    /// Whether it takes a place among those that are being opened.
    pub(super) fn is_opening(self) -> bool {
        matches!(self, Self::Connecting | Self::Upgrading | Self::Greeting)
    }
}

/// A reader, on whichever connection.
pub(super) struct Reader {
    pub(super) stream: Option<TcpStream>,
    pub(super) channel: u32,
    pub(super) stage: Stage,
    /// Reads nothing, on purpose.
    pub(super) is_deaf: bool,
    /// Keeps its page, to be compared at the end.
    pub(super) is_witness: bool,
    /// Since when it is live.
    pub(super) since: Nanos,
    pub(super) seen: Seen,
    /// Bytes of a frame that is not all there.
    pub(super) rest: Vec<u8>,
}

/// A reader's place is its token; this one is none.
pub(super) const WAKER: mio::Token = mio::Token(usize::MAX);
