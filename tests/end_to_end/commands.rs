//! What each command prints when all is well, to a person and to a program: held word by word, since operators and
//! their scripts read it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use signoff_sandbox::{Population, State, User};

use crate::support::{Ended, Site, script};

#[track_caller]
fn check(ended: Ended, code: i32, expected: &Expect) {
    expected.assert_eq(&ages(&ended.exits(code).printed()));
}

/// How long somebody has been in a state, replaced: a second more or less is no difference.
fn ages(text: &str) -> String {
    let mut masked = String::new();
    for line in text.split_inclusive('\n') {
        let words: Vec<&str> = line.split(' ').collect();
        let is_age = |at: usize| {
            words[at].bytes().all(|byte| byte.is_ascii_digit())
                && !words[at].is_empty()
                && words.get(at + 1).is_some_and(|unit| unit.trim() == "s")
        };
        let words: Vec<&str> = (0..words.len())
            .map(|at| if is_age(at) { "N" } else { words[at] })
            .collect();
        masked.push_str(&words.join(" "));
    }
    masked
}

/// JSON lines with what differs from run to run replaced, one field a line.
fn stable(ended: &Ended) -> String {
    let mut text = String::new();
    for mut line in ended.lines() {
        mask(&mut line);
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}

fn mask(line: &mut Value) {
    let varies = ["run", "started", "ended", "elapsed_ms", "request_id"];
    for (key, value) in line.as_object_mut().unwrap() {
        if value.is_object() {
            mask(value);
        } else if (varies.contains(&key.as_str()) || key.starts_with("since")) && !value.is_null() {
            *value = json!("…");
        } else if key == "workflow" {
            *value = json!(value.as_str().unwrap().rsplit('/').next());
        }
    }
}

/// One agent, so that the order of lines is always the same, and the supervisor.
fn small() -> Site {
    Site::new(
        Population::team(0).with(
            User::agent("10001", "1")
                .named("Ann", "O'Neil")
                .extension("50001"),
        ),
    )
}

/// The journals that were left behind.
fn journals(site: &Site) -> usize {
    let files = fs::read_dir(site.path("state").join("runs")).unwrap();
    files
        .filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "sqlite")
        .count()
}

#[test]
fn help_is_complete() {
    let site = small();
    check(
        site.run(&["--help"]),
        0,
        &expect![[r#"
            Logs people out of the systems they work in, and proves what became of each of them

            Usage: signoff [OPTIONS] <COMMAND>

            Commands:
              run          Run a workflow script
              logout       Log users of a connection out
              roster       List the users of a connection; nothing is changed
              status       Show the state of users; nothing is changed
              init         Write a first configuration, and try it
              doctor       Check the configuration, and what it leads to; nothing is changed
              scripts      List the workflows that come with signoff, or copy one
              sandbox      Serve simulated vendors on loopback, for trying and teaching
              plugin       List provider plugins, or trust one
              completions  Print a completion script for a shell
              man          Print a manual page, for `man -l -`

            Options:
              -h, --help     Print help
              -V, --version  Print version

            Everywhere:
                  --config <FILE>      The configuration [default: see `signoff --help`]
                  --as <CREDENTIAL>    Act as this one instead of the connection's own
                  --state <DIR>        Where runs are kept [default: $XDG_STATE_HOME/signoff]
                  --plugin-path <DIR>  Look for plugins here first; repeatable
                  --format <FORMAT>    `human`, or `json`: one JSON object a line [default: human]
                  --color <WHEN>       `auto`, `always` or `never` [default: auto]
              -v, --verbose...         Say more
              -q, --quiet              Say nothing but results and errors

            The configuration is the first of these:
              --config FILE
              $SIGNOFF_CONFIG
              ./signoff.toml
              signoff/signoff.toml in the user's configuration folder ($XDG_CONFIG_HOME)

            $SIGNOFF_PLUGIN_PATH names more folders with plugins. $NO_COLOR, if set, switches
            colours off.

            Exit codes:
              0    every user is out or skipped, or a plan was made
              1    somebody is not out
              2    wrong usage, or a confirmation is needed without a terminal and without --yes
              3    the configuration, the script or a plugin is at fault
              4    no user could be tried: a credential is refused, or a vendor cannot be reached
              5    unfinished: somebody was not tried, or the journal cannot be written
              7    stopped by a limit that the workflow set
              130  interrupted: nobody else was tried
              255  a fault of signoff itself
        "#]],
    );
    check(
        site.run(&["run", "--help"]),
        0,
        &expect![[r#"
            Run a workflow script

            Usage: signoff run [OPTIONS] [SCRIPT]

            Arguments:
              [SCRIPT]  A workflow: a `.luau` file, or `@NAME` for one that comes with signoff

            Options:
                  --set <NAME=VALUE>  Set an argument of the workflow; repeatable
                  --plan              Show what would be done, and change nothing
                  --yes               Do not ask, however many users there are
                  --reason <TEXT>     Why, for the record
                  --sandbox           Work on simulated vendors; no configuration needed
              -h, --help              Print help; with SCRIPT, its arguments

            Everywhere:
                  --config <FILE>      The configuration [default: see `signoff --help`]
                  --as <CREDENTIAL>    Act as this one instead of the connection's own
                  --state <DIR>        Where runs are kept [default: $XDG_STATE_HOME/signoff]
                  --plugin-path <DIR>  Look for plugins here first; repeatable
                  --format <FORMAT>    `human`, or `json`: one JSON object a line [default: human]
                  --color <WHEN>       `auto`, `always` or `never` [default: auto]
              -v, --verbose...         Say more
              -q, --quiet              Say nothing but results and errors
        "#]],
    );
    check(
        site.run(&["roster", "--help"]),
        0,
        &expect![[r#"
        List the users of a connection; nothing is changed

        Usage: signoff roster [OPTIONS] <CONNECTION>

        Arguments:
          <CONNECTION>  A connection of the configuration

        Options:
              --team <TEAM>          Only this team
              --signed-in            Only those who are signed in
          -o, --option <NAME=VALUE>  Set another option of the operation; repeatable
              --sandbox              Work on simulated vendors; no configuration needed
          -h, --help                 Print help

        Everywhere:
              --config <FILE>      The configuration [default: see `signoff --help`]
              --as <CREDENTIAL>    Act as this one instead of the connection's own
              --state <DIR>        Where runs are kept [default: $XDG_STATE_HOME/signoff]
              --plugin-path <DIR>  Look for plugins here first; repeatable
              --format <FORMAT>    `human`, or `json`: one JSON object a line [default: human]
              --color <WHEN>       `auto`, `always` or `never` [default: auto]
          -v, --verbose...         Say more
          -q, --quiet              Say nothing but results and errors
    "#]],
    );
    check(
        site.run(&["status", "--help"]),
        0,
        &expect![[r#"
        Show the state of users; nothing is changed

        Usage: signoff status [OPTIONS] <CONNECTION> <USER>...

        Arguments:
          <CONNECTION>  A connection of the configuration
          <USER>...     Ids of users

        Options:
              --sandbox  Work on simulated vendors; no configuration needed
          -h, --help     Print help

        Everywhere:
              --config <FILE>      The configuration [default: see `signoff --help`]
              --as <CREDENTIAL>    Act as this one instead of the connection's own
              --state <DIR>        Where runs are kept [default: $XDG_STATE_HOME/signoff]
              --plugin-path <DIR>  Look for plugins here first; repeatable
              --format <FORMAT>    `human`, or `json`: one JSON object a line [default: human]
              --color <WHEN>       `auto`, `always` or `never` [default: auto]
          -v, --verbose...         Say more
          -q, --quiet              Say nothing but results and errors
    "#]],
    );
    check(
        site.run(&["plugin", "--help"]),
        0,
        &expect![[r#"
        List provider plugins, or trust one

        Usage: signoff plugin [OPTIONS] <COMMAND>

        Commands:
          list   List the providers there are, and whether they may run
          trust  Pin a plugin as it is now, so that it may run

        Options:
          -h, --help  Print help

        Everywhere:
              --config <FILE>      The configuration [default: see `signoff --help`]
              --as <CREDENTIAL>    Act as this one instead of the connection's own
              --state <DIR>        Where runs are kept [default: $XDG_STATE_HOME/signoff]
              --plugin-path <DIR>  Look for plugins here first; repeatable
              --format <FORMAT>    `human`, or `json`: one JSON object a line [default: human]
              --color <WHEN>       `auto`, `always` or `never` [default: auto]
          -v, --verbose...         Say more
          -q, --quiet              Say nothing but results and errors
    "#]],
    );
    let alone = Command::new(env!("CARGO_BIN_EXE_signoff")).output().unwrap();
    assert_eq!(alone.status.code(), Some(2));
    let help = site.run(&["--help"]).stdout;
    assert_eq!(String::from_utf8(alone.stderr).unwrap().trim(), help.trim());
    let sandbox = site.run(&["sandbox", "--help"]).exits(0);
    assert!(
        sandbox.stdout.contains("reset_after[=RATE] "),
        "{}",
        sandbox.stdout
    );
}

#[test]
fn no_help_is_wider_than_a_terminal() {
    let site = small();
    for command in [
        &["--help"][..],
        &["run", "--help"],
        &["logout", "--help"],
        &["logout", "site", "--help"],
        &["roster", "--help"],
        &["status", "--help"],
        &["plugin", "trust", "--help"],
    ] {
        let ended = site.run(command).exits(0);
        let wide = ended.stdout.lines().find(|line| line.chars().count() > 90);
        assert_eq!(wide, None, "{command:?}");
    }
}

#[test]
fn help_of_a_connection_needs_neither_vendor_nor_secret() {
    let site = small();
    let text = fs::read_to_string(site.path("signoff.toml")).unwrap();
    site.write(
        "signoff.toml",
        &text
            .replace(&site.sandbox.origin(), "http://127.0.0.1:9")
            .replace("SITE_PASSWORD", "NOT_SET"),
    );
    check(
        site.run(&["logout", "site", "--help"]),
        0,
        &expect![[r#"
        Log users of a connection out

        Usage: signoff logout [OPTIONS] [CONNECTION] [USER]...

        Arguments:
          [CONNECTION]  A connection of the configuration
          [USER]...     Ids of users

        Options:
              --team <TEAM>          Everybody who is signed in to this team
          -o, --option <NAME=VALUE>  Set an option of the operation; repeatable
              --include-self         Log out the acting user too, last
              --plan                 Show what would be done, and change nothing
              --yes                  Do not ask, however many users there are
              --reason <TEXT>        Why, for the record
              --sandbox              Work on simulated vendors; no configuration needed
          -h, --help                 Print help; with CONNECTION, its options

        Everywhere:
              --config <FILE>      The configuration [default: see `signoff --help`]
              --as <CREDENTIAL>    Act as this one instead of the connection's own
              --state <DIR>        Where runs are kept [default: $XDG_STATE_HOME/signoff]
              --plugin-path <DIR>  Look for plugins here first; repeatable
              --format <FORMAT>    `human`, or `json`: one JSON object a line [default: human]
              --color <WHEN>       `auto`, `always` or `never` [default: auto]
          -v, --verbose...         Say more
          -q, --quiet              Say nothing but results and errors

        Options at Cisco Finesse (-o NAME=VALUE):
          when             `idle` waits for a call to end, `now` does not [idle, now]
                           [default: idle]
          wait             how long to wait for a call to end [default: 15m]
          confirm          what proves a logout: Finesse's acceptance, a state that was
                           read, or the best there is (`event` needs notifications,
                           which are not there yet) [accepted, status, event, best]
                           [default: best]
          confirm_within   how long to look for that proof [default: 30s]
          reason           sign-out reason of one's own logout: its label or its
                           database id
          force_not_ready  first set a user who is ready or in wrap-up to NOT_READY
                           [default: false]
    "#]],
    );
    fs::remove_file(site.path("signoff.toml")).unwrap();
    let ended = site.run(&["logout", "finesse", "--help"]).exits(0);
    assert!(ended.stdout.contains("confirm_within "), "{}", ended.stdout);
}

#[test]
fn help_of_a_script_shows_its_arguments() {
    let site = small();
    let script = script("supervisor_logs_out_team.luau");
    check(
        site.run(&["run", &script, "--help"]),
        0,
        &expect![[r#"
        Log a supervisor's team out, leaving live calls alone

        Arguments (--set NAME=VALUE):
          connection=CONNECTION  a connection of the provider `finesse`; may be omitted if there is just one
          team=TEXT              team id; empty: every team of the supervisor
          wait=DURATION          how long to wait for a call to end [default: 15m]

        Usage: signoff run REPOSITORY/scripts/supervisor_logs_out_team.luau [--set NAME=VALUE]… [--plan] [--yes] [--sandbox]
        More: signoff run --help
    "#]],
    );
}

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
    assert_eq!(ended.stderr, "");
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
        next: who was on a call is still in: run it again later, or with a longer `wait`
    "#]]
    .assert_eq(&summary);
}

#[test]
fn a_roster_for_people_and_for_programs() {
    let population = Population::team(1).with(
        User::agent("out", "1")
            .named("Ibrahim", "Ёлкин")
            .state(State::Logout),
    );
    let site = Site::new(population);
    check(
        site.run(&["roster", "site"]),
        0,
        &expect![[r#"
        id          name              state      for     extension  team
        supervisor  Agent supervisor  NOT_READY  10 min  2001       1 Team 1
        10001       Agent 10001       READY      10 min  50001      1 Team 1
        out         Ibrahim Ёлкин     LOGOUT     10 min             1 Team 1

        3 users: 1 LOGOUT, 1 NOT_READY, 1 READY
    "#]],
    );
    check(
        site.run(&["roster", "site", "--signed-in", "--team", "1"]),
        0,
        &expect![[r#"
            id          name              state      for     extension  team
            supervisor  Agent supervisor  NOT_READY  10 min  2001       1 Team 1
            10001       Agent 10001       READY      10 min  50001      1 Team 1

            2 users: 1 NOT_READY, 1 READY
        "#]],
    );
    let ended = site
        .run(&["roster", "site", "--signed-in", "--format", "json"])
        .exits(0);
    expect![[r#"
        {"event":"user","connection":"site","id":"supervisor","name":"Agent supervisor","state":"NOT_READY","since":"…","pending_state":null,"reason":null,"extension":"2001","team":"1","team_name":"Team 1"}
        {"event":"user","connection":"site","id":"10001","name":"Agent 10001","state":"READY","since":"…","pending_state":null,"reason":null,"extension":"50001","team":"1","team_name":"Team 1"}
    "#]].assert_eq(&stable(&ended));
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
}

#[test]
fn a_status_is_told_in_full() {
    let site = small();
    let ended = site.run(&["status", "site", "10001"]).exits(0);
    let lines = ended.stdout.lines().filter(|line| !line.contains("since"));
    expect![[r#"
        10001
          name       Ann O'Neil
          state      READY
          extension  50001
          team       1
          team name  Team 1"#]]
    .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    check(
        site.run(&["status", "site", "10001", "supervisor"]),
        0,
        &expect![[r#"
            id          name              state      for     extension  team
            10001       Ann O'Neil        READY      10 min  50001      1 Team 1
            supervisor  Agent supervisor  NOT_READY  10 min  2001       1 Team 1

            2 users: 1 NOT_READY, 1 READY
        "#]],
    );
    let ended = site
        .run(&["status", "site", "supervisor", "--format", "json"])
        .exits(0);
    expect![[r#"
        {"event":"user","connection":"site","id":"supervisor","name":"Agent supervisor","state":"NOT_READY","since":"…","pending_state":null,"reason":null,"extension":"2001","team":"1","team_name":"Team 1","login_name":"supervisor","roles":["Agent","Supervisor"],"supervises":["1"],"mobile_agent":null,"mobile_agent_caveat":"only the Finesse node that a mobile agent signed in to knows his telephone, and a failover of any kind loses it: without these fields he may be a mobile agent all the same"}
    "#]].assert_eq(&stable(&ended));
    let ended = site.run(&["status", "site", "10001", "nobody"]).exits(1);
    expect![[r#"
        error: the status of `nobody` could not be read: refused: not_in_team: `nobody` is in no team of `supervisor`; read: 1 (Team 1)
    "#]].assert_eq(&ended.stderr);
}

#[test]
fn the_providers_are_listed() {
    let site = small();
    check(
        site.run(&["plugin", "list"]),
        0,
        &expect![[r#"
        provider  version  kind      trust    sha256  path
        finesse   0.1.0    built in  trusted
    "#]],
    );
    check(
        site.run(&["plugin", "list", "--format", "json"]),
        0,
        &expect![[r#"
            {"event":"plugin","provider":"finesse","version":"0.1.0","kind":"built in","trust":"trusted","sha256":null,"path":null}
        "#]],
    );
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let site = small();
    let coloured = |arguments: &[&str]| {
        site.run(&[&["logout", "site", "10001"], arguments].concat())
            .stdout
            .contains('\u{1b}')
    };
    assert!(!coloured(&[]), "a file is no terminal");
    assert!(coloured(&["--color", "always"]));
    assert!(!coloured(&["--color", "never"]));
}

#[test]
fn the_configuration_is_looked_for_in_order() {
    let site = small();
    let text = fs::read_to_string(site.path("signoff.toml")).unwrap();
    let renamed = |name: &str| text.replace("connections.site", &format!("connections.{name}"));
    fs::create_dir_all(site.path(".config/signoff")).unwrap();
    site.write(".config/signoff/signoff.toml", &renamed("of-user"));
    let variable = site.write("variable.toml", &renamed("of-variable"));
    let named = site.write("named.toml", &renamed("named"));
    let said = |arguments: &[&str], variable: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signoff"));
        command.args(["logout", "?", "x"]).args(arguments);
        command
            .current_dir(site.path(""))
            .env_clear()
            .env("HOME", site.path(""));
        command.envs(variable.map(|file| ("SIGNOFF_CONFIG", file)));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&["--config", &named], Some(&variable)).contains("`named`"));
    assert!(said(&[], Some(&variable)).contains("`of-variable`"));
    assert!(said(&[], None).contains("`site`"));
    fs::remove_file(site.path("signoff.toml")).unwrap();
    assert!(said(&[], None).contains("`of-user`"));
    // The file that is missing, and what names it.
    assert!(said(&[], Some("nowhere.toml")).contains("`SIGNOFF_CONFIG`"));
}

#[test]
fn what_the_sandbox_prints_is_a_configuration() {
    let site = small();
    let mut sandbox = Command::new(env!("CARGO_BIN_EXE_signoff"))
        .arg("sandbox")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut serving = String::new();
    BufReader::new(sandbox.stderr.take().unwrap())
        .read_line(&mut serving)
        .unwrap();
    assert!(
        serving.starts_with("serving a simulated Finesse at http://127.0.0.1:"),
        "{serving}"
    );
    // It has printed all of it by now; the rest of the output ends with the process.
    let id = sandbox.id().to_string();
    let stop = || Command::new("kill").arg(id).status().unwrap();
    let mut printed = String::new();
    let mut lines = BufReader::new(sandbox.stdout.take().unwrap());
    while !printed.contains("agentA") || !printed.trim_end().ends_with('}') {
        lines.read_line(&mut printed).unwrap();
    }
    site.write("signoff.toml", &printed);
    let ended = site.run(&["roster", "finesse", "--format", "json"]);
    stop();
    assert!(ended.exits(0).lines().len() > 10);
    assert_eq!(sandbox.wait().unwrap().code(), Some(0));
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
    let line = lines.next().unwrap().unwrap();
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
