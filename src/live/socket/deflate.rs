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
    let mut out = Vec::with_capacity(payload.len() / 2 + 64);
    loop {
        let read = deflate.total_in() as usize;
        let status = deflate.compress_vec(&payload[read..], &mut out, FlushCompress::Sync);
        debug_assert!(status.is_ok(), "compressing has no way to fail");
        if out.len() < out.capacity() {
            break; // whatever there was fitted
        }
        out.reserve(payload.len() / 2 + 64);
    }
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
                if rest.is_empty() && out.len() < out.capacity() {
                    break;
                }
                if out.len() == out.capacity() {
                    out.reserve(out.capacity());
                } else if read == 0 && out.len() == before.1 && status != Status::StreamEnd {
                    return Err(Broken { code: CloseCode::Invalid, reason: "it cannot be decompressed" });
                }
            }
        }
        Ok(out)
    }
}
