//! What is heard on a socket: frames, cut up by the network as it likes, put together to messages.

use super::{Broken, CloseCode, deflate::Inflater};
use std::io::Cursor;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// How much may be kept beside what is needed.
const MOST_SPARE: usize = 4 * 1024;

/// What a control frame may carry.
const MOST_CONTROL: u64 = 125;

/// Something that was said.
#[derive(Debug, PartialEq)]
pub enum Heard<'a> {
    /// A whole text.
    Text(&'a str),
    /// A whole message of bytes.
    Binary(&'a [u8]),
    /// Somebody asks whether we are there.
    Ping(&'a [u8]),
    /// Somebody is there.
    Pong,
    /// The other end wants to go, or agrees that we do.
    Close(Option<CloseCode>),
}

/// One socket's ear. Holds memory only between the pieces of something.
#[derive(Default)]
pub struct Incoming {
    partial: Option<Box<Partial>>,
}

/// What was heard of something that is not whole yet.
#[derive(Default)]
struct Partial {
    /// A frame of which the rest is missing.
    frame: Vec<u8>,
    /// A message of which the rest is missing; its frames are complete.
    message: Option<Message>,
}

struct Message {
    is_text: bool,
    compressed: bool,
    bytes: Vec<u8>,
    pieces: usize,
    /// Up to where it is known to be UTF-8.
    checked: usize,
}

impl Incoming {
    /// Whether nothing is kept for it.
    pub fn is_quiet(&self) -> bool {
        self.partial.is_none()
    }

    /// Takes what came and tells what it comes to. `most` is the largest message that is taken; compressed messages only
    /// where that was agreed on. Unmasks in place.
    pub fn hear(
        &mut self,
        came: &mut [u8],
        most: usize,
        inflater: Option<&mut Inflater>,
        mut tell: impl FnMut(Heard<'_>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let Some(partial) = &mut self.partial else {
            // The usual case: everything that came is whole, and nothing needs to be kept.
            let mut partial = Partial::default();
            let taken = partial.take_frames(came, most, inflater, &mut tell)?;
            partial.frame.extend_from_slice(&came[taken..]);
            self.partial = (!partial.is_empty()).then(|| Box::new(partial));
            return Ok(());
        };
        partial.frame.extend_from_slice(came);
        let mut bytes = std::mem::take(&mut partial.frame);
        let taken = partial.take_frames(&mut bytes, most, inflater, &mut tell)?;
        bytes.drain(..taken);
        if bytes.capacity() > 2 * bytes.len() + MOST_SPARE {
            bytes.shrink_to_fit();
        }
        partial.frame = bytes;
        if partial.is_empty() {
            self.partial = None;
        }
        Ok(())
    }
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.frame.is_empty() && self.message.is_none()
    }

    /// Takes the frames that are whole; says how many bytes they were.
    fn take_frames(
        &mut self,
        bytes: &mut [u8],
        most: usize,
        mut inflater: Option<&mut Inflater>,
        tell: &mut impl FnMut(Heard<'_>) -> Result<(), Broken>,
    ) -> Result<usize, Broken> {
        let mut taken = 0;
        loop {
            let rest = &mut bytes[taken..];
            let mut cursor = Cursor::new(&*rest);
            let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Broken::protocol("a frame of an unknown kind"))?;
            let Some((header, length)) = parsed else { return Ok(taken) };
            let begin = cursor.position() as usize;
            self.check(&header, length, inflater.is_some())?;
            let already = self.message.as_ref().map_or(0, |message| message.bytes.len());
            let is_data = matches!(header.opcode, OpCode::Data(_));
            if is_data && length > most.saturating_sub(already) as u64 {
                return Err(Broken { code: CloseCode::Size, reason: "the message is too large" });
            }
            let end = begin + length as usize;
            let Some(payload) = rest.get_mut(begin..end) else { return Ok(taken) };
            unmask(payload, header.mask.unwrap_or_default());
            match header.opcode {
                OpCode::Control(control) => tell(read_control(control, payload)?)?,
                OpCode::Data(data) => self.data(data, &header, payload, most, inflater.as_deref_mut(), tell)?,
            }
            taken += end;
        }
    }

    /// Whether such a frame may come now.
    fn check(&self, header: &FrameHeader, length: u64, may_compress: bool) -> Result<(), Broken> {
        let broken = |reason| Err(Broken::protocol(reason));
        if header.mask.is_none() {
            return broken("a frame without a mask");
        }
        if header.rsv2 || header.rsv3 {
            return broken("a reserved bit is set");
        }
        match header.opcode {
            OpCode::Control(_) if !header.is_final => broken("a control frame in pieces"),
            OpCode::Control(_) if length > MOST_CONTROL => broken("a control frame that is too large"),
            OpCode::Data(Data::Continue) if self.message.is_none() => broken("nothing to continue"),
            OpCode::Data(Data::Text | Data::Binary) if self.message.is_some() => broken("a message within a message"),
            OpCode::Control(_) | OpCode::Data(Data::Continue) if header.rsv1 => broken("a reserved bit is set"),
            OpCode::Data(_) if header.rsv1 && !may_compress => broken("compressed, which was not agreed on"),
            OpCode::Control(_) | OpCode::Data(_) => Ok(()),
        }
    }

    fn data(
        &mut self,
        data: Data,
        header: &FrameHeader,
        payload: &[u8],
        most: usize,
        inflater: Option<&mut Inflater>,
        tell: &mut impl FnMut(Heard<'_>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        if header.is_final && !header.rsv1 && self.message.is_none() {
            // In one piece, which nearly all are: never copied.
            return tell(if data == Data::Text { Heard::Text(utf8(payload)?) } else { Heard::Binary(payload) });
        }
        let new = || Message { is_text: data == Data::Text, compressed: header.rsv1, bytes: Vec::new(), pieces: 0, checked: 0 };
        let message = self.message.get_or_insert_with(new);
        message.bytes.extend_from_slice(payload);
        message.pieces += 1;
        if message.pieces > most {
            return Err(Broken { code: CloseCode::Policy, reason: "a message in too many pieces" });
        }
        if !header.is_final {
            return message.check_text(false);
        }
        let Some(mut message) = self.message.take() else { return Ok(()) };
        if let (true, Some(inflater)) = (message.compressed, inflater) {
            message.bytes = inflater.inflated(&message.bytes, most)?;
            message.compressed = false;
        }
        message.check_text(true)?;
        tell(if message.is_text { Heard::Text(utf8(&message.bytes)?) } else { Heard::Binary(&message.bytes) })
    }
}

impl Message {
    /// A text that cannot become right any more is refused at once, not when it is whole.
    fn check_text(&mut self, whole: bool) -> Result<(), Broken> {
        if !self.is_text || self.compressed {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if error.error_len().is_none() && !whole => self.checked += error.valid_up_to(),
            Err(_) => return Err(NOT_UTF8),
        }
        Ok(())
    }
}

const NOT_UTF8: Broken = Broken { code: CloseCode::Invalid, reason: "a text that is not UTF-8" };

fn utf8(bytes: &[u8]) -> Result<&str, Broken> {
    std::str::from_utf8(bytes).map_err(|_| NOT_UTF8)
}

fn read_control(control: Control, payload: &[u8]) -> Result<Heard<'_>, Broken> {
    match control {
        Control::Ping => Ok(Heard::Ping(payload)),
        Control::Pong => Ok(Heard::Pong),
        Control::Close => read_close(payload).map(Heard::Close),
        Control::Reserved(_) => Err(Broken::protocol("a frame of an unknown kind")),
    }
}

fn read_close(payload: &[u8]) -> Result<Option<CloseCode>, Broken> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Broken::protocol("half a close code")) };
    };
    let code = CloseCode::from(u16::from_be_bytes(*code));
    if !code.is_allowed() {
        return Err(Broken::protocol("a close code that nobody may send"));
    }
    utf8(reason)?;
    Ok(Some(code))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let mut words = payload.chunks_exact_mut(4);
    for word in &mut words {
        word.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
    words.into_remainder().iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}
