//! Who may send when: the queue, and everything it asks before it lets someone go.
//!
//! All of it stands behind one lock that is never held across an await, so that each decision sees one consistent
//! state. Decisions are made by [`State::turn`], which runs after every change; at most one timer is armed, for the
//! moment when time alone will change something.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use signoff_core::Monotonic;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::gate::{Answer, Gate, Question, Verdict};
use super::health::Health;
use super::limits::Limits;
use super::queue::Queue;
use super::retry::{Attempt, Budget, Random, backoff};
use super::turn::{Ask, DispatchStatus, Turn, Unreachable, WaitReason};
use crate::clock::Clock;
use crate::transport::ServerClock;

/// The admission of one connection.
#[derive(Debug)]
pub(super) struct Admission {
    clock: Clock,
    rate: Option<f64>,
    state: Mutex<State>,
    stopped: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    limits: Limits,
    gates: HashMap<Arc<str>, Gate>,
    budget: Budget,
    health: Health,
    random: Random,
    server_clock: ServerClock,
    operations: HashSet<u64>,
    next_operation: u64,
    sent: u64,
    stopped: bool,
    timer: Option<(Monotonic, AbortHandle)>,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    pub(super) attempt: Attempt,
    /// The HTTP status, of an answer.
    pub(super) status: u16,
    /// Which attempt of the request it was, from 1.
    pub(super) number: u32,
    pub(super) sent: Monotonic,
    /// The pause that the vendor asks for.
    pub(super) pause: Option<Duration>,
    /// The operations that get the answer.
    pub(super) operations: &'a [u64],
    /// Of a failure: what to tell those who wait for the same dead vendor.
    pub(super) unreachable: Option<Unreachable>,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The operation gets what came.
    Deliver,
    /// It is sent again, not before this moment.
    Retry(Monotonic),
}

impl Admission {
    pub(super) fn new(rate: Option<f64>, concurrency: u32, clock: Clock) -> Arc<Self> {
        let state = State {
            queue: Queue::default(),
            limits: Limits::new(rate, concurrency, clock),
            gates: HashMap::new(),
            budget: Budget::new(clock.now().monotonic),
            health: Health::default(),
            random: Random::new(),
            server_clock: ServerClock::default(),
            operations: HashSet::new(),
            next_operation: 0,
            sent: 0,
            stopped: false,
            timer: None,
        };
        Arc::new(Self {
            clock,
            rate,
            state: Mutex::new(state),
            stopped: watch::Sender::new(false),
        })
    }

    /// Queues up. The number is for [`hasten`](Self::hasten).
    pub(super) fn enqueue(self: &Arc<Self>, ask: Ask) -> (u64, Waiting) {
        let waits_for = (ask.credential.clone(), ask.proof, ask.write);
        let number = self.change(|state, now| state.enqueue(ask, now));
        let (credential, proof, write) = waits_for;
        let waiting = Waiting {
            admission: Arc::clone(self),
            number: Some(number),
            credential,
            proof,
            write,
        };
        (number, waiting)
    }

    /// Others came to wait for the same as he: he may go as soon as any of them might.
    pub(super) fn hasten(self: &Arc<Self>, number: u64, order: u64, earliest: Monotonic) {
        self.change(|state, now| state.queue.hasten(number, order, earliest, now));
    }

    /// A new operation begins; the number names it at the gates.
    pub(super) fn begin_operation(&self) -> u64 {
        let mut state = self.lock();
        let operation = state.next_operation;
        state.next_operation += 1;
        state.operations.insert(operation);
        operation
    }

    /// An operation has ended.
    pub(super) fn end_operation(self: &Arc<Self>, operation: u64) {
        self.change(|state, _| {
            state.operations.remove(&operation);
            let ended = state
                .gates
                .iter_mut()
                .filter_map(|(name, gate)| gate.operation_ended(operation).then(|| Arc::clone(name)));
            for refused in ended.collect::<Vec<_>>() {
                state.turn_away_refused(&refused);
            }
        });
    }

    /// From here on nothing new leaves.
    pub(super) fn stop(self: &Arc<Self>) {
        self.change(|state, _| {
            state.stopped = true;
            state.queue.decide_all(&Turn::Stopped, |_| true);
        });
        self.stopped.send_replace(true);
    }

    /// Returns once [`stop`](Self::stop) was called.
    pub(super) async fn stopped(&self) {
        let mut stopped = self.stopped.subscribe();
        // The sender lives as long as `self`.
        let _ = stopped.wait_for(|&stopped| stopped).await;
    }

    /// Since when a credential is in doubt, if it is.
    pub(super) fn doubted_since(&self, credential: &str) -> Option<Monotonic> {
        self.lock().gates.get(credential).and_then(Gate::doubted_since)
    }

    /// Takes in the `Date` of an answer, with our times of sending and receiving.
    pub(super) fn observe_date(&self, date: &str, sent_unix_ms: i64, received_unix_ms: i64) {
        self.lock()
            .server_clock
            .observe(date, sent_unix_ms, received_unix_ms);
    }

    /// The vendor's clock minus ours, in milliseconds.
    pub(super) fn server_offset_ms(&self) -> i64 {
        self.lock().server_clock.offset_ms()
    }

    pub(super) fn status(&self) -> DispatchStatus {
        let state = self.lock();
        DispatchStatus {
            in_flight: state.limits.in_flight(),
            waiting: state.queue.waiting(),
            held_until: state.limits.held_until(self.clock.now().monotonic),
            reason: state.reason(self.clock.now().monotonic),
            sent: state.sent,
            rate: self.rate,
            concurrency: state.limits.allowed(),
        }
    }

    /// Changes something, lets go who may go now, and wakes them when the lock is free: waking may drop a future, which
    /// comes back here.
    fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut State, Monotonic) -> T) -> T {
        let (result, to_wake) = {
            let mut state = self.lock();
            let now = self.clock.now().monotonic;
            let result = change(&mut state, now);
            if let Some(at) = state.turn(now) {
                self.arm(&mut state, at);
            }
            (result, state.queue.take_to_wake())
        };
        for waker in to_wake {
            waker.wake();
        }
        result
    }

    /// Sees to it that [`State::turn`] runs at that moment.
    fn arm(self: &Arc<Self>, state: &mut State, at: Monotonic) {
        if state.timer.as_ref().is_some_and(|(armed, _)| *armed <= at) {
            return;
        }
        // Without a runtime nobody is left to wait: this is a future that is dropped at the very end.
        let (Some(instant), Ok(runtime)) = (self.clock.instant(at), Handle::try_current()) else {
            return;
        };
        if let Some((_, superseded)) = state.timer.take() {
            superseded.abort();
        }
        let admission = Arc::downgrade(self);
        let timer = runtime.spawn(async move {
            tokio::time::sleep_until(instant).await;
            if let Some(admission) = admission.upgrade() {
                admission.change(|state, _| state.timer = None);
            }
        });
        state.timer = Some((at, timer.abort_handle()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enqueue(&mut self, ask: Ask, now: Monotonic) -> u64 {
        if let Some(credential) = &ask.credential
            && !self.gates.contains_key(credential)
        {
            self.gates
                .insert(Arc::clone(credential), Gate::new(Arc::clone(credential)));
        }
        let number = self.queue.push(ask, now);
        if self.stopped {
            self.queue.decide(number, Turn::Stopped);
        }
        number
    }

    /// Lets go all who may. Says when time alone will change something.
    fn turn(&mut self, now: Monotonic) -> Option<Monotonic> {
        let mut again = self.queue.wake_delayed(now);
        let mut at_latest = |at: Monotonic| again = Some(again.map_or(at, |known| known.min(at)));
        // First of all, so that nobody is overtaken by those who came while he could not go.
        self.unpark(now);
        loop {
            let Some((number, ask)) = self.queue.first() else {
                if self.unpark(now) {
                    continue;
                }
                break;
            };
            let one_is_enough = self.health.is_dead() && self.limits.in_flight() > 0;
            if one_is_enough || !self.limits.has_slot() {
                break;
            }
            if let Some(at) = self.limits.held_until(now) {
                at_latest(at);
                break;
            }
            if now > ask.not_after {
                self.queue.decide(number, Turn::Expired);
                continue;
            }
            let gate = ask
                .credential
                .as_ref()
                .and_then(|credential| self.gates.get_mut(credential));
            let verdict = gate
                .as_ref()
                .map_or(Verdict::Pass, |gate| gate.verdict(ask.proof));
            let alone = match verdict {
                Verdict::Pass => false,
                Verdict::PassAlone => true,
                Verdict::Wait => {
                    self.queue.park_at_gate(number);
                    continue;
                }
                Verdict::Refused(message) => {
                    self.queue.decide(number, Turn::Refused(message));
                    continue;
                }
            };
            let retry = ask.retry;
            if retry && self.health.has_given_up() {
                self.queue.decide(number, Turn::GivenUp);
                continue;
            }
            if retry && self.budget.has_token(now).is_err() {
                self.queue.park_unbudgeted(number);
                continue;
            }
            if let Err(at) = self.limits.take() {
                at_latest(at);
                break;
            }
            if retry {
                self.budget.spend();
            }
            if alone && let Some(gate) = gate {
                gate.pass_alone();
            }
            self.limits.enter();
            self.queue.decide(number, Turn::Go { alone });
        }
        if self.queue.unbudgeted() > 0
            && let Err(at) = self.budget.has_token(now)
        {
            at_latest(at);
        }
        again
    }

    /// Makes those ready who waited at a gate that would now let them pass, or turn them away; and the first retry, if
    /// there is budget. Says whether there were any.
    fn unpark(&mut self, now: Monotonic) -> bool {
        let mut any = false;
        if self.queue.unbudgeted() > 0 && self.budget.has_token(now).is_ok() {
            self.queue.unpark_unbudgeted();
            any = true;
        }
        for credential in self.queue.gates() {
            let Some(gate) = self.gates.get(&credential) else {
                continue;
            };
            for proof in [true, false] {
                any |= match gate.verdict(proof) {
                    Verdict::Wait => false,
                    // One is enough: if he passes, the others must wait again.
                    Verdict::PassAlone => self.queue.unpark_first(&credential, proof),
                    Verdict::Pass | Verdict::Refused(_) => {
                        let mut some = false;
                        while self.queue.unpark_first(&credential, proof) {
                            some = true;
                        }
                        some
                    }
                };
            }
        }
        any
    }

    fn ended(&mut self, slot: &mut Slot, ending: &Ending<'_>, now: Monotonic) -> Next {
        let may_repeat = ending.attempt.may_repeat(slot.write);
        self.health.attempted(ending.attempt, may_repeat, now);
        match ending.attempt {
            Attempt::Answered(class) => {
                let living: Vec<u64> = ending
                    .operations
                    .iter()
                    .copied()
                    .filter(|one| self.operations.contains(one))
                    .collect();
                let answer = Answer {
                    class,
                    status: ending.status,
                    proof: slot.proof,
                    alone: slot.alone,
                    operations: &living,
                    now,
                };
                if let Some(name) = &slot.credential {
                    if let Some(gate) = self.gates.get_mut(name) {
                        gate.answered(answer);
                    }
                    self.turn_away_refused(name);
                }
                slot.alone = false;
            }
            Attempt::Failed(..) => self.unanswered(slot),
        }
        if ending.attempt.is_overload() {
            self.limits.overloaded(ending.sent, now);
        } else if matches!(ending.attempt, Attempt::Answered(_)) {
            self.limits.succeeded();
            self.budget.earn();
        }
        if let Some(pause) = ending.pause {
            self.limits.hold(now + pause);
        }
        if !may_repeat {
            return Next::Deliver;
        }
        if ending.number < self.health.attempts(ending.attempt) {
            return Next::Retry(now + backoff(ending.number, &mut self.random));
        }
        self.health.exhausted(ending.attempt, now);
        if self.health.is_dead()
            && let Some(unreachable) = &ending.unreachable
        {
            self.queue
                .decide_all(&Turn::Unreachable(unreachable.clone()), |_| true);
        }
        if self.health.has_given_up() {
            self.queue.decide_all(&Turn::GivenUp, |ask| ask.retry);
        }
        Next::Deliver
    }

    /// Those who wait for the limits need not, if their credential is refused.
    fn turn_away_refused(&mut self, credential: &Arc<str>) {
        if let Some(Verdict::Refused(message)) = self.gates.get(credential).map(|gate| gate.verdict(true)) {
            self.queue.decide_all(&Turn::Refused(message), |ask| {
                ask.credential.as_ref() == Some(credential)
            });
        }
    }

    fn unanswered(&mut self, slot: &mut Slot) {
        let gate = slot.credential.as_ref().and_then(|name| self.gates.get_mut(name));
        if let Some(gate) = gate.filter(|_| slot.alone) {
            gate.unanswered();
        }
        slot.alone = false;
    }

    fn give_back(&mut self, slot: &mut Slot) {
        self.unanswered(slot);
        self.limits.leave();
    }

    fn reason(&self, now: Monotonic) -> Option<WaitReason> {
        let waiting = self.queue.waiting();
        let is_asked = |question| self.gates.values().any(|gate| gate.question() == Some(question));
        if waiting == 0 {
            None
        } else if self.limits.held_until(now).is_some() {
            Some(WaitReason::PauseAsked)
        } else if self.health.is_dead() {
            Some(WaitReason::Unreachable)
        } else if !self.queue.gates().is_empty() && is_asked(Question::Doubted) {
            Some(WaitReason::CredentialDoubted)
        } else if !self.queue.gates().is_empty() && is_asked(Question::Unproven) {
            Some(WaitReason::CredentialUnproven)
        } else if self.queue.unbudgeted() > 0 {
            Some(WaitReason::Recovering)
        } else if self.queue.ready() == 0 {
            None
        } else if self.limits.has_slot() {
            Some(WaitReason::Rate)
        } else if self.limits.is_shrunk() {
            Some(WaitReason::Overloaded)
        } else {
            Some(WaitReason::Concurrency)
        }
    }
}

/// Someone who waits for his turn. Dropping it gives up the place, and a turn that has come in the meantime.
#[derive(Debug)]
pub(super) struct Waiting {
    admission: Arc<Admission>,
    /// `None` once the turn was taken.
    number: Option<u64>,
    credential: Option<Arc<str>>,
    proof: bool,
    write: bool,
}

impl Waiting {
    fn slot(&self, alone: bool) -> Slot {
        Slot {
            credential: self.credential.clone(),
            proof: self.proof,
            write: self.write,
            alone,
        }
    }
}

impl Future for Waiting {
    type Output = Result<Permit, Turn>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(number) = self.number else {
            return Poll::Pending;
        };
        let Some(turn) = self.admission.lock().queue.poll(number, context.waker()) else {
            return Poll::Pending;
        };
        self.number = None;
        Poll::Ready(match turn {
            Turn::Go { alone } => Ok(Permit {
                admission: Arc::clone(&self.admission),
                slot: self.slot(alone),
            }),
            other => Err(other),
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(number) = self.number else {
            return;
        };
        self.admission.change(|state, _| {
            if let Some((_, Some(Turn::Go { alone }))) = state.queue.remove(number) {
                state.give_back(&mut self.slot(alone));
            }
        });
    }
}

/// What someone holds whose turn has come.
#[derive(Debug)]
struct Slot {
    credential: Option<Arc<str>>,
    proof: bool,
    write: bool,
    /// Whether all who use the credential wait for the answer.
    alone: bool,
}

/// The right to have one request under way. Dropping it gives the slot back.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    slot: Slot,
}

impl Permit {
    /// The request leaves now. `false`: it must not, for the run was stopped or the credential came into doubt since the
    /// turn was given.
    pub(super) fn leave(&self) -> bool {
        let mut state = self.admission.lock();
        let gate = self
            .slot
            .credential
            .as_ref()
            .and_then(|name| state.gates.get(name));
        let may = !state.stopped && gate.is_none_or(|gate| gate.is_open_for(self.slot.alone));
        state.sent += u64::from(may);
        may
    }

    /// The request has come to an end. Everyone learns from it at once; the slot remains taken until the permit is
    /// dropped.
    pub(super) fn ended(&mut self, ending: &Ending<'_>) -> Next {
        let slot = &mut self.slot;
        self.admission.change(|state, now| state.ended(slot, ending, now))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let slot = &mut self.slot;
        self.admission.change(|state, _| state.give_back(slot));
    }
}
