//! Where journals lie: a folder that nobody else may enter, and a lock that tells a run that is being written.
//!
//! The lock is the operating system's, on a file beside the journal, and is gone with the process, however that
//! ends. It is not on the journal itself: closing any handle on that would drop SQLite's own locks.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::JournalError;
use crate::platform::{network_file_system, private_file, private_folder};

/// Held for as long as a journal may be written.
#[derive(Debug)]
pub(super) struct WriteLock {
    _file: File,
}

impl WriteLock {
    /// Takes the lock of a journal.
    pub(super) fn take(journal: &Path) -> Result<Self, JournalError> {
        let path = journal.with_extension("lock");
        let failed = |error: io::Error| JournalError::of_system(&path, &error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = private_file(&mut options).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Locked {
                    path: journal.to_owned(),
                    by: holder(file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "process {}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// The process that holds the lock of a journal, as far as it says who it is; `None`: nobody.
pub(super) fn writer(journal: &Path) -> Option<Option<String>> {
    let file = File::open(journal.with_extension("lock")).ok()?;
    let is_locked = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    is_locked.then(|| holder(file))
}

/// What the holder of a lock wrote there. It is only for messages; without it they say less.
fn holder(file: File) -> Option<String> {
    let mut by = String::new();
    file.take(100).read_to_string(&mut by).ok()?;
    Some(by.trim().to_owned()).filter(|by| !by.is_empty())
}

/// Makes the folder with its parents, for its owner alone.
pub(super) fn make(folder: &Path) -> Result<(), JournalError> {
    let failed = |error: io::Error| match error.kind() {
        // Of a parent that cannot be there, such as a file in its place.
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => JournalError::ReadOnly {
            path: folder.to_owned(),
            reason: "a file is in the way".to_owned(),
        },
        // Not even as root can a folder be made everywhere, `/proc` for one.
        io::ErrorKind::NotFound => JournalError::ReadOnly {
            path: folder.to_owned(),
            reason: "the folder cannot be made".to_owned(),
        },
        _ => JournalError::of_system(folder, &error),
    };
    private_folder(folder).map_err(failed)?;
    // SQLite's write-ahead log needs memory that all processes share, which no network file system gives.
    match network_file_system(folder) {
        None => Ok(()),
        Some(kind) => Err(JournalError::Network {
            path: folder.to_owned(),
            kind,
        }),
    }
}

/// Writes a small file through to the disk, removes it, and gives the time that the writing took.
pub(super) fn try_write(folder: &Path) -> Result<Duration, JournalError> {
    let path = folder.join(format!(".try-{}", std::process::id()));
    let failed = |error: io::Error| JournalError::of_system(&path, &error);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let mut file = private_file(&mut options).open(&path).map_err(failed)?;
    let began = Instant::now();
    let written = file.write_all(&[0; 512]).and_then(|()| file.sync_data());
    let took = began.elapsed();
    let removed = std::fs::remove_file(&path);
    written.and(removed).map_err(failed)?;
    Ok(took)
}

/// Removes a journal and what lies beside it. What cannot be removed does no harm.
pub(super) fn remove(journal: &Path) {
    for extension in ["sqlite", "sqlite-wal", "sqlite-shm", "lock"] {
        let _ = std::fs::remove_file(journal.with_extension(extension));
    }
}

/// Creates the journal's file, empty, for its owner alone; SQLite gives its companions the same rights.
pub(super) fn create(journal: &Path) -> Result<(), JournalError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    match private_file(&mut options).open(journal) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(JournalError::Exists {
            path: journal.to_owned(),
        }),
        Err(error) => Err(JournalError::of_system(journal, &error)),
    }
}
