//! The tables. Rows are found again by ascending integer keys alone: every table then grows at its end, where an
//! index over texts would touch a page for each row. Times are Unix milliseconds.

/// Marks the file as ours: "SgOf".
pub(super) const APPLICATION_ID: i64 = 0x5367_4F66;

/// Of the tables below.
pub(super) const VERSION: i64 = 1;

/// Texts that occur again and again (connections, operations) stand in `name`, once.
pub(super) const TABLES: &str = "
CREATE TABLE run (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE name (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE call (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    place TEXT NOT NULL,
    digest BLOB NOT NULL,
    kind INTEGER NOT NULL,
    connection INTEGER,
    operation INTEGER NOT NULL,
    user TEXT
) STRICT;
CREATE TABLE intent (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL,
    at INTEGER NOT NULL,
    server_offset INTEGER,
    part TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    request_id TEXT
) STRICT;
CREATE TABLE result (
    intent INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    disposition INTEGER NOT NULL,
    http_status INTEGER
) STRICT;
CREATE TABLE answer (
    call INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    outcome TEXT,
    cause TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE scope (
    id INTEGER PRIMARY KEY,
    connection INTEGER,
    user TEXT NOT NULL,
    name TEXT
) STRICT;
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL,
    fields TEXT NOT NULL
) STRICT;
CREATE TABLE ended (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    status TEXT NOT NULL,
    total INTEGER NOT NULL,
    counts TEXT NOT NULL,
    elapsed INTEGER NOT NULL,
    unsatisfied INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    untried TEXT,
    unread INTEGER NOT NULL
) STRICT;
";
