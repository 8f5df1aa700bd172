//! Whether readers see what they were promised: every `seq` once and in order, the same bytes for all.
//!
//! Each step is parsed once an organization, when its first reader gets it. The others' copies are recognized by their
//! hash, which is cheaper than looking into them, and stricter: a copy that differs in any byte is found.

use super::{
    clock::{Nanos, Stamps},
    frames::Head,
};
use serde::Serialize;
use std::{collections::HashMap, fmt};
use xxhash_rust::xxh3::xxh3_64;

/// How many gaps of a reader are remembered, to tell late from repeated.
const GAPS: usize = 16;
/// How many faults are told in words: enough to see a pattern.
const TOLD: usize = 20;

/// Where a reader is, in which life of the server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Which of the channel's epochs.
    pub epoch: u16,
    /// The last step.
    pub seq: u64,
}

/// What a reader has seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// None before the first page.
    pub position: Option<Position>,
    /// What it never got: after the one, up to and with the other.
    gaps: Vec<(u64, u64)>,
}

impl Seen {
    /// Somebody who is told nothing at first and knows where things are.
    pub fn at(seq: u64) -> Self {
        Self { position: Some(Position { epoch: 0, seq }), gaps: Vec::new() }
    }
}

/// What a message was good for.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// A whole page: the first one, or one instead of steps that the server has no more.
    Page {
        /// Whether it was the reader's first.
        first: bool,
    },
    /// The next step, and when it was sent, if it says so.
    Step(Option<Nanos>),
    /// The server refused something.
    Refused(String),
    /// Nothing that concerns the page.
    Nothing,
}

/// A broken promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Something before this step never came.
    Lost,
    /// This step came twice.
    Repeated,
    /// This step came after a later one.
    OutOfOrder,
    /// Two readers got different things for the same step.
    Different,
    /// A page is older than what the reader had.
    WentBack,
    /// A message that the protocol does not know, or a step before any page.
    Unreadable,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Repeated => "repeated",
            Self::OutOfOrder => "out of order",
            Self::Different => "not the same for all",
            Self::WentBack => "older than before",
            Self::Unreadable => "not readable",
        })
    }
}

/// Broken promises, counted.
#[derive(Debug, Default, Serialize)]
pub struct Faults {
    /// How many of each kind.
    pub counts: std::collections::BTreeMap<Fault, u64>,
    /// The first ones, in words.
    pub told: Vec<String>,
}

impl Faults {
    /// Counts one.
    pub fn add(&mut self, fault: Fault, told: impl FnOnce() -> String) {
        *self.counts.entry(fault).or_default() += 1;
        if self.told.len() < TOLD {
            self.told.push(format!("{fault}: {}", told()));
        }
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// A step as its first reader saw it.
#[derive(Debug, Clone, Copy)]
struct Step {
    prev: u64,
    seq: u64,
    epoch: u16,
    hash: u64,
    sent: Option<Nanos>,
    /// When the last of those got it who were there when it was sent.
    last: Option<Nanos>,
}

/// What all readers of an organization see.
#[derive(Debug, Default)]
pub struct History {
    epochs: Vec<String>,
    steps: HashMap<u64, Step>,
    /// Steps go to all readers one after the other: most of the time it is the same one as before.
    current: Option<Step>,
    /// The newest page: its place and its hash.
    page: Option<(Position, u64)>,
    stamps: Stamps,
}

impl History {
    /// One whose readers begin without a page, in this epoch.
    pub fn without_pages(epoch: &str) -> Self {
        Self { epochs: vec![epoch.to_owned()], ..Self::default() }
    }

    /// The name of an epoch.
    pub fn epoch(&self, position: Position) -> &str {
        self.epochs.get(usize::from(position.epoch)).map_or("", String::as_str)
    }

    /// How many steps somebody has seen.
    pub fn steps(&self) -> usize {
        self.steps.len() + usize::from(self.current.is_some_and(|step| !self.steps.contains_key(&step.prev)))
    }

    /// From the sending of each step to its last reader.
    pub fn times_to_last(&self) -> impl Iterator<Item = std::time::Duration> {
        let current = self.current;
        let kept = self.steps.values().copied().filter(move |step| current.is_none_or(|current| current.prev != step.prev));
        kept.chain(current).filter_map(|step| Some(step.last?.since(step.sent?)))
    }

    /// Takes a message of a reader who has seen this so far and is connected since then. After a fault the reader goes
    /// on from what it got: one loss is one fault.
    pub fn take(&mut self, seen: &mut Seen, since: Nanos, message: &[u8], now: Nanos) -> Result<Taken, Fault> {
        let hash = xxh3_64(message);
        if let Some(Position { epoch, seq }) = seen.position {
            self.look_at(seq);
            if let Some(step) = self.current.as_mut().filter(|step| step.prev == seq && step.hash == hash && step.epoch == epoch) {
                seen.position = Some(Position { epoch, seq: step.seq });
                return Ok(Taken::Step(step.arrived(since, now)));
            }
        }
        // The page that others got before needs no second look.
        if let Some((position, _)) = self.page.filter(|(_, known)| *known == hash && seen.position.is_none()) {
            seen.position = Some(position);
            seen.gaps.clear();
            return Ok(Taken::Page { first: true });
        }
        match Head::read(message).ok_or(Fault::Unreadable)? {
            Head::Other => Ok(Taken::Nothing),
            Head::Error { code } => Ok(Taken::Refused(code.into_owned())),
            Head::Snapshot { epoch, seq } => {
                let position = Position { epoch: self.epoch_number(&epoch), seq };
                let before = seen.position.replace(position);
                seen.gaps.clear();
                if self.page.is_some_and(|(place, known)| place == position && known != hash) {
                    return Err(Fault::Different);
                }
                self.page = Some((position, hash));
                if before.is_some_and(|before| before.seq > seq) {
                    Err(Fault::WentBack)
                } else {
                    Ok(Taken::Page { first: before.is_none() })
                }
            }
            Head::Event { epoch, prev, seq } => {
                let epoch = self.epoch_number(&epoch);
                self.step(seen, Step { prev, seq, epoch, hash, sent: None, last: None }, message, (since, now))
            }
        }
    }

    /// A step that is not the one that was expected, or that nobody has seen before.
    fn step(&mut self, seen: &mut Seen, mut step: Step, message: &[u8], (since, now): (Nanos, Nanos)) -> Result<Taken, Fault> {
        let Some(at) = seen.position else { return Err(Fault::Unreadable) };
        if step.seq <= step.prev || at.epoch != step.epoch {
            seen.position = Some(Position { epoch: step.epoch, seq: at.seq.max(step.seq) });
            return Err(Fault::Unreadable);
        }
        if step.prev > at.seq {
            if seen.gaps.len() == GAPS {
                seen.gaps.remove(0);
            }
            seen.gaps.push((at.seq, step.prev));
            seen.position = Some(Position { epoch: step.epoch, seq: step.seq });
            return Err(Fault::Lost);
        }
        if step.prev < at.seq {
            let missed = seen.gaps.iter().any(|(after, upto)| step.prev >= *after && step.seq <= *upto);
            seen.position = Some(Position { epoch: at.epoch, seq: at.seq.max(step.seq) });
            return Err(if missed { Fault::OutOfOrder } else { Fault::Repeated });
        }
        seen.position = Some(Position { epoch: step.epoch, seq: step.seq });
        if self.current.is_some_and(|known| known.prev == step.prev && known.epoch == step.epoch) {
            return Err(Fault::Different);
        }
        step.sent = self.stamps.fresh(message);
        let sent = step.arrived(since, now);
        self.change_to(Some(step));
        Ok(Taken::Step(sent))
    }

    /// Makes the step after this one the current one, if it is known.
    fn look_at(&mut self, prev: u64) {
        if self.current.is_none_or(|step| step.prev != prev)
            && let Some(step) = self.steps.get(&prev).copied()
        {
            self.change_to(Some(step));
        }
    }

    fn change_to(&mut self, step: Option<Step>) {
        if let Some(before) = std::mem::replace(&mut self.current, step) {
            self.steps.insert(before.prev, before);
        }
    }

    fn epoch_number(&mut self, epoch: &str) -> u16 {
        let known = self.epochs.iter().rposition(|known| known == epoch);
        let number = known.unwrap_or_else(|| {
            self.epochs.push(epoch.to_owned());
            self.epochs.len() - 1
        });
        u16::try_from(number).unwrap_or(u16::MAX)
    }
}

impl Step {
    /// Somebody has it. Answers when it was sent to those who were there then: who comes later was not kept waiting.
    fn arrived(&mut self, since: Nanos, now: Nanos) -> Option<Nanos> {
        let sent = self.sent.filter(|sent| *sent >= since)?;
        self.last = self.last.max(Some(now));
        Some(sent)
    }
}

#[cfg(test)]
mod tests;
