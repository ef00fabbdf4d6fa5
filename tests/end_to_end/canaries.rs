//! Marked secrets everywhere at once, a vendor that gives back all that it is sent, and a search through everything that
//! is left: while a run goes well, fails, is planned, and is killed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use serde_json::json;
use signoff_sandbox::Population;

use crate::secrets::{
    BADGE, CANARIES, CANARY, CLIENT_SECRET, CODE, DEVICES, KEYS, NEXT_TOKEN, PROXY, REFRESH_TOKEN, TOKEN,
    forms, found_in, kept_in, nothing_found, nothing_kept,
};
use crate::support::{Site, built, http, serve};

const JSON: &str = "Content-Type: application/json\r\n";

/// Devices as a file of people has them, and a column that only the command line calls secret.
fn people() -> String {
    format!(
        "id,name,device_token,badge\nu1,Ann,{},{BADGE}\nu2,Bob,{},{BADGE}\nu3,Cy,,{BADGE}\n",
        DEVICES[0], DEVICES[1]
    )
}

const FROM_FILE: [&str; 4] = ["--from", "secret-people.csv", "--secret-column", "badge"];

/// A ZAP that gives tokens, calls the first of them expired after two requests, and quotes every request in its answer.
fn echoing_zap() -> impl Fn(&str) -> String + Send + Sync + 'static {
    let served = AtomicU32::new(0);
    move |request| {
        if request.starts_with("POST /v1/login") {
            let data = json!({ "token": TOKEN, "refreshToken": REFRESH_TOKEN });
            return http(
                "200 OK",
                JSON,
                &json!({ "success": true, "data": data }).to_string(),
            );
        }
        if request.starts_with("POST /v1/refresh") {
            let body = json!({ "success": true, "data": { "token": NEXT_TOKEN } });
            return http("200 OK", JSON, &body.to_string());
        }
        let number = served.fetch_add(1, Ordering::Relaxed);
        let quoted = json!({ "success": number < 2, "message": request, "data": request }).to_string();
        let status = match number {
            0 | 1 => "200 OK",
            2 => "401 Unauthorized",
            _ if request.contains(NEXT_TOKEN) => "400 Bad Request",
            _ => "401 Unauthorized",
        };
        http(status, JSON, &quoted)
    }
}

/// A site whose credential logs in with a password and a code.
fn zap(origin: &str) -> Site {
    let site = Site::new(Population::team(0)).password("unused");
    secret(&site, "secret", CANARY);
    secret(&site, "secret-code", CODE);
    secret(&site, "secret-people.csv", &people());
    let program = "tr '\\0' ' ' < /proc/$$/cmdline > own; cat /proc/$$/environ > environ; cat secret";
    let credential = format!(
        "username = \"supervisor\"\npassword = {{ command = [\"sh\", \"-c\", '''{program}'''] }}\n\
         login = \"two_factor\"\nlogin_fields = {{ code = {{ file = \"secret-code\" }} }}"
    );
    site.configure_with("zap", origin, "concurrency = 1", &credential);
    site
}

fn secret(site: &Site, name: &str, text: &str) {
    site.write(name, text);
    fs::set_permissions(site.path(name), fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn the_search_finds_what_is_planted() {
    let site = Site::new(Population::team(0));
    for canary in CANARIES {
        for form in forms(canary) {
            assert!(
                !found_in(format!("before {form} after").as_bytes()).is_empty(),
                "{form}"
            );
            site.write("planted", &form);
            assert_eq!(kept_in(&site.path("")).len(), 1, "{form}");
        }
    }
    fs::remove_file(site.path("planted")).unwrap();
    assert_eq!(kept_in(&site.path("")), [""; 0]);
}

#[test]
fn nothing_of_a_login_or_of_devices_is_left_behind() {
    for more in [&["--plan"][..], &[], &["--format", "json"]] {
        let heard = Arc::new(Mutex::new(String::new()));
        let hearing = Arc::clone(&heard);
        let answer = echoing_zap();
        let origin = serve(move |request| {
            hearing.lock().unwrap().push_str(request);
            answer(request)
        });
        let site = zap(&origin);
        let options = ["-vv", "logout", "site", "--yes"];
        let ended = site.signoff(&[&options[..], &FROM_FILE, more].concat());
        nothing_found(&site, &ended);
        let heard = heard.lock().unwrap();
        if more == ["--plan"] {
            ended.exits(0);
            assert!(!heard.contains(DEVICES[0]));
        } else {
            // They were all at work: what is not found is not found for want of it.
            assert!(
                heard.contains(CODE) && heard.contains(TOKEN) && heard.contains(NEXT_TOKEN),
                "{heard}"
            );
            assert!(
                heard.contains(DEVICES[0]) && heard.contains("POST /v1/refresh"),
                "{heard}"
            );
            assert!(ended.stdout.contains("[redacted]"), "{}", ended.stdout);
        }
    }
}

#[test]
fn nothing_is_left_by_a_run_that_is_killed() {
    let (sender, asked) = mpsc::channel();
    let sender = Mutex::new(sender);
    let answer = echoing_zap();
    let origin = serve(move |request| {
        if request.starts_with("PUT") {
            let _ = sender.lock().unwrap().send(());
            std::thread::sleep(Duration::from_millis(500));
        }
        answer(request)
    });
    let site = zap(&origin);
    let config = site.path("signoff.toml");
    let options = [
        "--config",
        config.to_str().unwrap(),
        "-vv",
        "logout",
        "site",
        "--yes",
    ];
    let running = site.begin(&[&options[..], &FROM_FILE].concat());
    let asked = asked.recv_timeout(Duration::from_secs(60));
    let ended = running.kill();
    asked.unwrap();
    nothing_found(&site, &ended);
}

#[test]
fn nothing_is_left_by_a_provider_that_panics_with_secrets_in_hand() {
    let heard = Arc::new(Mutex::new(String::new()));
    let hearing = Arc::clone(&heard);
    let origin = serve(move |request| {
        hearing.lock().unwrap().push_str(request);
        http("200 OK", "", request)
    });
    let site = Site::new(Population::team(0)).password(CANARY);
    let folder = site.path("plugins/misfit");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(&*PANICKING, folder.join("libmisfit.so")).unwrap();
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let manifest = format!(
        "id = \"misfit\"\nversion = \"1.0.0\"\nabi = 1\n[library]\n{platform} = {{ file = \"libmisfit.so\" }}\n"
    );
    fs::write(folder.join("provider.toml"), manifest).unwrap();
    for (name, mode) in [("", 0o755), ("misfit", 0o755), ("misfit/provider.toml", 0o644)] {
        let path = site.path("plugins").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let credential = "username = \"supervisor\"\npassword = { env = \"SITE_PASSWORD\" }";
    site.configure_with("misfit", &origin, "options = { at = \"the answer\" }", credential);
    let path = ["--plugin-path", "plugins"];
    site.signoff(&[&path[..], &["plugin", "trust", "misfit"]].concat())
        .exits(0);
    for format in ["human", "json"] {
        let options = ["-vv", "logout", "site", "ann", "--yes", "--format", format];
        let ended = site.signoff(&[&path[..], &options].concat());
        assert_ne!(ended.code, Some(0));
        // It was there to be told.
        assert!(
            ended.printed().contains("authorization: Basic [redacted]"),
            "{}",
            ended.printed()
        );
        nothing_found(&site, &ended);
    }
    assert!(heard.lock().unwrap().contains("authorization: Basic "));
}

#[test]
fn nothing_of_a_client_of_an_authorisation_server_is_left_behind() {
    for way in ["basic", "form"] {
        let server = serve(move |request| {
            let quoted = json!({ "error": "invalid_client", "error_description": request }).to_string();
            if request.contains(CLIENT_SECRET) {
                http("200 OK", JSON, &quoted)
            } else {
                http("400 Bad Request", JSON, &quoted)
            }
        });
        let site = Site::new(Population::team(0)).password("unused");
        secret(&site, "secret", CLIENT_SECRET);
        let credential = format!(
            "client_id = \"supervisor\"\nclient_secret = {{ file = \"secret\" }}\n\
             oauth = {{ token_url = \"{server}/t\", client_authentication = \"{way}\" }}"
        );
        site.configure_with("zap", &server, "", &credential);
        let ended = site.signoff(&["-vv", "logout", "site", "u1", "--yes"]);
        assert_eq!(ended.code, Some(4), "{}", ended.stderr);
        nothing_found(&site, &ended);
        let ended = site.signoff(&["doctor"]);
        assert!(ended.stdout.contains("refused the client"), "{}", ended.stdout);
        nothing_found(&site, &ended);
    }
}

#[test]
fn nothing_of_personal_keys_is_left_behind() {
    let heard = Arc::new(Mutex::new(String::new()));
    let hearing = Arc::clone(&heard);
    let origin = serve(move |request| {
        hearing.lock().unwrap().push_str(request);
        let quoted = json!({ "code": 422, "type": "ERROR", "message": request, "data": request });
        http("422 Unprocessable Entity", JSON, &quoted.to_string())
    });
    let site = Site::new(Population::team(0)).password("unused");
    secret(
        &site,
        "secret-keys.csv",
        &format!("id,key\na,{}\nb,{}\n", KEYS[0], KEYS[1]),
    );
    site.configure_as_written(&format!(
        "[connections.site]\nprovider = \"uiza\"\napi = \"{origin}\"\n"
    ));
    for format in ["human", "json"] {
        let options = [
            "-vv",
            "logout",
            "site",
            "--from",
            "secret-keys.csv",
            "--yes",
            "--format",
            format,
        ];
        let ended = site.signoff(&options);
        assert_ne!(ended.code, Some(0));
        nothing_found(&site, &ended);
    }
    let heard = heard.lock().unwrap();
    assert!(KEYS.iter().all(|key| heard.contains(key)), "{heard}");
}

#[test]
fn nothing_of_a_proxys_password_is_left_behind() {
    let site = Site::new(Population::team(1)).password(CANARY);
    site.configure_with(
        "finesse",
        "https://finesse.example.com:8445",
        "",
        "username = \"supervisor\"\npassword = { env = \"SITE_PASSWORD\" }",
    );
    let config = site.path("signoff.toml");
    for arguments in [&["doctor"][..], &["-vv", "roster", "site"]] {
        let mut command = site.command(&[&["--config", config.to_str().unwrap()], arguments].concat(), "");
        // Nobody listens there.
        command.env("HTTPS_PROXY", format!("http://me:{PROXY}@127.0.0.1:9"));
        let status = command.stdin(Stdio::null()).status().unwrap();
        assert!(!status.success());
        // What it printed is in files, which are searched with the others.
        nothing_kept(&site);
        let printed = ["stdout", "stderr"].map(|name| fs::read_to_string(site.path(name)).unwrap());
        assert!(printed.concat().contains("127.0.0.1:9"), "{printed:?}");
    }
}

/// The provider that panics, as a library.
static PANICKING: LazyLock<PathBuf> = LazyLock::new(|| {
    built(
        &["--package", "signoff-core", "--example", "panicking"],
        "panicking",
    )
});
