//! Drives one operation of a provider to its end: turns the crank, sends what it asks for, brings it what comes
//! back. It knows nothing of users, journals or scripts.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use signoff_core::abi::host::Op;
use signoff_core::{
    CancelReason, Class, Effect, FailureKind, FeedEvent, Finished, Input, Monotonic, Outcome, Record,
    Request, RequestId, Step, Subscribe, Wait,
};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::call::Cause;
use crate::clock::{self, Clock};
use crate::credential::Credential;
use crate::dispatch::{Delivered, Delivery, DispatchError, Dispatcher, Ticket};
use crate::feed::{Heard, Listener};

/// What an operation needs from its run.
pub(crate) struct Setting<'a> {
    pub(crate) clock: Clock,
    pub(crate) dispatcher: &'a Dispatcher,
    pub(crate) ticket: &'a Ticket,
    /// The actor's.
    pub(crate) credential: Option<&'a Arc<Credential>>,
    /// True once the run is being stopped.
    pub(crate) stopped: watch::Receiver<bool>,
    /// What it wrote; `None` if it may not write.
    pub(crate) writing: Option<&'a dyn Writing>,
    /// Who waits for what.
    pub(crate) waits: &'a Waits,
    /// How it listens; `None`: it cannot.
    pub(crate) feed: Option<&'a dyn Listens>,
    /// Who keeps what was said; `None`: nobody.
    pub(crate) witness: Option<&'a dyn Witness>,
}

/// A way to listen to the vendor's notifications.
pub(crate) trait Listens: Send + Sync {
    /// Somebody who listens; or why nobody may, in words for a person.
    fn listener(&self) -> Result<Listener, String>;
}

/// Somebody who keeps what is said between an operation and the vendor.
pub(crate) trait Witness: Send + Sync {
    /// A request was answered, or will not be.
    fn exchanged(&self, request: &Request, delivery: &Delivery);

    /// The vendor told of something unasked.
    fn heard(&self, event: &FeedEvent);
}

/// What is known of the writes of an operation.
pub(crate) trait Writing: Send + Sync {
    /// Whether one is between its intent and its result.
    fn is_under_way(&self) -> bool;

    /// Whether the vendor may have processed one.
    fn has_left(&self) -> bool;
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
        match waits.get_mut(&self.reason) {
            Some(count) if *count > 1 => *count -= 1,
            // A plugin may have words of its own for every user: what nobody waits for is forgotten.
            _ => _ = waits.remove(&self.reason),
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
    /// Whether that is for want of a token, and no refusal.
    pub(crate) is_unanswered: bool,
    /// Why it was stopped, where the operation was told only that it is.
    pub(crate) stopped_because: Option<Arc<str>>,
    /// Set when the last request found no vendor.
    pub(crate) unreachable: bool,
    /// Set when an answer is of [`Class::Other`], which is also what a provider that cannot say makes of it.
    pub(crate) other: bool,
    /// Set when it was told to come to its end before it came there by itself.
    pub(crate) cut_off: bool,
    /// Why there is no feed, if it asked for one and there can be none.
    pub(crate) no_feed: Option<Arc<str>>,
    /// What went wrong, if it asked for a feed and there was none.
    pub(crate) feed_trouble: Option<Cause>,
}

/// How long an operation may take to end once it was told to.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs it until it has finished. Once the run is being stopped, or the other end of `caller` is gone, it is told to come
/// to its end; what is being written is waited for first, since its answer must not be lost.
///
/// # Errors
/// When the plugin breaks its contract, or something that every write rests on (the journal, a secret) fails.
pub(crate) async fn drive(
    op: &mut Op,
    setting: Setting<'_>,
    caller: oneshot::Receiver<Infallible>,
) -> Result<Ended, DispatchError> {
    let mut driver = Driver {
        op,
        stopped: setting.stopped.clone(),
        caller,
        outstanding: FuturesUnordered::new(),
        records: Vec::new(),
        seen: Seen::default(),
        farewell: Farewell::NotYet,
        listener: None,
        setting: &setting,
    };
    let ended = loop {
        match driver.turn().await {
            Ok(None) => {}
            Ok(Some(finished)) => break Ok(finished),
            Err(error) => break Err(error),
        }
    };
    driver.finish_writing().await;
    let has_written = setting.writing.is_some_and(Writing::has_left);
    let cut_off = matches!(driver.farewell, Farewell::Said(_));
    ended.map(|finished| Ended {
        cut_off,
        ..driver.seen.ended(finished, driver.records, has_written)
    })
}

/// An operation, and what it has outstanding.
struct Driver<'a> {
    op: &'a mut Op,
    setting: &'a Setting<'a>,
    stopped: watch::Receiver<bool>,
    caller: oneshot::Receiver<Infallible>,
    outstanding: FuturesUnordered<BoxFuture<'a, Arrived>>,
    records: Vec<Record>,
    seen: Seen,
    farewell: Farewell,
    listener: Option<Listener>,
}

/// Whether the operation was told to come to its end.
#[derive(Debug, Clone, Copy)]
enum Farewell {
    NotYet,
    /// As soon as nothing is being written.
    Due(CancelReason),
    /// It has until then.
    Said(Instant),
}

/// What ended a wait.
enum Woken {
    Arrived(Arrived),
    Heard(Heard),
    Stopped,
    Time,
}

impl<'a> Driver<'a> {
    /// Turns the crank once: takes a step, and waits if that is what the step asks for. Gives the end, when it has come.
    async fn turn(&mut self) -> Result<Option<Finished>, DispatchError> {
        match self
            .op
            .next(self.setting.clock.now())
            .map_err(|error| plugin_fault(&error))?
        {
            Step::Request(request) => self.request(request),
            Step::Record(record) => self.records.push(record),
            Step::Subscribe(wish) => self.subscribe(wish)?,
            Step::Finished(finished) => return Ok(Some(finished)),
            Step::Wait(wait) => return self.wait(&wait).await,
        }
        Ok(None)
    }

    fn request(&mut self, request: Request) {
        if matches!(request.effect, Effect::Write { .. }) {
            self.seen.writes.insert(request.id);
        }
        self.outstanding.push(send(self.setting, request).boxed());
    }

    fn subscribe(&mut self, wish: Subscribe) -> Result<(), DispatchError> {
        let listener = match self.listener.take() {
            Some(listener) => Ok(listener),
            None => match self.setting.feed {
                Some(feed) => feed.listener(),
                None => Err("nothing is listened to here".to_owned()),
            },
        };
        match listener {
            Ok(listener) => {
                listener.listen(wish.id, wish.node, &wish.user);
                self.listener = Some(listener);
                Ok(())
            }
            Err(why) => {
                self.seen.no_feed = Some(Arc::from(why.as_str()));
                self.input(Input::FeedRefused {
                    subscription: wish.id,
                    message: &why,
                })
            }
        }
    }

    fn hear(&mut self, heard: Heard) -> Result<(), DispatchError> {
        match heard {
            // Operations name their nodes themselves.
            Heard::Scope(_) => Ok(()),
            Heard::Subscribed(subscription) => self.input(Input::Subscribed { subscription }),
            Heard::Lost(subscription, _) => self.input(Input::FeedLost { subscription }),
            Heard::Event(event) => {
                if let Some(witness) = self.setting.witness {
                    witness.heard(&event);
                }
                self.input(Input::Event(event.as_event()))
            }
            Heard::Refused {
                id, message, cause, ..
            } => {
                match cause {
                    None => self.seen.no_feed = Some(Arc::clone(&message)),
                    Some(cause) => self.seen.feed_trouble = Some(cause),
                }
                self.input(Input::FeedRefused {
                    subscription: id,
                    message: &message,
                })
            }
        }
    }

    async fn wait(&mut self, wait: &Wait) -> Result<Option<Finished>, DispatchError> {
        if let Farewell::Due(reason) = self.farewell
            && !self.is_writing()
        {
            self.farewell = Farewell::Said(Instant::now() + FAREWELL);
            self.input(Input::Cancel(reason))?;
            return Ok(None);
        }
        if matches!(self.farewell, Farewell::Said(_))
            && wait.until == Monotonic::NEVER
            && self.outstanding.is_empty()
        {
            // Whatever it asked for is not to be answered any more.
            return Ok(Some(self.abandoned()));
        }
        match self.woken(wait).await {
            Woken::Arrived(arrived) => {
                self.deliver(arrived)?;
                self.give_way().await;
            }
            Woken::Heard(heard) => {
                self.hear(heard)?;
                self.give_way().await;
            }
            Woken::Stopped => self.farewell = Farewell::Due(CancelReason::Stopped),
            Woken::Time => {
                if let Farewell::Said(until) = self.farewell
                    && Instant::now() >= until
                {
                    return Ok(Some(self.abandoned()));
                }
            }
        }
        Ok(None)
    }

    async fn woken(&mut self, wait: &Wait) -> Woken {
        let setting = self.setting;
        let _waiting = setting.waits.during(&wait.reason);
        let until = setting.clock.instant(wait.until);
        let (is_listening, until) = match self.farewell {
            Farewell::NotYet => (true, until),
            Farewell::Due(_) => (false, until),
            Farewell::Said(latest) => (false, Some(until.map_or(latest, |until| until.min(latest)))),
        };
        tokio::select! {
            biased;
            Some(arrived) = self.outstanding.next() => Woken::Arrived(arrived),
            heard = next_heard(self.listener.as_ref()) => Woken::Heard(heard),
            () = stop(&mut self.stopped), if is_listening => Woken::Stopped,
            _ = &mut self.caller, if is_listening => Woken::Stopped,
            () = clock::until(until) => Woken::Time,
        }
    }

    fn deliver(&mut self, arrived: Arrived) -> Result<(), DispatchError> {
        let Arrived {
            request,
            role,
            delivery,
        } = arrived;
        let write = self.seen.writes.remove(&request);
        match delivery? {
            Delivery::Response(answer) => {
                self.seen.answered(write, role, &answer);
                self.input(Input::Response(answer.as_response(request)))
            }
            Delivery::Failure(failed) => {
                self.seen.unreachable = failed.kind == FailureKind::Unreachable;
                self.input(Input::Failure(failed.as_failure(request)))
            }
            Delivery::Held => self.input(Input::Held { request }),
            Delivery::CredentialStopped { message, refused, .. } => {
                self.seen.credential_stopped = true;
                self.seen.is_unanswered = !refused;
                self.seen.stopped_because = Some(message);
                self.farewell_is_due(CancelReason::CredentialStopped);
                Ok(())
            }
            Delivery::Stopped => {
                self.farewell_is_due(CancelReason::Stopped);
                Ok(())
            }
        }
    }

    /// For an operation whose every request is answered at once: others get their turn, and a stop is seen.
    async fn give_way(&mut self) {
        tokio::task::coop::consume_budget().await;
        if *self.stopped.borrow() && self.seen.writes.is_empty() {
            self.farewell_is_due(CancelReason::Stopped);
        }
    }

    fn farewell_is_due(&mut self, reason: CancelReason) {
        if matches!(self.farewell, Farewell::NotYet) {
            self.farewell = Farewell::Due(reason);
        }
    }

    /// Waits for the results of what is being written, whatever became of the operation.
    async fn finish_writing(&mut self) {
        while self.is_writing()
            && let Some(arrived) = self.outstanding.next().await
        {
            if let Ok(Delivery::Response(answer)) = &arrived.delivery {
                let write = self.seen.writes.remove(&arrived.request);
                self.seen.answered(write, arrived.role, answer);
            }
        }
    }

    /// The end of an operation that does not come to its end.
    fn abandoned(&self) -> Finished {
        let outcome = if self.setting.writing.is_some_and(Writing::has_left) {
            Outcome::Unknown
        } else {
            Outcome::Cancelled
        };
        Finished {
            code: Some("not_ended".to_owned()),
            message: Some(format!(
                "the provider `{}` was told to come to its end, and did not",
                self.op.descriptor().id
            )),
            ..Finished::new(outcome)
        }
    }

    fn is_writing(&self) -> bool {
        self.setting.writing.is_some_and(Writing::is_under_way)
    }

    fn input(&mut self, input: Input<'_>) -> Result<(), DispatchError> {
        self.op
            .input(self.setting.clock.now(), input)
            .map_err(|error| plugin_fault(&error))
    }
}

struct Arrived {
    request: RequestId,
    role: Role,
    delivery: Result<Delivery, DispatchError>,
}

/// What a request says about the credential.
#[derive(Debug, Clone, Copy)]
enum Role {
    /// Nothing: it goes without, and a refusal concerns the user's own secret.
    Without,
    /// It goes with it.
    With,
    /// Its answer tells whether the credential is any good.
    Proof,
}

/// What came so far, as far as reports and exit codes need it.
#[derive(Default)]
struct Seen {
    /// Those that are not answered.
    writes: HashSet<RequestId>,
    write_status: Option<u16>,
    read_status: Option<u16>,
    credential_stopped: bool,
    is_unanswered: bool,
    stopped_because: Option<Arc<str>>,
    unreachable: bool,
    other: bool,
    no_feed: Option<Arc<str>>,
    feed_trouble: Option<Cause>,
}

impl Seen {
    fn answered(&mut self, write: bool, role: Role, answer: &Delivered) {
        let status = if write {
            &mut self.write_status
        } else {
            &mut self.read_status
        };
        *status = Some(answer.status);
        self.unreachable = false;
        self.other |= answer.class == Class::Other;
        self.credential_stopped |= match answer.class {
            Class::CredentialRefused | Class::TokenExpired => !matches!(role, Role::Without),
            Class::CredentialDoubted => matches!(role, Role::Proof),
            Class::Ok | Class::Throttled(_) | Class::Unavailable | Class::Other => false,
        };
    }

    fn ended(self, finished: Finished, records: Vec<Record>, has_written: bool) -> Ended {
        Ended {
            finished,
            records,
            http_status: self.write_status.or(self.read_status.filter(|_| !has_written)),
            credential_stopped: self.credential_stopped,
            is_unanswered: self.is_unanswered,
            stopped_because: self.stopped_because,
            unreachable: self.unreachable,
            other: self.other,
            cut_off: false,
            no_feed: self.no_feed,
            feed_trouble: self.feed_trouble,
        }
    }
}

async fn send(setting: &Setting<'_>, request: Request) -> Arrived {
    let credential = request.credential.as_ref().and(setting.credential);
    let delivery = setting
        .dispatcher
        .send(setting.ticket, &request, credential)
        .await;
    if let (Some(witness), Ok(delivery)) = (setting.witness, &delivery) {
        witness.exchanged(&request, delivery);
    }
    let role = match &request.credential {
        None => Role::Without,
        Some(_) if request.proves_credential => Role::Proof,
        Some(_) => Role::With,
    };
    Arrived {
        request: request.id,
        role,
        delivery,
    }
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

async fn next_heard(listener: Option<&Listener>) -> Heard {
    match listener {
        Some(listener) => listener.heard().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::Waits;

    #[test]
    fn what_nobody_waits_for_is_forgotten() {
        let waits = Waits::default();
        let (one, two) = (waits.during("a call"), waits.during("a call"));
        drop(waits.during("another call"));
        assert!(waits.during("").is_none());
        assert_eq!(waits.counts(), [("a call".to_owned(), 2)]);
        drop(one);
        assert_eq!(waits.counts(), [("a call".to_owned(), 1)]);
        drop(two);
        assert!(waits.0.lock().is_ok_and(|waits| waits.is_empty()));
    }
}
