//! The tables. Rows are found again by ascending integer keys alone: every table then grows at its end, where an
//! index over texts would touch a page for each row. Times are Unix milliseconds.

/// Marks the file as ours: "SgOf".
pub(super) const APPLICATION_ID: i64 = 0x5367_4F66;

/// Of the tables below.
pub(super) const VERSION: i64 = 3;

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
    user TEXT,
    again INTEGER
) STRICT;
CREATE INDEX call_again ON call (again) WHERE again IS NOT NULL;
CREATE TABLE intent (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL,
    at INTEGER NOT NULL,
    server_offset INTEGER,
    part TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    request_id TEXT,
    session INTEGER NOT NULL,
    uptime INTEGER,
    under_way INTEGER
) STRICT;
CREATE INDEX intent_call ON intent (call);
CREATE TABLE exchange (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL,
    at INTEGER NOT NULL,
    sent INTEGER,
    request TEXT,
    body TEXT NOT NULL,
    http_status INTEGER,
    answer TEXT NOT NULL
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
    body TEXT NOT NULL,
    final INTEGER NOT NULL
) STRICT;
CREATE TABLE scope (
    id INTEGER PRIMARY KEY,
    connection INTEGER,
    user TEXT NOT NULL,
    name TEXT,
    gone INTEGER NOT NULL
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
    unread INTEGER NOT NULL,
    session INTEGER NOT NULL
) STRICT;
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    boot_id TEXT,
    uptime INTEGER,
    process INTEGER,
    command_line TEXT NOT NULL,
    overridden TEXT NOT NULL
) STRICT;
CREATE TABLE approved (
    connection TEXT NOT NULL,
    user TEXT NOT NULL
) STRICT;
CREATE TABLE connection (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    settings TEXT NOT NULL
) STRICT;
";

/// What brings a file of version 1 to version 2, one of version 2 to version 3, and so on.
pub(super) const STEPS: [&str; 2] = [FROM_1, FROM_2];

/// Brings a file of version 1 to version 2. Rows of version 1 say nothing of processes: there was one.
const FROM_1: &str = "
ALTER TABLE call ADD COLUMN again INTEGER;
CREATE INDEX call_again ON call (again) WHERE again IS NOT NULL;
ALTER TABLE intent ADD COLUMN session INTEGER NOT NULL DEFAULT 1;
ALTER TABLE intent ADD COLUMN uptime INTEGER;
ALTER TABLE intent ADD COLUMN under_way INTEGER;
ALTER TABLE answer ADD COLUMN final INTEGER NOT NULL DEFAULT 1;
UPDATE answer SET final = 0 WHERE outcome = 'cancelled' OR cause IS NOT NULL;
ALTER TABLE scope ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ended ADD COLUMN session INTEGER NOT NULL DEFAULT 1;
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    boot_id TEXT,
    uptime INTEGER,
    process INTEGER,
    command_line TEXT NOT NULL,
    overridden TEXT NOT NULL
) STRICT;
INSERT INTO session (id, at, boot_id, uptime, process, command_line, overridden)
SELECT 1, CAST(value AS INTEGER),
       (SELECT value FROM run WHERE key = 'boot_id'),
       (SELECT CAST(value AS INTEGER) FROM run WHERE key = 'uptime'),
       NULL, (SELECT value FROM run WHERE key = 'command_line'), '[]'
FROM run WHERE key = 'created';
CREATE TABLE approved (
    connection TEXT NOT NULL,
    user TEXT NOT NULL
) STRICT;
CREATE TABLE connection (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    settings TEXT NOT NULL
) STRICT;
PRAGMA user_version = 2;
";

/// Brings a file of version 2 to version 3: whoever takes a run up again looks up what was sent for call after call, and
/// what was said stands there in full.
const FROM_2: &str = "
CREATE INDEX intent_call ON intent (call);
CREATE TABLE exchange (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL,
    at INTEGER NOT NULL,
    sent INTEGER,
    request TEXT,
    body TEXT NOT NULL,
    http_status INTEGER,
    answer TEXT NOT NULL
) STRICT;
PRAGMA user_version = 3;
";

/// Shows a file of version 1 to a reader, who must not write, as if it were of version 2.
pub(super) const AS_IF_FROM_1: &str = "
CREATE TEMP VIEW call AS SELECT *, NULL AS again FROM main.call;
CREATE TEMP VIEW intent AS SELECT *, 1 AS session, NULL AS uptime, NULL AS under_way FROM main.intent;
CREATE TEMP VIEW answer AS SELECT *, outcome IS NOT 'cancelled' AND cause IS NULL AS final FROM main.answer;
CREATE TEMP VIEW scope AS SELECT *, 0 AS gone FROM main.scope;
CREATE TEMP VIEW ended AS SELECT *, 1 AS session FROM main.ended;
CREATE TEMP VIEW session AS
SELECT 1 AS id, CAST(value AS INTEGER) AS at,
       (SELECT value FROM run WHERE key = 'boot_id') AS boot_id,
       (SELECT CAST(value AS INTEGER) FROM run WHERE key = 'uptime') AS uptime,
       NULL AS process, (SELECT value FROM run WHERE key = 'command_line') AS command_line,
       '[]' AS overridden
FROM run WHERE key = 'created';
CREATE TEMP VIEW approved AS SELECT NULL AS connection, NULL AS user WHERE 0;
CREATE TEMP VIEW connection AS SELECT NULL AS id, NULL AS name, NULL AS settings WHERE 0;
";

/// Shows a file of version 2 to a reader as if it were of version 3.
pub(super) const AS_IF_FROM_2: &str = "
CREATE TEMP VIEW exchange AS
SELECT NULL AS id, NULL AS call, NULL AS at, NULL AS sent, NULL AS request, NULL AS body, NULL AS http_status,
       NULL AS answer
WHERE 0;
";
