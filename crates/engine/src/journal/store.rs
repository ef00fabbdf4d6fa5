//! Records into rows: the one connection that writes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, params};

use super::error::JournalError;
use super::record::{
    AnswerRecord, CallId, CallRecord, EndRecord, IntentId, IntentRecord, LogRecord, RecordedAnswer,
    ResultRecord, RunHeader, ScopeRecord,
};
use super::schema::{APPLICATION_ID, TABLES, VERSION};
use crate::event::Level;
use crate::json;

/// One thing to write.
#[derive(Debug)]
pub(super) enum Entry {
    Call(CallId, CallRecord),
    Intent(IntentId, IntentRecord),
    Result(IntentId, ResultRecord),
    Answer(CallId, AnswerRecord),
    Scope(ScopeRecord),
    Log(LogRecord),
    End(EndRecord),
}

pub(super) struct Store {
    path: PathBuf,
    pub(super) connection: Connection,
    /// What stands in `name`. Its texts are connections and operations: a handful.
    names: HashMap<Arc<str>, i64>,
    /// Those added by the open transaction.
    fresh: Vec<Arc<str>>,
}

impl Store {
    /// Makes the tables in an empty file, and writes what the run is.
    pub(super) fn create(path: &Path, header: &RunHeader) -> Result<Self, JournalError> {
        let failed = |error: rusqlite::Error| JournalError::of_sqlite(path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        configure(&connection).map_err(failed)?;
        let store = Self {
            path: path.to_owned(),
            connection,
            names: HashMap::new(),
            fresh: Vec::new(),
        };
        store.found(header).map_err(failed)?;
        Ok(store)
    }

    /// Writes these together: on disk when it returns, all or none.
    pub(super) fn commit<'a>(
        &mut self,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Result<(), JournalError> {
        let written = self.write_all(entries);
        written.map_err(|error| {
            for name in self.fresh.drain(..) {
                self.names.remove(&name);
            }
            // The transaction is rolled back at the latest when the connection closes, which follows.
            JournalError::of_sqlite(&self.path, &error)
        })
    }

    /// Brings everything into the one file, as far as no reader is in the way.
    pub(super) fn tidy(&self) {
        // What is committed is safe in the log as well; the last to close it tries once more.
        let _ = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    fn found(&self, header: &RunHeader) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        self.connection.execute_batch(TABLES)?;
        self.connection
            .pragma_update(None, "application_id", APPLICATION_ID)?;
        self.connection.pragma_update(None, "user_version", VERSION)?;
        let mut insert = self
            .connection
            .prepare("INSERT INTO run (key, value) VALUES (?1, ?2)")?;
        for (key, value) in meta(header) {
            insert.execute(params![key, value])?;
        }
        let mut insert = self
            .connection
            .prepare("INSERT INTO source (name, sha256, text) VALUES (?1, ?2, ?3)")?;
        for source in &header.sources {
            insert.execute(params![source.name, source.sha256(), source.text])?;
        }
        self.connection.execute_batch("COMMIT")
    }

    fn write_all<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) -> rusqlite::Result<()> {
        self.fresh.clear();
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        for entry in entries {
            self.write(entry)?;
        }
        self.connection.execute_batch("COMMIT")
    }

    fn write(&mut self, entry: &Entry) -> rusqlite::Result<()> {
        match entry {
            Entry::Call(id, record) => self.call(*id, record),
            Entry::Intent(id, record) => self.run(
                "INSERT INTO intent (id, call, at, server_offset, part, attempt, request_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    id.0,
                    record.call.0,
                    record.at_ms,
                    record.server_offset_ms,
                    record.part,
                    record.attempt,
                    record.request_id
                ],
            ),
            Entry::Result(id, record) => self.run(
                "INSERT INTO result (intent, at, disposition, http_status) VALUES (?1, ?2, ?3, ?4)",
                params![id.0, record.at_ms, record.disposition.code(), record.http_status],
            ),
            Entry::Answer(id, record) => self.answer(*id, record),
            Entry::Scope(record) => {
                let connection = self.name_or_null(record.connection.as_ref())?;
                self.run(
                    "INSERT INTO scope (connection, user, name) VALUES (?1, ?2, ?3)",
                    params![connection, record.user, record.name],
                )
            }
            Entry::Log(record) => self.run(
                "INSERT INTO log (at, level, text, fields) VALUES (?1, ?2, ?3, ?4)",
                params![
                    record.at_ms,
                    level_name(record.level),
                    record.text,
                    json::fields(&record.fields).to_string()
                ],
            ),
            Entry::End(record) => self.end(record),
        }
    }

    fn call(&mut self, id: CallId, record: &CallRecord) -> rusqlite::Result<()> {
        let connection = self.name_or_null(record.connection.as_ref())?;
        let operation = self.name(&record.operation)?;
        self.run(
            "INSERT INTO call (id, at, place, digest, kind, connection, operation, user)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                id.0,
                record.at_ms,
                record.place.0.as_ref(),
                record.digest.0,
                record.kind.code(),
                connection,
                operation,
                record.user
            ],
        )
    }

    fn answer(&self, id: CallId, record: &AnswerRecord) -> rusqlite::Result<()> {
        let (body, cause) = match &record.answer {
            RecordedAnswer::Outcome(row) => (json::outcome_line(row), row.cause.map(json::cause_name)),
            RecordedAnswer::Record(row) => (json::record(row).to_string(), None),
            RecordedAnswer::Records(rows) => (
                serde_json::Value::Array(rows.iter().map(json::record).collect()).to_string(),
                None,
            ),
            RecordedAnswer::Value(value) => (json::value(value).to_string(), None),
        };
        self.run(
            "INSERT INTO answer (call, at, kind, outcome, cause, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                id.0,
                record.at_ms,
                record.answer.code(),
                record.answer.outcome().map(signoff_core::Outcome::name),
                cause,
                body
            ],
        )
    }

    fn end(&self, record: &EndRecord) -> rusqlite::Result<()> {
        let summary = &record.summary;
        self.run(
            "INSERT INTO ended (at, status, total, counts, elapsed, unsatisfied, cancelled, untried, unread)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                record.at_ms,
                json::status_name(summary.status),
                signed(summary.total),
                json::counts(&summary.counts).to_string(),
                i64::try_from(summary.elapsed.as_millis()).unwrap_or(i64::MAX),
                signed(summary.unsatisfied),
                signed(summary.cancelled),
                summary.untried.map(json::cause_name),
                summary.unread,
            ],
        )
    }

    fn run(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(values).map(|_| ())
    }

    fn name_or_null(&mut self, text: Option<&Arc<str>>) -> rusqlite::Result<Option<i64>> {
        text.map(|text| self.name(text)).transpose()
    }

    /// The number of a text in `name`, which it enters if it is new.
    fn name(&mut self, text: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.names.get(text) {
            return Ok(*id);
        }
        self.run("INSERT INTO name (text) VALUES (?1)", params![text])?;
        let id = self.connection.last_insert_rowid();
        let text: Arc<str> = Arc::from(text);
        self.names.insert(Arc::clone(&text), id);
        self.fresh.push(text);
        Ok(id)
    }
}

/// A commit is on disk before it returns (`FULL`); readers see it while the run goes on (WAL).
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "wal_autocheckpoint", 1000)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))
}

fn meta(header: &RunHeader) -> Vec<(&'static str, String)> {
    let text = |list: &[String]| serde_json::Value::from(list.to_vec()).to_string();
    let versions: serde_json::Map<String, serde_json::Value> = header
        .versions
        .iter()
        .map(|(name, version)| (name.clone(), version.as_str().into()))
        .collect();
    let mut rows = vec![
        ("run", header.run.clone()),
        ("created", header.created_ms.to_string()),
        ("workflow", header.workflow.clone()),
        ("arguments", json::fields(&header.arguments).to_string()),
        ("configuration", json::fields(&header.configuration).to_string()),
        ("versions", serde_json::Value::Object(versions).to_string()),
        ("plan", header.plan.to_string()),
        ("seed", header.seed.to_string()),
        ("command_line", text(&header.command_line)),
    ];
    rows.extend(header.boot_id.clone().map(|id| ("boot_id", id)));
    rows.extend(header.uptime_ms.map(|uptime| ("uptime", uptime.to_string())));
    // A run without input files has no such row, as none had before there were any.
    let inputs = Some(&header.inputs).filter(|inputs| !inputs.is_empty());
    rows.extend(inputs.map(|inputs| ("inputs", serde_json::json!(inputs).to_string())));
    rows.extend(header.reason.clone().map(|reason| ("reason", reason)));
    rows
}

const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
