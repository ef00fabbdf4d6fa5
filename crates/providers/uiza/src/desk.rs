//! From where an operation sends: one request at a time, numbered, and what came back for it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use signoff_core::{
    Args, CancelReason, Error, Failure, Finished, Input, Monotonic, Now, Outcome, Record, Request, RequestId,
    Response, SecretHandle, Step, User, Value, Wait,
};

use crate::api::Api;
use crate::descriptor::KEY;

/// What an operation sends from.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) api: Arc<Api>,
    steps: VecDeque<Step>,
    number: u64,
    outstanding: Option<RequestId>,
    reason: &'static str,
    finished: bool,
}

impl Desk {
    /// Sends what is made of the API and the next number.
    pub(crate) fn send(&mut self, reason: &'static str, make: impl FnOnce(&Api, u64) -> Request) {
        self.number += 1;
        let request = make(&self.api, self.number);
        self.outstanding = Some(request.id);
        self.reason = reason;
        self.steps.push_back(Step::Request(request));
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.steps.push_back(Step::Record(record));
    }

    pub(crate) fn finish(&mut self, finished: Finished) {
        // What was asked for and not yet polled is not wanted any more, rows excepted.
        self.steps.retain(|step| matches!(step, Step::Record(_)));
        self.steps.push_back(Step::Finished(finished));
        self.outstanding = None;
        self.finished = true;
    }

    fn take(&mut self, answered: RequestId) -> bool {
        self.outstanding.take_if(|id| *id == answered).is_some()
    }
}

/// An operation.
pub(crate) trait Task {
    /// Sends the first request, or finishes.
    fn begin(&mut self, desk: &mut Desk, now: Now);

    /// Takes the answer to the request that is outstanding; sends the next, or finishes.
    fn answer(&mut self, desk: &mut Desk, now: Now, response: &Response<'_>);

    /// There was none.
    fn failure(&mut self, desk: &mut Desk, now: Now, failure: &Failure<'_>);

    /// How it ends when it has to.
    fn cancelled(&self, reason: CancelReason) -> Finished {
        cancelled(reason)
    }
}

/// Runs a task.
#[derive(Debug)]
pub(crate) struct Runner<T> {
    desk: Desk,
    task: T,
}

impl<T: Task> Runner<T> {
    pub(crate) fn begin(api: Arc<Api>, mut task: T, now: Now) -> Self {
        let mut desk = Desk {
            api,
            // There is seldom more than one, and there may be ten thousand desks.
            steps: VecDeque::with_capacity(1),
            number: 0,
            outstanding: None,
            reason: "",
            finished: false,
        };
        task.begin(&mut desk, now);
        Self { desk, task }
    }

    pub(crate) fn next(&mut self) -> Step {
        self.desk.steps.pop_front().unwrap_or(Step::Wait(Wait {
            until: Monotonic::NEVER,
            reason: Cow::Borrowed(self.desk.reason),
        }))
    }

    pub(crate) fn input(&mut self, now: Now, input: &Input<'_>) {
        if self.desk.finished {
            return;
        }
        match input {
            Input::Response(response) if self.desk.take(response.request) => {
                self.task.answer(&mut self.desk, now, response);
            }
            Input::Failure(failure) if self.desk.take(failure.request) => {
                self.task.failure(&mut self.desk, now, failure);
            }
            Input::Held { request } if self.desk.take(*request) => {
                self.desk.finish(Finished::new(Outcome::Planned));
            }
            Input::Cancel(reason) => self.desk.finish(self.task.cancelled(*reason)),
            _ => {}
        }
    }
}

/// The end of an operation of which nothing was sent.
pub(crate) fn cancelled(reason: CancelReason) -> Finished {
    match reason {
        CancelReason::Stopped => Finished::new(Outcome::Cancelled),
        CancelReason::CredentialStopped => Finished::with(
            Outcome::Cancelled,
            "credential_stopped",
            "Uiza refuses the connection's key, so nothing more is sent with it",
        ),
    }
}

/// The end of an operation because no answer came.
pub(crate) fn unanswered(outcome: Outcome, failure: &Failure<'_>) -> Finished {
    Finished::with(outcome, failure.kind.name(), failure.message)
}

/// Whom an operation is about, with his own key.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) user: User,
    pub(crate) key: Result<SecretHandle, NoKey>,
}

impl Owner {
    pub(crate) fn of(operation: &str, args: Args<'_>) -> Result<Self, Error> {
        let user = args
            .user()
            .ok_or_else(|| Error::Arguments(format!("a {operation} needs a user")))?;
        let key = match user.attribute(KEY) {
            Some(Value::Secret(handle)) => Ok(*handle),
            None | Some(Value::Null) => Err(NoKey::Missing),
            Some(_) => Err(NoKey::InClear),
        };
        Ok(Self {
            user: user.clone(),
            key,
        })
    }
}

/// Why a user cannot show a key of his own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NoKey {
    Missing,
    /// Whatever it is, it is not repeated: it may be a key.
    InClear,
}

impl NoKey {
    pub(crate) fn finished(self) -> Finished {
        let (code, what) = match self {
            Self::Missing => ("no_key", "there is no key of his"),
            Self::InClear => (
                "key_in_clear",
                "his `key` is not one that signoff keeps as a secret",
            ),
        };
        let message = format!(
            "{what}, and Uiza logs out whoever owns the key that it is shown: give each user his own in a column \
             `{KEY}` of a file, as in `--from keys.csv`"
        );
        Finished::with(Outcome::Failed, code, message)
    }
}
