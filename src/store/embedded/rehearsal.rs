//! A file that can be opened without being changed.
//!
//! redb writes to every file that it opens, and a file that was not closed cleanly it repairs in place. When that fails,
//! or when what appears is not ours to touch, the file must be as it was: somebody may still restore something from it.
//! So a file is first opened with its writes kept in memory, and opened in earnest when that went well. After a crash
//! this repairs twice, which costs seconds for millions of documents.

use redb::{BackendError, DatabaseError, StorageBackend, backends::FileBackend};
use std::{
    collections::HashMap,
    fs::OpenOptions,
    io::{self, ErrorKind},
    ops::Bound,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

const PAGE: usize = 4_096;

/// The file, with what was written since lying over it.
#[derive(Debug)]
pub(super) struct Rehearsal {
    file: FileBackend,
    over: Mutex<Over>,
}

#[derive(Debug)]
struct Over {
    len: u64,
    /// How much of the file still shows: it does not come back when it is cut and grows again.
    shown: u64,
    pages: HashMap<u64, Box<[u8; PAGE]>>,
}

impl Rehearsal {
    pub(super) fn of(path: &Path) -> Result<Self, DatabaseError> {
        let file = FileBackend::new(OpenOptions::new().read(true).write(true).open(path)?)?;
        let len = file.len()?;
        Ok(Self { file, over: Mutex::new(Over { len, shown: len, pages: HashMap::new() }) })
    }

    fn over(&self) -> MutexGuard<'_, Over> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page of the file, zeroes behind its end.
    fn page(&self, number: u64, shown: u64) -> io::Result<Box<[u8; PAGE]>> {
        let mut page = Box::new([0; PAGE]);
        let start = number * PAGE as u64;
        let there = shown.saturating_sub(start).min(PAGE as u64) as usize;
        if there > 0 {
            self.file.read(start, &mut page[..there])?;
        }
        Ok(page)
    }
}

/// The pages that a range touches, each with the part of it and the part of the range.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let begin = (at % PAGE as u64) as usize;
        let count = (PAGE - begin).min(len - done);
        let part = (at / PAGE as u64, begin..begin + count, done..done + count);
        done += count;
        (count > 0).then_some(part)
    })
}

impl StorageBackend for Rehearsal {
    fn len(&self) -> io::Result<u64> {
        Ok(self.over().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.over();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > over.len) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        for (number, within, range) in parts(offset, out.len()) {
            match over.pages.get(&number) {
                Some(page) => out[range].copy_from_slice(&page[within]),
                None => out[range].copy_from_slice(&self.page(number, over.shown)?[within]),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut over = self.over();
        let over = &mut *over;
        if len < over.len {
            over.shown = over.shown.min(len);
            over.pages.retain(|number, _| number * (PAGE as u64) < len);
            let (last, rest) = (len / PAGE as u64, (len % PAGE as u64) as usize);
            if let Some(page) = over.pages.get_mut(&last) {
                page[rest..].fill(0);
            }
        }
        over.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.over();
        let over = &mut *over;
        for (number, within, range) in parts(offset, data.len()) {
            let page = match over.pages.remove(&number) {
                Some(page) => page,
                None => self.page(number, over.shown)?,
            };
            over.pages.entry(number).or_insert(page)[within].copy_from_slice(&data[range]);
        }
        over.len = over.len.max(offset + data.len() as u64);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    // The lock is the real one: a file that another process has open is not to be rehearsed with.
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }
    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }
    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }
    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let rehearsal = Rehearsal::of(&path).unwrap();
        let mut expected = bytes.clone();
        expected[4_090..4_100].fill(0xaa);
        rehearsal.write(4_090, &[0xaa; 10]).unwrap();
        rehearsal.set_len(9_000).unwrap();
        rehearsal.set_len(20_000).unwrap();
        expected.truncate(9_000);
        expected.resize(20_000, 0);
        rehearsal.write(19_990, &[0xbb; 10]).unwrap();
        expected[19_990..].fill(0xbb);
        let mut read = vec![0; 20_000];
        rehearsal.read(0, &mut read).unwrap();
        assert!(read == expected);
        assert_eq!(rehearsal.len().unwrap(), 20_000);
        assert!(rehearsal.read(19_999, &mut [0; 2]).is_err(), "behind the end");
        assert!(std::fs::read(&path).unwrap() == bytes, "the file was changed");
    }
}
