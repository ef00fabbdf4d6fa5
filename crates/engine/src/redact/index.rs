//! Many texts, found in another at once. It holds none of them: a text is known by where it could start, how long it is,
//! and a keyed hash, so that what remains in memory is no use to anybody.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// Shorter secrets would turn every page into black bars, and are no secrets.
pub(super) const SHORTEST: usize = 4;

/// Texts of at least [`SHORTEST`] bytes.
#[derive(Default)]
pub(super) struct Index {
    /// By their first bytes: how long they are. Tokens of one vendor begin alike, and have few lengths.
    lengths: HashMap<[u8; SHORTEST], Vec<u32>>,
    hashes: HashSet<u64>,
    key: RandomState,
}

impl Index {
    /// Adds a text; one that is too short is left out.
    pub(super) fn add(&mut self, text: &str) {
        let (Some(first), Ok(length)) = (text.as_bytes().first_chunk(), u32::try_from(text.len())) else {
            return;
        };
        if self.hashes.insert(self.key.hash_one(text.as_bytes())) {
            let lengths = self.lengths.entry(*first).or_default();
            if let Err(place) = lengths.binary_search(&length) {
                lengths.insert(place, length);
            }
        }
    }

    /// Where one of them stands in a text, in bytes; also where they overlap.
    pub(super) fn spans(&self, text: &str) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        if self.lengths.is_empty() {
            return spans;
        }
        let bytes = text.as_bytes();
        for (start, first) in bytes.array_windows().enumerate() {
            for length in self.lengths.get(first).into_iter().flatten() {
                let end = start + *length as usize;
                // They are in order: none that follows fits either.
                let Some(candidate) = bytes.get(start..end) else {
                    break;
                };
                if self.hashes.contains(&self.key.hash_one(candidate)) {
                    spans.push((start, end));
                }
            }
        }
        spans
    }
}
