//! What a run tells those who watch it: one stream, from which the human view, JSON lines and tests all read.
//!
//! An outcome is told only after it is on disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use signoff_core::{Field, Outcome};

use crate::call::{Cause, OutcomeRow};

/// Receives the events of a run, in order, on the engine's thread; must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Something happened in a run.
#[derive(Debug, Clone)]
pub enum Event {
    /// It begins.
    Started {
        /// Its id.
        run: String,
        /// The script's name, or the command.
        workflow: String,
        /// Whether every effect is held back.
        plan: bool,
    },
    /// A user came into scope.
    Entered {
        /// How many there are now.
        total: u64,
    },
    /// An operation that acts has ended.
    Outcome(Arc<OutcomeRow>),
    /// The script, or the engine, has something to say.
    Log {
        /// How grave it is.
        level: Level,
        /// One line; not yet made safe for a terminal.
        text: String,
        /// What goes with it.
        fields: Vec<Field>,
    },
    /// It has ended.
    Finished(Summary),
}

/// How grave a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shown with `-v`.
    Debug,
    /// Worth reading.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// Its name, as scripts have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The run's id.
    pub run: String,
    /// How it ended.
    pub status: Status,
    /// How many users were in scope, each counted once by his last outcome.
    pub total: u64,
    /// How many of each outcome; those that did not occur are absent.
    pub counts: BTreeMap<Outcome, u64>,
    /// From start to end.
    pub elapsed: Duration,
    /// How many are not as they were meant to be: neither out nor skipped, nor accepted where that was enough.
    pub unsatisfied: u64,
    /// How many were not tried, or not to the end, because something stopped.
    pub cancelled: u64,
    /// Whether a list of users could not be read, so that some may be missing.
    pub unread: bool,
    /// Set when nobody could be tried: why.
    pub untried: Option<Cause>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The workflow came to its end.
    Completed,
    /// A limit that was set stopped it.
    Stopped,
    /// A person stopped it.
    Interrupted,
    /// It could not go on.
    Failed,
}
