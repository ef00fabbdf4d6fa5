//! The scripts that come with signoff.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::{Expect, expect};
use signoff_core::Outcome;
use signoff_engine::call::Answer;
use signoff_script::{Ending, Limits, Workflow};

use crate::support::{Fake, answer, connections_of, run_workflow};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scripts")
        .join(name)
}

/// What the host notes while a bundled script runs; the script's own path is left out.
#[expect(clippy::needless_pass_by_value, reason = "as expect! gives it")]
fn check(name: &str, settings: &[(&str, &str)], host: Fake, expected: Expect) {
    let workflow = Workflow::load(&path(name), Limits::default()).unwrap();
    let arguments = workflow.check_arguments(settings, &connections_of).unwrap();
    let host = Arc::new(host);
    let ended = run_workflow(&host, &workflow, &arguments);
    assert!(matches!(ended, Ok(Ending::Completed)), "{ended:?}");
    let notes = host.notes().join("\n") + "\n";
    expected.assert_eq(&notes.replace(&path(name).display().to_string(), name));
}

#[test]
fn supervisor_logs_out_team() {
    let name = "supervisor_logs_out_team.luau";
    check(
        name,
        &[],
        Fake::default(),
        expect![[r#"
            1 supervisor_logs_out_team.luau:35 prod:roster  signed_in=true team=
            enter prod:sup01
            enter prod:1001
            enter prod:1002
            enter prod:O'Neil & Co
            2[1001]1 supervisor_logs_out_team.luau:37 prod:logout 1001 confirm=best wait=15m when=idle
            2[1002]1 supervisor_logs_out_team.luau:37 prod:logout 1002 confirm=best wait=15m when=idle
            2[O'Neil & Co]1 supervisor_logs_out_team.luau:37 prod:logout O'Neil & Co confirm=best wait=15m when=idle
            2[sup01]1 supervisor_logs_out_team.luau:37 prod:logout sup01 confirm=best wait=15m when=idle
        "#]],
    );
    check(
        name,
        &[("connection", "prod"), ("team", "7"), ("wait", "1h")],
        Fake {
            behaviour: Box::new(|call| match call.operation.as_str() {
                // The roster cannot be read: there is nobody to log out.
                "roster" => Ok(Answer::Outcome(Arc::new(crate::support::row(
                    "",
                    Outcome::Denied,
                )))),
                _ => answer(call),
            }),
            ..Fake::default()
        },
        expect![[r#"
            1 supervisor_logs_out_team.luau:35 prod:roster  signed_in=true team=7
        "#]],
    );
}

#[test]
fn agent_signs_out() {
    let name = "agent_signs_out.luau";
    check(
        name,
        &[],
        Fake::default(),
        expect![[r#"
            1 agent_signs_out.luau:35 prod:logout sup01 confirm=best force_not_ready=false wait=15m when=idle
        "#]],
    );
    check(
        name,
        &[("reason", "End of shift"), ("force_not_ready", "true")],
        Fake::default(),
        expect![[r#"
            1 agent_signs_out.luau:35 prod:logout sup01 confirm=best force_not_ready=true reason=End of shift wait=15m when=idle
        "#]],
    );
}

#[test]
fn help() {
    let help = |name: &str| Workflow::load(&path(name), Limits::default()).unwrap().help();
    expect![[r#"
        Log a supervisor's team out, leaving live calls alone

        Arguments (--set NAME=VALUE):
          connection=CONNECTION  a connection of the provider `finesse`; may be omitted if there is just one
          team=TEXT              team id; empty: every team of the supervisor
          wait=DURATION          how long to wait for a call to end [default: 15m]
    "#]]
    .assert_eq(&help("supervisor_logs_out_team.luau"));
    expect![[r#"
        Sign an agent out as himself

        Arguments (--set NAME=VALUE):
          connection=CONNECTION       a connection of the provider `finesse`; may be omitted if there is just one
          reason=TEXT                 sign-out reason, by label or id; empty: none
          force_not_ready=true|false  go to NOT_READY first [default: false]
          wait=DURATION               how long to wait for a call to end [default: 15m]
    "#]].assert_eq(&help("agent_signs_out.luau"));
}

#[test]
fn every_script_loads_and_says_what_it_does() {
    let mut found = 0;
    for entry in std::fs::read_dir(path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "luau") {
            let workflow = Workflow::load(&path, Limits::default()).unwrap();
            assert!(!workflow.summary().is_empty(), "{}", path.display());
            let text = std::fs::read_to_string(&path).unwrap();
            for part in ["--!strict", "-- Arguments", "-- Risks"] {
                assert!(text.contains(part), "{} has no `{part}`", path.display());
            }
            for argument in workflow.arguments() {
                assert!(
                    text.contains(&format!("--   {}", argument.name)),
                    "{}: {}",
                    path.display(),
                    argument.name
                );
            }
            found += 1;
        }
    }
    assert!(found >= 2);
}
