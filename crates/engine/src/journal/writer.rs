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
    /// The thread waits to be woken. Waking one that is awake would cost a system call for each record.
    pub(super) asleep: bool,
    pub(super) last_call: i64,
    pub(super) last_intent: i64,
}

impl State {
    /// Puts a record at the end of the queue; after a failure its waiter is told of that instead.
    pub(super) fn push(&mut self, entry: Entry, waiter: Option<Waiter>) {
        match &self.refused {
            None => self.waiting.push((entry, waiter)),
            Some(error) => tell(waiter, Err(error.clone())),
        }
    }
}

impl Queue {
    /// Hands something in, and has it written at once.
    pub(super) fn push<T>(&self, push: impl FnOnce(&mut State) -> T) -> T {
        let (pushed, asleep) = {
            let mut state = self.lock();
            (push(&mut state), std::mem::take(&mut state.asleep))
        };
        if asleep {
            self.filled.notify_one();
        }
        pushed
    }

    /// The state, to number and push records in one go; they are written with whatever comes next.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and the state is sound after each statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No handle is left: the thread writes what waits, and ends.
    pub(super) fn close(&self) {
        self.push(|state| state.closed = true);
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
            state.asleep = true;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes nothing any more, and tells all who wait why; the first reason stays.
    fn refuse(&self, error: &JournalError) {
        let waiting = {
            let mut state = self.lock();
            state.refused.get_or_insert_with(|| error.clone());
            std::mem::take(&mut state.waiting)
        };
        for (_, waiter) in waiting {
            tell(waiter, Err(error.clone()));
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
            write(&queue, &mut store);
            queue.refuse(&closed);
            drop(store);
            drop(lock);
        })
}

/// Writes until no handle is left or a commit fails.
fn write(queue: &Queue, store: &mut Store) {
    let mut spare = Vec::new();
    while let Some(mut items) = queue.take(spare) {
        while !items.is_empty() {
            let batch = items.len().min(LARGEST_BATCH);
            if let Err(error) = store.commit(items[..batch].iter().map(|(entry, _)| entry)) {
                // Before anybody learns of it, so that nobody who does can still hand something in.
                queue.refuse(&error);
                for (_, waiter) in items {
                    tell(waiter, Err(error.clone()));
                }
                return;
            }
            if items[..batch]
                .iter()
                .any(|(entry, _)| matches!(entry, Entry::End(_)))
            {
                store.tidy();
            }
            for (_, waiter) in items.drain(..batch) {
                tell(waiter, Ok(()));
            }
        }
        spare = items;
        spare.shrink_to(LARGEST_BATCH);
    }
}

fn tell(waiter: Option<Waiter>, result: Result<(), JournalError>) {
    if let Some(waiter) = waiter {
        // Whoever waited may have gone.
        let _ = waiter.send(result);
    }
}
