//! The journal on a real disk: what is durable when, who may write, what a reader sees.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(unix)]
mod crash;
mod history;
mod reopen;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use expect_test::expect;
use rusqlite::Connection;
use signoff_core::{Field, Outcome, Record, User, Value};
use tempfile::TempDir;

use super::folder::{self, WriteLock};
use super::store::{Entry, Last, Store, configure};
use super::{
    AnswerRecord, CallDigest, CallId, CallKind, CallRecord, Disposition, EndRecord, ExchangeRecord,
    InputFile, IntentId, IntentRecord, Journal, JournalError, JournalReader, LogRecord, RecordedAnswer,
    ResultRecord, RunHeader, ScopeRecord, SourceText, runs_folder, try_folder,
};
use crate::call::{Call, Cause, OutcomeRow, Place};
use crate::event::{Level, Status, Summary};

fn header() -> RunHeader {
    RunHeader {
        run: "01run".to_owned(),
        created_ms: 1_790_000_000_000,
        boot_id: Some("boot".to_owned()),
        uptime_ms: Some(7),
        workflow: "supervisor_logs_out_team.luau".to_owned(),
        sources: vec![SourceText {
            name: "supervisor_logs_out_team.luau".to_owned(),
            text: "return 1".to_owned(),
        }],
        arguments: vec![Field::new("team", "5")],
        inputs: vec![
            InputFile {
                path: "people.csv".to_owned(),
                sha256: "00ff".to_owned(),
                rows: Some(3),
            },
            InputFile {
                path: "notes.txt".to_owned(),
                sha256: "11ee".to_owned(),
                rows: None,
            },
        ],
        configuration: vec![Field::new("rate", 20_i64)],
        versions: vec![("signoff".to_owned(), "0.1.0".to_owned())],
        plan: false,
        seed: u64::MAX,
        command_line: vec!["signoff".to_owned(), "run".to_owned()],
        reason: Some("upgrade".to_owned()),
        folder: Some("/home/ann".to_owned()),
        config: Some("/home/ann/signoff.toml".to_owned()),
        plugin_path: vec!["/opt/it's here".to_owned()],
        act_as: Some("supervisor".to_owned()),
        sandbox: true,
        approved: Some(vec![("site".to_owned(), "1001".to_owned())]),
    }
}

fn call(place: &str, user: &str) -> CallRecord {
    CallRecord {
        place: Place(Arc::from(place)),
        digest: CallDigest([7; 16]),
        kind: CallKind::Act,
        connection: Some(Arc::from("finesse-prod")),
        operation: "logout".to_owned(),
        user: Some(user.to_owned()),
        at_ms: 1,
        again: None,
    }
}

fn intent(call: CallId) -> IntentRecord {
    IntentRecord {
        call,
        part: "logout".to_owned(),
        attempt: 1,
        request_id: Some("r1".to_owned()),
        at_ms: 2,
        server_offset_ms: Some(-40),
        uptime_ms: Some(5_000),
        under_way_ms: Some(20_000),
    }
}

const fn answered() -> ResultRecord {
    ResultRecord {
        at_ms: 3,
        disposition: Disposition::Answered,
        http_status: Some(202),
    }
}

fn outcome(user: &str, outcome: Outcome, cause: Option<Cause>) -> AnswerRecord {
    AnswerRecord {
        at_ms: 4,
        answer: RecordedAnswer::Outcome(Arc::new(OutcomeRow {
            run: "01run".to_owned(),
            connection: Some("finesse-prod".to_owned()),
            provider: Some("finesse".to_owned()),
            operation: Some("logout".to_owned()),
            user: user.to_owned(),
            name: None,
            outcome,
            confirmed_by: None,
            attempts: 1,
            repeated: false,
            http_status: Some(202),
            code: None,
            message: None,
            request_id: None,
            started_ms: 1,
            ended_ms: 4,
            details: vec![Field::new("state", "READY")],
            cause,
        })),
        is_final: outcome != Outcome::Cancelled,
    }
}

fn end() -> EndRecord {
    let summary = Summary {
        run: "01run".to_owned(),
        status: Status::Completed,
        total: 2,
        counts: BTreeMap::from([(Outcome::Done, 1), (Outcome::Busy, 1)]),
        elapsed: Duration::from_millis(1500),
        unsatisfied: 1,
        cancelled: 0,
        unread: true,
        untried: Some(Cause::Unreachable),
    };
    EndRecord { at_ms: 6, summary }
}

fn journal() -> (TempDir, Journal) {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::create(state.path(), &header()).unwrap();
    (state, journal)
}

fn reader(journal: &Journal) -> JournalReader {
    JournalReader::open(journal.path()).unwrap()
}

#[tokio::test]
async fn an_intent_is_on_disk_with_its_call_when_its_future_resolves() {
    let (_state, journal) = journal();
    let reader = reader(&journal);
    let call_id = journal.call(call("2[1001]1", "1001"));
    let id = journal.intent(intent(call_id)).await.unwrap();

    let open = reader.open_intents().unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].id, open[0].sent), (id, false));
    assert_eq!(open[0].intent, intent(call_id));
    let found = reader.find(&Place(Arc::from("2[1001]1"))).unwrap().unwrap();
    assert_eq!(
        (found.id, found.call, found.answer),
        (call_id, call("2[1001]1", "1001"), None)
    );
    assert_eq!(reader.find(&Place(Arc::from("2[1002]1"))).unwrap(), None);
}

#[tokio::test]
async fn a_write_is_in_doubt_until_a_result_or_an_answer_says_otherwise() {
    let (_state, journal) = journal();
    let reader = reader(&journal);
    let open = || {
        reader
            .open_intents()
            .unwrap()
            .iter()
            .map(|open| (open.id.0, open.sent))
            .collect::<Vec<_>>()
    };
    let mut calls = Vec::new();
    for user in ["1", "2", "3", "4"] {
        let call_id = journal.call(call(user, user));
        calls.push((call_id, journal.intent(intent(call_id)).await.unwrap()));
    }
    assert_eq!(open(), [(1, false), (2, false), (3, false), (4, false)]);

    let with = |disposition| ResultRecord {
        at_ms: 3,
        disposition,
        http_status: None,
    };
    journal.result(calls[0].1, answered()).await.unwrap();
    journal
        .result(calls[1].1, with(Disposition::MaybeSent))
        .await
        .unwrap();
    journal
        .result(calls[2].1, with(Disposition::NotSent))
        .await
        .unwrap();
    assert_eq!(open(), [(2, true), (4, false)]);

    journal
        .answer(calls[1].0, outcome("2", Outcome::Unknown, None))
        .await
        .unwrap();
    assert_eq!(open(), [(4, false)]);
}

#[tokio::test]
async fn what_is_not_waited_for_is_on_disk_before_what_is() {
    let (_state, journal) = journal();
    let call_id = journal.call(call("1", "1001"));
    let first = journal.intent(intent(call_id)).await.unwrap();
    journal.scope(ScopeRecord {
        connection: Some(Arc::from("finesse-prod")),
        user: "1001".to_owned(),
        name: Some("Ann".to_owned()),
        gone: false,
    });
    journal.result_later(first, answered());
    journal
        .answer(call_id, outcome("1001", Outcome::Done, None))
        .await
        .unwrap();

    let reader = reader(&journal);
    let mut results = Vec::new();
    reader
        .results(|id, disposition, status| results.push((id, disposition, status)))
        .unwrap();
    assert_eq!(results, [(first, Disposition::Answered, Some(202))]);
    let mut scope = Vec::new();
    reader.scope(|record| scope.push(record.user)).unwrap();
    assert_eq!(scope, ["1001"]);
}

#[tokio::test]
async fn everything_comes_back_as_it_was() {
    let (_state, journal) = journal();
    let records = RecordedAnswer::Records(Arc::new(vec![Record {
        id: "1001".to_owned(),
        attributes: vec![
            Field::new("name", "O'Neil & Co"),
            Field::new("roles", Value::List(vec!["Agent".into()])),
        ],
    }]));
    let answers = [
        outcome("1001", Outcome::Cancelled, Some(Cause::Credential)).answer,
        records,
        RecordedAnswer::Record(Record {
            id: "1".to_owned(),
            attributes: Vec::new(),
        }),
        RecordedAnswer::Value(Value::Integer(5)),
    ];
    for (index, answer) in answers.iter().enumerate() {
        let id = journal.call(call(&index.to_string(), "1001"));
        let record = AnswerRecord {
            at_ms: 4,
            answer: answer.clone(),
            is_final: index > 0,
        };
        journal.answer(id, record).await.unwrap();
    }
    journal.log(LogRecord {
        at_ms: 5,
        level: Level::Warn,
        text: "slow".to_owned(),
        fields: vec![Field::new("by", Duration::from_secs(90))],
    });
    let end = end();
    let before = reader(&journal);
    assert_eq!(before.end().unwrap(), None);
    journal.finish(end.clone()).await.unwrap();
    let path = journal.path().to_owned();
    drop(journal);

    let reader = JournalReader::open(&path).unwrap();
    let mut read = Vec::new();
    reader
        .calls(|call| read.push(call.answer.unwrap().answer))
        .unwrap();
    assert_eq!(read, answers);
    let mut outcomes = Vec::new();
    reader.outcomes(|row| outcomes.push(row.outcome)).unwrap();
    assert_eq!(outcomes, [Outcome::Cancelled]);
    assert_eq!(reader.end().unwrap(), Some(end));
    let meta = reader.meta().unwrap();
    assert_eq!(format!("{meta:?}"), format!("{:?}", header()));
    let log: String = Connection::open(&path)
        .unwrap()
        .query_row(
            "SELECT level || ' ' || text || ' ' || fields FROM log",
            [],
            |row| row.get(0),
        )
        .unwrap();
    expect![[r#"warn slow {"by":"1m30s"}"#]].assert_eq(&log);
}

#[tokio::test]
async fn a_secret_leaves_no_trace() {
    let (_state, journal) = journal();
    let id = journal.call(call("1", "1001"));
    let record = AnswerRecord {
        at_ms: 1,
        answer: RecordedAnswer::Value(Value::Map(vec![Field {
            name: "device_token".to_owned(),
            value: Value::Secret(signoff_core::SecretHandle(424_242)),
        }])),
        is_final: true,
    };
    journal.answer(id, record).await.unwrap();
    let body: String = Connection::open(journal.path())
        .unwrap()
        .query_row("SELECT body FROM answer", [], |row| row.get(0))
        .unwrap();
    expect![[r#"{"device_token":null}"#]].assert_eq(&body);
}

#[test]
fn a_second_writer_is_refused_while_the_first_lives() {
    let (state, journal) = journal();
    let folder = state.path();
    let refused = Journal::create(folder, &header()).err().unwrap();
    assert_eq!(
        refused,
        JournalError::Locked {
            path: journal.path().to_owned(),
            by: Some(format!("process {}", std::process::id())),
        }
    );
    let another = journal.clone();
    drop(journal);
    assert!(matches!(
        Journal::create(folder, &header()),
        Err(JournalError::Locked { .. })
    ));
    drop(another);
    // The lock is free, and the run is still not begun a second time.
    assert!(matches!(
        Journal::create(folder, &header()),
        Err(JournalError::Exists { .. })
    ));
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("deep/runs");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let journal = Journal::create(&state.path().join("deep"), &header()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut files: Vec<(String, u32)> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                mode(&path),
            )
        })
        .collect();
    files.sort();
    let expected = [
        "01run.lock",
        "01run.sqlite",
        "01run.sqlite-shm",
        "01run.sqlite-wal",
    ];
    assert_eq!(files, expected.map(|name| (name.to_owned(), 0o600)));
    drop(journal);
    assert!(!folder.join("01run.sqlite-wal").exists());
}

#[test]
fn a_folder_is_tried_without_a_trace() {
    let state = tempfile::tempdir().unwrap();
    try_folder(state.path()).unwrap();
    let runs = runs_folder(state.path());
    assert_eq!(std::fs::read_dir(&runs).unwrap().count(), 0);
    let taken = state.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    assert!(matches!(try_folder(&taken), Err(JournalError::ReadOnly { .. })));
}

#[test]
fn a_place_that_cannot_hold_a_journal_is_refused() {
    let state = tempfile::tempdir().unwrap();
    std::fs::write(state.path().join("runs"), "a file").unwrap();
    for folder in ["", "runs"] {
        let error = Journal::create(&state.path().join(folder), &header())
            .err()
            .unwrap();
        assert!(
            matches!(error, JournalError::ReadOnly { .. }),
            "{folder}: {error:?}"
        );
        assert!(error.to_string().ends_with(": a file is in the way"), "{error}");
    }
    let odd = RunHeader {
        run: "../01run".to_owned(),
        ..header()
    };
    let error = Journal::create(&state.path().join("other"), &odd).err().unwrap();
    expect!["`../01run` cannot name a run"].assert_eq(&error.to_string());
}

#[tokio::test]
async fn after_a_failed_commit_nothing_is_acknowledged_any_more() {
    let (_state, journal) = journal();
    let call_id = journal.call(call("1", "1001"));
    journal.intent(intent(call_id)).await.unwrap();
    // Another program that meddles with the file makes the next commit fail, as a failing disk would.
    Connection::open(journal.path())
        .unwrap()
        .execute_batch("ALTER TABLE answer RENAME TO gone")
        .unwrap();
    let together = [
        tokio::spawn(journal.answer(call_id, outcome("1001", Outcome::Done, None))),
        tokio::spawn(journal.answer(CallId(9), outcome("1002", Outcome::Done, None))),
    ];
    let mut errors = Vec::new();
    for told in together {
        errors.push(told.await.unwrap().unwrap_err());
    }
    assert!(matches!(&errors[0], JournalError::Io { .. }), "{:?}", errors[0]);
    assert_eq!(errors[0], errors[1]);
    assert_eq!(journal.failure().as_ref(), Some(&errors[0]));
    // The table for this is sound; it is refused all the same.
    let later = journal.intent(intent(call_id)).await;
    assert_eq!(later.as_ref(), Err(&errors[0]));
    let intents: i64 = Connection::open(journal.path())
        .unwrap()
        .query_row("SELECT count(*) FROM intent", [], |row| row.get(0))
        .unwrap();
    assert_eq!(intents, 1);
}

#[tokio::test]
async fn a_full_disk_is_told_as_such() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("01run.sqlite");
    let lock = WriteLock::take(&path).unwrap();
    folder::create(&path).unwrap();
    let store = Store::create(&path, &header()).unwrap();
    // SQLite's own limit ends as a full disk does.
    store
        .connection
        .pragma_update(None, "max_page_count", 60)
        .unwrap();
    let journal = Journal::start(path.clone(), store, lock, Last::default()).unwrap();
    let call_id = journal.call(call("1", "1001"));
    journal.intent(intent(call_id)).await.unwrap();
    let large = AnswerRecord {
        at_ms: 1,
        answer: RecordedAnswer::Value(Value::Text("x".repeat(1 << 20))),
        is_final: true,
    };
    let error = journal.answer(call_id, large).await.unwrap_err();
    assert_eq!(error, JournalError::Full { path });
    assert_eq!(reader(&journal).open_intents().unwrap().len(), 1);
}

#[test]
fn a_file_that_cannot_have_a_write_ahead_log_is_not_written() {
    let connection = Connection::open_in_memory().unwrap();
    let error = configure(&connection, Path::new("01run.sqlite")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the journal cannot be written or read: 01run.sqlite: \
         SQLite's write-ahead log cannot be had here, only the mode `memory`"
    );
}

#[test]
fn other_files_are_told_apart() {
    let state = tempfile::tempdir().unwrap();
    let open = |name: &str| JournalReader::open(&state.path().join(name)).err().unwrap();
    assert!(matches!(open("none.sqlite"), JournalError::Missing { .. }));
    std::fs::write(
        state.path().join("text.sqlite"),
        "no database at all, whatever its name may say",
    )
    .unwrap();
    assert!(matches!(open("text.sqlite"), JournalError::NotAJournal { .. }));
    let database = |name: &str, pragmas: &str| {
        Connection::open(state.path().join(name))
            .unwrap()
            .execute_batch(&format!("{pragmas}; CREATE TABLE t (x)"))
            .unwrap();
    };
    database("other.sqlite", "PRAGMA user_version = 1");
    assert!(matches!(open("other.sqlite"), JournalError::NotAJournal { .. }));
    database(
        "new.sqlite",
        "PRAGMA application_id = 0x53674F66; PRAGMA user_version = 4",
    );
    assert!(matches!(
        open("new.sqlite"),
        JournalError::TooNew {
            found: 4,
            known: 3,
            ..
        }
    ));
}

#[tokio::test]
async fn a_hundred_thousand_records_take_little_time() {
    let (_state, journal) = journal();
    let began = Instant::now();
    let mut waiting = Vec::new();
    for number in 0..50_000 {
        let user = number.to_string();
        let id = journal.call(call(&user, &user));
        waiting.push(journal.intent(intent(id)));
    }
    for intent in waiting {
        intent.await.unwrap();
    }
    let elapsed = began.elapsed();
    assert_eq!(reader(&journal).open_intents().unwrap().len(), 50_000);
    // Far above what it takes, and far below what a commit for each record would.
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[tokio::test]
async fn what_waits_shares_a_commit_and_no_commit_is_too_large() {
    let (_state, journal) = journal();
    let before = commits(&journal);
    let (told, waiter) = tokio::sync::oneshot::channel();
    journal.shared.queue.push(|state| {
        for number in 0..10_000 {
            let record = ScopeRecord {
                connection: None,
                user: number.to_string(),
                name: None,
                gone: false,
            };
            state.push(Entry::Scope(record), None);
        }
        state.push(Entry::Result(IntentId(1), answered()), Some(told));
    });
    waiter.await.unwrap().unwrap();
    // 4,096 and 4,096 and 1,809.
    assert_eq!(commits(&journal) - before, 3);
}

#[tokio::test]
async fn a_call_and_its_intent_share_a_commit() {
    let (_state, journal) = journal();
    // While the writer is awake it may take the call before the intent is there.
    let asleep = || journal.shared.queue.lock().asleep;
    while !asleep() {
        tokio::task::yield_now().await;
    }
    let before = commits(&journal);
    let call_id = journal.call(call("1", "1001"));
    assert!(asleep());
    journal.intent(intent(call_id)).await.unwrap();
    assert_eq!(commits(&journal) - before, 1);
}

#[tokio::test]
async fn a_call_that_nothing_follows_is_written_at_the_end() {
    let (_state, journal) = journal();
    let path = journal.path().to_owned();
    let id = journal.call(call("1", "1001"));
    drop(journal);
    let found = JournalReader::open(&path)
        .unwrap()
        .find(&Place(Arc::from("1")))
        .unwrap();
    assert_eq!(found.unwrap().id, id);
}

/// How many commits the write-ahead log holds: its frames that say how large the database is after them
/// (https://sqlite.org/fileformat2.html#walformat).
fn commits(journal: &Journal) -> usize {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let log = std::fs::read(journal.path().with_extension("sqlite-wal")).unwrap();
    log[HEADER..]
        .chunks_exact(FRAME)
        .filter(|frame| frame[4..8] != [0; 4])
        .count()
}

#[test]
fn a_digest_tells_what_is_asked_and_not_what_is_known() {
    let asked = |connection: &str, user: User, arguments: Vec<Field>| {
        CallDigest::of(&Call {
            place: Place(Arc::from("1")),
            source: String::new(),
            connection: connection.to_owned(),
            credential: None,
            operation: "logout".to_owned(),
            user: Some(user),
            arguments,
            in_fan_out: false,
        })
    };
    let known = User {
        id: "1001".to_owned(),
        attributes: vec![Field::new("state", "READY")],
    };
    let base = asked("prod", User::new("1001"), Vec::new());
    assert_eq!(base, asked("prod", known, Vec::new()));
    assert_ne!(base, asked("test", User::new("1001"), Vec::new()));
    assert_ne!(base, asked("prod", User::new("1002"), Vec::new()));
    assert_ne!(
        base,
        asked("prod", User::new("1001"), vec![Field::new("when", "now")])
    );
    expect!["0f2b3d7e8227164d3f8f0d49e86e8637"].assert_eq(&base.to_string());
}
