//! Mistakes on the command line.

use expect_test::expect;
use signoff_sandbox::Population;

use super::*;
use crate::support::Site;

#[test]
fn a_wrong_option_of_an_operation() {
    let site = site();
    let logout = |option: &str| site.run(&["logout", "site", "10001", "-o", option]);
    check(
        &site,
        logout("wiat=5m"),
        2,
        &expect![[r#"
        error: there is no option `wiat`
          = help: did you mean `wait`?
    "#]],
    );
    check(
        &site,
        logout("wait=soon"),
        2,
        &expect![[r#"
        error: the option `wait` takes a duration, not the text `soon`
          = help: write it like `500ms`, `30s`, `15m`, `2h` or `1h30m`
    "#]],
    );
    check(
        &site,
        logout("when=never"),
        2,
        &expect![[r#"
        error: the option `when` does not take `never`
          = help: it takes `idle`, `now`
    "#]],
    );
    check(
        &site,
        logout("wait"),
        2,
        &expect![[r#"
        error: `-o wait` has no value: it is not of the form NAME=VALUE
          = help: for example `-o wait=5m`
    "#]],
    );
    check(
        &site,
        site.run(&["roster", "site", "-o", "scoep=all"]),
        2,
        &expect![[r#"
            error: there is no option `scoep`
              = help: did you mean `scope`?
        "#]],
    );
    assert!(!site.path("state").exists(), "no run was begun");
    let (site, path) = scripted(
        "return signoff.workflow({ run = function()\n    \
         return signoff.connect(\"site\"):logout(\"10001\", { wiat = \"5m\" })\nend })",
    );
    check(
        &site,
        site.run(&["run", &path]),
        3,
        &expect![[r#"
            ✗ cancelled 10001                                 `logout`: there is no option `wiat`

            1 user: 1 not tried
            failed in N s, run RUN; nothing was changed
            ---
            plan RUN: FOLDER/my.luau
            error: `logout`: there is no option `wiat`
             --> FOLDER/my.luau:3
              |
            3 |     return signoff.connect("site"):logout("10001", { wiat = "5m" })
              |                                                      ^^^^
              = help: did you mean `wait`?
        "#]],
    );
}

#[test]
fn a_number_as_an_id() {
    let (site, path) = scripted(
        "return signoff.workflow({ run = function()\n    return signoff.connect(\"site\"):logout(10001)\nend })",
    );
    check(
        &site,
        site.run(&["run", &path]),
        3,
        &expect![[r#"
        plan RUN: FOLDER/my.luau
        error: an id is text, not the number 10001
         --> FOLDER/my.luau:3
          |
        3 |     return signoff.connect("site"):logout(10001)
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: write it in quotes: "10001"
    "#]],
    );
}

#[test]
fn an_unknown_fault_of_the_sandbox() {
    let site = site();
    check(
        &site,
        site.run(&["sandbox", "--fault", "delya=1s"]),
        2,
        &expect![[r#"
            error: there is no fault `delya`
              = help: did you mean `delay`? `signoff sandbox --help` lists the faults
        "#]],
    );
    check(
        &site,
        site.run(&["sandbox", "--fault", "delay=long"]),
        2,
        &expect![[r#"
            error: a fault is written `delay=DURATION`, not with `long`; a duration is `50ms`, `3s` or `5m`
              = help: `signoff sandbox --help` lists the faults
        "#]],
    );
}

#[test]
fn nobody_is_named() {
    let site = site();
    check(
        &site,
        site.run(&["logout", "site"]),
        2,
        &expect![[r#"
            error: no user is named
              = help: write `signoff logout site USER…`, `--from FILE` for those of a list, or `--team TEAM` for all who are signed in to it
        "#]],
    );
    check(
        &site,
        site.run(&["logout"]),
        2,
        &expect![[r#"
        error: no connection is named
          = help: write `signoff logout CONNECTION USER…`; `signoff logout --help` says more
    "#]],
    );
    check(
        &site,
        site.run(&["run"]),
        2,
        &expect![[r#"
            error: no script is named
              = help: write `signoff run SCRIPT.luau`, or `signoff run @NAME` for one of `signoff scripts list`
        "#]],
    );
    check(
        &site,
        site.run(&["status", "site"]),
        2,
        &expect![[r#"
        error: the following required arguments were not provided:
          <USER>...

        Usage: signoff status <CONNECTION> <USER>...

        For more information, try '--help'.
    "#]],
    );
    check(
        &site,
        site.run(&["logout", "site", "10001", "--team", "1"]),
        2,
        &expect![[r#"
            error: the argument '[USER]...' cannot be used with '--team <TEAM>'

            Usage: signoff logout <CONNECTION> <USER>...
        "#]],
    );
    check(
        &site,
        site.run(&["logot", "site"]),
        2,
        &expect![[r#"
        error: unrecognized subcommand 'logot'

          tip: a similar subcommand exists: 'logout'

        Usage: signoff [OPTIONS] <COMMAND>

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_vendor_without_teams() {
    let site = site();
    let sandbox = |arguments: &[&str]| site.run(&[arguments, &["--sandbox"]].concat());
    for vendor in ["zap", "uiza"] {
        let ended = sandbox(&["logout", vendor, "--team", "3"]).exits(2);
        assert!(ended.stderr.contains(" has no teams\n"), "{}", ended.stderr);
    }
    check(
        &site,
        sandbox(&["logout", "zap", "--team", "3"]),
        2,
        &expect![[r#"
            error: ZAP has no teams
              = help: name users, or those of a list with `--from FILE`
        "#]],
    );
    check(
        &site,
        sandbox(&["logout", "zap"]),
        2,
        &expect![[r#"
        error: no user is named
          = help: write `signoff logout zap USER…`, or `--from FILE` for those of a list
    "#]],
    );
    check(
        &site,
        sandbox(&["logout", "zap", "1", "-o", "vai=web"]),
        2,
        &expect![[r#"
            error: there is no option `vai`
              = help: did you mean `via`?
        "#]],
    );
    check(
        &site,
        sandbox(&["status", "zap", "1"]),
        3,
        &expect![[r#"
        error: ZAP cannot be asked who is signed in
    "#]],
    );
    assert!(!site.path("state").exists(), "no run was begun");
}

#[test]
fn many_users_and_nobody_to_ask() {
    let site = Site::new(Population::team(30));
    check(
        &site,
        site.run(&["run", &team()]),
        2,
        &expect![[r#"
        error: 30 users of `site` would be logged out, more than `confirm_above` = 25, and there is no terminal to ask at
          = help: look at them with --plan, then say --yes; nothing was sent that changes anything
    "#]],
    );
    check(
        &site,
        site.run(&["logout", "site", "--team", "1", "--format", "json"]),
        2,
        &expect![[r#"
            error: 30 users of `site` would be logged out, more than `confirm_above` = 25, and there is no terminal to ask at
              = help: look at them with --plan, then say --yes; nothing was sent that changes anything
        "#]],
    );
}
