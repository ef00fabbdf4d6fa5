//! The proof that a run survives: the binary is killed, and its disk fails, at moments counted through and at random
//! ones, and what is claimed in the end is compared with what the vendor saw. The vendor is a simulated one in the
//! process of this suite, apart from the process that is killed, with a ledger of its own.
//!
//! The tests that are not ignored are the quick form. `tests/kill` runs the long one and prints a table.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod calls;
mod compare;
mod moments;
mod site;

use std::iter::successors;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use calls::{Blow, Series, Stage};
use moments::{CUT, Plan, Tally};
use site::{Site, Vendor};

const FINESSE: Plan = Plan {
    name: "Finesse, settle and verify",
    vendor: Vendor::Finesse,
    policy: "verify",
    faults: &[],
    users: 200,
    rounds: 200,
    at_once: 4,
};

/// Three tries cut off, one after the other, befall fewer than one in so many.
const MOST_FAIL: u64 = 1_000;

/// Few enough for every change: people and kills of the long form, but fewer of both.
fn quick(plan: Plan) -> Tally {
    let tally = Plan {
        users: 60,
        rounds: 6,
        at_once: 3,
        ..plan
    }
    .perform();
    assert_eq!(tally.wrong, [""; 0]);
    assert!(tally.kills > 3, "{tally:?}");
    assert!(tally.failed <= 1 + tally.users / MOST_FAIL, "{tally:?}");
    tally
}

#[test]
fn a_vendor_that_can_be_asked_logs_nobody_out_twice() {
    for vendor in [Vendor::Finesse, Vendor::Uiza] {
        let tally = quick(Plan {
            vendor,
            faults: CUT,
            ..FINESSE
        });
        assert_eq!((tally.lost, tally.doubles), (0, 0), "{tally:?}");
    }
}

#[test]
fn a_vendor_that_cannot_be_asked_has_its_possible_doubles_listed() {
    let tally = quick(Plan {
        vendor: Vendor::Zap,
        faults: CUT,
        ..FINESSE
    });
    assert_eq!((tally.lost, tally.unlisted), (0, 0), "{tally:?}");
}

/// The judge of all this is not asleep: whoever repeats blindly is found out.
#[test]
fn blind_repeats_are_found() {
    let site = Site::new(Vendor::Finesse, 20, 1, &["lag=2s"]);
    let mut running = site.begin(&[], &site.logout());
    running.until(|| site.logouts() >= 10);
    running.kill_after(Duration::ZERO);
    site.sandbox.clear_faults();
    let run = site.run().unwrap();
    let ended = site.begin(&[], &site.resume(&run, "repeat")).wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let verdict = compare::verdict(&site, &run);
    assert!(verdict.doubles.len() >= 10, "{verdict:?}");
    assert!(
        verdict.lost.is_empty() && verdict.unlisted.is_empty(),
        "{verdict:?}"
    );
    // And so is a journal that says what is not so.
    assert!(site.sandbox.set_state("10003", signoff_sandbox::State::Ready));
    assert_eq!(compare::verdict(&site, &run).lost, ["10003"]);
    let file = rusqlite::Connection::open(site.journal(&run)).unwrap();
    let forgotten = file.execute(
        "DELETE FROM answer WHERE call IN (SELECT id FROM call WHERE user = '10004')",
        [],
    );
    assert!(forgotten.unwrap() > 0);
    assert_eq!(compare::verdict(&site, &run).lost, ["10003", "10004"]);
    file.execute(
        "UPDATE answer SET body = replace(body, '\"repeated\":true', '\"repeated\":false')",
        [],
    )
    .unwrap();
    assert!(compare::verdict(&site, &run).unlisted.len() >= 10);
    let told = inspect_told(&site, &ended);
    assert!(
        told.contains("10004 was told to be done, and that is not on disk"),
        "{told}"
    );
}

fn inspect_told(site: &Site, ended: &site::Ended) -> String {
    compare::inspect(site, ended).unwrap_err()
}

/// A spread of the moments that the long form counts through.
#[test]
fn the_nth_system_call_is_survived() {
    assert!(
        calls::strace_works(),
        "strace is missing or may not trace: tests/run installs it"
    );
    let series = |blow, stage, call| Series { blow, stage, call };
    let chosen = [
        (series(Blow::Kill, Stage::Begin, "fsync"), 3),
        (series(Blow::Kill, Stage::Begin, "pwrite64"), 3),
        (series(Blow::Kill, Stage::Resume, "fsync"), 4),
        (series(Blow::Kill, Stage::Resume, "pwrite64"), 4),
        (series(Blow::Kill, Stage::Resume, "writev"), 3),
        (series(Blow::Eio, Stage::Begin, "fsync"), 3),
        (series(Blow::Eio, Stage::Resume, "pwrite64"), 3),
        (series(Blow::Eio, Stage::Begin, "unlink"), 2),
        (series(Blow::Enospc, Stage::Begin, "pwrite64"), 3),
        (series(Blow::Enospc, Stage::Resume, "fsync"), 3),
    ];
    let mut cases = Vec::new();
    for (series, points) in chosen {
        let calls = series.count();
        cases.extend((0..points).map(|point| (series, 1 + point * calls.saturating_sub(1) / points)));
    }
    let wrong = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((series, number)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let missed = || Err(format!("{series}: there is no number {number}"));
                    // On a busy machine more records share a commit, and there are fewer calls.
                    let mut numbers =
                        successors(Some(*number), |number| Some(number / 2)).take_while(|number| *number > 0);
                    let hit = numbers.find_map(|number| series.hit(number));
                    if let Err(error) = hit.unwrap_or_else(missed) {
                        wrong.lock().unwrap().push(error);
                    }
                }
            });
        }
    });
    assert_eq!(wrong.into_inner().unwrap(), [""; 0]);
}

/// The long form.
#[test]
#[ignore = "takes long: tests/kill runs it"]
#[expect(clippy::print_stdout, reason = "it prints the table")]
fn long() {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse::<u64>().expect("a number"))
    };
    let rounds = number("SIGNOFF_KILLS", 200);
    println!("\n{}\n", site::binary());
    println!(
        "| method | kills | users | lost | doubles | in doubt at resume | listed as possible doubles | told as failed | time |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let plans = [
        FINESSE,
        Plan {
            name: "Finesse, 3 % of connections cut before and 3 % after the effect",
            faults: CUT,
            ..FINESSE
        },
        Plan {
            name: "Uiza, the same",
            vendor: Vendor::Uiza,
            faults: CUT,
            ..FINESSE
        },
        Plan {
            name: "ZAP, the same; it cannot be asked",
            vendor: Vendor::Zap,
            faults: CUT,
            ..FINESSE
        },
    ];
    let mut wrong = Vec::new();
    for plan in plans {
        let (name, can_be_asked) = (plan.name, plan.vendor != Vendor::Zap);
        let tally = Plan { rounds, ..plan }.perform();
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} s |",
            tally.kills,
            tally.users,
            tally.lost,
            tally.doubles,
            tally.in_doubt,
            tally.listed,
            tally.failed,
            tally.took.as_secs()
        );
        let doubles = if can_be_asked {
            tally.doubles
        } else {
            tally.unlisted
        };
        if tally.lost + doubles > 0 {
            wrong.push(format!("{name}: {} lost, {doubles} doubles", tally.lost));
        }
        if tally.failed > tally.users / MOST_FAIL {
            wrong.push(format!("{name}: {} failed", tally.failed));
        }
        wrong.extend(tally.wrong.into_iter().map(|wrong| format!("{name}: {wrong}")));
    }
    if number("SIGNOFF_KILL_CALLS", 1) > 0 {
        wrong.extend(every_call());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Counts through every call of every kind.
#[expect(clippy::print_stdout, reason = "it prints the table")]
fn every_call() -> Vec<String> {
    println!(
        "\n| every call of its kind, {} users | hit | survived | time |",
        calls::USERS
    );
    println!("| --- | --- | --- | --- |");
    let all = Series::all();
    let wrong = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(series) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let mut hit = 0;
                    let mut failed = Vec::new();
                    while let Some(result) = series.hit(hit + 1) {
                        hit += 1;
                        failed.extend(result.err());
                    }
                    let (survived, took) = (hit - failed.len(), began.elapsed().as_secs());
                    println!("| {series} | {hit} | {survived} | {took} s |");
                    wrong.lock().unwrap().append(&mut failed);
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}
