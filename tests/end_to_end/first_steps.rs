//! What somebody meets who has never used signoff: each of these is held word by word, since the words are all that he
//! has.

mod doctor;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use expect_test::{Expect, expect};
use signoff_sandbox::{End, Population, User};

use crate::support::{Ended, Site};

#[track_caller]
fn check(ended: Ended, code: i32, expected: &Expect) {
    expected.assert_eq(&numbers(&ended.exits(code).printed()));
}

/// Times and sizes, replaced.
pub(crate) fn numbers(text: &str) -> String {
    let mut masked = String::new();
    for line in text.split_inclusive('\n') {
        let words: Vec<&str> = line.split(' ').collect();
        let is_measured = |at: usize| {
            let unit = words.get(at + 1).map_or("", |unit| unit.trim_end());
            matches!(unit, "ms" | "MiB" | "s" | "s,") && words[at].parse::<f64>().is_ok() && words[at] != "64"
        };
        let words: Vec<&str> = (0..words.len())
            .map(|at| if is_measured(at) { "N" } else { words[at] })
            .collect();
        masked.push_str(&words.join(" "));
    }
    masked
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
              zap 0.1.0 (ZAP)
              uiza 0.1.0 (Uiza)
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
            info: connection `site`: no notifications, states are read instead: `supervisor` is signed in (NOT_READY), and Finesse logs out whoever is signed in when his session of notifications ends (reason 255): name another user for them, `feed = { credential = "…" }`
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

/// A folder with nothing in it but what is made there.
fn empty(population: Population) -> Site {
    let site = Site::new(population);
    fs::remove_file(site.path("signoff.toml")).unwrap();
    site
}

#[test]
fn from_an_empty_folder_to_a_team_that_is_logged_out() {
    let site = small();
    fs::remove_file(site.path("signoff.toml")).unwrap();
    let url = site.sandbox.origin();
    check(
        site.run(&["roster", "finesse"]),
        3,
        &expect![[r#"
        error: there is no configuration: tried `signoff.toml` and `FOLDER/.config/signoff/signoff.toml`
          = help: `signoff init PROVIDER URL` writes one, --config FILE names one, --sandbox needs none
    "#]],
    );
    let init = [
        "init",
        "finesse",
        &url,
        "--username",
        "supervisor",
        "--password-env",
        "SITE_PASSWORD",
    ];
    check(
        site.run(&init),
        0,
        &expect![[r#"
            credential `supervisor`
              ✓ ok      username       supervisor (signoff.toml:15)
              ✓ ok      password       environment variable `SITE_PASSWORD` (signoff.toml:16)
              ✓ ok      secret         found
            connection `finesse`
              ✓ ok      provider       finesse 0.1.0 (signoff.toml:5)
              ✓ ok      api            ORIGIN (signoff.toml:6)
              ✓ ok      credential     supervisor (signoff.toml:7)
              ✓ ok      rate           20/s (default of Cisco Finesse)
              ✓ ok      concurrency    8 (default of Cisco Finesse)
              ✓ ok      timeout        10s (default of Cisco Finesse)
              ✓ ok      settle         10s (default of Cisco Finesse)
              ✓ ok      deployment     auto (default of Cisco Finesse)
              ✓ ok      node           ORIGIN answers, in N ms
              ✓ ok      health         IN_SERVICE
              ✓ ok      certificate    none: nothing leaves this machine
              ✓ ok      clock          agrees with this machine's
              ✓ ok      credential use `supervisor` is accepted: Agent supervisor
              - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                       = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is

            no problems, 1 notice
            ---
            wrote `signoff.toml`; now it is tried
            next:
              signoff doctor                                checks it again
              signoff roster finesse                        who is there; changes nothing
              signoff run @supervisor_logs_out_team --plan  what would be done; changes nothing
              signoff run @supervisor_logs_out_team         does it
        "#]],
    );
    let written = fs::read_to_string(site.path("signoff.toml")).unwrap();
    expect![[r##"
        # Which systems signoff works on, and as whom; written by `signoff init`, to be changed by hand.
        # No secret stands in here, only where it is found. `signoff doctor` checks it.

        [connections.finesse]
        provider = "finesse"
        api = ["ORIGIN"] # the Finesse servers, such as `https://finesse-a.example.com:8445`; the second is the failover node
        credential = "supervisor"
        # rate = "20/s"               # requests at most; "none" switches the limit off
        # concurrency = 8             # requests under way at once
        # timeout = "10s"             # of one exchange
        # settle = "10s"              # the longest that the vendor takes to apply what it has received
        # ca_file = "ca.pem"          # certificates of your own authority, if the system does not know it

        [credentials.supervisor]
        username = "supervisor"
        password = { env = "SITE_PASSWORD" }

        [limits]
        confirm_above = 25            # more users than this want a plan first, and a yes
        exempt = []                   # never touched, such as "finesse:sup*"
    "##]].assert_eq(&written.replace(&url, "ORIGIN"));
    let mode = fs::metadata(site.path("signoff.toml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    check(
        site.run(&init),
        3,
        &expect![[r#"
        error: `signoff.toml` is there already, and is left as it is
          = help: add to it by hand: `signoff init … --config NEW.toml` writes what to add; `signoff doctor` checks it
    "#]],
    );
    check(
        site.run(&["doctor"]),
        0,
        &expect![[r#"
            configuration
              ✓ ok      file           signoff.toml (the current folder)
              ✓ ok      confirm_above  25 (signoff.toml:19)
              ✓ ok      exempt         nobody (signoff.toml:20)
              ✓ ok      script_memory  64 MiB (default)
              ✓ ok      script_cpu     10s (default)
              ✓ ok      run_time       none (default)
            credential `supervisor`
              ✓ ok      username       supervisor (signoff.toml:15)
              ✓ ok      password       environment variable `SITE_PASSWORD` (signoff.toml:16)
              ✓ ok      secret         found
            connection `finesse`
              ✓ ok      provider       finesse 0.1.0 (signoff.toml:5)
              ✓ ok      api            ORIGIN (signoff.toml:6)
              ✓ ok      credential     supervisor (signoff.toml:7)
              ✓ ok      rate           20/s (default of Cisco Finesse)
              ✓ ok      concurrency    8 (default of Cisco Finesse)
              ✓ ok      timeout        10s (default of Cisco Finesse)
              ✓ ok      settle         10s (default of Cisco Finesse)
              ✓ ok      deployment     auto (default of Cisco Finesse)
              ✓ ok      node           ORIGIN answers, in N ms
              ✓ ok      health         IN_SERVICE
              ✓ ok      certificate    none: nothing leaves this machine
              ✓ ok      clock          agrees with this machine's
              ✓ ok      credential use `supervisor` is accepted: Agent supervisor
              - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                       = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is
            state
              ✓ ok      folder         FOLDER/state (--state)
              ✓ ok      journal        can be written, by you alone; on disk within N ms
              ✓ ok      space          N MiB free

            no problems, 1 notice
            ---
            next: signoff roster finesse
        "#]],
    );
    check(
        site.run(&["roster", "finesse"]),
        0,
        &expect![[r#"
        id          name              state      for     extension  team
        supervisor  Agent supervisor  NOT_READY  10 min  2001       1 Team 1
        10001       Ann O'Neil        READY      10 min  50001      1 Team 1

        2 users: 1 NOT_READY, 1 READY
    "#]],
    );
    let run = ["run", "@supervisor_logs_out_team"];
    check(
        site.run(&[&run[..], &["--plan"]].concat()),
        0,
        &expect![[r#"
        - planned   10001        Ann O'Neil
        - skipped   supervisor   Agent supervisor         acts in this run; `include_self` logs him out too, last

        2 users: 1 would be logged out, 1 skipped
        planned in N s, run RUN; nothing was changed
        ---
        plan RUN: @supervisor_logs_out_team
    "#]],
    );
    assert!(site.sandbox.ledger().effects().is_empty());
    check(
        site.run(&run),
        0,
        &expect![[r#"
            ✓ done      10001        Ann O'Neil               confirmed by a status read
            - skipped   supervisor   Agent supervisor         acts in this run; `include_self` logs him out too, last

            2 users: 1 logged out, 1 skipped
            completed in N s, run RUN
            ---
            run RUN: @supervisor_logs_out_team
            info: connection `finesse`: no notifications, states are read instead: `supervisor` is signed in (NOT_READY), and Finesse logs out whoever is signed in when his session of notifications ends (reason 255): name another user for them, `feed = { credential = "…" }`
        "#]],
    );
    assert_eq!(site.sandbox.ledger().effects_on("10001").len(), 1);
}

#[test]
fn init_says_what_is_missing_and_writes_nothing_wrong() {
    let site = empty(Population::team(0));
    let init = |more: &[&str]| site.run(&[&["init"], more].concat());
    let secret = ["--username", "supervisor", "--password-env", "SITE_PASSWORD"];
    check(
        init(&["fineese", "https://finesse.example.com:8445"]),
        3,
        &expect![[r#"
            error: there is no plugin `fineese`
              tried `FOLDER/.local/share/signoff/plugins` (the user's plugins): there is no such folder
              tried `/usr/local/lib/signoff/plugins` (the system's plugins): there is no such folder
              tried `/usr/lib/signoff/plugins` (the system's plugins): there is no such folder
              = help: did you mean `finesse`? else put the plugin's folder into one of these as `fineese`, or name another with --plugin-path
        "#]],
    );
    check(
        init(&["finesse", "https://finesse.example.com:8445"]),
        2,
        &expect![[r#"
        error: no user name is given to sign in with
          = help: add --username NAME: who may log the others out
    "#]],
    );
    check(
        init(&[
            "finesse",
            "https://finesse.example.com:8445",
            "--username",
            "sup01",
        ]),
        2,
        &expect![[r#"
            error: it is not said where the password is found
              = help: add --password-env VARIABLE, --password-file FILE, --password-command PROGRAM … or --password-prompt
        "#]],
    );
    for (url, words) in [
        (
            "finesse.example.com:8445",
            "write `https://finesse.example.com:8445`",
        ),
        ("http://finesse.example.com:8080", "would send passwords in clear"),
        (
            "https://finesse.example.com:8445/desktop",
            "write `https://finesse.example.com:8445`",
        ),
        (
            "https://sup01:hunter22@finesse.example.com",
            "the address holds a user name or a password",
        ),
    ] {
        let ended = init(&[&["finesse", url], &secret[..]].concat()).exits(2);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter22"), "{}", ended.stderr);
    }
    let named = ["finesse", "https://finesse.example.com:8445", "--name", "a b"];
    check(
        init(&[&named[..], &secret[..]].concat()),
        2,
        &expect![[r#"
        error: `a b` cannot be a name
          = help: use letters, digits, `-`, `_` and `.`
    "#]],
    );
    assert!(!site.path("signoff.toml").exists());
}

#[test]
fn init_tries_a_wrong_password_once_and_says_so() {
    let site = empty(Population::team(0)).password("wrong-password");
    let url = site.sandbox.origin();
    let init = [
        "init",
        "finesse",
        &url,
        "--username",
        "supervisor",
        "--password-env",
        "SITE_PASSWORD",
    ];
    check(
        site.run(&init),
        4,
        &expect![[r#"
            credential `supervisor`
              ✓ ok      username       supervisor (signoff.toml:15)
              ✓ ok      password       environment variable `SITE_PASSWORD` (signoff.toml:16)
              ✓ ok      secret         found
            connection `finesse`
              ✓ ok      provider       finesse 0.1.0 (signoff.toml:5)
              ✓ ok      api            ORIGIN (signoff.toml:6)
              ✓ ok      credential     supervisor (signoff.toml:7)
              ✓ ok      rate           20/s (default of Cisco Finesse)
              ✓ ok      concurrency    8 (default of Cisco Finesse)
              ✓ ok      timeout        10s (default of Cisco Finesse)
              ✓ ok      settle         10s (default of Cisco Finesse)
              ✓ ok      deployment     auto (default of Cisco Finesse)
              ✓ ok      node           ORIGIN answers, in N ms
              ✓ ok      health         IN_SERVICE
              ✓ ok      certificate    none: nothing leaves this machine
              ✓ ok      clock          agrees with this machine's
              ✗ problem credential use `supervisor` is refused, status 401; it was shown once
                                       = help: correct user name or secret before you try again: vendors lock accounts after a few refusals
              - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                       = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is

            1 problem, 1 notice
            ---
            wrote `signoff.toml`; now it is tried
            next: mend what is said above (`signoff.toml` is yours to change), then: signoff doctor
        "#]],
    );
    let refused = |site: &Site| {
        site.sandbox
            .ledger()
            .count_where(|request| request.end == End::Answered(401))
    };
    assert_eq!(refused(&site), 1);
    site.run(&["doctor"]).exits(4);
    assert_eq!(refused(&site), 2);
}
