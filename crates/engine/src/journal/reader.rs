//! Reading a journal, of a run that is over or still going on.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, Row};
use signoff_core::{Field, Value};

use super::error::JournalError;
use super::record::{
    AnswerRecord, CallDigest, CallId, CallKind, CallRecord, Disposition, EndRecord, IntentId, IntentRecord,
    RecordedAnswer, RunHeader, ScopeRecord, SessionRecord, SourceText,
};
use super::schema::{AS_IF_FROM_1, AS_IF_FROM_2};
use super::store;
use crate::call::{OutcomeRow, Place};
use crate::event::Summary;
use crate::json;

/// A journal, for reading; writes nothing, and sees what was on disk when each of its methods was called.
pub struct JournalReader {
    path: PathBuf,
    connection: Connection,
}

/// A call, and what it gave.
#[derive(Debug, Clone, PartialEq)]
pub struct JournaledCall {
    /// Its number.
    pub id: CallId,
    /// What it asked.
    pub call: CallRecord,
    /// What it gave; `None`: it was under way.
    pub answer: Option<AnswerRecord>,
}

/// A write that may have been processed, and of which nothing more is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntent {
    /// Its number.
    pub id: IntentId,
    /// What was about to leave.
    pub intent: IntentRecord,
    /// Whether it is known to have been sent: a result says that no answer came.
    pub sent: bool,
}

/// A write that was intended, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournaledWrite {
    /// Its number.
    pub id: IntentId,
    /// What was about to leave.
    pub intent: IntentRecord,
    /// Whether it was answered; `None`: the process ended before that was known.
    pub disposition: Option<Disposition>,
    /// The HTTP status of the answer.
    pub http_status: Option<u16>,
    /// Of the machine's boot at that time.
    pub boot_id: Option<String>,
}

impl JournalReader {
    /// Opens a journal.
    ///
    /// # Errors
    /// If there is none, it is something else, or a later version wrote it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if let Err(error) = std::fs::metadata(path) {
            return Err(JournalError::of_system(path, &error));
        }
        let failed = |error: rusqlite::Error| JournalError::of_sqlite(path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match immutable(path) {
            // Nobody writes it, and nothing of it is elsewhere: then nothing need be written beside it to read it.
            Some(name) if !path.with_extension("sqlite-wal").exists() => {
                Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_URI)
            }
            _ => Connection::open_with_flags(path, flags),
        }
        .map_err(failed)?;
        connection
            .busy_timeout(std::time::Duration::from_secs(5))
            .map_err(failed)?;
        let version = store::version(&connection, path)?;
        if version == 1 {
            connection.execute_batch(AS_IF_FROM_1).map_err(failed)?;
        }
        if version <= 2 {
            connection.execute_batch(AS_IF_FROM_2).map_err(failed)?;
        }
        Ok(Self {
            path: path.to_owned(),
            connection,
        })
    }

    /// What the run is.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn meta(&self) -> Result<RunHeader, JournalError> {
        let mut rows = HashMap::new();
        self.each("SELECT key, value FROM run", [], |row| {
            rows.insert(row.get::<_, String>(0)?, row.get::<_, String>(1)?);
            Ok(Some(()))
        })?;
        let mut sources = Vec::new();
        self.each("SELECT name, text FROM source WHERE id IN (SELECT max(id) FROM source GROUP BY name) ORDER BY id", [], |row| {
            sources.push(SourceText {
                name: row.get(0)?,
                text: row.get(1)?,
            });
            Ok(Some(()))
        })?;
        let mut approved = Vec::new();
        self.each("SELECT connection, user FROM approved", [], |row| {
            approved.push((row.get(0)?, row.get(1)?));
            Ok(Some(()))
        })?;
        let header = header(&rows, sources, approved);
        header.ok_or_else(|| self.damaged("the description of the run cannot be understood"))
    }

    /// When the run began, in Unix milliseconds; `None` if that cannot be read.
    pub(super) fn created(&self) -> Option<i64> {
        let mut created = None;
        let read = self.each("SELECT value FROM run WHERE key = 'created'", [], |row| {
            created = row.get_ref(0)?.as_str()?.parse().ok();
            Ok(Some(()))
        });
        read.ok().and(created)
    }

    /// The processes that worked on the run, in order; the first began it.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn sessions(&self) -> Result<Vec<SessionRecord>, JournalError> {
        let mut sessions = Vec::new();
        self.each(
            "SELECT at, boot_id, uptime, process, command_line, overridden FROM session ORDER BY id",
            [],
            |row| {
                let texts = |column: usize| -> rusqlite::Result<Option<Vec<String>>> {
                    Ok(serde_json::from_str(&row.get::<_, String>(column)?).ok())
                };
                let (Some(command_line), Some(overridden)) = (texts(4)?, texts(5)?) else {
                    return Ok(None);
                };
                sessions.push(SessionRecord {
                    at_ms: row.get(0)?,
                    boot_id: row.get(1)?,
                    uptime_ms: optional_unsigned(row, 2)?,
                    process: row.get(3)?,
                    command_line,
                    overridden,
                });
                Ok(Some(()))
            },
        )?;
        Ok(sessions)
    }

    /// The connections that were opened, by name, each with its settings when it was last opened.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn connections(&self) -> Result<Vec<Field>, JournalError> {
        let mut connections: BTreeMap<String, Value> = BTreeMap::new();
        self.each("SELECT name, settings FROM connection ORDER BY id", [], |row| {
            let name = row.get(0)?;
            let settings = serde_json::from_str(&row.get::<_, String>(1)?).ok();
            Ok(settings.map(|settings| {
                connections.insert(name, json::kept_from(&settings));
            }))
        })?;
        let fields = connections.into_iter().map(|(name, value)| Field { name, value });
        Ok(fields.collect())
    }

    /// The place of every call, in order.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn places(&self, mut each: impl FnMut(CallId, &str)) -> Result<(), JournalError> {
        self.each("SELECT id, place FROM call ORDER BY id", [], |row| {
            each(CallId(row.get(0)?), row.get_ref(1)?.as_str()?);
            Ok(Some(()))
        })
    }

    /// The call of that number.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn call(&self, id: CallId) -> Result<Option<JournaledCall>, JournalError> {
        let names = self.names()?;
        let mut found = None;
        self.each(&format!("{CALLS} WHERE call.id = ?1"), [id.0], |row| {
            Ok(journaled_call(row, &names)?.map(|call| found = Some(call)))
        })?;
        Ok(found)
    }

    /// Every write that was intended for a call, given its first number at its place, whichever process did; in order.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn writes(&self, first: CallId) -> Result<Vec<JournaledWrite>, JournalError> {
        let mut writes = Vec::new();
        self.each(&writes_of_call(), [first.0], |row| {
            let disposition: Option<i64> = row.get(INTENT_COLUMNS)?;
            writes.push(JournaledWrite {
                id: IntentId(row.get(0)?),
                intent: intent(row)?,
                disposition: match disposition {
                    None => None,
                    Some(code) => match Disposition::from_code(code) {
                        Some(disposition) => Some(disposition),
                        None => return Ok(None),
                    },
                },
                http_status: row.get(INTENT_COLUMNS + 1)?,
                boot_id: row.get(INTENT_COLUMNS + 2)?,
            });
            Ok(Some(()))
        })?;
        Ok(writes)
    }

    /// Every call, in order, each with what it gave.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn calls(&self, each: impl FnMut(JournaledCall)) -> Result<(), JournalError> {
        self.calls_where("true", [], each)
    }

    /// The calls of which something holds, in order.
    pub(super) fn calls_where(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
        mut each: impl FnMut(JournaledCall),
    ) -> Result<(), JournalError> {
        let names = self.names()?;
        self.each(
            &format!("{CALLS} WHERE {condition} ORDER BY call.id"),
            values,
            |row| Ok(journaled_call(row, &names)?.map(&mut each)),
        )
    }

    /// The call at a place. Looks through all calls: for several, read [`JournalReader::calls`] once.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn find(&self, place: &Place) -> Result<Option<JournaledCall>, JournalError> {
        let names = self.names()?;
        let mut found = None;
        self.each(
            &format!("{CALLS} WHERE call.place = ?1 ORDER BY call.id"),
            [place.0.as_ref()],
            |row| {
                Ok(journaled_call(row, &names)?.map(|call| {
                    found = Some(call);
                }))
            },
        )?;
        Ok(found)
    }

    /// Whether a write was ever about to leave.
    ///
    /// # Errors
    /// If that cannot be read.
    pub fn has_intents(&self) -> Result<bool, JournalError> {
        let mut has = false;
        self.each("SELECT EXISTS (SELECT 1 FROM intent)", [], |row| {
            has = row.get(0)?;
            Ok(Some(()))
        })?;
        Ok(has)
    }

    /// Every write in doubt: without a result, or with one that says that no answer came, of a call that has given
    /// nothing. In the order in which they were written.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn open_intents(&self) -> Result<Vec<OpenIntent>, JournalError> {
        let mut open = Vec::new();
        self.each(
            &format!(
                "SELECT {INTENT}, result.disposition
                 FROM intent JOIN call ON call.id = intent.call
                 LEFT JOIN result ON result.intent = intent.id
                 WHERE (result.disposition IS NULL OR result.disposition = ?1)
                   AND NOT EXISTS (
                       SELECT 1 FROM answer WHERE answer.final AND answer.call = intent.call)
                   AND NOT EXISTS (
                       SELECT 1 FROM call later JOIN answer ON answer.call = later.id
                       WHERE answer.final AND later.again = coalesce(call.again, call.id))
                 ORDER BY intent.id"
            ),
            [Disposition::MaybeSent.code()],
            |row| {
                open.push(OpenIntent {
                    id: IntentId(row.get(0)?),
                    intent: intent(row)?,
                    sent: row.get::<_, Option<i64>>(INTENT_COLUMNS)?.is_some(),
                });
                Ok(Some(()))
            },
        )?;
        Ok(open)
    }

    /// What became of every write that was intended, in the order of the intents.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn results(
        &self,
        mut each: impl FnMut(IntentId, Disposition, Option<u16>),
    ) -> Result<(), JournalError> {
        self.each(
            "SELECT intent, disposition, http_status FROM result ORDER BY intent",
            [],
            |row| {
                let (id, status) = (IntentId(row.get(0)?), row.get(2)?);
                Ok(Disposition::from_code(row.get(1)?).map(|disposition| each(id, disposition, status)))
            },
        )
    }

    /// Every outcome, in the order of the calls.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn outcomes(&self, each: impl FnMut(Arc<OutcomeRow>)) -> Result<(), JournalError> {
        self.outcomes_where("true", each)
    }

    /// The outcomes of operations that act, and of users left out, as a report of a finished run shows them: of each place
    /// the last, and of users of whom nothing had become when an earlier process ended none. Who was left in doubt was told
    /// of as such.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn standing(&self, each: impl FnMut(Arc<OutcomeRow>)) -> Result<(), JournalError> {
        self.outcomes_where(
            "call.kind <> 2 AND (answer.final OR answer.outcome = 'unknown') AND NOT EXISTS (
                 SELECT 1 FROM call later JOIN answer last ON last.call = later.id
                 WHERE later.again = coalesce(call.again, call.id) AND later.id > call.id)",
            each,
        )
    }

    fn outcomes_where(
        &self,
        condition: &str,
        mut each: impl FnMut(Arc<OutcomeRow>),
    ) -> Result<(), JournalError> {
        self.each(
            &format!(
                "SELECT answer.kind, body, cause FROM answer JOIN call ON call.id = answer.call
                 WHERE outcome IS NOT NULL AND {condition} ORDER BY answer.call"
            ),
            [],
            |row| match answer(row, 0)? {
                Some(RecordedAnswer::Outcome(outcome)) => {
                    each(outcome);
                    Ok(Some(()))
                }
                _ => Ok(None),
            },
        )
    }

    /// Every line of the log, in order: its level by name, its text, and its fields as JSON.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn log(&self, mut each: impl FnMut(&str, &str, &str)) -> Result<(), JournalError> {
        self.each("SELECT level, text, fields FROM log ORDER BY id", [], |row| {
            let text = |column: usize| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str()?);
            each(text(0)?, text(1)?, text(2)?);
            Ok(Some(()))
        })
    }

    /// Every user who came into scope, in order.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn scope(&self, mut each: impl FnMut(ScopeRecord)) -> Result<(), JournalError> {
        let names = self.names()?;
        self.each(
            "SELECT connection, user, name, gone FROM scope ORDER BY id",
            [],
            |row| {
                let connection: Option<i64> = row.get(0)?;
                each(ScopeRecord {
                    connection: connection.and_then(|id| names.get(&id).cloned()),
                    user: row.get(1)?,
                    name: row.get(2)?,
                    gone: row.get(3)?,
                });
                Ok(Some(()))
            },
        )
    }

    /// How the run ended; `None` while it goes on, or if it was cut off, also after it was taken up again.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn end(&self) -> Result<Option<EndRecord>, JournalError> {
        self.end_of(&self.meta()?.run)
    }

    /// The same, of the run with this id.
    pub(super) fn end_of(&self, run: &str) -> Result<Option<EndRecord>, JournalError> {
        let mut end = None;
        self.each(
            "SELECT at, status, total, counts, elapsed, unsatisfied, cancelled, untried, unread FROM ended
             WHERE session = (SELECT max(id) FROM session) ORDER BY id",
            [],
            |row| {
                end = ended(row, run)?;
                Ok(end.as_ref().map(|_| ()))
            },
        )?;
        Ok(end)
    }

    fn names(&self) -> Result<HashMap<i64, Arc<str>>, JournalError> {
        let mut names = HashMap::new();
        self.each("SELECT id, text FROM name", [], |row| {
            names.insert(row.get(0)?, Arc::from(row.get::<_, String>(1)?));
            Ok(Some(()))
        })?;
        Ok(names)
    }

    /// Goes through the rows of a query; `None` for one means that it cannot be understood.
    pub(super) fn each(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<Option<()>>,
    ) -> Result<(), JournalError> {
        let failed = |error: rusqlite::Error| JournalError::of_sqlite(&self.path, &error);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(values).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(row)
                .map_err(failed)?
                .ok_or_else(|| self.damaged("a record cannot be understood"))?;
        }
        Ok(())
    }

    pub(super) fn damaged(&self, reason: &str) -> JournalError {
        JournalError::Damaged {
            path: self.path.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// The name of a file that does not change, as SQLite takes it; where paths are no addresses there is none.
fn immutable(path: &Path) -> Option<String> {
    let name = path.to_str().filter(|_| cfg!(unix))?;
    let name = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Some(format!("file:{name}?immutable=1"))
}

const CALLS: &str =
    "SELECT call.id, call.at, call.place, call.digest, call.kind, call.connection, call.operation,
       call.user, answer.at, answer.kind, answer.body, answer.cause, answer.final, call.again
FROM call LEFT JOIN answer ON answer.call = call.id";

fn journaled_call(row: &Row<'_>, names: &HashMap<i64, Arc<str>>) -> rusqlite::Result<Option<JournaledCall>> {
    let connection: Option<i64> = row.get(5)?;
    let operation: i64 = row.get(6)?;
    let (Some(kind), Some(operation)) = (CallKind::from_code(row.get(4)?), names.get(&operation)) else {
        return Ok(None);
    };
    let answered: Option<i64> = row.get(8)?;
    let answer = match answered {
        None => None,
        Some(at_ms) => match answer(row, 9)? {
            Some(answer) => Some(AnswerRecord {
                at_ms,
                answer,
                is_final: row.get(12)?,
            }),
            None => return Ok(None),
        },
    };
    Ok(Some(JournaledCall {
        id: CallId(row.get(0)?),
        call: CallRecord {
            place: Place(Arc::from(row.get::<_, String>(2)?)),
            digest: CallDigest(row.get(3)?),
            kind,
            connection: connection.and_then(|id| names.get(&id).cloned()),
            operation: operation.to_string(),
            user: row.get(7)?,
            at_ms: row.get(1)?,
            again: row.get::<_, Option<i64>>(13)?.map(CallId),
        },
        answer,
    }))
}

/// The writes of a call, given its first number at its place. A resumed run asks this for call after call.
pub(super) fn writes_of_call() -> String {
    format!(
        "SELECT {INTENT}, result.disposition, result.http_status, session.boot_id
         FROM intent LEFT JOIN result ON result.intent = intent.id
         LEFT JOIN session ON session.id = intent.session
         WHERE intent.call IN (SELECT ?1 UNION ALL SELECT id FROM call WHERE again = ?1)
         ORDER BY intent.id"
    )
}

/// What an [`IntentRecord`] is read from.
pub(super) const INTENT: &str =
    "intent.id, intent.call, intent.part, intent.attempt, intent.request_id, intent.at,
    intent.server_offset, intent.uptime, intent.under_way";
pub(super) const INTENT_COLUMNS: usize = 9;

pub(super) fn intent(row: &Row<'_>) -> rusqlite::Result<IntentRecord> {
    Ok(IntentRecord {
        call: CallId(row.get(1)?),
        part: row.get(2)?,
        attempt: row.get(3)?,
        request_id: row.get(4)?,
        at_ms: row.get(5)?,
        server_offset_ms: row.get(6)?,
        uptime_ms: optional_unsigned(row, 7)?,
        under_way_ms: optional_unsigned(row, 8)?,
    })
}

/// From `kind`, `body`, `cause`, beginning at that column.
fn answer(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<RecordedAnswer>> {
    let body: String = row.get(column + 1)?;
    let cause: Option<String> = row.get(column + 2)?;
    Ok(RecordedAnswer::from_parts(
        row.get(column)?,
        &body,
        cause.as_deref(),
    ))
}

fn ended(row: &Row<'_>, run: &str) -> rusqlite::Result<Option<EndRecord>> {
    let (status, counts): (String, String) = (row.get(1)?, row.get(3)?);
    let untried: Option<String> = row.get(7)?;
    let counts = serde_json::from_str(&counts)
        .ok()
        .and_then(|json| json::counts_from(&json));
    let (Some(status), Some(counts)) = (json::status_from(&status), counts) else {
        return Ok(None);
    };
    Ok(Some(EndRecord {
        at_ms: row.get(0)?,
        summary: Summary {
            run: run.to_owned(),
            status,
            total: unsigned(row, 2)?,
            counts,
            elapsed: std::time::Duration::from_millis(unsigned(row, 4)?),
            unsatisfied: unsigned(row, 5)?,
            cancelled: unsigned(row, 6)?,
            untried: untried.as_deref().and_then(json::cause_from),
            unread: row.get(8)?,
        },
    }))
}

/// A count; SQLite has signed numbers alone.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(column)?;
    Ok(u64::try_from(count).unwrap_or_default())
}

fn optional_unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    let count: Option<i64> = row.get(column)?;
    Ok(count.and_then(|count| u64::try_from(count).ok()))
}

fn header(
    rows: &HashMap<String, String>,
    sources: Vec<SourceText>,
    approved: Vec<(String, String)>,
) -> Option<RunHeader> {
    let is = |key: &str| rows.get(key).is_some_and(|value| value == "true");
    let text = |key: &str| rows.get(key).cloned();
    let parsed = |key: &str| serde_json::from_str::<serde_json::Value>(rows.get(key)?).ok();
    Some(RunHeader {
        run: text("run")?,
        created_ms: text("created")?.parse().ok()?,
        boot_id: text("boot_id"),
        uptime_ms: text("uptime").and_then(|uptime| uptime.parse().ok()),
        workflow: text("workflow")?,
        sources,
        arguments: json::kept_fields_from(&parsed("arguments")?),
        inputs: match rows.get("inputs") {
            Some(inputs) => serde_json::from_str(inputs).ok()?,
            None => Vec::new(),
        },
        configuration: json::fields_from(&parsed("configuration")?),
        versions: parsed("versions")?
            .as_object()?
            .iter()
            .map(|(name, version)| Some((name.clone(), version.as_str()?.to_owned())))
            .collect::<Option<_>>()?,
        plan: text("plan")?.parse().ok()?,
        seed: text("seed")?.parse().ok()?,
        command_line: serde_json::from_str(rows.get("command_line")?).ok()?,
        reason: text("reason"),
        folder: text("folder"),
        config: text("config"),
        plugin_path: match rows.get("plugin_path") {
            Some(folders) => serde_json::from_str(folders).ok()?,
            None => Vec::new(),
        },
        act_as: text("act_as"),
        sandbox: is("sandbox"),
        approved: is("approved").then_some(approved),
    })
}
