//! Ending a user's own key.
//!
//! The key is asked about first: one that is not valid is shown to no logout. Then one request, whose answer is proof. Where
//! no answer is known, the key is asked about again: one that is still valid was not ended, and is shown again; one that is
//! not any more, was. Without the question before, a key that was no good from the start could not be told from that.

use std::time::Duration;

use signoff_core::{
    Args, CancelReason, ConfirmedBy, Context, Error, Failure, Field, Finished, InDoubtPolicy, Monotonic, Now,
    Outcome, Response, SecretHandle, Sent,
};

use crate::answer::Answer;
use crate::api::{LOGOUT_PART, Topic};
use crate::desk::{Desk, NoKey, Owner, Task, cancelled, unanswered};

/// How often a logout is sent without its fate being known, before it is given up.
const MOST_UNCERTAIN: u32 = 3;
/// How often the key is asked about once a logout is in doubt, if that is not answered either.
const MOST_CHECKS: u32 = 3;
/// The distance between two of these.
const CHECK_AGAIN: Duration = Duration::from_secs(1);

/// One logout under way.
#[derive(Debug)]
pub(crate) struct Logout {
    key: Result<SecretHandle, NoKey>,
    policy: InDoubtPolicy,
    phase: Phase,
    /// This run has ended the key before.
    logged_out: bool,
    /// The key was seen to be valid before its logout was sent.
    was_valid: bool,
    /// A logout of this operation was in doubt once, so a key that was valid and is not any more was ended by one.
    was_in_doubt: bool,
    /// A logout may have been applied of which no answer is known.
    maybe_applied: bool,
    /// How many of this process were sent and left in doubt.
    uncertain: u32,
}

#[derive(Debug, Clone)]
enum Phase {
    /// Before anything is sent, the key is asked about: so often.
    Ask(u32),
    /// The logout is sent.
    Write,
    /// It is in doubt, and the key is asked about: so often.
    Check(Doubt, u32),
}

/// A logout whose fate is not known.
#[derive(Debug, Clone)]
struct Doubt {
    /// From when on it can no longer be under way.
    settled_at: Monotonic,
    /// How it ends if the key proves to be valid, and it is not repeated.
    otherwise: Finished,
    /// Whether to repeat it then.
    repeat: bool,
}

impl Logout {
    pub(crate) fn new(args: Args<'_>, context: &Context<'_>) -> Result<Self, Error> {
        let key = Owner::of("logout", args)?.key;
        let earlier = context.earlier.iter().rfind(|write| write.part == LOGOUT_PART);
        let first = if context.logged_out {
            Phase::Write
        } else {
            Phase::Ask(0)
        };
        let phase = earlier.map_or(first, |write| {
            let message = "an earlier process sent it, and knew of no answer";
            let doubt = Doubt {
                settled_at: write.settled_at,
                otherwise: Finished::with(Outcome::Failed, "unanswered", message),
                repeat: true,
            };
            Phase::Check(doubt, 0)
        });
        Ok(Self {
            key,
            policy: context.in_doubt,
            phase,
            logged_out: context.logged_out,
            // The process that sent it had asked before.
            was_valid: earlier.is_some(),
            was_in_doubt: earlier.is_some(),
            maybe_applied: earlier.is_some(),
            uncertain: 0,
        })
    }

    fn ask(&mut self, desk: &mut Desk, asked: u32, not_before: Monotonic) {
        self.phase = Phase::Ask(asked + 1);
        if let Ok(key) = self.key {
            desk.send("", |api, number| api.check(number, key, not_before));
        }
    }

    /// The key was asked about before anything was sent.
    fn asked(&mut self, desk: &mut Desk, answer: &Answer) {
        if answer.refuses_key() {
            return desk.finish(answer.finished(Outcome::Denied, &desk.api, Topic::CheckToken));
        }
        // Whatever else it says is of the question, which no page of the index has: his logout has an answer of its own.
        self.was_valid = answer.is_success();
        self.write(desk);
    }

    fn write(&mut self, desk: &mut Desk) {
        self.phase = Phase::Write;
        if let Ok(key) = self.key {
            desk.send("", |api, number| api.logout(number, key));
        }
    }

    fn check(&mut self, desk: &mut Desk, doubt: Doubt, checks: u32, not_before: Monotonic) {
        self.phase = Phase::Check(doubt, checks + 1);
        if let Ok(key) = self.key {
            let reason = "for a request without an answer to settle";
            desk.send(reason, |api, number| api.check(number, key, not_before));
        }
    }

    /// The fate of a logout is not known: what is done about it is the operator's to say.
    fn doubt(&mut self, desk: &mut Desk, doubt: Doubt) {
        (self.was_in_doubt, self.maybe_applied) = (true, true);
        match self.policy {
            InDoubtPolicy::Skip => {
                let finished = unknown(&doubt, "left in doubt, as it was asked");
                desk.finish(finished);
            }
            InDoubtPolicy::Repeat if doubt.repeat && self.uncertain < MOST_UNCERTAIN => self.write(desk),
            InDoubtPolicy::Repeat | InDoubtPolicy::Verify => {
                let settled_at = doubt.settled_at;
                self.check(desk, doubt, 0, settled_at);
            }
        }
    }

    /// The logout was answered.
    fn written(&mut self, desk: &mut Desk, answer: &Answer, response: &Response<'_>) {
        let ends = |outcome| answer.finished(outcome, &desk.api, Topic::Logout);
        if answer.is_success() {
            let finished = done(ends(Outcome::Done), ConfirmedBy::Response);
            return desk.finish(finished);
        }
        if answer.refuses_key() {
            let finished = match self.was_in_doubt {
                _ if self.logged_out => done(ends(Outcome::Done), ConfirmedBy::Response),
                true => self.ended(ends(Outcome::Done), ConfirmedBy::Response),
                false => ends(Outcome::Denied),
            };
            return desk.finish(finished);
        }
        let retryable = answer.is_retryable();
        let otherwise = ends(answer.outcome());
        if answer.is_doubtful() || retryable == Some(true) && !matches!(response.status, 429 | 503) {
            self.uncertain += 1;
            let doubt = Doubt {
                settled_at: response.settled_at,
                otherwise,
                // A server's error from further outside says nothing of it.
                repeat: retryable.unwrap_or(matches!(answer.error_code(), Some(500..=599))),
            };
            return self.doubt(desk, doubt);
        }
        desk.finish(self.not_repeated(otherwise));
    }

    /// A key that was in doubt was asked about.
    fn checked(&mut self, desk: &mut Desk, now: Now, doubt: Doubt, checks: u32, answer: &Answer) {
        if answer.refuses_key() {
            let finished = answer.finished(Outcome::Done, &desk.api, Topic::CheckToken);
            desk.finish(self.ended(finished, ConfirmedBy::Status));
        } else if answer.is_success() {
            self.maybe_applied = false;
            if doubt.repeat && self.uncertain < MOST_UNCERTAIN {
                self.write(desk);
            } else {
                let mut finished = doubt.otherwise;
                finished.fields.push(Field::new("key_valid", true));
                desk.finish(finished);
            }
        } else {
            let why = answer.finished(Outcome::Unknown, &desk.api, Topic::CheckToken);
            self.not_checked(desk, now, doubt, checks, &why.message.unwrap_or_default());
        }
    }

    fn not_checked(&mut self, desk: &mut Desk, now: Now, doubt: Doubt, checks: u32, why: &str) {
        if checks < MOST_CHECKS {
            self.check(desk, doubt, checks, now.monotonic + CHECK_AGAIN);
        } else {
            let why = format!("his key could not be checked: {why}");
            desk.finish(unknown(&doubt, &why));
        }
    }

    /// The end of a logout that was in doubt, and whose key is not valid now.
    fn ended(&self, finished: Finished, by: ConfirmedBy) -> Finished {
        if self.was_valid || self.logged_out {
            return done(finished, by);
        }
        let message = "the key is not valid now, and whether this logout ended it cannot be known: it was not seen to be \
                       valid before";
        let mut finished = finished;
        finished.outcome = Outcome::Unknown;
        finished.code = Some("key_not_valid".to_owned());
        finished.message = Some(message.to_owned());
        finished
    }

    /// The end of a logout that was certainly not applied; an earlier one may have been.
    fn not_repeated(&self, mut finished: Finished) -> Finished {
        if self.maybe_applied {
            finished.outcome = Outcome::Unknown;
            let why = finished.message.unwrap_or_default();
            finished.message = Some(format!(
                "{why}; what became of the logout before this one is not known"
            ));
        }
        finished
    }
}

impl Task for Logout {
    fn begin(&mut self, desk: &mut Desk, _now: Now) {
        match (&self.key, &self.phase) {
            (Err(missing), _) => desk.finish(missing.finished()),
            (Ok(_), Phase::Ask(_)) => self.ask(desk, 0, Monotonic::ZERO),
            (Ok(_), Phase::Write) => self.write(desk),
            (Ok(_), Phase::Check(doubt, _)) => self.doubt(desk, doubt.clone()),
        }
    }

    fn answer(&mut self, desk: &mut Desk, now: Now, response: &Response<'_>) {
        let answer = Answer::read(response);
        match self.phase.clone() {
            Phase::Ask(_) => self.asked(desk, &answer),
            Phase::Write => self.written(desk, &answer, response),
            Phase::Check(doubt, checks) => self.checked(desk, now, doubt, checks, &answer),
        }
    }

    fn failure(&mut self, desk: &mut Desk, now: Now, failure: &Failure<'_>) {
        match (self.phase.clone(), failure.sent) {
            (Phase::Ask(asked), Sent::MaybeSent) if asked < MOST_CHECKS => {
                self.ask(desk, asked, now.monotonic + CHECK_AGAIN);
            }
            (Phase::Ask(_), _) => desk.finish(unanswered(Outcome::Failed, failure)),
            (Phase::Check(doubt, checks), _) => self.not_checked(desk, now, doubt, checks, failure.message),
            (Phase::Write, Sent::NotSent) => {
                desk.finish(self.not_repeated(unanswered(Outcome::Failed, failure)));
            }
            (Phase::Write, Sent::MaybeSent) => {
                self.uncertain += 1;
                let doubt = Doubt {
                    settled_at: failure.settled_at,
                    otherwise: unanswered(Outcome::Failed, failure),
                    repeat: true,
                };
                self.doubt(desk, doubt);
            }
        }
    }

    fn cancelled(&self, reason: CancelReason) -> Finished {
        match &self.phase {
            Phase::Check(doubt, _) => unknown(doubt, "the run was stopped before his key was checked"),
            // A write that is still outstanding was not sent: the host answers those under way first.
            Phase::Ask(_) | Phase::Write => self.not_repeated(cancelled(reason)),
        }
    }
}

fn done(mut finished: Finished, by: ConfirmedBy) -> Finished {
    finished.confirmed_by = Some(by);
    finished
}

fn unknown(doubt: &Doubt, why: &str) -> Finished {
    let mut finished = doubt.otherwise.clone();
    let before = finished.message.unwrap_or_default();
    finished.outcome = Outcome::Unknown;
    finished.message = Some(format!("{before}; {why}"));
    finished
}
