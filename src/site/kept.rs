//! Something that was made, in every form in which it is sent.

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use std::{io::Write, sync::OnceLock};
use tocsin_actors::domain::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

/// Smaller things are not worth compressing.
const WORTH_IT: usize = 256;
/// Where brotli stops trying: beyond it a page takes ten times as long and is a twentieth smaller.
const BROTLI_QUALITY: u32 = 5;
const BROTLI_WINDOW: u32 = 22;

/// How bytes are packed on their way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coding {
    /// As they are.
    Plain,
    /// For everybody.
    Gzip,
    /// For browsers.
    Brotli,
}

impl Coding {
    /// Its name in HTTP.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }
}

/// Bytes that are shared by whoever sends them.
#[derive(Clone, Debug)]
pub struct Packed {
    /// They themselves.
    pub bytes: Bytes,
    /// What they are called as long as they are the same.
    pub tag: Bytes,
}

/// Something that was made. Packed when somebody wants it packed, once.
#[derive(Debug)]
pub struct Kept {
    /// Its type.
    pub kind: &'static str,
    /// What it may do in a browser, where it is a page.
    pub policy: Option<Bytes>,
    /// Until when it is true if nothing happens; for ever, if it says nothing of time.
    pub until: Option<Timestamp>,
    /// Since when it is not known better, if that is so.
    pub stale: Option<Timestamp>,
    tag: u64,
    plain: Packed,
    gzip: OnceLock<Option<Packed>>,
    brotli: OnceLock<Option<Packed>>,
}

impl Kept {
    /// Keeps it.
    pub fn new(kind: &'static str, bytes: Vec<u8>) -> Self {
        let tag = xxh3_64(&bytes);
        let plain = Packed { bytes: bytes.into(), tag: format!("\"{tag:016x}\"").into() };
        Self { kind, policy: None, until: None, stale: None, tag, plain, gzip: OnceLock::new(), brotli: OnceLock::new() }
    }

    /// The same, which is not known better since then. Called something else: who has it is told when it is known again.
    pub fn stale_since(self, stale: Option<Timestamp>) -> Self {
        let tag = self.tag ^ stale.map_or(0, |since| since.millis().unsigned_abs());
        let plain = Packed { tag: format!("\"{tag:016x}\"").into(), ..self.plain };
        Self { stale, tag, plain, ..self }
    }

    /// Whether it is, if nothing has happened.
    pub fn is_true_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// In the form that is wanted, or as it is where that is no smaller.
    pub fn packed(&self, coding: Coding) -> (&Packed, Coding) {
        let packed = match coding {
            Coding::Plain => None,
            Coding::Gzip => self.gzip.get_or_init(|| self.pack("gz", gzip)).as_ref(),
            Coding::Brotli => self.brotli.get_or_init(|| self.pack("br", brotli)).as_ref(),
        };
        packed.map_or((&self.plain, Coding::Plain), |packed| (packed, coding))
    }

    /// How many bytes of memory it may come to, in all forms: packed, text is less than half of itself.
    pub fn weight(&self) -> usize {
        self.plain.bytes.len() * 2 + size_of::<Self>()
    }

    fn pack(&self, word: &str, pack: fn(&[u8]) -> std::io::Result<Vec<u8>>) -> Option<Packed> {
        if self.plain.bytes.len() < WORTH_IT {
            return None;
        }
        let bytes = pack(&self.plain.bytes).ok().filter(|packed| packed.len() < self.plain.bytes.len())?;
        Some(Packed { bytes: bytes.into(), tag: format!("\"{:016x}-{word}\"", self.tag).into() })
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = Vec::with_capacity(bytes.len() / 4);
    let mut writer = brotli::CompressorWriter::new(&mut packed, 16 * 1024, BROTLI_QUALITY, BROTLI_WINDOW);
    writer.write_all(bytes)?;
    drop(writer); // the end is written with it
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[test]
    fn is_the_same_however_it_is_packed() {
        let text = "the same sentence again and again. ".repeat(100);
        let kept = Kept::new("text/plain", text.clone().into_bytes());
        let (mut gzip, mut brotli) = (String::new(), String::new());
        GzDecoder::new(&*kept.packed(Coding::Gzip).0.bytes).read_to_string(&mut gzip).unwrap();
        let packed = &kept.packed(Coding::Brotli).0.bytes;
        brotli::Decompressor::new(&**packed, 4096).read_to_string(&mut brotli).unwrap();
        assert_eq!((&gzip, &brotli), (&text, &text));
        let tags = [Coding::Plain, Coding::Gzip, Coding::Brotli].map(|coding| kept.packed(coding).0.tag.clone());
        assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
    }

    #[test]
    fn what_is_small_is_sent_as_it_is() {
        let kept = Kept::new("text/plain", b"short".to_vec());
        assert_eq!(kept.packed(Coding::Brotli).1, Coding::Plain);
    }
}
