//! One operation: checked, allowed, journaled, driven to its end, and its outcome put on disk.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use signoff_core::{
    ActsOn, Args, Context, CredentialKind, Field, Finished, OperationSpec, Outcome, Record, Target, User,
    Yields,
};
use tokio::sync::oneshot;

use super::exchanges::CallExchanges;
use super::links::Link;
use super::recorded::{Begun, EarlierWrites};
use super::resume::{IN_DOUBT, satisfies};
use super::writes::CallWrites;
use super::{Asked, Run, UnderWay, report};
use crate::call::{Answer, Call, CallError, Cause, OutcomeRow};
use crate::credential::Credential;
use crate::dispatch::DispatchError;
use crate::event::Level;
use crate::journal::{CallDigest, CallId, CallKind, CallRecord, RecordedAnswer};
use crate::operation::{self, Ended, Setting, Writing};
use crate::parameters;

/// An operation that is being carried out.
struct Task<'a> {
    link: &'a Link,
    operation: &'static OperationSpec,
    call: &'a Call,
    id: CallId,
    /// What earlier processes wrote for it.
    earlier: &'a EarlierWrites,
}

impl Run {
    /// One provider operation, from checking its arguments to its outcome on disk. It goes on in a task of its own: if
    /// this future is dropped, the operation is told to come to its end, and [`Run::finish`] waits for it. Must be
    /// awaited within a tokio runtime.
    ///
    /// # Errors
    /// See [`CallError`]; what happens at the vendor's is an answer.
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let Some(run) = self.this.upgrade() else {
            return Err(CallError::Stopped);
        };
        let (_caller, left) = oneshot::channel();
        let under_way = UnderWay::new(run);
        let task = tokio::spawn(async move {
            if under_way.0.is_listening(&call) {
                return tokio::select! {
                    answer = under_way.0.listen_call(&call) => answer,
                    _ = left => Err(CallError::Stopped),
                };
            }
            under_way.0.perform(&call, left).await
        });
        task.await
            .unwrap_or_else(|error| Err(self.failed(&format!("an operation broke down: {error}"))))
    }

    async fn perform(&self, call: &Call, caller: oneshot::Receiver<Infallible>) -> Result<Answer, CallError> {
        let link = self.open(&call.connection)?;
        let operation = report::operation(&link, call)?;
        let acts_on = call.user.as_ref().filter(|_| operation.writes);
        let _turn = match acts_on {
            Some(user) => {
                self.enter(Some(&call.connection), user);
                Some(self.turns.take(&call.connection, &user.id).await)
            }
            None => None,
        };
        if *self.stopped.borrow() {
            return Err(CallError::Stopped);
        }
        let started_ms = self.clock.now().unix_ms;
        let record = CallRecord {
            place: call.place.clone(),
            digest: CallDigest::of(call),
            kind: if operation.writes {
                CallKind::Act
            } else {
                CallKind::Read
            },
            connection: Some(Arc::clone(&link.settings.name)),
            operation: operation.name.to_owned(),
            user: call.user.as_ref().map(|user| user.id.clone()),
            at_ms: started_ms,
            again: None,
        };
        let (id, begun) = match self.ask(record, &call.source)? {
            Asked::Before(answer) => return self.answer_again(answer, call, operation),
            Asked::Now(id, begun) => (id, begun),
        };
        let earlier = self.earlier(begun)?;
        let task = Task {
            link: &link,
            operation,
            call,
            id,
            earlier: &earlier,
        };
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
                Outcome::Cancelled,
            )
        };
        let writes = operation
            .writes
            .then(|| Arc::new(CallWrites::after(self.journal.clone(), id, self.clock, &earlier)));
        let result = self.carry_out(&task, &mut row, writes.as_ref(), caller).await;
        if let (Ok(Answer::Outcome(row)), Some(user)) = (&result, acts_on)
            && row.outcome == Outcome::Done
        {
            self.scope().note_out(&call.connection, user);
        }
        if let (Err(error), Some(_)) = (&result, acts_on) {
            // Whoever catches the error may not make it look as if he had been left out.
            report::fill_writes(&mut row, writes.as_deref().map(CallWrites::tally));
            if writes.is_some_and(|writes| writes.has_left()) {
                row.outcome = Outcome::Unknown;
            }
            (row.code, row.message) = (Some("error".to_owned()), Some(error.to_string()));
            self.settle(id, row, false, false).await?;
        }
        result
    }

    async fn carry_out(
        &self,
        task: &Task<'_>,
        row: &mut OutcomeRow,
        writes: Option<&Arc<CallWrites>>,
        caller: oneshot::Receiver<Infallible>,
    ) -> Result<Answer, CallError> {
        let &Task {
            link,
            operation,
            call,
            id,
            earlier,
        } = task;
        let arguments = parameters::resolve(operation.parameters, &call.arguments).map_err(|error| {
            CallError::Misuse {
                hint: error.hint(),
                message: format!("`{}`: {error}", operation.name),
            }
        })?;
        if let (true, Some(user)) = (operation.writes, &call.user) {
            self.hold_keys(link, user)?;
        }
        let credential = self.links.credential(link, call.credential.as_deref())?;
        let include_self = arguments
            .iter()
            .any(|field| field == &Field::new("include_self", true));
        let may_act_on_self = !call.in_fan_out || include_self;
        let actor = credential.as_ref().map_or("", |credential| credential.actor());
        if let (true, Some(user)) = (operation.writes, &call.user)
            && let Some((code, message)) = self.spared(
                &call.connection,
                user,
                !may_act_on_self && acts_by_name(link) && report::is_called(user, actor),
            )
        {
            row.outcome = Outcome::Skipped;
            (row.code, row.message) = (Some(code.to_owned()), Some(message));
            if earlier.is_in_doubt() {
                // He may be out already: that somebody wants him left alone now does not undo it.
                row.outcome = Outcome::Unknown;
                row.message = row.message.take().map(|message| format!("{message}; {IN_DOUBT}"));
                report::fill_writes(row, writes.map(|writes| writes.tally()));
            }
            let is_final = row.outcome == Outcome::Skipped;
            return self
                .conclude(id, row.clone(), operation, &arguments, is_final)
                .await;
        }
        let name = format!("{}-{}", self.id, id.0);
        let now = self.clock.now();
        let told = earlier.told(
            now,
            &self.boot_now(),
            link.settings.timeout + link.settings.settle,
        );
        let context = Context {
            actor,
            actor_kind: credential
                .as_ref()
                .map_or(CredentialKind::Basic, |credential| credential.kind()),
            plan: self.plan,
            call: &name,
            may_act_on_self,
            in_doubt: self.in_doubt.unwrap_or_default(),
            earlier: &told,
            logged_out: call
                .user
                .as_ref()
                .is_some_and(|user| self.scope().is_out(&call.connection, user)),
        };
        let mut op = link
            .provider
            .start(
                operation.name,
                Args::new(call.user.as_ref(), &arguments),
                context,
                now,
            )
            .map_err(|error| self.not_begun(link, credential.as_ref(), error))?;
        let ticket = link.dispatcher.ticket(
            self.order.fetch_add(1, Ordering::Relaxed),
            writes.map(|writes| Arc::clone(writes) as _),
        );
        let only_by_event = arguments.contains(&Field::new("confirm", "event"));
        let listens = self.listens(link, credential.as_ref(), only_by_event);
        // Of what concerns many people at once, what was read is kept, and not how.
        let exchanges = call.user.is_some().then(|| CallExchanges {
            journal: self.journal.clone(),
            call: id,
            clock: self.clock,
            engine: Arc::clone(&self.engine),
            secret_attributes: link.settings.descriptor.secret_attributes,
        });
        let setting = Setting {
            clock: self.clock,
            dispatcher: &link.dispatcher,
            ticket: &ticket,
            credential: credential.as_ref(),
            stopped: self.stopped.subscribe(),
            writing: writes.map(|writes| &**writes as &dyn Writing),
            waits: &self.waits,
            feed: Some(&listens),
            witness: exchanges.as_ref().map(|exchanges| exchanges as _),
        };
        let ended = operation::drive(&mut op, setting, caller)
            .await
            .map_err(|error| self.broken_off(link, &error))?;
        if let Some(error) = link.classifier.fault().filter(|_| ended.other) {
            return Err(self.broken_off(link, &DispatchError::Fault(error.to_string().into())));
        }
        report::fill_writes(row, writes.map(|writes| writes.tally()));
        if let Some(why) = &ended.no_feed
            && row.attempts == 0
            && only_by_event
        {
            return Err(CallError::Misuse {
                message: format!("`confirm = \"event\"` needs notifications: {why}"),
                hint: "use `best`, which takes a notification where there is one, or `status`".to_owned(),
            });
        }
        let mut ended = ended;
        ended.feed_trouble = ended.feed_trouble.filter(|_| only_by_event);
        if earlier.is_in_doubt() && ended.finished.outcome == Outcome::Cancelled {
            // This process did not try; what an earlier one sent is in doubt as before.
            ended.finished = Finished {
                code: Some("interrupted".to_owned()),
                message: Some(IN_DOUBT.to_owned()),
                ..Finished::new(Outcome::Unknown)
            };
            ended.cut_off = true;
        }
        // What is in doubt of somebody whose state can be asked, a later process can find out.
        let can_be_settled =
            link.settings.descriptor.state_can_be_asked && writes.is_some_and(|writes| writes.has_left());
        self.ended(id, row, ended, operation, &arguments, can_be_settled)
            .await
    }

    async fn ended(
        &self,
        id: CallId,
        row: &mut OutcomeRow,
        ended: Ended,
        operation: &OperationSpec,
        arguments: &[Field],
        can_be_settled: bool,
    ) -> Result<Answer, CallError> {
        if operation.yields != Yields::Outcome && ended.finished.outcome == Outcome::Done {
            return self.give(id, ended.records, operation).await;
        }
        let cut_off = ended.cut_off;
        report::fill(row, ended);
        let is_final = report::is_final(row, cut_off, can_be_settled) && operation.yields != Yields::Records;
        self.conclude(id, row.clone(), operation, arguments, is_final)
            .await
    }

    /// What an earlier process recorded of a call, which this one asks in the same words.
    fn answer_again(
        &self,
        answer: RecordedAnswer,
        call: &Call,
        operation: &OperationSpec,
    ) -> Result<Answer, CallError> {
        Ok(match answer {
            RecordedAnswer::Outcome(row) if operation.writes && operation.target == Target::User => {
                if let (Outcome::Done, Some(user)) = (row.outcome, &call.user) {
                    self.scope().note_out(&call.connection, user);
                }
                let enough = accepted_is_enough(&call.arguments);
                let satisfied = satisfies(&row, enough);
                Answer::Outcome(self.tell_again(row, satisfied))
            }
            RecordedAnswer::Outcome(row) => Answer::Outcome(row),
            RecordedAnswer::Record(record) => Answer::Record(record),
            RecordedAnswer::Records(records) => Answer::Records(records),
            RecordedAnswer::Value(_) => {
                return Err(self.failed("what is recorded of an operation is a mere value"));
            }
        })
    }

    /// What earlier processes wrote for a call.
    fn earlier(&self, begun: Option<Begun>) -> Result<EarlierWrites, CallError> {
        match (&self.recorded, begun) {
            (Some(recorded), Some(begun)) => {
                recorded.writes(begun).map_err(|error| self.journal_failed(error))
            }
            _ => Ok(EarlierWrites::default()),
        }
    }

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

    /// What a read gave goes on record and to the caller. Ids are left as they are: they name who is acted on.
    async fn give(
        &self,
        id: CallId,
        mut records: Vec<Record>,
        operation: &OperationSpec,
    ) -> Result<Answer, CallError> {
        let at_ms = self.clock.now().unix_ms;
        for record in &mut records {
            let attributes = std::mem::take(&mut record.attributes);
            record.attributes = report::redacted_fields(&self.engine.redactor, attributes);
        }
        let (answer, recorded) = if operation.yields == Yields::Record && !records.is_empty() {
            let record = records.swap_remove(0);
            (Answer::Record(record.clone()), RecordedAnswer::Record(record))
        } else {
            let records = Arc::new(records);
            let recorded = RecordedAnswer::Records(Arc::clone(&records));
            (Answer::Records(records), recorded)
        };
        self.record(id, at_ms, recorded, true).await?;
        Ok(answer)
    }

    /// An outcome goes on disk, to those who watch, and to the caller, in this order.
    async fn conclude(
        &self,
        id: CallId,
        mut row: OutcomeRow,
        operation: &OperationSpec,
        arguments: &[Field],
        is_final: bool,
    ) -> Result<Answer, CallError> {
        if operation.writes && operation.target == Target::User {
            let satisfied = satisfies(&row, accepted_is_enough(arguments));
            let row = self.settle(id, row, satisfied, is_final).await?;
            return Ok(Answer::Outcome(row));
        }
        row.ended_ms = self.clock.now().unix_ms;
        report::redact(&self.engine.redactor, &mut row);
        if operation.yields == Yields::Records {
            let cause = row.cause.unwrap_or(Cause::Unreadable);
            self.unread(cause);
            if row.outcome != Outcome::Cancelled {
                self.log(Level::Error, &report::read_failed(&row), Vec::new());
            }
        }
        let row = Arc::new(row);
        let answer = RecordedAnswer::Outcome(Arc::clone(&row));
        self.record(id, row.ended_ms, answer, is_final).await?;
        Ok(Answer::Outcome(row))
    }

    /// A provider's refusal to begin.
    fn not_begun(
        &self,
        link: &Link,
        credential: Option<&Arc<Credential>>,
        error: signoff_core::Error,
    ) -> CallError {
        // Without an actor, what a provider says of its arguments says little.
        if credential.is_none() && acts_by_name(link) && !link.settings.descriptor.credentials.is_empty() {
            let connection = Arc::clone(&link.settings.name);
            return self.broken_off(link, &DispatchError::NoCredential { connection });
        }
        match error {
            signoff_core::Error::Arguments(message) | signoff_core::Error::Options(message) => {
                CallError::Misuse {
                    message,
                    hint: String::new(),
                }
            }
            other => self.failed(&format!("connection `{}`: {other}", link.settings.name)),
        }
    }

    /// The configuration is at fault where a secret cannot be had; else the journal, the plugin or the host, and the
    /// run ends.
    fn broken_off(&self, link: &Link, error: &DispatchError) -> CallError {
        match error {
            DispatchError::Credential(_)
            | DispatchError::NoCredential { .. }
            | DispatchError::NoEndpoint { .. } => CallError::Misuse {
                message: error.to_string(),
                hint: error.hint().to_owned(),
            },
            DispatchError::Journal(message) => match self.journal.failure() {
                Some(error) => self.journal_failed(error),
                None => self.failed(message),
            },
            other => self.failed(&format!("connection `{}`: {other}", link.settings.name)),
        }
    }
}

/// Whether an actor acts on others by their names. Where a logout concerns the owner of the credential that it shows,
/// everybody acts on himself: nobody is the acting user among others, and the connection needs no credential of its own.
fn acts_by_name(link: &Link) -> bool {
    link.settings.descriptor.acts_on == ActsOn::User
}

fn accepted_is_enough(arguments: &[Field]) -> bool {
    arguments
        .iter()
        .any(|field| field == &Field::new("confirm", "accepted"))
}
