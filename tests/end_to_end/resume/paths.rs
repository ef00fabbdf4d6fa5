//! The same script again comes the same way: scripts of all kinds, killed at any moment, end as if nothing had been; and
//! one that comes another way is stopped where it does, not continued wrongly.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use signoff_sandbox::Population;

use super::{nobody_was_logged_out_twice, puts, resume, run_id};
use crate::support::{Ended, Running, Site};

/// What an item does before its agent is logged out or left out.
#[derive(Debug, Clone)]
enum Step {
    Sleep(u8),
    /// Goes one way or the other, by chance.
    Chance(Vec<Step>, Vec<Step>),
    /// The same by the clock.
    Clock(Vec<Step>, Vec<Step>),
    /// The same by what a read gives.
    State(Vec<Step>),
    Each(u8, Vec<Step>),
    /// Counts in a variable that all items share, and on which the end of the script depends.
    Count,
    /// Builds a table, and goes through it.
    Table(u8),
    /// Raises an error, catches it, and goes by what it says.
    Error,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        (0_u8..4).prop_map(Step::Sleep),
        Just(Step::Count),
        (1_u8..6).prop_map(Step::Table),
        Just(Step::Error),
    ];
    let step = leaf.prop_recursive(3, 12, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            (some(), some()).prop_map(|(one, other)| Step::Chance(one, other)),
            (some(), some()).prop_map(|(one, other)| Step::Clock(one, other)),
            some().prop_map(Step::State),
            (1_u8..4, some()).prop_map(|(items, each)| Step::Each(items, each)),
        ]
    });
    prop::collection::vec(step, 1..4)
}

fn write(steps: &[Step], into: &mut String) {
    for step in steps {
        match step {
            Step::Sleep(ms) => writeln!(into, "signoff.sleep('{ms}ms')").unwrap(),
            Step::Chance(one, other) => branch("math.random(1, 2) == 1", one, other, into),
            Step::Clock(one, other) => branch("math.floor(signoff.now() * 1000) % 2 == 0", one, other, into),
            Step::State(one) => branch("site:status(agent).state == 'READY'", one, &[], into),
            Step::Each(items, each) => {
                let list: Vec<String> = (1..=*items).map(|item| item.to_string()).collect();
                writeln!(into, "signoff.each({{ {} }}, function()", list.join(", ")).unwrap();
                write(each, into);
                into.push_str("end)\n");
            }
            Step::Count => into.push_str("shared.count += 1\n"),
            Step::Table(size) => writeln!(
                into,
                "do local t = {{}} for i = 1, {size} do t['k' .. math.random(1, 99)] = i end\n\
                 for key in t do if #key == 3 then signoff.sleep('1ms') end end end"
            )
            .unwrap(),
            Step::Error => into.push_str(
                "do local _, raised = pcall(function() error({ agent.id }) end)\n\
                 signoff.sleep(#raised[1] .. 'ms') end\n",
            ),
        }
    }
}

fn branch(condition: &str, one: &[Step], other: &[Step], into: &mut String) {
    writeln!(into, "if {condition} then").unwrap();
    write(one, into);
    into.push_str("else\n");
    write(other, into);
    into.push_str("end\n");
}

/// Who ends how does not depend on chance; what is said of it does.
fn script(steps: &[Step]) -> String {
    let mut body = String::new();
    write(steps, &mut body);
    format!(
        "local signoff = require('@signoff')
        return signoff.workflow({{ run = function()
        local site = signoff.connect('site')
        local shared = {{ count = 0 }}
        local agents = site:roster({{ signed_in = true }})
        local result = signoff.each(agents, function(agent)
        {body}
        if tonumber(agent.id) and agent.id % 5 == 0 then
            return signoff.skip(agent, 'chance ' .. math.random(1, 1e6) .. ' at ' .. signoff.now())
        end
        return site:logout(agent, {{ confirm = 'status' }})
        end)
        signoff.each(result.not_out, function(outcome) signoff.sleep('1ms') end)
        -- However they took turns, in the end they have counted to the same number.
        if shared.count % 2 == 1 then signoff.sleep('1ms') else signoff.now() end
        for _ = 1, shared.count % 5 do signoff.now() end
        end }})"
    )
}

/// How many records the journal holds.
fn records(site: &Site) -> i64 {
    let Ok(runs) = std::fs::read_dir(site.path("state").join("runs")) else {
        return 0;
    };
    let mut files = runs.flatten().map(|file| file.path());
    let Some(journal) = files.find(|path| path.extension().is_some_and(|ending| ending == "sqlite")) else {
        return 0;
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let count = Connection::open_with_flags(journal, flags).and_then(|journal| {
        journal.query_row(
            "SELECT (SELECT count(*) FROM call) + (SELECT count(*) FROM intent)
                  + (SELECT count(*) FROM result) + (SELECT count(*) FROM answer)",
            [],
            |row| row.get(0),
        )
    });
    // It may just be being made.
    count.unwrap_or_default()
}

/// Who ended how.
fn ends(ended: &Ended) -> BTreeMap<String, Value> {
    let rows = ended.outcomes().into_iter();
    rows.map(|row| (row["user"].as_str().unwrap().to_owned(), row["outcome"].clone()))
        .collect()
}

/// Kills it as soon as there are so many records, unless it ends before.
fn kill_at(site: &Site, running: Running<'_>, goal: i64) -> Ended {
    let mut running = running;
    running.until_or_end(|| records(site) >= goal);
    running.kill()
}

#[test]
fn a_run_that_is_killed_anywhere_ends_as_one_that_is_not() {
    const AGENTS: usize = 8;
    let cases = std::env::var("SIGNOFF_CASES").map_or(8, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20,
        ..Config::default()
    });
    let strategy = (steps(), prop::collection::vec(1_i64..60, 1..3));
    let result = runner.run(&strategy, |(steps, kills)| {
        let text = script(&steps);
        let undisturbed = Site::new(Population::team(AGENTS));
        let path = undisturbed.write("work.luau", &text);
        let expected = undisturbed
            .run(&["run", &path, "--yes", "--format", "json"])
            .exits(0);

        let site = Site::new(Population::team(AGENTS));
        site.fault("delay=2ms");
        let path = site.write("work.luau", &text);
        let begun = site.begin(&["run", &path, "--yes", "--format", "json"]);
        let mut ended = kill_at(&site, begun, kills[0]);
        let mut told = BTreeSet::new();
        for more in &kills[1..] {
            if ended.code.is_none() {
                told.extend(outcome_lines(&ended));
                let goal = records(&site) + more;
                ended = kill_at(&site, site.begin(&["resume", "--format", "json"]), goal);
            }
        }
        if ended.code.is_none() {
            told.extend(outcome_lines(&ended));
            ended = resume(&site, &[]);
        }
        let ended = ended.exits(0);
        prop_assert_eq!(ends(&ended), ends(&expected), "{}", text);
        prop_assert_eq!(&ended.summary()["counts"], &expected.summary()["counts"]);
        let lines = outcome_lines(&ended);
        prop_assert_eq!(lines.len(), AGENTS + 1);
        for line in &told {
            prop_assert!(
                lines.contains(line),
                "told before, and not again: {}\n{}",
                line,
                text
            );
        }
        nobody_was_logged_out_twice(&site, ends(&ended).into_keys());
        Ok(())
    });
    result.unwrap();
}

/// Whole lines only: the last may be cut off by a kill.
fn outcome_lines(ended: &Ended) -> BTreeSet<String> {
    let whole = ended
        .stdout
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    whole
        .filter(|line| line.contains("\"event\":\"outcome\""))
        .map(str::to_owned)
        .collect()
}

/// Kills a run of this body when as many have been logged out, and gives what its resumption says.
fn comes_another_way(body: &str, logged_out: usize) -> (Site, Ended) {
    let site = Site::new(Population::team(2));
    let text = format!(
        "local signoff = require('@signoff')\nreturn signoff.workflow({{ run = function()\n\
         local site = signoff.connect('site')\nlocal first\n{body}\nend }})"
    );
    let path = site.write("work.luau", &text);
    let mut running = site.begin(&["run", &path, "--yes", "--format", "json"]);
    running.until(|| puts(&site) >= logged_out);
    // Until the answers are on disk.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let run = run_id(&running.kill());
    let before = puts(&site);
    let ended = site.run(&["resume", &run]).exits(3);
    assert_eq!(puts(&site), before, "nothing is sent on another way");
    (site, ended)
}

#[test]
fn a_way_that_depends_on_who_came_first_is_stopped_where_it_parts() {
    let body = "signoff.each({ '10001', '10002' }, function(agent)
        signoff.sleep(if agent == '10001' then '90ms' else '1ms')
        pcall(function()
            if not first then first = agent signoff.now() end
            site:logout(agent, { confirm = 'accepted' })
        end)
        signoff.sleep('30s')
    end)";
    let (site, ended) = comes_another_way(body, 2);
    let expected = format!(
        "the script took another path at {}:8: it asks for `now` where it asked for `logout` of `10001` on `site` before",
        site.path("work.luau").display()
    );
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    // What is on record is told all the same.
    assert!(ended.stdout.contains("10002"), "{}", ended.stdout);
}

#[test]
fn other_items_are_another_way() {
    let body = "signoff.each({ '10001', '10002' }, function(agent)
        signoff.sleep(if agent == '10001' then '90ms' else '1ms')
        if not first then first = agent end
    end)
    signoff.each({ first }, function(agent) site:logout(agent) signoff.sleep('30s') end)";
    let (_, ended) = comes_another_way(body, 1);
    assert!(
        ended
            .stderr
            .contains("work.luau:9: it goes through other items than before"),
        "{}",
        ended.stderr
    );
}
