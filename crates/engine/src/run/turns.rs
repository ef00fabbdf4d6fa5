//! One operation that acts on a user at a time. Two at once would both read the state from before, and both act on it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Those who are being acted on, by connection and id.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<Key, VecDeque<oneshot::Sender<()>>>>);

type Key = (String, String);

/// The right to act on a user; dropping it gives it to the next who waits.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    key: Key,
}

impl Turns {
    /// Waits until nobody else acts on this user. Ids that differ in letter case alone count as one: whether a vendor
    /// tells them apart is not known.
    pub(super) async fn take(&self, connection: &str, user: &str) -> Turn<'_> {
        let key = (connection.to_owned(), user.to_lowercase());
        let waiter = match self.lock().entry(key.clone()) {
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                None
            }
            Entry::Occupied(mut taken) => {
                let (told, waiter) = oneshot::channel();
                taken.get_mut().push_back(told);
                Some(waiter)
            }
        };
        if let Some(waiter) = waiter {
            // The sender is not dropped unused while there is an entry.
            let _ = waiter.await;
        }
        Turn { turns: self, key }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, VecDeque<oneshot::Sender<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.turns.lock();
        let Some(waiting) = turns.get_mut(&self.key) else {
            return;
        };
        while let Some(next) = waiting.pop_front() {
            if next.send(()).is_ok() {
                return;
            }
        }
        turns.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_after_another_and_others_at_once() {
        let turns = Turns::default();
        let first = turns.take("a", "X1").await;
        assert!(turns.take("b", "x1").now_or_never().is_some());
        assert!(turns.take("a", "x2").now_or_never().is_some());
        // Whoever goes away while he waits is passed over.
        assert!(turns.take("a", "x1").now_or_never().is_none());
        let mut second = Box::pin(turns.take("a", "x1"));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        drop(second.await);
        assert!(turns.lock().is_empty());
    }
}
