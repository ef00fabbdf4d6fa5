//! What a vendor, a proxy or an attacker may answer: whatever it is, there is a clear end in bounded time and memory, and
//! nothing is sent that rests on it.

use std::thread;
use std::time::Duration;

use signoff_sandbox::{Population, State, User, fault};

use crate::support::{Ended, Site, http, serve};

/// The most memory that a run may take.
const MOST_KIB: u64 = 60 * 1024;

/// A fault, how many requests may be sent at most, and words of the error.
type Team = (&'static str, usize, &'static str);

/// A fault, the exit code, the outcome of each user, its code, and how many writes may be sent for each.
type Logout = (&'static str, i32, &'static str, &'static str, usize);

#[test]
fn a_team_that_cannot_be_used_is_a_clear_error() {
    let cases: [Team; 11] = [
        ("huge_body@/finesse/api/Team", 2, TOO_LARGE),
        (
            "billion_laughs@/finesse/api/Team",
            2,
            "DOCTYPE, which is not accepted",
        ),
        ("malformed@/finesse/api/Team", 2, "ends before"),
        ("page@/finesse/api/Team", 2, "not a usable XML document"),
        ("error_500@/finesse/api/Team", 4, "Internal Server Error"),
        ("plain_401@/finesse/api/Team", 3, "is this a Finesse server?"),
        ("huge_body@/finesse/api/User", 1, TOO_LARGE),
        (
            "billion_laughs@/finesse/api/User",
            1,
            "DOCTYPE, which is not accepted",
        ),
        (
            "malformed@/finesse/api/User",
            1,
            "the User object of `supervisor`",
        ),
        ("redirect", 1, "redirects to `https://127.0.0.1:8445`"),
        ("plain_401", 1, "is this a Finesse server?"),
    ];
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || read_team(case));
        }
    });
}

#[test]
fn a_logout_that_is_answered_badly_is_told_as_it_is() {
    let cases: [Logout; 6] = [
        ("plain_401@PUT", 1, "denied", "http_401", 1),
        ("error_500@PUT", 5, "unknown", "Internal Server Error", 3),
        ("redirect@PUT", 1, "failed", "redirected", 1),
        ("error_500_after@PUT", 0, "done", "", 1),
        ("reset_after@PUT", 0, "done", "", 1),
        ("hang_after@PUT", 0, "done", "", 1),
    ];
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || log_out(case));
        }
    });
}

/// These take as long as the pauses between retries do, so they take them together.
#[test]
fn what_is_tried_again_comes_to_an_end() {
    let reads: [Team; 3] = [
        ("truncate@/finesse/api/Team", 9, "broke off"),
        ("hang_before@/finesse/api/Team", 9, "did not answer within 0.3 s"),
        ("unavailable@/finesse/api/Team", 9, "Service Unavailable"),
    ];
    thread::scope(|scope| {
        for case in reads {
            scope.spawn(move || read_team(case));
        }
        scope.spawn(|| log_out(("unavailable@PUT", 1, "failed", "Service Unavailable", 8)));
    });
}

const TOO_LARGE: &str = "an answer of more than 8388608 bytes";

/// The team's workflow, which cannot read who is on the team.
fn read_team((fault, requests, words): Team) {
    let site = Site::new(Population::team(6));
    site.configure("timeout = \"300ms\"");
    site.fault(fault);
    let ended = bounded(site.log_team_out(&["--yes"]).exits(4));
    let stderr = &ended.stderr;
    assert!(
        stderr.contains("error: ") && stderr.contains(words),
        "{fault}: {stderr}"
    );
    assert_eq!(ended.summary()["total"], 0, "{fault}");
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0, "{fault}");
    let sent = site.sandbox.ledger().count("", "/");
    assert!(sent <= requests, "{fault}: {sent} requests");
}

/// The team's workflow, which cannot log anybody out.
fn log_out((fault, exit, outcome, code, most): Logout) {
    let site = Site::new(Population::team(2));
    site.configure("timeout = \"300ms\"");
    site.fault(fault);
    let ended = bounded(site.log_team_out(&["--yes"]).exits(exit));
    for id in ["10001", "10002"] {
        let line = ended.outcome(id);
        assert_eq!(line["outcome"], outcome, "{fault}: {line}");
        assert_eq!(line["code"].as_str().unwrap_or_default(), code, "{fault}: {line}");
        let path = format!("/finesse/api/User/{id}");
        let sent = site.sandbox.ledger().count("PUT", &path);
        assert!(sent <= most, "{fault}: {sent} requests");
    }
}

#[test]
fn endless_nesting_ends() {
    let site = Site::new(Population::team(0));
    let deep = format!("<User>{}", "<a>".repeat(1_000_000));
    let origin = serve(move |_| http("200 OK", "Content-Type: application/xml\r\n", &deep));
    site.configure_with("finesse", &origin, "", CREDENTIAL);
    let ended = bounded(site.log_team_out(&["--yes"]).exits(4));
    assert!(
        ended.stderr.contains("elements nest deeper than 64"),
        "{}",
        ended.stderr
    );
}

const CREDENTIAL: &str = "username = \"supervisor\"\npassword = { env = \"SITE_PASSWORD\" }";

#[test]
fn every_way_of_writing_is_read() {
    let ways = ["order", "root_case", "namespace", "text", "empty", "pretty"];
    let mut cases: Vec<String> = fault::known()
        .filter(|known| ways.contains(&known.name))
        .flat_map(|known| {
            let (_, values) = known.usage.trim_end_matches(']').split_once('=').unwrap();
            values
                .split('|')
                .map(|value| format!("{}={value}", known.name))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(cases.len() > ways.len() * 2, "{cases:?}");
    cases.push("order=shuffled root_case=upper namespace=prefix text=cdata empty=omitted pretty".to_owned());
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || {
                let site = Site::new(Population::mixed(20, 11));
                case.split(' ').for_each(|fault| site.fault(fault));
                let ended = site.log_team_out(&["--yes"]).exits(0);
                assert_eq!(site.sandbox.signed_in(), ["supervisor"], "{case}");
                let total = ended.outcomes().len();
                assert_eq!(ended.summary()["counts"]["done"], total - 1, "{case}");
            });
        }
    });
}

#[test]
fn names_arrive_as_they_are() {
    let names = [
        ("1001", "Siobhán", "O'Neil & Co <b>"),
        ("1002", "田中", "\"さくら\""),
        ("1003", "]]>", "{\"a\":\\n}"),
        ("00123", "\u{1f642}", "\u{202e}evil"),
    ];
    let population = names
        .iter()
        .fold(Population::team(0), |population, (id, first, last)| {
            population.with(User::agent(*id, "1").named(*first, *last))
        });
    for text in ["escaped", "cdata", "numeric"] {
        let site = Site::new(population.clone());
        site.fault(&format!("text={text}"));
        let ended = site.log_team_out(&["--yes"]).exits(0);
        for (id, first, last) in names {
            assert_eq!(ended.outcome(id)["name"], format!("{first} {last}"), "{text}");
            assert_eq!(site.sandbox.state_of(id), Some(State::Logout));
        }
    }
}

/// In time and memory. Retries and their pauses take a while, and many runs share the machine.
#[track_caller]
fn bounded(ended: Ended) -> Ended {
    assert!(
        ended.peak_kib > 0 && ended.peak_kib < MOST_KIB,
        "{} KiB",
        ended.peak_kib
    );
    assert!(ended.elapsed < Duration::from_secs(50), "{:?}", ended.elapsed);
    ended
}
