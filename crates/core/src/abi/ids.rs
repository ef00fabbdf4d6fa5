//! Which ids an operation has used.

use std::collections::BTreeMap;

use crate::RequestId;

/// A set of ids, kept as runs: an operation that counts its requests takes no more room for a thousand than for one.
#[derive(Debug, Default)]
pub(super) struct UsedIds {
    /// The first of each run, and the last.
    runs: BTreeMap<u64, u64>,
}

impl UsedIds {
    /// Adds an id; false if it was there.
    pub(super) fn insert(&mut self, RequestId(id): RequestId) -> bool {
        let before = self
            .runs
            .range(..=id)
            .next_back()
            .map(|(first, last)| (*first, *last));
        let first = match before {
            Some((_, last)) if id <= last => return false,
            Some((first, last)) if last + 1 == id => first,
            _ => id,
        };
        let after = id.checked_add(1).and_then(|next| self.runs.remove(&next));
        self.runs.insert(first, after.unwrap_or(id));
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::UsedIds;
    use crate::RequestId;

    proptest! {
        #[test]
        fn is_a_set(ids in vec(prop_oneof![0..20_u64, u64::MAX - 5..=u64::MAX], 0..60)) {
            let (mut used, mut set) = (UsedIds::default(), HashSet::new());
            for id in ids {
                prop_assert_eq!(used.insert(RequestId(id)), set.insert(id));
            }
        }
    }

    #[test]
    fn ids_that_count_take_no_room() {
        let mut used = UsedIds::default();
        for id in (0..1_000).chain(1_001..2_000).chain([1_000]) {
            assert!(used.insert(RequestId(id)));
        }
        assert_eq!(used.runs.len(), 1);
    }
}
