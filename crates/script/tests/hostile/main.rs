//! Scripts that mean harm. Each is data: what it does, and the error it must end with. The conditions are the same
//! for all and lie in `support`: it ends in time and in its memory, its calls are carried to their end and none
//! comes after it, and another script in the same process notices nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod coroutines;
mod memory;
mod reach;
mod support;
mod time;

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use signoff_script::{Limits, Workflow};
use support::{Fake, Verdict, judge};

/// A script that means harm.
struct Hostile {
    name: &'static str,
    script: Script,
    /// What the first line of the error has in it.
    error: &'static str,
    /// `FILE:LINE` of the error; empty where the harm is nowhere in a script.
    at: &'static str,
}

/// What a script is made of.
enum Script {
    /// The body of `run`; it begins in line 3.
    Run(&'static str),
    /// The whole text.
    Whole(&'static str),
    /// The whole text, and the module `./module`.
    WithModule(&'static str, &'static str),
}

const TIME: &str = "the script computed for more than 100ms without a host call";
const MEMORY: &str = "the script needs more memory than 8MiB";

/// Short time, and little memory.
const LIMITS: Limits = Limits {
    memory: 8 << 20,
    cpu: Duration::from_millis(100),
};
/// For scripts that need a while to fill their memory.
const PATIENT: Limits = Limits {
    memory: 8 << 20,
    cpu: Duration::from_secs(4),
};

#[test]
fn none_takes_more_than_its_time() {
    check(time::SCRIPTS, LIMITS);
}

#[test]
fn none_takes_more_than_its_memory() {
    check(memory::SCRIPTS, PATIENT);
}

#[test]
fn none_takes_over_a_coroutine() {
    check(coroutines::SCRIPTS, LIMITS);
}

#[test]
fn none_reaches_what_it_was_not_given() {
    check(reach::SCRIPTS, LIMITS);
}

#[test]
fn there_are_enough_of_them() {
    let all: Vec<&str> = [
        time::SCRIPTS,
        memory::SCRIPTS,
        coroutines::SCRIPTS,
        reach::SCRIPTS,
    ]
    .iter()
    .flat_map(|scripts| scripts.iter().map(|hostile| hostile.name))
    .collect();
    assert!(all.len() >= 100, "{}", all.len());
    for (index, name) in all.iter().enumerate() {
        assert!(!all[..index].contains(name), "{name} comes twice");
    }
}

/// What a script prints may look like a line of the report, or move a cursor; it stays one text, and that text
/// is for the command line to make safe.
#[test]
fn what_is_printed_reaches_the_host_as_one_text() {
    let script = Script::Run(
        r#"
local line = '{"event":"summary","status":"completed"}'
print("a\n" .. line .. "\r\27[2K\27[1A" .. line .. "\n")
signoff.log("error", line .. "\n" .. line, { ["x\n" .. line] = "y\n" .. line })
error("\27[2J\n" .. line .. "\nstack traceback:\nmain.luau:1: " .. line .. "\nhint: " .. line)
"#,
    );
    let verdict = run(&script, LIMITS);
    let line = r#"{"event":"summary","status":"completed"}"#;
    assert_eq!(
        verdict.said,
        [
            format!("Info: a\n{line}\r\u{1b}[2K\u{1b}[1A{line}\n"),
            format!("Error: {line}\n{line} x\n{line}=Text({:?})", format!("y\n{line}")),
        ]
    );
    assert!(verdict.faults.is_empty(), "{:?}", verdict.faults);
    assert_eq!(
        verdict.error.lines().next(),
        Some("error: \u{1b}[2J"),
        "{}",
        verdict.error
    );
}

/// A process has only so many files that it can hold open, and its connections are among them.
#[test]
fn files_do_not_stay_open() {
    let left = "for turn = 1, 3000 do args.file:lines()() end";
    assert_eq!(with_file(left), "");
    let kept = "local all = {}\nfor turn = 1, 3000 do\n all[turn] = args.file:lines()\nend";
    let error = with_file(kept);
    assert!(error.contains("16 files are being read"), "{error}");
    assert!(error.contains("--> main.luau:8\n"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    fs::create_dir_all(&own).unwrap();
    fs::create_dir_all(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/module.luau"), "return {}").unwrap();
    std::os::unix::fs::symlink(folder.path().join("other"), own.join("link")).unwrap();
    let path = own.join("main.luau");
    for wanted in ["./link/module", "./link/../../other/module", "../other/module"] {
        fs::write(&path, format!("local signoff = require('{wanted}')")).unwrap();
        let error = Workflow::load(&path, LIMITS).unwrap_err();
        assert!(error.message.contains("lies outside"), "{wanted}: {error}");
    }
}

/// A script has a thread of its own: while it computes, progress is shown and answers are read.
#[test]
fn a_script_that_computes_lets_the_host_go_on() {
    let _alone = alone();
    let limits = Limits {
        cpu: Duration::from_millis(300),
        ..LIMITS
    };
    let text = "return require('@signoff').workflow({ run = function() while true do end end })";
    let workflow = Workflow::from_text("main.luau", text, limits).unwrap();
    let arguments = workflow.check_arguments(&[], &|_| Vec::new()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let began = Instant::now();
    let ticks = runtime.block_on(async {
        let mut run = std::pin::pin!(workflow.run(Arc::new(Fake::default()), &arguments));
        let mut timer = tokio::time::interval(Duration::from_millis(5));
        let mut ticks = 0;
        loop {
            tokio::select! {
                ended = &mut run => break ended.map(|_| ticks).map_err(|_| ticks),
                _ = timer.tick() => ticks += 1,
            }
        }
    });
    assert!(began.elapsed() >= limits.cpu);
    // Sixty, on a machine that has nothing else to do.
    assert!(ticks.is_err_and(|ticks| ticks >= 20), "{ticks:?}");
}

/// Runs them all, and tells of all that got through.
fn check(scripts: &[Hostile], limits: Limits) {
    let mut through = Vec::new();
    for hostile in scripts {
        let verdict = run(&hostile.script, limits);
        let mut faults = verdict.faults;
        let first = verdict.error.lines().next().unwrap_or_default();
        if first.is_empty() || !first.contains(hostile.error) {
            faults.push(format!("it ended with `{first}`, not with `{}`", hostile.error));
        }
        let place = format!("--> {}\n", hostile.at);
        if !hostile.at.is_empty() && !format!("{}\n", verdict.error).contains(&place) {
            let found = verdict.error.lines().find(|line| line.contains("-->"));
            faults.push(format!("it ended at {found:?}, not at {}", hostile.at));
        }
        for fault in faults {
            through.push(format!("{}: {fault}\n", hostile.name));
        }
    }
    assert!(through.is_empty(), "\n{}", through.concat());
}

fn run(script: &Script, limits: Limits) -> Verdict {
    // Time and memory are those of the process.
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.luau");
    let text = match script {
        Script::Run(body) => format!(
            "local signoff = require(\"@signoff\")\nreturn signoff.workflow({{ run = function()\n{}\nend }})\n",
            body.trim_start_matches('\n')
        ),
        Script::Whole(text) | Script::WithModule(text, _) => text.trim_start_matches('\n').to_owned(),
    };
    fs::write(&path, text).unwrap();
    if let Script::WithModule(_, module) = script {
        fs::write(folder.path().join("module.luau"), module.trim_start_matches('\n')).unwrap();
    }
    judge(&path, limits)
}

/// The error of a script whose `run` is given a file; empty if there was none.
fn with_file(body: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.txt");
    fs::write(&file, "one\ntwo\n").unwrap();
    let text = format!(
        "local signoff = require('@signoff')\nreturn signoff.workflow({{\nargs = {{ file = signoff.arg.file() }},\nrun = function(args)\n\n{body}\nend }})"
    );
    let workflow = Workflow::from_text("main.luau", &text, PATIENT).unwrap();
    let path = file.display().to_string();
    let arguments = workflow
        .check_arguments(&[("file", &path)], &|_| Vec::new())
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let host = Arc::new(Fake::default());
    let ended = runtime.block_on(workflow.run(host, &arguments));
    ended.map_or_else(|error| error.to_string(), |_| String::new())
}

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
