//! What a script or a command asks of a run, and what it gets.

use std::fmt;
use std::sync::Arc;

use signoff_core::{ConfirmedBy, Field, Outcome, Record, User};

use crate::journal::JournalError;

/// Where a host call stands in the execution of a workflow: the path of fan-out item keys, and its number within
/// its task. The same on every execution, so results are found again by it. `3`, `2[1001]1`, `2[1001]4[x]1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(pub Arc<str>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One provider operation, as a script or a command asks for it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where it stands.
    pub place: Place,
    /// `FILE:LINE` of the call, for messages; empty for a command.
    pub source: String,
    /// The name of a connection.
    pub connection: String,
    /// The name of the credential to act as; `None`: the connection's own.
    pub credential: Option<String>,
    /// The operation.
    pub operation: String,
    /// Whom it is about.
    pub user: Option<User>,
    /// Options as they were written; checked against the descriptor by the run.
    pub arguments: Vec<Field>,
    /// Whether it is one of several: then the acting user is not its sole target.
    pub in_fan_out: bool,
}

/// What an operation gives.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Of an operation that acts, and of any that did not succeed.
    Outcome(Arc<OutcomeRow>),
    /// Of an operation that reads one record.
    Record(Record),
    /// Of an operation that reads many.
    Records(Arc<Vec<Record>>),
}

/// One outcome, with everything that reports say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeRow {
    /// The run's id.
    pub run: String,
    /// The connection's name; `None` where the script named none.
    pub connection: Option<String>,
    /// The provider's id.
    pub provider: Option<String>,
    /// The operation; `None` where none was tried.
    pub operation: Option<String>,
    /// The user's id.
    pub user: String,
    /// His display name.
    pub name: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// How a `done` is known.
    pub confirmed_by: Option<ConfirmedBy>,
    /// How often a write was sent.
    pub attempts: u32,
    /// Whether a write was sent again after one that may have been processed.
    pub repeated: bool,
    /// Of the last answer to a write; of the last answer to a read where nothing was written.
    pub http_status: Option<u16>,
    /// The vendor's code, or ours.
    pub code: Option<String>,
    /// The vendor's message, or ours.
    pub message: Option<String>,
    /// The vendor's id of the request, or the one it was sent under.
    pub request_id: Option<String>,
    /// When it began, in Unix milliseconds.
    pub started_ms: i64,
    /// When it ended, in Unix milliseconds.
    pub ended_ms: i64,
    /// What is the provider's own.
    pub details: Vec<Field>,
    /// Why nobody could be tried, if so; for the exit code.
    pub cause: Option<Cause>,
}

impl OutcomeRow {
    /// A row that says nothing but what became of whom.
    #[must_use]
    pub fn of(run: impl Into<String>, user: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            run: run.into(),
            connection: None,
            provider: None,
            operation: None,
            user: user.into(),
            name: None,
            outcome,
            confirmed_by: None,
            attempts: 0,
            repeated: false,
            http_status: None,
            code: None,
            message: None,
            request_id: None,
            started_ms: 0,
            ended_ms: 0,
            details: Vec::new(),
            cause: None,
        }
    }
}

/// Why a user could not be tried, where the reason lies with all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The credential is refused.
    Credential,
    /// The credential has become no token, and nobody has refused it.
    Login,
    /// The vendor cannot be reached.
    Unreachable,
    /// The vendor's answer to the question who is there cannot be used.
    Unreadable,
}

/// Why a call gave no answer: never because of something that happened at the vendor's.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The script or the command line is at fault.
    #[error("{message}")]
    Misuse {
        /// What is wrong.
        message: String,
        /// What to do about it; may be empty.
        hint: String,
    },
    /// The run is being stopped; the script is to unwind without a word.
    #[error("the run was stopped")]
    Stopped,
    /// The journal cannot be written, so nothing more may be sent; the run ends.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The plugin or the host is at fault; the run ends.
    #[error("{0}")]
    Fault(String),
}

impl CallError {
    /// Two users have one key, on a connection where a logout ends the sessions of whoever owns the key.
    #[must_use]
    pub fn shared_key(user: &str, attribute: &str, other: &str) -> Self {
        Self::Misuse {
            message: format!(
                "`{user}` has the same `{attribute}` as `{other}`, and a logout ends the sessions of whoever owns it: one of \
                 the two is not who would be logged out"
            ),
            hint: "give each user the key that is his own".to_owned(),
        }
    }
}
