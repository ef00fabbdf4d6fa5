//! What dispatch gives back for a request, and what it tells the journal of a write.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use signoff_core::{Class, Failure, FailureKind, InDoubt, Monotonic, RequestId, Response, Sent};

use crate::credential::CredentialError;

/// What became of a request. Cheap to clone: a thousand operations may share one answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// The vendor answered; after the last attempt also that it is out of service.
    Response(Delivered),
    /// No answer came that could be used.
    Failure(Failed),
    /// A write was held back: this is a plan.
    Held,
    /// The credential is refused, and nothing was sent with it.
    CredentialStopped {
        /// `credential_stopped`.
        code: &'static str,
        /// Which credential, and how the vendor refused it.
        message: Arc<str>,
        /// Whether the vendor did; else no token could be had for another reason, which the message tells.
        refused: bool,
    },
    /// The run is being stopped, and nothing was sent.
    Stopped,
}

impl Delivery {
    pub(super) const fn credential_stopped(message: Arc<str>, refused: bool) -> Self {
        Self::CredentialStopped {
            code: "credential_stopped",
            message,
            refused,
        }
    }
}

/// An answer, whatever its status.
#[derive(Clone, PartialEq)]
pub struct Delivered {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Arc<[(String, String)]>,
    /// Untrusted, bounded by the request's cap.
    pub body: Bytes,
    /// What the provider takes it for; [`Class::Other`] where he takes it for the end of a token that is good, which it says
    /// of the request alone.
    pub class: Class,
    /// When the request left.
    pub sent: Monotonic,
    /// The same by the vendor's clock, in Unix milliseconds.
    pub sent_unix_ms: i64,
    /// When no attempt of this request can be under way any longer.
    pub settled_at: Monotonic,
    /// How often the request was sent, this time included.
    pub attempts: u32,
}

/// Without what the vendor sent: the answer to a login is a token.
impl fmt::Debug for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivered")
            .field("status", &self.status)
            .field("class", &self.class)
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl Delivered {
    /// As an operation wants it.
    #[must_use]
    pub fn as_response(&self, request: RequestId) -> Response<'_> {
        Response {
            request,
            status: self.status,
            headers: &self.headers,
            body: &self.body,
            sent: self.sent,
            sent_unix_ms: self.sent_unix_ms,
            settled_at: self.settled_at,
        }
    }
}

/// A request to which no answer came that could be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Whether the vendor may have acted on it.
    pub sent: Sent,
    /// What went wrong.
    pub kind: FailureKind,
    /// For a person: what is wrong and what to do about it; names the origin, no secret.
    pub message: Arc<str>,
    /// When it left, by the vendor's clock, in Unix milliseconds; of no meaning if it was not sent.
    pub sent_unix_ms: i64,
    /// When no attempt of this request can be under way any longer.
    pub settled_at: Monotonic,
    /// How often it was tried; 0 if its turn never came.
    pub attempts: u32,
}

impl Failed {
    /// As an operation wants it.
    #[must_use]
    pub fn as_failure(&self, request: RequestId) -> Failure<'_> {
        Failure {
            request,
            sent: self.sent,
            kind: self.kind,
            message: &self.message,
            sent_unix_ms: self.sent_unix_ms,
            settled_at: self.settled_at,
        }
    }
}

/// Why a request could not be dispatched at all: the configuration, the plugin or this host is at fault, never the
/// vendor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DispatchError {
    /// The credential cannot be used.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The request names a credential, and the operation runs without one.
    #[error("connection `{connection}` has no credential, and its provider wants one")]
    NoCredential {
        /// The connection's name.
        connection: Arc<str>,
    },
    /// The request goes to an endpoint that is not configured.
    #[error("connection `{connection}` has no endpoint `{endpoint}`")]
    NoEndpoint {
        /// The connection's name.
        connection: Arc<str>,
        /// The key in the configuration.
        endpoint: String,
    },
    /// The provider asked for something that is no request.
    #[error("the provider of connection `{connection}` asked for an impossible request: {problem}")]
    BadRequest {
        /// The connection's name.
        connection: Arc<str>,
        /// What is wrong with it.
        problem: String,
    },
    /// A write came from an operation that has no journal.
    #[error("an operation of connection `{connection}` that may not write asked for a write")]
    Unjournaled {
        /// The connection's name.
        connection: Arc<str>,
    },
    /// The journal failed; nothing may be written any more.
    #[error("{0}")]
    Journal(Arc<str>),
    /// The host itself is at fault.
    #[error("{0}")]
    Fault(Arc<str>),
}

impl DispatchError {
    /// What to do about it; may be empty.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::Credential(error) => error.hint(),
            Self::NoCredential { .. } => "give the connection a `credential`, or the command `--as`",
            Self::NoEndpoint { .. } => "add its URL to the connection",
            _ => "",
        }
    }
}

/// Tells what an answer means; a provider, behind the C table. Must not block.
pub trait Classify: Send + Sync {
    /// What it means for retries, limits and credentials.
    fn classify(&self, response: &Response<'_>) -> Class;
}

/// Where the writes of one operation are journaled.
pub trait WriteLog: Send + Sync {
    /// Puts on disk that a write is about to leave, and gives the number under which its result is to follow.
    ///
    /// # Errors
    /// [`DispatchError::Journal`]; the write then does not leave.
    fn intent<'a>(&'a self, intent: Intent<'a>) -> BoxFuture<'a, Result<u64, DispatchError>>;

    /// Puts on disk what became of it.
    ///
    /// # Errors
    /// [`DispatchError::Journal`].
    fn result(&self, intent: u64, disposition: Disposition) -> BoxFuture<'_, Result<(), DispatchError>>;
}

/// A write is about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent<'a> {
    /// Which write of the operation.
    pub part: &'a str,
    /// What holds if nothing comes back.
    pub in_doubt: InDoubt,
    /// Which attempt, from 1. An operation that asks for the same part again goes on counting if the turn of its earlier
    /// request came too late, and else begins anew.
    pub attempt: u32,
    /// The id under which the vendor is told of it.
    pub request_id: Option<&'a str>,
    /// Now, in Unix milliseconds.
    pub at_unix_ms: i64,
    /// The vendor's clock minus ours, in milliseconds; `None`: not known yet.
    pub server_offset_ms: Option<i64>,
    /// How long it may be under way from now on.
    pub under_way: Duration,
}

/// What became of a write, as far as dispatch can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It never left.
    NotSent,
    /// The answer proves that it was not processed.
    NotProcessed {
        /// The HTTP status.
        status: u16,
    },
    /// It was answered.
    Answered {
        /// The HTTP status.
        status: u16,
    },
    /// It left, and no usable answer came: it remains in doubt.
    MaybeSent,
}
