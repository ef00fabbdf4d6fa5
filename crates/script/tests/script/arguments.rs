//! Declared arguments, and what they are set to.

use std::fs;
use std::sync::Arc;

use expect_test::{Expect, expect};
use signoff_script::Workflow;

use crate::support::{Fake, connections_of, limits};

const SCRIPT: &str = r#"
local signoff = require("@signoff")
return signoff.workflow({
    summary = "Tries every kind",
    args = {
        connection = signoff.arg.connection("finesse"),
        team = signoff.arg.string({ default = "", help = "team id" }),
        wait = signoff.arg.duration({ default = "15m", help = "how long" }),
        count = signoff.arg.number({ default = 3 }),
        dry = signoff.arg.boolean({ default = false }),
        ids = signoff.arg.list({ default = { "a" } }),
        must = signoff.arg.string(),
    },
    run = function(args)
        print(args.connection, args.team, args.wait, args.count, args.dry, table.concat(args.ids, "+"), args.must)
    end,
})
"#;

#[expect(clippy::needless_pass_by_value, reason = "as expect! gives it")]
fn check(settings: &[(&str, &str)], expected: Expect) {
    let workflow = Workflow::from_text("a.luau", SCRIPT, limits()).unwrap();
    let text = match workflow.check_arguments(settings, &connections_of) {
        Ok(arguments) => {
            let settings = arguments.settings();
            let again: Vec<(&str, &str)> = settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(
                workflow.check_arguments(&again, &connections_of).unwrap(),
                arguments
            );
            settings
                .iter()
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect()
        }
        Err(errors) => errors
            .iter()
            .map(|error| format!("{error}\n  {}\n", error.hint))
            .collect::<String>(),
    };
    expected.assert_eq(&text);
}

#[test]
fn help_tells_what_it_takes() {
    let workflow = Workflow::from_text("a.luau", SCRIPT, limits()).unwrap();
    expect![[r#"
        Tries every kind

        Arguments (--set NAME=VALUE):
          connection=CONNECTION  a connection of the provider `finesse`; may be omitted if there is just one
          team=TEXT              team id
          wait=DURATION          how long [default: 15m]
          count=NUMBER           [default: 3]
          dry=true|false         [default: false]
          ids=TEXT,…             [default: a]
          must=TEXT              [required]
    "#]]
    .assert_eq(&workflow.help());
}

#[test]
fn settings_are_typed() {
    check(
        &[("must", "x")],
        expect![[r#"
        connection=prod
        team=
        wait=15m
        count=3
        dry=false
        ids=a
        must=x
    "#]],
    );
    check(
        &[
            ("must", "x"),
            ("ids", "1, 2"),
            ("ids", "3"),
            ("count", "2.5"),
            ("dry", "true"),
            ("wait", "90s"),
        ],
        expect![[r#"
            connection=prod
            team=
            wait=90s
            count=2.5
            dry=true
            ids=1
            ids=2
            ids=3
            must=x
        "#]],
    );
}

#[test]
fn mistakes_are_told_together() {
    check(
        &[
            ("tem", "7"),
            ("count", "many"),
            ("dry", "yes"),
            ("wait", "15"),
            ("connection", "prd"),
            ("team", "1"),
            ("team", "2"),
        ],
        expect![[r#"
            there is no argument `tem`
              did you mean `team`?
            there is no connection `prd` of the provider `finesse`
              did you mean `prod`?
            the argument `team` is set 2 times
              set it once
            the argument `wait` takes a duration, not `15`
              a duration has a unit: `15s` for seconds, `15m` for minutes
            the argument `count` takes a number, not `many`
              write --set count=NUMBER
            the argument `dry` takes `true` or `false`, not `yes`
              write --set dry=true|false
            the argument `must` is missing
              write --set must=TEXT
        "#]],
    );
}

#[test]
fn a_connection_may_be_omitted_if_there_is_one() {
    let text = |provider: &str| {
        format!(
            "local s = require('@signoff')\nreturn s.workflow({{ args = {{ c = s.arg.connection('{provider}') }}, run = print }})"
        )
    };
    let try_it = |provider| {
        let workflow = Workflow::from_text("a.luau", &text(provider), limits()).unwrap();
        match workflow.check_arguments(&[], &connections_of) {
            Ok(arguments) => format!("{:?}", arguments.settings()),
            Err(errors) => format!("{}; {}", errors[0], errors[0].hint),
        }
    };
    expect![[r#"[("c", "prod")]"#]].assert_eq(&try_it("finesse"));
    expect!["the argument `c` is missing; several connections have the provider `zap`: `zap-a`, `zap-b`; write --set c=zap-a"].assert_eq(&try_it("zap"));
    expect!["no connection has the provider `uiza`; add one to signoff.toml, or try `--sandbox`"]
        .assert_eq(&try_it("uiza"));
}

#[test]
fn a_file_may_be_left_out() {
    let script = r#"
local signoff = require("@signoff")
return signoff.workflow({
    args = { from = signoff.arg.file({ default = "" }) },
    run = function(args)
        print(if args.from == "" then "none" else "a file")
    end,
})
"#;
    let workflow = Workflow::from_text("a.luau", script, limits()).unwrap();
    let left_out = workflow.check_arguments(&[], &connections_of).unwrap();
    let said = workflow
        .check_arguments(&[("from", "")], &connections_of)
        .unwrap();
    assert_eq!(left_out, said);
    assert_eq!(left_out.settings(), [("from".to_owned(), String::new())]);
    let missing = workflow
        .check_arguments(&[("from", "no/such")], &connections_of)
        .unwrap_err();
    assert!(missing[0].message.starts_with("cannot read the file `no/such`"));
}

#[test]
fn a_file_is_read_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ids.txt");
    fs::write(&path, "1001\r\n1002\n1003").unwrap();
    let text = r#"
local signoff = require("@signoff")
return signoff.workflow({
    args = { from = signoff.arg.file({ help = "one id a line" }) },
    run = function(args)
        for line in args.from:lines() do print(line) end
        print(#args.from.sha256)
    end,
})
"#;
    let workflow = Workflow::from_text("a.luau", text, limits()).unwrap();
    let host = Arc::new(Fake::default());
    let shown = path.display().to_string();
    let arguments = workflow
        .check_arguments(&[("from", &shown)], &connections_of)
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let run = || runtime.block_on(workflow.run(Arc::clone(&host), &arguments));
    run().unwrap();
    assert_eq!(
        host.notes(),
        ["Info: 1001", "Info: 1002", "Info: 1003", "Info: 64"]
    );
    fs::write(&path, "1001\n9999").unwrap();
    let error = run().unwrap_err().to_string();
    assert!(error.contains("was changed since this run began"), "{error}");
    let error = workflow
        .check_arguments(&[("from", "no/such")], &connections_of)
        .unwrap_err();
    assert!(
        error[0].message.starts_with("cannot read the file `no/such`"),
        "{}",
        error[0]
    );
}
