//! Listening to a vendor: where its notifications come from, and what they say. The extension `signoff.feed/1`.
//!
//! The provider says how to listen and what a notification means; the session (sockets, passwords, subscriptions,
//! reconnecting) is the host's.

use std::time::Duration;

use crate::{CredentialKind, Event};

/// What the host would listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedWish<'a> {
    /// The public name of the credential that would listen.
    pub actor: &'a str,
    /// What kind of credential that is.
    pub actor_kind: CredentialKind,
    /// Whether the configuration names this credential for feeds; else it is the one that acts.
    pub named: bool,
    /// Nobody will listen as this actor: what his scope comes to is all that is wanted.
    pub only_nodes: bool,
    /// Whose events, in the vendor's terms (a team); empty: all that the actor may hear of.
    pub scope: &'a str,
}

/// How to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPlan {
    /// What is spoken.
    pub protocol: FeedProtocol,
    /// The longest that a session may be silent; at least a second.
    pub keep_alive: Duration,
    /// Who logs in, without a domain.
    pub user: String,
    /// Of the users.
    pub domain: String,
    /// The address of the publish-subscribe service.
    pub service: String,
    /// The endpoint on whose hosts the service is.
    pub endpoint: String,
    /// The ways to reach it, tried in order on each host; at least one.
    pub ways: Vec<FeedWay>,
    /// What the scope of the wish comes to.
    pub nodes: Vec<String>,
}

/// What is spoken on a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedProtocol {
    /// RFC 6120 and RFC 7395, SASL PLAIN, publish-subscribe of XEP-0060.
    Xmpp,
}

/// One way to reach the service of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedWay {
    /// How.
    pub transport: FeedTransport,
    /// `None`: that of the endpoint's origin.
    pub port: Option<u16>,
}

/// How a feed is carried; always in TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedTransport {
    /// A stream in TLS from its first byte.
    Tls,
    /// A WebSocket at this path.
    WebSocket(String),
}

/// What was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification<'a> {
    /// Where.
    pub node: &'a str,
    /// The text in the item, unescaped once. Untrusted, at most 1 MiB.
    pub payload: &'a [u8],
}

/// An [`Event`] that lives by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "as in `Event`")]
pub struct FeedEvent {
    pub user: String,
    pub state: String,
    pub pending_state: String,
    pub reason: String,
    pub request_id: String,
    pub error_code: String,
    pub error_message: String,
    pub unix_ms: i64,
    pub error_kind: String,
}

impl FeedEvent {
    /// As an operation is told of it.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        Event {
            user: &self.user,
            state: &self.state,
            pending_state: &self.pending_state,
            reason: &self.reason,
            request_id: &self.request_id,
            error_code: &self.error_code,
            error_message: &self.error_message,
            unix_ms: self.unix_ms,
            error_kind: &self.error_kind,
        }
    }
}

impl From<Event<'_>> for FeedEvent {
    fn from(event: Event<'_>) -> Self {
        Self {
            user: event.user.to_owned(),
            state: event.state.to_owned(),
            pending_state: event.pending_state.to_owned(),
            reason: event.reason.to_owned(),
            request_id: event.request_id.to_owned(),
            error_code: event.error_code.to_owned(),
            error_message: event.error_message.to_owned(),
            unix_ms: event.unix_ms,
            error_kind: event.error_kind.to_owned(),
        }
    }
}
