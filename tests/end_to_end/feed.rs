//! Notifications: a logout is confirmed by the vendor's own word, and nobody is harmed by listening.

mod watching;

use std::time::Duration;

use serde_json::Value;
use signoff_sandbox::finesse::AsyncError;
use signoff_sandbox::notify::FeedEnd;
use signoff_sandbox::{Fault, Population, Settings, State, User};

use crate::support::{Ended, Site};

/// A team of agents, its supervisor, and somebody who listens and is never signed in.
fn site(agents: usize) -> Site {
    listening(Settings::with(population(agents)), "")
}

fn population(agents: usize) -> Population {
    Population::team(agents).with(User::administrator("watcher"))
}

fn listening(settings: Settings, more: &str) -> Site {
    let site = Site::with(settings);
    site.configure(&format!(
        "feed = {{ credential = \"watcher\" }}\n{more}\n{WATCHER}"
    ));
    site
}

const WATCHER: &str = "[credentials.watcher]\nusername = \"watcher\"\npassword = { command = [\"printf\", \"%s\", \"watcher-password\"] }\n";

fn confirmed(ended: &Ended) -> Vec<(String, String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let outcomes = ended.outcomes();
    let mut rows: Vec<_> = outcomes
        .iter()
        .filter_map(|line| {
            Some((
                text(&line["user"])?,
                text(&line["outcome"])?,
                text(&line["confirmed_by"]),
            ))
        })
        .collect();
    rows.sort();
    rows
}

fn by(rows: &[(String, String, Option<String>)], what: &str) -> usize {
    rows.iter()
        .filter(|(_, _, by)| by.as_deref() == Some(what))
        .count()
}

/// The bundled script, on the demonstration's people, with the configuration that the sandbox writes itself.
#[test]
fn the_demonstration_is_confirmed_by_events_and_without_a_feed_by_states() {
    let mut seen = Vec::new();
    for (fault, expected) in [(None, "event"), (Some("feed_off"), "status")] {
        let settings = Settings::with(Population::demo(1));
        let settings = match fault {
            Some(fault) => settings.fault(Fault::parse(fault).unwrap()),
            None => settings,
        };
        let site = Site::with(settings);
        site.configure_as_written(&site.sandbox.configuration());
        let script = crate::support::script("supervisor_logs_out_team.luau");
        let ended = site
            .signoff(&[
                "run",
                &script,
                "--set",
                "connection=finesse",
                "--format",
                "json",
                "--yes",
            ])
            .exits(0);
        let rows = confirmed(&ended);
        let done = rows.iter().filter(|(_, outcome, _)| outcome == "done").count();
        assert!(
            done > 3 && by(&rows, expected) == done,
            "{rows:?}\n{}",
            ended.stderr
        );
        assert_eq!(site.sandbox.feed_subscriptions(), []);
        seen.push((
            site.sandbox.signed_in(),
            rows.into_iter()
                .map(|(user, outcome, _)| (user, outcome))
                .collect::<Vec<_>>(),
        ));
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn the_details_tell_how_soon_the_event_came() {
    let site = site(1);
    let ended = site.log_team_out(&[]).exits(0);
    let line = ended.outcome("10001");
    assert_eq!(line["confirmed_by"], "event", "{line}");
    assert!(
        line["details"]["event_after"].is_string() || line["details"]["event_after"].is_number(),
        "{line}"
    );
    assert_eq!(line["details"]["state_after"], "LOGOUT");
    // Nobody asked for the state after the request.
    let ledger = site.sandbox.ledger();
    assert_eq!(ledger.feed().most_open, 1);
    assert_eq!(
        (ledger.feed().open, site.sandbox.feed_subscriptions().len()),
        (0, 0)
    );
}

/// No answer to a request ever says this.
#[test]
fn what_fails_in_the_switch_alone_is_refused_with_its_code_and_words() {
    let stuck = User::agent("stuck", "1").failing(AsyncError::by_code("33").unwrap());
    let site = listening(Settings::with(population(2).with(stuck)), "");
    let ended = site.log_team_out(&["--yes"]).exits(1);
    let line = ended.outcome("stuck");
    assert_eq!(
        (&line["outcome"], &line["code"], &line["message"]),
        (&"refused".into(), &"33".into(), &"CF_RESOURCE_BUSY".into()),
        "{line}"
    );
    assert_eq!(ended.outcome("10001")["confirmed_by"], "event");
    assert_eq!(site.sandbox.state_of("stuck"), Some(State::Ready));
}

/// Finesse logs out whoever is signed in when his session of notifications ends.
#[test]
fn a_supervisor_who_is_signed_in_stays_so_and_opens_no_session() {
    let site = Site::new(Population::team(3));
    site.fault("presence_timeout=50ms");
    let ended = site.log_team_out(&[]).exits(0);
    assert_eq!(by(&confirmed(&ended), "status"), 3);
    let why = ended
        .stderr
        .lines()
        .filter(|line| line.contains("`supervisor` is signed in"))
        .count();
    assert_eq!(why, 1, "{}", ended.stderr);
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(site.sandbox.ledger().feed().sessions, 0);
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
    // Nor is one opened as him because the configuration says so.
    site.sandbox.set_state("10001", State::Ready);
    site.configure("feed = { credential = \"me\" }");
    site.log_team_out(&[]).exits(0);
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(site.sandbox.ledger().feed().sessions, 0);
    assert_eq!(site.sandbox.signed_in(), ["supervisor"]);
}

/// Nobody can be logged out by the end of his session who is logged out already.
#[test]
fn a_supervisor_who_is_signed_out_listens_himself() {
    let people = Population::team(2).with(User::supervisor("second", &["1"]).state(State::Logout));
    let site = Site::new(people).password("second-password");
    site.configure_as("second", "");
    let ended = site
        .signoff(&[
            "logout",
            "site",
            "10001",
            "--format",
            "json",
            "-o",
            "confirm=event",
        ])
        .exits(0);
    assert_eq!(
        ended.outcome("10001")["confirmed_by"],
        "event",
        "{}",
        ended.stdout
    );
    assert_eq!(site.sandbox.feed_subscriptions(), []);
}

#[test]
fn only_an_event_would_do_and_there_can_be_none() {
    let site = Site::new(Population::team(2));
    let ended = site
        .signoff(&["logout", "site", "10001", "-o", "confirm=event"])
        .exits(3);
    assert!(
        ended
            .stderr
            .contains("needs notifications: `supervisor` is signed in"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("`best`"), "{}", ended.stderr);
    assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
}

/// It is nobody's own fault that nothing was sent, and the next step is not to run it again.
#[test]
fn only_an_event_would_do_and_the_feed_cannot_be_had() {
    for (password, fault, next) in [
        ("wrong", "delay=1ms", "correct the credential first"),
        (
            "watcher-password",
            "feed_off",
            "run it again when the vendor can be reached",
        ),
    ] {
        let site = Site::with(Settings::with(population(2)).fault(Fault::parse(fault).unwrap()));
        site.configure(&format!(
            "feed = {{ credential = \"watcher\" }}\n{}",
            WATCHER.replace("watcher-password", password)
        ));
        let arguments = ["logout", "site", "10001", "10002", "-o", "confirm=event"];
        let ended = site.signoff(&arguments).exits(4);
        for words in ["connection `site`: no notifications: ", next] {
            assert!(ended.stderr.contains(words), "{}", ended.stderr);
        }
        assert_eq!(site.sandbox.ledger().count("PUT", "/"), 0);
    }
}

#[test]
fn a_plan_opens_no_session() {
    let site = site(3);
    site.log_team_out(&["--plan"]).exits(0);
    assert_eq!(site.sandbox.ledger().feed().sessions, 0);
}

/// Sessions end in the middle of a run, again and again: whoever loses his feed is told, and reads.
#[test]
fn sessions_that_end_in_the_middle_cost_time_and_nothing_else() {
    let site = listening(
        Settings::with(population(300)).fault(Fault::parse("lag=30ms").unwrap()),
        "concurrency = 8",
    );
    let mut running = site.begin_team(&["--yes"]);
    for how in [FeedEnd::Reset, FeedEnd::Shutdown, FeedEnd::Close] {
        let before = site.sandbox.ledger().count("PUT", "/");
        running.until(|| site.sandbox.ledger().count("PUT", "/") > before + 70);
        site.sandbox.end_feeds(how);
    }
    let ended = running.wait().exits(0);
    let rows = confirmed(&ended);
    let done = rows.iter().filter(|(_, outcome, _)| outcome == "done").count();
    assert_eq!(done, 300, "{}", ended.stderr);
    assert!(
        by(&rows, "event") > 0 && by(&rows, "status") > 0,
        "{}",
        ended.stderr
    );
    assert!(ended.elapsed < Duration::from_secs(60), "{:?}", ended.elapsed);
    assert_eq!(site.sandbox.feed_subscriptions(), []);
    let ledger = site.sandbox.ledger();
    for user in 10_001..=10_300 {
        assert!(ledger.logouts_of(&user.to_string()).requested <= 1, "{user}");
    }
}

/// Events that are lost, late or doubled change nothing of what is said in the end.
#[test]
fn whatever_becomes_of_events_the_outcomes_are_right() {
    for (fault, expected) in [
        ("feed_lost=1", "status"),
        ("feed_doubled=1", "event"),
        ("feed_late=300ms", "event"),
        ("feed_silent", "status"),
        ("feed_no_plain", "status"),
        ("feed_not_authorized", "status"),
        ("feed_hang=1", "status"),
        ("feed_half=1", "status"),
        ("feed_service=no", "status"),
        ("feed_temporary_failure", "status"),
        ("notification=pubsub", "event"),
        ("supervisor_hears_users=no", "event"),
    ] {
        let site = site(3);
        site.fault(fault);
        let ended = site
            .signoff(&[
                "logout",
                "site",
                "--team",
                "1",
                "--format",
                "json",
                "-o",
                "confirm_within=1500ms",
            ])
            .exits(0);
        let rows = confirmed(&ended);
        assert_eq!(by(&rows, expected), 3, "{fault}: {rows:?}\n{}", ended.stderr);
        assert_eq!(site.sandbox.feed_subscriptions(), [], "{fault}");
    }
}

/// Plain on this machine, in TLS, and over WebSockets; the first address that is there counts.
#[test]
fn every_way_leads_to_the_same() {
    let site = site(3);
    let certificate = site.write("certificate.pem", site.sandbox.certificate());
    let tls = site.sandbox.xmpp_tls_address().port();
    let https = site.sandbox.https_origin();
    let https = https.rsplit(':').next().unwrap();
    for addresses in [
        format!("\"xmpp://{}\"", site.sandbox.xmpp_address()),
        format!("\"xmpps://localhost:{tls}\""),
        format!("\"wss://localhost:{https}/ws/\""),
        format!("\"xmpp://127.0.0.1:1\", \"xmpps://localhost:{tls}\""),
    ] {
        for user in ["10001", "10002", "10003"] {
            site.sandbox.set_state(user, State::Ready);
        }
        site.configure(&format!(
            "feed = {{ credential = \"watcher\", address = [{addresses}] }}\nca_file = \"{certificate}\"\n{WATCHER}"
        ));
        let ended = site.log_team_out(&[]).exits(0);
        assert_eq!(
            by(&confirmed(&ended), "event"),
            3,
            "{addresses}\n{}",
            ended.stderr
        );
        assert_eq!(site.sandbox.feed_subscriptions(), [], "{addresses}");
    }
    // Whoever has another certificate is not told the password.
    site.configure(&format!(
        "feed = {{ credential = \"watcher\", address = \"xmpps://localhost:{tls}\" }}\n{WATCHER}"
    ));
    let sessions = site.sandbox.ledger().feed().sessions;
    site.sandbox.set_state("10001", State::Ready);
    let ended = site.log_team_out(&[]).exits(0);
    for words in [
        "states are read instead",
        "its certificate is not trusted",
        "set `ca_file = ",
    ] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    assert_eq!(site.sandbox.ledger().feed().sessions, sessions);
    // To run it again would not help, so nobody is told to.
    site.sandbox.set_state("10001", State::Ready);
    let only_by_event = ["logout", "site", "10001", "-o", "confirm=event"];
    let ended = site.signoff(&only_by_event).exits(3);
    assert!(ended.stderr.contains("set `ca_file = "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("run it again"), "{}", ended.stderr);
    let ended = site.signoff(&["doctor"]).exits(3);
    for words in [
        "problem notifications  `watcher` cannot listen: ",
        "= help: save the issuer's certificate",
    ] {
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
}

#[test]
fn mistakes_in_the_configuration_of_a_feed_are_named() {
    for (feed, expected) in [
        (
            "feed = { credential = \"wather\" }",
            "there is no credential `wather`",
        ),
        ("feed = { adress = \"x\" }", "did you mean `address`?"),
        ("feed = \"watcher\"", "is a table"),
        (
            "feed = { address = \"https://localhost\" }",
            "`https://localhost` is no address of a feed",
        ),
        (
            "feed = { address = \"xmpp://finesse.example.com\" }",
            "would send a password in clear",
        ),
        (
            "feed = { address = \"xmpps://me:pw@finesse.example.com\" }",
            "holds a user name or a password",
        ),
        (
            "feed = { address = \"xmpps://finesse.example.com/x\" }",
            "has a path",
        ),
    ] {
        let site = Site::new(Population::team(1));
        site.configure(&format!("{feed}\n{WATCHER}"));
        let ended = site.signoff(&["roster", "site"]).exits(3);
        assert!(ended.stderr.contains(expected), "{feed}: {}", ended.stderr);
        assert!(!ended.stderr.contains("me:pw"), "{}", ended.stderr);
    }
    let site = Site::new(Population::team(1));
    let credential = "username = \"a\"\npassword = { env = \"SITE_PASSWORD\" }";
    site.configure_with(
        "zap",
        &site.sandbox.origin(),
        "feed = { credential = \"me\" }",
        credential,
    );
    let ended = site.signoff(&["roster", "site"]).exits(3);
    assert!(
        ended.stderr.contains("ZAP has no notifications to listen to"),
        "{}",
        ended.stderr
    );
    let site = Site::new(Population::team(1));
    site.configure("feed = { address = \"xmpp://finesse.example.com\" }\ndanger_plain_xmpp = true");
    let ended = site.signoff(&["roster", "site"]).exits(0);
    assert!(
        ended.stderr.contains("sends the password of its feed in clear"),
        "{}",
        ended.stderr
    );
}

/// A wrong password for the feed is shown once, to whoever asks first, and the logouts go on.
#[test]
fn a_refused_feed_costs_one_refusal() {
    let site = site(10);
    site.configure(&format!(
        "feed = {{ credential = \"watcher\" }}\n{}",
        WATCHER.replace("watcher-password", "wrong")
    ));
    let ended = site.log_team_out(&[]).exits(0);
    assert_eq!(by(&confirmed(&ended), "status"), 10, "{}", ended.stderr);
    let refused = site.sandbox.ledger().feed().refused.values().sum::<u32>();
    let shown = site.sandbox.ledger().count("GET", "/finesse/api/User/watcher");
    assert_eq!((refused, shown), (0, 1), "{}", ended.stderr);
    let words = "states are read instead: the credential `watcher` (user `watcher`) was refused: ";
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
    assert!(!site.sandbox.is_locked("watcher"));
}

/// Whoever listens and acts with one password has it refused once, and is told so.
#[test]
fn a_password_that_the_feed_had_refused_is_not_tried_elsewhere() {
    let site = Site::new(population(10));
    site.sandbox.set_state("supervisor", State::Logout);
    site.fault("feed_not_authorized");
    let ended = site.signoff(&["logout", "site", "10001", "10002"]).exits(4);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    for words in [
        "the vendor refused the credential `me`: the notification service refuses the login: not-authorized",
        "correct the credential first",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let refused = site.sandbox.ledger().feed().refused.values().sum::<u32>();
    assert_eq!((refused, site.sandbox.ledger().count("PUT", "/")), (1, 0));
}

/// Two thousand agents on one session; afterwards nothing of it is left.
#[test]
fn two_thousand_agents_share_one_feed() {
    let site = listening(
        Settings::with(population(2_000)),
        "rate = \"none\"\ntimeout = \"10s\"",
    );
    let ended = site.log_team_out(&["--yes"]).exits(0);
    let rows = confirmed(&ended);
    assert_eq!(by(&rows, "event"), 2_000, "{}", ended.stderr);
    let feed = site.sandbox.ledger().feed();
    // On a machine that stands still for a while a session is lost, is said to be, and is opened again.
    let lost = u64::try_from(ended.stderr.matches("the feed was lost").count()).unwrap();
    assert_eq!((feed.sessions, feed.open), (1 + lost, 0), "{}", ended.stderr);
    assert_eq!(site.sandbox.feed_subscriptions(), []);
    assert!(
        ended.peak_kib > 0 && ended.peak_kib < 100 * 1024,
        "{} KiB",
        ended.peak_kib
    );
}

#[test]
fn an_interrupted_run_takes_its_subscriptions_back() {
    let site = listening(
        Settings::with(population(40)).fault(Fault::parse("lag=200ms").unwrap()),
        "concurrency = 2",
    );
    let mut running = site.begin_team(&["--yes"]);
    running.until(|| !site.sandbox.feed_subscriptions().is_empty());
    running.signal("INT");
    running.wait().exits(130);
    assert_eq!(site.sandbox.feed_subscriptions(), []);
    assert_eq!(site.sandbox.ledger().feed().open, 0);
}

/// The service is silent, so that good-byes are waited for. Nobody need wait with them.
#[test]
fn the_second_signal_leaves_at_once_also_while_a_run_ends() {
    for (arguments, words) in [
        (
            &["logout", "site", "10001", "-o", "confirm_within=300ms", "--yes"][..],
            "the run is ending; Ctrl-C once more leaves at once",
        ),
        (&["watch-feed", "site"], ""),
    ] {
        let settings = Settings::with(population(3)).fault(Fault::parse("feed_hang").unwrap());
        let site = listening(settings, "");
        let subscribed = || !site.sandbox.feed_subscriptions().is_empty();
        let mut running = site.begin_with_configuration(arguments);
        running.until(subscribed);
        if words.is_empty() {
            site.sandbox.set_state("10002", State::NotReady);
        } else {
            let told = || std::fs::read_to_string(site.path("stdout")).unwrap();
            running.until(|| told().contains("done"));
        }
        std::thread::sleep(Duration::from_millis(200));
        for _ in 0..2 {
            running.signal("INT");
            std::thread::sleep(Duration::from_millis(200));
        }
        let ended = running.wait().exits(130);
        assert!(ended.elapsed < Duration::from_secs(8), "{:?}", ended.elapsed);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

/// A run that is killed takes nothing back; the next one does.
#[test]
fn the_next_run_removes_what_a_killed_one_left() {
    let site = listening(
        Settings::with(population(40)).fault(Fault::parse("lag=200ms").unwrap()),
        "concurrency = 2",
    );
    let mut running = site.begin_team(&["--yes"]);
    running.until(|| !site.sandbox.feed_subscriptions().is_empty());
    running.kill();
    assert!(!site.sandbox.feed_subscriptions().is_empty());
    site.log_team_out(&["--yes"]).exits(0);
    assert_eq!(site.sandbox.feed_subscriptions(), []);
}

#[test]
fn doctor_tries_the_feed_where_it_is_configured() {
    let site = site(1);
    let ended = site.signoff(&["doctor"]).exits(0);
    assert!(
        ended.stdout.contains("`watcher` can listen at `ws://"),
        "{}",
        ended.stdout
    );
    assert_eq!(site.sandbox.ledger().feed().open, 0);
    site.fault("feed_off");
    let ended = site.signoff(&["doctor"]).exits(4);
    assert!(
        ended.stdout.contains("`watcher` cannot listen: "),
        "{}",
        ended.stdout
    );
}

/// By the API, and by the notification service itself.
#[test]
fn doctor_takes_a_refused_feed_for_a_problem() {
    for (password, fault) in [
        ("wrong", "delay=1ms"),
        ("watcher-password", "feed_not_authorized"),
    ] {
        let site = site(1);
        site.configure(&format!(
            "feed = {{ credential = \"watcher\" }}\n{}",
            WATCHER.replace("watcher-password", password)
        ));
        site.fault(fault);
        let ended = site.signoff(&["doctor"]).exits(4);
        for words in [
            "`watcher` cannot listen: the credential `watcher` (user `watcher`) was refused: ",
            "; it was shown once",
            "= help: correct user name or secret before you try again",
        ] {
            assert!(ended.stdout.contains(words), "{}", ended.stdout);
        }
    }
}
