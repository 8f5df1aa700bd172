//! What readers are sent, encoded once for all of them.

use super::socket;
use crate::page::{Page, change::Change};
use serde::Serialize;
use std::sync::OnceLock;
use tocsin_actors::domain::{OrgId, Seq, Step, Timestamp};

/// Larger ones are not compressed: that would take longer than other sockets of the same writer should wait.
const MOST_DEFLATED: usize = 64 * 1024;

/// A message of the live stream in every form in which it is sent; the rarer ones are made when somebody wants them.
#[derive(Debug)]
pub struct Frame {
    /// What a reader must have to go on with this one; nothing for a snapshot, which needs nothing.
    pub prev: Option<Seq>,
    /// What a reader has who has this one.
    pub seq: Seq,
    socket: Box<[u8]>,
    /// Where its text begins in `socket`.
    text: usize,
    deflated: OnceLock<Box<[u8]>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Shape<'a> {
    Snapshot { org: OrgId, epoch: &'a str, seq: Seq, page: &'a Page },
    Event { org: OrgId, epoch: &'a str, prev: Seq, seq: Seq, event: &'a str, at: Timestamp, data: &'a Change },
}

impl Frame {
    /// All of a page.
    pub fn snapshot(org: OrgId, epoch: &str, page: &Page) -> Self {
        Self::new(&Shape::Snapshot { org, epoch, seq: page.seq, page }, None, page.seq)
    }

    /// What one event changes of it.
    pub fn event(org: OrgId, epoch: &str, prev: Seq, step: &Step<'_>, data: &Change) -> Self {
        let (event, at, seq) = (step.event.name(), step.at, step.seq);
        Self::new(&Shape::Event { org, epoch, prev, seq, event, at, data }, Some(prev), seq)
    }

    /// Words that are no change of a page; there is nothing to go on from.
    pub fn words(text: &str) -> Self {
        Self::of(text.as_bytes(), None, 0)
    }

    fn new(shape: &Shape<'_>, prev: Option<Seq>, seq: Seq) -> Self {
        let json = serde_json::to_vec(shape).expect("a frame is a plain structure with text keys");
        Self::of(&json, prev, seq)
    }

    fn of(text: &[u8], prev: Option<Seq>, seq: Seq) -> Self {
        let socket = socket::text(text, false);
        let begin = socket.len() - text.len();
        Self { prev, seq, socket, text: begin, deflated: OnceLock::new() }
    }

    /// One that says this.
    #[cfg(test)]
    pub(super) fn for_test(seq: Seq, text: &str) -> Self {
        Self::of(text.as_bytes(), seq.checked_sub(1), seq)
    }

    /// As JSON.
    pub fn json(&self) -> &str {
        std::str::from_utf8(&self.socket[self.text..]).expect("JSON is written as text")
    }

    /// As a WebSocket frame.
    pub fn on_socket(&self, deflate: bool) -> &[u8] {
        if !deflate || self.socket.len() > MOST_DEFLATED {
            return &self.socket;
        }
        self.deflated.get_or_init(|| socket::text(self.json().as_bytes(), true))
    }

    /// How many bytes of memory it is worth.
    pub fn size(&self) -> usize {
        self.socket.len()
    }
}
