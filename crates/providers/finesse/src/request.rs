//! How requests to Finesse look, and the desk from which an operation sends them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use signoff_core::xml::Element;
use signoff_core::{
    Context, CredentialKind, CredentialUse, Effect, Error, Finished, InDoubt, Monotonic, Placement, Record,
    Request, RequestId, Step, Subscribe, Wait,
};

use crate::answers::Answers;

/// How old a state may be that is shown or acted on when it is read; also how often Finesse is asked for it, by
/// however many operations. A little more than a second, so that no two of these reads arrive within one.
pub(crate) const STATE_AGE: Duration = Duration::from_millis(1_050);
/// How old an answer may be that tells who the actor is: one serves most of a run.
const ACTOR_AGE: Duration = Duration::from_secs(60);
/// How old an answer may be that tells of the system, or of reason codes.
const SETTINGS_AGE: Duration = Duration::from_secs(300);
/// "User—Get List" has no pages: a large site has tens of thousands of users of a kilobyte each.
const LIST_CAP: u64 = 32 << 20;

/// Everything but what RFC 3986 leaves unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What an operation sends from: it knows the actor, numbers the requests, and queues the steps.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) actor: String,
    pub(crate) answers: Arc<Answers>,
    placement: Placement,
    steps: VecDeque<Step>,
    last_id: u64,
    /// The request that waits for its answer; there is one at most.
    outstanding: Option<RequestId>,
    /// The request that was made last.
    last: Option<Request>,
    finished: bool,
    wait: Wait,
}

impl Desk {
    pub(crate) fn new(context: &Context<'_>, answers: Arc<Answers>) -> Result<Self, Error> {
        let placement = match context.actor_kind {
            CredentialKind::Basic => Placement::Basic,
            CredentialKind::Bearer => Placement::Bearer,
            CredentialKind::Key => {
                return Err(Error::Arguments(
                    "Finesse takes a user name and a password, or a token: not a key".to_owned(),
                ));
            }
        };
        check_id("the name of the acting user", context.actor)?;
        Ok(Self {
            actor: context.actor.to_owned(),
            answers,
            placement,
            // There is seldom more than one, and there may be ten thousand desks.
            steps: VecDeque::with_capacity(1),
            last_id: 0,
            outstanding: None,
            last: None,
            finished: false,
            wait: waiting(Monotonic::NEVER, ""),
        })
    }

    /// The next step: what is queued, else to wait.
    pub(crate) fn step(&mut self) -> Step {
        self.steps
            .pop_front()
            .unwrap_or_else(|| Step::Wait(self.wait.clone()))
    }

    /// Takes the answer to this request, if it is the one that is waited for.
    pub(crate) fn take(&mut self, answered: RequestId) -> bool {
        let ours = self.outstanding == Some(answered);
        if ours {
            self.outstanding = None;
        }
        ours
    }

    /// What to wait for when nothing is queued.
    pub(crate) fn wait(&mut self, until: Monotonic, reason: &'static str) {
        self.wait = waiting(until, reason);
    }

    /// Asks for the notifications of a node about a user.
    pub(crate) fn subscribe(&mut self, node: String, user: &str) -> RequestId {
        self.last_id += 1;
        let id = RequestId(self.last_id);
        let user = user.to_owned();
        self.steps
            .push_back(Step::Subscribe(Subscribe { id, node, user }));
        id
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.steps.push_back(Step::Record(record));
    }

    pub(crate) fn finish(&mut self, finished: Finished) {
        // What was queued and not yet polled is not wanted any more, rows excepted.
        self.steps.retain(|step| matches!(step, Step::Record(_)));
        self.steps.push_back(Step::Finished(finished));
        self.outstanding = None;
        self.finished = true;
    }

    pub(crate) fn has_finished(&self) -> bool {
        self.finished
    }

    /// Whether the last request showed the credential.
    pub(crate) fn used_credential(&self) -> bool {
        self.last
            .as_ref()
            .is_some_and(|request| request.credential.is_some())
    }

    /// Whether the last request was to tell if the credential is any good.
    pub(crate) fn asked_for_proof(&self) -> bool {
        self.last
            .as_ref()
            .is_some_and(|request| request.proves_credential)
    }

    /// The actor's own User object, to learn who he is.
    pub(crate) fn read_actor(&mut self) {
        self.read_own(ACTOR_AGE, Monotonic::ZERO);
    }

    /// The same, asked now: whether his credential is any good.
    pub(crate) fn read_proof(&mut self, not_before: Monotonic) {
        self.read_own(Duration::ZERO, not_before);
    }

    /// The same, for his state.
    pub(crate) fn read_own_state(&mut self, not_before: Monotonic) {
        self.read_own(STATE_AGE, not_before);
    }

    fn read_own(&mut self, max_age: Duration, not_before: Monotonic) {
        let mut request = self.read(user_path(&self.actor));
        request.max_age = max_age;
        request.not_before = not_before;
        request.proves_credential = true;
        self.send(request);
    }

    /// Somebody's User object; for administrators.
    pub(crate) fn read_user(&mut self, id: &str, not_before: Monotonic) {
        let mut request = self.read(user_path(id));
        request.max_age = STATE_AGE;
        request.not_before = not_before;
        self.send(request);
    }

    /// A Team object with all of its members. The parameter is always given: releases differ in its default.
    pub(crate) fn read_team(&mut self, id: &str, not_before: Monotonic) {
        let mut request = self.read(format!("/finesse/api/Team/{}", segment(id)));
        request.query = vec![("includeLoggedOutAgents".to_owned(), "true".to_owned())];
        request.max_age = STATE_AGE;
        request.not_before = not_before;
        self.send(request);
    }

    /// All users; for administrators.
    pub(crate) fn read_users(&mut self) {
        let mut request = self.read("/finesse/api/Users".to_owned());
        request.max_age = STATE_AGE;
        request.answer_cap = Some(LIST_CAP);
        self.send(request);
    }

    /// The actor's reasons for signing out.
    pub(crate) fn read_sign_out_reasons(&mut self) {
        let mut request = self.read(format!("{}/ReasonCodes", user_path(&self.actor)));
        request.query = vec![("category".to_owned(), "LOGOUT".to_owned())];
        request.max_age = SETTINGS_AGE;
        self.send(request);
    }

    /// What Finesse runs on; it does not change.
    pub(crate) fn read_deployment(&mut self) {
        self.read_system_info(SETTINGS_AGE);
    }

    /// How Finesse is, now.
    pub(crate) fn read_health(&mut self) {
        self.read_system_info(Duration::ZERO);
    }

    /// SystemInfo is there for everybody, so no credential is shown for it.
    fn read_system_info(&mut self, max_age: Duration) {
        let mut request = self.read("/finesse/api/SystemInfo".to_owned());
        request.credential = None;
        request.max_age = max_age;
        self.send(request);
    }

    /// A change of state ("User—Change Agent State").
    pub(crate) fn write_state(&mut self, change: &Change<'_>) {
        let mut body = Element::new("User").with_child(Element::new("state").with_text(change.state));
        if let Some(reason) = change.reason {
            body = body.with_child(Element::new("reasonCodeId").with_text(reason));
        }
        let mut request = self.read(user_path(change.user));
        request.method = "PUT".to_owned();
        request.effect = Effect::Write {
            part: change.part.to_owned(),
            in_doubt: InDoubt::Ask,
            request_id: Some(change.request_id.clone()),
        };
        request.headers = vec![
            ("content-type".to_owned(), "application/xml".to_owned()),
            ("requestId".to_owned(), change.request_id.clone()),
        ];
        request.body = body.to_string().into_bytes();
        request.not_after = change.not_after;
        self.send(request);
    }

    fn read(&mut self, path: String) -> Request {
        self.last_id += 1;
        let mut request = Request::read(RequestId(self.last_id), "api", path);
        request.credential = Some(CredentialUse::actor(self.placement.clone()));
        request
    }

    fn send(&mut self, request: Request) {
        self.outstanding = Some(request.id);
        self.last = Some(request.clone());
        self.wait = waiting(Monotonic::NEVER, "");
        self.steps.push_back(Step::Request(request));
    }
}

/// A change of a user's state.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) part: &'static str,
    pub(crate) user: &'a str,
    pub(crate) state: &'static str,
    /// The database id of a reason.
    pub(crate) reason: Option<&'a str>,
    /// Finesse repeats it in its notifications.
    pub(crate) request_id: String,
    /// When the state that this rests on is too old.
    pub(crate) not_after: Monotonic,
}

/// Whether a request can name it: an empty segment and the dot segments mean another path.
pub(crate) fn check_id(what: &str, id: &str) -> Result<(), Error> {
    match id {
        "" => Err(Error::Arguments(format!("{what} is empty"))),
        "." | ".." => Err(Error::Arguments(format!("{what} cannot be `{id}`"))),
        _ => Ok(()),
    }
}

fn waiting(until: Monotonic, reason: &'static str) -> Wait {
    Wait {
        until,
        reason: Cow::Borrowed(reason),
    }
}

fn user_path(id: &str) -> String {
    format!("/finesse/api/User/{}", segment(id))
}

fn segment(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, SEGMENT)
}
