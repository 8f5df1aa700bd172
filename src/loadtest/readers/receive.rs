//! What becomes of bytes that a reader received: the answer to its upgrade, then frames.

use super::{
    engine::{End, Greeting, Readers},
    handshake::{self, Answer},
    reader::Stage,
};
use crate::loadtest::{
    clock::Nanos,
    frames::{Frame, first_frame, pong},
    page,
    verify::{Fault, Seen, Taken},
};
use mio::net::TcpStream;
use serde_json::Value;
use std::{io::Write, time::Duration};

impl Readers {
    /// Takes what was read into the buffer, with what was left of the last time before it.
    pub(super) fn received(&mut self, reader: usize, stream: &mut TcpStream, length: usize) -> Result<(), End> {
        let now = Nanos::now();
        let mut kept = std::mem::take(&mut self.readers[reader].rest);
        let buffer = std::mem::take(&mut self.buffer);
        let is_kept = !kept.is_empty();
        if is_kept {
            kept.extend_from_slice(&buffer[..length]);
        }
        let bytes = if is_kept { &kept[..] } else { &buffer[..length] };
        let consumed = self.consume(reader, stream, bytes, now);
        if let Ok(used) = consumed {
            let left = &bytes[used..];
            // What is left of a large page would otherwise keep its room for ever.
            self.readers[reader].rest = if left.is_empty() { Vec::new() } else { left.to_vec() };
        }
        self.buffer = buffer;
        consumed.map(drop)
    }

    /// Answers how many bytes were whole.
    fn consume(&mut self, reader: usize, stream: &mut TcpStream, bytes: &[u8], now: Nanos) -> Result<usize, End> {
        let mut used = 0;
        if self.readers[reader].stage == Stage::Upgrading {
            match handshake::answer(bytes) {
                None => return Ok(0),
                Some(Answer::Accepted(length)) => used = length,
                Some(Answer::Malformed) => return Err(End::new("malformed upgrade")),
                Some(Answer::Refused { status, retry_after }) => return Err(End { how: status.to_string(), retry_after }),
            }
            self.upgraded(reader, stream, now);
        }
        while self.readers[reader].stage != Stage::Deaf {
            match first_frame(&bytes[used..]) {
                Ok(None) => break,
                Ok(Some((frame, length))) => {
                    used += length;
                    self.frame(reader, stream, frame, now)?;
                }
                Err(broken) => {
                    self.tally.faults.add(Fault::Unreadable, || broken.to_string());
                    return Err(End::new(broken.to_string()));
                }
            }
        }
        Ok(used)
    }

    fn upgraded(&mut self, reader: usize, stream: &mut TcpStream, now: Nanos) {
        let one = &mut self.readers[reader];
        let channel = &self.channels[one.channel as usize];
        if one.is_deaf {
            // It stays open, and nobody looks at it again.
            let _ = self.poll.registry().deregister(stream);
            self.opening -= 1;
            self.tally.deaf += 1;
            one.stage = Stage::Deaf;
            return;
        }
        one.stage = Stage::Greeting;
        let is_back = one.seen.position.is_some();
        match channel.greeting {
            Greeting::Nothing { .. } => one.seen = Seen::at(channel.head),
            Greeting::Page if is_back => self.tally.resumed += 1,
            Greeting::Page => return,
        }
        self.is_live(reader, now);
    }

    fn is_live(&mut self, reader: usize, now: Nanos) {
        self.readers[reader].stage = Stage::Live;
        self.readers[reader].since = now;
        self.opening -= 1;
        self.tally.live += 1;
        self.tally.last_live = Some(now);
    }

    fn frame(&mut self, reader: usize, stream: &mut TcpStream, frame: Frame<'_>, now: Nanos) -> Result<(), End> {
        match frame {
            Frame::Text(message) => {
                self.message(reader, message, now);
                Ok(())
            }
            Frame::Ping(payload) => {
                // Nothing else is ever written here: there is room.
                if stream.write_all(&pong(payload)).is_ok() {
                    self.tally.pings += 1;
                }
                Ok(())
            }
            Frame::Pong => Ok(()),
            Frame::Close(None) => Err(End::new("closed")),
            Frame::Close(Some((code, reason))) => {
                let reason: Value = serde_json::from_slice(reason).unwrap_or_default();
                let words = reason["code"].as_str().map_or_else(String::new, |words| format!(" {words}"));
                let retry_after = reason["retry_after_ms"].as_u64().map(Duration::from_millis);
                Err(End { how: format!("closed {code}{words}"), retry_after })
            }
        }
    }

    fn message(&mut self, reader: usize, message: &[u8], now: Nanos) {
        let one = &mut self.readers[reader];
        let channel = &mut self.channels[one.channel as usize];
        self.tally.bytes += message.len() as u64;
        let before = one.seen.position;
        match channel.history.take(&mut one.seen, one.since, message, now) {
            Ok(Taken::Step(sent)) => {
                self.tally.deliveries += 1;
                if let Some(sent) = sent {
                    self.tally.latency.add(now.since(sent));
                }
                if let Some(position) = one.seen.position {
                    channel.head = channel.head.max(position.seq);
                }
                if one.is_witness
                    && let (Some(page), Ok(event)) = (&mut channel.page, serde_json::from_slice(message))
                {
                    page::apply(page, &event);
                }
            }
            Ok(Taken::Page { first }) => {
                *(if first { &mut self.tally.first_pages } else { &mut self.tally.later_pages }) += 1;
                if one.is_witness
                    && let Ok(mut snapshot) = serde_json::from_slice::<Value>(message)
                {
                    channel.page = Some(snapshot["page"].take());
                }
            }
            Ok(Taken::Refused(code)) => *self.tally.refused.entry(code).or_default() += 1,
            Ok(Taken::Nothing) => {}
            Err(fault) => {
                self.tally.faults.add(fault, || {
                    let after = before.map_or("no page yet".to_owned(), |before| format!("seq {}", before.seq));
                    let brief = String::from_utf8_lossy(&message[..message.len().min(160)]);
                    format!("reader {reader} of {} with {after} got {brief}", channel.path)
                });
            }
        }
        if one.stage == Stage::Greeting && one.seen.position.is_some() {
            self.is_live(reader, now);
        }
    }
}
