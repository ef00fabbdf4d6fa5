//! Users from a file: each acts once, what is wrong with the file is said before anything is sent, and what is secret in
//! it is found nowhere afterwards.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use expect_test::{Expect, expect};
use signoff_engine::journal::JournalReader;
use signoff_sandbox::{Population, State};

use crate::support::{Ended, Site, repository};

#[test]
fn a_file_names_who_is_logged_out() {
    let site = Site::new(Population::team(4));
    let list =
        "\u{feff}Agent;ID\r\nAnn;10001\r\nBob;10002\r\nAnn;10001\r\n\"Sup; \"\"S\"\"\";supervisor\r\n;\r\n";
    let list = site.write("people.csv", list);
    let arguments = [
        "logout",
        "site",
        "--from",
        &list,
        "--map",
        "name=agent",
        "--format",
        "json",
    ];
    let ended = site.signoff(&arguments).exits(0);
    assert_eq!(site.sandbox.signed_in(), ["supervisor", "10003", "10004"]);
    assert_eq!(ended.outcome("supervisor")["name"], "Sup; \"S\"");
    assert_eq!(ended.outcome("supervisor")["code"], "acting_user");
    assert_eq!(
        ended.summary()["counts"],
        serde_json::json!({ "done": 2, "skipped": 1 })
    );
    assert_eq!(site.sandbox.ledger().logouts_of("10001").requested, 1);
    let header = header(&site);
    let [input] = header.inputs.as_slice() else {
        panic!("{:?}", header.inputs)
    };
    assert_eq!((&input.path, input.rows), (&list, Some(4)));
    let sum = std::process::Command::new("sha256sum")
        .arg(&list)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&sum.stdout).starts_with(&input.sha256));
    assert!(!format!("{:?}", header.arguments).contains("10001"));
}

#[test]
fn json_lines_come_by_standard_input() {
    let site = Site::new(Population::team(3));
    let list = site.write(
        "people.jsonl",
        "{\"login\":10001}\n\n{\"login\":\"10002\",\"name\":\"Bob\"}\n",
    );
    let arguments = [
        "logout",
        "site",
        "--from",
        "-",
        "--id-column",
        "login",
        "--format",
        "json",
    ];
    let ended = site
        .signoff_fed(File::open(list).unwrap().into(), &arguments)
        .exits(0);
    assert_eq!(ended.summary()["counts"]["done"], 2);
    assert_eq!(header(&site).inputs[0].path, "-");
    let ended = site
        .signoff_fed(Stdio::null(), &["status", "site", "--from", "-"])
        .exits(2);
    expect![[r#"
        error: -: there is nothing in it, not even a line of column names
          = help: begin with a line of column names, such as `id,name`; or write one JSON object a line
    "#]]
    .assert_eq(&ended.printed());
}

#[test]
fn the_state_of_many_is_shown() {
    let site = Site::new(Population::team(3));
    let list = site.write("people.csv", "id\n10001\n10003\n");
    let ended = site
        .signoff(&["status", "site", "--from", &list, "--format", "json"])
        .exits(0);
    let users: Vec<_> = ended.lines().iter().map(|line| line["id"].to_string()).collect();
    assert_eq!(users, ["\"10001\"", "\"10003\""]);
}

#[test]
fn many_are_asked_about_or_agreed_to() {
    let site = Site::new(Population::team(40));
    let mut list = "id\n".to_owned();
    (10_001..=10_030).for_each(|id| writeln!(list, "{id}").unwrap());
    let list = site.write("people.csv", &list);
    let ended = site.signoff(&["logout", "site", "--from", &list, "-q"]).exits(2);
    assert!(
        ended.stderr.contains("30 users of `site` would be logged out"),
        "{}",
        ended.stderr
    );
    assert!(site.sandbox.ledger().effects().is_empty());
    site.signoff(&["logout", "site", "--from", &list, "--yes"])
        .exits(0);
    let out = site.sandbox.ledger().effects();
    assert_eq!(out.iter().filter(|effect| effect.to == State::Logout).count(), 30);
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    says(
        b"id,name\n10001,Ann\n10002\n,Cy\n10003,D\xFFe\n",
        &[],
        expect![[r#"
            error: people.csv:3: row 2: 1 cell where the header has 2
            error: people.csv:4: row 3: there is no id
            error: people.csv:5: row 4, column `name`, byte 36: not UTF-8
              = help: a cell that holds a comma or a line break stands in quotes
              = help: every row names a user; leave the others out
              = help: save it as UTF-8; a spreadsheet calls that "CSV UTF-8"
        "#]],
    );
    says(
        b"login,name\n10001,Ann\n",
        &["--id-column", "logn"],
        expect![[r#"
            error: people.csv:1: there is no column `logn`; the columns are `login`, `name`
              = help: did you mean `login`?
        "#]],
    );
    says(
        b"id,name\n10001,Ann\n",
        &["--map", "team"],
        expect![[r#"
            error: `--map team` has no value: it is not of the form NAME=VALUE
              = help: for example `--map device_token=fcm`
        "#]],
    );
    says(
        b"id\n10001\n",
        &["10002"],
        expect![[r#"
            error: the argument '--from <FILE>' cannot be used with '[USER]...'

            Usage: signoff logout --from <FILE> <CONNECTION> [USER]...
        "#]],
    );
}

#[test]
fn columns_of_no_file() {
    let site = Site::new(Population::team(3));
    for arguments in [
        ["logout", "site", "10001", "--id-column", "login"],
        ["logout", "site", "--team=1", "--map", "name=agent"],
        ["status", "site", "10001", "--secret-column", "pin"],
    ] {
        let ended = site.signoff(&arguments).exits(2);
        let [.., flag, _] = arguments;
        let told = format!("error: `{flag}` is about the columns of a file, and none is named\n");
        assert!(ended.stderr.starts_with(&told), "{}", ended.stderr);
    }
    assert!(site.sandbox.ledger().effects().is_empty());
}

#[test]
fn a_name_that_is_not_utf8_is_a_name() {
    let site = Site::new(Population::team(3));
    let list = OsStr::from_bytes(b"caf\xE9.csv");
    fs::write(site.path("").join(list), "id\n10001\n").unwrap();
    let config = site.path("signoff.toml");
    for command in ["logout", "status"] {
        let arguments = ["--config", config.to_str().unwrap(), command, "site", "--from"];
        let mut signoff = site.command(&arguments, "");
        assert!(signoff.arg(list).status().unwrap().success(), "{command}");
    }
    assert_eq!(site.sandbox.ledger().logouts_of("10001").requested, 1);
}

#[test]
fn several_rows_of_one_user_are_one_user() {
    let site = Site::new(Population::team(3));
    let list = site.write("people.csv", "id,name\n10001,Ann\n10001,Anna\n10001,Ann\n");
    let ended = site.signoff(&["logout", "site", "--from", &list]).exits(0);
    assert!(
        ended.stderr.contains(
            "`10001` is there more than once, and line 3 has another `name` than line 2, which counts"
        ),
        "{}",
        ended.stderr
    );
    assert_eq!(site.sandbox.ledger().logouts_of("10001").requested, 1);
}

#[test]
fn a_secret_column_is_found_nowhere() {
    let site = Site::new(Population::team(3));
    let list = site.write(
        "people.csv",
        "id,name,Pin\n10001,Ann,c4n4ry-one\n10002,Bob,c4n4ry-two\n10009,Cy,c4n4ry-three\n",
    );
    for pin in ["pin", "PIN"] {
        let arguments = [
            "logout",
            "site",
            "--from",
            &list,
            "--secret-column",
            pin,
            "-vv",
            "--format",
            "json",
        ];
        let ended = site.signoff(&arguments).exits(1);
        nothing_found(&site, &ended);
    }
    site.write(
        "people.csv",
        "id,name,Pin\n10001,Ann,c4n4ry-one\n10002,Bob,c4n4ry-two,c4n4ry\n,Cy,\"c4n4ry\n",
    );
    let ended = site
        .signoff(&["logout", "site", "--from", &list, "--secret-column", "pin"])
        .exits(2);
    nothing_found(&site, &ended);
    // Without its header a file begins with what may be a key.
    site.write("people.csv", "10001,c4n4ry-one\n10002,c4n4ry-two\n");
    for more in [&[][..], &["--id-column", "id"], &["--map", "key=kee"]] {
        let ended = site
            .signoff(&[&["logout", "site", "--from", &list], more].concat())
            .exits(2);
        nothing_found(&site, &ended);
    }
}

#[test]
fn device_tokens_come_from_a_file_and_are_found_nowhere() {
    let site = Site::new(Population::team(0));
    let list = fs::read_to_string(repository().join("scripts/people/zap_users.csv")).unwrap();
    let id = list
        .lines()
        .nth(1)
        .and_then(|line| line.split(',').next())
        .unwrap();
    // Under another name, and with the row of a second device behind all others.
    let people = format!(
        "{}{id},,c4n4ry-token\n",
        list.replace("device_token", "FCM token")
    );
    let people = site.write("people.csv", &people);
    let arguments = [
        "logout",
        "zap",
        "--sandbox",
        "--from",
        &people,
        "--map",
        "device_token=fcm_token",
    ];
    let ended = site.run(
        &[
            &arguments[..],
            &["-o", "via=device", "--yes", "-vv", "--format", "json"],
        ]
        .concat(),
    );
    let devices = list.lines().filter(|line| line.starts_with(id)).count() as u64;
    let of_several = ended.outcome(id);
    assert!(of_several["attempts"].as_u64() > Some(devices), "{of_several}");
    let tokens = list.lines().skip(1).filter_map(|line| line.rsplit(',').next());
    for token in tokens.chain(["c4n4ry-token"]).filter(|token| !token.is_empty()) {
        is_nowhere(&site, &ended, token);
    }
}

#[test]
fn each_key_ends_the_sessions_of_its_owner() {
    let site = Site::new(Population::team(0));
    let bundled = repository().join("scripts/people/uiza_keys.csv");
    let list = fs::read_to_string(&bundled).unwrap();
    let keys: Vec<&str> = list
        .lines()
        .skip(1)
        .filter_map(|line| line.rsplit(',').next())
        .collect();
    let bundled = bundled.to_str().unwrap();
    let json = ["--yes", "--format", "json"];
    let ended = site
        .run(&[&["logout", "uiza", "--sandbox", "--from", bundled][..], &json].concat())
        .exits(0);
    assert_eq!(ended.summary()["counts"]["done"], keys.len());
    keys.iter().for_each(|key| is_nowhere(&site, &ended, key));
    let by_script = site.write("keys.luau", BY_SCRIPT);
    let set = format!("keys={bundled}");
    let ended = site
        .run(&[&["run", &by_script, "--sandbox", "--set", &set][..], &json].concat())
        .exits(0);
    assert_eq!(ended.summary()["counts"]["done"], keys.len());
    keys.iter().for_each(|key| is_nowhere(&site, &ended, key));
}

#[test]
fn two_users_on_one_key_are_both_named_and_nothing_is_sent() {
    let site = Site::new(Population::team(0));
    let list = site.write(
        "keys.csv",
        "id,key\nann,c4n4ry-one\nbob,c4n4ry-two\ncy,c4n4ry-one\n",
    );
    let ended = site
        .run(&["logout", "uiza", "--sandbox", "--from", &list, "--yes"])
        .exits(2);
    expect![[r#"
        error: FOLDER/keys.csv:4: row 3: `cy` has the same `key` as `ann` in line 2, and a logout ends the sessions of whoever owns it: one of the two is not who would be logged out
          = help: give each user the key that is his own
    "#]]
    .assert_eq(&ended.printed());
    nothing_found(&site, &ended);
    let script = site.write("keys.luau", BY_SCRIPT);
    let set = format!("keys={list}");
    let ended = site
        .run(&[
            "run",
            &script,
            "--sandbox",
            "--set",
            &set,
            "--yes",
            "--format",
            "json",
        ])
        .exits(3);
    assert!(
        ended.stderr.contains("`cy` has the same `key` as `ann`"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.summary()["total"], 0);
    nothing_found(&site, &ended);
}

#[test]
fn blanks_make_no_other_key() {
    let site = Site::new(Population::team(0));
    let list = site.write("keys.csv", "id,key\nann,c4n4ry-one\nbob,c4n4ry-one \n");
    let told = "row 2, column `key`, byte 27: there are blanks around the secret";
    let on_sandbox = ["--sandbox", "--yes"];
    let ended = site.run(&[&["logout", "uiza", "--from", &list][..], &on_sandbox].concat());
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    nothing_found(&site, &ended.exits(2));
    let script = site.write("keys.luau", BY_SCRIPT);
    let set = format!("keys={list}");
    let ended = site.run(&[&["run", &script, "--set", &set][..], &on_sandbox].concat());
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    nothing_found(&site, &ended.exits(3));
}

#[test]
fn a_script_that_lends_a_key_is_stopped_by_the_run() {
    lent("id,key\nann,c4n4ry-one\n", "{ connection = uiza }", "person.key");
    // One key, in two columns.
    let options = "{ connection = uiza, secret_columns = { \"spare\" } }";
    lent(
        "id,key,spare\nann,c4n4ry-one,c4n4ry-one\n",
        options,
        "person.spare",
    );
}

fn lent(list: &str, options: &str, key: &str) {
    let site = Site::new(Population::team(0));
    let list = site.write("keys.csv", list);
    let lends = format!("uiza:logout(person)\nuiza:logout({{ id = \"bob\", key = {key} }})");
    let script = site.write(
        "lend.luau",
        &BY_SCRIPT
            .replace("return uiza:logout(person)", &lends)
            .replace("{ connection = uiza }", options),
    );
    let set = format!("keys={list}");
    let ended = site
        .run(&[
            "run",
            &script,
            "--sandbox",
            "--set",
            &set,
            "--yes",
            "--format",
            "json",
        ])
        .exits(3);
    assert!(
        ended.stderr.contains("`bob` has the same `key` as `ann`"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.outcome("bob")["attempts"], 0);
    assert_eq!(ended.outcome("bob")["code"], "error");
    nothing_found(&site, &ended);
}

const BY_SCRIPT: &str = r#"
local signoff = require("@signoff")

return signoff.workflow({
    args = { connection = signoff.arg.connection("uiza"), keys = signoff.arg.file() },
    run = function(args)
        local uiza = signoff.connect(args.connection)
        return signoff.each(signoff.people(args.keys, { connection = uiza }), function(person)
            signoff.log("info", `{person.id} {person.key}`, { key = person.key })
            return uiza:logout(person)
        end)
    end,
})
"#;

#[test]
fn a_long_file_is_not_held_in_memory() {
    let peak = |rows: u64| {
        let site = Site::new(Population::team(0));
        let mut list = "id,name,note\n".to_owned();
        for row in 0..rows {
            writeln!(list, "user-{row},Somebody,{}", "x".repeat(300)).unwrap();
        }
        list.push_str("the,last\n");
        let list = site.write("people.csv", &list);
        let ended = site.signoff(&["logout", "site", "--from", &list]).exits(2);
        assert!(
            ended.stderr.contains("2 cells where the header has 3"),
            "{}",
            ended.stderr
        );
        ended.peak_kib
    };
    let (few, many) = (peak(1_000), peak(20_000));
    // Six megabytes of text; of each id sixteen bytes are kept until the file is checked.
    assert!(many < few + 4 * 1_024, "{few} KiB for few, {many} KiB for many");
}

#[track_caller]
fn nothing_found(site: &Site, ended: &Ended) {
    is_nowhere(site, ended, "c4n4ry");
}

/// Neither printed nor kept.
#[track_caller]
fn is_nowhere(site: &Site, ended: &Ended, secret: &str) {
    assert!(!ended.stdout.contains(secret), "{}", ended.stdout);
    assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    for run in fs::read_dir(site.path("state/runs")).into_iter().flatten() {
        let bytes = fs::read(run.unwrap().path()).unwrap();
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "a journal holds a secret");
    }
}

/// What `logout` says of a file; Finesse must have seen nothing.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`says(…, expect![…])` reads best")]
fn says(list: &[u8], more: &[&str], expected: Expect) {
    let site = Site::new(Population::team(3));
    fs::write(site.path("people.csv"), list).unwrap();
    let arguments = [&["logout", "site", "--from", "people.csv"], more].concat();
    let ended: Ended = site.signoff(&arguments).exits(2);
    expected.assert_eq(&ended.printed());
    assert_eq!(site.sandbox.ledger().count("GET", "/"), 0);
    assert!(site.sandbox.ledger().effects().is_empty());
}

/// What the journal of the only run says of it.
fn header(site: &Site) -> signoff_engine::journal::RunHeader {
    let runs = fs::read_dir(site.path("state/runs")).unwrap();
    let journals = runs.map(|run| run.unwrap().path());
    let mut journals: Vec<_> = journals
        .filter(|path| path.extension().is_some_and(|end| end == "sqlite"))
        .collect();
    journals.sort();
    JournalReader::open(&journals[0]).unwrap().meta().unwrap()
}
