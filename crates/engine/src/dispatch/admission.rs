//! Who may send when: the queue of one connection, as its requests see it.
//!
//! All of it stands behind one lock that is never held across an await, so that each decision sees one consistent
//! state. Decisions are made by [`State::turn`], which runs after every change; at most one timer is armed, for the
//! moment when time alone will change something.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use signoff_core::Monotonic;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::failover::{Departure, Failover, OnMove};
use super::gate::Finding;
use super::state::{Ending, Next, Slot, State};
use super::turn::{Ask, DispatchStatus, Turn};
use crate::clock::Clock;
use crate::transport::OnStatus;

/// The admission of one connection.
pub(super) struct Admission {
    clock: Clock,
    guarded: Mutex<Guarded>,
    stopped: watch::Sender<bool>,
    /// Wakes those who wait to be told what their refusal means, after every change.
    changed: watch::Sender<()>,
    /// Is told when another origin comes into use.
    moved: Option<OnMove>,
}

#[derive(Debug)]
struct Guarded {
    state: State,
    timer: Option<Timer>,
}

/// Lets [`State::turn`] run at its time.
#[derive(Debug)]
struct Timer {
    at: Monotonic,
    task: AbortHandle,
}

impl Admission {
    pub(super) fn new(
        rate: Option<f64>,
        concurrency: u32,
        window: u32,
        failover: Failover,
        moved: Option<OnMove>,
        clock: Clock,
    ) -> Arc<Self> {
        let state = State::new(rate, concurrency, window, failover, clock);
        Arc::new(Self {
            clock,
            guarded: Mutex::new(Guarded { state, timer: None }),
            stopped: watch::Sender::new(false),
            changed: watch::Sender::new(()),
            moved,
        })
    }

    /// Queues up. The number is for [`hasten`](Self::hasten).
    pub(super) fn enqueue(self: &Arc<Self>, ask: Ask, endpoint: usize) -> (u64, Waiting) {
        let slot = Slot {
            credential: ask.credential.clone(),
            proof: ask.proof,
            write: ask.write,
            endpoint,
            departure: None,
            alone: false,
            hears_401: Arc::default(),
        };
        let number = self.change(|state, now| state.enqueue(ask, now));
        let waiting = Waiting {
            admission: Arc::clone(self),
            number,
            slot: Some(slot),
        };
        (number, waiting)
    }

    /// Others came to wait for the same as he: he may go as soon as any of them might.
    pub(super) fn hasten(self: &Arc<Self>, number: u64, order: u64, earliest: Monotonic) {
        self.change(|state, now| state.hasten(number, order, earliest, now));
    }

    /// A new operation begins; the number names it at the gates.
    pub(super) fn begin_operation(&self) -> u64 {
        self.lock().state.begin_operation()
    }

    /// An operation has ended.
    pub(super) fn end_operation(self: &Arc<Self>, operation: u64) {
        self.change(|state, _| state.end_operation(operation));
    }

    /// From here on nothing new leaves.
    pub(super) fn stop(self: &Arc<Self>) {
        self.change(|state, _| state.stop());
        self.stopped.send_replace(true);
    }

    /// Returns once [`stop`](Self::stop) was called.
    pub(super) async fn stopped(&self) {
        let mut stopped = self.stopped.subscribe();
        // It cannot fail: the sender lives as long as `self`.
        let _ = stopped.wait_for(|&stopped| stopped).await;
    }

    /// Since when a credential is in doubt, if it is.
    pub(super) fn doubted_since(&self, credential: &str) -> Option<Monotonic> {
        self.lock().state.doubted_since(credential)
    }

    /// A request begins that shares the tokens of a credential.
    pub(super) fn share(self: &Arc<Self>, credential: &Arc<str>) -> Sharer {
        self.change(|state, _| state.shared(credential));
        Sharer {
            admission: Arc::clone(self),
            credential: Arc::clone(credential),
            is_accused: false,
        }
    }

    /// Another token was fetched for a credential.
    pub(super) fn token_renewed(self: &Arc<Self>, credential: &str) {
        self.change(|state, _| state.token_renewed(credential));
    }

    /// A credential was refused, or no token will be had for it: nothing is sent with it any more.
    pub(super) fn refuse(self: &Arc<Self>, credential: &Arc<str>, message: &Arc<str>) {
        self.change(|state, _| state.refuse(credential, message));
    }

    /// Why a credential is refused, if it is.
    pub(super) fn refusal(&self, credential: &str) -> Option<Arc<str>> {
        self.lock().state.refusal(credential)
    }

    /// Takes in the `Date` of an answer, with our times of sending and receiving.
    pub(super) fn observe_date(&self, date: &str, sent_unix_ms: i64, received_unix_ms: i64) {
        self.lock()
            .state
            .server_clock()
            .observe(date, sent_unix_ms, received_unix_ms);
    }

    /// The vendor's clock minus ours, in milliseconds.
    pub(super) fn server_offset_ms(&self) -> i64 {
        self.lock().state.server_clock().offset_ms()
    }

    /// The same; `None` until something is known.
    pub(super) fn known_server_offset_ms(&self) -> Option<i64> {
        self.lock().state.server_clock().known_offset_ms()
    }

    /// What is wrong with each origin of an endpoint that has several, if something is wrong with all.
    pub(super) fn troubles(&self, endpoint: usize) -> Option<Arc<str>> {
        self.lock().state.troubles(endpoint)
    }

    pub(super) fn status(&self) -> DispatchStatus {
        self.lock().state.status(self.clock.now())
    }

    /// Changes something, lets go who may go now, and wakes them when the lock is free: waking may drop a future, which
    /// comes back here.
    fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut State, Monotonic) -> T) -> T {
        let (result, to_wake, moves, has_accused) = {
            let mut guarded = self.lock();
            let now = self.clock.now().monotonic;
            let result = change(&mut guarded.state, now);
            if let Some(at) = guarded.state.turn(now) {
                self.arm(&mut guarded.timer, at);
            }
            let state = &mut guarded.state;
            (
                result,
                state.take_to_wake(),
                state.take_moves(),
                state.has_accused(),
            )
        };
        if let Some(moved) = &self.moved {
            moves.iter().for_each(moved);
        }
        for waker in to_wake {
            waker.wake();
        }
        if has_accused {
            self.changed.send_replace(());
        }
        result
    }

    /// Sees to it that [`State::turn`] runs at that moment.
    fn arm(self: &Arc<Self>, timer: &mut Option<Timer>, at: Monotonic) {
        if timer.as_ref().is_some_and(|armed| armed.at <= at) {
            return;
        }
        // Without a runtime nobody is left to wait: this is a future that is dropped at the very end.
        let (Some(instant), Ok(runtime)) = (self.clock.instant(at), Handle::try_current()) else {
            return;
        };
        if let Some(superseded) = timer.take() {
            superseded.task.abort();
        }
        let admission = Arc::downgrade(self);
        let task = runtime.spawn(async move {
            tokio::time::sleep_until(instant).await;
            if let Some(admission) = admission.upgrade() {
                admission.lock().timer = None;
                admission.change(|_, _| ());
            }
        });
        *timer = Some(Timer {
            at,
            task: task.abort_handle(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Someone who waits for his turn. Dropping it gives up the place, and a turn that has come in the meantime.
pub(super) struct Waiting {
    admission: Arc<Admission>,
    number: u64,
    /// What he will hold; `None` once his turn was decided and told.
    slot: Option<Slot>,
}

impl Future for Waiting {
    type Output = Result<Permit, Turn>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let turn = self.admission.lock().state.poll(self.number, context.waker());
        let Some((turn, mut slot)) = turn.and_then(|turn| Some((turn, self.slot.take()?))) else {
            return Poll::Pending;
        };
        let Turn::Go { alone } = turn else {
            return Poll::Ready(Err(turn));
        };
        slot.alone = alone;
        Poll::Ready(Ok(Permit {
            admission: Arc::clone(&self.admission),
            slot,
        }))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(slot) = &mut self.slot {
            self.admission
                .change(|state, _| state.withdraw(self.number, slot));
        }
    }
}

/// A request that shares the tokens of a credential, from its beginning to its end, which is when this is dropped.
pub(super) struct Sharer {
    admission: Arc<Admission>,
    credential: Arc<str>,
    is_accused: bool,
}

impl Sharer {
    /// It was refused with a token that was never accepted. Says what that means, as soon as it is known. It must hold no
    /// slot meanwhile, for another is to be tried.
    pub(super) async fn finding(mut self) -> Finding {
        let mut changed = self.admission.changed.subscribe();
        self.is_accused = true;
        self.admission.change(|state, _| state.accuse(&self.credential));
        while !self.admission.lock().state.is_settled(&self.credential) {
            // It cannot fail: the sender lives as long as `self`.
            let _ = changed.changed().await;
        }
        self.admission.change(|state, _| state.finding(&self.credential))
    }
}

impl Drop for Sharer {
    fn drop(&mut self) {
        self.admission
            .change(|state, _| state.unshared(&self.credential, self.is_accused));
    }
}

/// The right to have one request under way. Dropping it gives the slot back.
pub(super) struct Permit {
    admission: Arc<Admission>,
    slot: Slot,
}

impl Permit {
    /// The request leaves now, for this origin. `None`: it must not, for the run was stopped or the credential came into doubt since the
    /// turn was given.
    pub(super) fn leave(&mut self) -> Option<Departure> {
        let now = self.admission.clock.now().monotonic;
        self.admission.lock().state.leave(&mut self.slot, now)
    }

    /// What is to be told the status of the answer as soon as it has come: no request leaves with a credential once a 401
    /// has been seen, though only the whole answer says what it means.
    pub(super) fn on_status(&self) -> Option<OnStatus> {
        let credential = Arc::clone(self.slot.credential.as_ref()?);
        let admission = Arc::clone(&self.admission);
        let hears_401 = Arc::clone(&self.slot.hears_401);
        Some(Box::new(move |status| {
            if status == 401 && !hears_401.swap(true, Ordering::Relaxed) {
                admission.change(|state, _| state.hear_401(&credential));
            }
        }))
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
