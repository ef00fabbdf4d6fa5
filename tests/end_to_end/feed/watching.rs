//! Whoever watches, a person or a script: what happens is told, and what a gap hid is read.

use std::time::Duration;

use signoff_sandbox::{Fault, Population, State};

use super::site;
use crate::support::Site;

/// What a vendor sends is shown, and does nothing to a terminal or to a program that reads lines.
#[test]
fn hostile_notifications_are_shown_as_text() {
    let site = site(1);
    let mut running = site.begin_with_configuration(&["watch-feed", "site", "--team", "1"]);
    running.until(|| !site.sandbox.feed_subscriptions().is_empty());
    let node = "/finesse/api/Team/1/Users";
    for payload in [
        "<Update>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><Update>&b;</Update>",
        "<Update><data><user><loginId>O'Neil &amp; \u{202e}Co&#x9b;31m</loginId><state>A\nB</state></user></data></Update>",
    ] {
        site.sandbox.publish(node, payload);
    }
    running.until(|| site.sandbox.ledger().feed().events >= 3);
    std::thread::sleep(Duration::from_millis(100));
    running.signal("INT");
    let ended = running.wait().exits(0);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("O'Neil & "), "{}", ended.stdout);
    assert!(!ended.stdout.contains(['\u{202e}', '\u{9b}']), "{}", ended.stdout);
}

/// What happens in a gap is not told afterwards, so it is read.
#[test]
fn what_happened_in_a_gap_is_shown_after_it() {
    let site = site(3);
    let mut running = site.begin_with_configuration(&["watch-feed", "site", "--format", "json"]);
    let told = || std::fs::read_to_string(site.path("stdout")).unwrap();
    running.until(|| site.sandbox.ledger().count("GET", "/finesse/api/Team/1") > 0);
    site.sandbox.set_fault(Fault::parse("feed_close").unwrap());
    site.sandbox.set_state("10002", State::NotReady);
    running.until(|| told().contains("gap"));
    site.sandbox.clear_faults();
    running.until(|| told().contains("change"));
    running.signal("INT");
    let ended = running.wait().exits(0);
    let lines = ended.lines();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["listening", "gap", "listening", "change"]);
    let change = &lines[3];
    assert_eq!(
        (&change["user"], &change["state"], &change["seen_by"]),
        (&"10002".into(), &"NOT_READY".into(), &"status".into()),
        "{change}"
    );
}

/// He who is waited for reaches his state while nobody listens.
#[test]
fn who_is_waited_for_is_looked_at_after_a_gap() {
    let site = site(2);
    let script = site.write(
        "waits.luau",
        r#"
        local signoff = require("@signoff")
        return signoff.workflow({
            args = { connection = signoff.arg.connection("finesse") },
            run = function(args)
                local finesse = signoff.connect(args.connection)
                local row = finesse:wait_for({ user = "10001", state = "not_ready", within = "60s" })
                signoff.log("warn", `he is {row and row.state}`)
            end,
        })
        "#,
    );
    let mut running = site.begin_with_configuration(&["run", &script]);
    running.until(|| !site.sandbox.feed_subscriptions().is_empty());
    // Once it is quiet his state is read again; from then on only an event tells of him.
    running.until(|| site.sandbox.ledger().count("GET", "/finesse/api/Team/1") > 1);
    site.sandbox.set_fault(Fault::parse("feed_close").unwrap());
    site.sandbox.set_state("10001", State::NotReady);
    let told = || std::fs::read_to_string(site.path("stderr")).unwrap();
    running.until(|| told().contains("the feed was lost"));
    site.sandbox.clear_faults();
    let ended = running.wait().exits(0);
    assert!(ended.stderr.contains("he is NOT_READY"), "{}", ended.stderr);
    assert!(ended.elapsed < Duration::from_secs(50), "{:?}", ended.elapsed);
}

#[test]
fn watching_ends_when_nobody_reads_any_more() {
    let site = site(2);
    let config = site.path("signoff.toml");
    let mut watching = site.command(&["--config", config.to_str().unwrap(), "watch-feed", "site"], "");
    let mut watching = watching.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(watching.stdout.take());
    let began = std::time::Instant::now();
    let code = loop {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not end");
        for state in [State::NotReady, State::Ready] {
            site.sandbox.set_state("10001", state);
        }
        if let Some(status) = watching.try_wait().unwrap() {
            break status.code();
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(code, Some(0));
}

#[test]
fn watching_shows_what_happens_until_somebody_ends_it() {
    let site = site(2);
    let mut running = site.begin_with_configuration(&["watch-feed", "site", "--format", "json"]);
    running.until(|| !site.sandbox.feed_subscriptions().is_empty());
    site.sandbox.set_state("10001", State::NotReady);
    running.until(|| site.sandbox.ledger().feed().events > 0);
    std::thread::sleep(Duration::from_millis(50));
    running.signal("INT");
    let ended = running.wait().exits(0);
    let lines = ended.lines();
    assert_eq!(lines[0]["event"], "listening");
    let change = &lines[1];
    assert_eq!(
        (&change["event"], &change["user"], &change["state"]),
        (&"change".into(), &"10001".into(), &"NOT_READY".into()),
        "{change}"
    );
    assert_eq!(site.sandbox.feed_subscriptions(), []);
}

#[test]
fn nobody_may_watch_as_a_supervisor_who_is_signed_in() {
    let site = Site::new(Population::team(1));
    let ended = site.signoff(&["watch-feed", "site"]).exits(3);
    assert!(
        ended.stderr.contains("`supervisor` is signed in"),
        "{}",
        ended.stderr
    );
}

#[test]
fn scripts_listen_and_wait() {
    let site = site(3);
    let script = site.write(
        "listens.luau",
        r#"
        local signoff = require("@signoff")
        return signoff.workflow({
            args = { connection = signoff.arg.connection("finesse") },
            run = function(args)
                local finesse = signoff.connect(args.connection)
                local events = finesse:events({ team = "1", within = "20s" })
                finesse:logout("10001", { confirm = "accepted" })
                for event in events do
                    if event.id == "10001" and event.state == "LOGOUT" then
                        signoff.log("warn", `heard of {event.id}`)
                        break
                    end
                end
                finesse:logout("10002", { confirm = "accepted" })
                local row = finesse:wait_for({ user = "10002", state = "LOGOUT", within = "20s" })
                signoff.log("warn", if row then `saw {row.id} in {row.state}` else "planned")
                local none = finesse:wait_for({ user = "10003", state = "LOGOUT", within = "200ms" })
                signoff.log("warn", `and of 10003 {none}`)
            end,
        })
        "#,
    );
    let ended = site.signoff(&["run", &script, "--yes"]).exits(0);
    for line in ["heard of 10001", "saw 10002 in LOGOUT", "and of 10003 nil"] {
        assert!(ended.stderr.contains(line), "{line}: {}", ended.stderr);
    }
    assert_eq!(site.sandbox.feed_subscriptions(), []);
}

/// What was heard is heard again from the journal, and nobody listens for it a second time.
#[test]
fn a_run_that_is_taken_up_again_has_heard_what_it_heard() {
    let site = site(2);
    let script = site.write(
        "hears.luau",
        r#"
        local signoff = require("@signoff")
        return signoff.workflow({
            args = { connection = signoff.arg.connection("finesse") },
            run = function(args)
                local finesse = signoff.connect(args.connection)
                local next_event = finesse:events({ team = "1", within = "20s" })
                finesse:logout("10001", { confirm = "accepted" })
                local event = next_event()
                signoff.log("warn", `heard of {event.id}`)
                signoff.sleep("500ms")
                finesse:logout("10002")
            end,
        })
        "#,
    );
    let mut running = site.begin_with_configuration(&["run", &script, "--yes"]);
    let told = site.path("stderr");
    running.until(|| std::fs::read_to_string(&told).is_ok_and(|text| text.contains("heard of 10001")));
    running.kill();
    let sessions = site.sandbox.ledger().feed().sessions;
    let ended = site.signoff(&["resume", "--format", "json"]).exits(0);
    // Had it heard nothing, `event.id` would have failed the script. The line itself is told again only where the
    // kill came before it was in the journal.
    assert_eq!(ended.outcome("10002")["confirmed_by"], "event");
    assert_eq!(site.sandbox.ledger().logouts_of("10001").requested, 1);
    // One for the logout that was still to be done.
    assert_eq!(site.sandbox.ledger().feed().sessions, sessions + 1);
    assert_eq!(site.sandbox.feed_subscriptions(), []);
}
