//! Runs in short, and people in full.

use signoff_core::{Field, Record};

use super::super::{Moment, Standing, overview};
use super::*;

fn enters(connection: Option<&str>, user: &str, gone: bool) -> ScopeRecord {
    ScopeRecord {
        connection: connection.map(Arc::from),
        user: user.to_owned(),
        name: None,
        gone,
    }
}

#[tokio::test]
async fn a_run_that_goes_on_is_counted_by_everybodys_last_outcome() {
    let (state, journal) = journal();
    for record in [
        enters(None, "1001", false),
        enters(Some("finesse-prod"), "1001", false),
        enters(Some("other"), "1001", false),
        enters(None, "1002", false),
        enters(None, "a name", false),
        enters(None, "a name", true),
    ] {
        journal.scope(record);
    }
    let first = journal.call(call("1[1001]1", "1001"));
    journal
        .answer(first, outcome("1001", Outcome::Busy, None))
        .await
        .unwrap();
    let second = journal.call(call("1[1001]2", "1001"));
    journal
        .answer(second, outcome("1001", Outcome::Done, None))
        .await
        .unwrap();
    let third = journal.call(call("1[1002]1", "1002"));
    journal.intent(intent(third)).await.unwrap();
    let seen = overview(state.path(), "01run").unwrap();
    assert!(
        matches!(seen.standing, Standing::Running(Some(_))),
        "{:?}",
        seen.standing
    );
    assert_eq!((seen.total, seen.in_doubt, seen.is_script), (3, 1, true));
    assert_eq!(seen.counts, BTreeMap::from([(Outcome::Done, 1)]));
    drop(journal);
    let seen = overview(state.path(), "01run").unwrap();
    assert_eq!(seen.standing, Standing::BrokenOff);
    let doubts = JournalReader::open(&super::super::journal_path(state.path(), "01run").unwrap())
        .unwrap()
        .doubts()
        .unwrap();
    assert_eq!(
        (doubts.len(), doubts[0].user.as_str(), doubts[0].sent),
        (1, "1002", false)
    );
}

#[tokio::test]
async fn reading_a_finished_run_leaves_nothing_beside_it() {
    let (state, journal) = journal();
    journal.finish(end()).await.unwrap();
    drop(journal);
    let seen = overview(state.path(), "01run").unwrap();
    assert_eq!(seen.standing, Standing::Ended(end()));
    assert_eq!((seen.total, seen.counts.len()), (2, 2));
    let files = std::fs::read_dir(runs_folder(state.path())).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["01run.lock", "01run.sqlite"]);
}

#[tokio::test]
async fn a_story_has_what_was_listed_asked_sent_and_answered_about_one_person() {
    let (_state, journal) = journal();
    let list = journal.call(CallRecord {
        kind: CallKind::Read,
        user: None,
        ..call("1", "")
    });
    let record = |id: &str| Record {
        id: id.to_owned(),
        attributes: vec![Field::new("state", "READY")],
    };
    let listed = AnswerRecord {
        at_ms: 1,
        answer: RecordedAnswer::Records(Arc::new(vec![record("1001"), record("1002")])),
        is_final: true,
    };
    journal.answer(list, listed).await.unwrap();
    for user in ["1001", "1002"] {
        let call = journal.call(call(&format!("2[{user}]1"), user));
        let intent = journal.intent(intent(call)).await.unwrap();
        journal.result(intent, answered()).await.unwrap();
        journal.exchange(ExchangeRecord {
            call,
            at_ms: answered().at_ms,
            sent_ms: Some(answered().at_ms),
            request: Some(format!("PUT /User/{user}")),
            body: "<User/>".to_owned(),
            http_status: Some(202),
            answer: String::new(),
        });
        journal
            .answer(call, outcome(user, Outcome::Done, None))
            .await
            .unwrap();
    }
    let story = reader(&journal).story("1002").unwrap();
    let kinds: Vec<&str> = story
        .iter()
        .map(|moment| match moment {
            Moment::Listed { record, .. } if record.id == "1002" => "listed",
            Moment::Asked { call, .. } if call.user.as_deref() == Some("1002") => "asked",
            Moment::Sent(_) => "sent",
            Moment::Settled { .. } => "settled",
            Moment::Exchanged(exchange) if exchange.request.as_deref() == Some("PUT /User/1002") => {
                "exchanged"
            }
            Moment::Given { answer, .. } if answer.outcome() == Some(Outcome::Done) => "given",
            _ => "of somebody else",
        })
        .collect();
    assert_eq!(
        kinds,
        ["listed", "asked", "sent", "exchanged", "settled", "given"]
    );
    assert_eq!(reader(&journal).story("1003").unwrap(), []);
}

#[test]
fn a_run_of_version_1_is_listed() {
    let state = reopen::state_with(reopen::RUN_OF_VERSION_1, reopen::VERSION_1);
    let seen = overview(state.path(), reopen::RUN_OF_VERSION_1).unwrap();
    assert_eq!(seen.standing, Standing::BrokenOff);
    assert!(
        seen.total > 0 && seen.in_doubt > 0 && !seen.connections.is_empty(),
        "{seen:?}"
    );
}
