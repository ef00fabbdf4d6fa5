//! A logout that was under way when the process was killed: what the vendor says of the user decides, and time.

use std::time::Duration;

use serde_json::json;
use signoff_sandbox::{Population, State, User};

use super::{nobody_was_logged_out_twice, puts, resume, told};
use crate::support::{Ended, Site};

/// A run that is killed while the logouts of 10001 and 10002 are on their way. `fault` says what becomes of those.
fn killed(fault: &str) -> Site {
    killed_on(Population::team(2), &[fault], &["-o", "confirm=status"])
}

fn killed_on(population: Population, faults: &[&str], options: &[&str]) -> Site {
    let site = Site::new(population);
    for fault in faults {
        site.fault(fault);
    }
    let arguments = [&["logout", "site", "10001", "10002"], options].concat();
    let mut running = site.begin(&arguments);
    running.until(|| puts(&site) >= 2);
    running.kill();
    site.sandbox.clear_faults();
    site
}

/// Lets it be an hour since the logouts were sent.
fn an_hour_passes(site: &Site) {
    let runs = std::fs::read_dir(site.path("state").join("runs")).unwrap();
    let mut files = runs.flatten().map(|file| file.path());
    let journal = files.find(|path| path.extension().is_some_and(|ending| ending == "sqlite"));
    let journal = rusqlite::Connection::open(journal.unwrap()).unwrap();
    let moved = journal.execute(
        "UPDATE intent SET at = at - 3600000, uptime = uptime - 3600000",
        [],
    );
    assert_eq!(moved.unwrap(), 2);
}

fn outcome(ended: &Ended, user: &str) -> serde_json::Value {
    let line = ended.outcome(user);
    json!([line["outcome"], line["code"], line["attempts"], line["repeated"]])
}

#[test]
fn what_was_applied_is_done_and_what_was_not_is_repeated() {
    let site = killed("hang_before@PUT/finesse/api/User/10001");
    let before = puts(&site);
    let ended = resume(&site, &[]).exits(0);
    assert_eq!(outcome(&ended, "10001"), json!(["done", null, 2, true]));
    assert_eq!(outcome(&ended, "10002"), json!(["done", null, 1, false]));
    assert_eq!(puts(&site), before + 1);
    nobody_was_logged_out_twice(&site, told(&ended).into_keys());
}

#[test]
fn nothing_is_decided_before_the_logout_can_no_longer_be_on_its_way() {
    // It comes to the vendor after the kill, and takes effect later still.
    let site = killed("lag=900ms@PUT");
    let before = puts(&site);
    let ended = resume(&site, &[]).exits(0);
    assert!(ended.elapsed >= Duration::from_millis(300), "{:?}", ended.elapsed);
    assert_eq!(outcome(&ended, "10001"), json!(["done", null, 1, false]));
    assert_eq!(puts(&site), before);
    nobody_was_logged_out_twice(&site, told(&ended).into_keys());
}

#[test]
fn a_state_that_is_newer_is_the_same_session_for_two_minutes() {
    let site = killed("hang_before@PUT");
    site.sandbox.set_state("10001", State::NotReady);
    let ended = resume(&site, &[]).exits(0);
    assert_eq!(outcome(&ended, "10001"), json!(["done", null, 2, true]));
    assert_eq!(site.sandbox.ledger().logouts_of("10001").applied, 1);
}

#[test]
fn who_signed_in_again_later_is_not_logged_out() {
    let site = killed("hang_after@PUT");
    an_hour_passes(&site);
    site.sandbox.set_state("10001", State::Ready);
    let before = puts(&site);
    let ended = resume(&site, &[]).exits(1);
    assert_eq!(
        outcome(&ended, "10001"),
        json!(["unknown", "maybe_signed_in_again", 1, false])
    );
    assert_eq!(outcome(&ended, "10002"), json!(["done", null, 1, false]));
    assert_eq!(puts(&site), before);
    assert_eq!(site.sandbox.state_of("10001"), Some(State::Ready));
    // The run is finished, unless somebody decides otherwise.
    let run = ended.lines()[0]["run"].as_str().unwrap().to_owned();
    resume(&site, &[&run]).exits(1);
    assert_eq!(puts(&site), before);
    // Left in doubt, it can still be settled.
    let ended = resume(&site, &["--in-doubt", "skip"]).exits(5);
    assert_eq!(outcome(&ended, "10001")[0], "unknown");
    assert_eq!(puts(&site), before);
    let ended = resume(&site, &[&run, "--in-doubt", "repeat"]).exits(0);
    assert_eq!(outcome(&ended, "10001"), json!(["done", null, 2, true]));
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
}

#[test]
fn a_logout_that_waits_for_the_end_of_a_call_was_received() {
    let talks = |id: &str| User::agent(id, "1").on_call(State::Talking, Duration::from_secs(60));
    let population = Population::team(0).with(talks("10001")).with(talks("10002"));
    let site = killed_on(
        population,
        &["talking=pending", "hang_after@PUT"],
        &["-o", "when=now", "-o", "confirm_within=1s"],
    );
    let before = puts(&site);
    let ended = resume(&site, &[]).exits(1);
    assert_eq!(puts(&site), before);
    assert_eq!(
        outcome(&ended, "10001"),
        json!(["pending", "pending_logout", 1, false])
    );
}

#[test]
fn who_is_exempt_by_now_is_left_alone_and_his_doubt_is_told() {
    let site = killed("hang_before@PUT");
    let config = std::fs::read_to_string(site.path("signoff.toml")).unwrap();
    site.write(
        "signoff.toml",
        &format!("{config}\n[limits]\nexempt = [\"site:10001\"]\n"),
    );
    let ended = resume(&site, &[]).exits(5);
    assert_eq!(outcome(&ended, "10001"), json!(["unknown", "exempt", 1, false]));
    assert_eq!(outcome(&ended, "10002"), json!(["done", null, 2, true]));
    assert_eq!(site.sandbox.state_of("10001"), Some(State::Ready));
}

/// The vendor answers again, so that it can be told: the exit code said that the run can go on, and it does.
#[test]
fn what_a_run_leaves_in_doubt_is_settled_by_resume() {
    let site = Site::new(Population::team(1));
    site.fault("hang_after@PUT");
    let mut running = site.begin(&["logout", "site", "10001", "-o", "confirm=status"]);
    running.until(|| puts(&site) >= 1);
    site.fault("error_500@GET");
    let ended = running.wait().exits(5);
    assert!(ended.stdout.contains("1 unknown"), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("to go on: signoff resume"),
        "{}",
        ended.stderr
    );
    let shown = site.run(&["show"]).exits(0);
    for words in [
        "1 user: 1 unknown",
        "1 unknown: 10001 (Agent 10001)",
        "10001 on site: logout sent at ",
        "goes on with it",
    ] {
        assert!(shown.printed().contains(words), "{}", shown.printed());
    }
    site.sandbox.clear_faults();
    let before = puts(&site);
    let ended = resume(&site, &[]).exits(0);
    assert_eq!(outcome(&ended, "10001"), json!(["done", null, 1, false]));
    assert_eq!(puts(&site), before);
    nobody_was_logged_out_twice(&site, told(&ended).into_keys());
}
