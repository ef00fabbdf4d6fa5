//! Why a journal cannot be written or read, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::platform::free_bytes;

/// A journal that cannot be written or read. After one of these nothing is acknowledged any more: every later call
/// on the same journal gives it again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// There is no room.
    #[error("no space is left for the journal: {}", .path.display())]
    Full {
        /// The journal.
        path: PathBuf,
    },
    /// It may not be written.
    #[error("the journal cannot be written: {}: {reason}", .path.display())]
    ReadOnly {
        /// The journal, or its folder.
        path: PathBuf,
        /// In the words of the system.
        reason: String,
    },
    /// Another process writes it.
    #[error("the run is being written by another process{}: {}", .by.as_deref().map(|by| format!(" ({by})")).unwrap_or_default(), .path.display())]
    Locked {
        /// The journal.
        path: PathBuf,
        /// Who says to be that process.
        by: Option<String>,
    },
    /// There is none.
    #[error("there is no journal: {}", .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is one already, and a new run never writes into an old one.
    #[error("the journal exists already: {}", .path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("not a journal of signoff: {}", .path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A later version of signoff wrote it.
    #[error("the journal has format {found}, and this signoff reads {known}: {}", .path.display())]
    TooNew {
        /// The journal.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that is known here.
        known: i64,
    },
    /// Its folder is on a network file system, where SQLite cannot keep its promises.
    #[error("journals cannot be kept on a network file system ({kind}): {}", .path.display())]
    Network {
        /// The folder.
        path: PathBuf,
        /// `NFS`, `SMB`, …
        kind: &'static str,
    },
    /// The id of the run is no name of a file.
    #[error("`{run}` cannot name a run")]
    BadId {
        /// The id.
        run: String,
    },
    /// It holds something that was never written by signoff, or is damaged.
    #[error("the journal is damaged: {}: {reason}", .path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The disk, or the system, fails.
    #[error("the journal cannot be written or read: {}: {reason}", .path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// In the words of the system.
        reason: String,
    },
    /// It was finished, or its writer is gone.
    #[error("the journal is closed: {}", .path.display())]
    Closed {
        /// Which.
        path: PathBuf,
    },
}

impl JournalError {
    /// What to do about it; may be empty.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Full { .. } => "make room, or name another folder with `--state DIR`",
            Self::ReadOnly { .. } => {
                "give yourself the right to write there, or name another folder with `--state DIR`"
            }
            Self::Locked { .. } => "wait for that process, or stop it",
            Self::Missing { .. } | Self::NotAJournal { .. } => {
                "name the run by its id, and its folder with `--state DIR`"
            }
            Self::Exists { .. } => "begin the run again: it gets another id",
            Self::TooNew { .. } => "use the version of signoff that wrote it, or a later one",
            Self::Damaged { .. } => "restore it from a copy, or begin a new run",
            Self::Io { .. } => "look at the disk; a folder on a local disk can be named with `--state DIR`",
            Self::Network { .. } => "name a folder on a local disk with `--state DIR`",
            Self::BadId { .. } => "an id has letters, digits, `-` and `_`",
            Self::Closed { .. } => "",
        }
    }

    pub(super) fn of_system(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        let reason = error.to_string();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path, reason }
            }
            io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Io { path, reason },
        }
    }

    pub(super) fn of_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly { path, reason }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path, by: None },
            Some(ErrorCode::NotADatabase) => Self::NotAJournal { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation) => {
                Self::Damaged { path, reason }
            }
            // Where memory that processes share cannot grow, SQLite does not say that the disk is full.
            Some(ErrorCode::SystemIoFailure) if is_full(&path) => Self::Full { path },
            _ => Self::Io { path, reason },
        }
    }
}

/// Whether the disk under a journal has less room than one step of the memory that processes share, 32 KiB, and a page.
fn is_full(journal: &Path) -> bool {
    let folder = journal.parent().unwrap_or(journal);
    free_bytes(folder).is_some_and(|free| free < 36 << 10)
}
