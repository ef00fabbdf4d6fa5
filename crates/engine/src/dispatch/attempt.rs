//! One request on its way: turn, intent, exchange, result, and once more if need be.

use std::sync::Arc;
use std::time::Duration;

use signoff_core::{FailureKind, InDoubt, Monotonic, Now, Request, Response, Sent};

use super::admission::{Admission, Permit, Waiting};
use super::exchange::{Incomplete, Origins};
use super::failover::Departure;
use super::reads::{Queued, Reads};
use super::retry::{Attempt, pause_asked};
use super::state::{Ending, Next};
use super::turn::{Ask, Turn, Unreachable};
use super::{Classify, Delivered, Delivery, DispatchError, Disposition, Failed, Intent, Ticket, WriteLog};
use crate::clock::Clock;
use crate::credential::Credential;
use crate::transport::{Exchange, Reply, Transport, TransportFailure};

/// What the requests of one connection share.
pub(super) struct Desk {
    pub(super) connection: Arc<str>,
    pub(super) origins: Origins,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) classifier: Arc<dyn Classify>,
    pub(super) clock: Clock,
    pub(super) timeout: Duration,
    pub(super) settle: Duration,
    pub(super) admission: Arc<Admission>,
    pub(super) reads: Arc<Reads>,
}

/// One request on its way.
pub(super) struct Job<'a> {
    pub(super) desk: &'a Desk,
    pub(super) request: &'a Request,
    pub(super) credential: Option<&'a Arc<Credential>>,
    pub(super) purpose: Purpose<'a>,
}

/// On whose behalf it is sent.
pub(super) enum Purpose<'a> {
    /// Of all who share a read.
    Read { flight: u64 },
    /// Of one operation, which writes.
    Write { ticket: &'a Ticket, write: Write<'a> },
}

/// A write, and where it is journaled.
#[derive(Clone, Copy)]
pub(super) struct Write<'a> {
    pub(super) log: &'a dyn WriteLog,
    pub(super) part: &'a str,
    pub(super) in_doubt: InDoubt,
    pub(super) request_id: Option<&'a str>,
}

/// How far the attempts at a request have got.
#[derive(Debug, Default)]
pub(super) struct Tries {
    attempts: u32,
    /// When the next one may be made.
    earliest: Monotonic,
    /// What the latest came to.
    last: Option<Delivery>,
    /// Where the latest went.
    tried: Option<Departure>,
}

/// What an attempt came to.
enum Tried {
    /// It must not leave any more; it needs another turn.
    NotLeft,
    /// It left, and this is what follows.
    Ended(Departure, Delivery, Next),
}

impl Job<'_> {
    /// Sends the request until there is something to deliver.
    pub(super) async fn run(&self) -> Result<Delivery, DispatchError> {
        let endpoint = self.desk.origins.endpoint(&self.request.endpoint)?;
        let Tries {
            mut attempts,
            mut earliest,
            mut last,
            mut tried,
        } = self.earlier_tries();
        loop {
            let waiting = match self.queue_up(endpoint, earliest, (attempts > 0, tried)) {
                Queued::Waiting(waiting) => waiting,
                Queued::Follow(mut later) => return later.landing().await,
                Queued::Abandoned => return Ok(Delivery::Stopped),
            };
            let permit = match waiting.await {
                Ok(permit) => permit,
                Err(turn) => {
                    let tries = Tries {
                        attempts,
                        earliest,
                        last,
                        tried,
                    };
                    return Ok(self.no_turn(turn, tries));
                }
            };
            // Thousands may wait for their turn and few are under way: only those hold what sending needs.
            let completed = self
                .desk
                .origins
                .complete(self.request, self.desk.timeout, self.credential);
            let exchange = match Box::pin(completed).await {
                Ok(exchange) => exchange,
                Err(Incomplete::Error(error)) => return Err(error),
                Err(Incomplete::UserSecret(words)) => {
                    return Ok(not_sent(
                        self.desk.clock.now(),
                        FailureKind::Broken,
                        words.into(),
                        attempts,
                    ));
                }
            };
            // Looking up a secret may have taken its time: a person was asked for it.
            if self.desk.clock.now().monotonic > self.request.not_after {
                let tries = Tries {
                    attempts,
                    earliest,
                    last,
                    tried,
                };
                return Ok(self.no_turn(Turn::Expired, tries));
            }
            match Box::pin(self.attempt(permit, exchange, attempts + 1)).await? {
                Tried::NotLeft | Tried::Ended(_, _, Next::Anew) => {}
                Tried::Ended(_, delivery, Next::Deliver) => return Ok(delivery),
                Tried::Ended(departure, delivery, Next::Retry(not_before)) => {
                    tried = Some(departure);
                    attempts += 1;
                    earliest = not_before;
                    last = Some(delivery);
                }
            }
        }
    }

    /// What was tried already of a write that its operation asks for again. Without it the pauses between retries would
    /// be longer than the state holds that the write rests on, and it would be tried for ever.
    fn earlier_tries(&self) -> Tries {
        match &self.purpose {
            Purpose::Read { .. } => Tries::default(),
            Purpose::Write { ticket, write } => ticket.tries().remove(write.part).unwrap_or_default(),
        }
    }

    fn queue_up(
        &self,
        endpoint: usize,
        earliest: Monotonic,
        (retry, tried): (bool, Option<Departure>),
    ) -> Queued<Waiting> {
        let admission = &self.desk.admission;
        let mut ask = Ask {
            order: 0,
            write: false,
            proof: self.request.proves_credential,
            credential: self.credential.map(|credential| Arc::clone(credential.name())),
            not_after: Monotonic::NEVER,
            earliest,
            retry,
            tried,
        };
        match self.purpose {
            Purpose::Read { flight } => self.desk.reads.queue_up(admission, flight, |order, spaced| {
                ask.order = order;
                ask.earliest = earliest.max(spaced);
                admission.enqueue(ask, endpoint)
            }),
            Purpose::Write { ticket, .. } => {
                ask.order = ticket.order;
                ask.write = true;
                ask.not_after = self.request.not_after;
                Queued::Waiting(admission.enqueue(ask, endpoint).1)
            }
        }
    }

    /// One attempt. For a write, the slot is held from its intent to its result.
    async fn attempt(
        &self,
        mut permit: Permit,
        mut exchange: Exchange,
        number: u32,
    ) -> Result<Tried, DispatchError> {
        let under_way = exchange.timeout + self.desk.settle;
        let mut begun = self.desk.clock.now();
        let mut intent = None;
        let departure;
        if let Purpose::Write { write, .. } = &self.purpose {
            let written = write.log.intent(Intent {
                part: write.part,
                in_doubt: write.in_doubt,
                attempt: number,
                request_id: write.request_id,
                at_unix_ms: begun.unix_ms,
                server_offset_ms: self.desk.admission.server_offset_ms(),
            });
            let written = written.await?;
            let Some(leaves_for) = permit.leave() else {
                write.log.result(written, Disposition::NotSent).await?;
                return Ok(Tried::NotLeft);
            };
            departure = leaves_for;
            intent = Some((write.log, written));
        } else {
            let Some(leaves_for) = permit.leave() else {
                return Ok(Tried::NotLeft);
            };
            departure = leaves_for;
            begun = self.desk.clock.now();
        }
        self.desk.origins.direct(&mut exchange, departure);
        let sent = self.desk.clock.now();
        if let Purpose::Read { flight } = self.purpose {
            self.desk.reads.left(flight, sent.monotonic);
        }
        exchange.on_status = permit.on_status();
        let result = self.desk.transport.send(exchange).await;
        let times = Times {
            sent,
            settled_at: begun.monotonic + under_way,
            number,
            endpoint: departure.endpoint,
        };
        let (delivery, next, disposition) = match result {
            Ok(reply) => self.answered(&mut permit, reply, times),
            Err(failure) => self.failed(&mut permit, failure, times),
        };
        if let Some((log, intent)) = intent {
            log.result(intent, disposition).await?;
        }
        Ok(Tried::Ended(departure, delivery, next))
    }

    fn answered(&self, permit: &mut Permit, reply: Reply, times: Times) -> (Delivery, Next, Disposition) {
        let admission = &self.desk.admission;
        let now_unix_ms = self.desk.clock.now().unix_ms;
        if let Some((_, date)) = reply.headers.iter().find(|(name, _)| name == "date") {
            admission.observe_date(date, times.sent.unix_ms, now_unix_ms);
        }
        let offset_ms = admission.server_offset_ms();
        let sent_unix_ms = times.sent.unix_ms.saturating_add(offset_ms);
        let class = self.desk.classifier.classify(&Response {
            request: self.request.id,
            status: reply.status,
            headers: &reply.headers,
            body: &reply.body,
            sent: times.sent.monotonic,
            sent_unix_ms,
            settled_at: times.settled_at,
        });
        let attempt = Attempt::Answered(class);
        let next = permit.ended(&Ending {
            attempt,
            status: reply.status,
            number: times.number,
            sent: times.sent.monotonic,
            pause: pause_asked(class, &reply.headers, now_unix_ms.saturating_add(offset_ms)),
            operations: &self.operations(),
            words: None,
            unreachable: None,
        });
        let disposition = if attempt.may_repeat(true) {
            Disposition::NotProcessed { status: reply.status }
        } else {
            Disposition::Answered { status: reply.status }
        };
        let delivered = Delivered {
            status: reply.status,
            headers: reply.headers.into(),
            body: reply.body,
            class,
            sent: times.sent.monotonic,
            sent_unix_ms,
            settled_at: times.settled_at,
            attempts: times.number,
        };
        (Delivery::Response(delivered), next, disposition)
    }

    fn failed(
        &self,
        permit: &mut Permit,
        failure: TransportFailure,
        times: Times,
    ) -> (Delivery, Next, Disposition) {
        let words: Arc<str> = failure.message.into();
        let mut message = match &*failure.hint {
            "" => Arc::clone(&words),
            hint => format!("{words}; {hint}").into(),
        };
        let next = permit.ended(&Ending {
            attempt: Attempt::Failed(failure.kind, failure.sent),
            status: 0,
            number: times.number,
            sent: times.sent.monotonic,
            pause: None,
            operations: &[],
            words: Some(words),
            unreachable: Some(Unreachable {
                message: Arc::clone(&message),
            }),
        });
        if failure.kind == FailureKind::Unreachable
            && let Some(troubles) = self.desk.admission.troubles(times.endpoint)
        {
            message = troubles;
        }
        let offset_ms = self.desk.admission.server_offset_ms();
        let failed = Failed {
            sent: failure.sent,
            kind: failure.kind,
            message,
            sent_unix_ms: times.sent.unix_ms.saturating_add(offset_ms),
            settled_at: times.settled_at,
            attempts: times.number,
        };
        let disposition = match failure.sent {
            Sent::NotSent => Disposition::NotSent,
            Sent::MaybeSent => Disposition::MaybeSent,
        };
        (Delivery::Failure(failed), next, disposition)
    }

    /// The living operations that get the answer.
    fn operations(&self) -> Vec<u64> {
        match self.purpose {
            Purpose::Read { flight } => self.desk.reads.operations(flight),
            Purpose::Write { ticket, .. } => vec![ticket.operation],
        }
    }

    /// What is delivered if its turn never comes, or not again.
    fn no_turn(&self, turn: Turn, tries: Tries) -> Delivery {
        let attempts = tries.attempts;
        match turn {
            Turn::Refused(message) => Delivery::CredentialStopped {
                code: "credential_stopped",
                message,
            },
            Turn::Expired => {
                if let Purpose::Write { ticket, write } = &self.purpose {
                    ticket.tries().insert(write.part.to_owned(), tries);
                }
                expired(self.desk.clock.now(), attempts)
            }
            Turn::Unreachable(Unreachable { message }) => {
                not_sent(self.desk.clock.now(), FailureKind::Unreachable, message, attempts)
            }
            Turn::GivenUp => tries.last.unwrap_or(Delivery::Stopped),
            Turn::Stopped | Turn::Go { .. } => Delivery::Stopped,
        }
    }
}

#[derive(Clone, Copy)]
struct Times {
    sent: Now,
    settled_at: Monotonic,
    /// Which attempt it is, from 1.
    number: u32,
    endpoint: usize,
}

/// A turn that came too late.
pub(super) fn expired(now: Now, attempts: u32) -> Delivery {
    not_sent(
        now,
        FailureKind::Expired,
        "its turn came too late".into(),
        attempts,
    )
}

fn not_sent(now: Now, kind: FailureKind, message: Arc<str>, attempts: u32) -> Delivery {
    Delivery::Failure(Failed {
        sent: Sent::NotSent,
        kind,
        message,
        sent_unix_ms: now.unix_ms,
        settled_at: now.monotonic,
        attempts,
    })
}
