//! Mistakes in a script, and in what it is given.

use std::fs;

use expect_test::expect;

use super::*;

#[test]
fn no_such_script() {
    let site = site();
    check(
        &site,
        site.run(&["run", "team.luau"]),
        3,
        &expect![[r#"
        error: cannot read the script `team.luau`: there is no such file
          = help: a path is taken from the current folder
    "#]],
    );
    fs::remove_file(site.path("signoff.toml")).unwrap();
    check(
        &site,
        site.run(&["run", "team.luau"]),
        3,
        &expect![[r#"
        error: cannot read the script `team.luau`: there is no such file
          = help: a path is taken from the current folder
    "#]],
    );
}

#[test]
fn a_script_that_is_no_luau() {
    let (site, path) = scripted("local team = = 1");
    check(
        &site,
        site.run(&["run", &path]),
        3,
        &expect![[r#"
        error: expected identifier when parsing expression, got '='
         --> FOLDER/my.luau:2
          |
        2 | local team = = 1
          | ^^^^^^^^^^^^^^^^
    "#]],
    );
}

#[test]
fn a_script_that_fails() {
    let (site, path) = scripted(
        "return signoff.workflow({ run = function()\n    local team = nil\n    return team.name\nend })",
    );
    check(
        &site,
        site.run(&["run", &path]),
        3,
        &expect![[r#"
        plan RUN: FOLDER/my.luau
        error: attempt to index nil with 'name'
         --> FOLDER/my.luau:4
          |
        4 |     return team.name
          |                 ^^^^
    "#]],
    );
    let (site, path) = scripted(
        "return signoff.workflow({ run = function()\n    local site = signoff.connect(\"site\")\n    \
         return signoff.each(site:roster({ signed_in = true }), function(agent)\n        \
         return site:logout(agent.naem.first)\n    end)\nend })",
    );
    // Also with --yes, where no plan finds it before.
    check(
        &site,
        site.run(&["run", &path]),
        3,
        &expect![[r#"
        ✗ cancelled supervisor   Agent supervisor         the run was stopped before
        ✗ cancelled 10001        Agent 10001              the run was stopped before
        ✗ cancelled 10002        Agent 10002              the run was stopped before

        3 users: 3 not tried
        failed in N s, run RUN; nothing was changed
        ---
        plan RUN: FOLDER/my.luau
        error: attempt to index nil with 'first'
         --> FOLDER/my.luau:5
          |
        5 |         return site:logout(agent.naem.first)
          |                                       ^^^^^
    "#]],
    );
    check(
        &site,
        site.run(&["run", &path, "--yes"]),
        3,
        &expect![[r#"
        ✗ cancelled supervisor   Agent supervisor         the run was stopped before
        ✗ cancelled 10001        Agent 10001              the run was stopped before
        ✗ cancelled 10002        Agent 10002              the run was stopped before

        3 users: 3 not tried
        failed in N s, run RUN
        ---
        run RUN: FOLDER/my.luau
        error: attempt to index nil with 'first'
         --> FOLDER/my.luau:5
          |
        5 |         return site:logout(agent.naem.first)
          |                                       ^^^^^
    "#]],
    );
}

#[test]
fn a_wrong_argument_of_a_script() {
    let site = site();
    let run = |setting: &str| site.run(&["run", &team(), "--set", setting]);
    check(
        &site,
        run("wait=soon"),
        2,
        &expect![[r#"
        error: the argument `wait` takes a duration, not `soon`
          = help: write it like `500ms`, `30s`, `15m`, `2h` or `1h30m`
          = help: `signoff run REPOSITORY/scripts/supervisor_logs_out_team.luau --help` shows the arguments
    "#]],
    );
    check(
        &site,
        run("wiat=5m"),
        2,
        &expect![[r#"
        error: there is no argument `wiat`
          = help: did you mean `wait`?
          = help: `signoff run REPOSITORY/scripts/supervisor_logs_out_team.luau --help` shows the arguments
    "#]],
    );
    check(
        &site,
        run("wait"),
        2,
        &expect![[r#"
        error: `--set wait` has no value: it is not of the form NAME=VALUE
          = help: for example `--set wait=5m`
    "#]],
    );
    let (site, path) = scripted(
        "return signoff.workflow({ args = { team = signoff.arg.string(), most = signoff.arg.number() },\n\
         run = function(args) end })",
    );
    check(
        &site,
        site.run(&["run", &path]),
        2,
        &expect![[r#"
        error: the argument `most` is missing
          = help: write --set most=NUMBER
        error: the argument `team` is missing
          = help: write --set team=TEXT
          = help: `signoff run FOLDER/my.luau --help` shows the arguments
    "#]],
    );
    assert!(!site.path("state").exists(), "no run was begun");
}
