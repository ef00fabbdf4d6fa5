//! The scripts for the day: a cluster that has to be clear, and agents who are stuck in a state.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signoff_sandbox::{Effect, Fault, Population, Settings, State, User};

use crate::support::{Ended, Site, script};

const ON_CALL_AT_A_LOGOUT: [&str; 2] = ["talking=immediate", "talking=pending"];

// Clearing a cluster

#[test]
fn a_cluster_is_cleared_agents_first_and_supervisors_last() {
    for behaviour in ON_CALL_AT_A_LOGOUT {
        let cluster = cluster()
            .with(on_call("short", "1", 300))
            .with(on_call("long", "2", 1_500))
            .with(
                User::agent("wraps", "2")
                    .on_call(State::Hold, ms(400))
                    .wraps_up(ms(100)),
            );
        let site = cluster_site(cluster, &[behaviour, "lag=50ms"]);
        let ended = clear(&site, &["--yes"]).exits(0);
        assert!(site.sandbox.signed_in().is_empty(), "{behaviour}");
        assert_eq!(ended.summary()["counts"]["done"], 11, "{behaviour}");
        assert!(ended.stderr.contains("the cluster is clear"), "{}", ended.stderr);
        let logouts = logouts(&site);
        assert!(
            logouts.iter().all(|logout| !logout.from.on_call()),
            "{behaviour}: {logouts:?}"
        );
        let order: Vec<_> = logouts
            .iter()
            .map(|logout| logout.user.starts_with("sup"))
            .collect();
        assert!(order.is_sorted(), "{behaviour}: {logouts:?}");
        assert_eq!(logouts.len(), 11, "nobody twice");
    }
}

#[test]
fn calls_that_come_and_go_do_not_keep_a_cluster_from_being_cleared() {
    for behaviour in ON_CALL_AT_A_LOGOUT {
        let busy = |n: u64| User::agent(format!("busy{n}"), "1").calls_every(ms(31 + 6 * n), ms(11 + 3 * n));
        let site = cluster_site(cluster().with_all((0..5).map(busy)), &[behaviour, "lag=20ms"]);
        clear(&site, &["--yes"]).exits(0);
        assert!(site.sandbox.signed_in().is_empty(), "{behaviour}");
    }
}

#[test]
fn who_signs_in_meanwhile_is_logged_out_too() {
    let late = User::agent("late", "1").state(State::Logout);
    let site = cluster_site(cluster().with(late).with(on_call("long", "2", 4_000)), &[]);
    let come_back = || {
        // Long enough after the logout for it to be seen.
        let effects = site.sandbox.ledger().effects_on("agent11");
        if effects.len() == 1 && site.sandbox.now() > effects[0].at + ms(1_500) {
            site.sandbox.set_state("late", State::NotReady);
            site.sandbox.set_state("agent11", State::Ready);
        }
    };
    let ended = while_doing(come_back, || clear(&site, &["--yes"]).exits(0));
    assert!(site.sandbox.signed_in().is_empty());
    assert_eq!(ended.summary()["counts"]["done"], 10);
    for (user, times) in [("agent11", 2), ("agent12", 1), ("late", 1), ("long", 1)] {
        assert_eq!(site.sandbox.ledger().logouts_of(user).applied, times, "{user}");
    }
}

#[test]
fn who_signs_out_by_himself_between_two_rounds_counts_as_out() {
    let leavers = ["leaver0", "leaver1", "leaver2", "leaver3"];
    let site = cluster_site(
        cluster()
            .with_all(leavers.map(|id| on_call(id, "1", 60_000)))
            .with(on_call("long", "2", 4_000)),
        &[],
    );
    let started = site.sandbox.now();
    let leave = || {
        for (n, leaver) in leavers.iter().enumerate() {
            let is_time = site.sandbox.now() > started + ms(2_000 + 250 * n as u64);
            if is_time && site.sandbox.state_of(leaver) != Some(State::Logout) {
                site.sandbox.set_state(leaver, State::Logout);
            }
        }
    };
    let run = || clear_in_rounds(&site, &["round=100ms", "pause=1100ms"], &["--yes"]).exits(0);
    let ended = while_doing(leave, run);
    for leaver in leavers {
        assert_eq!(ended.outcome(leaver)["outcome"], "already");
        assert_eq!(site.sandbox.ledger().logouts_of(leaver).requested, 0);
    }
}

#[test]
fn a_team_without_a_supervisor_is_named_and_the_others_are_cleared() {
    let stray = User::agent("stray", "3").named("Stray", "Sheep");
    let site = cluster_site(cluster().with_team("3", "Night shift").with(stray), &[]);
    let ended = clear(&site, &["--yes"]).exits(1);
    assert_eq!(site.sandbox.signed_in(), ["stray"]);
    let outcome = ended.outcome("stray");
    assert_eq!(
        (&outcome["outcome"], &outcome["code"]),
        (&"refused".into(), &"not_in_team".into())
    );
    assert_eq!(site.sandbox.ledger().logouts_of("stray").requested, 0);
    for line in [
        "no credential supervises, team 3 (Night shift): stray (Stray Sheep, READY)",
        "still signed in, team 3 (Night shift): stray (Stray Sheep, READY)",
    ] {
        assert!(ended.stderr.contains(line), "{}", ended.stderr);
    }
    // Time would not help them.
    assert!(ended.elapsed < Duration::from_secs(20), "{:?}", ended.elapsed);
}

#[test]
fn who_is_left_at_the_deadline_is_named_by_team() {
    for behaviour in ON_CALL_AT_A_LOGOUT {
        let cluster = cluster()
            .with(on_call("caller1", "1", 60_000))
            .with(on_call("caller2", "2", 60_000));
        let site = cluster_site(cluster, &[behaviour]);
        let ended = clear(&site, &["--yes", "--set", "deadline=1s"]).exits(1);
        assert_eq!(site.sandbox.signed_in(), ["caller1", "caller2"]);
        for line in [
            "still signed in, team 1 (First): caller1 (Agent caller1, TALKING)",
            "still signed in, team 2 (Second): caller2 (Agent caller2, TALKING)",
        ] {
            assert!(ended.stderr.contains(line), "{}", ended.stderr);
        }
        assert_eq!(ended.outcome("caller1")["outcome"], "busy");
        assert_eq!(site.sandbox.ledger().logouts_of("caller1").requested, 0);
        assert!(ended.elapsed < Duration::from_secs(20), "{:?}", ended.elapsed);
    }
}

#[test]
fn exempt_users_stay_and_do_not_hold_it_up() {
    let site = cluster_site(cluster(), &[]);
    let text = std::fs::read_to_string(site.path("signoff.toml")).unwrap();
    site.write(
        "signoff.toml",
        &format!("{text}[limits]\nexempt = [\"site:agent12\"]\n"),
    );
    let ended = clear(&site, &["--yes"]).exits(0);
    assert_eq!(site.sandbox.signed_in(), ["agent12"]);
    assert!(
        ended.stderr.contains("left alone, team 1 (First): agent12"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_plan_of_clearing_ends_at_once_and_sends_no_write() {
    let site = cluster_site(cluster().with(on_call("caller", "1", 60_000)), &[]);
    let ended = clear(&site, &["--plan"]).exits(0);
    assert_eq!(ended.summary()["counts"]["planned"], 9);
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
    assert!(ended.elapsed < Duration::from_secs(10), "{:?}", ended.elapsed);
}

#[test]
fn a_cluster_is_cleared_through_the_second_node_when_the_first_dies() {
    let many = (0..60).map(|n| User::agent(format!("many{n}"), if n % 2 == 0 { "1" } else { "2" }));
    let site = two_nodes(cluster().with_all(many));
    let ended = while_the_first_node_dies(&site, 20, || clear(&site, &["--yes"]).exits(0));
    assert!(site.sandbox.signed_in().is_empty());
    assert_eq!(ended.summary()["counts"]["done"], 68);
    assert_nobody_twice(&site, &ended);
}

// Stuck agents

#[test]
fn who_is_stuck_is_shown_and_nothing_is_changed() {
    let site = Site::new(stuck_team());
    let ended = stuck(&site, &[]).exits(0);
    let shown: Vec<String> = ended
        .outcomes()
        .iter()
        .map(|line| format!("{}: {}: {}", line["user"], line["outcome"], line["message"]))
        .collect();
    expect_test::expect![[r#"
        "lunch": "skipped": "NOT_READY for 2h00m; act=true logs him out"
        "wrap": "skipped": "WORK for 35m; act=true logs him out"
        "supervisor": "skipped": "NOT_READY for 5h00m; act=true logs him out""#]]
    .assert_eq(&shown.join("\n"));
    assert!(
        ended
            .stderr
            .contains("new is WORK, and Finesse does not say since when"),
        "{}",
        ended.stderr
    );
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
    let ended = stuck(&site, &["--set", "states=work_ready", "--set", "limit=2h"]).exits(0);
    assert!(
        ended.stderr.contains("nobody has been work_ready for 2h"),
        "{}",
        ended.stderr
    );
}

#[test]
fn who_is_stuck_is_logged_out_when_told_to() {
    let site = Site::new(stuck_team());
    let ended = stuck(&site, &["--set", "act=true"]).exits(0);
    assert_eq!(ended.outcome("lunch")["outcome"], "done");
    assert_eq!(ended.outcome("wrap")["outcome"], "done");
    assert_eq!(ended.outcome("supervisor")["code"], "acting_user");
    assert_eq!(ended.outcomes().len(), 3);
    assert_eq!(
        site.sandbox.signed_in(),
        ["supervisor", "10001", "fresh", "new", "caller"]
    );
}

#[test]
fn more_than_the_threshold_are_asked_about_in_spite_of_act() {
    let site = Site::new(stuck_team());
    let text = std::fs::read_to_string(site.path("signoff.toml")).unwrap();
    site.write("signoff.toml", &format!("{text}[limits]\nconfirm_above = 0\n"));
    let ended = stuck(&site, &["--set", "act=true"]).exits(2);
    assert!(ended.stderr.contains("2 users"), "{}", ended.stderr);
    stuck(&site, &["--set", "act=true", "--plan"]).exits(0);
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
    stuck(&site, &[]).exits(0);
}

#[test]
fn a_call_that_has_lasted_for_hours_is_not_cut_off() {
    for behaviour in ON_CALL_AT_A_LOGOUT {
        let site = Site::new(stuck_team());
        site.fault(behaviour);
        let ended = stuck(&site, &["--set", "states=TALKING", "--set", "act=true"]).exits(1);
        assert_eq!(ended.outcome("caller")["outcome"], "busy");
        assert_eq!(site.sandbox.state_of("caller"), Some(State::Talking));
        assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
        // Who is waited for goes when the call ends, under either behaviour.
        let ended = while_doing(
            || {
                if site.sandbox.ledger().count("GET", "/finesse/api/Team/") > 4 {
                    site.sandbox.end_call("caller");
                }
            },
            || {
                let more = [
                    "--set",
                    "states=TALKING",
                    "--set",
                    "act=true",
                    "--set",
                    "wait=30s",
                ];
                stuck(&site, &more).exits(0)
            },
        );
        assert_eq!(ended.outcome("caller")["outcome"], "done");
        assert!(logouts(&site).iter().all(|logout| !logout.from.on_call()));
    }
}

#[test]
fn the_stuck_get_out_through_the_second_node_when_the_first_dies() {
    let many = (0..60).map(|n| {
        User::agent(format!("many{n}"), "1")
            .state(State::Work)
            .since(hours(1))
    });
    let site = two_nodes(cluster().with_all(many));
    let act = ["--set", "act=true", "--set", "states=WORK", "--yes"];
    let ended = while_the_first_node_dies(&site, 20, || stuck(&site, &act).exits(0));
    assert_eq!(ended.summary()["counts"]["done"], 60);
    assert_eq!(
        site.sandbox.signed_in().len(),
        8,
        "who was not stuck is still there"
    );
    assert_nobody_twice(&site, &ended);
}

// What they work on

/// Two teams, a supervisor and three agents in each, and an administrator.
fn cluster() -> Population {
    let agent = |team: usize, n: usize| User::agent(format!("agent{team}{n}"), team.to_string());
    Population::new()
        .with_team("1", "First")
        .with_team("2", "Second")
        .with(User::administrator("administrator"))
        .with(User::supervisor("sup1", &["1"]).state(State::Ready))
        .with(User::supervisor("sup2", &["2"]))
        .with_all((1..=3).map(|n| agent(1, n)))
        .with_all((1..=3).map(|n| agent(2, n)))
}

/// Some who have been in a state for long, and some who have not.
fn stuck_team() -> Population {
    let mut new = User::agent("new", "1").state(State::Work);
    new.since = None;
    let caller = User::agent("caller", "1").state(State::Talking).since(hours(3));
    let mut team = Population::team(1)
        .with(User::agent("lunch", "1").state(State::NotReady).since(hours(2)))
        .with(
            User::agent("wrap", "1")
                .state(State::Work)
                .since(Duration::from_secs(35 * 60)),
        )
        .with(
            User::agent("fresh", "1")
                .state(State::Work)
                .since(Duration::from_secs(60)),
        )
        .with(new)
        .with(caller);
    for user in &mut team.users {
        if user.id == "supervisor" {
            user.since = Some(hours(5));
        }
    }
    team
}

fn on_call(id: &str, team: &str, ends: u64) -> User {
    User::agent(id, team).on_call(State::Talking, ms(ends))
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(3600 * hours)
}

fn cluster_site(population: Population, faults: &[&str]) -> Site {
    let site = Site::new(population);
    for fault in faults {
        site.fault(fault);
    }
    configure(&site);
    site
}

fn two_nodes(population: Population) -> Site {
    let site = Site::with(
        Settings::with(population)
            .nodes(2)
            .fault(Fault::parse("lag=50ms").unwrap()),
    );
    configure(&site);
    site
}

/// A configuration with every node, the administrator, and both supervisors; `sup1` acts unless a script says otherwise.
fn configure(site: &Site) {
    let origins: Vec<String> = site
        .sandbox
        .origins()
        .iter()
        .map(|origin| format!("\"{origin}\""))
        .collect();
    let credentials = ["administrator", "sup1", "sup2"].map(|name| {
        format!(
            "[credentials.{name}]\nusername = \"{name}\"\npassword = {{ command = [\"printf\", \"{name}-password\"] }}\n"
        )
    });
    let text = format!(
        "[connections.site]\nprovider = \"finesse\"\napi = [{}]\ncredential = \"sup1\"\nrate = \"200/s\"\n\
         timeout = \"1s\"\nsettle = \"300ms\"\n{}",
        origins.join(", "),
        credentials.concat()
    );
    site.write("signoff.toml", &text);
}

fn clear(site: &Site, more: &[&str]) -> Ended {
    clear_in_rounds(site, &["round=1s", "pause=1100ms"], more)
}

fn clear_in_rounds(site: &Site, rounds: &[&str; 2], more: &[&str]) -> Ended {
    let script = script("clear_the_cluster.luau");
    let mut arguments = vec!["run", &script, "--format", "json"];
    for setting in ["supervisors=sup1,sup2", rounds[0], rounds[1]] {
        arguments.extend(["--set", setting]);
    }
    site.signoff(&[&arguments, more].concat())
}

fn stuck(site: &Site, more: &[&str]) -> Ended {
    let script = script("stuck_agents.luau");
    site.signoff(&[&["run", &script, "--format", "json"], more].concat())
}

fn while_the_first_node_dies(site: &Site, writes: usize, run: impl FnOnce() -> Ended) -> Ended {
    let dies = || {
        if site.sandbox.ledger().count("PUT", "/finesse/api/User/") >= writes {
            site.sandbox.stop_node(0);
        }
    };
    let ended = while_doing(dies, run);
    let second = &site.sandbox.origins()[1];
    assert!(
        ended.stderr.contains(&format!("`{second}` is used instead")),
        "{}",
        ended.stderr
    );
    ended
}

/// Does something again and again while a script runs.
fn while_doing(something: impl Fn() + Sync, run: impl FnOnce() -> Ended) -> Ended {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                something();
                std::thread::sleep(ms(5));
            }
        });
        let _end = End(&over);
        run()
    })
}

/// Says that it is over, also where a test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Everybody's way to LOGOUT, in order.
fn logouts(site: &Site) -> Vec<Effect> {
    let effects = site.sandbox.ledger().effects().into_iter();
    effects.filter(|effect| effect.to == State::Logout).collect()
}

fn assert_nobody_twice(site: &Site, ended: &Ended) {
    for line in ended.outcomes() {
        let logouts = site.sandbox.ledger().logouts_of(line["user"].as_str().unwrap());
        assert!(
            logouts.applied <= 1 && logouts.accepted <= 1,
            "{line}: {logouts:?}"
        );
    }
}
