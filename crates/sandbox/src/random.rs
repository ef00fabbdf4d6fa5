//! Repeatable randomness: the same seed gives the same population and, for the same requests, the same faults.

/// Splitmix64: small, fast, good enough to throw dice for faults and names.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Whether an event of this probability (0 to 1) happens.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are what a float holds exactly.
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < probability
    }

    /// A number below this bound, which is not zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Brings the items into a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last + 1).unwrap_or(u64::MAX);
            items.swap(last, usize::try_from(self.below(bound)).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn repeats_itself_and_keeps_to_the_odds() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..10_000).filter(|_| random.chance(0.1)).count()
        };
        assert_eq!(draw(7), draw(7));
        assert!((900..1100).contains(&draw(7)), "{}", draw(7));
        let mut random = Random::new(1);
        assert!((0..1000).all(|_| random.chance(1.0) && !random.chance(0.0)));
        let mut items: Vec<u8> = (0..20).collect();
        random.shuffle(&mut items);
        assert_ne!(items, (0..20).collect::<Vec<u8>>());
        items.sort_unstable();
        assert_eq!(items, (0..20).collect::<Vec<u8>>());
    }
}
