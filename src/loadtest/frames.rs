//! What a server sends: RFC 6455 frames, and the beginning of the messages in them.
//!
//! Deliberately not done: messages in several frames, and compressed ones. Nobody asked for the latter, and a status page
//! has no reason for the former; a server that does it all the same is told of as broken.

use serde::Deserialize;
use std::{borrow::Cow, io::Cursor};
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// Longer than any page of an organization as large as they may be.
const LONGEST: u64 = 64 * 1024 * 1024;

/// A frame of a server.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message.
    Text(&'a [u8]),
    /// Wants a pong with the same content.
    Ping(&'a [u8]),
    /// An answer to a ping of ours, of which there are none.
    Pong,
    /// The end, with a code and a reason if it says one.
    Close(Option<(u16, &'a [u8])>),
}

/// Why bytes are no frame that a server may send us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrokenFrame {
    /// Against RFC 6455.
    #[error("a frame is not as RFC 6455 wants it")]
    Malformed,
    /// Not done here, see above.
    #[error("a message came in several frames, or not as text")]
    NotSupported,
    /// No page is that long.
    #[error("a frame is longer than 64 MiB")]
    TooLong,
}

/// The first frame in these bytes and how many bytes it takes. None when it is not all there.
pub fn first_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, BrokenFrame> {
    let mut cursor = Cursor::new(bytes);
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| BrokenFrame::Malformed)? else {
        return Ok(None);
    };
    if header.rsv1 || header.rsv2 || header.rsv3 || header.mask.is_some() {
        return Err(BrokenFrame::Malformed);
    }
    if length > LONGEST {
        return Err(BrokenFrame::TooLong);
    }
    let is_control = matches!(header.opcode, OpCode::Control(_));
    if is_control && (length > 125 || !header.is_final) {
        return Err(BrokenFrame::Malformed);
    }
    let start = usize::try_from(cursor.position()).map_err(|_| BrokenFrame::TooLong)?;
    let end = start + usize::try_from(length).map_err(|_| BrokenFrame::TooLong)?;
    let Some(payload) = bytes.get(start..end) else { return Ok(None) };
    let frame = match header.opcode {
        OpCode::Data(Data::Text) if header.is_final => Frame::Text(payload),
        OpCode::Data(_) => return Err(BrokenFrame::NotSupported),
        OpCode::Control(Control::Ping) => Frame::Ping(payload),
        OpCode::Control(Control::Pong) => Frame::Pong,
        OpCode::Control(Control::Close) => Frame::Close(match payload {
            [] => None,
            [high, low, reason @ ..] => Some((u16::from_be_bytes([*high, *low]), reason)),
            [_] => return Err(BrokenFrame::Malformed),
        }),
        OpCode::Control(Control::Reserved(_)) => return Err(BrokenFrame::Malformed),
    };
    Ok(Some((frame, end)))
}

/// The answer to a ping. Its mask hides nothing: there is no proxy on the way that could be confused.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x17, 0x2b, 0x5c, 0x99];
    let header = FrameHeader { opcode: OpCode::Control(Control::Pong), mask: Some(MASK), ..FrameHeader::default() };
    let mut frame = Vec::with_capacity(payload.len() + 6);
    if header.format(payload.len() as u64, &mut frame).is_err() {
        return Vec::new(); // cannot be: a Vec takes everything
    }
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// What a message is, without what it tells.
#[derive(Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// A whole page.
    Snapshot {
        /// Of which life of the server's log.
        epoch: Cow<'a, str>,
        /// As of when.
        seq: u64,
    },
    /// One step.
    Event {
        /// Of which life of the server's log.
        epoch: Cow<'a, str>,
        /// The step before.
        prev: u64,
        /// This step.
        seq: u64,
    },
    /// A refusal.
    Error {
        /// Which.
        code: Cow<'a, str>,
    },
    /// Anything that says nothing about the page.
    Other,
}

#[derive(Deserialize)]
struct RawHead<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    epoch: Option<Cow<'a, str>>,
    #[serde(default)]
    prev: Option<u64>,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    /// Reads a message. None when it is none that the protocol knows of.
    pub fn read(text: &'a [u8]) -> Option<Self> {
        let raw: RawHead<'a> = serde_json::from_slice(text).ok()?;
        Some(match (&*raw.kind, raw.epoch, raw.prev, raw.seq) {
            ("snapshot", Some(epoch), _, Some(seq)) => Self::Snapshot { epoch, seq },
            ("event", Some(epoch), Some(prev), Some(seq)) => Self::Event { epoch, prev, seq },
            ("snapshot" | "event", ..) => return None,
            ("error", ..) => Self::Error { code: raw.code.unwrap_or_default() },
            _ => Self::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            length if length < 126 => bytes.push(length as u8),
            length => {
                bytes.push(126);
                bytes.extend((length as u16).to_be_bytes());
            }
        }
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn frames_are_read_one_after_the_other_however_they_are_cut() {
        let long = vec![b'x'; 600];
        let mut bytes = framed(0x81, b"hi");
        bytes.extend(framed(0x81, &long));
        bytes.extend(framed(0x89, b"ping"));
        bytes.extend(framed(0x8a, b""));
        bytes.extend(framed(0x88, b"\x03\xf4{}"));
        let mut read = Vec::new();
        let mut rest = &bytes[..];
        while let Some((frame, length)) = first_frame(rest).unwrap() {
            for short in 0..length {
                assert_eq!(first_frame(&rest[..short]), Ok(None), "{short} of {length} bytes");
            }
            read.push(frame);
            rest = &rest[length..];
        }
        let expected =
            [Frame::Text(b"hi"), Frame::Text(&long), Frame::Ping(b"ping"), Frame::Pong, Frame::Close(Some((1012, b"{}")))];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_a_server_may_not_send_is_found() {
        for (bytes, expected) in [
            (vec![0xc1, 0x01, b'x'], BrokenFrame::Malformed),             // compressed, unasked
            (vec![0x81, 0x81, 0, 0, 0, 0, b'x'], BrokenFrame::Malformed), // masked
            (vec![0x83, 0x00], BrokenFrame::Malformed),                   // no such opcode
            (vec![0x88, 0x01, 0x03], BrokenFrame::Malformed),             // half a code
            (framed(0x89, &[0; 126]), BrokenFrame::Malformed),            // a long ping
            (vec![0x01, 0x01, b'x'], BrokenFrame::NotSupported),          // the first of several
            (vec![0x82, 0x01, b'x'], BrokenFrame::NotSupported),          // binary
            (vec![0x81, 0x7f, 0, 0, 0, 0, 0x7f, 0, 0, 0], BrokenFrame::TooLong),
        ] {
            assert_eq!(first_frame(&bytes), Err(expected), "{bytes:?}");
        }
    }

    #[test]
    fn a_pong_says_what_the_ping_said() {
        let frame = pong(b"12345");
        let (header, length) = FrameHeader::parse(&mut Cursor::new(&frame)).unwrap().unwrap();
        let mask = header.mask.unwrap();
        let said: Vec<u8> = frame[6..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!((header.opcode, length, said.as_slice()), (OpCode::Control(Control::Pong), 5, b"12345".as_slice()));
    }

    #[test]
    fn messages_are_told_apart_in_any_order_of_their_keys() {
        let event = br#"{"type":"event","org":"o","epoch":"e","prev":41,"seq":43,"event":"x","data":{"seq":1}}"#;
        let turned = br#"{"data":{"type":"snapshot"},"seq":43,"prev":41,"epoch":"\u0065","type":"event"}"#;
        for text in [&event[..], turned] {
            assert_eq!(Head::read(text), Some(Head::Event { epoch: "e".into(), prev: 41, seq: 43 }));
        }
        let snapshot = br#"{"type":"snapshot","org":"o","epoch":"e","seq":7,"page":{"seq":7}}"#;
        assert_eq!(Head::read(snapshot), Some(Head::Snapshot { epoch: "e".into(), seq: 7 }));
        assert_eq!(Head::read(br#"{"type":"error","code":"forbidden"}"#), Some(Head::Error { code: "forbidden".into() }));
        assert_eq!(Head::read(br#"{"type":"news of the future"}"#), Some(Head::Other));
        for broken in [&br#"{"type":"event","seq":1}"#[..], b"[]", b"{}", b"\xff"] {
            assert_eq!(Head::read(broken), None);
        }
    }
}
