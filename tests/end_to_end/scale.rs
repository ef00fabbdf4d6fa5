//! A thousand agents: the vendor is asked for their states once a second, whatever their number, and a small machine is
//! enough.

use std::time::Duration;

use signoff_sandbox::{Fault, Population, Request, Settings, State, User};

use crate::support::{Ended, Site};

/// The most memory that a run may take, beside the 19 MiB of an optimised binary: together below 60 MB.
const MOST_KIB: u64 = 38 * 1024;

#[test]
fn a_thousand_agents_cost_one_team_read_a_second() {
    let (site, ended) = log_out(Population::team(1000));
    assert_eq!(ended.summary()["counts"]["done"], 1000);
    let reads = site.sandbox.ledger().count("GET", "/finesse/api/Team");
    assert!(reads < 25, "{reads} reads in {:?}", ended.elapsed);
}

#[test]
fn hundreds_on_calls_are_watched_by_the_same_reads() {
    let mut population = Population::team(500);
    for n in 0..500 {
        let ends = Duration::from_millis(1000 + n * 4);
        population = population.with(User::agent(format!("caller{n}"), "1").on_call(State::Talking, ends));
    }
    let (site, ended) = log_out(population);
    assert_eq!(ended.summary()["counts"]["done"], 1000);
    let cut = site.sandbox.ledger().effects();
    let cut = cut
        .iter()
        .filter(|effect| effect.to == State::Logout && effect.from.on_call());
    assert_eq!(cut.count(), 0, "nobody is cut off");
}

/// Logs the team out, with changes that take 50 ms, and checks what the vendor saw.
fn log_out(population: Population) -> (Site, Ended) {
    let site = Site::with(Settings::with(population).fault(Fault::parse("lag=50ms").unwrap()));
    site.configure("rate = \"none\"\ntimeout = \"10s\"\nsettle = \"10s\"");
    let ended = site.log_team_out(&["--yes"]).exits(0);
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
    let ledger = site.sandbox.ledger();
    let is_team = |request: &Request| request.path.starts_with("/finesse/api/Team/");
    // One a second as they leave. On a busy machine one may arrive late, and the next close behind it.
    let reads = ledger.count_where(is_team) as u64;
    assert!(
        reads <= ended.elapsed.as_secs() + 2,
        "{reads} Team reads in {:?}",
        ended.elapsed
    );
    let busiest = ledger.busiest(Duration::from_secs(3), is_team);
    assert!(busiest <= 4, "{busiest} Team reads in three seconds");
    assert!(ledger.most_at_once() <= 8, "{} at once", ledger.most_at_once());
    for line in ended.outcomes() {
        let user = line["user"].as_str().unwrap();
        assert!(ledger.logouts_of(user).requested <= 1, "{line}");
    }
    assert!(
        ended.own_kib > 0 && ended.own_kib < MOST_KIB,
        "{} KiB",
        ended.own_kib
    );
    assert!(ended.elapsed < Duration::from_secs(120), "{:?}", ended.elapsed);
    (site, ended)
}
