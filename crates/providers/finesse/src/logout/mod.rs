//! Logging a user out.
//!
//! The phases, each of which ends with an answer or with its time:
//!
//! 1. *Reasons* and *deployment*, for one's own logout only: which database id a sign-out reason has, and
//!    whether Finesse runs on UCCE, where an agent signs out from NOT_READY alone.
//! 2. *Look*: the state is read. Logged out: `already`. On a call: read on, once a second, until he leaves it
//!    or the time to wait is over. Else the change is sent, on a state at most two seconds old; if its turn
//!    comes later than that, it looks again.
//! 3. *Listen*, where a notification is wanted: the subscriptions are made before anything is sent.
//!    *Write*: the change is on its way, NOT_READY first where that was asked for.
//! 4. *Not ready*: NOT_READY was accepted; the logout follows when the state shows it.
//! 5. *Confirm*: LOGOUT was accepted; a notification is waited for, or the state is read until it shows it. Never
//!    sent again from here on.
//! 6. *Doubt*: the change may have been sent, and was not answered. The state is read until the change can no
//!    longer be under way, and then decides whether it is sent again.
//! 7. *Refused*: Finesse says that the state does not allow it. It may have changed since it was read: it is
//!    read once more.

mod doubt;
mod endings;
mod reason;
mod settings;
mod watch;
mod write;

use std::sync::Arc;

use signoff_core::{
    Args, CancelReason, Context, Error, Field, Finished, InDoubtPolicy, Monotonic, Now, Outcome,
};

use crate::errors::{VendorError, ended, unanswered};
use crate::finder::{Finder, Found, Sighting, Trouble};
use crate::model::{Activity, Deployment, SystemInfo};
use crate::request::{Desk, STATE_AGE};
use crate::runner::{Actor, Answer, Heard, Task, cancelled};

use doubt::Doubt;
use endings::{described, done};
use settings::Settings;
use watch::Watch;
use write::Part;

pub(crate) use watch::UserNodes;

/// One logout under way.
#[derive(Debug)]
pub(crate) struct Logout {
    settings: Settings,
    actor: String,
    may_act_on_self: bool,
    plan: bool,
    policy: InDoubtPolicy,
    call: String,
    deployment: Option<Deployment>,
    asked_deployment: bool,
    nodes: Arc<UserNodes>,
    finder: Finder,
    on_self: bool,
    /// The database id of the reason.
    reason: Option<String>,
    phase: Phase,
    /// When waiting for his call to end is over; from the first time that he was seen on one.
    patience: Option<Monotonic>,
    /// How he was when it was last decided what to do.
    before: Option<Sighting>,
    /// How he was before this operation changed anything.
    origin: Option<Sighting>,
    /// How he was seen since then.
    after: Option<Sighting>,
    /// Changes sent, for their request ids.
    sends: u32,
    /// Changes that this process sent without an answer.
    uncertain: u32,
    /// Whether a LOGOUT of this run may have reached him.
    maybe_applied: bool,
    not_ready_set: bool,
    request_id: Option<String>,
    /// The notifications, once they were asked for.
    watch: Option<Box<Watch>>,
}

#[derive(Debug)]
enum Phase {
    /// Who the actor is, is not known yet; with what an earlier process left.
    Actor(Option<Doubt>),
    /// The reasons are being read; the same is left.
    Reasons(Option<Doubt>),
    Deployment,
    Look,
    /// The subscriptions were asked for.
    Listen,
    Write(Part),
    NotReady {
        deadline: Monotonic,
    },
    Confirm {
        deadline: Monotonic,
        pends: bool,
        /// The time is up, and the state is read once more.
        last: bool,
    },
    Doubt(Doubt),
    /// With these words, unless his state says otherwise.
    Refused(Finished),
}

impl Logout {
    pub(crate) fn new(
        args: Args<'_>,
        context: Context<'_>,
        deployment: Option<Deployment>,
        nodes: Arc<UserNodes>,
        now: Now,
    ) -> Result<Self, Error> {
        let settings = Settings::read(args)?;
        let earlier = context
            .earlier
            .iter()
            .find(|earlier| earlier.part == Part::Logout.name());
        let doubt = earlier.map(|earlier| Doubt {
            part: Part::Logout,
            intent_unix_ms: earlier.sent_unix_ms,
            settled_at: earlier.settled_at.max(now.monotonic),
            code: "interrupted".to_owned(),
            message: "an earlier process sent it, and ended before the answer".to_owned(),
        });
        Ok(Self {
            actor: context.actor.to_owned(),
            may_act_on_self: context.may_act_on_self || settings.include_self,
            plan: context.plan,
            policy: context.in_doubt,
            call: context.call.to_owned(),
            deployment,
            asked_deployment: false,
            nodes,
            finder: Finder::own(&settings.user.id),
            on_self: false,
            reason: None,
            patience: None,
            before: None,
            origin: None,
            after: None,
            sends: context.earlier.iter().map(|earlier| earlier.attempts).sum(),
            uncertain: 0,
            maybe_applied: doubt.is_some(),
            not_ready_set: false,
            request_id: None,
            watch: None,
            phase: Phase::Actor(doubt),
            settings,
        })
    }

    /// Reads the state, newer than the last one and after this moment.
    fn look(&mut self, desk: &mut Desk, not_before: Monotonic) {
        if !self.finder.ask(desk, not_before) {
            let nowhere = self.nowhere();
            desk.finish(match (self.maybe_applied, nowhere.message) {
                (true, Some(why)) => self.unknown(&why),
                (_, message) => Finished { message, ..nowhere },
            });
            return;
        }
        self.remind(desk);
    }

    /// Tells the host when to come back if no answer does, and why it waits.
    fn remind(&self, desk: &mut Desk) {
        match &self.phase {
            Phase::Look => {
                if let Some(patience) = self.patience {
                    desk.wait(patience, "for the call to end");
                }
            }
            Phase::NotReady { deadline } => desk.wait(*deadline, "for NOT_READY to take effect"),
            Phase::Confirm { last: true, .. } => desk.wait(Monotonic::NEVER, "for the logout to take effect"),
            Phase::Confirm { deadline, .. } => desk.wait(*deadline, "for the logout to take effect"),
            Phase::Listen => desk.wait(self.listens_until(), "for notifications"),
            Phase::Doubt(_) => desk.wait(Monotonic::NEVER, "for a request without an answer to settle"),
            Phase::Actor(_) | Phase::Reasons(_) | Phase::Deployment | Phase::Write(_) | Phase::Refused(_) => {
            }
        }
    }

    /// The first look, or what an earlier process left to settle.
    fn first_look(&mut self, desk: &mut Desk, now: Now, doubt: Option<Doubt>) {
        match doubt {
            Some(doubt) => self.doubt(desk, now, doubt, Monotonic::ZERO),
            None => {
                self.phase = Phase::Look;
                self.look(desk, Monotonic::ZERO);
            }
        }
    }

    /// He was seen: what follows depends on what was waited for.
    fn seen(&mut self, desk: &mut Desk, now: Now, sighting: Sighting) {
        let activity = sighting.person.activity();
        if !matches!(self.phase, Phase::Look) {
            self.after = Some(sighting.clone());
        }
        match &self.phase {
            Phase::Look => self.decide(desk, now, sighting),
            Phase::NotReady { .. } => {
                let settled = sighting.person.state.is("NOT_READY");
                if settled || activity != Activity::Idle {
                    self.phase = Phase::Look;
                    self.decide(desk, now, sighting);
                } else {
                    self.look(desk, Monotonic::ZERO);
                }
            }
            Phase::Confirm { .. } if activity == Activity::Out => desk.finish(done()),
            Phase::Confirm { last: true, .. } => {
                desk.finish(Self::unconfirmed(sighting.person.logout_pends()));
            }
            Phase::Confirm { deadline, .. } => {
                self.phase = Phase::Confirm {
                    deadline: *deadline,
                    pends: sighting.person.logout_pends(),
                    last: false,
                };
                self.look(desk, Monotonic::ZERO);
            }
            Phase::Doubt(doubt) => {
                let doubt = doubt.clone();
                self.settle(desk, now, &doubt, sighting);
            }
            Phase::Refused(_) if activity == Activity::Out => desk.finish(self.out()),
            Phase::Refused(refusal) => desk.finish(refusal.clone()),
            Phase::Actor(_) | Phase::Reasons(_) | Phase::Deployment | Phase::Listen | Phase::Write(_) => {}
        }
    }

    /// Nothing is under way, and this is how he is.
    fn decide(&mut self, desk: &mut Desk, now: Now, sighting: Sighting) {
        let activity = sighting.person.activity();
        if !self.not_ready_set {
            self.origin = Some(sighting.clone());
            self.after = None;
        }
        self.before = Some(sighting);
        match activity {
            Activity::Out => desk.finish(self.out()),
            Activity::OnCall if self.settings.when_idle => self.wait_for_call(desk, now),
            Activity::OnCall | Activity::Idle => self.act(desk, now),
        }
    }

    fn wait_for_call(&mut self, desk: &mut Desk, now: Now) {
        if self.plan {
            desk.finish(ended(Outcome::Planned, "on_call", "after the current call"));
            return;
        }
        let patience = *self.patience.get_or_insert(now.monotonic + self.settings.wait);
        if now.monotonic >= patience {
            desk.finish(self.busy());
            return;
        }
        self.phase = Phase::Look;
        self.look(desk, Monotonic::ZERO);
    }

    /// He may be logged out now.
    fn act(&mut self, desk: &mut Desk, now: Now) {
        let Some(before) = &self.before else {
            return;
        };
        let state = &before.person.state;
        if self.on_self && self.deployment.is_none() && !self.asked_deployment && !state.is("NOT_READY") {
            self.asked_deployment = true;
            self.phase = Phase::Deployment;
            desk.read_deployment();
            return;
        }
        let own_rules = self.deployment.filter(|_| self.on_self);
        let may_sign_out = own_rules.is_none_or(|deployment| deployment.signs_out_from(state));
        // Idle, and neither NOT_READY nor logged out: READY, WORK or WORK_READY, from which it can be set.
        let settable = before.person.activity() == Activity::Idle && !state.is("NOT_READY");
        let needless = own_rules.is_some() && may_sign_out;
        if self.settings.force_not_ready && settable && !needless {
            self.write(desk, now, Part::NotReady);
        } else if may_sign_out {
            self.write(desk, now, Part::Logout);
        } else {
            let message = format!(
                "an agent signs out from NOT_READY only, and `{}` is in {}: change the state first, or use `force_not_ready`",
                before.person.id, state.0
            );
            desk.finish(ended(Outcome::Refused, "not_ready_first", message));
        }
    }

    fn is_on_call(&self) -> bool {
        self.before
            .as_ref()
            .is_some_and(|before| before.person.activity() == Activity::OnCall)
    }
}

impl Task for Logout {
    fn begin(&mut self, desk: &mut Desk, now: Now, actor: Actor) {
        let Phase::Actor(doubt) = &mut self.phase else {
            return;
        };
        let doubt = doubt.take();
        let user = &self.settings.user;
        let own = actor.own.as_ref().ok();
        self.on_self =
            user.id.eq_ignore_ascii_case(&self.actor) || own.is_some_and(|own| own.is_called(&user.id));
        if !self.on_self {
            if self.settings.reason.is_some() {
                let message = "Finesse takes a sign-out reason for one's own logout only";
                desk.finish(ended(Outcome::Refused, "reason_of_another", message));
                return;
            }
            self.finder = Finder::other(user, own);
            self.first_look(desk, now, doubt);
            return;
        }
        if !self.may_act_on_self {
            let message = "he is the one who logs the others out; `include_self` logs him out too";
            desk.finish(ended(Outcome::Skipped, "acting_user", message));
            return;
        }
        let own = match actor.own {
            Ok(own) => own,
            Err(error) => return desk.finish(error.finished(error.outcome())),
        };
        if self.settings.reason.is_some() {
            self.phase = Phase::Reasons(doubt);
            desk.read_sign_out_reasons();
        } else if doubt.is_some() {
            self.first_look(desk, now, doubt);
        } else if now.monotonic.since(actor.sent) <= STATE_AGE {
            self.phase = Phase::Look;
            let sighting = Sighting {
                person: Arc::new(own),
                sent: actor.sent,
                sent_unix_ms: actor.sent_unix_ms,
                whole: true,
            };
            self.seen(desk, now, sighting);
        } else {
            self.first_look(desk, now, None);
        }
    }

    fn answer(&mut self, desk: &mut Desk, now: Now, answer: Answer<'_>) {
        match (&self.phase, answer) {
            (Phase::Write(part), Answer::Response(response)) => {
                let part = *part;
                self.written(desk, now, part, response);
            }
            (Phase::Write(part), Answer::Failure(failure)) => {
                let part = *part;
                self.unwritten(desk, now, part, failure);
            }
            (Phase::Write(Part::NotReady), Answer::Held) => self.write(desk, now, Part::Logout),
            (_, Answer::Held) => desk.finish(Finished::new(Outcome::Planned)),
            (Phase::Reasons(_), Answer::Response(response)) => self.reasons(desk, now, response),
            (Phase::Deployment, answer) => {
                if let Answer::Response(response) = answer {
                    let info = SystemInfo::parse(response.body).ok();
                    self.deployment = info.and_then(|info| info.deployment());
                }
                // Without an answer Finesse itself will say whether the state is right.
                self.phase = Phase::Look;
                self.act(desk, now);
            }
            (_, Answer::Response(response)) => match self.finder.answer(desk, response) {
                Ok(Found::Here(sighting)) => self.seen(desk, now, sighting),
                Ok(Found::Searching) => self.remind(desk),
                Ok(Found::Nowhere) => {
                    let finished = self.nowhere();
                    self.sighting_failed(desk, now, Some(response.sent), finished);
                }
                Err(Trouble::Vendor(error)) => {
                    let finished = error.finished(error.outcome());
                    self.sighting_failed(desk, now, Some(response.sent), finished);
                }
                Err(Trouble::Unreadable { what, why }) => {
                    let finished = ended(Outcome::Failed, "unreadable_answer", format!("{what}: {why}"));
                    self.sighting_failed(desk, now, Some(response.sent), finished);
                }
            },
            (_, Answer::Failure(failure)) => {
                let finished = unanswered(Outcome::Failed, failure);
                self.sighting_failed(desk, now, None, finished);
            }
        }
    }

    fn heard(&mut self, desk: &mut Desk, now: Now, heard: Heard<'_>) {
        self.hear(desk, now, heard);
    }

    fn tick(&mut self, desk: &mut Desk, now: Now) {
        if desk.has_finished() {
            return;
        }
        match &self.phase {
            Phase::Look
                if self.is_on_call() && self.patience.is_some_and(|patience| now.monotonic >= patience) =>
            {
                desk.finish(self.busy());
            }
            Phase::NotReady { deadline } if now.monotonic >= *deadline => desk.finish(ended(
                Outcome::Failed,
                "not_ready_unconfirmed",
                "NOT_READY was accepted and did not take effect; LOGOUT was not sent",
            )),
            Phase::Listen if now.monotonic >= self.listens_until() => self.listened(desk, now),
            Phase::Confirm {
                deadline,
                pends,
                last,
            } if !*last && now.monotonic >= *deadline => {
                let finished = Self::unconfirmed(*pends);
                if !self.last_look(desk, now) {
                    desk.finish(finished);
                }
            }
            _ => {}
        }
    }

    fn denied(&self, error: &VendorError) -> Finished {
        match &self.phase {
            Phase::Confirm { pends, .. } => Self::unconfirmed(*pends),
            Phase::Doubt(_) => self.unknown("his state could not be read: Finesse refused the credential"),
            Phase::Refused(refusal) => refusal.clone(),
            _ => error.finished(Outcome::Denied),
        }
    }

    fn cancelled(&self, reason: CancelReason) -> Finished {
        match &self.phase {
            Phase::Confirm { pends, .. } => Self::unconfirmed(*pends),
            Phase::Doubt(_) => self.unknown("the run was stopped before it settled"),
            Phase::Refused(refusal) => refusal.clone(),
            _ if self.maybe_applied => self.unknown("the run was stopped before it settled"),
            // A write that is still outstanding was not sent: the host answers those under way first.
            _ => cancelled(reason),
        }
    }

    fn describe(&self, finished: &mut Finished) {
        if finished.request_id.is_none() {
            finished.request_id.clone_from(&self.request_id);
        }
        let (origin, after) = (self.origin.as_ref(), self.after.as_ref());
        let Some(latest) = after.or(origin) else {
            return;
        };
        finished.name = latest.person.name();
        let mut fields = Vec::new();
        if let Some(origin) = origin {
            fields.extend(described(&origin.person, "state_before", "since_before"));
        }
        if let Some(after) = after {
            fields.extend(described(&after.person, "state_after", "since_after"));
        }
        if let Some(pending) = &latest.person.pending_state {
            fields.push(Field::new("pending_state", pending.as_str()));
        }
        if let Some(team) = &latest.person.team {
            fields.push(Field::new("team", team.id.as_str()));
        }
        if self.not_ready_set {
            fields.push(Field::new("not_ready_set", true));
        }
        finished.fields.extend(fields);
        self.describe_watch(finished);
    }
}
