//! What is asked of the queue, and what it answers.

use std::fmt;
use std::sync::Arc;

use signoff_core::Monotonic;

use super::failover::Departure;
use crate::json;

/// Someone asks for his turn.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// The number of his operation; the lowest comes first.
    pub(super) order: u64,
    pub(super) write: bool,
    /// Whether the answer proves the credential.
    pub(super) proof: bool,
    /// The name of the credential that goes with it.
    pub(super) credential: Option<Arc<str>>,
    /// If his turn comes later than this, he does not want it any more.
    pub(super) not_after: Monotonic,
    /// He does not want it sooner than this.
    pub(super) earliest: Monotonic,
    /// Whether it was sent before, and needs budget.
    pub(super) retry: bool,
    /// Where it was sent last: it needs none if it goes elsewhere, for there it is no retry.
    pub(super) tried: Option<Departure>,
}

/// What became of someone's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has come; he holds a slot. `alone`: his answer is waited for by all who use his credential.
    Go { alone: bool },
    /// It came too late.
    Expired,
    /// The run is being stopped.
    Stopped,
    /// His credential is refused; why.
    Refused(Arc<str>),
    /// Nobody was ever reached, and somebody else has just tried again.
    Unreachable(Unreachable),
    /// The vendor has served nobody for so long that retries are pointless.
    GivenUp,
}

/// How a vendor could not be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreachable {
    /// For a person: what is wrong and what to do about it.
    pub(super) message: Arc<str>,
}

/// What a connection is doing, for the progress display.
#[derive(Debug, Clone, PartialEq)]
pub struct DispatchStatus {
    /// How many requests are under way.
    pub in_flight: u32,
    /// How many wait for their turn.
    pub waiting: usize,
    /// Until when nothing is sent: the vendor asked for a pause, or was tried and not reached.
    pub held_until: Option<Monotonic>,
    /// Why requests wait, if they do and the reason is worth showing.
    pub reason: Option<WaitReason>,
    /// How many requests have left.
    pub sent: u64,
    /// Requests a second at most; `None`: no limit.
    pub rate: Option<f64>,
    /// Requests under way at most; shrinks when the vendor has too much to do.
    pub concurrency: u32,
    /// The endpoints that do not use their first origin; usually none.
    pub failed_over: Vec<FailedOver>,
    /// How many connections were opened for the requests that have left; each may have served many.
    pub connections: u64,
}

/// An endpoint that does not use its first origin, because that failed. Displays as a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedOver {
    /// `https://host:port`, the origin in use.
    pub origin: Arc<str>,
    /// Since when, in Unix milliseconds.
    pub since_unix_ms: i64,
    /// What is wrong with the first origin, which it names.
    pub reason: Option<Arc<str>>,
}

impl fmt::Display for FailedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = json::timestamp(self.since_unix_ms);
        let time = since.get(11..19).unwrap_or(&since);
        write!(f, "using `{}` since {time} UTC", self.origin)
    }
}

/// Why requests wait; the most important reason if there are several. Displays as a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// The vendor asked for a pause.
    PauseAsked,
    /// The vendor has not accepted the credential yet.
    CredentialUnproven,
    /// An answer spoke against the credential; the proof is under way.
    CredentialDoubted,
    /// Nobody was ever reached.
    Unreachable,
    /// Retries wait for the budget.
    Recovering,
    /// The vendor has too much to do, so fewer requests are under way than configured.
    Overloaded,
    /// As many requests are under way as configured.
    Concurrency,
    /// As many requests were sent as configured.
    Rate,
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PauseAsked => "the vendor asked for a pause",
            Self::CredentialUnproven => "the credential is being tried",
            Self::CredentialDoubted => "the credential is being checked again",
            Self::Unreachable => "the vendor cannot be reached",
            Self::Recovering => "retries are spread out",
            Self::Overloaded => "the vendor is overloaded",
            Self::Concurrency => "all slots are taken",
            Self::Rate => "the rate limit",
        })
    }
}
