//! A simulated Hotdesk: an invented system for desks that people share, each with a phone to sign in at. Its API is so
//! small that a provider for it is read in ten minutes, as `plugins/hotdesk` is. This is its whole documentation:
//!
//! ```text
//! Every request carries the header `X-Hotdesk-Token`. Answers are lines of UTF-8, each of `key=value` fields with a tab
//! between them. Times are Unix milliseconds.
//!
//! GET  /hotdesk/1/users               200  a line for each user; ?floor=3 and ?signed_in=yes narrow it down
//! GET  /hotdesk/1/users/mara          200  user=mara  state=in  desk=3.14  floor=3  since=1767225600000  name=Mara Lind
//! POST /hotdesk/1/users/mara/sign-out 202  ticket=17
//!
//! state: `in`, `call` (signed in, and on a call) or `out`, since that time.
//!
//! Errors are a line too: error=on_call  message=he is on a call
//!   401 bad_token · 403 read_only_token · 404 no_such_user, no_such_resource · 405 wrong_method
//!   409 on_call, not_signed_in · 500 internal · 503 out_of_service, nothing was done
//! ```
//!
//! A sign-out is taken at once and applied later: the phone at the desk has to let go of him. A phone that is unplugged
//! never does. A sign-out that is sent twice is applied twice, and whoever signed in again between them is out again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::fault::Decision;
use crate::ledger::Ledger;
use crate::service::{Incoming, Later, Service, Trouble};
use crate::settings::HotdeskSettings;

/// A token that may sign people out.
pub const TOKEN: &str = "reception-token";
/// A token that may only look.
pub const READ_ONLY_TOKEN: &str = "wallboard-token";

/// Who may sign in at a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// His id, of any characters.
    pub id: String,
    /// What people call him.
    pub name: String,
    /// The floor he works on.
    pub floor: u32,
    /// How he is at the start.
    pub state: DeskState,
}

/// Whether somebody is signed in at a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeskState {
    /// At his desk.
    In,
    /// At his desk, and on a call.
    Call,
    /// At no desk.
    Out,
}

impl DeskState {
    const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Call => "call",
            Self::Out => "out",
        }
    }
}

impl fmt::Display for DeskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a request is for this service.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(ROOT)
}

/// The simulated service.
#[derive(Debug)]
pub(crate) struct Hotdesk {
    desks: Vec<Desk>,
    by_id: HashMap<Arc<str>, usize>,
    /// Sign-outs that were taken and that the phones have not applied yet: when, and whose.
    taken: Later<usize>,
    lag: Duration,
    tickets: u32,
    clock: Clock,
    ledger: Ledger,
}

#[derive(Debug)]
struct Desk {
    id: Arc<str>,
    person: Person,
    since_ms: i64,
}

impl Service for Hotdesk {
    fn advance(&mut self) {
        for (at, who) in self.taken.take_due(self.clock.now()) {
            if self.desks[who].person.state == DeskState::In {
                self.enter(who, DeskState::Out, at);
                self.ledger.signed_out(&self.desks[who].id);
            }
        }
    }

    fn answer(&mut self, request: &Incoming<'_>, decision: &Decision) -> Answer {
        self.advance();
        self.route(request, decision)
            .unwrap_or_else(|refusal| refusal.answer())
    }

    fn refuse(&mut self, trouble: Trouble, _: &Incoming<'_>) -> Answer {
        let refusal = match trouble {
            Trouble::Unavailable => Refusal::OutOfService,
            Trouble::InternalError => Refusal::Internal,
        };
        refusal.answer()
    }

    fn actor(&self, request: &Incoming<'_>) -> Option<String> {
        let name = match token(request)? {
            TOKEN => "reception",
            READ_ONLY_TOKEN => "wallboard",
            _ => return None,
        };
        Some(name.to_owned())
    }
}

impl Hotdesk {
    pub(crate) fn new(settings: HotdeskSettings, clock: Clock, ledger: Ledger) -> Self {
        let HotdeskSettings { people, lag } = settings;
        let since_ms = clock.unix_ms(Duration::ZERO) - SIGNED_IN_BEFORE_MS;
        let desks: Vec<Desk> = people
            .into_iter()
            .map(|person| Desk {
                id: Arc::from(person.id.as_str()),
                person,
                since_ms,
            })
            .collect();
        let by_id = desks.iter().enumerate();
        let by_id = by_id.map(|(who, desk)| (Arc::clone(&desk.id), who)).collect();
        Self {
            desks,
            by_id,
            taken: Later::default(),
            lag,
            tickets: 0,
            clock,
            ledger,
        }
    }

    pub(crate) fn state_of(&self, user: &str) -> Option<DeskState> {
        let who = *self.by_id.get(user)?;
        Some(self.desks[who].person.state)
    }

    /// Puts somebody into a state; `false` if there is no such user.
    pub(crate) fn set_state(&mut self, user: &str, state: DeskState) -> bool {
        self.advance();
        let Some(&who) = self.by_id.get(user) else {
            return false;
        };
        self.enter(who, state, self.clock.now());
        true
    }

    fn route(&mut self, request: &Incoming<'_>, decision: &Decision) -> Result<Answer, Refusal> {
        let may_sign_out = match token(request) {
            Some(TOKEN) => true,
            Some(READ_ONLY_TOKEN) => false,
            _ => return Err(Refusal::BadToken),
        };
        let path = request.parts.uri.path().trim_start_matches(ROOT);
        let segments: Vec<&str> = path.split('/').collect();
        match (&request.parts.method, segments.as_slice()) {
            (&Method::GET, ["users"]) => Ok(text(StatusCode::OK, self.list(request))),
            (&Method::GET, ["users", id]) => {
                let who = self.find(id)?;
                Ok(text(StatusCode::OK, self.line(who)))
            }
            (&Method::POST, ["users", id, "sign-out"]) => {
                let who = self.find(id)?;
                let result = self.sign_out(who, may_sign_out, decision);
                self.ledger
                    .sign_out_requested(&self.desks[who].id, result.is_ok());
                let ticket = result?;
                Ok(text(StatusCode::ACCEPTED, format!("ticket={ticket}\n")))
            }
            (_, ["users"] | ["users", _] | ["users", _, "sign-out"]) => Err(Refusal::WrongMethod),
            _ => Err(Refusal::NoSuchResource),
        }
    }

    fn list(&self, request: &Incoming<'_>) -> String {
        let floor = request.query("floor");
        let signed_in = request.query("signed_in").as_deref() == Some("yes");
        let wanted = |desk: &Desk| {
            let person = &desk.person;
            floor
                .as_deref()
                .is_none_or(|floor| floor == person.floor.to_string())
                && (!signed_in || person.state != DeskState::Out)
        };
        let lines = self.desks.iter().enumerate();
        lines
            .filter(|(_, desk)| wanted(desk))
            .map(|(who, _)| self.line(who))
            .collect()
    }

    fn line(&self, who: usize) -> String {
        let Desk { person, since_ms, .. } = &self.desks[who];
        let desk = match person.state {
            DeskState::Out => String::new(),
            DeskState::In | DeskState::Call => format!("{}.{:02}", person.floor, who + 1),
        };
        format!(
            "user={}\tstate={}\tdesk={desk}\tfloor={}\tsince={since_ms}\tname={}\n",
            person.id, person.state, person.floor, person.name
        )
    }

    fn sign_out(&mut self, who: usize, allowed: bool, decision: &Decision) -> Result<u32, Refusal> {
        if !allowed {
            return Err(Refusal::ReadOnlyToken);
        }
        match self.desks[who].person.state {
            DeskState::Call => return Err(Refusal::OnCall),
            DeskState::Out => return Err(Refusal::NotSignedIn),
            DeskState::In => {}
        }
        self.tickets += 1;
        let lag = decision.lag.unwrap_or(self.lag);
        if !decision.never_apply {
            self.taken.add(self.clock.now() + lag, who);
            self.advance();
        }
        Ok(self.tickets)
    }

    fn find(&self, segment: &str) -> Result<usize, Refusal> {
        let id = percent_decode_str(segment).decode_utf8_lossy();
        self.by_id
            .get(id.as_ref())
            .copied()
            .ok_or(Refusal::NoSuchUser(id.into_owned()))
    }

    fn enter(&mut self, who: usize, state: DeskState, at: Duration) {
        self.desks[who].person.state = state;
        self.desks[who].since_ms = self.clock.unix_ms(at);
    }
}

const ROOT: &str = "/hotdesk/1/";
const SIGNED_IN_BEFORE_MS: i64 = 3_600_000;

/// A request that it does not carry out.
enum Refusal {
    BadToken,
    ReadOnlyToken,
    NoSuchUser(String),
    NoSuchResource,
    WrongMethod,
    OnCall,
    NotSignedIn,
    Internal,
    OutOfService,
}

impl Refusal {
    fn answer(&self) -> Answer {
        let (status, code, message): (_, _, Cow<'_, str>) = match self {
            Self::BadToken => (
                StatusCode::UNAUTHORIZED,
                "bad_token",
                "there is no such token".into(),
            ),
            Self::ReadOnlyToken => (
                StatusCode::FORBIDDEN,
                "read_only_token",
                "this token may look, and change nothing".into(),
            ),
            Self::NoSuchUser(id) => (
                StatusCode::NOT_FOUND,
                "no_such_user",
                format!("nobody is called {}", id.escape_debug()).into(),
            ),
            Self::NoSuchResource => (
                StatusCode::NOT_FOUND,
                "no_such_resource",
                "there is nothing here".into(),
            ),
            Self::WrongMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "wrong_method",
                "not with this method".into(),
            ),
            Self::OnCall => (StatusCode::CONFLICT, "on_call", "he is on a call".into()),
            Self::NotSignedIn => (StatusCode::CONFLICT, "not_signed_in", "he is at no desk".into()),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "something went wrong".into(),
            ),
            Self::OutOfService => (
                StatusCode::SERVICE_UNAVAILABLE,
                "out_of_service",
                "come back later".into(),
            ),
        };
        text(status, format!("error={code}\tmessage={message}\n"))
    }
}

fn token<'a>(request: &Incoming<'a>) -> Option<&'a str> {
    request.headers().get("x-hotdesk-token")?.to_str().ok()
}

fn text(status: StatusCode, body: String) -> Answer {
    Answer::empty(status)
        .with(CONTENT_TYPE, "text/plain;charset=UTF-8")
        .with_body(body)
}
