//! What every operation but `health` begins with, and how a doubted credential is settled.
//!
//! The first request reads the actor's own User object: it tells whether the credential is any good, and
//! which teams the actor supervises. When a later request is answered as if the credential were bad (Finesse
//! says `Authorization Failure` also to those whose role does not suffice), the own object is read once more:
//! if that is answered, the credential is good, and the operation alone is denied.

use signoff_core::{
    CancelReason, Class, Event, Failure, Finished, Input, Monotonic, Now, Outcome, RequestId, Response, Step,
};

use crate::classify::classify;
use crate::errors::{VendorError, ended, unanswered};
use crate::model::Person;
use crate::request::Desk;

/// The actor, as his own User object shows him.
#[derive(Debug)]
pub(crate) struct Actor {
    /// What Finesse says of him; or its error, if it knows the credential but has no such user, as with the
    /// application's administrator.
    pub(crate) own: Result<Person, VendorError>,
    /// When that was asked.
    pub(crate) sent: Monotonic,
    /// The same by the clock of Finesse.
    pub(crate) sent_unix_ms: i64,
}

/// What came back for the request that a task made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer<'a> {
    Response(&'a Response<'a>),
    Failure(&'a Failure<'a>),
    /// It was a write, and this is a plan.
    Held,
}

/// What comes from a feed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Heard<'a> {
    Subscribed(RequestId),
    Lost(RequestId),
    /// With the reason.
    Refused(RequestId, &'a str),
    Event(&'a Event<'a>),
}

/// An operation, once the actor is known.
pub(crate) trait Task {
    /// Sends the first request, or finishes.
    fn begin(&mut self, desk: &mut Desk, now: Now, actor: Actor);

    /// Takes the answer to the request that is outstanding; sends the next, or finishes.
    fn answer(&mut self, desk: &mut Desk, now: Now, answer: Answer<'_>);

    /// Takes what comes from a feed; most tasks ask for none.
    fn heard(&mut self, _desk: &mut Desk, _now: Now, _heard: Heard<'_>) {}

    /// Ends it if its time has come.
    fn tick(&mut self, _desk: &mut Desk, _now: Now) {}

    /// How it ends when the actor may not do what was asked for last.
    fn denied(&self, error: &VendorError) -> Finished {
        error.finished(Outcome::Denied)
    }

    /// How it ends when it has to.
    fn cancelled(&self, reason: CancelReason) -> Finished {
        cancelled(reason)
    }

    /// Adds what is known of the user.
    fn describe(&self, _finished: &mut Finished) {}
}

/// The end of an operation of which nothing was sent.
pub(crate) fn cancelled(reason: CancelReason) -> Finished {
    match reason {
        CancelReason::Stopped => Finished::new(Outcome::Cancelled),
        CancelReason::CredentialStopped => ended(
            Outcome::Cancelled,
            "credential_stopped",
            "Finesse refuses the credential, so nothing more is sent with it",
        ),
    }
}

/// Runs a task.
#[derive(Debug)]
pub(crate) struct Runner<T> {
    desk: Desk,
    task: T,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The actor's own object is being read.
    Actor,
    /// The task has the word.
    Task,
    /// It is being found out whether the credential is any good; the task ends like this in either case.
    Proof(Finished),
    /// It has ended.
    Over,
}

impl<T: Task> Runner<T> {
    pub(crate) fn new(mut desk: Desk, task: T) -> Self {
        desk.read_actor();
        Self {
            desk,
            task,
            phase: Phase::Actor,
        }
    }

    pub(crate) fn next(&mut self, now: Now) -> Step {
        if matches!(self.phase, Phase::Task) {
            self.task.tick(&mut self.desk, now);
        }
        match self.desk.step() {
            Step::Finished(mut finished) => {
                self.phase = Phase::Over;
                self.task.describe(&mut finished);
                Step::Finished(finished)
            }
            step => step,
        }
    }

    pub(crate) fn input(&mut self, now: Now, input: &Input<'_>) {
        if self.desk.has_finished() {
            return;
        }
        match *input {
            Input::Response(response) if self.desk.take(response.request) => self.response(now, &response),
            Input::Failure(failure) if self.desk.take(failure.request) => self.failure(now, &failure),
            Input::Held { request } if self.desk.take(request) => {
                if matches!(self.phase, Phase::Task) {
                    self.task.answer(&mut self.desk, now, Answer::Held);
                }
            }
            Input::Cancel(reason) => {
                let finished = match std::mem::replace(&mut self.phase, Phase::Over) {
                    Phase::Actor => cancelled(reason),
                    Phase::Proof(finished) => finished,
                    Phase::Task | Phase::Over => self.task.cancelled(reason),
                };
                self.desk.finish(finished);
            }
            // Nobody asked for it.
            Input::Response(_) | Input::Failure(_) | Input::Held { .. } => {}
            Input::Subscribed { subscription } => self.heard(now, Heard::Subscribed(subscription)),
            Input::FeedLost { subscription } => self.heard(now, Heard::Lost(subscription)),
            Input::FeedRefused {
                subscription,
                message,
            } => self.heard(now, Heard::Refused(subscription, message)),
            Input::Event(event) => self.heard(now, Heard::Event(&event)),
        }
    }

    fn heard(&mut self, now: Now, heard: Heard<'_>) {
        if matches!(self.phase, Phase::Task) {
            self.task.heard(&mut self.desk, now, heard);
        }
    }

    pub(crate) const fn task(&self) -> &T {
        &self.task
    }

    fn response(&mut self, now: Now, response: &Response<'_>) {
        match std::mem::replace(&mut self.phase, Phase::Task) {
            Phase::Actor => self.actor(now, response),
            Phase::Task if classify(response) == Class::CredentialDoubted && self.desk.used_credential() => {
                let finished = self.task.denied(&VendorError::read(response));
                if self.desk.asked_for_proof() {
                    return self.desk.finish(finished);
                }
                self.phase = Phase::Proof(finished);
                self.desk.read_proof(now.monotonic);
            }
            Phase::Task => self.task.answer(&mut self.desk, now, Answer::Response(response)),
            Phase::Proof(finished) => self.desk.finish(finished),
            Phase::Over => {}
        }
    }

    fn actor(&mut self, now: Now, response: &Response<'_>) {
        let own = match response.status {
            200..=299 => match Person::parse(response.body) {
                Ok(person) => Ok(person),
                Err(unreadable) => {
                    let message = format!("the User object of `{}`: {unreadable}", self.desk.actor);
                    return self
                        .desk
                        .finish(ended(Outcome::Failed, "unreadable_answer", message));
                }
            },
            404 => Err(VendorError::read(response)),
            _ => {
                let error = VendorError::read(response);
                return self.desk.finish(error.finished(error.outcome()));
            }
        };
        let actor = Actor {
            own,
            sent: response.sent,
            sent_unix_ms: response.sent_unix_ms,
        };
        self.task.begin(&mut self.desk, now, actor);
    }

    fn failure(&mut self, now: Now, failure: &Failure<'_>) {
        match std::mem::replace(&mut self.phase, Phase::Task) {
            Phase::Actor => self.desk.finish(unanswered(Outcome::Failed, failure)),
            Phase::Task => self.task.answer(&mut self.desk, now, Answer::Failure(failure)),
            Phase::Proof(finished) => self.desk.finish(finished),
            Phase::Over => {}
        }
    }
}

/// Answers after which nobody knows whether the request was processed. 503 is none of them: Finesse gives it
/// before it does anything.
pub(crate) const fn is_server_error(status: u16) -> bool {
    status >= 500 && status != 503
}
