//! What a vendor, a proxy or an attacker may answer: whatever it is, there is a clear end in bounded time and memory, and
//! nothing is sent that rests on it.

use std::thread;
use std::time::Duration;

use signoff_sandbox::{Population, State, User, fault};

use crate::support::{Ended, Site, http, serve};

/// The most memory that a run may take.
const MOST_KIB: u64 = 60 * 1024;

#[test]
fn a_team_that_cannot_be_used_is_a_clear_error() {
    let team = "/finesse/api/Team";
    let user = "/finesse/api/User";
    in_parallel(&[
        (format!("truncate@{team}"), 9, "broke off"),
        (format!("hang_before@{team}"), 9, "did not answer within 0.3 s"),
        (
            format!("huge_body@{team}"),
            2,
            "an answer of more than 8388608 bytes",
        ),
        (
            format!("billion_laughs@{team}"),
            2,
            "DOCTYPE, which is not accepted",
        ),
        (format!("malformed@{team}"), 2, "ends before"),
        (format!("page@{team}"), 2, "not a usable XML document"),
        (format!("error_500@{team}"), 4, "Internal Server Error"),
        (format!("plain_401@{team}"), 3, "is this a Finesse server?"),
        (format!("unavailable@{team}"), 9, "Service Unavailable"),
        (
            format!("huge_body@{user}"),
            1,
            "an answer of more than 8388608 bytes",
        ),
        (
            format!("billion_laughs@{user}"),
            1,
            "DOCTYPE, which is not accepted",
        ),
        (format!("malformed@{user}"), 1, "the User object of `supervisor`"),
        ("redirect".to_owned(), 1, "redirects to `https://127.0.0.1:8445`"),
        ("plain_401".to_owned(), 1, "is this a Finesse server?"),
    ]);
}

/// Runs the team's workflow under each fault; each must fail with these words after so many requests at most.
fn in_parallel(cases: &[(String, usize, &'static str)]) {
    thread::scope(|scope| {
        for (fault, requests, words) in cases {
            scope.spawn(move || {
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
                assert!(sent <= *requests, "{fault}: {sent} requests");
            });
        }
    });
}

#[test]
fn a_logout_that_is_answered_badly_is_told_as_it_is() {
    let cases = [
        ("plain_401@PUT", 1, "denied", "http_401", 1),
        ("error_500@PUT", 1, "unknown", "Internal Server Error", 3),
        ("redirect@PUT", 1, "failed", "redirected", 1),
        ("unavailable@PUT", 1, "failed", "Service Unavailable", 8),
        ("error_500_after@PUT", 0, "done", "", 1),
        ("reset_after@PUT", 0, "done", "", 1),
        ("hang_after@PUT", 0, "done", "", 1),
    ];
    thread::scope(|scope| {
        for (fault, exit, outcome, code, most) in cases {
            scope.spawn(move || {
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
            });
        }
    });
}

#[test]
fn endless_nesting_ends() {
    let site = Site::new(Population::team(0));
    let deep = format!("<User>{}", "<a>".repeat(1_000_000));
    let origin = serve(move |_| http("200 OK", "Content-Type: application/xml\r\n", &deep));
    site.configure_with("finesse", &origin, "", CREDENTIAL);
    let ended = bounded(site.log_team_out(&["--yes"]).exits(4));
    assert!(
        ended.stderr.contains("the User object of `supervisor`"),
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
