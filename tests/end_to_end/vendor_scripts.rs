//! The scripts for ZAP and Uiza, with the example lists, on the configuration that the sandbox prints.

use std::fs;

use signoff_sandbox::{Population, Settings, uiza, zap};

use crate::support::{Ended, Site, repository};

// ZAP

#[test]
fn zap_users_of_a_list_are_out_on_the_web_and_on_every_device() {
    let site = site(&[]);
    let ended = run(&site, "@zap_logs_out_users", Some("zap_users.csv"), &[]).exits(0);
    assert_eq!(ended.summary()["counts"]["done"], 10);
    for user in zap::demo() {
        let sessions = site.sandbox.zap_sessions_of(&user.id).unwrap();
        let ledger = site.sandbox.ledger().zap_sessions_of(&user.id);
        if user.role == zap::Role::Customer {
            assert_eq!(sessions, zap::Sessions::default(), "{}", user.name);
            assert_eq!(ledger.devices.len(), user.devices.len(), "{}", user.name);
            assert_eq!(
                (ledger.web.requested, ledger.strange_devices),
                (1, 0),
                "{}",
                user.name
            );
            assert!(ledger.devices.values().all(|device| device.requested == 1));
        } else {
            assert_eq!(ledger.ended(), 0, "{} is not in the list", user.name);
        }
        for token in &user.devices {
            assert!(!ended.stdout.contains(token) && !ended.stderr.contains(token));
        }
    }
    assert_eq!(site.sandbox.ledger().zap_tokens().logins, 1);
}

#[test]
fn zap_devices_alone_leave_the_web() {
    let site = site(&[]);
    let via = ["--set", "via=device"];
    let ended = run(&site, "@zap_logs_out_users", Some("zap_users.csv"), &via).exits(1);
    for user in zap::demo() {
        if user.role != zap::Role::Customer {
            continue;
        }
        let sessions = site.sandbox.zap_sessions_of(&user.id).unwrap();
        assert_eq!(
            (sessions.web, sessions.devices.len()),
            (user.web, 0),
            "{}",
            user.name
        );
        let outcome = ended.outcome(&user.id);
        if user.devices.is_empty() {
            assert_eq!(outcome["code"], "no_device_token", "{outcome}");
        } else {
            assert_eq!(outcome["outcome"], "done", "{outcome}");
        }
    }
}

#[test]
fn without_a_list_everybody_at_zap_is_out_on_the_web_but_the_acting_administrator() {
    let site = site(&[]);
    let ended = run(&site, "@zap_logs_out_users", None, &["--set", "via=web"]).exits(0);
    assert_eq!(
        ended.summary()["counts"],
        serde_json::json!({ "done": 11, "skipped": 1 })
    );
    for user in &zap::demo()[1..] {
        let sessions = site.sandbox.zap_sessions_of(&user.id).unwrap();
        assert_eq!(
            (sessions.web, sessions.devices.len()),
            (false, user.devices.len()),
            "{}",
            user.name
        );
    }
    assert_eq!(ended.outcome(&zap::demo()[0].id)["code"], "acting_user");
}

#[test]
fn zap_devices_need_a_list() {
    let site = site(&[]);
    let ended = run(&site, "@zap_logs_out_users", None, &["--set", "via=device"]).exits(3);
    assert!(
        ended.stderr.contains("ZAP lists no device tokens: name a list"),
        "{}",
        ended.stderr
    );
    assert_eq!(site.sandbox.ledger().count("", "/v1/"), 0);
}

#[test]
fn a_plan_of_either_script_ends_nothing() {
    let site = site(&[]);
    for (script, list, users) in [
        ("@zap_logs_out_users", "zap_users.csv", 10),
        ("@uiza_logs_out_keys", "uiza_keys.csv", 7),
    ] {
        let ended = run(&site, script, Some(list), &["--plan"]).exits(0);
        assert_eq!(ended.summary()["counts"]["planned"], users);
    }
    let ledger = site.sandbox.ledger();
    assert_eq!(
        ledger.count("", "/v1/users/logout") + ledger.count("", "/api/public/v3/admin/user/logout"),
        0
    );
}

#[test]
fn a_copy_of_either_script_brings_its_list_and_runs() {
    for (script, list) in [
        ("zap_logs_out_users", "zap_users.csv"),
        ("uiza_logs_out_keys", "uiza_keys.csv"),
    ] {
        let site = site(&[]);
        let copied = site.run(&["scripts", "copy", script]).exits(0);
        let next = format!("next: signoff run {script}.luau --sandbox --set people={list} --plan");
        assert_eq!(copied.stderr.trim_end(), next);
        let arguments: Vec<&str> = next.split(' ').skip(2).collect();
        site.run(&arguments).exits(0);
        let again = site.run(&["scripts", "copy", script]).exits(3);
        assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    }
}

// Uiza

#[test]
fn uiza_users_of_a_list_are_out_each_with_his_own_key() {
    for body in ["A", "B", "C"] {
        let site = site(&[&format!("uiza_body={body}")]);
        let ended = run(&site, "@uiza_logs_out_keys", Some("uiza_keys.csv"), &[]).exits(0);
        assert_eq!(ended.summary()["counts"]["done"], 7);
        for user in &uiza::demo()[1..] {
            assert_eq!(site.sandbox.uiza_keys_of(&user.id), Some(0), "{}", user.username);
            assert_eq!(site.sandbox.ledger().uiza_logouts_of(&user.id).requested, 1);
            assert!(!ended.stdout.contains(&user.key) && !ended.stderr.contains(&user.key));
        }
        let administrator = &uiza::demo()[0];
        assert_eq!(site.sandbox.uiza_keys_of(&administrator.id), Some(1));
    }
}

#[test]
fn two_uiza_users_on_one_key_are_named_and_nothing_is_sent() {
    let site = site(&[]);
    let [_, first, second, ..] = &uiza::demo()[..] else {
        panic!("too few")
    };
    let list = format!(
        "id,key\n{},{}\n{},{}\n",
        first.id, first.key, second.id, first.key
    );
    let list = site.write("keys.csv", &list);
    let people = format!("people={list}");
    let arguments = ["run", "@uiza_logs_out_keys", "--yes", "--set", &people];
    let ended = site.signoff(&arguments).exits(3);
    for id in [&first.id, &second.id] {
        assert!(ended.stderr.contains(id.as_str()), "{}", ended.stderr);
    }
    assert_eq!(site.sandbox.ledger().count("", "/api/public"), 0);
}

#[test]
fn a_uiza_key_that_is_none_concerns_its_owner_alone() {
    let site = site(&[]);
    let list = fs::read_to_string(repository().join("scripts/people/uiza_keys.csv")).unwrap();
    let owner = &uiza::demo()[3];
    let list = site.write("keys.csv", &list.replace(&owner.key, "uap-wrong"));
    let people = format!("people={list}");
    let arguments = [
        "run",
        "@uiza_logs_out_keys",
        "--yes",
        "--format",
        "json",
        "--set",
        &people,
    ];
    let ended = site.signoff(&arguments).exits(1);
    assert_eq!(ended.outcome(&owner.id)["outcome"], "denied");
    assert_eq!(ended.summary()["counts"]["done"], 6);
    assert_eq!(site.sandbox.uiza_keys_of(&owner.id), Some(1));
}

/// A sandbox with its demo of ZAP and Uiza, and the configuration that it prints.
fn site(faults: &[&str]) -> Site {
    let mut settings = Settings::with(Population::team(1));
    for fault in faults {
        settings = settings.fault(fault.parse().unwrap());
    }
    let site = Site::with(settings);
    site.write("signoff.toml", &site.sandbox.configuration());
    site
}

/// Runs a bundled script, with one of the example lists; JSON lines.
fn run(site: &Site, script: &str, list: Option<&str>, more: &[&str]) -> Ended {
    let people = list.map(|list| {
        let path = repository().join("scripts/people").join(list);
        format!("people={}", path.display())
    });
    let mut arguments = vec!["run", script, "--format", "json"];
    if !more.contains(&"--plan") {
        arguments.push("--yes");
    }
    if let Some(people) = &people {
        arguments.extend(["--set", people]);
    }
    arguments.extend(more);
    site.signoff(&arguments)
}
