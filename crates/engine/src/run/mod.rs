//! A run: one journaled execution of a workflow, and everything it promises. Scripts and commands ask it for
//! operations; it checks them, keeps people safe, journals, drives, reports.

mod changes;
mod exchanges;
mod feeds;
mod keys;
mod links;
mod people;
mod perform;
mod recorded;
mod report;
mod resume;
mod said;
mod scope;
mod turns;
mod watching;
mod writes;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use signoff_core::{Field, InDoubtPolicy, Monotonic, Outcome, User, Value};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::call::{CallError, Cause, OutcomeRow, Place};
use crate::clock::Clock;
use crate::dispatch::DispatchStatus;
use crate::engine::{Engine, EngineError};
use crate::event::{Event, Level, Observer, Status, Summary};
use crate::feed::Feeds;
use crate::journal::{
    AnswerRecord, CallDigest, CallId, CallKind, CallRecord, EndRecord, Journal, JournalError, RecordedAnswer,
    RunHeader, ScopeRecord, SourceText,
};
use crate::operation::Waits;
use crate::parameters::format_duration;
use crate::platform;
use links::{Link, Links, OnMove};
use recorded::{Begun, Recorded};
use said::Said;
use scope::{LeftOver, Scope};
use turns::Turns;

pub use changes::changes;
pub use feeds::{News, Watch};
pub use links::ConnectionFacts;
pub use people::PeopleRequest;
pub use resume::{Refused, ResumeSettings};

/// What a run is to be.
pub struct RunSettings {
    /// What the journal says of it; its id, start, seed, boot, configuration and who was agreed to are filled in.
    pub header: RunHeader,
    /// The only users who may be acted on, by (connection, id): those of a plan that somebody agreed to.
    pub approved: Option<HashSet<(String, String)>>,
}

/// What a run is, whichever process works on it.
struct Identity {
    id: String,
    plan: bool,
    seed: u64,
    sandbox: bool,
    approved: Option<HashSet<(String, String)>>,
}

/// One journaled execution of a workflow.
pub struct Run {
    /// For the tasks of its operations.
    this: Weak<Self>,
    engine: Arc<Engine>,
    id: String,
    plan: bool,
    seed: u64,
    /// Whether its vendors are simulated, so that no secret of theirs is one.
    sandbox: bool,
    approved: Option<HashSet<(String, String)>>,
    journal: Journal,
    observer: Arc<dyn Observer>,
    clock: Clock,
    started: Duration,
    links: Links,
    feeds: Feeds,
    watches: watching::Watches,
    scope: Mutex<Scope>,
    /// The first list of users that could not be read.
    unread: Mutex<Option<Cause>>,
    stopped: watch::Sender<bool>,
    /// Set when it was stopped because its time was up.
    out_of_time: AtomicBool,
    /// How many operations are being carried out.
    under_way: watch::Sender<u64>,
    turns: Turns,
    order: AtomicU64,
    waits: Waits,
    /// How far `signoff.sleep` has moved the script's clock in a plan, in milliseconds.
    ahead_ms: AtomicI64,
    /// What earlier processes did, if it was taken up again.
    recorded: Option<Recorded>,
    said: Mutex<Said>,
    boot_id: Option<String>,
    in_doubt: Option<InDoubtPolicy>,
}

impl Run {
    /// Begins a run: its journal is on disk when this returns. `state` is the folder that holds `runs/`. Must be called
    /// within a tokio runtime if the configuration limits the time of a run.
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
        header.boot_id = platform::boot_id();
        header.uptime_ms = platform::uptime_ms();
        header.configuration = engine.describe();
        header.act_as.clone_from(&engine.act_as);
        header.approved = settings.approved.as_ref().map(|users| {
            let mut users: Vec<_> = users.iter().cloned().collect();
            users.sort_unstable();
            users
        });
        let identity = Identity {
            id: header.run.clone(),
            plan: header.plan,
            seed: header.seed,
            sandbox: header.sandbox,
            approved: settings.approved,
        };
        let journal = Journal::create(state, &header)?;
        Ok(Self::start(
            engine,
            identity,
            header.workflow,
            journal,
            observer,
            clock,
            None,
        ))
    }

    fn start(
        engine: Arc<Engine>,
        identity: Identity,
        workflow: String,
        journal: Journal,
        observer: Arc<dyn Observer>,
        clock: Clock,
        recorded: Option<(Recorded, Option<InDoubtPolicy>)>,
    ) -> Arc<Self> {
        let Identity {
            id,
            plan,
            seed,
            sandbox,
            approved,
        } = identity;
        observer.event(&Event::Started {
            run: id.clone(),
            workflow,
            plan,
        });
        let limit = engine.config.limits.run_time;
        let (recorded, in_doubt) = recorded.unzip();
        let stopped = watch::Sender::new(false);
        // The journal lies in `runs/` of it.
        let state = journal
            .path()
            .ancestors()
            .nth(2)
            .unwrap_or(Path::new(""))
            .to_owned();
        let run = Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            links: Links::new(Arc::clone(&engine), clock, plan, tell_moves(Weak::clone(this))),
            watches: watching::Watches::default(),
            feeds: Feeds::new(
                id.clone(),
                state,
                clock,
                stopped.subscribe(),
                feeds::tell(Weak::clone(this)),
            ),
            engine,
            id,
            plan,
            seed,
            sandbox,
            approved,
            journal,
            observer,
            clock,
            started: clock.now().monotonic.since(Monotonic::ZERO),
            scope: Mutex::default(),
            unread: Mutex::default(),
            stopped,
            out_of_time: AtomicBool::new(false),
            under_way: watch::Sender::new(0),
            turns: Turns::default(),
            order: AtomicU64::new(0),
            waits: Waits::default(),
            ahead_ms: AtomicI64::new(0),
            recorded,
            said: Mutex::default(),
            boot_id: platform::boot_id(),
            in_doubt: in_doubt.flatten(),
        });
        if let (Some(limit), Ok(runtime)) = (limit, Handle::try_current()) {
            runtime.spawn(stop_in_time(Arc::downgrade(&run), limit));
        }
        run
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

    /// What a script may know of a connection; opens it, without sending anything.
    ///
    /// # Errors
    /// [`CallError::Misuse`] if it cannot be used.
    pub fn connection(&self, name: &str, credential: Option<&str>) -> Result<ConnectionFacts, CallError> {
        let link = self.open(name)?;
        let credential = self.links.credential(&link, credential)?;
        Ok(ConnectionFacts {
            descriptor: link.settings.descriptor,
            actor: credential.map(|credential| credential.actor().to_owned()),
        })
    }
}

impl Run {
    /// A user comes into scope. Without a connection he is a mere id, until an operation names one.
    pub fn enter(&self, connection: Option<&str>, user: &User) {
        let name = user.attribute("name").and_then(Value::as_text);
        let (is_new, total) = {
            let mut scope = self.scope();
            (scope.enter(connection, &user.id, name), scope.len())
        };
        let has_secrets = || {
            user.attributes
                .iter()
                .any(|field| !field.value.secrets().is_empty())
        };
        if let Some(connection) = connection
            && has_secrets()
            && let Ok(link) = self.open(connection)
        {
            // Whoever shares a key is refused when he is to be acted on; it must be known by then.
            let _ = self.hold_keys(&link, user);
        }
        if !is_new {
            return;
        }
        self.journal.scope(ScopeRecord {
            connection: connection.map(Arc::from),
            user: user.id.clone(),
            name: name.map(str::to_owned),
            gone: false,
        });
        self.observer.event(&Event::Entered { total });
    }

    /// A text that was entered without a connection turned out to be nobody's id.
    pub fn leave(&self, user: &User) {
        if self.scope().leave(&user.id) {
            self.journal.scope(ScopeRecord {
                connection: None,
                user: user.id.clone(),
                name: None,
                gone: true,
            });
        }
    }

    /// A user is left out, for a reason that the script gives.
    ///
    /// # Errors
    /// [`CallError::Journal`] if the journal fails.
    pub async fn skip(
        &self,
        place: Place,
        source: &str,
        connection: Option<&str>,
        user: &User,
        reason: &str,
    ) -> Result<Arc<OutcomeRow>, CallError> {
        self.enter(connection, user);
        let connection = connection
            .map(Arc::from)
            .or_else(|| self.scope().connection_of(&user.id));
        let at_ms = self.clock.now().unix_ms;
        let arguments = [Field::new("user", user.id.as_str()), Field::new("reason", reason)];
        let id = match self.host_call(place, source, "skip", &arguments, at_ms)? {
            Asked::Before(RecordedAnswer::Outcome(row)) => return Ok(self.tell_again(row, true)),
            Asked::Before(_) => return Err(self.failed("what is recorded of a `skip` is no outcome")),
            Asked::Now(id, _) => id,
        };
        let row = OutcomeRow {
            connection: connection.map(|connection| connection.to_string()),
            name: user.attribute("name").and_then(Value::as_text).map(str::to_owned),
            code: Some("left_out".to_owned()),
            message: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
            started_ms: at_ms,
            ..OutcomeRow::of(&*self.id, &*user.id, Outcome::Skipped)
        };
        self.settle(id, row, true, true).await
    }

    /// The script's clock, in Unix milliseconds, recorded so that a re-execution reads the same.
    ///
    /// # Errors
    /// [`CallError::Journal`] if the journal fails.
    pub async fn now(&self, place: Place, source: &str) -> Result<i64, CallError> {
        let at_ms = self.clock.now().unix_ms;
        let id = match self.host_call(place, source, "now", &[], at_ms)? {
            Asked::Before(RecordedAnswer::Value(Value::Integer(now_ms))) => return Ok(now_ms),
            Asked::Before(_) => return Err(self.failed("what is recorded of a `now` is no time")),
            Asked::Now(id, _) => id,
        };
        let now_ms = at_ms.saturating_add(self.ahead_ms.load(Ordering::Relaxed));
        let answer = RecordedAnswer::Value(Value::Integer(now_ms));
        self.record(id, at_ms, answer, true).await?;
        Ok(now_ms)
    }

    /// Waits; in a plan the script's clock moves on at once instead.
    ///
    /// # Errors
    /// [`CallError::Stopped`] if the run is stopped meanwhile.
    pub async fn sleep(&self, place: Place, source: &str, duration: Duration) -> Result<(), CallError> {
        let at_ms = self.clock.now().unix_ms;
        let asked = self.host_call(place, source, "sleep", &[Field::new("duration", duration)], at_ms)?;
        if self.plan {
            let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
            let ahead = |known: i64| Some(known.saturating_add(ms));
            let _ = self
                .ahead_ms
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, ahead);
        }
        let Asked::Now(id, begun) = asked else {
            return Ok(());
        };
        if !self.plan {
            // What was slept by an earlier process, and the time without any, counts.
            let slept = begun.map_or(0, |begun| at_ms.saturating_sub(begun.at_ms));
            let slept = Duration::from_millis(u64::try_from(slept).unwrap_or_default());
            let mut stopped = self.stopped.subscribe();
            let left = duration.saturating_sub(slept);
            let _ = tokio::time::timeout(left, stopped.wait_for(|stopped| *stopped)).await;
            if *self.stopped.borrow() {
                return Err(CallError::Stopped);
            }
        }
        let at_ms = self.clock.now().unix_ms;
        self.record(id, at_ms, RecordedAnswer::Value(Value::Null), true)
            .await
    }

    /// A script goes through items; `items` tells whether a re-execution has the same ones.
    ///
    /// # Errors
    /// [`CallError::Fault`] if it has others, [`CallError::Journal`] if the journal fails.
    pub fn each(&self, place: Place, source: &str, items: &str) -> Result<(), CallError> {
        let at_ms = self.clock.now().unix_ms;
        // It gives nothing: what its items give is recorded with them.
        self.host_call(place, source, "each", &[Field::new("items", items)], at_ms)?;
        Ok(())
    }

    /// A text that the script came to require while it ran.
    pub fn source(&self, source: SourceText) {
        self.journal.source(source);
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

    /// Ends the run: waits for what is still being carried out, gives an outcome to whoever is in scope and has none, and
    /// puts the summary on disk.
    ///
    /// # Errors
    /// [`CallError::Journal`] if the journal fails.
    pub async fn finish(&self, status: Status) -> Result<Summary, CallError> {
        // It cannot fail: the sender lives as long as `self`.
        let _ = self.under_way.subscribe().wait_for(|count| *count == 0).await;
        self.feeds.close().await;
        let status = match status {
            Status::Completed if self.out_of_time.load(Ordering::Relaxed) => Status::Stopped,
            other => other,
        };
        let off_path = self.tell_missed().await?;
        // Whatever else ended it is why it did not come there.
        let off_path = off_path.filter(|_| status == Status::Completed);
        let status = if off_path.is_some() {
            Status::Failed
        } else {
            status
        };
        let left_over = self.scope().left_over();
        // Many at once, so that they share their commits; not all, of whom there may be a million.
        stream::iter(left_over)
            .map(|left| self.settle_left_over(left, status))
            .buffer_unordered(SETTLED_AT_ONCE)
            .try_for_each(|_| future::ready(Ok(())))
            .await?;
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
        self.journal.finish(record).await?;
        self.observer.event(&Event::Finished(summary.clone()));
        match off_path {
            Some(message) => Err(CallError::Fault(message)),
            None => Ok(summary),
        }
    }
}

impl Run {
    async fn settle(
        &self,
        id: CallId,
        mut row: OutcomeRow,
        satisfied: bool,
        is_final: bool,
    ) -> Result<Arc<OutcomeRow>, CallError> {
        row.ended_ms = self.clock.now().unix_ms;
        report::redact(&self.engine.redactor, &mut row);
        let row = Arc::new(row);
        let answer = RecordedAnswer::Outcome(Arc::clone(&row));
        self.record(id, row.ended_ms, answer, is_final).await?;
        {
            let mut scope = self.scope();
            scope.note(&row, satisfied);
            if !is_final && row.cause.is_none() {
                scope.note_cut_off(&row);
            }
        }
        self.observer.event(&Event::Outcome(Arc::clone(&row)));
        Ok(row)
    }

    /// A function of the host is asked: finds what it gave before, or records that it is asked now.
    fn host_call(
        &self,
        place: Place,
        source: &str,
        function: &str,
        arguments: &[Field],
        at_ms: i64,
    ) -> Result<Asked, CallError> {
        let record = CallRecord {
            place,
            digest: CallDigest::of_host(function, arguments),
            kind: CallKind::Host,
            connection: None,
            operation: function.to_owned(),
            user: None,
            at_ms,
            again: None,
        };
        self.ask(record, source)
    }

    async fn record(
        &self,
        id: CallId,
        at_ms: i64,
        answer: RecordedAnswer,
        is_final: bool,
    ) -> Result<(), CallError> {
        let record = AnswerRecord {
            at_ms,
            answer,
            is_final,
        };
        self.journal
            .answer(id, record)
            .await
            .map_err(|error| self.journal_failed(error))
    }

    async fn settle_left_over(&self, left: LeftOver, status: Status) -> Result<Arc<OutcomeRow>, CallError> {
        let (outcome, code) = match status {
            Status::Completed => (Outcome::Skipped, "left_out"),
            Status::Stopped | Status::Interrupted | Status::Failed => (Outcome::Cancelled, "stopped"),
        };
        let at_ms = self.clock.now().unix_ms;
        let connection = left.connection.as_deref().unwrap_or_default();
        // Who is left out may be cancelled when the run is taken up again, and the other way round.
        let end = if outcome == Outcome::Skipped { END } else { STOPPED };
        let place = Place(Arc::from(format!("{end}{connection}:{}]", left.user)));
        let row = OutcomeRow {
            connection: left.connection.as_deref().map(str::to_owned),
            name: left.name.as_deref().map(str::to_owned),
            code: Some(code.to_owned()),
            started_ms: at_ms,
            ..OutcomeRow::of(&*self.id, &*left.user, outcome)
        };
        let is_skipped = outcome == Outcome::Skipped;
        match self.host_call(place, "", "end", &[], at_ms)? {
            Asked::Before(RecordedAnswer::Outcome(row)) => Ok(self.tell_again(row, is_skipped)),
            Asked::Before(_) => Err(self.failed("what is recorded of an end is something else")),
            Asked::Now(id, _) => self.settle(id, row, is_skipped, is_skipped).await,
        }
    }

    /// The connection of that name. What is dangerous about it is said when it is first opened.
    fn open(&self, name: &str) -> Result<Arc<Link>, EngineError> {
        let (link, is_new) = self.links.open(name)?;
        if is_new {
            for danger in link.settings.dangers() {
                self.log(Level::Warn, &danger, Vec::new());
            }
            self.journal
                .connection(changes::settings(&self.engine, &link.settings));
            if let Some(sha256) = self.engine.registry.sha256(&link.settings.provider) {
                let fields = vec![
                    link.settings.describe(),
                    Field::new("plugin_sha256", sha256.as_str()),
                ];
                self.log(Level::Debug, "a plugin is at work", fields);
            }
        }
        Ok(link)
    }

    /// A list of users could not be read.
    fn unread(&self, cause: Cause) {
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        unread.get_or_insert(cause);
    }

    fn scope(&self) -> MutexGuard<'_, Scope> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing that would rest on the journal goes on.
    fn journal_failed(&self, error: JournalError) -> CallError {
        self.stop();
        CallError::Journal(error)
    }

    /// A plugin or the host is at fault: nothing that would rest on it goes on.
    fn failed(&self, message: &str) -> CallError {
        self.stop();
        CallError::Fault(self.engine.redactor.redact(message).into_owned())
    }
}

/// How many users of whom nothing became get their outcome in one go.
const SETTLED_AT_ONCE: usize = 1_000;

/// What the places begin with of users of whom nothing became.
const END: &str = "end[";
const STOPPED: &str = "stopped[";

/// What comes of asking for something that may be recorded.
enum Asked {
    /// It was asked before, and gave this.
    Before(RecordedAnswer),
    /// It is asked now; with what is left of it if it was begun before.
    Now(CallId, Option<Begun>),
}

/// An operation that is being carried out.
struct UnderWay(Arc<Run>);

impl UnderWay {
    fn new(run: Arc<Run>) -> Self {
        run.under_way.send_modify(|count| *count += 1);
        Self(run)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0
            .under_way
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}

async fn stop_in_time(run: Weak<Run>, limit: Duration) {
    tokio::time::sleep(limit).await;
    if let Some(run) = run.upgrade() {
        run.out_of_time.store(true, Ordering::Relaxed);
        let limit = format_duration(limit);
        let text = format!("the run is stopped: it has taken longer than `run_time` = {limit}");
        run.log(Level::Warn, &text, Vec::new());
        run.stop();
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

/// Has the run say when a connection comes to use another origin.
fn tell_moves(run: Weak<Run>) -> OnMove {
    Arc::new(move |connection, moved| {
        let level = if moved.back { Level::Info } else { Level::Warn };
        if let Some(run) = run.upgrade() {
            run.log(level, &format!("connection `{connection}`: {moved}"), Vec::new());
        }
    })
}
