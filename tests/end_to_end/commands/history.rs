//! What `runs` and `show` print.

use std::fs;

use expect_test::expect;
use signoff_sandbox::Population;

use super::*;
use crate::support::Site;

/// Times, commands and process numbers, replaced.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    for line in text.split_inclusive('\n') {
        let mut line = line.to_owned();
        while let Some(at) = line
            .find('Z')
            .filter(|at| *at >= 23 && line.as_bytes()[at - 4] == b'.')
        {
            line.replace_range(at - 23..=at, "TIME");
        }
        if line.starts_with("  typed") {
            line = "  typed        …\n".to_owned();
        }
        let words: Vec<String> = line.split("process ").map(str::to_owned).collect();
        if let [before, after] = &words[..] {
            let rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
            line = format!("{before}process N{rest}");
        }
        steady.push_str(&line);
    }
    steady
}

#[track_caller]
fn shows(ended: Ended, code: i32, expected: &Expect) {
    expected.assert_eq(&steady(&ages(&ended.exits(code).printed())));
}

#[test]
fn there_may_be_none() {
    let site = small();
    shows(
        site.run(&["runs"]),
        0,
        &expect![[r#"
        there are no runs in `FOLDER/state`
    "#]],
    );
    shows(
        site.run(&["show"]),
        2,
        &expect![[r#"
        error: there are no runs in `FOLDER/state`
          = help: --state DIR names another folder
    "#]],
    );
    shows(
        site.run(&["runs", "--since", "yesterday"]),
        2,
        &expect![[r#"
            error: `--since yesterday` is no time
              = help: write it like `2026-11-20`, `2026-11-20T21:32:00Z` or, for so long ago, `48h`
        "#]],
    );
}

#[test]
fn a_run_is_seen_while_it_goes_on_when_it_broke_off_and_when_it_is_complete() {
    let site = Site::new(Population::team(3));
    site.configure("timeout = \"30s\"");
    site.fault("hang_before@PUT");
    let mut running = site.begin(&["logout", "site", "10001", "nobody", "--yes"]);
    let told = || fs::read_to_string(site.path("stdout")).unwrap();
    running.until(|| site.sandbox.ledger().count("PUT", "/") >= 1 && told().contains("nobody"));
    shows(
        site.beside(&["runs"]),
        0,
        &expect![[r#"
            run                   status   what    on    users
            RUN  running  logout  site  2 users: 1 refused; 1 in doubt; process N

            1 run
        "#]],
    );
    shows(
        site.beside(&["show"]),
        0,
        &expect![[r#"
            run RUN: logout
              typed        …
              connections  site
              began        TIME
              status       running, process N

            2 users: 1 refused
            1 not finished

            not out:
              1 refused: nobody
                not_in_team: `nobody` is in no team of `supervisor`; read: 1 (Team 1)

            on their way:
              10001 on site: logout sent or about to be at TIME
            ---
            next: it goes on; `signoff show RUN` looks again
        "#]],
    );
    running.kill();
    fs::write(
        site.path("state")
            .join("runs")
            .join("20200101-000000-junk.sqlite"),
        "junk",
    )
    .unwrap();
    shows(
        site.run(&["runs"]),
        0,
        &expect![[r#"
            run                   status      what    on    users
            RUN  broken off  logout  site  2 users: 1 refused; 1 in doubt; can be resumed
            RUN  unreadable                not a journal of signoff: FOLDER/state/runs/RUN.sqlite

            2 runs; `signoff resume RUN` goes on with 1 of them
        "#]],
    );
    shows(
        site.run(&["show"]),
        0,
        &expect![[r#"
            run RUN: logout
              typed        …
              connections  site
              began        TIME
              status       broken off

            2 users: 1 refused
            1 not finished

            not out:
              1 refused: nobody
                not_in_team: `nobody` is in no team of `supervisor`; read: 1 (Team 1)

            in doubt: a request may have been processed, and nothing more is known
              10001 on site: logout sent or about to be at TIME
            ---
            next: `signoff resume RUN` goes on with it
        "#]],
    );
    for (filter, count) in [
        (["--status", "unfinished"], 1),
        (["--status", "broken-off"], 1),
        (["--status", "unreadable"], 1),
        (["--status", "completed"], 0),
        (["--connection", "site"], 1),
        (["--connection", "other"], 0),
        (["--since", "2h"], 1),
        (["--until", "2020-01-01"], 1),
        (["--until", "2019-12-31"], 0),
    ] {
        let listed = site
            .run(&[&["runs", "--format", "json"], &filter[..]].concat())
            .exits(0);
        assert_eq!(listed.lines().len(), count, "{filter:?}: {}", listed.stdout);
    }
    site.sandbox.clear_faults();
    site.run(&["resume", "--in-doubt", "repeat"]).exits(1);
    shows(
        site.run(&["show"]),
        0,
        &expect![[r#"
            run RUN: logout
              typed        …
              connections  site
              began        TIME
              resumed      TIME
              status       completed in 1.1 s

            2 users: 1 logged out, 1 refused

            not out:
              1 refused: nobody
                not_in_team: `nobody` is in no team of `supervisor`; read: 1 (Team 1)
            ---
            next: deal with the reason given for each before you run it again
        "#]],
    );
    let run = site.run(&["runs", "--format", "json"]).lines()[0].clone();
    assert_eq!(
        (&run["status"], &run["resumable"]),
        (&json!("completed"), &json!(false))
    );
    assert_eq!(run["counts"], json!({ "done": 1, "refused": 1 }));
}

/// Who looks at what was done to people does not mean the list that he has just read.
#[test]
fn a_run_that_only_read_is_shown_when_it_is_named() {
    let site = small();
    let shown = |site: &Site| site.run(&["show", "--format", "json"]).exits(0).lines()[0]["workflow"].clone();
    site.run(&["roster", "site"]).exits(0);
    assert_eq!(shown(&site), "roster");
    site.run(&["logout", "site", "10001"]).exits(0);
    site.run(&["roster", "finesse", "--sandbox"]).exits(0);
    assert_eq!(shown(&site), "logout");
    let listed = site.run(&["runs"]).exits(0);
    assert!(!listed.stdout.contains("roster"), "{}", listed.stdout);
    assert_eq!(listed.stderr, "2 that only read: --all lists them too\n");
    let listed = site.run(&["runs", "--all"]).exits(0);
    let newest = listed.stdout.lines().nth(1).unwrap();
    assert!(
        newest.contains("roster") && newest.contains("on a sandbox"),
        "{newest}"
    );
}

#[test]
fn one_person_is_shown_from_the_first_word_to_the_last() {
    let site = small();
    site.run(&["logout", "site", "10001"]).exits(0);
    let ended = site.run(&["show", "--user", "10001"]).exits(0);
    let words = |line: &str| {
        let words = line.split_once("Z  ").map_or(line, |(_, words)| words);
        words
            .trim()
            .split([',', ':', '<', '('])
            .next()
            .unwrap()
            .trim()
            .to_owned()
    };
    let answers = |kind: &String| !kind.is_empty() && !kind.starts_with("HTTP ");
    let kinds: Vec<String> = ended.stdout.lines().skip(1).map(words).filter(answers).collect();
    assert_eq!(
        kinds,
        [
            "logout asked for on site",
            "GET /finesse/api/User/supervisor",
            "GET /finesse/api/Team/1?includeLoggedOutAgents=true",
            "logout sent",
            "PUT /finesse/api/User/10001",
            "logout answered",
            "GET /finesse/api/Team/1?includeLoggedOutAgents=true",
            "done",
            "state_before",
            "since_before",
            "state_after",
            "since_after",
            "team"
        ]
    );
    assert!(ended.stdout.contains("state_before: READY\n"), "{}", ended.stdout);
    // What was sent and answered, in the vendor's words.
    for said in [
        "<User><state>LOGOUT</state>",
        "HTTP 202\n",
        "HTTP 200\n",
        "<teamName>",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
    let lines = site
        .run(&["show", "--user", "10001", "--format", "json"])
        .exits(0)
        .lines();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "call", "exchange", "exchange", "intent", "exchange", "result", "exchange", "outcome"
        ]
    );
    assert_eq!(lines[3]["request_id"], lines[7]["request_id"]);
    assert_eq!(lines[4]["http_status"], 202);
    assert!(!ended.stdout.contains(crate::support::PASSWORD));
    shows(
        site.run(&["show", "--user", "10002"]),
        2,
        &expect![[r#"
        error: `10002` is not in run RUN
          = help: did you mean `10001`?
    "#]],
    );
    shows(
        site.run(&["show", "k3vq"]),
        2,
        &expect![[r#"
        error: there is no run `k3vq` in `FOLDER/state`
          = help: runs are named by as much of their id as tells them apart; --state DIR names another folder
    "#]],
    );
}
