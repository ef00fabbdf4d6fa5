//! Chance for pauses, so that those who failed together do not come back together.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Random enough for jitter (splitmix64, by Steele, Lea and Flood), and nothing else.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Different in each process.
    pub(crate) fn new() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }

    #[cfg(test)]
    pub(crate) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// At least 0, less than 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The upper 53 bits fill a mantissa.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}
