//! How a provider's request becomes exchanges: the one way out to a vendor, and the place of everything that protects
//! him.
//!
//! A request passes, in this order: the plan (a write is held), the table of shared reads, the queue (which asks the
//! credential's gate, the connection's limits, and the retry budget), the journal (a write's intent), the transport, the
//! provider's classification, the gate again, the journal again (its result), and perhaps the queue once more. To which
//! of its endpoint's origins it goes is decided when it leaves.
//!
//! *Architecture invariants.* Nothing else sends a provider's request. A plan is enforced here, once. What waits holds
//! no slot. Dropping a future gives back whatever it held.

mod admission;
mod attempt;
mod delivery;
mod exchange;
mod failover;
mod gate;
mod health;
mod limits;
mod login;
mod queue;
mod reads;
mod retry;
mod state;
#[cfg(test)]
mod tests;
mod tokens;
mod turn;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use signoff_core::{Effect, LoginFlow, Monotonic, Request};
use tokio::sync::Semaphore;
use url::Url;

use self::admission::Admission;
use self::attempt::{Desk, Job, Purpose, Tries, Write};
use self::exchange::Origins;
use self::failover::Failover;
use self::reads::{Key, Seat, Share, Start, Wish};
use self::tokens::Tokens;
use crate::clock::{Clock, until};
use crate::credential::Credential;
use crate::secret::UserSecrets;
use crate::transport::Transport;

pub use self::delivery::{
    Classify, Delivered, Delivery, DispatchError, Disposition, Failed, Intent, WriteLog,
};
pub use self::failover::{Move, OnMove};
pub(crate) use self::login::classify as classify_login;
pub use self::turn::{DispatchStatus, FailedOver, WaitReason};

/// What a dispatcher goes by: one connection, as configured.
#[derive(Debug, Clone)]
pub struct DispatcherSettings {
    /// The connection's name, for messages.
    pub connection: Arc<str>,
    /// The origins of each endpoint, in the order in which they are tried.
    pub endpoints: BTreeMap<String, Vec<Url>>,
    /// Requests a second; `None`: no limit.
    pub rate: Option<f64>,
    /// Requests under way at most; at least 1.
    pub concurrency: u32,
    /// Writes between intent and result at most. Not more than `concurrency`: intents do not run ahead of requests.
    pub window: u32,
    /// Of one exchange, unless the request says otherwise.
    pub timeout: Duration,
    /// The longest that the vendor takes to apply a request that it has received.
    pub settle: Duration,
    /// Whether every write is held back.
    pub plan: bool,
    /// How a user name and a password become a token; empty where they are used as they are.
    pub logins: &'static [LoginFlow],
    /// What requests may be sent with beside the credential.
    pub user_secrets: Arc<UserSecrets>,
}

/// The way out to one vendor, for all operations on one connection. All they ask for at once is served fairly, and no
/// faster than the vendor is known to bear.
pub struct Dispatcher {
    desk: Arc<Desk>,
    plan: bool,
}

impl Dispatcher {
    /// Sends nothing yet. Requests must be sent within a tokio runtime.
    #[must_use]
    pub fn new(
        settings: DispatcherSettings,
        transport: Arc<dyn Transport>,
        classifier: Arc<dyn Classify>,
        clock: Clock,
    ) -> Arc<Self> {
        Self::with_observer(settings, transport, classifier, None, clock)
    }

    /// The same; `moved` is told whenever another origin of an endpoint comes into use. It must not block.
    #[must_use]
    pub fn with_observer(
        settings: DispatcherSettings,
        transport: Arc<dyn Transport>,
        classifier: Arc<dyn Classify>,
        moved: Option<OnMove>,
        clock: Clock,
    ) -> Arc<Self> {
        let connection = Arc::clone(&settings.connection);
        let origins = Origins::new(connection, settings.endpoints, settings.user_secrets);
        let failover = Failover::new(origins.names());
        let desk = Desk {
            origins,
            connection: settings.connection,
            transport,
            classifier,
            clock,
            timeout: settings.timeout,
            settle: settings.settle,
            admission: Admission::new(
                settings.rate,
                settings.concurrency,
                settings.window,
                failover,
                moved,
                clock,
            ),
            wire: (settings.window > settings.concurrency)
                .then(|| Semaphore::new(settings.concurrency.max(1) as usize)),
            reads: Arc::default(),
            logins: settings.logins,
            tokens: Tokens::default(),
        };
        Arc::new(Self {
            desk: Arc::new(desk),
            plan: settings.plan,
        })
    }

    /// Announces an operation. `order` is its number in the run: the lowest is served first. Without a log it may not
    /// write.
    #[must_use]
    pub fn ticket(&self, order: u64, writes: Option<Arc<dyn WriteLog>>) -> Ticket {
        Ticket {
            operation: self.desk.admission.begin_operation(),
            admission: Arc::clone(&self.desk.admission),
            order,
            writes,
            tries: Mutex::default(),
            refused_with: AtomicU64::new(0),
        }
    }

    /// Brings a request to its end, however long that takes: waits for its turn, sends it, repeats what the host may
    /// repeat. `credential` is the actor's; it goes along if the request asks for one.
    ///
    /// # Errors
    /// When it could not be sent at all for a reason that does not lie with the vendor.
    pub async fn send(
        &self,
        ticket: &Ticket,
        request: &Request,
        credential: Option<&Arc<Credential>>,
    ) -> Result<Delivery, DispatchError> {
        let credential = request.credential.as_ref().and(credential);
        match &request.effect {
            Effect::Read => self.read(ticket, request, credential).await,
            Effect::Write { .. } if self.plan => Ok(Delivery::Held),
            Effect::Write {
                part,
                in_doubt,
                request_id,
            } => {
                let log = ticket
                    .writes
                    .as_deref()
                    .ok_or_else(|| DispatchError::Unjournaled {
                        connection: Arc::clone(&self.desk.connection),
                    })?;
                let write = Write {
                    log,
                    part,
                    in_doubt: *in_doubt,
                    request_id: request_id.as_deref(),
                };
                let job = Job {
                    desk: &self.desk,
                    request,
                    credential,
                    purpose: Purpose::Write { ticket, write },
                };
                // On the heap: ten thousand operations that wait for a read need not make room for a write.
                job.run().boxed().await
            }
        }
    }

    /// Lets nothing new leave from here on. What waits ends as [`Delivery::Stopped`]; what is under way is waited for.
    pub fn stop(&self) {
        self.desk.admission.stop();
    }

    /// Why a credential is refused, if it is: whoever shows it to the vendor in another way asks first.
    pub(crate) fn refusal(&self, credential: &str) -> Option<Arc<str>> {
        self.desk.admission.refusal(credential)
    }

    /// A credential was refused where it was shown in another way: nothing is sent with it any more.
    pub(crate) fn refuse(&self, credential: &Arc<str>, message: &Arc<str>) {
        self.desk.admission.refuse(credential, message);
    }

    /// What the connection is doing. Cheap.
    #[must_use]
    pub fn status(&self) -> DispatchStatus {
        DispatchStatus {
            connections: self.desk.transport.connections_opened(),
            ..self.desk.admission.status()
        }
    }

    async fn read(
        &self,
        ticket: &Ticket,
        request: &Request,
        credential: Option<&Arc<Credential>>,
    ) -> Result<Delivery, DispatchError> {
        let clock = self.desk.clock;
        // An answer counts only if it was sent later: until then there is nothing to share.
        if clock.now().monotonic < request.not_before {
            tokio::select! {
                () = until(clock.instant(request.not_before)) => {}
                () = self.desk.admission.stopped() => return Ok(Delivery::Stopped),
            }
        }
        let name = credential.map(|credential| &**credential.name());
        let mut wish = Wish {
            key: Key::new(request, name),
            order: ticket.order,
            operation: ticket.operation,
            max_age: request.max_age,
            not_before: request.not_before,
        };
        // What was sent before a doubt arose does not clear it up; and everyone waits for the proof.
        if let Some(since) = name.and_then(|name| self.desk.admission.doubted_since(name))
            && request.proves_credential
        {
            wish.max_age = Duration::ZERO;
            wish.not_before = since.max(request.not_before);
        }
        let now = clock.now();
        let mut seat = match self.desk.reads.share(&self.desk.admission, wish, now.monotonic) {
            Share::Known(answer) => return Ok(Delivery::Response(answer)),
            Share::Seat(seat) => seat,
            Share::First(seat, start) => {
                self.take_off(start, request.clone(), credential.cloned());
                seat
            }
        };
        self.land(&mut seat, request.not_after).await
    }

    async fn land(&self, seat: &mut Seat, not_after: Monotonic) -> Result<Delivery, DispatchError> {
        if not_after != Monotonic::NEVER {
            tokio::select! {
                biased;
                landing = seat.landing() => return landing,
                () = until(self.desk.clock.instant(not_after)) => {}
            }
            if seat.is_waiting() {
                return Ok(attempt::expired(self.desk.clock.now(), 0));
            }
        }
        seat.landing().await
    }

    /// Lets a shared read begin, in a task of its own: it belongs to all who wait for it, not to the first of them, so it
    /// knows no deadline. Each who waits keeps to his own.
    fn take_off(&self, start: Start, mut request: Request, credential: Option<Arc<Credential>>) {
        request.not_after = Monotonic::NEVER;
        let desk = Arc::clone(&self.desk);
        let flight = start.flight;
        let task = tokio::spawn(async move {
            let job = Job {
                desk: &desk,
                request: &request,
                credential: credential.as_ref(),
                purpose: Purpose::Read { flight },
            };
            let landing = job.run().await;
            desk.reads.land(&start, landing);
        });
        self.desk.reads.started(flight, task.abort_handle());
    }
}

/// One operation, as far as dispatch is concerned. Dropping it says that the operation has ended: if an answer of its
/// spoke against the credential, and it sent no proof, the credential counts as refused.
pub struct Ticket {
    admission: Arc<Admission>,
    operation: u64,
    order: u64,
    writes: Option<Arc<dyn WriteLog>>,
    /// Of writes whose turn came too late, by part.
    tries: Mutex<HashMap<String, Tries>>,
    /// The generation of the token with which a write was refused though it was good; 0: none.
    refused_with: AtomicU64,
}

impl Ticket {
    fn tries(&self) -> MutexGuard<'_, HashMap<String, Tries>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.end_operation(self.operation);
    }
}
