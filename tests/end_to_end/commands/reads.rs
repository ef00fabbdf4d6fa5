//! What commands that change nothing print.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use expect_test::expect;
use signoff_sandbox::{Population, State, User};

use super::*;
use crate::support::Site;

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
            zap       0.1.0    built in  trusted
            uiza      0.1.0    built in  trusted
        "#]],
    );
    check(
        site.run(&["plugin", "list", "--format", "json"]),
        0,
        &expect![[r#"
            {"event":"plugin","provider":"finesse","version":"0.1.0","kind":"built in","trust":"trusted","sha256":null,"path":null}
            {"event":"plugin","provider":"zap","version":"0.1.0","kind":"built in","trust":"trusted","sha256":null,"path":null}
            {"event":"plugin","provider":"uiza","version":"0.1.0","kind":"built in","trust":"trusted","sha256":null,"path":null}
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
        serving.starts_with("simulating Finesse, ZAP and Uiza at http://127.0.0.1:"),
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
