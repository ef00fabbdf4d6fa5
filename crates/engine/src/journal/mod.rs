//! The journal: the file of one run, written before and as it happens.
//!
//! A write leaves only after [`Journal::intent`] has returned, and an outcome is told only after
//! [`Journal::answer`] has: then both are on disk. After a crash every call is therefore in one recorded state: not
//! begun, answered, or in doubt (an intent whose result is not known). Records are numbered and written in the order in
//! which they were given, so what is on disk is always a beginning of what happened.
//!
//! It is SQLite, one file a run, written by one thread of its own: while that waits for the disk, records gather
//! and share the next commit. Another process may read a run while it goes on ([`JournalReader`]); a second one
//! that would write is refused. A secret of a user is written as `null`; texts are handed in without secrets.

mod error;
mod folder;
mod history;
mod reader;
mod record;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use signoff_core::Field;
use tokio::sync::oneshot;

use crate::platform;
use folder::WriteLock;
use store::{Entry, Last, Store};
use writer::Queue;

pub use error::JournalError;
pub use history::{Doubt, Moment, Overview, Standing, overview};
pub use reader::{JournalReader, JournaledCall, JournaledWrite, OpenIntent};
pub use record::{
    AnswerRecord, CallDigest, CallId, CallKind, CallRecord, Disposition, EndRecord, ExchangeRecord,
    InputFile, IntentId, IntentRecord, LogRecord, RecordedAnswer, ResultRecord, RunHeader, ScopeRecord,
    SessionRecord, SourceText,
};

/// The folder of journals in a state folder.
#[must_use]
pub fn runs_folder(state: &Path) -> PathBuf {
    state.join("runs")
}

/// The journal of a run in a state folder.
///
/// # Errors
/// If the id could name a file elsewhere.
pub fn journal_path(state: &Path, run: &str) -> Result<PathBuf, JournalError> {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    if run.is_empty() || !run.chars().all(plain) {
        return Err(JournalError::BadId { run: run.to_owned() });
    }
    Ok(runs_folder(state).join(format!("{run}.sqlite")))
}

/// The ids of the runs in a state folder, the oldest first.
///
/// # Errors
/// If the folder cannot be read; one that is not there has none.
pub fn runs(state: &Path) -> Result<Vec<String>, JournalError> {
    let folder = runs_folder(state);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(JournalError::of_system(&folder, &error)),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(|error| JournalError::of_system(&folder, &error))?
            .file_name();
        let run = name.to_str().and_then(|name| name.strip_suffix(".sqlite"));
        runs.extend(run.map(str::to_owned));
    }
    // They begin with their time, to the second; of the same second only the journals know.
    runs.sort_unstable();
    for tied in runs.chunk_by_mut(|one, other| one.get(..SECOND) == other.get(..SECOND)) {
        if tied.len() > 1 {
            tied.sort_by_cached_key(|run| {
                JournalReader::open(&folder.join(format!("{run}.sqlite")))
                    .ok()?
                    .created()
            });
        }
    }
    Ok(runs)
}

/// How much of an id tells the second in which the run began: `20261120-213221`.
const SECOND: usize = 15;

/// What a person may call a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunName {
    /// This one.
    Run(String),
    /// There is none of that name.
    None,
    /// It fits several.
    Several(Vec<String>),
}

/// Finds a run by its id, by a beginning of it, or by a beginning of the letters at its end.
///
/// # Errors
/// As [`runs`].
pub fn find_run(state: &Path, name: &str) -> Result<RunName, JournalError> {
    let known = runs(state)?;
    if known.iter().any(|run| run == name) {
        return Ok(RunName::Run(name.to_owned()));
    }
    let fits = |run: &String| {
        let letters = run.rsplit_once('-').map_or("", |(_, letters)| letters);
        !name.is_empty() && (run.starts_with(name) || letters.starts_with(name))
    };
    let mut fitting: Vec<String> = known.into_iter().filter(fits).collect();
    Ok(match fitting.len() {
        0 => RunName::None,
        1 => RunName::Run(fitting.remove(0)),
        _ => RunName::Several(fitting),
    })
}

/// Removes what there is of a run that nobody is to know of, as far as it can be removed.
///
/// # Errors
/// If the id could name a file elsewhere.
pub fn forget(state: &Path, run: &str) -> Result<(), JournalError> {
    folder::remove(&journal_path(state, run)?);
    Ok(())
}

/// Whether a run is being written by some process, as far as its lock tells.
#[must_use]
pub fn is_being_written(state: &Path, run: &str) -> bool {
    journal_path(state, run).is_ok_and(|path| folder::writer(&path).is_some())
}

/// How a folder does for journals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderState {
    /// How long a small write takes until it is on disk.
    pub flush: Duration,
    /// What may still be written there, in bytes, as far as that can be told.
    pub free: Option<u64>,
}

/// Tries whether runs can be kept in a state folder: makes what `Journal::create` would make, for its owner alone, and
/// writes and removes a small file. Blocks for some milliseconds.
///
/// # Errors
/// With what would keep a run from being begun.
pub fn try_folder(state: &Path) -> Result<FolderState, JournalError> {
    let runs = runs_folder(state);
    folder::make(&runs)?;
    Ok(FolderState {
        flush: folder::try_write(&runs)?,
        free: platform::free_bytes(&runs),
    })
}

/// The journal of a run, for writing. A cheap handle; when the last one is dropped, what still waits is written
/// and the file is closed.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Begins the journal of a run: `STATE/runs/ID.sqlite`, on disk when it returns. The folders are made if need
    /// be. Blocks for some milliseconds.
    ///
    /// # Errors
    /// If the folder or the file cannot be made, or a run of this id exists.
    pub fn create(state: &Path, header: &RunHeader) -> Result<Self, JournalError> {
        let path = journal_path(state, &header.run)?;
        folder::make(&runs_folder(state))?;
        let is_new = !path.exists();
        let (store, lock) = Self::make(&path, header).inspect_err(|_| {
            // Nothing was promised yet: better no file than an empty one. If it stays, it is told as no journal.
            if is_new {
                folder::remove(&path);
            }
        })?;
        Self::start(path, store, lock, Last::default())
    }

    fn make(path: &Path, header: &RunHeader) -> Result<(Store, WriteLock), JournalError> {
        let lock = WriteLock::take(path)?;
        folder::create(path)?;
        Ok((Store::create(path, header)?, lock))
    }

    /// Opens the journal of a run that another process began, to go on with it. The file is checked, and brought to the
    /// present version. Blocks for some milliseconds, and longer for a large file.
    ///
    /// # Errors
    /// If there is none, another process writes it, it is damaged, or it cannot be written.
    pub fn reopen(state: &Path, run: &str) -> Result<Self, JournalError> {
        let path = journal_path(state, run)?;
        if let Err(error) = std::fs::metadata(&path) {
            return Err(JournalError::of_system(&path, &error));
        }
        folder::make(&runs_folder(state))?;
        let lock = WriteLock::take(&path)?;
        let (store, last) = Store::reopen(&path)?;
        Self::start(path, store, lock, last)
    }

    fn start(path: PathBuf, store: Store, lock: WriteLock, last: Last) -> Result<Self, JournalError> {
        let queue = Arc::new(Queue::default());
        {
            let mut state = queue.lock();
            (state.last_call, state.last_intent) = (last.call, last.intent);
        }
        let closed = JournalError::Closed { path: path.clone() };
        let thread = writer::start(&queue, store, lock, closed)
            .map_err(|error| JournalError::of_system(&path, &error))?;
        Ok(Self {
            shared: Arc::new(Shared {
                path,
                queue,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Why nothing is written any more, if so.
    #[must_use]
    pub fn failure(&self) -> Option<JournalError> {
        self.shared.queue.lock().refused.clone()
    }

    /// Records a call; on disk with whatever is recorded next, and before it. A call of which nothing else is on
    /// disk was not begun, so it is not worth a commit of its own.
    #[must_use]
    pub fn call(&self, record: CallRecord) -> CallId {
        let mut state = self.shared.queue.lock();
        state.last_call += 1;
        let id = CallId(state.last_call);
        state.push(Entry::Call(id, record), None);
        id
    }

    /// Records a write that is about to leave, at once; on disk when the future resolves. Nothing may be sent
    /// before.
    ///
    /// # Errors
    /// If it cannot be written: then nothing may be sent.
    pub fn intent(
        &self,
        record: IntentRecord,
    ) -> impl Future<Output = Result<IntentId, JournalError>> + Send + use<> {
        let (told, waiter) = oneshot::channel();
        let id = self.shared.queue.push(|state| {
            state.last_intent += 1;
            let id = IntentId(state.last_intent);
            state.push(Entry::Intent(id, record), Some(told));
            id
        });
        let durable = self.durable(waiter);
        async move { durable.await.map(|()| id) }
    }

    /// Records what became of a write, at once; on disk when the future resolves.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn result(
        &self,
        intent: IntentId,
        record: ResultRecord,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        self.push_and_wait(Entry::Result(intent, record))
    }

    /// As [`Journal::result`], without waiting: on disk with whatever is recorded next, and before it. A result
    /// that is lost in a crash leaves its write in doubt, which is settled; an intent or an answer may not be lost.
    pub fn result_later(&self, intent: IntentId, record: ResultRecord) {
        let mut state = self.shared.queue.lock();
        state.push(Entry::Result(intent, record), None);
    }

    /// Records what a call gave, at once; on disk when the future resolves. Nobody may be told before.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn answer(
        &self,
        call: CallId,
        record: AnswerRecord,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        self.push_and_wait(Entry::Answer(call, record))
    }

    /// Records that a user came into scope; on disk before anything that is recorded later.
    pub fn scope(&self, record: ScopeRecord) {
        self.shared
            .queue
            .push(|state| state.push(Entry::Scope(record), None));
    }

    /// Records a text that the script came to require; on disk before anything that is recorded later.
    pub fn source(&self, source: SourceText) {
        self.shared
            .queue
            .push(|state| state.push(Entry::Source(source), None));
    }

    /// Records that a connection is opened, by its name, with its settings; on disk before anything that is recorded
    /// later.
    pub fn connection(&self, settings: Field) {
        self.shared
            .queue
            .push(|state| state.push(Entry::Connection(settings), None));
    }

    /// Records that this process goes on with the run; on disk before anything that is recorded later.
    pub fn session(&self, record: SessionRecord) {
        self.shared
            .queue
            .push(|state| state.push(Entry::Session(record), None));
    }

    /// Records what was said between us and the vendor; on disk before anything that is recorded later.
    pub fn exchange(&self, record: ExchangeRecord) {
        self.shared
            .queue
            .push(|state| state.push(Entry::Exchange(record), None));
    }

    /// Records a line of the log; on disk before anything that is recorded later.
    pub fn log(&self, record: LogRecord) {
        self.shared
            .queue
            .push(|state| state.push(Entry::Log(record), None));
    }

    /// Records the end of the run, and brings everything into the one file; on disk when the future resolves.
    ///
    /// # Errors
    /// If it, or anything recorded before, cannot be written.
    pub fn finish(&self, record: EndRecord) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        self.push_and_wait(Entry::End(record))
    }

    fn push_and_wait(&self, entry: Entry) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        let (told, waiter) = oneshot::channel();
        self.shared.queue.push(|state| state.push(entry, Some(told)));
        self.durable(waiter)
    }

    fn durable(
        &self,
        waiter: oneshot::Receiver<Result<(), JournalError>>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        let path = self.shared.path.clone();
        async move {
            // A writer that is gone without a word has written nothing.
            waiter.await.unwrap_or(Err(JournalError::Closed { path }))
        }
    }
}

impl Drop for Shared {
    /// Waits for the writer: once a journal is dropped, its file is complete and its lock is free.
    fn drop(&mut self) {
        self.queue.close();
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A writer that panicked has told everybody by dropping their waiters.
            let _ = thread.join();
        }
    }
}
