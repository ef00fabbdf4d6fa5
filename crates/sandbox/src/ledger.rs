//! What reached the sandbox and what came of it, kept by the server alone: the witness that tests ask instead of
//! the client under test.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;

use crate::finesse::{AsyncError, State};

mod feed;
mod sessions;

pub use feed::FeedRecord;
use sessions::Sessions;
pub(crate) use sessions::ZapPart;
pub use sessions::{Tokens, ZapSessions};

/// How many requests, effects and unapplied changes are kept, each; older ones are dropped, counters never.
pub const KEPT: usize = 100_000;
/// How many bytes of a request's body are kept.
const BODY_KEPT: usize = 512;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When its body had been read, since the start of the sandbox.
    pub at: Duration,
    /// The number of the node that it reached, from 0.
    pub node: usize,
    /// The method.
    pub method: Method,
    /// The path as sent, without the query.
    pub path: String,
    /// The query as sent, without `?`.
    pub query: Option<String>,
    /// The user name of its Basic credentials, whether or not they were right; or whose token or key it carried, which is
    /// not kept.
    pub actor: Option<String>,
    /// What its body is said to be, without parameters; empty if nothing is said.
    pub content_type: String,
    /// Its `requestId` header.
    pub request_id: Option<String>,
    /// The first 512 bytes of its body.
    pub body: String,
    /// How it ended.
    pub end: End,
    /// The fault that hit it, by name.
    pub fault: Option<&'static str>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Not yet.
    Open,
    /// With an answer of this status; a fault may have spoilt its body.
    Answered(u16),
    /// With a connection reset instead of an answer.
    Reset,
    /// The client gave up before there was an answer.
    Abandoned,
}

/// A change of a user's state that took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// When, since the start of the sandbox.
    pub at: Duration,
    /// Whose.
    pub user: Arc<str>,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// What brought it about.
    pub cause: Cause,
}

/// What brought an effect about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A request.
    Request {
        /// Whose.
        actor: Arc<str>,
        /// Its `requestId` header.
        request_id: Option<Arc<str>>,
    },
    /// A call that began, ended, or was wrapped up.
    Call,
    /// His session of notifications ended, and none came in its place.
    PresenceLost,
    /// The test, through the sandbox's own API.
    Test,
}

/// A change that was accepted and not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unapplied {
    /// When it would have been applied, since the start of the sandbox.
    pub at: Duration,
    /// Whose state it was to change.
    pub user: Arc<str>,
    /// To what: a state, or `LOGIN`.
    pub to: &'static str,
    /// What the notification feed says about it; `None` if the fault `never_apply` swallowed it.
    pub error: Option<AsyncError>,
    /// The `requestId` header of the request.
    pub request_id: Option<Arc<str>>,
}

/// How often a user's logout, or his sign-out from a desk, a device or a web session, was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Logouts {
    /// Requests that got as far as the simulated service, whatever it made of them.
    pub requested: u32,
    /// Those that it accepted, whether or not the answer arrived.
    pub accepted: u32,
    /// How often he went to LOGOUT, for whatever reason, how often a desk's phone let go of him, or how often a session
    /// or key of his ended that was there.
    pub applied: u32,
}

/// A handle to the records; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Records>>);

impl Ledger {
    /// The latest [`KEPT`] requests, in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.records().requests.iter().cloned().collect()
    }

    /// The latest [`KEPT`] effects, in order.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.records().effects.iter().cloned().collect()
    }

    /// The latest [`KEPT`] changes that were accepted and not applied, in order.
    #[must_use]
    pub fn unapplied(&self) -> Vec<Unapplied> {
        self.records().unapplied.iter().cloned().collect()
    }

    /// The effects on one user.
    #[must_use]
    pub fn effects_on(&self, user: &str) -> Vec<Effect> {
        let records = self.records();
        let on_him = records.effects.iter().filter(|effect| &*effect.user == user);
        on_him.cloned().collect()
    }

    /// How often his logout was asked for, accepted and applied.
    #[must_use]
    pub fn logouts_of(&self, user: &str) -> Logouts {
        self.records().logouts.get(user).copied().unwrap_or_default()
    }

    /// How often his sign-out from a desk of Hotdesk was asked for, accepted and applied.
    #[must_use]
    pub fn sign_outs_of(&self, user: &str) -> Logouts {
        self.records().sign_outs.get(user).copied().unwrap_or_default()
    }

    /// How many requests with this method, or any if it is empty, had a path that starts like this.
    #[must_use]
    pub fn count(&self, method: &str, path_prefix: &str) -> usize {
        self.count_where(|request| {
            (method.is_empty() || request.method.as_str() == method) && request.path.starts_with(path_prefix)
        })
    }

    /// How many requests are like this.
    #[must_use]
    pub fn count_where(&self, like: impl Fn(&Request) -> bool) -> usize {
        self.records()
            .requests
            .iter()
            .filter(|request| like(request))
            .count()
    }

    /// The highest number of requests like this that came within any span of this length.
    #[must_use]
    pub fn busiest(&self, span: Duration, like: impl Fn(&Request) -> bool) -> usize {
        let records = self.records();
        let mut recent = VecDeque::new();
        let mut most = 0;
        for request in records.requests.iter().filter(|request| like(request)) {
            recent.push_back(request.at);
            while recent
                .front()
                .is_some_and(|&first| request.at.saturating_sub(first) >= span)
            {
                recent.pop_front();
            }
            most = most.max(recent.len());
        }
        most
    }

    /// The highest number of requests that were being answered at the same time.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.records().most_at_once
    }

    /// How many connections clients have opened.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.records().connections
    }

    /// Forgets everything so far; requests that are being answered are not recorded any more.
    pub fn clear(&self) {
        let mut records = self.records();
        let begun = records.begun;
        let at_once = records.at_once;
        let open = records.feed.open;
        *records = Records {
            feed: FeedRecord {
                open,
                most_open: open,
                ..FeedRecord::default()
            },
            begun,
            at_once,
            most_at_once: at_once,
            ..Records::default()
        };
    }

    /// Records a request that has arrived; how it ends is told to the ticket.
    pub(crate) fn begin(&self, mut request: Request) -> Ticket {
        if request.body.len() > BODY_KEPT {
            request.body.truncate(request.body.floor_char_boundary(BODY_KEPT));
        }
        let mut records = self.records();
        let number = records.begun;
        records.begun += 1;
        records.at_once += 1;
        records.most_at_once = records.most_at_once.max(records.at_once);
        keep(&mut records.requests, request);
        drop(records);
        Ticket {
            ledger: self.clone(),
            number,
            end: End::Abandoned,
            fault: None,
        }
    }

    pub(crate) fn connected(&self) {
        self.records().connections += 1;
    }

    pub(crate) fn logout_requested(&self, user: &Arc<str>, accepted: bool) {
        let mut records = self.records();
        let logouts = records.logouts.entry(Arc::clone(user)).or_default();
        logouts.requested += 1;
        logouts.accepted += u32::from(accepted);
    }

    pub(crate) fn sign_out_requested(&self, user: &Arc<str>, accepted: bool) {
        let mut records = self.records();
        let sign_outs = records.sign_outs.entry(Arc::clone(user)).or_default();
        sign_outs.requested += 1;
        sign_outs.accepted += u32::from(accepted);
    }

    pub(crate) fn signed_out(&self, user: &Arc<str>) {
        let mut records = self.records();
        records.sign_outs.entry(Arc::clone(user)).or_default().applied += 1;
    }

    pub(crate) fn effect(&self, effect: Effect) {
        let mut records = self.records();
        if effect.to == State::Logout {
            records
                .logouts
                .entry(Arc::clone(&effect.user))
                .or_default()
                .applied += 1;
        }
        keep(&mut records.effects, effect);
    }

    pub(crate) fn not_applied(&self, unapplied: Unapplied) {
        keep(&mut self.records().unapplied, unapplied);
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered. Dropped without a word, it was abandoned by the client.
#[derive(Debug)]
pub(crate) struct Ticket {
    ledger: Ledger,
    number: u64,
    end: End,
    fault: Option<&'static str>,
}

impl Ticket {
    pub(crate) fn fault(&mut self, name: &'static str) {
        self.fault = Some(name);
    }

    pub(crate) fn end(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut records = self.ledger.records();
        records.at_once -= 1;
        let after = usize::try_from(records.begun - self.number).unwrap_or(usize::MAX);
        let Some(index) = records.requests.len().checked_sub(after) else {
            return;
        };
        if let Some(request) = records.requests.get_mut(index) {
            request.end = self.end;
            request.fault = self.fault;
        }
    }
}

#[derive(Debug, Default)]
struct Records {
    requests: VecDeque<Request>,
    effects: VecDeque<Effect>,
    unapplied: VecDeque<Unapplied>,
    logouts: HashMap<Arc<str>, Logouts>,
    sign_outs: HashMap<Arc<str>, Logouts>,
    sessions: Sessions,
    feed: FeedRecord,
    begun: u64,
    at_once: usize,
    most_at_once: usize,
    connections: u64,
}

fn keep<T>(records: &mut VecDeque<T>, record: T) {
    if records.len() >= KEPT {
        records.pop_front();
    }
    records.push_back(record);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;

    use super::{End, Ledger, Request};

    fn request(at_ms: u64, path: &str) -> Request {
        Request {
            at: Duration::from_millis(at_ms),
            node: 0,
            method: Method::GET,
            path: path.to_owned(),
            query: None,
            actor: None,
            content_type: String::new(),
            request_id: None,
            body: "ä".repeat(600),
            end: End::Open,
            fault: None,
        }
    }

    #[test]
    fn finds_the_busiest_span() {
        let ledger = Ledger::default();
        for at in [0, 1000, 1400, 1900, 2000, 4000] {
            ledger.begin(request(at, "/team"));
            ledger.begin(request(at, "/user"));
        }
        let busiest =
            |ms, path: &str| ledger.busiest(Duration::from_millis(ms), |request| request.path == path);
        assert_eq!(busiest(1000, "/team"), 3);
        assert_eq!(busiest(1001, "/team"), 4);
        assert_eq!(busiest(1, "/user"), 1);
        assert_eq!(busiest(1000, "/"), 0);
    }

    #[test]
    fn knows_how_each_request_ended() {
        let ledger = Ledger::default();
        let forgotten = ledger.begin(request(0, "/0"));
        ledger.clear();
        let (mut first, second) = (ledger.begin(request(1, "/1")), ledger.begin(request(2, "/2")));
        assert_eq!(ledger.most_at_once(), 3);
        forgotten.end(End::Answered(200));
        second.end(End::Answered(202));
        first.fault("hang_after");
        drop(first);
        let ends: Vec<_> = ledger
            .requests()
            .into_iter()
            .map(|request| (request.path, request.end, request.fault, request.body.len()))
            .collect();
        assert_eq!(
            ends,
            [
                ("/1".to_owned(), End::Abandoned, Some("hang_after"), 512),
                ("/2".to_owned(), End::Answered(202), None, 512),
            ]
        );
    }
}
