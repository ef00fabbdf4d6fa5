//! Records into rows: the one connection that writes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, params};
use signoff_core::Field;

use super::error::JournalError;
use super::record::{
    AnswerRecord, CallId, CallRecord, EndRecord, ExchangeRecord, IntentId, IntentRecord, LogRecord,
    RecordedAnswer, ResultRecord, RunHeader, ScopeRecord, SessionRecord, SourceText,
};
use super::schema::{APPLICATION_ID, STEPS, TABLES, VERSION};
use crate::json;

/// One thing to write.
#[derive(Debug)]
pub(super) enum Entry {
    Call(CallId, CallRecord),
    Intent(IntentId, IntentRecord),
    Result(IntentId, ResultRecord),
    Answer(CallId, AnswerRecord),
    Scope(ScopeRecord),
    Exchange(ExchangeRecord),
    Log(LogRecord),
    Source(SourceText),
    /// Its name, and its settings under it.
    Connection(Field),
    Session(SessionRecord),
    End(EndRecord),
}

/// The highest numbers in a file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Last {
    pub(super) call: i64,
    pub(super) intent: i64,
}

pub(super) struct Store {
    path: PathBuf,
    pub(super) connection: Connection,
    /// What stands in `name`. Its texts are connections and operations: a handful.
    names: HashMap<Arc<str>, i64>,
    /// Those added by the open transaction.
    fresh: Vec<Arc<str>>,
    /// The process that writes, by its row.
    session: i64,
}

impl Store {
    /// Makes the tables in an empty file, and writes what the run is.
    pub(super) fn create(path: &Path, header: &RunHeader) -> Result<Self, JournalError> {
        let failed = |error: rusqlite::Error| JournalError::of_sqlite(path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        configure(&connection, path)?;
        let store = Self {
            path: path.to_owned(),
            connection,
            names: HashMap::new(),
            fresh: Vec::new(),
            session: 1,
        };
        store.found(header).map_err(failed)?;
        Ok(store)
    }

    /// Opens a file that another process wrote, to go on with it. It is checked as a whole, and brought to the present
    /// version.
    pub(super) fn reopen(path: &Path) -> Result<(Self, Last), JournalError> {
        let failed = |error: rusqlite::Error| JournalError::of_sqlite(path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        let found = version(&connection, path)?;
        configure(&connection, path)?;
        let checked: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(failed)?;
        if checked != "ok" {
            return Err(JournalError::Damaged {
                path: path.to_owned(),
                reason: checked,
            });
        }
        let mut store = Self {
            path: path.to_owned(),
            connection,
            names: HashMap::new(),
            fresh: Vec::new(),
            session: 1,
        };
        let last = store.take_stock(found).map_err(failed)?;
        Ok((store, last))
    }

    fn take_stock(&mut self, found: i64) -> rusqlite::Result<Last> {
        for step in (1..)
            .zip(STEPS)
            .filter(|(from, _)| *from >= found)
            .map(|(_, step)| step)
        {
            self.connection
                .execute_batch(&format!("BEGIN IMMEDIATE;{step}COMMIT"))?;
        }
        let mut statement = self.connection.prepare("SELECT text, id FROM name")?;
        let names = statement.query_map([], |row| Ok((Arc::from(row.get::<_, String>(0)?), row.get(1)?)))?;
        self.names = names.collect::<rusqlite::Result<_>>()?;
        let highest = |table: &str| {
            self.connection
                .query_row(&format!("SELECT coalesce(max(id), 0) FROM {table}"), [], |row| {
                    row.get(0)
                })
        };
        self.session = highest("session")?;
        Ok(Last {
            call: highest("call")?,
            intent: highest("intent")?,
        })
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
        let mut insert = self
            .connection
            .prepare("INSERT INTO approved (connection, user) VALUES (?1, ?2)")?;
        for (connection, user) in header.approved.iter().flatten() {
            insert.execute(params![connection, user])?;
        }
        self.session(&SessionRecord {
            at_ms: header.created_ms,
            boot_id: header.boot_id.clone(),
            uptime_ms: header.uptime_ms,
            process: Some(std::process::id()),
            command_line: header.command_line.clone(),
            overridden: Vec::new(),
        })?;
        self.connection.execute_batch("COMMIT")
    }

    fn session(&self, record: &SessionRecord) -> rusqlite::Result<()> {
        self.run(
            "INSERT INTO session (at, boot_id, uptime, process, command_line, overridden)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                record.at_ms,
                record.boot_id,
                record.uptime_ms.map(signed),
                record.process,
                texts(&record.command_line),
                texts(&record.overridden)
            ],
        )
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
                "INSERT INTO intent
                   (id, call, at, server_offset, part, attempt, request_id, session, uptime, under_way)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    id.0,
                    record.call.0,
                    record.at_ms,
                    record.server_offset_ms,
                    record.part,
                    record.attempt,
                    record.request_id,
                    self.session,
                    record.uptime_ms.map(signed),
                    record.under_way_ms.map(signed)
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
                    "INSERT INTO scope (connection, user, name, gone) VALUES (?1, ?2, ?3, ?4)",
                    params![connection, record.user, record.name, record.gone],
                )
            }
            Entry::Exchange(record) => self.run(
                "INSERT INTO exchange (call, at, sent, request, body, http_status, answer)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    record.call.0,
                    record.at_ms,
                    record.sent_ms,
                    record.request,
                    record.body,
                    record.http_status,
                    record.answer
                ],
            ),
            Entry::Log(record) => self.run(
                "INSERT INTO log (at, level, text, fields) VALUES (?1, ?2, ?3, ?4)",
                params![
                    record.at_ms,
                    record.level.name(),
                    record.text,
                    json::fields(&record.fields).to_string()
                ],
            ),
            Entry::Source(source) => self.run(
                "INSERT INTO source (name, sha256, text) VALUES (?1, ?2, ?3)",
                params![source.name, source.sha256(), source.text],
            ),
            Entry::Connection(field) => self.run(
                "INSERT INTO connection (name, settings) VALUES (?1, ?2)",
                params![field.name, json::kept(&field.value).to_string()],
            ),
            Entry::Session(record) => {
                self.session(record)?;
                self.session = self.connection.last_insert_rowid();
                Ok(())
            }
            Entry::End(record) => self.end(record),
        }
    }

    fn call(&mut self, id: CallId, record: &CallRecord) -> rusqlite::Result<()> {
        let connection = self.name_or_null(record.connection.as_ref())?;
        let operation = self.name(&record.operation)?;
        self.run(
            "INSERT INTO call (id, at, place, digest, kind, connection, operation, user, again)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                id.0,
                record.at_ms,
                record.place.0.as_ref(),
                record.digest.0,
                record.kind.code(),
                connection,
                operation,
                record.user,
                record.again.map(|first| first.0)
            ],
        )
    }

    fn answer(&self, id: CallId, record: &AnswerRecord) -> rusqlite::Result<()> {
        let (body, cause) = match &record.answer {
            RecordedAnswer::Outcome(row) => (json::kept_outcome(row), row.cause.map(json::cause_name)),
            RecordedAnswer::Record(row) => (json::kept_record(row).to_string(), None),
            RecordedAnswer::Records(rows) => (
                serde_json::Value::Array(rows.iter().map(json::kept_record).collect()).to_string(),
                None,
            ),
            RecordedAnswer::Value(value) => (json::kept(value).to_string(), None),
        };
        self.run(
            "INSERT INTO answer (call, at, kind, outcome, cause, body, final)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                id.0,
                record.at_ms,
                record.answer.code(),
                record.answer.outcome().map(signoff_core::Outcome::name),
                cause,
                body,
                record.is_final
            ],
        )
    }

    fn end(&self, record: &EndRecord) -> rusqlite::Result<()> {
        let summary = &record.summary;
        self.run(
            "INSERT INTO ended
               (at, status, total, counts, elapsed, unsatisfied, cancelled, untried, unread, session)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
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
                self.session,
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

/// The version of a file's tables, if it is a journal that this signoff knows.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64, JournalError> {
    let number = |pragma: &str| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(|error| JournalError::of_sqlite(path, &error))
    };
    if number("application_id")? != APPLICATION_ID {
        return Err(JournalError::NotAJournal {
            path: path.to_owned(),
        });
    }
    let found = number("user_version")?;
    if found > VERSION {
        return Err(JournalError::TooNew {
            path: path.to_owned(),
            found,
            known: VERSION,
        });
    }
    Ok(found)
}

pub(super) fn configure(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let mode = set_modes(connection).map_err(|error| JournalError::of_sqlite(path, &error))?;
    if mode == "wal" {
        Ok(())
    } else {
        Err(JournalError::Io {
            path: path.to_owned(),
            reason: format!("SQLite's write-ahead log cannot be had here, only the mode `{mode}`"),
        })
    }
}

/// A commit is on disk before it returns (`FULL`); readers see it while the run goes on (WAL). Gives the mode of the
/// journal that SQLite keeps for itself.
fn set_modes(connection: &Connection) -> rusqlite::Result<String> {
    connection.set_prepared_statement_cache_capacity(32);
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    // The mode is told before the change is committed: whether that went well is known at the end of the rows.
    let told: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "wal_autocheckpoint", 1000)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(told.concat())
}

fn meta(header: &RunHeader) -> Vec<(&'static str, String)> {
    let versions: serde_json::Map<String, serde_json::Value> = header
        .versions
        .iter()
        .map(|(name, version)| (name.clone(), version.as_str().into()))
        .collect();
    let mut rows = vec![
        ("run", header.run.clone()),
        ("created", header.created_ms.to_string()),
        ("workflow", header.workflow.clone()),
        ("arguments", json::kept_fields(&header.arguments).to_string()),
        ("configuration", json::fields(&header.configuration).to_string()),
        ("versions", serde_json::Value::Object(versions).to_string()),
        ("plan", header.plan.to_string()),
        ("seed", header.seed.to_string()),
        ("command_line", texts(&header.command_line)),
        ("sandbox", header.sandbox.to_string()),
        ("approved", header.approved.is_some().to_string()),
    ];
    rows.extend(header.boot_id.clone().map(|id| ("boot_id", id)));
    rows.extend(header.uptime_ms.map(|uptime| ("uptime", uptime.to_string())));
    // A run without input files has no such row, as none had before there were any.
    let inputs = Some(&header.inputs).filter(|inputs| !inputs.is_empty());
    rows.extend(inputs.map(|inputs| ("inputs", serde_json::json!(inputs).to_string())));
    rows.extend(header.reason.clone().map(|reason| ("reason", reason)));
    rows.extend(header.folder.clone().map(|folder| ("folder", folder)));
    rows.extend(header.config.clone().map(|path| ("config", path)));
    rows.extend(header.act_as.clone().map(|name| ("act_as", name)));
    let plugin_path = Some(&header.plugin_path).filter(|folders| !folders.is_empty());
    rows.extend(plugin_path.map(|folders| ("plugin_path", texts(folders))));
    rows
}

fn texts(list: &[String]) -> String {
    serde_json::Value::from(list.to_vec()).to_string()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
