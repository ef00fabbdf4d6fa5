//! Labs from their first page to their last: folders of pages, with all that the labs ask for.

use signoff_sandbox::State;

use super::Lab;
use crate::support::repository;

fn pages(name: &str) -> String {
    let folder = repository().join("crates/replay/tests/pages").join(name);
    folder.to_string_lossy().into_owned()
}

#[test]
fn an_agent_from_signing_in_to_signing_out() {
    let lab = Lab::new();
    let ended = lab
        .replay(&[&pages("agent_lab"), "--yes", "--format", "json"])
        .exits(0);
    let summary = ended.summary();
    assert_eq!(summary["steps"], 8);
    assert_eq!(summary["expectations"], 19);
    assert_eq!(summary["held"], 19, "{}", ended.stdout);
    let ledger = lab.0.sandbox.ledger();
    let changes: Vec<String> = ledger
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT")
        .map(|request| request.path)
        .collect();
    assert_eq!(changes, ["/finesse/api/User/agentB"; 4]);
    assert_eq!(ledger.logouts_of("agentB").applied, 1);
}

#[test]
fn a_supervisor_and_the_notifications_of_a_team() {
    let lab = Lab::new();
    // What a person would do in the desktop in steps 6 and 7.
    assert!(lab.0.sandbox.set_state("agentA", State::Ready));
    let ended = lab
        .replay(&[&pages("supervisor_lab"), "--yes", "--format", "json"])
        .exits(0);
    let summary = ended.summary();
    assert_eq!(summary["steps"], 14);
    assert_eq!(summary["failed"], 0);
    // Step 7 and the desktop of step 12 are for a person.
    assert_eq!(summary["skipped"], 2);
    assert_eq!(summary["held"], 23, "{}", ended.stdout);
    let expected: Vec<String> = ended
        .lines()
        .into_iter()
        .filter(|line| {
            line["event"] == "expectation" && ["9", "10", "12"].contains(&line["step"].as_str().unwrap())
        })
        .map(|line| {
            format!(
                "{} {} {}",
                line["step"].as_str().unwrap(),
                line["result"].as_str().unwrap(),
                line["expected"].as_str().unwrap()
            )
        })
        .collect();
    expect_test::expect![[r#"
        9 held the feed's confirmation
        9 held the feed's confirmation
        9 held a subscription to /finesse/api/Team/1/Users
        10 held HTTP status 202
        10 held an empty body
        10 held a user notification with <source> /finesse/api/User/agentA and <state> NOT_READY
        12 held HTTP status 202
        12 held an empty body
        12 held no notification
        12 skipped a person sees: You should see that agentA is signed out."#]]
    .assert_eq(&expected.join("\n"));
    assert!(lab.0.sandbox.feed_subscriptions().is_empty());
    assert_eq!(lab.0.sandbox.ledger().logouts_of("agentA").applied, 1);
    assert_eq!(lab.0.sandbox.ledger().logouts_of("supervisorA").applied, 1);
}

#[test]
fn a_person_at_the_terminal_does_what_only_a_person_can() {
    let lab = Lab::new();
    let folder = pages("supervisor_lab");
    let arguments = lab.arguments(&[&folder, "--folder", "3", "--folder", "7"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = lab
        .without_secrets(lab.0.at_terminal(&arguments, "\n\n\n"))
        .exits(0);
    assert!(ended.stdout.contains("✓ no notification"), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("do this, then press Enter"),
        "{}",
        ended.stderr
    );
}
