//! The provider in C, as somebody uses it who has read `A provider in C` in the README: compiled with its one line,
//! trusted, and then used like any other. What the simulated vendor saw decides.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use expect_test::expect;
use serde_json::Value;
use signoff_sandbox::hotdesk::{READ_ONLY_TOKEN, TOKEN};
use signoff_sandbox::{DeskState, HotdeskSettings, Person, Population, Settings};

use crate::support::{Ended, Site, repository};

#[test]
fn it_is_compiled_trusted_and_used() {
    let site = site(HotdeskSettings::demo());
    let untrusted = signoff(&site, &["logout", "hotdesk", "mara"]).exits(3);
    assert!(
        untrusted.stderr.contains("plugin `hotdesk` is not trusted"),
        "{}",
        untrusted.stderr
    );
    trust(&site);
    let roster = signoff(
        &site,
        &[
            "roster",
            "hotdesk",
            "--signed-in",
            "--team",
            "3",
            "--format",
            "json",
        ],
    )
    .exits(0);
    expect![[r#"
        mara | Mara Lind | in | 3 | 3.01
        tomo | Tomo Okafor | in | 3 | 3.02
        zoë | Zoë Martens | in | 3 | 3.03"#]]
    .assert_eq(&brief(&roster, &["id", "name", "state", "team", "desk"]));
    let status = signoff(&site, &["status", "hotdesk", "zoë", "--format", "json"]).exits(0);
    expect!["zoë | Zoë Martens | in | 3 | 3.03"]
        .assert_eq(&brief(&status, &["id", "name", "state", "team", "desk"]));
    let plan = log_out(&site, &["mara", "--plan"]).exits(0);
    expect!["mara | Mara Lind | planned"].assert_eq(&outcomes(&plan));
    assert_eq!(site.sandbox.desk_state_of("mara"), Some(DeskState::In));
    expect!["mara | Mara Lind | done | status"].assert_eq(&outcomes(&log_out(&site, &["mara"]).exits(0)));
    assert_eq!(site.sandbox.desk_state_of("mara"), Some(DeskState::Out));
    expect!["mara | Mara Lind | already"].assert_eq(&outcomes(&log_out(&site, &["mara"]).exits(0)));
    assert_eq!(sign_outs(&site, "mara"), (1, 1, 1));
}

#[test]
fn its_options_are_shown() {
    let site = trusted(HotdeskSettings::demo());
    let help = signoff(&site, &["logout", "hotdesk", "--help"]).exits(0).stdout;
    for part in ["confirm_within", "how long to look for the sign-out", "30s"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn a_script_uses_it() {
    let site = trusted(HotdeskSettings::demo());
    let script = repository().join("plugins/hotdesk/clear_a_floor.luau");
    let run = ["run", script.to_str().unwrap(), "--format", "json"];
    let ended = signoff(&site, &[&run[..], &["--set", "floor=3"]].concat()).exits(0);
    assert_eq!(ended.summary()["counts"]["done"], 3);
    let ended = signoff(&site, &run).exits(0);
    assert_eq!(ended.outcome("jia")["outcome"], "skipped");
    assert_eq!(ended.outcome("ines.d")["confirmed_by"], "status");
    for (user, times) in [
        ("mara", 1),
        ("tomo", 1),
        ("zoë", 1),
        ("ines.d", 1),
        ("jia", 0),
        ("pavel", 0),
    ] {
        assert_eq!(sign_outs(&site, user), (times, times, times), "{user}");
    }
}

#[test]
fn nobody_is_signed_out_twice_when_connections_break_after_the_effect() {
    let site = trusted(crowd(30));
    site.fault("reset_after=0.3@POST/hotdesk");
    site.fault("lag=30ms");
    let ended = log_out(&site, &["--team", "1", "--yes"]).exits(0);
    assert_eq!(ended.outcomes().len(), 30);
    for outcome in ended.outcomes() {
        let user = outcome["user"].as_str().unwrap();
        assert_eq!(outcome["outcome"], "done", "{outcome}");
        assert_eq!(outcome["repeated"], false, "{outcome}");
        assert_eq!(sign_outs(&site, user), (1, 1, 1), "{user}");
    }
    let broken = site
        .sandbox
        .ledger()
        .count_where(|request| request.path.ends_with("/sign-out") && request.fault == Some("reset_after"));
    assert!(broken >= 3, "only {broken} sign-outs were hit");
}

#[test]
fn a_sign_out_that_never_arrived_is_sent_again_once_that_is_proven() {
    let site = trusted(HotdeskSettings::demo());
    site.fault("reset_before@POST/hotdesk#1");
    let ended = log_out(&site, &["mara"]).exits(0);
    let outcome = ended.outcome("mara");
    assert_eq!(
        (&outcome["outcome"], &outcome["attempts"]),
        (&"done".into(), &2.into()),
        "{outcome}"
    );
    assert_eq!(outcome["repeated"], true);
    assert_eq!(sign_outs(&site, "mara"), (1, 1, 1));
}

#[test]
fn an_acceptance_is_no_success() {
    let site = trusted(HotdeskSettings::demo());
    site.fault("never_apply@POST/hotdesk");
    let ended = log_out(&site, &["mara", "-o", "confirm_within=1s"]).exits(1);
    expect!["mara | Mara Lind | accepted | unconfirmed | taken, and the phone does not let go of him"]
        .assert_eq(&outcomes(&ended));
}

#[test]
fn refusals_have_their_exit_codes() {
    let site = trusted(HotdeskSettings::demo());
    expect![[r#"
        jia | 贾佳 | busy | on_call | on a call, and left alone
        nobody | not_found | no_such_user | nobody is called nobody"#]]
    .assert_eq(&outcomes(&log_out(&site, &["jia", "nobody"]).exits(1)));
    let site = site.password(READ_ONLY_TOKEN);
    expect!["mara | Mara Lind | denied | read_only_token | this token may look, and change nothing"]
        .assert_eq(&outcomes(&log_out(&site, &["mara"]).exits(1)));
    let site = site.password("wrong-token");
    let ended = log_out(&site, &["mara", "tomo", "zoë"]).exits(4);
    assert!(!ended.printed().contains("wrong-token"), "{}", ended.printed());
    let refused = site.sandbox.ledger().count_where(|request| {
        request.path.starts_with("/hotdesk") && request.end == signoff_sandbox::End::Answered(401)
    });
    assert_eq!(refused, 1);
}

#[test]
fn the_sandbox_has_a_connection_for_it() {
    let site = trusted(HotdeskSettings::demo());
    let plugins = site.path("plugins");
    let plugin_path = ["--plugin-path", plugins.to_str().unwrap()];
    // Pins lie beside the configuration, and in the current folder where there is none.
    let logout = ["logout", "hotdesk", "mara", "--sandbox", "--format", "json"];
    let ended = site.run(&[&plugin_path[..], &logout].concat()).exits(0);
    assert_eq!(ended.outcome("mara")["outcome"], "done");
}

#[test]
fn a_run_goes_on_with_the_plugins_that_it_began_with() {
    let site = trusted(crowd(30));
    site.fault("delay=10ms");
    let begin = [
        "--plugin-path",
        "plugins",
        "logout",
        "hotdesk",
        "--team",
        "1",
        "--yes",
    ];
    let mut running = site.begin_with_configuration(&begin);
    running.until(|| site.sandbox.ledger().count("POST", "/hotdesk") >= 5);
    running.kill();
    let ended = site.run(&["resume", "--format", "json"]).exits(0);
    assert_eq!(ended.outcomes().len(), 30);
}

/// A site whose configuration has a connection `hotdesk`, and whose plugins are there and not trusted.
fn site(hotdesk: HotdeskSettings) -> Site {
    let mut settings = Settings::with(Population::team(1));
    settings.hotdesk = hotdesk;
    let site = Site::with(settings).password(TOKEN);
    let origin = site.sandbox.origin();
    site.write(
        "signoff.toml",
        &format!(
            "[connections.hotdesk]\nprovider = \"hotdesk\"\napi = [\"{origin}\"]\ncredential = \"reception\"\n\
             rate = \"500/s\"\ntimeout = \"1s\"\nsettle = \"300ms\"\n\
             [credentials.reception]\nkey = {{ env = \"SITE_PASSWORD\" }}\n"
        ),
    );
    compile(&site);
    site
}

fn trusted(hotdesk: HotdeskSettings) -> Site {
    let site = site(hotdesk);
    trust(&site);
    site
}

fn trust(site: &Site) {
    let ended = signoff(site, &["plugin", "trust", "hotdesk"]).exits(0);
    assert!(
        ended.stdout.starts_with("trusted `hotdesk` 0.1.0, sha256 "),
        "{}",
        ended.stdout
    );
}

/// Runs signoff with the plugins of the site.
fn signoff(site: &Site, arguments: &[&str]) -> Ended {
    let plugins = site.path("plugins");
    site.signoff(&[&["--plugin-path", plugins.to_str().unwrap()], arguments].concat())
}

/// The same for `logout hotdesk`, in JSON lines.
fn log_out(site: &Site, arguments: &[&str]) -> Ended {
    signoff(
        site,
        &[&["logout", "hotdesk", "--format", "json"], arguments].concat(),
    )
}

/// A line for each outcome, by user.
fn outcomes(ended: &Ended) -> String {
    let names = ["user", "name", "outcome", "confirmed_by", "code", "message"];
    let mut lines: Vec<String> = ended.outcomes().iter().map(|line| values(line, &names)).collect();
    lines.sort();
    lines.join("\n")
}

/// These values of each line.
fn brief(ended: &Ended, names: &[&str]) -> String {
    let lines: Vec<String> = ended.lines().iter().map(|line| values(line, names)).collect();
    lines.join("\n")
}

fn values(line: &Value, names: &[&str]) -> String {
    let values = names.iter().filter_map(|name| line[*name].as_str());
    values.collect::<Vec<_>>().join(" | ")
}

/// By the line that the README and the manifest tell people to type.
fn compile(site: &Site) {
    let folder = site.path("plugins/hotdesk");
    fs::create_dir_all(&folder).unwrap();
    let manifest = fs::read_to_string(repository().join("plugins/hotdesk/provider.toml")).unwrap();
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("#   cc "))
        .unwrap();
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(
        readme.contains(&format!("cc {line}")),
        "the README has another line"
    );
    let library = folder.join("libhotdesk.so");
    let words = line.split(' ').map(|word| match word {
        "plugins/hotdesk/libhotdesk.so" => library.as_os_str(),
        other => other.as_ref(),
    });
    let output = Command::new("cc").args(words).current_dir(repository()).output();
    let output =
        output.unwrap_or_else(|error| panic!("this test needs a C compiler; `cc` cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::write(folder.join("provider.toml"), manifest).unwrap();
    for closed in [
        site.path("plugins"),
        folder.clone(),
        folder.join("provider.toml"),
        library,
    ] {
        fs::set_permissions(closed, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

/// How often a sign-out was asked for, accepted and applied.
fn sign_outs(site: &Site, user: &str) -> (u32, u32, u32) {
    let seen = site.sandbox.ledger().sign_outs_of(user);
    (seen.requested, seen.accepted, seen.applied)
}

/// So many people on the first floor.
fn crowd(people: usize) -> HotdeskSettings {
    let person = |number| Person {
        id: format!("u{number:03}"),
        name: format!("User {number}"),
        floor: 1,
        state: DeskState::In,
    };
    HotdeskSettings {
        people: (1..=people).map(person).collect(),
        ..HotdeskSettings::demo()
    }
}
