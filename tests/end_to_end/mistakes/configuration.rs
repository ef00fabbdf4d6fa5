//! Mistakes in the configuration, and around it.

use std::fs;

use expect_test::expect;

use super::*;

#[test]
fn no_configuration() {
    let site = site();
    check(
        &site,
        site.run(&["roster", "site", "--config", "my.toml"]),
        3,
        &expect![[r#"
            error: there is no such configuration file
             --> my.toml
              = help: name one with `--config FILE`, or try `--sandbox`
        "#]],
    );
    fs::remove_file(site.path("signoff.toml")).unwrap();
    check(
        &site,
        site.run(&["run", &team()]),
        3,
        &expect![[r#"
            error: there is no configuration: tried `signoff.toml` and `FOLDER/.config/signoff/signoff.toml`
              = help: `signoff init PROVIDER URL` writes one, --config FILE names one, --sandbox needs none
        "#]],
    );
    check(
        &site,
        site.run(&["roster", "finesse", "--sandbox", "--config", "my.toml"]),
        2,
        &expect![[r#"
            error: --sandbox brings its own configuration, and --config names another
              = help: leave one of them out
        "#]],
    );
}

#[test]
fn a_typo_in_a_key() {
    let site = configured("credential = ", "credentail = ");
    check(
        &site,
        site.run(&["roster", "site"]),
        3,
        &expect![[r#"
            error: there is no key `credentail` in `connections.site`
             --> signoff.toml:4:1
              |
            4 | credentail = "…"
              | ^^^^^^^^^^
              = key: `connections.site.credentail`
              = help: did you mean `credential`?
        "#]],
    );
}

#[test]
fn an_unknown_provider() {
    let site = configured("\"finesse\"", "\"finese\"");
    check(
        &site,
        site.run(&["roster", "site"]),
        3,
        &expect![[r#"
        error: there is no provider `finese`
         --> signoff.toml:2:12
          |
        2 | provider = "finese"
          |            ^^^^^^^^
          = key: `connections.site.provider`
          = help: did you mean `finesse`?
    "#]],
    );
    let site = configured("\"finesse\"", "\"plugin:acme\"");
    check(
        &site,
        site.run(&["roster", "site"]),
        3,
        &expect![[r#"
        error: there is no plugin `acme`
          tried `FOLDER/.local/share/signoff/plugins` (the user's plugins): there is no such folder
          tried `/usr/local/lib/signoff/plugins` (the system's plugins): there is no such folder
          tried `/usr/lib/signoff/plugins` (the system's plugins): there is no such folder
          = help: put the plugin's folder into one of these as `acme`, or name another with --plugin-path
    "#]],
    );
}

#[test]
fn an_unknown_connection() {
    let site = site();
    check(
        &site,
        site.run(&["roster", "siet"]),
        3,
        &expect![[r#"
        error: there is no connection `siet`
          = help: did you mean `site`?
    "#]],
    );
    check(
        &site,
        site.run(&["logout", "siet", "10001"]),
        3,
        &expect![[r#"
        error: there is no connection `siet`
          = help: did you mean `site`?
    "#]],
    );
    check(
        &site,
        site.run(&["run", &team(), "--set", "connection=siet"]),
        2,
        &expect![[r#"
            error: there is no connection `siet` of the provider `finesse`
              = help: did you mean `site`?
              = help: `signoff run REPOSITORY/scripts/supervisor_logs_out_team.luau --help` shows the arguments
        "#]],
    );
    assert!(!site.path("state").exists(), "no run was begun");
}

#[test]
fn an_unknown_credential() {
    let site = site();
    check(
        &site,
        site.run(&["roster", "site", "--as", "mee"]),
        3,
        &expect![[r#"
            error: there is no credential `mee`
              = help: did you mean `me`?
        "#]],
    );
    check(
        &site,
        site.run(&["run", &team(), "--as", "mee"]),
        3,
        &expect![[r#"
            error: there is no credential `mee`
              = help: did you mean `me`?
        "#]],
    );
}

#[test]
fn an_unset_variable() {
    let site = configured("SITE_PASSWORD", "FINESSE_PASSWORD");
    check(
        &site,
        site.run(&["roster", "site"]),
        3,
        &expect![[r#"
        error: no secret for credential `me` from environment variable `FINESSE_PASSWORD`: it is not set
          = help: set the variable before signoff is started
    "#]],
    );
    check(
        &site,
        site.run(&["run", &team()]),
        3,
        &expect![[r#"
        plan RUN: REPOSITORY/scripts/supervisor_logs_out_team.luau
        error: no secret for credential `me` from environment variable `FINESSE_PASSWORD`: it is not set
          --> REPOSITORY/scripts/supervisor_logs_out_team.luau:35
           |
        35 |         local agents = finesse:roster({ team = args.team, signed_in = true })
           |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: set the variable before signoff is started
    "#]],
    );
    check(
        &site,
        site.run(&["logout", "site", "10001"]),
        3,
        &expect![[r#"
        ✗ cancelled 10001                                 no secret for credential `me` from environment variable `FINESSE_PASSWORD`: it is not set

        1 user: 1 not tried
        failed in N s, run RUN
        ---
        run RUN: logout
        error: no secret for credential `me` from environment variable `FINESSE_PASSWORD`: it is not set
          = help: set the variable before signoff is started
    "#]],
    );
}

#[test]
fn a_password_in_the_configuration() {
    let site = configured("{ env = \"SITE_PASSWORD\" }", "\"hunter22\"");
    let ended = site.run(&["roster", "site"]);
    assert!(!ended.stderr.contains("hunter22"), "{}", ended.stderr);
    check(
        &site,
        ended,
        3,
        &expect![[r#"
            error: `password` holds a secret itself
              --> signoff.toml:11:12
               |
            11 | password = "…"
               |            ^^^
               = key: `credentials.me.password`
               = help: write `{ env = "VARIABLE" }`, `{ file = "PATH" }`, `{ command = ["PROGRAM"] }` or `{ prompt = true }`
        "#]],
    );
}

#[test]
fn plain_http_to_another_machine() {
    let site = site().pointed_at("http://finesse.example.com:8082");
    check(
        &site,
        site.run(&["roster", "site"]),
        3,
        &expect![[r#"
        error: `http://finesse.example.com:8082` would send passwords in clear
         --> signoff.toml:3:8
          |
        3 | api = ["http://finesse.example.com:8082"]
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = key: `connections.site.api`
          = help: write `https://`; or, knowing the danger, add `danger_plain_http = true`
    "#]],
    );
}

#[test]
fn a_plugin_that_is_nowhere() {
    let site = site();
    check(
        &site,
        site.run(&["plugin", "trust", "acme", "--plugin-path", "here"]),
        3,
        &expect![[r#"
            error: there is no plugin `acme`
              tried `here` (--plugin-path): there is no such folder
              tried `FOLDER/.local/share/signoff/plugins` (the user's plugins): there is no such folder
              tried `/usr/local/lib/signoff/plugins` (the system's plugins): there is no such folder
              tried `/usr/lib/signoff/plugins` (the system's plugins): there is no such folder
              = help: put the plugin's folder into one of these as `acme`, or name another with --plugin-path
        "#]],
    );
}

#[test]
fn a_state_folder_that_cannot_be_written() {
    let site = site();
    let file = site.write("file", "");
    check(
        &site,
        site.run(&["logout", "site", "10001", "--state", &file]),
        3,
        &expect![[r#"
            error: the journal cannot be written: FOLDER/file/runs: a file is in the way
              = help: give yourself the right to write there, or name another folder with `--state DIR`
        "#]],
    );
    check(
        &site,
        site.run(&["roster", "site", "--state", "/proc/signoff"]),
        3,
        &expect![[r#"
            error: the journal cannot be written: /proc/signoff/runs: the folder cannot be made
              = help: give yourself the right to write there, or name another folder with `--state DIR`
        "#]],
    );
}
