//! What journals tell afterwards: each run in short, for a list of thousands, and one person in full.
//!
//! Nothing here loads a journal as a whole. Of a run that ended its last record says everything; of one that did not,
//! and of a person, each table is gone through once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Row;
use signoff_core::{Outcome, Record};

use super::error::JournalError;
use super::folder;
use super::journal_path;
use super::reader::{INTENT, INTENT_COLUMNS, JournalReader, intent};
use super::record::{
    CallId, CallRecord, Disposition, EndRecord, ExchangeRecord, IntentRecord, RecordedAnswer, ResultRecord,
};

/// A run in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// Its id.
    pub run: String,
    /// When it began, in Unix milliseconds.
    pub created_ms: i64,
    /// The script's name, or the command.
    pub workflow: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Whether every effect was held back.
    pub plan: bool,
    /// Whether it was on a sandbox of its own.
    pub sandbox: bool,
    /// Whether a script was run, and not a command.
    pub is_script: bool,
    /// The names of the connections that it opened, in order.
    pub connections: Vec<String>,
    /// How it stands.
    pub standing: Standing,
    /// How many users are in scope, each counted once.
    pub total: u64,
    /// What became of them, each by his last outcome.
    pub counts: BTreeMap<Outcome, u64>,
    /// How many logouts may have been processed although nothing more is known of them. Of a run that goes on, those that
    /// are on their way.
    pub in_doubt: u64,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// It came to an end.
    Ended(EndRecord),
    /// It goes on, in the process that calls itself so.
    Running(Option<String>),
    /// Its process is gone, and left no end.
    BrokenOff,
}

impl Standing {
    /// The name of it, as reports have it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ended(end) => crate::json::status_name(end.summary.status),
            Self::Running(_) => "running",
            Self::BrokenOff => "broken_off",
        }
    }
}

/// A run of a state folder in short.
///
/// # Errors
/// If there is none, it is something else, a later version wrote it, or it is damaged.
pub fn overview(state: &Path, run: &str) -> Result<Overview, JournalError> {
    let path = journal_path(state, run)?;
    // In this order: a run that ends in between has an end.
    let writer = folder::writer(&path);
    JournalReader::open(&path)?.overview(writer)
}

/// A logout, or another change, of which it is not known whether it was processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The connection's name.
    pub connection: Option<Arc<str>>,
    /// The operation.
    pub operation: String,
    /// Whom it is about.
    pub user: String,
    /// What was about to leave.
    pub intent: IntentRecord,
    /// Whether it is known to have been sent: a result says that no answer came.
    pub sent: bool,
}

/// Something that a journal knows about one person.
#[derive(Debug, Clone, PartialEq)]
pub enum Moment {
    /// He was in a list that was read.
    Listed {
        /// When the list was there.
        at_ms: i64,
        /// The connection's name.
        connection: Option<Arc<str>>,
        /// What the list said of him.
        record: Record,
    },
    /// Something was asked about him.
    Asked {
        /// The number of the call.
        id: CallId,
        /// What.
        call: CallRecord,
    },
    /// A request that changes something was about to leave.
    Sent(IntentRecord),
    /// It is known whether that was answered.
    Settled {
        /// What was sent.
        intent: IntentRecord,
        /// What is known.
        result: ResultRecord,
    },
    /// A request and its answer, or what the vendor told of unasked.
    Exchanged(ExchangeRecord),
    /// What a call gave.
    Given {
        /// When.
        at_ms: i64,
        /// The connection's name.
        connection: Option<Arc<str>>,
        /// What.
        answer: RecordedAnswer,
    },
}

impl Moment {
    /// When it was, in Unix milliseconds; of an exchange, when it began, as far as that is known.
    #[must_use]
    pub fn at_ms(&self) -> i64 {
        match self {
            Self::Listed { at_ms, .. } | Self::Given { at_ms, .. } => *at_ms,
            Self::Asked { call, .. } => call.at_ms,
            Self::Sent(intent) => intent.at_ms,
            Self::Settled { result, .. } => result.at_ms,
            Self::Exchanged(exchange) => exchange.sent_ms.unwrap_or(exchange.at_ms),
        }
    }
}

impl JournalReader {
    fn overview(&self, writer: Option<Option<String>>) -> Result<Overview, JournalError> {
        let mut rows = BTreeMap::new();
        self.each(
            "SELECT key, value FROM run WHERE key IN ('run', 'created', 'workflow', 'reason', 'plan', 'sandbox')",
            [],
            |row| {
                rows.insert(row.get::<_, String>(0)?, row.get::<_, String>(1)?);
                Ok(Some(()))
            },
        )?;
        let is = |key: &str| rows.get(key).is_some_and(|value| value == "true");
        let run = rows.get("run").cloned();
        let created_ms = rows.get("created").and_then(|created| created.parse().ok());
        let (Some(run), Some(created_ms), Some(workflow)) = (run, created_ms, rows.get("workflow")) else {
            return Err(self.damaged("the description of the run cannot be understood"));
        };
        let mut is_script = false;
        self.each("SELECT EXISTS (SELECT 1 FROM source)", [], |row| {
            is_script = row.get(0)?;
            Ok(Some(()))
        })?;
        let (standing, total, counts, in_doubt) = match self.end_of(&run)? {
            Some(end) => {
                let (total, counts) = (end.summary.total, end.summary.counts.clone());
                (Standing::Ended(end), total, counts, 0)
            }
            None => {
                let standing = writer.map_or(Standing::BrokenOff, Standing::Running);
                let in_doubt = self.open_intents()?.len();
                (standing, self.total()?, self.counts()?, in_doubt as u64)
            }
        };
        Ok(Overview {
            created_ms,
            workflow: workflow.clone(),
            reason: rows.get("reason").cloned(),
            plan: is("plan"),
            sandbox: is("sandbox"),
            is_script,
            connections: self.connection_names()?,
            standing,
            total,
            counts,
            in_doubt,
            run,
        })
    }

    /// The names of the connections that were opened. Of a run from before those were written down, of those that somebody
    /// was in scope of.
    fn connection_names(&self) -> Result<Vec<String>, JournalError> {
        let mut names = Vec::new();
        for sql in [
            "SELECT DISTINCT name FROM connection WHERE name IS NOT NULL ORDER BY name",
            "SELECT text FROM name WHERE id IN (SELECT connection FROM scope) ORDER BY text",
        ] {
            self.each(sql, [], |row| {
                names.push(row.get(0)?);
                Ok(Some(()))
            })?;
            if !names.is_empty() {
                break;
            }
        }
        Ok(names)
    }

    /// How many users are in scope. One without a connection is the same who has one, or turned out to be nobody.
    fn total(&self) -> Result<u64, JournalError> {
        let mut total = 0;
        self.each(
            "SELECT count(*) FROM (
                 SELECT DISTINCT connection, user FROM scope
                 WHERE NOT gone AND (connection IS NOT NULL OR user NOT IN
                     (SELECT user FROM scope WHERE gone OR connection IS NOT NULL)))",
            [],
            |row| {
                total = count(row, 0)?;
                Ok(Some(()))
            },
        )?;
        Ok(total)
    }

    /// What became of everybody so far, by his last outcome.
    fn counts(&self) -> Result<BTreeMap<Outcome, u64>, JournalError> {
        let mut counts = BTreeMap::new();
        self.each(
            "SELECT outcome, count(*) FROM (
                 SELECT outcome, max(call.id) FROM answer JOIN call ON call.id = answer.call
                 WHERE outcome IS NOT NULL AND call.kind <> 2 AND answer.final
                 GROUP BY call.connection, call.user)
             GROUP BY outcome",
            [],
            |row| {
                let outcome = row.get::<_, String>(0)?.parse::<Outcome>().ok();
                let number = count(row, 1)?;
                Ok(outcome.map(|outcome| {
                    counts.insert(outcome, number);
                }))
            },
        )?;
        Ok(counts)
    }

    /// Whose logouts are in doubt, in the order in which they were about to leave.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn doubts(&self) -> Result<Vec<Doubt>, JournalError> {
        let open = self.open_intents()?;
        let mut doubts = Vec::with_capacity(open.len());
        for open in open {
            let call = self.call(open.intent.call)?;
            let Some((call, user)) = call.and_then(|call| Some((call.call.clone(), call.call.user?))) else {
                return Err(self.damaged("a request belongs to nobody"));
            };
            doubts.push(Doubt {
                connection: call.connection,
                operation: call.operation,
                user,
                intent: open.intent,
                sent: open.sent,
            });
        }
        Ok(doubts)
    }

    /// Everything that is known about one person, call by call: what was asked, what was sent, whether it was answered,
    /// and what came of it. Empty if nobody of that id came into the run.
    ///
    /// # Errors
    /// If something of it cannot be read.
    pub fn story(&self, user: &str) -> Result<Vec<Moment>, JournalError> {
        let mut said = self.said_of(user)?;
        let mut moments = Vec::new();
        self.calls_where("call.user = ?1 OR answer.kind = 3", [user], |call| {
            let (at_ms, answer) = match call.answer {
                Some(answer) => (answer.at_ms, Some(answer.answer)),
                None => (0, None),
            };
            let connection = call.call.connection.clone();
            if call.call.user.as_deref() != Some(user) {
                if let Some(RecordedAnswer::Records(records)) = &answer
                    && let Some(record) = records.iter().find(|record| record.id == user)
                {
                    let record = record.clone();
                    moments.push(Moment::Listed {
                        at_ms,
                        connection,
                        record,
                    });
                }
                return;
            }
            moments.push(Moment::Asked {
                id: call.id,
                call: call.call,
            });
            moments.append(&mut said.remove(&call.id).unwrap_or_default());
            moments.extend(answer.map(|answer| Moment::Given {
                at_ms,
                connection,
                answer,
            }));
        })?;
        Ok(moments)
    }

    /// What was sent and answered about a user, by the call that it was sent for, in the order of time.
    fn said_of(&self, user: &str) -> Result<BTreeMap<CallId, Vec<Moment>>, JournalError> {
        let mut said = self.writes_of(user)?;
        self.each(
            "SELECT call, at, sent, request, body, http_status, answer FROM exchange
             WHERE call IN (SELECT id FROM call WHERE user = ?1) ORDER BY id",
            [user],
            |row| {
                let record = ExchangeRecord {
                    call: CallId(row.get(0)?),
                    at_ms: row.get(1)?,
                    sent_ms: row.get(2)?,
                    request: row.get(3)?,
                    body: row.get(4)?,
                    http_status: row.get(5)?,
                    answer: row.get(6)?,
                };
                said.entry(record.call)
                    .or_default()
                    .push(Moment::Exchanged(record));
                Ok(Some(()))
            },
        )?;
        for moments in said.values_mut() {
            moments.sort_by_key(|moment| (moment.at_ms(), matches!(moment, Moment::Settled { .. })));
        }
        Ok(said)
    }

    /// What was sent about a user that changes something.
    fn writes_of(&self, user: &str) -> Result<BTreeMap<CallId, Vec<Moment>>, JournalError> {
        let mut writes: BTreeMap<CallId, Vec<Moment>> = BTreeMap::new();
        self.each(
            &format!(
                "SELECT {INTENT}, result.at, result.disposition, result.http_status
                 FROM intent LEFT JOIN result ON result.intent = intent.id
                 WHERE intent.call IN (SELECT id FROM call WHERE user = ?1) ORDER BY intent.id"
            ),
            [user],
            |row| {
                let intent = intent(row)?;
                let of_call = writes.entry(intent.call).or_default();
                of_call.push(Moment::Sent(intent.clone()));
                let Some(at_ms) = row.get(INTENT_COLUMNS)? else {
                    return Ok(Some(()));
                };
                let Some(disposition) = Disposition::from_code(row.get(INTENT_COLUMNS + 1)?) else {
                    return Ok(None);
                };
                let result = ResultRecord {
                    at_ms,
                    disposition,
                    http_status: row.get(INTENT_COLUMNS + 2)?,
                };
                of_call.push(Moment::Settled { intent, result });
                Ok(Some(()))
            },
        )?;
        Ok(writes)
    }

    /// The ids of the users in scope.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn user_ids(&self) -> Result<Vec<String>, JournalError> {
        let mut ids = Vec::new();
        self.each("SELECT DISTINCT user FROM scope", [], |row| {
            ids.push(row.get(0)?);
            Ok(Some(()))
        })?;
        Ok(ids)
    }
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(column)?;
    Ok(u64::try_from(count).unwrap_or_default())
}
