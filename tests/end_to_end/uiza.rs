//! Users of a simulated Uiza, each logged out with his own key, and whatever it answers.

use std::fmt::Write as _;
use std::fs;
use std::sync::{Arc, Barrier, Mutex};

use expect_test::expect;
use serde_json::Value;
use signoff_sandbox::{Population, Settings, uiza};

use crate::first_steps::numbers;
use crate::support::{Ended, Site, http, serve};

const LOGOUT: &str = "/api/public/v3/admin/user/logout";
const CHECK: &str = "/api/public/v3/admin/user/auth/check-token";
/// The answer of the documentation.
const LOGGED_OUT: &str = r#"{"data":{"message":"Logout success"},"version":3,"datetime":"2018-06-22T19:03:47.686Z",
    "policy":"public","requestId":"187f008e-92ce-4f7b-a7ba-00308ad0c69c","serviceName":"api","message":"OK","code":200,
    "type":"SUCCESS"}"#;

#[test]
fn the_request_is_the_documented_one() {
    let heard = Arc::new(Mutex::new(String::new()));
    let hears = Arc::clone(&heard);
    let origin = serve(move |head| {
        hears.lock().unwrap().push_str(head);
        http("200 OK", "", LOGGED_OUT)
    });
    let site = site(&[]);
    connect(&site, &origin, "");
    let keys = site.write(
        "keys.csv",
        "id,key\nanna,uap-7442d4b99eb349b1bb678614e64cf064-1405ee51\n",
    );
    let ended = log_out(&site, &keys, &[]).exits(0);
    let outcome = ended.outcome("anna");
    assert_eq!(outcome["outcome"], "done");
    assert_eq!(outcome["request_id"], "187f008e-92ce-4f7b-a7ba-00308ad0c69c");
    let host = origin.trim_start_matches("http://");
    expect![[r#"
        POST /api/public/v3/admin/user/auth/check-token HTTP/1.1
        authorization: uap-7442d4b99eb349b1bb678614e64cf064-1405ee51
        content-length: 0
        accept: */*
        user-agent: signoff/0.1.0
        host: HOST

        POST /api/public/v3/admin/user/logout HTTP/1.1
        content-type: application/json
        authorization: uap-7442d4b99eb349b1bb678614e64cf064-1405ee51
        content-length: 0
        accept: */*
        user-agent: signoff/0.1.0
        host: HOST

    "#]]
    .assert_eq(&heard.lock().unwrap().replace(host, "HOST").replace('\r', ""));
}

#[test]
fn everybody_with_a_key_is_logged_out_and_nobody_else() {
    let site = site(&[]);
    let users = uiza::demo();
    let ended = log_out(&site, &keys(&site, &users[1..6]), &[]).exits(0);
    for user in &users[1..6] {
        let outcome = ended.outcome(&user.id);
        assert_eq!(outcome["outcome"], "done", "{outcome}");
        assert_eq!(outcome["confirmed_by"], "response");
        assert_eq!(outcome["code"], "200");
        assert_eq!(outcome["message"], "Logout success");
        assert_eq!(
            outcome["details"]["description_link"],
            "https://docs.uiza.io/#log-out"
        );
        assert_eq!(site.sandbox.uiza_keys_of(&user.id), Some(0));
        assert_eq!(site.sandbox.ledger().uiza_logouts_of(&user.id).requested, 1);
    }
    assert_eq!(site.sandbox.uiza_keys_of(&users[0].id), Some(1));
    assert_eq!(site.sandbox.uiza_keys_of(&users[6].id), Some(1));
    // A second run shows keys that are none any more; it cannot know why.
    let again = log_out(&site, &keys(&site, &users[1..2]), &[]).exits(1);
    assert_eq!(again.outcome(&users[1].id)["outcome"], "denied");
}

#[test]
fn a_bad_key_concerns_its_owner_alone() {
    let site = site(&[]);
    let mut users = uiza::demo();
    "uap-00000000000000000000000000000000-00000000".clone_into(&mut users[1].key);
    let ended = log_out(&site, &keys(&site, &users[1..]), &[]).exits(1);
    assert_eq!(ended.outcome(&users[1].id)["outcome"], "denied");
    assert_eq!(ended.outcome(&users[1].id)["code"], "401");
    assert_eq!(
        ended.summary()["counts"],
        serde_json::json!({ "denied": 1, "done": 6 })
    );
}

/// As with a file of passwords, except that nothing is lost by going on: what lies open lay open before.
#[cfg(unix)]
#[test]
fn keys_that_others_may_read_are_told_of() {
    use std::os::unix::fs::PermissionsExt;
    let site = site(&[]);
    let users = uiza::demo();
    let told = |list: &str| {
        let ended = log_out(&site, list, &[]).exits(0);
        ended
            .stderr
            .contains("holds secrets, and others may read it: chmod 600 ")
    };
    for (user, mode) in [(1, 0o644), (2, 0o640), (3, 0o600)] {
        let list = keys(&site, &users[user..=user]);
        fs::set_permissions(&list, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(told(&list), mode != 0o600, "{mode:o}");
    }
}

#[test]
fn two_users_on_one_key_are_named_and_nothing_is_sent() {
    let site = site(&[]);
    let users = uiza::demo();
    let list = format!(
        "id,key\nanna,{0}\nbert,{1}\ncarl,{0}\n",
        users[1].key, users[2].key
    );
    let list = site.write("keys.csv", &list);
    let ended = site.signoff(&["logout", "site", "--from", &list]).exits(2);
    expect![[r#"
        error: FOLDER/keys.csv:4: row 3: `carl` has the same `key` as `anna` in line 2, and a logout ends the sessions of whoever owns it: one of the two is not who would be logged out
          = help: give each user the key that is his own
    "#]].assert_eq(&ended.printed());
    assert!(site.sandbox.ledger().requests().is_empty());
}

#[test]
fn a_user_without_a_key_is_told_how_to_give_it() {
    let site = site(&[]);
    let ended = site.signoff(&["logout", "site", "anna"]).exits(1);
    expect![[r#"
        ✗ failed    anna                                  no_key: there is no key of his, and Uiza logs out whoever owns the key that it is shown: give each user his own in a column `key` of a file, as in `--from keys.csv`

        1 user: 1 failed
        completed in N s, run RUN
        ---
        run RUN: logout
        next: give what is missing in a file, as in `--from FILE`, before you run it again
    "#]].assert_eq(&ended.printed());
    assert!(site.sandbox.ledger().requests().is_empty());
}

#[test]
fn a_plan_ends_no_key() {
    let site = site(&[]);
    let users = uiza::demo();
    let ended = log_out(&site, &keys(&site, &users[1..3]), &["--plan"]).exits(0);
    assert_eq!(ended.summary()["counts"]["planned"], 2);
    assert_eq!(site.sandbox.ledger().count("POST", LOGOUT), 0);
}

#[test]
fn v4_has_its_own_path_and_names_the_application() {
    let site = site(&[]);
    let users = uiza::demo();
    connect(
        &site,
        &site.sandbox.origin(),
        "options = { api_version = \"v4\", app_id = \"a9383d04\" }",
    );
    let ended = log_out(&site, &keys(&site, &users[1..2]), &[]).exits(0);
    assert_eq!(ended.outcome(&users[1].id)["outcome"], "done");
    let requests = site.sandbox.ledger().requests();
    let logout = requests.last().unwrap();
    assert_eq!(
        (
            logout.path.as_str(),
            logout.body.as_str(),
            logout.content_type.as_str()
        ),
        (
            "/api/public/v4/admin/user/logout",
            r#"{"appId":"a9383d04"}"#,
            "application/json"
        )
    );
}

/// However the network breaks: a key that never was valid was not ended by anybody.
#[test]
fn a_key_that_was_never_valid_is_no_success() {
    for fault in ["reset_before#1", "reset_after#1"] {
        let site = site(&[fault]);
        let user = &uiza::demo()[1];
        site.write("wrong.csv", &format!("id,key\n{},uap-wrong\n", user.id));
        let ended = log_out(&site, "wrong.csv", &[]);
        assert_eq!(ended.outcome(&user.id)["outcome"], "denied", "{fault}");
        assert_eq!(site.sandbox.ledger().count("POST", LOGOUT), 0, "{fault}");
    }
}

#[test]
fn whatever_uiza_answers_is_told_as_it_is() {
    let mut told = String::new();
    for fault in [
        "uiza_body=A",
        "uiza_body=B",
        "uiza_body=C",
        "uiza_error=200_401",
        "uiza_error=200_type#1",
        "uiza_error=400",
        "uiza_error=401",
        "uiza_error=404",
        "uiza_error=422",
        "uiza_error=object",
        "uiza_error=500#1",
        "uiza_error=503#1",
        "throttle#1",
        "reset_before#1",
        "reset_after#1",
        "hang_after#1",
        "truncate#1",
    ] {
        // Befalls the logout alone, and not the question that goes before it.
        let (name, times) = fault.split_once('#').unwrap_or((fault, "9"));
        let site = site(&[&format!("{name}@POST{LOGOUT}#{times}")]);
        let user = &uiza::demo()[1];
        let ended = log_out(&site, &keys(&site, std::slice::from_ref(user)), &[]);
        let outcome = ended.outcome(&user.id);
        let valid = site.sandbox.uiza_keys_of(&user.id) == Some(1);
        let ledger = site.sandbox.ledger();
        let sent = (ledger.count("POST", LOGOUT), ledger.count("POST", CHECK));
        writeln!(told, "{fault}: {}", shown(&outcome)).unwrap();
        writeln!(
            told,
            "    exit {:?}, sent {sent:?}, key valid {valid}",
            ended.code.unwrap()
        )
        .unwrap();
        assert_eq!(outcome["outcome"] == "done", !valid, "{outcome}");
        assert!(ledger.uiza_logouts_of(&user.id).applied <= 1);
    }
    expect![[r#"
        uiza_body=A: "done" by="response" attempts=1 repeated=false http=200 code="200" message="Logout success" id=true {"description_link":"https://docs.uiza.io/#log-out"}
            exit 0, sent (1, 1), key valid false
        uiza_body=B: "done" by="response" attempts=1 repeated=false http=200 code="200" message="Logout success" id=false {"description_link":"https://docs.uiza.io/#log-out"}
            exit 0, sent (1, 1), key valid false
        uiza_body=C: "done" by="response" attempts=1 repeated=false http=200 code="200" message="success" id=true {"description_link":"https://docs.uiza.io/#log-out"}
            exit 0, sent (1, 1), key valid false
        uiza_error=200_401: "denied" by=null attempts=1 repeated=false http=200 code="401" message="Unauthorized" id=true {"description_link":"https://docs.uiza.io/#log-out","type":"ERROR","retryable":false}
            exit 1, sent (1, 1), key valid true
        uiza_error=200_type#1: "failed" by=null attempts=1 repeated=false http=200 code="ERROR" message="Logout failed" id=true {"description_link":"https://docs.uiza.io/#log-out","type":"ERROR","retryable":false,"key_valid":true}
            exit 1, sent (1, 2), key valid true
        uiza_error=400: "failed" by=null attempts=1 repeated=false http=400 code="400" message="Bad Request" id=true {"description_link":"https://docs.uiza.io/#log-out","type":"BAD_REQUEST","retryable":false,"data":"BAD_REQUEST"}
            exit 1, sent (1, 1), key valid true
        uiza_error=401: "denied" by=null attempts=1 repeated=false http=401 code="401" message="Unauthorized" id=true {"description_link":"https://docs.uiza.io/#log-out","type":"ERROR","retryable":false}
            exit 1, sent (1, 1), key valid true
        uiza_error=404: "not_found" by=null attempts=1 repeated=false http=404 code="404" message="Not found" id=true {"description_link":"https://docs.uiza.io/#log-out","type":"ERROR","retryable":false}
            exit 1, sent (1, 1), key valid true
        uiza_error=422: "refused" by=null attempts=1 repeated=false http=422 code="422" message="Parameters validation error!" id=true {"description_link":"https://docs.uiza.io/#log-out","type":"ERROR","retryable":false,"data":[{"type":"required","field":"url","message":"The 'url' field is required!"}]}
            exit 1, sent (1, 1), key valid true
        uiza_error=object: "failed" by=null attempts=1 repeated=false http=400 code="400" message="Bad Request" id=true {"description_link":"https://docs.uiza.io/#log-out","type":"ERROR","retryable":false,"data":{"reason":"The request could not be understood","field":"appId"}}
            exit 1, sent (1, 1), key valid true
        uiza_error=500#1: "failed" by=null attempts=1 repeated=false http=500 code="500" message="Internal server error" id=true {"description_link":"https://docs.uiza.io/#log-out","type":"ERROR","retryable":false,"key_valid":true}
            exit 1, sent (1, 2), key valid true
        uiza_error=503#1: "done" by="response" attempts=2 repeated=false http=200 code="200" message="Logout success" id=true {"description_link":"https://docs.uiza.io/#log-out"}
            exit 0, sent (2, 1), key valid false
        throttle#1: "done" by="response" attempts=2 repeated=false http=200 code="200" message="Logout success" id=true {"description_link":"https://docs.uiza.io/#log-out"}
            exit 0, sent (2, 1), key valid false
        reset_before#1: "done" by="response" attempts=2 repeated=true http=200 code="200" message="Logout success" id=true {"description_link":"https://docs.uiza.io/#log-out"}
            exit 0, sent (2, 2), key valid false
        reset_after#1: "done" by="status" attempts=1 repeated=false http=null code="401" message="Unauthorized" id=true {"description_link":"https://docs.uiza.io/#check-token","type":"ERROR","retryable":false}
            exit 0, sent (1, 2), key valid false
        hang_after#1: "done" by="status" attempts=1 repeated=false http=null code="401" message="Unauthorized" id=true {"description_link":"https://docs.uiza.io/#check-token","type":"ERROR","retryable":false}
            exit 0, sent (1, 2), key valid false
        truncate#1: "done" by="status" attempts=1 repeated=false http=null code="401" message="Unauthorized" id=true {"description_link":"https://docs.uiza.io/#check-token","type":"ERROR","retryable":false}
            exit 0, sent (1, 2), key valid false
    "#]].assert_eq(&told);
}

#[test]
fn keys_are_asked_about_and_written_nowhere() {
    let site = site(&[]);
    let mut users = uiza::demo();
    "uap-00000000000000000000000000000000-00000000".clone_into(&mut users[2].key);
    let list = keys(&site, &users[1..3]);
    let ended = site.signoff(&["status", "site", "--from", &list]).exits(0);
    let rows: Vec<&str> = ended
        .stdout
        .lines()
        .filter(|line| line.contains("KEY_"))
        .collect();
    assert_eq!(rows.len(), 3, "{}", ended.stdout);
    assert!(
        rows[0].contains("KEY_VALID") && rows[1].contains("KEY_NOT_VALID"),
        "{rows:?}"
    );
    let json = site
        .signoff(&["status", "site", "--from", &list, "--format", "json"])
        .exits(0);
    let row = &json.lines()[0];
    assert_eq!(
        (&row["signed_in"], &row["expires"].is_string()),
        (&Value::Bool(true), &true),
        "{row}"
    );
    let out = log_out(&site, &list, &["-vv"]).exits(1);
    let mut everything = [ended, json, out]
        .map(|ended| ended.stdout + &ended.stderr)
        .concat()
        .into_bytes();
    for entry in fs::read_dir(site.path("state/runs")).unwrap() {
        everything.extend(fs::read(entry.unwrap().path()).unwrap());
    }
    let everything = String::from_utf8_lossy(&everything);
    for user in &users[1..3] {
        assert!(everything.contains(&user.id) && !everything.contains(&user.key));
    }
}

#[test]
fn many_keys_are_asked_about_at_once_and_told_in_the_order_of_the_file() {
    // The first to be asked about is answered when the last is.
    let all_asked = Arc::new(Barrier::new(3));
    let origin = serve(move |_| {
        all_asked.wait();
        let body =
            r#"{"data":{"token":"uap-x","expired":"11/06/2018 04:29:22"},"code":200,"type":"SUCCESS"}"#;
        http("200 OK", "", body)
    });
    let site = site(&[]);
    connect(&site, &origin, "");
    let list = site.write(
        "keys.csv",
        "id,key
c,uap-1
a,uap-2
b,uap-3
",
    );
    let ended = site
        .signoff(&["status", "site", "--from", &list, "--format", "json"])
        .exits(0);
    let users: Vec<_> = ended.lines().iter().map(|line| line["id"].to_string()).collect();
    assert_eq!(users, ["\"c\"", "\"a\"", "\"b\""]);
}

#[test]
fn nobody_acts_on_others_here_so_nobody_is_left_out_as_the_actor() {
    let site = site(&[]).password("uap-never-shown");
    let more = "credential = \"me\"\n[credentials.me]\nkey = { env = \"SITE_PASSWORD\" }";
    connect(&site, &site.sandbox.origin(), more);
    let user = &uiza::demo()[1];
    let list = site.write(
        "keys.csv",
        &format!("id,key\nme,{}\nyou,{}\n", user.key, uiza::demo()[2].key),
    );
    let ended = log_out(&site, &list, &[]).exits(0);
    assert_eq!(ended.summary()["counts"], serde_json::json!({ "done": 2 }));
}

#[test]
fn the_list_of_users_needs_the_connections_own_key() {
    let site = site(&["uiza_page_cap=3"]);
    let ended = site.signoff(&["roster", "site"]).exits(3);
    expect![[r#"
        error: connection `site` has no credential, and its provider wants one
          = help: give the connection a `credential`, or the command `--as`
    "#]]
    .assert_eq(&ended.printed());
    let users = uiza::demo();
    let site = site.password(&users[0].key);
    for options in ["", "options = { api_version = \"v4\", page_size = 4 }"] {
        let lines = format!(
            "credential = \"admin\"\n{options}\n[credentials.admin]\nkey = {{ env = \"SITE_PASSWORD\" }}"
        );
        connect(&site, &site.sandbox.origin(), &lines);
        let ended = site.signoff(&["roster", "site", "--format", "json"]).exits(0);
        let listed = ended.lines();
        let listed = listed.iter().filter(|line| line["event"] == "user");
        assert_eq!(listed.count(), users.len(), "{}", ended.stdout);
    }
}

#[test]
fn a_connection_for_logouts_alone_needs_no_credential() {
    let site = site(&[]);
    fs::remove_file(site.path("signoff.toml")).unwrap();
    let ended = site.run(&["init", "uiza", &site.sandbox.origin()]).exits(0);
    expect![[r#"
        connection `uiza`
          ✓ ok      provider       uiza 0.1.0 (signoff.toml:5)
          ✓ ok      api            ORIGIN (signoff.toml:6)
          ✓ ok      rate           5/s (default of Uiza)
          ✓ ok      concurrency    4 (default of Uiza)
          ✓ ok      timeout        30s (default of Uiza)
          ✓ ok      settle         10s (default of Uiza)
          ✓ ok      api_version    v3 (default of Uiza)
          ✓ ok      page_size      20 (default of Uiza)
          - notice  health         the provider cannot ask for it
          ✓ ok      node           ORIGIN answers, in N ms
          ✓ ok      certificate    none: nothing leaves this machine
          ✓ ok      credential     none: each user shows his own; `roster` alone needs one

        no problems, 1 notice
        ---
        wrote `signoff.toml`; now it is tried
        next:
          signoff doctor                              checks it again
          signoff logout uiza --from keys.csv --plan  what would be done; changes nothing
          signoff logout uiza --from keys.csv         does it
    "#]]
    .assert_eq(&numbers(&ended.printed()));
}

#[test]
fn doctor_finds_that_nobody_answers() {
    let site = site(&[]);
    let ended = site.run(&["doctor"]).exits(0);
    let told = ended.printed();
    assert!(told.contains("ok      node"), "{told}");
    assert!(
        told.contains("next: signoff logout site --from keys.csv --plan"),
        "{told}"
    );
    assert!(
        site.sandbox
            .ledger()
            .requests()
            .iter()
            .all(|request| request.method == "HEAD")
    );
    connect(&site, "http://127.0.0.1:9", "");
    let told = site.run(&["doctor"]).exits(4).printed();
    assert!(told.contains("problem node"), "{told}");
    assert!(!told.contains("next: signoff"), "{told}");
}

#[test]
fn the_connections_own_key_is_tried_by_the_list_of_users() {
    let good = uiza::demo()[0].key.clone();
    for (key, exit, says) in [
        (good.as_str(), 0, "`me` is accepted"),
        (
            "uap-of-nobody",
            4,
            "`me` is refused, status 401; it was shown once",
        ),
    ] {
        let site = site(&[]).password(key);
        // A user name makes no difference: the state of a user is asked with his own key.
        let more =
            "credential = \"me\"\n[credentials.me]\nusername = \"admin\"\nkey = { env = \"SITE_PASSWORD\" }";
        connect(&site, &site.sandbox.origin(), more);
        let ended = site.signoff(&["doctor"]).exits(exit);
        assert!(ended.stdout.contains(says), "{}", ended.stdout);
        assert_eq!(site.sandbox.ledger().count("GET", "/api/public/v3/admin/user"), 1);
        assert_eq!(site.sandbox.ledger().requests().len(), 1);
    }
}

/// The service with these faults, and a connection to it that has no credential.
fn site(faults: &[&str]) -> Site {
    let mut settings = Settings::with(Population::team(1));
    for fault in faults {
        settings = settings.fault(fault.parse().unwrap());
    }
    let site = Site::with(settings);
    connect(&site, &site.sandbox.origin(), "");
    site
}

/// The configuration, with more lines for the connection.
fn connect(site: &Site, origin: &str, more: &str) {
    let text = format!(
        "[connections.site]\nprovider = \"uiza\"\napi = [\"{origin}\"]\nrate = \"500/s\"\ntimeout = \"1s\"\n\
         settle = \"300ms\"\n{more}\n"
    );
    fs::write(site.path("signoff.toml"), text).unwrap();
}

/// The keys of these users, in a file.
fn keys(site: &Site, users: &[uiza::User]) -> String {
    let mut text = "id,key\n".to_owned();
    for user in users {
        writeln!(text, "{},{}", user.id, user.key).unwrap();
    }
    site.write("keys.csv", &text)
}

fn log_out(site: &Site, keys: &str, more: &[&str]) -> Ended {
    let fixed = ["logout", "site", "--from", keys, "--format", "json"];
    site.signoff(&[&fixed[..], more].concat())
}

/// What a script gets of an outcome, on one line; the id of the request is another at each.
fn shown(outcome: &Value) -> String {
    let details = &outcome["details"];
    format!(
        "{} by={} attempts={} repeated={} http={} code={} message={} id={} {}",
        outcome["outcome"],
        outcome["confirmed_by"],
        outcome["attempts"],
        outcome["repeated"],
        outcome["http_status"],
        outcome["code"],
        outcome["message"],
        outcome["request_id"].is_string(),
        details,
    )
}
