//! Credentials that become tokens, and those that are tokens: how often a vendor is asked, as whom, and what is sent where.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signoff_sandbox::Population;

use crate::support::{Ended, PASSWORD, Site, http, serve};

const JSON: &str = "Content-Type: application/json\r\n";

/// What a vendor was sent, as it came.
type Heard = Arc<Mutex<Vec<String>>>;

/// A vendor that remembers what it was sent.
fn vendor(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (String, Heard) {
    let heard = Heard::default();
    let hearing = Arc::clone(&heard);
    let origin = serve(move |request| {
        hearing.lock().unwrap().push(request.to_owned());
        answer(request)
    });
    (origin, heard)
}

/// How many requests were for this.
fn count(heard: &Heard, start: &str) -> usize {
    let heard = heard.lock().unwrap();
    heard.iter().filter(|request| request.starts_with(start)).count()
}

fn ok(body: &serde_json::Value) -> String {
    http("200 OK", JSON, &body.to_string())
}

/// What ZAP says of a logout, to whoever shows this token.
fn logged_out(request: &str, token: &str) -> String {
    if request.contains(&format!("authorization: Bearer {token}\r\n")) {
        ok(&json!({ "success": true, "data": "Logout Successfull" }))
    } else {
        http(
            "401 Unauthorized",
            JSON,
            r#"{"success":false,"message":"jwt expired"}"#,
        )
    }
}

fn log_out(site: &Site, connection: &str, users: &[&str]) -> Ended {
    let options = ["logout", connection, "--yes", "--format", "json", "-o", "via=web"];
    site.signoff(&[&options[..], users].concat())
}

#[test]
fn a_client_of_an_authorisation_server_fetches_one_token() {
    for (way, body, header) in [
        (
            "basic",
            "grant_type=client_credentials&scope=users+logout",
            Some("Basic bXktY2xpZW50OnMlMjZjcmV0"),
        ),
        (
            "form",
            "grant_type=client_credentials&scope=users+logout&client_id=my-client&client_secret=s%26cret",
            None,
        ),
    ] {
        let (server, asked) =
            vendor(|_| ok(&json!({ "access_token": "granted", "token_type": "Bearer", "expires_in": 3600 })));
        let (api, heard) = vendor(|request| logged_out(request, "granted"));
        let site = Site::new(Population::team(0)).password("s&cret");
        site.configure_with(
            "zap",
            &api,
            "",
            &format!(
                "client_id = \"my-client\"\nclient_secret = {{ env = \"SITE_PASSWORD\" }}\n\
                 oauth = {{ token_url = \"{server}/oauth/token\", scope = \"users logout\", client_authentication = \"{way}\" }}"
            ),
        );
        let ended = log_out(&site, "site", &["u1", "u2", "u3", "u4", "u5"]).exits(0);
        assert_eq!(ended.summary()["counts"], json!({ "done": 5 }));
        assert_eq!(heard.lock().unwrap().len(), 5);
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(
            asked[0].starts_with("POST /oauth/token HTTP/1.1\r\n"),
            "{}",
            asked[0]
        );
        assert!(asked[0].ends_with(&format!("\r\n\r\n{body}")), "{}", asked[0]);
        let shown = asked[0]
            .lines()
            .find_map(|line| line.strip_prefix("authorization: "));
        assert_eq!(shown, header);
    }
}

#[test]
fn a_client_that_is_refused_is_told_in_the_servers_words() {
    let (server, asked) = vendor(|_| {
        http(
            "401 Unauthorized",
            JSON,
            r#"{"error":"invalid_client","error_description":"no such client"}"#,
        )
    });
    let (api, heard) = vendor(|request| logged_out(request, "granted"));
    let site = Site::new(Population::team(0));
    site.configure_with(
        "zap",
        &api,
        "",
        &format!(
            "client_id = \"c\"\nclient_secret = {{ env = \"SITE_PASSWORD\" }}\noauth = {{ token_url = \"{server}/t\" }}"
        ),
    );
    let ended = log_out(&site, "site", &["u1", "u2"]).exits(4);
    for row in ended.outcomes() {
        assert_eq!(
            (&row["outcome"], &row["code"]),
            (&json!("cancelled"), &json!("credential_stopped"))
        );
        assert_eq!(
            row["message"],
            "the vendor refused the client of `me` (HTTP 401): no such client"
        );
    }
    assert_eq!((count(&asked, "POST"), heard.lock().unwrap().len()), (1, 0));

    let ended = site.signoff(&["doctor"]);
    assert!(
        ended
            .stdout
            .contains("the vendor refused the client of `me` (HTTP 401): no such client; it was shown once"),
        "{}",
        ended.stdout
    );
    assert_eq!(count(&asked, "POST"), 2);
}

#[test]
fn an_authorisation_server_that_gives_no_token_has_refused_nobody() {
    const MOVED: &str =
        "HTTP/1.1 302 Found\r\nLocation: https://login.example/t\r\nContent-Length: 0\r\n\r\n";
    let (api, heard) = vendor(|request| logged_out(request, "granted"));
    type Reply = (fn() -> String, usize, &'static str);
    let replies: [Reply; 2] = [
        (
            || http("500 Internal Server Error", JSON, "{}"),
            3,
            "answered with HTTP 500",
        ),
        (|| MOVED.to_owned(), 1, "check `token_url`"),
    ];
    for (reply, times, why) in replies {
        let (server, asked) = vendor(move |_| reply());
        let site = Site::new(Population::team(0));
        site.configure_with(
            "zap",
            &api,
            "",
            &format!(
                "client_id = \"c\"\nclient_secret = {{ env = \"SITE_PASSWORD\" }}\noauth = {{ token_url = \"{server}/t\" }}"
            ),
        );
        let ended = site.signoff(&["logout", "site", "u1", "u2"]).exits(4);
        assert!(
            ended.stdout.contains(why) && !ended.stdout.contains("api ="),
            "{}",
            ended.stdout
        );
        assert!(
            ended
                .stderr
                .contains("next: no token could be had, though nothing was refused"),
            "{}",
            ended.stderr
        );
        assert_eq!((count(&asked, "POST"), heard.lock().unwrap().len()), (times, 0));
        let doctor = site.signoff(&["doctor"]).exits(4).stdout;
        let advice = "help: no token could be had, though nothing was refused";
        assert!(doctor.contains(advice) && doctor.contains(why), "{doctor}");
        assert!(!doctor.contains("set `api"), "{doctor}");
        assert!(!doctor.contains("vendors lock accounts"), "{doctor}");
    }
}

#[test]
fn two_connections_with_one_credential_log_in_once_each() {
    let site = Site::new(Population::team(0));
    let vendors: Vec<(String, Heard)> = (0..2)
        .map(|number| {
            vendor(move |request| {
                let token = format!("token-{number}");
                if request.starts_with("POST /v1/login") {
                    ok(&json!({ "success": true, "data": { "token": token } }))
                } else {
                    logged_out(request, &token)
                }
            })
        })
        .collect();
    site.configure_as_written(&format!(
        "[connections.here]\nprovider = \"zap\"\napi = \"{}\"\ncredential = \"me\"\n\
         [connections.there]\nprovider = \"zap\"\napi = \"{}\"\ncredential = \"me\"\n\
         [credentials.me]\nusername = \"a@b.example\"\npassword = {{ env = \"SITE_PASSWORD\" }}\n",
        vendors[0].0, vendors[1].0
    ));
    let script = site.write(
        "both.luau",
        r#"
        local signoff = require("@signoff")
        return signoff.workflow({
            summary = "Both",
            args = {},
            run = function()
                local here, there = signoff.connect("here"), signoff.connect("there")
                return signoff.each({ "u1", "u2", "u3", "u4", "u5", "u6" }, function(user)
                    here:logout(user, { via = "web" })
                    return there:logout(user, { via = "web" })
                end)
            end,
        })
        "#,
    );
    let ended = site
        .signoff(&["run", &script, "--yes", "--format", "json"])
        .exits(0);
    assert_eq!(ended.summary()["counts"], json!({ "done": 12 }));
    for (_, heard) in &vendors {
        assert_eq!(
            (
                count(heard, "POST /v1/login"),
                count(heard, "GET /v1/users/logout/")
            ),
            (1, 6)
        );
    }
}

#[test]
fn what_redirects_is_not_followed_with_a_password_or_a_token() {
    let (elsewhere, strayed) = vendor(|_| ok(&json!({ "data": { "token": "t" } })));
    for login_redirects in [true, false] {
        let target = elsewhere.clone();
        let (api, heard) = vendor(move |request| {
            if request.starts_with("POST /v1/login") && !login_redirects {
                return ok(&json!({ "success": true, "data": { "token": "granted" } }));
            }
            http(
                "307 Temporary Redirect",
                &format!("Location: {target}/v1/login\r\n"),
                "",
            )
        });
        let site = Site::new(Population::team(0));
        let credential = "username = \"a@b.example\"\npassword = { env = \"SITE_PASSWORD\" }";
        site.configure_with("zap", &api, "", credential);
        let ended = log_out(&site, "site", &["u1", "u2", "u3"]);
        assert_ne!(ended.code, Some(0));
        assert_eq!(count(&heard, "POST /v1/login"), 1);
        assert_eq!(count(&heard, "GET") == 0, login_redirects);
    }
    assert_eq!(*strayed.lock().unwrap(), [""; 0]);
}

#[test]
fn a_login_that_wants_a_code_is_given_it() {
    let (api, heard) = vendor(|request| {
        if request.starts_with("POST /v1/login") {
            ok(&json!({ "success": true, "data": { "token": "granted" } }))
        } else {
            logged_out(request, "granted")
        }
    });
    let site = Site::new(Population::team(0));
    let credential = "username = \"a@b.example\"\npassword = { env = \"SITE_PASSWORD\" }\nlogin = \"two_factor\"\n\
        login_fields = { code = { command = [\"echo\", \"636363\"] } }";
    site.configure_with("zap", &api, "", credential);
    log_out(&site, "site", &["u1"]).exits(0);
    let heard = heard.lock().unwrap();
    let body = format!(r#"{{"email":"a@b.example","password":"{PASSWORD}","twoFaToken":"636363"}}"#);
    assert!(heard[0].ends_with(&body), "{}", heard[0]);
}

#[test]
fn a_token_of_single_sign_on_acts_as_its_user() {
    let token = STANDARD.encode(format!("supervisor:{PASSWORD}"));
    let site = Site::new(Population::team(3)).password(&token);
    site.configure_with(
        "finesse",
        &site.sandbox.origin(),
        "",
        "username = \"supervisor\"\ntoken = { env = \"SITE_PASSWORD\" }",
    );
    let ended = site.log_team_out(&["--yes"]).exits(0);
    let ledger = site.sandbox.ledger();
    for row in ended.outcomes() {
        let user = row["user"].as_str().unwrap();
        // He who acts is left out, though the vendor was shown no name of his.
        let expected = if user == "supervisor" { "skipped" } else { "done" };
        assert_eq!(row["outcome"], expected, "{row}");
    }
    assert!(ended.outcomes().len() >= 3, "{}", ended.stdout);
    assert!(ledger.count("PUT", "/finesse/api/User/") >= 3);
    let wrong = Site::new(Population::team(1)).password(&STANDARD.encode("supervisor:wrong"));
    wrong.configure_with(
        "finesse",
        &wrong.sandbox.origin(),
        "",
        "username = \"supervisor\"\ntoken = { env = \"SITE_PASSWORD\" }",
    );
    wrong.log_team_out(&["--yes"]).exits(4);
}
