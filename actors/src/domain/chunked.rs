//! A queue in pieces behind `Arc`: readers hold what it was at the last commit, so that writing means copying, and one
//! more element must not copy them all.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{collections::VecDeque, fmt, sync::Arc};

/// Elements in a piece: what one more copies at most, against how many pieces a copy of the whole touches.
const CHUNK: usize = 64;

/// Elements, oldest first.
#[derive(Clone)]
pub(super) struct Chunked<T> {
    chunks: VecDeque<Arc<VecDeque<T>>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: VecDeque::new(), len: 0 }
    }
}

impl<T: Clone> Chunked<T> {
    pub(super) fn push_back(&mut self, element: T) {
        match self.chunks.back_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => Arc::make_mut(chunk).push_back(element),
            None => self.chunks.push_back(Arc::new(VecDeque::from([element]))),
        }
        self.len += 1;
    }
    pub(super) fn pop_front(&mut self) {
        let Some(oldest) = self.chunks.front_mut() else { return };
        Arc::make_mut(oldest).pop_front();
        self.len -= 1;
        if oldest.is_empty() {
            self.chunks.pop_front();
        }
    }
}

impl<T> Chunked<T> {
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
    pub(super) fn first(&self) -> Option<&T> {
        self.chunks.front().and_then(|chunk| chunk.front())
    }
    pub(super) fn last(&self) -> Option<&T> {
        self.chunks.back().and_then(|chunk| chunk.back())
    }
    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

impl<T: PartialEq> PartialEq for Chunked<T> {
    /// Where the pieces end depends on what was forgotten when, and means nothing.
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}
impl<T: fmt::Debug> fmt::Debug for Chunked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Written as a plain list.
impl<T: Serialize> Serialize for Chunked<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
impl<'de, T: Deserialize<'de> + Clone> Deserialize<'de> for Chunked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut read = Self::default();
        Vec::deserialize(deserializer)?.into_iter().for_each(|element| read.push_back(element));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: std::ops::Range<u32>) -> Chunked<u32> {
        let mut chunked = Chunked::default();
        numbers.for_each(|number| chunked.push_back(number));
        chunked
    }

    #[test]
    fn one_more_element_copies_one_piece_and_not_all() {
        let mut chunked = of(0..1_000);
        let view = chunked.clone();
        chunked.push_back(1_000);
        let shared = view.chunks.iter().zip(&chunked.chunks).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert!(shared + 1 >= view.chunks.len(), "{shared} of {} shared", view.chunks.len());
        assert_eq!((view.len(), chunked.len()), (1_000, 1_001));
    }

    #[test]
    fn what_is_left_is_the_same_however_it_is_cut() {
        let mut chunked = of(0..200);
        (0..100).for_each(|_| chunked.pop_front());
        assert_eq!(chunked, of(100..200));
        assert_eq!((chunked.first(), chunked.last(), chunked.len()), (Some(&100), Some(&199), 100));
        (0..200).for_each(|_| chunked.pop_front());
        assert_eq!(chunked, Chunked::default());
    }
}
