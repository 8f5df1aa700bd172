//! Writes the file.

use super::{Counts, End, Head, Item, VERSION, hexadecimal, item::Tally};
use aws_lc_rs::digest::{Context, SHA256};
use std::io::{self, Write};
use tocsin_actors::domain::Timestamp;

/// What is written together: large enough that a system call is a small part of it.
const BUFFER: usize = 1 << 20;

/// A file in the making. Without its end it is worth nothing.
pub struct Writer<W> {
    out: W,
    digest: Context,
    buffer: Vec<u8>,
    tally: Tally,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn begin(out: W, at: Timestamp) -> io::Result<Self> {
        let mut writer = Self { out, digest: Context::new(&SHA256), buffer: Vec::new(), tally: Tally::default() };
        let head = Head { tocsin_export: VERSION, at: at.to_string(), by: env!("CARGO_PKG_VERSION").to_owned() };
        serde_json::to_writer(&mut writer.buffer, &head)?;
        writer.buffer.push(b'\n');
        // Not part of the checksum: what is the same at another time shall have the same.
        writer.out.write_all(&writer.buffer)?;
        writer.buffer.clear();
        Ok(writer)
    }

    /// Writes one thing. What cannot be written, or would not be read, is an error of kind `InvalidData`.
    pub fn write(&mut self, item: &Item) -> io::Result<()> {
        let unfit = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        self.tally.add(item).map_err(unfit)?;
        item.write(&mut self.buffer).map_err(unfit)?;
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Ends the file, and answers what is in it.
    pub fn end(mut self) -> io::Result<(Counts, W)> {
        self.flush()?;
        let end = End { end: self.tally.counts, sha256: hexadecimal(&self.digest.finish()) };
        serde_json::to_writer(&mut self.buffer, &end)?;
        self.buffer.push(b'\n');
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok((end.end, self.out))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.digest.update(&self.buffer);
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
