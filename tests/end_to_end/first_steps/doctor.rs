//! What `signoff doctor` finds: each fault in its own words, with what to do, and at the price of one request that shows
//! a credential.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use expect_test::{Expect, expect};
use rcgen::{CertificateParams, KeyPair};
use signoff_sandbox::{End, Population, Settings};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{check, numbers, small};
use crate::support::{PASSWORD, Site, http, serve};

const CREDENTIAL: &str = "username = \"supervisor\"\npassword = { env = \"SITE_PASSWORD\" }";

const XML: &str = "Content-Type: application/xml\r\n";

const IN_SERVICE: &str = "IN_SERVICE";

/// What doctor finds at fault with a vendor that answers like this.
#[track_caller]
fn faults_of(answer: fn(&str) -> String, code: i32, expected: &Expect) {
    let site = small();
    let url = serve(answer);
    site.configure_with("finesse", &url, "", CREDENTIAL);
    let ended = site.signoff(&["doctor"]).exits(code);
    assert!(!ended.stdout.contains(PASSWORD), "{}", ended.stdout);
    let lines = ended.stdout.lines();
    let faults: Vec<&str> = lines
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with('✓'))
        .collect();
    let faults = faults.join("\n") + "\n";
    expected.assert_eq(&numbers(&faults.replace(&url, "URL")));
}

/// In this state, and content with everybody.
fn well(request: &str, status: &str, headers: &str) -> String {
    let body = if request.contains("/SystemInfo") {
        format!("<SystemInfo><status>{status}</status></SystemInfo>")
    } else {
        "<User><loginId>supervisor</loginId><state>LOGOUT</state></User>".to_owned()
    };
    http("200 OK", &format!("{XML}{headers}"), &body)
}

#[test]
fn doctor_finds_each_thing_that_is_wrong() {
    let site = small();
    let doctor = |more: &[&str]| site.signoff(&[&["doctor"], more].concat());
    // Two connections with a credential that is refused cost one refusal.
    let credential = "username = \"supervisor\"\npassword = { command = [\"printf\", \"wrong-password\"] }\n\
                      [connections.other]\nprovider = \"finesse\"\napi = [\"ORIGIN\"]\ncredential = \"me\"\n\
                      [connections.foreign]\nprovider = \"plugin:hotdesk\"\napi = [\"ORIGIN\"]"
        .replace("ORIGIN", &site.sandbox.origin());
    site.configure_with("finesse", &site.sandbox.origin(), "", &credential);
    check(
        doctor(&[]),
        4,
        &expect![[r#"
            configuration
              ✓ ok      file           FOLDER/signoff.toml (--config)
              ✓ ok      confirm_above  25 (default)
              ✓ ok      exempt         nobody (default)
              ✓ ok      script_memory  64 MiB (default)
              ✓ ok      script_cpu     10s (default)
              ✓ ok      run_time       none (default)
            credential `me`
              ✓ ok      username       supervisor (FOLDER/signoff.toml:10)
              ✓ ok      password       command `printf` (FOLDER/signoff.toml:11)
              ✓ ok      secret         found
            connection `site`
              ✓ ok      provider       finesse 0.1.0 (FOLDER/signoff.toml:2)
              ✓ ok      api            ORIGIN (FOLDER/signoff.toml:3)
              ✓ ok      credential     me (FOLDER/signoff.toml:4)
              ✓ ok      rate           500/s (FOLDER/signoff.toml:5)
              ✓ ok      concurrency    8 (default of Cisco Finesse)
              ✓ ok      timeout        1s (FOLDER/signoff.toml:6)
              ✓ ok      settle         300ms (FOLDER/signoff.toml:7)
              ✓ ok      deployment     auto (default of Cisco Finesse)
              ✓ ok      node           ORIGIN answers, in N ms
              ✓ ok      health         IN_SERVICE
              ✓ ok      certificate    none: nothing leaves this machine
              ✓ ok      clock          agrees with this machine's
              ✗ problem credential use `me` is refused, status 401; it was shown once
                                       = help: correct user name or secret before you try again: vendors lock accounts after a few refusals
              - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                       = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is
            connection `other`
              ✓ ok      provider       finesse 0.1.0 (FOLDER/signoff.toml:13)
              ✓ ok      api            ORIGIN (FOLDER/signoff.toml:14)
              ✓ ok      credential     me (FOLDER/signoff.toml:15)
              ✓ ok      rate           20/s (default of Cisco Finesse)
              ✓ ok      concurrency    8 (default of Cisco Finesse)
              ✓ ok      timeout        10s (default of Cisco Finesse)
              ✓ ok      settle         10s (default of Cisco Finesse)
              ✓ ok      deployment     auto (default of Cisco Finesse)
              ✓ ok      node           ORIGIN answers, in N ms
              ✓ ok      health         IN_SERVICE
              ✓ ok      certificate    none: nothing leaves this machine
              ✓ ok      clock          agrees with this machine's
              - notice  credential use `me` is not tried: see above
              - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                       = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is
            connection `foreign`
              - notice  provider       there is no provider `plugin:hotdesk`, built in or as a plugin
                                       = help: put the plugin into a folder, and name that with --plugin-path
            state
              ✓ ok      folder         FOLDER/state (--state)
              ✓ ok      journal        can be written, by you alone; on disk within N ms
              ✓ ok      space          N MiB free

            1 problem, 4 notices
        "#]],
    );
    let refused = site
        .sandbox
        .ledger()
        .count_where(|request| request.end == End::Answered(401));
    assert_eq!(refused, 1);

    // A secret that is not there, and a node that does not answer.
    let credential = "username = \"supervisor\"\npassword = { env = \"NOT_SET\" }";
    site.configure_with("finesse", "http://127.0.0.1:1", "rate = \"none\"", credential);
    let ended = doctor(&["--format", "json"]).exits(3);
    let of = |check: &str| {
        let mut lines = ended.lines().into_iter();
        let line = lines.find(|line| line["check"] == check).unwrap();
        [&line["level"], &line["text"], &line["hint"]]
            .map(|text| text.as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(
        of("secret"),
        [
            "problem",
            "no secret for credential `me` from environment variable `NOT_SET`: it is not set",
            "set the variable before signoff is started"
        ]
    );
    assert_eq!(
        of("node"),
        [
            "problem",
            "`http://127.0.0.1:1` cannot be reached: connection refused",
            "check the port, and that the service runs"
        ]
    );
    let summary = ended.lines().pop().unwrap();
    assert_eq!(
        (&summary["event"], &summary["problems"]),
        (&"summary".into(), &2.into())
    );
}

#[test]
fn doctor_shows_no_secret_and_changes_nothing() {
    let site = small();
    for format in ["human", "json"] {
        let ended = site.signoff(&["doctor", "--format", format]).exits(0);
        assert!(!ended.stdout.contains(PASSWORD) && !ended.stderr.contains(PASSWORD));
    }
    let ledger = site.sandbox.ledger();
    assert!(ledger.effects().is_empty());
    let writes = ledger.count_where(|request| request.method != "GET");
    assert_eq!(writes, 0);
}

#[test]
fn doctor_names_the_node_that_is_not_well() {
    let site = Site::with(Settings::with(Population::team(1)).nodes(2));
    let [first, second] = site.sandbox.origins().try_into().unwrap();
    site.configure_with(
        "finesse",
        &format!("{first}\", \"{second}"),
        "",
        "username = \"supervisor\"\npassword = { env = \"SITE_PASSWORD\" }",
    );
    site.sandbox.stop_node(0);
    let ended = site.signoff(&["doctor"]).exits(0);
    let notice = format!("- notice  node           `{first}` cannot be reached");
    let well = format!("✓ ok      node           {second} answers");
    for line in [&notice, &well] {
        assert!(ended.stdout.contains(line.as_str()), "{}", ended.stdout);
    }
    assert!(ended.stdout.contains("`me` is accepted"), "{}", ended.stdout);
}

#[test]
fn doctor_tells_what_is_wrong_with_a_vendor() {
    faults_of(
        |_| http("200 OK", "", "<html>sign in</html>"),
        4,
        &expect![[r#"
            ✗ problem health         unreadable_answer: the SystemInfo object: expected `<SystemInfo>`, found `<html>`
                                     = help: check that the address is that of the API
            - notice  clock          it tells no time (no `Date` header)
                                     = help: nothing to do; after a crash, what is in doubt may take longer to settle
            - notice  credential use `me` is not tried: no node is well
            - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                     = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is
        "#]],
    );
    faults_of(
        |_| http("503 Service Unavailable", "", ""),
        4,
        &expect![[r#"
            ✗ problem health         URL answers with status 503
                                     = help: wait until it is in service, or look why it is not
            - notice  clock          it tells no time (no `Date` header)
                                     = help: nothing to do; after a crash, what is in doubt may take longer to settle
            - notice  credential use `me` is not tried: no node is well
            - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                     = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is
        "#]],
    );
    faults_of(
        |_| http("302 Found", "Location: https://elsewhere.example.com/x?y\r\n", ""),
        4,
        &expect![[r#"
            ✗ problem node           `URL` redirects to `https://elsewhere.example.com` (302), and redirects are not followed
                                     = help: set `api = ["https://elsewhere.example.com"]`
            - notice  credential use `me` is not tried: no node is well
            - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                     = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is
        "#]],
    );
    faults_of(
        |request| {
            well(
                request,
                "OUT_OF_SERVICE",
                "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n",
            )
        },
        4,
        &expect![[r#"
            ✗ problem health         OUT_OF_SERVICE
                                     = help: wait until it is in service, or look why it is not
            - notice  clock          N s behind this machine's
                                     = help: have both machines keep time (NTP); signoff reckons with the difference
            - notice  credential use `me` is not tried: no node is well
            - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                     = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is
        "#]],
    );
    faults_of(
        |request| well(request, IN_SERVICE, ""),
        0,
        &expect![[r#"
            - notice  clock          it tells no time (no `Date` header)
                                     = help: nothing to do; after a crash, what is in doubt may take longer to settle
            - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                     = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is
        "#]],
    );
    // A user who is none there, and whose answer quotes what was sent.
    faults_of(
        |request| match request
            .lines()
            .find_map(|line| line.strip_prefix("authorization: "))
        {
            None => well(request, IN_SERVICE, ""),
            Some(sent) => http(
                "404 Not Found",
                XML,
                &format!(
                    "<ApiErrors><ApiError><ErrorType>Not Found</ErrorType><ErrorMessage>{sent}</ErrorMessage></ApiError></ApiErrors>"
                ),
            ),
        },
        4,
        &expect![[r#"
            - notice  clock          it tells no time (no `Date` header)
                                     = help: nothing to do; after a crash, what is in doubt may take longer to settle
            ✗ problem credential use asking for `status` as `me` failed: Not Found: Basic [redacted]
                                     = help: check its user name and its rights at the vendor
            - notice  notifications  not listened to while the one who acts is signed in: logouts are confirmed by reading states
                                     = help: add `feed = { credential = "NAME" }` with a user who is never signed in: the end of a session logs out whoever is
        "#]],
    );
}

#[test]
fn doctor_takes_a_plugin_that_nobody_trusts_for_a_notice() {
    let site = small();
    let folder = site.path("plugins/foreign");
    fs::create_dir_all(&folder).unwrap();
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let manifest = format!(
        "id = \"foreign\"\nversion = \"1.0.0\"\nabi = 1\n[library]\n{system}-{machine} = {{ file = \"foreign.so\" }}\n"
    );
    fs::write(folder.join("provider.toml"), manifest).unwrap();
    fs::write(folder.join("foreign.so"), "a library").unwrap();
    for path in [
        folder.clone(),
        folder.join("provider.toml"),
        folder.join("foreign.so"),
        site.path("plugins"),
    ] {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let other =
        format!("{CREDENTIAL}\n[connections.foreign]\nprovider = \"foreign\"\napi = [\"https://localhost\"]");
    site.configure_with("finesse", &site.sandbox.origin(), "", &other);
    let doctor = ["doctor", "--plugin-path", "plugins", "--format", "json"];
    let ended = site.signoff(&doctor).exits(0);
    let lines = ended.lines();
    let of_plugin: Vec<_> = lines
        .iter()
        .filter(|line| line["subject"] == "connection `foreign`")
        .collect();
    assert_eq!(of_plugin.len(), 1);
    assert_eq!(of_plugin[0]["level"], "notice");
    assert_eq!(
        of_plugin[0]["hint"],
        "if you know where it comes from: signoff plugin trust foreign"
    );
    // With nothing else to use, it is a problem after all.
    site.configure_with("foreign", "https://localhost", "", CREDENTIAL);
    site.signoff(&doctor).exits(3);
}

#[test]
fn doctor_asks_nobody_who_is_not_there() {
    let site = small();
    let prompt = "username = \"supervisor\"\npassword = { prompt = true }";
    site.configure_with("finesse", &site.sandbox.origin(), "", prompt);
    let ended = site.signoff(&["doctor"]).exits(0);
    for line in [
        "- notice  secret         not asked for: there is no terminal",
        "`me` is not tried",
    ] {
        assert!(ended.stdout.contains(line), "{}", ended.stdout);
    }
}

#[test]
fn doctor_keeps_to_a_folder_where_runs_can_be_kept() {
    let site = small();
    fs::write(site.path("state"), "").unwrap();
    let ended = site.signoff(&["doctor"]).exits(3);
    assert!(
        ended
            .stdout
            .contains("✗ problem journal        the journal cannot be written"),
        "{}",
        ended.stdout
    );
}

#[test]
fn doctor_does_not_take_a_port_without_tls_for_one_with() {
    let site = small();
    let url = site.sandbox.origin().replace("http:", "https:");
    site.configure_with("finesse", &url, "", CREDENTIAL);
    let ended = site.signoff(&["doctor"]).exits(4);
    let lines = ended.stdout.lines();
    let faults: Vec<&str> = lines
        .filter_map(|line| line.strip_prefix("  "))
        .skip_while(|line| !line.starts_with('✗'))
        .take(2)
        .collect();
    expect![[r#"
          ✗ problem node           `URL` cannot be reached: it does not speak TLS at this port
                                   = help: check the port, and whether the address begins with `http://`"#]]
    .assert_eq(&faults.join("\n").replace(&url, "URL"));
}

/// The same vendor over TLS, with a certificate for `localhost` that nobody issued but itself. Gives its origin and the
/// certificate; the thread ends with the test.
fn well_over_tls(lasts: Duration) -> (String, String) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + UNIX_EPOCH.elapsed().unwrap() + lasts;
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], der)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let mut stream = StreamOwned::new(connection, stream.unwrap());
                let mut head = Vec::new();
                let mut byte = [0];
                // A client that does not like the certificate leaves.
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.extend(byte);
                }
                let answer = well(&String::from_utf8_lossy(&head), IN_SERVICE, "");
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    (format!("https://localhost:{port}"), certificate.pem())
}

#[test]
fn doctor_looks_at_the_certificate() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let site = small();
    let (url, _) = well_over_tls(40 * DAY);
    site.configure_with("finesse", &url, "", CREDENTIAL);
    let ended = site.signoff(&["doctor"]).exits(4);
    for words in ["its certificate is not trusted", "set `ca_file = "] {
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
    for (lasts, words) in [
        (
            40 * DAY,
            "✓ ok      certificate    valid for this name, by the system's authorities or `ca_file`",
        ),
        (
            20 * DAY,
            "- notice  certificate    valid, but not for another 30 days",
        ),
    ] {
        let (url, certificate) = well_over_tls(lasts);
        site.write("ca.pem", &certificate);
        site.configure_with("finesse", &url, "ca_file = \"ca.pem\"", CREDENTIAL);
        let ended = site.signoff(&["doctor"]).exits(0);
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
}
