//! What one connection knows of its vendor and of those who wait, and every decision that follows from it: who may go,
//! what an answer means for the others, whether a request is sent again.
//!
//! A plain state machine: time is an argument, and nothing here waits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use signoff_core::{Class, Monotonic, Now};

use super::failover::{Departure, Failover, Move, Sign, Words};
use super::gate::{Answer, Finding, Gate, Question, Verdict};
use super::health::Health;
use super::limits::Limits;
use super::queue::Queue;
use super::retry::{Attempt, Budget, backoff};
use super::tokens::TokenSign;
use super::turn::{Ask, DispatchStatus, FailedOver, Turn, Unreachable, WaitReason};
use crate::clock::Clock;
use crate::random::Random;
use crate::transport::ServerClock;

/// What one connection knows.
#[derive(Debug)]
pub(super) struct State {
    queue: Queue,
    rate: Option<f64>,
    limits: Limits,
    gates: HashMap<Arc<str>, Gate>,
    budget: Budget,
    health: Health,
    failover: Failover,
    random: Random,
    server_clock: ServerClock,
    /// Those that have not ended.
    operations: HashSet<u64>,
    next_operation: u64,
    sent: u64,
    stopped: bool,
}

/// What someone holds whose turn has come.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) credential: Option<Arc<str>>,
    pub(super) proof: bool,
    pub(super) write: bool,
    /// The number of the endpoint that it is for.
    pub(super) endpoint: usize,
    /// Where it went, from leaving to its end.
    pub(super) departure: Option<Departure>,
    /// Whether all who use the credential wait for the answer.
    pub(super) alone: bool,
    /// Whether the answer has begun with 401 and is still under way.
    pub(super) hears_401: Arc<AtomicBool>,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    pub(super) attempt: Attempt,
    /// The HTTP status, of an answer.
    pub(super) status: u16,
    /// Of an answer: that it is as good as none, and that what was asked may be asked again.
    pub(super) says_nothing: bool,
    /// Which attempt of the request it was, from 1.
    pub(super) number: u32,
    pub(super) sent: Monotonic,
    /// The pause that the vendor asks for.
    pub(super) pause: Option<Duration>,
    /// Of an answer: what it says of the token that was sent.
    pub(super) token: TokenSign,
    /// The operations that get the answer.
    pub(super) operations: &'a [u64],
    /// Of a failure: what went wrong; names the origin.
    pub(super) words: Option<Arc<str>>,
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
    /// It only found out that an origin is still not well; it is sent as if nothing had happened.
    Anew,
}

/// What became of the first in the queue.
enum First {
    /// He stands there no longer.
    Gone,
    /// He cannot go, and so nobody can; until then, if time alone changes that.
    Blocked(Option<Monotonic>),
}

impl State {
    pub(super) fn new(
        rate: Option<f64>,
        concurrency: u32,
        window: u32,
        failover: Failover,
        clock: Clock,
    ) -> Self {
        Self {
            queue: Queue::default(),
            rate,
            limits: Limits::new(rate, concurrency, clock).with_window(window),
            gates: HashMap::new(),
            budget: Budget::new(clock.now().monotonic),
            health: Health::default(),
            failover,
            random: Random::new(),
            server_clock: ServerClock::default(),
            operations: HashSet::new(),
            next_operation: 0,
            sent: 0,
            stopped: false,
        }
    }

    pub(super) const fn server_clock(&mut self) -> &mut ServerClock {
        &mut self.server_clock
    }

    /// Takes someone in, and gives his number in the queue.
    pub(super) fn enqueue(&mut self, ask: Ask, now: Monotonic) -> u64 {
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

    /// He may go as soon as anybody of that order might, and from that moment on.
    pub(super) fn hasten(&mut self, number: u64, order: u64, earliest: Monotonic, now: Monotonic) {
        self.queue.hasten(number, order, earliest, now);
    }

    /// What became of his turn, if that is decided; otherwise he will be woken.
    pub(super) fn poll(&mut self, number: u64, waker: &Waker) -> Option<Turn> {
        self.queue.poll(number, waker)
    }

    /// He waits no longer; a turn that he has not taken comes back.
    pub(super) fn withdraw(&mut self, number: u64, slot: &mut Slot) {
        if let Some(Turn::Go { alone }) = self.queue.remove(number) {
            slot.alone = alone;
            self.give_back(slot);
        }
    }

    /// What is to be told, once the lock is free.
    pub(super) fn take_moves(&mut self) -> Vec<Move> {
        self.failover.take_moves()
    }

    /// Who is to be woken, once the lock is free.
    pub(super) fn take_to_wake(&mut self) -> Vec<Waker> {
        self.queue.take_to_wake()
    }

    /// A new operation begins; the number names it at the gates.
    pub(super) fn begin_operation(&mut self) -> u64 {
        let operation = self.next_operation;
        self.next_operation += 1;
        self.operations.insert(operation);
        operation
    }

    /// An operation has ended, perhaps without the proof that it owed.
    pub(super) fn end_operation(&mut self, operation: u64) {
        self.operations.remove(&operation);
        let mut refused = Vec::new();
        for (credential, gate) in &mut self.gates {
            if gate.operation_ended(operation) {
                refused.push(Arc::clone(credential));
            }
        }
        for credential in &refused {
            self.turn_away_refused(credential);
        }
    }

    pub(super) fn doubted_since(&self, credential: &str) -> Option<Monotonic> {
        self.gates.get(credential).and_then(Gate::doubted_since)
    }

    /// Another token was fetched for a credential.
    pub(super) fn token_renewed(&mut self, credential: &str) {
        if let Some(gate) = self.gates.get_mut(credential) {
            gate.token_renewed();
        }
    }

    /// A request begins that shares the tokens of a credential.
    pub(super) fn shared(&mut self, credential: &Arc<str>) {
        let gate = self.gates.entry(Arc::clone(credential));
        gate.or_insert_with(|| Gate::new(Arc::clone(credential))).shared();
    }

    /// It has come to its end.
    pub(super) fn unshared(&mut self, credential: &str, was_accused: bool) {
        if let Some(gate) = self.gates.get_mut(credential) {
            gate.unshared(was_accused);
        }
    }

    /// It was refused with a token that was never accepted, and waits for what that means.
    pub(super) fn accuse(&mut self, credential: &str) {
        if let Some(gate) = self.gates.get_mut(credential) {
            gate.accuse();
        }
    }

    /// Whether somebody waits for that.
    pub(super) fn has_accused(&self) -> bool {
        self.gates.values().any(Gate::has_accused)
    }

    /// Whether that is known, or never will be.
    pub(super) fn is_settled(&self, credential: &str) -> bool {
        self.stopped || self.gates.get(credential).is_none_or(Gate::is_settled)
    }

    /// What that means, by what is known.
    pub(super) fn finding(&mut self, credential: &Arc<str>) -> Finding {
        let Some(gate) = self.gates.get_mut(credential) else {
            return Finding::Credential;
        };
        let finding = gate.finding();
        self.turn_away_refused(credential);
        finding
    }

    /// No token will be had for a credential.
    pub(super) fn refuse(&mut self, credential: &Arc<str>, message: &Arc<str>) {
        let gate = self.gates.entry(Arc::clone(credential));
        gate.or_insert_with(|| Gate::new(Arc::clone(credential)))
            .refuse_because(Arc::clone(message));
        self.turn_away_refused(credential);
    }

    /// Why a credential is refused, if it is.
    pub(super) fn refusal(&self, credential: &str) -> Option<Arc<str>> {
        self.gates.get(credential).and_then(Gate::refusal)
    }

    /// From here on nobody goes.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.queue.decide_all(&Turn::Stopped, |_| true);
    }

    /// Lets go all who may. Says when time alone will change something.
    pub(super) fn turn(&mut self, now: Monotonic) -> Option<Monotonic> {
        let mut again = self.queue.wake_delayed(now);
        // First of all, so that nobody is overtaken by those who came while he could not go.
        self.unpark(now);
        let blocked_until = loop {
            match self.first(now) {
                Some(First::Gone) => {}
                Some(First::Blocked(until)) => break until,
                None if self.unpark(now) => {}
                None => break None,
            }
        };
        let budget_at = if self.queue.unbudgeted() > 0 {
            self.budget.has_token(now).err()
        } else {
            None
        };
        for at in [blocked_until, budget_at].into_iter().flatten() {
            again = Some(again.map_or(at, |known| known.min(at)));
        }
        again
    }

    /// Decides about the first in the queue; `None` if there is nobody.
    fn first(&mut self, now: Monotonic) -> Option<First> {
        let (number, ask) = self.queue.first()?;
        let one_is_enough = self.health.is_dead() && self.limits.in_flight() > 0;
        if one_is_enough || !self.limits.has_slot() {
            return Some(First::Blocked(None));
        }
        if let Some(until) = self.limits.held_until(now) {
            return Some(First::Blocked(Some(until)));
        }
        let gate = ask
            .credential
            .as_ref()
            .and_then(|credential| self.gates.get_mut(credential));
        let verdict = gate
            .as_ref()
            .map_or(Verdict::Pass, |gate| gate.verdict(ask.proof));
        let is_elsewhere = ask.tried.is_some_and(|tried| self.failover.has_better(tried));
        let needs_budget = ask.retry && !is_elsewhere;
        match verdict {
            _ if now > ask.not_after => self.queue.decide(number, Turn::Expired),
            Verdict::Refused(message) => self.queue.decide(number, Turn::Refused(message)),
            Verdict::Wait => self.queue.park_at_gate(number),
            _ if ask.retry && self.health.has_given_up() => self.queue.decide(number, Turn::GivenUp),
            _ if needs_budget && self.budget.has_token(now).is_err() => self.queue.park_unbudgeted(number),
            Verdict::Pass | Verdict::PassAlone => {
                if let Err(at) = self.limits.take() {
                    return Some(First::Blocked(Some(at)));
                }
                if needs_budget {
                    self.budget.spend();
                }
                let alone = verdict == Verdict::PassAlone;
                if let Some(gate) = gate.filter(|_| alone) {
                    gate.pass_alone();
                }
                self.limits.enter();
                self.queue.decide(number, Turn::Go { alone });
            }
        }
        Some(First::Gone)
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
                match gate.verdict(proof) {
                    Verdict::Wait => {}
                    // One is enough: if he passes, the others must wait again.
                    Verdict::PassAlone => any |= self.queue.unpark_first(&credential, proof),
                    Verdict::Pass | Verdict::Refused(_) => {
                        while self.queue.unpark_first(&credential, proof) {
                            any = true;
                        }
                    }
                }
            }
        }
        any
    }

    /// Whether a request may still leave whose turn has come, and where to; if so, it counts as sent.
    pub(super) fn leave(&mut self, slot: &mut Slot, now: Monotonic) -> Option<Departure> {
        let gate = slot.credential.as_ref().and_then(|name| self.gates.get(name));
        if self.stopped || !gate.is_none_or(|gate| gate.is_open_for(slot.alone)) {
            return None;
        }
        self.sent += 1;
        let may_probe = !slot.write && !slot.alone && !slot.proof;
        let departure = self.failover.depart(slot.endpoint, may_probe, now);
        slot.departure = Some(departure);
        Some(departure)
    }

    /// An answer with this credential has begun with 401: until it is read, nothing leaves with it.
    pub(super) fn hear_401(&mut self, credential: &str) {
        if let Some(gate) = self.gates.get_mut(credential) {
            gate.hear_401();
        }
    }

    /// Takes in how an attempt ended, and says what follows from it.
    pub(super) fn ended(&mut self, slot: &mut Slot, ending: &Ending<'_>, now: Monotonic) -> Next {
        self.heard_out(slot);
        let departure = slot.departure.take();
        if let Some(departure) = departure {
            if self.failover.ended(departure, ending.sign(), now) {
                self.queue.unpark_all_unbudgeted();
            }
            if departure.probe && !ending.is_fit_for_delivery() {
                if let Some(pause) = ending
                    .pause
                    .filter(|_| ending.attempt != Attempt::Answered(Class::Unavailable))
                {
                    self.limits.hold(now + pause);
                }
                return Next::Anew;
            }
        }
        let may_repeat = ending.says_nothing || ending.attempt.may_repeat(slot.write);
        self.health.attempted(ending.attempt, may_repeat, now);
        match ending.attempt {
            Attempt::Answered(class) => self.answered(slot, class, ending, now),
            Attempt::Failed(..) => self.unanswered(slot),
        }
        if ending.attempt.is_overload() {
            self.limits.overloaded(ending.sent, now);
        } else if matches!(ending.attempt, Attempt::Answered(_)) {
            self.limits.succeeded(now.since(ending.sent));
            self.budget.earn();
        }
        if let Some(pause) = ending.pause {
            self.limits.hold(now + pause);
        }
        if !may_repeat {
            return Next::Deliver;
        }
        let origins = self.failover.origins(slot.endpoint);
        if ending.number < self.health.attempts(ending.attempt, origins) {
            // Another origin has not been asked for anything yet.
            if departure.is_some_and(|departure| self.failover.has_better(departure)) {
                return Next::Retry(now);
            }
            let at = now + backoff(ending.number, &mut self.random);
            // Nobody else would have better luck.
            if self.health.is_unreached() {
                self.limits.hold(at);
            }
            return Next::Retry(at);
        }
        self.health.exhausted(ending.attempt, now);
        if self.health.is_dead()
            && let Some(unreachable) = &ending.unreachable
        {
            let mut unreachable = unreachable.clone();
            if let Some(troubles) = self.failover.troubles(slot.endpoint) {
                unreachable.message = troubles;
            }
            self.queue.decide_all(&Turn::Unreachable(unreachable), |_| true);
        }
        if self.health.has_given_up() {
            self.queue.decide_all(&Turn::GivenUp, |ask| ask.retry);
        }
        Next::Deliver
    }

    /// Gives a slot back, whatever became of it.
    pub(super) fn give_back(&mut self, slot: &mut Slot) {
        self.heard_out(slot);
        if let Some(departure) = slot.departure.take() {
            self.failover.abandoned(departure);
        }
        self.unanswered(slot);
        self.limits.leave();
    }

    fn answered(&mut self, slot: &mut Slot, class: Class, ending: &Ending<'_>, now: Monotonic) {
        let Some(credential) = &slot.credential else {
            return;
        };
        // Those who have ended in the meantime will not send a proof.
        let operations = ending
            .operations
            .iter()
            .copied()
            .filter(|one| self.operations.contains(one));
        let operations: Vec<u64> = operations.collect();
        if let Some(gate) = self.gates.get_mut(credential) {
            gate.answered(Answer {
                class,
                status: ending.status,
                proof: slot.proof,
                alone: slot.alone,
                token: ending.token,
                operations: &operations,
                now,
            });
        }
        slot.alone = false;
        self.turn_away_refused(credential);
    }

    fn heard_out(&mut self, slot: &Slot) {
        let heard = slot.hears_401.swap(false, Ordering::Relaxed);
        let gate = slot.credential.as_ref().and_then(|name| self.gates.get_mut(name));
        if let Some(gate) = gate.filter(|_| heard) {
            gate.heard_out();
        }
    }

    fn unanswered(&mut self, slot: &mut Slot) {
        let gate = slot.credential.as_ref().and_then(|name| self.gates.get_mut(name));
        if let Some(gate) = gate.filter(|_| slot.alone) {
            gate.unanswered();
        }
        slot.alone = false;
    }

    /// Those whose credential is refused need not wait for the limits to be told.
    fn turn_away_refused(&mut self, credential: &Arc<str>) {
        if let Some(Verdict::Refused(message)) = self.gates.get(credential).map(|gate| gate.verdict(true)) {
            let concerns = |ask: &Ask| ask.credential.as_ref() == Some(credential);
            self.queue.decide_all(&Turn::Refused(message), concerns);
        }
    }

    /// What is wrong with each origin of an endpoint that has several, if something is wrong with all.
    pub(super) fn troubles(&self, endpoint: usize) -> Option<Arc<str>> {
        self.failover.troubles(endpoint)
    }

    pub(super) fn status(&self, now: Now) -> DispatchStatus {
        let elsewhere = self.failover.elsewhere().into_iter().map(|elsewhere| {
            let passed = now.monotonic.since(elsewhere.since).as_millis();
            FailedOver {
                origin: elsewhere.origin,
                since_unix_ms: now
                    .unix_ms
                    .saturating_sub(i64::try_from(passed).unwrap_or(i64::MAX)),
                reason: elsewhere.reason,
            }
        });
        let failed_over = elsewhere.collect();
        let now = now.monotonic;
        DispatchStatus {
            in_flight: self.limits.in_flight(),
            waiting: self.queue.waiting(),
            held_until: self.limits.held_until(now),
            reason: self.reason(now),
            sent: self.sent,
            rate: self.rate,
            concurrency: self.limits.allowed(),
            failed_over,
            connections: 0,
        }
    }

    fn reason(&self, now: Monotonic) -> Option<WaitReason> {
        let waits_at_gate = |question| {
            let mut gates = self
                .queue
                .gates()
                .into_iter()
                .filter_map(|name| self.gates.get(&name));
            gates.any(|gate| gate.question() == Some(question))
        };
        if self.queue.waiting() == 0 {
            None
        } else if self.health.is_unreached() {
            Some(WaitReason::Unreachable)
        } else if self.limits.held_until(now).is_some() {
            Some(WaitReason::PauseAsked)
        } else if waits_at_gate(Question::Doubted) {
            Some(WaitReason::CredentialDoubted)
        } else if waits_at_gate(Question::Unproven) {
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

impl Ending<'_> {
    fn sign(&self) -> Sign<'_> {
        Sign {
            attempt: self.attempt,
            sent: self.sent,
            words: match &self.words {
                Some(words) => Words::Message(words),
                None => Words::Status(self.status),
            },
        }
    }

    /// Whether an operation may see what a probe brought: a good answer, or one that tells of the credential. Whatever
    /// else an origin says that was left is not to be relied on: a service that is starting up knows no paths.
    fn is_fit_for_delivery(&self) -> bool {
        match self.attempt {
            Attempt::Answered(
                Class::Ok | Class::CredentialRefused | Class::CredentialDoubted | Class::TokenExpired,
            ) => true,
            Attempt::Answered(Class::Other) => self.status == 401,
            _ => false,
        }
    }
}
