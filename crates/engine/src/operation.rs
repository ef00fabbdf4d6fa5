//! Drives one operation of a provider to its end: turns the crank, sends what it asks for, brings it what comes
//! back. It knows nothing of users, journals or scripts.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use signoff_core::abi::host::Op;
use signoff_core::{
    CancelReason, Class, Effect, FailureKind, Finished, Input, Now, Record, Request, RequestId, Step, Wait,
};
use tokio::sync::watch;
use tokio::time::sleep_until;

use crate::clock::Clock;
use crate::credential::Credential;
use crate::dispatch::{Delivered, Delivery, DispatchError, Dispatcher, Ticket};

/// What an operation needs from its run.
pub(crate) struct Setting<'a> {
    pub(crate) clock: Clock,
    pub(crate) dispatcher: &'a Dispatcher,
    pub(crate) ticket: &'a Ticket,
    /// The actor's.
    pub(crate) credential: Option<&'a Arc<Credential>>,
    /// True once the run is being stopped.
    pub(crate) stopped: watch::Receiver<bool>,
    /// Who waits for what.
    pub(crate) waits: &'a Waits,
}

/// What the operations of a run wait for just now, for the progress display.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<BTreeMap<String, u64>>);

impl Waits {
    /// How many wait for what.
    pub(crate) fn counts(&self) -> Vec<(String, u64)> {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(reason, count)| (reason.clone(), *count))
            .collect()
    }

    fn during(&self, reason: &str) -> Option<Waiting<'_>> {
        if reason.is_empty() {
            return None;
        }
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *waits.entry(reason.to_owned()).or_default() += 1;
        Some(Waiting {
            waits: self,
            reason: reason.to_owned(),
        })
    }
}

struct Waiting<'a> {
    waits: &'a Waits,
    reason: String,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waits = self.waits.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waits.get_mut(&self.reason) {
            *count = count.saturating_sub(1);
        }
    }
}

/// What became of it.
pub(crate) struct Ended {
    pub(crate) finished: Finished,
    pub(crate) records: Vec<Record>,
    /// Of the last answer to a write; without one, of the last answer.
    pub(crate) http_status: Option<u16>,
    /// Set when the credential was refused, or stopped before the operation got its turn.
    pub(crate) credential_stopped: bool,
    /// Set when the last request found no vendor.
    pub(crate) unreachable: bool,
}

/// Runs it until it has finished.
///
/// # Errors
/// When the plugin breaks its contract, or something that every write rests on (the journal, a secret) fails.
pub(crate) async fn drive(mut op: Op, setting: Setting<'_>) -> Result<Ended, DispatchError> {
    let mut stopped = setting.stopped.clone();
    let mut outstanding = FuturesUnordered::new();
    let mut records = Vec::new();
    let mut seen = Seen::default();
    let mut cancelled = false;
    loop {
        let wait = match op
            .next(setting.clock.now())
            .map_err(|error| plugin_fault(&error))?
        {
            Step::Request(request) => {
                if matches!(request.effect, Effect::Write { .. }) {
                    seen.writes_under_way.insert(request.id);
                }
                outstanding.push(send(&setting, request));
                continue;
            }
            Step::Record(record) => {
                records.push(record);
                continue;
            }
            Step::Subscribe(wish) => {
                let message = "this host listens to no feed";
                input(
                    &mut op,
                    setting.clock.now(),
                    Input::FeedRefused {
                        subscription: wish.id,
                        message,
                    },
                )?;
                continue;
            }
            Step::Finished(finished) => return Ok(seen.ended(finished, records)),
            Step::Wait(wait) => wait,
        };
        let _waiting = setting.waits.during(&wait.reason);
        // A write under way is waited for even when the run stops: its answer must not be lost.
        tokio::select! {
            biased;
            Some(arrived) = outstanding.next() => deliver(&mut op, setting.clock.now(), &mut seen, arrived)?,
            () = stop(&mut stopped), if !cancelled && seen.writes_under_way.is_empty() => {
                cancelled = true;
                input(&mut op, setting.clock.now(), Input::Cancel(CancelReason::Stopped))?;
            }
            () = pause(setting.clock, &wait) => {}
        }
    }
}

struct Arrived {
    request: RequestId,
    proof: bool,
    delivery: Result<Delivery, DispatchError>,
}

/// What came so far, as far as reports and exit codes need it.
#[derive(Default)]
struct Seen {
    writes_under_way: HashSet<RequestId>,
    write_status: Option<u16>,
    read_status: Option<u16>,
    credential_stopped: bool,
    unreachable: bool,
}

impl Seen {
    fn answered(&mut self, write: bool, proof: bool, answer: &Delivered) {
        let status = if write {
            &mut self.write_status
        } else {
            &mut self.read_status
        };
        *status = Some(answer.status);
        self.unreachable = false;
        self.credential_stopped |= match answer.class {
            Class::CredentialRefused | Class::TokenExpired => true,
            Class::CredentialDoubted => proof,
            Class::Ok | Class::Throttled(_) | Class::Unavailable | Class::Other => false,
        };
    }

    fn ended(self, finished: Finished, records: Vec<Record>) -> Ended {
        Ended {
            finished,
            records,
            http_status: self.write_status.or(self.read_status),
            credential_stopped: self.credential_stopped,
            unreachable: self.unreachable,
        }
    }
}

async fn send(setting: &Setting<'_>, request: Request) -> Arrived {
    let credential = request.credential.as_ref().and(setting.credential);
    let delivery = setting
        .dispatcher
        .send(setting.ticket, &request, credential)
        .await;
    Arrived {
        request: request.id,
        proof: request.proves_credential,
        delivery,
    }
}

fn deliver(op: &mut Op, now: Now, seen: &mut Seen, arrived: Arrived) -> Result<(), DispatchError> {
    let Arrived {
        request,
        proof,
        delivery,
    } = arrived;
    let write = seen.writes_under_way.remove(&request);
    match delivery? {
        Delivery::Response(answer) => {
            seen.answered(write, proof, &answer);
            input(op, now, Input::Response(answer.as_response(request)))
        }
        Delivery::Failure(failed) => {
            seen.unreachable = failed.kind == FailureKind::Unreachable;
            input(op, now, Input::Failure(failed.as_failure(request)))
        }
        Delivery::Held => input(op, now, Input::Held { request }),
        Delivery::CredentialStopped { .. } => {
            seen.credential_stopped = true;
            input(op, now, Input::Cancel(CancelReason::CredentialStopped))
        }
        Delivery::Stopped => input(op, now, Input::Cancel(CancelReason::Stopped)),
    }
}

fn input(op: &mut Op, now: Now, input: Input<'_>) -> Result<(), DispatchError> {
    op.input(now, input).map_err(|error| plugin_fault(&error))
}

fn plugin_fault(error: &signoff_core::Error) -> DispatchError {
    DispatchError::Fault(error.to_string().into())
}

/// Comes back when the run is being stopped, and never if it never is.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn pause(clock: Clock, wait: &Wait) {
    match clock.instant(wait.until) {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
