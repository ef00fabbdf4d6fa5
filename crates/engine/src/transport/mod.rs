//! One HTTP exchange, behind a narrow trait: everything above it (limits, retries, credentials, the journal)
//! neither knows nor cares which client sends it.

mod connections;
mod http;
mod loopback;
mod proxy;
mod server_clock;
mod stream;
mod tls;

pub use http::HttpTransport;
pub use loopback::is_loopback;
pub use proxy::ProxyVariables;
pub use server_clock::ServerClock;
pub(crate) use stream::{Dialer, Duplex, NoStream};
pub use tls::{SettingsError, TransportSettings};

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use signoff_core::{FailureKind, Sent};

/// Sends one exchange at a time; follows no redirect, repeats nothing, keeps no cookies.
pub trait Transport: Send + Sync + 'static {
    /// Sends it and reads the whole answer, within its time-out and its cap.
    fn send(
        &self,
        exchange: Exchange,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, TransportFailure>> + Send + '_>>;

    /// How many connections it has opened so far; each may have served many exchanges. 0 where that is not known.
    fn connections_opened(&self) -> u64 {
        0
    }
}

/// A request, complete with origin and secrets. Deliberately without `Debug`.
pub struct Exchange {
    /// `GET`, `PUT`, …
    pub method: ::http::Method,
    /// Absolute; its query holds what the provider asked for, and secrets placed there.
    pub url: url::Url,
    /// Those that carry secrets are marked sensitive.
    pub headers: ::http::HeaderMap,
    /// Empty for none.
    pub body: Bytes,
    /// Of the whole exchange, from connecting to the last byte.
    pub timeout: Duration,
    /// Bytes of body beyond which the answer is given up.
    pub answer_cap: u64,
    /// Is told the HTTP status as soon as it has come, while the body may still be under way. Must not block.
    pub on_status: Option<OnStatus>,
}

/// Is told an HTTP status.
pub type OnStatus = Box<dyn Fn(u16) + Send + Sync>;

/// A complete answer, whatever its status.
#[derive(Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, in the order of the wire; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// Not longer than the cap.
    pub body: Bytes,
}

/// Without what the vendor sent: the answer to a login is a token.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// No answer that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransportFailure {
    /// Whether the vendor may have acted on it.
    pub sent: Sent,
    /// What went wrong.
    pub kind: FailureKind,
    /// For a person: names the origin and the cause, no secret, no query.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// Whether all that is wrong is a certificate whose issuer is not known here.
    pub untrusted: bool,
}
