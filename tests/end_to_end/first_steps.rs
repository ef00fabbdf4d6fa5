//! What somebody meets who has never used signoff: each of these is held word by word, since the words are all that he
//! has.

use std::fs;

use expect_test::{Expect, expect};
use signoff_sandbox::{Population, User};

use crate::support::{Ended, Site};

#[track_caller]
fn check(ended: Ended, code: i32, expected: &Expect) {
    expected.assert_eq(&ended.exits(code).printed());
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

#[test]
fn versions_are_told_with_those_of_the_providers() {
    check(
        small().run(&["--version"]),
        0,
        &expect![[r#"
        signoff 0.1.0
        providers:
          finesse 0.1.0 (Cisco Finesse)
    "#]],
    );
    check(
        small().run(&["-V"]),
        0,
        &expect![[r#"
        signoff 0.1.0
    "#]],
    );
}

#[test]
fn bundled_scripts_are_listed_and_run_by_name() {
    let site = small();
    let listed = site.run(&["scripts", "list"]).exits(0);
    assert!(
        listed
            .stdout
            .contains("@supervisor_logs_out_team  Log a supervisor's team out, leaving live calls alone"),
        "{}",
        listed.stdout
    );
    let listed = site.run(&["scripts", "list", "--format", "json"]).exits(0);
    assert!(
        listed
            .lines()
            .iter()
            .any(|line| line["event"] == "script" && line["name"] == "@agent_signs_out"),
        "{}",
        listed.stdout
    );
    check(
        site.run(&["run", "@supervisor_logs_out_team", "--help"]),
        0,
        &expect![[r#"
            Log a supervisor's team out, leaving live calls alone

            Arguments (--set NAME=VALUE):
              connection=CONNECTION  a connection of the provider `finesse`; may be omitted if there is just one
              team=TEXT              team id; empty: every team of the supervisor
              wait=DURATION          how long to wait for a call to end [default: 15m]

            Usage: signoff run @supervisor_logs_out_team [--set NAME=VALUE]… [--plan] [--yes] [--sandbox]
            More: signoff run --help
        "#]],
    );
    check(
        site.signoff(&["run", "@supervisor_logs_out_team", "--yes"]),
        0,
        &expect![[r#"
            ✓ done      10001        Ann O'Neil               confirmed by a status read
            - skipped   supervisor   Agent supervisor         acts in this run; `include_self` logs him out too, last

            2 users: 1 logged out, 1 skipped
            completed in N s, run RUN
            ---
            run RUN: @supervisor_logs_out_team
        "#]],
    );
    check(
        site.run(&["run", "@supervisor_logs_out_tem"]),
        3,
        &expect![[r#"
        error: no script `@supervisor_logs_out_tem` comes with signoff
          = help: did you mean `@supervisor_logs_out_team`? `signoff scripts list` shows those there are
    "#]],
    );
}

#[test]
fn a_bundled_script_is_copied_and_never_over_another() {
    let site = small();
    let copy = ["scripts", "copy", "@agent_signs_out"];
    check(
        site.run(&copy),
        0,
        &expect![[r#"
        copied to `agent_signs_out.luau`
        ---
        next: signoff run agent_signs_out.luau --plan
    "#]],
    );
    let copied = fs::read_to_string(site.path("agent_signs_out.luau")).unwrap();
    assert!(copied.starts_with("--!strict\n"), "{copied}");
    check(
        site.run(&copy),
        3,
        &expect![[r#"
            error: `agent_signs_out.luau` is there already, and is left as it is
              = help: name another folder, or move the file away first
        "#]],
    );
    check(
        site.run(&["scripts", "copy", "agent_signs_out", "nowhere"]),
        3,
        &expect![[r#"
            error: there is no folder `nowhere`
              = help: make it first, or leave it out for the current one
        "#]],
    );
}

#[test]
fn completions_and_manual_pages_come_from_the_same_table() {
    let site = small();
    for shell in ["bash", "zsh", "fish"] {
        let script = site.run(&["completions", shell]).exits(0).stdout;
        for word in ["logout", "include-self", "roster", "plugin-path"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let page = site.run(&["man"]).exits(0).stdout;
    assert!(page.contains(".TH signoff 1"), "{page}");
    let page = site.run(&["man", "logout"]).exits(0).stdout;
    assert!(page.contains("include\\-self"), "{page}");
    check(
        site.run(&["man", "logut"]),
        2,
        &expect![[r#"
        error: there is no command `logut`
          = help: did you mean `logout`?
    "#]],
    );
}
