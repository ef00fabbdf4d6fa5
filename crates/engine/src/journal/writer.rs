//! The thread that writes: it takes everything that waits, commits it as one transaction, and tells all who wait
//! for it. Under load a commit so serves hundreds; alone, it comes at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::error::JournalError;
use super::folder::WriteLock;
use super::store::{Entry, Store};

/// Records in one transaction, at most, so that a slow disk cannot build an ever longer one.
const LARGEST_BATCH: usize = 4096;

/// Told when the record is on disk, or never will be.
pub(super) type Waiter = oneshot::Sender<Result<(), JournalError>>;

/// A record, and who waits for it.
type Item = (Entry, Option<Waiter>);

/// What callers and the thread share.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    waiting: Vec<Item>,
    /// Set once nothing is taken any more: why.
    pub(super) refused: Option<JournalError>,
    /// No handle is left.
    closed: bool,
    pub(super) last_call: i64,
    pub(super) last_intent: i64,
}

impl State {
    /// Puts a record at the end of the queue; after a failure its waiter is told of that instead.
    pub(super) fn push(&mut self, entry: Entry, waiter: Option<Waiter>) {
        match &self.refused {
            None => self.waiting.push((entry, waiter)),
            Some(error) => tell(waiter, &Err(error.clone())),
        }
    }
}

impl Queue {
    /// The state, to number and push records in one go. Call [`Queue::wake`] afterwards.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and the state is sound after each statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self) {
        self.filled.notify_one();
    }

    /// No handle is left: the thread writes what waits, and ends.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake();
    }

    /// Everything that waits; `None` when nothing does and nothing will come.
    fn take(&self, spare: Vec<Item>) -> Option<Vec<Item>> {
        let mut state = self.lock();
        loop {
            if !state.waiting.is_empty() {
                return Some(std::mem::replace(&mut state.waiting, spare));
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes nothing any more, and tells all who wait why.
    fn refuse(&self, error: &JournalError) {
        let waiting = {
            let mut state = self.lock();
            state.refused = Some(error.clone());
            std::mem::take(&mut state.waiting)
        };
        for (_, waiter) in waiting {
            tell(waiter, &Err(error.clone()));
        }
    }
}

/// Starts the thread. It holds the lock until it ends.
pub(super) fn start(
    queue: &Arc<Queue>,
    store: Store,
    lock: WriteLock,
    closed: JournalError,
) -> std::io::Result<JoinHandle<()>> {
    let queue = Arc::clone(queue);
    std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || {
            let mut store = store;
            let end = write(&queue, &mut store).err().unwrap_or(closed);
            queue.refuse(&end);
            drop(store);
            drop(lock);
        })
}

/// Writes until no handle is left, the run has ended, or a commit fails.
fn write(queue: &Queue, store: &mut Store) -> Result<(), JournalError> {
    let mut spare = Vec::new();
    while let Some(mut items) = queue.take(spare) {
        while !items.is_empty() {
            let batch = items.len().min(LARGEST_BATCH);
            let committed = store.commit(items[..batch].iter().map(|(entry, _)| entry));
            let ended = items[..batch]
                .iter()
                .any(|(entry, _)| matches!(entry, Entry::End(_)));
            if ended && committed.is_ok() {
                store.tidy();
            }
            // After a failure nobody is left without an answer: neither this batch nor what follows it.
            let told = if committed.is_ok() { batch } else { items.len() };
            for (_, waiter) in items.drain(..told) {
                tell(waiter, &committed);
            }
            committed?;
        }
        spare = items;
        spare.shrink_to(LARGEST_BATCH);
    }
    Ok(())
}

fn tell(waiter: Option<Waiter>, result: &Result<(), JournalError>) {
    if let Some(waiter) = waiter {
        // Whoever waited may have gone.
        let _ = waiter.send(result.clone());
    }
}
