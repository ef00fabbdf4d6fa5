//! A supervisor's team is logged out: everybody, nobody twice, nobody cut off, the supervisor staying.

use std::time::Duration;

use serde_json::json;
use signoff_sandbox::{Population, Settings, State, User};

use crate::support::{PASSWORD, Site, script};

#[test]
fn a_team_is_logged_out_and_the_supervisor_stays() {
    let site = Site::new(Population::mixed(40, 3));
    let ended = site.log_team_out(&["--yes"]).exits(0);
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
    let lines = ended.lines();
    assert_eq!(lines[0]["event"], "run");
    assert_eq!(lines[0]["plan"], false);
    for line in ended.outcomes() {
        let user = line["user"].as_str().unwrap();
        assert_eq!(line["connection"], "site");
        assert_eq!(line["provider"], "finesse");
        if user == "supervisor" {
            assert_eq!(
                (&line["outcome"], &line["code"]),
                (&json!("skipped"), &json!("acting_user"))
            );
        } else {
            assert_eq!(
                (&line["outcome"], &line["confirmed_by"]),
                (&json!("done"), &json!("status")),
                "{line}"
            );
            assert_eq!(line["attempts"], 1);
        }
    }
    let summary = ended.summary();
    assert_eq!(summary["status"], "completed");
    let total = ended.outcomes().len();
    assert_eq!(summary["total"], total);
    assert_eq!(summary["counts"], json!({ "done": total - 1, "skipped": 1 }));
    for user in ended.outcomes() {
        let logouts = site.sandbox.ledger().logouts_of(user["user"].as_str().unwrap());
        assert!(logouts.requested <= 1, "{user}: {logouts:?}");
    }
}

#[test]
fn live_calls_are_left_alone() {
    let call = |id: &str, ms| User::agent(id, "1").on_call(State::Talking, Duration::from_millis(ms));
    let population = Population::team(2)
        .with(call("short", 700))
        .with(call("long", 60_000));
    let site = Site::new(population);
    let ended = site.log_team_out(&["--yes", "--set", "wait=2s"]).exits(1);
    assert_eq!(ended.outcome("short")["outcome"], "done");
    assert_eq!(ended.outcome("long")["outcome"], "busy");
    assert_eq!(ended.outcome("long")["attempts"], 0);
    assert_eq!(site.sandbox.state_of("long"), Some(State::Talking));
    let cut: Vec<_> = site
        .sandbox
        .ledger()
        .effects()
        .into_iter()
        .filter(|effect| effect.to == State::Logout)
        .collect();
    assert!(cut.iter().all(|effect| effect.from != State::Talking), "{cut:?}");
}

#[test]
fn a_run_that_takes_too_long_is_left_unfinished() {
    let call = User::agent("long", "1").on_call(State::Talking, Duration::from_secs(60));
    let site = Site::new(Population::team(2).with(call));
    let text = std::fs::read_to_string(site.path("signoff.toml")).unwrap();
    site.write("signoff.toml", &format!("{text}\n[limits]\nrun_time = \"2s\"\n"));
    let ended = site.log_team_out(&["--yes"]).exits(5);
    assert_eq!(ended.summary()["status"], "stopped");
    assert_eq!(ended.outcome("10001")["outcome"], "done");
    assert_eq!(ended.outcome("long")["outcome"], "cancelled");
    assert_eq!(site.sandbox.state_of("long"), Some(State::Talking));
}

#[test]
fn a_mistake_that_a_script_swallows_does_not_pass_for_success() {
    let site = Site::new(Population::team(1));
    let code = "local signoff = require('@signoff')\n\
        return signoff.workflow({ run = function()\n\
        local site = signoff.connect('site')\n\
        return signoff.each({ '10001' }, function(agent)\n\
        pcall(function() return site:logout(agent, { when = 'soon' }) end) end) end })";
    let path = site.write("swallows.luau", code);
    let ended = site
        .signoff(&["run", &path, "--yes", "--format", "json"])
        .exits(5);
    assert_eq!(ended.outcome("10001")["outcome"], "cancelled");
    assert_eq!(ended.outcome("10001")["code"], "error");
}

#[test]
fn a_plan_sends_no_write_and_says_what_it_would_do() {
    let population = Population::team(3)
        .with(User::agent("busy", "1").on_call(State::Hold, Duration::from_secs(60)))
        .with(User::agent("out", "1").state(State::Logout));
    let site = Site::new(population);
    let ended = site.log_team_out(&["--plan"]).exits(0);
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
    assert!(
        ended.elapsed < Duration::from_secs(5),
        "a plan waits for nobody: {:?}",
        ended.elapsed
    );
    assert_eq!(ended.lines()[0]["plan"], true);
    assert_eq!(ended.outcome("10001")["outcome"], "planned");
    assert_eq!(ended.outcome("busy")["outcome"], "planned");
    assert_eq!(ended.outcome("busy")["message"], "after the current call");
    assert_eq!(ended.summary()["counts"], json!({ "planned": 4, "skipped": 1 }));
}

#[test]
fn a_wrong_password_costs_one_request() {
    for arguments in [&["--yes"][..], &[]] {
        let site = Site::new(Population::team(30)).password("not the password");
        let ended = site.log_team_out(arguments).exits(4);
        let refused = site
            .sandbox
            .ledger()
            .count_where(|request| request.actor.is_some());
        let runs = if arguments.is_empty() { 2 } else { 1 };
        assert!(refused <= runs, "{refused} requests with {arguments:?}");
        assert_eq!(ended.summary()["total"], 0);
        assert!(!ended.stdout.contains("not the password") && !ended.stderr.contains("not the password"));
    }
    let site = Site::new(Population::team(30)).password("not the password");
    let users: Vec<String> = (10_001..10_031).map(|id| id.to_string()).collect();
    let mut arguments = vec!["logout", "site", "--yes", "--format", "json"];
    arguments.extend(users.iter().map(String::as_str));
    let ended = site.signoff(&arguments).exits(4);
    assert_eq!(site.sandbox.ledger().count("GET", "/"), 1);
    assert_eq!(ended.outcomes().len(), 30);
    assert!(!site.sandbox.is_locked("supervisor"));
}

#[test]
fn resets_and_unavailability_leave_nobody_in_and_nobody_logged_out_twice() {
    let site = Site::new(Population::mixed(60, 5));
    for fault in ["reset_before=0.05", "reset_after=0.05", "unavailable=0.1"] {
        site.fault(fault);
    }
    let ended = site.log_team_out(&["--yes"]).exits(0);
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
    for line in ended.outcomes() {
        let logouts = site.sandbox.ledger().logouts_of(line["user"].as_str().unwrap());
        assert!(
            logouts.applied <= 1 && logouts.accepted <= 1,
            "{line}: {logouts:?}"
        );
    }
}

#[test]
fn a_server_that_accepts_and_never_applies_convinces_nobody() {
    let site = Site::new(Population::team(5));
    site.fault("never_apply");
    let code = "local signoff = require('@signoff')\n\
        return signoff.workflow({ run = function()\n\
        local site = signoff.connect('site')\n\
        return signoff.each(site:roster({ signed_in = true }), function(agent)\n\
        return site:logout(agent, { confirm_within = '2s' }) end) end })";
    let path = site.write("quick.luau", code);
    let ended = site
        .signoff(&["run", &path, "--yes", "--format", "json"])
        .exits(1);
    assert_eq!(ended.summary()["counts"], json!({ "accepted": 5, "skipped": 1 }));
    for id in 10_001..=10_005 {
        assert_eq!(site.sandbox.ledger().logouts_of(&id.to_string()).requested, 1);
    }
}

#[test]
fn a_pending_logout_is_told_apart() {
    let population =
        Population::team(0).with(User::agent("talks", "1").on_call(State::Talking, Duration::from_secs(60)));
    let site = Site::new(population);
    site.fault("talking=pending");
    let options = ["-o", "when=now", "-o", "confirm_within=2s"];
    let ended = site
        .signoff(&[&["logout", "site", "talks", "--format", "json"][..], &options].concat())
        .exits(1);
    assert_eq!(ended.outcome("talks")["outcome"], "pending");
}

#[test]
fn an_agent_signs_himself_out() {
    let population = Population::team(0).with(User::agent("agentA", "1").state(State::NotReady));
    let site = Site::new(population).password("agentA-password");
    site.configure_as("agentA", "");
    let script = script("agent_signs_out.luau");
    let ended = site
        .signoff(&["run", &script, "--yes", "--format", "json"])
        .exits(0);
    assert_eq!(ended.outcome("agentA")["outcome"], "done");
    assert_eq!(site.sandbox.state_of("agentA"), Some(State::Logout));
    let again = site
        .signoff(&["run", &script, "--yes", "--format", "json"])
        .exits(0);
    assert_eq!(again.outcome("agentA")["outcome"], "already");
}

#[test]
fn exempt_users_are_never_touched() {
    let site = Site::new(Population::team(3));
    site.configure("");
    let text = std::fs::read_to_string(site.path("signoff.toml")).unwrap();
    site.write(
        "signoff.toml",
        &format!("{text}\n[limits]\nexempt = [\"SITE:10002\"]\n"),
    );
    let ended = site.log_team_out(&["--yes"]).exits(0);
    assert_eq!(ended.outcome("10002")["code"], "exempt");
    assert_eq!(site.sandbox.state_of("10002"), Some(State::Ready));
    assert_eq!(site.sandbox.state_of("10001"), Some(State::Logout));
}

#[test]
fn more_than_the_threshold_wants_a_yes() {
    let site = Site::new(Population::team(30));
    let ended = site.log_team_out(&[]).exits(2);
    assert!(
        ended.stderr.contains("30 users") && ended.stderr.contains("--yes"),
        "{}",
        ended.stderr
    );
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
}

#[test]
fn the_embedded_sandbox_is_enough_to_see_it_work() {
    let site = Site::with(Settings::with(Population::team(0)));
    let script = script("supervisor_logs_out_team.luau");
    let ended = site
        .run(&["run", &script, "--sandbox", "--format", "json"])
        .exits(0);
    assert_eq!(ended.summary()["status"], "completed");
    assert!(
        ended.summary()["counts"]["done"].as_u64().unwrap() >= 10,
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains(PASSWORD));
}
