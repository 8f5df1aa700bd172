//! WebSocket as RFC 6455 has it, the server's side, for sockets that are not read by a task of their own: no buffer while
//! a socket is quiet, and no knowledge of what is said on it.

pub mod deflate;
pub mod handshake;
mod incoming;

pub use incoming::{Heard, Incoming};
pub use tungstenite::protocol::frame::coding::CloseCode;

use deflate::compressed;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// What a close frame may carry beside its code.
const MOST_REASON: usize = 123;

/// Why a socket is of no use any more; the other end is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// What went wrong, in a number.
    pub code: CloseCode,
    /// And in words.
    pub reason: &'static str,
}

impl Broken {
    const fn protocol(reason: &'static str) -> Self {
        Self { code: CloseCode::Protocol, reason }
    }
}

/// A text message, ready to be written; compressed for who takes that.
pub fn text(payload: &[u8], deflate: bool) -> Box<[u8]> {
    message(Data::Text, payload, deflate)
}

/// Bytes as a message.
pub fn binary(payload: &[u8], deflate: bool) -> Box<[u8]> {
    message(Data::Binary, payload, deflate)
}

fn message(data: Data, payload: &[u8], deflate: bool) -> Box<[u8]> {
    if deflate { frame(OpCode::Data(data), true, &compressed(payload)) } else { frame(OpCode::Data(data), false, payload) }
}

/// The question whether somebody is there.
pub fn ping() -> Box<[u8]> {
    frame(OpCode::Control(Control::Ping), false, &[])
}

/// The answer to such a question.
pub fn pong(payload: &[u8]) -> Box<[u8]> {
    frame(OpCode::Control(Control::Pong), false, payload)
}

/// The last thing that is said. A reason that is too long is cut.
pub fn close(code: CloseCode, reason: &str) -> Box<[u8]> {
    let mut payload = u16::from(code).to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(MOST_REASON)]);
    frame(OpCode::Control(Control::Close), false, &payload)
}

fn frame(opcode: OpCode, rsv1: bool, payload: &[u8]) -> Box<[u8]> {
    let header = FrameHeader { is_final: true, rsv1, opcode, ..FrameHeader::default() };
    let length = payload.len() as u64;
    let mut frame = Vec::with_capacity(header.len(length) + payload.len());
    header.format(length, &mut frame).expect("a vector takes everything");
    frame.extend_from_slice(payload);
    frame.into_boxed_slice()
}
