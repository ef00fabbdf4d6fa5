//! A process that is killed while it writes: what it was told is on disk.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use signoff_core::Outcome;

use super::super::{Journal, JournalReader, journal_path};
use super::{answered, call, header, intent, outcome};

const STATE: &str = "SIGNOFF_TEST_STATE";

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    for lines in [1, 50, 400] {
        let state = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "journal::tests::crash::a_process_to_be_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(STATE, state.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.starts_with("intent ") || line.starts_with("answer "));
        let mut acknowledged: Vec<String> = told.by_ref().take(lines).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        // The last may be cut off by the kill.
        acknowledged.extend(told.filter(|line| line.ends_with('.')));
        assert!(acknowledged.len() >= lines);
        check(state.path(), &acknowledged);
    }
}

fn check(state: &Path, acknowledged: &[String]) {
    let reader = JournalReader::open(&journal_path(state, "01run").unwrap()).unwrap();
    let (mut calls, mut answers) = (0, Vec::new());
    reader
        .calls(|call| {
            calls += 1;
            assert_eq!(
                call.id.0, calls,
                "what is on disk is a beginning of what happened"
            );
            answers.extend(call.answer.map(|_| call.id.0));
        })
        .unwrap();
    let intents: Vec<i64> = reader
        .open_intents()
        .unwrap()
        .iter()
        .map(|open| open.id.0)
        .collect();
    for line in acknowledged {
        let (kind, number) = line.trim_end_matches('.').split_once(' ').unwrap();
        let number: i64 = number.parse().unwrap();
        assert!(
            answers.contains(&number) || (kind == "intent" && intents.contains(&number)),
            "{line} is lost; {} answers, open: {intents:?}",
            answers.len()
        );
    }
    // One call at a time: no more than that can be in doubt.
    assert!(intents.len() <= 1, "{intents:?}");
}

#[tokio::test]
#[ignore = "the process that another test kills"]
async fn a_process_to_be_killed() {
    let Some(state) = std::env::var_os(STATE) else {
        return;
    };
    let journal = Journal::create(Path::new(&state), &header()).unwrap();
    let mut stdout = std::io::stdout();
    loop {
        let call_id = journal.call(call("1", "1001"));
        let intent_id = journal.intent(intent(call_id)).await.unwrap();
        writeln!(stdout, "intent {}.", intent_id.0).unwrap();
        journal.result_later(intent_id, answered());
        journal
            .answer(call_id, outcome("1001", Outcome::Done, None))
            .await
            .unwrap();
        writeln!(stdout, "answer {}.", call_id.0).unwrap();
    }
}
