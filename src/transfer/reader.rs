//! Reads the file, and knows whether it is all there and as it was written.

use super::{Counts, END, End, Head, Item, MAX_LINE, VERSION, hexadecimal, item::Tally};
use aws_lc_rs::digest::{Context, SHA256};
use std::io::{self, BufRead, BufReader, Read};

/// What is read together.
const BUFFER: usize = 1 << 20;

/// The longest first line: whatever file is named, no more of it is read before it is known for what it is.
const MAX_HEAD: u64 = 4_096;

/// Why a file cannot be used: one sentence that follows its name.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is something else.
    #[error("is no export of Tocsin: name a file that `tocsin export` wrote")]
    Foreign,
    /// It was written by another version.
    #[error("has format {0}, and this version reads format {VERSION}: import it with the version that wrote it, or a newer one")]
    Version(u64),
    /// It has no end.
    #[error("is cut off after line {0}: fetch it again, or export again")]
    Cut(u64),
    /// It is not as it was written.
    #[error("was changed, or damaged on its way ({0}): fetch it again, or export again")]
    Changed(String),
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A file, read thing by thing.
pub struct Reader<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    number: u64,
    digest: Context,
    tally: Tally,
    end: Option<Counts>,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    pub fn begin(input: R) -> Result<Self, FileError> {
        let input = BufReader::with_capacity(BUFFER, input);
        let (digest, tally) = (Context::new(&SHA256), Tally::default());
        let mut reader = Self { input, line: Vec::new(), number: 0, digest, tally, end: None };
        reader.advance()?;
        if !reader.line.starts_with(b"{") {
            return Err(FileError::Foreign); // a list would do for a structure, too
        }
        match serde_json::from_slice::<Head>(&reader.line) {
            Ok(Head { tocsin_export: VERSION, .. }) if reader.line.ends_with(b"\n") => {}
            Ok(Head { tocsin_export: VERSION, .. }) => return Err(FileError::Cut(1)),
            Ok(Head { tocsin_export, .. }) => return Err(FileError::Version(tocsin_export)),
            Err(_) => return Err(FileError::Foreign),
        }
        Ok(reader)
    }

    /// The next thing and how many bytes it has there; none when all was read and the file is as it was written.
    pub fn read(&mut self) -> Result<Option<(Item, usize)>, FileError> {
        if self.end.is_some() {
            return Ok(None);
        }
        self.advance()?;
        let Some(line) = self.line.strip_suffix(b"\n") else { return Err(FileError::Cut(self.number - 1)) };
        if line.starts_with(END) {
            return self.finish().map(|()| None);
        }
        let here = |what: String| FileError::Changed(format!("line {}: {what}", self.number));
        let item = Item::read(line).map_err(here)?;
        self.tally.add(&item).map_err(here)?;
        self.digest.update(&self.line);
        Ok(Some((item, self.line.len())))
    }

    /// What the whole file holds. Known when all was read.
    pub fn counts(&self) -> Option<Counts> {
        self.end
    }

    fn finish(&mut self) -> Result<(), FileError> {
        let end: End = serde_json::from_slice(&self.line).map_err(|error| FileError::Changed(format!("its end: {error}")))?;
        let digest = std::mem::replace(&mut self.digest, Context::new(&SHA256)).finish();
        if end.sha256 != hexadecimal(&digest) {
            return Err(FileError::Changed("its checksum differs".into()));
        }
        if end.end != self.tally.counts {
            return Err(FileError::Changed("it does not hold what its end counts".into()));
        }
        self.advance()?;
        if !self.line.is_empty() {
            return Err(FileError::Changed("something follows on its end".into()));
        }
        self.end = Some(end.end);
        Ok(())
    }

    /// The next line with its end, nothing behind the last.
    fn advance(&mut self) -> Result<(), FileError> {
        self.line.clear();
        self.number += 1;
        let longest = if self.number == 1 { MAX_HEAD } else { MAX_LINE };
        (&mut self.input).take(longest).read_until(b'\n', &mut self.line)?;
        match self.line.len() as u64 == longest && !self.line.ends_with(b"\n") {
            true if self.number == 1 => Err(FileError::Foreign),
            true => Err(FileError::Changed(format!("line {} is too long", self.number))),
            false => Ok(()),
        }
    }
}
