//! A change that may have been sent, and was not answered: whether it took effect, and whether to send it
//! again.

use signoff_core::{Finished, InDoubtPolicy, Monotonic, Now, Outcome};

use super::write::Part;
use super::{Logout, Phase};
use crate::errors::ended;
use crate::finder::Sighting;
use crate::model::Activity;
use crate::request::{Desk, STATE_AGE};

/// How often a change is sent without an answer before it is given up.
const MOST_UNCERTAIN: u32 = 3;
/// Who is seen in a newer state so soon after a change of which nothing is known has hardly been logged out and
/// signed in again: it is taken for the old session. From the sending of the change to that of the read.
const SAME_SESSION_MS: i64 = 120_000;

/// A change that may have been sent, and was not answered.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    pub(super) part: Part,
    /// When it was sent, by the clock of Finesse.
    pub(super) intent_unix_ms: i64,
    /// From when on it can no longer be under way.
    pub(super) settled_at: Monotonic,
    pub(super) code: String,
    pub(super) message: String,
}

impl Logout {
    /// The change may have been sent, and was not answered.
    pub(super) fn uncertain(&mut self, desk: &mut Desk, now: Now, doubt: Doubt) {
        self.uncertain += 1;
        self.maybe_applied |= doubt.part == Part::Logout;
        self.doubt(desk, now, doubt, now.monotonic);
    }

    pub(super) fn doubt(&mut self, desk: &mut Desk, now: Now, doubt: Doubt, not_before: Monotonic) {
        match self.policy {
            InDoubtPolicy::Skip => {
                self.phase = Phase::Doubt(doubt);
                desk.finish(self.unknown("left in doubt, as it was asked"));
            }
            // Not repeated blindly even then: a call may have begun.
            InDoubtPolicy::Repeat if self.uncertain < MOST_UNCERTAIN => {
                self.phase = Phase::Look;
                self.look(desk, not_before);
            }
            InDoubtPolicy::Repeat | InDoubtPolicy::Verify => {
                self.phase = Phase::Doubt(doubt);
                self.look(desk, not_before);
                self.replay(desk, now);
            }
        }
    }

    /// Decides about a change in doubt from the state that was read.
    pub(super) fn settle(&mut self, desk: &mut Desk, now: Now, doubt: &Doubt, sighting: Sighting) {
        let person = &sighting.person;
        if person.activity() == Activity::Out {
            // At once, although the change may still be under way: whether it comes or not, he is out, and to look once
            // more later would tell no more. Only who is still in may be logged out by it yet.
            desk.finish(self.out());
        } else if doubt.part == Part::Logout && person.logout_pends() {
            // It was received, and waits for the end of his call: as good as an acceptance.
            self.phase = Phase::Confirm {
                deadline: now.monotonic + self.settings.confirm_within,
                pends: true,
                last: false,
            };
            self.look(desk, Monotonic::ZERO);
        } else if sighting.sent < doubt.settled_at {
            self.look(desk, Monotonic::ZERO);
        } else if self.uncertain >= MOST_UNCERTAIN {
            desk.finish(self.unknown("sent several times, and never answered"));
        } else {
            // Finesse gives no time before it has seen a change: then there was no logout either.
            let older = person
                .since_unix_ms
                .is_none_or(|since| since < doubt.intent_unix_ms);
            let soon = sighting.sent_unix_ms.saturating_sub(doubt.intent_unix_ms) <= SAME_SESSION_MS;
            if !older && !soon && doubt.part == Part::Logout {
                desk.finish(ended(
                    Outcome::Unknown,
                    "maybe_signed_in_again",
                    "his state is newer than a logout of which no answer is known: he may have signed in again",
                ));
                return;
            }
            self.maybe_applied &= !older;
            self.phase = Phase::Look;
            self.decide(desk, now, sighting);
        }
    }

    pub(super) fn sighting_failed(
        &mut self,
        desk: &mut Desk,
        now: Now,
        sent: Option<Monotonic>,
        finished: Finished,
    ) {
        match &self.phase {
            // What is known does not get less by a read that fails; the time to look ends it.
            Phase::Confirm {
                pends, last: true, ..
            } => desk.finish(Self::unconfirmed(*pends)),
            Phase::Confirm { .. } | Phase::NotReady { .. } => self.look(desk, now.monotonic + STATE_AGE),
            Phase::Doubt(doubt) if sent.unwrap_or(now.monotonic) < doubt.settled_at => {
                let settled_at = doubt.settled_at;
                self.look(desk, settled_at);
            }
            Phase::Doubt(_) => {
                let why = finished.message.unwrap_or_default();
                desk.finish(self.unknown(&format!("his state could not be read: {why}")));
            }
            Phase::Refused(refusal) => desk.finish(refusal.clone()),
            _ if self.maybe_applied => {
                let why = finished.message.unwrap_or_default();
                desk.finish(self.unknown(&format!("his state could not be read: {why}")));
            }
            _ => desk.finish(finished),
        }
    }
}
