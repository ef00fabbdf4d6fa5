//! Going on with a file that another process wrote, and files of earlier versions.

use std::path::Path;

use expect_test::expect;
use rusqlite::Connection;
use signoff_core::Outcome;

use super::super::reader::writes_of_call;
use super::super::schema::{TABLES, VERSION};
use super::super::{
    CallId, CallRecord, IntentId, Journal, JournalError, JournalReader, RunHeader, RunName, SessionRecord,
    find_run, journal_path, runs, runs_folder,
};
use super::{answered, call, header, intent, outcome};

/// A run of version 1 that was killed: eleven logouts were intended, nine were answered.
pub(super) const VERSION_1: &[u8] = include_bytes!("version-1.sqlite");
pub(super) const RUN_OF_VERSION_1: &str = "20261121-002556-pqar";

/// A run of version 2 that was killed, taken up again, and killed once more: of ten logouts six are finished, and three
/// were intended by both processes.
const VERSION_2: &[u8] = include_bytes!("version-2.sqlite");
const RUN_OF_VERSION_2: &str = "20261121-041412-i8pz";

pub(super) fn state_with(run: &str, file: &[u8]) -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(runs_folder(state.path())).unwrap();
    std::fs::write(journal_path(state.path(), run).unwrap(), file).unwrap();
    state
}

/// Every table with its columns, and every index, in the order of their names.
fn tables(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT m.name || '.' || c.name || ' ' || c.type FROM sqlite_schema m, pragma_table_info(m.name) c
             UNION ALL SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL
             ORDER BY 1",
        )
        .unwrap();
    let columns = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    columns.map(|column| column.unwrap() + "\n").collect()
}

#[tokio::test]
async fn another_process_goes_on_where_the_first_was_killed() {
    let state = tempfile::tempdir().unwrap();
    let first = Journal::create(state.path(), &header()).unwrap();
    let call_id = first.call(call("1[1001]1", "1001"));
    let intent_id = first.intent(intent(call_id)).await.unwrap();
    drop(first);

    let second = Journal::reopen(state.path(), "01run").unwrap();
    let session = SessionRecord {
        at_ms: 9,
        boot_id: Some("later".to_owned()),
        process: Some(7),
        command_line: vec!["signoff".to_owned(), "resume".to_owned()],
        overridden: vec!["the script".to_owned()],
        ..SessionRecord::default()
    };
    second.session(session.clone());
    let again = second.call(CallRecord {
        again: Some(call_id),
        ..call("1[1001]1", "1001")
    });
    let repeated = second.intent(intent(again)).await.unwrap();
    assert_eq!((again, repeated), (CallId(2), IntentId(2)));

    let reader = JournalReader::open(second.path()).unwrap();
    let writes = reader.writes(call_id).unwrap();
    let boots: Vec<_> = writes.iter().map(|write| write.boot_id.as_deref()).collect();
    assert_eq!(boots, [Some("boot"), Some("later")]);
    assert_eq!(reader.open_intents().unwrap().len(), 2);
    second.result(repeated, answered()).await.unwrap();
    second
        .answer(again, outcome("1001", Outcome::Done, None))
        .await
        .unwrap();
    // What is known of the second answers for the first.
    assert_eq!(reader.open_intents().unwrap(), []);
    assert_eq!(reader.writes(call_id).unwrap()[0].id, intent_id);
    let sessions = reader.sessions().unwrap();
    assert_eq!(sessions[1], session);
    assert_eq!(sessions[0].process, Some(std::process::id()));
}

#[tokio::test]
async fn a_run_that_was_taken_up_again_has_not_ended() {
    let state = tempfile::tempdir().unwrap();
    let first = Journal::create(state.path(), &header()).unwrap();
    first.finish(super::end()).await.unwrap();
    drop(first);
    let second = Journal::reopen(state.path(), "01run").unwrap();
    let reader = JournalReader::open(second.path()).unwrap();
    assert_eq!(reader.end().unwrap(), Some(super::end()));
    second.session(SessionRecord::default());
    let call_id = second.call(call("1", "1001"));
    second.intent(intent(call_id)).await.unwrap();
    assert_eq!(reader.end().unwrap(), None);
    second.finish(super::end()).await.unwrap();
    assert_eq!(reader.end().unwrap(), Some(super::end()));
}

#[test]
fn a_file_of_version_1_is_read_as_it_is() {
    let state = state_with(RUN_OF_VERSION_1, VERSION_1);
    let path = journal_path(state.path(), RUN_OF_VERSION_1).unwrap();
    let reader = JournalReader::open(&path).unwrap();
    let header = reader.meta().unwrap();
    assert_eq!((header.run.as_str(), header.approved), (RUN_OF_VERSION_1, None));
    assert_eq!(reader.open_intents().unwrap().len(), 2);
    let mut outcomes = 0;
    reader.standing(|_| outcomes += 1).unwrap();
    assert_eq!(outcomes, 8);
    assert_eq!(reader.sessions().unwrap().len(), 1);
    assert_eq!(reader.end().unwrap(), None);
    let mut calls = 0;
    reader.calls(|_| calls += 1).unwrap();
    assert_eq!(calls, 14);
}

#[tokio::test]
async fn a_file_of_version_1_becomes_one_of_today_when_it_is_written() {
    let state = state_with(RUN_OF_VERSION_1, VERSION_1);
    let journal = Journal::reopen(state.path(), RUN_OF_VERSION_1).unwrap();
    let reader = JournalReader::open(journal.path()).unwrap();
    assert_eq!(reader.open_intents().unwrap().len(), 2);
    assert_eq!(reader.sessions().unwrap().len(), 1);
    let open = reader.open_intents().unwrap().remove(0);
    let again = journal.call(CallRecord {
        again: Some(open.intent.call),
        ..call("x", "x")
    });
    assert_eq!(again, CallId(15));
    journal.intent(intent(again)).await.unwrap();
    assert_eq!(reader.writes(open.intent.call).unwrap().len(), 2);
    drop(reader);
    is_of_today(&state, journal);
}

#[tokio::test]
async fn a_file_of_version_2_becomes_one_of_today_when_it_is_written() {
    let state = state_with(RUN_OF_VERSION_2, VERSION_2);
    let path = journal_path(state.path(), RUN_OF_VERSION_2).unwrap();
    let seen = |reader: &JournalReader| {
        let open = reader.open_intents().unwrap();
        let mut writes = Vec::new();
        reader
            .calls(|call| writes.push(reader.writes(call.call.again.unwrap_or(call.id)).unwrap()))
            .unwrap();
        (open, writes, reader.sessions().unwrap())
    };
    let before = seen(&JournalReader::open(&path).unwrap());
    assert_eq!((before.0.len(), before.1.len(), before.2.len()), (6, 18, 2));
    let journal = Journal::reopen(state.path(), RUN_OF_VERSION_2).unwrap();
    assert_eq!(seen(&JournalReader::open(&path).unwrap()), before);
    is_of_today(&state, journal);
}

/// The file of a journal has what a new one has.
fn is_of_today(state: &tempfile::TempDir, journal: Journal) {
    let path = journal.path().to_owned();
    drop(journal);
    let new = state.path().join("new.sqlite");
    Connection::open(&new).unwrap().execute_batch(TABLES).unwrap();
    assert_eq!(tables(&path), tables(&new));
    let version: i64 = Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, VERSION);
}

/// A run of a million is taken up again in the time of a million such questions.
#[tokio::test]
async fn what_was_sent_for_a_call_is_found_without_going_through_all() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::create(state.path(), &header()).unwrap();
    let connection = Connection::open(journal.path()).unwrap();
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {}", writes_of_call()))
        .unwrap();
    let steps = statement.query_map([1], |row| row.get::<_, String>(3)).unwrap();
    let steps: Vec<String> = steps.map(Result::unwrap).collect();
    let goes_through = |step: &&String| step.starts_with("SCAN") && *step != "SCAN CONSTANT ROW";
    assert_eq!(steps.iter().find(goes_through), None, "{steps:#?}");
}

#[test]
fn a_damaged_file_is_not_gone_on_with() {
    let mut file = VERSION_1.to_vec();
    // Into the page of a table: one further back than the schema.
    file[5 * 4096..7 * 4096].fill(0xAA);
    let state = state_with(RUN_OF_VERSION_1, &file);
    let error = Journal::reopen(state.path(), RUN_OF_VERSION_1).err().unwrap();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error:?}");
    assert!(matches!(
        Journal::reopen(state.path(), "none"),
        Err(JournalError::Missing { .. })
    ));
}

#[test]
fn runs_of_one_second_are_in_the_order_in_which_they_began() {
    let state = tempfile::tempdir().unwrap();
    let ids = [
        "20261121-000001-zzzz",
        "20261121-000001-aaaa",
        "20261120-235959-mmmm",
    ];
    for (run, created_ms) in ids.into_iter().zip([1_000, 1_001, 500]) {
        let header = RunHeader {
            run: run.to_owned(),
            created_ms,
            ..header()
        };
        drop(Journal::create(state.path(), &header).unwrap());
    }
    assert_eq!(runs(state.path()).unwrap(), [ids[2], ids[0], ids[1]]);
}

#[cfg(target_os = "linux")]
#[test]
fn of_a_run_that_could_not_begin_nothing_is_left() {
    let state = tempfile::tempdir().unwrap();
    let folder = runs_folder(state.path());
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.join("01run.lock")).unwrap();
    assert!(Journal::create(state.path(), &header()).is_err());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_run_is_found_by_as_little_of_its_name_as_will_do() {
    let state = tempfile::tempdir().unwrap();
    assert_eq!(find_run(state.path(), "x").unwrap(), RunName::None);
    let state = state_with("20261121-000001-abcd", b"");
    for run in ["20261121-000002-abxy", "20261122-000001-20qq"] {
        std::fs::write(journal_path(state.path(), run).unwrap(), "").unwrap();
    }
    let found = |name: &str| match find_run(state.path(), name).unwrap() {
        RunName::Run(run) => run,
        RunName::None => "none".to_owned(),
        RunName::Several(runs) => runs.join(" "),
    };
    let names = [
        "20261122",
        "abc",
        "ab",
        "20",
        "20q",
        "",
        "20261121-000001-abcd",
        "z",
    ];
    let told: Vec<String> = names
        .iter()
        .map(|name| format!("{name:?}: {}\n", found(name)))
        .collect();
    expect![[r#"
        "20261122": 20261122-000001-20qq
        "abc": 20261121-000001-abcd
        "ab": 20261121-000001-abcd 20261121-000002-abxy
        "20": 20261121-000001-abcd 20261121-000002-abxy 20261122-000001-20qq
        "20q": 20261122-000001-20qq
        "": none
        "20261121-000001-abcd": 20261121-000001-abcd
        "z": none
    "#]]
    .assert_eq(&told.concat());
}
