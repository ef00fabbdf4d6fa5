//! Sending a change of state, and taking the answer to it.

use std::time::Duration;

use signoff_core::{Failure, FailureKind, Finished, Monotonic, Now, Outcome, Response, Sent};

use super::doubt::Doubt;
use super::settings::Proof;
use super::{Logout, Phase};
use crate::errors::{VendorError, unanswered};
use crate::request::{Change, Desk};
use crate::runner::is_server_error;

/// How old the state may be that a change rests on.
const ACTED_ON_AGE: Duration = Duration::from_secs(2);

/// The two changes that a logout may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    NotReady,
    Logout,
}

impl Part {
    /// The stable name of the write.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::Logout => "logout",
        }
    }

    pub(super) const fn state(self) -> &'static str {
        match self {
            Self::NotReady => "NOT_READY",
            Self::Logout => "LOGOUT",
        }
    }
}

impl Logout {
    pub(super) fn write(&mut self, desk: &mut Desk, now: Now, part: Part) {
        if part == Part::Logout && self.listen(desk, now) {
            return;
        }
        let (user, not_after) = match &self.before {
            Some(before) => (before.person.id.clone(), before.sent + ACTED_ON_AGE),
            None => (self.settings.user.id.clone(), now.monotonic),
        };
        self.sends += 1;
        self.phase = Phase::Write(part);
        desk.write_state(&Change {
            part: part.name(),
            user: &user,
            state: part.state(),
            reason: self.reason.as_deref().filter(|_| part == Part::Logout),
            request_id: self.sent_as().unwrap_or_default(),
            not_after,
        });
    }

    /// The id under which Finesse was told of the last change.
    pub(super) fn sent_as(&self) -> Option<String> {
        (self.sends > 0).then(|| format!("{}-{}", self.call, self.sends))
    }

    /// The change was answered.
    pub(super) fn written(&mut self, desk: &mut Desk, now: Now, part: Part, response: &Response<'_>) {
        if let Some(id) = response.header("requestid").filter(|id| !id.is_empty()) {
            self.request_id = Some(id.to_owned());
        }
        if matches!(response.status, 200..=299) {
            return self.accepted(desk, now, part, response.sent);
        }
        let error = VendorError::read(response);
        if is_server_error(response.status) {
            let words = error.finished(Outcome::Unknown);
            let doubt = Doubt {
                part,
                intent_unix_ms: response.sent_unix_ms,
                settled_at: response.settled_at,
                code: words.code.unwrap_or_default(),
                message: words.message.unwrap_or_default(),
            };
            return self.uncertain(desk, now, doubt);
        }
        let state_is_at_fault = error.is("Invalid State") || error.is("Invalid Input");
        if part == Part::Logout && state_is_at_fault {
            self.phase = Phase::Refused(error.finished(error.outcome()));
            self.look(desk, now.monotonic);
        } else {
            desk.finish(error.finished(error.outcome()));
        }
    }

    /// The change was not answered.
    pub(super) fn unwritten(&mut self, desk: &mut Desk, now: Now, part: Part, failure: &Failure<'_>) {
        match (failure.kind, failure.sent) {
            (FailureKind::Expired, _) => {
                // Its turn came too late for the state it rests on: the id was not used.
                self.sends -= 1;
                self.phase = Phase::Look;
                self.look(desk, Monotonic::ZERO);
            }
            (_, Sent::MaybeSent) => {
                let doubt = Doubt {
                    part,
                    intent_unix_ms: failure.sent_unix_ms,
                    settled_at: failure.settled_at,
                    code: failure.kind.name().to_owned(),
                    message: failure.message.to_owned(),
                };
                self.uncertain(desk, now, doubt);
            }
            (_, Sent::NotSent) => desk.finish(unanswered(Outcome::Failed, failure)),
        }
    }

    fn accepted(&mut self, desk: &mut Desk, now: Now, part: Part, left: Monotonic) {
        let deadline = now.monotonic + self.settings.confirm_within;
        match part {
            Part::NotReady => {
                self.not_ready_set = true;
                self.phase = Phase::NotReady { deadline };
            }
            Part::Logout => {
                self.phase = Phase::Confirm {
                    deadline,
                    pends: false,
                    last: false,
                };
                if self.awaits_event(desk, now, left) {
                    return;
                }
                if self.settings.proof == Proof::Acceptance {
                    desk.finish(Finished::new(Outcome::Accepted));
                    return;
                }
            }
        }
        self.look(desk, now.monotonic);
    }
}
