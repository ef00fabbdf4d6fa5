//! What commands that act print.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};
use signoff_sandbox::{Population, State, User};

use super::*;
use crate::support::{Site, script};

#[test]
fn a_run_is_told_line_by_line() {
    let site = small();
    let script = script("supervisor_logs_out_team.luau");
    check(
        site.run(&["run", &script]),
        0,
        &expect![[r#"
            ✓ done      10001        Ann O'Neil               confirmed by a status read
            - skipped   supervisor   Agent supervisor         acts in this run; `include_self` logs him out too, last

            2 users: 1 logged out, 1 skipped
            completed in N s, run RUN
            ---
            run RUN: REPOSITORY/scripts/supervisor_logs_out_team.luau
            info: connection `site`: no notifications, states are read instead: `supervisor` is signed in (NOT_READY), and Finesse logs out whoever is signed in when his session of notifications ends (reason 255): name another user for them, `feed = { credential = "…" }`
        "#]],
    );
    assert_eq!(journals(&site), 1, "the plan before it was shown to nobody");
    check(
        site.run(&["run", &script, "-q"]),
        0,
        &expect![[r#"
        - skipped   supervisor   Agent supervisor         acts in this run; `include_self` logs him out too, last

        1 user: 1 skipped
        completed in N s, run RUN
    "#]],
    );
}

#[test]
fn a_plan_is_told_in_the_conditional() {
    let population = Population::team(1)
        .with(User::agent("talks", "1").on_call(State::Talking, Duration::from_secs(60)))
        .with(
            User::agent("a-long-id@a-long-domain.example.com", "1")
                .named("Wolfeschlegel", "Steinhausenbergerdorff"),
        );
    let site = Site::new(population);
    let script = script("supervisor_logs_out_team.luau");
    check(
        site.run(&["run", &script, "--plan"]),
        0,
        &expect![[r#"
        - planned   10001        Agent 10001
        - planned   talks        Agent talks              after the current call
        - planned   a-long-id@a-long-domain.example.com Wolfeschlegel Steinhaus…
        - skipped   supervisor                          Agent supervisor         acts in this run; `include_self` logs him out too, last

        4 users: 3 would be logged out, 1 skipped
        planned in N s, run RUN; nothing was changed
        ---
        plan RUN: REPOSITORY/scripts/supervisor_logs_out_team.luau
    "#]],
    );
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
}

#[test]
fn a_run_for_programs() {
    let site = small();
    let ended = site.log_team_out(&[]).exits(0);
    expect![[r#"
        {"event":"run","run":"…","workflow":"supervisor_logs_out_team.luau","plan":false}
        {"event":"outcome","run":"…","connection":"site","provider":"finesse","operation":"logout","user":"10001","name":"Ann O'Neil","outcome":"done","confirmed_by":"status","attempts":1,"repeated":false,"http_status":202,"code":null,"message":null,"request_id":"…","started":"…","ended":"…","details":{"state_before":"READY","since_before":"…","state_after":"LOGOUT","since_after":"…","team":"1"}}
        {"event":"outcome","run":"…","connection":"site","provider":"finesse","operation":"logout","user":"supervisor","name":"Agent supervisor","outcome":"skipped","confirmed_by":null,"attempts":0,"repeated":false,"http_status":null,"code":"acting_user","message":"acts in this run; `include_self` logs him out too, last","request_id":null,"started":"…","ended":"…","details":{}}
        {"event":"summary","run":"…","status":"completed","total":2,"counts":{"done":1,"skipped":1},"elapsed_ms":"…"}
    "#]].assert_eq(&stable(&ended));
    // Why nobody is told by Finesse itself: once, whatever the number of users.
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .starts_with("info: connection `site`: no notifications"),
        "{}",
        ended.stderr
    );
    let site = small();
    let ended = site.log_team_out(&["--plan"]).exits(0);
    expect![[r#"
        {"event":"run","run":"…","workflow":"supervisor_logs_out_team.luau","plan":true}
        {"event":"outcome","run":"…","connection":"site","provider":"finesse","operation":"logout","user":"10001","name":"Ann O'Neil","outcome":"planned","confirmed_by":null,"attempts":0,"repeated":false,"http_status":200,"code":null,"message":null,"request_id":null,"started":"…","ended":"…","details":{"state_before":"READY","since_before":"…","team":"1"}}
        {"event":"outcome","run":"…","connection":"site","provider":"finesse","operation":"logout","user":"supervisor","name":"Agent supervisor","outcome":"skipped","confirmed_by":null,"attempts":0,"repeated":false,"http_status":null,"code":"acting_user","message":"acts in this run; `include_self` logs him out too, last","request_id":null,"started":"…","ended":"…","details":{}}
        {"event":"summary","run":"…","status":"completed","total":2,"counts":{"skipped":1,"planned":1},"elapsed_ms":"…"}
    "#]].assert_eq(&stable(&ended));
}

#[test]
fn one_user_is_logged_out_by_name() {
    let site = small();
    check(
        site.run(&["logout", "site", "10001"]),
        0,
        &expect![[r#"
            ✓ done      10001        Ann O'Neil               confirmed by a status read

            1 user: 1 logged out
            completed in N s, run RUN
            ---
            run RUN: logout
            info: connection `site`: no notifications, states are read instead: `supervisor` is signed in (NOT_READY), and Finesse logs out whoever is signed in when his session of notifications ends (reason 255): name another user for them, `feed = { credential = "…" }`
        "#]],
    );
    check(
        site.run(&["logout", "site", "10001"]),
        0,
        &expect![[r#"
        ✓ already   10001        Ann O'Neil

        1 user: 1 already out
        completed in N s, run RUN
        ---
        run RUN: logout
    "#]],
    );
    assert_eq!(site.sandbox.ledger().logouts_of("10001").requested, 1);
    assert_eq!(journals(&site), 2, "so few need no plan");
}

#[test]
fn a_team_is_logged_out_and_the_supervisor_last_if_he_wants() {
    let site = small();
    let arguments = ["logout", "site", "--team", "1", "--include-self"];
    check(
        site.run(&arguments),
        0,
        &expect![[r#"
            ✓ done      10001        Ann O'Neil               confirmed by a status read
            ✓ done      supervisor   Agent supervisor         confirmed by a status read

            2 users: 2 logged out
            completed in N s, run RUN
            ---
            run RUN: logout
            info: connection `site`: no notifications, states are read instead: `supervisor` is signed in (NOT_READY), and Finesse logs out whoever is signed in when his session of notifications ends (reason 255): name another user for them, `feed = { credential = "…" }`
        "#]],
    );
    assert!(site.sandbox.signed_in().is_empty());
}

#[test]
fn who_is_left_is_told_with_what_to_do() {
    let population =
        Population::team(0).with(User::agent("talks", "1").on_call(State::Talking, Duration::from_secs(60)));
    let site = Site::new(population);
    let arguments = ["logout", "site", "talks", "nobody", "-o", "wait=100ms"];
    let ended = site.run(&arguments).exits(1);
    let mut lines: Vec<&str> = ended.stdout.lines().collect();
    lines[..2].sort_unstable();
    let summary = lines[..4].join("\n");
    expect![[r#"
        ~ busy      talks        Agent talks              on_call: still on a call (TALKING) after 100ms; left alone
        ✗ refused   nobody                                not_in_team: `nobody` is in no team of `supervisor`; read: 1 (Team 1)

        2 users: 1 left on a call, 1 refused"#]].assert_eq(&summary);
    expect![[r#"
        next: deal with the reason given for each before you run it again
        next: who was on a call is still in: run it again later, or with a longer `wait`"#]]
    .assert_eq(&ended.stderr.lines().skip(1).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_large_run_lists_those_who_are_left() {
    let mut population = Population::team(8);
    for id in ["t1", "t2", "t3"] {
        population = population.with(User::agent(id, "1").on_call(State::Talking, Duration::from_secs(60)));
    }
    let site = Site::new(population);
    let ended = site
        .run(&["logout", "site", "--team", "1", "-o", "wait=100ms"])
        .exits(1);
    let (_, summary) = ended
        .printed()
        .split_once("\n\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    expect![[r#"
        12 users: 8 logged out, 1 skipped, 3 left on a call
        completed in N s, run RUN

        not out:
          3 left on a call: t1 (Agent t1), t2 (Agent t2), t3 (Agent t3)
            on_call: still on a call (TALKING) after 100ms; left alone
        ---
        run RUN: logout
        info: connection `site`: no notifications, states are read instead: `supervisor` is signed in (NOT_READY), and Finesse logs out whoever is signed in when his session of notifications ends (reason 255): name another user for them, `feed = { credential = "…" }`
        next: who was on a call is still in: run it again later, or with a longer `wait`
    "#]]
    .assert_eq(&summary);
}

#[test]
fn an_interrupted_run_accounts_for_everybody() {
    let population =
        Population::team(1).with(User::agent("talks", "1").on_call(State::Talking, Duration::from_secs(60)));
    let site = Site::new(population);
    let script = script("supervisor_logs_out_team.luau");
    let mut run = Command::new(env!("CARGO_BIN_EXE_signoff"))
        .args(["run", &script, "--yes", "--format", "json", "--state"])
        .arg(site.path("state"))
        .current_dir(site.path(""))
        .env("SITE_PASSWORD", crate::support::PASSWORD)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    let mut seen: Vec<Value> = Vec::new();
    while seen.last().is_none_or(|line| line["outcome"] != "done") {
        seen.push(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    }
    Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status()
        .unwrap();
    seen.extend(lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()));
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let summary = seen.last().unwrap();
    assert_eq!(summary["status"], "interrupted");
    assert_eq!(summary["counts"], json!({ "done": 1, "cancelled": 2 }));
    assert_eq!(site.sandbox.state_of("talks"), Some(State::Talking));
}

#[test]
fn the_second_interrupt_ends_it_at_once() {
    let site = Site::new(Population::team(1));
    site.configure("timeout = \"60s\"");
    site.fault("hang_after@PUT");
    let mut run = Command::new(env!("CARGO_BIN_EXE_signoff"))
        .args(["logout", "site", "10001", "--state"])
        .arg(site.path("state"))
        .current_dir(site.path(""))
        .env("SITE_PASSWORD", crate::support::PASSWORD)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    let interrupt = || {
        Command::new("kill")
            .args(["-INT", &run.id().to_string()])
            .status()
            .unwrap()
    };
    assert!(lines.next().unwrap().unwrap().starts_with("run "));
    while site.sandbox.ledger().count("PUT", "/") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt();
    let mut heard = lines
        .by_ref()
        .map(Result::unwrap)
        .filter(|line| !line.starts_with("info: "));
    let line = heard.next().unwrap();
    assert!(line.contains("Ctrl-C once more"), "{line}");
    interrupt();
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains("in doubt"), "{line}");
    assert_eq!(run.wait().unwrap().code(), Some(130));
}

#[test]
fn a_limit_of_the_workflow_has_an_exit_code_of_its_own() {
    let site = small();
    let script = site.write(
        "limited.luau",
        "local signoff = require('@signoff')\n\
         return signoff.workflow({ run = function()\n\
         local site = signoff.connect('site')\n\
         return signoff.each({ 'a', 'b', 'c', 'd' }, function(user)\n\
         return site:logout(user) end, { concurrency = 1, max_fail = 1 }) end })",
    );
    let ended = site.run(&["run", &script, "--yes", "--format", "json"]).exits(7);
    let summary = ended.summary();
    assert_eq!(summary["status"], "stopped");
    assert_eq!(summary["counts"], json!({ "refused": 2, "cancelled": 2 }));
}

#[test]
fn what_is_dangerous_stands_in_the_report() {
    let site = small();
    site.configure("danger_accept_invalid_certificates = true");
    let ended = site.signoff(&["logout", "site", "10001"]).exits(0);
    let warning = "warning: connection `site`";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    assert!(ended.stdout.contains(warning), "{}", ended.stdout);
}
