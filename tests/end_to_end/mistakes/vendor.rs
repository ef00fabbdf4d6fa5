//! A vendor that is not there, or not as it was thought to be.

use std::fs;
use std::net::TcpListener;

use expect_test::expect;

use super::*;

#[test]
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let site = site().pointed_at(&format!("http://127.0.0.1:{port}"));
    let said = |arguments: &[&str]| {
        let printed = site.run(arguments).exits(4).printed();
        printed.replace(&port.to_string(), "PORT")
    };
    expect![[r#"
        error: the roster of `site` could not be read: failed: unreachable: `http://127.0.0.1:PORT` cannot be reached: connection refused; check the port, and that the service runs
    "#]].assert_eq(&said(&["roster", "site"]));
    expect![[r#"
        plan RUN: REPOSITORY/scripts/supervisor_logs_out_team.luau
        error: the roster of `site` could not be read: failed: unreachable: `http://127.0.0.1:PORT` cannot be reached: connection refused; check the port, and that the service runs
        next: nobody was tried; run it again when the vendor can be reached
    "#]].assert_eq(&said(&["run", &team()]));
    expect![[r#"
        ✗ failed    10001                                 unreachable: `http://127.0.0.1:PORT` cannot be reached: connection refused; check the port, and that the service runs

        1 user: 1 failed
        failed in N s, run RUN
        ---
        run RUN: logout
        next: nobody was tried; run it again when the vendor can be reached
    "#]].assert_eq(&said(&["logout", "site", "10001"]));
    expect![[r#"
        error: the status of `10001` could not be read: failed: unreachable: `http://127.0.0.1:PORT` cannot be reached: connection refused; check the port, and that the service runs
    "#]].assert_eq(&said(&["status", "site", "10001"]));
}

#[test]
fn no_such_host() {
    let site = site().pointed_at("https://finesse.invalid:8445");
    check(
        &site,
        site.run(&["roster", "site"]),
        4,
        &expect![[r#"
        error: the roster of `site` could not be read: failed: unreachable: `https://finesse.invalid:8445` cannot be reached: the host name was not found; check the name's spelling, and that this machine's DNS server can be reached and knows it
    "#]],
    );
}

#[test]
fn a_certificate_of_its_own() {
    let (origin, certificate) = serve_tls();
    let site = site().pointed_at(&origin);
    let said = site
        .run(&["roster", "site"])
        .exits(4)
        .printed()
        .replace(&origin, "ORIGIN");
    expect![[r#"
        error: the roster of `site` could not be read: failed: unreachable: `ORIGIN` cannot be reached: its certificate is not trusted, for its issuer is not known here; save the issuer's certificate as PEM, and set `ca_file = "…"`
    "#]].assert_eq(&said);
    let file = site.write("ca.pem", &certificate);
    let text = fs::read_to_string(site.path("signoff.toml")).unwrap();
    site.write(
        "signoff.toml",
        &text.replace("rate =", &format!("ca_file = \"{file}\"\nrate =")),
    );
    let said = site
        .run(&["roster", "site"])
        .exits(4)
        .printed()
        .replace(&origin, "ORIGIN");
    assert!(
        !said.contains("certificate"),
        "with `ca_file` it is trusted: {said}"
    );
}

#[test]
fn a_redirect() {
    let site = site();
    site.fault("redirect");
    check(
        &site,
        site.run(&["roster", "site"]),
        4,
        &expect![[r#"
        error: the roster of `site` could not be read: failed: redirected: `ORIGIN` redirects to `https://127.0.0.1:8445` (301), and redirects are not followed; set `api = ["https://127.0.0.1:8445"]`
    "#]],
    );
}

#[test]
fn an_unknown_user_or_team() {
    let site = site();
    check(
        &site,
        site.run(&["logout", "site", "99999"]),
        1,
        &expect![[r#"
        ✗ refused   99999                                 not_in_team: `99999` is in no team of `supervisor`; read: 1 (Team 1)

        1 user: 1 refused
        completed in N s, run RUN
        ---
        run RUN: logout
        next: deal with the reason given for each before you run it again
    "#]],
    );
    check(
        &site,
        site.run(&["logout", "site", "--team", "99"]),
        4,
        &expect![[r#"
            plan RUN: logout
            error: the roster of `site` could not be read: not_found: Not Found: The resource does not exist; `99` is no team: one is named by its id, or by its name if `supervisor` supervises it
            next: nobody was tried, since it is not known who is there
        "#]],
    );
}

#[test]
fn a_wrong_password() {
    for arguments in [&["run", &team()][..], &["logout", "site", "10001", "10002"]] {
        let site = site().password("not the password");
        let ended = site.run(arguments).exits(4);
        let refused = site
            .sandbox
            .ledger()
            .count_where(|request| request.actor.is_some());
        assert_eq!(
            refused,
            1,
            "an account is locked after a few: {}",
            ended.printed()
        );
    }
    let site = site().password("not the password");
    check(
        &site,
        site.run(&["run", &team()]),
        4,
        &expect![[r#"
            plan RUN: REPOSITORY/scripts/supervisor_logs_out_team.luau
            error: the roster of `site` could not be read: denied: Authorization Failure: UNAUTHORIZED
            next: correct the credential first: the vendor locks an account after a few refusals
        "#]],
    );
    let site = self::site().password("not the password");
    check(
        &site,
        site.run(&["roster", "site"]),
        4,
        &expect![[r#"
            error: the roster of `site` could not be read: denied: Authorization Failure: UNAUTHORIZED
            next: correct the credential first: the vendor locks an account after a few refusals
        "#]],
    );
}
