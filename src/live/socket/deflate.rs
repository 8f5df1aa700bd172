//! permessage-deflate (RFC 7692) without memory between messages, so that what is compressed once fits everybody, and no
//! socket has a window of its own.

use super::{Broken, CloseCode};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What we answer to an offer that we take.
pub const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// How many last blocks a message may have. It needs none.
const MOST_ENDS: usize = 4;

/// What every message ends with and none carries.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Whether one of the offers in `Sec-WebSocket-Extensions` is one that we can keep. A smaller window than ours is none,
/// and neither is anything that we do not know.
pub fn is_acceptable(offers: &str) -> bool {
    offers.split(',').any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let known = |parameter: &str| {
            let (name, value) =
                parameter.split_once('=').map_or((parameter, None), |(name, value)| (name.trim(), Some(value.trim())));
            match name {
                "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
                "client_max_window_bits" => value.is_none_or(|bits| window(bits).is_some()),
                // `server_max_window_bits` is one of them: our window is what it is.
                _ => false,
            }
        };
        parts.next() == Some("permessage-deflate") && {
            let parameters: Vec<&str> = parts.collect();
            let names: std::collections::HashSet<_> =
                parameters.iter().map(|one| one.split('=').next().unwrap_or(one).trim()).collect();
            names.len() == parameters.len() && parameters.into_iter().all(known)
        }
    })
}

fn window(bits: &str) -> Option<u8> {
    bits.trim_matches('"').parse().ok().filter(|bits| (8..=15).contains(bits))
}

/// A message's payload, compressed.
pub(super) fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::default(), false);
    // Room for what cannot be made smaller: in one turn all of it is written, in several the last words may be missing.
    let mut out = Vec::with_capacity(payload.len() + payload.len() / 10 + 128);
    let status = deflate.compress_vec(payload, &mut out, FlushCompress::Sync);
    debug_assert!(status.is_ok() && out.len() < out.capacity(), "compressing has no way to fail");
    if out.ends_with(&TAIL) {
        out.truncate(out.len() - TAIL.len());
    }
    out
}

/// Makes compressed messages readable: one for all sockets of a thread, because none leaves anything behind.
pub struct Inflater(Decompress);

impl Default for Inflater {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Inflater {
    pub(super) fn inflated(&mut self, bytes: &[u8], most: usize) -> Result<Vec<u8>, Broken> {
        self.0.reset(false);
        let mut ends = 0;
        let mut out = Vec::with_capacity((bytes.len() * 3).clamp(64, 64 * 1024));
        for part in [bytes, &TAIL] {
            let mut rest = part;
            loop {
                let before = (self.0.total_in(), out.len());
                let status = self.0.decompress_vec(rest, &mut out, FlushDecompress::Sync);
                let status = status.map_err(|_| Broken { code: CloseCode::Invalid, reason: "it cannot be decompressed" })?;
                let read = (self.0.total_in() - before.0) as usize;
                rest = &rest[read..];
                if out.len() > most {
                    return Err(Broken { code: CloseCode::Size, reason: "the message is too large" });
                }
                if status == Status::StreamEnd {
                    // A block that says that it is the last one; what follows begins anew, which is dear.
                    ends += 1;
                    if ends > MOST_ENDS {
                        return Err(Broken { code: CloseCode::Policy, reason: "it costs too much to decompress" });
                    }
                    self.0.reset(false);
                }
                // All that came was read, but what it says may not be written down yet: only a turn without any shows that.
                if rest.is_empty() && out.len() == before.1 && out.len() < out.capacity() {
                    break;
                }
                if out.len() == out.capacity() {
                    out.reserve(out.capacity());
                } else if !rest.is_empty() && read == 0 && out.len() == before.1 && status != Status::StreamEnd {
                    return Err(Broken { code: CloseCode::Invalid, reason: "it cannot be decompressed" });
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text with repetitions, as messages are; another one for each number.
    fn text(number: usize, length: usize) -> Vec<u8> {
        let words =
            ["major_outage ", "operational ", "service ", "\"status\":", "2026-11-21T", "\u{e4}\u{fc}\u{2713} ", "kestrel "];
        let mut chance = number as u64;
        let mut text = Vec::with_capacity(length + 16);
        while text.len() < length {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.extend_from_slice(words[(chance >> 33) as usize % words.len()].as_bytes());
        }
        text.truncate(length);
        text
    }

    /// What can hardly be made smaller.
    fn picture(number: usize, length: usize) -> Vec<u8> {
        let mut chance = number as u64;
        let mut pixel = || {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (chance >> (57 + number % 4)) as u8
        };
        // Neighbours are alike.
        let mut before = 0_u8;
        let next = |_| {
            before = before.wrapping_add(pixel());
            before
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn the_last_words_of_a_long_message_are_not_lost() {
        let mut inflater = Inflater::default();
        for length in [0, 1, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 98_304, 131_072] {
            for message in (0..10).flat_map(|number| [text(number, length), picture(number, length)]) {
                let read = inflater.inflated(&compressed(&message), usize::MAX).unwrap();
                assert!(read == message, "a message of {length} bytes was read as one of {}", read.len());
            }
        }
    }
}
