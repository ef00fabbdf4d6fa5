//! Each likely mistake as a new user makes it: what is said names what is wrong, where, and what to do; the exit code is
//! right, and nothing was sent that changes anything.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;

use expect_test::{Expect, expect};
use signoff_sandbox::Population;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::{Ended, Site, script};

fn site() -> Site {
    Site::new(Population::team(2))
}

#[track_caller]
fn check(site: &Site, ended: Ended, code: i32, expected: &Expect) {
    expected.assert_eq(&ended.exits(code).printed());
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0, "something was sent");
}

/// With this text in the configuration replaced.
fn configured(from: &str, to: &str) -> Site {
    let site = site();
    let text = fs::read_to_string(site.path("signoff.toml")).unwrap();
    assert!(text.contains(from), "{text}");
    site.write("signoff.toml", &text.replace(from, to));
    site
}

/// With a script of these lines as `FOLDER/my.luau`.
fn scripted(body: &str) -> (Site, String) {
    let site = site();
    let text = format!("local signoff = require(\"@signoff\")\n{body}\n");
    let path = site.write("my.luau", &text);
    (site, path)
}

fn team() -> String {
    script("supervisor_logs_out_team.luau")
}

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
        4 | credentail = "me"
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
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let site = site().pointed_at(&format!("http://127.0.0.1:{port}"));
    let said = |arguments: &[&str]| {
        let printed = site.run(arguments).exits(4).printed();
        printed.replace(&port.to_string(), "PORT")
    };
    expect![[r#"
        error: the roster of `site` could not be read: failed: unreachable: `http://127.0.0.1:PORT` cannot be reached: connection refused; check the port, and that the service runs
    "#]].assert_eq(&said(&["roster", "site"]));
    expect![[r#"
        plan RUN: REPOSITORY/scripts/supervisor_logs_out_team.luau
        error: the roster of `site` could not be read: failed: unreachable: `http://127.0.0.1:PORT` cannot be reached: connection refused; check the port, and that the service runs
        next: nobody was tried; run it again when the vendor can be reached
    "#]].assert_eq(&said(&["run", &team()]));
    expect![[r#"
        ✗ failed    10001                                 unreachable: `http://127.0.0.1:PORT` cannot be reached: connection refused; check the port, and that the service runs

        1 user: 1 failed
        failed in N s, run RUN
        ---
        run RUN: logout
        next: nobody was tried; run it again when the vendor can be reached
    "#]].assert_eq(&said(&["logout", "site", "10001"]));
    expect![[r#"
        error: the status of `10001` could not be read: failed: unreachable: `http://127.0.0.1:PORT` cannot be reached: connection refused; check the port, and that the service runs
    "#]].assert_eq(&said(&["status", "site", "10001"]));
}

#[test]
fn no_such_host() {
    let site = site().pointed_at("https://finesse.invalid:8445");
    check(
        &site,
        site.run(&["roster", "site"]),
        4,
        &expect![[r#"
        error: the roster of `site` could not be read: failed: unreachable: `https://finesse.invalid:8445` cannot be reached: the host name was not found; check the name's spelling, and that this machine's DNS server can be reached and knows it
    "#]],
    );
}

#[test]
fn a_certificate_of_its_own() {
    let (origin, certificate) = serve_tls();
    let site = site().pointed_at(&origin);
    let said = site
        .run(&["roster", "site"])
        .exits(4)
        .printed()
        .replace(&origin, "ORIGIN");
    expect![[r#"
        error: the roster of `site` could not be read: failed: unreachable: `ORIGIN` cannot be reached: its certificate is not trusted, for its issuer is not known here; save the issuer's certificate as PEM, and set `ca_file = "…"`
    "#]].assert_eq(&said);
    let file = site.write("ca.pem", &certificate);
    let text = fs::read_to_string(site.path("signoff.toml")).unwrap();
    site.write(
        "signoff.toml",
        &text.replace("rate =", &format!("ca_file = \"{file}\"\nrate =")),
    );
    let said = site
        .run(&["roster", "site"])
        .exits(4)
        .printed()
        .replace(&origin, "ORIGIN");
    assert!(
        !said.contains("certificate"),
        "with `ca_file` it is trusted: {said}"
    );
}

#[test]
fn a_redirect() {
    let site = site();
    site.fault("redirect");
    check(
        &site,
        site.run(&["roster", "site"]),
        4,
        &expect![[r#"
        error: the roster of `site` could not be read: failed: redirected: `ORIGIN` redirects to `https://127.0.0.1:8445` (301), and redirects are not followed; set `api = ["https://127.0.0.1:8445"]`
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
          = help: write `signoff logout site USER…`, or `--team TEAM` for all who are signed in to it
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

#[test]
fn an_unknown_user_or_team() {
    let site = site();
    check(
        &site,
        site.run(&["logout", "site", "99999"]),
        1,
        &expect![[r#"
        ✗ refused   99999                                 not_in_team: `99999` is in no team of `supervisor`; read: 1 (Team 1)

        1 user: 1 refused
        completed in N s, run RUN
        ---
        run RUN: logout
        next: deal with the reason given for each before you run it again
    "#]],
    );
    check(
        &site,
        site.run(&["logout", "site", "--team", "99"]),
        4,
        &expect![[r#"
            plan RUN: logout
            error: the roster of `site` could not be read: not_found: Not Found: The resource does not exist
            next: nobody was tried, since it is not known who is there
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
fn a_wrong_password() {
    for arguments in [&["run", &team()][..], &["logout", "site", "10001", "10002"]] {
        let site = site().password("not the password");
        let ended = site.run(arguments).exits(4);
        let refused = site
            .sandbox
            .ledger()
            .count_where(|request| request.actor.is_some());
        assert_eq!(
            refused,
            1,
            "an account is locked after a few: {}",
            ended.printed()
        );
    }
    let site = site().password("not the password");
    check(
        &site,
        site.run(&["run", &team()]),
        4,
        &expect![[r#"
            plan RUN: REPOSITORY/scripts/supervisor_logs_out_team.luau
            error: the roster of `site` could not be read: denied: Authorization Failure: UNAUTHORIZED
            next: correct the credential first: the vendor locks an account after a few refusals
        "#]],
    );
    let site = self::site().password("not the password");
    check(
        &site,
        site.run(&["roster", "site"]),
        4,
        &expect![[r#"
            error: the roster of `site` could not be read: denied: Authorization Failure: UNAUTHORIZED
            next: correct the credential first: the vendor locks an account after a few refusals
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
        5,
        &expect![[r#"
            error: the journal cannot be written: FOLDER/file/runs: a file is in the way
              = help: give yourself the right to write there, or name another folder with `--state DIR`
        "#]],
    );
    check(
        &site,
        site.run(&["roster", "site", "--state", "/proc/signoff"]),
        5,
        &expect![[r#"
            error: the journal cannot be written: /proc/signoff/runs: the folder cannot be made
              = help: give yourself the right to write there, or name another folder with `--state DIR`
        "#]],
    );
}

impl Site {
    /// With another vendor.
    fn pointed_at(self, origin: &str) -> Self {
        let text = fs::read_to_string(self.path("signoff.toml")).unwrap();
        let from = text.split("api = [\"").nth(1).unwrap().split('"').next().unwrap();
        self.write(
            "signoff.toml",
            &text.replace(&format!("[\"{from}\"]"), &format!("[\"{origin}\"]")),
        );
        self
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A server whose certificate nobody issued but itself. Gives its origin and the certificate; ends with the test.
fn serve_tls() -> (String, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                // What comes after the handshake is not of interest here.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(ANSWER).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
    });
    (format!("https://localhost:{port}"), certified.cert.pem())
}
