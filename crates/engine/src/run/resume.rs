//! Taking a run up again: what was recorded is not asked again, what was begun is settled first, and what changed since
//! then is told before anything is sent.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use signoff_core::{InDoubtPolicy, Outcome};

use super::changes::changes;
use super::recorded::{Begun, Boot, Found, Recorded};
use super::said::Said;
use super::{Asked, END, Identity, Run, STOPPED, Scope};
use crate::call::{CallError, OutcomeRow};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::event::{Event, Level, Observer};
use crate::journal::{
    AnswerRecord, CallKind, CallRecord, Journal, JournalError, JournalReader, JournaledCall, RecordedAnswer,
    RunHeader, SessionRecord,
};
use crate::platform;

/// How a run is to be taken up again.
pub struct ResumeSettings {
    /// Its id.
    pub run: String,
    /// What this process would write of a new run with the same work.
    pub today: RunHeader,
    /// What to do about writes in doubt; `None`: verify, and leave alone what was found to be unknown.
    pub in_doubt: Option<InDoubtPolicy>,
    /// Whether to go on although something has changed.
    pub force: bool,
}

/// Why a run was not taken up again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused {
    /// Its journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It would not be the same run.
    #[error("run {run} cannot go on as it began: {}", .changes.join("; "))]
    Changed {
        /// Its id.
        run: String,
        /// What changed, each in a few words.
        changes: Vec<String>,
    },
}

impl Run {
    /// Takes a run up again. What its journal says is final is not asked again; users whose logout was under way are
    /// settled first. Must be called within a tokio runtime, as [`Run::begin`].
    ///
    /// # Errors
    /// If the journal cannot be used or is in use, or something has changed since the run began. Then nothing was sent.
    pub fn resume(
        engine: Arc<Engine>,
        settings: ResumeSettings,
        state: &Path,
        observer: Arc<dyn Observer>,
    ) -> Result<Arc<Self>, Refused> {
        let clock = Clock::start();
        let journal = Journal::reopen(state, &settings.run)?;
        let reader = JournalReader::open(journal.path())?;
        let header = reader.meta()?;
        let changes = changes(&engine, &reader, &header, &settings.today)?;
        if !changes.is_empty() && !settings.force {
            let run = settings.run;
            return Err(Refused::Changed { run, changes });
        }
        let mut scope = Scope::default();
        reader.scope(|record| {
            if record.gone {
                scope.leave(&record.user);
            } else {
                scope.enter(record.connection.as_deref(), &record.user, record.name.as_deref());
            }
        })?;
        let identity = Identity {
            id: header.run.clone(),
            plan: header.plan,
            seed: header.seed,
            sandbox: header.sandbox,
            approved: header.approved.map(|users| users.into_iter().collect()),
        };
        journal.session(SessionRecord {
            at_ms: clock.now().unix_ms,
            boot_id: platform::boot_id(),
            uptime_ms: platform::uptime_ms(),
            process: Some(std::process::id()),
            command_line: settings.today.command_line,
            overridden: changes.clone(),
        });
        for source in settings.today.sources {
            // From here on the run is that of today's texts.
            if !header.sources.contains(&source) {
                journal.source(source);
            }
        }
        let said = Said::before(&reader)?;
        let recorded = Recorded::new(reader)?;
        let total = scope.len();
        let run = Self::start(
            engine,
            identity,
            header.workflow,
            journal,
            observer,
            clock,
            Some((recorded, settings.in_doubt)),
        );
        *run.scope() = scope;
        *run.said.lock().unwrap_or_else(PoisonError::into_inner) = said;
        run.observer.event(&Event::Entered { total });
        for change in changes {
            run.log(Level::Warn, &format!("overridden by force: {change}"), Vec::new());
        }
        Ok(run)
    }

    /// Something is asked at a place: finds what it gave before, or records that it is asked now.
    pub(super) fn ask(&self, mut record: CallRecord, source: &str) -> Result<Asked, CallError> {
        let found = match &self.recorded {
            None => Found::Nothing,
            Some(recorded) => recorded
                .find(&record.place, record.digest, |answer| self.is_retried(answer))
                .map_err(|error| self.journal_failed(error))?,
        };
        let begun = match found {
            Found::Answered(answer) => return Ok(Asked::Before(answer.answer)),
            Found::Another(before) => return Err(self.failed(&off_path(&record, &before, source))),
            Found::Begun(begun) => Some(begun),
            Found::Nothing => None,
        };
        record.again = begun.map(|begun| begun.first);
        Ok(Asked::Now(self.journal.call(record), begun))
    }

    /// Whoever asks for a way to deal with doubt has those in mind who were left in it.
    fn is_retried(&self, answer: &AnswerRecord) -> bool {
        self.in_doubt.is_some() && answer.answer.outcome() == Some(Outcome::Unknown)
    }

    /// An outcome that is on disk already counts, and is told.
    pub(super) fn tell_again(&self, row: Arc<OutcomeRow>, satisfied: bool) -> Arc<OutcomeRow> {
        self.scope().note(&row, satisfied);
        self.observer.event(&Event::Outcome(Arc::clone(&row)));
        row
    }

    /// Tells of everybody to whom this execution did not come. Gives what is wrong if it should have.
    pub(super) async fn tell_missed(&self) -> Result<Option<String>, CallError> {
        let Some(recorded) = &self.recorded else {
            return Ok(None);
        };
        let mut missed = Vec::new();
        recorded
            .missed(|call| {
                let at_end = [END, STOPPED]
                    .iter()
                    .any(|end| call.call.place.0.starts_with(end));
                if !at_end {
                    missed.push(call);
                }
            })
            .map_err(|error| self.journal_failed(error))?;
        let mut off_path = None;
        for call in missed {
            match &call.answer {
                Some(answer) if answer.is_final => {
                    off_path.get_or_insert_with(|| {
                        format!(
                            "the script took another path: it did not come to {}, which is recorded at {}",
                            asked(&call.call),
                            call.call.place
                        )
                    });
                    if let RecordedAnswer::Outcome(row) = &answer.answer
                        && call.call.kind != CallKind::Read
                    {
                        self.tell_again(Arc::clone(row), satisfies(row, false));
                    }
                }
                _ => self.tell_doubt(recorded, call).await?,
            }
        }
        Ok(off_path.filter(|_| !recorded.has_reopened()))
    }

    /// A change that an earlier process sent is still in doubt, and this one did not come to it.
    async fn tell_doubt(&self, recorded: &Recorded, call: JournaledCall) -> Result<(), CallError> {
        let begun = Begun {
            first: call.call.again.unwrap_or(call.id),
            at_ms: call.call.at_ms,
        };
        let writes = recorded
            .writes(begun)
            .map_err(|error| self.journal_failed(error))?;
        let Some(user) = call.call.user.clone().filter(|_| writes.is_in_doubt()) else {
            return Ok(());
        };
        let at_ms = self.clock.now().unix_ms;
        let row = OutcomeRow {
            connection: call.call.connection.as_deref().map(str::to_owned),
            operation: Some(call.call.operation.clone()),
            attempts: writes.attempts,
            request_id: writes.request_id,
            code: Some("interrupted".to_owned()),
            message: Some(IN_DOUBT.to_owned()),
            started_ms: call.call.at_ms,
            ..OutcomeRow::of(&*self.id, user, Outcome::Unknown)
        };
        let id = self.journal.call(CallRecord {
            again: Some(begun.first),
            at_ms,
            ..call.call
        });
        self.settle(id, row, false, false).await.map(|_| ())
    }

    /// The machine's boot, and how long ago that is now.
    pub(super) fn boot_now(&self) -> Boot {
        Boot {
            id: self.boot_id.clone(),
            uptime_ms: platform::uptime_ms(),
        }
    }
}

/// What is said of a user to whom nobody came back.
pub(super) const IN_DOUBT: &str = "a change that was sent before is in doubt";

/// Whether a user is as he was meant to be.
pub(super) fn satisfies(row: &OutcomeRow, accepted_is_enough: bool) -> bool {
    match row.outcome {
        Outcome::Done | Outcome::Already | Outcome::Skipped | Outcome::Planned => true,
        Outcome::Accepted => accepted_is_enough,
        _ => false,
    }
}

/// The words for a call at whose place another is recorded.
fn off_path(now: &CallRecord, before: &JournaledCall, source: &str) -> String {
    let place = if source.is_empty() {
        now.place.to_string()
    } else {
        source.to_owned()
    };
    let (asked_now, asked_before) = (asked(now), asked(&before.call));
    let how = match now.operation.as_str() {
        "each" if asked_now == asked_before => "it goes through other items than before".to_owned(),
        _ if asked_now == asked_before => format!("it asks for {asked_now} in other words than before"),
        _ => format!("it asks for {asked_now} where it asked for {asked_before} before"),
    };
    format!("the script took another path at {place}: {how}")
}

fn asked(call: &CallRecord) -> String {
    let mut text = format!("`{}`", call.operation);
    if let Some(user) = &call.user {
        text.push_str(&format!(" of `{user}`"));
    }
    if let Some(connection) = &call.connection {
        text.push_str(&format!(" on `{connection}`"));
    }
    text
}
