//! Frames that follow each other, in one piece: what most readers of a feed have not had yet while it is swept.
//!
//! Put together once for all of them. The kernel takes one piece faster than ten, and there is no counting for each
//! frame when all of it was taken.

use crate::live::feed::{Index, Log};

/// How long it may become: what the kernel takes at once for a socket.
const MOST: usize = 32 * 1024;

/// Some frames of a log.
#[derive(Default)]
pub(super) struct Run {
    /// The place of the first one.
    first: Index,
    bytes: Vec<u8>,
    /// Where each of them begins.
    begins: Vec<usize>,
}

impl Run {
    /// What somebody gets who has had everything before this place; nothing when that is too long.
    pub(super) fn from(&mut self, log: &Log, next: Index, deflate: bool) -> Option<&[u8]> {
        if !(self.has(next) && self.go_on(log, deflate)) {
            *self = Self { first: next, ..Self::default() };
            if !self.go_on(log, deflate) {
                return None;
            }
        }
        let begin = *self.begins.get((next - self.first) as usize)?;
        self.bytes.get(begin..)
    }

    fn has(&self, place: Index) -> bool {
        self.first <= place && place < self.end()
    }

    fn end(&self) -> Index {
        self.first + self.begins.len() as Index
    }

    /// Takes what the log has more. False when that is not possible.
    fn go_on(&mut self, log: &Log, deflate: bool) -> bool {
        if self.end() < log.first {
            return false;
        }
        for frame in log.from(self.end()) {
            let bytes = frame.on_socket(deflate);
            if self.bytes.len() + bytes.len() > MOST {
                return false;
            }
            self.begins.push(self.bytes.len());
            self.bytes.extend_from_slice(bytes);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::frame::Frame;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// A log after so many frames of this many bytes.
    fn grown(log: &mut Log, sizes: &[usize]) {
        for size in sizes {
            let count = log.end();
            log.push(Arc::new(Frame::for_test(count, &format!("{count}:{}", "x".repeat(*size)))));
        }
    }

    proptest! {
        /// Whoever asks in whatever order, while the log grows, gets what it would get frame by frame, or nothing.
        #[test]
        fn is_what_the_log_has_from_there_on(
            steps in prop::collection::vec((prop::collection::vec(prop_oneof![0_usize..900, 8_000_usize..40_000], 0..6), 0_u64..20, any::<bool>()), 1..30),
        ) {
            let (mut log, mut runs) = (Log::default(), [Run::default(), Run::default()]);
            for (sizes, back, deflate) in steps {
                grown(&mut log, &sizes);
                let next = log.end().saturating_sub(back).max(log.first);
                let expected: Vec<u8> = log.from(next).flat_map(|frame| frame.on_socket(deflate)).copied().collect();
                match runs[usize::from(deflate)].from(&log, next, deflate) {
                    Some(bytes) => prop_assert_eq!(bytes, &expected[..]),
                    None => prop_assert!(expected.is_empty() || expected.len() > MOST),
                }
            }
        }
    }
}
