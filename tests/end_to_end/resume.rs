//! A run that is killed is taken up again: nobody is lost, nobody is logged out twice, everybody is told of.

mod doubt;
mod paths;

use std::collections::BTreeMap;

use expect_test::expect;
use serde_json::{Value, json};
use signoff_sandbox::{Population, State};

use crate::support::{Ended, Running, Site};

/// Each goes through several calls, so that a run can break off between any two of them.
const SCRIPT: &str = "
local signoff = require('@signoff')
return signoff.workflow({ run = function()
    local site = signoff.connect('site')
    local agents = site:roster({ signed_in = true })
    local began = signoff.now()
    return signoff.each(agents, function(agent)
        if agent.id == '10002' then return signoff.skip(agent, 'on duty') end
        signoff.sleep('1ms')
        return site:logout(agent, { confirm = 'status' })
    end)
end })";

fn puts(site: &Site) -> usize {
    site.sandbox.ledger().count("PUT", "/")
}

/// The work of a site, as it is typed.
fn script(site: &Site) -> Vec<String> {
    let path = site.write("work.luau", SCRIPT);
    ["run", &path, "--yes", "--format", "json"]
        .map(str::to_owned)
        .to_vec()
}

fn begin<'a>(site: &'a Site, arguments: &[String]) -> Running<'a> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    site.begin(&arguments)
}

fn resume(site: &Site, more: &[&str]) -> Ended {
    site.run(&[&["resume", "--format", "json"], more].concat())
}

/// The only run of a site.
fn run_id(ended: &Ended) -> String {
    ended.lines()[0]["run"].as_str().unwrap().to_owned()
}

/// How often everybody was told of, and with which outcome.
fn told(ended: &Ended) -> BTreeMap<String, Vec<Value>> {
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in ended.outcomes() {
        let user = line["user"].as_str().unwrap().to_owned();
        told.entry(user).or_default().push(line["outcome"].clone());
    }
    told
}

fn nobody_was_logged_out_twice(site: &Site, users: impl IntoIterator<Item = String>) {
    for user in users {
        let logouts = site.sandbox.ledger().logouts_of(&user);
        assert!(logouts.applied <= 1, "{user}: {logouts:?}");
    }
}

#[test]
fn a_killed_run_goes_on_until_everybody_is_out_and_nobody_twice() {
    const AGENTS: usize = 300;
    let site = Site::new(Population::team(AGENTS));
    site.fault("delay=4ms");
    let arguments = script(&site);
    let mut running = begin(&site, &arguments);
    running.until(|| puts(&site) >= 60);
    assert_eq!(running.kill().code, None);
    // Twice more, at other moments.
    for more in [40, 110] {
        let goal = puts(&site) + more;
        let mut running = site.begin(&["resume", "--format", "json"]);
        running.until(|| puts(&site) >= goal);
        assert_eq!(running.kill().code, None);
    }
    let ended = resume(&site, &[]).exits(0);
    let told = told(&ended);
    assert_eq!(told.len(), AGENTS + 1);
    for (user, outcomes) in &told {
        let expected = match user.as_str() {
            "10002" | "supervisor" => json!(["skipped"]),
            _ => json!(["done"]),
        };
        assert_eq!(json!(outcomes), expected, "{user}");
    }
    assert_eq!(ended.summary()["total"], AGENTS + 1);
    let mut signed_in = site.sandbox.signed_in();
    signed_in.sort();
    assert_eq!(signed_in, ["10002", "supervisor"]);
    nobody_was_logged_out_twice(&site, told.into_keys());

    let before = site.sandbox.ledger().requests().len();
    let again = resume(&site, &[&run_id(&ended)]).exits(0);
    assert_eq!(
        site.sandbox.ledger().requests().len(),
        before,
        "a finished run sends nothing"
    );
    assert_eq!(again.outcomes().len(), AGENTS + 1);
    assert_eq!(again.summary()["counts"], ended.summary()["counts"]);
    resume(&site, &[]).exits(2);
}

#[test]
fn a_killed_logout_goes_on() {
    let site = Site::new(Population::team(60));
    site.fault("delay=4ms");
    let mut running = site.begin(&["logout", "site", "--team", "1", "--yes"]);
    running.until(|| puts(&site) >= 20);
    running.kill();
    let ended = resume(&site, &[]).exits(0);
    let told = told(&ended);
    assert_eq!(told.len(), 61);
    assert!(told.values().all(|outcomes| outcomes.len() == 1));
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
    nobody_was_logged_out_twice(&site, told.into_keys());
}

#[test]
fn what_changed_since_the_run_began_is_told_before_anything_is_sent() {
    let site = Site::new(Population::team(20));
    site.fault("delay=5ms");
    site.write("late.luau", "return 1");
    let text = SCRIPT.replace("signoff.sleep('1ms')", "require('./late')");
    let path = site.write("work.luau", &text);
    let mut running = site.begin(&["run", &path, "--yes"]);
    running.until(|| puts(&site) >= 5);
    running.kill();
    site.write("work.luau", &format!("{text} -- a word"));
    site.write("late.luau", "return 2");
    let config = std::fs::read_to_string(site.path("signoff.toml")).unwrap();
    let other = config.replace(&site.sandbox.origin(), "http://127.0.0.1:9");
    site.write("signoff.toml", &other);
    let before = site.sandbox.ledger().requests().len();
    let ended = site.run(&["resume"]).exits(3);
    expect![[r#"
        resuming run RUN, begun just now: FOLDER/work.luau
        error: run RUN cannot go on as it began:
          the script `FOLDER/work.luau` was changed
          the script `FOLDER/late.luau` was changed
          `api` of connection `site` is `http://127.0.0.1:9/`, and was `ORIGIN/`
          = help: undo the change, or say --force; nothing was sent
    "#]]
    .assert_eq(&ended.printed());
    assert_eq!(site.sandbox.ledger().requests().len(), before);
    site.write("signoff.toml", &config);
    let ended = site.run(&["resume", "--force"]).exits(0);
    assert!(
        ended.stderr.contains("overridden by force: the script `"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stderr.matches("overridden").count(), 2);
    assert_eq!(site.sandbox.signed_in().len(), 2);
}

#[test]
fn what_cannot_be_resumed_is_told_as_such() {
    let site = Site::new(Population::team(1));
    site.run(&["resume"]).exits(2);
    let ended = site.run(&["resume", "k3vq"]).exits(2);
    assert!(
        ended.stderr.contains("there is no run `k3vq`"),
        "{}",
        ended.stderr
    );
    let path = site.write(
        "work.luau",
        &SCRIPT.replace("'site'", "'finesse'").replace("1ms", "10s"),
    );
    let mut running = site.begin(&["run", &path, "--yes", "--sandbox"]);
    let runs = site.path("state").join("runs");
    let journal = || {
        std::fs::read_dir(&runs)
            .ok()?
            .flatten()
            .find(|file| file.path().extension().is_some_and(|e| e == "sqlite"))
    };
    running.until(|| journal().is_some());
    std::thread::sleep(std::time::Duration::from_millis(300));
    let locked = journal().unwrap().path();
    let run = locked.file_stem().unwrap().to_str().unwrap().to_owned();
    running.kill();
    let ended = site.run(&["resume", run.rsplit_once('-').unwrap().1]).exits(2);
    assert!(
        ended
            .stderr
            .contains("was on a sandbox of its own, which ended with it"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_run_that_goes_on_is_not_taken_up_by_another_process() {
    let site = Site::new(Population::team(3));
    let path = site.write("work.luau", &SCRIPT.replace("1ms", "10s"));
    let mut running = site.begin(&["run", &path, "--yes"]);
    running.until(|| site.sandbox.ledger().count("GET", "/") >= 2);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let process = running.process();
    let run = site.beside(&["runs", "--format", "json"]).lines()[0]["run"].clone();
    let run = run.as_str().unwrap();
    let ended = site.beside(&["resume", run]).exits(5);
    let expected = format!("the run is being written by another process (process {process})");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    let ended = site.beside(&["resume"]).exits(2);
    let expected = format!("run {run} goes on in another process");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    running.kill();
}

#[test]
fn what_failed_before_anything_was_sent_hides_no_run_that_was_broken_off() {
    let site = Site::new(Population::team(10));
    site.fault("delay=4ms");
    let mut running = site.begin(&["logout", "site", "--team", "1", "--yes", "--format", "json"]);
    running.until(|| puts(&site) >= 3);
    let killed = run_id(&running.kill());
    let failing = site.write(
        "failing.luau",
        "return require('@signoff').workflow({ run = function() error('no') end })",
    );
    site.run(&["run", &failing, "--yes"]).exits(3);
    let ended = resume(&site, &[]).exits(0);
    assert_eq!(run_id(&ended), killed);
    // Where there is no other it is taken.
    let ended = resume(&site, &[]).exits(3);
    assert!(ended.stderr.contains("failing.luau"), "{}", ended.stderr);
}

#[test]
fn the_first_signal_drains_and_the_second_leaves_at_once() {
    let site = Site::new(Population::team(40));
    site.fault("delay=300ms");
    let arguments = script(&site);
    for (signals, drained) in [(vec!["INT"], true), (vec!["TERM", "INT"], false)] {
        let goal = puts(&site) + 3;
        let mut running = if puts(&site) == 0 {
            begin(&site, &arguments)
        } else {
            site.begin(&["resume", "--format", "json"])
        };
        running.until(|| puts(&site) >= goal);
        for signal in signals {
            running.signal(signal);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let ended = running.wait().exits(130);
        let run = run_id(&ended);
        assert!(
            ended
                .stderr
                .contains("stopping: what is on its way is waited for, up to 30 s"),
            "{}",
            ended.stderr
        );
        assert!(
            ended
                .stderr
                .contains(&format!("to go on: signoff resume {run} --state /")),
            "{}",
            ended.stderr
        );
        assert_eq!(
            ended.stderr.contains("left at once"),
            !drained,
            "{}",
            ended.stderr
        );
        if drained {
            assert_eq!(ended.summary()["status"], "interrupted");
            assert_eq!(ended.summary()["total"], 41);
            // What was on its way has an outcome, so nothing is in doubt.
            assert!(told(&ended).values().all(|outcomes| outcomes[0] != "unknown"));
        }
    }
    site.fault("delay=1ms");
    let ended = resume(&site, &[]).exits(0);
    let told = told(&ended);
    assert_eq!(told.len(), 41);
    assert!(told.values().all(|outcomes| outcomes.len() == 1), "{told:?}");
    nobody_was_logged_out_twice(&site, told.into_keys());
}

#[test]
fn a_list_that_was_moved_is_given_again_and_another_is_refused() {
    let site = Site::new(Population::team(30));
    site.fault("delay=4ms");
    let lines: String = (10_001..=10_030)
        .map(|id| format!("{id},secret-{id}\n"))
        .collect();
    let text = format!("id,pin\n{lines}");
    let list = site.write("list.csv", &text);
    let arguments = [
        "logout",
        "site",
        "--from",
        &list,
        "--secret-column",
        "pin",
        "--yes",
    ];
    let mut running = site.begin(&arguments);
    running.until(|| puts(&site) >= 8);
    running.kill();
    std::fs::remove_file(&list).unwrap();
    resume(&site, &[]).exits(2);
    let other = site.write("other.csv", &text.replace("secret-10001", "guessed"));
    let ended = resume(&site, &["--from", &other]).exits(3);
    let expected = format!("the file `{list}` is not read any more");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    let moved = site.write("moved.csv", &text);
    let ended = resume(&site, &["--from", &moved]).exits(0);
    assert_eq!(told(&ended).len(), 30);
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
}

#[test]
fn the_same_command_at_a_terminal_offers_to_go_on() {
    let site = Site::new(Population::team(30));
    site.fault("delay=4ms");
    let arguments = ["logout", "site", "--team", "1", "--yes", "--format", "json"];
    let mut running = site.begin(&arguments);
    running.until(|| puts(&site) >= 8);
    let killed = run_id(&running.kill());
    // Not where nobody can answer, and not for other work.
    let other = ["logout", "site", "10030", "--yes", "--format", "json"];
    let ended = site.at_terminal(&other, "y\n").exits(0);
    assert!(!ended.stderr.contains("go on"), "{}", ended.stderr);
    let ended = site.at_terminal(&arguments, "y\n").exits(0);
    let question = format!("run {killed} of the same work is not finished (begun just now; ");
    assert!(ended.stderr.contains(&question), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains(" of 31 users finished): go on with it? [y/N]"),
        "{}",
        ended.stderr
    );
    assert_eq!(run_id(&ended), killed);
    assert_eq!(told(&ended).len(), 31);
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
    let ended = site.at_terminal(&arguments, "").exits(0);
    assert!(!ended.stderr.contains("go on"), "{}", ended.stderr);
    assert_ne!(run_id(&ended), killed);
}

/// What it knows of people is not so any more: a yes would leave in whoever has signed in since.
#[test]
fn a_run_is_not_offered_when_a_later_one_did_the_same_work() {
    let site = Site::new(Population::team(12));
    site.fault("delay=4ms");
    let arguments = ["logout", "site", "--team", "1", "--yes", "--format", "json"];
    let mut running = site.begin(&arguments);
    running.until(|| puts(&site) >= 4);
    let killed = run_id(&running.kill());
    // Nobody is asked, so it begins anew.
    site.run(&arguments).exits(0);
    site.sandbox.set_state("10001", State::Ready);
    let ended = site.at_terminal(&arguments, "y\n").exits(0);
    assert!(!ended.stderr.contains("go on"), "{}", ended.stderr);
    assert_ne!(run_id(&ended), killed);
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
}

#[test]
fn a_run_that_would_be_refused_is_not_offered() {
    let site = Site::new(Population::team(20));
    site.fault("delay=4ms");
    let arguments = script(&site);
    let mut running = begin(&site, &arguments);
    running.until(|| puts(&site) >= 5);
    let killed = run_id(&running.kill());
    let path = site.write("work.luau", &format!("{SCRIPT} -- a word"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = site.at_terminal(&arguments, "").exits(0);
    let said = format!(
        "run {killed} of the same work is not finished, and cannot go on as it began (the script `{path}` was \
         changed): a new one begins"
    );
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    assert_ne!(run_id(&ended), killed);
}

#[test]
fn a_script_that_is_gone_is_named_with_its_folder_and_its_copy_is_run_by_force() {
    let site = Site::new(Population::team(20));
    site.fault("delay=4ms");
    let path = site.write("work.luau", SCRIPT);
    let mut running = site.begin(&["run", "work.luau", "--yes"]);
    running.until(|| puts(&site) >= 5);
    running.kill();
    std::fs::remove_file(&path).unwrap();
    let ended = site.run(&["resume"]).exits(3);
    expect![[r#"
        resuming run RUN, begun just now: work.luau
        error: the script of run RUN is not there any more: `FOLDER/work.luau`
          = help: put it back, or say --force to run its copy in the journal
    "#]]
    .assert_eq(&ended.printed());
    let ended = resume(&site, &["--force"]).exits(0);
    assert_eq!(told(&ended).len(), 21);
    assert_eq!(site.sandbox.signed_in().len(), 2);
}

#[test]
fn what_a_script_has_said_is_not_said_again() {
    let site = Site::new(Population::team(20));
    site.fault("delay=4ms");
    let text = SCRIPT
        .replace(
            "local began",
            "signoff.log('warn', 'they are read', { count = #agents }) local began",
        )
        .replace("return signoff.each(", "local result = signoff.each(")
        .replace(
            "    end)\nend })",
            "    end)\n signoff.log('info', 'they are out') return result end })",
        );
    let path = site.write("work.luau", &text);
    let mut running = site.begin(&["run", &path, "--yes"]);
    running.until(|| puts(&site) >= 5);
    let ended = running.kill();
    assert!(ended.stderr.contains("they are read"), "{}", ended.stderr);
    let ended = resume(&site, &[]).exits(0);
    assert!(!ended.stderr.contains("they are read"), "{}", ended.stderr);
    assert!(ended.stderr.contains("they are out"), "{}", ended.stderr);
}
