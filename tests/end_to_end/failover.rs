//! A cluster of two nodes, one of which dies half-way.

use std::time::Duration;

use signoff_sandbox::{Fault, Population, Settings};

use crate::support::{Ended, Site, http, serve};

const AGENTS: usize = 300;

#[test]
fn a_team_gets_out_through_the_second_node_when_the_first_is_killed() {
    let (site, ended) = log_out_while(|site| site.sandbox.stop_node(0));
    assert!(
        ended
            .stderr
            .contains(&format!("`{}` is used instead", site.sandbox.origins()[1])),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_team_gets_out_through_the_second_node_when_the_first_is_out_of_service() {
    let (site, ended) = log_out_while(|site| site.sandbox.set_in_service(0, false));
    let answers = format!("`{}` answers with HTTP 503", site.sandbox.origins()[0]);
    assert!(ended.stderr.contains(&answers), "{}", ended.stderr);
}

#[test]
fn failing_health_moves_to_the_second_node() {
    let site = Site::new(Population::team(1));
    // It answers for itself, with 200, and says in the body how it is.
    let unwell = serve(|_| {
        let body = "<SystemInfo><status>OUT_OF_SERVICE</status></SystemInfo>";
        http("200 OK", "Content-Type: application/xml\r\n", body)
    });
    let text = std::fs::read_to_string(site.path("signoff.toml")).unwrap();
    site.write(
        "signoff.toml",
        &text.replace("api = [", &format!("api = [\"{unwell}\", ")),
    );
    let code = "local signoff = require('@signoff')\n\
        return signoff.workflow({ run = function()\n\
        local health = signoff.connect('site'):health({})\n\
        signoff.log('info', 'health', { status = health.status, code = health.code }) end })";
    let path = site.write("health.luau", code);
    let ended = site.signoff(&["run", &path, "--yes"]).exits(0);
    assert!(ended.stderr.contains("status=\"IN_SERVICE\""), "{}", ended.stderr);
}

/// Logs a team out, does something when a third of it is out, and checks that all the same everybody gets out once.
fn log_out_while(trouble: impl Fn(&Site) + Sync) -> (Site, Ended) {
    let site = two_nodes(AGENTS);
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            while site.sandbox.ledger().count("PUT", "/finesse/api/User/") < AGENTS / 3 {
                std::thread::sleep(Duration::from_millis(5));
            }
            trouble(&site);
        });
        site.log_team_out(&["--yes"]).exits(0)
    });
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
    assert_eq!(ended.summary()["counts"]["done"], AGENTS);
    let ledger = site.sandbox.ledger();
    let acted_on = ended
        .outcomes()
        .into_iter()
        .filter(|line| line["outcome"] != "skipped");
    for line in acted_on {
        let user = line["user"].as_str().unwrap();
        let logouts = ledger.logouts_of(user);
        assert_eq!((logouts.accepted, logouts.applied), (1, 1), "{line}");
    }
    let writes = |node: usize| {
        let requests = ledger.requests();
        let writes = requests
            .iter()
            .filter(|one| one.method == "PUT" && one.node == node);
        writes.count()
    };
    assert!(
        writes(0) >= AGENTS / 3 && writes(1) >= AGENTS / 3,
        "{} and {}",
        writes(0),
        writes(1)
    );
    assert!(ended.elapsed < Duration::from_secs(30), "{:?}", ended.elapsed);
    (site, ended)
}

/// A team at a Finesse of two nodes, both of which are configured.
fn two_nodes(agents: usize) -> Site {
    let settings = Settings::with(Population::team(agents)).nodes(2);
    let site = Site::with(settings.fault(Fault::parse("lag=50ms").unwrap()));
    let origins = site.sandbox.origins();
    let text = format!(
        "[connections.site]\nprovider = \"finesse\"\napi = [\"{}\", \"{}\"]\ncredential = \"me\"\nrate = \"200/s\"\n\
         timeout = \"1s\"\nsettle = \"300ms\"\n\
         [credentials.me]\nusername = \"supervisor\"\npassword = {{ env = \"SITE_PASSWORD\" }}\n",
        origins[0], origins[1]
    );
    site.write("signoff.toml", &text);
    site
}
