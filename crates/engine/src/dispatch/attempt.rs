//! One request on its way: turn, intent, exchange, result, and once more if need be.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use signoff_core::{Class, FailureKind, InDoubt, LoginFlow, Monotonic, Now, Request, Response, Sent};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::admission::{Admission, Permit, Sharer, Waiting};
use super::exchange::{Incomplete, Origins};
use super::failover::Departure;
use super::gate::Finding;
use super::reads::{Queued, Reads};
use super::retry::{ATTEMPTS_INCONCLUSIVE, Attempt, is_breakdown, pause_asked};
use super::state::{Ending, Next};
use super::tokens::{Token, TokenSign, Tokens, Unhad};
use super::turn::{Ask, Turn, Unreachable};
use super::{
    Classify, Delivered, Delivery, DispatchError, Disposition, Failed, Intent, Ticket, WriteLog, login,
};
use crate::clock::Clock;
use crate::credential::{Credential, TokenRequest};
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
    /// As many requests are under way at most, where intents run ahead of them; else the admission sees to it.
    pub(super) wire: Option<Semaphore>,
    pub(super) reads: Arc<Reads>,
    pub(super) logins: &'static [LoginFlow],
    pub(super) tokens: Tokens,
}

impl Desk {
    /// Waits for a way to the vendor; `None` where whoever has his turn has that.
    async fn wire(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.wire.as_ref()?.acquire().await.ok()
    }
}

/// One request on its way.
pub(super) struct Job<'a> {
    pub(super) desk: &'a Arc<Desk>,
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
    /// Of all who wait for a token of a credential.
    Login {
        token: &'a TokenRequest,
        credential: &'a Credential,
    },
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
    /// It left, and its token had run out: it was not processed, and is sent again with another.
    Renew,
    /// It left, and was refused with a token that was never accepted: others tell what that means.
    Accused(Delivered),
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
        let mut is_renewed = false;
        let mut inconclusive = 0;
        let managed = self.managed()?;
        let mut sharer = managed.map(|credential| self.desk.admission.share(credential.name()));
        loop {
            if let Some(credential) = managed
                && let Err(unhad) = Box::pin(self.desk.have_token(credential)).await
            {
                return self.without_token(unhad, attempts);
            }
            let waiting = match self.queue_up(endpoint, earliest, (last.is_some(), tried)) {
                Queued::Waiting(waiting) => waiting,
                Queued::Follow(mut later) => {
                    drop(sharer.take());
                    return later.landing().await;
                }
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
            let token = match managed {
                None => None,
                Some(credential) => {
                    let now = self.desk.clock.now().monotonic;
                    let Some(token) = self.desk.tokens.ready(credential.name(), now) else {
                        // It ran out while this waited for its turn, which another may have meanwhile.
                        continue;
                    };
                    Some(token)
                }
            };
            // Thousands may wait for their turn and few are under way: only those hold what sending needs.
            let exchange = match Box::pin(self.complete(token.as_ref())).await {
                Ok(exchange) => exchange,
                Err(Incomplete::Error(error)) => return Err(error),
                Err(Incomplete::UserSecret(words)) => {
                    let now = self.desk.clock.now();
                    return Ok(not_sent(now, FailureKind::Broken, words.into(), attempts));
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
            let sending = Sending {
                number: attempts + 1,
                token: token.map(|token| token.generation),
                may_renew: !is_renewed,
            };
            match Box::pin(self.attempt(permit, exchange, sending)).await? {
                Tried::NotLeft | Tried::Ended(_, _, Next::Anew) => {}
                Tried::Renew => {
                    attempts += 1;
                    is_renewed = true;
                }
                Tried::Accused(delivered) => {
                    return Ok(Delivery::Response(
                        self.judged(delivered, sharer.take(), sending).await,
                    ));
                }
                Tried::Ended(_, delivery, Next::Deliver) => return Ok(delivery),
                Tried::Ended(departure, delivery, Next::Retry(not_before)) => {
                    inconclusive += u32::from(self.is_inconclusive(&delivery));
                    if inconclusive >= ATTEMPTS_INCONCLUSIVE {
                        return Ok(delivery);
                    }
                    tried = Some(departure);
                    attempts += 1;
                    earliest = not_before;
                    last = Some(delivery);
                }
            }
        }
    }

    /// The credential, if it goes along as a token that it has become.
    fn managed(&self) -> Result<Option<&Arc<Credential>>, DispatchError> {
        let (Some(wanted), Some(credential)) = (&self.request.credential, self.credential) else {
            return Ok(None);
        };
        let recipe = credential.recipe(&wanted.placement, self.desk.logins);
        let recipe = recipe.map_err(|mistake| DispatchError::Fault(mistake.to_string().into()))?;
        Ok(recipe.map(|_| credential))
    }

    async fn complete(&self, token: Option<&Token>) -> Result<Exchange, Incomplete> {
        let desk = self.desk;
        let Purpose::Login { token, credential } = self.purpose else {
            let completed = desk
                .origins
                .complete(self.request, desk.timeout, self.credential, token);
            return completed.await;
        };
        let mut exchange = desk.origins.exchange(self.request, desk.timeout)?;
        let completed = token.complete(&mut exchange);
        completed.map_err(|problem| credential.unsendable(problem))?;
        Ok(exchange)
    }

    /// Whether it is one of those after which a request is not repeated as often as the vendor's troubles would allow.
    fn is_inconclusive(&self, delivery: &Delivery) -> bool {
        match delivery {
            Delivery::Response(answer) => self.says_nothing(answer.class, answer.status, &answer.body),
            Delivery::Failure(failed) => {
                matches!(self.purpose, Purpose::Login { .. }) && failed.sent == Sent::MaybeSent
            }
            _ => false,
        }
    }

    /// Whether an answer is as good as none, and what was asked may be asked again.
    fn says_nothing(&self, class: Class, status: u16, body: &[u8]) -> bool {
        match self.purpose {
            Purpose::Write { .. } => false,
            Purpose::Read { .. } => is_breakdown(class, status),
            Purpose::Login { .. } => login::says_nothing(class, status, body),
        }
    }

    /// What is delivered if there is no token to send it with.
    fn without_token(&self, unhad: Unhad, attempts: u32) -> Result<Delivery, DispatchError> {
        match unhad {
            Unhad::Refused(message) => Ok(Delivery::credential_stopped(message, true)),
            Unhad::Unanswered(message) => Ok(Delivery::credential_stopped(message, false)),
            Unhad::Failed { kind, message } => Ok(not_sent(self.desk.clock.now(), kind, message, attempts)),
            Unhad::Stopped => Ok(Delivery::Stopped),
            Unhad::Error(error) => Err(error),
        }
    }

    /// What was tried already of a write that its operation asks for again. Without it the pauses between retries would
    /// be longer than the state holds that the write rests on, and it would be tried for ever.
    fn earlier_tries(&self) -> Tries {
        match &self.purpose {
            Purpose::Read { .. } | Purpose::Login { .. } => Tries::default(),
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
            // Before all others: they wait for it.
            Purpose::Login { .. } => Queued::Waiting(admission.enqueue(ask, endpoint).1),
        }
    }

    /// One attempt. For a write, the slot is held from its intent to its result.
    async fn attempt(
        &self,
        mut permit: Permit,
        mut exchange: Exchange,
        sending: Sending,
    ) -> Result<Tried, DispatchError> {
        let under_way = exchange.timeout + self.desk.settle;
        let mut begun = self.desk.clock.now();
        let mut intent = None;
        let departure;
        let on_wire;
        if let Purpose::Write { write, .. } = &self.purpose {
            let written = write.log.intent(Intent {
                part: write.part,
                in_doubt: write.in_doubt,
                attempt: sending.number,
                request_id: write.request_id,
                at_unix_ms: begun.unix_ms,
                server_offset_ms: self.desk.admission.known_server_offset_ms(),
                under_way,
            });
            let written = written.await?;
            on_wire = self.desk.wire().await;
            let leaves_for = self
                .may_still_leave(begun, &mut exchange)
                .then(|| permit.leave())
                .flatten();
            let Some(leaves_for) = leaves_for else {
                write.log.result(written, Disposition::NotSent).await?;
                return Ok(Tried::NotLeft);
            };
            departure = leaves_for;
            intent = Some((write.log, written));
        } else {
            on_wire = self.desk.wire().await;
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
        drop(on_wire);
        let times = Times {
            sent,
            settled_at: begun.monotonic + under_way,
            number: sending.number,
            endpoint: departure.endpoint,
        };
        let (tried, disposition) = match result {
            Ok(reply) => {
                let (delivery, next, sign) = self.answered(&mut permit, reply, times, sending);
                let (class, status) = (delivery.class, delivery.status);
                let renews = match sign {
                    TokenSign::RunOut => true,
                    TokenSign::Stale => class == Class::TokenExpired && sending.may_renew,
                    TokenSign::Present | TokenSign::Unproven | TokenSign::Own => false,
                };
                let disposition = if renews || Attempt::Answered(class).may_repeat(true) {
                    Disposition::NotProcessed { status }
                } else {
                    Disposition::Answered { status }
                };
                let tried = if renews {
                    Tried::Renew
                } else if sign == TokenSign::Unproven {
                    Tried::Accused(delivery)
                } else if sign != TokenSign::Present && class == Class::TokenExpired {
                    let delivery = self.own(delivery, sending);
                    Tried::Ended(departure, Delivery::Response(delivery), next)
                } else {
                    Tried::Ended(departure, Delivery::Response(delivery), next)
                };
                (tried, disposition)
            }
            Err(failure) => {
                let disposition = match failure.sent {
                    Sent::NotSent => Disposition::NotSent,
                    Sent::MaybeSent => Disposition::MaybeSent,
                };
                let (delivery, next) = self.failed(&mut permit, failure, times);
                (Tried::Ended(departure, delivery, next), disposition)
            }
        };
        if let Some((log, intent)) = intent {
            log.result(intent, disposition).await?;
        }
        Ok(tried)
    }

    /// Whether a write may leave that was intended at `begun`. It counts as settled so long after that, so it has the less
    /// time for its answer the longer the disk took, or the way before it; with less than a quarter of it, it is intended anew.
    fn may_still_leave(&self, begun: Now, exchange: &mut Exchange) -> bool {
        let now = self.desk.clock.now().monotonic;
        let left = exchange.timeout.saturating_sub(now.since(begun.monotonic));
        let is_late = left < exchange.timeout / 4 || now > self.request.not_after;
        exchange.timeout = left;
        !is_late
    }

    fn answered(
        &self,
        permit: &mut Permit,
        reply: Reply,
        times: Times,
        sending: Sending,
    ) -> (Delivered, Next, TokenSign) {
        let admission = &self.desk.admission;
        let now_unix_ms = self.desk.clock.now().unix_ms;
        if let Some((_, date)) = reply.headers.iter().find(|(name, _)| name == "date") {
            admission.observe_date(date, times.sent.unix_ms, now_unix_ms);
        }
        let offset_ms = admission.server_offset_ms();
        let sent_unix_ms = times.sent.unix_ms.saturating_add(offset_ms);
        let class = match self.purpose {
            Purpose::Login { .. } => login::classify(reply.status),
            Purpose::Read { .. } | Purpose::Write { .. } => self.desk.classifier.classify(&Response {
                request: self.request.id,
                status: reply.status,
                headers: &reply.headers,
                body: &reply.body,
                sent: times.sent.monotonic,
                sent_unix_ms,
                settled_at: times.settled_at,
            }),
        };
        let sign = self.sign(sending, class, reply.status);
        let next = permit.ended(&Ending {
            attempt: Attempt::Answered(class),
            status: reply.status,
            says_nothing: self.says_nothing(class, reply.status, &reply.body),
            number: times.number,
            sent: times.sent.monotonic,
            pause: pause_asked(class, &reply.headers, now_unix_ms.saturating_add(offset_ms)),
            token: sign,
            operations: &self.operations(),
            words: None,
            unreachable: None,
        });
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
        (delivered, next, sign)
    }

    /// What an answer says of the token that went along.
    fn sign(&self, sending: Sending, class: Class, status: u16) -> TokenSign {
        let (Some(generation), Some(credential)) = (sending.token, self.credential) else {
            return TokenSign::Present;
        };
        let (tokens, name) = (&self.desk.tokens, credential.name());
        match class {
            Class::TokenExpired => {
                let is_known = match self.purpose {
                    Purpose::Write { ticket, .. } => {
                        ticket.refused_with.load(Ordering::Relaxed) == generation
                    }
                    Purpose::Read { .. } | Purpose::Login { .. } => false,
                };
                tokens.expired(name, generation, sending.may_renew && !is_known)
            }
            Class::Ok => tokens.accepted(name, generation),
            Class::Other if status < 500 && status != 401 => tokens.accepted(name, generation),
            _ => tokens.sign(name, generation),
        }
    }

    /// An answer that refused a token which was never accepted, once it is known what that means.
    async fn judged(&self, delivered: Delivered, sharer: Option<Sharer>, sending: Sending) -> Delivered {
        let finding = match sharer {
            Some(sharer) => sharer.finding().await,
            None => Finding::Credential,
        };
        match finding {
            Finding::Credential => delivered,
            Finding::Request => self.own(delivered, sending),
        }
    }

    /// An answer that refused a good token, and so means the request alone. What else the operation writes with that token
    /// and is refused, means the same.
    fn own(&self, mut delivered: Delivered, sending: Sending) -> Delivered {
        if let (Purpose::Write { ticket, .. }, Some(generation)) = (&self.purpose, sending.token) {
            ticket.refused_with.store(generation, Ordering::Relaxed);
        }
        delivered.class = Class::Other;
        delivered
    }

    fn failed(&self, permit: &mut Permit, failure: TransportFailure, times: Times) -> (Delivery, Next) {
        let words: Arc<str> = failure.message.into();
        // An authorisation server has an address of its own.
        let hint = match self.purpose {
            Purpose::Login { token, .. } if failure.kind == FailureKind::Redirected && token.is_oauth() => {
                "check `token_url`: it is to be the address at which tokens are given"
            }
            _ => &failure.hint,
        };
        let mut message = match hint {
            "" => Arc::clone(&words),
            hint => format!("{words}; {hint}").into(),
        };
        let next = permit.ended(&Ending {
            attempt: Attempt::Failed(failure.kind, failure.sent),
            status: 0,
            says_nothing: false,
            number: times.number,
            sent: times.sent.monotonic,
            pause: None,
            token: TokenSign::Present,
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
        (Delivery::Failure(failed), next)
    }

    /// The living operations that get the answer.
    fn operations(&self) -> Vec<u64> {
        match self.purpose {
            Purpose::Read { flight } => self.desk.reads.operations(flight),
            Purpose::Write { ticket, .. } => vec![ticket.operation],
            Purpose::Login { .. } => Vec::new(),
        }
    }

    /// What is delivered if its turn never comes, or not again.
    fn no_turn(&self, turn: Turn, tries: Tries) -> Delivery {
        let attempts = tries.attempts;
        match turn {
            Turn::Refused(message) => {
                let name = self.credential.map(|credential| credential.name());
                let is_unanswered = name.is_some_and(|name| self.desk.tokens.is_unanswered(name));
                Delivery::credential_stopped(message, !is_unanswered)
            }
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

/// One attempt, before it is made.
#[derive(Clone, Copy)]
struct Sending {
    /// Which attempt it is, from 1.
    number: u32,
    /// The generation of the token that goes along.
    token: Option<u64>,
    /// Whether it may be sent again if that token has run out, which is not so if it was already.
    may_renew: bool,
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
