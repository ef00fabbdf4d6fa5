//! Changes of a user's state: who may ask for which, how they queue up behind each other, and what is left of them
//! when their turn comes (developer guide 12.5, User APIs and Asynchronous Requests).

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use signoff_core::xml;

use super::behaviour::{Deployment, WhenChecked};
use super::error::{AsyncError, Refusal};
use super::population::MobileAgent;
use super::state::{By, Meeting, State, Verdict, Wish};
use super::{Finesse, Happening};
use crate::fault::Decision;
use crate::ledger::{Cause, Unapplied};
use crate::service::Incoming;

/// What UCCE and UCCX stamp on an agent whom a supervisor has set to NOT_READY.
const SUPERVISOR_CODE_UCCE: u32 = 999;
const SUPERVISOR_CODE_UCCX: u32 = 33;

/// A change that was accepted.
#[derive(Debug)]
pub(super) struct Change {
    wish: Wish,
    by: By,
    actor: Arc<str>,
    request_id: Option<Arc<str>>,
    reason: Option<u32>,
    extension: Option<String>,
    mobile: Option<MobileAgent>,
    /// Swallowed by a fault.
    lost: bool,
    error: Option<AsyncError>,
}

impl Finesse {
    /// `PUT /finesse/api/User/{id}`: accepted with this status, or refused.
    pub(super) fn change_user(
        &mut self,
        actor: usize,
        target: &str,
        request: &Incoming<'_>,
        decision: &Decision,
        now: Duration,
    ) -> Result<StatusCode, Refusal> {
        let who = self.target(actor, target)?;
        let by = if who == actor { By::Himself } else { By::Supervisor };
        let body = request.body;
        let parsed = parse(body, self.behaviour.deployment);
        let is_logout = matches!(&parsed, Ok(asked) if asked.wish == Wish::Logout);
        let accepted = parsed.and_then(|asked| self.check(who, actor, by, asked));
        if is_logout {
            self.ledger
                .logout_requested(&self.accounts[who].id, accepted.is_ok());
        }
        let asked = accepted?;
        let change = Change {
            wish: asked.wish,
            by,
            actor: Arc::clone(&self.accounts[actor].id),
            request_id: request.request_id().map(Arc::from),
            reason: asked.reason,
            extension: asked.extension,
            mobile: asked.mobile,
            lost: decision.never_apply,
            error: decision
                .cti_error
                .clone()
                .or_else(|| self.accounts[who].user.cti_error.clone()),
        };
        self.enqueue(who, change, decision.lag.unwrap_or(self.behaviour.lag), now);
        Ok(StatusCode::from_u16(self.behaviour.accept_status).unwrap_or(StatusCode::ACCEPTED))
    }

    /// The user that the path names, if the actor may act on him.
    fn target(&self, actor: usize, target: &str) -> Result<usize, Refusal> {
        let who = self.index(target).or_else(|| self.by_name(target));
        let myself = &self.accounts[actor];
        if who == Some(actor) {
            return if myself.user.agent {
                Ok(actor)
            } else {
                Err(Refusal::UserNotFound(target.to_owned()))
            };
        }
        if myself.user.supervises.is_empty() {
            return Err(if myself.user.administrator {
                Refusal::AuthorizationFailure(myself.user.id.clone())
            } else {
                Refusal::InvalidAuthorizationUser(target.to_owned())
            });
        }
        let who = who
            .filter(|&who| self.accounts[who].user.agent)
            .ok_or_else(|| Refusal::UserNotFound(target.to_owned()))?;
        if !myself.user.supervises.contains(&self.accounts[who].user.team) {
            return Err(Refusal::InvalidSupervisor(target.to_owned()));
        }
        Ok(who)
    }

    /// What is wrong with the wish before it is queued.
    fn check(&self, who: usize, actor: usize, by: By, asked: Asked) -> Result<Asked, Refusal> {
        if by == By::Supervisor {
            if asked.wish == Wish::Login {
                return Err(Refusal::InvalidAuthorizationUser(
                    self.accounts[who].user.id.clone(),
                ));
            }
            if asked.reason.is_some() {
                return Err(Refusal::InvalidInput("reasonCodeId"));
            }
        }
        if let Some(reason) = asked.reason {
            let fits = |category| match asked.wish {
                Wish::Logout => category == "LOGOUT",
                Wish::NotReady => category == "NOT_READY",
                _ => true,
            };
            let known = self
                .reason_codes
                .iter()
                .any(|code| code.id == reason && fits(code.category));
            if !known {
                return Err(Refusal::InvalidInput("reasonCodeId"));
            }
        } else if self.behaviour.reason_required
            && who == actor
            && asked.wish == Wish::Logout
            && self.reason_codes.iter().any(|code| code.category == "LOGOUT")
        {
            return Err(Refusal::ParameterMissing("reasonCodeId"));
        }
        // While something is queued for him, nobody knows yet which state this change will meet.
        if self.accounts[who].queued == 0
            && self.behaviour.state_check == WhenChecked::Sync
            && let Verdict::Refused(refusal) = self.meeting(who, by).verdict(asked.wish)
        {
            return Err(refusal);
        }
        Ok(asked)
    }

    /// Puts a change behind those that are queued for the same user.
    fn enqueue(&mut self, who: usize, change: Change, lag: Duration, now: Duration) {
        let account = &mut self.accounts[who];
        let due = account.last_due.max(now) + lag;
        account.queued += 1;
        account.last_due = due;
        self.timeline.add(due, Happening::Apply(who, Box::new(change)));
        self.advance();
    }

    /// A change's turn has come.
    pub(super) fn apply(&mut self, who: usize, change: Change, at: Duration) {
        let account = &mut self.accounts[who];
        account.queued -= 1;
        if change.lost {
            self.not_applied(who, change, None, at);
            return;
        }
        if let Some(error) = change.error.clone() {
            self.not_applied(who, change, Some(error), at);
            return;
        }
        match self.meeting(who, change.by).verdict(change.wish) {
            Verdict::Unchanged => {}
            Verdict::Now(state) => self.enter_by_request(who, state, change, at),
            Verdict::AfterCall(state) => {
                let cause = change.cause();
                self.accounts[who].pending = Some((state, cause));
                self.announce(who, change.request_id.as_deref());
            }
            Verdict::Refused(_) => self.not_applied(who, change, Some(AsyncError::object_state()), at),
            Verdict::Fails(error) => self.not_applied(who, change, Some(error), at),
        }
    }

    fn enter_by_request(&mut self, who: usize, state: State, change: Change, at: Duration) {
        let cause = change.cause();
        self.change(who, state, at, cause);
        let forced_code = match self.behaviour.deployment {
            Deployment::Ucce => SUPERVISOR_CODE_UCCE,
            Deployment::Uccx => SUPERVISOR_CODE_UCCX,
        };
        let account = &mut self.accounts[who];
        account.reason = change.reason;
        account.system_code =
            (change.by == By::Supervisor && state == State::NotReady).then_some(forced_code);
        if let Some(extension) = change.extension {
            account.user.extension = extension;
            account.user.mobile = change.mobile;
        }
        self.announce(who, change.request_id.as_deref());
    }

    fn not_applied(&mut self, who: usize, change: Change, error: Option<AsyncError>, at: Duration) {
        if let Some(error) = &error {
            self.announce_error(who, error, change.request_id.as_deref());
        }
        self.ledger.not_applied(Unapplied {
            at,
            user: Arc::clone(&self.accounts[who].id),
            to: change.wish.name(),
            error,
            request_id: change.request_id,
        });
    }

    fn meeting(&self, who: usize, by: By) -> Meeting {
        let account = &self.accounts[who];
        Meeting {
            deployment: self.behaviour.deployment,
            talking: self.behaviour.talking,
            by,
            state: account.state,
            pending: account.pending.as_ref().map(|(state, _)| *state),
        }
    }
}

impl Change {
    fn cause(&self) -> Cause {
        Cause::Request {
            actor: Arc::clone(&self.actor),
            request_id: self.request_id.clone(),
        }
    }
}

/// What a body asks for. Children that mean nothing here are ignored, as clients send some.
#[derive(Debug)]
struct Asked {
    wish: Wish,
    reason: Option<u32>,
    extension: Option<String>,
    mobile: Option<MobileAgent>,
}

fn parse(body: &[u8], deployment: Deployment) -> Result<Asked, Refusal> {
    let root = xml::parse(body).map_err(|_| Refusal::BadRequest("User"))?;
    if !root.is("User") {
        return Err(Refusal::BadRequest("User"));
    }
    let state = root
        .child_text("state")
        .ok_or(Refusal::ParameterMissing("state"))?;
    let wish = Wish::parse(state).ok_or(Refusal::InvalidInput("state"))?;
    let reason = root
        .child_text("reasonCodeId")
        .map(|id| id.parse().map_err(|_| Refusal::InvalidInput("reasonCodeId")))
        .transpose()?;
    let mut asked = Asked {
        wish,
        reason,
        extension: None,
        mobile: None,
    };
    if wish == Wish::Login {
        let extension = root
            .child_text("extension")
            .ok_or(Refusal::ParameterMissing("extension"))?;
        if !is_extension(extension, deployment) {
            return Err(Refusal::BadExtension(extension.to_owned()));
        }
        asked.extension = Some(extension.to_owned());
        asked.mobile = root.child("mobileAgent").map(mobile_agent).transpose()?;
    }
    Ok(asked)
}

/// Digits; on UCCX also E.164, up to 15 of them.
fn is_extension(extension: &str, deployment: Deployment) -> bool {
    let digits = match deployment {
        Deployment::Ucce => extension,
        Deployment::Uccx => extension.strip_prefix('+').unwrap_or(extension),
    };
    (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn mobile_agent(element: &xml::Element) -> Result<MobileAgent, Refusal> {
    let mode = element
        .child_text("mode")
        .ok_or(Refusal::ParameterMissing("mode"))?;
    if !matches!(mode, "CALL_BY_CALL" | "NAILED_CONNECTION") {
        return Err(Refusal::InvalidInput("mode"));
    }
    let dial_number = element
        .child_text("dialNumber")
        .ok_or(Refusal::ParameterMissing("dialNumber"))?;
    Ok(MobileAgent {
        mode: mode.to_owned(),
        dial_number: dial_number.to_owned(),
    })
}
