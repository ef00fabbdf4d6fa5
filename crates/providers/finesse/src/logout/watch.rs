//! Hearing of a logout from Finesse itself: subscribe, send, and wait for the notification.
//!
//! A notification settles what the 202 leaves open: that he is out, that he will be when his call ends, or that the
//! switch behind Finesse did not do it, which no answer to a request ever says. Where there is no notification (no feed, a
//! feed that was lost, none in time) the state is read as it is without one, and the report says why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use signoff_core::{ConfirmedBy, Event, FeedEvent, Field, Finished, Monotonic, Now, Outcome, RequestId};

use super::doubt::Doubt;
use super::endings::shown;
use super::write::Part;
use super::{Logout, Phase};
use crate::errors::ended;
use crate::feed::{team_node, user_node};
use crate::request::Desk;
use crate::runner::Heard;

/// How long a logout waits for its subscriptions: as long as for the proof, within reason. The host says sooner how they
/// stand.
const WAIT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));
/// How often a logout listens again after a feed was lost.
const MOST_AGAIN: u32 = 3;
/// What is kept of notifications that come before the answer to the request.
const MOST_EARLY: usize = 16;
/// So many refusals of users' own nodes, and no grant, show that this actor may listen to none.
const ENOUGH_REFUSALS: u32 = 3;

/// Whether Finesse lets the actor listen to the nodes of others; shared by the operations of a connection, so that a
/// team of thousands does not ask thousands of times. A supervisor is known to be let to those of his teams alone.
#[derive(Debug, Default)]
pub(crate) struct UserNodes {
    granted: AtomicBool,
    refusals: AtomicU32,
}

impl UserNodes {
    fn are_worth_asking_for(&self) -> bool {
        self.granted.load(Ordering::Relaxed) || self.refusals.load(Ordering::Relaxed) < ENOUGH_REFUSALS
    }

    fn was_granted(&self) {
        self.granted.store(true, Ordering::Relaxed);
    }

    fn was_refused(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }
}

/// The notifications of one logout.
#[derive(Debug)]
pub(super) struct Watch {
    nodes: Arc<UserNodes>,
    ears: Vec<Ear>,
    /// When waiting for subscriptions is over.
    until: Monotonic,
    /// Why there is none, once there is none.
    deaf: Option<String>,
    /// Whether there was one to begin with; where not, the host says why, once for all users.
    heard_once: bool,
    /// How often there was one that was lost before anything was sent.
    again: u32,
    /// What came while the request was under way, and when.
    early: Vec<(FeedEvent, Monotonic)>,
    /// When the request left.
    left: Option<Monotonic>,
    /// Whether an earlier request of this run may have logged him out already.
    applied_before: bool,
    /// How long after the request the notification came that he is out.
    heard_after: Option<Duration>,
}

/// One subscription.
#[derive(Debug)]
struct Ear {
    id: RequestId,
    of_user: bool,
    hears: Option<bool>,
}

impl Watch {
    fn awaits_subscription(&self) -> bool {
        self.ears.iter().any(|ear| ear.hears.is_none())
    }

    fn hears(&self) -> bool {
        self.deaf.is_none() && self.ears.iter().any(|ear| ear.hears == Some(true))
    }

    fn set(&mut self, id: RequestId, hears: bool) -> bool {
        let ear = self.ears.iter_mut().find(|ear| ear.id == id);
        ear.is_some_and(|ear| {
            if ear.of_user && ear.hears.is_none() {
                if hears {
                    self.nodes.was_granted();
                } else {
                    self.nodes.was_refused();
                }
            }
            ear.hears = Some(hears);
            self.heard_once |= hears;
            true
        })
    }
}

impl Logout {
    /// Subscribes before the request is sent, where that was asked for and has not been done. True if it now waits.
    pub(super) fn listen(&mut self, desk: &mut Desk, now: Now) -> bool {
        let again = match &self.watch {
            None => 0,
            // The feed was lost before anything was sent: there may be another one by now.
            Some(watch) if watch.heard_once && watch.deaf.is_some() => watch.again + 1,
            Some(_) => return false,
        };
        if again > MOST_AGAIN || self.plan || !self.settings.proof.wants_event() {
            return false;
        }
        let person = self.before.as_ref().map(|before| &before.person);
        let user = person.map_or(&self.settings.user.id, |person| &person.id).clone();
        let team = person.and_then(|person| person.team.as_ref());
        let mut ears = Vec::new();
        if let Some(team) = team {
            let id = desk.subscribe(team_node(&team.id), &user);
            ears.push(ear(id, false));
        }
        if team.is_none() || self.nodes.are_worth_asking_for() {
            let id = desk.subscribe(user_node(&user), &user);
            ears.push(ear(id, true));
        }
        let until = now.monotonic + self.settings.confirm_within.clamp(WAIT.0, WAIT.1);
        self.watch = Some(Box::new(Watch {
            nodes: Arc::clone(&self.nodes),
            ears,
            until,
            deaf: None,
            heard_once: again > 0,
            again,
            early: Vec::new(),
            left: None,
            applied_before: false,
            heard_after: None,
        }));
        self.phase = Phase::Listen;
        desk.wait(until, "for notifications");
        true
    }

    /// When waiting for subscriptions is over.
    pub(super) fn listens_until(&self) -> Monotonic {
        self.watch.as_ref().map_or(Monotonic::ZERO, |watch| watch.until)
    }

    /// All subscriptions stand, or none will: goes on, with or without.
    pub(super) fn listened(&mut self, desk: &mut Desk, now: Now) {
        let Some(watch) = &mut self.watch else { return };
        if !watch.hears() {
            let why = watch
                .deaf
                .get_or_insert_with(|| "the feed gave no answer in time".to_owned());
            if self.settings.proof.is_strict() {
                let message = format!("nothing was sent, as no notification could prove it: {why}");
                return desk.finish(ended(Outcome::Failed, "no_feed", message));
            }
        }
        self.write(desk, now, Part::Logout);
    }

    /// The request was accepted at `left`; true if a notification is waited for, or has come already.
    pub(super) fn awaits_event(&mut self, desk: &mut Desk, now: Now, left: Monotonic) -> bool {
        let applied_before = std::mem::replace(&mut self.maybe_applied, true);
        let Some(watch) = &mut self.watch else {
            return false;
        };
        watch.left = Some(left);
        watch.applied_before = applied_before;
        if !watch.hears() {
            return false;
        }
        self.remind(desk);
        self.replay(desk, now);
        true
    }

    /// What came before the answer counts as if it came now.
    pub(super) fn replay(&mut self, desk: &mut Desk, now: Now) {
        let early = self.watch.as_mut().map(|watch| std::mem::take(&mut watch.early));
        for (event, at) in early.unwrap_or_default() {
            if !desk.has_finished() {
                self.event(desk, now, at, &event.as_event());
            }
        }
    }

    pub(super) fn hear(&mut self, desk: &mut Desk, now: Now, heard: Heard<'_>) {
        let Some(watch) = &mut self.watch else { return };
        match heard {
            Heard::Subscribed(id) => _ = watch.set(id, true),
            Heard::Refused(id, why) => {
                if watch.set(id, false) && !watch.awaits_subscription() && !watch.hears() {
                    watch.deaf = Some(why.to_owned());
                }
            }
            Heard::Lost(id) => {
                if watch.set(id, false) && !watch.hears() && watch.deaf.is_none() {
                    self.deafen(desk, now, "the feed was lost".to_owned());
                }
            }
            Heard::Event(event) => {
                if matches!(self.phase, Phase::Write(Part::Logout)) {
                    if watch.early.len() < MOST_EARLY {
                        watch.early.push((FeedEvent::from(*event), now.monotonic));
                    }
                } else {
                    self.event(desk, now, now.monotonic, event);
                }
                return;
            }
        }
        let settled = self
            .watch
            .as_ref()
            .is_none_or(|watch| !watch.awaits_subscription());
        if matches!(self.phase, Phase::Listen) && settled {
            self.listened(desk, now);
        }
    }

    /// No notification came in time: one look at the state, and that is the end.
    pub(super) fn last_look(&mut self, desk: &mut Desk, now: Now) -> bool {
        let hears = self.watch.as_ref().is_some_and(|watch| watch.hears());
        if !hears {
            return false;
        }
        let Phase::Confirm { last, .. } = &mut self.phase else {
            return false;
        };
        *last = true;
        let why = format!("no notification within {}", shown(self.settings.confirm_within));
        self.deafen(desk, now, why);
        true
    }

    /// From here on there is no notification: the state is read.
    fn deafen(&mut self, desk: &mut Desk, now: Now, why: String) {
        let Some(watch) = &mut self.watch else { return };
        watch.deaf = Some(why);
        if matches!(self.phase, Phase::Confirm { .. }) {
            self.look(desk, now.monotonic);
        }
    }

    /// A notification that arrived at `at`.
    fn event(&mut self, desk: &mut Desk, now: Now, at: Monotonic, event: &Event<'_>) {
        let is_he = event.user.eq_ignore_ascii_case(&self.settings.user.id)
            || self
                .before
                .as_ref()
                .is_some_and(|before| before.person.is_called(event.user));
        let ours = self.sent_as().is_some_and(|id| id == event.request_id);
        let is_out = is_he && event.state.eq_ignore_ascii_case("LOGOUT") && (ours || self.is_news(event));
        // Under another id it is the failure of somebody else's request, such as his own.
        let failed = !event.error_code.is_empty() && (ours || (is_he && event.request_id.is_empty()));
        let Some(watch) = &mut self.watch else { return };
        match &mut self.phase {
            Phase::Confirm { .. } if failed => {
                self.maybe_applied = watch.applied_before;
                self.phase = Phase::Refused(refused(event));
                self.look(desk, now.monotonic);
            }
            Phase::Confirm { .. }
            | Phase::Doubt(Doubt {
                part: Part::Logout, ..
            }) if is_out => {
                watch.heard_after = watch.left.map(|left| at.since(left));
                desk.finish(Finished {
                    confirmed_by: Some(ConfirmedBy::Event),
                    ..Finished::new(Outcome::Done)
                });
            }
            Phase::Confirm { pends, .. } if is_he && !event.state.is_empty() => {
                *pends = event.pending_state.eq_ignore_ascii_case("LOGOUT");
            }
            _ => {}
        }
    }

    /// Whether it tells of a change since he was last seen: one that comes late, or a second time, does not.
    fn is_news(&self, event: &Event<'_>) -> bool {
        let since = self
            .before
            .as_ref()
            .and_then(|before| before.person.since_unix_ms);
        event.unix_ms == 0 || since.is_none_or(|since| event.unix_ms > since)
    }

    /// For the report: how soon the notification came, or why there was none although one was wanted.
    pub(super) fn describe_watch(&self, finished: &mut Finished) {
        let Some(watch) = &self.watch else { return };
        if finished.confirmed_by == Some(ConfirmedBy::Event) {
            finished.fields.push(Field::new("state_after", "LOGOUT"));
            let after = watch.heard_after.map(|after| Field::new("event_after", after));
            finished.fields.extend(after);
        } else if let Some(why) = watch.deaf.as_deref()
            && watch.heard_once
        {
            finished.fields.push(Field::new("feed", why));
        }
    }
}

fn ear(id: RequestId, of_user: bool) -> Ear {
    Ear {
        id,
        of_user,
        hears: None,
    }
}

fn refused(event: &Event<'_>) -> Finished {
    let message = Some(event.error_message).filter(|message| !message.is_empty());
    let mut finished = Finished {
        code: Some(event.error_code.to_owned()),
        message: message.map(str::to_owned),
        ..Finished::new(Outcome::Refused)
    };
    if !event.error_kind.is_empty() {
        finished.fields.push(Field::new("error_type", event.error_kind));
    }
    finished
}
