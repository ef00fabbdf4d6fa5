//! What the help says.

use std::fs;
use std::process::Command;

use expect_test::expect;

use super::*;
use crate::support::script;

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
              resume       Go on with a run that was stopped or broke off
              runs         List the runs there were, the newest first
              show         Show what became of a run, or of one person in it
              roster       List the users of a connection; nothing is changed
              status       Show the state of users; nothing is changed
              watch-feed   Show what happens to users, as the vendor tells it; until Ctrl-C
              init         Write a first configuration, and try it
              doctor       Check the configuration, and what it leads to; nothing is changed
              scripts      List the workflows that come with signoff, or copy one
              replay       Replay a tutorial step by step, and check every expectation
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
              5    unfinished: somebody is untried or in doubt, or the journal fails; `resume` it
              7    stopped by a limit that the workflow set
              130  interrupted: nobody else was tried; `signoff resume` goes on
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

            Usage: signoff status [OPTIONS] <CONNECTION> [USER]...

            Arguments:
              <CONNECTION>  A connection of the configuration
              [USER]...     Ids of users

            Options:
                  --from <FILE>             Users of a CSV or of JSON lines; `-`: standard input
                  --id-column <COLUMN>      The column with the ids [default: id]
                  --map <ATTRIBUTE=COLUMN>  Take an attribute from this column; repeatable
                  --secret-column <COLUMN>  This column holds secrets; repeatable
                  --sandbox                 Work on simulated vendors; no configuration needed
              -h, --help                    Print help

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
                  --team <TEAM>             Everybody who is signed in to this team
                  --from <FILE>             Users of a CSV or of JSON lines; `-`: standard input
                  --id-column <COLUMN>      The column with the ids [default: id]
                  --map <ATTRIBUTE=COLUMN>  Take an attribute from this column; repeatable
                  --secret-column <COLUMN>  This column holds secrets; repeatable
              -o, --option <NAME=VALUE>     Set an option of the operation; repeatable
                  --include-self            Log out the acting user too, last
                  --plan                    Show what would be done, and change nothing
                  --yes                     Do not ask, however many users there are
                  --reason <TEXT>           Why, for the record
                  --sandbox                 Work on simulated vendors; no configuration needed
              -h, --help                    Print help; with CONNECTION, its options

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
                               read, its own notification (`event`), or the best there is
                               [accepted, status, event, best] [default: best]
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
