//! What became of one operation on one user: the words every report, script and exit code is built from.

use std::fmt;
use std::str::FromStr;

/// What became of one operation on one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Logged out by this run; [`ConfirmedBy`] says how we know.
    Done,
    /// A read of the state showed him logged out before we acted.
    Already,
    /// Exempt, the acting user, not in the plan, or left out by the script.
    Skipped,
    /// Held back by a plan.
    Planned,
    /// The vendor queued it; nothing confirmed it in time.
    Accepted,
    /// Takes effect when the current call ends.
    Pending,
    /// Left alone: still on a call when the wait ended; nothing was sent.
    Busy,
    /// The vendor says no for this user.
    Refused,
    /// The vendor does not know him.
    NotFound,
    /// The actor may not do this, or its credential is refused.
    Denied,
    /// Not applied, as far as can be known.
    Failed,
    /// Sent, not answered, could not be checked.
    Unknown,
    /// Not tried: the run, or its credential, was stopped.
    Cancelled,
}

impl Outcome {
    /// Every outcome, in the order reports show them.
    pub const ALL: [Self; 13] = [
        Self::Done,
        Self::Already,
        Self::Skipped,
        Self::Planned,
        Self::Accepted,
        Self::Pending,
        Self::Busy,
        Self::Refused,
        Self::NotFound,
        Self::Denied,
        Self::Failed,
        Self::Unknown,
        Self::Cancelled,
    ];

    /// The name in reports, scripts and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Already => "already",
            Self::Skipped => "skipped",
            Self::Planned => "planned",
            Self::Accepted => "accepted",
            Self::Pending => "pending",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the user is known to be logged out.
    #[must_use]
    pub const fn is_out(self) -> bool {
        matches!(self, Self::Done | Self::Already)
    }
}

/// How a [`Outcome::Done`] is known to be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfirmedBy {
    /// The vendor's answer to the write itself is proof.
    Response,
    /// A later read showed the state.
    Status,
    /// The vendor's own notification said so.
    Event,
}

impl ConfirmedBy {
    /// Every way, in the order of the C header.
    pub const ALL: [Self; 3] = [Self::Response, Self::Status, Self::Event];

    /// The name in reports, scripts and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Status => "status",
            Self::Event => "event",
        }
    }
}

/// A text that names no member of the set it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known name")]
pub struct UnknownName(pub String);

macro_rules! named {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL
                    .into_iter()
                    .find(|one| one.name() == text)
                    .ok_or_else(|| UnknownName(text.to_owned()))
            }
        }
    };
}
named!(Outcome);
named!(ConfirmedBy);
