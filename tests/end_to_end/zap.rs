//! Users of a simulated ZAP: listed and logged out, and whatever it answers.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use expect_test::expect;
use serde_json::{Value, json};
use signoff_sandbox::{Population, Settings, ZapSettings, zap};

use crate::secrets::files;
use crate::support::{Ended, Site, http, repository, serve};

#[test]
fn everybody_is_listed_page_by_page() {
    let site = site(&[]);
    connect(&site, "options = { page_size = 5 }");
    let ended = site.signoff(&["roster", "site"]).exits(0);
    expect![[r#"
        id                        name
        63d1b2c0e220a8397b000000  Site Admin
        63d1b2c13c1eba8b4d000001  Adaeze Okonkwo
        63d1b2c2bcdf3a4c76000002  Bob "Bobby" O'Brien, Jr.
        63d1b2c36f8deb013c000003  Chidi Anagonye
        63d1b2c4ec6a56376e000004  Déwálé Adéyemí
        63d1b2c51a93f46398000005  Efua; DROP
        63d1b2c600dc677865000006  Femi Kuti
        63d1b2c79f7c881f85000007  Grace <script>
        63d1b2c8e9f461199e000008  花子
        63d1b2c983d0dbb996000009  إبراهيم
        63d1b2ca8a83b1e09300000a  =Jide+1
        63d1b2cb8195c5444500000b  Kemi Support

        12 users
    "#]]
    .assert_eq(&ended.printed());
    assert_eq!(site.sandbox.ledger().count("GET", "/v1/users"), 3);
    let capped = self::site(&["zap_page_cap=2"]);
    let ended = capped.signoff(&["roster", "site", "--format", "json"]).exits(0);
    let listed = ended
        .lines()
        .iter()
        .filter(|line| line["event"] == "user")
        .count();
    assert_eq!(listed, zap::demo().len());
}

#[test]
fn a_plan_sends_no_logout_although_it_is_a_get() {
    let site = site(&[]);
    let ended = log_out(&site, &["adaeze"], &["--plan"]).exits(0);
    assert_eq!(ended.outcomes()[0]["outcome"], "planned");
    assert_eq!(site.sandbox.ledger().count("GET", LOGOUT), 0);
    assert!(site.sandbox.zap_sessions_of(&id("adaeze")).unwrap().web);
}

#[test]
fn the_tokens_that_it_shows_are_not_kept() {
    let shown = json!({ "success": true, "data": {
        "token": "c4nary-session", "deviceToken": ["c4nary-phone"], "name": "Adaeze"
    }});
    let origin = serve(move |_| http("200 OK", "Content-Type: application/json\r\n", &shown.to_string()));
    let site = site(&[]);
    site.configure_with("zap", &origin, "", "token = { env = \"SITE_PASSWORD\" }");
    log_out(&site, &["adaeze"], &[]).exits(0);
    let told = site.run(&["show", "--user", &id("adaeze")]).exits(0).printed();
    assert!(
        told.contains(r#""deviceToken":["[redacted]"],"name":"Adaeze""#),
        "{told}"
    );
    assert!(!told.contains("c4nary"), "{told}");
    for file in files(&site.path("")) {
        let bytes = fs::read(&file).unwrap();
        assert!(
            !bytes.windows(6).any(|bytes| bytes == b"c4nary"),
            "{}",
            file.display()
        );
    }
}

#[test]
fn users_are_logged_out_of_the_web() {
    let site = site(&[]);
    let ended = log_out(&site, &["adaeze", "dewale"], &[]).exits(0);
    for name in ["adaeze", "dewale"] {
        let user = id(name);
        let outcome = ended.outcome(&user);
        assert_eq!(outcome["outcome"], "done", "{outcome}");
        assert_eq!(outcome["confirmed_by"], "response");
        assert_eq!(outcome["message"], "Logout Successfull");
        assert_eq!(outcome["http_status"], 200);
        let part = json!({ "part": "web", "outcome": "done", "http_status": 200, "code": null, "message": "Logout Successfull" });
        assert_eq!(outcome["details"]["parts"], json!([part]));
        assert!(
            outcome["details"]["note"]
                .as_str()
                .unwrap()
                .starts_with("no device was logged out")
        );
        assert!(!site.sandbox.zap_sessions_of(&user).unwrap().web);
    }
    // The request is as the document has it: a GET without a body.
    let requests = site.sandbox.ledger().requests();
    let logout = requests
        .iter()
        .find(|request| request.path.starts_with(LOGOUT))
        .unwrap();
    assert_eq!(
        (
            logout.method.as_str(),
            logout.query.as_deref(),
            logout.body.as_str(),
            logout.content_type.as_str()
        ),
        ("GET", None, "", "")
    );
}

#[test]
fn who_was_logged_out_of_the_web_alone_is_told_so() {
    let site = site(&[]);
    let ended = site.signoff(&["logout", "site", &id("adaeze")]).exits(0);
    expect![[r#"
        ✓ done      63d1b2c13c1eba8b4d000001                          confirmed by the answer; no device was logged out, since no `device_token` of his is known

        1 user: 1 logged out
        completed in N s, run RUN
        ---
        run RUN: logout
    "#]].assert_eq(&ended.printed());
    let web_alone = site.signoff(&["logout", "site", &id("adaeze"), "-o", "via=web"]);
    assert!(!web_alone.stdout.contains("no device"), "{}", web_alone.stdout);
}

#[test]
fn a_run_that_can_be_gone_on_with_says_that_alone() {
    let site = site(&[&format!("zap_expire@/v1/users/logout/{}", id("bob"))]);
    let one_by_one =
        ["adaeze", "bob", "dewale", "efua"].map(|user| format!("zap:logout(\"{}\")\n", id(user)));
    let script = format!(
        "local signoff = require(\"@signoff\")\nreturn signoff.workflow({{ run = function()\n\
         local zap = signoff.connect(\"site\")\n{}end }})\n",
        one_by_one.concat()
    );
    let script = site.write("my.luau", &script);
    let ended = site.signoff(&["run", &script, "--yes"]).exits(5);
    expect![[r#"
        ✓ done      63d1b2c13c1eba8b4d000001                          confirmed by the answer; no device was logged out, since no `device_token` of his is known
        ✗ denied    63d1b2c2bcdf3a4c76000002                          http_401: jwt expired
        ✗ denied    63d1b2c4ec6a56376e000004                          http_401: jwt expired
        ✗ cancelled 63d1b2c51a93f46398000005                          the vendor refused the credential `me` (HTTP 401)

        4 users: 1 logged out, 2 denied, 1 not tried
        completed in N s, run RUN
        ---
        run RUN: FOLDER/my.luau
        next: correct the credential first: the vendor locks an account after a few refusals
        to go on: signoff resume RUN --state FOLDER/state
    "#]].assert_eq(&ended.printed());
}

#[test]
fn a_device_without_a_token_is_not_asked_for() {
    let site = site(&[]);
    let ended = site
        .signoff(&["logout", "site", &id("adaeze"), "-o", "via=device"])
        .exits(1);
    expect![[r#"
        ✗ failed    63d1b2c13c1eba8b4d000001                          no_device_token: no device token of `63d1b2c13c1eba8b4d000001` is known, so nothing was sent: give it as the user's `device_token`, in a column of that name in a file of people, or use `via = "web"`

        1 user: 1 failed
        completed in N s, run RUN
        ---
        run RUN: logout
        next: give what is missing in a file, as in `--from FILE`, before you run it again
    "#]].assert_eq(&ended.printed());
    assert_eq!(site.sandbox.ledger().count("PUT", LOGOUT), 0);
    assert_eq!(site.sandbox.ledger().count("GET", LOGOUT), 0);
}

#[test]
fn web_and_every_device_from_a_file() {
    let site = site(&[]);
    let people = repository().join("scripts/people/zap_users.csv");
    let ended = log_out_from(&site, &people.to_string_lossy(), &["--yes"]).exits(0);
    let demo = zap::demo();
    for user in demo.iter().filter(|user| user.role == zap::Role::Customer) {
        let row = ended.outcome(&user.id);
        assert_eq!(
            (&row["outcome"], &row["name"]),
            (&json!("done"), &json!(user.name)),
            "{row}"
        );
        let parts = row["details"]["parts"].as_array().unwrap();
        assert_eq!(parts.len(), 1 + user.devices.len(), "{row}");
        let sessions = site.sandbox.zap_sessions_of(&user.id).unwrap();
        assert!(!sessions.web && sessions.devices.is_empty(), "{row} {sessions:?}");
        let asked = site.sandbox.ledger().zap_sessions_of(&user.id);
        assert!(asked.web.requested == 1 && asked.strange_devices == 0);
        assert!(asked.devices.values().all(|device| device.requested == 1));
    }
    // The request is as the document has it.
    let requests = site.sandbox.ledger().requests();
    let logout = requests.iter().find(|request| request.method == "PUT").unwrap();
    let body: Value = serde_json::from_str(&logout.body).unwrap();
    let token = body["deviceToken"].as_str().unwrap();
    assert!(
        demo.iter()
            .any(|user| user.devices.iter().any(|device| device == token))
    );
    assert_eq!(body.as_object().unwrap().len(), 1);
    assert_eq!(logout.content_type, "application/json");
    // And no token is told or kept anywhere.
    let kept: Vec<Vec<u8>> = files(&site.path(""))
        .iter()
        .map(|path| fs::read(path).unwrap())
        .collect();
    assert!(kept.len() >= 3);
    let beginnings = demo
        .iter()
        .flat_map(|user| &user.devices)
        .map(|device| &device.as_bytes()[..22]);
    for beginning in beginnings {
        let found = kept
            .iter()
            .any(|bytes| bytes.windows(22).any(|window| window == beginning));
        assert!(!found, "{}", String::from_utf8_lossy(beginning));
    }
}

#[test]
fn a_script_logs_out_whom_it_lists_but_not_itself() {
    let site = site(&[]);
    let script = site.write(
        "everybody.luau",
        r#"
        local signoff = require("@signoff")
        return signoff.workflow({
            summary = "Ends every web session",
            args = { connection = signoff.arg.connection("zap") },
            run = function(args)
                local zap = signoff.connect(args.connection)
                return signoff.each(zap:roster(), function(user)
                    return zap:logout(user, { via = "web" })
                end)
            end,
        })
        "#,
    );
    let ended = site.signoff(&["run", &script, "--format", "json"]).exits(0);
    assert_eq!(ended.summary()["counts"], json!({ "done": 11, "skipped": 1 }));
    assert_eq!(ended.outcome(&id("admin"))["code"], "acting_user");
    assert_eq!(
        site.sandbox.ledger().zap_sessions_of(&id("admin")).web.requested,
        0
    );
}

#[test]
fn one_way_out_alone() {
    for (via, web, devices) in [("web", 1, 0), ("device", 0, 1)] {
        let site = site(&[]);
        let user = user("adaeze");
        let file = site.write(
            "people.csv",
            &format!("user,fcm\n{},{}\n", user.id, user.devices[0]),
        );
        let more = [
            "--id-column",
            "user",
            "--map",
            "device_token=fcm",
            "-o",
            &format!("via={via}"),
        ];
        log_out_from(&site, &file, &more).exits(0);
        let asked = site.sandbox.ledger().zap_sessions_of(&user.id);
        let asked_devices: u32 = asked.devices.values().map(|device| device.applied).sum();
        assert_eq!((asked.web.applied, asked_devices), (web, devices), "{via}");
    }
}

#[test]
fn a_part_that_fails_is_told_apart() {
    let site = site(&["zap_already=400", "hang_after@PUT/v1/users/logout#1"]);
    let user = user("chidi");
    let rows =
        json!({ "id": user.id, "device_token": [user.devices[0], "of-another-life", user.devices[1]] });
    let file = site.write("people.jsonl", &rows.to_string());
    let ended = log_out_from(&site, &file, &[]).exits(1);
    let row = ended.outcome(&user.id);
    let parts = row["details"]["parts"].as_array().unwrap();
    let told: Vec<(&str, &str, &Value)> = parts
        .iter()
        .map(|part| {
            (
                part["part"].as_str().unwrap(),
                part["outcome"].as_str().unwrap(),
                &part["http_status"],
            )
        })
        .collect();
    // The first device was logged out by a request that was not answered, and is not signed in any more at the second.
    let expected = [
        ("web", "done", &json!(200)),
        ("device:1", "unknown", &json!(400)),
        ("device:2", "failed", &json!(400)),
        ("device:3", "done", &json!(200)),
    ];
    assert_eq!(told, expected);
    assert_eq!(
        (&row["outcome"], &row["repeated"]),
        (&json!("unknown"), &json!(true))
    );
    assert!(site.sandbox.zap_sessions_of(&user.id).unwrap().devices.is_empty());
}

/// A fault, the exit code, the outcome, its code, how many requests are sent, and whether the session has ended.
type Case = (&'static str, i32, &'static str, &'static str, usize, bool);

#[test]
fn whatever_zap_answers_is_told_as_it_is() {
    let cases: [Case; 16] = [
        (
            "zap_not_success@GET/v1/users/logout",
            1,
            "refused",
            "unsuccessful",
            1,
            false,
        ),
        (
            "zap_plain_500@GET/v1/users/logout",
            1,
            "unknown",
            "http_500",
            3,
            false,
        ),
        ("zap_plain_500@GET/v1/users/logout#1", 0, "done", "", 2, true),
        (
            "error_500@GET/v1/users/logout",
            1,
            "unknown",
            "http_500",
            3,
            false,
        ),
        ("error_500_after@GET/v1/users/logout#1", 0, "done", "", 2, true),
        ("reset_after@GET/v1/users/logout#1", 0, "done", "", 2, true),
        (
            "reset_after@GET/v1/users/logout",
            1,
            "unknown",
            "connection_broken",
            3,
            true,
        ),
        ("hang_after@GET/v1/users/logout#1", 0, "done", "", 2, true),
        (
            "page@GET/v1/users/logout",
            1,
            "unknown",
            "unreadable_answer",
            3,
            true,
        ),
        (
            "malformed@GET/v1/users/logout",
            1,
            "unknown",
            "unreadable_answer",
            3,
            true,
        ),
        (
            "billion_laughs@GET/v1/users/logout",
            1,
            "unknown",
            "unreadable_answer",
            3,
            true,
        ),
        (
            "huge_body@GET/v1/users/logout",
            1,
            "unknown",
            "answer_too_large",
            3,
            true,
        ),
        ("unavailable@GET/v1/users/logout#1", 0, "done", "", 2, true),
        ("throttle@GET/v1/users/logout#1", 0, "done", "", 2, true),
        (
            "redirect@GET/v1/users/logout",
            1,
            "failed",
            "redirected",
            1,
            false,
        ),
        ("plain_401@GET/v1/users/logout", 4, "denied", "http_401", 1, false),
    ];
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || {
                let (fault, exit, outcome, code, sends, ended) = case;
                let site = site(&[fault, "retry_after=0"]);
                let user = id("dewale");
                let row = log_out(&site, &["dewale"], &["-o", "via=web"])
                    .exits(exit)
                    .outcome(&user);
                assert_eq!(row["outcome"], outcome, "{fault}: {row}");
                assert_eq!(row["code"].as_str().unwrap_or_default(), code, "{fault}: {row}");
                let requests = site.sandbox.ledger().count("GET", LOGOUT);
                assert_eq!(requests, sends, "{fault}: {row}");
                assert_eq!(
                    !site.sandbox.zap_sessions_of(&user).unwrap().web,
                    ended,
                    "{fault}: {row}"
                );
            });
        }
    });
}

#[test]
fn errors_of_every_shape_keep_their_words() {
    let cases = [
        ("message", "User is not logged in"),
        ("object", "User is not logged in"),
        ("error", "User is not logged in"),
        ("data", "User is not logged in"),
        ("list", "User is not logged in"),
        ("text", "User is not logged in"),
        ("page", "<"),
        ("empty", "status 404, and no word of why"),
    ];
    thread::scope(|scope| {
        for (shape, words) in cases {
            scope.spawn(move || {
                let site = site(&["zap_already=404", &format!("zap_errors={shape}")]);
                let ended = log_out(&site, &["femi"], &["-o", "via=web"]).exits(1);
                let row = ended.outcome(&id("femi"));
                assert_eq!(row["outcome"], "not_found", "{shape}: {row}");
                let message = row["message"].as_str().unwrap();
                assert!(message.starts_with(words), "{shape}: {row}");
            });
        }
    });
}

#[test]
fn who_may_not_is_denied_and_who_is_not_known_is_not_found() {
    let site = site(&[]);
    let ended = site
        .signoff(&[
            "logout",
            "site",
            "000000000000000000000000",
            "no/such id",
            "--format",
            "json",
        ])
        .exits(1);
    for user in ["000000000000000000000000", "no/such id"] {
        assert_eq!(ended.outcome(user)["outcome"], "not_found");
    }
    let site = site.password("kemi-password");
    connect_as(&site, "", &login("kemi"));
    let ended = log_out(&site, &["adaeze"], &[]).exits(1);
    let outcome = &ended.outcomes()[0];
    assert_eq!(
        (&outcome["outcome"], &outcome["code"]),
        (&json!("denied"), &json!("http_403"))
    );
}

#[test]
fn a_token_that_ends_among_500_users_is_renewed_once() {
    for (shape, logins, refreshes) in [("flat", 2, 0), ("nested", 1, 1)] {
        let users = zap::people(500);
        let ids: Vec<String> = users.iter().skip(1).map(|user| user.id.clone()).collect();
        let site = site_of(users, &[&format!("zap_login={shape}"), "zap_token_uses=250"]);
        connect(&site, "rate = \"none\"\nconcurrency = 16");
        let options = ["logout", "site", "--yes", "--format", "json"];
        let arguments: Vec<&str> = options
            .into_iter()
            .chain(ids.iter().map(String::as_str))
            .collect();
        let ended = site.signoff(&arguments).exits(0);
        assert_eq!(ended.summary()["counts"], json!({ "done": 500 }));
        let ledger = site.sandbox.ledger();
        for id in &ids {
            let web = ledger.zap_sessions_of(id).web;
            assert_eq!((web.accepted, web.applied), (1, 1), "{id}");
        }
        // A second token is used up by as many again, and by a few whose first requests came too late.
        let tokens = ledger.zap_tokens();
        assert_eq!((tokens.refused_logins, tokens.refused_refreshes), (0, 0));
        assert_eq!((tokens.logins, tokens.refreshes), (logins, refreshes), "{shape}");
    }
}

#[test]
fn every_documented_login_is_possible() {
    let code = "login_fields = { code = { file = \"code\" } }";
    let device = "login_fields = { device_token = { file = \"code\" } }";
    let cases = [
        ("zap_login_body=email", "", "636363"),
        ("zap_login_body=email", "login = \"email\"", "636363"),
        ("zap_login_body=identity", "login = \"identity\"", "636363"),
        (
            "zap_login_body=app",
            &format!("login = \"app\"\n{device}"),
            "a-token-of-this-device",
        ),
        (
            "zap_two_factor=yes",
            &format!("login = \"two_factor\"\n{code}"),
            "636363",
        ),
    ];
    for (fault, more, field) in cases {
        let site = site(&[fault]);
        site.write("code", field);
        fs::set_permissions(site.path("code"), fs::Permissions::from_mode(0o600)).unwrap();
        connect_as(&site, "", &format!("{}\n{more}", login("admin")));
        log_out(&site, &["adaeze"], &[]).exits(0);
        let tokens = site.sandbox.ledger().zap_tokens();
        assert_eq!((tokens.logins, tokens.refused_logins), (1, 0), "{fault} {more}");
    }
    let site = site(&["zap_two_factor=yes"]);
    let ended = site.signoff(&["logout", "site", &id("adaeze")]).exits(4);
    expect![[r#"
        ✗ cancelled 63d1b2c13c1eba8b4d000001                          the vendor refused the login of `me` (HTTP 400): 2FA token is required

        1 user: 1 not tried
        failed in N s, run RUN
        ---
        run RUN: logout
        next: correct the credential first: the vendor locks an account after a few refusals
    "#]].assert_eq(&ended.printed());
}

#[test]
fn a_token_that_is_given_is_used_as_it_is() {
    let site = site(&[]);
    let token = token(&site, "admin");
    let site = site.password(&token);
    connect_as(&site, "", "token = { env = \"SITE_PASSWORD\" }");
    log_out(&site, &["adaeze"], &[]).exits(0);
    site.sandbox.expire_zap_tokens();
    let ended = log_out(&site, &["dewale", "bob"], &[]).exits(4);
    let mut outcomes: Vec<Value> = ended
        .outcomes()
        .iter()
        .map(|row| row["outcome"].clone())
        .collect();
    outcomes.sort_by_key(ToString::to_string);
    assert_eq!(outcomes, ["cancelled", "denied"]);
    assert_eq!(site.sandbox.ledger().zap_tokens().logins, 1);
}

#[test]
fn a_wrong_password_logs_nobody_out() {
    let site = site(&[]).password("not-it");
    let ended = log_out(&site, &["adaeze", "bob"], &[]).exits(4);
    for row in ended.outcomes() {
        assert!(
            matches!(row["outcome"].as_str(), Some("denied" | "cancelled")),
            "{row}"
        );
    }
    assert_eq!(site.sandbox.ledger().zap_tokens().refused_logins, 1);
    assert_eq!(site.sandbox.ledger().count("GET", LOGOUT), 0);
}

#[test]
fn a_connection_with_a_page_of_nobody_is_refused() {
    let site = site(&[]);
    connect(&site, "options = { page_size = 0 }");
    let ended = site.signoff(&["roster", "site"]).exits(3);
    expect![[r#"
        error: connection `site`: `page_size` is 0: it must be 1 to 1000
    "#]]
    .assert_eq(&ended.printed());
}

const LOGOUT: &str = "/v1/users/logout/";

/// A site of the demo's people, whose administrator logs in, with these faults.
fn site(faults: &[&str]) -> Site {
    site_of(zap::demo(), faults)
}

fn site_of(users: Vec<zap::User>, faults: &[&str]) -> Site {
    let mut settings = Settings::with(Population::team(0));
    settings.zap = ZapSettings::with(users);
    let site = Site::with(settings).password("admin-password");
    connect(&site, "");
    for text in faults {
        site.fault(text);
    }
    site
}

/// The configuration, with more lines for the connection.
fn connect(site: &Site, connection: &str) {
    connect_as(site, connection, &login("admin"));
}

fn connect_as(site: &Site, connection: &str, credential: &str) {
    site.configure_with("zap", &site.sandbox.origin(), connection, credential);
}

/// The credential of this user of the demo.
fn login(name: &str) -> String {
    format!("username = \"{name}@zap.example\"\npassword = {{ env = \"SITE_PASSWORD\" }}")
}

/// Logs these users of the demo out; JSON lines.
fn log_out(site: &Site, names: &[&str], more: &[&str]) -> Ended {
    let ids: Vec<String> = names.iter().map(|name| id(name)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    site.signoff(&[&["logout", "site", "--format", "json"], &ids[..], more].concat())
}

/// The same for those of a file.
fn log_out_from(site: &Site, file: &str, more: &[&str]) -> Ended {
    site.signoff(&[&["logout", "site", "--format", "json", "--from", file], more].concat())
}

/// A user of the demo.
fn user(name: &str) -> zap::User {
    let user = zap::demo().into_iter().find(|user| user.username == name);
    user.unwrap()
}

fn id(name: &str) -> String {
    user(name).id
}

/// A token that the simulated ZAP gives to this user of the demo.
fn token(site: &Site, name: &str) -> String {
    let body =
        json!({ "email": format!("{name}@zap.example"), "password": format!("{name}-password") }).to_string();
    let origin = site.sandbox.origin();
    let mut stream = TcpStream::connect(origin.trim_start_matches("http://")).unwrap();
    write!(
        stream,
        "POST /v1/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let document: Value = serde_json::from_str(body).unwrap();
    document["data"]["token"].as_str().unwrap().to_owned()
}
