//! A run: one journaled execution of a workflow, and everything it promises. Scripts and commands ask it for
//! operations; it checks them, keeps people safe, journals, drives, reports.

mod links;
mod report;
mod scope;
mod writes;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signoff_core::{
    Args, Context, CredentialKind, Field, InDoubtPolicy, Monotonic, OperationSpec, Outcome, Record, Target,
    User, Value, Yields,
};
use tokio::sync::watch;

use crate::call::{Answer, Call, CallError, Cause, OutcomeRow, Place};
use crate::clock::Clock;
use crate::dispatch::{DispatchError, DispatchStatus};
use crate::engine::{Engine, EngineError};
use crate::event::{Event, Level, Observer, Status, Summary};
use crate::journal::{
    AnswerRecord, CallDigest, CallId, CallKind, CallRecord, EndRecord, Journal, JournalError, LogRecord,
    RecordedAnswer, RunHeader, ScopeRecord,
};
use crate::operation::{self, Setting, Waits};
use crate::parameters;
use links::{Link, Links};
use scope::Scope;
use writes::CallWrites;

pub use links::ConnectionFacts;

/// What a run is to be.
pub struct RunSettings {
    /// What the journal says of it; its id, start and seed are filled in.
    pub header: RunHeader,
    /// The only users who may be acted on, by (connection, id): those of a plan that somebody agreed to.
    pub approved: Option<HashSet<(String, String)>>,
}

/// One journaled execution of a workflow.
pub struct Run {
    engine: Arc<Engine>,
    id: String,
    plan: bool,
    seed: u64,
    approved: Option<HashSet<(String, String)>>,
    journal: Journal,
    observer: Arc<dyn Observer>,
    clock: Clock,
    started: Duration,
    links: Links,
    scope: Mutex<Scope>,
    /// The first list of users that could not be read.
    unread: Mutex<Option<Cause>>,
    stopped: watch::Sender<bool>,
    order: AtomicU64,
    waits: Waits,
    /// How far `signoff.sleep` has moved the script's clock in a plan, in milliseconds.
    ahead_ms: AtomicI64,
}

impl Run {
    /// Begins a run: its journal is on disk when this returns. `state` is the folder that holds `runs/`.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn begin(
        engine: Arc<Engine>,
        settings: RunSettings,
        state: &Path,
        observer: Arc<dyn Observer>,
    ) -> Result<Arc<Self>, JournalError> {
        let clock = Clock::start();
        let now = clock.now();
        let unique = uuid::Uuid::new_v4().as_u128();
        let mut header = settings.header;
        header.created_ms = now.unix_ms;
        header.run = report::run_id(now.unix_ms, unique);
        // JSON numbers and Luau's keep 53 bits.
        header.seed = u64::try_from(unique >> 75).unwrap_or_default();
        let (id, plan, seed) = (header.run.clone(), header.plan, header.seed);
        let workflow = header.workflow.clone();
        let journal = Journal::create(state, &header)?;
        observer.event(&Event::Started {
            run: id.clone(),
            workflow,
            plan,
        });
        Ok(Arc::new(Self {
            links: Links::new(Arc::clone(&engine), clock, plan),
            engine,
            id,
            plan,
            seed,
            approved: settings.approved,
            journal,
            observer,
            clock,
            started: now.monotonic.since(Monotonic::ZERO),
            scope: Mutex::default(),
            unread: Mutex::default(),
            stopped: watch::Sender::new(false),
            order: AtomicU64::new(0),
            waits: Waits::default(),
            ahead_ms: AtomicI64::new(0),
        }))
    }

    /// Its id: when it began, and a few letters.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether every effect is held back.
    #[must_use]
    pub const fn planning(&self) -> bool {
        self.plan
    }

    /// Of the script's random numbers; below 2^53.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The configured connections of a provider.
    #[must_use]
    pub fn connections_of(&self, provider: &str) -> Vec<String> {
        self.engine.connections_of(provider)
    }

    /// What a script may know of a connection; opens it, without sending anything.
    ///
    /// # Errors
    /// [`CallError::Misuse`] if it cannot be used.
    pub fn connection(&self, name: &str, credential: Option<&str>) -> Result<ConnectionFacts, CallError> {
        let link = self.links.open(name)?;
        let credential = self.links.credential(&link, credential)?;
        Ok(ConnectionFacts {
            descriptor: link.settings.descriptor,
            actor: credential.map(|credential| credential.actor().to_owned()),
        })
    }

    /// One provider operation, from checking its arguments to its outcome on disk.
    ///
    /// # Errors
    /// See [`CallError`]; what happens at the vendor's is an answer.
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let link = self.links.open(&call.connection)?;
        let operation = report::operation(&link, &call)?;
        let arguments = parameters::resolve(operation.parameters, &call.arguments).map_err(|error| {
            CallError::Misuse {
                hint: error.hint(),
                message: error.to_string(),
            }
        })?;
        let credential = self.links.credential(&link, call.credential.as_deref())?;
        if *self.stopped.borrow() {
            return Err(CallError::Stopped);
        }
        let started_ms = self.clock.now().unix_ms;
        let id = self.journal.call(CallRecord {
            place: call.place.clone(),
            digest: CallDigest::of(&call),
            kind: if operation.writes {
                CallKind::Act
            } else {
                CallKind::Read
            },
            connection: Some(Arc::clone(&link.settings.name)),
            operation: operation.name.to_owned(),
            user: call.user.as_ref().map(|user| user.id.clone()),
            at_ms: started_ms,
        });
        let mut row = OutcomeRow {
            connection: Some(link.settings.name.to_string()),
            provider: Some(link.settings.descriptor.id.to_owned()),
            operation: Some(operation.name.to_owned()),
            name: call
                .user
                .as_ref()
                .and_then(|user| user.attribute("name")?.as_text().map(str::to_owned)),
            started_ms,
            ..OutcomeRow::of(
                &*self.id,
                call.user.as_ref().map_or("", |user| &user.id),
                Outcome::Failed,
            )
        };
        let actor = credential.as_ref().map_or("", |credential| credential.actor());
        let include_self = arguments
            .iter()
            .any(|field| field == &Field::new("include_self", true));
        if let (true, Some(user)) = (operation.writes, &call.user) {
            self.enter(Some(&call.connection), user);
            let is_actor = user.id.eq_ignore_ascii_case(actor);
            if let Some((code, message)) = self.spared(
                &call.connection,
                user,
                is_actor && call.in_fan_out && !include_self,
            ) {
                row.outcome = Outcome::Skipped;
                (row.code, row.message) = (Some(code.to_owned()), Some(message));
                return self.conclude(id, row, operation, &arguments).await;
            }
        }
        let name = format!("{}-{}", self.id, id.0);
        let context = Context {
            actor,
            actor_kind: credential
                .as_ref()
                .map_or(CredentialKind::Basic, |credential| credential.kind()),
            plan: self.plan,
            call: &name,
            may_act_on_self: !call.in_fan_out || include_self,
            in_doubt: InDoubtPolicy::Verify,
            earlier: &[],
        };
        let op = link
            .provider
            .start(
                operation.name,
                Args::new(call.user.as_ref(), &arguments),
                context,
                self.clock.now(),
            )
            .map_err(|error| report::start_error(&link, error))?;
        let writes = operation
            .writes
            .then(|| Arc::new(CallWrites::new(self.journal.clone(), id, self.clock)));
        let order = self.order.fetch_add(1, Ordering::Relaxed);
        let ticket = link
            .dispatcher
            .ticket(order, writes.clone().map(|writes| writes as _));
        let setting = Setting {
            clock: self.clock,
            dispatcher: &link.dispatcher,
            ticket: &ticket,
            credential: credential.as_ref(),
            stopped: self.stopped.subscribe(),
            waits: &self.waits,
        };
        let ended = operation::drive(op, setting)
            .await
            .map_err(|error| fault(&link, &error))?;
        if let Some(writes) = &writes {
            let tally = writes.tally();
            (row.attempts, row.repeated, row.request_id) = (tally.attempts, tally.repeated, tally.request_id);
        }
        if operation.yields != Yields::Outcome && ended.finished.outcome == Outcome::Done {
            return self.give(id, ended.records, operation).await;
        }
        report::fill(&mut row, ended);
        self.conclude(id, row, operation, &arguments).await
    }
}

impl Run {
    /// A user comes into scope. Without a connection he is a mere id, until an operation names one.
    pub fn enter(&self, connection: Option<&str>, user: &User) {
        let name = user.attribute("name").and_then(Value::as_text);
        let total = {
            let mut scope = self.scope();
            if !scope.enter(connection, &user.id, name) {
                return;
            }
            scope.len()
        };
        self.journal.scope(ScopeRecord {
            connection: connection.map(Arc::from),
            user: user.id.clone(),
            name: name.map(str::to_owned),
        });
        self.observer.event(&Event::Entered { total });
    }

    /// A text that was entered without a connection turned out to be nobody's id.
    pub fn leave(&self, user: &User) {
        self.scope().leave(&user.id);
    }

    /// A user is left out, for a reason that the script gives.
    ///
    /// # Errors
    /// [`CallError::Fault`] if the journal fails.
    pub async fn skip(
        &self,
        place: Place,
        connection: Option<&str>,
        user: &User,
        reason: &str,
    ) -> Result<Arc<OutcomeRow>, CallError> {
        self.enter(connection, user);
        let at_ms = self.clock.now().unix_ms;
        let arguments = [Field::new("user", user.id.as_str()), Field::new("reason", reason)];
        let id = self.host_call(place, "skip", &arguments, at_ms);
        let row = OutcomeRow {
            connection: connection.map(str::to_owned),
            name: user.attribute("name").and_then(Value::as_text).map(str::to_owned),
            code: Some("left_out".to_owned()),
            message: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
            started_ms: at_ms,
            ..OutcomeRow::of(&*self.id, &*user.id, Outcome::Skipped)
        };
        self.settle(id, row, true).await
    }

    /// The script's clock, in Unix milliseconds, recorded so that a re-execution reads the same.
    ///
    /// # Errors
    /// [`CallError::Fault`] if the journal fails.
    pub async fn now(&self, place: Place) -> Result<i64, CallError> {
        let at_ms = self.clock.now().unix_ms;
        let now_ms = at_ms.saturating_add(self.ahead_ms.load(Ordering::Relaxed));
        let id = self.host_call(place, "now", &[], at_ms);
        let answer = RecordedAnswer::Value(Value::Integer(now_ms));
        self.record(id, AnswerRecord { at_ms, answer }).await?;
        Ok(now_ms)
    }

    /// Waits; in a plan the script's clock moves on at once instead.
    ///
    /// # Errors
    /// [`CallError::Stopped`] if the run is stopped meanwhile.
    pub async fn sleep(&self, place: Place, duration: Duration) -> Result<(), CallError> {
        let at_ms = self.clock.now().unix_ms;
        let id = self.host_call(place, "sleep", &[Field::new("duration", duration)], at_ms);
        if self.plan {
            let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
            self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
        } else {
            let mut stopped = self.stopped.subscribe();
            let _ = tokio::time::timeout(duration, stopped.wait_for(|stopped| *stopped)).await;
            if *self.stopped.borrow() {
                return Err(CallError::Stopped);
            }
        }
        let at_ms = self.clock.now().unix_ms;
        self.record(
            id,
            AnswerRecord {
                at_ms,
                answer: RecordedAnswer::Value(Value::Null),
            },
        )
        .await
    }

    /// Somebody has something to say; secrets are taken out.
    pub fn log(&self, level: Level, text: &str, fields: Vec<Field>) {
        let text = self.engine.redactor.redact(text).into_owned();
        let fields = report::redacted_fields(&self.engine.redactor, fields);
        let at_ms = self.clock.now().unix_ms;
        self.journal.log(LogRecord {
            at_ms,
            level,
            text: text.clone(),
            fields: fields.clone(),
        });
        self.observer.event(&Event::Log { level, text, fields });
    }

    /// Takes up no more work: what has begun to be written is awaited, everything else is given up.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
        self.links.stop();
    }

    /// How each connection that was opened stands, for the progress display.
    #[must_use]
    pub fn connections(&self) -> Vec<(Arc<str>, DispatchStatus)> {
        self.links.status()
    }

    /// How many operations wait for what, in the provider's words.
    #[must_use]
    pub fn waits(&self) -> Vec<(String, u64)> {
        self.waits.counts()
    }

    /// Ends the run: whoever is in scope and has no outcome gets one, and the summary goes on disk.
    ///
    /// # Errors
    /// [`CallError::Fault`] if the journal fails.
    pub async fn finish(&self, status: Status) -> Result<Summary, CallError> {
        let left_over = self.scope().left_over();
        for left in left_over {
            let (outcome, code) = match status {
                Status::Completed => (Outcome::Skipped, "left_out"),
                Status::Stopped | Status::Interrupted | Status::Failed => (Outcome::Cancelled, "stopped"),
            };
            let at_ms = self.clock.now().unix_ms;
            let row = OutcomeRow {
                connection: left.connection.as_deref().map(str::to_owned),
                name: left.name.as_deref().map(str::to_owned),
                code: Some(code.to_owned()),
                started_ms: at_ms,
                ..OutcomeRow::of(&*self.id, &*left.user, outcome)
            };
            let place = Place(Arc::from(format!("end[{}]", left.user)));
            let id = self.host_call(place, "end", &[], at_ms);
            self.settle(id, row, outcome == Outcome::Skipped).await?;
        }
        let now = self.clock.now();
        let totals = self.scope().totals();
        let unread = *self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let untried = totals.untried.or_else(|| unread.filter(|_| totals.total == 0));
        let summary = Summary {
            run: self.id.clone(),
            status: if untried.is_some() && status == Status::Completed {
                Status::Failed
            } else {
                status
            },
            total: totals.total,
            counts: totals.counts,
            elapsed: now.monotonic.since(Monotonic::ZERO).saturating_sub(self.started),
            unsatisfied: totals.unsatisfied,
            cancelled: totals.cancelled,
            unread: unread.is_some(),
            untried,
        };
        let record = EndRecord {
            at_ms: now.unix_ms,
            summary: summary.clone(),
        };
        self.journal
            .finish(record)
            .await
            .map_err(|error| journal_failed(&error))?;
        self.observer.event(&Event::Finished(summary.clone()));
        Ok(summary)
    }
}

impl Run {
    /// Why a user is not to be acted on, if so: a code, and words.
    fn spared(
        &self,
        connection: &str,
        user: &User,
        is_actor_among_others: bool,
    ) -> Option<(&'static str, String)> {
        if let Some(pattern) = self.engine.config.limits.exempt.pattern(connection, &user.id) {
            return Some(("exempt", format!("exempt by `{pattern}`")));
        }
        if is_actor_among_others {
            return Some((
                "acting_user",
                "acts in this run; `include_self` logs him out too, last".to_owned(),
            ));
        }
        let approved = self.approved.as_ref()?;
        let agreed = approved.contains(&(connection.to_owned(), user.id.clone()));
        (!agreed).then(|| ("not_in_plan", "not in the plan that was agreed to".to_owned()))
    }

    /// What a read gave goes on record and to the caller.
    async fn give(
        &self,
        id: CallId,
        records: Vec<Record>,
        operation: &OperationSpec,
    ) -> Result<Answer, CallError> {
        let at_ms = self.clock.now().unix_ms;
        let (answer, recorded) = match (operation.yields, records) {
            (Yields::Record, mut records) if !records.is_empty() => {
                let record = records.swap_remove(0);
                (Answer::Record(record.clone()), RecordedAnswer::Record(record))
            }
            (_, records) => {
                let records = Arc::new(records);
                (
                    Answer::Records(Arc::clone(&records)),
                    RecordedAnswer::Records(records),
                )
            }
        };
        self.record(
            id,
            AnswerRecord {
                at_ms,
                answer: recorded,
            },
        )
        .await?;
        Ok(answer)
    }

    /// An outcome goes on disk, to those who watch, and to the caller, in this order.
    async fn conclude(
        &self,
        id: CallId,
        mut row: OutcomeRow,
        operation: &OperationSpec,
        arguments: &[Field],
    ) -> Result<Answer, CallError> {
        let accepted_is_enough = arguments
            .iter()
            .any(|field| field == &Field::new("confirm", "accepted"));
        let satisfied = match row.outcome {
            Outcome::Done | Outcome::Already | Outcome::Skipped | Outcome::Planned => true,
            Outcome::Accepted => accepted_is_enough,
            _ => false,
        };
        if operation.writes && operation.target == Target::User {
            return self.settle(id, row, satisfied).await.map(Answer::Outcome);
        }
        row.ended_ms = self.clock.now().unix_ms;
        report::redact(&self.engine.redactor, &mut row);
        if operation.yields == Yields::Records {
            let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
            unread.get_or_insert(row.cause.unwrap_or(Cause::Unreadable));
            drop(unread);
            self.log(Level::Error, &report::read_failed(&row), Vec::new());
        }
        let row = Arc::new(row);
        let answer = RecordedAnswer::Outcome(Arc::clone(&row));
        self.record(
            id,
            AnswerRecord {
                at_ms: row.ended_ms,
                answer,
            },
        )
        .await?;
        Ok(Answer::Outcome(row))
    }

    async fn settle(
        &self,
        id: CallId,
        mut row: OutcomeRow,
        satisfied: bool,
    ) -> Result<Arc<OutcomeRow>, CallError> {
        row.ended_ms = self.clock.now().unix_ms;
        report::redact(&self.engine.redactor, &mut row);
        let row = Arc::new(row);
        let answer = AnswerRecord {
            at_ms: row.ended_ms,
            answer: RecordedAnswer::Outcome(Arc::clone(&row)),
        };
        self.record(id, answer).await?;
        self.scope().note(&row, satisfied);
        self.observer.event(&Event::Outcome(Arc::clone(&row)));
        Ok(row)
    }

    fn host_call(&self, place: Place, function: &str, arguments: &[Field], at_ms: i64) -> CallId {
        self.journal.call(CallRecord {
            place,
            digest: CallDigest::of_host(function, arguments),
            kind: CallKind::Host,
            connection: None,
            operation: function.to_owned(),
            user: None,
            at_ms,
        })
    }

    async fn record(&self, id: CallId, answer: AnswerRecord) -> Result<(), CallError> {
        self.journal
            .answer(id, answer)
            .await
            .map_err(|error| journal_failed(&error))
    }

    fn scope(&self) -> MutexGuard<'_, Scope> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn journal_failed(error: &JournalError) -> CallError {
    CallError::Fault(error.to_string())
}

/// The configuration is at fault where a secret cannot be had; else the plugin or the host.
fn fault(link: &Link, error: &DispatchError) -> CallError {
    match error {
        DispatchError::Credential(_)
        | DispatchError::NoCredential { .. }
        | DispatchError::NoEndpoint { .. } => CallError::Misuse {
            message: error.to_string(),
            hint: error.hint().to_owned(),
        },
        other => CallError::Fault(format!("connection `{}`: {other}", link.settings.name)),
    }
}

impl From<EngineError> for CallError {
    fn from(error: EngineError) -> Self {
        Self::Misuse {
            hint: error.hint(),
            message: error.to_string(),
        }
    }
}
