//! What the host tells a provider: the inputs of an operation.

use std::fmt;

use crate::{Monotonic, RequestId};

/// Something happened that an operation asked about.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// A request was answered.
    Response(Response<'a>),
    /// A request was not answered.
    Failure(Failure<'a>),
    /// A write was held back: this is a plan.
    Held {
        /// Which write.
        request: RequestId,
    },
    /// A feed listens now; events sent from here on arrive.
    Subscribed {
        /// Which wish.
        subscription: RequestId,
    },
    /// A feed that listened is gone; events may have been missed.
    FeedLost {
        /// Which wish.
        subscription: RequestId,
    },
    /// There is no feed, and there will be none.
    FeedRefused {
        /// Which wish.
        subscription: RequestId,
        /// Why, for a person.
        message: &'a str,
    },
    /// The vendor says that something happened.
    Event(Event<'a>),
    /// Come to an end without sending anything more. The host waits for the answers to writes that are under way
    /// before it says so: a write that is still outstanding has not been sent, and will not be.
    Cancel(CancelReason),
}

/// An answer, whatever its status.
#[derive(Clone, Copy, PartialEq)]
pub struct Response<'a> {
    /// Which request.
    pub request: RequestId,
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    /// Untrusted, bounded by the request's cap.
    pub body: &'a [u8],
    /// When the request left, by the host's clock.
    pub sent: Monotonic,
    /// The same by the *vendor's* clock, in Unix milliseconds, as far as its `Date` headers tell.
    pub sent_unix_ms: i64,
    /// When an earlier request of this write can no longer be under way (time-out and settle time of the
    /// connection, counted from its intent).
    pub settled_at: Monotonic,
}

/// Without what the vendor sent: he may quote secrets, and bytes shown as numbers are found by no redactor.
impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("request", &self.request)
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("sent", &self.sent)
            .field("settled_at", &self.settled_at)
            .finish_non_exhaustive()
    }
}

impl Response<'_> {
    /// The first header of that (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A request to which no answer came that a provider could use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Failure<'a> {
    /// Which request.
    pub request: RequestId,
    /// Whether the vendor may have acted on it.
    pub sent: Sent,
    /// What went wrong.
    pub kind: FailureKind,
    /// For a person; names the origin, no secret.
    pub message: &'a str,
    /// When it left, by the vendor's clock, in Unix milliseconds; of no meaning if it was not sent.
    pub sent_unix_ms: i64,
    /// When it can no longer be under way: from then on a read tells the truth.
    pub settled_at: Monotonic,
}

/// Whether a vendor may have acted on a request that was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It never left, or the answer proves that it was not processed.
    NotSent,
    /// It may have been processed.
    MaybeSent,
}

/// Why a request was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection: refused, name not found, bad certificate, connect time-out.
    Unreachable,
    /// No complete answer within the time-out.
    TimedOut,
    /// The connection broke before the answer was complete.
    Broken,
    /// The answer exceeds the cap.
    TooLarge,
    /// The vendor redirects, and vendor requests follow no redirect.
    Redirected,
    /// `not_after` had passed before its turn came.
    Expired,
}

impl FailureKind {
    /// The code in reports, where the vendor said nothing.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Broken => "connection_broken",
            Self::TooLarge => "answer_too_large",
            Self::Redirected => "redirected",
            Self::Expired => "expired",
        }
    }
}

/// A vendor's notification, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Event<'a> {
    /// Whom it is about.
    pub user: &'a str,
    /// The state it tells; empty if none.
    pub state: &'a str,
    /// The state that comes next; empty if none.
    pub pending_state: &'a str,
    /// The reason the vendor gives; empty if none.
    pub reason: &'a str,
    /// The request it answers; empty if none.
    pub request_id: &'a str,
    /// The vendor's code if it tells of an error; empty if not.
    pub error_code: &'a str,
    /// The vendor's words for that error.
    pub error_message: &'a str,
    /// When, by the vendor's clock, in Unix milliseconds; 0 if it does not say.
    pub unix_ms: i64,
    /// What kind of error the vendor calls it.
    pub error_kind: &'a str,
}

/// Why an operation is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// The run was stopped.
    Stopped,
    /// The credential it uses was refused.
    CredentialStopped,
}
